//! The Parameter Execute DAT: a script whose functions are called when parameters of other operators change
//! (TouchDesigner reference, sections 3.5 and 5).
//!
//! Calls come in the order of the changes, when the turn ends in which they were made. A parameter whose expression gives
//! another value is a change at the next frame.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use patchcord_core::change::{Change, ParStateBefore};
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, Kind, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::parameter::{ParMode, ParValue};
use patchcord_core::patch::OpId;
use patchcord_core::pattern::Pattern;
use patchcord_core::value::Value;

use crate::dat_file::{FileParameters, with_file_parameters};
use crate::own_script::{EXECUTE_FROM, FROM_OPERATOR, OwnScript, named};

/// The Parameter Execute DAT.
pub static PARAMETER_EXECUTE_DAT: OperatorType = OperatorType {
    name: "parameterexecuteDAT",
    label: "Parameter Execute DAT",
    family: Family::Dat,
    summary: "Holds a script whose functions are called when parameters of other operators change or are pulsed.",
    content: ContentKind::Text,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: CALLBACKS,
    start: Some(start),
};

/// Parameters that `onValuesChanged` lists at most for one frame.
pub const MAX_LISTED: usize = 10_000;

const PAGES: &[Page] = &[
    Page {
        name: "Parameter Execute",
        parameters: with_file_parameters!(
            [
                Parameter::toggle("active", "Active", true).help("Off, nothing is called."),
                EXECUTE_FROM,
                FROM_OPERATOR,
                Parameter::str("op", "OPs", "").help(
                    "The operators whose parameters are watched: names, paths or patterns with spaces between them, at \
                     most 10,000 operators.",
                )
                .aliases(&["ops"]),
                Parameter::str("pars", "Parameters", "*")
                    .help("Names of the parameters to watch; several, with patterns such as `Speed*`."),
                Parameter::toggle("valuechange", "Value Change", true).help("Calls onValueChange for each new value."),
                Parameter::toggle("valueschanged", "Values Changed", false)
                    .help("Calls onValuesChanged at the end of a frame in which values changed, with all of them."),
                Parameter::toggle("onpulse", "On Pulse", true).help("Calls onPulse when a parameter is pulsed."),
                Parameter::toggle("expressionchange", "Expression Change", false)
                    .help("Calls onExpressionChange when a parameter gets another expression."),
                Parameter::toggle("exportchange", "Export Change", false)
                    .help("Never calls: there are no exports here."),
                Parameter::toggle("enablechange", "Enable Change", false)
                    .help("Calls onEnableChange when a parameter is enabled or disabled."),
                Parameter::toggle("modechange", "Mode Change", false)
                    .help("Calls onModeChange when a parameter gets another mode."),
                Parameter::toggle("custom", "Custom", true).help("Watches custom parameters."),
                Parameter::toggle("builtin", "Built-In", true).help("Watches the parameters that the type has."),
            ],
            []
        ),
    },
    COMMON_DAT_PAGE,
];

static AT: FileParameters = FileParameters::of(PAGES);

const ACTIVE: ParIndex = ParIndex::of(PAGES, "active");
const OP: ParIndex = ParIndex::of(PAGES, "op");
const PARS: ParIndex = ParIndex::of(PAGES, "pars");
const VALUECHANGE: ParIndex = ParIndex::of(PAGES, "valuechange");
const VALUESCHANGED: ParIndex = ParIndex::of(PAGES, "valueschanged");
const ONPULSE: ParIndex = ParIndex::of(PAGES, "onpulse");
const EXPRESSIONCHANGE: ParIndex = ParIndex::of(PAGES, "expressionchange");
const ENABLECHANGE: ParIndex = ParIndex::of(PAGES, "enablechange");
const MODECHANGE: ParIndex = ParIndex::of(PAGES, "modechange");
const CUSTOM: ParIndex = ParIndex::of(PAGES, "custom");
const BUILTIN: ParIndex = ParIndex::of(PAGES, "builtin");

const CALLBACKS: &[Callback] = &[
    Callback::new("onValueChange", &["par", "prev"], "A parameter has another value; `prev` is the one before."),
    Callback::new(
        "onValuesChanged",
        &["changes"],
        "The frame ends in which values changed. `changes` is a list; each has `par` and `prev`, the value before the \
         first change of the frame.",
    ),
    Callback::new("onPulse", &["par"], "A parameter was pulsed."),
    Callback::new("onExpressionChange", &["par", "val", "prev"], "A parameter has another expression."),
    Callback::new("onExportChange", &["par", "val", "prev"], "Never called: there are no exports here."),
    Callback::new("onEnableChange", &["par", "val", "prev"], "A parameter was enabled or disabled."),
    Callback::new(
        "onModeChange",
        &["par", "val", "prev"],
        "A parameter has another mode; both are names: CONSTANT, EXPRESSION or BIND.",
    ),
];

mod callback {
    pub const VALUE: usize = 0;
    pub const VALUES: usize = 1;
    pub const PULSE: usize = 2;
    pub const EXPRESSION: usize = 3;
    pub const ENABLE: usize = 5;
    pub const MODE: usize = 6;
}

struct ParameterExecute {
    script: OwnScript,
    watched: RefCell<Vec<OpId>>,
    /// Values before the first change of this frame, for `onValuesChanged`.
    changed: RefCell<Vec<(OpId, ParIndex, ParValue)>>,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    network.defer(move |network| {
        network.with_worker(op, |worker: &ParameterExecute| {
            worker.find_operators(network);
            worker.script.check(network);
        });
    });
    network.watch_tree(op, true);
    Rc::new(ParameterExecute {
        script: OwnScript::start(network, op, &AT),
        watched: RefCell::default(),
        changed: RefCell::default(),
    })
}

impl ParameterExecute {
    fn find_operators(&self, network: &Network) {
        let op = self.script.op;
        let active = self.script.is_on(network, ACTIVE);
        let wanted = if active { named(network, op, OP, |_| true) } else { Vec::new() };
        let before = self.watched.replace(wanted.clone());
        let is_wanted: HashSet<OpId> = wanted.iter().copied().collect();
        before.iter().filter(|known| !is_wanted.contains(known)).for_each(|known| network.unwatch(*known, op));
        wanted.into_iter().for_each(|target| network.watch(target, op));
    }

    /// Whether a parameter is one of those that are watched.
    fn watches(&self, network: &Network, op: OpId, index: ParIndex) -> bool {
        let kind = if index.is_custom() { CUSTOM } else { BUILTIN };
        let name =
            network.patch().get(op).and_then(|op| op.parameter(index).map(|parameter| parameter.name.to_string()));
        name.is_some_and(|name| {
            self.script.is_on(network, kind)
                && Pattern::parse(&network.eval(self.script.op, PARS).to_text()).matches(&name)
        })
    }

    fn handle_value(&self, network: &Network, op: OpId, index: ParIndex, before: &ParValue) {
        if self.script.is_on(network, VALUECHANGE) {
            let before = with_value(network, op, index, before);
            self.script.call(network, callback::VALUE, &[Value::Par(op, index), before.as_value()]);
        }
        if self.script.is_on(network, VALUESCHANGED) {
            if self.changed.borrow().is_empty() {
                network.set_frame_interest(self.script.op, true);
            }
            let mut changed = self.changed.borrow_mut();
            if changed.len() < MAX_LISTED && !changed.iter().any(|(known, at, _)| (*known, *at) == (op, index)) {
                changed.push((op, index, before.clone()));
            }
        }
    }

    /// Tells of all values that have changed in this frame.
    fn tell_all(&self, network: &Network) {
        network.set_frame_interest(self.script.op, false);
        let mut changed = self.changed.take();
        {
            let patch = network.patch();
            changed.retain(|(op, index, _)| patch.get(*op).is_some_and(|op| op.parameter(*index).is_some()));
        }
        if changed.is_empty() {
            return;
        }
        let before: Vec<_> = changed.iter().map(|(op, index, value)| with_value(network, *op, *index, value)).collect();
        let fields: Vec<Vec<(&'static str, Value<'_>)>> = changed
            .iter()
            .zip(&before)
            .map(|((op, index, _), before)| vec![("par", Value::Par(*op, *index)), ("prev", before.as_value())])
            .collect();
        let changes: Vec<_> = fields.iter().map(|fields| Value::Fields(fields)).collect();
        self.script.call(network, callback::VALUES, &[Value::List(&changes)]);
    }

    fn handle_state(&self, network: &Network, op: OpId, index: ParIndex, before: &ParStateBefore) {
        let state = |read: &dyn Fn(&patchcord_core::parameter::ParState) -> Rc<str>| {
            network.patch().get(op).and_then(|op| op.par_state(index).map(read)).unwrap_or_else(|| Rc::from(""))
        };
        let par = Value::Par(op, index);
        match before {
            ParStateBefore::Expression(before) if self.script.is_on(network, EXPRESSIONCHANGE) => {
                let now = state(&|state| state.expression.clone().unwrap_or_else(|| Rc::from("")));
                self.script.call(network, callback::EXPRESSION, &[par, Value::Str(&now), Value::Str(before)]);
            }
            ParStateBefore::Mode(before) if self.script.is_on(network, MODECHANGE) => {
                let now = network.patch().get(op).and_then(|op| op.par_state(index).map(|state| state.mode));
                let now = now.unwrap_or(ParMode::Constant);
                self.script.call(network, callback::MODE, &[par, Value::Str(now.name()), Value::Str(before.name())]);
            }
            ParStateBefore::Enable(before) if self.script.is_on(network, ENABLECHANGE) => {
                self.script.call(network, callback::ENABLE, &[par, Value::Bool(!before), Value::Bool(*before)]);
            }
            _ => {}
        }
    }
}

/// A value as a script has it.
enum Before {
    Op(OpId),
    Value(ParValue),
}

impl Before {
    fn as_value(&self) -> Value<'_> {
        match self {
            Before::Op(op) => Value::Op(*op),
            Before::Value(ParValue::Bool(on)) => Value::Bool(*on),
            Before::Value(ParValue::Int(number)) => Value::Int(*number),
            Before::Value(ParValue::Float(number)) => Value::Float(*number),
            Before::Value(ParValue::Str(text)) => Value::Str(text),
        }
    }
}

/// The value of a parameter; of one that names an operator, the operator.
fn with_value(network: &Network, op: OpId, index: ParIndex, value: &ParValue) -> Before {
    let patch = network.patch();
    let names_operator =
        patch.get(op).and_then(|op| op.parameter(index)).is_some_and(|par| matches!(par.kind, Kind::Op { .. }));
    match value {
        ParValue::Str(path) if names_operator && !path.is_empty() => {
            patch.find(patch.network_of(op), path).map_or_else(|| Before::Value(value.clone()), Before::Op)
        }
        value => Before::Value(value.clone()),
    }
}

impl Worker for ParameterExecute {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.script.handle_change(network, change);
        if let Change::Parameter { index: ACTIVE | OP, .. } = change {
            self.find_operators(network);
        }
    }

    fn handle_watched(&self, network: &Network, change: &Change) {
        match change {
            Change::Parameter { op, index, value, before } if value != before && self.watches(network, *op, *index) => {
                self.handle_value(network, *op, *index, before);
            }
            Change::ParameterState { op, index, before } if self.watches(network, *op, *index) => {
                self.handle_state(network, *op, *index, before);
            }
            Change::Pulse { op, index, .. }
                if self.script.is_on(network, ONPULSE) && self.watches(network, *op, *index) =>
            {
                self.script.call(network, callback::PULSE, &[Value::Par(*op, *index)]);
            }
            _ => {}
        }
    }

    fn handle_tree(&self, network: &Network) {
        self.find_operators(network);
    }

    fn handle_frame(&self, network: &Network, _: Frame, phase: FramePhase) {
        if phase == FramePhase::End {
            self.tell_all(network);
        }
    }

    fn stop(&self, network: &Network) {
        network.watch_tree(self.script.op, false);
        self.watched.take().into_iter().for_each(|target| network.unwatch(target, self.script.op));
    }
}
