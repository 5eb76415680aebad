//! Values of parameters: constants, expressions, binds.
//!
//! A computed parameter is worked out when it is read. Its expression may read others, which may read others; one that
//! comes back to itself is noticed and keeps its last value, with a problem that says so.

use std::cell::RefCell;
use std::rc::Rc;

use super::Network;
use crate::callbacks::Evaluator;
use crate::declaration::{ParIndex, Parameter};
use crate::parameter::{ParMode, ParValue, convert};
use crate::patch::{OpId, PatchError};
use crate::problem::Problem;
use crate::value::OwnedValue;

/// Expressions that may read one another before it is called a loop.
const MAX_EVALUATION_DEPTH: usize = 64;

impl Network {
    /// Value of a parameter now: the constant, or what the expression or bound parameter gives. When that fails the
    /// last value stands and the operator shows why.
    pub fn eval(&self, op: OpId, index: ParIndex) -> ParValue {
        let (mode, text, last) = {
            let patch = self.patch();
            let Some(operator) = patch.get(op) else { return ParValue::Str(Rc::from("")) };
            match operator.par_state(index) {
                None => return operator.par_value(index),
                Some(state) => {
                    let text = match state.mode {
                        ParMode::Constant => return state.value.clone(),
                        ParMode::Expression => state.expression.clone(),
                        ParMode::Bind => state.bind.clone(),
                    };
                    (state.mode, text.unwrap_or_else(|| Rc::from("")), state.value.clone())
                }
            }
        };
        match self.compute(op, index, mode, &text) {
            Ok(value) => {
                self.patch_mut().keep_computed(op, index, mode, value.clone());
                self.clear_part(op, "expression", &self.par_name(op, index));
                value
            }
            Err(reason) => {
                let name = self.par_name(op, index);
                let message = format!("the expression of `{name}` fails: {reason}");
                self.report(
                    op,
                    Problem::warning("expression", message, "the last value stands until it works").about(name),
                );
                last
            }
        }
    }

    fn compute(&self, op: OpId, index: ParIndex, mode: ParMode, text: &str) -> Result<ParValue, String> {
        let evaluator = self.evaluator().ok_or("there is nobody here who computes expressions")?;
        let evaluation = self.begin_evaluation(op, index).map_err(str::to_owned)?;
        let result = self.compute_with(&*evaluator, op, index, mode, text);
        if evaluation.is_loop() { Err(LOOP.to_owned()) } else { result }
    }

    /// Notes that a parameter is being computed. One that is being computed already depends on itself, and so do all that
    /// were begun since.
    fn begin_evaluation(&self, op: OpId, index: ParIndex) -> Result<Evaluating<'_>, &'static str> {
        let mut evaluating = self.0.evaluating.borrow_mut();
        if let Some(first) = evaluating.iter().position(|evaluation| evaluation.of == (op, index)) {
            evaluating[first..].iter_mut().for_each(|evaluation| evaluation.is_loop = true);
            return Err(LOOP);
        }
        if evaluating.len() >= MAX_EVALUATION_DEPTH {
            return Err("it depends on too long a chain of parameters");
        }
        evaluating.push(Evaluation { of: (op, index), is_loop: false });
        Ok(Evaluating { all: &self.0.evaluating, at: evaluating.len() - 1 })
    }

    fn compute_with(
        &self,
        evaluator: &dyn Evaluator,
        op: OpId,
        index: ParIndex,
        mode: ParMode,
        text: &str,
    ) -> Result<ParValue, String> {
        let parameter = self.patch().get(op).ok_or("its operator is gone")?.parameter(index);
        let parameter = parameter.ok_or("it does not exist any more")?;
        let given = match mode {
            ParMode::Bind => {
                let (master, at) = evaluator.bind_master(self, op, text)?;
                return Ok(match self.eval(master, at) {
                    value if same_kind(self, master, at, &parameter) => value,
                    ParValue::Bool(on) => convert_text(&parameter, OwnedValue::Bool(on))?,
                    ParValue::Int(number) => convert_text(&parameter, OwnedValue::Int(number))?,
                    ParValue::Float(number) => convert_text(&parameter, OwnedValue::Float(number))?,
                    ParValue::Str(text) => convert_text(&parameter, OwnedValue::Str(text.to_string()))?,
                });
            }
            _ => evaluator.evaluate(self, op, text)?,
        };
        match given {
            OwnedValue::Op(target) => Ok(ParValue::Str(self.patch().path(target))),
            given => convert_text(&parameter, given),
        }
    }

    pub(super) fn refresh_computed(&self, op: OpId, index: ParIndex) {
        let still =
            self.patch().get(op).and_then(|op| op.par_state(index)).is_some_and(|s| s.mode != ParMode::Constant);
        if still {
            self.eval(op, index);
        } else {
            self.0.computed.borrow_mut().remove(&(op, index));
        }
    }

    /// Sets a parameter as a script does: a bound one sets its master, any other gets the constant.
    ///
    /// # Errors
    /// When the operator is gone or the value does not fit.
    pub fn set_par(&self, op: OpId, index: ParIndex, value: &OwnedValue) -> Result<(), PatchError> {
        let bind = {
            let patch = self.patch();
            let state = patch.get(op).ok_or(PatchError::Gone)?.par_state(index);
            state.filter(|state| state.mode == ParMode::Bind).and_then(|state| state.bind.clone())
        };
        if let (Some(text), Some(evaluator)) = (bind, self.evaluator())
            && let Ok((master, at)) = evaluator.bind_master(self, op, &text)
        {
            // A circle of binds has no master; then the value goes to the one that the circle came back to.
            if let Ok(_evaluation) = self.begin_evaluation(op, index) {
                return self.set_par(master, at, value);
            }
        }
        self.patch_mut().set_par(op, index, value)
    }
}

/// Why a parameter that depends on itself has no value.
const LOOP: &str = "it depends on itself";

/// A parameter that is being computed.
pub(super) struct Evaluation {
    of: (OpId, ParIndex),
    is_loop: bool,
}

/// Takes the note of an evaluation back when it ends, also by a panic.
struct Evaluating<'a> {
    all: &'a RefCell<Vec<Evaluation>>,
    at: usize,
}

impl Evaluating<'_> {
    fn is_loop(&self) -> bool {
        self.all.borrow().get(self.at).is_some_and(|evaluation| evaluation.is_loop)
    }
}

impl Drop for Evaluating<'_> {
    fn drop(&mut self) {
        self.all.borrow_mut().truncate(self.at);
    }
}

fn same_kind(network: &Network, master: OpId, at: ParIndex, parameter: &Parameter) -> bool {
    let patch = network.patch();
    patch.get(master).and_then(|op| op.parameter(at)).is_some_and(|master| master.kind == parameter.kind)
}

fn convert_text(parameter: &Parameter, given: OwnedValue) -> Result<ParValue, String> {
    convert(parameter, &given).map_err(|error| error.to_string())
}
