//! The Python part of this library (`glue.py`, `execute.py`) and quick access to what Rust needs of it.
//!
//! It is compiled once per process, when it is first asked for. It knows nothing of a running patch, so it also
//! serves `patchcord check`, which has none.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCode, PyModule, PyType};

use crate::{library, source};

static GLUE: PyOnceLock<Glue> = PyOnceLock::new();

/// What Rust uses of the Python part.
pub struct Glue {
    /// The module itself.
    pub module: Py<PyModule>,
    execute: Py<PyModule>,
    /// The class of request dictionaries.
    pub request: Py<PyType>,
    /// The class of text bodies.
    pub body: Py<PyType>,
    value_of: Py<PyAny>,
    positional: Py<PyAny>,
}

impl Glue {
    /// The Python part.
    ///
    /// # Errors
    /// None but those of an interpreter without memory.
    pub fn of(py: Python<'_>) -> PyResult<&Glue> {
        GLUE.get_or_try_init(py, || Glue::load(py))
    }

    fn load(py: Python<'_>) -> PyResult<Glue> {
        let module = library::load(py, source!("_patchcord.glue", "glue.py"))?;
        let execute = library::load(py, source!("_patchcord.execute", "execute.py"))?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind()) };
        Ok(Glue {
            request: class("Request")?,
            body: class("Body")?,
            value_of: module.getattr("value_of")?.unbind(),
            positional: module.getattr("positional")?.unbind(),
            module: module.clone().unbind(),
            execute: execute.unbind(),
        })
    }

    /// A function or class of the Python part.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.module.bind(py).getattr(name)
    }

    /// A class or function of what Execute DATs tell scripts.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of_execute<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.execute.bind(py).getattr(name)
    }

    /// Compiles a script. The name stands in tracebacks.
    ///
    /// # Errors
    /// `SyntaxError`, or `ValueError` for a text that can be none.
    pub fn compile<'py>(&self, py: Python<'py>, text: &str, name: &str) -> PyResult<Bound<'py, PyCode>> {
        Ok(self.get(py, "compile_script")?.call1((text, name))?.cast_into()?)
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// As for [`Glue::compile`].
    pub fn compile_expression<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyCode>> {
        Ok(self.get(py, "compile_expression")?.call1((text, "expression"))?.cast_into()?)
    }

    /// What a parameter, cell or channel stands for; anything else as it is.
    ///
    /// # Errors
    /// When the operator behind it is gone.
    pub fn value_of<'py>(&self, thing: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.value_of.bind(thing.py()).call1((thing,))
    }

    /// How many positional arguments a function takes (`None` is any number), and whether it is an `async def`.
    ///
    /// # Errors
    /// What a callable object's own code raises.
    pub fn positional(&self, function: &Bound<'_, PyAny>) -> PyResult<(Option<usize>, bool)> {
        let (count, awaited): (i64, bool) = self.positional.bind(function.py()).call1((function,))?.extract()?;
        Ok((usize::try_from(count).ok(), awaited))
    }
}
