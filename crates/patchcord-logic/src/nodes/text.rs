//! Strings (reference §4.6). Positions and lengths count characters (Unicode scalar values), not bytes.

use std::rc::Rc;

use regex::Regex;

use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, Field, FieldKind, NodeType, Repeat,
    SocketType,
};
use crate::engine::{Failure, Turn};
use crate::nodes::NODE;
use crate::nodes::printf;
use crate::nodes::work::{fail, work};
use crate::value::{DataType, MAX_ELEMENTS, TooLarge, Value};

const GROUP: &str = "String";

/// A text attribute that an input has while no wire leads to it.
const fn text_attribute(name: &'static str, help: &'static str) -> Attribute {
    Attribute::new(name, AttributeKind::Value(SocketType::Is(DataType::String)), Default::Zero, help)
}

const fn text_input(name: &'static str, help: &'static str) -> DataSocket {
    DataSocket::new(name, DataType::String, help).or(name)
}

const STRING: Attribute = text_attribute("String", "What String is while no wire leads to it.");
const STRING_IN: DataSocket = text_input("String", "The text.");
const PATTERN: Attribute = text_attribute("Pattern", "What Pattern is while no wire leads to it.");

/// Concat Strings.
pub static CONCAT_STRINGS: NodeType = NodeType {
    title: "Concat Strings",
    group: GROUP,
    help: "Texts one behind the other.",
    attributes: &[Attribute::new(
        "Count",
        AttributeKind::Int { min: 1, max: 1_000 },
        Default::Int(2),
        "How many texts.",
    )],
    inputs: &[DataSocket::new("Input", DataType::String, "A text.").times(Repeat::Count("Count"))],
    outputs: &[DataSocket::new("Output", DataType::String, "All of them.")],
    build: |_| {
        work(|turn| {
            let mut joined = String::new();
            for input in 0..turn.inputs() {
                let text = turn.text(input);
                TooLarge::check(joined.len() + text.len())?;
                joined.push_str(&text);
            }
            turn.set(0, Value::text(joined));
            Ok(())
        })
    },
    ..NODE
};

/// Format.
pub static FORMAT: NodeType = NodeType {
    title: "Format",
    group: GROUP,
    help: "Puts values into a pattern as C's printf does: %c %d %e %f %i %o %s %u %x with flags, width and precision, %% for a percent sign. A parameter that does not suit its place is an error.",
    attributes: &[
        text_attribute("Default Pattern", "What Pattern is while no wire leads to it."),
        Attribute::new(
            "Parameters",
            AttributeKind::List(&[Field {
                name: "Data Type",
                kind: FieldKind::Type,
                help: "The type of the parameter.",
            }]),
            Default::Zero,
            "The types of the parameters, in their order.",
        ),
    ],
    inputs: &[
        DataSocket::new("Pattern", DataType::String, "The pattern.").or("Default Pattern"),
        DataSocket {
            name: "Parameter",
            data_type: SocketType::OfField("Data Type"),
            repeat: Repeat::Entries("Parameters"),
            attribute: None,
            help: "A value.",
        },
    ],
    outputs: &[DataSocket::new("Formatted", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let pattern = turn.text(0);
            let parameters: Vec<Value> = (1..turn.inputs()).map(|input| turn.input(input).clone()).collect();
            turn.set(0, Value::text(printf::format(&pattern, &parameters)?));
            Ok(())
        })
    },
    ..NODE
};

/// FormatArray.
pub static FORMAT_ARRAY: NodeType = NodeType {
    title: "FormatArray",
    group: GROUP,
    help: "Puts the elements of an array into a pattern, as Format does.",
    attributes: &[PATTERN],
    inputs: &[text_input("Pattern", "The pattern."), DataSocket::new("Values", DataType::Array, "The values.")],
    outputs: &[DataSocket::new("Formatted", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let pattern = turn.text(0);
            let values = turn.input(1).clone();
            let elements = if let Value::Array(elements) = &values { &elements[..] } else { &[] };
            turn.set(0, Value::text(printf::format(&pattern, elements)?));
            Ok(())
        })
    },
    ..NODE
};

/// Split.
pub static SPLIT: NodeType = NodeType {
    title: "Split",
    group: GROUP,
    help: "The parts of a text between delimiters. An empty delimiter gives the characters.",
    attributes: &[STRING, text_attribute("Delimiter", "What Delimiter is while no wire leads to it.")],
    inputs: &[STRING_IN, text_input("Delimiter", "What is between the parts.")],
    outputs: &[DataSocket::new("Array", DataType::Array, "The parts.")],
    build: |_| {
        work(|turn| {
            let (text, delimiter) = (turn.text(0), turn.text(1));
            let parts: Vec<Value> = if delimiter.is_empty() {
                text.chars().take(MAX_ELEMENTS + 1).map(|letter| Value::text(letter.to_string())).collect()
            } else {
                text.split(&*delimiter).take(MAX_ELEMENTS + 1).map(Value::text).collect()
            };
            turn.set(0, Value::Array(Rc::new(parts)).bounded()?);
            Ok(())
        })
    },
    ..NODE
};

/// Join.
pub static JOIN: NodeType = NodeType {
    title: "Join",
    group: GROUP,
    help: "The elements of an array as one text. An element that is no text is written as Conversion would.",
    attributes: &[text_attribute("Separator", "What Separator is while no wire leads to it.")],
    inputs: &[
        DataSocket::new("Array of strings", DataType::Array, "The parts."),
        text_input("Separator", "What is put between them."),
    ],
    outputs: &[DataSocket::new("Joined string", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let array = turn.input(0).clone();
            let separator = turn.text(1);
            let elements = if let Value::Array(elements) = &array { &elements[..] } else { &[] };
            let mut joined = String::new();
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    joined.push_str(&separator);
                }
                joined.push_str(&crate::convert::to_text(element));
                TooLarge::check(joined.len())?;
            }
            turn.set(0, Value::text(joined));
            Ok(())
        })
    },
    ..NODE
};

/// What Contains, StartsWith and EndsWith share.
const ASKED: NodeType = NodeType {
    group: GROUP,
    attributes: &[STRING, PATTERN],
    inputs: &[STRING_IN, text_input("Pattern", "What is looked for.")],
    ..NODE
};

fn asked(holds: fn(&str, &str) -> bool) -> Result<Box<dyn Behaviour>, AttributeError> {
    work(move |turn| {
        let (text, pattern) = (turn.text(0), turn.text(1));
        turn.set(0, Value::Bool(holds(&text, &pattern)));
        Ok(())
    })
}

/// Contains.
pub static CONTAINS: NodeType = NodeType {
    title: "Contains",
    help: "Whether a text contains another.",
    outputs: &[DataSocket::new("Contains", DataType::Bool, "Whether it does.")],
    build: |_| asked(|text, pattern| text.contains(pattern)),
    ..ASKED
};

/// StartsWith.
pub static STARTS_WITH: NodeType = NodeType {
    title: "StartsWith",
    help: "Whether a text begins with another.",
    outputs: &[DataSocket::new("StartsWith", DataType::Bool, "Whether it does.")],
    build: |_| asked(|text, pattern| text.starts_with(pattern)),
    ..ASKED
};

/// EndsWith.
pub static ENDS_WITH: NodeType = NodeType {
    title: "EndsWith",
    help: "Whether a text ends with another.",
    outputs: &[DataSocket::new("EndsWith", DataType::Bool, "Whether it does.")],
    build: |_| asked(|text, pattern| text.ends_with(pattern)),
    ..ASKED
};

/// Compare.
pub static COMPARE: NodeType = NodeType {
    title: "Compare",
    group: GROUP,
    help: "Whether two texts are the same.",
    attributes: &[
        text_attribute("String 1", "What String 1 is while no wire leads to it."),
        text_attribute("String 2", "What String 2 is while no wire leads to it."),
    ],
    inputs: &[text_input("String 1", "The one."), text_input("String 2", "The other.")],
    outputs: &[
        DataSocket::new("Result", DataType::Int, "0 when they are, -1 when not."),
        DataSocket::new("Equal", DataType::Bool, "Whether they are."),
    ],
    build: |_| {
        work(|turn| {
            let equal = turn.text(0) == turn.text(1);
            turn.set(0, Value::Int(if equal { 0 } else { -1 }));
            turn.set(1, Value::Bool(equal));
            Ok(())
        })
    },
    ..NODE
};

/// IndexOf.
pub static INDEX_OF: NodeType = NodeType {
    title: "IndexOf",
    group: GROUP,
    help: "Where a text stands in another, first.",
    attributes: &[
        STRING,
        PATTERN,
        Attribute::new(
            "StartIndex",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(0),
            "What StartIndex is while no wire leads to it.",
        ),
        Attribute::new(
            "EndIndex",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(-1),
            "What EndIndex is while no wire leads to it.",
        ),
    ],
    inputs: &[
        STRING_IN,
        text_input("Pattern", "What is looked for."),
        DataSocket::new("StartIndex", DataType::Int, "Where the search begins.").or("StartIndex"),
        DataSocket::new("EndIndex", DataType::Int, "Before which character it ends; below 0 at the end.")
            .or("EndIndex"),
    ],
    outputs: &[
        DataSocket::new("IndexOf", DataType::Int, "The position, from 0; -1 when it is not there."),
        DataSocket::new("Found", DataType::Bool, "Whether it is there."),
    ],
    build: |_| {
        work(|turn| {
            let (text, pattern) = (turn.text(0), turn.text(1));
            let start = usize::try_from(turn.int(2)).unwrap_or(0);
            let end = usize::try_from(turn.int(3)).unwrap_or(usize::MAX);
            let part: String = text.chars().take(end).skip(start).collect();
            let found = part.find(&*pattern).map(|byte| start + part[..byte].chars().count());
            turn.set(0, Value::Int(found.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1)));
            turn.set(1, Value::Bool(found.is_some()));
            Ok(())
        })
    },
    ..NODE
};

/// Substring.
pub static SUBSTRING: NodeType = NodeType {
    title: "Substring",
    group: GROUP,
    help: "A part of a text; as much of it as there is.",
    attributes: &[
        text_attribute("Source", "What Source is while no wire leads to it."),
        Attribute::new(
            "Start index",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(0),
            "What Start index is while no wire leads to it.",
        ),
        Attribute::new(
            "Length",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(-1),
            "What Length is while no wire leads to it.",
        ),
    ],
    inputs: &[
        text_input("Source", "The text."),
        DataSocket::new("Start index", DataType::Int, "Its first character, from 0.").or("Start index"),
        DataSocket::new("Length", DataType::Int, "How many; below 0 to the end.").or("Length"),
    ],
    outputs: &[DataSocket::new("Substring", DataType::String, "The part.")],
    build: |_| {
        work(|turn| {
            let text = turn.text(0);
            let start = usize::try_from(turn.int(1)).unwrap_or(0);
            let length = usize::try_from(turn.int(2)).unwrap_or(usize::MAX);
            let part: String = text.chars().skip(start).take(length).collect();
            turn.set(0, Value::text(part));
            Ok(())
        })
    },
    ..NODE
};

const FROM: Attribute = text_attribute("From", "What From is while no wire leads to it.");
const TO: Attribute = text_attribute("To", "What To is while no wire leads to it.");

/// Replace.
pub static REPLACE: NodeType = NodeType {
    title: "Replace",
    group: GROUP,
    help: "A text with all occurrences of another replaced. An empty From replaces nothing.",
    attributes: &[STRING, FROM, TO],
    inputs: &[STRING_IN, text_input("From", "What is replaced."), text_input("To", "By what.")],
    outputs: &[DataSocket::new("Result", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let (text, from, to) = (turn.text(0), turn.text(1), turn.text(2));
            if from.is_empty() {
                turn.set(0, Value::String(text));
                return Ok(());
            }
            let found = text.matches(&*from).count();
            TooLarge::check((text.len() - found * from.len()).saturating_add(found.saturating_mul(to.len())))?;
            turn.set(0, Value::text(text.replace(&*from, &to)));
            Ok(())
        })
    },
    ..NODE
};

/// ReplaceRegex.
pub static REPLACE_REGEX: NodeType = NodeType {
    title: "ReplaceRegex",
    group: GROUP,
    help: "A text with all matches of a regular expression replaced; $1 in To is the first group. Expressions have no look-around and no back references.",
    attributes: &[STRING, FROM, TO],
    inputs: &[STRING_IN, text_input("From", "The expression."), text_input("To", "By what.")],
    outputs: &[DataSocket::new("Result", DataType::String, "The text.")],
    build: |_| {
        let cache = Expression::default();
        work(move |turn| {
            let (text, from, to) = (turn.text(0), turn.text(1), turn.text(2));
            let (mut result, mut done) = (String::new(), 0);
            for found in cache.compiled(&from)?.captures_iter(&text) {
                let range = found.get_match().range();
                result.push_str(&text[done..range.start]);
                found.expand(&to, &mut result);
                TooLarge::check(result.len())?;
                done = range.end;
            }
            result.push_str(&text[done..]);
            TooLarge::check(result.len())?;
            turn.set(0, Value::text(result));
            Ok(())
        })
    },
    ..NODE
};

/// MatchRegex.
pub static MATCH_REGEX: NodeType = NodeType {
    title: "MatchRegex",
    group: GROUP,
    help: "Whether and where a regular expression matches. Expressions have no look-around and no back references.",
    attributes: &[
        STRING,
        text_attribute("Regex", "What Regex is while no wire leads to it."),
        Attribute::new(
            "From",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(0),
            "What From is while no wire leads to it.",
        ),
        Attribute::new(
            "To",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(-1),
            "What To is while no wire leads to it.",
        ),
        Attribute::new(
            "Count all matches",
            AttributeKind::Value(SocketType::Is(DataType::Bool)),
            Default::Bool(false),
            "What Count all matches is while no wire leads to it.",
        ),
    ],
    inputs: &[
        STRING_IN,
        text_input("Regex", "The expression."),
        DataSocket::new("From", DataType::Int, "Where the search begins.").or("From"),
        DataSocket::new("To", DataType::Int, "Before which character it ends; below 0 at the end.").or("To"),
        DataSocket::new(
            "Count all matches",
            DataType::Bool,
            "Whether all matches are counted, or the first ends the search.",
        )
        .or("Count all matches"),
    ],
    outputs: &[
        DataSocket::new("Found", DataType::Bool, "Whether it matches."),
        DataSocket::new("Position", DataType::Int, "Where the first match begins, from 0; -1 without one."),
        DataSocket::new("Match count", DataType::Int, "How many matches there are; at most 1 unless all are counted."),
    ],
    build: |_| {
        let cache = Expression::default();
        work(move |turn| {
            let (text, pattern) = (turn.text(0), turn.text(1));
            let start = usize::try_from(turn.int(2)).unwrap_or(0);
            let end = usize::try_from(turn.int(3)).unwrap_or(usize::MAX);
            let all = turn.flag(4);
            let part: String = text.chars().take(end).skip(start).collect();
            let expression = cache.compiled(&pattern)?;
            let first = expression.find(&part).map(|found| start + part[..found.start()].chars().count());
            let count = if all { expression.find_iter(&part).count() } else { usize::from(first.is_some()) };
            turn.set(0, Value::Bool(first.is_some()));
            turn.set(1, Value::Int(first.and_then(|index| i32::try_from(index).ok()).unwrap_or(-1)));
            turn.set(2, Value::Int(i32::try_from(count).unwrap_or(i32::MAX)));
            Ok(())
        })
    },
    ..NODE
};

/// The last expression of a node, compiled.
#[derive(Default)]
struct Expression(std::cell::RefCell<Option<(Rc<str>, Regex)>>);

impl Expression {
    fn compiled(&self, pattern: &Rc<str>) -> Result<Regex, Failure> {
        let mut last = self.0.borrow_mut();
        if let Some((text, expression)) = &*last
            && text == pattern
        {
            return Ok(expression.clone());
        }
        match Regex::new(pattern) {
            Ok(expression) => {
                *last = Some((pattern.clone(), expression.clone()));
                Ok(expression)
            }
            Err(error) => fail(format!("the regular expression is wrong: {error}")),
        }
    }
}

/// Length.
pub static LENGTH: NodeType = NodeType {
    title: "Length",
    group: GROUP,
    help: "How many characters a text has.",
    attributes: &[STRING],
    inputs: &[STRING_IN],
    outputs: &[DataSocket::new("Length", DataType::Int, "How many.")],
    build: |_| {
        work(|turn| {
            let count = turn.text(0).chars().count();
            turn.set(0, Value::Int(i32::try_from(count).unwrap_or(i32::MAX)));
            Ok(())
        })
    },
    ..NODE
};

/// What Lower and Upper share.
const CHANGED: NodeType = NodeType {
    group: GROUP,
    attributes: &[STRING],
    inputs: &[STRING_IN],
    outputs: &[DataSocket::new("Result", DataType::String, "The text.")],
    ..NODE
};

fn changed(change: fn(&str) -> String) -> Result<Box<dyn Behaviour>, AttributeError> {
    work(move |turn: &mut Turn<'_>| {
        let text = turn.text(0);
        let changed = change(&text);
        TooLarge::check(changed.len())?;
        turn.set(0, Value::text(changed));
        Ok(())
    })
}

/// Lower.
pub static LOWER: NodeType =
    NodeType { title: "Lower", help: "A text in lower case.", build: |_| changed(str::to_lowercase), ..CHANGED };

/// Upper.
pub static UPPER: NodeType =
    NodeType { title: "Upper", help: "A text in upper case.", build: |_| changed(str::to_uppercase), ..CHANGED };

/// Trim.
pub static TRIM: NodeType = NodeType {
    title: "Trim",
    group: GROUP,
    help: "A text without some characters at its ends; without white space when none are named.",
    attributes: &[STRING, text_attribute("Characters", "What Characters is while no wire leads to it.")],
    inputs: &[STRING_IN, text_input("Characters", "The characters.")],
    outputs: &[DataSocket::new("Trimmed", DataType::String, "The text.")],
    build: |_| {
        work(|turn| {
            let (text, characters) = (turn.text(0), turn.text(1));
            let trimmed = if characters.is_empty() {
                text.trim()
            } else {
                text.trim_matches(|letter| characters.contains(letter))
            };
            turn.set(0, Value::text(trimmed));
            Ok(())
        })
    },
    ..NODE
};
