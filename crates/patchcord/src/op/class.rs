//! Python classes of the operator types: one class per declaration, named as TouchDesigner names the type.
//!
//! Scripts name these classes in annotations and give them to `create`, so each is a global of every script. A type
//! with methods of its own has a class in Rust; the others get an empty one of their family. Objects are made by the
//! program alone: a script asks for an operator by its path.

use std::collections::HashMap;

use patchcord_core::declaration::{Family, OperatorType};
use patchcord_core::patch::OpId;
use patchcord_core::patch::stand_in::is_stand_in;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use slotmap::Key;

use super::{cell, chop, comp, custom, dat, logic, par, socketio, stand_in, web_server, websocket};

/// Python classes of the operator types.
pub struct Classes(HashMap<&'static str, Py<PyType>>);

impl Classes {
    /// Makes a class for each type, and for the root.
    ///
    /// # Errors
    /// What making a class raises.
    pub fn new(py: Python<'_>, types: &[&'static OperatorType]) -> PyResult<Self> {
        custom::prepare(py)?;
        par::prepare(py)?;
        cell::prepare(py)?;
        chop::prepare(py)?;
        let mut classes = HashMap::new();
        for declaration in types {
            classes.insert(declaration.name, class_of(py, declaration)?.unbind());
        }
        Ok(Classes(classes))
    }

    /// Names and classes.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Py<PyType>)> {
        self.0.iter().map(|(name, class)| (*name, class))
    }

    /// A new object for an operator.
    ///
    /// # Errors
    /// None but for want of memory.
    pub fn instance<'py>(&self, py: Python<'py>, of: &OperatorType, op: OpId) -> PyResult<Bound<'py, PyAny>> {
        let number = op.data().as_ffi();
        if is_stand_in(of) {
            return stand_in::class_of(py, op)?.call1((number,));
        }
        match self.0.get(of.name) {
            Some(class) => class.bind(py).call1((number,)),
            None => family_class(py, of.family).call1((number,)),
        }
    }
}

fn family_class(py: Python<'_>, family: Family) -> Bound<'_, PyType> {
    match family {
        Family::Comp => py.get_type::<comp::Comp>(),
        Family::Dat => py.get_type::<dat::Dat>(),
        Family::Chop => py.get_type::<chop::Chop>(),
    }
}

/// The class of a type: the one with methods of its own, or an empty one of the family.
fn class_of<'py>(py: Python<'py>, declaration: &OperatorType) -> PyResult<Bound<'py, PyType>> {
    match declaration.name {
        "webserverDAT" => return Ok(py.get_type::<web_server::WebServerDat>()),
        "socketioDAT" => return Ok(py.get_type::<socketio::SocketIoDat>()),
        "logicCOMP" => return Ok(py.get_type::<logic::LogicComp>()),
        "websocketDAT" => return Ok(py.get_type::<websocket::WebSocketDat>()),
        _ => {}
    }
    let body = PyDict::new(py);
    // Without a dictionary a misspelled attribute is an error and not a new attribute.
    body.set_item("__slots__", PyTuple::empty(py))?;
    body.set_item("__module__", "td")?;
    body.set_item("__doc__", declaration.summary)?;
    let bases = PyTuple::new(py, [family_class(py, declaration.family)])?;
    Ok(py.get_type::<PyType>().call1((declaration.name, bases, body))?.cast_into()?)
}
