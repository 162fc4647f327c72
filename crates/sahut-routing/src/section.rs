//! Reading a TOML table key by key, noting every problem instead of stopping at the first.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{At, Problems};

/// A text with the place where it was said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) at: At,
}

/// A table being read. Whoever reads it asks for every key it knows and then calls [`Section::finish`].
pub(crate) struct Section<'a> {
    table: DeTable<'a>,
    pub(crate) at: At,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// A whole document; what cannot be read as TOML is noted.
    pub(crate) fn document(source: usize, text: &'a str, problems: &mut Problems) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = At { source, span: error.span().unwrap_or(0..0) };
            problems.error(
                &at,
                format!("this is not TOML: {}", error.message()),
                "",
                "see https://toml.io for how it is written",
            );
        }
        Self { table: table.into_inner(), at: At { source, span: 0..0 }, known: Vec::new() }
    }

    /// A text, where the key is there.
    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<Said> {
        let value = self.take(key)?;
        self.said(key, value, problems)
    }

    /// A text that has to be there.
    pub(crate) fn needed(&mut self, key: &'static str, problems: &mut Problems) -> Option<Said> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            problems.error(
                &self.at,
                format!("`{key}` is missing here"),
                "",
                format!("add a line `{key} = \"...\"`"),
            );
            return None;
        }
        self.text(key, problems)
    }

    /// A list of texts; empty where the key is not there.
    pub(crate) fn list(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Said> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let at = self.place(value.span());
        match value.into_inner() {
            DeValue::Array(items) => {
                items.into_iter().filter_map(|item| self.said(key, item, problems)).collect()
            }
            other => {
                mistyped(problems, &at, key, "a list of texts", other.type_str(), "[\"...\", \"...\"]");
                Vec::new()
            }
        }
    }

    /// A number that is zero or more, where the key is there.
    pub(crate) fn points(&mut self, key: &'static str, problems: &mut Problems) -> Option<f64> {
        let value = self.take(key)?;
        let at = self.place(value.span());
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|n: &f64| n.is_finite() && *n >= 0.0);
        if number.is_none() {
            mistyped(
                problems,
                &at,
                key,
                "a number of points, zero or more",
                value.get_ref().type_str(),
                "1.5",
            );
        }
        number
    }

    /// Yes or no; no where the key is not there.
    pub(crate) fn flag(&mut self, key: &'static str, problems: &mut Problems) -> bool {
        let Some(value) = self.take(key) else { return false };
        let at = self.place(value.span());
        value.get_ref().as_bool().unwrap_or_else(|| {
            mistyped(problems, &at, key, "true or false", value.get_ref().type_str(), "true");
            false
        })
    }

    /// The tables written as `[[key]]`.
    pub(crate) fn sections(&mut self, key: &'static str, problems: &mut Problems) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let at = self.place(value.span());
        let DeValue::Array(items) = value.into_inner() else {
            problems.error(
                &at,
                format!("`{key}` is not a section"),
                format!("expected `[[{key}]]`"),
                "write the name between double brackets, on a line of its own",
            );
            return Vec::new();
        };
        items.into_iter().filter_map(|item| self.section(key, item, problems)).collect()
    }

    /// The table written as `[key]`, as pairs of a key and a text.
    pub(crate) fn pairs(&mut self, key: &'static str, problems: &mut Problems) -> Vec<(Said, Said)> {
        let Some(section) = self.one(key, problems) else { return Vec::new() };
        let source = self.at.source;
        let pair = |(name, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
            let at = At { source, span: name.span() };
            Some((Said { text: name.into_inner().into_owned(), at }, self.said(key, value, problems)?))
        };
        section.table.into_iter().filter_map(pair).collect()
    }

    /// The table written as `[key]`, where it is there.
    pub(crate) fn one(&mut self, key: &'static str, problems: &mut Problems) -> Option<Section<'a>> {
        let value = self.take(key)?;
        self.section(key, value, problems)
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for key in self.table.keys() {
            let known = self.known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            let near = self.known.iter().find(|k| one_edit(k, key.get_ref()));
            let expected = near.map_or("not known here".to_owned(), |near| format!("did you mean `{near}`?"));
            problems.error(
                &self.place(key.span()),
                format!("unknown key `{}`", key.get_ref()),
                expected,
                format!("known here are {known}"),
            );
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn place(&self, span: Range<usize>) -> At {
        At { source: self.at.source, span }
    }

    fn said(&self, key: &str, value: Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Said> {
        let at = self.place(value.span());
        match value.into_inner() {
            DeValue::String(text) => Some(Said { text: text.into_owned(), at }),
            other => {
                mistyped(problems, &at, key, "a text", other.type_str(), "\"...\"");
                None
            }
        }
    }

    fn section(
        &self,
        key: &str,
        value: Spanned<DeValue<'a>>,
        problems: &mut Problems,
    ) -> Option<Section<'a>> {
        let at = self.place(value.span());
        match value.into_inner() {
            DeValue::Table(table) => Some(Section { table, at, known: Vec::new() }),
            other => {
                mistyped(
                    problems,
                    &at,
                    key,
                    "a section",
                    other.type_str(),
                    "lines of `key = value` below it",
                );
                None
            }
        }
    }
}

fn mistyped(problems: &mut Problems, at: &At, key: &str, wanted: &str, found: &str, example: &str) {
    problems.error(
        at,
        format!("`{key}` is {found} here"),
        format!("expected {wanted}"),
        format!("write it like {example}"),
    );
}

/// Whether one letter changed, added, dropped or swapped with its neighbour turns one word into the other.
pub(crate) fn one_edit(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rest = |word: &[u8], skip: usize| word.get(head + skip..).map(<[u8]>::to_vec).unwrap_or_default();
    match a.len().abs_diff(b.len()) {
        0 => {
            let (mut x, y) = (rest(a, 0), rest(b, 0));
            let changed = x.get(1..) == y.get(1..);
            if x.len() >= 2 {
                x.swap(0, 1);
            }
            changed || x == y
        }
        1 if a.len() > b.len() => rest(a, 1) == rest(b, 0),
        1 => rest(a, 0) == rest(b, 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::one_edit;

    #[test]
    fn one_edit_is_one_slip_of_a_finger() {
        for (a, b) in [
            ("strong", "strongg"),
            ("strong", "stong"),
            ("strong", "strang"),
            ("strong", "storng"),
            ("a", "a"),
        ] {
            assert!(one_edit(a, b) && one_edit(b, a), "{a} {b}");
        }
        for (a, b) in [("strong", "normal"), ("strong", "stro"), ("abcd", "badc"), ("", "ab")] {
            assert!(!one_edit(a, b), "{a} {b}");
        }
    }
}
