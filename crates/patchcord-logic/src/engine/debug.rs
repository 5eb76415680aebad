//! Looking on while a graph runs: a trace of pulses, pausing, single steps, breakpoints, values.

use std::collections::HashSet;
use std::rc::Rc;

use super::frames::FrameId;
use super::{Engine, State, Work};
use crate::graph::{Node, Origin};
use crate::ports::Ports;
use crate::value::Value;

/// A node of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRef {
    /// Name of the function that it is in; empty for the graph's own body.
    pub function: Rc<str>,
    /// Its id.
    pub node: Rc<str>,
}

/// A node before which the engine pauses.
pub type Breakpoint = NodeRef;

/// Whether a graph runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pace {
    /// It runs.
    #[default]
    Running,
    /// It stands before a node; what happens meanwhile waits.
    Paused,
}

/// What a trace is told of: a node is about to be run.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    /// The node.
    pub node: &'a Node,
    /// Whether a pulse reached it; else it is an event, a time that has come, or a loop that goes on.
    pub is_pulse: bool,
    /// What the inputs that wires lead to hold now, by slug; `None` when what they are read from has not run yet.
    pub inputs: &'a [(&'a str, Option<&'a Value>)],
}

type Tracer = Box<dyn FnMut(Trace<'_>)>;

/// What the debugger of an engine holds.
#[derive(Default)]
pub(super) struct Debugger {
    pace: Pace,
    /// Nodes that may be run although the engine is paused.
    permits: u32,
    /// The next node is run even if it has a breakpoint.
    skips_breakpoint: bool,
    breakpoints: HashSet<NodeRef>,
    /// The same by position, for the graph that runs.
    positions: HashSet<(u32, u32)>,
    tracer: Option<Tracer>,
}

impl Debugger {
    /// Whether branches may run at all.
    pub fn runs(&self) -> bool {
        self.pace == Pace::Running || self.permits > 0
    }

    /// Whether anybody has to be asked before a node runs.
    pub fn is_watching(&self) -> bool {
        self.pace == Pace::Paused || !self.positions.is_empty() || self.tracer.is_some()
    }

    /// Whether this node may run now; if not, the engine is paused before it.
    pub fn may_run(&mut self, body: u32, index: u32) -> bool {
        if self.pace == Pace::Paused {
            if self.permits == 0 {
                return false;
            }
            self.permits -= 1;
        } else if !self.skips_breakpoint && self.positions.contains(&(body, index)) {
            self.pace = Pace::Paused;
            return false;
        }
        self.skips_breakpoint = false;
        true
    }

    /// Finds the breakpoints in another graph.
    pub fn place(&mut self, graph: &crate::Graph) {
        self.positions = self
            .breakpoints
            .iter()
            .filter_map(|breakpoint| {
                let (body, found) =
                    graph.bodies.iter().enumerate().find(|(_, body)| body.name == breakpoint.function)?;
                Some((body as u32, *found.ids.get(&breakpoint.node)?))
            })
            .collect();
    }
}

impl State {
    /// Tells the trace of a node that is about to be run.
    pub(super) fn tell_trace(&mut self, frame: FrameId, node: &Node, is_pulse: bool) {
        let Some(tracer) = &mut self.debug.tracer else { return };
        let inputs: Vec<(&str, Option<&Value>)> = node
            .inputs
            .iter()
            .filter_map(|input| {
                let value = match &input.origin {
                    Origin::Literal(_) => return None,
                    Origin::Slot(slot) => self.frames.slot(frame, *slot),
                    Origin::Variable(variable) => self.variables.get(*variable as usize),
                };
                Some((&*input.name, value))
            })
            .collect();
        tracer(Trace { node, is_pulse, inputs: &inputs });
    }
}

impl Engine {
    /// Tells every node that is run to `tracer`; `None` ends that. Costs nothing while there is none.
    pub fn trace(&mut self, tracer: Option<Tracer>) {
        self.state.debug.tracer = tracer;
    }

    /// Whether it runs, or stands before a node.
    pub fn pace(&self) -> Pace {
        self.state.debug.pace
    }

    /// Stands still before the next node.
    pub fn pause(&mut self) {
        self.state.debug.pace = Pace::Paused;
        self.state.debug.permits = 0;
    }

    /// Runs one node and stands still again. A call of a function steps into it.
    pub fn step(&mut self, ports: &mut dyn Ports) {
        self.pause();
        self.state.debug.permits = 1;
        self.run(ports);
        self.state.debug.permits = 0;
    }

    /// Runs until the function that it stands in has ended and stands still again; outside of functions, one branch.
    pub fn step_out(&mut self, ports: &mut dyn Ports) {
        let depth = self.depth();
        for _ in 0..super::MAX_NODES {
            self.step(ports);
            if self.standing().is_none() || self.depth() < depth {
                return;
            }
        }
    }

    /// Runs on.
    pub fn resume(&mut self, ports: &mut dyn Ports) {
        self.state.debug.pace = Pace::Running;
        self.state.debug.skips_breakpoint = true;
        self.run(ports);
    }

    /// Pauses before these nodes from now on; those that are not there (yet) do no harm.
    pub fn set_breakpoints(&mut self, breakpoints: impl IntoIterator<Item = Breakpoint>) {
        self.state.debug.breakpoints = breakpoints.into_iter().collect();
        let graph = self.graph.clone();
        self.state.debug.place(&graph);
    }

    /// The node before which it stands.
    pub fn standing(&self) -> Option<NodeRef> {
        let (frame, node) = match self.state.stack.last()? {
            Work::Pulse { frame, target } => (*frame, target.node),
            Work::Resume { frame, node, .. } | Work::Handle { frame, node, .. } => (*frame, *node),
        };
        let body = &self.graph.bodies[self.state.frames.body(frame)? as usize];
        Some(NodeRef { function: body.name.clone(), node: body.nodes[node as usize].id.clone() })
    }

    /// The last values of a node's inputs and outputs, by slug, in the frame that stands or runs.
    pub fn values(&self, node: &NodeRef) -> Vec<(Rc<str>, Value)> {
        let frame = self.frame_of(node).unwrap_or(FrameId::MAIN);
        let Some(body) = self.state.frames.body(frame) else { return Vec::new() };
        let Some(node) = self.graph.bodies[body as usize].node(&node.node) else { return Vec::new() };
        let inputs = node.inputs.iter().filter_map(|input| {
            let value = match &input.origin {
                Origin::Literal(value) => Some(value),
                Origin::Slot(slot) => self.state.frames.slot(frame, *slot),
                Origin::Variable(variable) => self.state.variables.get(*variable as usize),
            };
            Some((input.name.clone(), value?.clone()))
        });
        let outputs = node.outputs.iter().enumerate().filter_map(|(index, output)| {
            let value = self.state.frames.slot(frame, node.first_slot + index as u32)?;
            Some((output.name.clone(), value.clone()))
        });
        inputs.chain(outputs).collect()
    }

    /// The innermost frame of the body that a node is in.
    fn frame_of(&self, node: &NodeRef) -> Option<FrameId> {
        let body = self.graph.bodies.iter().position(|body| body.name == node.function)? as u32;
        self.state.stack.iter().rev().find_map(|work| {
            let frame = match work {
                Work::Pulse { frame, .. } | Work::Resume { frame, .. } | Work::Handle { frame, .. } => *frame,
            };
            (self.state.frames.body(frame) == Some(body)).then_some(frame)
        })
    }

    /// How many calls of functions lie around the node before which it stands.
    fn depth(&self) -> usize {
        let mut frame = match self.state.stack.last() {
            Some(Work::Pulse { frame, .. } | Work::Resume { frame, .. } | Work::Handle { frame, .. }) => *frame,
            None => return 0,
        };
        let mut depth = 0;
        while let Some((caller, _)) = self.state.frames.caller(frame) {
            frame = caller;
            depth += 1;
        }
        depth
    }
}
