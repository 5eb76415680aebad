//! Errors and warnings of operators, as scripts read, add and clear them.
//!
//! What scripts add is filed under causes of its own, so that clearing it leaves alone what the operator itself found.

use patchcord_core::patch::OpId;
use patchcord_core::pattern::{Case, Glob};
use patchcord_core::problem::Problem;
use patchcord_core::tracking::Source;
use pyo3::prelude::*;

use super::{comp, read_operator};
use crate::errors::CAUSE;
use crate::host::{self, Host, gone};

/// What `addScriptError` files.
pub const SCRIPT_ERROR: &str = "script error";
/// What `addError` files.
pub const ERROR: &str = "error";
/// What `addWarning` files.
pub const WARNING: &str = "warning";

/// Problems of one kind that scripts can have on an operator; what comes later takes the place of the oldest.
const MAX_OF_A_KIND: usize = 100;

/// Whether a problem is one of a script.
pub fn is_of_script(problem: &Problem) -> bool {
    [CAUSE, SCRIPT_ERROR].contains(&problem.cause)
}

/// The problems that are wanted, one per line with the operator's path.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn listed(op: OpId, recurse: bool, wanted: impl Fn(&Problem) -> bool) -> PyResult<String> {
    host::with(|host| {
        host.network.note_read(Source::Moment);
        let all = with_inside(host, op, recurse)?;
        let patch = host.network.patch();
        let found = all.iter().filter_map(|op| patch.get(*op)).flat_map(|op| {
            let of_this = op.problems.iter().filter(|problem| wanted(problem));
            of_this.map(|problem| format!("{} ({})", problem.message, op.path())).collect::<Vec<_>>()
        });
        Ok(found.collect::<Vec<_>>().join("\n"))
    })
}

/// Files what a script has to say. Each message stands by itself; of one kind the newest [`MAX_OF_A_KIND`] stay.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn add(op: OpId, problem: Problem) -> PyResult<()> {
    let cause = problem.cause;
    let parts = read_operator(op, |op| {
        let of_this_kind = op.problems.iter().filter(|problem| problem.cause == cause);
        of_this_kind.map(|problem| problem.part.clone()).collect::<Vec<_>>()
    })?;
    host::with(|host| {
        let message = problem.message.to_string();
        let too_many = if parts.iter().any(|part| **part == *message) {
            0
        } else {
            (parts.len() + 1).saturating_sub(MAX_OF_A_KIND)
        };
        parts.iter().take(too_many).for_each(|part| host.network.clear_part(op, cause, part));
        host.network.report(op, problem.about(message));
        Ok(())
    })
}

/// Takes away the problems of scripts whose text fits a pattern: the message as it was given, or as it is shown.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn clear(op: OpId, recurse: bool, pattern: &str) -> PyResult<()> {
    let pattern = Glob::parse(pattern, Case::Sensitive);
    host::with(|host| {
        for op in with_inside(host, op, recurse)? {
            let unwanted: Vec<_> = {
                let patch = host.network.patch();
                let Some(operator) = patch.get(op) else { continue };
                let shown = |problem: &Problem| format!("{} ({})", problem.message, operator.path());
                let fits = |problem: &&Problem| pattern.matches(&problem.message) || pattern.matches(&shown(problem));
                let of_scripts = operator.problems.iter().filter(|problem| is_of_script(problem));
                of_scripts.filter(fits).map(|problem| (problem.cause, problem.part.clone())).collect()
            };
            unwanted.iter().for_each(|(cause, part)| host.network.clear_part(op, cause, part));
        }
        Ok(())
    })
}

/// An operator and, with `recurse`, all that is inside it.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn with_inside(host: &Host, op: OpId, recurse: bool) -> PyResult<Vec<OpId>> {
    let patch = host.network.patch();
    patch.get(op).ok_or_else(gone)?;
    let mut all = vec![op];
    if recurse {
        all.extend(comp::inside(&patch, op));
    }
    Ok(all)
}
