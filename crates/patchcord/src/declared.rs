//! The declaration of the API in Python: what is missing says so, and `check` knows what a script may use.
//!
//! `patchcord_runtime::td_api` has the rows. `library/missing.py` makes of them the attributes and globals that raise.

use std::collections::HashSet;

use patchcord_runtime::td_api::{self, CLASSES, Class, ClassKind, FAMILIES, State};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

use crate::{library, source};

/// A member: its name, why it is missing (empty when it is not), what it gives, whether it is called.
pub type MemberRow = (&'static str, String, &'static str, bool);

/// A class: name, kind, base, why it is absent (empty when it is not), members.
pub type ClassRow = (&'static str, &'static str, &'static str, &'static str, Vec<MemberRow>);

static HINT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static DECLARED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The declaration as an object of `missing.py`.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn declared(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let declared = DECLARED.get_or_try_init(py, || -> PyResult<_> {
        let module = library::load(py, source!("_patchcord.missing", "library/missing.py"))?;
        module.add("PAGE", td_api::PAGE)?;
        Ok(module.getattr("Declared")?.call1((class_rows(), absent_types(py)?))?.unbind())
    })?;
    Ok(declared.bind(py))
}

/// A clause that helps with an exception that a script did not catch; empty when nothing is known. `not_found` is what
/// the last `op()` was asked for that found nothing.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn hint(py: Python<'_>, error: &Bound<'_, PyBaseException>, not_found: &str) -> PyResult<String> {
    let function = HINT.get_or_try_init(py, || -> PyResult<_> {
        declared(py)?; // loads what it builds upon
        Ok(library::load(py, source!("_patchcord.hints", "library/hints.py"))?.getattr("hint")?.unbind())
    })?;
    function.bind(py).call1((error, not_found))?.extract()
}

/// The classes with their members.
pub fn class_rows() -> Vec<ClassRow> {
    CLASSES.iter().map(|class| row(class)).collect()
}

/// Makes what is missing say so: on the classes of the module td, and in the names that every script has.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn mark(td: &Bound<'_, PyModule>, names: &Bound<'_, PyDict>) -> PyResult<()> {
    declared(td.py())?.call_method1("mark", (td, names)).map(|_| ())
}

fn row(class: &'static Class) -> ClassRow {
    let kind = match class.kind {
        ClassKind::Class => "Class",
        ClassKind::Object => "Object",
        ClassKind::Module => "Module",
    };
    let members = class.members.iter().map(|member| {
        let why = match class.state_of(member) {
            State::Raises(why) => td_api::reason(why, member.instead),
            State::Works | State::StandIn(_) => String::new(),
        };
        (member.name(), why, member.gives, member.is_method())
    });
    (class.name, kind, class.base, class.absent.unwrap_or_default(), members.collect())
}

/// Operator types of TouchDesigner that are not here, with the reason.
///
/// # Errors
/// None but for want of memory.
pub fn absent_types(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let here: HashSet<&str> = patchcord_operators::types().iter().map(|kind| kind.name).collect();
    let absent = PyDict::new(py);
    for family in FAMILIES {
        for name in family.types().filter(|name| !here.contains(&**name)) {
            let why = td_api::why_absent(family, &name);
            absent.set_item(name, why)?;
        }
    }
    Ok(absent)
}
