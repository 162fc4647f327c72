#![allow(warnings, clippy::all)]
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_routing::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
fn read_into(folder: &Path, sources: &mut Vec<Source>) {
    for e in fs::read_dir(folder).unwrap() {
        let p = e.unwrap().path();
        if p.is_dir() {
            read_into(&p, sources)
        } else {
            sources.push(Source { path: p.display().to_string(), text: fs::read_to_string(&p).unwrap() })
        }
    }
}
fn rules(r: &str) -> RuleSet {
    let folder = PathBuf::from("config").join(r);
    let t: BTreeMap<String, toml::Value> =
        toml::from_str(&fs::read_to_string(folder.join("offices.toml")).unwrap()).unwrap();
    let offices: Vec<(OfficeCode, OfficeKind)> = t["office"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| {
            (
                OfficeCode::parse(o["code"].as_str().unwrap()).unwrap(),
                o["kind"].as_str().unwrap().parse().unwrap(),
            )
        })
        .collect();
    let t: BTreeMap<String, toml::Value> =
        toml::from_str(&fs::read_to_string(folder.join("regency.toml")).unwrap()).unwrap();
    let mut s = Vec::new();
    read_into(&folder.join("rules"), &mut s);
    RuleSet::compile(&s, &offices, &OfficeCode::parse(t["triage_office"].as_str().unwrap()).unwrap())
        .unwrap_or_else(|p| {
            for p in p {
                println!("{}", p.render())
            }
            panic!()
        })
}
fn rows(name: &str) -> Vec<BTreeMap<String, String>> {
    let t = fs::read_to_string(format!("/work/shared/data/{name}")).unwrap();
    let mut l = t.lines();
    let h: Vec<&str> = l.next().unwrap().split('\t').collect();
    l.map(|l| h.iter().zip(l.split('\t')).map(|(a, b)| (a.to_string(), b.to_string())).collect()).collect()
}
fn w(d: &sahut_domain::decision::Decision) -> String {
    d.weighing.as_ref().map_or(String::new(), |w| {
        format!(
            "{:.1}: {}",
            w.sum,
            w.signs
                .iter()
                .map(|s| format!(
                    "{}{}{:+}",
                    &s.says.as_str()[..2],
                    if s.phrase.is_empty() { "".into() } else { format!(" {}", s.phrase) },
                    s.points
                ))
                .collect::<Vec<_>>()
                .join(", ")
        )
    })
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    match a[1].as_str() {
        "ig" => {
            let r = rules("kabupaten");
            for row in rows("ig_pemkot_komentar.tsv") {
                let d = r.decide(&Input::of(&row["komentar"]));
                println!(
                    "{}\t{}\t{}\t{}",
                    d.kind,
                    if d.kind.needs_action() { "OPEN" } else { "-" },
                    row["komentar"],
                    w(&d)
                );
            }
        }
        "tw" => {
            let r = rules("kabupaten");
            for row in rows("tweet_perlu_tindakan.tsv") {
                let d = r.decide(&Input::of(&row["text"]));
                println!(
                    "{}\t{}\t{}\t{}\t{}",
                    row["label"],
                    d.kind,
                    if d.kind.needs_action() { "OPEN" } else { "-" },
                    row["text"],
                    w(&d)
                );
            }
        }
        "demo" => {
            let r = rules("lebong");
            let t = fs::read_to_string("crates/sahut/demo/citizens.tsv").unwrap();
            for l in t.lines().skip(1) {
                let c: Vec<&str> = l.split('\t').collect();
                let o = OfficeCode::parse(c[2]).unwrap();
                let d = r.decide(&Input { owner: Some(&o), direct: c[1] != "comment", ..Input::of(c[7]) });
                println!(
                    "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                    c[1],
                    c[6],
                    d.kind,
                    if d.kind.needs_action() { "OPEN" } else { "-" },
                    c[2],
                    c[5],
                    d.office.as_ref().map_or("nobody".into(), |o| if d.needs_triage() {
                        "TRIAGE".to_string()
                    } else {
                        o.to_string()
                    }),
                    c[7],
                    w(&d)
                );
            }
        }
        "text" => {
            let r = rules("lebong");
            for t in &a[2..] {
                let d = r.decide(&Input::of(t));
                println!(
                    "{t}\n   {} {:?} {:?} | {}\n   {}",
                    d.kind,
                    d.office.as_ref().map(|o| o.to_string()),
                    d.basis,
                    w(&d),
                    explain(&d, &|c| c.to_string(), sahut_domain::Language::Indonesian)
                );
            }
        }
        _ => {}
    }
}
