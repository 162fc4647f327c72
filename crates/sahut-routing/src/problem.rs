//! What is wrong with a rule file, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Whether a set of rules with this problem can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The set works, but probably not as it was meant.
    Warning,
    /// The set is refused.
    Error,
}

/// One problem of a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the set from being used.
    pub severity: Severity,
    /// The file, as it was named to [`RuleSet::compile`](crate::RuleSet::compile).
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What was expected at this place.
    pub expected: String,
    /// What to do.
    pub help: String,
    span: Range<usize>,
    text: Arc<str>,
}

impl Problem {
    /// An error at a place of a file, for whoever reads the other files of a configuration set.
    pub fn at(
        source: &Source,
        span: Range<usize>,
        what: impl Into<String>,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (line, column) = position(&source.text, span.start);
        Self {
            severity: Severity::Error,
            path: source.path.clone(),
            line,
            column,
            what: what.into(),
            expected: expected.into(),
            help: help.into(),
            span,
            text: source.text.as_str().into(),
        }
    }

    /// The problem as text for a terminal: the line with its place underlined, and what to do. No colours.
    pub fn render(&self) -> String {
        self.render_with(&Renderer::plain())
    }

    /// The same, with the colours of a terminal.
    pub fn render_coloured(&self) -> String {
        self.render_with(&Renderer::styled())
    }

    fn render_with(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let place = AnnotationKind::Primary.span(self.span.clone()).label(&self.expected);
        let mut group: Group<'_> = level
            .primary_title(&self.what)
            .element(Snippet::source(&*self.text).path(&self.path).annotation(place));
        if !self.help.is_empty() {
            group = group.element(Level::HELP.message(&self.help));
        }
        renderer.render(&[group]).clone()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.what)
    }
}

/// Line and column, counted from 1, of a byte in a text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or_default();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// A file of rules, as it was given.
#[derive(Debug, Clone)]
pub struct Source {
    /// How people find it: a path.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// A place in one of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) source: usize,
    pub(crate) span: Range<usize>,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    sources: Vec<(String, Arc<str>)>,
    found: Vec<Problem>,
}

impl Problems {
    /// With the sources that places point into.
    pub(crate) fn of(sources: &[&Source]) -> Self {
        let sources =
            sources.iter().map(|source| (source.path.clone(), source.text.as_str().into())).collect();
        Self { sources, found: Vec::new() }
    }

    /// Notes an error.
    pub(crate) fn error(
        &mut self,
        at: &At,
        what: impl Into<String>,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, at, what.into(), expected.into(), help.into());
    }

    /// Notes a warning.
    pub(crate) fn warn(
        &mut self,
        at: &At,
        what: impl Into<String>,
        expected: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, at, what.into(), expected.into(), help.into());
    }

    fn push(&mut self, severity: Severity, at: &At, what: String, expected: String, help: String) {
        let Some((path, text)) = self.sources.get(at.source) else { return };
        let (line, column) = position(text, at.span.start);
        let (path, text, span) = (path.clone(), Arc::clone(text), at.span.clone());
        self.found.push(Problem { severity, path, line, column, what, expected, help, span, text });
    }

    /// Whether nothing found so far stops the set from being used.
    pub(crate) fn usable(&self) -> bool {
        self.found.iter().all(|problem| problem.severity == Severity::Warning)
    }

    /// A place as people say it: `rules/pupr.toml:12`.
    pub(crate) fn place(&self, at: &At) -> String {
        let (path, line) = self.position(at);
        format!("{path}:{line}")
    }

    /// The file and the line of a place.
    pub(crate) fn position(&self, at: &At) -> (String, usize) {
        let Some((path, text)) = self.sources.get(at.source) else { return (String::new(), 0) };
        (path.clone(), position(text, at.span.start).0)
    }

    /// All problems, in the order of files and lines.
    pub(crate) fn into_found(mut self) -> Vec<Problem> {
        self.found
            .sort_by(|a, b| (&a.path, a.line, a.column, &a.what).cmp(&(&b.path, b.line, b.column, &b.what)));
        self.found
    }
}
