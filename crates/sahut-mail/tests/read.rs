//! Mails as they really come: old programs, missing ids, machines that answer, reports on mails that did not arrive.

use sahut_mail::{Automatic, Bounce, Limits, ReadMail, without_quotes};

macro_rules! mail {
    ($name:literal) => {
        sahut_mail::read(include_bytes!(concat!("mails/", $name, ".eml")), &Limits::default()).unwrap()
    };
}

#[test]
fn a_mail_without_an_id_is_read_and_recognised_when_it_is_delivered_again() {
    let mail = mail!("no-message-id");
    assert_eq!(mail.message_id, None);
    assert_eq!(mail.subject.as_deref(), Some("Antrean puskesmas"));
    let from = mail.from.unwrap();
    assert_eq!((from.name.as_deref(), from.address.as_str()), (Some("Warga, RT 02"), "warga@contoh.id"));
    assert_eq!(mail.date, Some("2026-11-24T00:03:23Z".parse().unwrap()));
    let again = include_str!("mails/no-message-id.eml").replace("hp.contoh.id", "lain.contoh.id");
    assert_eq!(sahut_mail::read(again.as_bytes(), &Limits::default()).unwrap().identity, mail.identity);
}

#[test]
fn letters_outside_ascii_are_read_however_they_are_written() {
    let mail = mail!("subject-utf8");
    assert_eq!(mail.subject.as_deref(), Some("Banjir di “Pasar Atas” 🌊"));
    assert_eq!(mail.text, "Air setinggi lutut – tolong.");
    let mail = mail!("subject-latin1");
    assert!(mail.subject.unwrap().starts_with("Lampu jalan di caf"));
    assert_eq!(mail.from.unwrap().name.as_deref(), Some("René"));
    assert_eq!(mail.text, "Sudah di dépan kantor juga.");
}

#[test]
fn what_is_forwarded_is_an_attachment_that_is_kept_whole() {
    let mail = mail!("forward");
    assert_eq!(mail.text, "Mohon ditindaklanjuti.");
    assert_eq!(mail.message_id.as_deref(), Some("<terusan@contoh.go.id>"));
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!(mail.attachments[0].media_type, "message/rfc822");
    let inner = mail.attachments[0].content.as_deref().unwrap();
    let inner = sahut_mail::read(inner, &Limits::default()).unwrap();
    assert_eq!(inner.message_id.as_deref(), Some("<dalam@contoh.id>"));
    assert_eq!(inner.text, "Jalan rusak di depan sekolah.");
}

#[test]
fn html_becomes_words_and_the_quote_below_goes() {
    let mail = mail!("outlook-html");
    assert!(
        !mail.text.contains("<p") && !mail.text.contains("alert") && !mail.text.contains("MsoNormal"),
        "{}",
        mail.text
    );
    let own = without_quotes(&mail.text);
    assert!(own.contains("sejak Senin") && own.contains("Kapan ada lagi?"), "{own}");
    assert!(!own.contains("Silakan datang"), "{own}");
    assert_eq!(mail.in_reply_to.as_deref(), Some("<sahut.reply.k1@contoh.go.id>"));
    assert_eq!(mail.references, ["<awal@contoh.id>", "<sahut.reply.k1@contoh.go.id>"]);
    assert_eq!(mail.automatic, None, "an answer to us is a person's");
}

#[test]
fn outlooks_own_attachment_is_kept_as_a_file() {
    let mail = mail!("winmail");
    assert_eq!(mail.text, "Terlampir surat.");
    assert_eq!(mail.attachments[0].name.as_deref(), Some("winmail.dat"));
    assert_eq!(mail.attachments[0].media_type, "application/ms-tnef");
}

#[test]
fn a_report_says_whom_the_mail_did_not_reach() {
    assert_eq!(
        mail!("bounce").automatic,
        Some(Automatic::Bounce(Bounce {
            recipient: Some("bidang.lama@contoh.go.id".to_owned()),
            status: Some("5.1.1".to_owned()),
            failed: true,
            message_id: Some("<sahut.contoh.n77@contoh.go.id>".to_owned()),
            reply_to: None,
        }))
    );
    let Some(Automatic::Bounce(delay)) = mail!("delayed").automatic else { panic!("a report") };
    assert!(!delay.failed, "a delay is no failure");
    assert_eq!(delay.message_id.as_deref(), Some("<sahut.contoh.n78@contoh.go.id>"));
}

#[test]
fn machines_are_told_from_people() {
    assert_eq!(mail!("out-of-office").automatic, Some(Automatic::AutoReply));
    assert_eq!(mail!("auto-replied").automatic, Some(Automatic::AutoReply));
    assert_eq!(mail!("list").automatic, Some(Automatic::List));
    assert_eq!(mail!("own-notice").automatic, Some(Automatic::Loop));
    let person: ReadMail = mail!("human-no");
    assert_eq!(person.automatic, None);
    assert_eq!(person.reply_to.unwrap().address, "kantor@contoh.id");
    assert_eq!(person.authentication.len(), 1);
    assert!(person.authentication[0].contains("dkim=pass header.d=contoh.id"));
}
