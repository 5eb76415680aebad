//! The patch around a graph: parameters, texts, tables, channels. A group of our own, since Incari has no patch.
//!
//! Paths are those of the component that holds the graph: `table1` inside it, `../table1` beside it, `/project1/table1`.

use std::rc::Rc;

use crate::convert::{convert, to_text};
use crate::declaration::{Attribute, AttributeKind, DataSocket, Default, NodeType, Scopes, SocketType};
use crate::engine::{Failure, Turn};
use crate::nodes::NODE;
use crate::nodes::work::{fail, work};
use crate::ports::PatchRequest;
use crate::value::{DataType, Value};

const TEXT: AttributeKind = AttributeKind::Value(SocketType::Is(DataType::String));

const OPERATOR: Attribute =
    Attribute::new("Operator", TEXT, Default::Zero, "What Operator is while no wire leads to it.");
const OPERATOR_IN: DataSocket = DataSocket::new(
    "Operator",
    DataType::String,
    "Path of the operator, from the graph: \"../table1\" is one beside it.",
)
.or("Operator");
const PARAMETER: Attribute =
    Attribute::new("Parameter", TEXT, Default::Zero, "What Parameter is while no wire leads to it.");
const PARAMETER_IN: DataSocket =
    DataSocket::new("Parameter", DataType::String, "Script name of the parameter.").or("Parameter");
const ROW: Attribute = Attribute::new(
    "Row",
    AttributeKind::Value(SocketType::Is(DataType::Any)),
    Default::Zero,
    "What Row is while no wire leads to it.",
);
const ROW_IN: DataSocket = DataSocket::new(
    "Row",
    DataType::Any,
    "An Int (from 0, or from the end: -1 is the last), or the name in the row's first cell.",
)
.or("Row");
const COLUMN: Attribute = Attribute::new(
    "Column",
    AttributeKind::Value(SocketType::Is(DataType::Any)),
    Default::Zero,
    "What Column is while no wire leads to it.",
);
const COLUMN_IN: DataSocket = DataSocket::new(
    "Column",
    DataType::Any,
    "An Int (from 0, or from the end: -1 is the last), or the name in the column's first cell.",
)
.or("Column");

/// What the nodes share.
const PATCH: NodeType = NodeType { group: "Patch", scopes: Scopes::NO_PREFAB, ..NODE };

/// Sets output 0 to a value, converted to the output's type.
fn hand_out(turn: &mut Turn<'_>, value: &Value) -> Result<(), Failure> {
    let to = turn.output_type(0);
    match convert(value, to) {
        Ok(value) => {
            turn.set(0, value);
            Ok(())
        }
        Err(error) => {
            turn.set(0, to.zero());
            fail(error.to_string())
        }
    }
}

/// Get Parameter.
pub static GET_PARAMETER: NodeType = NodeType {
    title: "Get Parameter",
    help: "The value of a parameter of an operator.",
    attributes: &[
        OPERATOR,
        PARAMETER,
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::String),
            "The type that it is wanted as.",
        ),
    ],
    inputs: &[OPERATOR_IN, PARAMETER_IN],
    outputs: &[DataSocket::of("Value", "Data Type", "The value.")],
    build: |_| {
        work(|turn| {
            let (operator, name) = (turn.text(0), turn.text(1));
            let request = PatchRequest::Parameter { operator: &operator, name: &name };
            let value = turn.ports().patch(request).map_err(Failure)?;
            hand_out(turn, &value)
        })
    },
    ..PATCH
};

/// Set Parameter.
pub static SET_PARAMETER: NodeType = NodeType {
    title: "Set Parameter",
    help: "Sets a parameter of an operator, as a script does.",
    attributes: &[
        OPERATOR,
        PARAMETER,
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::String),
            "The type of the value.",
        ),
    ],
    inputs: &[OPERATOR_IN, PARAMETER_IN, DataSocket::of("Value", "Data Type", "The value.")],
    build: |_| {
        work(|turn| {
            let (operator, name) = (turn.text(0), turn.text(1));
            let value = turn.input(2).clone();
            let request = PatchRequest::SetParameter { operator: &operator, name: &name, value: &value };
            turn.ports().patch(request).map_err(Failure)?;
            Ok(())
        })
    },
    ..PATCH
};

/// Pulse Parameter.
pub static PULSE_PARAMETER: NodeType = NodeType {
    title: "Pulse Parameter",
    help: "Presses a button of an operator.",
    attributes: &[OPERATOR, PARAMETER],
    inputs: &[OPERATOR_IN, PARAMETER_IN],
    build: |_| {
        work(|turn| {
            let (operator, name) = (turn.text(0), turn.text(1));
            turn.ports().patch(PatchRequest::Pulse { operator: &operator, name: &name }).map_err(Failure)?;
            Ok(())
        })
    },
    ..PATCH
};

/// Get Text.
pub static GET_TEXT: NodeType = NodeType {
    title: "Get Text",
    help: "The text of a DAT; a table with tabs and line ends.",
    attributes: &[OPERATOR],
    inputs: &[OPERATOR_IN],
    outputs: &[DataSocket::new("Text", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let operator = turn.text(0);
            let value = turn.ports().patch(PatchRequest::Text { operator: &operator }).map_err(Failure)?;
            hand_out(turn, &value)
        })
    },
    ..PATCH
};

/// Set Text.
pub static SET_TEXT: NodeType = NodeType {
    title: "Set Text",
    help: "Sets the text of a DAT; a table is read from tabs and line ends.",
    attributes: &[OPERATOR],
    inputs: &[OPERATOR_IN, DataSocket::new("Text", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let (operator, text) = (turn.text(0), turn.text(1));
            turn.ports().patch(PatchRequest::SetText { operator: &operator, text: &text }).map_err(Failure)?;
            Ok(())
        })
    },
    ..PATCH
};

/// Get Table.
pub static GET_TABLE: NodeType = NodeType {
    title: "Get Table",
    help: "All rows of a table, as an array of arrays of text.",
    attributes: &[OPERATOR],
    inputs: &[OPERATOR_IN],
    outputs: &[DataSocket::new("Rows", DataType::Array, "The rows.")],
    build: |_| {
        work(|turn| {
            let operator = turn.text(0);
            let value = turn.ports().patch(PatchRequest::Table { operator: &operator }).map_err(Failure)?;
            hand_out(turn, &value)
        })
    },
    ..PATCH
};

/// Get Cell.
pub static GET_CELL: NodeType = NodeType {
    title: "Get Cell",
    help: "A cell of a table.",
    attributes: &[OPERATOR, ROW, COLUMN],
    inputs: &[OPERATOR_IN, ROW_IN, COLUMN_IN],
    outputs: &[DataSocket::new("Text", DataType::String, "What the cell holds.")],
    build: |_| {
        work(|turn| {
            let operator = turn.text(0);
            let (row, column) = (turn.input(1).clone(), turn.input(2).clone());
            let request = PatchRequest::Cell { operator: &operator, row: &row, column: &column };
            let value = turn.ports().patch(request).map_err(Failure)?;
            hand_out(turn, &value)
        })
    },
    ..PATCH
};

/// Set Cell.
pub static SET_CELL: NodeType = NodeType {
    title: "Set Cell",
    help: "Sets a cell of a table.",
    attributes: &[OPERATOR, ROW, COLUMN],
    inputs: &[OPERATOR_IN, ROW_IN, COLUMN_IN, DataSocket::new("Text", DataType::String, "What it will hold.")],
    build: |_| {
        work(|turn| {
            let (operator, text) = (turn.text(0), turn.text(3));
            let (row, column) = (turn.input(1).clone(), turn.input(2).clone());
            let request = PatchRequest::SetCell { operator: &operator, row: &row, column: &column, text: &text };
            turn.ports().patch(request).map_err(Failure)?;
            Ok(())
        })
    },
    ..PATCH
};

/// Append Row.
pub static APPEND_ROW: NodeType = NodeType {
    title: "Append Row",
    help: "Appends a row to a table.",
    attributes: &[OPERATOR],
    inputs: &[
        OPERATOR_IN,
        DataSocket::new("Cells", DataType::Array, "Its cells; what is no text is written as Conversion would."),
    ],
    build: |_| {
        work(|turn| {
            let operator = turn.text(0);
            let cells = turn.input(1).clone();
            let cells: Vec<Value> = match &cells {
                Value::Array(cells) => cells.iter().map(|cell| Value::String(Rc::from(to_text(cell)))).collect(),
                _ => Vec::new(),
            };
            turn.ports().patch(PatchRequest::AppendRow { operator: &operator, cells: &cells }).map_err(Failure)?;
            Ok(())
        })
    },
    ..PATCH
};

/// Get Channel.
pub static GET_CHANNEL: NodeType = NodeType {
    title: "Get Channel",
    help: "The value of a channel of a CHOP: its last sample.",
    attributes: &[
        OPERATOR,
        Attribute::new("Channel", TEXT, Default::Zero, "What Channel is while no wire leads to it."),
    ],
    inputs: &[OPERATOR_IN, DataSocket::new("Channel", DataType::String, "Name of the channel.").or("Channel")],
    outputs: &[DataSocket::new("Value", DataType::Float, "The value.")],
    build: |_| {
        work(|turn| {
            let (operator, channel) = (turn.text(0), turn.text(1));
            let request = PatchRequest::Channel { operator: &operator, channel: &channel };
            let value = turn.ports().patch(request).map_err(Failure)?;
            hand_out(turn, &value)
        })
    },
    ..PATCH
};
