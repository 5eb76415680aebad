//! The console (reference §4.6, §5).

use crate::convert::to_text;
use crate::declaration::{Attribute, AttributeKind, Behaviour, DataSocket, Default, NodeType, SocketType};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::ports::Level;
use crate::value::DataType;

/// Console.
pub static CONSOLE: NodeType = NodeType {
    title: "Console",
    group: "Development",
    help: "Prints a value in the console, and passes it on.",
    attributes: &[
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::String),
            "The type of the value.",
        ),
        Attribute::new(
            "Type",
            AttributeKind::Choice(&["Debug", "Info", "Warning", "Error"]),
            Default::Text("Debug"),
            "How the line is shown.",
        ),
        Attribute::new(
            "Value",
            AttributeKind::Value(SocketType::Of("Data Type")),
            Default::Text("Hello World!"),
            "What Input is while no wire leads to it.",
        ),
    ],
    inputs: &[DataSocket::of("Input", "Data Type", "What is printed.").or("Value")],
    outputs: &[DataSocket::of("Output", "Data Type", "The same value.")],
    build: |attributes| {
        let level = match &*attributes.text("Type") {
            "Info" => Level::Info,
            "Warning" => Level::Warning,
            "Error" => Level::Error,
            _ => Level::Debug,
        };
        Ok(Box::new(Console { level }))
    },
    ..NODE
};

/// Clear Console.
pub static CLEAR_CONSOLE: NodeType = NodeType {
    title: "Clear Console",
    group: "Development",
    help: "Empties the console.",
    build: |_| Ok(Box::new(ClearConsole)),
    ..NODE
};

struct Console {
    level: Level,
}

impl Behaviour for Console {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let value = turn.input(0).clone();
        turn.say(self.level, &to_text(&value));
        turn.set(0, value);
        Ok(Flow::Next)
    }
}

struct ClearConsole;

impl Behaviour for ClearConsole {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        turn.ports().clear_console();
        Ok(Flow::Next)
    }
}
