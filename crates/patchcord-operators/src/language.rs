//! The language of a text, and the check that it compiles.
//!
//! The `language` parameter decides; left at `input` the name of the file does, and a text that serves as callbacks is
//! Python whatever its file is called. Python is checked by the [`Evaluator`] and only where there is one; JSON is
//! checked here. What does not compile is a problem under the cause `script`, which whoever runs scripts files too: a
//! problem of theirs says more and is left alone.
//!
//! [`Evaluator`]: patchcord_core::callbacks::Evaluator

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::callbacks::ScriptError;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;

use crate::dat_file::setting;

/// Cause of the error that a text does not compile.
const SCRIPT: &str = "script";

/// A language that a text may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Text,
    Python,
    Json,
    Xml,
    Glsl,
    Tscript,
}

impl Language {
    /// The language of a DAT's text now.
    pub fn of(network: &Network, op: OpId) -> Self {
        match setting(network, op, "language").map(|value| value.to_text()).as_deref() {
            Some("text") => Language::Text,
            Some("python") => Language::Python,
            Some("json") => Language::Json,
            Some("xml") => Language::Xml,
            Some("glsl") => Language::Glsl,
            Some("tscript") => Language::Tscript,
            _ if serves_as_callbacks(network, op) => Language::Python,
            _ => setting(network, op, "file").map_or(Language::Text, |name| Self::of_file_name(&name.to_text())),
        }
    }

    /// Ending of a file in this language, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Language::Text => "txt",
            Language::Python => "py",
            Language::Json => "json",
            Language::Xml => "xml",
            Language::Glsl => "glsl",
            Language::Tscript => "tscript",
        }
    }

    fn of_file_name(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is = |known: &[&str]| known.iter().any(|known| ending.eq_ignore_ascii_case(known));
        match () {
            () if is(&["py"]) => Language::Python,
            () if is(&["json"]) => Language::Json,
            () if is(&["xml"]) => Language::Xml,
            () if is(&["glsl", "vert", "frag"]) => Language::Glsl,
            () => Language::Text,
        }
    }
}

/// Whether an operator calls functions of this text: the operator itself, or one whose `callbacks` names it.
fn serves_as_callbacks(network: &Network, op: OpId) -> bool {
    let patch = network.patch();
    patch.get(op).is_some_and(|own| own.declaration().is_own_script())
        || patch.iter().filter(|(_, other)| !other.declaration().callbacks.is_empty()).any(|(id, other)| {
            let callbacks = other.declaration().find_parameter("callbacks");
            callbacks.is_some_and(|(index, _)| patch.par_op(id, index) == Some(op))
        })
}

/// Keeps the problem that says whether a text compiles.
pub(crate) struct CompileCheck {
    op: OpId,
    /// What was filed last, to tell it from what others file under the same cause.
    filed: RefCell<Option<Rc<str>>>,
}

impl CompileCheck {
    pub fn new(op: OpId) -> Self {
        CompileCheck { op, filed: RefCell::default() }
    }

    /// Checks the text as it is now.
    pub fn run(&self, network: &Network) {
        let held = network.patch().get(self.op).and_then(|op| op.content().as_text().map(|text| text.as_str().clone()));
        let Some(text) = held else { return };
        let result = match Language::of(network, self.op) {
            Language::Python => {
                let path = network.patch().path(self.op);
                network.evaluator().map_or(Ok(()), |evaluator| evaluator.check_script(&path, &text))
            }
            Language::Json => check_json(&text),
            _ => Ok(()),
        };
        match result {
            Ok(()) => self.clear(network),
            Err(error) => self.file(network, &error),
        }
    }

    fn file(&self, network: &Network, error: &ScriptError) {
        if self.somebody_else_filed(network) {
            return;
        }
        let message: Rc<str> = Rc::from(format!("line {}: {}", error.line, error.message));
        *self.filed.borrow_mut() = Some(message.clone());
        network.report(self.op, Problem::error(SCRIPT, message, "`language` = text turns this check off"));
    }

    fn clear(&self, network: &Network) {
        if !self.somebody_else_filed(network) {
            network.clear_problem(self.op, SCRIPT);
        }
        *self.filed.borrow_mut() = None;
    }

    fn somebody_else_filed(&self, network: &Network) -> bool {
        let patch = network.patch();
        let Some(op) = patch.get(self.op) else { return false };
        op.problems
            .iter()
            .any(|problem| problem.cause == SCRIPT && Some(&problem.message) != self.filed.borrow().as_ref())
    }
}

/// A text with nothing in it is no error: it is one that is still to be written.
fn check_json(text: &str) -> Result<(), ScriptError> {
    if text.trim().is_empty() {
        return Ok(());
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = error.to_string();
            // The library says the place at the end; here it has fields of its own.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
            Err(ScriptError { line: error.line() as u32, column: error.column() as u32, message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_errors_have_a_place_and_a_reason() {
        assert_eq!(check_json("{\"a\": [1, 2]}"), Ok(()));
        assert_eq!(check_json(" \n"), Ok(()));
        let error = check_json("[\n  1,\n  2\n  3]").unwrap_err();
        assert_eq!((error.line, error.column, error.message.as_str()), (4, 3, "expected `,` or `]`"));
    }

    #[test]
    fn deep_json_is_checked_without_deep_recursion() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(check_json(&deep), Ok(()));
    }

    #[test]
    fn endings_of_file_names_tell_the_language_in_any_case() {
        for (name, language) in [
            ("a/b.PY", Language::Python),
            ("state.json", Language::Json),
            ("scene.xml", Language::Xml),
            ("blur.frag", Language::Glsl),
            ("notes.txt", Language::Text),
            ("notes", Language::Text),
            ("", Language::Text),
        ] {
            assert_eq!(Language::of_file_name(name), language, "{name}");
        }
    }
}
