//! `docs/logic-nodes.md`: every node of logic graphs, from its declaration.

use std::fmt::Write;

use patchcord_logic::declaration::{
    Attribute, AttributeKind, DataSocket, Default, Field, FieldKind, NodeType, PulseSocket, Repeat, Shape, SocketType,
    slug,
};
use patchcord_logic::nodes;

use super::{NOTE, cell};

const INTRODUCTION: &str = "\
# Nodes of logic graphs

Every node, in the order of the toolbox. [Logic graphs](logic.md) says how they are written and run. A row's name is what a graph file
says behind `set.` (attributes and inputs), `from.` (inputs), `on.` (pulse outputs), and behind the point of a wire (outputs). N stands
for a number from 1.
";

/// The page.
pub(super) fn page() -> String {
    let mut out = format!("{NOTE}\n\n{INTRODUCTION}");
    let mut group = "";
    for node_type in nodes::ALL {
        if node_type.group != group {
            group = node_type.group;
            let _ = writeln!(out, "\n## {}", group.replace('/', " › "));
        }
        describe(&mut out, node_type);
    }
    out
}

fn describe(out: &mut String, node_type: &NodeType) {
    let _ = writeln!(out, "\n### {}\n\n{}", node_type.title, node_type.help);
    let pulses = match node_type.shape {
        Shape::Action => "► in, ► out",
        Shape::Fork | Shape::End => "► in",
        Shape::Join | Shape::Event => "► out",
        Shape::EventFork => "an event",
        Shape::Value => "no pulse",
    };
    let _ = writeln!(out, "\n{pulses}; in: {}.", node_type.scopes.names().join(", "));
    if node_type.attributes.is_empty()
        && node_type.inputs.is_empty()
        && node_type.outputs.is_empty()
        && node_type.pulse_inputs.is_empty()
        && node_type.pulse_outputs.is_empty()
    {
        return;
    }
    out.push_str("\n| | name | type | default | |\n|---|---|---|---|---|\n");
    for attribute in node_type.attributes {
        attribute_row(out, attribute);
    }
    for socket in node_type.pulse_inputs {
        pulse_row(out, "pulse in", socket);
    }
    for socket in node_type.inputs {
        data_row(out, "input", socket);
    }
    for socket in node_type.pulse_outputs {
        pulse_row(out, "pulse out", socket);
    }
    for socket in node_type.outputs {
        data_row(out, "output", socket);
    }
}

fn row(out: &mut String, cells: [&str; 5]) {
    let cells = cells.map(cell);
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn attribute_row(out: &mut String, attribute: &Attribute) {
    let kind = match attribute.kind {
        AttributeKind::Bool => "Bool".to_owned(),
        AttributeKind::Int { min, max: i64::MAX } => format!("Int from {min}"),
        AttributeKind::Int { min, max } => format!("Int, {min} to {max}"),
        AttributeKind::Float => "Float".to_owned(),
        AttributeKind::Text => "String".to_owned(),
        AttributeKind::Choice(choices) => choices.join(", "),
        AttributeKind::Type([]) => "a data type".to_owned(),
        AttributeKind::Type(types) => types.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
        AttributeKind::Value(data_type) => type_text(data_type),
        AttributeKind::Connection(family) => format!("a connection: {}", family.label()),
        AttributeKind::Variable => "a variable".to_owned(),
        AttributeKind::Event => "a custom event".to_owned(),
        AttributeKind::Function => "a function".to_owned(),
        AttributeKind::List([field]) => format!("a list: {}", field_text(field)),
        AttributeKind::List(fields) => {
            format!("a list of {{ {} }}", fields.iter().map(field_text).collect::<Vec<_>>().join(", "))
        }
    };
    let default = match attribute.default {
        Default::Required => "has to be set".to_owned(),
        Default::Zero => String::new(),
        Default::Bool(flag) => format!("`{flag}`"),
        Default::Int(number) => format!("`{number}`"),
        Default::Float(number) => format!("`{number}`"),
        Default::Text(text) => format!("`\"{text}\"`"),
        Default::Type(data_type) => format!("`\"{data_type}\"`"),
    };
    row(out, ["attribute", &format!("`{}`", slug(attribute.name)), &kind, &default, attribute.help]);
}

fn field_text(field: &Field) -> String {
    let kind = match field.kind {
        FieldKind::Bool => "Bool",
        FieldKind::Text => "String",
        FieldKind::Choice(choices) => return format!("{}: {}", slug(field.name), choices.join(", ")),
        FieldKind::Type => "a data type",
        FieldKind::ValueOf(_) | FieldKind::ValueOfField(_) => "a value of the type",
    };
    format!("{}: {kind}", slug(field.name))
}

fn type_text(data_type: SocketType) -> String {
    match data_type {
        SocketType::Is(data_type) => data_type.name().to_owned(),
        SocketType::Of(attribute) => format!("`{}`", slug(attribute)),
        SocketType::OfVariable(_) => "that of the variable".to_owned(),
        SocketType::OfField(_) => "that of its entry".to_owned(),
    }
}

fn data_row(out: &mut String, what: &str, socket: &DataSocket) {
    let name = match socket.repeat {
        Repeat::Once => slug(socket.name),
        Repeat::Count(_) | Repeat::Entries(_) => format!("{}_N", slug(socket.name)),
        Repeat::Named { .. } => format!("{}.NAME", slug(socket.name)),
        Repeat::EventParameters(_) | Repeat::FunctionParameters(_) | Repeat::FunctionResults(_) => {
            "its name".to_owned()
        }
    };
    let default = socket.attribute.map(|attribute| format!("`{}`", slug(attribute))).unwrap_or_default();
    row(out, [what, &format!("`{name}`"), &type_text(socket.data_type), &default, socket.help]);
}

fn pulse_row(out: &mut String, what: &str, socket: &PulseSocket) {
    let name = match socket.repeat {
        Repeat::Once => slug(socket.name),
        Repeat::Named { .. } => format!("{}.VALUE", slug(socket.name)),
        _ => format!("{}.N", slug(socket.name)),
    };
    row(out, [what, &format!("`{name}`"), "►", "", socket.help]);
}
