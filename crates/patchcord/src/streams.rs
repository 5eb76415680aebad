//! What scripts print: `sys.stdout` and `sys.stderr` as a way to the textport.
//!
//! `print` writes in pieces; they are put together to lines, per thread, and each line is said under the operator whose
//! script runs. Lines from other threads go over to the patch's thread under the name of their thread. Nothing here
//! waits: what a terminal does not take in time is the sink's business.

use std::cell::RefCell;

use patchcord_core::textport::LineKind;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::host::{here, remote};

thread_local! {
    /// The beginning of a line that has no end yet.
    static UNFINISHED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A line that is longer is said in parts, so that a script cannot fill the memory with one.
const MAX_LINE: usize = 64 * 1024;

/// Puts the streams in place of Python's own, which stay in `sys.__stdout__` and `sys.__stderr__`.
///
/// # Errors
/// What flushing the old streams raises.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let sys = py.import("sys")?;
    for name in ["stdout", "stderr"] {
        let before = sys.getattr(name)?;
        if !before.is_none() {
            before.call_method0("flush")?;
        }
        let stream = Bound::new(py, Stream { name })?;
        sys.setattr(name, stream)?;
    }
    Ok(())
}

/// Puts Python's own streams back.
pub fn remove(py: Python<'_>) {
    flush_line();
    let restore = || -> PyResult<()> {
        let sys = py.import("sys")?;
        sys.setattr("stdout", sys.getattr("__stdout__")?)?;
        sys.setattr("stderr", sys.getattr("__stderr__")?)
    };
    if let Err(error) = restore() {
        tracing::warn!("Python's own output streams are not back: {error}");
    }
}

/// A stream that ends in the textport.
#[pyclass(frozen, module = "td")]
struct Stream {
    name: &'static str,
}

#[pymethods]
impl Stream {
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        write(&text.to_cow()?);
        text.len()
    }

    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(line?.cast()?)?;
        }
        Ok(())
    }

    /// Does nothing to a line that has no end yet: it waits for its rest.
    fn flush(&self) {}

    fn isatty(&self) -> bool {
        false
    }

    fn readable(&self) -> bool {
        false
    }

    fn writable(&self) -> bool {
        true
    }

    fn seekable(&self) -> bool {
        false
    }

    /// Of the stream that was there before, so that `subprocess` can use it.
    fn fileno<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("sys")?.getattr(format!("__{}__", self.name))?.call_method0("fileno")
    }

    #[getter]
    fn name(&self) -> String {
        format!("<{}>", self.name)
    }

    #[getter]
    fn encoding(&self) -> &'static str {
        "utf-8"
    }

    #[getter]
    fn errors(&self) -> &'static str {
        "strict"
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "w"
    }
}

trait Length {
    fn len(&self) -> PyResult<usize>;
}

impl Length for Bound<'_, PyString> {
    fn len(&self) -> PyResult<usize> {
        PyAnyMethods::len(self.as_any())
    }
}

fn write(text: &str) {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        let whole = UNFINISHED.with_borrow_mut(|unfinished| {
            unfinished.push_str(line);
            std::mem::take(unfinished)
        });
        say(&whole);
        rest = after;
    }
    let too_long = UNFINISHED.with_borrow_mut(|unfinished| {
        unfinished.push_str(rest);
        unfinished.len() > MAX_LINE
    });
    if too_long {
        flush_line();
    }
}

fn flush_line() {
    let rest = UNFINISHED.with_borrow_mut(std::mem::take);
    if !rest.is_empty() {
        say(&rest);
    }
}

fn say(line: &str) {
    if let Some(host) = here() {
        let path = host.running().map(|op| host.network.patch().path(op)).unwrap_or_default();
        host.network.textport().say(LineKind::Print, path, line);
    } else if let Some(remote) = remote() {
        let thread = Python::attach(thread_name);
        // A full queue: the line is lost, as it would be in a terminal that does not keep up.
        let _ = remote.say(LineKind::Print, &format!("thread:{thread}"), line);
    }
}

fn thread_name(py: Python<'_>) -> String {
    let name = || py.import("threading")?.call_method0("current_thread")?.getattr("name")?.extract();
    name().unwrap_or_else(|_: PyErr| "unknown".to_owned())
}
