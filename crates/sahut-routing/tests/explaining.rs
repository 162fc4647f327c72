//! Explanations as people read them, in both languages.

#![cfg(test)]

use sahut_domain::Language;
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_routing::{Input, RuleSet, Source, explain};

const RULES: &str = r#"
[[kind]]
kind = "complaint"
normal = ["mohon", "tolong", "rusak", "mati", "kecewa"]
strong = ["sangat kecewa"]

[[kind]]
kind = "thanks"
strong = ["mantap"]

[[kind]]
kind = "emergency"
strong = ["ada kebakaran", "tolong segera datang"]

[[emergency]]
name = "kebakaran"
to = "satpolpp"
strong = ["kebakaran"]
normal = ["api"]

[words]
jln = "jalan"

[[place]]
name = "Topos"
office = "kec-topos"

[[place]]
name = "Curup"
outside = "Kabupaten Rejang Lebong"

[[outside]]
name = "PLN"
tell = "Gangguan listrik ditangani PLN: telepon 123."
strong = ["listrik padam"]

[[office]]
code = "dinkes"
handles = ["dinkeslebong"]
"#;
const DUTIES: [(&str, &str); 4] = [
    (
        "pupr",
        "strong = [\"jalan rusak\", \"jembatan\"]\nnormal = [\"lubang\"]\nweak = [\"jalan\"]\nexcludes = [\"jalan keluar\"]",
    ),
    ("dinkes", "strong = [\"puskesmas\"]\nnormal = [\"dokter\"]\nweak = [\"sakit\"]"),
    ("satpolpp", "strong = [\"kebakaran\"]"),
    ("kecamatan", "strong = [\"camat\"]"),
];

fn office(code: &str) -> OfficeCode {
    OfficeCode::parse(code).unwrap()
}

fn rules() -> RuleSet {
    let mut sources = vec![Source { path: "gate.toml".to_owned(), text: RULES.to_owned() }];
    for (duty, phrases) in DUTIES {
        let district = if duty == "kecamatan" { "district = true\n" } else { "" };
        let text = format!("duty = \"{duty}\"\n{district}[[topic]]\nname = \"{duty}\"\n{phrases}\n");
        sources.push(Source { path: format!("{duty}.toml"), text });
    }
    let technical =
        ["dinkes", "kominfo", "pupr", "satpolpp"].map(|code| (office(code), OfficeKind::Technical));
    let districts = ["kec-amen", "kec-topos"].map(|code| (office(code), OfficeKind::District));
    let offices: Vec<_> = technical.into_iter().chain(districts).collect();
    RuleSet::compile(&sources, &offices, &office("kominfo")).unwrap()
}

fn name(code: &OfficeCode) -> String {
    let known = [
        ("dinkes", "Dinas Kesehatan"),
        ("kominfo", "Dinas Kominfo"),
        ("pupr", "Dinas PUPR"),
        ("satpolpp", "Satpol PP"),
        ("kec-topos", "Kecamatan Topos"),
    ];
    known
        .iter()
        .find(|(known, _)| *known == code.as_str())
        .map_or_else(|| code.to_string(), |(_, name)| (*name).to_owned())
}

#[test]
fn every_sort_of_decision_is_told() {
    let rules = rules();
    let dinkes = office("dinkes");
    let mut told = String::new();
    for (text, owner) in [
        ("Tolong, jln rusak dan penuh lubang", None),
        ("tolong jalan rusak di depan puskesmas", Some(&dinkes)),
        ("tolong dokter di puskesmass tidak ada, jalan rusak", None),
        ("tolong jembatannya, sudah lama", None),
        ("@dinkeslebong mohon jalan rusak", None),
        ("kami sangat kecewa, tolong", Some(&dinkes)),
        ("kami sangat kecewa, tolong", None),
        ("tolong, puskesmas dan jembatan", None),
        ("tolong, saya sakit", None),
        ("tolong listrik padam", None),
        ("jalan rusak di Curup, tolong", None),
        ("pak camat mohon", None),
        ("pak camat Topos mohon", None),
        ("ada kebakaran, jembatan ikut terbakar api", None),
        ("tolong segera datang ke jembatan", None),
        ("rusak wkwk", None),
        ("mantap", None),
        ("halo", None),
    ] {
        let decision = rules.decide(&Input { owner, ..Input::of(text) });
        let lines = Language::ALL.iter().map(|language| explain(&decision, &name, *language));
        let lines: Vec<String> = lines.map(|line| format!("  {line}")).collect();
        told.push_str(text);
        told.push('\n');
        told.push_str(&lines.join("\n"));
        told.push_str("\n\n");
    }
    insta::assert_snapshot!(told);
}
