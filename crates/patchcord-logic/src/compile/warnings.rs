//! What runs and is still likely wrong (reference §6).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::convert::to_text;
use crate::declaration::{Shape, SocketType, slug};
use crate::finding::Findings;
use crate::graph::{Body, Graph, Listen, Node, Origin};
use crate::source::{NodeSource, Source};
use crate::value::DataType;

/// Looks at a graph that is complete.
pub(super) fn look(graph: &Graph, source: &Source, findings: &mut Findings) {
    look_at(&graph.bodies[0], &source.nodes, findings);
    for (function, body) in source.functions.iter().zip(graph.bodies.iter().skip(1)) {
        look_at(body, &function.nodes, findings);
    }
    calls(graph, source, findings);
    subscriptions(graph, &source.nodes, findings);
    findings.node.clear();
}

fn look_at(body: &Body, written: &[NodeSource], findings: &mut Findings) {
    let places: HashMap<&str, &NodeSource> = written.iter().map(|source| (source.id.value.as_str(), source)).collect();
    let place = |node: &Node| places.get(&*node.id).map_or(0..0, |source| source.id.span.clone());
    unreachable(body, &place, findings);
    nothing_behind(body, &place, findings);
    handles(body, &place, findings);
    cycles(body, &place, findings);
    start_trap(body, &places, findings);
}

/// Nodes that no event reaches.
fn unreachable(body: &Body, place: &dyn Fn(&Node) -> Range<usize>, findings: &mut Findings) {
    let mut reached = vec![false; body.nodes.len()];
    let mut open: Vec<u32> = body.entry.into_iter().collect();
    open.extend(
        (0..body.nodes.len() as u32).filter(|index| body.nodes[*index as usize].behaviour.listens() != Listen::Nothing),
    );
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut reached[index as usize], true) {
            open.extend(body.nodes[index as usize].targets.iter().flatten().map(|target| target.node));
        }
    }
    // A stored value is read without a pulse.
    let mut read = HashSet::new();
    for node in &body.nodes {
        read.extend(node.inputs.iter().filter_map(|input| match input.origin {
            Origin::Slot(slot) => Some(slot),
            _ => None,
        }));
    }
    for (node, reached) in body.nodes.iter().zip(reached) {
        let is_stored = node.node_type.stored.is_some() && read.contains(&node.first_slot);
        if !reached && !is_stored && node.node_type.shape != Shape::Value {
            findings.node = node.label.to_string();
            let help = "let a pulse lead to it, from the `next` or `on` of a node that an event reaches";
            findings.warning(
                place(node),
                format!("\"{}\" is never run: no event leads to it", node.id),
                help.to_owned(),
            );
        }
    }
}

/// Routes and topics that are taken and lead nowhere: a request would wait for an answer in vain.
fn nothing_behind(body: &Body, place: &dyn Fn(&Node) -> Range<usize>, findings: &mut Findings) {
    for node in body.nodes.iter().filter(|node| node.enabled && node.node_type.shape == Shape::EventFork) {
        findings.node = node.label.to_string();
        for (name, target) in node.pulse_outputs.iter().zip(&node.targets).skip(1) {
            if target.is_none() {
                findings.warning(place(node), format!("nothing is behind \"{name}\""), format!("on.{name} = \"ID\""));
            }
        }
    }
}

/// Handles that no wire brings: nothing can be written for one.
fn handles(body: &Body, place: &dyn Fn(&Node) -> Range<usize>, findings: &mut Findings) {
    for node in &body.nodes {
        let is_handle = |data_type| matches!(data_type, DataType::CustomId | DataType::InstanceId);
        for socket in node.node_type.inputs {
            let SocketType::Is(data_type) = socket.data_type else { continue };
            let name = slug(socket.name);
            let input = node.inputs.iter().find(|input| *input.name == *name && is_handle(data_type));
            if input.is_some_and(|input| matches!(input.origin, Origin::Literal(_))) {
                findings.node = node.label.to_string();
                let text = format!("no wire leads to \"{name}\", and without it the node does nothing");
                findings.warning(
                    place(node),
                    text,
                    format!("from.{name} = \"ID.{name}\"; it comes {}", from(socket.help)),
                );
            }
        }
    }
}

/// The help of a handle says where it is from.
fn from(help: &str) -> String {
    help.trim_end_matches('.').replacen("From", "from", 1)
}

/// Calls whose pulse never goes on.
fn calls(graph: &Graph, source: &Source, findings: &mut Findings) {
    let ends: Vec<bool> = graph.bodies[1..]
        .iter()
        .map(|body| body.nodes.iter().any(|node| node.node_type.title == "Function Output"))
        .collect();
    let written = std::iter::once(&source.nodes).chain(source.functions.iter().map(|function| &function.nodes));
    for (body, written) in graph.bodies.iter().zip(written) {
        for node in body.nodes.iter().filter(|node| node.targets[0].is_some()) {
            let Some(function) = node.behaviour.calls().filter(|function| ends.get(*function) == Some(&false)) else {
                continue;
            };
            let name = &graph.functions[function].name;
            let span = written.iter().find(|one| one.id.value == *node.id).map_or(0..0, |one| one.id.span.clone());
            findings.node = node.label.to_string();
            let text = format!("what is behind it is never run: the function \"{name}\" has no Function Output");
            findings.warning(
                span,
                text,
                format!("let a branch of \"{name}\" end in a node of type = \"Function Output\""),
            );
        }
    }
}

/// Circles of pulses in which nothing waits.
fn cycles(body: &Body, place: &dyn Fn(&Node) -> Range<usize>, findings: &mut Findings) {
    // Depth first with a stack of its own, since chains are long: 0 new, 1 on the way, 2 done.
    let mut states = vec![0_u8; body.nodes.len()];
    for start in 0..body.nodes.len() {
        if states[start] != 0 {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        states[start] = 1;
        while let Some((index, output)) = path.last_mut() {
            let node = &body.nodes[*index];
            let Some(target) = node.targets.get(*output) else {
                states[*index] = 2;
                path.pop();
                continue;
            };
            let waits = node.node_type.later.contains(&pulse_name(node, *output));
            *output += 1;
            let Some(target) = target.filter(|_| !waits).map(|target| target.node as usize) else { continue };
            match states[target] {
                0 => {
                    states[target] = 1;
                    path.push((target, 0));
                }
                1 => {
                    let from = path.iter().position(|(index, _)| *index == target).unwrap_or(0);
                    let ids: Vec<&str> = path[from..].iter().map(|(index, _)| &*body.nodes[*index].id).collect();
                    findings.node = body.nodes[target].label.to_string();
                    findings.warning(
                        place(&body.nodes[target]),
                        format!("pulses go in a circle in which nothing waits: {}", ids.join(" → ")),
                        "a Start Timeout in it gives others a turn; otherwise it is stopped after a million nodes"
                            .to_owned(),
                    );
                }
                _ => {}
            }
        }
    }
}

/// The declared name of a pulse output; empty for the standard one.
fn pulse_name(node: &Node, output: usize) -> &'static str {
    if output == 0 {
        return "";
    }
    let name = &*node.pulse_outputs[output];
    let base = name.split_once('.').map_or(name, |(base, _)| base);
    let declared = node.node_type.pulse_outputs.iter().find(|socket| slug(socket.name) == base);
    declared.map_or("?", |socket| socket.name)
}

/// A Start whose own pulse leads to something that needs the connection (reference §5: the start/stop trap), also by way of
/// other nodes, as long as nothing waits in between.
fn start_trap(body: &Body, places: &HashMap<&str, &NodeSource>, findings: &mut Findings) {
    for node in &body.nodes {
        let title = node.node_type.title;
        // What UDP sends, it opens its socket for.
        if !title.ends_with(" Start") || title == "UDP Start" || node.node_type.shape != Shape::Action {
            continue;
        }
        let needs = |other: &Node| {
            [" Send", " Publish"].iter().any(|end| other.node_type.title.ends_with(end))
                && other.node_type.group == node.node_type.group
                && other.behaviour.connection() == node.behaviour.connection()
        };
        let Some(sends) = behind(body, node).find(|other| needs(other)) else { continue };
        let span = places
            .get(&*node.id)
            .map_or(0..0, |source| source.next.as_ref().map_or(source.id.span.clone(), |next| next.span.clone()));
        findings.node = node.label.to_string();
        findings.warning(
            span,
            format!("\"{}\" runs when the connection has been asked for, not when it is there", sends.id),
            format!("put \"{}\" behind On {}", sends.id, title.replace(" Client", "")),
        );
    }
}

/// The nodes that run in the same branch as a node, behind it.
fn behind<'a>(body: &'a Body, node: &'a Node) -> impl Iterator<Item = &'a Node> {
    let mut seen = HashSet::new();
    let mut open = vec![node];
    std::iter::from_fn(move || {
        let node = open.pop()?;
        for (output, target) in node.targets.iter().enumerate() {
            let waits = node.node_type.later.contains(&pulse_name(node, output));
            if let Some(target) = target.filter(|target| !waits && seen.insert(target.node)) {
                open.push(&body.nodes[target.node as usize]);
            }
        }
        open.last().copied()
    })
}

/// Events of Socket.IO that nobody has subscribed to.
fn subscriptions(graph: &Graph, written: &[NodeSource], findings: &mut Findings) {
    let body = &graph.bodies[0];
    let places: HashMap<&str, &NodeSource> = written.iter().map(|source| (source.id.value.as_str(), source)).collect();
    for node in &body.nodes {
        let Listen::Received(connection) = node.behaviour.listens() else { continue };
        if node.node_type.title != "On Socket.IO Receive" {
            continue;
        }
        let name = graph.connections[connection].1.clone();
        let subscribes: Vec<&Node> = body
            .nodes
            .iter()
            .filter(|one| {
                one.node_type.title == "Socket.IO Subscribe" && one.behaviour.connection() == Some(connection)
            })
            .collect();
        let place = places.get(&*node.id).map_or(0..0, |source| source.id.span.clone());
        findings.node = node.label.to_string();
        if subscribes.is_empty() {
            // A subscription is the connection's, and other graphs are not known here.
            let text = format!(
                "nothing arrives here unless another graph subscribes: this one has no Socket.IO Subscribe for \"{name}\""
            );
            findings.warning(place, text, "run Socket.IO Subscribe behind On Socket.IO Start".to_owned());
            continue;
        }
        // Cases of the Switch behind it that are no subscribed name; only when all names are written out.
        let mut names = HashSet::new();
        let all_written = subscribes.iter().all(|one| match &one.inputs[0].origin {
            Origin::Literal(name) => {
                names.insert(to_text(name));
                true
            }
            _ => false,
        });
        let trigger_name = node.first_slot + 1;
        if !all_written {
            continue;
        }
        let switches = body.nodes.iter().filter(|one| {
            one.node_type.title == "Switch"
                && one
                    .inputs
                    .first()
                    .is_some_and(|input| matches!(input.origin, Origin::Slot(slot) if slot == trigger_name))
        });
        for switch in switches {
            for case in switch.pulse_outputs.iter().filter_map(|name| name.strip_prefix("case.")) {
                if !names.contains(case) {
                    let place = places.get(&*switch.id).map_or(0..0, |source| source.id.span.clone());
                    findings.node = switch.label.to_string();
                    findings.hint(place, format!("no Socket.IO Subscribe names the event \"{case}\""), None);
                }
            }
        }
    }
}
