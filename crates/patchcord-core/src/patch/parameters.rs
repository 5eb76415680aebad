//! Edits of parameters. Each that changes something leaves a [`Change`].

use std::rc::Rc;

use super::custom::CustomError;
use super::{OpId, Operator, Patch, PatchError};
use crate::change::{Change, ParStateBefore};
use crate::declaration::{Family, Kind, ParIndex};
use crate::parameter::{ParMode, ParValue, ParameterError, convert, default_value, nearest_name};
use crate::value::OwnedValue;

impl Patch {
    /// Finds a parameter by name.
    ///
    /// # Errors
    /// [`ParameterError::Unknown`] with the most similar name.
    pub fn find_par(&self, id: OpId, name: &str) -> Result<ParIndex, PatchError> {
        let op = self.get(id).ok_or(PatchError::Gone)?;
        let found = op.find_parameter(name).map(|(index, _)| index);
        found.ok_or_else(|| PatchError::Parameter(op.unknown_parameter(name)))
    }

    /// Sets the constant value and puts the parameter in constant mode. An operator reference takes an operator too.
    ///
    /// # Errors
    /// When the value does not fit; the parameter keeps what it had.
    pub fn set_par(&mut self, id: OpId, index: ParIndex, given: &OwnedValue) -> Result<(), PatchError> {
        let parameter = self.get(id).ok_or(PatchError::Gone)?.parameter(index).ok_or(CustomError::ParameterGone)?;
        let value = match (&parameter.kind, given) {
            (Kind::Op { .. }, OwnedValue::Op(target)) => ParValue::Str(self.reference(id, *target)),
            (Kind::Str { .. } | Kind::StrMenu { .. } | Kind::Kept { .. }, OwnedValue::Op(target)) => {
                ParValue::Str(self.path(*target))
            }
            _ => convert(&parameter, given)?,
        };
        if parameter.kind == Kind::Pulse {
            if value.is_on() {
                self.queue.push(Change::Pulse { op: id, index, is_done: false });
            }
            return Ok(());
        }
        let state = self.operators.get_mut(id).ok_or(PatchError::Gone)?.par_state_mut(index)?;
        if state.mode == ParMode::Constant && state.value == value {
            return Ok(());
        }
        let mode = state.change_mode(ParMode::Constant);
        let before = std::mem::replace(&mut state.value, value.clone());
        state.version = self.queue.tracker.note_change();
        self.note_par_state(id, index, (mode != ParMode::Constant).then_some(ParStateBefore::Mode(mode)));
        self.push_value(id, index, value, before);
        Ok(())
    }

    /// The path by which an operator's parameter names another one: from the network around it where the other is in
    /// there, so that copies of that network have references of their own.
    fn reference(&self, id: OpId, target: OpId) -> Rc<str> {
        let (network, path) = (self.path(self.network_of(id)), self.path(target));
        match path.strip_prefix(&*network).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) if !inside.is_empty() => Rc::from(inside),
            _ => path,
        }
    }

    /// Puts the parameter in expression mode. The value is computed when it is read and once per frame.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_expression(&mut self, id: OpId, index: ParIndex, expression: &str) -> Result<(), PatchError> {
        let state = self.operators.get_mut(id).ok_or(PatchError::Gone)?.par_state_mut(index)?;
        let mode = state.change_mode(ParMode::Expression);
        let before = state.expression.replace(Rc::from(expression)).unwrap_or_else(|| Rc::from(""));
        state.version = self.queue.tracker.note_change();
        self.note_par_state(id, index, (mode != ParMode::Expression).then_some(ParStateBefore::Mode(mode)));
        self.note_par_state(id, index, (*before != *expression).then_some(ParStateBefore::Expression(before)));
        self.queue.push(Change::Computed { op: id, index });
        Ok(())
    }

    /// Puts the parameter in bind mode: it takes the value of the parameter that the expression names, and setting it
    /// sets that one.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_bind(&mut self, id: OpId, index: ParIndex, expression: &str) -> Result<(), PatchError> {
        let state = self.operators.get_mut(id).ok_or(PatchError::Gone)?.par_state_mut(index)?;
        let mode = state.change_mode(ParMode::Bind);
        let before = state.bind.replace(Rc::from(expression));
        state.version = self.queue.tracker.note_change();
        if before.as_deref() != Some(expression) {
            self.queue.tracker.note_tree_change();
        }
        self.note_par_state(id, index, (mode != ParMode::Bind).then_some(ParStateBefore::Mode(mode)));
        self.queue.push(Change::Computed { op: id, index });
        Ok(())
    }

    /// Changes the mode; the expressions that the parameter had are kept.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_mode(&mut self, id: OpId, index: ParIndex, mode: ParMode) -> Result<(), PatchError> {
        let state = self.operators.get_mut(id).ok_or(PatchError::Gone)?.par_state_mut(index)?;
        let before = state.change_mode(mode);
        let value = state.value.clone();
        state.version = self.queue.tracker.note_change();
        self.note_par_state(id, index, (mode != before).then_some(ParStateBefore::Mode(before)));
        match mode {
            ParMode::Constant => self.push_value(id, index, value.clone(), value),
            _ => self.queue.push(Change::Computed { op: id, index }),
        }
        Ok(())
    }

    /// Back to the default: in constant mode, without expressions, unless [`ParAttributes::default_mode`](super::custom::ParAttributes) says otherwise.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn reset_par(&mut self, id: OpId, index: ParIndex) -> Result<(), PatchError> {
        let op = self.operators.get_mut(id).ok_or(PatchError::Gone)?;
        let default = default_value(&*op.parameter(index).ok_or(CustomError::ParameterGone)?);
        if let Ok(at) = op.parameters.binary_search_by_key(&index, |(at, _)| *at) {
            let (_, old) = op.parameters.remove(at);
            if old.mode != ParMode::Constant || old.value != default {
                let mode = (old.mode != ParMode::Constant).then_some(ParStateBefore::Mode(old.mode));
                self.note_par_state(id, index, mode);
                self.push_value(id, index, default, old.value);
            }
        }
        let attributes = self.operators[id].par_attributes(index);
        match attributes.default_mode {
            ParMode::Constant => Ok(()),
            ParMode::Expression => self.set_expression(id, index, &attributes.default_expr),
            ParMode::Bind => self.set_bind(id, index, &attributes.default_bind),
        }
    }

    /// Presses a pulse parameter. All that it does comes at the end of the turn.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn pulse(&mut self, id: OpId, index: ParIndex) -> Result<(), PatchError> {
        self.note_pulse(id, index, false)
    }

    pub(crate) fn note_pulse(&mut self, id: OpId, index: ParIndex, is_done: bool) -> Result<(), PatchError> {
        self.get(id).ok_or(PatchError::Gone)?;
        self.queue.push(Change::Pulse { op: id, index, is_done });
        Ok(())
    }

    /// Keeps what an expression or bind gave, unless the parameter was put in another mode while it was computed. A
    /// value that differs from the last one is a change.
    pub(crate) fn keep_computed(&mut self, id: OpId, index: ParIndex, mode: ParMode, value: ParValue) {
        let Some(op) = self.operators.get_mut(id) else { return };
        if op.par_state(index).is_none_or(|state| state.mode != mode) {
            return;
        }
        let Ok(state) = op.par_state_mut(index) else { return };
        if state.value != value {
            let before = std::mem::replace(&mut state.value, value.clone());
            state.version = self.queue.tracker.note_change();
            self.push_value(id, index, value, before);
        }
    }

    fn push_value(&mut self, id: OpId, index: ParIndex, value: ParValue, before: ParValue) {
        let names_others = |op: &Operator| op.declaration.family == Family::Comp && !index.is_custom();
        if self.operators.get(id).is_some_and(names_others) {
            // A component's own parameters are shortcuts and the like: by them others are found.
            self.queue.tracker.note_tree_change();
        }
        self.queue.push(Change::Parameter { op: id, index, value, before });
    }

    /// Notes that a parameter's state was another, which scripts read as they read names, and tells those that watch the
    /// operator.
    pub(super) fn note_par_state(&mut self, id: OpId, index: ParIndex, before: Option<ParStateBefore>) {
        if before.is_some() {
            self.queue.tracker.note_tree_change();
        }
        if let Some(before) = before
            && self.operators.get(id).is_some_and(Operator::is_watched)
        {
            self.queue.push(Change::ParameterState { op: id, index, before });
        }
    }
}

impl Operator {
    /// The error for a name that no parameter has.
    pub fn unknown_parameter(&self, name: &str) -> ParameterError {
        let names: Vec<_> = self.parameters().map(|(_, parameter)| parameter.name.clone()).collect();
        let nearest = nearest_name(name, names.iter().map(|name| &**name)).map(str::to_owned);
        ParameterError::Unknown { name: name.to_owned(), nearest }
    }
}
