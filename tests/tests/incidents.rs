//! One outage, many citizens, through the real program: one task, one answer, and each citizen hears it where he wrote.

#![cfg(test)]

use std::time::Duration;

use sahut_tests::{Town, header, or_skip};
use serde_json::Value;

/// How long anything may take here, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Each of another citizen.
const FLOOD: [&str; 8] = [
    "air mati min, kapan hidup lagi?",
    "di tempat kami air tidak mengalir dari subuh, tolong pak",
    "mohon infonya, gangguan air sampai jam berapa?",
    "AIR MATI TOTAL!!! tolong segera diperbaiki",
    "pak air belum mengalir dari kemarin, tolong",
    "air ga ngalir udah lama min, gimana ini",
    "kapan air nyala pak, air tidak keluar sama sekali dari pagi",
    "Air mati lagiii, tolong diperbaiki",
];

const ANSWER: &str = "Pipa induk sedang diperbaiki, air mengalir lagi malam ini.";

#[test]
fn an_outage_is_one_task_and_one_answer() {
    let Some(town) = or_skip(Town::on_sqlite()) else { return };
    live(town);
}

#[test]
fn an_outage_is_one_task_and_one_answer_on_postgres() {
    let Some(town) = or_skip(Town::on_postgres()) else { return };
    live(town);
}

fn live(mut town: Town) {
    let page = town.facebook("pdam");
    town.settle().unwrap();
    let (world, now) = (town.world().clone(), town.world().clock().now());
    let post = world.post(&page.id, "Jadwal pelayanan", now).unwrap();
    for (citizen, words) in FLOOD.iter().enumerate() {
        world.comment(&post, &format!("warga_{citizen}"), words, now).unwrap();
    }
    town.start().unwrap();
    let look = |town: &mut Town| Ok((town.inquiries()?.len() == FLOOD.len()).then_some(()));
    town.wait_for("inquiries", PATIENCE, look).unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();

    let incident = town.json(&["incident", "list", "--open"]).unwrap()[0].clone();
    assert_eq!((&incident["members"], &incident["open"]), (&8.into(), &8.into()), "{incident:#}");
    let number = incident["number"].as_str().unwrap();
    let shown = town.json(&["incident", "show", number]).unwrap();
    let inquiries: Vec<&str> =
        shown["inquiries"].as_array().unwrap().iter().map(|line| line["number"].as_str().unwrap()).collect();
    let told = |subject: &str| {
        let letters = town.letters();
        letters.iter().filter(|letter| header(&letter.raw, "Subject").contains(subject)).count()
    };
    let people = town.query("SELECT mail FROM person WHERE office = 'pdam' AND role = 'duty'").unwrap().len();
    assert_eq!(told("[K-"), people, "of the first that came");
    assert!((people..=3 * people).contains(&told(number)), "of the incident");

    // One of them is taken out, and put back.
    town.ask(&["incident", "leave", inquiries[7]]).unwrap();
    assert_eq!(town.json(&["inquiry", "show", inquiries[7]]).unwrap()["incident"], Value::Null);
    town.ask(&["incident", "join", inquiries[7], inquiries[0]]).unwrap();
    assert!(town.ask(&["inquiry", "show", inquiries[7]]).unwrap().contains(&format!("Kejadian: {number}")));

    let said = town.ask(&["reply", inquiries[3], ANSWER]).unwrap();
    assert!(said.starts_with("8 answers"), "{said}");
    let look = |town: &mut Town| {
        let all = town.inquiries()?;
        Ok(all.iter().all(|line| line["state"] == "answered").then_some(()))
    };
    town.wait_for("answers", PATIENCE, look).unwrap();
    let ledger = town.ledger();
    let mut answered: Vec<&str> = ledger
        .accepted
        .iter()
        .filter(|accepted| accepted.text == ANSWER)
        .map(|accepted| accepted.target.as_str())
        .collect();
    let mut asked: Vec<&str> = ledger.of(&page.id).map(|written| written.id.as_str()).collect();
    answered.sort_unstable();
    asked.sort_unstable();
    assert_eq!(answered, asked, "each in its own thread, once");
    assert!(town.json(&["incident", "list", "--open"]).unwrap().as_array().unwrap().is_empty());
    town.ask(&["selfcheck"]).unwrap();
}
