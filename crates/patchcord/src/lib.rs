//! Python for Patchcord: the td API, and scripts as handlers of operators.
//!
//! This library is the extension module `_patchcord`. The launcher (`main.rs`) or the console script of the wheel loads
//! it into an interpreter and calls its `main`, which runs the program of `patchcord-runtime` on Python's main
//! thread. The seams of the core are implemented here: [`callbacks`] and [`module`] (scripts), [`evaluator`] (expressions),
//! [`storage`] (kept values). What scripts see is in [`op`], [`globals`], [`extension`], [`shortcuts`], [`run`] and [`tdu`];
//! Python that is simpler than Rust is in `glue.py` and `library/*.py` ([`library`]), and modules that scripts import are in [`shipped`].
//!
//! Two rules hold in every file. The patch is never borrowed while Python may run: arguments are converted first,
//! results are copied out, then Python is entered. And all objects that scripts hold are handles (an id with a generation);
//! they reach the patch through [`host`], on the thread that owns it, and raise `td.Error` elsewhere.

pub mod callbacks;
pub mod convert;
pub mod declared;
pub mod errors;
pub mod evaluator;
pub mod extension;
pub mod found;
pub mod globals;
pub mod glue;
pub mod host;
pub mod keeping;
pub mod library;
pub mod measure;
pub mod members;
pub mod module;
pub mod native;
pub mod op;
pub mod review;
pub mod run;
pub mod shipped;
pub mod shortcuts;
pub mod storage;
pub mod storage_file;
pub mod streams;
pub mod tdu;
pub mod watchdog;

/// The extension module.
#[pyo3::pymodule]
pub mod _patchcord {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    use crate::glue::Glue;
    use crate::host::PythonHost;

    #[pymodule_export]
    use crate::measure::measure;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__build__", env!("PATCHCORD_BUILD_ID"))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Runs the program with these arguments, the first being its name. Returns the exit code. To be called on the
    /// main thread; the patch lives on it until this returns.
    #[pyfunction]
    fn main(py: Python<'_>, args: Vec<OsString>) -> u8 {
        // Scripts may start threads; without them this changes nothing.
        if let Err(error) = crate::globals::set_switch_interval(py) {
            tracing::warn!("the thread switch interval stays as it was: {error}");
        }
        let code = py.detach(|| patchcord_runtime::command::main(args, &mut PythonHost));
        let end_threads = || Glue::of(py)?.get(py, "end_threads")?.call1((code,));
        if let Err(error) = end_threads() {
            tracing::warn!("threads of scripts may hold up the end: {error}");
        }
        code
    }
}
