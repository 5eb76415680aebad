//! Another graph takes the place of the one that runs: what has the same name goes on.

use std::rc::Rc;

use super::{Engine, Waiting};
use crate::graph::Graph;
use crate::ports::{Occurrence, Ports};

impl Engine {
    /// Takes another graph. Nodes of the graph's own body that have the same id and type keep the values of outputs that
    /// have the same name and type, their time-outs, intervals and answers under way; variables of the same name, type
    /// and initial value keep what they hold. Calls of functions that have not ended do so without a result. Listeners of
    /// the beginning are not run again.
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
        let (before, after) = (&old.bodies[0], &new.bodies[0]);
        let mut slots = after.initial.clone();
        for node in &after.nodes {
            let Some(same) = before.node(&node.id).filter(|same| std::ptr::eq(same.node_type, node.node_type)) else {
                continue;
            };
            for (index, output) in node.outputs.iter().enumerate() {
                let slot = &mut slots[node.first_slot as usize + index];
                // What is written in the file holds.
                if slot.is_some() {
                    continue;
                }
                let kept =
                    same.outputs.iter().position(|one| one.name == output.name && one.data_type == output.data_type);
                if let Some(kept) = kept {
                    *slot = state.frames.slot(super::FrameId::MAIN, same.first_slot + kept as u32).cloned();
                }
            }
        }
        let moved = |node: u32| {
            let node = &before.nodes[node as usize];
            let index = *after.ids.get(&node.id)?;
            std::ptr::eq(after.nodes[index as usize].node_type, node.node_type).then_some(index)
        };
        state.timers.move_nodes(moved);
        state.frames.move_expecting(moved);
        state.frames.replace_main(slots);
        state.stack.clear();
        // What waits names variables, events and connections by position: it is found again by name, or dropped.
        state.queue = std::mem::take(&mut state.queue)
            .into_iter()
            .filter_map(|waiting| {
                let to = match waiting.to {
                    None => None,
                    Some((frame, node)) => Some((frame, moved(node).filter(|_| frame == super::FrameId::MAIN)?)),
                };
                Some(Waiting { occurrence: moved_occurrence(waiting.occurrence, &old, &new)?, to })
            })
            .collect();
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
