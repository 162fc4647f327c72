//! A mailbox as a channel, on a real Dovecot, with answers going to a scripted SMTP server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../../sahut-mail/tests/imap/dovecot.rs"]
#[expect(dead_code, reason = "written for the tests of IMAP itself")]
mod dovecot;
#[path = "../../../sahut-mail/tests/smtp/server.rs"]
#[expect(dead_code, reason = "written for the tests of SMTP itself")]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dovecot::{Dovecot, PASSWORD, USER};
use jiff::Timestamp;
use sahut_channels::{
    Ask, BuildError, Connector, Http, HttpPolicy, Limit, NotSent, Outgoing, Page, Trouble, build,
};
use sahut_domain::channel::{Ailment, ChannelConfig, Platform};
use sahut_domain::message::{Item, Surface};
use sahut_domain::office::OfficeCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use server::{Mood, Server};

const ADDRESS: &str = "dinkes@contoh.go.id";

fn now() -> Timestamp {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

fn channel(settings: Value, password: Option<&str>) -> Result<Arc<dyn Connector>, BuildError> {
    let channel = ChannelConfig {
        code: OfficeCode::parse("surel-dinkes").unwrap(),
        office: OfficeCode::parse("dinkes").unwrap(),
        platform: Platform::Email,
        name: "Dinas Kesehatan".to_owned(),
        settings,
        secrets: BTreeMap::new(),
    };
    let secrets = |name: &str| password.filter(|_| name == "password").map(SecretString::from);
    build(&channel, &secrets, &Http::new(HttpPolicy::default()).unwrap())
}

fn imap(dovecot: &Dovecot) -> Value {
    json!({"host": "127.0.0.1", "port": dovecot.port, "tls": "none", "user": USER})
}

fn mailbox(dovecot: &Dovecot, smtp: Option<&Server>) -> Arc<dyn Connector> {
    let mut settings = json!({"address": ADDRESS, "imap": imap(dovecot)});
    if let Some(smtp) = smtp {
        settings["smtp"] = json!({"host": "127.0.0.1", "port": smtp.port, "tls": "none", "user": ""});
        settings["sent_mailbox"] = json!("Sent");
    }
    channel(settings, Some(PASSWORD)).unwrap()
}

async fn read(channel: &Arc<dyn Connector>, cursor: Option<&str>, patience: Duration) -> Page {
    channel.read(Ask { feed: "inbox", cursor, page: None, deep: false, patience, now: now() }).await.unwrap()
}

async fn read_all(channel: &Arc<dyn Connector>) -> Vec<Item> {
    read(channel, None, Duration::ZERO).await.items
}

fn mail(id: &str, text: &str) -> String {
    format!("From: Warga <warga@contoh.id>\nMessage-ID: {id}\nSubject: Air mati\n\n{text}\n")
}

fn answer(item: &Item, key: &str) -> Outgoing {
    Outgoing {
        key: key.to_owned(),
        surface: Surface::Mail,
        thread: item.thread.external_id.clone(),
        post: None,
        answers: item.external_id.clone(),
        answers_parent: None,
        answers_written_at: item.written_at,
        citizen_wrote_at: item.written_at,
        citizen: item.author.clone(),
        subject: item.subject.clone(),
        text: "Sudah kami perbaiki.".to_owned(),
        automatic: false,
        first_attempt_at: None,
        answers_raw: Some(item.raw.clone()),
        others: Vec::new(),
    }
}

#[tokio::test]
async fn mails_become_messages_and_a_broken_one_holds_up_nobody() {
    let Some(dovecot) = Dovecot::start() else { return };
    let mut client = dovecot.client();
    client.append("INBOX", &mail("<a@x>", "Air mati sejak Senin."));
    client.append("INBOX", "\n\n");
    client.append("INBOX", &mail("<b@x>", "Lampu juga."));
    let channel = mailbox(&dovecot, None);
    let page = read(&channel, None, Duration::ZERO).await;
    let texts: Vec<_> = page.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(texts, ["Air mati sejak Senin.", "Lampu juga."]);
    assert_eq!(page.bad.len(), 1);
    let cursor = page.cursor.unwrap();
    assert!(cursor.ends_with(":3") && !page.more, "{cursor}");

    let again = read(&channel, Some(&cursor), Duration::ZERO).await;
    assert!(again.items.is_empty() && again.cursor.as_deref() == Some(&cursor));
    client.append("INBOX", &mail("<a@x>", "Air mati sejak Senin."));
    client.append("INBOX", &mail("<a@x>", "Isi lain dengan id yang sama."));
    let more = read(&channel, Some(&cursor), Duration::ZERO).await;
    assert_eq!(more.items[0].external_id, page.items[0].external_id, "a copy is the same message");
    assert_ne!(more.items[1].external_id, page.items[0].external_id, "a repeated id is not");
}

#[tokio::test]
async fn a_patient_read_ends_when_a_mail_arrives() {
    let Some(dovecot) = Dovecot::start() else { return };
    let channel = mailbox(&dovecot, None);
    let cursor = read(&channel, None, Duration::ZERO).await.cursor;
    let mut client = dovecot.client();
    let arriving = tokio::task::spawn_blocking(move || client.append("INBOX", &mail("<a@x>", "Halo.")));
    let page = read(&channel, cursor.as_deref(), Duration::from_secs(30)).await;
    arriving.await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_dropped_is_opened_anew() {
    let Some(dovecot) = Dovecot::start() else { return };
    let channel = mailbox(&dovecot, None);
    read_all(&channel).await;
    dovecot.drop_clients();
    dovecot.client().append("INBOX", &mail("<a@x>", "Halo."));
    assert_eq!(read_all(&channel).await.len(), 1);
}

#[tokio::test]
async fn an_answer_reaches_the_citizen_in_the_thread_and_is_recognised_when_it_is_read_back() {
    let Some(dovecot) = Dovecot::start() else { return };
    let smtp = Server::start(Mood::Well);
    let channel = mailbox(&dovecot, Some(&smtp));
    let mut client = dovecot.client();
    client.append("INBOX", &mail("<a@x>", "Air mati."));
    let asked = read_all(&channel).await.remove(0);
    let reply = answer(&asked, "op-1");
    channel.check(&reply, now()).unwrap();
    let sent = channel.send(&reply, now()).await.unwrap();

    let mails = smtp.mails();
    for header in
        ["To: Warga <warga@contoh.id>", "In-Reply-To: <a@x>", "References: <a@x>", "Subject: Re: Air mati"]
    {
        assert!(mails[0].contains(&format!("{header}\r\n")), "{header}: {}", mails[0]);
    }
    let found = channel.look_up(&reply, now()).await.unwrap().unwrap();
    assert_eq!(found.external_id, sent.external_id);

    let text = mails[0].trim_end_matches(".\r\n").replace("\r\n", "\n");
    client.append("INBOX", &text);
    client.append("INBOX", &format!("In-Reply-To: {}\n{}", sent.external_id, mail("<c@x>", "Terima kasih.")));
    let items = read_all(&channel).await;
    assert!(items[1].own && items[1].external_id == sent.external_id);
    assert_eq!(items[1].thread, asked.thread);
    assert_eq!(items[2].parent.as_ref(), Some(&sent.external_id));
}

#[tokio::test]
async fn what_became_of_an_answer_is_never_guessed() {
    let Some(dovecot) = Dovecot::start() else { return };
    let smtp = Server::start(Mood::HangsUpAt("."));
    let channel = mailbox(&dovecot, Some(&smtp));
    dovecot.client().append("INBOX", &mail("<a@x>", "Air mati."));
    let reply = answer(&read_all(&channel).await[0], "op-1");
    let sent = channel.send(&reply, now()).await;
    assert!(matches!(sent, Err(NotSent::Uncertain(_))), "{sent:?}");
    let found = channel.look_up(&reply, now()).await;
    assert!(matches!(found, Err(NotSent::Uncertain(_))), "{found:?}");
    smtp.set(Mood::Says("RCPT", "550 5.1.1 unknown"));
    let sent = channel.send(&reply, now()).await;
    assert!(matches!(sent, Err(NotSent::Refused(_))), "{sent:?}");
    smtp.set(Mood::Says("RCPT", "450 4.2.0 greylisted"));
    let sent = channel.send(&reply, now()).await;
    assert!(matches!(sent, Err(NotSent::Trouble(Trouble::Again { .. }))), "{sent:?}");
}

#[tokio::test]
async fn credentials_and_settings_are_told_apart() {
    let Some(dovecot) = Dovecot::start() else { return };
    let identity = mailbox(&dovecot, None).identify().await.unwrap();
    assert_eq!((identity.external_id.as_str(), identity.name.as_str()), (ADDRESS, "Dinas Kesehatan"));

    let settings = json!({"address": ADDRESS, "imap": imap(&dovecot)});
    let wrong = channel(settings.clone(), Some("salah")).unwrap().identify().await;
    assert!(matches!(wrong, Err(Trouble::Person { ailment: Ailment::Credential, .. })), "{wrong:?}");
    assert!(matches!(channel(settings.clone(), None), Err(BuildError::Secret { .. })));
    let mut unknown = settings;
    unknown["imap"]["host_name"] = json!("x");
    let Err(BuildError::Setting { setting, .. }) = channel(unknown, Some("x")) else { unreachable!() };
    assert_eq!(setting, "host_name");
}

#[tokio::test]
async fn a_mailbox_without_smtp_is_only_read() {
    let settings = json!({"address": ADDRESS, "imap": {"host": "127.0.0.1", "port": 1, "tls": "none"}});
    let channel = channel(settings, Some("x")).unwrap();
    let reply = Outgoing {
        key: "op-1".to_owned(),
        surface: Surface::Mail,
        thread: "t".to_owned(),
        post: None,
        answers: "a".to_owned(),
        answers_parent: None,
        answers_written_at: now(),
        citizen_wrote_at: now(),
        citizen: sahut_domain::message::Author::default(),
        subject: None,
        text: "Halo".to_owned(),
        automatic: false,
        first_attempt_at: None,
        answers_raw: None,
        others: Vec::new(),
    };
    assert!(matches!(channel.check(&reply, now()), Err(Limit::NotAnswerable(_))));
    let down = channel.identify().await;
    assert!(matches!(down, Err(Trouble::Again { ailment: Ailment::Network, .. })), "{down:?}");
}

#[tokio::test]
async fn a_mail_that_was_set_apart_is_read_from_its_bytes() {
    let settings = json!({"address": ADDRESS, "imap": {"host": "127.0.0.1"}});
    let channel = channel(settings, Some(PASSWORD)).unwrap();
    let page = channel.read_again(mail("<a@x>", "Air mati.").as_bytes(), now()).unwrap();
    assert_eq!((page.items[0].text.as_str(), page.items[0].written_at), ("Air mati.", now()));
    assert_eq!(channel.read_again(b"", now()).unwrap().bad.len(), 1);
}
