//! Another graph takes the place of the one that runs: what has the same name goes on.

use std::collections::HashMap;
use std::rc::Rc;

use super::frames::{FrameId, MovedBody};
use super::{Engine, Waiting};
use crate::graph::Graph;
use crate::ports::{Occurrence, Ports};

impl Engine {
    /// Takes another graph. Nodes that have the same id and type keep the values of outputs that have the same name and
    /// type, their time-outs, intervals and answers under way; variables and stored values of the same name, type and
    /// initial value keep what they hold. Calls of functions that wait for something go on, unless the function or the
    /// node that called it is gone. Listeners of the beginning are not run again.
    pub fn replace(&mut self, graph: Graph, ports: &mut dyn Ports) {
        let old = std::mem::replace(&mut self.graph, Rc::new(graph));
        let new = self.graph.clone();
        let state = &mut self.state;
        state.variables = new
            .variables
            .iter()
            .map(|variable| {
                let same = old.variables.iter().position(|before| {
                    before.name == variable.name
                        && before.data_type == variable.data_type
                        && before.initial == variable.initial
                });
                same.map_or_else(|| variable.initial.clone(), |index| state.variables[index].clone())
            })
            .collect();
        let bodies: Vec<Option<MovedBody<'_>>> = old
            .bodies
            .iter()
            .map(|before| {
                let body = new.bodies.iter().position(|after| after.name == before.name)?;
                Some(MovedBody::new(before, &new.bodies[body], body as u32))
            })
            .collect();
        // Positions are still those of the old graph.
        let moved: HashMap<FrameId, &Option<MovedBody<'_>>> =
            state.frames.alive().map(|(frame, body)| (frame, &bodies[body as usize])).collect();
        let node = |frame: FrameId, node: u32| moved.get(&frame)?.as_ref()?.node(node);
        state.timers.move_nodes(node);
        state.frames.move_expecting(node);
        // What waits names variables, events and connections by position: it is found again by name, or dropped.
        state.queue.renew(|waiting| {
            let to = match waiting.to {
                None => None,
                Some((frame, waits)) => Some((frame, node(frame, waits)?)),
            };
            Some(Waiting { occurrence: moved_occurrence(waiting.occurrence, &old, &new)?, to })
        });
        // A call goes back to a node that still takes what the function gives back.
        state.frames.replace(&bodies, |function, body, call| {
            let outputs = new.bodies[body as usize].nodes[call as usize].outputs.iter().map(|output| output.data_type);
            let results = &new.functions[function as usize - 1].results;
            outputs.eq(results.iter().map(|result| result.data_type))
        });
        state.stack.clear();
        state.debug.place(&new);
        self.run(ports);
    }
}

/// The same occurrence with the positions of another graph.
fn moved_occurrence(occurrence: Occurrence, old: &Graph, new: &Graph) -> Option<Occurrence> {
    let variable_of = |index: usize| {
        let before = &old.variables[index];
        new.variables.iter().position(|one| one.name == before.name && one.data_type == before.data_type)
    };
    Some(match occurrence {
        Occurrence::Custom { event, parameters } => {
            let before = &old.events[event];
            let event = new.events.iter().position(|one| one.name == before.name)?;
            let same = new.events[event].parameters.iter().map(|parameter| parameter.data_type);
            if !same.eq(before.parameters.iter().map(|parameter| parameter.data_type)) {
                return None;
            }
            Occurrence::Custom { event, parameters }
        }
        Occurrence::Changed { variable, value } => Occurrence::Changed { variable: variable_of(variable)?, value },
        Occurrence::Set { variable, value } => Occurrence::Set { variable: variable_of(variable)?, value },
        Occurrence::Connection { connection, event } => {
            let before = &old.connections[connection];
            let connection = new.connections.iter().position(|one| one == before)?;
            Occurrence::Connection { connection, event }
        }
        other => other,
    })
}
