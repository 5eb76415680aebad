//! Values over the seam: what operators hand to scripts becomes Python objects, what scripts return is copied out.
//!
//! Strings that come again and again (field names, header names, client ids) are made once. Requests become a dict
//! subclass whose look-ups ignore letter case; everything else is a plain Python object. Reading a script's value never
//! keeps a reference to it.

use std::borrow::Cow;
use std::cell::RefCell;

use patchcord_core::parameter::ParValue;
use patchcord_core::value::{FieldName, OwnedValue, Record, SharedStr, Value, title_case};
use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple};

use crate::glue::Glue;
use crate::host::Host;
use crate::op::Op;
use crate::op::cell::Cell;
use crate::op::chop::Channel;
use crate::op::par::Par;

/// Strings of a kind that are kept because they may come again: header names; addresses, paths, header values. A power
/// of two. A peer may send any, and what it sends must not fill the memory.
const RECENT: usize = 512;

/// Bytes of the longest of them.
const RECENT_LENGTH: usize = 128;

/// Places for names of fields, of which there are some dozen. A power of two.
const FIXED: usize = 256;

/// How many places are looked at for one of them.
const PROBES: usize = 8;

/// Keys that responses usually have.
const USUAL_KEYS: [&str; 9] = [
    "statusCode",
    "statusReason",
    "data",
    "Content-Type",
    "content-type",
    "Cache-Control",
    "Location",
    "Set-Cookie",
    "Access-Control-Allow-Origin",
];

/// Lists and dictionaries in one another at most, as a script may return one that holds itself.
const MAX_DEPTH: usize = 64;

/// Strings that are made once.
#[derive(Default)]
pub struct Names {
    fixed: RefCell<Vec<Option<Fixed>>>,
    headers: RefCell<Recent>,
    recent: RefCell<Recent>,
    /// Records that are always the same, by their name.
    constants: RefCell<Vec<(&'static str, Py<PyDict>)>>,
}

/// A text that lives as long as the program, so that its address stands for it, and the object that was made for it.
struct Fixed {
    text: &'static str,
    object: Py<PyString>,
}

/// Texts and the objects that were made for them. Each text has two places, for the last two that came.
#[derive(Default)]
struct Recent(Vec<Option<(Box<str>, Py<PyString>)>>);

impl Recent {
    #[inline]
    fn get<'py>(&self, py: Python<'py>, text: &str) -> Option<Bound<'py, PyString>> {
        let place = place_of(text.as_bytes());
        let at = |place: usize| match self.0.get(place)? {
            Some((known, object)) if **known == *text => Some(object.bind(py).clone()),
            _ => None,
        };
        at(place).or_else(|| at(place ^ 1))
    }

    /// Returns what was kept there before. A string has no code that could run when it goes; it is to be dropped with
    /// nothing borrowed all the same.
    fn put(&mut self, text: &str, object: &Bound<'_, PyString>) -> Option<(Box<str>, Py<PyString>)> {
        if self.0.is_empty() {
            self.0.resize_with(RECENT, || None);
        }
        let place = place_of(text.as_bytes());
        let before = self.0[place].replace((Box::from(text), object.clone().unbind()));
        std::mem::replace(&mut self.0[place ^ 1], before)
    }
}

impl Names {
    fn fixed<'py>(&self, py: Python<'py>, name: &'static str) -> Bound<'py, PyString> {
        let mut fixed = self.fixed.borrow_mut();
        if fixed.is_empty() {
            fixed.resize_with(FIXED, || None);
        }
        let first = (name.as_ptr() as usize).wrapping_mul(0x9e37_79b9) >> 16;
        for place in (first..first + PROBES).map(|place| place & (FIXED - 1)) {
            match &mut fixed[place] {
                Some(known) if std::ptr::eq(known.text, name) => return known.object.bind(py).clone(),
                Some(_) => {}
                free => {
                    let object = PyString::intern(py, name);
                    *free = Some(Fixed { text: name, object: object.clone().unbind() });
                    return object;
                }
            }
        }
        PyString::intern(py, name)
    }

    fn header<'py>(&self, py: Python<'py>, name: &str) -> Bound<'py, PyString> {
        let make = || PyString::new(py, &title_case(name));
        if name.len() > RECENT_LENGTH { make() } else { Self::kept(py, &self.headers, name, make) }
    }

    /// Text that may have come before, as the object that was made for it then. What peers send over and over (their
    /// address, the path, the same header values) so costs a comparison; what is new takes the place of something old.
    fn recent<'py>(&self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        let make = || PyString::new(py, text);
        if text.len() > RECENT_LENGTH { make() } else { Self::kept(py, &self.recent, text, make) }
    }

    fn kept<'py>(
        py: Python<'py>,
        recent: &RefCell<Recent>,
        text: &str,
        make: impl FnOnce() -> Bound<'py, PyString>,
    ) -> Bound<'py, PyString> {
        if let Some(known) = recent.borrow().get(py, text) {
            return known;
        }
        let object = make();
        let old = recent.borrow_mut().put(text, &object);
        drop(old);
        object
    }

    /// A fresh copy of a record that is always the same.
    fn constant<'py>(
        &self,
        py: Python<'py>,
        name: &'static str,
        make: impl FnOnce() -> PyResult<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let known =
            self.constants.borrow().iter().find(|(known, _)| *known == name).map(|(_, dict)| dict.clone_ref(py));
        if let Some(known) = known {
            return known.bind(py).copy();
        }
        let made = make()?;
        self.constants.borrow_mut().push((name, made.copy()?.unbind()));
        Ok(made)
    }
}

/// Where a text is kept among the recent ones: mixed from its ends and its length.
#[inline]
fn place_of(text: &[u8]) -> usize {
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
            _ => (text.iter().fold(0, |mixed, byte| mixed << 8 | u64::from(*byte)), 0),
        },
    };
    let mixed = (first ^ last.rotate_left(29) ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 55) as usize & (RECENT - 1)
}

/// A str of a text. Python's own way reads it byte by byte; for the usual case, plain ASCII, its bytes are put in place.
#[cfg(not(feature = "abi3"))]
#[allow(unsafe_code)]
pub fn text<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    if !text.is_ascii() {
        return PyString::new(py, text);
    }
    // SAFETY: the new string has room for `len` characters up to 127, which are a byte each, and nobody else knows it
    // yet; the bytes are ASCII, so they are what the string says of itself. PyO3 owns the one reference.
    unsafe {
        let object = pyo3::ffi::PyUnicode_New(text.len() as pyo3::ffi::Py_ssize_t, 127);
        if object.is_null() {
            pyo3::ffi::PyErr_Clear();
            return PyString::new(py, text);
        }
        std::ptr::copy_nonoverlapping(text.as_ptr(), pyo3::ffi::PyUnicode_DATA(object).cast::<u8>(), text.len());
        Bound::from_owned_ptr(py, object).cast_into_unchecked()
    }
}

/// A str of a text.
#[cfg(feature = "abi3")]
pub fn text<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    PyString::new(py, text)
}

/// A value as an argument of a callback.
///
/// # Errors
/// `td.Error` when it is an operator that is gone.
pub fn to_python<'py>(py: Python<'py>, host: &Host, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::None => py.None().into_bound(py),
        Value::Bool(on) => PyBool::new(py, *on).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::UInt(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::Str(value) => text(py, value).into_any(),
        Value::Shared(text) => shared(py, text).into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Body([]) => pyo3::intern!(py, "").clone().into_any(),
        Value::Body(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Glue::of(py)?.body.bind(py).call1((text,))?,
            Err(_) => PyBytes::new(py, bytes).into_any(),
        },
        Value::Op(op) => host.handle(py, *op)?,
        Value::List(values) => {
            let mut objects = Vec::with_capacity(values.len());
            values.items(&mut |value| objects.push(to_python(py, host, &value)));
            PyList::new(py, objects.into_iter().collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
        Value::Record(record) => record_to_python(py, host, *record)?.into_any(),
        Value::Fields(record) => {
            let fields = fields_to_python(py, host, *record)?;
            Glue::of(py)?.of_execute(py, "named")?.call1((fields,))?
        }
        Value::Par(op, index) => Bound::new(py, Par::new(*op, *index))?.into_any(),
        Value::Channel(op, name) => Bound::new(py, Channel::of(*op, name))?.into_any(),
        Value::Cell(op, row, col) => Bound::new(py, Cell::at(*op, *row as usize, *col as usize))?.into_any(),
        Value::Table(table) => {
            let rows: Vec<Vec<&str>> = table.rows().map(|row| row.iter().collect()).collect();
            Glue::of(py)?.of_execute(py, "PreviousTable")?.call1((rows,))?
        }
    })
}

/// A record as a dictionary; where it ignores letter case, as the dict subclass that does.
///
/// # Errors
/// As for [`to_python`].
pub fn record_to_python<'py>(py: Python<'py>, host: &Host, record: &dyn Record) -> PyResult<Bound<'py, PyDict>> {
    match record.constant() {
        Some(name) => host.names.constant(py, name, || fields_to_python(py, host, record)),
        None => fields_to_python(py, host, record),
    }
}

fn fields_to_python<'py>(py: Python<'py>, host: &Host, record: &dyn Record) -> PyResult<Bound<'py, PyDict>> {
    let dict = if record.ignores_case() { new_request(py)? } else { PyDict::new(py) };
    let mut result = Ok(());
    record.fields(&mut |name, value| {
        if result.is_err() {
            return;
        }
        let is_free = matches!(name, FieldName::Free(_));
        let name = match name {
            FieldName::Fixed(name) => host.names.fixed(py, name),
            FieldName::Header(name) => host.names.header(py, name),
            FieldName::Free(name) => text(py, name),
        };
        let set = match value {
            // Under names of the protocol the same texts come again; what a peer has named itself is its own affair.
            Value::Str(text) if !is_free => dict.set_item(name, host.names.recent(py, text)),
            other => to_python(py, host, &other).and_then(|value| dict.set_item(name, value)),
        };
        // Only then: to copy a result costs more than the rest of a field.
        if set.is_err() {
            result = set;
        }
    });
    result.map(|()| dict)
}

/// An empty dictionary of a request. To call the class would look for arguments to fill it with.
#[cfg(not(feature = "abi3"))]
#[allow(unsafe_code)]
fn new_request(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let class = Glue::of(py)?.request.bind(py);
    let nothing = PyTuple::empty(py);
    // SAFETY: the class derives from dict and has no `__new__` and no `__init__` of its own (`glue.py`), so its slot is
    // dict's, which wants a type of dicts and a tuple, and gives a new reference to an empty one, or an error.
    unsafe {
        let Some(new) = (*class.as_type_ptr()).tp_new else { return Ok(class.call0()?.cast_into()?) };
        let made = new(class.as_type_ptr(), nothing.as_ptr(), std::ptr::null_mut());
        Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked())
    }
}

/// An empty dictionary of a request.
#[cfg(feature = "abi3")]
fn new_request(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    Ok(Glue::of(py)?.request.bind(py).call0()?.cast_into()?)
}

/// Text that is handed over again and again, as one Python object.
pub fn shared<'py>(py: Python<'py>, text: &SharedStr) -> Bound<'py, PyString> {
    match text.host_form(|text| PyString::new(py, text).unbind()) {
        Some(known) => known.bind(py).clone(),
        None => PyString::new(py, text.as_str()),
    }
}

/// Whether an object is the one that [`shared`] hands out for this text. Equal text in another object is not it.
pub fn is_shared(object: &Bound<'_, PyString>, text: &SharedStr) -> bool {
    text.known_form::<Py<PyString>>().is_some_and(|known| known.is(object))
}

/// What a script gave, copied out. Parameters, cells and channels count as their values.
///
/// # Errors
/// What the script's own objects raise when they are read; `RecursionError` for what holds itself.
pub fn from_python(value: &Bound<'_, PyAny>) -> PyResult<OwnedValue> {
    read(value, 0)
}

/// The arguments of an answer: a tuple is as many, `None` is no answer, anything else is one.
///
/// # Errors
/// As for [`from_python`].
pub fn from_answer(value: &Bound<'_, PyAny>) -> PyResult<OwnedValue> {
    Ok(match from_python(value)? {
        OwnedValue::None => OwnedValue::None,
        list @ OwnedValue::List(_) if value.is_instance_of::<PyTuple>() => list,
        one => OwnedValue::List(vec![one]),
    })
}

/// A response dictionary: as [`from_python`], but an operator or a value of a foreign class counts as its text, since it
/// can only be meant as a body or a header. Contents that are an array, as numpy has them, count as its bytes.
///
/// # Errors
/// As for [`from_python`].
pub fn from_response(value: &Bound<'_, PyAny>) -> PyResult<OwnedValue> {
    let Ok(dict) = value.cast::<PyDict>() else { return from_python(value) };
    if let Some(entries) = plain_response(dict) {
        return Ok(OwnedValue::Dict(entries));
    }
    let entries = read_entries(dict, |key, value| {
        let key = match key.cast::<PyString>() {
            Ok(key) => response_key(&key.to_cow()?),
            Err(_) => text_of(key)?.into(),
        };
        let value = match from_python(value)? {
            OwnedValue::Other(_) | OwnedValue::Op(_) => match bytes_of(value).filter(|_| key == "data") {
                Some(bytes) => OwnedValue::Bytes(bytes),
                None => OwnedValue::Str(text_of(value)?),
            },
            // A header that is a list is a mistake that the operator reports; contents that are one count as text.
            OwnedValue::List(_) | OwnedValue::Dict(_) if key == "data" => OwnedValue::Str(text_of(value)?),
            known => known,
        };
        Ok((key, value))
    });
    entries.map(OwnedValue::Dict)
}

/// What an object holds that gives its bytes away, as arrays do.
fn bytes_of(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    PyMemoryView::from(value).and_then(|view| view.call_method0("tobytes")?.extract()).ok()
}

/// A response of texts, bytes and numbers, as nearly all are.
fn plain_response(dict: &Bound<'_, PyDict>) -> Option<Vec<(Cow<'static, str>, OwnedValue)>> {
    let py = dict.py();
    let known = [
        (pyo3::intern!(py, "statusCode"), "statusCode"),
        (pyo3::intern!(py, "statusReason"), "statusReason"),
        (pyo3::intern!(py, "data"), "data"),
    ];
    let mut entries = Vec::new();
    // Filled in where they are: to copy an entry that has just been put together costs more than the rest of it.
    entries.resize_with(dict.len(), || (Cow::Borrowed(""), OwnedValue::None));
    for ((name, read), (key, value)) in entries.iter_mut().zip(dict.iter()) {
        match known.iter().find(|(known, _)| key.is(known)) {
            Some((_, known)) => *name = Cow::Borrowed(*known),
            None => *name = response_key(key.cast_exact::<PyString>().ok()?.to_str().ok()?),
        }
        if let Ok(text) = value.cast_exact::<PyString>() {
            *read = OwnedValue::Str(text.to_str().ok()?.to_owned());
        } else if let Ok(number) = value.cast_exact::<PyInt>() {
            *read = OwnedValue::Int(number.extract().ok()?);
        } else {
            *read = OwnedValue::Bytes(value.cast_exact::<PyBytes>().ok()?.as_bytes().to_vec());
        }
    }
    Some(entries)
}

/// Reads the entries that a dictionary has now. To read an object of a script can run code that edits the dictionary, which
/// must not be walked through meanwhile; one of plain objects needs no copy of its entries.
///
/// # Errors
/// What `read` gives.
pub fn read_entries<T>(
    dict: &Bound<'_, PyDict>,
    mut read: impl FnMut(&Bound<'_, PyAny>, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    if dict.iter().all(|(key, value)| is_plain(&key) && is_plain(&value)) {
        return dict.iter().map(|(key, value)| read(&key, &value)).collect();
    }
    let entries: Vec<_> = dict.iter().collect();
    entries.iter().map(|(key, value)| read(key, value)).collect()
}

/// Whether reading an object runs no code but Python's own.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_none()
}

/// A key of a response, which is not copied where it is one of the usual.
fn response_key(key: &str) -> Cow<'static, str> {
    match USUAL_KEYS.into_iter().find(|known| *known == key) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(key.to_owned()),
    }
}

/// `str(value)`.
///
/// # Errors
/// What its `__str__` raises.
pub fn text_of(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_cow()?.into_owned()),
        Err(_) => Ok(value.str()?.to_cow()?.into_owned()),
    }
}

/// A parameter's value where no operator is meant.
pub fn par_value<'py>(py: Python<'py>, value: &ParValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        ParValue::Bool(on) => PyBool::new(py, *on).to_owned().into_any(),
        ParValue::Int(number) => number.into_pyobject(py)?.into_any(),
        ParValue::Float(number) => PyFloat::new(py, *number).into_any(),
        ParValue::Str(text) => PyString::new(py, text).into_any(),
    })
}

fn read(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<OwnedValue> {
    if depth > MAX_DEPTH {
        return Err(PyRecursionError::new_err("lists and dictionaries stand too deep in one another"));
    }
    if value.is_none() {
        return Ok(OwnedValue::None);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(OwnedValue::Str(text.to_cow()?.into_owned()));
    }
    if let Ok(on) = value.cast::<PyBool>() {
        return Ok(OwnedValue::Bool(on.is_true()));
    }
    if value.cast::<PyInt>().is_ok() {
        return Ok(match value.extract::<i64>() {
            Ok(number) => OwnedValue::Int(number),
            Err(_) => OwnedValue::Float(value.extract().unwrap_or(f64::INFINITY)),
        });
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(OwnedValue::Float(number.value()));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(OwnedValue::Bytes(bytes.as_bytes().to_vec()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(OwnedValue::Bytes(bytes.to_vec()));
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return read_entries(dict, |key, value| Ok((text_of(key)?.into(), read(value, depth + 1)?)))
            .map(OwnedValue::Dict);
    }
    if let Ok(list) = value.cast::<PyList>() {
        return list.iter().map(|value| read(&value, depth + 1)).collect::<PyResult<_>>().map(OwnedValue::List);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return tuple.iter().map(|value| read(&value, depth + 1)).collect::<PyResult<_>>().map(OwnedValue::List);
    }
    if let Ok(op) = value.cast::<Op>() {
        return Ok(OwnedValue::Op(op.get().id()));
    }
    let plain = Glue::of(value.py())?.value_of(value)?;
    if !plain.is(value) {
        return read(&plain, depth + 1);
    }
    foreign(value)
}

/// Numbers and bytes of classes that are not Python's own, such as numpy's.
fn foreign(value: &Bound<'_, PyAny>) -> PyResult<OwnedValue> {
    if let Ok(number) = value.extract::<i64>() {
        return Ok(OwnedValue::Int(number));
    }
    if let Ok(number) = value.extract::<f64>() {
        return Ok(OwnedValue::Float(number));
    }
    if value.get_type().name()? == "memoryview" {
        return Ok(OwnedValue::Bytes(value.call_method0("tobytes")?.extract()?));
    }
    Ok(OwnedValue::Other(value.get_type().name()?.to_string()))
}
