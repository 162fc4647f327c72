//! Dovecot starts, takes mail in, hands it out by IMAP, and leaves nothing behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use sahut_testing::{Dovecot, or_skip};

const ADDRESS: &str = "aduan@kabupaten.test";
const MAIL: &[u8] = b"From: warga@contoh.test\nSubject: Lampu jalan\n\nPadam.\n.\nSejak kemarin.\n";

#[test]
fn a_delivered_mail_is_in_the_inbox_and_on_imap() {
    let Some(dovecot) = or_skip(Dovecot::start(&[(ADDRESS, "rahasia")])) else { return };
    dovecot.deliver(ADDRESS, MAIL).unwrap();
    let inbox = dovecot.inbox(ADDRESS).unwrap();
    assert_eq!(inbox.len(), 1);
    assert!(String::from_utf8_lossy(&inbox[0]).ends_with("Padam.\n.\nSejak kemarin.\n"));

    let mut imap = TcpStream::connect(("127.0.0.1", dovecot.imap_port())).unwrap();
    write!(imap, "a LOGIN {ADDRESS} rahasia\r\nb STATUS INBOX (MESSAGES)\r\nc LOGOUT\r\n").unwrap();
    let mut said = String::new();
    imap.read_to_string(&mut said).unwrap();
    assert!(said.contains("(MESSAGES 1)"), "{said}");
    assert!(said.contains("STARTTLS"), "{said}");
    assert!(TcpStream::connect(("127.0.0.1", dovecot.imaps_port())).is_ok());
    assert!(dovecot.authority().exists());
}

#[test]
fn an_unknown_address_is_refused() {
    let Some(dovecot) = or_skip(Dovecot::start(&[(ADDRESS, "rahasia")])) else { return };
    assert!(dovecot.deliver("lain@kabupaten.test", MAIL).is_err());
}

#[test]
fn a_stopped_server_leaves_no_process() {
    let Some(dovecot) = or_skip(Dovecot::start(&[])) else { return };
    let process = dovecot.process();
    drop(dovecot);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}
