//! JSON, conversions, handles, files, the clock of the wall, assertions (reference §4.6).

use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::convert::{can_convert, convert, from_json, to_bounded_json, to_text, unwrap_any};
use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, NodeType, PulseSocket, Scopes, SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::nodes::NODE;
use crate::nodes::work::{fail, work};
use crate::ports::{Answer, Level, Occurrence, Payload, Question};
use crate::value::{DataType, Value};

const TEXT: AttributeKind = AttributeKind::Value(SocketType::Is(DataType::String));
const INT: AttributeKind = AttributeKind::Value(SocketType::Is(DataType::Int));

/// JSON Parse.
pub static JSON_PARSE: NodeType = NodeType {
    title: "JSON Parse",
    group: "String/JSON",
    help: "The value that a JSON text says; a Conversion makes it what it is. A text that is no JSON is an error.",
    attributes: &[Attribute::new("Value", TEXT, Default::Zero, "What Input is while no wire leads to it.")],
    inputs: &[DataSocket::new("Input", DataType::String, "The text.").or("Value")],
    outputs: &[
        DataSocket::new("Output", DataType::Any, "The value."),
        DataSocket::new("IsArray", DataType::Bool, "Whether it is an array."),
    ],
    build: |_| {
        work(|turn| {
            let text = turn.text(0);
            let value = from_json(&text)?;
            turn.set(1, Value::Bool(value.data_type() == DataType::Array));
            turn.set(0, value);
            Ok(())
        })
    },
    ..NODE
};

/// JSON Stringify.
pub static JSON_STRINGIFY: NodeType = NodeType {
    title: "JSON Stringify",
    group: "String/JSON",
    help: "A value as JSON.",
    attributes: &[Attribute::new(
        "Beautified",
        AttributeKind::Bool,
        Default::Bool(false),
        "With line ends and indents; else compact.",
    )],
    inputs: &[DataSocket::new("Input", DataType::Any, "The value.")],
    outputs: &[DataSocket::new("Output", DataType::String, "The text.")],
    build: |attributes| {
        let beautified = attributes.flag("Beautified");
        work(move |turn| {
            let text = to_bounded_json(turn.input(0), beautified)?;
            turn.set(0, Value::text(text));
            Ok(())
        })
    },
    ..NODE
};

/// Conversion.
pub static CONVERSION: NodeType = NodeType {
    title: "Conversion",
    group: "Utilities",
    help: "A value of one type as one of another. What comes as Any has to be of the type already; only Int and Float become one another. What cannot be converted is an error: OnError fires (Incari has no such pulse; the branch ends where it is not wired), and the output is the type's zero.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[
        Attribute::new("Input Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Any), "What comes in."),
        Attribute::new("Output Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Any), "What goes out."),
    ],
    pulse_outputs: &[PulseSocket::new("OnError", "The value could not be converted.")],
    inputs: &[DataSocket::of("Input", "Input Data Type", "The value.")],
    outputs: &[DataSocket::of("Output", "Output Data Type", "The value as the other type.")],
    build: |attributes| {
        let (from, to) = (attributes.data_type("Input Data Type"), attributes.data_type("Output Data Type"));
        if !can_convert(from, to) {
            return Err(AttributeError {
                attribute: "Output Data Type",
                message: format!("{from} cannot become {to}"),
            });
        }
        Ok(Box::new(Conversion))
    },
    ..NODE
};

struct Conversion;

impl Behaviour for Conversion {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let to = turn.output_type(0);
        let take = if turn.input_type(0) == DataType::Any { unwrap_any } else { convert };
        match take(turn.input(0), to) {
            Ok(value) => {
                turn.set(0, value);
                Ok(Flow::Next)
            }
            Err(error) => {
                turn.set(0, to.zero());
                turn.say(Level::Error, &error.to_string());
                Ok(Flow::Out(1))
            }
        }
    }
}

/// Is Data Type.
pub static IS_DATA_TYPE: NodeType = NodeType {
    title: "Is Data Type",
    group: "Utilities",
    help: "Whether a value is of a type.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[Attribute::new("Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Float), "The type.")],
    inputs: &[DataSocket::new("Input", DataType::Any, "The value.")],
    outputs: &[DataSocket::new("Output", DataType::Bool, "Whether it is.")],
    build: |attributes| {
        let data_type = attributes.data_type("Data Type");
        work(move |turn| {
            let is_one = turn.input(0).data_type().fits(data_type);
            turn.set(0, Value::Bool(is_one));
            Ok(())
        })
    },
    ..NODE
};

/// Create CustomID.
pub static CREATE_CUSTOM_ID: NodeType = NodeType {
    title: "Create CustomID",
    group: "Utilities",
    help: "A handle that no other is equal to.",
    outputs: &[DataSocket::new("Output", DataType::CustomId, "The handle.")],
    build: |_| {
        work(|turn| {
            let id = turn.new_id();
            turn.set(0, Value::CustomId(id));
            Ok(())
        })
    },
    ..NODE
};

/// Get Command Line Option.
pub static GET_COMMAND_LINE_OPTION: NodeType = NodeType {
    title: "Get Command Line Option",
    group: "Utilities",
    help: "The value of an option that the program was started with: patchcord run DIR --option NAME=VALUE. One that was not given, or is not of the type, fires OnError.",
    scopes: Scopes::NO_PREFAB,
    attributes: &[
        Attribute::new(
            "Option Type",
            AttributeKind::Type(&[]),
            Default::Type(DataType::String),
            "The type of the value.",
        ),
        Attribute::new("Option Name", TEXT, Default::Zero, "What Option Name is while no wire leads to it."),
    ],
    pulse_outputs: &[PulseSocket::new("OnError", "There is no such option, or it is not of the type.")],
    inputs: &[DataSocket::new("Option Name", DataType::String, "The option.").or("Option Name")],
    outputs: &[DataSocket::of("Option Value", "Option Type", "Its value.")],
    build: |_| Ok(Box::new(CommandLineOption)),
    ..NODE
};

struct CommandLineOption;

impl Behaviour for CommandLineOption {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let name = turn.text(0);
        let to = turn.output_type(0);
        let found = turn.ports().command_line_option(&name);
        match found.map(|text| convert(&Value::text(text), to)) {
            Some(Ok(value)) => {
                turn.set(0, value);
                Ok(Flow::Next)
            }
            Some(Err(error)) => {
                turn.say(Level::Warning, &format!("the option \"{name}\": {error}"));
                Ok(Flow::Out(1))
            }
            None => Ok(Flow::Out(1)),
        }
    }
}

/// Now (UTC).
pub static NOW: NodeType = NodeType {
    title: "Now (UTC)",
    group: "Utilities/Time",
    help: "The time, in milliseconds since 1970. Incari calls it an Int; as that has 32 bits here, it is a Float, which is exact.",
    inputs: &[DataSocket::new("Offset (ms)", DataType::Int, "Added to it.")],
    outputs: &[DataSocket::new("UTC Unix (ms)", DataType::Float, "The time.")],
    build: |_| {
        work(|turn| {
            let now = turn.ports().unix_time() + i64::from(turn.int(0));
            // Exact up to the year 287,396.
            #[allow(clippy::cast_precision_loss)]
            turn.set(0, Value::Float(now as f64));
            Ok(())
        })
    },
    ..NODE
};

/// Date Time Formatter.
pub static DATE_TIME_FORMATTER: NodeType = NodeType {
    title: "Date Time Formatter",
    group: "Utilities/Time",
    help: "A time as text. A format is written as for strftime: %Y-%m-%d %H:%M:%S, %A, %B, %j and so on, names in English.",
    attributes: &[
        Attribute::new(
            "Timezone",
            AttributeKind::Choice(&["UTC", "Local", "Offset"]),
            Default::Text("UTC"),
            "In which zone: UTC, that of the machine with its summer time, or Timezone Offset.",
        ),
        Attribute::new(
            "Timezone Offset (ms)",
            INT,
            Default::Int(0),
            "What Timezone Offset is while no wire leads to it.",
        ),
        Attribute::new(
            "DST",
            AttributeKind::Value(SocketType::Is(DataType::Bool)),
            Default::Bool(false),
            "What DST is while no wire leads to it.",
        ),
        Attribute::new(
            "Format Examples",
            AttributeKind::Choice(&[
                "2024-02-28 13:45:00",
                "28.02.2024",
                "02/28/2024",
                "13:45",
                "13:45:00",
                "Wednesday, 28 February 2024",
                "2024-02-28T13:45:00Z",
                "Custom",
            ]),
            Default::Text("2024-02-28 13:45:00"),
            "The form, by an example.",
        ),
        Attribute::new("Custom Format", TEXT, Default::Zero, "The format when the example is Custom."),
    ],
    inputs: &[
        DataSocket::new("UTC Unix (ms)", DataType::Float, "The time, in milliseconds since 1970."),
        DataSocket::new("Timezone Offset (ms)", DataType::Int, "Milliseconds east of UTC, for the zone Offset.")
            .or("Timezone Offset (ms)"),
        DataSocket::new("DST", DataType::Bool, "Summer time: an hour more, for the zone Offset.").or("DST"),
        DataSocket::new("Format", DataType::String, "Another format."),
    ],
    outputs: &[DataSocket::new("Output", DataType::String, "The text.")],
    build: |attributes| {
        let zone = attributes.text("Timezone");
        let example = attributes.text("Format Examples");
        let custom = match attributes.value("Custom Format") {
            Value::String(text) => text,
            _ => Rc::from(""),
        };
        let format: Rc<str> = match &*example {
            "28.02.2024" => Rc::from("%d.%m.%Y"),
            "02/28/2024" => Rc::from("%m/%d/%Y"),
            "13:45" => Rc::from("%H:%M"),
            "13:45:00" => Rc::from("%H:%M:%S"),
            "Wednesday, 28 February 2024" => Rc::from("%A, %-d %B %Y"),
            "2024-02-28T13:45:00Z" => Rc::from("%Y-%m-%dT%H:%M:%SZ"),
            "Custom" => custom,
            _ => Rc::from("%Y-%m-%d %H:%M:%S"),
        };
        work(move |turn| {
            let time = turn.float(0);
            if !time.is_finite() {
                return fail(format!("{time} is no time"));
            }
            // Times within the years that there are names for; `as` keeps the ends.
            #[allow(clippy::cast_possible_truncation)]
            let time = time as i64;
            let offset = match &*zone {
                "Local" => turn.ports().zone_offset(time),
                "Offset" => i64::from(turn.int(1)) + if turn.flag(2) { 3_600_000 } else { 0 },
                _ => 0,
            };
            let wired = turn.text(3);
            let format = if wired.is_empty() { format.clone() } else { wired };
            let offset = i32::try_from(offset / 1000).ok().and_then(|seconds| Offset::from_seconds(seconds).ok());
            let (Some(offset), Ok(time)) = (offset, Timestamp::from_millisecond(time)) else {
                return fail("the time or the offset is out of range");
            };
            let zoned = time.to_zoned(TimeZone::fixed(offset));
            match jiff::fmt::strtime::format(&*format, &zoned) {
                Ok(text) => turn.set(0, Value::text(text)),
                Err(error) => return fail(format!("the format \"{format}\": {error}")),
            }
            Ok(())
        })
    },
    ..NODE
};

/// Load File.
pub static LOAD_FILE: NodeType = NodeType {
    title: "Load File",
    group: "Utilities/Files",
    help: "The content of a text file. ► fires when it has been read; OnError (which Incari has not) when it could not be.",
    attributes: &[Attribute::new("File", TEXT, Default::Required, "The file, relative to the patch.")],
    pulse_outputs: &[PulseSocket::new("OnError", "It could not be read.")],
    outputs: &[DataSocket::new("Content", DataType::String, "What it holds.")],
    later: &["", "OnError"],
    build: |attributes| {
        let path = Rc::from(to_text(&attributes.value("File")));
        Ok(Box::new(LoadFile { path }))
    },
    ..NODE
};

struct LoadFile {
    path: Rc<str>,
}

impl Behaviour for LoadFile {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        turn.ask(Question::LoadFile { path: self.path.clone() })?;
        Ok(Flow::End)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        match occurrence {
            Occurrence::Answer { result: Answer::Text(text), .. } => {
                turn.set(0, Value::String(text.clone()));
                Ok(Flow::Next)
            }
            other => failed(turn, other),
        }
    }
}

/// Says what failed, and goes out by the first output beside the standard one.
fn failed(turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
    if let Occurrence::Answer { result: Answer::Failed(reason), .. } = occurrence {
        turn.say(Level::Error, reason);
        return Ok(Flow::Out(1));
    }
    Ok(Flow::End)
}

/// Save File.
pub static SAVE_FILE: NodeType = NodeType {
    title: "Save File",
    group: "Utilities/Files",
    help: "Writes a text file, as a whole. ► fires when it has been written; OnError (which Incari has not) when it could not be.",
    attributes: &[
        Attribute::new("File's Local Path", TEXT, Default::Required, "The file, relative to the patch."),
        Attribute::new(
            "Overwrite File if Exists",
            AttributeKind::Bool,
            Default::Bool(true),
            "Whether a file that is there is replaced; else it is an error.",
        ),
    ],
    pulse_outputs: &[PulseSocket::new("OnError", "It could not be written.")],
    inputs: &[DataSocket::new("Content", DataType::String, "What it will hold.")],
    later: &["", "OnError"],
    build: |attributes| {
        let path = Rc::from(to_text(&attributes.value("File's Local Path")));
        Ok(Box::new(SaveFile { path, overwrite: attributes.flag("Overwrite File if Exists") }))
    },
    ..NODE
};

struct SaveFile {
    path: Rc<str>,
    overwrite: bool,
}

impl Behaviour for SaveFile {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let content = Payload::Text(turn.text(0));
        turn.ask(Question::SaveFile { path: self.path.clone(), content, overwrite: self.overwrite })?;
        Ok(Flow::End)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        match occurrence {
            Occurrence::Answer { result: Answer::Done, .. } => Ok(Flow::Next),
            other => failed(turn, other),
        }
    }
}

/// Assert.
pub static ASSERT: NodeType = NodeType {
    title: "Assert",
    group: "Development",
    help: "Compares two values and says in the console when that does not hold; the pulse goes on in any case.",
    attributes: &[
        Attribute::new("Data Type", AttributeKind::Type(&[]), Default::Type(DataType::Int), "The type of both values."),
        Attribute::new(
            "Operator",
            AttributeKind::Choice(&["==", "!=", "<", "<=", ">", ">="]),
            Default::Text("=="),
            "What has to hold.",
        ),
        Attribute::new(
            "Default A",
            AttributeKind::Value(SocketType::Of("Data Type")),
            Default::Zero,
            "What A is while no wire leads to it.",
        ),
        Attribute::new(
            "Default B",
            AttributeKind::Value(SocketType::Of("Data Type")),
            Default::Zero,
            "What B is while no wire leads to it.",
        ),
        Attribute::new("Label", AttributeKind::Text, Default::Zero, "What the console calls it."),
    ],
    inputs: &[
        DataSocket::of("A", "Data Type", "The one.").or("Default A"),
        DataSocket::of("B", "Data Type", "The other.").or("Default B"),
    ],
    outputs: &[DataSocket::new("C", DataType::Bool, "Whether it holds.")],
    build: |attributes| {
        let (operator, label) = (attributes.text("Operator"), attributes.text("Label"));
        let is_number = matches!(attributes.data_type("Data Type"), DataType::Int | DataType::Float | DataType::Byte);
        if !is_number && !matches!(&*operator, "==" | "!=") {
            let message = "only numbers are greater or less; use == or !=".to_owned();
            return Err(crate::declaration::AttributeError { attribute: "Operator", message });
        }
        work(move |turn| {
            let (a, b) = (turn.input(0).clone(), turn.input(1).clone());
            let (x, y) = (turn.float(0), turn.float(1));
            let holds = match &*operator {
                "!=" => a != b,
                "<" => x < y,
                "<=" => x <= y,
                ">" => x > y,
                ">=" => x >= y,
                _ => a == b,
            };
            if !holds {
                let text = format!(
                    "assertion {label}failed: {} {operator} {}",
                    to_text(&a),
                    to_text(&b),
                    label = if label.is_empty() { String::new() } else { format!("\"{label}\" ") }
                );
                turn.say(Level::Error, &text);
            }
            turn.set(0, Value::Bool(holds));
            Ok(())
        })
    },
    ..NODE
};
