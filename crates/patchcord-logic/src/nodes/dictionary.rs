//! Dictionaries (reference §4.6): values in, values out; nothing is changed in place.

use std::rc::Rc;

use crate::convert::convert;
use crate::declaration::{
    Attribute, AttributeKind, DataSocket, Default, Field, FieldKind, NodeType, Repeat, SocketType,
};
use crate::engine::Turn;
use crate::nodes::NODE;
use crate::nodes::work::{fail, work};
use crate::value::{DataType, Dictionary, MAX_ELEMENTS, TooLarge, Value};

const GROUP: &str = "Dictionary";

const DICTIONARY_IN: DataSocket = DataSocket::new("Dictionary", DataType::Dictionary, "The dictionary.");
const DICTIONARY_OUT: DataSocket = DataSocket::new("Dictionary", DataType::Dictionary, "The dictionary.");

const KEY: Field = Field { name: "Key", kind: FieldKind::Text, help: "The key." };

/// The dictionary at an input.
fn dictionary(turn: &mut Turn<'_>, input: usize) -> Rc<Dictionary> {
    match turn.input(input) {
        Value::Dictionary(entries) => entries.clone(),
        _ => Rc::default(),
    }
}

/// Dictionary Value.
pub static DICTIONARY_VALUE: NodeType = NodeType {
    title: "Dictionary Value",
    group: GROUP,
    help: "A dictionary. It may be read without a pulse.",
    attributes: &[Attribute::new(
        "Value",
        AttributeKind::Value(SocketType::Is(DataType::Dictionary)),
        Default::Zero,
        "Keys and values, as a table; the type of a value is that of what is written.",
    )],
    inputs: &[
        DataSocket::new("Input", DataType::Dictionary, "Another dictionary, taken when a pulse comes.").or("Value")
    ],
    outputs: &[DataSocket::new("Output", DataType::Dictionary, "The dictionary.")],
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

/// Get Dictionary Element.
pub static GET_DICTIONARY_ELEMENT: NodeType = NodeType {
    title: "Get Dictionary Element",
    group: GROUP,
    help: "Values by their keys. A key that is not there, or a value that cannot become the type, is an error.",
    attributes: &[Attribute::new(
        "Keys",
        AttributeKind::List(&[KEY, Field { name: "Data Type", kind: FieldKind::Type, help: "The type of the value." }]),
        Default::Required,
        "What is taken out; in a file the sockets are from.key.KEY and value.KEY.",
    )],
    inputs: &[
        DICTIONARY_IN,
        DataSocket::new("Key", DataType::String, "Another key than the one that is set.").times(Repeat::Named {
            list: "Keys",
            field: "Key",
            only: None,
        }),
    ],
    outputs: &[
        DICTIONARY_OUT,
        DataSocket {
            name: "Value",
            data_type: SocketType::OfField("Data Type"),
            repeat: Repeat::Named { list: "Keys", field: "Key", only: None },
            attribute: None,
            help: "The value.",
        },
    ],
    build: |attributes| {
        let keys: Vec<Rc<str>> = attributes.entries("Keys").iter().map(|entry| entry.text("Key")).collect();
        work(move |turn| {
            let entries = dictionary(turn, 0);
            turn.set(0, Value::Dictionary(entries.clone()));
            for (index, key) in keys.iter().enumerate() {
                let wired = turn.text(index + 1);
                let key = if wired.is_empty() { key.clone() } else { wired };
                let data_type = turn.output_type(index + 1);
                let Some(value) = entries.get(&*key) else {
                    turn.set(index + 1, data_type.zero());
                    return fail(format!("the dictionary has no key \"{key}\""));
                };
                match convert(value, data_type) {
                    Ok(value) => turn.set(index + 1, value),
                    Err(error) => {
                        turn.set(index + 1, data_type.zero());
                        return fail(format!("the value of \"{key}\": {error}"));
                    }
                }
            }
            Ok(())
        })
    },
    ..NODE
};

/// Set Dictionary Element.
pub static SET_DICTIONARY_ELEMENT: NodeType = NodeType {
    title: "Set Dictionary Element",
    group: GROUP,
    help: "The dictionary with one value set; a key that was not there is added at the end.",
    attributes: &[
        Attribute::new(
            "Key",
            AttributeKind::Value(SocketType::Is(DataType::String)),
            Default::Zero,
            "What Key is while no wire leads to it.",
        ),
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::String),
            "The type of the value.",
        ),
        Attribute::new(
            "Default Value",
            AttributeKind::Value(SocketType::Of("Data Type")),
            Default::Zero,
            "What Value is while no wire leads to it.",
        ),
    ],
    inputs: &[
        DICTIONARY_IN,
        DataSocket::new("Key", DataType::String, "The key.").or("Key"),
        DataSocket::of("Value", "Data Type", "The value.").or("Default Value"),
    ],
    outputs: &[DICTIONARY_OUT],
    build: |_| {
        work(|turn| {
            let mut entries = dictionary(turn, 0);
            let key = turn.text(1);
            let value = turn.input(2).clone();
            Rc::make_mut(&mut entries).insert(key, value);
            turn.set(0, Value::Dictionary(entries).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Set Dictionary Elements.
pub static SET_DICTIONARY_ELEMENTS: NodeType = NodeType {
    title: "Set Dictionary Elements",
    group: GROUP,
    help: "The dictionary with several values set, in the order of Keys: what would take a chain of Set Dictionary Element (Incari has no such node).",
    attributes: &[Attribute::new(
        "Keys",
        AttributeKind::List(&[KEY, Field { name: "Data Type", kind: FieldKind::Type, help: "The type of the value." }]),
        Default::Required,
        "What is set; in a file the sockets are from.value.KEY.",
    )],
    inputs: &[
        DICTIONARY_IN,
        DataSocket {
            name: "Value",
            data_type: SocketType::OfField("Data Type"),
            repeat: Repeat::Named { list: "Keys", field: "Key", only: None },
            attribute: None,
            help: "The value; the zero of its type while no wire leads to it.",
        },
    ],
    outputs: &[DICTIONARY_OUT],
    build: |attributes| {
        let keys: Vec<Rc<str>> = attributes.entries("Keys").iter().map(|entry| entry.text("Key")).collect();
        work(move |turn| {
            let mut entries = dictionary(turn, 0);
            for (index, key) in keys.iter().enumerate() {
                let value = turn.input(index + 1).clone();
                Rc::make_mut(&mut entries).insert(key.clone(), value);
            }
            turn.set(0, Value::Dictionary(entries).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Erase Dictionary Element.
pub static ERASE_DICTIONARY_ELEMENT: NodeType = NodeType {
    title: "Erase Dictionary Element",
    group: GROUP,
    help: "The dictionary without some keys. One that is not there is left alone.",
    attributes: &[Attribute::new(
        "Keys",
        AttributeKind::List(&[KEY]),
        Default::Required,
        "The keys; in a file the sockets are from.key.KEY.",
    )],
    inputs: &[
        DICTIONARY_IN,
        DataSocket::new("Key", DataType::String, "Another key than the one that is set.").times(Repeat::Named {
            list: "Keys",
            field: "Key",
            only: None,
        }),
    ],
    outputs: &[DICTIONARY_OUT],
    build: |attributes| {
        let keys: Vec<Rc<str>> = attributes.entries("Keys").iter().map(|entry| entry.text("Key")).collect();
        work(move |turn| {
            let mut entries = dictionary(turn, 0);
            for (index, key) in keys.iter().enumerate() {
                let wired = turn.text(index + 1);
                Rc::make_mut(&mut entries).shift_remove(if wired.is_empty() { key } else { &wired });
            }
            turn.set(0, Value::Dictionary(entries));
            Ok(())
        })
    },
    ..NODE
};

/// Has Dictionary Key.
pub static HAS_DICTIONARY_KEY: NodeType = NodeType {
    title: "Has Dictionary Key",
    group: GROUP,
    help: "Whether a key is there: what a Branch asks before Get Dictionary Element, of which a missing key ends the branch (Incari has no such node).",
    attributes: &[Attribute::new(
        "Key",
        AttributeKind::Value(SocketType::Is(DataType::String)),
        Default::Zero,
        "What Key is while no wire leads to it.",
    )],
    inputs: &[DICTIONARY_IN, DataSocket::new("Key", DataType::String, "The key.").or("Key")],
    outputs: &[DICTIONARY_OUT, DataSocket::new("Has", DataType::Bool, "Whether it is there.")],
    build: |_| {
        work(|turn| {
            let entries = dictionary(turn, 0);
            let has = entries.contains_key(&*turn.text(1));
            turn.set(1, Value::Bool(has));
            turn.set(0, Value::Dictionary(entries));
            Ok(())
        })
    },
    ..NODE
};

/// Get Dictionary Keys.
pub static GET_DICTIONARY_KEYS: NodeType = NodeType {
    title: "Get Dictionary Keys",
    group: GROUP,
    help: "All keys, as an array: the way to loop over a dictionary.",
    inputs: &[DICTIONARY_IN],
    outputs: &[DICTIONARY_OUT, DataSocket::new("Keys", DataType::Array, "The keys, in the order in which they came.")],
    build: |_| {
        work(|turn| {
            let entries = dictionary(turn, 0);
            let keys = entries.keys().map(|key| Value::String(key.clone())).collect();
            turn.set(1, Value::Array(Rc::new(keys)));
            turn.set(0, Value::Dictionary(entries));
            Ok(())
        })
    },
    ..NODE
};

/// Get Dictionary Values.
pub static GET_DICTIONARY_VALUES: NodeType = NodeType {
    title: "Get Dictionary Values",
    group: GROUP,
    help: "All values, as an array, in the order of the keys.",
    inputs: &[DICTIONARY_IN],
    outputs: &[DICTIONARY_OUT, DataSocket::new("Values", DataType::Array, "The values.")],
    build: |_| {
        work(|turn| {
            let entries = dictionary(turn, 0);
            let values = entries.values().cloned().collect();
            turn.set(1, Value::Array(Rc::new(values)));
            turn.set(0, Value::Dictionary(entries));
            Ok(())
        })
    },
    ..NODE
};

/// Size of Dictionary.
pub static SIZE_OF_DICTIONARY: NodeType = NodeType {
    title: "Size of Dictionary",
    group: GROUP,
    help: "How many keys there are.",
    inputs: &[DICTIONARY_IN],
    outputs: &[DICTIONARY_OUT, DataSocket::new("Size", DataType::Int, "How many.")],
    build: |_| {
        work(|turn| {
            let entries = dictionary(turn, 0);
            turn.set(1, Value::Int(i32::try_from(entries.len()).unwrap_or(i32::MAX)));
            turn.set(0, Value::Dictionary(entries));
            Ok(())
        })
    },
    ..NODE
};

/// Merge Dictionaries.
pub static MERGE_DICTIONARIES: NodeType = NodeType {
    title: "Merge Dictionaries",
    group: GROUP,
    help: "All keys of several dictionaries; of a key that several have, the first one's value.",
    attributes: &[Attribute::new(
        "Count",
        AttributeKind::Int { min: 2, max: 1_000 },
        Default::Int(2),
        "How many dictionaries.",
    )],
    inputs: &[DataSocket::new("Dictionary", DataType::Dictionary, "A dictionary.").times(Repeat::Count("Count"))],
    outputs: &[DataSocket::new("New Dictionary", DataType::Dictionary, "The merged one.")],
    build: |_| {
        work(|turn| {
            let mut merged = dictionary(turn, 0);
            for input in 1..turn.inputs() {
                for (key, value) in dictionary(turn, input).iter() {
                    Rc::make_mut(&mut merged).entry(key.clone()).or_insert_with(|| value.clone());
                }
                if merged.len() > MAX_ELEMENTS {
                    return Err(TooLarge::Bytes.into());
                }
            }
            turn.set(0, Value::Dictionary(merged).bounded()?);
            Ok(())
        })
    },
    ..NODE
};
