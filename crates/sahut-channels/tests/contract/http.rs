//! The one outgoing client: what it refuses, what it caps, and what it never tells.

use std::io::Write as _;
use std::time::Duration;

use crate::peer::{Peer, json};
use axum::body::Body;
use axum::http::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use sahut_channels::{Answer, Http, HttpError, HttpPolicy, NotSent, Trouble};
use sahut_domain::channel::Ailment;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

fn open() -> Http {
    http(&["127.0.0.1"])
}

fn http(private_hosts: &[&str]) -> Http {
    Http::new(HttpPolicy { private_hosts: private_hosts.iter().map(ToString::to_string).collect() }).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[tokio::test]
async fn a_request_carries_what_was_put_into_it() {
    let peer = Peer::start(|_| json(201, r#"{"id":"9"}"#)).await;
    let token = SecretString::from("rahasia");
    let request = open().post(peer.url.join("/a%2Fb").unwrap()).query(&[("q", "satu & dua")]).bearer(&token);
    let answer = request.header("x-kind", "uji").form(&[("message", "ya = tidak")]).send().await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
    let id: serde_json::Value = answer.json().unwrap();
    assert_eq!(id["id"], "9");
    let call = peer.last();
    assert_eq!((&*call.method, &*call.path, &*call.query["q"]), ("POST", "/a%2Fb", "satu & dua"));
    assert_eq!((&*call.headers["authorization"], &*call.headers["x-kind"]), ("Bearer rahasia", "uji"));
    assert!(call.headers["user-agent"].starts_with("Sahut/"));
    assert_eq!(call.form("message").as_deref(), Some("ya = tidak"));
}

#[tokio::test]
async fn private_addresses_are_never_called_however_they_are_written() {
    let canary = Peer::start(|_| json(200, "{}")).await;
    let port = canary.url.port().unwrap();
    let closed = http(&[]);
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
    ];
    for host in hosts {
        for scheme in ["http", "https"] {
            let answer = closed.get(url(&format!("{scheme}://{host}:{port}/latest"))).send().await;
            assert!(matches!(answer, Err(HttpError::Refused { .. })), "{scheme}://{host}: {answer:?}");
        }
    }
    assert!(closed.get(url(&format!("https://localhost.:{port}/"))).send().await.is_err());
    for other in ["ftp://example.com/", "file:///etc/passwd", "data:text/plain,a", "http://example.com/"] {
        assert!(matches!(closed.get(url(other)).send().await, Err(HttpError::Refused { .. })), "{other}");
    }
    assert!(canary.calls().is_empty());
}

#[tokio::test]
async fn a_private_host_is_called_by_the_name_that_was_listed_and_no_other() {
    let peer = Peer::start(|_| json(200, "{}")).await;
    let port = peer.url.port().unwrap();
    let named = http(&["LOCALHOST"]);
    assert_eq!(named.get(url(&format!("http://localhost:{port}/"))).send().await.unwrap().status, 200);
    assert!(named.get(url(&format!("http://127.0.0.1:{port}/"))).send().await.is_err());
    assert_eq!(peer.calls().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let canary = Peer::start(|_| json(200, "{}")).await;
    let target = canary.url.to_string();
    let peer = Peer::start(move |_| {
        Response::builder().status(302).header("location", &target).body(Body::empty()).unwrap()
    })
    .await;
    assert_eq!(open().get(peer.url.clone()).send().await.unwrap().status, 302);
    assert!(canary.calls().is_empty());
}

#[tokio::test]
async fn a_gzip_bomb_and_an_endless_body_are_cut_off() {
    let bomb = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..16 {
            encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let peer = Peer::start(move |call| {
        let response = Response::builder();
        if call.path == "/bomb" {
            response.header("content-encoding", "gzip").body(Body::from(bomb.clone())).unwrap()
        } else {
            let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'a'; 65_536]));
            response.body(Body::from_stream(endless)).unwrap()
        }
    })
    .await;
    for path in ["/bomb", "/endless"] {
        let error = open().get(peer.url.join(path).unwrap()).send().await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { .. }), "{path}: {error:?}");
        assert_eq!(error.ailment(), Ailment::Platform);
    }
}

#[tokio::test]
async fn gzip_is_inflated() {
    let peer = Peer::start(|_| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(br#"{"a":1}"#).unwrap();
        let body = Body::from(encoder.finish().unwrap());
        Response::builder().header("content-encoding", "gzip").body(body).unwrap()
    })
    .await;
    assert_eq!(open().get(peer.url.clone()).send().await.unwrap().body, br#"{"a":1}"#);
}

/// A server that says `words` to whoever connects, and then says nothing more.
async fn mute(words: &'static str, hang_up: bool) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = url(&format!("http://{}", listener.local_addr().unwrap()));
    #[expect(clippy::disallowed_methods, reason = "a test's server, gone with the test")]
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(words.as_bytes()).await;
            if !hang_up {
                held.push(socket);
            }
        }
    });
    at
}

#[tokio::test]
async fn slow_headers_and_slow_bodies_run_out_of_time() {
    for words in ["", "HTTP/1.1 200 OK\r\nX-Slow:", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let at = mute(words, false).await;
        let error = open().get(at).timeout(Duration::from_millis(150)).send().await.unwrap_err();
        assert!(matches!(error, HttpError::TimedOut { .. }), "{words:?}: {error:?}");
        assert!(error.may_have_arrived());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_open() {
    for words in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"] {
        let error = open().post(mute(words, true).await).form(&[("a", "b")]).send().await.unwrap_err();
        assert!(matches!(error, HttpError::Broken { .. }), "{words:?}: {error:?}");
        assert!(error.may_have_arrived());
        assert!(matches!(NotSent::from(error), NotSent::Uncertain(_)));
    }
}

#[tokio::test]
async fn what_was_never_connected_has_not_arrived() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = open().post(url(&format!("http://{unused}/"))).send().await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error:?}");
    assert!(!error.may_have_arrived());
    let trouble = NotSent::from(error);
    assert!(matches!(trouble, NotSent::Trouble(Trouble::Again { ailment: Ailment::Network, .. })));
}

#[tokio::test]
async fn no_error_tells_a_path_a_query_a_token_or_a_body() {
    let secret = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let hosts = [
        unused,
        mute("", true).await.authority().to_owned(),
        mute("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", true).await.authority().to_owned(),
        mute("nonsense", true).await.authority().to_owned(),
        mute("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", true)
            .await
            .authority()
            .to_owned(),
        mute("", false).await.authority().to_owned(),
        "10.0.0.1".to_owned(),
        "sahut.invalid".to_owned(),
    ];
    for host in hosts {
        let at = url(&format!("http://{host}/bot{secret}/getUpdates?access_token={secret}"));
        let request = http(&["127.0.0.1", "sahut.invalid"]).get(at).bearer(&SecretString::from(secret));
        let error = request.timeout(Duration::from_millis(200)).send().await.unwrap_err();
        let trouble = Trouble::from(error.clone());
        for text in [error.to_string(), format!("{error:?}"), format!("{trouble:?}")] {
            assert!(!text.contains("AAHdq") && !text.contains("getUpdates"), "{text}");
        }
    }
    let wrong = SecretString::from("ab\ncd");
    let error = open().get(url("http://127.0.0.1/")).bearer(&wrong).send().await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { .. }) && !error.to_string().contains("cd"), "{error}");
}

#[test]
fn json_that_is_not_what_it_should_be_is_an_error_without_its_words() {
    let answer = |body: &[u8]| Answer {
        host: "example.go.id".to_owned(),
        status: 200,
        headers: reqwest::header::HeaderMap::new(),
        body: body.to_vec(),
    };
    let deep = "[".repeat(100_000);
    for body in [
        &b"<html>jalan rusak</html>"[..],
        br#"{"a":"jalan rusak"}"#,
        b"{\"a\":[1",
        b"\"\xff\"",
        deep.as_bytes(),
    ] {
        let error = answer(body).json::<std::collections::BTreeMap<String, Vec<u8>>>().unwrap_err();
        assert_eq!(error.ailment(), Ailment::Parser);
        assert!(!error.to_string().contains("jalan"), "{error}");
    }
}
