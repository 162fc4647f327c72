//! The configuration sets that the project ships, as the tests read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_routing::{Problem, RuleSet, Source};

/// The rules of one regency with what they are compiled for.
pub(crate) struct Shipped {
    pub(crate) sources: Vec<Source>,
    pub(crate) offices: Vec<(OfficeCode, OfficeKind)>,
    pub(crate) triage: OfficeCode,
}

impl Shipped {
    /// Reads `config/<regency>`, whatever of it is shared with another one.
    pub(crate) fn read(regency: &str) -> Self {
        let folder = root().join("config").join(regency);
        let offices = table(&folder.join("offices.toml"));
        let office = |entry: &toml::Value| {
            let text = |key: &str| entry[key].as_str().unwrap();
            (code(text("code")), text("kind").parse().unwrap())
        };
        let mut sources = Vec::new();
        read_into(&folder.join("rules"), &mut sources);
        Self {
            sources,
            offices: offices["office"].as_array().unwrap().iter().map(office).collect(),
            triage: code(table(&folder.join("regency.toml"))["triage_office"].as_str().unwrap()),
        }
    }

    /// Leaves out an office and the file of the duty that is called like it.
    pub(crate) fn without(mut self, office: &str) -> Self {
        self.sources.retain(|source| !source.path.ends_with(&format!("duties/{office}.toml")));
        self.offices.retain(|(code, _)| code.as_str() != office);
        self
    }

    /// Compiles the rules, or shows what is wrong with them.
    pub(crate) fn compile(&self) -> RuleSet {
        RuleSet::compile(&self.sources, &self.offices, &self.triage)
            .unwrap_or_else(|problems| panic!("{}", rendered(&problems)))
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn code(text: &str) -> OfficeCode {
    OfficeCode::parse(text).unwrap()
}

pub(crate) fn rendered(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect::<Vec<_>>().join("\n")
}

fn table(path: &Path) -> BTreeMap<String, toml::Value> {
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn read_into(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_into(&path, sources);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source { path: path.display().to_string(), text });
        }
    }
}
