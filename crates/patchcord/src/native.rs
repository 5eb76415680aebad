//! What the library in Python asks of the patch: small functions that read or change one thing of an operator.
//!
//! The members of the td classes that are no affair of speed are written in Python (`library/*.py`), on top of these. They
//! are the attributes of the module `_patchcord_native`, which scripts have no business with.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use patchcord_core::content::Content;
use patchcord_core::patch::extras::{Extras, MAX_VIRTUAL_BYTES, VirtualFile};
use patchcord_core::patch::flags::Flag;
use patchcord_core::patch::{OpId, Side, Source};
use patchcord_core::tracking::Source as Read;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyModule};

use crate::errors::{Error, refused};
use crate::host::{self, gone};
use crate::op::chop::Channel;
use crate::op::{Op, operator_argument, read_operator};

/// An operator and one of its inputs or outputs.
type End<'py> = (Bound<'py, PyAny>, usize, usize);

/// Left, bottom, width, height, and the colour of an operator in a network editor.
type Place = (f64, f64, f64, f64, (f64, f64, f64));

/// What feeds an input: an operator and one of its outputs.
type Wire<'py> = (Bound<'py, PyAny>, usize);

/// The module.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    let module = PyModule::new(py, "_patchcord_native")?;
    for (name, class) in crate::op::families(py) {
        module.add(name, class)?;
    }
    module.add("Error", py.get_type::<Error>())?;
    module.add("Channel", py.get_type::<Channel>())?;
    module.add("version", env!("CARGO_PKG_VERSION"))?;
    module.add("max_virtual_bytes", MAX_VIRTUAL_BYTES)?;
    module.add("flag_names", Flag::ALL.map(|flag| flag.name).to_vec())?;
    module.add_function(wrap_pyfunction!(flag, py)?)?;
    module.add_function(wrap_pyfunction!(set_flag, py)?)?;
    module.add_function(wrap_pyfunction!(layout, py)?)?;
    module.add_function(wrap_pyfunction!(set_layout, py)?)?;
    module.add_function(wrap_pyfunction!(variables, py)?)?;
    module.add_function(wrap_pyfunction!(set_variable, py)?)?;
    module.add_function(wrap_pyfunction!(find, py)?)?;
    module.add_function(wrap_pyfunction!(wires, py)?)?;
    module.add_function(wrap_pyfunction!(fed, py)?)?;
    module.add_function(wrap_pyfunction!(wire, py)?)?;
    module.add_function(wrap_pyfunction!(input_names, py)?)?;
    module.add_function(wrap_pyfunction!(connectors, py)?)?;
    module.add_function(wrap_pyfunction!(memory, py)?)?;
    module.add_function(wrap_pyfunction!(file_names, py)?)?;
    module.add_function(wrap_pyfunction!(file, py)?)?;
    module.add_function(wrap_pyfunction!(add_file, py)?)?;
    module.add_function(wrap_pyfunction!(remove_file, py)?)?;
    module.add_function(wrap_pyfunction!(frame, py)?)?;
    module.add_function(wrap_pyfunction!(cooks, py)?)?;
    module.add_function(wrap_pyfunction!(set_rate, py)?)?;
    module.add_function(wrap_pyfunction!(seconds, py)?)?;
    module.add_function(wrap_pyfunction!(project, py)?)?;
    module.add_function(wrap_pyfunction!(quit, py)?)?;
    crate::storage_file::add_to(&module)?;
    Ok(module)
}

fn id(op: &Bound<'_, Op>) -> OpId {
    op.get().id()
}

fn edit<R>(op: OpId, edit: impl FnOnce(&mut Extras) -> R) -> PyResult<R> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        let result = edit(patch.get_mut(op).ok_or_else(gone)?.extras_mut());
        patch.note_tree_change();
        Ok(result)
    })
}

fn known_flag(name: &str) -> PyResult<Flag> {
    Flag::find(name).ok_or_else(|| Error::new_err(format!("there is no flag `{name}`")))
}

#[pyfunction]
fn flag(op: &Bound<'_, Op>, name: &str) -> PyResult<bool> {
    let flag = known_flag(name)?;
    read_operator(id(op), |op| op.flags.has(flag))
}

#[pyfunction]
fn set_flag(op: &Bound<'_, Op>, name: &str, on: bool) -> PyResult<()> {
    let flag = known_flag(name)?;
    host::with(|host| host.network.set_flag(id(op), flag, on).map_err(refused))
}

/// Left, bottom, width, height, and the colour.
#[pyfunction]
fn layout(op: &Bound<'_, Op>) -> PyResult<Place> {
    let layout = read_operator(id(op), |op| op.extras().map(|extras| extras.layout).unwrap_or_default())?;
    let [red, green, blue] = layout.color;
    Ok((layout.x, layout.y, layout.width, layout.height, (red, green, blue)))
}

#[pyfunction]
fn set_layout(
    op: &Bound<'_, Op>,
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    color: Option<(f64, f64, f64)>,
) -> PyResult<()> {
    edit(id(op), |extras| {
        let layout = &mut extras.layout;
        layout.x = x.unwrap_or(layout.x);
        layout.y = y.unwrap_or(layout.y);
        layout.width = width.unwrap_or(layout.width);
        layout.height = height.unwrap_or(layout.height);
        layout.color = color.map_or(layout.color, |(red, green, blue)| [red, green, blue]);
    })
}

/// Variables of a component, by name.
#[pyfunction]
fn variables<'py>(op: &Bound<'py, Op>) -> PyResult<Bound<'py, PyDict>> {
    let all = read_operator(id(op), |op| op.extras().map(|extras| extras.variables.clone()).unwrap_or_default())?;
    let dict = PyDict::new(op.py());
    for (name, value) in all {
        dict.set_item(&*name, &*value)?;
    }
    Ok(dict)
}

/// Sets a variable, or takes it away. Returns whether it was there.
#[pyfunction]
fn set_variable(op: &Bound<'_, Op>, name: &str, value: Option<&str>) -> PyResult<bool> {
    edit(id(op), |extras| match value {
        Some(value) => extras.variables.insert(Rc::from(name), Rc::from(value)).is_some(),
        None => extras.variables.remove(name).is_some(),
    })
}

/// The operator that an argument means; an error when there is none.
#[pyfunction]
fn find<'py>(which: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let op = operator_argument(which)?;
    host::with(|host| host.handle(which.py(), op))
}

/// What feeds each input: operator and output.
#[pyfunction]
fn wires<'py>(op: &Bound<'py, Op>) -> PyResult<Vec<Option<Wire<'py>>>> {
    host::with(|host| {
        let inputs = {
            let patch = host.network.patch();
            patch.note_tree_read();
            patch.get(id(op)).ok_or_else(gone)?;
            patch.inputs(id(op))
        };
        let handle = |source: Source| Ok((host.handle(op.py(), source.op)?, usize::from(source.output)));
        inputs.into_iter().map(|source| source.map(handle).transpose()).collect()
    })
}

/// What an operator feeds: operator, its input, and the output that the wire comes from.
#[pyfunction]
fn fed<'py>(op: &Bound<'py, Op>) -> PyResult<Vec<End<'py>>> {
    let source = id(op);
    host::with(|host| {
        let mut ends = Vec::new();
        {
            let patch = host.network.patch();
            patch.note_tree_read();
            patch.get(source).ok_or_else(gone)?;
            for target in patch.fed_by(source) {
                let inputs = patch.inputs(target);
                let wires = inputs.iter().enumerate().filter_map(|(input, from)| Some((input, (*from)?)));
                let own = wires.filter(|(_, from)| from.op == source);
                ends.extend(own.map(|(input, from)| (target, input, usize::from(from.output))));
            }
        }
        ends.into_iter().map(|(target, input, output)| Ok((host.handle(op.py(), target)?, input, output))).collect()
    })
}

/// Wires an output to an input, or opens the input.
#[pyfunction]
fn wire(op: &Bound<'_, Op>, input: usize, source: Option<&Bound<'_, Op>>, output: u8) -> PyResult<()> {
    let source = source.map(|from| Source { op: id(from), output });
    host::with(|host| host.network.patch_mut().wire(id(op), input, source).map_err(refused))
}

/// The In or Out operators of a component, in the order of its inputs or outputs.
#[pyfunction]
fn connectors<'py>(op: &Bound<'py, Op>, is_input: bool) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let side = if is_input { Side::In } else { Side::Out };
    host::with(|host| {
        let found = {
            let patch = host.network.patch();
            patch.note_tree_read();
            patch.connectors(id(op), side)
        };
        host.handles(op.py(), &found)
    })
}

/// What the inputs are for, in words.
#[pyfunction]
fn input_names(op: &Bound<'_, Op>) -> PyResult<Vec<String>> {
    read_operator(id(op), |op| op.declaration().inputs.iter().map(|input| input.help.to_owned()).collect())
}

/// Bytes that the content and the virtual files of an operator take, about.
#[pyfunction]
fn memory(op: &Bound<'_, Op>) -> PyResult<usize> {
    host::with(|host| {
        host.network.note_read(Read::Moment);
        Ok(())
    })?;
    read_operator(id(op), |op| {
        let content = match op.content() {
            Content::None => 0,
            Content::Text(text) => text.as_str().len(),
            Content::Table(table) => {
                let cells = table.rows().flat_map(|row| row.iter());
                cells.map(|cell| 24 + cell.len().saturating_sub(24)).sum()
            }
            Content::Channels(all) => {
                all.channels.iter().map(|(name, samples)| name.len() + samples.len() * size_of::<f64>()).sum()
            }
        };
        size_of_val(op) + content + op.extras().map_or(0, |extras| extras.files.bytes())
    })
}

#[pyfunction]
fn file_names(op: &Bound<'_, Op>) -> PyResult<Vec<String>> {
    let all = |extras: &Extras| extras.files.names().map(|name| name.to_string()).collect();
    read_operator(id(op), |op| op.extras().map(all).unwrap_or_default())
}

/// Bytes, seconds since 1970 and original path of a virtual file; None when there is none of that name.
#[pyfunction]
fn file<'py>(op: &Bound<'py, Op>, name: &str) -> PyResult<Option<(Bound<'py, PyBytes>, f64, String)>> {
    let found = read_operator(id(op), |op| op.extras().and_then(|extras| extras.files.get(name).cloned()))?;
    Ok(found.map(|file| {
        let date = file.date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let original = file.original.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        (PyBytes::new(op.py(), &file.bytes), date.as_secs_f64(), original)
    }))
}

#[pyfunction]
fn add_file(
    op: &Bound<'_, Op>,
    name: &str,
    bytes: &[u8],
    date: Option<f64>,
    original: Option<PathBuf>,
) -> PyResult<()> {
    let date = date.and_then(|date| Duration::try_from_secs_f64(date).ok());
    let date = date.map_or_else(SystemTime::now, |since| SystemTime::UNIX_EPOCH + since);
    let file = VirtualFile { bytes: Rc::from(bytes), date, original };
    edit(id(op), |extras| extras.files.add(name, file))?.map_err(|error| Error::new_err(error.to_string()))
}

/// Takes a virtual file away. Returns whether it was there.
#[pyfunction]
fn remove_file(op: &Bound<'_, Op>, name: &str) -> PyResult<bool> {
    edit(id(op), |extras| extras.files.remove(name))
}

/// Number of the frame and frames per second.
#[pyfunction]
fn frame() -> PyResult<(u64, f64)> {
    let frame = crate::globals::frame_now()?;
    Ok((frame.number, frame.rate))
}

/// Sets the frames per second.
#[pyfunction]
fn set_rate(rate: f64) -> PyResult<()> {
    if !(rate > 0.0 && rate.is_finite()) {
        return Err(Error::new_err("a frame rate is a number above 0"));
    }
    host::with(|host| {
        host.network.set_frame_rate(rate);
        Ok(())
    })
}

/// Seconds since the program started.
#[pyfunction]
fn seconds() -> PyResult<f64> {
    host::with(|host| {
        host.network.note_read(Read::Moment);
        Ok(host.network.now().as_secs_f64())
    })
}

/// Name and folder of the patch.
#[pyfunction]
fn project() -> PyResult<(String, String)> {
    host::with(|host| {
        let project = host.network.project();
        Ok((project.name, project.folder.to_string_lossy().into_owned()))
    })
}

/// Ends the program in order; from any thread.
#[pyfunction]
fn quit() -> PyResult<()> {
    let remote = host::remote().ok_or_else(|| Error::new_err("no patch is running"))?;
    remote.stop(0);
    Ok(())
}

/// Of an operator's cooks: how many, and of the last one its milliseconds, frame, start and end within the frame in
/// milliseconds; then the frame now. They are others at each look.
#[pyfunction]
fn cooks(op: &Bound<'_, Op>) -> PyResult<(u64, f64, u64, f64, f64, u64)> {
    host::with(|host| {
        host.network.note_read(Read::Moment);
        let cooks = host.network.cook_figures(id(op)).ok_or_else(gone)?;
        let now = host.network.frame().number;
        Ok((cooks.total, cooks.time_ms, cooks.abs_frame, cooks.start_ms, cooks.end_ms, now))
    })
}
