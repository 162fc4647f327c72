//! From a citizen's words to the answer under them, through the real program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::time::Duration;

use sahut_domain::Timestamp;
use sahut_tests::{Dovecot, SmtpSink, Town, Trouble, WordPress, header, or_skip};
use serde_json::Value;

/// How long anything may take here, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn what_citizens_write_is_answered_where_they_wrote_it() {
    let Some(town) = or_skip(Town::on_sqlite()) else { return };
    four_citizens_are_answered(town);
}

#[test]
fn what_citizens_write_is_answered_where_they_wrote_it_on_postgres() {
    let Some(town) = or_skip(Town::on_postgres()) else { return };
    four_citizens_are_answered(town);
}

fn four_citizens_are_answered(mut town: Town) {
    let bot = town.telegram("kominfo");
    let page = town.facebook("puprhub");
    let account = town.instagram("dlh").unwrap();
    town.settle().unwrap();
    let world = town.world().clone();
    let now = now(&town);
    let post = world.post(&page.id, "Perbaikan jalan dimulai minggu ini", now).unwrap();
    let medium = world.post(&account.id, "Gotong royong", now).unwrap();
    world
        .telegram(&bot.id, "warga_amen", "KTP saya belum jadi, alasannya blangko kosong terus", now)
        .unwrap();
    world.comment(&post, "warga_topos", "Jalan Topos rusak parah, tolong diaspal", now).unwrap();
    world.direct(&page.id, "warga_tubei", "Puskesmas di tempat kami jam 9 belum buka", now).unwrap();
    world
        .comment(&medium, "warga_pasar", "Sampah di belakang pasar numpuk seminggu tidak diangkut", now)
        .unwrap();
    town.start().unwrap();

    let inquiries = wait_for_inquiries(&mut town, 4);
    let mut where_to: Vec<(&str, &str)> =
        inquiries.iter().map(|line| (text(line, "platform"), text(line, "office"))).collect();
    where_to.sort_unstable();
    let expected =
        [("facebook", "dinkes"), ("facebook", "puprhub"), ("instagram", "dlh"), ("telegram", "dukcapil")];
    assert_eq!(where_to, expected);

    town.wait_until_quiet(PATIENCE).unwrap();
    for line in &inquiries {
        everyone_of_the_office_is_told_once(&town, line);
        let answer = format!("Terima kasih, {} sudah kami catat.", text(line, "number"));
        town.ask(&["reply", text(line, "number"), &answer]).unwrap();
    }
    for line in &inquiries {
        is_answered_in_time(&mut town, text(line, "number"));
    }
    let ledger = town.ledger();
    for line in &inquiries {
        let answer = format!("Terima kasih, {} sudah kami catat.", text(line, "number"));
        let shown: Vec<_> = ledger.accepted.iter().filter(|accepted| accepted.text == answer).collect();
        assert_eq!(shown.len(), 1, "{answer}: {shown:#?}");
    }
    town.ask(&["selfcheck"]).unwrap();
    // What was answered is read back as the office's own words, and stays one inquiry.
    assert_eq!(town.inquiries().unwrap().len(), 4);
}

/// Each person of the office has one mail, with the number in its subject and a Message-ID of its own.
fn everyone_of_the_office_is_told_once(town: &Town, line: &Value) {
    let number = text(line, "number");
    let about: Vec<_> = town
        .letters()
        .into_iter()
        .filter(|letter| header(&letter.raw, "Subject").contains(&format!("[{number}]")))
        .collect();
    let people = town
        .query(&format!(
            "SELECT mail FROM person WHERE office = '{}' AND role = 'duty'",
            text(line, "office")
        ))
        .unwrap();
    let mut told: Vec<String> = about.iter().flat_map(|letter| letter.to.clone()).collect();
    told.sort();
    let mut expected = people;
    expected.sort();
    assert!(!expected.is_empty());
    assert_eq!(told, expected, "who was told of {number}");
    let ids = town.query("SELECT id FROM notice").unwrap();
    for letter in about {
        let id = header(&letter.raw, "Message-ID");
        let named = id.strip_suffix("@lebong.example>").and_then(|id| id.rsplit_once(".n"));
        let (instance, notice) = named.unwrap_or_else(|| panic!("Message-ID {id}"));
        assert!(instance.starts_with("<sahut."), "{id}");
        assert!(ids.iter().any(|known| known == notice), "{id} names no notice");
    }
}

/// The promise is met at the moment at which the platform showed the answer, not when somebody looked.
fn is_answered_in_time(town: &mut Town, number: &str) {
    let what = format!("answer to {number}");
    let inquiry = town
        .wait_for(&what, PATIENCE, |town| {
            let inquiry = town.json(&["inquiry", "show", number])?;
            Ok((inquiry["state"] == "answered").then_some(inquiry))
        })
        .unwrap();
    let promise = &inquiry["promises"][0];
    assert_eq!(promise["state"], "met", "{promise:#}");
    let met: Timestamp = text(promise, "met_at").parse().unwrap();
    let due: Timestamp = text(promise, "due_at").parse().unwrap();
    assert!(met <= due, "{promise:#}");
    let messages = inquiry["messages"].as_array().unwrap();
    let answer = messages.iter().find(|message| message["own"] == true).unwrap();
    assert_eq!(text(answer, "written_at"), text(promise, "met_at"), "{inquiry:#}");
    assert_eq!(messages.len(), 2, "one question and one answer: {messages:#?}");
}

#[test]
fn a_mail_is_answered_in_its_thread() {
    const BOX: &str = "dinkes@lebong.example";
    let Some(dovecot) = or_skip(Dovecot::start(&[(BOX, "rahasia")])) else { return };
    let Some(sink) = or_skip(SmtpSink::start()) else { return };
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let settings = format!(
        "address = \"{BOX}\", imap = {{ host = \"127.0.0.1\", port = {}, tls = \"none\" }}, \
         smtp = {{ host = \"127.0.0.1\", port = {}, tls = \"none\", user = \"\" }}",
        dovecot.imap_port(),
        sink.port()
    );
    town.channel("surel-dinkes", "dinkes", "email", &settings);
    town.secret("surel-dinkes", "password", "rahasia");
    town.settle().unwrap();
    let mail = "From: Warga Amen <warga@example.com>\r\nTo: dinkes@lebong.example\r\n\
        Subject: Puskesmas Amen\r\nMessage-ID: <tanya.1@example.com>\r\n\
        Date: Tue, 24 Nov 2026 08:00:00 +0700\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        Puskesmas di tempat kami jam 9 belum buka, petugas belum datang.\r\n";
    dovecot.deliver(BOX, &today(mail, &town)).unwrap();
    town.start().unwrap();

    let inquiries = wait_for_inquiries(&mut town, 1);
    assert_eq!(text(&inquiries[0], "office"), "dinkes");
    let number = text(&inquiries[0], "number");
    town.ask(&["reply", number, "Mulai besok puskesmas buka pukul 08.00."]).unwrap();
    let answer = town
        .wait_for("answer by mail", PATIENCE, |_| {
            let kept = sink.kept()?;
            Ok(kept.into_iter().find(|kept| kept.to == ["warga@example.com"]))
        })
        .unwrap();
    assert_eq!(header(&answer.raw, "In-Reply-To"), "<tanya.1@example.com>");
    assert!(header(&answer.raw, "References").contains("<tanya.1@example.com>"));
    assert!(header(&answer.raw, "Subject").contains("Puskesmas Amen"));
    assert!(String::from_utf8_lossy(&answer.raw).contains("08.00"));
    is_answered_in_time(&mut town, number);
    town.ask(&["selfcheck"]).unwrap();
}

#[test]
fn a_comment_on_wordpress_is_answered_under_it() {
    let Some(site) = or_skip(WordPress::start()) else { return };
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let settings = format!("site = \"{}\", user = \"{}\"", site.url(), site.account());
    town.channel("situs-dlh", "dlh", "wordpress", &settings);
    town.secret("situs-dlh", "password", site.password());
    town.settle().unwrap();
    let post = site.publish_post("Jadwal pengangkutan").unwrap();
    let comment =
        site.comment(post, "Warga Pasar", "Sampah di belakang pasar numpuk seminggu tidak diangkut").unwrap();
    town.start().unwrap();

    let inquiries = wait_for_inquiries(&mut town, 1);
    assert_eq!(text(&inquiries[0], "office"), "dlh");
    let number = text(&inquiries[0], "number");
    town.ask(&["reply", number, "Truk kami berangkat sore ini."]).unwrap();
    let answer = town
        .wait_for("answer on the site", PATIENCE, |_| {
            Ok(site.comments()?.into_iter().find(|written| written.text.contains("Truk kami")))
        })
        .unwrap();
    assert_eq!((answer.post, answer.parent, answer.status.as_str()), (post, comment, "approved"));
    is_answered_in_time(&mut town, number);
    assert_eq!(site.comments().unwrap().len(), 2);
    town.ask(&["selfcheck"]).unwrap();
}

fn wait_for_inquiries(town: &mut Town, count: usize) -> Vec<Value> {
    let look = |town: &mut Town| -> Result<_, Trouble> {
        let inquiries = town.inquiries()?;
        Ok((inquiries.len() >= count).then_some(inquiries))
    };
    town.wait_for(&format!("{count} inquiries"), PATIENCE, look).unwrap()
}

/// A mail of this minute: one of long ago would be history.
fn today(mail: &str, town: &Town) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(&now(town).to_zoned_datetime(jiff::tz::TimeZone::UTC)).unwrap();
    mail.replace("Tue, 24 Nov 2026 08:00:00 +0700", &date).into_bytes()
}

fn now(town: &Town) -> Timestamp {
    town.world().clock().now()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
