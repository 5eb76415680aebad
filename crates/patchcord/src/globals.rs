//! What every script has without an import: `op`, `ops`, `parent`, `mod`, the program's facts, and the modules td and tdu.
//!
//! Names that mean the same for all scripts are builtins of scripts and attributes of the module `td`. Those that look
//! from the script's own place are objects that hold this place; in `td`, where there is none, they look from the
//! operator whose script runs.

use std::collections::BTreeMap;

use patchcord_core::frame::Frame;
use patchcord_core::patch::{OpId, Patch};
use patchcord_core::tracking::Source;
use patchcord_core::value::OwnedValue;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyModule, PyString, PyTuple};
use slotmap::KeyData;

use crate::convert::{from_python, text_of};
use crate::declared;
use crate::errors::Error;
use crate::glue::Glue;
use crate::host::{self, Host};
use crate::members;
use crate::module::find_module;
use crate::op::Op;
use crate::op::cell::Cell;
use crate::op::chop::{Channel, Chop};
use crate::op::comp::Comp;
use crate::op::custom;
use crate::op::dat::Dat;
use crate::op::par::{Par, ParCollection};
use crate::run::{Run, RunList, Runner};
use crate::shipped;
use crate::shortcuts::{self, ExtensionFinder, InternalFinder};
use crate::tdu;
use crate::watchdog::CallbackTimeout;

/// Seconds that Python lets a thread run before another may take over. The patch takes the interpreter anew for each
/// message; with Python's own 5 ms a busy thread of a script would hold up each by that.
const SWITCH_INTERVAL: f64 = 0.0005;

/// Sets the switch interval for the threads of scripts.
///
/// # Errors
/// None that a valid interval causes.
pub fn set_switch_interval(py: Python<'_>) -> PyResult<()> {
    py.import("sys")?.call_method1("setswitchinterval", (SWITCH_INTERVAL,)).map(|_| ())
}

/// Fills the builtins of scripts and makes the modules td and tdu importable.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn install(py: Python<'_>, host: &Host) -> PyResult<()> {
    let glue = Glue::of(py)?;
    let td = PyModule::new(py, "td")?;
    let tdu = tdu::module(py)?;
    td.add("OP", py.get_type::<Op>())?;
    td.add("COMP", py.get_type::<Comp>())?;
    td.add("DAT", py.get_type::<Dat>())?;
    td.add("CHOP", py.get_type::<Chop>())?;
    td.add("Par", py.get_type::<Par>())?;
    td.add("ParCollection", py.get_type::<ParCollection>())?;
    td.add("Cell", py.get_type::<Cell>())?;
    td.add("Channel", py.get_type::<Channel>())?;
    td.add("Run", py.get_type::<Run>())?;
    td.add("ParMode", glue.get(py, "ParMode")?)?;
    for name in ["ParChange", "ChangedDATInfo"] {
        td.add(name, glue.of_execute(py, name)?)?;
    }
    custom::CLASSES.iter().try_for_each(|name| td.add(*name, glue.get(py, name)?))?;
    td.add("Error", py.get_type::<Error>())?;
    td.add("tdError", py.get_type::<Error>())?;
    td.add("CallbackTimeout", py.get_type::<CallbackTimeout>())?;
    let mut families: BTreeMap<&str, Vec<Bound<'_, PyAny>>> = BTreeMap::new();
    for (name, class) in host.classes.iter() {
        let family = ["COMP", "DAT", "CHOP"].into_iter().find(|family| name.ends_with(family)).unwrap_or("OP");
        families.entry(family).or_default().push(class.bind(py).clone().into_any());
        td.add(name, class)?;
    }
    td.add("families", families)?;
    td.add("absTime", Bound::new(py, AbsTime)?)?;
    td.add("runs", Bound::new(py, RunList)?)?;
    td.add("debug", glue.get(py, "debug")?)?;
    td.add("isMainThread", wrap_pyfunction!(is_main_thread, py)?)?;
    td.add("tdu", &tdu)?;
    // The root's class is no type that can be made, so its object is made here.
    let root = host.network.patch().root();
    td.add("root", host.handle(py, root)?)?;
    members::install(py, &td)?;

    let names = PyDict::new(py);
    names.update(py.import("builtins")?.dict().as_mapping())?;
    for (name, value) in td.dict().iter() {
        if !name.cast::<PyString>()?.to_cow()?.starts_with("__") {
            names.set_item(name, value)?;
        }
    }
    names.set_item("td", &td)?;
    host.builtins.bind(py).update(names.as_mapping())?;

    shipped::install(py)?;
    td.add("ext", Bound::new(py, ExtensionFinder::seen_from_running())?)?;
    td.add("iop", Bound::new(py, InternalFinder::operators_of_running())?)?;
    td.add("ipar", Bound::new(py, InternalFinder::parameters_of_running())?)?;
    td.add("op", Bound::new(py, OpFinder(None))?)?;
    td.add("ops", Bound::new(py, OpsFinder(None))?)?;
    td.add("parent", Bound::new(py, ParentFinder { of: None, is_global: true })?)?;
    td.add("mod", Bound::new(py, ModuleFinder(None))?)?;
    td.add("run", Bound::new(py, Runner::for_running())?)?;
    td.add("__getattr__", wrap_pyfunction!(td_attribute, py)?)?;
    declared::mark(&td, host.builtins.bind(py))?;
    let modules = py.import("sys")?.getattr("modules")?;
    modules.set_item("td", td)?;
    modules.set_item("tdu", tdu)
}

/// `td.me`: the operator whose script runs, which is another one from call to call.
#[pyfunction]
fn td_attribute<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    if name != "me" {
        return Err(PyAttributeError::new_err(format!("module 'td' has no attribute '{name}'")));
    }
    host::with(|host| Ok(host.handle_or_none(py, host.running())?.unwrap_or_else(|| py.None().into_bound(py))))
}

#[pyfunction]
fn is_main_thread() -> bool {
    host::here().is_some()
}

/// The operators that a script's arguments name: paths, patterns, ids, operators, and parameters or cells with such
/// values; with `first_only` at most one. What names nothing is left out. `base` is the component from which a path counts.
///
/// # Errors
/// `TypeError` for an argument that can name nothing; `td.Error` on a thread without a patch.
pub fn find_operators(
    arguments: &Bound<'_, PyTuple>,
    base: impl Fn(&Patch, &str) -> OpId,
    first_only: bool,
) -> PyResult<Vec<OpId>> {
    let mut found = Vec::new();
    for argument in arguments.iter() {
        if let Ok(path) = argument.cast::<PyString>() {
            // The usual case. The text is used where it is, so nothing is copied.
            let path = path.to_cow()?;
            host::with(|host| {
                let patch = host.network.patch();
                let base = base(&patch, &path);
                if first_only {
                    let first = patch.find(base, &path);
                    if first.is_none() {
                        host.note_not_found(&path);
                    }
                    found.extend(first);
                } else {
                    found.extend(patch.find_all(base, &path));
                }
                Ok(())
            })?;
        } else if let Ok(op) = argument.cast::<Op>() {
            let op = op.get().id();
            host::with(|host| {
                found.extend(host.network.patch().get(op).map(|_| op));
                Ok(())
            })?;
        } else {
            find_otherwise(&argument, &base, &mut found)?;
        }
        if first_only && !found.is_empty() {
            break;
        }
    }
    if !first_only {
        let mut seen = std::collections::HashSet::new();
        found.retain(|op| seen.insert(*op));
    }
    Ok(found)
}

fn find_otherwise(
    argument: &Bound<'_, PyAny>,
    base: &impl Fn(&Patch, &str) -> OpId,
    found: &mut Vec<OpId>,
) -> PyResult<()> {
    if argument.cast::<PyInt>().is_ok() {
        let Ok(number) = argument.extract::<u64>() else { return Ok(()) };
        let op = OpId::from(KeyData::from_ffi(number));
        return host::with(|host| {
            found.extend(host.network.patch().get(op).map(|_| op));
            Ok(())
        });
    }
    match from_python(argument)? {
        OwnedValue::None => Ok(()),
        OwnedValue::Op(op) => {
            found.push(op);
            Ok(())
        }
        OwnedValue::Str(path) => host::with(|host| {
            let patch = host.network.patch();
            found.extend(patch.find(base(&patch, &path), &path));
            Ok(())
        }),
        _ => Err(PyTypeError::new_err("an operator, its path or its id is needed")),
    }
}

/// The component from which paths count for a script, or for the one that runs.
fn network_of(patch: &Patch, seen_from: Option<OpId>) -> OpId {
    seen_from.map_or(patch.root(), |op| patch.network_of(op))
}

/// The operator from whose place a script looks; `None` is the script that runs.
pub fn place(host: &Host, script: Option<OpId>) -> Option<OpId> {
    script.map(|script| host.place_of(script)).or(host.running())
}

/// The global `op`: the first operator that a path or pattern names, or None.
#[pyclass(module = "td", frozen)]
pub struct OpFinder(Option<OpId>);

impl OpFinder {
    /// Looks from the place of an operator.
    pub fn seen_from(op: OpId) -> Self {
        OpFinder(Some(op))
    }

    /// The plain case, of which scripts are full.
    fn find<'py>(&self, path: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        host::with(|host| {
            let (from, tree) = (place(host, self.0), host.network.tree_version());
            if let Some(op) = from.and_then(|from| host.found.get(path, from, tree)) {
                host.network.note_read(Source::Tree);
                return Ok(Some(op));
            }
            let text = path.to_cow()?;
            let found = {
                let patch = host.network.patch();
                match from {
                    Some(from) => patch.find_from(from, &text),
                    None => patch.find(patch.root(), &text),
                }
            };
            if let Some((from, found)) = from.zip(found) {
                let op = host.handle(path.py(), found)?;
                host.found.put(path, from, tree, &op);
                return Ok(Some(op));
            }
            if found.is_none() {
                // Scripts ask for operators that may not exist; a misspelled name looks the same.
                tracing::debug!("op('{text}') finds nothing");
                host.note_not_found(&text);
            }
            host.handle_or_none(path.py(), found)
        })
    }
}

#[pymethods]
impl OpFinder {
    #[pyo3(signature = (*paths, **_options))]
    fn __call__<'py>(
        &self,
        paths: &Bound<'py, PyTuple>,
        _options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if paths.len() == 1 {
            let path = paths.get_item(0)?;
            if let Ok(path) = path.cast::<PyString>() {
                return self.find(path);
            }
        }
        let place = host::with(|host| Ok(place(host, self.0)))?;
        let found = find_operators(paths, |patch, _| network_of(patch, place), true)?;
        host::with(|host| host.handle_or_none(paths.py(), found.first().copied()))
    }

    /// The component with a global shortcut.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        shortcuts::global(py, name)
    }
}

/// The global `ops`: all operators that paths and patterns name.
#[pyclass(module = "td", frozen)]
pub struct OpsFinder(Option<OpId>);

impl OpsFinder {
    /// Looks from the place of an operator.
    pub fn seen_from(op: OpId) -> Self {
        OpsFinder(Some(op))
    }
}

#[pymethods]
impl OpsFinder {
    #[pyo3(signature = (*paths, **_options))]
    fn __call__<'py>(
        &self,
        paths: &Bound<'py, PyTuple>,
        _options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let place = host::with(|host| Ok(place(host, self.0)))?;
        let found = find_operators(paths, |patch, _| network_of(patch, place), false)?;
        host::with(|host| PyList::new(paths.py(), host.handles(paths.py(), &found)?))
    }
}

/// The global `parent`, and `parent` of an operator: the component around it, or the one so many levels up.
#[pyclass(module = "td", frozen)]
pub struct ParentFinder {
    of: Option<OpId>,
    /// It is a script's own, and counts from the place from which the script looks.
    is_global: bool,
}

impl ParentFinder {
    /// Counts from an operator.
    pub fn of(op: OpId) -> Self {
        ParentFinder { of: Some(op), is_global: false }
    }

    /// Counts from the place of a script.
    pub fn seen_from(script: OpId) -> Self {
        ParentFinder { of: Some(script), is_global: true }
    }
}

#[pymethods]
impl ParentFinder {
    #[pyo3(signature = (n=1))]
    fn __call__<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        host::with(|host| {
            host.network.note_read(Source::Tree);
            let mut at = if self.is_global { place(host, self.of) } else { self.of };
            for _ in 0..n {
                if at.is_none() {
                    break;
                }
                at = at.and_then(|op| host.network.patch().get(op)?.parent());
            }
            host.handle_or_none(py, at)
        })
    }

    /// The nearest component around with a parent shortcut.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let from = host::with(|host| Ok(if self.is_global { place(host, self.of) } else { self.of }))?;
        shortcuts::parent(py, from, name)
    }
}

/// The global `mod`: modules of DATs, as `mod('name')` or `mod.name`.
#[pyclass(module = "td", frozen)]
pub struct ModuleFinder(Option<OpId>);

impl ModuleFinder {
    /// Looks from the place of an operator.
    pub fn seen_from(op: OpId) -> Self {
        ModuleFinder(Some(op))
    }

    fn find<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyModule>>> {
        host::with(|host| {
            let from = self.0.or(host.running()).unwrap_or_else(|| host.network.patch().root());
            find_module(host, py, from, name)
        })
    }
}

#[pymethods]
impl ModuleFinder {
    fn __call__<'py>(&self, which: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyModule>> {
        let py = which.py();
        if let OwnedValue::Op(op) = from_python(which)? {
            return host::with(|host| host.scripts.of(host, py, op)?.require(host, py));
        }
        let name = text_of(which)?;
        self.find(py, &name)?.ok_or_else(|| Error::new_err(format!("there is no DAT `{name}` that could be a module")))
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyModule>> {
        let found = if name.starts_with("__") { None } else { self.find(py, name)? };
        found.ok_or_else(|| PyAttributeError::new_err(format!("there is no DAT `{name}` that could be a module")))
    }
}

/// The frame, for a script; what reads it depends on the time.
pub fn frame_now() -> PyResult<Frame> {
    host::with(|host| {
        host.network.note_read(Source::Time);
        Ok(host.network.frame())
    })
}

/// The global `absTime`: time since the program started.
#[pyclass(module = "td", frozen)]
struct AbsTime;

#[pymethods]
impl AbsTime {
    #[getter]
    fn frame(&self) -> PyResult<u64> {
        Ok(frame_now()?.number)
    }

    #[getter]
    fn seconds(&self) -> PyResult<f64> {
        Ok(frame_now()?.seconds)
    }

    /// Frames since the last frame that was run; above 1 when frames were skipped.
    #[getter]
    fn step(&self) -> PyResult<u32> {
        host::with(|host| Ok(host.network.frame().step))
    }

    #[getter(stepSeconds)]
    fn step_seconds(&self) -> PyResult<f64> {
        host::with(|host| Ok(f64::from(host.network.frame().step) / host.network.frame().rate))
    }
}
