//! Stand-ins as scripts see them: their classes, and the parameters that are made when they are asked for.
//!
//! Each type that is stood in for has a class of its own, made when the first object is wanted. `library/stand_in.py` has
//! what their members do.

use patchcord_core::patch::OpId;
use patchcord_core::patch::stand_in::FAMILIES;
use patchcord_core::value::OwnedValue;
use patchcord_operators::stand_in::{Asked, StandIn};
use patchcord_runtime::td_api;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use slotmap::KeyData;

use super::{chop, comp, dat, read_operator};
use crate::errors::refused;
use crate::{host, library, source};

static STAND_INS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Classes of the declaration whose members the stand-ins of a family have.
const MEMBERS: [(&str, &str); 5] =
    [("TOP", "TOP"), ("SOP", "SOP"), ("MAT", "MAT"), ("COMP", "PanelCOMP"), ("COMP", "ObjectCOMP")];

/// The class of a stand-in.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn class_of<'py>(py: Python<'py>, op: OpId) -> PyResult<Bound<'py, PyType>> {
    let stand_ins = STAND_INS.get_or_try_init(py, || prepare(py))?.bind(py);
    let (name, family) = read_operator(op, |op| (op.type_name().to_owned(), op.family_name()))?;
    Ok(stand_ins.call_method1("of_type", (name, family))?.cast_into()?)
}

fn prepare(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let module = library::load(py, source!("_patchcord.stand_in", "library/stand_in.py"))?;
    let bases = PyDict::new(py);
    for family in FAMILIES {
        // What is no CHOP and no COMP shows what was asked of it, as a table.
        let base = match family {
            "CHOP" => py.get_type::<chop::Chop>(),
            "COMP" => py.get_type::<comp::Comp>(),
            _ => py.get_type::<dat::Dat>(),
        };
        bases.set_item(family, base)?;
    }
    let members = PyDict::new(py);
    for (family, class) in MEMBERS {
        let declared = td_api::find(class).map(|class| class.members).unwrap_or_default();
        let mut names: Vec<String> = match members.get_item(family)? {
            Some(known) => known.extract()?,
            None => Vec::new(),
        };
        names.extend(declared.iter().map(|member| member.written().to_owned()));
        members.set_item(family, PyTuple::new(py, names)?)?;
    }
    let made = module.getattr("StandIns")?.call1((bases, members, wrap_pyfunction!(note, py)?))?;
    Ok(made.unbind())
}

/// Remembers what was asked of a stand-in.
#[pyfunction]
fn note(op: u64, what: &str, name: &str, value: &str) -> PyResult<()> {
    let what = match what {
        "call" => Asked::Call,
        "panel" => Asked::Panel,
        _ => return Err(PyValueError::new_err("nothing that is asked")),
    };
    let op = OpId::from(KeyData::from_ffi(op));
    let (name, value) = (name.to_owned(), value.to_owned());
    host::with(|host| {
        let has_begun = host.network.patch().get(op).is_some_and(|op| op.worker().is_some());
        let ask = move |network: &patchcord_core::network::Network| {
            network.with_worker(op, |worker: &StandIn| worker.note(network, what, &name, &value));
        };
        // One that was made by this very script begins when the script has returned.
        if has_begun {
            ask(&host.network);
        } else {
            host.network.defer(ask);
        }
        Ok(())
    })
}

/// Makes the parameter of a stand-in that a script names, and lets it take what is to be given to it. Nothing for other
/// operators.
///
/// # Errors
/// `td.Error` when the operator is gone or has too many parameters.
pub fn ask_for(op: OpId, name: &str, given: Option<&OwnedValue>) -> PyResult<()> {
    if name.starts_with("__") || !read_operator(op, |op| op.is_stand_in())? {
        return Ok(());
    }
    host::with(|host| host.network.patch_mut().stand_in_par(op, name, given).map(|_| ()).map_err(refused))
}
