//! The Logic COMP: a logic graph after Incari's, on the connections of the patch.
//!
//! - [`LOGIC_COMP`]: the declaration. The graph's text is the content of the component, usually from a file `*.logic.toml`.
//! - [`LogicComp`]: the worker. It compiles the text, runs the engine and gives it the time.
//! - [`connections`]: the project-wide connections and what happens on them; [`outside`]: everything else that a graph
//!   asks for (console, files, the patch), and [`http`] its requests.
//!
//! A text that is wrong leaves the last good graph running. An edit is a difference: variables, time-outs and
//! connections go on.

mod connections;
mod http;
mod outside;
mod patch_nodes;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Family, InfoChannel, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::OwnedValue;
use patchcord_logic::compile::{Context, compile};
use patchcord_logic::convert::to_json;
use patchcord_logic::finding::{Finding, Severity};
use patchcord_logic::ports::{ConnectionEvent, Occurrence};
use patchcord_logic::{Engine, Graph, TriggerError, Value, nodes, text};
use tokio::sync::Notify;

use crate::component;
use crate::reconnect::begin_later;
use connections::Connections;
pub use connections::{COMPONENT, connection_name};
use http::Requests;
use outside::Outside;

/// Occurrences that may wait because the engine is in use.
const MAX_WAITING: usize = 10_000;
/// Of these, how many are handled in the turn that put them off: each may cause another, for ever.
const MOST_AT_ONCE: usize = 100;
/// Characters of a value that a trace shows.
const LONGEST_SHOWN: usize = 60;
/// Cause of the error that the text is no graph.
const GRAPH: &str = "graph";

/// The Logic COMP.
pub static LOGIC_COMP: OperatorType = OperatorType {
    name: "logicCOMP",
    label: "Logic COMP",
    family: Family::Comp,
    summary: "Runs a logic graph: events, pulses and data as in Incari, on the patch's connections. The graph is text, \
              usually in a file `*.logic.toml`.",
    content: ContentKind::Text,
    editable: true,
    inputs: &[],
    pages: &PAGES,
    info_channels: INFO,
    callbacks: &[],
    start: Some(start),
};

const LOGIC_PAGE: Page = Page {
    name: "Logic",
    parameters: &[
        Parameter::toggle("active", "Active", true).help(
            "Runs the graph. Off, nothing is run and what happens meanwhile is lost; connections stay as they are. One that is \
             off from its beginning begins when it is switched on.",
        ),
        Parameter::file("file", "File").help("File of the graph. Relative names count from the patch folder."),
        Parameter::toggle("syncfile", "Sync to File", false)
            .help("Reads the file when the patch is loaded, and again whenever it is saved."),
        Parameter::pulse("restart", "Restart").help("Begins anew: variables, time-outs, On Initialize."),
        Parameter::toggle("trace", "Trace", false)
            .help("Says every node that is run in the textport, with what its wired inputs hold."),
    ],
};

const PAGES: [Page; 3] = [LOGIC_PAGE, component::EXTENSIONS_PAGE, component::COMMON_PAGE];

/// Where the parameters stand.
mod par {
    use super::{PAGES, ParIndex};

    pub const ACTIVE: ParIndex = ParIndex::of(&PAGES, "active");
    pub const RESTART: ParIndex = ParIndex::of(&PAGES, "restart");
    pub const TRACE: ParIndex = ParIndex::of(&PAGES, "trace");
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "nodes", help: "Nodes of the graph, those of functions included." },
    InfoChannel { name: "events", help: "Events that were handled since the graph began." },
    InfoChannel { name: "dropped", help: "Events that were dropped because too many waited." },
];

/// Reads and compiles the text of a graph.
pub fn graph_of(
    source: &str,
    connections: &[(patchcord_logic::declaration::Family, Rc<str>)],
    plugins_off: &[String],
) -> (Option<Graph>, Vec<Finding>) {
    let (tree, mut findings) = text::read(source);
    let (graph, more) = compile(&tree, Context { types: nodes::ALL, connections, plugins_off });
    let is_readable = findings.iter().all(|finding| finding.severity != Severity::Error);
    findings.extend(more);
    (graph.filter(|_| is_readable), findings)
}

/// Line and column of a place in a text, from 1.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Worker of a Logic COMP.
pub struct LogicComp {
    me: Weak<LogicComp>,
    network: Network,
    op: OpId,
    /// What every component does.
    component: Rc<dyn Worker>,
    engine: RefCell<Option<Engine>>,
    connections: Connections,
    requests: Requests,
    /// What happened while the engine was in use.
    waiting: RefCell<VecDeque<Occurrence>>,
    dropped: Cell<u64>,
    events: Cell<u64>,
    /// Wakes the task that minds the deadlines.
    wake: Rc<Notify>,
    begun: Cell<bool>,
    /// On Initialize has been run.
    initialized: Cell<bool>,
    /// How often the graph has begun: an answer is for the one that asked.
    beginnings: Cell<u64>,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| LogicComp {
        me: me.clone(),
        network: network.clone(),
        op,
        component: component::start(network, op),
        engine: RefCell::default(),
        connections: Connections::default(),
        requests: Requests::default(),
        waiting: RefCell::default(),
        dropped: Cell::new(0),
        events: Cell::new(0),
        wake: Rc::default(),
        begun: Cell::new(false),
        initialized: Cell::new(false),
        beginnings: Cell::new(0),
    });
    let me = Rc::downgrade(&worker);
    begin_later(network, move |_| {
        if let Some(logic) = me.upgrade() {
            logic.begin();
        }
    });
    worker
}

impl LogicComp {
    fn begin(&self) {
        self.begun.set(true);
        self.network.watch_tree(self.op, true);
        tokio::task::spawn_local(mind_deadlines(self.me.clone(), self.wake.clone()));
        self.load(false);
    }

    fn is_active(&self) -> bool {
        self.network.eval(self.op, par::ACTIVE).is_on()
    }

    /// Compiles the text; a graph that is right takes the place of the one that runs, or begins. `anew` it begins in any case.
    fn load(&self, anew: bool) {
        let source = self.network.patch().get(self.op).and_then(|op| Some(op.content().as_text()?.as_str().clone()));
        let Some(source) = source else { return };
        if !anew && self.engine.borrow().is_some() && source.trim().is_empty() {
            // As an editor leaves the file between its two halves of a save, and everything that runs would be lost.
            let remedy = "the last good graph goes on; a graph without nodes is a comment";
            return self.network.report(self.op, Problem::warning(GRAPH, "there is nothing in the text", remedy));
        }
        let known = connections::known(&self.network, self.op);
        let names: Vec<_> = known.iter().map(|one| (one.family, one.name.clone())).collect();
        let plugins_off = self.network.project().plugins_off;
        let (graph, findings) = graph_of(&source, &names, &plugins_off);
        let Some(graph) = graph else {
            let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
            let Some(first) = errors.first() else { return };
            let (line, column) = line_and_column(&source, first.span.start);
            let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
            let node = if first.node.is_empty() { String::new() } else { format!("node \"{}\": ", first.node) };
            let message = format!("line {line}, column {column}: {node}{}{more}", first.message);
            let kept = if self.engine.borrow().is_some() { "the last good graph goes on" } else { "nothing runs" };
            let remedy = first.help.clone().map_or_else(|| kept.to_owned(), |help| format!("{help}; {kept}"));
            return self.network.report(self.op, Problem::error(GRAPH, message, remedy));
        };
        self.network.clear_problem(self.op, GRAPH);
        let open = self.connections.attach(self, known);
        self.connections.set_routes(&graph);
        if anew || self.engine.borrow().is_none() {
            self.waiting.borrow_mut().clear();
            self.requests.give_up();
            self.beginnings.set(self.beginnings.get() + 1);
            self.initialized.set(false);
            self.engine.replace(Some(Engine::new(graph)));
            self.trace();
            return self.initialize();
        }
        self.run(|engine, _, outside| engine.replace(graph, outside));
        self.tell_open(open);
    }

    /// Runs On Initialize, unless that was done or the graph is off.
    fn initialize(&self) {
        if self.initialized.get() || !self.is_active() || self.engine.borrow().is_none() {
            return;
        }
        self.initialized.set(true);
        // Before On Initialize opens any.
        let open = self.connections.open(&self.network);
        self.run(|engine, now, outside| engine.initialize(now, outside));
        self.tell_open(open);
    }

    fn tell_open(&self, connections: Vec<usize>) {
        for connection in connections {
            self.happen(Occurrence::Connection { connection, event: ConnectionEvent::Started });
        }
    }

    /// Something has happened.
    pub(crate) fn happen(&self, occurrence: Occurrence) {
        if !self.initialized.get() || !self.is_active() {
            return;
        }
        if self.engine.try_borrow().is_err() {
            // A script that the graph has asked for something calls the graph: its turn comes next.
            let mut waiting = self.waiting.borrow_mut();
            if waiting.len() < MAX_WAITING {
                waiting.push_back(occurrence);
            } else {
                self.dropped.set(self.dropped.get() + 1);
            }
            return;
        }
        self.events.set(self.events.get() + 1);
        self.run(|engine, now, outside| engine.handle(occurrence, now, outside));
    }

    /// Does something with the engine as a turn, then what was put off, and says when the next deadline is.
    fn run(&self, work: impl FnOnce(&mut Engine, Duration, &mut Outside<'_>)) {
        self.network.turn(|network| {
            let start = network.now();
            let before = self.deadline();
            {
                let Ok(mut engine) = self.engine.try_borrow_mut() else { return };
                let Some(engine) = engine.as_mut() else { return };
                let mut outside = Outside { logic: self };
                work(engine, start, &mut outside);
                for _ in 0..MOST_AT_ONCE {
                    let Some(occurrence) = self.next_waiting() else { break };
                    engine.handle(occurrence, network.now(), &mut outside);
                }
                while let Some(occurrence) = self.next_waiting() {
                    engine.put_off(occurrence, &mut outside);
                }
            }
            if self.deadline() != before {
                self.wake.notify_one();
            }
            network.note_cook(self.op, start);
        });
    }

    fn next_waiting(&self) -> Option<Occurrence> {
        self.waiting.borrow_mut().pop_front()
    }

    fn deadline(&self) -> Option<Duration> {
        self.engine.try_borrow().ok()?.as_ref()?.next_deadline()
    }

    /// Triggers a custom event of the graph. Inside of what the graph itself has caused, it is run when that has ended.
    ///
    /// # Errors
    /// When the graph has no such event, or it does not take these parameters.
    pub fn trigger(&self, name: &str, parameters: &[Value]) -> Result<(), TriggerError> {
        let unknown = || TriggerError::Unknown { name: name.to_owned(), nearest: None };
        let occurrence = match self.engine.try_borrow() {
            Ok(engine) => engine.as_ref().ok_or_else(unknown)?.occurrence(name, parameters)?,
            Err(_) => {
                // Its graph is in use, so it is not changed meanwhile: the event is looked up when its turn comes.
                let (me, name, parameters) = (self.me.clone(), name.to_owned(), parameters.to_vec());
                self.network.defer(move |network| {
                    let Some(logic) = me.upgrade() else { return };
                    if let Err(error) = logic.trigger(&name, &parameters) {
                        network.report(
                            logic.op,
                            Problem::warning("trigger", error.to_string(), "see [event.…] of the graph"),
                        );
                    }
                });
                return Ok(());
            }
        };
        self.happen(occurrence);
        Ok(())
    }

    /// The value of a variable of the graph.
    pub fn variable(&self, name: &str) -> Option<Value> {
        self.engine.try_borrow().ok()?.as_ref()?.variable(name).cloned()
    }

    fn trace(&self) {
        let on = self.network.eval(self.op, par::TRACE).is_on() || self.network.project().trace_logic;
        let Ok(mut engine) = self.engine.try_borrow_mut() else { return };
        let Some(engine) = engine.as_mut() else { return };
        let (network, op) = (self.network.clone(), self.op);
        engine.trace(on.then(|| -> Box<dyn FnMut(patchcord_logic::Trace<'_>)> {
            Box::new(move |trace| {
                let sign = if trace.is_pulse { "►" } else { "⚡" };
                let values: Vec<String> = trace.inputs.iter().map(|(name, value)| shown(name, *value)).collect();
                let values = values.join(", ");
                let line = format!("{sign} {} ({}) {values}", trace.node.label, trace.node.node_type.title);
                network.say_status(op, line.trim_end().to_owned());
            })
        }));
    }
}

/// What a trace shows of an input: its value as JSON, the beginning of it when it is long.
fn shown(name: &str, value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "not set yet".to_owned(), |value| to_json(value, false));
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{name} = {}…", &text[..end]),
        None => format!("{name} = {text}"),
    }
}

/// Runs what is due, for as long as the operator is there.
async fn mind_deadlines(logic: Weak<LogicComp>, wake: Rc<Notify>) {
    loop {
        let Some(deadline) = logic.upgrade().map(|logic| {
            let wait = logic.deadline().map(|deadline| deadline.saturating_sub(logic.network.now()));
            wait.filter(|_| logic.is_active())
        }) else {
            return;
        };
        match deadline {
            None => wake.notified().await,
            Some(wait) if wait.is_zero() => {
                // Everybody else first: events may cause events for ever.
                tokio::task::yield_now().await;
                advance(&logic);
            }
            Some(wait) => tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep(wait) => advance(&logic),
            },
        }
    }
}

/// Runs what is due, unless the graph was switched off meanwhile.
fn advance(logic: &Weak<LogicComp>) {
    if let Some(logic) = logic.upgrade().filter(|logic| logic.is_active()) {
        logic.run(|engine, now, outside| engine.advance(now, outside));
    }
}

impl Worker for LogicComp {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.component.handle_change(network, change);
        if !self.begun.get() {
            return;
        }
        match change {
            Change::Content { .. } => self.load(false),
            Change::Pulse { index, .. } if *index == par::RESTART => self.load(true),
            Change::Parameter { index, .. } if *index == par::TRACE => self.trace(),
            Change::Parameter { index, value, .. } if *index == par::ACTIVE && value.is_on() => {
                self.initialize();
                // What was due meanwhile is run now.
                self.wake.notify_one();
            }
            _ => {}
        }
    }

    fn handle_tree(&self, network: &Network) {
        if self.begun.get() && self.connections.are_others(network, self.op) {
            self.load(false);
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let engine = self.engine.try_borrow().ok();
        let nodes = engine
            .as_ref()
            .and_then(|engine| engine.as_ref())
            .map_or(0, |engine| engine.graph().bodies.iter().map(|body| body.nodes.len()).sum::<usize>());
        vec![nodes as f64, self.events.get() as f64, self.dropped.get() as f64]
    }

    fn stop(&self, network: &Network) {
        self.connections.let_go(network);
        self.requests.give_up();
        if let Ok(mut engine) = self.engine.try_borrow_mut() {
            engine.take();
        }
        self.wake.notify_one();
        self.component.stop(network);
    }
}

/// A value of the patch as one of a graph.
pub fn value_of(value: &OwnedValue) -> Value {
    match value {
        OwnedValue::Bool(flag) => Value::Bool(*flag),
        OwnedValue::Int(number) => match i32::try_from(*number) {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Float(*number as f64),
        },
        OwnedValue::Float(number) => Value::Float(*number),
        OwnedValue::Str(text) => Value::text(text.as_str()),
        OwnedValue::Bytes(bytes) => Value::Binary(Rc::from(bytes.as_slice())),
        OwnedValue::List(items) => Value::Array(Rc::new(items.iter().map(value_of).collect())),
        OwnedValue::Dict(fields) => Value::Dictionary(Rc::new(
            fields.iter().map(|(name, value)| (Rc::from(&**name), value_of(value))).collect(),
        )),
        OwnedValue::None | OwnedValue::Op(_) | OwnedValue::Other(_) => Value::Nothing,
    }
}

/// A value of a graph as one of the patch.
pub fn owned_value(value: &Value) -> OwnedValue {
    match value {
        Value::Nothing => OwnedValue::None,
        Value::Bool(flag) => OwnedValue::Bool(*flag),
        Value::Int(number) => OwnedValue::Int(i64::from(*number)),
        Value::Byte(number) => OwnedValue::Int(i64::from(*number)),
        Value::Float(number) => OwnedValue::Float(*number),
        Value::String(text) => OwnedValue::Str(text.to_string()),
        Value::Array(elements) => OwnedValue::List(elements.iter().map(owned_value).collect()),
        Value::Dictionary(entries) => {
            OwnedValue::Dict(entries.iter().map(|(key, value)| (key.to_string().into(), owned_value(value))).collect())
        }
        Value::Binary(bytes) => OwnedValue::Bytes(bytes.to_vec()),
        Value::Vector(_, numbers) => {
            OwnedValue::List(numbers.iter().map(|number| OwnedValue::Float(*number)).collect())
        }
        Value::CustomId(id) | Value::InstanceId(id) => OwnedValue::Int(i64::try_from(*id).unwrap_or(i64::MAX)),
    }
}
