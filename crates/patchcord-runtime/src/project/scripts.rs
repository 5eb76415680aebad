//! Compiling the scripts and expressions of a patch file, so that `check` finds what would only fail later.
//!
//! A text is taken for Python when `language` says so, or when `language` leaves it open and the text either comes from
//! a `.py` file or is the callbacks of an operator in the file. Nothing is run. What the compiler says is placed in the
//! script's own file, or in `patch.toml` where the text stands in it.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::declaration::{ContentKind, Kind, ParIndex};
use patchcord_core::parameter::ParValue;

use super::file::{ContentEntry, Entry, FILE_NAME, FileEntry, ParEntry, join};
use super::load::Loaded;
use super::reader::{Reader, SpanKey};
use super::reason::Reason;
use super::report::{Finding, Source};

impl Reader<'_> {
    /// Compiles all scripts and expressions.
    pub fn check_scripts(&mut self, evaluator: &dyn Evaluator) {
        let callbacks = self.callbacks_texts();
        let mut seen = HashSet::new();
        for at in 0..self.entries.len() {
            self.check_expressions(evaluator, at);
            let entry = &self.entries[at];
            if !is_python(entry, callbacks.contains(&entry.path)) {
                continue;
            }
            match &entry.content {
                // Several operators may hold the same file; it is compiled once.
                ContentEntry::File(FileEntry { path, shown, loaded: Loaded::Text(text), .. })
                    if seen.insert(path.clone()) =>
                {
                    if let Err(error) = evaluator.check_script(shown, text) {
                        let source = Source::new(shown, text, &[], 1 + seen.len());
                        let reason = Reason::Script { message: error.message.clone() };
                        self.note_script(Finding::new(reason, place(text, 0, &error), source));
                    }
                }
                ContentEntry::Inline(Loaded::Text(text)) => {
                    if let Err(error) = evaluator.check_script(FILE_NAME, text) {
                        let (message, span) = self.place_inline(at, error);
                        self.note(Reason::Script { message }, span);
                    }
                }
                _ => {}
            }
        }
    }

    /// Message and place of an error in a script that stands in the patch file.
    pub fn place_inline(&self, at: usize, error: ScriptError) -> (String, Range<usize>) {
        let span = self.spans.get(&SpanKey::Text(at)).cloned().unwrap_or(0..0);
        let raw = &self.text[span.clone()];
        // Only a text in triple quotes has lines of its own in the file. A line end behind the quotes is not part of it.
        let Some(lines) = raw.strip_prefix("\"\"\"").or_else(|| raw.strip_prefix("'''")) else {
            return (format!("line {}: {}", error.line, error.message), span);
        };
        let lines = lines.strip_prefix("\r\n").or_else(|| lines.strip_prefix('\n')).unwrap_or(lines);
        let start = span.end - lines.len();
        let place = place(lines, start, &error);
        (error.message, place)
    }

    fn check_expressions(&mut self, evaluator: &dyn Evaluator, at: usize) {
        let entry = &self.entries[at];
        let mut wrong = Vec::new();
        for (index, text) in entry.expressions() {
            // In brackets only an expression compiles, over several lines too.
            if let Err(error) = evaluator.check_script(FILE_NAME, &format!("({text}\n)")) {
                wrong.push((index, error.message));
            }
        }
        for (index, message) in wrong {
            let parameter = self.entries[at].parameter(index).name.clone();
            let span = self.spans.get(&SpanKey::Parameter(at, index.0)).cloned().unwrap_or(0..0);
            self.note(Reason::Expression { parameter, message }, span);
        }
    }

    /// Paths of the texts that serve as callbacks of an operator in the file.
    pub fn callbacks_texts(&self) -> HashSet<Rc<str>> {
        let of_entry = |entry: &Entry| Some(Rc::from(join(entry.parent(), &entry.callbacks_name()?)));
        self.entries.iter().filter_map(of_entry).collect()
    }
}

/// Whether a parameter holds the expression of an extension.
fn is_object(parameter: &str) -> bool {
    parameter.strip_prefix("ext").and_then(|rest| rest.strip_suffix("object")).is_some_and(|number| number.len() == 1)
}

impl Entry {
    /// Parameters that hold an expression, with its text.
    pub fn expressions(&self) -> impl Iterator<Item = (ParIndex, &Rc<str>)> {
        self.parameters.iter().filter_map(|(index, given)| match given {
            ParEntry::Expression(text) | ParEntry::Bind(text) => Some((*index, text)),
            // What makes an extension is an expression, too.
            ParEntry::Constant(ParValue::Str(text)) if is_object(&self.parameter(*index).name) => Some((*index, text)),
            _ => None,
        })
    }

    /// The text that the parameter `callbacks` names, as it is written.
    pub fn callbacks_name(&self) -> Option<Rc<str>> {
        self.parameters.iter().find_map(|(index, given)| match (self.parameter(*index), given) {
            (parameter, ParEntry::Constant(ParValue::Str(name)))
                if parameter.name == "callbacks" && matches!(parameter.kind, Kind::Op { .. }) =>
            {
                Some(name.clone())
            }
            _ => None,
        })
    }
}

/// Whether a text is a script of Python.
pub(super) fn is_python(entry: &Entry, serves_as_callbacks: bool) -> bool {
    if entry.kind.content != ContentKind::Text {
        return false;
    }
    match entry.fixed_value("language") {
        Some(ParValue::Str(language)) if &*language != "input" => &*language == "python",
        _ => {
            let from_py = matches!(&entry.content, ContentEntry::File(file) if file.shown.ends_with(".py"));
            from_py || serves_as_callbacks || entry.kind.is_own_script()
        }
    }
}

/// Where a line begins, counted from 1.
pub(super) fn line_start(text: &str, line: u32) -> usize {
    match line {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line as usize - 2).map_or(text.len(), |(at, _)| at + 1),
    }
}

/// Where an error stands in a text that begins at `start`: from its column to the end of its line.
fn place(text: &str, start: usize, error: &ScriptError) -> Range<usize> {
    let line_start = line_start(text, error.line);
    let line = text[line_start..].split('\n').next().unwrap_or_default().trim_end();
    let column = (error.column as usize).saturating_sub(1);
    let from = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    // A column that is not known, or behind the end, stands for the whole line.
    let from = if error.column == 0 { line.len() - line.trim_start().len() } else { from };
    start + line_start + from..start + line_start + line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_rest_of_its_line() {
        let text = "def f():\n    retrun é\n";
        let at = |line, column| {
            let error = ScriptError { line, column, message: String::new() };
            let place = place(text, 100, &error);
            text[place.start - 100..place.end - 100].to_owned()
        };
        assert_eq!(at(2, 12), "é");
        assert_eq!(at(2, 0), "retrun é");
        assert_eq!(at(1, 5), "f():");
        assert_eq!(at(9, 1), "");
    }
}
