//! What happens when a script raises: a traceback in the textport, a problem on the operator, and the patch goes on.
//!
//! The same error at the same place is said the first time, then at most once a second with a count of what was left
//! out, because a failing callback may be called thousands of times a second and formatting a traceback costs a
//! hundred times the call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use patchcord_core::callbacks::CallbackError;
use patchcord_core::network::Network;
use patchcord_core::parameter::ParameterError;
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::problem::Problem;
use patchcord_core::table::TableError;
use patchcord_core::textport::LineKind;
use patchcord_runtime::td_api;
use pyo3::exceptions::{PyAttributeError, PyException};
use pyo3::prelude::*;

use crate::declared::hint;
use crate::glue::Glue;
use crate::host::{Failure, Host};
use crate::watchdog::CallbackTimeout;

pyo3::create_exception!(td, Error, PyException, "What the td API raises when something cannot be done.");

/// The problem that a failing script leaves on an operator is filed under this.
pub const CAUSE: &str = "script";

/// The same error is said at most this often.
const PAUSE: Duration = Duration::from_secs(1);

/// Errors that are remembered at most.
const MAX_REMEMBERED: usize = 1000;

/// Errors that were said lately.
#[derive(Default)]
pub struct Repeats(RefCell<HashMap<Place, Said>>);

/// What makes two errors the same: where they show, their type, file and line.
type Place = (OpId, usize, String, u32);

struct Said {
    at: Duration,
    unsaid: u64,
    /// What stands on the operator.
    message: String,
}

impl Repeats {
    /// Whether an error is to be said now; if so, how many like it were not said since the last time.
    fn note(&self, place: Place, now: Duration) -> Option<u64> {
        let mut said = self.0.borrow_mut();
        if said.len() >= MAX_REMEMBERED && !said.contains_key(&place) {
            said.clear();
        }
        let Some(before) = said.get_mut(&place) else {
            said.insert(place, Said { at: now, unsaid: 0, message: String::new() });
            return Some(0);
        };
        if now.saturating_sub(before.at) < PAUSE {
            before.unsaid += 1;
            return None;
        }
        before.at = now;
        Some(std::mem::take(&mut before.unsaid))
    }

    /// Keeps what was filed for an error, for the next one like it.
    fn keep(&self, place: &Place, message: &str) {
        if let Some(said) = self.0.borrow_mut().get_mut(place) {
            message.clone_into(&mut said.message);
        }
    }

    fn message(&self, place: &Place) -> Option<String> {
        self.0.borrow().get(place).map(|said| said.message.clone()).filter(|message| !message.is_empty())
    }
}

/// Shows what went wrong in a script under an operator: traceback, and a problem with the last line. `what` names the
/// part that failed, such as a callback.
pub fn report(host: &Host, py: Python<'_>, op: OpId, what: &str, failure: Failure) -> CallbackError {
    let error = match failure {
        Failure::Panicked(text) => {
            let message = format!("{what} met an error of the program itself: {text}");
            host.network.report(op, Problem::error(CAUSE, message, "please report it"));
            return CallbackError::Panicked(text);
        }
        Failure::Raised(error) => error,
    };
    let timed_out = error.is_instance_of::<CallbackTimeout>(py);
    // Showing it runs code of the script, such as a `__str__` of the exception, which may take long or raise itself.
    let subject = host.guard.subject(&host.network.patch().path(op), what);
    let last_line = host.script(op, subject, || say(host, py, op, what, &error)).unwrap_or_else(|_| {
        let kind = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        let last_line = format!("{kind} (which cannot be shown, as showing it fails)");
        host.network.textport().say(
            LineKind::Error,
            host.network.patch().path(op),
            format!("{what} failed\n{last_line}"),
        );
        file_quietly(&host.network, op, &format!("{what}: {last_line}"));
        last_line
    });
    if timed_out { CallbackError::TimedOut } else { CallbackError::Raised(last_line) }
}

fn say(host: &Host, py: Python<'_>, op: OpId, what: &str, error: &PyErr) -> PyResult<String> {
    let glue = Glue::of(py)?;
    // pyo3 keeps the traceback beside the exception.
    error.value(py).setattr("__traceback__", error.traceback(py))?;
    let (file, line): (String, u32) = glue.get(py, "raised_at")?.call1((error.value(py),))?.extract()?;
    let kind = error.get_type(py);
    let place = (op, kind.as_ptr() as usize, file, line);
    let Some(unsaid) = host.repeats.note(place.clone(), host.network.now()) else {
        // It may have been taken back since it was said, because the callback went well once.
        let is_filed = host.network.patch().get(op).is_none_or(|op| op.problems.iter().any(|p| p.cause == CAUSE));
        if let Some(message) = host.repeats.message(&place).filter(|_| !is_filed) {
            file_quietly(&host.network, op, &message);
        }
        return Ok(kind.name()?.to_string());
    };
    let (mut text, mut last_line): (String, String) =
        glue.get(py, "format_error")?.call1((error.value(py),))?.extract()?;
    let hint = hint(py, error.value(py), &host.not_found.borrow().clone())?;
    // Newer interpreters make suggestions of their own.
    if !hint.is_empty() && !text.contains("Did you mean") {
        text.push_str(&format!(", {hint}"));
        last_line.push_str(&format!(", {hint}"));
    }
    if unsaid > 0 {
        text.push_str(&format!("\n({unsaid} more like it since this was said last)"));
    }
    let path = host.network.patch().path(op);
    host.network.textport().say(LineKind::Error, path, format!("{what} failed\n{text}"));
    let message = format!("{what}: {last_line}");
    file_quietly(&host.network, op, &message);
    host.repeats.keep(&place, &message);
    Ok(last_line)
}

/// Files a script's problem without a line in the textport, where the traceback stands already.
pub fn file_quietly(network: &Network, op: OpId, message: &str) {
    if let Some(op) = network.patch_mut().get_mut(op) {
        op.problems.file(Problem::error(CAUSE, message, "the traceback is in the textport"));
    }
}

/// The Python exception for an edit that the patch refuses.
pub fn refused(error: PatchError) -> PyErr {
    match error {
        PatchError::Parameter(ParameterError::Unknown { .. }) => PyAttributeError::new_err(error.to_string()),
        PatchError::NotHere { ref name } => {
            let why = td_api::absent_type(name).unwrap_or("there is no operator of this type yet");
            let remedy = "with `stand_ins = true` in the [patch] section of patch.toml a stand-in takes its place";
            Error::new_err(format!("{}; {remedy}", td_api::sentence(name, why)))
        }
        PatchError::UnknownType { ref name, .. } => match td_api::absent_type(name) {
            Some(why) => Error::new_err(td_api::sentence(name, why)),
            None => Error::new_err(error.to_string()),
        },
        error => Error::new_err(error.to_string()),
    }
}

/// The Python exception for a table that cannot be changed as asked.
pub fn table_refused(error: TableError) -> PyErr {
    Error::new_err(error.to_string())
}
