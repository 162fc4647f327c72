//! An IMAP server that fails in the middle of an answer, as no healthy one does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use sahut_mail::{Imap, ImapSettings, Login, Server, Tls};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    HangsUpInList,
    RefusesList,
    HangsUpInBody,
    DripsBody,
    FallsSilentInBody,
    BusyAtLogin,
}

/// A mailbox of two mails on a server that follows the script.
pub(crate) fn scripted(script: Script) -> Imap {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // An error is a client that left.
            let _ = hold(stream, script);
        }
    });
    let server = Server { host: "127.0.0.1".to_owned(), port, tls: Tls::None, ca_file: None };
    let login = Login { user: "a".to_owned(), password: "b".to_owned().into() };
    let settings = ImapSettings::new(server, login, "INBOX".to_owned());
    Imap::new(ImapSettings { timeout: Duration::from_secs(2), ..settings }).unwrap()
}

fn hold(stream: TcpStream, script: Script) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    lines.get_mut().write_all(b"* OK ready\r\n")?;
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let tag = line.split(' ').next().unwrap_or_default().to_owned();
        let (answer, stays) = if line.contains("LOGIN") && script == Script::BusyAtLogin {
            (format!("{tag} NO [UNAVAILABLE] the user database is being restarted\r\n"), true)
        } else if line.contains("EXAMINE") {
            (format!("* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 3] ok\r\n{tag} OK done\r\n"), true)
        } else if line.contains("RFC822.SIZE") {
            listing(script, &tag)
        } else if line.contains("BODY.PEEK")
            && matches!(script, Script::DripsBody | Script::FallsSilentInBody)
        {
            drip(lines.get_mut(), script)?;
            (format!(")\r\n{tag} OK done\r\n"), true)
        } else if line.contains("BODY.PEEK") {
            ("* 1 FETCH (UID 1 BODY[] {40}\r\nSubject: a\r\n\r\nhalf of ".to_owned(), false)
        } else {
            (format!("{tag} OK done\r\n"), true)
        };
        lines.get_mut().write_all(answer.as_bytes())?;
        if !stays {
            return Ok(());
        }
        line.clear();
    }
    Ok(())
}

/// Sends a mail of forty bytes in more time than the client is patient for, and never says nothing for that long; or
/// stops in its middle.
fn drip(stream: &mut TcpStream, script: Script) -> std::io::Result<()> {
    stream.write_all(b"* 1 FETCH (UID 1 BODY[] {40}\r\n")?;
    for part in ["Subject: a", "\r\n\r\nhalf o", "f the mail", "s of today"] {
        thread::sleep(Duration::from_millis(900));
        stream.write_all(part.as_bytes())?;
        if script == Script::FallsSilentInBody {
            thread::sleep(Duration::from_secs(8));
        }
    }
    Ok(())
}

fn listing(script: Script, tag: &str) -> (String, bool) {
    let first = "* 1 FETCH (UID 1 RFC822.SIZE 40)\r\n";
    let second = "* 2 FETCH (UID 2 RFC822.SIZE 40)\r\n";
    match script {
        Script::HangsUpInList => (first.to_owned(), false),
        Script::RefusesList => (format!("{first}{tag} NO [SERVERBUG] internal error\r\n"), true),
        _ => (format!("{first}{second}{tag} OK done\r\n"), true),
    }
}
