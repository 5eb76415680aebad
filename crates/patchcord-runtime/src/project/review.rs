//! Reviewing the scripts of a patch file: what they use that is not there, found without running them.
//!
//! The [`Reviewer`] knows the language; here the facts of the file are put together for it, and its remarks are placed:
//! in the script's own file, or in `patch.toml` where the script or expression stands in it. Remarks are warnings, since
//! what a script reaches only under a condition may never be reached.

use std::path::PathBuf;
use std::rc::Rc;

use patchcord_core::callbacks::ScriptError;
use patchcord_core::declaration::ContentKind;

use super::file::{ContentEntry, Entry, FileEntry, join};
use super::load::Loaded;
use super::reader::{Reader, SpanKey};
use super::reason::Reason;
use super::report::{Finding, Source};
use super::scripts::{is_python, line_start};

/// Looks through scripts.
pub trait Reviewer {
    /// What the scripts use and what is not there.
    fn review(&self, patch: &ReviewedPatch, scripts: &[ReviewedScript]) -> Vec<Remark>;
}

/// A review that is wanted.
#[derive(Clone, Copy)]
pub struct Review<'a> {
    /// Who does it.
    pub reviewer: &'a dyn Reviewer,
    /// A patch with more scripts and expressions than this is not reviewed: `run` is not to wait long for it.
    pub most: usize,
}

/// A patch file, as far as a review needs it.
#[derive(Clone, Debug, Default)]
pub struct ReviewedPatch {
    /// Its operators.
    pub operators: Vec<ReviewedOperator>,
    /// Whether operators of types that are not here are made as stand-ins, which accept everything.
    pub stand_ins: bool,
}

/// An operator of the patch file, as far as a review needs it.
#[derive(Clone, Debug)]
pub struct ReviewedOperator {
    /// Absolute path.
    pub path: String,
    /// Name of its type.
    pub kind: &'static str,
    /// Absolute path of the text that its `callbacks` parameter names; empty when it names none.
    pub callbacks: String,
}

/// A script or an expression of the patch file.
#[derive(Clone, Debug)]
pub struct ReviewedScript {
    /// Absolute path of the operator that holds it.
    pub path: String,
    /// Its text.
    pub text: Rc<str>,
    /// It is an expression.
    pub is_expression: bool,
    /// It is surely a script; another text may turn out to be one when a script imports it.
    pub is_script: bool,
}

/// Something that a script uses and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Which of the scripts, counted from 0.
    pub script: usize,
    /// Line, counted from 1.
    pub line: u32,
    /// First byte within the line, counted from 0.
    pub start: u32,
    /// The byte behind its last one within the line.
    pub end: u32,
    /// What is the matter.
    pub message: String,
    /// What helps; empty when nothing is known.
    pub help: String,
}

/// Where a script stands.
enum Place {
    /// In a file of its own.
    File { path: PathBuf, shown: Rc<str> },
    /// As text of an entry.
    Text(usize),
    /// As a parameter of an entry.
    Parameter(usize, u32),
}

impl Reader<'_> {
    /// Notes what a reviewer remarks.
    pub fn review_scripts(&mut self, review: &Review<'_>) {
        let (places, scripts) = self.reviewed_scripts();
        if scripts.is_empty() || scripts.len() > review.most {
            return;
        }
        let mut operators = Vec::new();
        for entry in &self.entries {
            let callbacks = entry.callbacks_name().map(|name| join(&self.settings.at, &join(entry.parent(), &name)));
            let path = join(&self.settings.at, &entry.path);
            operators.push(ReviewedOperator { path, kind: entry.kind.name, callbacks: callbacks.unwrap_or_default() });
        }
        let patch = ReviewedPatch { operators, stand_ins: self.settings.stand_ins };
        for remark in review.reviewer.review(&patch, &scripts) {
            let (Some(script), Some(place)) = (scripts.get(remark.script), places.get(remark.script)) else { continue };
            self.note_remark(remark, place, &script.text);
        }
    }

    fn reviewed_scripts(&self) -> (Vec<Place>, Vec<ReviewedScript>) {
        let callbacks = self.callbacks_texts();
        let (mut places, mut scripts) = (Vec::new(), Vec::new());
        for (at, entry) in self.entries.iter().enumerate() {
            let path = join(&self.settings.at, &entry.path);
            for (index, text) in entry.expressions() {
                places.push(Place::Parameter(at, index.0));
                let (path, text) = (path.clone(), text.clone());
                scripts.push(ReviewedScript { path, text, is_expression: true, is_script: true });
            }
            let (place, text) = match &entry.content {
                ContentEntry::Inline(Loaded::Text(text)) => (Place::Text(at), text),
                ContentEntry::File(FileEntry { path, shown, loaded: Loaded::Text(text), .. }) => {
                    (Place::File { path: path.clone(), shown: shown.clone() }, text)
                }
                _ => continue,
            };
            if may_be_script(entry) {
                places.push(place);
                let is_script = is_python(entry, callbacks.contains(&entry.path));
                scripts.push(ReviewedScript { path, text: text.clone(), is_expression: false, is_script });
            }
        }
        (places, scripts)
    }

    fn note_remark(&mut self, remark: Remark, place: &Place, text: &str) {
        let (start, end) = (remark.start as usize, remark.end.max(remark.start) as usize);
        let message = remark.message;
        match place {
            Place::File { path, shown } => {
                // Several operators may hold the same file; what is said of it is said once.
                if self.remarked.insert((path.clone(), remark.line, remark.start, message.clone())) {
                    let line = line_start(text, remark.line);
                    let reason = Reason::ScriptUse { message, help: remark.help };
                    let source = Source::new(shown, text, &[], 1 + self.remarked.len());
                    self.note_script(Finding::new(reason, line + start..line + end, source));
                }
            }
            Place::Text(at) => {
                let line = text[line_start(text, remark.line)..].split('\n').next().unwrap_or_default();
                let column = line.get(..start).map_or(0, |before| before.chars().count() as u32 + 1);
                let error = ScriptError { line: remark.line, column, message: message.clone() };
                let (message, span) = self.place_inline(*at, error);
                let end = (span.start + end - start).min(span.end);
                let span = if column > 0 { span.start..end } else { span };
                self.note(Reason::ScriptUse { message, help: remark.help }, span);
            }
            Place::Parameter(at, index) => {
                let span = self.spans.get(&SpanKey::Parameter(*at, *index)).cloned().unwrap_or(0..0);
                self.note(Reason::ScriptUse { message, help: remark.help }, span);
            }
        }
    }
}

fn may_be_script(entry: &Entry) -> bool {
    entry.kind.content == ContentKind::Text
}
