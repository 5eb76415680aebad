//! The module `tdu`: helpers that scripts use on names, patterns and numbers.
//!
//! What computes on plain texts is in `patchcord_core`; what is about Python objects (`Dependency`, literals, any value
//! that can be compared) is in `glue.py`.

use patchcord_core::pattern::{self, Case};
use patchcord_core::tdu::{self as core, Seed};
use patchcord_core::tracking::{Shared, Source};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::convert::text_of;
use crate::errors::Error;
use crate::glue::Glue;
use crate::host;

/// The module.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let glue = Glue::of(py)?;
    let module = PyModule::new(py, "tdu")?;
    module.add_function(wrap_pyfunction!(base, py)?)?;
    module.add_function(wrap_pyfunction!(digits, py)?)?;
    module.add_function(wrap_pyfunction!(valid_name, py)?)?;
    module.add_function(wrap_pyfunction!(valid_path, py)?)?;
    module.add_function(wrap_pyfunction!(rand, py)?)?;
    module.add_function(wrap_pyfunction!(match_names, py)?)?;
    module.add_function(wrap_pyfunction!(expand, py)?)?;
    module.add_function(wrap_pyfunction!(expand_path, py)?)?;
    module.add_function(wrap_pyfunction!(collapse_path, py)?)?;
    let set = |name: &str, from: &str| module.add(name, glue.get(py, from)?);
    set("clamp", "clamp")?;
    set("remap", "remap")?;
    set("split", "split")?;
    set("tryExcept", "try_except")?;
    set("Dependency", "Dependency")?;
    glue.module.bind(py).add("_Changes", py.get_type::<Changes>())?;
    glue.module.bind(py).add("_split", wrap_pyfunction!(split, py)?)?;
    Ok(module)
}

/// Changes of a Python value, for computations that have read it.
#[pyclass(module = "td", frozen)]
struct Changes(Shared);

#[pymethods]
impl Changes {
    #[new]
    fn new() -> Self {
        Changes(Shared::default())
    }

    /// Notes that the value was read. On other threads nothing is computed that could have read it.
    fn note_read(&self) {
        if let Some(host) = host::here().filter(|host| host.network.notes_reads()) {
            host.network.note_read(Source::Shared(self.0.clone()));
        }
    }

    /// Notes that the value is another.
    fn note_change(&self) {
        self.0.note_change();
    }
}

/// The part of a name before any digit.
#[pyfunction]
fn base(name: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(core::base(&text_of(name)?).to_owned())
}

/// The number in a name, the last one; None without digits.
#[pyfunction]
fn digits(name: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    Ok(core::digits(&text_of(name)?))
}

/// The name with everything replaced that no operator name can have.
#[pyfunction(name = "validName")]
fn valid_name(name: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(core::valid_name(&text_of(name)?))
}

/// As `validName`, but slashes stay.
#[pyfunction(name = "validPath")]
fn valid_path(path: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(core::valid_path(&text_of(path)?))
}

/// A number from 0 up to 1 that depends on the seed alone.
#[pyfunction]
fn rand(seed: &Bound<'_, PyAny>) -> PyResult<f64> {
    let seed = Glue::of(seed.py())?.value_of(seed)?;
    match seed.extract::<f64>() {
        Ok(number) => Ok(core::rand(Seed::Number(number))),
        Err(_) => Ok(core::rand(Seed::Text(&text_of(&seed)?))),
    }
}

/// The names of a list that a pattern matches.
#[pyfunction(name = "match", signature = (pattern, inputList, caseSensitive=true))]
#[expect(non_snake_case, reason = "scripts name the argument")]
fn match_names(pattern: &Bound<'_, PyAny>, inputList: &Bound<'_, PyAny>, caseSensitive: bool) -> PyResult<Vec<String>> {
    let pattern = text_of(pattern)?;
    let names = inputList.try_iter()?.map(|name| text_of(&name?)).collect::<PyResult<Vec<_>>>()?;
    let matching = pattern::match_names(&pattern, &names, Case::sensitive(caseSensitive));
    Ok(matching.into_iter().map(|at| names[at].clone()).collect())
}

/// Every name that a pattern such as `A[1-3]` stands for.
#[pyfunction]
fn expand(pattern: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    pattern::expand(&text_of(pattern)?).map_err(|error| Error::new_err(error.to_string()))
}

/// A path that counts from the patch folder, as an absolute one.
#[pyfunction(name = "expandPath")]
fn expand_path(path: &Bound<'_, PyAny>) -> PyResult<String> {
    let path = text_of(path)?;
    host::with(|host| Ok(host.network.project().folder.join(path).to_string_lossy().into_owned()))
}

/// A path inside the patch folder, as one that counts from there; any other as it is.
#[pyfunction(name = "collapsePath")]
fn collapse_path(path: &Bound<'_, PyAny>) -> PyResult<String> {
    let path = text_of(path)?;
    host::with(|host| {
        let inside = std::path::Path::new(&path).strip_prefix(host.network.project().folder);
        Ok(inside.map_or_else(|_| path.clone(), |inside| inside.to_string_lossy().into_owned()))
    })
}

#[pyfunction]
fn split(text: &str) -> Vec<String> {
    core::split(text)
}
