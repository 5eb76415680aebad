//! Members of the td classes and globals of scripts that are written in Python: the files of `library/`.
//!
//! Each is a module that reaches the patch through `_patchcord_native` alone. They are loaded once per process, in this
//! order, and may import one another; then `install` of each is called with the module td.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::library::{self, Source};
use crate::{native, source};

/// The modules, with the names under which they import one another.
const MODULES: [Source; 8] = [
    source!("_patchcord_vectors", "library/vectors.py"),
    source!("_patchcord_helpers", "library/helpers.py"),
    source!("_patchcord_timeline", "library/timeline.py"),
    source!("_patchcord_operators", "library/operators.py"),
    source!("_patchcord_content", "library/content.py"),
    source!("_patchcord_program", "library/program.py"),
    source!("_patchcord_vfs", "library/vfs.py"),
    source!("_patchcord_connectors", "library/connectors.py"),
];

static LOADED: PyOnceLock<Vec<Py<PyModule>>> = PyOnceLock::new();

/// Loads the modules and lets each add what it has to td.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn install(py: Python<'_>, td: &Bound<'_, PyModule>) -> PyResult<()> {
    for module in LOADED.get_or_try_init(py, || load(py))? {
        module.bind(py).call_method1("install", (td,))?;
    }
    Ok(())
}

fn load(py: Python<'_>) -> PyResult<Vec<Py<PyModule>>> {
    let known = py.import("sys")?.getattr("modules")?;
    known.set_item("_patchcord_native", native::module(py)?)?;
    MODULES.iter().map(|source| Ok(library::load(py, *source)?.unbind())).collect()
}
