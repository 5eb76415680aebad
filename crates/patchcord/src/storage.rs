//! Values that scripts keep on operators: `store`, `fetch` and their relatives.
//!
//! A value stays as long as its operator and outlives the script that stored it. It is any Python object and is kept as
//! it is, not copied. Looking up searches the components around the operator, the nearest first.

use std::rc::Rc;

use patchcord_core::patch::{OpId, Operator};
use patchcord_core::tracking::Source;
use patchcord_core::value::HostValue;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::host::{self, Host, Kept, gone};
use crate::storage_file;

/// Keeps a value under a key, in place of the one that was there.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn store(op: OpId, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let kept = kept(value);
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        let operator = patch.get_mut(op).ok_or_else(gone)?;
        match operator.storage.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, old)) => *old = kept,
            None => operator.storage.push((Rc::from(key), kept)),
        }
        patch.note_storage_change(op);
        drop(patch);
        storage_file::touch(host, op);
        Ok(())
    })?;
    host::let_go(value.py());
    Ok(())
}

/// What `fetch` was asked for besides the key.
pub struct FetchOptions<'py> {
    default: Option<Bound<'py, PyAny>>,
    search: bool,
    store_default: bool,
}

impl<'py> FetchOptions<'py> {
    /// Reads the arguments after the key: default, search, storeDefault, by position or by name.
    ///
    /// # Errors
    /// `TypeError` for an argument that `fetch` does not have.
    pub fn read(rest: &Bound<'py, PyTuple>, named: Option<&Bound<'py, PyDict>>) -> PyResult<Self> {
        let mut options = FetchOptions { default: None, search: true, store_default: false };
        let names = ["default", "search", "storeDefault"];
        let positional = names.iter().map(|name| (*name).to_owned()).zip(rest.iter());
        if rest.len() > names.len() {
            return Err(PyTypeError::new_err("fetch takes key, default, search and storeDefault"));
        }
        let named = named.into_iter().flat_map(|named| named.iter());
        let named = named.map(|(name, value)| Ok((name.extract::<String>()?, value))).collect::<PyResult<Vec<_>>>()?;
        for (name, value) in positional.chain(named) {
            match name.as_str() {
                "default" => options.default = Some(value),
                "search" => options.search = value.is_truthy()?,
                "storeDefault" => options.store_default = value.is_truthy()?,
                name => return Err(PyTypeError::new_err(format!("fetch takes no argument `{name}`"))),
            }
        }
        Ok(options)
    }
}

/// The value under a key.
///
/// # Errors
/// `KeyError` when there is none and no default; `td.Error` when the operator is gone.
pub fn fetch<'py>(op: OpId, key: &str, options: &FetchOptions<'py>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
    let found = host::with(|host| {
        host.network.patch().get(op).ok_or_else(gone)?;
        let holder = if options.search { owner(host, op, key) } else { Some(op) };
        note_reads(host, op, holder);
        let patch = host.network.patch();
        let value = holder.and_then(|holder| patch.get(holder)).and_then(|operator| stored(operator, key));
        Ok(holder.zip(value))
    })?;
    if let Some((holder, value)) = found {
        let value = object(py, &value);
        host::with(|host| {
            storage_file::touch_if_mutable(host, holder, &value);
            Ok(())
        })?;
        return Ok(value);
    }
    let Some(default) = &options.default else {
        return Err(PyKeyError::new_err(format!("nothing is stored as `{key}`, and no default was given")));
    };
    if options.store_default {
        store(op, key, default)?;
    }
    Ok(default.clone())
}

/// Notes what was looked at on the way from an operator to the one that keeps a key, for what depends on it.
pub fn note_reads(host: &Host, op: OpId, holder: Option<OpId>) {
    if !host.network.notes_reads() {
        return;
    }
    let mut at = Some(op);
    while let Some(looked_at) = at {
        host.network.note_read(Source::Storage(looked_at));
        at = if at == holder { None } else { host.network.patch().get(looked_at).and_then(Operator::parent) };
    }
}

/// The operator at which a key is kept: this one or the nearest component around it.
pub fn owner(host: &Host, op: OpId, key: &str) -> Option<OpId> {
    let patch = host.network.patch();
    let around = std::iter::successors(Some(op), |at| patch.get(*at).and_then(Operator::parent));
    around.into_iter().find(|at| patch.get(*at).is_some_and(|operator| stored(operator, key).is_some()))
}

/// Forgets keys.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn forget(py: Python<'_>, op: OpId, unwanted: impl Fn(&str) -> bool) -> PyResult<()> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        patch.get_mut(op).ok_or_else(gone)?.storage.retain(|(key, _)| !unwanted(key));
        patch.note_storage_change(op);
        drop(patch);
        storage_file::touch(host, op);
        Ok(())
    })?;
    host::let_go(py);
    Ok(())
}

fn stored(operator: &Operator, key: &str) -> Option<HostValue> {
    operator.storage.iter().find(|(known, _)| **known == *key).map(|(_, value)| value.clone())
}

/// A value in the form in which operators keep it.
pub fn kept(value: &Bound<'_, PyAny>) -> HostValue {
    Rc::new(Kept::new(value.clone().unbind()))
}

/// The object that an operator keeps.
fn object<'py>(py: Python<'py>, value: &HostValue) -> Bound<'py, PyAny> {
    match value.downcast_ref::<Kept>() {
        Some(kept) => kept.get(py),
        None => py.None().into_bound(py), // put there by a Rust program, in a form of its own
    }
}

/// Kept values as a dictionary.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn as_dict<'py>(py: Python<'py>, values: Vec<(Rc<str>, HostValue)>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in &values {
        dict.set_item(&**key, object(py, value))?;
    }
    Ok(dict)
}
