//! What is wrong with a graph, each thing with its place.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The graph does not run.
    Error,
    /// It runs, and something is worth a look.
    Warning,
    /// A remark.
    Hint,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The node that it is about, as `function/node` inside a function; empty when it is of the file as a whole.
    pub node: String,
    /// What is wrong, in plain words.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
}

/// Collects findings.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    all: Vec<Finding>,
    errors: usize,
    /// The node that is being looked at.
    pub node: String,
}

impl Findings {
    pub fn error(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.note(Severity::Error, span, message.into(), help.into());
    }

    pub fn warning(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.note(Severity::Warning, span, message.into(), help.into());
    }

    pub fn hint(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.note(Severity::Hint, span, message.into(), help.into());
    }

    fn note(&mut self, severity: Severity, span: Range<usize>, message: String, help: Option<String>) {
        self.errors += usize::from(severity == Severity::Error);
        self.all.push(Finding { severity, node: self.node.clone(), message, help, span });
    }

    /// How many errors there are so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// All, in the order of their places.
    pub fn into_all(mut self) -> Vec<Finding> {
        self.all.sort_by_key(|finding| (finding.span.start, finding.severity));
        self.all
    }
}

/// `did you mean "…"?`, when a name is near enough.
pub(crate) fn suggestion(nearest: Option<String>) -> Option<String> {
    nearest.map(|name| format!("did you mean \"{name}\"?"))
}
