//! Reading a real mailbox (Dovecot): what IMAP does to UIDs, and that no mail is missed or read twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod dovecot;
mod silent;

use std::time::Duration;

use dovecot::Dovecot;
use sahut_mail::{Fetched, Imap, ImapError, ImapSettings, Limits, Login, read};
use silent::{Script, scripted};

fn mail(number: u32) -> String {
    format!(
        "From: Warga <warga@contoh.id>\nMessage-ID: <m{number}@contoh.id>\nDate: Tue, 24 Nov 2026 00:03:23 +0700\n\
         Subject: aduan {number}\n\nAduan nomor {number}.\n"
    )
}

fn uids(fetched: &Fetched) -> Vec<u32> {
    fetched.mails.iter().map(|mail| mail.uid).collect()
}

#[tokio::test]
async fn only_mails_above_the_cursor_are_read() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    for number in 1..=3 {
        client.append("INBOX", &mail(number));
    }
    let mut opened = dovecot.imap().open().await.unwrap();
    let first = opened.fetch(0, 0).await.unwrap();
    assert_eq!((uids(&first), first.read_to, first.more), (vec![1, 2, 3], 3, false));
    let read = read(&first.mails[1].raw, &Limits::default()).unwrap();
    assert_eq!(read.text, "Aduan nomor 2.");
    assert!(first.mails[1].received_at.is_some());

    // `UID FETCH 4:*` would give the last mail although its UID is lower.
    let nothing = opened.fetch(first.uid_validity, 3).await.unwrap();
    assert_eq!((uids(&nothing), nothing.read_to), (vec![], 3));
    client.append("INBOX", &mail(4));
    let next = opened.fetch(first.uid_validity, 3).await.unwrap();
    assert_eq!((uids(&next), next.read_to), (vec![4], 4));
    assert!(client.run("EXAMINE INBOX").contains("UNSEEN 1"), "reading marks nothing as seen");
}

#[tokio::test]
async fn gaps_are_crossed_and_batches_say_that_there_is_more() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    for number in 1..=700 {
        client.append("INBOX", &mail(number));
    }
    client.run("SELECT INBOX");
    client.run("STORE 1:600 +FLAGS.SILENT (\\Deleted)");
    client.run("EXPUNGE");
    let mut opened = dovecot.imap().open().await.unwrap();
    let (mut above, mut seen) = (0, Vec::new());
    loop {
        let batch = opened.fetch(0, above).await.unwrap();
        let batch = if above == 0 { batch } else { opened.fetch(batch.uid_validity, above).await.unwrap() };
        assert!(batch.read_to > above);
        above = batch.read_to;
        seen.extend(uids(&batch));
        if !batch.more {
            break;
        }
    }
    assert_eq!(seen, (601..=700).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_mailbox_made_anew_is_read_again_and_its_mails_are_recognised() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    client.run("CREATE Aduan");
    client.append("Aduan", &mail(1));
    let mut opened = Imap::new(dovecot.settings("Aduan")).unwrap().open().await.unwrap();
    let before = opened.fetch(0, 0).await.unwrap();
    // UIDVALIDITY is the second in which a mailbox was made.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    client.run("DELETE Aduan");
    client.run("CREATE Aduan");
    client.append("Aduan", &mail(1));
    client.append("Aduan", &mail(2));
    let mut opened = Imap::new(dovecot.settings("Aduan")).unwrap().open().await.unwrap();
    let after = opened.fetch(before.uid_validity, before.read_to).await.unwrap();
    assert_ne!(after.uid_validity, before.uid_validity);
    assert_eq!(uids(&after), [1, 2]);
    let identity = |raw: &[u8]| read(raw, &Limits::default()).unwrap().identity;
    assert_eq!(identity(&after.mails[0].raw), identity(&before.mails[0].raw));
}

#[tokio::test]
async fn a_mail_moved_out_and_back_has_a_new_uid_and_the_same_identity() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    client.append("INBOX", &mail(1));
    let mut opened = dovecot.imap().open().await.unwrap();
    let before = opened.fetch(0, 0).await.unwrap();
    client.run("SELECT INBOX");
    client.run("MOVE 1 Sent");
    client.run("SELECT Sent");
    client.run("MOVE 1 INBOX");
    let after = opened.fetch(before.uid_validity, before.read_to).await.unwrap();
    assert_eq!(uids(&after), [2]);
    let identity = |raw: &[u8]| read(raw, &Limits::default()).unwrap().identity;
    assert_eq!(identity(&after.mails[0].raw), identity(&before.mails[0].raw));
}

#[tokio::test]
async fn of_a_huge_mail_the_beginning_is_read() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    client.append("INBOX", &mail(1).replace("nomor", &"panjang ".repeat(20_000)));
    client.append("INBOX", &mail(2));
    let settings = ImapSettings { mail_bytes: 10_000, ..dovecot.settings("INBOX") };
    let mut opened = Imap::new(settings).unwrap().open().await.unwrap();
    let batch = opened.fetch(0, 0).await.unwrap();
    assert_eq!(uids(&batch), [1, 2]);
    assert!(batch.mails[0].is_cut() && batch.mails[0].raw.len() == 10_000);
    assert!(!batch.mails[1].is_cut());
    assert_eq!(read(&batch.mails[0].raw, &Limits::default()).unwrap().subject.as_deref(), Some("aduan 1"));
}

#[tokio::test]
async fn waiting_ends_when_a_mail_arrives_and_when_patience_does() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    let mut opened = dovecot.imap().open().await.unwrap();
    let before = opened.fetch(0, 0).await.unwrap();
    assert!(!opened.wait(Duration::from_millis(50)).await.unwrap());
    let arriving = tokio::task::spawn_blocking(move || {
        client.append("INBOX", &mail(1));
        client
    });
    assert!(opened.wait(Duration::from_secs(30)).await.unwrap());
    arriving.await.unwrap();
    assert_eq!(uids(&opened.fetch(before.uid_validity, before.read_to).await.unwrap()), [1]);
}

#[tokio::test]
async fn a_server_that_hung_up_while_nobody_looked_is_an_error_of_the_line() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut opened = dovecot.imap().open().await.unwrap();
    opened.fetch(0, 0).await.unwrap();
    dovecot.drop_clients();
    let fetched = opened.fetch(0, 0).await;
    assert!(matches!(fetched, Err(ImapError::Line(_))), "{fetched:?}");
}

#[tokio::test]
async fn sent_mails_are_kept_and_found_again() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut opened = dovecot.imap().open().await.unwrap();
    let id = "<sahut.reply.9@contoh.go.id>";
    assert!(!opened.holds("Sent", id).await.unwrap());
    opened.append("Sent", format!("Message-ID: {id}\r\n\r\nBalasan\r\n").as_bytes()).await.unwrap();
    assert!(opened.holds("Sent", id).await.unwrap());
}

#[tokio::test]
async fn what_a_person_has_to_mend_is_told_from_what_passes() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut wrong = dovecot.settings("INBOX");
    wrong.login = Login { user: "dinkes".to_owned(), password: "salah".to_owned().into() };
    let refused = Imap::new(wrong).unwrap().open().await.map(drop);
    assert!(matches!(refused, Err(ImapError::Login(_))), "{refused:?}");
    let mut opened = Imap::new(dovecot.settings("Tidak Ada")).unwrap().open().await.unwrap();
    let missing = opened.test().await;
    assert!(matches!(missing, Err(ImapError::Person(_))), "{missing:?}");
    drop(dovecot);
}

#[tokio::test]
async fn a_lost_connection_or_a_refusal_is_never_the_end_of_the_list() {
    for script in [Script::HangsUpInList, Script::RefusesList, Script::HangsUpInBody] {
        let mut opened = scripted(script).open().await.unwrap();
        let fetched = opened.fetch(7, 0).await;
        assert!(matches!(fetched, Err(ImapError::Line(_) | ImapError::Server(_))), "{fetched:?}");
    }
}

#[tokio::test]
async fn a_mail_may_take_as_long_as_it_comes_and_no_longer() {
    let fetched = scripted(Script::DripsBody).open().await.unwrap().fetch(7, 0).await.unwrap();
    assert_eq!(fetched.mails[0].raw, b"Subject: a\r\n\r\nhalf of the mails of today");
    let silent = scripted(Script::FallsSilentInBody).open().await.unwrap().fetch(7, 0).await;
    assert!(matches!(silent, Err(ImapError::Line(_))), "{silent:?}");
}

#[tokio::test]
async fn a_busy_server_is_not_a_wrong_password() {
    let opened = scripted(Script::BusyAtLogin).open().await.map(drop);
    assert!(matches!(opened, Err(ImapError::Server(_))), "{opened:?}");
}
