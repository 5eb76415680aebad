//! Shortcuts, as scripts use them: `op.Name`, `parent.Name`, `ext.Name`, `iop.Name` and `ipar.Name`.
//!
//! What a name means is the patch's business, except that of an extension. A name that means nothing is an
//! `AttributeError` with the nearest one, so that `hasattr` and `getattr` with a default work.

use std::rc::Rc;

use patchcord_core::parameter::nearest_name;
use patchcord_core::patch::{OpId, Patch, PatchError};
use patchcord_core::value::OwnedValue;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;

use crate::errors::refused;
use crate::globals::place;
use crate::host::{self, Host, gone};

/// Components that TouchDesigner has by itself: `op.TDModules.mod.TDFunctions`, `delayRef=op.TDResources`. They are made
/// when a script asks for them.
const SYSTEM: [&str; 2] = ["TDModules", "TDResources"];

/// Where they are made.
const SYSTEM_PLACE: &str = "sys";

/// The component with a global shortcut.
///
/// # Errors
/// `AttributeError` when there is none.
pub fn global<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    host::with(|host| {
        let found = {
            let patch = host.network.patch();
            patch.find_shortcut(name)
        };
        let found = match found {
            None if SYSTEM.contains(&name) => Some(make_system(host, name).map_err(refused)?),
            found => found,
        };
        match found {
            Some(op) => host.handle(py, op),
            None => {
                let names = host.network.patch().global_shortcuts();
                let what = format!("op.{name}: no component has this global shortcut");
                Err(unknown(what, name, names.iter().map(|(name, _)| &**name)))
            }
        }
    })
}

fn make_system(host: &Host, name: &str) -> Result<OpId, PatchError> {
    let mut patch = host.network.patch_mut();
    let component = |patch: &mut Patch, parent: OpId, name: &str| match patch.find(parent, name) {
        Some(known) => Ok(known),
        None => patch.find_type("baseCOMP").and_then(|kind| patch.create(parent, kind, Some(name))),
    };
    let root = patch.root();
    let system = component(&mut patch, root, SYSTEM_PLACE)?;
    let made = component(&mut patch, system, name)?;
    let shortcut = patch.find_par(made, "opshortcut")?;
    patch.set_par(made, shortcut, &OwnedValue::Str(name.to_owned()))?;
    Ok(made)
}

/// The nearest component around an operator with a parent shortcut.
///
/// # Errors
/// `AttributeError` when there is none.
pub fn parent<'py>(py: Python<'py>, from: Option<OpId>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    host::with(|host| {
        let found = from.and_then(|from| host.network.patch().find_parent_shortcut(from, name));
        match found {
            Some(op) => host.handle(py, op),
            None => {
                let patch = host.network.patch();
                let around = from.map(|from| patch.around(from).skip(1).collect::<Vec<_>>()).unwrap_or_default();
                let names: Vec<_> = around.into_iter().filter_map(|op| patch.parent_shortcut(op)).collect();
                let what = format!("parent.{name}: no component around has this parent shortcut");
                Err(unknown(what, name, names.iter().map(|name| &**name)))
            }
        }
    })
}

fn unknown<'n>(what: String, name: &str, names: impl Iterator<Item = &'n str>) -> PyErr {
    let nearest = nearest_name(name, names);
    let hint = nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default();
    PyAttributeError::new_err(what + &hint)
}

/// From where a finder looks.
#[derive(Clone, Copy)]
enum Viewpoint {
    /// An operator.
    Operator(OpId),
    /// The place of a script; `None` is the script that runs.
    Script(Option<OpId>),
}

impl Viewpoint {
    fn op(self, host: &Host) -> OpId {
        match self {
            Viewpoint::Operator(op) => Some(op),
            Viewpoint::Script(script) => place(host, script),
        }
        .unwrap_or_else(|| host.network.patch().root())
    }
}

/// The global `ext`, and `ext` of an operator: extensions of the component itself and of those around it.
#[pyclass(module = "td", frozen)]
pub struct ExtensionFinder(Viewpoint);

impl ExtensionFinder {
    /// Looks from an operator.
    pub fn of(op: OpId) -> Self {
        ExtensionFinder(Viewpoint::Operator(op))
    }

    /// Looks from the place of a script.
    pub fn seen_from(script: OpId) -> Self {
        ExtensionFinder(Viewpoint::Script(Some(script)))
    }

    /// Looks from the place of the script that runs.
    pub fn seen_from_running() -> Self {
        ExtensionFinder(Viewpoint::Script(None))
    }
}

#[pymethods]
impl ExtensionFinder {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        if name.starts_with("__") {
            return Err(PyAttributeError::new_err(name.to_owned()));
        }
        host::with(|host| {
            let from = self.0.op(host);
            host.network.patch().get(from).ok_or_else(gone)?;
            host.extensions.find(host, py, from, name)
        })
    }
}

/// The globals `iop` and `ipar`, and the same of an operator: internal operators of the component itself and of those
/// around it, or their parameters.
#[pyclass(module = "td", frozen)]
pub struct InternalFinder {
    from: Viewpoint,
    parameters: bool,
}

impl InternalFinder {
    /// Operators, seen from the place of a script.
    pub fn operators(script: OpId) -> Self {
        InternalFinder { from: Viewpoint::Script(Some(script)), parameters: false }
    }

    /// Parameters, seen from the place of a script.
    pub fn parameters(script: OpId) -> Self {
        InternalFinder { from: Viewpoint::Script(Some(script)), parameters: true }
    }

    /// Operators, seen from an operator.
    pub fn operators_of(op: OpId) -> Self {
        InternalFinder { from: Viewpoint::Operator(op), parameters: false }
    }

    /// Parameters, seen from an operator.
    pub fn parameters_of(op: OpId) -> Self {
        InternalFinder { from: Viewpoint::Operator(op), parameters: true }
    }

    /// Operators, seen from the place of the script that runs.
    pub fn operators_of_running() -> Self {
        InternalFinder { from: Viewpoint::Script(None), parameters: false }
    }

    /// Parameters, seen from the place of the script that runs.
    pub fn parameters_of_running() -> Self {
        InternalFinder { from: Viewpoint::Script(None), parameters: true }
    }
}

#[pymethods]
impl InternalFinder {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        host::with(|host| {
            let from = self.from.op(host);
            let found = {
                let patch = host.network.patch();
                patch.get(from).ok_or_else(gone)?;
                patch.find_internal(from, name)
            };
            match found {
                Some(op) if self.parameters => Ok(host.parameters(py, op)?.into_any()),
                Some(op) => host.handle(py, op),
                None => Err(self.unknown(host, from, name)),
            }
        })
    }
}

impl InternalFinder {
    fn unknown(&self, host: &Host, from: OpId, name: &str) -> PyErr {
        let patch = host.network.patch();
        let around: Vec<OpId> = patch.around(from).collect();
        let known: Vec<Rc<str>> =
            around.into_iter().flat_map(|op| patch.internals(op)).map(|(shortcut, _)| shortcut).collect();
        let what = if self.parameters { "ipar" } else { "iop" };
        if known.iter().any(|shortcut| **shortcut == *name) {
            return PyAttributeError::new_err(format!("{what}.{name}: its operator does not exist"));
        }
        let what = format!("{what}.{name}: neither {} nor a component around it has this shortcut", patch.path(from));
        unknown(what, name, known.iter().map(|name| &**name))
    }
}

/// An expression by which scripts of an operator reach another one, or one of its parameters: by a shortcut where there is
/// one, else by the path.
///
/// # Errors
/// `td.Error` when an operator is gone, `AttributeError` for a parameter that does not exist.
pub fn shortcut_path(from: OpId, to: OpId, parameter: Option<&str>) -> PyResult<String> {
    host::with(|host| {
        let patch = host.network.patch();
        patch.get(from).ok_or_else(gone)?;
        let target = patch.get(to).ok_or_else(gone)?;
        if let Some(parameter) = parameter {
            patch.find_par(to, parameter).map_err(refused)?;
        }
        let base = nearest_base(&patch, from, to);
        let path = match base {
            Some((base, at)) if at == to => base,
            Some((base, at)) => {
                let inside = target.path().strip_prefix(&*patch.path(at)).unwrap_or_default().trim_start_matches('/');
                format!("{base}.op('{inside}')")
            }
            None if from == to => "me".to_owned(),
            None => format!("op('{}')", relative(&patch, from, to)?),
        };
        Ok(parameter.map(|name| format!("{path}.par.{name}")).unwrap_or(path))
    })
}

/// The nearest component around the target, itself included, that scripts of `from` reach by a shortcut.
fn nearest_base(patch: &Patch, from: OpId, to: OpId) -> Option<(String, OpId)> {
    patch.around(to).find_map(|at| {
        let as_parent = patch.parent_shortcut(at).filter(|name| patch.find_parent_shortcut(from, name) == Some(at));
        if let Some(name) = as_parent {
            return Some((format!("parent.{name}"), at));
        }
        let internal = patch.around(from).find_map(|holder| {
            let named = patch.internals(holder).into_iter().find(|(_, internal)| *internal == Some(at));
            named.map(|(name, _)| name).filter(|name| patch.find_internal(from, name) == Some(at))
        });
        if let Some(name) = internal {
            return Some((format!("iop.{name}"), at));
        }
        let as_global = patch.global_shortcut(at).filter(|name| patch.find_shortcut(name) == Some(at));
        as_global.map(|name| (format!("op.{name}"), at))
    })
}

/// The path of an operator as it counts from the network of another one; absolute when they have nothing but the root in
/// common.
fn relative(patch: &Patch, from: OpId, to: OpId) -> PyResult<String> {
    let target = patch.get(to).ok_or_else(gone)?.path().to_string();
    let networks: Vec<OpId> = patch.around(from).skip(1).collect();
    let shared = networks.iter().position(|network| {
        let path = patch.path(*network);
        *network != patch.root() && target.starts_with(&*path) && target[path.len()..].starts_with('/')
    });
    let Some(up) = shared else { return Ok(target) };
    let rest = &target[patch.path(networks[up]).len() + 1..];
    Ok("../".repeat(up) + rest)
}
