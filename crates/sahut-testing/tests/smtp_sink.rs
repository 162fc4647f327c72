//! The SMTP server keeps mails, has moods, goes and comes back, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use sahut_testing::{Mood, SmtpSettings, SmtpSink, SmtpTls, Stage, or_skip};

/// Says each line in turn; the replies' first lines, until the server breaks off or says nothing for two seconds.
fn talk(sink: &SmtpSink, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut replies = Vec::new();
    for line in std::iter::once(&"").chain(lines) {
        if !line.is_empty() && write!(stream.get_mut(), "{line}\r\n").is_err() {
            break;
        }
        let mut reply = String::new();
        while reply.is_empty() || reply.as_bytes().get(3) == Some(&b'-') {
            reply.clear();
            if stream.read_line(&mut reply).unwrap_or(0) == 0 {
                return replies;
            }
        }
        replies.push(reply.trim().to_owned());
    }
    replies
}

fn send(sink: &SmtpSink, to: &str) -> Vec<String> {
    let to = format!("RCPT TO:<{to}>");
    talk(sink, &["EHLO x", "MAIL FROM:<a@x.test>", &to, "DATA", "Subject: Uji\r\n\r\nisi\r\n.", "QUIT"])
}

fn codes(replies: &[String]) -> Vec<&str> {
    replies.iter().map(|reply| &reply[..3]).collect()
}

#[test]
fn an_accepted_mail_is_kept_as_it_came() {
    let Some(sink) = or_skip(SmtpSink::start()) else { return };
    assert_eq!(codes(&send(&sink, "b@x.test")), ["220", "250", "250", "250", "354", "250", "221"]);
    let kept = sink.kept().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].from.as_str(), kept[0].to.join(" ").as_str()), ("a@x.test", "b@x.test"));
    assert_eq!(kept[0].raw, b"Subject: Uji\r\n\r\nisi\r\n");
    assert!(kept[0].acknowledged && !kept[0].encrypted && kept[0].login.is_none());
}

#[test]
fn a_mood_strikes_whom_it_means_and_as_often_as_it_says() {
    let Some(sink) = or_skip(SmtpSink::start()) else { return };
    sink.moods(&[Mood::reply(Stage::Rcpt, "450 4.2.0 nanti").matching("b@").times(1)]).unwrap();
    assert_eq!(codes(&send(&sink, "c@x.test"))[3], "250");
    assert_eq!(codes(&send(&sink, "b@x.test"))[3], "450");
    assert_eq!(codes(&send(&sink, "b@x.test"))[3], "250");
    sink.moods(&[Mood::reply(Stage::Connect, "421 4.3.2 sibuk")]).unwrap();
    assert_eq!(codes(&send(&sink, "b@x.test")), ["421"]);
    sink.moods(&[Mood::hang(Stage::Mail)]).unwrap();
    assert_eq!(codes(&send(&sink, "b@x.test")), ["220", "250"]);
    sink.moods(&[Mood::trickle(Stage::Connect)]).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
    assert_eq!((stream.read(&mut [0; 9]).unwrap(), stream.read(&mut [0; 9]).unwrap()), (1, 1));
    sink.moods(&[]).unwrap();
    assert_eq!(send(&sink, "b@x.test").len(), 7);
}

#[test]
fn a_connection_lost_after_the_dot_tells_kept_from_not_kept() {
    let Some(sink) = or_skip(SmtpSink::start()) else { return };
    sink.moods(&[Mood::drop(Stage::Body)]).unwrap();
    assert_eq!(send(&sink, "b@x.test").len(), 5);
    assert!(sink.kept().unwrap().is_empty());
    sink.moods(&[Mood::drop(Stage::Kept)]).unwrap();
    assert_eq!(send(&sink, "b@x.test").len(), 5);
    let kept = sink.kept().unwrap();
    assert!(kept.len() == 1 && !kept[0].acknowledged);
}

#[test]
fn a_server_that_was_away_comes_back_with_its_mails() {
    let Some(mut sink) = or_skip(SmtpSink::start()) else { return };
    send(&sink, "b@x.test");
    sink.pause();
    assert!(TcpStream::connect(("127.0.0.1", sink.port())).is_err());
    sink.resume().unwrap();
    send(&sink, "c@x.test");
    assert_eq!(sink.kept().unwrap().len(), 2);
}

#[test]
fn a_login_is_asked_for_and_checked() {
    let settings =
        SmtpSettings { tls: SmtpTls::None, login: Some(("sahut".to_owned(), "rahasia".to_owned())) };
    let Some(sink) = or_skip(SmtpSink::start_with(settings)) else { return };
    assert_eq!(codes(&send(&sink, "b@x.test"))[2], "530");
    // base64 of NUL sahut NUL salah, and of NUL sahut NUL rahasia
    let wrong = talk(&sink, &["EHLO x", "AUTH PLAIN AHNhaHV0AHNhbGFo"]);
    assert_eq!(codes(&wrong)[2], "535");
    let right = talk(&sink, &["EHLO x", "AUTH PLAIN AHNhaHV0AHJhaGFzaWE="]);
    assert_eq!(codes(&right)[2], "235");
}

#[test]
fn encryption_is_offered_when_told_to() {
    let settings = SmtpSettings { tls: SmtpTls::StartTls, login: None };
    let Some(sink) = or_skip(SmtpSink::start_with(settings)) else { return };
    assert_eq!(codes(&talk(&sink, &["EHLO x", "STARTTLS"])), ["220", "250", "220"]);
    assert!(sink.authority().unwrap().exists());
}

#[test]
fn a_stopped_server_leaves_no_process() {
    let Some(sink) = or_skip(SmtpSink::start()) else { return };
    let process = sink.process();
    drop(sink);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}
