//! From the mail to the answer under the citizen's words, by the link, through the real program.

use std::time::Duration;

use sahut_domain::Timestamp;
use sahut_tests::{Town, header, http, or_skip};

/// How long anything may take here, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// The first link to a page in a mail, as a path.
fn link(town: &Town, mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n").replace("=\n", "");
    let start = format!("http://127.0.0.1:{}", town.door());
    let path = text.split(&start).nth(1).unwrap_or_default();
    path.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default().to_owned()
}

/// What a hidden field of a page holds.
fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
    field.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn a_mail_leads_to_the_page_where_it_is_answered() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("dinkes");
    town.settle().unwrap();
    let now: Timestamp = town.world().clock().now();
    town.world().telegram(&bot.id, "warga_amen", "Puskesmas di tempat kami jam 9 belum buka", now).unwrap();
    town.start().unwrap();
    let mail = town
        .wait_for("the mail about it", PATIENCE, |town| {
            let about = |mail: &[u8]| header(mail, "Subject").contains("[K-");
            Ok(town.letters().into_iter().find(|letter| about(&letter.raw)))
        })
        .unwrap();
    let number = town.inquiries().unwrap()[0]["number"].as_str().unwrap().to_owned();
    let path = link(&town, &mail.raw);
    assert!(path.starts_with("/i/"), "the mail has a link: {path:?}");

    let page = http::get(town.door(), &path).unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("jam 9 belum buka") && page.body.contains(&number), "{}", page.body);
    assert!(
        page.head.to_lowercase().contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    let form = [
        ("key", hidden(&page.body, "key")),
        ("version", hidden(&page.body, "version")),
        ("intent", "answer".to_owned()),
        ("text", "Mulai besok puskesmas buka pukul 08.00.".to_owned()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for _ in 0..2 {
        let sent = http::post_form(town.door(), &format!("{path}/answer"), &form).unwrap();
        assert_eq!(sent.status, 303, "{}", sent.body);
    }
    town.wait_for("the answer on the platform", PATIENCE, |town| {
        let inquiry = town.json(&["inquiry", "show", &number])?;
        Ok((inquiry["state"] == "answered").then_some(()))
    })
    .unwrap();
    let shown: Vec<_> = town
        .ledger()
        .accepted
        .into_iter()
        .filter(|accepted| accepted.text == "Mulai besok puskesmas buka pukul 08.00.")
        .collect();
    assert_eq!(shown.len(), 1, "a second tap sends nothing again: {shown:#?}");
    let guessed = format!("{}AAAA", &path[..path.len() - 4]);
    assert_eq!(http::get(town.door(), &guessed).unwrap().status, 404);
    town.ask(&["secret", "new-link-key", "--at-once"]).unwrap();
    town.wait_for("the end of the link", PATIENCE, |town| {
        Ok(http::get(town.door(), &path).is_ok_and(|page| page.status == 404).then_some(()))
    })
    .unwrap();
    town.ask(&["selfcheck"]).unwrap();
}
