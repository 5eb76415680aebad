//! The review of scripts for `patchcord check`: what they use of TouchDesigner and what is not here.
//!
//! `library/review.py` walks through the scripts, with `library/inference.py`, which tells what a name stands for; here it
//! is given the declarations of the API and of the operators. No script is run.

use patchcord_core::declaration::OperatorType;
use patchcord_runtime::project::{Remark, ReviewedPatch, ReviewedScript, Reviewer};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::declared::{absent_types, class_rows, declared};
use crate::{library, source};

static REVIEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Reviews scripts of Python.
pub struct PythonReviewer;

impl Reviewer for PythonReviewer {
    fn review(&self, patch: &ReviewedPatch, scripts: &[ReviewedScript]) -> Vec<Remark> {
        Python::attach(|py| {
            review(py, patch, scripts).unwrap_or_else(|error| {
                // A patch is not to fail because of what only looks at it.
                tracing::error!("the scripts could not be reviewed: {error}");
                Vec::new()
            })
        })
    }
}

fn review(py: Python<'_>, patch: &ReviewedPatch, scripts: &[ReviewedScript]) -> PyResult<Vec<Remark>> {
    let function = REVIEW.get_or_try_init(py, || -> PyResult<_> {
        declared(py)?; // loads what the two build upon
        library::load(py, source!("_patchcord.inference", "library/inference.py"))?;
        let module = library::load(py, source!("_patchcord.review", "library/review.py"))?;
        Ok(module.getattr("review")?.unbind())
    })?;
    let types = patchcord_operators::types().iter().map(|kind| type_facts(py, kind)).collect::<PyResult<Vec<_>>>()?;
    let operators: Vec<_> = patch.operators.iter().map(|op| (&op.path, op.kind, &op.callbacks)).collect();
    let scripts: Vec<_> =
        scripts.iter().map(|script| (&script.path, &*script.text, script.is_expression, script.is_script)).collect();
    let found =
        function.bind(py).call1((class_rows(), absent_types(py)?, types, operators, scripts, patch.stand_ins))?;
    found.try_iter()?.map(|finding| remark(&finding?)).collect()
}

/// A type as `review.Type` lists its fields.
fn type_facts<'py>(py: Python<'py>, kind: &OperatorType) -> PyResult<Bound<'py, PyTuple>> {
    let callbacks = PyDict::new(py);
    for callback in kind.callbacks {
        callbacks.set_item(callback.name, callback.arguments.to_vec())?;
    }
    let names = |(_, parameter): (_, &'static patchcord_core::declaration::Parameter)| {
        std::iter::once(parameter.name.to_string()).chain(parameter.aliases.iter().map(ToString::to_string))
    };
    let parameters: Vec<String> = kind.parameters().flat_map(names).collect();
    (kind.name, kind.label, kind.family.suffix(), parameters, callbacks, kind.is_own_script()).into_pyobject(py)
}

fn remark(finding: &Bound<'_, PyAny>) -> PyResult<Remark> {
    let (script, line, start, end, message, help) = finding.extract()?;
    Ok(Remark { script, line, start, end, message, help })
}
