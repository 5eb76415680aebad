//! Wires: where the pulses of a node go, and where its inputs come from.

use super::{Compiler, nearest};
use crate::convert::can_convert;
use crate::declaration::{AttributeKind, SocketType, slug};
use crate::finding::suggestion;
use crate::graph::{Body, Node, Origin, Target};
use crate::source::{Name, NodeSource};
use crate::value::DataType;

impl Compiler<'_> {
    /// Joins one node to the others of its body.
    pub(super) fn wires(&mut self, source: &NodeSource, index: usize, body: &mut Body) {
        let shape = body.nodes[index].node_type.shape;
        let is_broken = self.broken.contains(&body.nodes[index].id);
        if let Some(next) = &source.next {
            if shape.has_output() {
                body.nodes[index].targets[0] = self.target(next, body);
            } else {
                let title = body.nodes[index].node_type.title;
                let names: Vec<String> =
                    body.nodes[index].pulse_outputs.iter().skip(1).map(|name| format!("on.{name}")).collect();
                let help = (!names.is_empty()).then(|| format!("it has {}", names.join(", ")));
                self.findings.error(next.span.clone(), format!("\"{title}\" has no standard pulse output"), help);
            }
        }
        for (name, end) in &source.on {
            let found = body.nodes[index].pulse_outputs.iter().skip(1).position(|one| **one == *name.value);
            match found {
                Some(output) => body.nodes[index].targets[output + 1] = self.target(end, body),
                None if is_broken => {}
                None => {
                    let outputs = body.nodes[index].pulse_outputs.iter().skip(1).map(|one| &**one);
                    let text =
                        format!("\"{}\" has no pulse output \"{}\"", body.nodes[index].node_type.title, name.value);
                    let help = help_for(&name.value, outputs, "on");
                    self.findings.error(name.span.clone(), text, help);
                }
            }
        }
        for (name, end) in &source.from {
            let found = body.nodes[index].inputs.iter().position(|one| *one.name == *name.value);
            let Some(input) = found else {
                if is_broken {
                    continue;
                }
                let inputs = body.nodes[index].inputs.iter().map(|one| &*one.name);
                let text = format!("\"{}\" has no input \"{}\"", body.nodes[index].node_type.title, name.value);
                let help = help_for(&name.value, inputs, "from");
                self.findings.error(name.span.clone(), text, help);
                continue;
            };
            if let Some(origin) = self.origin(end, &body.nodes[index], input, is_broken, body) {
                body.nodes[index].inputs[input].origin = origin;
            }
            // An attribute of the same name is what the input is while no wire leads to it.
            let is_attribute = body.nodes[index].node_type.attributes.iter().any(|one| slug(one.name) == name.value);
            if let Some((set, _)) = source.set.iter().find(|(set, _)| set.value == name.value && !is_attribute) {
                let text = format!("a wire leads to \"{}\": what is set for it never counts", name.value);
                self.findings.warning(set.span.clone(), text, format!("keep `from.{0}` or `set.{0}`", name.value));
            }
        }
    }

    /// The pulse input at the end of a wire: `node`, or `node.input`.
    fn target(&mut self, end: &Name, body: &Body) -> Option<Target> {
        let (id, input) = match end.value.split_once('.') {
            Some((id, input)) => (id, Some(input)),
            None => (end.value.as_str(), None),
        };
        let Some(index) = body.ids.get(id).copied() else {
            self.no_node(id, end, body);
            return None;
        };
        let node = &body.nodes[index as usize];
        let position = match input {
            None if node.node_type.shape.has_input() => Some(0),
            None => None,
            Some(input) => node.pulse_inputs.iter().skip(1).position(|one| **one == *input).map(|found| found + 1),
        };
        if position.is_none() && !self.broken.contains(id) {
            let names: Vec<String> = node.pulse_inputs.iter().skip(1).map(|name| format!("\"{id}.{name}\"")).collect();
            let text = match input {
                Some(input) => format!("\"{id}\" ({}) has no pulse input \"{input}\"", node.node_type.title),
                None => format!("no pulse can lead to \"{id}\" ({})", node.node_type.title),
            };
            let help = match names.is_empty() {
                true if node.node_type.shape.has_input() => Some(format!("\"{id}\" alone is its pulse input")),
                true => None,
                false => Some(format!("its pulse inputs are {}", names.join(", "))),
            };
            self.findings.error(end.span.clone(), text, help);
        }
        position.map(|input| Target { node: index, input: input as u16 })
    }

    /// Where the data of a wire comes from: `node.output`, or `var.name`.
    fn origin(&mut self, end: &Name, to: &Node, input: usize, is_broken: bool, body: &Body) -> Option<Origin> {
        let data_type = to.inputs[input].data_type;
        let Some((id, output)) = end.value.split_once('.') else {
            let help = body
                .node(&end.value)
                .and_then(|node| node.outputs.first())
                .map(|output| format!("\"{}.{}\"", end.value, output.name));
            let text = "data comes from an output, \"node.output\", or a variable, \"var.name\"";
            self.findings.error(end.span.clone(), text, help);
            return None;
        };
        let (origin, from) = if id == "var" {
            let Some(index) = self.graph.variables.iter().position(|variable| *variable.name == *output) else {
                let help = suggestion(nearest(output, self.graph.variables.iter().map(|one| &*one.name)));
                self.findings.error(end.span.clone(), format!("there is no variable \"{output}\""), help);
                return None;
            };
            (Origin::Variable(index as u32), self.graph.variables[index].data_type)
        } else {
            let Some(node) = body.node(id) else {
                self.no_node(id, end, body);
                return None;
            };
            let Some(index) = node.outputs.iter().position(|one| *one.name == *output) else {
                if self.broken.contains(id) {
                    return None;
                }
                let text = format!("\"{id}\" ({}) has no output \"{output}\"", node.node_type.title);
                let help = help_for(output, node.outputs.iter().map(|one| &*one.name), id);
                self.findings.error(end.span.clone(), text, help);
                return None;
            };
            let socket = &node.outputs[index];
            // A getter is its variable: it needs no pulse.
            let origin = match node.behaviour.reads_variable() {
                Some(variable) => Origin::Variable(variable as u32),
                None => Origin::Slot(node.first_slot + index as u32),
            };
            (origin, socket.data_type)
        };
        if !from.fits(data_type) {
            if is_broken || self.broken.contains(id) {
                return None;
            }
            let text = format!("\"{}\" is {from}, and the input takes {data_type}", end.value);
            let own = type_attribute(to, input, from).map(|name| format!("set.{name} = \"{from}\" here, or "));
            let between = can_convert(from, data_type).then(|| {
                format!(
                    "put a node between them: type = \"Conversion\", set.input_data_type = \"{from}\", set.output_data_type = \"{data_type}\""
                )
            });
            let help = match (own, between) {
                (Some(own), Some(between)) => own + &between,
                (Some(own), None) => own.trim_end_matches(", or ").to_owned(),
                (None, Some(between)) => between,
                (None, None) => format!("{from} cannot become {data_type}"),
            };
            self.findings.error(end.span.clone(), text, Some(help));
            return None;
        }
        Some(origin)
    }

    fn no_node(&mut self, id: &str, end: &Name, body: &Body) {
        if self.broken.contains(id) {
            return;
        }
        let help = suggestion(nearest(id, body.ids.keys().map(|id| &**id)));
        self.findings.error(end.span.clone(), format!("there is no node \"{id}\""), help);
    }
}

/// The attribute that gives an input its type, as the file names it, where it can be set to another.
fn type_attribute(node: &Node, input: usize, to: DataType) -> Option<String> {
    let base = node.inputs[input].name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    let socket = node.node_type.inputs.iter().find(|socket| slug(socket.name) == base)?;
    let SocketType::Of(name) = socket.data_type else { return None };
    let attribute = node.node_type.attribute(name)?;
    let AttributeKind::Type(choices) = attribute.kind else { return None };
    (choices.is_empty() || choices.contains(&to)).then(|| slug(name))
}

fn help_for<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone, prefix: &str) -> Option<String> {
    suggestion(nearest(name, names.clone())).or_else(|| {
        let names: Vec<String> = names.map(|one| format!("{prefix}.{one}")).collect();
        (!names.is_empty()).then(|| format!("there is {}", names.join(", ")))
    })
}
