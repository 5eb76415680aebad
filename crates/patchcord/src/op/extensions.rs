//! Attributes of components that their extensions promote.
//!
//! A component's own members come first, then members of promoted extensions that begin with a capital letter. What
//! neither has is an error, the same that any other operator raises.

use patchcord_core::parameter::nearest_name;
use patchcord_core::patch::OpId;
use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::comp::Comp;
use crate::extension::is_promoted_name;
use crate::host;

/// A member that a component does not have itself.
///
/// # Errors
/// `AttributeError`, or what the member's own code raises.
pub fn member<'py>(comp: &Bound<'py, Comp>, op: OpId, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = comp.py();
    let Some(host) = host::here().filter(|_| is_promoted_name(name)) else {
        return plain_member(comp, &PyString::new(py, name));
    };
    if let Some(found) = host.extensions.promoted(&host, py, op, name)? {
        return Ok(found);
    }
    let names = host.extensions.promoted_names(&host, py, op)?;
    match nearest_name(name, names.iter().map(String::as_str)) {
        Some(nearest) => {
            let path = host.network.patch().path(op);
            Err(PyAttributeError::new_err(format!("{path} has no member `{name}`, did you mean `{nearest}`?")))
        }
        None => plain_member(comp, &PyString::new(py, name)),
    }
}

/// Sets an attribute: the component's own, else one that an extension promotes.
///
/// # Errors
/// `AttributeError` when there is neither, or what setting it raises.
pub fn set_member(
    comp: &Bound<'_, Comp>,
    op: OpId,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = comp.py();
    let is_own = comp.get_type().hasattr(name)?;
    let text = name.to_cow()?;
    if !is_own
        && is_promoted_name(&text)
        && let Some(host) = host::here()
        && host.extensions.set_promoted(&host, py, op, &text, value)?
    {
        return Ok(());
    }
    set_plain_member(comp, name, value)
}

/// All names of a component's members.
///
/// # Errors
/// What an extension's own code raises.
pub fn names<'py>(comp: &Bound<'py, Comp>, op: OpId) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = comp.py();
    let object = py.import("builtins")?.getattr("object")?;
    let mut names: Vec<_> = object.getattr("__dir__")?.call1((comp,))?.try_iter()?.collect::<PyResult<_>>()?;
    if let Some(host) = host::here() {
        for name in host.extensions.promoted_names(&host, py, op)? {
            names.push(PyString::new(py, &name).into_any());
        }
    }
    Ok(names)
}

/// The attribute as Python finds it for any object, with its error.
#[allow(unsafe_code)]
fn plain_member<'py>(comp: &Bound<'py, Comp>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both are live objects of this thread's interpreter; the result is a new reference, or null with an exception.
    unsafe { Bound::from_owned_ptr_or_err(comp.py(), ffi::PyObject_GenericGetAttr(comp.as_ptr(), name.as_ptr())) }
}

/// Sets the attribute as Python does it for any object. `object.__setattr__` refuses that for a class with its own way.
#[allow(unsafe_code)]
fn set_plain_member(comp: &Bound<'_, Comp>, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: all three are live objects of this thread's interpreter; -1 means that an exception is set.
    let failed = unsafe { ffi::PyObject_GenericSetAttr(comp.as_ptr(), name.as_ptr(), value.as_ptr()) } != 0;
    if failed { Err(PyErr::fetch(comp.py())) } else { Ok(()) }
}
