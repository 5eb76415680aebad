//! The modules of this library that are written in Python: `library/*.py`, `glue.py` and `execute.py`.
//!
//! To compile all of them took half of the program's start. So `build.rs` has the interpreter that this library is built
//! for do it, and the bytecode stands in the library beside the text. Bytecode is bound to a version of Python: an interpreter
//! of another one, which a module of the stable ABI may meet, compiles the text as it would have anyway.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::code::PyCodeInput;
use pyo3::types::{PyBytes, PyCode, PyCodeMethods, PyModule};

/// The file that tracebacks name, by which they leave the program's own frames out.
pub const FILE: &CStr = c"<patchcord>";

/// A module in Python. [`source!`](crate::source) makes it of a file.
#[derive(Clone, Copy)]
pub struct Source {
    /// The name by which others import it.
    pub name: &'static str,
    /// Its text.
    pub text: &'static CStr,
    /// Four bytes that say of which Python the bytecode is, and the code as `marshal` writes it; empty where the build had
    /// no interpreter at hand.
    pub code: &'static [u8],
}

/// A module in Python: its name, and its file below `src`.
#[macro_export]
macro_rules! source {
    ($name:literal, $file:literal) => {
        $crate::library::Source {
            name: $name,
            text: $crate::library::c_text(concat!(
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/", $file)),
                "\0"
            )),
            code: include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".code")),
        }
    };
}

/// A text that ends with a zero, as C has it.
pub const fn c_text(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a module in Python has a zero in its text"),
    }
}

/// Runs a module, and makes it known to those that import it.
///
/// # Errors
/// What its code raises, which is nothing but for want of memory.
pub fn load<'py>(py: Python<'py>, source: Source) -> PyResult<Bound<'py, PyModule>> {
    let code = match compiled(py, source.code)? {
        Some(code) => code,
        None => PyCode::compile(py, source.text, FILE, PyCodeInput::File)?,
    };
    let module = PyModule::new(py, source.name)?;
    module.add("__file__", FILE)?;
    py.import("sys")?.getattr("modules")?.set_item(source.name, &module)?;
    code.run(Some(&module.dict()), None)?;
    Ok(module)
}

/// The code of bytecode that this interpreter understands; `None` for any other.
fn compiled<'py>(py: Python<'py>, code: &[u8]) -> PyResult<Option<Bound<'py, PyCode>>> {
    let Some((magic, code)) = code.split_first_chunk::<4>() else { return Ok(None) };
    let own: Vec<u8> = py.import("importlib._bootstrap_external")?.getattr("MAGIC_NUMBER")?.extract()?;
    if own != magic {
        return Ok(None);
    }
    let code = py.import("marshal")?.call_method1("loads", (PyBytes::new(py, code),))?;
    Ok(Some(code.cast_into()?))
}
