//! Facts of a parameter by their names in Python: its definition, and what is kept beside its value.

use std::rc::Rc;

use patchcord_core::declaration::{Entries, Kind, MenuEntry, ParRef, Parameter, Range, Text};
use patchcord_core::parameter::{ParMode, default_value};
use patchcord_core::patch::custom::{ParAttributes, set_default};
use patchcord_core::value::OwnedValue;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;

use super::custom::{edit, find_style, gone};
use super::par::{Par, mode_of};
use super::read_operator;
use crate::convert::{from_python, par_value, text_of};
use crate::errors::{Error, refused};
use crate::host;

/// What a parameter is, beside its value.
///
/// # Errors
/// `AttributeError` for a fact that there is not; `td.Error` when the parameter is gone.
#[pyfunction]
pub fn fact<'py>(par: &Bound<'py, Par>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = par.py();
    let (op, index) = par.get().place();
    let (parameter, attributes, state) =
        read_operator(op, |op| (op.parameter(index), op.par_attributes(index), op.par_state(index).cloned()))?;
    let parameter = parameter.ok_or_else(gone)?;
    let range =
        match &parameter.kind {
            Kind::Int { range: r, .. } => [(r.min, r.max), (r.norm_min, r.norm_max)]
                .map(|(a, b)| (a.into_bound_py_any(py), b.into_bound_py_any(py))),
            Kind::Float { range: r, .. } => [(r.min, r.max), (r.norm_min, r.norm_max)]
                .map(|(a, b)| (a.into_bound_py_any(py), b.into_bound_py_any(py))),
            _ => [(); 2].map(|()| (0.0.into_bound_py_any(py), 1.0.into_bound_py_any(py))),
        };
    let [(min, max), (norm_min, norm_max)] = range;
    let (clamp_min, clamp_max) = match &parameter.kind {
        Kind::Int { range, .. } => (range.clamp_min, range.clamp_max),
        Kind::Float { range, .. } => (range.clamp_min, range.clamp_max),
        _ => (false, false),
    };
    match name {
        "min" => min,
        "max" => max,
        "normMin" => norm_min,
        "normMax" => norm_max,
        "clampMin" => clamp_min.into_bound_py_any(py),
        "clampMax" => clamp_max.into_bound_py_any(py),
        "name" => (*parameter.name).into_bound_py_any(py),
        "label" => (*parameter.label).into_bound_py_any(py),
        "help" => (*parameter.help).into_bound_py_any(py),
        "password" => parameter.secret.into_bound_py_any(py),
        "default" => par_value(py, &default_value(&parameter)),
        "menuNames" => names(&parameter, |entry| entry.name.to_owned()).into_bound_py_any(py),
        "menuLabels" => names(&parameter, |entry| entry.label.to_owned()).into_bound_py_any(py),
        "order" => {
            let order = read_operator(op, |op| op.group_of(index).map(|group| group.order))?;
            order.unwrap_or(f64::from(index.0)).into_bound_py_any(py)
        }
        "enable" => attributes.enable.into_bound_py_any(py),
        "enableExpr" => (*attributes.enable_expr).into_bound_py_any(py),
        "readOnly" => attributes.read_only.into_bound_py_any(py),
        "hidden" => attributes.hidden.into_bound_py_any(py),
        "startSection" => attributes.start_section.into_bound_py_any(py),
        "defaultExpr" => (*attributes.default_expr).into_bound_py_any(py),
        "defaultBindExpr" => (*attributes.default_bind).into_bound_py_any(py),
        "defaultMode" => attributes.default_mode.name().into_bound_py_any(py),
        "bindRange" => attributes.bind_range.into_bound_py_any(py),
        "menuSource" => (*attributes.menu_source).into_bound_py_any(py),
        "prevMode" => state.map_or(ParMode::Constant, |state| state.previous).name().into_bound_py_any(py),
        _ => Err(PyAttributeError::new_err(name.to_owned())),
    }
}

fn names(parameter: &ParRef, of: impl Fn(MenuEntry<'_>) -> String) -> Vec<String> {
    parameter.kind.entries().iter().map(of).collect()
}

/// Sets what a parameter is. Only custom ones take another definition.
///
/// # Errors
/// `td.Error` when it is a parameter of the type, or does not fit.
#[pyfunction]
pub fn set_fact(par: &Bound<'_, Par>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = par.py();
    let (op, index) = par.get().place();
    let (parameter, mut attributes) = read_operator(op, |op| (op.parameter(index), op.par_attributes(index)))?;
    let parameter = parameter.ok_or_else(gone)?;
    if set_attribute(&mut attributes, name, value)? {
        let change = |it: &mut ParAttributes| *it = attributes;
        return host::with(|host| host.network.patch_mut().change_attributes(op, index, change).map_err(refused));
    }
    match name {
        "order" => {
            let order: f64 = value.extract()?;
            edit(py, op, |patch| patch.order_custom(op, index, order))
        }
        "name" => {
            let name = text_of(value)?;
            let single = read_operator(op, |op| op.group_of(index).is_none_or(|group| group.members().len() == 1))?;
            if !single {
                return Err(Error::new_err("a parameter of several values is renamed by its parGroup"));
            }
            edit(py, op, |patch| patch.rename_custom(op, index, &name))
        }
        "style" => {
            let style = find_style(&text_of(value)?)?;
            edit(py, op, |patch| patch.restyle_custom(op, index, style))
        }
        _ => {
            let mut changed = (*parameter).clone();
            define(&mut changed, name, value)?;
            let change = |it: &mut Parameter| *it = changed;
            host::with(|host| host.network.patch_mut().change_custom(op, index, change).map_err(refused))
        }
    }
}

/// Sets what any parameter has beside its value. Returns whether there is such an attribute.
fn set_attribute(attributes: &mut ParAttributes, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let on = || value.is_truthy();
    let text = || text_of(value).map(Rc::<str>::from);
    let mode_for = |text: &str, mode| if text.is_empty() { ParMode::Constant } else { mode };
    match name {
        "enable" => attributes.enable = on()?,
        "readOnly" => attributes.read_only = on()?,
        "hidden" => attributes.hidden = on()?,
        "startSection" => attributes.start_section = on()?,
        "bindRange" => attributes.bind_range = on()?,
        "enableExpr" => attributes.enable_expr = text()?,
        "menuSource" => attributes.menu_source = text()?,
        "defaultMode" => attributes.default_mode = mode_of(value)?,
        "defaultExpr" => {
            attributes.default_expr = text()?;
            attributes.default_mode = mode_for(&attributes.default_expr, ParMode::Expression);
        }
        "defaultBindExpr" => {
            attributes.default_bind = text()?;
            attributes.default_mode = mode_for(&attributes.default_bind, ParMode::Bind);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Changes a definition.
fn define(parameter: &mut Parameter, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let style = parameter.kind.style();
    let lacks = |what: &str| Error::new_err(format!("`{}` is of style {style} and has no {what}", parameter.name));
    match name {
        "label" => parameter.label = Text::Owned(text_of(value)?),
        "help" => parameter.help = Text::Owned(text_of(value)?),
        "password" => parameter.secret = value.is_truthy()?,
        "default" => {
            let value = match from_python(value)? {
                OwnedValue::Op(target) => {
                    OwnedValue::Str(host::with(|host| Ok(host.network.patch().path(target)))?.to_string())
                }
                value => value,
            };
            set_default(parameter, &value).map_err(|error| Error::new_err(error.to_string()))?;
        }
        "min" | "max" | "normMin" | "normMax" => {
            let number: f64 = value.extract()?;
            if number.is_nan() {
                return Err(Error::new_err(format!("{name} takes a number")));
            }
            match &mut parameter.kind {
                Kind::Int { range, .. } => *range_end(range, name) = number as i64,
                Kind::Float { range, .. } => *range_end(range, name) = number,
                _ => return Err(lacks("range")),
            }
        }
        "clampMin" | "clampMax" => {
            let (min, max) = match &mut parameter.kind {
                Kind::Int { range, .. } => (&mut range.clamp_min, &mut range.clamp_max),
                Kind::Float { range, .. } => (&mut range.clamp_min, &mut range.clamp_max),
                _ => return Err(lacks("range")),
            };
            *(if name == "clampMin" { min } else { max }) = value.is_truthy()?;
        }
        "menuNames" | "menuLabels" => {
            let texts = value.try_iter()?.map(|text| text_of(&text?)).collect::<PyResult<Vec<String>>>()?;
            if texts.len() > MAX_ENTRIES {
                return Err(Error::new_err(format!("a menu holds at most {MAX_ENTRIES} entries")));
            }
            match &mut parameter.kind {
                Kind::Menu { entries, .. } | Kind::StrMenu { entries, .. } => {
                    *entries = (if name == "menuNames" { with_names } else { with_labels })(entries, &texts);
                }
                _ => return Err(lacks("menu")),
            }
        }
        _ => return Err(PyTypeError::new_err(format!("{name} of a parameter cannot be set"))),
    }
    Ok(())
}

/// Entries of a menu at most.
const MAX_ENTRIES: usize = 10_000;

fn range_end<'a, T>(range: &'a mut Range<T>, name: &str) -> &'a mut T {
    match name {
        "min" => &mut range.min,
        "max" => &mut range.max,
        "normMin" => &mut range.norm_min,
        _ => &mut range.norm_max,
    }
}

/// The entries with these names. A label that was just the name follows it.
fn with_names(old: &Entries, names: &[String]) -> Entries {
    let label = |at: usize, name: &String| match old.get(at) {
        Some(entry) if entry.label != entry.name => entry.label.to_owned(),
        _ => name.clone(),
    };
    Entries::Own(names.iter().enumerate().map(|(at, name)| (name.clone(), label(at, name))).collect())
}

/// The entries with these labels. Labels beyond the names wait for theirs.
fn with_labels(old: &Entries, labels: &[String]) -> Entries {
    let count = old.len().max(labels.len());
    let entry = |at: usize| {
        let name = old.get(at).map(|entry| entry.name.to_owned()).unwrap_or_default();
        let label = labels.get(at).cloned().unwrap_or_else(|| name.clone());
        (name, label)
    };
    Entries::Own((0..count).map(entry).collect())
}
