//! Arrays (reference §4.6): values in, values out; nothing is changed in place. Indices count from 0.

use std::rc::Rc;

use crate::convert::convert;
use crate::declaration::{Attribute, AttributeKind, DataSocket, Default, NodeType, Repeat, SocketType};
use crate::engine::Turn;
use crate::nodes::NODE;
use crate::nodes::work::{fail, work};
use crate::ports::Level;
use crate::value::{DataType, MAX_ELEMENTS, Value};

const GROUP: &str = "Array";

const ARRAY_IN: DataSocket = DataSocket::new("Array", DataType::Array, "The array.");
const ARRAY_OUT: DataSocket = DataSocket::new("Array", DataType::Array, "The array.");

const DATA_TYPE: Attribute =
    Attribute::new("Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Any), "The type of the element.");
const DEFAULT_VALUE: Attribute = Attribute::new(
    "Default Value",
    AttributeKind::Value(SocketType::Of("Data Type")),
    Default::Zero,
    "What Value is while no wire leads to it.",
);
const DEFAULT_INDEX: Attribute = Attribute::new(
    "Default Index",
    AttributeKind::Value(SocketType::Is(DataType::Int)),
    Default::Int(0),
    "What Index is while no wire leads to it.",
);
const COUNT: Attribute =
    Attribute::new("Count", AttributeKind::Int { min: 1, max: 1_000 }, Default::Int(1), "How many elements.");

/// The array at an input.
fn array(turn: &mut Turn<'_>, input: usize) -> Rc<Vec<Value>> {
    match turn.input(input) {
        Value::Array(elements) => elements.clone(),
        _ => Rc::default(),
    }
}

/// Array Value.
pub static ARRAY_VALUE: NodeType = NodeType {
    title: "Array Value",
    group: GROUP,
    help: "An array. It may be read without a pulse.",
    attributes: &[Attribute::new(
        "Value",
        AttributeKind::Value(SocketType::Is(DataType::Array)),
        Default::Zero,
        "The elements, as a list.",
    )],
    inputs: &[DataSocket::new("Input", DataType::Array, "Another array, taken when a pulse comes.").or("Value")],
    outputs: &[DataSocket::new("Output", DataType::Array, "The array.")],
    stored: Some("Value"),
    build: |_| {
        work(|turn| {
            let value = turn.input(0).clone();
            turn.set(0, value);
            Ok(())
        })
    },
    ..NODE
};

/// Get Array Element.
pub static GET_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Get Array Element",
    group: GROUP,
    help: "The element of an index. One that is not there is a warning and the type's zero; one that cannot become the type is an error.",
    attributes: &[DEFAULT_INDEX, DATA_TYPE],
    inputs: &[ARRAY_IN, DataSocket::new("Index", DataType::Int, "Which element.").or("Default Index")],
    outputs: &[ARRAY_OUT, DataSocket::of("Value", "Data Type", "The element.")],
    build: |_| {
        work(|turn| {
            let elements = array(turn, 0);
            let index = turn.int(1);
            let data_type = turn.output_type(1);
            let element = usize::try_from(index).ok().and_then(|index| elements.get(index)).cloned();
            turn.set(0, Value::Array(elements.clone()));
            let Some(element) = element else {
                let text = format!("cannot get array element {index}: the array has {}", elements.len());
                turn.say(Level::Warning, &text);
                turn.set(1, data_type.zero());
                return Ok(());
            };
            match convert(&element, data_type) {
                Ok(value) => turn.set(1, value),
                Err(error) => {
                    turn.set(1, data_type.zero());
                    return fail(format!("element {index}: {error}"));
                }
            }
            Ok(())
        })
    },
    ..NODE
};

/// Set Array Element.
pub static SET_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Set Array Element",
    group: GROUP,
    help: "The array with some elements set. Beyond its end it grows, with nothing in between. A negative index is an error.",
    attributes: &[DATA_TYPE, COUNT],
    inputs: &[
        ARRAY_IN,
        DataSocket::new("Index", DataType::Int, "Which element.").times(Repeat::Count("Count")),
        DataSocket::of("Value", "Data Type", "Its value.").times(Repeat::Count("Count")),
    ],
    outputs: &[ARRAY_OUT],
    build: |attributes| {
        let count = attributes.int("Count") as usize;
        work(move |turn| {
            let mut elements = array(turn, 0);
            for number in 0..count {
                let index = turn.int(1 + number);
                let Ok(place) = usize::try_from(index) else {
                    return fail(format!("an index of {index} is before the array"));
                };
                if place >= MAX_ELEMENTS {
                    return fail(format!("an array has at most {MAX_ELEMENTS} elements"));
                }
                let value = turn.input(1 + count + number).clone();
                let elements = Rc::make_mut(&mut elements);
                if place >= elements.len() {
                    elements.resize(place + 1, Value::Nothing);
                }
                elements[place] = value;
            }
            turn.set(0, Value::Array(elements).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Push Array Element.
pub static PUSH_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Push Array Element",
    group: GROUP,
    help: "The array with elements more, at its end or its beginning.",
    attributes: &[
        DATA_TYPE,
        DEFAULT_VALUE,
        Attribute::new("Add to end", AttributeKind::Bool, Default::Bool(true), "At the end; else at the beginning."),
        COUNT,
    ],
    inputs: &[
        ARRAY_IN,
        DataSocket::of("Value", "Data Type", "An element.").or("Default Value").times(Repeat::Count("Count")),
    ],
    outputs: &[ARRAY_OUT],
    build: |attributes| {
        let at_end = attributes.flag("Add to end");
        work(move |turn| {
            let mut elements = array(turn, 0);
            let mut more: Vec<Value> = (1..turn.inputs()).map(|input| turn.input(input).clone()).collect();
            if elements.len() + more.len() > MAX_ELEMENTS {
                return fail(format!("an array has at most {MAX_ELEMENTS} elements"));
            }
            let all = Rc::make_mut(&mut elements);
            if at_end {
                all.append(&mut more);
            } else {
                all.splice(0..0, more);
            }
            turn.set(0, Value::Array(elements).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Pop Array Element.
pub static POP_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Pop Array Element",
    group: GROUP,
    help: "The array without its last (or first) element, and that element. An empty array is a warning and the type's zero.",
    attributes: &[
        DATA_TYPE,
        Attribute::new("Pop end", AttributeKind::Bool, Default::Bool(true), "The last; else the first."),
    ],
    inputs: &[ARRAY_IN],
    outputs: &[ARRAY_OUT, DataSocket::of("Value", "Data Type", "The element that was taken.")],
    build: |attributes| {
        let at_end = attributes.flag("Pop end");
        work(move |turn| {
            let mut elements = array(turn, 0);
            let data_type = turn.output_type(1);
            let all = Rc::make_mut(&mut elements);
            let taken = if all.is_empty() {
                None
            } else if at_end {
                all.pop()
            } else {
                Some(all.remove(0))
            };
            turn.set(0, Value::Array(elements));
            let Some(taken) = taken else {
                turn.say(Level::Warning, "cannot take an element from an empty array");
                turn.set(1, data_type.zero());
                return Ok(());
            };
            match convert(&taken, data_type) {
                Ok(value) => turn.set(1, value),
                Err(error) => {
                    turn.set(1, data_type.zero());
                    return fail(format!("the element: {error}"));
                }
            }
            Ok(())
        })
    },
    ..NODE
};

/// Insert Array Element.
pub static INSERT_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Insert Array Element",
    group: GROUP,
    help: "The array with elements put in before the ones of their indices, one after the other; an index of its length puts one at the end, one beyond is an error.",
    attributes: &[DATA_TYPE, DEFAULT_VALUE, COUNT],
    inputs: &[
        ARRAY_IN,
        DataSocket::new("Index", DataType::Int, "Before which element.").times(Repeat::Count("Count")),
        DataSocket::of("Value", "Data Type", "The new element.").or("Default Value").times(Repeat::Count("Count")),
    ],
    outputs: &[ARRAY_OUT],
    build: |attributes| {
        let count = attributes.int("Count") as usize;
        work(move |turn| {
            let mut elements = array(turn, 0);
            for number in 0..count {
                let index = turn.int(1 + number);
                let value = turn.input(1 + count + number).clone();
                let all = Rc::make_mut(&mut elements);
                match usize::try_from(index) {
                    Ok(place) if place <= all.len() && all.len() < MAX_ELEMENTS => all.insert(place, value),
                    _ => return fail(format!("cannot insert at {index}: the array has {}", all.len())),
                }
            }
            turn.set(0, Value::Array(elements).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Remove Array Element.
pub static REMOVE_ARRAY_ELEMENT: NodeType = NodeType {
    title: "Remove Array Element",
    group: GROUP,
    help: "The array without the elements of some indices, which are all counted in the array as it comes. One that is not there is an error.",
    attributes: &[COUNT],
    inputs: &[ARRAY_IN, DataSocket::new("Index", DataType::Int, "Which element.").times(Repeat::Count("Count"))],
    outputs: &[ARRAY_OUT],
    build: |_| {
        work(|turn| {
            let mut elements = array(turn, 0);
            let mut places = Vec::with_capacity(turn.inputs());
            for input in 1..turn.inputs() {
                let index = turn.int(input);
                match usize::try_from(index) {
                    Ok(place) if place < elements.len() => places.push(place),
                    _ => return fail(format!("cannot remove element {index}: the array has {}", elements.len())),
                }
            }
            places.sort_unstable();
            places.dedup();
            let all = Rc::make_mut(&mut elements);
            for place in places.into_iter().rev() {
                all.remove(place);
            }
            turn.set(0, Value::Array(elements));
            Ok(())
        })
    },
    ..NODE
};

/// Length of Array.
pub static LENGTH_OF_ARRAY: NodeType = NodeType {
    title: "Length of Array",
    group: GROUP,
    help: "How many elements there are.",
    inputs: &[ARRAY_IN],
    outputs: &[DataSocket::new("Length", DataType::Int, "How many."), ARRAY_OUT],
    build: |_| {
        work(|turn| {
            let elements = array(turn, 0);
            turn.set(0, Value::Int(i32::try_from(elements.len()).unwrap_or(i32::MAX)));
            turn.set(1, Value::Array(elements));
            Ok(())
        })
    },
    ..NODE
};
