//! What scripts import: the search for it (`library/imports.py`), and the Python modules that come with the program,
//! TDFunctions, TDStoreTools and TDJSON.
//!
//! These are importable by their names unless another module has the name, and `mod.TDFunctions` finds them where no DAT
//! has it. A module is compiled when it is first asked for.

use std::ffi::OsString;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::declared::declared;
use crate::{host, library, source};

/// The modules: name and text.
const MODULES: &[(&str, &str)] = &[
    ("TDFunctions", include_str!("library/TDFunctions.py")),
    ("TDStoreTools", include_str!("library/TDStoreTools.py")),
    ("TDJSON", include_str!("library/TDJSON.py")),
];

static IMPORTS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Makes the modules importable, and those that stand in the patch folder.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn install(py: Python<'_>) -> PyResult<()> {
    // What TouchDesigner's module of the name has and ours does not says so.
    let answer = declared(py)?.getattr("answer_for")?;
    let (folder, text) = (wrap_pyfunction!(patch_folder, py)?, wrap_pyfunction!(library_text, py)?);
    imports(py)?.getattr("install_finders")?.call1((folder, text, answer)).map(drop)
}

/// An `__import__` for scripts. `find` gives the module of a DAT that is seen from the script, or None.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn make_import<'py>(py: Python<'py>, find: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let refuse_missing = declared(py)?.getattr("refuse_missing")?;
    imports(py)?.getattr("make_import")?.call1((find, refuse_missing))
}

fn imports(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    let imports = IMPORTS.get_or_try_init(py, || -> PyResult<_> {
        Ok(library::load(py, source!("_patchcord.imports", "library/imports.py"))?.unbind())
    })?;
    Ok(imports.bind(py))
}

/// A module of the library; `None` when there is none of that name.
///
/// # Errors
/// What another module of that name raises.
pub fn module<'py>(py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyModule>>> {
    library_text(name).map(|_| py.import(name)).transpose()
}

/// The patch folder, on the thread that owns the patch. As a str, since a Path would have to be imported, and this is asked
/// while something is imported.
#[pyfunction]
fn patch_folder() -> Option<OsString> {
    let folder = host::here()?.network.project().folder;
    (!folder.as_os_str().is_empty()).then(|| folder.into_os_string())
}

/// Text of a module; `None` when there is none of that name.
#[pyfunction]
fn library_text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
