//! The class of the Logic COMP: triggering events of its graph, reading its variables.

use patchcord_core::value::OwnedValue;
use patchcord_logic::Value;
use patchcord_operators::logic_comp::{LogicComp as Worker, value_of};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use super::Op;
use super::comp::Comp;
use crate::convert::from_python;
use crate::errors::Error;
use crate::host::{self, gone};

/// A Logic COMP.
#[pyclass(name = "logicCOMP", module = "td", frozen, extends = Comp, subclass)]
pub struct LogicComp;

#[pymethods]
impl LogicComp {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Comp).add_subclass(LogicComp)
    }

    /// Triggers a custom event of the graph; its listeners run before this returns, unless the graph itself has called the
    /// script, in which case they run when its branch has ended. Parameters that are not given have their defaults.
    ///
    /// Raises ValueError when the graph has no such event or it does not take these parameters, TypeError for an object that a
    /// graph has no form for.
    #[pyo3(signature = (name, *parameters))]
    fn trigger(this: &Bound<'_, Self>, name: &Bound<'_, PyString>, parameters: &Bound<'_, PyTuple>) -> PyResult<()> {
        let name = name.to_cow()?;
        let mut values = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            let value = from_python(&parameter)?;
            if let Some(class) = foreign(&value) {
                let message =
                    format!("parameter {} of {name:?} holds a {class}, which a graph has no form for", index + 1);
                return Err(PyTypeError::new_err(message));
            }
            values.push(value_of(&value));
        }
        let op = this.as_super().as_super().get().id();
        host::with(|host| match host.network.with_worker(op, |worker: &Worker| worker.trigger(&name, &values)) {
            Some(triggered) => triggered.map_err(|error| PyValueError::new_err(error.to_string())),
            None if host.network.patch().get(op).is_some() => {
                Err(Error::new_err("the operator was made in this very turn and begins when the script has returned"))
            }
            None => Err(gone()),
        })
    }

    /// The value of a variable of the graph. Raises KeyError when there is none of that name.
    fn variable<'py>(this: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let op = this.as_super().as_super().get().id();
        let name = name.to_cow()?;
        let value =
            host::with(|host| Ok(host.network.with_worker(op, |worker: &Worker| worker.variable(&name)).flatten()))?;
        match value {
            Some(value) => to_python(this.py(), &value),
            None => Err(PyKeyError::new_err(format!("the graph has no variable {name:?}"))),
        }
    }
}

/// What is in a value that a graph cannot have: an operator, or an object of a class of its own.
fn foreign(value: &OwnedValue) -> Option<String> {
    match value {
        OwnedValue::Op(_) => Some("operator".to_owned()),
        OwnedValue::Other(class) => Some(class.clone()),
        OwnedValue::List(items) => items.iter().find_map(foreign),
        OwnedValue::Dict(fields) => fields.iter().find_map(|(_, value)| foreign(value)),
        _ => None,
    }
}

/// A value of a graph as Python has it: vectors are lists of floats, handles are numbers.
fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Nothing => py.None().into_bound(py),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Byte(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => number.into_pyobject(py)?.into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Binary(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Array(elements) => {
            let elements: PyResult<Vec<_>> = elements.iter().map(|element| to_python(py, element)).collect();
            PyList::new(py, elements?)?.into_any()
        }
        Value::Dictionary(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries.iter() {
                dict.set_item(&**key, to_python(py, value)?)?;
            }
            dict.into_any()
        }
        Value::Vector(_, numbers) => PyList::new(py, numbers.iter())?.into_any(),
        Value::CustomId(id) | Value::InstanceId(id) => id.into_pyobject(py)?.into_any(),
    })
}
