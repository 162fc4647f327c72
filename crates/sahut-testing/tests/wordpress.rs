//! WordPress starts, is commented on, answers its API, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use sahut_testing::{WordPress, or_skip};

fn get(site: &WordPress, path: &str, authorization: &str) -> String {
    let mut stream = TcpStream::connect(site.url().trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n{authorization}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn authorization(site: &WordPress) -> String {
    let pair = format!("{}:{}", site.account(), site.password());
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$0\" | base64 --wrap=0", &pair]);
    format!("Authorization: Basic {}\r\n", String::from_utf8(shell.output().unwrap().stdout).unwrap())
}

#[test]
fn wordpress_is_a_site_that_citizens_comment_on() {
    let Some(site) = or_skip(WordPress::start()) else { return };
    assert_eq!((site.account(), site.password().len()), ("kominfo", 24));
    let post = site.publish_post("Jadwal imunisasi").unwrap();
    let seen = site.comment(post, "Warga", "Di mana?\nJam \"berapa\"?").unwrap();
    let held = site.held_comment(post, "Warga lain", "Lampu padam").unwrap();
    let comments = site.comments().unwrap();
    assert_eq!(comments.len(), 2);
    assert_eq!((comments[0].id, comments[0].text.as_str()), (seen, "Di mana?\nJam \"berapa\"?"));
    assert_eq!((comments[1].id, comments[1].status.as_str()), (held, "unapproved"));

    let public = get(&site, "/wp-json/wp/v2/comments?_fields=id", "");
    assert!(public.contains(&format!("[{{\"id\":{seen}}}]")), "{public}");
    let refused = get(&site, "/?rest_route=/wp/v2/users/me", "");
    assert!(refused.starts_with("HTTP/1.0 401"), "{refused}");

    let me = get(&site, "/?rest_route=/wp/v2/users/me&context=edit", &authorization(&site));
    assert!(me.starts_with("HTTP/1.0 200"), "{me}");

    site.approve(held).unwrap();
    site.edit(seen, "Di mana ya?").unwrap();
    let child = site.answer(&comments[0], "Warga lain", "Di puskesmas").unwrap();
    site.trash(held).unwrap();
    let comments = site.comments().unwrap();
    assert_eq!(comments.iter().map(|comment| comment.id).collect::<Vec<_>>(), [seen, held, child]);
    assert_eq!((comments[0].text.as_str(), comments[2].parent), ("Di mana ya?", seen));
    assert_eq!(comments[1].status, "trash");

    let process = site.process();
    drop(site);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}
