//! Reports: all that is wrong with a patch, each finding with its place, ready to be shown.
//!
//! A [`Report`] lists errors and warnings apart, in the order in which they stand in their files. It is a
//! [`miette::Diagnostic`], so a program can hand it on; [`Report::render`] draws it for a terminal or as plain ASCII.
//!
//! Promised: the text that is shown around a finding has the values of secret parameters blotted out.

use std::fmt;
use std::io::IsTerminal;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};

use super::reason::Reason;

/// Everything that a check found.
#[derive(Clone, Default)]
pub struct Report {
    /// Errors first, then warnings; each in the order of their places.
    findings: Vec<Finding>,
    /// See [`Report::faulty_files`].
    pub(super) faulty_files: Vec<PathBuf>,
}

impl Report {
    pub(super) fn new(mut findings: Vec<Finding>) -> Self {
        // Findings of one file stay together; a script's come after those of the patch file.
        findings.sort_by_key(|finding| {
            let own = finding.source.as_ref().map(|source| source.order);
            (finding.is_warning(), own, finding.span.as_ref().map(|span| span.start))
        });
        Report { findings, faulty_files: Vec::new() }
    }

    /// A report of one thing that has no place in a file.
    pub(super) fn of(reason: Reason) -> Self {
        Report::new(vec![Finding { reason, span: None, source: None }])
    }

    /// Files and folders that the patch file names and that are missing, cannot be read or hold what does not fit: the patch
    /// file may be right when one of them is another.
    pub fn faulty_files(&self) -> &[PathBuf] {
        &self.faulty_files
    }

    /// What keeps the patch from running.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_warning())
    }

    /// What is worth a look although the patch runs.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_warning())
    }

    /// Takes the remarks on scripts out, and says how many there were.
    pub fn without_remarks(mut self) -> (Self, usize) {
        let before = self.findings.len();
        self.findings.retain(|finding| !finding.reason.is_remark());
        let remarks = before - self.findings.len();
        (self, remarks)
    }

    /// Whether there is anything that keeps the patch from running.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The whole report as text, for a terminal of `width` columns.
    pub fn render(&self, style: Style, width: usize) -> String {
        let theme = match style {
            Style::Colours => GraphicalTheme::unicode(),
            Style::Plain => GraphicalTheme { styles: miette::ThemeStyles::none(), ..GraphicalTheme::ascii() },
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width.max(40)).without_syntax_highlighting();
        let mut text = String::new();
        for finding in &self.findings {
            // Writing into a String does not fail.
            let _ = handler.render_report(&mut text, finding);
            if !text.ends_with("\n\n") {
                text.push('\n');
            }
        }
        text.push_str(&self.to_string());
        text.push('\n');
        text
    }
}

/// How a report is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Colours and line-drawing characters.
    Colours,
    /// ASCII without colours, for files, pipes and `NO_COLOR`.
    Plain,
}

impl Style {
    /// Colours for a terminal, unless the environment variable `NO_COLOR` is set to anything (no-color.org).
    pub fn of(stream: &impl IsTerminal) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !no_colour { Style::Colours } else { Style::Plain }
    }
}

impl fmt::Display for Report {
    /// How much was found: `2 errors, 1 warning`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (errors, warnings) = (self.errors().count(), self.warnings().count());
        match (errors, warnings) {
            (0, 0) => f.write_str("nothing is wrong"),
            (errors, 0) => f.write_str(&count(errors, "error")),
            (0, warnings) => f.write_str(&count(warnings, "warning")),
            (errors, warnings) => write!(f, "{}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.findings.iter().map(Finding::line)).finish()
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn severity(&self) -> Option<Severity> {
        Some(if self.has_errors() { Severity::Error } else { Severity::Warning })
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.findings.iter().map(|finding| finding as &dyn Diagnostic)))
    }
}

/// One thing that was found, and where.
#[derive(Clone)]
pub struct Finding {
    reason: Reason,
    span: Option<Range<usize>>,
    source: Option<Arc<Source>>,
}

impl Finding {
    pub(super) fn new(reason: Reason, span: Range<usize>, source: Arc<Source>) -> Self {
        Finding { reason, span: Some(span), source: Some(source) }
    }

    /// What is wrong.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Whether the patch can run all the same.
    pub fn is_warning(&self) -> bool {
        self.reason.is_warning()
    }

    /// Name of the file that it stands in, relative to the patch folder.
    pub fn file(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.named.name())
    }

    /// Line and column, both counted from 1; a column is one character.
    pub fn place(&self) -> Option<(usize, usize)> {
        let (span, source) = (self.span.as_ref()?, self.source.as_ref()?);
        let before = source.named.inner().get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }

    /// The finding in one line: `patch.toml:3:5: error: there is no …`.
    pub fn line(&self) -> String {
        let kind = if self.is_warning() { "warning" } else { "error" };
        match (self.file(), self.place()) {
            (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: {kind}: {}", self.reason),
            (Some(file), None) => format!("{file}: {kind}: {}", self.reason),
            _ => format!("{kind}: {}", self.reason),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

impl std::error::Error for Finding {}

impl Diagnostic for Finding {
    fn severity(&self) -> Option<Severity> {
        Some(if self.is_warning() { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.reason.help().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| &source.named as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len()))))
    }
}

/// Text of a file that findings point into.
pub(super) struct Source {
    named: NamedSource<String>,
    order: usize,
}

impl Source {
    /// A text with the spans in `secrets` blotted out. `order` says which file comes first in a report.
    pub fn new(name: &str, text: &str, secrets: &[Range<usize>], order: usize) -> Arc<Self> {
        Arc::new(Source { named: NamedSource::new(name, blot(text, secrets)), order })
    }
}

/// Puts a `*` for every byte inside the spans, so that all positions stay; line ends stay too.
fn blot(text: &str, spans: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if character != '\n' && spans.iter().any(|span| span.contains(&at)) {
            out.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            out.push(character);
        }
    }
    out
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_without_moving_anything() {
        let text = "a = \"sé\ncret\"\nb = 1";
        let blotted = blot(text, std::slice::from_ref(&(4..14)));
        assert_eq!(blotted.len(), text.len());
        assert_eq!(blotted, "a = ****\n*****\nb = 1");
    }

    #[test]
    fn a_report_can_be_handed_on_as_an_error_of_miette() {
        let report: miette::Report = Report::of(Reason::NoType).into();
        assert_eq!(report.to_string(), "1 error");
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("patch.toml", "x = 1\n\"é\" = 2\n", &[], 0);
        let finding = Finding::new(Reason::NoType, 13..14, source);
        assert_eq!(finding.place(), Some((2, 7)));
        assert_eq!(finding.line(), "patch.toml:2:7: error: the operator has no type");
    }
}
