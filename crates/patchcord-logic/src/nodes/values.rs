//! Constants (reference §4.6): they may be read without ever being run.

use crate::declaration::{Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, SocketType};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::value::DataType;

/// String Value.
pub static STRING_VALUE: NodeType = NodeType {
    title: "String Value",
    group: "Values",
    help: "A text. It may be read without a pulse.",
    attributes: &[Attribute::new(
        "Value",
        AttributeKind::Value(SocketType::Is(DataType::String)),
        Default::Zero,
        "The text.",
    )],
    inputs: &[DataSocket::new("Input", DataType::String, "Another text, taken when a pulse comes.").or("Value")],
    outputs: &[DataSocket::new("Output", DataType::String, "The text.")],
    stored: Some("Value"),
    build: |_| Ok(Box::new(Constant)),
    ..NODE
};

/// Bool Value.
pub static BOOL_VALUE: NodeType = NodeType {
    title: "Bool Value",
    group: "Values",
    help: "True or false. It may be read without a pulse.",
    attributes: &[Attribute::new(
        "Default Value",
        AttributeKind::Value(SocketType::Is(DataType::Bool)),
        Default::Bool(false),
        "The value.",
    )],
    inputs: &[DataSocket::new("Input", DataType::Bool, "Another value, taken when a pulse comes.").or("Default Value")],
    outputs: &[DataSocket::new("Output", DataType::Bool, "The value.")],
    stored: Some("Default Value"),
    build: |_| Ok(Box::new(Constant)),
    ..NODE
};

/// Numerical Value.
pub static NUMERICAL_VALUE: NodeType = NodeType {
    title: "Numerical Value",
    group: "Values",
    help: "A number. It may be read without a pulse.",
    attributes: &[
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[DataType::Int, DataType::Float, DataType::Byte]),
            Default::Type(DataType::Int),
            "The type of the number.",
        ),
        Attribute::new("Value", AttributeKind::Value(SocketType::Of("Data Type")), Default::Zero, "The number."),
    ],
    inputs: &[DataSocket::of("Input", "Data Type", "Another number, taken when a pulse comes.").or("Value")],
    outputs: &[DataSocket::of("Output", "Data Type", "The number.")],
    stored: Some("Value"),
    build: |_| Ok(Box::new(Constant)),
    ..NODE
};

struct Constant;

impl Behaviour for Constant {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let value = turn.input(0).clone();
        turn.set(0, value);
        Ok(Flow::Next)
    }
}
