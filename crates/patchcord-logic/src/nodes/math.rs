//! Boolean values, comparisons and arithmetic (reference §4.6).

use std::cell::Cell;
use std::cmp::Ordering;
use std::rc::Rc;

use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, NodeType, Repeat, SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::nodes::work::{fail, work};
use crate::value::{DataType, Value};

/// Inputs that a node may have.
const MAX_INPUTS: i64 = 1_000;

const BOOLEAN: &str = "Math/Boolean";
const ARITHMETIC: &str = "Math/Arithmetic";
const COMPARISON: &str = "Flow Control/Comparison";

const COUNT: Attribute = Attribute::new(
    "Count",
    AttributeKind::Int { min: 1, max: MAX_INPUTS },
    Default::Int(2),
    "How many inputs there are.",
);

const NUMBERS: &[DataType] = &[DataType::Int, DataType::Float, DataType::Byte];

const CALCULABLE: &[DataType] = &[
    DataType::Int,
    DataType::Float,
    DataType::Byte,
    DataType::Vector2,
    DataType::Vector3,
    DataType::Vector4,
    DataType::Color,
];

const NUMBER_TYPE: Attribute =
    Attribute::new("Data Type", AttributeKind::Type(NUMBERS), Default::Type(DataType::Int), "The type of the numbers.");

const CALCULABLE_TYPE: Attribute = Attribute::new(
    "Data Type",
    AttributeKind::Type(CALCULABLE),
    Default::Type(DataType::Int),
    "The type of the numbers; vectors are taken component by component.",
);

const OF_TYPE: AttributeKind = AttributeKind::Value(SocketType::Of("Data Type"));

/// AND.
pub static AND: NodeType = NodeType {
    title: "AND",
    group: BOOLEAN,
    help: "True when all inputs are.",
    attributes: &[COUNT],
    inputs: &[DataSocket::new("Input", DataType::Bool, "A value.").times(Repeat::Count("Count"))],
    outputs: &[DataSocket::new("Output", DataType::Bool, "Whether all are true.")],
    build: |_| {
        work(|turn| {
            let all = (0..turn.inputs()).all(|input| turn.flag(input));
            turn.set(0, Value::Bool(all));
            Ok(())
        })
    },
    ..NODE
};

/// OR.
pub static OR: NodeType = NodeType {
    title: "OR",
    group: BOOLEAN,
    help: "True when one of the inputs is.",
    attributes: &[COUNT],
    inputs: &[DataSocket::new("Input", DataType::Bool, "A value.").times(Repeat::Count("Count"))],
    outputs: &[DataSocket::new("Output", DataType::Bool, "Whether one is true.")],
    build: |_| {
        work(|turn| {
            let any = (0..turn.inputs()).any(|input| turn.flag(input));
            turn.set(0, Value::Bool(any));
            Ok(())
        })
    },
    ..NODE
};

/// Negate.
pub static NEGATE: NodeType = NodeType {
    title: "Negate",
    group: BOOLEAN,
    help: "True when the input is false.",
    inputs: &[DataSocket::new("Input", DataType::Bool, "A value.")],
    outputs: &[DataSocket::new("Output", DataType::Bool, "The opposite.")],
    build: |_| {
        work(|turn| {
            let flag = turn.flag(0);
            turn.set(0, Value::Bool(!flag));
            Ok(())
        })
    },
    ..NODE
};

/// What the comparisons of two values share.
const COMPARED: NodeType = NodeType {
    group: COMPARISON,
    inputs: &[
        DataSocket::of("A", "Data Type", "The one.").or("Default Value A"),
        DataSocket::of("B", "Data Type", "The other.").or("Default Value B"),
    ],
    outputs: &[DataSocket::new("C", DataType::Bool, "Whether it holds.")],
    ..NODE
};

const DEFAULT_A: Attribute =
    Attribute::new("Default Value A", OF_TYPE, Default::Zero, "What A is while no wire leads to it.");
const DEFAULT_B: Attribute =
    Attribute::new("Default Value B", OF_TYPE, Default::Zero, "What B is while no wire leads to it.");

/// Is Equal.
pub static IS_EQUAL: NodeType = NodeType {
    title: "Is Equal",
    help: "Whether two values of a type are the same.",
    attributes: &[
        Attribute::new("Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Int), "The type of both values."),
        Attribute::new(
            "Mode",
            AttributeKind::Choice(&["IsEqual", "IsNotEqual"]),
            Default::Text("IsEqual"),
            "Which of the two is asked.",
        ),
        DEFAULT_A,
        DEFAULT_B,
    ],
    build: |attributes| {
        let wanted = &*attributes.text("Mode") == "IsEqual";
        work(move |turn| {
            let a = turn.input(0).clone();
            let equal = a == *turn.input(1);
            turn.set(0, Value::Bool(equal == wanted));
            Ok(())
        })
    },
    ..COMPARED
};

/// Is Greater Equal.
pub static IS_GREATER_EQUAL: NodeType = NodeType {
    title: "Is Greater Equal",
    help: "Whether A is greater than B, or equal if the mode says so.",
    attributes: &[
        NUMBER_TYPE,
        Attribute::new(
            "Mode",
            AttributeKind::Choice(&["IsGreaterEqual", "IsGreater"]),
            Default::Text("IsGreaterEqual"),
            "Whether equal counts.",
        ),
        DEFAULT_A,
        DEFAULT_B,
    ],
    build: |attributes| compares(Ordering::Greater, &*attributes.text("Mode") == "IsGreaterEqual"),
    ..COMPARED
};

/// Is Less Equal.
pub static IS_LESS_EQUAL: NodeType = NodeType {
    title: "Is Less Equal",
    help: "Whether A is less than B, or equal if the mode says so.",
    attributes: &[
        NUMBER_TYPE,
        Attribute::new(
            "Mode",
            AttributeKind::Choice(&["IsLessEqual", "IsLess"]),
            Default::Text("IsLessEqual"),
            "Whether equal counts.",
        ),
        DEFAULT_A,
        DEFAULT_B,
    ],
    build: |attributes| compares(Ordering::Less, &*attributes.text("Mode") == "IsLessEqual"),
    ..COMPARED
};

fn compares(wanted: Ordering, equal: bool) -> Result<Box<dyn Behaviour>, AttributeError> {
    work(move |turn| {
        let (a, b) = (turn.float(0), turn.float(1));
        let order = a.partial_cmp(&b);
        turn.set(0, Value::Bool(order == Some(wanted) || (equal && order == Some(Ordering::Equal))));
        Ok(())
    })
}

/// What Add, Subtract and Multiply share.
const CHAINED: NodeType = NodeType {
    group: ARITHMETIC,
    attributes: &[CALCULABLE_TYPE, COUNT],
    inputs: &[DataSocket::of(
        "Input",
        "Data Type",
        "A number; without a wire what is set for it (Incari's Default Inputs).",
    )
    .times(Repeat::Count("Count"))],
    outputs: &[DataSocket::of("Output", "Data Type", "The result.")],
    ..NODE
};

/// Add.
pub static ADD: NodeType = NodeType {
    title: "Add",
    help: "The sum of its inputs. A whole number that does not fit its type is an error.",
    build: |_| chained(Operation::Add),
    ..CHAINED
};

/// Subtract.
pub static SUBTRACT: NodeType = NodeType {
    title: "Subtract",
    help: "The first input less all others. A whole number that does not fit its type is an error.",
    build: |_| chained(Operation::Subtract),
    ..CHAINED
};

/// Multiply.
pub static MULTIPLY: NodeType = NodeType {
    title: "Multiply",
    help: "The product of its inputs. A whole number that does not fit its type is an error.",
    build: |_| chained(Operation::Multiply),
    ..CHAINED
};

fn chained(operation: Operation) -> Result<Box<dyn Behaviour>, AttributeError> {
    work(move |turn| {
        let mut result = turn.input(0).clone();
        for input in 1..turn.inputs() {
            result = operation.apply(&result, turn.input(input))?;
        }
        turn.set(0, result);
        Ok(())
    })
}

/// Divide.
pub static DIVIDE: NodeType = NodeType {
    title: "Divide",
    group: ARITHMETIC,
    help: "A quotient; of whole numbers its whole part. Division by zero is an error.",
    attributes: &[
        NUMBER_TYPE,
        Attribute::new("Default Dividend", OF_TYPE, Default::Zero, "What Dividend is while no wire leads to it."),
        Attribute::new("Default Divisor", OF_TYPE, Default::Int(1), "What Divisor is while no wire leads to it."),
    ],
    inputs: &[
        DataSocket::of("Dividend", "Data Type", "What is divided.").or("Default Dividend"),
        DataSocket::of("Divisor", "Data Type", "By what.").or("Default Divisor"),
    ],
    outputs: &[DataSocket::of("Quotient", "Data Type", "The quotient.")],
    build: |_| paired(Operation::Divide),
    ..NODE
};

/// Modulo.
pub static MODULO: NodeType = NodeType {
    title: "Modulo",
    group: ARITHMETIC,
    help: "The remainder of a division, with the sign of the dividend. Division by zero is an error.",
    attributes: &[
        NUMBER_TYPE,
        Attribute::new("Default Dividend", OF_TYPE, Default::Zero, "What Dividend is while no wire leads to it."),
        Attribute::new("Default Divisor", OF_TYPE, Default::Int(1), "What Divisor is while no wire leads to it."),
    ],
    inputs: &[
        DataSocket::of("Dividend", "Data Type", "What is divided.").or("Default Dividend"),
        DataSocket::of("Divisor", "Data Type", "By what.").or("Default Divisor"),
    ],
    outputs: &[DataSocket::of("Remainder", "Data Type", "The remainder.")],
    build: |_| paired(Operation::Modulo),
    ..NODE
};

/// What Increment and Decrement share.
const STEPPED: NodeType = NodeType {
    group: ARITHMETIC,
    attributes: &[
        NUMBER_TYPE,
        Attribute::new("Step", OF_TYPE, Default::Int(1), "What Step is while no wire leads to it."),
    ],
    inputs: &[
        DataSocket::of("Input", "Data Type", "A number."),
        DataSocket::of("Step", "Data Type", "How far.").or("Step"),
    ],
    outputs: &[DataSocket::of("Output", "Data Type", "The number a step further.")],
    ..NODE
};

/// Increment.
pub static INCREMENT: NodeType =
    NodeType { title: "Increment", help: "A number and a step more.", build: |_| paired(Operation::Add), ..STEPPED };

/// Decrement.
pub static DECREMENT: NodeType =
    NodeType { title: "Decrement", help: "A number less a step.", build: |_| paired(Operation::Subtract), ..STEPPED };

fn paired(operation: Operation) -> Result<Box<dyn Behaviour>, AttributeError> {
    work(move |turn| {
        let first = turn.input(0).clone();
        let result = operation.apply(&first, turn.input(1))?;
        turn.set(0, result);
        Ok(())
    })
}

/// Clamp.
pub static CLAMP: NodeType = NodeType {
    title: "Clamp",
    group: ARITHMETIC,
    help: "A number, but not below From and not above To. From above To is an error.",
    attributes: &[
        NUMBER_TYPE,
        Attribute::new("From", OF_TYPE, Default::Zero, "What From is while no wire leads to it."),
        Attribute::new("To", OF_TYPE, Default::Int(1), "What To is while no wire leads to it."),
    ],
    inputs: &[
        DataSocket::of("Value", "Data Type", "The number."),
        DataSocket::of("From", "Data Type", "The least.").or("From"),
        DataSocket::of("To", "Data Type", "The most.").or("To"),
    ],
    outputs: &[DataSocket::of("Result", "Data Type", "The number within the bounds.")],
    build: |_| {
        work(|turn| {
            let (value, from, to) = (turn.float(0), turn.float(1), turn.float(2));
            if from > to {
                return fail(format!("From ({from}) is above To ({to})"));
            }
            let source = if value < from {
                1
            } else if value > to {
                2
            } else {
                0
            };
            let result = turn.input(source).clone();
            turn.set(0, result);
            Ok(())
        })
    },
    ..NODE
};

/// Random.
pub static RANDOM: NodeType = NodeType {
    title: "Random",
    group: "Math/Random",
    help: "A random number: a float from Minimum up to, but without, Maximum; a whole number with both. Standard is from 0 to 1 and never the same; Advanced takes bounds; Expert a seed, too, with which the numbers are the same in each run.",
    attributes: &[
        Attribute::new(
            "Mode",
            AttributeKind::Choice(&["Standard", "Advanced", "Expert"]),
            Default::Text("Standard"),
            "How much is set.",
        ),
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[DataType::Float, DataType::Int]),
            Default::Type(DataType::Float),
            "The type of the number.",
        ),
        Attribute::new("Minimum", AttributeKind::Float, Default::Float(0.0), "The least."),
        Attribute::new("Maximum", AttributeKind::Float, Default::Float(1.0), "The most."),
        Attribute::new(
            "Seed",
            AttributeKind::Int { min: 0, max: i64::MAX },
            Default::Int(0),
            "Where the numbers begin, in Expert.",
        ),
    ],
    outputs: &[DataSocket::of("Output", "Data Type", "The number.")],
    build: |attributes| {
        let mode = attributes.text("Mode");
        let (minimum, maximum) = match &*mode {
            "Standard" => (0.0, 1.0),
            _ => (attributes.float("Minimum"), attributes.float("Maximum")),
        };
        if minimum > maximum || !(maximum - minimum).is_finite() {
            let message = format!("it has to be at least the minimum, {minimum}");
            return Err(AttributeError { attribute: "Maximum", message });
        }
        let is_whole = attributes.data_type("Data Type") == DataType::Int;
        let state = (&*mode == "Expert").then(|| attributes.int("Seed") as u64);
        Ok(Box::new(Random { minimum, maximum, is_whole, state: Cell::new(state) }))
    },
    ..NODE
};

struct Random {
    minimum: f64,
    maximum: f64,
    is_whole: bool,
    /// Of SplitMix64; nothing before the first number, when no seed is set.
    state: Cell<Option<u64>>,
}

impl Behaviour for Random {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let state = match self.state.get() {
            Some(state) => state,
            None => turn.ports().entropy(),
        };
        let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(Some(state));
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 53 bits, as many as a float holds.
        #[allow(clippy::cast_precision_loss)]
        let unit = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        let value = if self.is_whole {
            let (low, high) = (self.minimum.ceil(), self.maximum.floor());
            // Within the bounds of Int, which `as` keeps.
            #[allow(clippy::cast_possible_truncation)]
            Value::Int((low + (unit * (high - low + 1.0)).floor()).min(high) as i32)
        } else {
            Value::Float(self.minimum + unit * (self.maximum - self.minimum))
        };
        turn.set(0, value);
        Ok(Flow::Next)
    }
}

/// An operation on two values of the same type.
#[derive(Clone, Copy)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operation {
    fn apply(self, a: &Value, b: &Value) -> Result<Value, Failure> {
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => {
                let result = self.whole(i64::from(*a), i64::from(*b))?;
                match i32::try_from(result) {
                    Ok(result) => Ok(Value::Int(result)),
                    Err(_) => fail(format!("{result} does not fit into Int")),
                }
            }
            (Value::Byte(a), Value::Byte(b)) => {
                let result = self.whole(i64::from(*a), i64::from(*b))?;
                match i8::try_from(result) {
                    Ok(result) => Ok(Value::Byte(result)),
                    Err(_) => fail(format!("{result} does not fit into Byte")),
                }
            }
            (Value::Float(a), Value::Float(b)) => Ok(Value::Float(self.float(*a, *b)?)),
            (Value::Vector(data_type, a), Value::Vector(_, b)) => {
                let components: Result<Rc<[f64]>, Failure> =
                    a.iter().zip(b.iter()).map(|(a, b)| self.float(*a, *b)).collect();
                Ok(Value::Vector(*data_type, components?))
            }
            _ => fail(format!("{} and {} are no numbers of one type", a.data_type(), b.data_type())),
        }
    }

    fn whole(self, a: i64, b: i64) -> Result<i64, Failure> {
        Ok(match self {
            Operation::Add => a + b,
            Operation::Subtract => a - b,
            Operation::Multiply => a * b,
            Operation::Divide | Operation::Modulo if b == 0 => return fail("division by zero"),
            Operation::Divide => a / b,
            Operation::Modulo => a % b,
        })
    }

    fn float(self, a: f64, b: f64) -> Result<f64, Failure> {
        Ok(match self {
            Operation::Add => a + b,
            Operation::Subtract => a - b,
            Operation::Multiply => a * b,
            Operation::Divide | Operation::Modulo if b == 0.0 => return fail("division by zero"),
            Operation::Divide => a / b,
            Operation::Modulo => a % b,
        })
    }
}
