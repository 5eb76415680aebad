//! Expressions of parameters, and the check of scripts without running them.
//!
//! An expression is compiled once per text and evaluated with the names that a script of its operator would have, `me`
//! being that operator. What it returns is copied out: a parameter counts as its value, except where a bind asks for
//! the parameter itself. Evaluating is watched like a callback, because an expression can call anything.

use std::cell::RefCell;
use std::collections::HashMap;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyCodeMethods};

use crate::convert::from_python;
use crate::glue::Glue;
use crate::host::{self, Failure, Host};
use crate::op::par::Par;
use crate::watchdog;

/// Compiled expressions that are kept at most; beyond it the cache starts anew.
const MAX_COMPILED: usize = 10_000;

/// Compiled expressions by their text.
#[derive(Default)]
pub struct ExpressionCache(RefCell<HashMap<Box<str>, Py<PyCode>>>);

impl ExpressionCache {
    fn code<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyCode>> {
        if let Some(code) = self.0.borrow().get(text) {
            return Ok(code.bind(py).clone());
        }
        let code = Glue::of(py)?.compile_expression(py, text)?;
        let mut compiled = self.0.borrow_mut();
        if compiled.len() >= MAX_COMPILED {
            compiled.clear();
        }
        compiled.insert(Box::from(text), code.clone().unbind());
        Ok(code)
    }
}

/// Computes expressions of the patch that runs on this thread.
pub struct PythonEvaluator;

impl Evaluator for PythonEvaluator {
    fn evaluate(&self, _network: &Network, op: OpId, expression: &str) -> Result<OwnedValue, String> {
        compute(op, expression, from_python)
    }

    fn bind_master(&self, _network: &Network, op: OpId, expression: &str) -> Result<(OpId, ParIndex), String> {
        compute(op, expression, |value| Ok(value.cast::<Par>().ok().map(|par| par.get().place())))?
            .ok_or_else(|| format!("`{expression}` names no parameter; a bind reads like op('x').par.Name"))
    }

    fn check_script(&self, name: &str, text: &str) -> Result<(), ScriptError> {
        Python::attach(|py| {
            let failed = |error: PyErr| -> PyResult<ScriptError> {
                let (line, column, message) =
                    Glue::of(py)?.get(py, "syntax_error")?.call1((error.value(py),))?.extract()?;
                Ok(ScriptError { line, column, message })
            };
            let unknown = |error: PyErr| ScriptError { line: 1, column: 0, message: error.to_string() };
            let glue = Glue::of(py).map_err(unknown)?;
            glue.compile(py, text, name).map(|_| ()).map_err(|error| failed(error).unwrap_or_else(unknown))
        })
    }
}

/// Evaluates an expression of an operator and reads the result.
///
/// # Errors
/// One line that says what it raised.
pub fn compute<R>(
    op: OpId,
    expression: &str,
    read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R>,
) -> Result<R, String> {
    let host = host::here().ok_or("no patch is running")?;
    Python::attach(|py| {
        let result = evaluate(&host, py, op, expression).and_then(|value| read(&value).map_err(Failure::Raised));
        let interrupted = result.as_ref().is_err_and(|failure| failure.is_interrupt(py));
        let result = result.map_err(|failure| match failure {
            Failure::Raised(error) => error.to_string(),
            Failure::Panicked(text) => format!("an error of the program itself: {text}"),
        });
        host::let_go(py);
        if interrupted {
            watchdog::pass_on(&host.guard);
        }
        result
    })
}

/// Evaluates an expression of an operator.
///
/// # Errors
/// What it raised.
pub fn evaluate<'py>(host: &Host, py: Python<'py>, op: OpId, expression: &str) -> Result<Bound<'py, PyAny>, Failure> {
    let subject = host.guard.subject(&host.network.patch().path(op), "an expression");
    host.script(op, subject, || {
        let code = host.expressions.code(py, expression)?;
        let globals = host.scripts.namespace(host, py, op)?;
        code.run(Some(&globals), None)
    })
}
