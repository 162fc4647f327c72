//! The walls of the house: which crate may know which, and where SQL may stand.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whom each crate may know. Tests may know more.
const ARROWS: &[(&str, &[&str])] = &[
    ("sahut-domain", &[]),
    ("sahut-routing", &["domain"]),
    ("sahut-store", &["domain"]),
    ("sahut-mail", &["domain"]),
    ("sahut-render", &["domain"]),
    ("sahut-channels", &["domain", "mail"]),
    ("sahut-pipeline", &["domain", "routing", "store", "mail", "render", "channels"]),
    ("sahut-web", &["domain", "routing", "store", "render"]),
    ("sahut-simulator", &["domain"]),
    ("sahut-testing", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn arrows_point_one_way() {
    let known = dependencies();
    for (name, allowed) in ARROWS {
        let allowed: BTreeSet<String> = allowed.iter().map(|short| format!("sahut-{short}")).collect();
        let drawn = &known[*name];
        let forbidden: Vec<_> = drawn.difference(&allowed).collect();
        assert!(forbidden.is_empty(), "{name} must not know {forbidden:?}");
    }
    for (name, drawn) in &known {
        let outside = name == "sahut" || name == "sahut-tests" || name == "xtask";
        assert!(outside || !drawn.contains("sahut"), "nobody may know the binary, {name} does");
    }
}

#[test]
fn what_is_pure_compiles_without_a_runtime() {
    for name in ["sahut-domain", "sahut-routing"] {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "-p", name, "-e", "normal", "--prefix", "none"])
            .current_dir(root())
            .output()
            .unwrap();
        let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
        assert!(tree.contains(name), "{tree}");
        assert!(!tree.lines().any(|line| line.starts_with("tokio ")), "{name} draws tokio in");
    }
}

#[test]
fn only_the_store_speaks_sql() {
    let mut found = Vec::new();
    for (name, _) in ARROWS.iter().filter(|(name, _)| !["sahut-store", "sahut-testing"].contains(name)) {
        search(&root().join("crates").join(name).join("src"), &mut found);
    }
    search(&root().join("crates/sahut/src"), &mut found);
    assert!(found.is_empty(), "SQL outside the store: {found:?}");
}

fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let sql = ["SELECT ", "INSERT INTO ", "DELETE FROM "].iter().any(|word| text.contains(word));
            if sql {
                found.push(path.display().to_string());
            }
        }
    }
}

/// Members of the workspace by name, with the members that they need outside of tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let normal = |package: &serde_json::Value| {
        let needs = package["dependencies"].as_array().unwrap().iter();
        needs
            .filter(|need| need["kind"].is_null())
            .filter_map(|need| Some(need["name"].as_str()?.to_owned()))
            .filter(|name| name.starts_with("sahut"))
            .collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), normal(package))).collect()
}
