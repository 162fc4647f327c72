//! Rules are checked, run and tried before they decide, and an earlier set is one command away.

#![cfg(test)]

use std::time::{Duration, Instant};

use sahut_tests::{Sahut, or_skip};

const PUPR: &str = "regency/rules/duties/pupr.toml";

fn wait_until_routed(sahut: &Sahut) {
    let begun = Instant::now();
    while sahut.json(&["status"]).unwrap()["messages_waiting"] != 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "routing takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn rules_that_would_move_many_inquiries_are_tried_first_and_can_be_taken_back() {
    let Some(mut sahut) = or_skip(Sahut::with_archive()) else { return };
    let roads: Vec<String> =
        (0..25).map(|n| format!("Mohon jalan rusak di gang nomor {n} segera diperbaiki")).collect();
    let talk = ["wkwkwk lucu banget", "balai pelangi bercat jingga"];
    sahut.import_texts(roads.iter().map(String::as_str).chain(talk)).unwrap();
    sahut.start(&["run"]).unwrap();
    wait_until_routed(&sahut);
    let first = sahut.json(&["inquiry", "list"]).unwrap()[0]["number"].as_str().unwrap().to_owned();
    sahut.done(&["inquiry", "give", &first, "puprhub"]).unwrap();

    let same = sahut.json(&["rules", "try", "regency"]).unwrap();
    assert_eq!((&same["inquiries"], same["moved"].as_array().unwrap().len()), (&25.into(), 0), "{same}");
    assert_eq!((&same["aside"], &same["opened"]), (&2.into(), &serde_json::json!([])), "{same}");
    assert_eq!((&same["decided_by_running"], &same["decided_the_same"]), (&27.into(), &27.into()), "{same}");
    let none = sahut.json(&["rules", "try", "regency", "--since", "2100-01-01"]).unwrap();
    assert_eq!((&none["inquiries"], &none["aside"]), (&0.into(), &0.into()), "{none}");

    // Another duty takes the words, and its examples go with them.
    let assignment = sahut.read("regency/rules/assignment.toml").unwrap();
    let moved = assignment.replace("takes = [\"pupr\", \"dishub\"]", "takes = [\"dishub\"]");
    let moved = moved.replace("takes = [\"disperkim\"]", "takes = [\"disperkim\", \"pupr\"]");
    assert_ne!(assignment, moved);
    sahut.write("regency/rules/assignment.toml", &moved).unwrap();
    let tried = sahut.json(&["rules", "try", "regency"]).unwrap();
    assert_eq!(tried["offices"]["perkim"]["gained"], 25, "{tried}");
    assert_eq!(tried["offices"]["puprhub"]["lost"], 25, "{tried}");
    assert_eq!((&tried["people"], &tried["running_agrees"]), (&1.into(), &1.into()));
    assert_eq!(tried["others_agree"], 0);
    let why = tried["moved"][0]["why"].as_str().unwrap();
    assert!(why.contains("perkim") && why.contains("‘jalan rusak’"), "{why}");
    let told = sahut.done(&["rules", "try", "regency"]).unwrap();
    assert!(told.contains("puprhub → perkim") && told.contains("and 5 more"), "{told}");

    let refused = sahut.run(&["apply", "regency"]).unwrap();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("100.0 % of the last 25 inquiries"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(sahut.json(&["rules", "list"]).unwrap().as_array().unwrap().len(), 1);
    sahut.done(&["apply", "regency", "--yes"]).unwrap();
    let office =
        |sahut: &Sahut| sahut.json(&["route", "Mohon jalan rusak diperbaiki"]).unwrap()["office"].clone();
    assert_eq!(office(&sahut), "perkim");

    sahut.done(&["rules", "rollback"]).unwrap();
    assert_eq!(office(&sahut), "puprhub");
    let sets = sahut.json(&["rules", "list"]).unwrap();
    let numbers: Vec<_> =
        sets.as_array().unwrap().iter().map(|set| set["revision"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(sets[0]["digest"], sets[2]["digest"]);
    assert_eq!(sets[1]["changed"], serde_json::json!(["rules/assignment.toml"]), "{sets}");

    // What was set aside is tried too.
    let words = "[[kind]]\nkind = \"complaint\"\nstrong = [\"balai pelangi\", \"bercat jingga\"]\n";
    sahut.write("regency/rules/extra.toml", words).unwrap();
    let tried = sahut.json(&["rules", "try", "regency"]).unwrap();
    let opened = tried["opened"].as_array().unwrap();
    assert_eq!((opened.len(), &opened[0]["to"]), (1, &"(triage)".into()), "{tried}");
    assert_eq!(tried["offices"]["(triage)"]["gained"], 1, "{tried}");
    let missing = sahut.run(&["rules", "rollback", "99"]).unwrap();
    assert!(missing.stderr.contains("`sahut rules list`"), "{}", missing.stderr);
}

#[test]
fn every_problem_of_rules_is_told_at_its_place_and_a_failing_example_is_one() {
    let Some(sahut) = or_skip(Sahut::with_archive()) else { return };
    let tested = sahut.json(&["rules", "test", "regency"]).unwrap();
    assert!(tested["passed"].as_i64().unwrap() >= 100 && tested["failed"] == 0, "{tested}");
    assert_eq!(tested["examples"][0]["holds"], true, "{tested}");
    assert!(sahut.done(&["rules", "check", "regency"]).unwrap().contains("no errors"));

    let pupr = sahut.read(PUPR).unwrap();
    sahut.write(PUPR, &format!("kuat = 3\n{pupr}must = [\"guru honorer belum digaji\"]\n")).unwrap();
    let finished = sahut.run(&["rules", "test", "regency"]).unwrap();
    assert_eq!(finished.code, Some(78));
    assert!(finished.stderr.contains("rules/duties/pupr.toml:1:1"), "{}", finished.stderr);
    sahut.write(PUPR, &format!("{pupr}must = [\"guru honorer belum digaji\"]\n")).unwrap();
    let finished = sahut.run(&["rules", "check", "regency"]).unwrap();
    assert_eq!(finished.code, Some(78));
    assert!(finished.stderr.contains("an example fails"), "{}", finished.stderr);
    let finished = sahut.run(&["rules", "check", "regency", "--json"]).unwrap();
    let checked: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((finished.code, &checked["errors"]), (Some(78), &1.into()), "{checked}");
    assert_eq!(checked["problems"][0]["file"], "rules/duties/pupr.toml", "{checked}");
    let finished = sahut.run(&["rules", "test", "regency"]).unwrap();
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("ok     rules/"), "{}", finished.stdout);
    let failed = finished.stdout.lines().skip_while(|line| !line.starts_with("FAILS")).take(2);
    let failed: Vec<&str> = failed.collect();
    assert!(failed[0].contains("must go to puprhub: “guru honorer belum digaji”"), "{failed:?}");
    assert!(failed[1].contains("dibaca sebagai") || failed[1].contains("dikbud"), "{failed:?}");
    let running = sahut.json(&["route", "Mohon jalan rusak diperbaiki"]).unwrap();
    assert_eq!(running["office"], "puprhub", "the running set stays");
}
