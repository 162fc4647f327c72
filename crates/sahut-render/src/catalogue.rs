//! The message catalogue: every sentence that people read, one file a language.
//!
//! Keys are dotted paths into `catalogue/*.toml`; a pattern holds its gaps as `{name}`. Tests hold the files to the same
//! keys and the same gaps, and find every key that is used and does not exist, or exists and is not used.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sahut_domain::Language;

type Patterns = BTreeMap<String, String>;

static INDONESIAN: LazyLock<Patterns> = LazyLock::new(|| read(include_str!("../catalogue/id.toml")));
static ENGLISH: LazyLock<Patterns> = LazyLock::new(|| read(include_str!("../catalogue/en.toml")));

/// The pattern under a key, with its gaps.
pub fn pattern(language: Language, key: &str) -> Option<&'static str> {
    patterns(language).get(key).map(String::as_str)
}

/// The sentence under a key, its gaps filled. What is missing shows as its own name, so that a person sees what failed.
///
/// ```
/// use sahut_render::{Language, catalogue::say};
/// assert_eq!(say(Language::Indonesian, "time.left", &[("span", "2 jam")]), "sisa 2 jam");
/// ```
pub fn say(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    pattern(language, key).map_or_else(|| key.to_owned(), |pattern| fill(pattern, values))
}

fn patterns(language: Language) -> &'static Patterns {
    match language {
        Language::Indonesian => &INDONESIAN,
        Language::English => &ENGLISH,
    }
}

/// One pass: what a value brings along is never taken for a gap.
fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, tail)| Some((before, tail.split_once('}')?)))
    {
        out.push_str(before);
        out.push_str(values.iter().find(|(known, _)| *known == name).map_or(name, |(_, value)| value));
        rest = after;
    }
    out + rest
}

/// Flattens tables into dotted keys. The files are part of the program, and a test reads them: here, a file that is not
/// TOML is an empty one.
fn read(file: &str) -> Patterns {
    let mut patterns = Patterns::new();
    flatten("", toml::from_str(file).unwrap_or_default(), &mut patterns);
    patterns
}

fn flatten(path: &str, table: toml::Table, patterns: &mut Patterns) {
    for (name, value) in table {
        let key = if path.is_empty() { name } else { format!("{path}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, patterns),
            toml::Value::String(pattern) => {
                patterns.insert(key, pattern);
            }
            other => {
                patterns.insert(key, other.to_string());
            }
        }
    }
}

/// Every key that begins with one of these.
#[cfg(test)]
pub(crate) fn keys_under(families: &[&str]) -> std::collections::BTreeSet<String> {
    let belongs = |key: &&String| families.iter().any(|family| key.starts_with(family));
    INDONESIAN.keys().filter(belongs).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn gaps(pattern: &str) -> BTreeSet<&str> {
        pattern.split('{').skip(1).filter_map(|tail| tail.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        let keys = |patterns: &Patterns| patterns.keys().cloned().collect::<BTreeSet<_>>();
        assert!(INDONESIAN.len() > 100, "the catalogue could not be read");
        assert_eq!(keys(&INDONESIAN), keys(&ENGLISH));
        for (key, pattern) in &*INDONESIAN {
            assert_eq!(gaps(pattern), gaps(&ENGLISH[key]), "gaps of {key}");
            assert!(!pattern.trim().is_empty() && !ENGLISH[key].trim().is_empty(), "{key} says nothing");
        }
    }

    /// Every string literal in the sources and the templates.
    fn literals(folder: &Path, out: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                literals(&path, out);
                continue;
            }
            for line in std::fs::read_to_string(path).unwrap().lines() {
                out.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_key_is_used_and_every_used_key_exists() {
        // Said by computed keys; their own tests know what belongs in them.
        const FAMILIES: [&str; 7] =
            ["word.", "advice.", "weekday.", "month.", "month_name.", "outcome.", "refusal."];
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut used = BTreeSet::new();
        literals(&root.join("src"), &mut used);
        literals(&root.join("templates"), &mut used);
        let tables: BTreeSet<_> = INDONESIAN.keys().filter_map(|key| key.split('.').next()).collect();
        let computed = |key: &str| FAMILIES.iter().any(|family| key.starts_with(family));
        for key in INDONESIAN.keys().filter(|key| !computed(key)) {
            // The singular and the plural are named by what they have in common.
            let counted = key.strip_suffix(".one").or(key.strip_suffix(".other"));
            assert!(used.contains(counted.unwrap_or(key)), "{key} is said nowhere");
        }
        let is_key = |text: &str| {
            text.split_once('.').is_some_and(|(table, rest)| {
                tables.contains(table) && rest.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
            })
        };
        for key in used.iter().filter(|text| is_key(text) && !computed(text)) {
            let known = [key.clone(), format!("{key}.one")];
            assert!(known.iter().any(|key| INDONESIAN.contains_key(key)), "{key} is said and does not exist");
        }
    }

    #[test]
    fn a_value_is_never_taken_for_a_gap() {
        assert_eq!(fill("a {x} b {y}", &[("x", "{y}"), ("y", "2")]), "a {y} b 2");
        assert_eq!(fill("{x", &[("x", "1")]), "{x");
        assert_eq!(fill("{who}", &[]), "who");
    }
}
