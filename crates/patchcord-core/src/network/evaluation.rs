//! Values of parameters: constants, expressions, binds.
//!
//! A computed parameter is worked out when it is read and something that it read the last time is another by now. At each
//! frame those that may be stale are read, so that whoever owns a resource is told. An expression may read others, which
//! may read others; one that comes back to itself keeps its last value, with a problem that names the way round. One
//! that fails keeps its last value too, and is tried again at the next frame, since what it misses may not be in the patch.

use std::rc::Rc;

use super::Network;
use crate::callbacks::Evaluator;
use crate::declaration::{Kind, ParIndex, Parameter};
use crate::parameter::{ParMode, ParValue, convert};
use crate::patch::{OpId, PatchError};
use crate::problem::Problem;
use crate::tracking::{Computed, Reads, Source};
use crate::value::OwnedValue;

/// The last computation of a parameter.
pub(super) struct Evaluated {
    /// The text that was evaluated.
    text: Rc<str>,
    mode: ParMode,
    reads: Reads,
}

impl Network {
    /// Value of a parameter now: the constant, or what the expression or bound parameter gives. When that fails the
    /// last value stands and the operator shows why.
    pub fn eval(&self, op: OpId, index: ParIndex) -> ParValue {
        let value = self.value_now(op, index);
        if self.notes_reads() {
            self.note_read(Source::Par(op, index));
        }
        value
    }

    fn value_now(&self, op: OpId, index: ParIndex) -> ParValue {
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
        self.computed_value(op, index, mode, &text, last)
    }

    fn computed_value(&self, op: OpId, index: ParIndex, mode: ParMode, text: &Rc<str>, last: ParValue) -> ParValue {
        let known = self.0.computed.borrow().get(&(op, index)).cloned().flatten();
        let known = known.filter(|known| known.mode == mode && Rc::ptr_eq(&known.text, text));
        if let Some(known) = &known
            && known.reads.is_seen(self.0.queue.tracker.epoch())
        {
            return last;
        }
        let under_way = match self.0.queue.tracker.begin(Computed::Par(op, index)) {
            Ok(under_way) => under_way,
            Err(refusal) => return self.keep_last(op, index, &self.refusal(&refusal), last),
        };
        if let Some(known) = known {
            let current = self.is_current(&known.reads);
            if current && under_way.way_round().is_none() {
                under_way.pass_on_to(&known.reads);
                drop(under_way);
                self.pass_on(&known.reads);
                return self.patch().get(op).map_or(last, |op| op.par_value(index));
            }
            under_way.restart();
        }
        let result = self.compute(op, index, mode, text);
        let result = match under_way.way_round() {
            Some(way) => Err(self.loop_text(&way)),
            None => result,
        };
        let value = match result {
            Ok(value) => {
                self.patch_mut().keep_computed(op, index, mode, value.clone());
                self.clear_part(op, "expression", &self.par_name(op, index));
                value
            }
            Err(reason) => {
                under_way.try_again_next_frame(self.frame().number);
                self.keep_last(op, index, &reason, last)
            }
        };
        let reads = under_way.finish();
        self.pass_on(&reads);
        // Only what still has this text: it may have got another, or be gone, while it was computed.
        let is_kept = self.patch().get(op).and_then(|op| op.par_state(index)).is_some_and(|state| state.mode == mode);
        if is_kept {
            let evaluated = Rc::new(Evaluated { text: text.clone(), mode, reads });
            let old = self.0.computed.borrow_mut().insert((op, index), Some(evaluated));
            drop(old);
        }
        value
    }

    fn keep_last(&self, op: OpId, index: ParIndex, reason: &str, last: ParValue) -> ParValue {
        let name = self.par_name(op, index);
        let message = format!("the expression of `{name}` fails: {reason}");
        let problem = Problem::warning("expression", message, "the last value stands until it works");
        self.report(op, problem.about(name));
        last
    }

    fn compute(&self, op: OpId, index: ParIndex, mode: ParMode, text: &str) -> Result<ParValue, String> {
        let evaluator = self.evaluator().ok_or("there is nobody here who computes expressions")?;
        self.compute_with(&*evaluator, op, index, mode, text)
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

    /// Whether a computed parameter may have another value by now.
    pub(super) fn has_stale_parameters(&self) -> bool {
        let computed = self.0.computed.borrow();
        !computed.is_empty() && self.0.refreshed.get() != self.0.queue.tracker.epoch()
    }

    /// Brings all computed parameters up to date.
    pub(super) fn refresh_parameters(&self) {
        self.0.frame_asked.set(false);
        let mut epoch = self.0.queue.tracker.epoch();
        let mut before = epoch;
        // A second look sees that what the first one has changed is current everywhere. What it changes itself (an
        // expression can set others) is looked at in the next frame.
        for _ in 0..2 {
            let computed: Vec<_> = self.0.computed.borrow().keys().copied().collect();
            for (op, index) in computed {
                self.refresh_computed(op, index);
            }
            before = std::mem::replace(&mut epoch, self.0.queue.tracker.epoch());
            if before == epoch {
                break;
            }
        }
        let volatile = |evaluated: &Option<Rc<Evaluated>>| evaluated.as_ref().is_none_or(|e| e.reads.is_volatile());
        let any_volatile = self.0.computed.borrow().values().any(volatile);
        // No epoch is below 1 once a parameter is computed, so 0 is looked at again at each frame.
        self.0.refreshed.set(if any_volatile { 0 } else { before });
    }

    pub(super) fn refresh_computed(&self, op: OpId, index: ParIndex) {
        let still =
            self.patch().get(op).and_then(|op| op.par_state(index)).is_some_and(|s| s.mode != ParMode::Constant);
        if still {
            self.eval(op, index);
        } else {
            let old = self.0.computed.borrow_mut().remove(&(op, index));
            drop(old);
            self.clear_part(op, "expression", &self.par_name(op, index));
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
            if let Ok(_under_way) = self.0.queue.tracker.begin(Computed::Par(op, index)) {
                return self.set_par(master, at, value);
            }
        }
        let pulse = self.patch().get(op).and_then(|op| op.parameter(index)).filter(|it| it.kind == Kind::Pulse);
        if let Some(pulse) = pulse {
            return if convert(&pulse, value)?.is_on() { self.pulse(op, index) } else { Ok(()) };
        }
        self.patch_mut().set_par(op, index, value)
    }

    /// Presses a pulse parameter. What it does to the operator's own content a script sees at once, all else comes at
    /// the end of the turn.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn pulse(&self, op: OpId, index: ParIndex) -> Result<(), PatchError> {
        let worker = self.patch().get(op).and_then(|op| op.worker.clone());
        let is_done = worker.is_some_and(|worker| worker.handle_press(self, index));
        self.patch_mut().note_pulse(op, index, is_done)
    }
}

fn same_kind(network: &Network, master: OpId, at: ParIndex, parameter: &Parameter) -> bool {
    let patch = network.patch();
    patch.get(master).and_then(|op| op.parameter(at)).is_some_and(|master| master.kind == parameter.kind)
}

fn convert_text(parameter: &Parameter, given: OwnedValue) -> Result<ParValue, String> {
    convert(parameter, &given).map_err(|error| error.to_string())
}
