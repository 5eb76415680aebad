//! Python modules for scripts that come with the program: TDFunctions, TDStoreTools, TDJSON.
//!
//! They are importable by their names unless another module has the name, and `mod.TDFunctions` finds them where no DAT
//! has it. A module is compiled when it is first asked for.

use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::glue::Glue;

/// The modules: name and text.
const MODULES: &[(&str, &str)] = &[];

/// Makes the modules importable.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn install(py: Python<'_>) -> PyResult<()> {
    Glue::of(py)?.get(py, "install_library")?.call1((wrap_pyfunction!(library_text, py)?,)).map(drop)
}

/// A module of the library; `None` when there is none of that name.
///
/// # Errors
/// What another module of that name raises.
pub fn module<'py>(py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyModule>>> {
    library_text(name).map(|_| py.import(name)).transpose()
}

/// Text of a module; `None` when there is none of that name.
#[pyfunction]
fn library_text(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
