//! What a node sees while it runs: its inputs, its outputs, and what it may ask for.

use std::rc::Rc;
use std::time::Duration;

use super::frames::FrameId;
use super::{State, Waiting};
use crate::graph::{Graph, Node, Origin, Target};
use crate::ports::{ConnectionRequest, ConsoleLine, Level, Occurrence, Ports, Question};
use crate::value::{DataType, Value};

/// Where a pulse goes when a node has run.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// Out by the standard output.
    Next,
    /// Out by an output: 0 is the standard one, the declared others follow in their order, with all their repeats.
    Out(usize),
    /// Nowhere.
    End,
    /// Out by an output; when that branch has ended, the node is resumed with the step.
    Then(usize, Step),
    /// Out of the function, to where it was called.
    Return,
}

/// What a node wants to know when it is resumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it is.
    pub at: i64,
    /// Where it ends.
    pub end: i64,
    /// How far it goes each time.
    pub by: i64,
    /// What it works on.
    pub value: Value,
}

impl Step {
    /// A step of something that only counts.
    pub fn at(at: i64) -> Self {
        Step { at, end: 0, by: 1, value: Value::Nothing }
    }
}

/// Why a node could not do what it does, in plain words: the console says so and the pulse ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// The turn of one node.
pub struct Turn<'a> {
    graph: &'a Graph,
    state: &'a mut State,
    ports: &'a mut dyn Ports,
    frame: FrameId,
    node: &'a Node,
    index: u32,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        state: &'a mut State,
        ports: &'a mut dyn Ports,
        frame: FrameId,
        node: &'a Node,
        index: u32,
    ) -> Self {
        Turn { graph, state, ports, frame, node, index }
    }

    /// The value of an input. What was never set is the zero of the input's type, which the console says once.
    pub fn input(&mut self, input: usize) -> &Value {
        let socket = &self.node.inputs[input];
        match &socket.origin {
            Origin::Literal(value) => value,
            Origin::Variable(variable) => &self.state.variables[*variable as usize],
            Origin::Slot(slot) => {
                if self.state.frames.slot(self.frame, *slot).is_none() {
                    self.warn_unset(input, *slot);
                    return self.state.frames.zeros.of(socket.data_type);
                }
                match self.state.frames.slot(self.frame, *slot) {
                    Some(value) => value,
                    None => self.state.frames.zeros.of(socket.data_type),
                }
            }
        }
    }

    #[cold]
    fn warn_unset(&mut self, input: usize, slot: u32) {
        if !self.state.frames.warn_once(self.frame, slot) {
            return;
        }
        let body = self.state.frames.body(self.frame).unwrap_or(0);
        let nodes = &self.graph.bodies[body as usize].nodes;
        let from = nodes.partition_point(|node| node.first_slot <= slot).saturating_sub(1);
        let text = format!(
            "\"{}\" is read from \"{}\", which has not run yet: it counts as {}",
            self.node.inputs[input].name,
            nodes[from].id,
            crate::convert::to_json(&self.node.inputs[input].data_type.zero(), false),
        );
        self.ports.console(ConsoleLine { level: Level::Warning, node: &self.node.label, text: &text });
    }

    /// An input that is a Bool.
    pub fn flag(&mut self, input: usize) -> bool {
        matches!(self.input(input), Value::Bool(true))
    }

    /// An input that is an Int or a Byte.
    pub fn int(&mut self, input: usize) -> i32 {
        match self.input(input) {
            Value::Int(number) => *number,
            Value::Byte(number) => i32::from(*number),
            _ => 0,
        }
    }

    /// An input that is a number, as Float.
    pub fn float(&mut self, input: usize) -> f64 {
        match self.input(input) {
            Value::Float(number) => *number,
            Value::Int(number) => f64::from(*number),
            Value::Byte(number) => f64::from(*number),
            _ => 0.0,
        }
    }

    /// An input that is a String.
    pub fn text(&mut self, input: usize) -> Rc<str> {
        match self.input(input) {
            Value::String(text) => text.clone(),
            _ => Rc::from(""),
        }
    }

    /// Sets an output. It keeps this value until it is set again.
    pub fn set(&mut self, output: usize, value: Value) {
        debug_assert!(
            value.data_type().fits(self.node.outputs[output].data_type) || value == Value::Nothing,
            "{} sets {} to a {}",
            self.node.node_type.title,
            self.node.outputs[output].name,
            value.data_type()
        );
        self.state.frames.set_slot(self.frame, self.node.first_slot + output as u32, value);
    }

    /// What an output holds; `None` when it was never set.
    pub fn output(&self, output: usize) -> Option<&Value> {
        self.state.frames.slot(self.frame, self.node.first_slot + output as u32)
    }

    /// How many inputs the node has.
    pub fn inputs(&self) -> usize {
        self.node.inputs.len()
    }

    /// How many outputs the node has.
    pub fn outputs(&self) -> usize {
        self.node.outputs.len()
    }

    /// The type of an input.
    pub fn input_type(&self, input: usize) -> DataType {
        self.node.inputs[input].data_type
    }

    /// The type of an output.
    pub fn output_type(&self, output: usize) -> DataType {
        self.node.outputs[output].data_type
    }

    /// A line of the console that names this node.
    pub fn say(&mut self, level: Level, text: &str) {
        self.ports.console(ConsoleLine { level, node: &self.node.label, text });
    }

    /// Asks for something of a connection.
    ///
    /// # Errors
    /// When it cannot even be tried.
    pub fn connection(&mut self, connection: usize, request: ConnectionRequest) -> Result<(), Failure> {
        self.ports.connection(&self.node.label, connection, request).map_err(Failure)
    }

    /// The outside.
    pub fn ports(&mut self) -> &mut dyn Ports {
        self.ports
    }

    /// The value of a variable.
    pub fn variable(&self, variable: usize) -> &Value {
        &self.state.variables[variable]
    }

    /// Sets a variable; who listens is run when this branch has ended.
    pub fn set_variable(&mut self, variable: usize, value: Value) {
        if !self.state.set_variable(self.graph, variable, value) {
            self.say_full();
        }
    }

    /// Triggers a custom event; who listens is run when this branch has ended.
    pub fn trigger(&mut self, event: usize, parameters: Vec<Value>) {
        if !self.state.wait(Waiting { occurrence: Occurrence::Custom { event, parameters }, to: None }) {
            self.say_full();
        }
    }

    fn say_full(&mut self) {
        self.say(Level::Error, &super::full());
    }

    /// A number that no other handle has.
    pub fn new_id(&mut self) -> u64 {
        self.state.new_id()
    }

    /// Time since the engine began.
    pub fn now(&self) -> Duration {
        self.state.now
    }

    /// Starts a time-out (or an interval) of this node; [`Occurrence::Due`] with the number comes when it is due.
    ///
    /// # Errors
    /// When too many run, or the seconds are no number or endless.
    pub fn start_timer(&mut self, seconds: f64, repeats: bool) -> Result<u64, Failure> {
        if !seconds.is_finite() {
            return Err(Failure(format!("{seconds} seconds are no time")));
        }
        let state = &mut *self.state;
        if state.timers.is_full() {
            // Those that functions have left behind.
            state.timers.retain(|frame| state.frames.is_alive(frame));
        }
        let instance = state.new_id();
        if state.timers.start(instance, self.frame, self.index, state.now, seconds, repeats) {
            Ok(instance)
        } else {
            Err(Failure(format!("more than {} time-outs and intervals run", super::MAX_TIMERS)))
        }
    }

    /// Ends a time-out or an interval; its node is told with [`Occurrence::Ended`]. False when none of that number runs.
    pub fn stop_timer(&mut self, instance: u64) -> bool {
        let Some((frame, node)) = self.state.timers.stop(instance) else { return false };
        if !self.state.wait(Waiting { occurrence: Occurrence::Ended { instance }, to: Some((frame, node)) }) {
            self.say_full();
        }
        true
    }

    /// Ends a time-out or an interval without telling its node.
    pub fn drop_timer(&mut self, instance: u64) {
        self.state.timers.stop(instance);
    }

    /// Whether a time-out or an interval runs.
    pub fn is_running(&self, instance: u64) -> bool {
        self.state.timers.is_running(instance)
    }

    /// Asks a question; the answer comes to this node as [`Occurrence::Answer`].
    ///
    /// # Errors
    /// When it cannot even be asked.
    pub fn ask(&mut self, question: Question) -> Result<(), Failure> {
        let answer = self.state.new_id();
        if !self.state.frames.expect(answer, self.frame, self.index) {
            return Err(Failure("too many requests are under way".to_owned()));
        }
        self.ports.ask(answer, question).map_err(|reason| {
            self.state.frames.answered(answer);
            Failure(reason)
        })
    }

    /// Calls a function: its branch runs, and the pulse goes on from here when its output is reached.
    ///
    /// # Errors
    /// When too many calls are under way.
    pub fn call(&mut self, function: usize, parameters: Vec<Value>) -> Result<Flow, Failure> {
        let body = function + 1;
        let Some(entry) = self.graph.bodies[body].entry else {
            return Err(Failure(format!(
                "the function \"{}\" has no Function Input",
                self.graph.functions[function].name
            )));
        };
        let caller = (self.frame, self.index);
        if self.state.frames.is_full() {
            // Calls that have come to nothing are in the way.
            self.state.sweep(Some(self.frame));
        }
        let Some(frame) = self.state.frames.begin(body as u32, &self.graph.bodies[body], caller) else {
            return Err(Failure(format!("more than {} calls of functions are under way", super::MAX_FRAMES)));
        };
        let input = &self.graph.bodies[body].nodes[entry as usize];
        for (index, value) in parameters.into_iter().enumerate() {
            self.state.frames.set_slot(frame, input.first_slot + index as u32, value);
        }
        self.state.stack.push(super::Work::Pulse { frame, target: Target { node: entry, input: 0 } });
        Ok(Flow::End)
    }

    /// Hands results to the node that called this function.
    pub fn hand_back(&mut self, results: Vec<Value>) {
        let Some((caller, call)) = self.state.frames.caller(self.frame) else { return };
        let Some(body) = self.state.frames.body(caller) else { return };
        let node = &self.graph.bodies[body as usize].nodes[call as usize];
        for (index, value) in results.into_iter().enumerate() {
            self.state.frames.set_slot(caller, node.first_slot + index as u32, value);
        }
    }
}
