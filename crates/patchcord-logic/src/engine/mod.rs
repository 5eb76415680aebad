//! The engine: runs branches of a graph to their end, one occurrence after the other.
//!
//! What has to be run lies on a stack: a node that starts several branches one after the other (Sequential, a loop)
//! leaves a note there to be resumed when the branch has ended, so that depth costs memory and not the machine's
//! stack, and a branch can be paused between any two nodes. What a branch causes waits in a queue until the stack is empty.
//!
//! Bounds: [`MAX_NODES`] nodes for one occurrence, [`TURN_NODES`] for one call of the engine, [`MAX_STACK`] branches within one another, [`MAX_QUEUE`] waiting
//! occurrences that carry [`MAX_QUEUE_BYTES`], [`MAX_FRAMES`] calls of functions at a time, [`MAX_TIMERS`] time-outs and intervals.

mod debug;
mod frames;
mod queue;
mod replace;
mod timers;
mod turn;

use std::rc::Rc;
use std::time::Duration;

pub use debug::{Breakpoint, NodeRef, Pace, Trace};
pub use queue::{MAX_QUEUE, MAX_QUEUE_BYTES};
pub use turn::{Failure, Flow, Step, Turn};

use crate::convert::convert;
use crate::graph::{Graph, Listen, Target};
use crate::ports::{ConnectionEvent, ConsoleLine, Level, Occurrence, Ports};
use crate::value::{DataType, Value};
use debug::Debugger;
use frames::{FrameId, Frames};
use queue::{Queue, Waiting};
use timers::Timers;

/// Nodes that one occurrence may run.
pub const MAX_NODES: u64 = 1_000_000;
/// Nodes that one call of the engine runs before it leaves what waits for the next one, so that events which cause events
/// for ever keep nobody else from a turn. An occurrence that has begun is run to its end.
pub const TURN_NODES: u64 = 100_000;
/// Branches that may be begun within one another.
pub const MAX_STACK: usize = 100_000;
/// Calls of functions that may be under way.
pub const MAX_FRAMES: usize = 1_000;
/// Time-outs and intervals that may run.
pub const MAX_TIMERS: usize = 10_000;

/// Runs a graph.
pub struct Engine {
    graph: Rc<Graph>,
    state: State,
}

/// What changes while a graph runs.
struct State {
    variables: Vec<Value>,
    frames: Frames,
    stack: Vec<Work>,
    queue: Queue,
    timers: Timers,
    debug: Debugger,
    /// Nodes that the current occurrence may still run.
    budget: u64,
    /// The last number that was given to an instance, a handle or a question.
    last_id: u64,
    /// Since the engine began.
    now: Duration,
    /// Occurrences that found the queue full.
    dropped: u64,
}

/// Something to be run.
enum Work {
    /// A pulse.
    Pulse { frame: FrameId, target: Target },
    /// A node whose branch has ended.
    Resume { frame: FrameId, node: u32, step: Step },
    /// A node that has waited for something.
    Handle { frame: FrameId, node: u32, occurrence: Rc<Occurrence> },
}

/// Why a custom event could not be triggered from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// There is none of that name.
    #[error("there is no custom event \"{name}\"{}", nearest.as_ref().map(|near| format!("; there is \"{near}\"")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// It takes fewer parameters.
    #[error("the event \"{name}\" takes {takes} parameters, not {given}")]
    TooMany {
        /// The event.
        name: String,
        /// How many it takes.
        takes: usize,
        /// How many were given.
        given: usize,
    },
    /// A parameter cannot be what the event takes.
    #[error("parameter \"{parameter}\" of the event \"{name}\": {reason}")]
    Parameter {
        /// The event.
        name: String,
        /// The parameter.
        parameter: String,
        /// Why not.
        reason: String,
    },
}

impl Engine {
    /// An engine for a graph; nothing is run before [`Engine::initialize`].
    pub fn new(graph: Graph) -> Self {
        let variables = graph.variables.iter().map(|variable| variable.initial.clone()).collect();
        let frames = Frames::new(&graph.bodies[0]);
        Engine {
            graph: Rc::new(graph),
            state: State {
                variables,
                frames,
                stack: Vec::new(),
                queue: Queue::default(),
                timers: Timers::default(),
                debug: Debugger::default(),
                budget: 0,
                last_id: 0,
                now: Duration::ZERO,
                dropped: 0,
            },
        }
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Runs what waits for the beginning.
    pub fn initialize(&mut self, now: Duration, ports: &mut dyn Ports) {
        self.handle(Occurrence::Initialize, now, ports);
    }

    /// Something has happened: runs all that listen, and what they cause. `now` is the time since the engine began.
    pub fn handle(&mut self, occurrence: Occurrence, now: Duration, ports: &mut dyn Ports) {
        self.state.now = self.state.now.max(now);
        self.put_off(occurrence, ports);
        self.run(ports);
    }

    /// Something has happened: it is run behind all that waits, when the engine is called next.
    pub fn put_off(&mut self, occurrence: Occurrence, ports: &mut dyn Ports) {
        let to = match &occurrence {
            Occurrence::Answer { answer, .. } => match self.state.frames.answered(*answer) {
                Some(node) => Some(node),
                // The node is gone, or its function has ended.
                None => return,
            },
            _ => None,
        };
        if !self.state.wait(Waiting { occurrence, to }) {
            ports.console(ConsoleLine { level: Level::Error, node: "", text: &full() });
        }
    }

    /// Runs the time-outs and intervals that are due.
    pub fn advance(&mut self, now: Duration, ports: &mut dyn Ports) {
        let state = &mut self.state;
        state.now = state.now.max(now);
        // What finds no room stays due.
        while state.queue.has_room()
            && let Some((instance, frame, node)) = state.timers.due(state.now)
        {
            if state.frames.is_alive(frame) {
                state.wait(Waiting { occurrence: Occurrence::Due { instance }, to: Some((frame, node)) });
            } else {
                // An interval of a function that has ended.
                state.timers.stop(instance);
            }
        }
        self.run(ports);
    }

    /// When [`Engine::advance`] has something to do, on the clock of `now`: at once when something was left over.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.has_more() { Some(Duration::ZERO) } else { self.state.timers.next() }
    }

    /// Whether something waits that could be run now.
    pub fn has_more(&self) -> bool {
        self.state.debug.runs() && !(self.state.stack.is_empty() && self.state.queue.is_empty())
    }

    /// Triggers a custom event, as the node Event Trigger does; parameters that are not given have their defaults.
    ///
    /// # Errors
    /// When there is no such event, or it does not take these parameters.
    pub fn trigger(
        &mut self,
        name: &str,
        parameters: &[Value],
        now: Duration,
        ports: &mut dyn Ports,
    ) -> Result<(), TriggerError> {
        let occurrence = self.occurrence(name, parameters)?;
        self.handle(occurrence, now, ports);
        Ok(())
    }

    /// A custom event with its parameters, for [`Engine::handle`].
    ///
    /// # Errors
    /// As of [`Engine::trigger`].
    pub fn occurrence(&self, name: &str, parameters: &[Value]) -> Result<Occurrence, TriggerError> {
        let graph = &self.graph;
        let Some((event, declared)) = graph.events.iter().enumerate().find(|(_, event)| *event.name == *name) else {
            let names = graph.events.iter().map(|event| &*event.name);
            return Err(TriggerError::Unknown { name: name.to_owned(), nearest: crate::compile::nearest(name, names) });
        };
        if parameters.len() > declared.parameters.len() {
            let takes = declared.parameters.len();
            return Err(TriggerError::TooMany { name: name.to_owned(), takes, given: parameters.len() });
        }
        let mut values = Vec::with_capacity(declared.parameters.len());
        for (index, parameter) in declared.parameters.iter().enumerate() {
            let Some(given) = parameters.get(index) else {
                values.push(parameter.default.clone());
                continue;
            };
            match convert(given, parameter.data_type) {
                Ok(value) => values.push(value),
                Err(error) => {
                    let (name, parameter) = (name.to_owned(), parameter.name.to_string());
                    return Err(TriggerError::Parameter { name, parameter, reason: error.to_string() });
                }
            }
        }
        Ok(Occurrence::Custom { event, parameters: values })
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        let index = self.graph.variables.iter().position(|variable| *variable.name == *name)?;
        self.state.variables.get(index)
    }

    /// Sets a variable, as the node Variable Setter does.
    ///
    /// # Errors
    /// When the value cannot become one of the variable's type; `None` when there is no such variable.
    pub fn set_variable(
        &mut self,
        name: &str,
        value: &Value,
        now: Duration,
        ports: &mut dyn Ports,
    ) -> Option<Result<(), crate::convert::ConvertError>> {
        let index = self.graph.variables.iter().position(|variable| *variable.name == *name)?;
        let value = match convert(value, self.graph.variables[index].data_type) {
            Ok(value) => value,
            Err(error) => return Some(Err(error)),
        };
        self.state.now = self.state.now.max(now);
        let graph = self.graph.clone();
        self.state.set_variable(&graph, index, value);
        self.run(ports);
        Some(Ok(()))
    }

    /// The value that a data output had last; `None` when it was never set, or there is none of that name.
    pub fn output(&self, node: &str, output: &str) -> Option<&Value> {
        let node = self.graph.bodies[0].node(node)?;
        let index = node.outputs.iter().position(|socket| *socket.name == *output)?;
        self.state.frames.slot(FrameId::MAIN, node.first_slot + index as u32)
    }

    /// Occurrences that were dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.state.dropped
    }

    /// Runs until nothing waits, or the debugger stops it, or it has been long enough.
    fn run(&mut self, ports: &mut dyn Ports) {
        let graph = self.graph.clone();
        let mut left = TURN_NODES;
        while self.state.debug.runs() {
            if self.state.stack.is_empty() {
                if left == 0 {
                    return;
                }
                let Some(waiting) = self.state.queue.pop() else {
                    self.state.sweep(None);
                    return;
                };
                self.state.budget = MAX_NODES;
                self.state.begin(&graph, waiting);
            }
            let before = self.state.budget;
            self.run_branch(&graph, ports);
            // An occurrence that nobody waits for counts, too.
            left = left.saturating_sub((before - self.state.budget).max(1));
        }
    }

    /// Runs what lies on top of the stack, and where its pulse leads, to the end of the branch.
    fn run_branch(&mut self, graph: &Graph, ports: &mut dyn Ports) {
        let state = &mut self.state;
        let Some(mut work) = state.stack.pop() else { return };
        loop {
            let (mut frame, index) = match &work {
                Work::Pulse { frame, target } => (*frame, target.node),
                Work::Resume { frame, node, .. } | Work::Handle { frame, node, .. } => (*frame, *node),
            };
            let Some(body) = state.frames.body(frame) else { return };
            let mut node = &graph.bodies[body as usize].nodes[index as usize];
            if state.debug.is_watching() {
                let is_pulse = matches!(work, Work::Pulse { .. });
                if !state.debug.may_run(body, index) {
                    state.stack.push(work);
                    return;
                }
                state.tell_trace(frame, node, is_pulse);
            }
            if state.budget == 0 {
                let text = format!("stopped: one event has run {MAX_NODES} nodes; is there a loop without an end?");
                ports.console(ConsoleLine { level: Level::Error, node: &node.label, text: &text });
                state.stack.clear();
                return;
            }
            state.budget -= 1;
            let flow = if !node.enabled {
                return;
            } else if node.pass_through {
                Ok(Flow::Next)
            } else {
                let mut turn = Turn::new(graph, state, ports, frame, node, index);
                match work {
                    Work::Pulse { target, .. } => node.behaviour.pulse(&mut turn, usize::from(target.input)),
                    Work::Resume { step, .. } => node.behaviour.resume(&mut turn, step),
                    Work::Handle { occurrence, .. } => node.behaviour.handle(&mut turn, &occurrence),
                }
            };
            let output = match flow {
                Ok(Flow::Next) => 0,
                Ok(Flow::Out(output)) => output,
                Ok(Flow::End) => return,
                Ok(Flow::Then(output, step)) => {
                    if state.stack.len() >= MAX_STACK {
                        let text = format!("stopped: more than {MAX_STACK} branches lie within one another");
                        ports.console(ConsoleLine { level: Level::Error, node: &node.label, text: &text });
                        state.stack.clear();
                        return;
                    }
                    state.stack.push(Work::Resume { frame, node: index, step });
                    output
                }
                Ok(Flow::Return) => {
                    // The function's call goes on where it was made; what is left of the function is not run.
                    let Some((caller, call)) = state.frames.end(frame) else { return };
                    let Some(body) = state.frames.body(caller) else { return };
                    frame = caller;
                    node = &graph.bodies[body as usize].nodes[call as usize];
                    0
                }
                Err(failure) => {
                    ports.console(ConsoleLine { level: Level::Error, node: &node.label, text: &failure.0 });
                    return;
                }
            };
            let Some(target) = node.targets.get(output).copied().flatten() else { return };
            work = Work::Pulse { frame, target };
        }
    }
}

/// What is said of an occurrence that found the queue full.
fn full() -> String {
    format!("more than {MAX_QUEUE} events wait, or more than {} MiB: this one was dropped", MAX_QUEUE_BYTES >> 20)
}

impl State {
    /// Puts an occurrence at the end of the queue; false when that is full.
    fn wait(&mut self, waiting: Waiting) -> bool {
        let found_room = self.queue.push(waiting);
        self.dropped += u64::from(!found_room);
        found_room
    }

    /// Ends the calls of functions for which nothing is under way any more. `running` is the one whose branch runs.
    fn sweep(&mut self, running: Option<FrameId>) {
        let of_stack = self.stack.iter().map(|work| match work {
            Work::Pulse { frame, .. } | Work::Resume { frame, .. } | Work::Handle { frame, .. } => *frame,
        });
        let of_queue = self.queue.iter().filter_map(|waiting| Some(waiting.to?.0));
        self.frames.sweep(self.timers.frames().chain(of_stack).chain(of_queue).chain(running));
    }

    /// Puts those on the stack who wait for an occurrence, so that the first of the file is run first.
    fn begin(&mut self, graph: &Graph, waiting: Waiting) {
        let occurrence = Rc::new(waiting.occurrence);
        if let Some((frame, node)) = waiting.to {
            self.stack.push(Work::Handle { frame, node, occurrence });
            return;
        }
        for node in graph.listeners(listen(&occurrence)).iter().rev() {
            self.stack.push(Work::Handle { frame: FrameId::MAIN, node: *node, occurrence: occurrence.clone() });
        }
    }

    fn set_variable(&mut self, graph: &Graph, variable: usize, value: Value) -> bool {
        let changed = self.variables[variable] != value;
        let mut kept = true;
        for (happens, listen) in [(true, Listen::Set(variable)), (changed, Listen::Changed(variable))] {
            if happens && !graph.listeners(listen).is_empty() {
                let value = value.clone();
                let occurrence = match listen {
                    Listen::Set(_) => Occurrence::Set { variable, value },
                    _ => Occurrence::Changed { variable, value },
                };
                kept &= self.wait(Waiting { occurrence, to: None });
            }
        }
        self.variables[variable] = value;
        kept
    }

    /// Another number that was never given before.
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Who waits for an occurrence.
fn listen(occurrence: &Occurrence) -> Listen {
    match occurrence {
        Occurrence::Initialize => Listen::Initialize,
        Occurrence::Custom { event, .. } => Listen::Custom(*event),
        Occurrence::Changed { variable, .. } => Listen::Changed(*variable),
        Occurrence::Set { variable, .. } => Listen::Set(*variable),
        Occurrence::Connection { connection, event } => match event {
            ConnectionEvent::Started => Listen::Started(*connection),
            ConnectionEvent::Stopped => Listen::Stopped(*connection),
            ConnectionEvent::Error { .. } => Listen::Error(*connection),
            _ => Listen::Received(*connection),
        },
        Occurrence::Due { .. } | Occurrence::Ended { .. } | Occurrence::Answer { .. } => Listen::Nothing,
    }
}

/// The zero of each type, for inputs whose source was never set.
struct Zeros(Vec<Value>);

impl Default for Zeros {
    fn default() -> Self {
        Zeros(DataType::ALL.iter().map(|data_type| data_type.zero()).collect())
    }
}

impl Zeros {
    fn of(&self, data_type: DataType) -> &Value {
        let index = DataType::ALL.iter().position(|one| *one == data_type).unwrap_or(0);
        &self.0[index]
    }
}
