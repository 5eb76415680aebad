//! Parameters: the collection behind `op.par`, and Par, which acts like its value.
//!
//! A collection holds its Par objects in a real `__dict__`, which is the fastest way for `op.par.name`; only a name that
//! does not exist comes to `__getattr__`, which answers with the nearest one. Assigning a parameter converts the
//! value, sets the constant and leaves what follows from it to the end of the turn.

use patchcord_core::declaration::{Kind, ParIndex, ParRef, Parameter, Text};
use patchcord_core::frame::Delay;
use patchcord_core::parameter::{ParMode, ParState, ParValue, default_value};
use patchcord_core::patch::custom::CustomError;
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::tracking::Source;
use patchcord_core::value::OwnedValue;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{facts, read_operator, stand_in};
use crate::convert::{from_python, par_value, text_of};
use crate::errors::{Error, refused};
use crate::evaluator;
use crate::glue::Glue;
use crate::host::{self, Failure, gone};

/// Gives Par the operators of its value.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    let glue = Glue::of(py)?;
    let class = py.get_type::<Par>();
    let value = wrap_pyfunction!(par_beside, py)?;
    glue.get(py, "act_like_value")?.call1((class, value))?;
    Ok(())
}

/// The value of a parameter beside another operand, which makes no difference to it.
#[pyfunction]
fn par_beside<'py>(par: &Bound<'py, Par>, _other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    par.get().eval(par.py())
}

/// The parameters of an operator.
#[pyclass(module = "td", frozen, dict)]
pub struct ParCollection(OpId);

impl ParCollection {
    /// The parameters of an operator of this type.
    ///
    /// # Errors
    /// None but for want of memory.
    pub fn of<'py>(py: Python<'py>, op: OpId, parameters: Vec<(ParIndex, ParRef)>) -> PyResult<Bound<'py, Self>> {
        let collection = Bound::new(py, ParCollection(op))?;
        let pars = collection.getattr("__dict__")?.cast_into::<PyDict>()?;
        for (index, parameter) in parameters {
            let par = Bound::new(py, Par::new(op, index))?;
            for name in parameter.aliases {
                pars.set_item(pyo3::types::PyString::intern(py, name), &par)?;
            }
            pars.set_item(pyo3::types::PyString::intern(py, &parameter.name), par)?;
        }
        Ok(collection)
    }

    fn find(&self, name: &str) -> PyResult<Option<ParIndex>> {
        stand_in::ask_for(self.0, name, None)?;
        read_operator(self.0, |op| op.find_parameter(name).map(|(index, _)| index))
    }
}

#[pymethods]
impl ParCollection {
    /// Only for names that the collection does not hold: those that do not exist, and custom parameters that are too new.
    fn __getattr__(&self, name: &str) -> PyResult<Par> {
        if name.starts_with("__") {
            return Err(PyAttributeError::new_err(name.to_owned()));
        }
        self.find(name)?.map(|index| Par::new(self.0, index)).ok_or_else(|| unknown(self.0, name))
    }

    fn __setattr__(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(index) = self.find(name)? {
            return assign(self.0, index, value);
        }
        let members = read_operator(self.0, |op| op.find_group(name).map(|group| group.members().to_vec()))?;
        let Some(members) = members else { return Err(unknown(self.0, name)) };
        let values = value.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        if values.len() != members.len() {
            let (size, given) = (members.len(), values.len());
            return Err(Error::new_err(format!("{name} has {size} values, not {given}")));
        }
        members.iter().zip(&values).try_for_each(|(index, value)| assign(self.0, *index, value))
    }

    fn __delattr__(&self, _name: &str) -> PyResult<()> {
        Err(PyAttributeError::new_err("a parameter cannot be deleted"))
    }

    fn __getitem__(&self, name: &str) -> PyResult<Option<Par>> {
        Ok(self.find(name)?.map(|index| Par::new(self.0, index)))
    }

    fn __setitem__(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.__setattr__(name, value)
    }

    fn __contains__(&self, name: &str) -> PyResult<bool> {
        Ok(self.find(name)?.is_some())
    }

    fn __len__(&self) -> PyResult<usize> {
        read_operator(self.0, |op| op.parameters().count())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pars: Vec<Par> =
            read_operator(self.0, |op| op.parameters().map(|(index, _)| Par::new(self.0, index)).collect())?;
        pars.into_pyobject(py)?.call_method0("__iter__")
    }

    /// The operator.
    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        host::with(|host| host.handle(py, self.0))
    }
}

fn unknown(op: OpId, name: &str) -> PyErr {
    match read_operator(op, |op| format!("{}: {}", op.declaration().label, op.unknown_parameter(name))) {
        Ok(message) => PyAttributeError::new_err(message),
        Err(error) => error,
    }
}

/// Sets a parameter to what a script gives.
fn assign(op: OpId, index: ParIndex, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let value = match from_python(value)? {
        OwnedValue::List(_) | OwnedValue::Dict(_) | OwnedValue::Other(_) | OwnedValue::Bytes(_)
            if read_operator(op, |op| op.parameter(index).is_some_and(|it| it.kind.style() == "Python"))? =>
        {
            return Err(Error::new_err("a parameter holds no object; give it an expression that makes one, by .expr"));
        }
        // Several operators in one parameter are their paths in one text.
        OwnedValue::List(values) => OwnedValue::Str(paths(&values)?),
        value => value,
    };
    if index.is_custom()
        && let Some(name) = read_operator(op, |op| op.parameter(index).map(|parameter| parameter.name.to_string()))?
    {
        stand_in::ask_for(op, &name, Some(&value))?;
    }
    host::with(|host| host.network.set_par(op, index, &value).map_err(refused))
}

fn paths(values: &[OwnedValue]) -> PyResult<String> {
    host::with(|host| {
        let patch = host.network.patch();
        let path = |value: &OwnedValue| match value {
            OwnedValue::Op(op) => Ok(patch.path(*op).to_string()),
            OwnedValue::Str(path) => Ok(path.clone()),
            _ => Err(Error::new_err("a list of operators or paths is needed")),
        };
        Ok(values.iter().map(path).collect::<PyResult<Vec<_>>>()?.join(" "))
    })
}

/// One parameter of an operator.
#[pyclass(module = "td", frozen)]
pub struct Par {
    op: OpId,
    index: ParIndex,
}

impl Par {
    /// The parameter at an index of the operator's type.
    pub fn new(op: OpId, index: ParIndex) -> Self {
        Par { op, index }
    }

    /// Whose parameter it is, and which.
    pub fn place(&self) -> (OpId, ParIndex) {
        (self.op, self.index)
    }

    fn declaration(&self) -> PyResult<ParRef> {
        read_operator(self.op, |op| op.parameter(self.index))?.ok_or_else(|| refused(CustomError::ParameterGone.into()))
    }

    /// The expression of a parameter of style Python, which can give any object. Other styles have values of the patch.
    fn object_expression(&self) -> PyResult<Option<std::rc::Rc<str>>> {
        read_operator(self.op, |op| {
            let parameter = op.parameter(self.index).ok_or_else(|| refused(CustomError::ParameterGone.into()))?;
            if !matches!(parameter.kind, Kind::Kept { style: "Python", .. }) {
                return Ok(None);
            }
            let state = op.par_state(self.index).filter(|state| state.mode == ParMode::Expression);
            Ok(state.and_then(|state| state.expression.clone()))
        })?
    }

    fn state<R>(&self, read: impl FnOnce(Option<&ParState>) -> R) -> PyResult<R> {
        read_operator(self.op, |op| read(op.par_state(self.index)))
    }

    fn edit(&self, edit: impl FnOnce(&mut patchcord_core::patch::Patch) -> Result<(), PatchError>) -> PyResult<()> {
        host::with(|host| edit(&mut host.network.patch_mut()).map_err(refused))
    }

    /// The parameter that it is bound to.
    ///
    /// # Errors
    /// `td.Error` when the bind expression names none.
    pub fn master(&self) -> PyResult<Option<Par>> {
        let bound = self.state(|state| state.filter(|s| s.mode == ParMode::Bind).and_then(|s| s.bind.clone()))?;
        let Some(expression) = bound else { return Ok(None) };
        let place =
            evaluator::compute(self.op, &expression, |value| Ok(value.cast::<Par>().ok().map(|par| par.get().place())));
        Ok(place.map_err(Error::new_err)?.map(|(op, index)| Par::new(op, index)))
    }

    fn python<'py>(&self, py: Python<'py>, value: &ParValue) -> PyResult<Bound<'py, PyAny>> {
        match (&self.declaration()?.kind, value) {
            (Kind::Op { .. }, ParValue::Str(_)) => host::with(|host| {
                let target = host.network.patch().par_op(self.op, self.index);
                Ok(host.handle_or_none(py, target)?.unwrap_or_else(|| py.None().into_bound(py)))
            }),
            (_, value) => par_value(py, value),
        }
    }
}

#[pymethods]
impl Par {
    /// The value now: the constant, or what the expression or the bound parameter gives. An operator reference gives
    /// the operator, or None.
    pub fn eval<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.index.is_custom()
            && let Some(expression) = self.object_expression()?
        {
            return host::with(|host| {
                // The patch keeps no objects, so what has read one is never current.
                host.network.note_read(Source::Moment);
                evaluator::evaluate(host, py, self.op, &expression).map_err(|failure| match failure {
                    Failure::Raised(error) => error,
                    Failure::Panicked(text) => Error::new_err(text),
                })
            });
        }
        let value = host::with(|host| {
            host.network.patch().get(self.op).ok_or_else(gone)?;
            Ok(host.network.eval(self.op, self.index))
        })?;
        self.python(py, &value)
    }

    /// The constant. Setting it puts the parameter in constant mode.
    #[getter]
    fn val<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.eval(py)
    }

    #[setter]
    fn set_val(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        assign(self.op, self.index, value)
    }

    /// The operators that it names.
    #[pyo3(name = "evalOPs")]
    fn eval_ops<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        host::with(|host| {
            let value = host.network.eval(self.op, self.index);
            let ParValue::Str(paths) = value else { return Ok(Vec::new()) };
            let found = {
                let patch = host.network.patch();
                patch.find_all(patch.network_of(self.op), &paths)
            };
            host.handles(py, &found)
        })
    }

    /// The expression; setting it puts the parameter in expression mode.
    #[getter]
    fn expr(&self) -> PyResult<String> {
        self.state(|state| state.and_then(|state| state.expression.as_deref()).unwrap_or_default().to_owned())
    }

    #[setter]
    fn set_expr(&self, expression: &str) -> PyResult<()> {
        self.edit(|patch| patch.set_expression(self.op, self.index, expression))
    }

    /// The expression that names the parameter which this one is bound to; setting it puts it in bind mode.
    #[getter(bindExpr)]
    fn bind_expr(&self) -> PyResult<String> {
        self.state(|state| state.and_then(|state| state.bind.as_deref()).unwrap_or_default().to_owned())
    }

    #[setter(bindExpr)]
    fn set_bind_expr(&self, expression: &str) -> PyResult<()> {
        self.edit(|patch| patch.set_bind(self.op, self.index, expression))
    }

    /// The parameter that this one is bound to.
    #[getter(bindMaster)]
    fn bind_master(&self) -> PyResult<Option<Par>> {
        self.master()
    }

    #[getter]
    fn mode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mode = self.state(|state| state.map_or(ParMode::Constant, |state| state.mode))?;
        Glue::of(py)?.get(py, "ParMode")?.getattr(mode.name())
    }

    #[setter]
    fn set_mode(&self, mode: &Bound<'_, PyAny>) -> PyResult<()> {
        let mode = mode_of(mode)?;
        self.edit(|patch| patch.set_mode(self.op, self.index, mode))
    }

    /// Presses a pulse parameter; gives any other a value for some frames or seconds, at least for this frame.
    #[pyo3(signature = (value=None, frames=0.0, seconds=0.0))]
    fn pulse(&self, value: Option<&Bound<'_, PyAny>>, frames: f64, seconds: f64) -> PyResult<()> {
        // A stand-in does not know which of its parameters are buttons.
        let is_button = value.is_none() && read_operator(self.op, |op| op.is_stand_in())?;
        if is_button || self.declaration()?.kind == Kind::Pulse {
            return host::with(|host| host.network.pulse(self.op, self.index).map_err(refused));
        }
        let before = read_operator(self.op, |op| op.par_value(self.index))?;
        match value {
            Some(value) => assign(self.op, self.index, value)?,
            None => host::with(|host| host.network.set_par(self.op, self.index, &OwnedValue::Int(1)).map_err(refused))?,
        }
        let (op, index) = self.place();
        let delay = match (frames, seconds) {
            (frames, _) if frames >= 1.0 => Delay::Frames(frames as u64),
            (_, seconds) if seconds > 0.0 => Delay::Milliseconds(seconds * 1000.0),
            _ => Delay::EndOfFrame,
        };
        host::with(|host| {
            let restore = move |network: &patchcord_core::network::Network| {
                // When the operator is gone by then there is nothing to restore.
                let _ = network.set_par(op, index, &owned(&before));
            };
            let scheduled = host.network.schedule(delay, restore);
            scheduled.map(|_| ()).ok_or_else(|| Error::new_err("too many runs wait already"))
        })
    }

    /// Takes over mode, value and expressions of another parameter.
    fn copy(&self, other: &Bound<'_, Par>) -> PyResult<()> {
        let (op, index) = other.get().place();
        let (value, state) = read_operator(op, |op| (op.par_value(index), op.par_state(index).cloned()))?;
        host::with(|host| {
            let mut patch = host.network.patch_mut();
            copy_state(&mut patch, (self.op, self.index), &value, state.as_ref()).map_err(refused)
        })
    }

    /// Back to the default. Returns whether it was not at it.
    fn reset(&self) -> PyResult<bool> {
        let differs = !self.is_default()?;
        self.edit(|patch| patch.reset_par(self.op, self.index))?;
        Ok(differs)
    }

    /// Whether another object is this very parameter.
    #[pyo3(name = "isPar")]
    fn is_par(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Par>().is_ok_and(|other| other.get().place() == self.place())
    }

    // ---- its declaration ----

    #[getter]
    fn name(&self) -> PyResult<Text> {
        Ok(self.declaration()?.name.clone())
    }

    #[setter]
    fn set_name(this: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        facts::set_fact(this, "name", name)
    }

    /// The style that it was made with. A custom parameter takes another one with as many values.
    #[getter]
    fn style(&self) -> PyResult<&'static str> {
        read_operator(self.op, |op| op.style_of(self.index))?.ok_or_else(|| refused(CustomError::ParameterGone.into()))
    }

    #[setter]
    fn set_style(this: &Bound<'_, Self>, style: &Bound<'_, PyAny>) -> PyResult<()> {
        facts::set_fact(this, "style", style)
    }

    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        host::with(|host| host.handle(py, self.op))
    }

    #[getter]
    fn index(&self) -> u32 {
        self.index.0
    }

    /// The value within the range of its slider, 0 to 1.
    #[getter(normVal)]
    fn norm_val(&self) -> PyResult<f64> {
        let (min, max) = range(&*self.declaration()?);
        let value = host::with(|host| Ok(host.network.eval(self.op, self.index)))?.as_f64();
        Ok(patchcord_core::tdu::remap(value, min, max, 0.0, 1.0))
    }

    #[setter(normVal)]
    fn set_norm_val(&self, share: f64) -> PyResult<()> {
        let (min, max) = range(&*self.declaration()?);
        let value = OwnedValue::Float(min + share * (max - min));
        host::with(|host| host.network.set_par(self.op, self.index, &value).map_err(refused))
    }

    #[getter(menuIndex)]
    fn menu_index(&self) -> PyResult<Option<usize>> {
        let value = host::with(|host| Ok(host.network.eval(self.op, self.index)))?;
        Ok(self.declaration()?.kind.entries().iter().position(|entry| *entry.name == *value.to_text()))
    }

    #[setter(menuIndex)]
    fn set_menu_index(&self, index: i64) -> PyResult<()> {
        host::with(|host| host.network.set_par(self.op, self.index, &OwnedValue::Int(index)).map_err(refused))
    }

    #[getter(isDefault)]
    fn is_default(&self) -> PyResult<bool> {
        let default = default_value(&*self.declaration()?);
        if self.state(|state| state.is_none_or(|state| state.mode == ParMode::Constant))? {
            host::with(|host| {
                host.network.note_read(Source::Par(self.op, self.index));
                Ok(())
            })?;
        }
        self.state(|state| state.is_none_or(|state| state.mode == ParMode::Constant && state.value == default))
    }

    #[getter(isCustom)]
    fn is_custom(&self) -> bool {
        self.index.is_custom()
    }

    #[getter(isPulse)]
    fn is_pulse(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Pulse))
    }

    #[getter(isMomentary)]
    fn is_momentary(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Momentary { .. }))
    }

    #[getter(isMenu)]
    fn is_menu(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Menu { .. } | Kind::StrMenu { .. }))
    }

    #[getter(isNumber)]
    fn is_number(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Int { .. } | Kind::Float { .. }))
    }

    #[getter(isInt)]
    fn is_int(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Int { .. }))
    }

    #[getter(isFloat)]
    fn is_float(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Float { .. }))
    }

    #[getter(isToggle)]
    fn is_toggle(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Toggle { .. }))
    }

    #[getter(isString)]
    fn is_string(&self) -> PyResult<bool> {
        Ok(matches!(
            self.declaration()?.kind,
            Kind::Str { .. } | Kind::StrMenu { .. } | Kind::File { .. } | Kind::FileSave { .. } | Kind::Folder { .. }
        ))
    }

    #[getter(isOP)]
    fn is_op(&self) -> PyResult<bool> {
        Ok(matches!(self.declaration()?.kind, Kind::Op { .. }))
    }

    #[getter(isPython)]
    fn is_python(&self) -> PyResult<bool> {
        Ok(self.declaration()?.kind.style() == "Python")
    }

    #[getter]
    fn valid(&self) -> PyResult<bool> {
        host::with(|host| {
            Ok(host
                .network
                .patch()
                .get(self.op)
                .is_some_and(|op| !self.index.is_custom() || op.parameter(self.index).is_some()))
        })
    }

    fn __repr__(&self) -> PyResult<String> {
        let name = self.declaration()?.name.clone();
        let owner = read_operator(self.op, |op| op.path().clone())?;
        Ok(format!("par:{name} owner:{owner}"))
    }
}

/// The mode that a script names.
///
/// # Errors
/// `td.Error` for a mode that there is not.
pub fn mode_of(mode: &Bound<'_, PyAny>) -> PyResult<ParMode> {
    let name: String = match mode.getattr("name") {
        Ok(name) => name.extract()?,
        Err(_) => text_of(mode)?,
    };
    let all = [ParMode::Constant, ParMode::Expression, ParMode::Bind];
    let mode = all.into_iter().find(|mode| mode.name() == name);
    mode.ok_or_else(|| Error::new_err(format!("a parameter cannot be put in the mode `{name}`")))
}

/// Gives a parameter the mode, value and expressions of another.
///
/// # Errors
/// When the value does not fit.
pub fn copy_state(
    patch: &mut patchcord_core::patch::Patch,
    (op, index): (OpId, ParIndex),
    value: &ParValue,
    state: Option<&ParState>,
) -> Result<(), PatchError> {
    patch.set_par(op, index, &owned(value))?;
    let Some(state) = state else { return Ok(()) };
    if let Some(expression) = &state.expression {
        patch.set_expression(op, index, expression)?;
    }
    if let Some(bind) = &state.bind {
        patch.set_bind(op, index, bind)?;
    }
    patch.set_mode(op, index, state.mode)
}

fn owned(value: &ParValue) -> OwnedValue {
    match value {
        ParValue::Bool(on) => OwnedValue::Bool(*on),
        ParValue::Int(number) => OwnedValue::Int(*number),
        ParValue::Float(number) => OwnedValue::Float(*number),
        ParValue::Str(text) => OwnedValue::Str(text.to_string()),
    }
}

fn range(parameter: &Parameter) -> (f64, f64) {
    match &parameter.kind {
        Kind::Int { range, .. } => (range.norm_min as f64, range.norm_max as f64),
        Kind::Float { range, .. } => (range.norm_min, range.norm_max),
        _ => (0.0, 1.0),
    }
}
