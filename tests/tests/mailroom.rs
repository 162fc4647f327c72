//! An office answers by replying to its notice, through the real program: a mail server's pipe hands the reply over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::io::Write as _;
use std::time::Duration;

use sahut_tests::{Sahut, Town, header, or_skip};

/// How long anything may take here, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);

const SETTINGS: &str =
    "\n[mail.replies]\naddress = \"sahut@lebong.example\"\nauthserv_id = \"mx.lebong.example\"\n";

/// The words of a notice's recipient, as their mail program sends them.
fn reply(notice: &[u8], vouched: bool, words: &str) -> String {
    let writer = header(notice, "To");
    let address = writer.rsplit('<').next().unwrap().trim_end_matches('>').to_owned();
    let domain = address.rsplit('@').next().unwrap().to_owned();
    let result = if vouched { "pass" } else { "fail" };
    format!(
        "Authentication-Results: mx.lebong.example; dmarc={result} header.from={domain}\r\nFrom: {writer}\r\n\
         To: {}\r\nSubject: Re: {}\r\n\r\n{words}\r\n\r\nPada Sel, 24 Nov 2026 pukul 08.00 Sahut menulis:\r\n> Aduan\r\n",
        header(notice, "Reply-To"),
        header(notice, "Subject"),
    )
}

#[test]
fn an_office_answers_by_replying_to_its_notice() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    town.settle().unwrap();
    let settings = town.sahut.folder().join("sahut.toml");
    let mut file = std::fs::File::options().append(true).open(settings).unwrap();
    file.write_all(SETTINGS.as_bytes()).unwrap();
    let now = town.world().clock().now();
    let words = "KTP saya belum jadi, alasannya blangko kosong terus";
    town.world().clone().telegram(&bot.id, "warga_amen", words, now).unwrap();
    town.start().unwrap();
    let is_notice = |raw: &[u8]| header(raw, "Reply-To").starts_with("sahut+");
    let notice = town
        .wait_for("notice", PATIENCE, |town| {
            Ok(town.letters().into_iter().find(|letter| is_notice(&letter.raw)))
        })
        .unwrap();
    assert_eq!(header(&notice.raw, "Auto-Submitted"), "auto-generated");

    let pipe = |town: &Town, mail: &str| town.sahut.run_with(&["mail-pipe"], mail).unwrap().code;
    let forged = reply(&notice.raw, false, "Jangan datang lagi.");
    let answer = reply(&notice.raw, true, "Blangko tiba hari Senin, silakan datang.");
    for mail in [&forged, &answer, &answer] {
        assert_eq!(pipe(&town, mail), Some(0));
    }
    let posted =
        |town: &Town, text: &str| town.ledger().accepted.iter().filter(|one| one.text == text).count();
    town.wait_for("answer on the platform", PATIENCE, |town| {
        Ok((posted(town, "Blangko tiba hari Senin, silakan datang.") > 0).then_some(()))
    })
    .unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    assert_eq!(posted(&town, "Blangko tiba hari Senin, silakan datang."), 1);
    assert_eq!(posted(&town, "Jangan datang lagi."), 0);
    let held = town.json(&["letter", "list"]).unwrap();
    assert_eq!((held.as_array().unwrap().len(), &held[0]["outcome"]), (1, &"unproven".into()));
    let confirmed =
        town.letters().into_iter().filter(|one| header(&one.raw, "Auto-Submitted") == "auto-replied");
    assert_eq!(confirmed.count(), 2, "what was done, and what was held");
    town.ask(&["letter", "drop", &held[0]["id"].to_string()]).unwrap();
    town.ask(&["selfcheck"]).unwrap();
}

#[test]
fn a_mail_that_cannot_be_kept_stays_with_the_mail_server() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    let mail = "From: a@x.id\r\n\r\nhalo\r\n";
    assert_eq!(sahut.run_with(&["mail-pipe"], mail).unwrap().code, Some(75), "there are no settings");
    assert_eq!(sahut.run(&["init", "."]).unwrap().code, Some(0));
    assert_eq!(sahut.run_with(&["mail-pipe"], mail).unwrap().code, Some(75), "there is no database");
    assert_eq!(sahut.run(&["migrate"]).unwrap().code, Some(0));
    assert_eq!(sahut.run_with(&["mail-pipe"], "").unwrap().code, Some(75), "there is no mail");
    assert_eq!(sahut.run_with(&["mail-pipe"], mail).unwrap().code, Some(0));
}
