//! Sending against a server with every mood that servers have: what each means, and that nobody else is delayed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod certificates;
mod server;

use std::time::Duration;

use certificates::Certificates;
use sahut_domain::Timestamp;
use sahut_mail::{AutoSubmitted, Login, Mail, Mailbox, Server as Host, Smtp, SmtpError, SmtpSettings, Tls};
use server::{Mood, Server, closed_port};

fn mail(number: usize) -> Mail {
    Mail {
        from: Mailbox::new(Some("Sahut"), "sahut@contoh.go.id").unwrap(),
        return_to: None,
        to: Mailbox::new(None, "dinkes@contoh.go.id").unwrap(),
        reply_to: None,
        subject: "Aduan baru".to_owned(),
        message_id: format!("<sahut.uji.n{number}@contoh.go.id>"),
        in_reply_to: None,
        references: Vec::new(),
        auto_submitted: AutoSubmitted::Generated,
        plain: "Ada aduan baru.\n.\n..titik di awal baris\n".to_owned(),
        html: None,
        headers: Vec::new(),
    }
}

fn settings(port: u16, tls: Tls) -> SmtpSettings {
    let server = Host { host: "localhost".to_owned(), port, tls, ca_file: None };
    SmtpSettings {
        timeout: Duration::from_millis(800),
        final_timeout: Duration::from_millis(800),
        ..SmtpSettings::new(server, None)
    }
}

fn login() -> Login {
    Login { user: "sahut".to_owned(), password: "rahasia".to_owned().into() }
}

async fn send(smtp: &Smtp, number: usize) -> Result<(), SmtpError> {
    smtp.send(&mail(number), Timestamp::UNIX_EPOCH).await.map(drop)
}

async fn in_mood(mood: Mood) -> (Result<(), SmtpError>, Server) {
    let server = Server::start(mood);
    let smtp = Smtp::new(SmtpSettings { login: Some(login()), ..settings(server.port, Tls::None) }).unwrap();
    (send(&smtp, 1).await, server)
}

#[tokio::test]
async fn mails_go_one_after_the_other_over_one_connection() {
    let server = Server::start(Mood::Well);
    let smtp = Smtp::new(settings(server.port, Tls::None)).unwrap();
    for number in 0..5 {
        send(&smtp, number).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let mails = server.mails();
    assert_eq!(mails.len(), 5);
    assert!(mails[4].contains("Message-ID: <sahut.uji.n4@contoh.go.id>"), "{}", mails[4]);
    assert!(mails[0].contains("\r\n..\r\n...titik"), "dots are doubled: {}", mails[0]);
}

#[tokio::test]
async fn what_may_pass_is_to_be_tried_again() {
    for mood in [
        Mood::Says("GREETING", "421 4.3.2 too busy"),
        Mood::Says("AUTH", "454 4.7.0 try later"),
        Mood::Says("MAIL", "421 4.4.2 closing"),
        Mood::Says("RCPT", "450 4.2.0 greylisted"),
        Mood::Says("RCPT", "452 4.2.2 mailbox full"),
        Mood::Says(".", "451 4.3.0 local error"),
        Mood::SilentAt("GREETING"),
        Mood::SilentAt("RCPT"),
        Mood::HangsUpAt("GREETING"),
        Mood::HangsUpAt("DATA"),
    ] {
        let (sent, server) = in_mood(mood).await;
        assert!(matches!(sent, Err(SmtpError::Again(_))), "{sent:?}");
        assert!(server.mails().is_empty());
    }
    let smtp = Smtp::new(settings(closed_port(), Tls::None)).unwrap();
    assert!(matches!(send(&smtp, 1).await, Err(SmtpError::Again(_))));
}

#[tokio::test]
async fn a_refusal_tells_the_address_from_the_mail_and_from_the_account() {
    let (sent, _server) = in_mood(Mood::Says("RCPT", "550 5.1.1 <dinkes@contoh.go.id> unknown")).await;
    let Err(SmtpError::Refused(answer)) = sent else { panic!("{sent:?}") };
    assert_eq!((answer.code, answer.status.as_deref()), (550, Some("5.1.1")));
    assert!(!answer.text.contains("dinkes@"), "{}", answer.text);

    let (sent, _server) = in_mood(Mood::Says(".", "552 5.3.4 too large")).await;
    assert!(matches!(sent, Err(SmtpError::RefusedMail(_))), "{sent:?}");
    let (sent, _server) = in_mood(Mood::Says("AUTH", "535 5.7.8 wrong password")).await;
    assert!(matches!(&sent, Err(SmtpError::Person(_))), "{sent:?}");
    assert!(!format!("{sent:?}").contains("rahasia"));
}

#[tokio::test]
async fn only_after_the_final_dot_is_the_outcome_uncertain() {
    for mood in [Mood::HangsUpAt("."), Mood::SilentAt(".")] {
        let (sent, _server) = in_mood(mood).await;
        assert!(matches!(sent, Err(SmtpError::Uncertain(_))), "{sent:?}");
    }
}

#[tokio::test]
async fn a_text_that_was_cut_off_has_certainly_not_arrived() {
    let server = Server::start(Mood::HangsUpInText);
    let smtp = Smtp::new(settings(server.port, Tls::None)).unwrap();
    let long = Mail { plain: "Ada aduan baru.\n".repeat(1 << 20), ..mail(1) };
    let sent = smtp.send(&long, Timestamp::UNIX_EPOCH).await;
    assert!(matches!(sent, Err(SmtpError::Again(_))), "{sent:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_between_mails_is_not_noticed() {
    let server = Server::start(Mood::HangsUpAfterMail);
    let smtp = Smtp::new(settings(server.port, Tls::None)).unwrap();
    for number in 0..3 {
        send(&smtp, number).await.unwrap();
    }
    assert_eq!((server.connections(), server.mails().len()), (3, 3));
}

#[tokio::test]
async fn a_refused_mail_does_not_delay_the_next_one() {
    let server = Server::start(Mood::Says("RCPT", "550 5.1.1 unknown"));
    let smtp = Smtp::new(settings(server.port, Tls::None)).unwrap();
    assert!(matches!(send(&smtp, 1).await, Err(SmtpError::Refused(_))));
    server.set(Mood::Well);
    send(&smtp, 2).await.unwrap();
    assert_eq!(server.connections(), 1, "the connection was made ready by RSET");
}

#[tokio::test]
async fn one_silent_conversation_leaves_the_other_connections_alone() {
    let server = Server::start(Mood::SilentAt("RCPT"));
    let smtp = Smtp::new(SmtpSettings { max_connections: 2, ..settings(server.port, Tls::None) }).unwrap();
    let (stuck, through) = tokio::join!(send(&smtp, 1), async {
        while !server.verbs().contains(&"RCPT".to_owned()) {
            tokio::task::yield_now().await;
        }
        server.set(Mood::Well);
        send(&smtp, 2).await
    });
    assert!(matches!(stuck, Err(SmtpError::Again(_))), "{stuck:?}");
    through.unwrap();
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let (sent, server) = in_mood(Mood::Slow).await;
    sent.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn encryption_is_kept_and_a_stripped_offer_is_refused() {
    let Some(certificates) = Certificates::make(false) else { return };
    let trusting = |port, tls| {
        let mut settings = settings(port, tls);
        settings.server.ca_file = Some(certificates.path("ca.pem"));
        Smtp::new(SmtpSettings { login: Some(login()), ..settings }).unwrap()
    };
    let server = Server::with_tls(Mood::Well, certificates.server());
    send(&trusting(server.port, Tls::Implicit), 1).await.unwrap();
    let server = Server::with_starttls(Mood::Well, certificates.server());
    let smtp = trusting(server.port, Tls::StartTls);
    smtp.test().await.unwrap();
    send(&smtp, 1).await.unwrap();
    assert_eq!(server.mails().len(), 1);

    let server = Server::with_starttls(Mood::WithoutStartTls, certificates.server());
    let sent = send(&trusting(server.port, Tls::StartTls), 1).await;
    assert!(matches!(sent, Err(SmtpError::Person(_))), "{sent:?}");
    assert_eq!(server.verbs(), ["EHLO"], "neither password nor mail went over the open line");
}

#[tokio::test]
async fn a_certificate_that_is_unknown_or_expired_needs_a_person() {
    let Some(valid) = Certificates::make(false) else { return };
    let Some(expired) = Certificates::make(true) else { return };
    for tls in [Tls::Implicit, Tls::StartTls] {
        for (certificates, trusted) in [(&valid, false), (&expired, true)] {
            let server = match tls {
                Tls::Implicit => Server::with_tls(Mood::Well, certificates.server()),
                _ => Server::with_starttls(Mood::Well, certificates.server()),
            };
            let mut settings = settings(server.port, tls);
            settings.server.ca_file = trusted.then(|| certificates.path("ca.pem"));
            let sent = send(&Smtp::new(settings).unwrap(), 1).await;
            assert!(matches!(sent, Err(SmtpError::Person(_))), "{tls:?}: {sent:?}");
            assert!(server.mails().is_empty());
        }
    }
}

#[tokio::test]
async fn nothing_goes_in_the_clear_to_a_public_address() {
    let mut settings = settings(25, Tls::None);
    settings.server.host = "192.0.2.1".to_owned();
    let sent = send(&Smtp::new(settings).unwrap(), 1).await;
    assert!(matches!(sent, Err(SmtpError::Person(_))), "{sent:?}");
}
