//! Errors and warnings of operators, as scripts read, add and clear them.
//!
//! What scripts add is filed under causes of its own, so that clearing it leaves alone what the operator itself found.

use patchcord_core::patch::OpId;
use patchcord_core::pattern::Pattern;
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

/// Files what a script has to say.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn add(op: OpId, problem: Problem) -> PyResult<()> {
    read_operator(op, |_| ())?;
    host::with(|host| {
        host.network.report(op, problem);
        Ok(())
    })
}

/// Takes away the problems of scripts whose text matches a pattern.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn clear(op: OpId, recurse: bool, pattern: &str) -> PyResult<()> {
    let pattern = (pattern != "*").then(|| Pattern::parse(pattern));
    host::with(|host| {
        for op in with_inside(host, op, recurse)? {
            let causes: Vec<&'static str> = {
                let patch = host.network.patch();
                let problems = patch.get(op).map(|op| op.problems.iter()).into_iter().flatten();
                let fits = |problem: &&Problem| pattern.as_ref().is_none_or(|p| p.matches(&problem.message));
                problems.filter(|problem| is_of_script(problem)).filter(fits).map(|problem| problem.cause).collect()
            };
            causes.into_iter().for_each(|cause| host.network.clear_problem(op, cause));
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
