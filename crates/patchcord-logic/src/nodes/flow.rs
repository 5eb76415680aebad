//! Flow control: which way a pulse goes (reference §4.6).

use std::rc::Rc;

use crate::convert::convert;
use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, Field, FieldKind, NodeType, PulseSocket,
    Repeat, Shape, SocketType,
};
use crate::engine::{Failure, Flow, Step, Turn};
use crate::nodes::NODE;
use crate::value::{DataType, Value};

/// Outputs that a node may have.
const MAX_OUTPUTS: i64 = 1_000;

const DATA_TYPE: Attribute = Attribute::new(
    "Data Type",
    AttributeKind::Type(&[]),
    Default::Type(DataType::Int),
    "The type of the data sockets.",
);

/// Branch.
pub static BRANCH: NodeType = NodeType {
    title: "Branch",
    group: "Flow Control",
    help: "Sends the pulse one of two ways.",
    shape: Shape::Fork,
    attributes: &[Attribute::new(
        "Default Value",
        AttributeKind::Bool,
        Default::Bool(false),
        "What Input is while no wire leads to it.",
    )],
    pulse_outputs: &[PulseSocket::new("OnTrue", "Input is true."), PulseSocket::new("OnFalse", "Input is false.")],
    inputs: &[DataSocket::new("Input", DataType::Bool, "Which way.").or("Default Value")],
    build: |_| Ok(Box::new(Branch)),
    ..NODE
};

/// Switch.
pub static SWITCH: NodeType = NodeType {
    title: "Switch",
    group: "Flow Control",
    help: "Sends the pulse out by the case that equals Input, else by Default. In a file a case is on.case.VALUE.",
    shape: Shape::Fork,
    attributes: &[
        DATA_TYPE,
        Attribute::new(
            "Cases",
            AttributeKind::List(&[Field { name: "Value", kind: FieldKind::ValueOf("Data Type"), help: "The value." }]),
            Default::Zero,
            "The values that have an output of their own.",
        ),
    ],
    pulse_outputs: &[
        PulseSocket::new("Case", "Input equals this value.").times(Repeat::Named {
            list: "Cases",
            field: "Value",
            only: None,
        }),
        PulseSocket::new("Default", "Input equals none of them."),
    ],
    inputs: &[DataSocket::of("Input", "Data Type", "What is compared.")],
    build: |attributes| {
        let cases: Vec<Value> = attributes.entries("Cases").iter().map(|entry| entry.value("Value")).collect();
        if let Some(again) = cases.iter().enumerate().find(|(index, case)| cases[..*index].contains(case)) {
            let message = format!("{} stands there twice", crate::convert::to_text(again.1));
            return Err(AttributeError { attribute: "Cases", message });
        }
        Ok(Box::new(Switch { cases }))
    },
    ..NODE
};

/// Index Switch.
pub static INDEX_SWITCH: NodeType = NodeType {
    title: "Index Switch",
    group: "Flow Control",
    help: "Sends the pulse out by the output of that number, counted from 0; by Default when there is none.",
    shape: Shape::Fork,
    attributes: &[
        Attribute::new(
            "Default Index",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(0),
            "What Index is while no wire leads to it.",
        ),
        Attribute::new(
            "Outputs",
            AttributeKind::Int { min: 1, max: MAX_OUTPUTS },
            Default::Int(2),
            "How many numbered outputs there are.",
        ),
    ],
    pulse_outputs: &[
        PulseSocket::new("Index", "One for each number; in a file on.index.1 is the first, number 0.")
            .times(Repeat::Count("Outputs")),
        PulseSocket::new("Default", "No output has this number."),
    ],
    inputs: &[DataSocket::new("Index", DataType::Int, "The number.").or("Default Index")],
    build: |attributes| Ok(Box::new(IndexSwitch { outputs: attributes.int("Outputs") })),
    ..NODE
};

/// Sequential.
pub static SEQUENTIAL: NodeType = NodeType {
    title: "Sequential",
    group: "Flow Control",
    help: "Sends the pulse out by each output, one after the other; each branch ends before the next begins. A time-out in a branch delays only the rest of that branch.",
    shape: Shape::Fork,
    attributes: &[Attribute::new(
        "Pulse Count",
        AttributeKind::Int { min: 1, max: MAX_OUTPUTS },
        Default::Int(2),
        "How many outputs there are.",
    )],
    pulse_outputs: &[PulseSocket::new("Pulse", "The branches, in their order.").times(Repeat::Count("Pulse Count"))],
    build: |attributes| Ok(Box::new(Sequential { count: attributes.int("Pulse Count") })),
    ..NODE
};

/// Select Data.
pub static SELECT_DATA: NodeType = NodeType {
    title: "Select Data",
    group: "Flow Control",
    help: "Pairs of a pulse and a value: the value of the pulse that came in is what comes out.",
    shape: Shape::Join,
    attributes: &[
        DATA_TYPE,
        Attribute::new(
            "Count",
            AttributeKind::Int { min: 1, max: MAX_OUTPUTS },
            Default::Int(2),
            "How many pairs there are.",
        ),
    ],
    pulse_inputs: &[PulseSocket::new("Pulse", "Takes the input of the same number.").times(Repeat::Count("Count"))],
    inputs: &[DataSocket::of("Input", "Data Type", "The values.").times(Repeat::Count("Count"))],
    outputs: &[DataSocket::of("Output", "Data Type", "The value that was taken.")],
    build: |_| Ok(Box::new(SelectData)),
    ..NODE
};

/// Toggle.
pub static TOGGLE: NodeType = NodeType {
    title: "Toggle",
    group: "Flow Control",
    help: "Changes from on to off and back with each pulse.",
    attributes: &[Attribute::new(
        "Value",
        AttributeKind::Bool,
        Default::Bool(false),
        "Whether it is on before the first pulse.",
    )],
    outputs: &[DataSocket::new("Is On", DataType::Bool, "Whether it is on now.")],
    stored: Some("Value"),
    build: |_| Ok(Box::new(Toggle)),
    ..NODE
};

const INT: AttributeKind = AttributeKind::Value(SocketType::Is(DataType::Int));

/// For Loop.
pub static FOR_LOOP: NodeType = NodeType {
    title: "For Loop",
    group: "Flow Control",
    help: "Runs its branch for each index from the first to the last; ► is the branch. A step below zero counts down, a step of zero is an error.",
    attributes: &[
        Attribute::new("First Index", INT, Default::Int(0), "Where it begins."),
        Attribute::new("Last Index", INT, Default::Int(0), "Where it ends."),
        Attribute::new("Step", INT, Default::Int(1), "How far it goes each time."),
        Attribute::new(
            "Is Last Index Included",
            AttributeKind::Bool,
            Default::Bool(true),
            "Whether the branch is run for the last index, too.",
        ),
    ],
    pulse_outputs: &[PulseSocket::new("OnEnd", "All indices are done.")],
    inputs: &[
        DataSocket::new("First Index", DataType::Int, "Where it begins.").or("First Index"),
        DataSocket::new("Last Index", DataType::Int, "Where it ends.").or("Last Index"),
        DataSocket::new("Step", DataType::Int, "How far it goes each time.").or("Step"),
    ],
    outputs: &[DataSocket::new("Index", DataType::Int, "The index of this round.")],
    build: |attributes| Ok(Box::new(ForLoop { includes_last: attributes.flag("Is Last Index Included") })),
    ..NODE
};

/// For Each Loop.
pub static FOR_EACH_LOOP: NodeType = NodeType {
    title: "For Each Loop",
    group: "Flow Control",
    help: "Runs its branch for each element of an array, as the array is when the loop begins; ► is the branch.",
    attributes: &[
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::Any),
            "The type of the elements.",
        ),
        Attribute::new(
            "Error Mode",
            AttributeKind::Choice(&["Abort", "Break", "Continue"]),
            Default::Text("Abort"),
            "What happens at an element of another type: nothing more is run (Abort), the loop ends with OnEnd (Break), or it goes on with the next (Continue). OnTypeError fires first in each case.",
        ),
    ],
    pulse_outputs: &[
        PulseSocket::new("OnTypeError", "An element is of another type."),
        PulseSocket::new("OnEnd", "All elements are done."),
    ],
    inputs: &[DataSocket::new("Array", DataType::Array, "The array.")],
    outputs: &[
        DataSocket::of("Value", "Data Type", "The element of this round."),
        DataSocket::new("Index", DataType::Int, "Its index, from 0."),
        DataSocket::new("Array", DataType::Array, "The array."),
    ],
    build: |attributes| {
        Ok(Box::new(ForEach { data_type: attributes.data_type("Data Type"), mode: attributes.text("Error Mode") }))
    },
    ..NODE
};

struct Branch;

impl Behaviour for Branch {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Out(if turn.flag(0) { 1 } else { 2 }))
    }
}

struct Switch {
    cases: Vec<Value>,
}

impl Behaviour for Switch {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let input = turn.input(0);
        let found = self.cases.iter().position(|case| case == input);
        Ok(Flow::Out(found.unwrap_or(self.cases.len()) + 1))
    }
}

struct IndexSwitch {
    outputs: i64,
}

impl Behaviour for IndexSwitch {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let index = i64::from(turn.int(0));
        let output = if (0..self.outputs).contains(&index) { index } else { self.outputs };
        Ok(Flow::Out(output as usize + 1))
    }
}

struct Sequential {
    count: i64,
}

impl Behaviour for Sequential {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        self.resume(turn, Step::at(1))
    }

    fn resume(&self, _: &mut Turn<'_>, step: Step) -> Result<Flow, Failure> {
        // The last branch is a branch of its own no more: nothing waits for its end.
        let output = step.at as usize;
        Ok(if step.at < self.count { Flow::Then(output, Step::at(step.at + 1)) } else { Flow::Out(output) })
    }
}

struct SelectData;

impl Behaviour for SelectData {
    fn pulse(&self, turn: &mut Turn<'_>, input: usize) -> Result<Flow, Failure> {
        let value = turn.input(input - 1).clone();
        turn.set(0, value);
        Ok(Flow::Next)
    }
}

struct Toggle;

impl Behaviour for Toggle {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let is_on = matches!(turn.output(0), Some(Value::Bool(true)));
        turn.set(0, Value::Bool(!is_on));
        Ok(Flow::Next)
    }
}

struct ForLoop {
    includes_last: bool,
}

impl Behaviour for ForLoop {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let (first, last, by) = (i64::from(turn.int(0)), i64::from(turn.int(1)), i64::from(turn.int(2)));
        if by == 0 {
            return Err(Failure("a step of 0 never ends".to_owned()));
        }
        let end = if self.includes_last { last + by.signum() } else { last };
        self.resume(turn, Step { at: first, end, by, value: Value::Nothing })
    }

    fn resume(&self, turn: &mut Turn<'_>, step: Step) -> Result<Flow, Failure> {
        let goes_on = if step.by > 0 { step.at < step.end } else { step.at > step.end };
        let Some(index) = i32::try_from(step.at).ok().filter(|_| goes_on) else { return Ok(Flow::Out(1)) };
        turn.set(0, Value::Int(index));
        Ok(Flow::Then(0, Step { at: step.at + step.by, ..step }))
    }
}

struct ForEach {
    data_type: DataType,
    mode: Rc<str>,
}

impl Behaviour for ForEach {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let array = turn.input(0).clone();
        turn.set(2, array.clone());
        self.resume(turn, Step { at: 0, end: 0, by: 1, value: array })
    }

    fn resume(&self, turn: &mut Turn<'_>, step: Step) -> Result<Flow, Failure> {
        let Value::Array(array) = &step.value else { return Ok(Flow::End) };
        let Some(element) = usize::try_from(step.at).ok().and_then(|index| array.get(index)) else {
            return Ok(Flow::Out(2));
        };
        turn.set(1, Value::Int(i32::try_from(step.at).unwrap_or(i32::MAX)));
        // Only a check: elements are not turned into another type, but numbers of JSON are Int or Float as they come.
        let fits = element.data_type().fits(self.data_type)
            || (self.data_type == DataType::Float && element.data_type() == DataType::Int);
        if fits {
            turn.set(0, convert(element, self.data_type)?);
            return Ok(Flow::Then(0, Step { at: step.at + 1, ..step }));
        }
        let text = format!("element {} is {}, not {}", step.at, element.data_type(), self.data_type);
        turn.say(crate::ports::Level::Warning, &text);
        Ok(match &*self.mode {
            "Abort" => Flow::Out(1),
            "Break" => Flow::Then(1, Step { at: i64::MAX, ..step }),
            _ => Flow::Then(1, Step { at: step.at + 1, ..step }),
        })
    }
}
