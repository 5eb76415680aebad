//! Members of the td classes and globals of scripts that are written in Python: the files of `library/`.
//!
//! Each is a module that reaches the patch through `_patchcord_native` alone. They are loaded once per process, in this
//! order, and may import one another; then `install` of each is called with the module td.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::native;

/// The modules, with the names under which they import one another.
const MODULES: [(&str, &str); 9] = [
    ("_patchcord_vectors", include_str!("library/vectors.py")),
    ("_patchcord_helpers", include_str!("library/helpers.py")),
    ("_patchcord_timeline", include_str!("library/timeline.py")),
    ("_patchcord_operators", include_str!("library/operators.py")),
    ("_patchcord_content", include_str!("library/content.py")),
    ("_patchcord_persistence", include_str!("library/persistence.py")),
    ("_patchcord_program", include_str!("library/program.py")),
    ("_patchcord_vfs", include_str!("library/vfs.py")),
    ("_patchcord_connectors", include_str!("library/connectors.py")),
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
    let load = |(name, source): &(&str, &str)| {
        // Under this file name tracebacks leave the program's own frames out.
        let module = PyModule::from_code(py, &CString::new(*source)?, c"<patchcord>", &CString::new(*name)?)?;
        known.set_item(*name, &module)?;
        Ok(module.unbind())
    };
    MODULES.iter().map(load).collect()
}
