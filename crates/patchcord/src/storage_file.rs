//! Storage that survives a restart: which operators have something new for their files, and when these are written.
//!
//! An operator with `storage = "agent.json"` in the patch file gets its values from there at the start. A moment after a
//! change, and at the end, the file is written. What stands in it and how is the affair of `library/persistence.py`. A list
//! or a dictionary that is changed where it lies is noticed when it is next fetched, and at the end.

use std::cell::{Cell, RefCell};

use patchcord_core::frame::Delay;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyModule, PyString};
use slotmap::KeyData;

use crate::host::{self, Host};
use crate::op::Op;
use crate::{library, source};

/// Time from a change to the write of the file, so that many changes are one write.
const PAUSE_MS: f64 = 1000.0;

/// What is wrong with a storage file is filed under this.
const CAUSE: &str = "storage file";

static LIBRARY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Operators whose files are to be written.
#[derive(Default)]
pub struct StorageFiles {
    touched: RefCell<Vec<OpId>>,
    waits: Cell<bool>,
}

/// Notes that the storage of an operator may be another than its file.
pub fn touch(host: &Host, op: OpId) {
    let has_file =
        host.network.patch().get(op).and_then(|op| op.extras()).is_some_and(|extras| extras.storage_file.is_some());
    if !has_file {
        return;
    }
    let mut touched = host.storage_files.touched.borrow_mut();
    if !touched.contains(&op) {
        touched.push(op);
    }
    drop(touched);
    if !host.storage_files.waits.replace(true) {
        let id = host.network.schedule(Delay::Milliseconds(PAUSE_MS), |network| {
            if let Some(host) = host::here() {
                host.storage_files.waits.set(false);
                save(network);
            }
        });
        // When too many runs wait, the next change tries again; the end writes anyway.
        host.storage_files.waits.set(id.is_some());
    }
}

/// Notes that a value was handed out which a script can change where it lies.
pub fn touch_if_mutable(host: &Host, op: OpId, value: &Bound<'_, PyAny>) {
    let plain = value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyBytes>();
    if !plain {
        touch(host, op);
    }
}

/// Writes the files of what was touched.
pub fn save(network: &Network) {
    let Some(host) = host::here() else { return };
    let touched = host.storage_files.touched.take();
    if touched.is_empty() {
        return;
    }
    Python::attach(|py| {
        let there: Vec<OpId> = touched.into_iter().filter(|op| network.patch().get(*op).is_some()).collect();
        let saved = host.handles(py, &there).and_then(|ops| persistence(py)?.call_method1("save", (ops,)));
        say(saved.map(drop));
        host::let_go(py);
    });
}

/// Writes all files for the last time.
pub fn save_all(py: Python<'_>) {
    if let Some(library) = LIBRARY.get(py) {
        say(library.bind(py).call_method0("save_all").map(drop));
    }
}

/// Loads the storage of an operator from its file, or lets go of the file.
pub fn attach(host: &Host, op: OpId) {
    let file = {
        let patch = host.network.patch();
        let file = patch.get(op).and_then(|op| op.extras()).and_then(|extras| extras.storage_file.clone());
        file.map(|file| file.to_string_lossy().into_owned())
    };
    Python::attach(|py| {
        let attached = host.handle(py, op).and_then(|op| persistence(py)?.call_method1("attach", (op, file)));
        say(attached.map(drop));
        host::let_go(py);
    });
}

/// What reads and writes the files. It is loaded when there is the first of them.
fn persistence(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    let load = || -> PyResult<_> {
        Ok(library::load(py, source!("_patchcord_persistence", "library/persistence.py"))?.unbind())
    };
    Ok(LIBRARY.get_or_try_init(py, load)?.bind(py))
}

/// Errors of files are problems of operators; another one is a mistake of the program.
fn say(result: PyResult<()>) {
    if let Err(error) = result {
        tracing::error!("storage cannot be kept in its file: {error}");
    }
}

/// Adds what the library needs.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_function(wrap_pyfunction!(stored, py)?)?;
    module.add_function(wrap_pyfunction!(storage_problem, py)?)?;
    module.add_function(wrap_pyfunction!(storage_is_well, py)?)?;
    module.add_function(wrap_pyfunction!(startup, py)?)?;
    module.add_function(wrap_pyfunction!(store_startup, py)?)?;
    module.add_function(wrap_pyfunction!(exists, py)?)
}

/// All that is stored on an operator, as a dictionary of its own; nothing is noted as read.
#[pyfunction]
fn stored<'py>(op: &Bound<'py, Op>) -> PyResult<Bound<'py, PyDict>> {
    let all = read_values(op, |op| op.storage.clone())?;
    crate::storage::as_dict(op.py(), all)
}

#[pyfunction]
fn storage_problem(op: &Bound<'_, Op>, is_error: bool, message: String, remedy: String) -> PyResult<()> {
    host::with(|host| {
        let problem = match is_error {
            true => Problem::error(CAUSE, message, remedy),
            false => Problem::warning(CAUSE, message, remedy),
        };
        host.network.report(op.get().id(), problem);
        Ok(())
    })
}

#[pyfunction]
fn storage_is_well(op: &Bound<'_, Op>) -> PyResult<()> {
    host::with(|host| {
        host.network.clear_problem(op.get().id(), CAUSE);
        Ok(())
    })
}

/// Values with which the storage of an operator begins at the next start.
#[pyfunction]
fn startup<'py>(op: &Bound<'py, Op>) -> PyResult<Bound<'py, PyDict>> {
    let all = read_values(op, |op| op.extras().map(|extras| extras.startup.clone()).unwrap_or_default())?;
    crate::storage::as_dict(op.py(), all)
}

/// Sets such a value; without a value it is taken away.
#[pyfunction]
#[pyo3(signature = (op, key, *value))]
fn store_startup(op: &Bound<'_, Op>, key: &str, value: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
    let value = value.iter().next().map(|value| crate::storage::kept(&value));
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        let extras = patch.get_mut(op.get().id()).ok_or_else(host::gone)?.extras_mut();
        extras.startup.retain(|(known, _)| **known != *key);
        extras.startup.extend(value.map(|value| (key.into(), value)));
        drop(patch);
        touch(host, op.get().id());
        Ok(())
    })?;
    host::let_go(op.py());
    Ok(())
}

/// Whether there is an operator of this id.
#[pyfunction]
fn exists(id: u64) -> PyResult<bool> {
    host::with(|host| Ok(host.network.patch().get(OpId::from(KeyData::from_ffi(id))).is_some()))
}

fn read_values<R>(op: &Bound<'_, Op>, read: impl FnOnce(&patchcord_core::patch::Operator) -> R) -> PyResult<R> {
    host::with(|host| host.network.patch().get(op.get().id()).map(read).ok_or_else(host::gone))
}
