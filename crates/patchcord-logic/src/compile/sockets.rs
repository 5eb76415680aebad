//! The sockets of one node, from its declaration and its attributes.

use std::rc::Rc;

use super::attributes::{Attributes, Entry};
use crate::declaration::{DataSocket, NodeType, PulseSocket, Repeat, slug};
use crate::graph::{Input, Origin, Output, Parameter};
use crate::value::DataType;

/// The sockets of a node.
pub(super) struct Sockets {
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    /// Slugs; the standard input is first and has none.
    pub pulse_inputs: Vec<Rc<str>>,
    /// Slugs; the standard output is first and has none.
    pub pulse_outputs: Vec<Rc<str>>,
}

/// Makes the sockets of a node.
pub(super) fn of(node_type: &'static NodeType, attributes: &Attributes<'_>) -> Sockets {
    let mut sockets = Sockets {
        inputs: Vec::new(),
        outputs: Vec::new(),
        pulse_inputs: vec![Rc::from("")],
        pulse_outputs: vec![Rc::from("")],
    };
    for socket in node_type.inputs {
        each_data(socket, attributes, |name, data_type, default| {
            let value = match (socket.attribute, default) {
                (Some(attribute), _) => attributes.value(attribute),
                (None, Some(parameter)) => parameter.default.clone(),
                (None, None) => data_type.zero(),
            };
            // The attribute of an input is of the same type, or of one that becomes it.
            let value = crate::convert::convert(&value, data_type).unwrap_or_else(|_| data_type.zero());
            sockets.inputs.push(Input { name: Rc::from(name), data_type, origin: Origin::Literal(value) });
        });
    }
    for socket in node_type.outputs {
        each_data(socket, attributes, |name, data_type, _| {
            sockets.outputs.push(Output { name: Rc::from(name), data_type });
        });
    }
    sockets.pulse_inputs.extend(pulses(node_type.pulse_inputs, attributes));
    sockets.pulse_outputs.extend(pulses(node_type.pulse_outputs, attributes));
    sockets
}

fn each_data(
    socket: &'static DataSocket,
    attributes: &Attributes<'_>,
    mut make: impl FnMut(String, DataType, Option<&Parameter>),
) {
    let base = slug(socket.name);
    let data_type = |entry: Option<&Entry>| attributes.socket_type(socket.data_type, entry);
    match socket.repeat {
        Repeat::Once => make(base, data_type(None), None),
        Repeat::Count(count) => {
            for number in 1..=attributes.int(count) {
                make(format!("{base}_{number}"), data_type(None), None);
            }
        }
        Repeat::Entries(list) => {
            for (index, entry) in attributes.entries(list).iter().enumerate() {
                make(format!("{base}_{}", index + 1), data_type(Some(entry)), None);
            }
        }
        Repeat::Named { list, field, only } => {
            for entry in named(attributes, list, only) {
                make(format!("{base}.{}", entry_name(entry, field)), data_type(Some(entry)), None);
            }
        }
        Repeat::EventParameters(attribute) => {
            let event = attributes.graph.events.get(attributes.index(attribute));
            for parameter in event.map_or(&[][..], |event| &event.parameters) {
                make(slug(&parameter.name), parameter.data_type, Some(parameter));
            }
        }
        Repeat::FunctionParameters(attribute) | Repeat::FunctionResults(attribute) => {
            let function = function_of(attributes, attribute).and_then(|index| attributes.graph.functions.get(index));
            let takes = matches!(socket.repeat, Repeat::FunctionParameters(_));
            let parameters = function.map_or(&[][..], |one| if takes { &one.parameters } else { &one.results });
            for parameter in parameters {
                make(slug(&parameter.name), parameter.data_type, Some(parameter));
            }
        }
    }
}

/// The function that an attribute names, or the one that the node is in.
fn function_of(attributes: &Attributes<'_>, attribute: &str) -> Option<usize> {
    if attribute.is_empty() { attributes.function } else { Some(attributes.index(attribute)) }
}

fn pulses(declared: &'static [PulseSocket], attributes: &Attributes<'_>) -> Vec<Rc<str>> {
    let mut slugs = Vec::new();
    for socket in declared {
        let base = slug(socket.name);
        match socket.repeat {
            Repeat::Once => slugs.push(Rc::from(base)),
            Repeat::Count(count) => {
                slugs.extend((1..=attributes.int(count)).map(|number| Rc::from(format!("{base}.{number}"))));
            }
            Repeat::Entries(list) => {
                let count = attributes.entries(list).len();
                slugs.extend((1..=count).map(|number| Rc::from(format!("{base}.{number}"))));
            }
            Repeat::Named { list, field, only } => {
                for entry in named(attributes, list, only) {
                    slugs.push(Rc::from(format!("{base}.{}", entry_name(entry, field))));
                }
            }
            Repeat::EventParameters(_) | Repeat::FunctionParameters(_) | Repeat::FunctionResults(_) => {}
        }
    }
    slugs
}

fn named<'a>(
    attributes: &Attributes<'a>,
    list: &str,
    only: Option<(&'static str, &'static [&'static str])>,
) -> impl Iterator<Item = &'a Entry> {
    attributes.entries(list).iter().filter(move |entry| match only {
        Some((field, allowed)) => allowed.contains(&&*entry.text(field)),
        None => true,
    })
}

/// What an entry is called in a socket's name.
fn entry_name(entry: &Entry, field: &str) -> Rc<str> {
    entry.text(field)
}
