//! What the author of a rule file is told: everything at once, each with its place and what to do.

#![cfg(test)]

use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_routing::{Problem, RuleSet, Severity, Source};

fn compile(files: &[(&str, &str)]) -> Result<RuleSet, Vec<Problem>> {
    let office = |code| OfficeCode::parse(code).unwrap();
    let offices = [
        (office("dinkes"), OfficeKind::Technical),
        (office("pupr"), OfficeKind::Technical),
        (office("kec-topos"), OfficeKind::District),
    ];
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    RuleSet::compile(&sources, &offices, &office("pupr"))
}

fn rendered(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn all_problems_are_told_at_once() {
    let roads = r#"duty = "pupr"

[[topic]]
name = "jalan"
stong = ["jalan rusak"]
normal = ["!!!", 7]
kinds = ["complain"]
places = ["Tubei"]
must = ["tolong, jalan rusak"]
must_not = "jalan"
"#;
    let places = r#"[[place]]
name = "Topos"
office = "kec-tpos"

[[place]]
name = "Mana"

[[office]]
code = "dinkess"
takes = ["kesehatan"]
"#;
    let problems = compile(&[("rules/pupr.toml", roads), ("rules/places.toml", places)]).unwrap_err();
    insta::assert_snapshot!(rendered(&problems));
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    let problems =
        compile(&[("rules/pupr.toml", "duty = \"pupr\"\nnames = [\"a\"\nstrong = 3 3\n")]).unwrap_err();
    assert!(
        problems.iter().all(|problem| problem.severity == Severity::Error && problem.line > 1),
        "{problems:?}"
    );
}

#[test]
fn an_example_that_fails_refuses_the_set() {
    let gate = "[[kind]]\nkind = \"complaint\"\nstrong = [\"tolong\"]\n";
    let roads = "duty = \"pupr\"\n\n[[topic]]\nname = \"jalan\"\nstrong = [\"jalan rusak\"]\nmust = [\"tolong puskesmas\"]\n";
    let health = "duty = \"dinkes\"\n\n[[topic]]\nname = \"puskesmas\"\nstrong = [\"puskesmas\"]\nmust_not = [\"tolong puskesmas kami\"]\n";
    let problems =
        compile(&[("gate.toml", gate), ("pupr.toml", roads), ("dinkes.toml", health)]).unwrap_err();
    insta::assert_snapshot!(rendered(&problems));
}

#[test]
fn what_works_but_was_hardly_meant_is_a_warning() {
    let roads = "duty = \"pupr\"\n\n[[topic]]\nname = \"jalan\"\nstrong = [\"banjir\", \"jalan rusak\", \"Jalan  rusak\"]\nexcludes = [\"rusak\"]\n";
    let health = "duty = \"dinkes\"\n\n[[topic]]\nname = \"wabah\"\nstrong = [\"banjir\", \"pkm\"]\n\n[words]\npkm = \"puskesmas\"\n";
    let nobody = "duty = \"pajak\"\n\n[[topic]]\nname = \"pajak\"\nstrong = [\"pbb\"]\n";
    let rules = compile(&[("pupr.toml", roads), ("dinkes.toml", health), ("pajak.toml", nobody)]).unwrap();
    insta::assert_snapshot!(rendered(rules.warnings()));
}

#[test]
fn two_sets_of_points_contradict_each_other() {
    let decide = "[decide]\nleast = 2.0\n";
    let problems = compile(&[("a.toml", decide), ("b.toml", "[decide]\nleast = -1\n")]).unwrap_err();
    insta::assert_snapshot!(rendered(&problems));
}

#[test]
fn a_phrase_that_its_topic_makes_impossible_is_a_warning() {
    let warned = |conditions: &str| {
        let topic =
            format!("duty = \"pupr\"\n[[topic]]\nname = \"jalan\"\nstrong = [\"aspal\"]\n{conditions}\n");
        let places = "[[place]]\nname = \"Topos\"\noffice = \"kec-topos\"\n\
            [[place]]\nname = \"Curup\"\noutside = \"Rejang Lebong\"\n";
        let rules = compile(&[("a.toml", &topic), ("b.toml", places)]).unwrap();
        rules.warnings().iter().map(|warning| warning.expected.clone()).collect::<Vec<_>>().join(";")
    };
    assert_eq!(
        warned("requires = [\"jalan\"]\nkinds = [\"noise\", \"complaint\"]\nplaces = [\"Topos\", \"Curup\"]"),
        ""
    );
    assert!(warned("kinds = [\"noise\", \"thanks\"]").contains("`kinds`"));
    assert!(warned("places = [\"Curup\"]").contains("`places`"));
    assert!(warned("requires = [\"jalan tol\"]\nexcludes = [\"tol\"]").contains("requires"));
    assert!(warned("excludes = [\"aspal\"]").contains("excludes `aspal`"));
}

#[test]
fn an_emergency_that_nobody_receives_is_refused() {
    let emergency = "[[emergency]]\nname = \"kebakaran\"\nto = \"damkar\"\nstrong = [\"kebakaran\"]\n";
    let taken = "[[office]]\ncode = \"dinkes\"\ntakes = [\"damkar\"]\n";
    let duty = "duty = \"damkar\"\n";
    assert!(rendered(&compile(&[("rules/emergency.toml", emergency)]).unwrap_err()).contains("`kebakaran`"));
    compile(&[("a.toml", emergency), ("b.toml", taken), ("c.toml", duty)]).unwrap();
}

#[test]
fn a_duty_that_two_offices_seem_to_have_is_a_warning() {
    let duties = [("a.toml", "duty = \"dinkes\"\n"), ("b.toml", "duty = \"pupr\"\n")];
    let warnings = |offices: &str| {
        let files = [duties.as_slice(), &[("c.toml", offices)]].concat();
        rendered(compile(&files).unwrap().warnings())
    };
    let taken = "[[office]]\ncode = \"pupr\"\ntakes = [\"pupr\", \"dinkes\"]\n";
    assert!(warnings(taken).contains("two offices answer for the duty `dinkes`"));
    let swapped = "[[office]]\ncode = \"pupr\"\ntakes = [\"dinkes\"]\n\
        [[office]]\ncode = \"dinkes\"\ntakes = [\"pupr\"]\n";
    assert_eq!(warnings(swapped), "");
}

#[test]
fn a_single_letter_is_no_phrase() {
    let duty = "duty = \"pupr\"\n[[topic]]\nname = \"jalan\"\nstrong = [\"a\"]\n";
    assert!(rendered(&compile(&[("a.toml", duty)]).unwrap_err()).contains("single letter"));
}
