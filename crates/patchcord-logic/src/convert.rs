//! How a value of one type becomes one of another (reference §4.7, the table of conversions).
//!
//! The rules are the same for the node Conversion, for literals in a graph file and for what the outside hands in.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::value::{DataType, Dictionary, TooLarge, Value};

/// Why a value cannot become one of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// There is no rule for this pair.
    #[error("{from} cannot become {to}")]
    NoRule {
        /// The type that there is.
        from: DataType,
        /// The type that was asked for.
        to: DataType,
    },
    /// A value of any type is not of the one that was asked for, and is not turned into it.
    #[error("the value is {from}, not {to}{}", way(*from, *to))]
    Tag {
        /// The type that there is.
        from: DataType,
        /// The type that was asked for.
        to: DataType,
    },
    /// The text says no such value.
    #[error("\"{text}\" is no {to}")]
    Text {
        /// The text, cut to 60 characters.
        text: String,
        /// The type that was asked for.
        to: DataType,
    },
    /// The number does not fit.
    #[error("{number} does not fit into {to}")]
    Range {
        /// The number.
        number: String,
        /// The type that was asked for.
        to: DataType,
    },
    /// The text is no JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// The bytes are no UTF-8.
    #[error("the bytes are no UTF-8 text")]
    Utf8,
    /// The text would be too long.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// How a value that came as Any becomes one of another type after all.
fn way(from: DataType, to: DataType) -> String {
    if can_convert(from, to) {
        format!(": a Conversion whose Input Data Type is {from} turns it into {to}")
    } else {
        String::new()
    }
}

/// Whether [`convert`] has a rule for this pair of types; a value may still have no counterpart.
pub fn can_convert(from: DataType, to: DataType) -> bool {
    use DataType::{Any, Array, Binary, Bool, Byte, CustomId, Dictionary, Float, InstanceId, Int, String};
    let is_number = matches!(from, Bool | Int | Byte | Float | String);
    match to {
        _ if from == to || from == Any => true,
        Any => true,
        String => !matches!(from, CustomId | InstanceId),
        Bool | Int | Byte | Float => is_number,
        Array | Dictionary | Binary => from == String,
        CustomId | InstanceId => false,
        // Vectors and colours.
        _ => from == Array || from.components().is_some_and(|count| Some(count) == to.components()),
    }
}

/// Turns a value into one of type `to`.
///
/// # Errors
/// When there is no rule for the pair of types, or the value has no counterpart.
pub fn convert(value: &Value, to: DataType) -> Result<Value, ConvertError> {
    let from = value.data_type();
    if from == to || to == DataType::Any {
        return Ok(value.clone());
    }
    let no_rule = || Err(ConvertError::NoRule { from, to });
    match to {
        DataType::String => match value {
            Value::Nothing => no_rule(),
            Value::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::text(text)),
                Err(_) => Err(ConvertError::Utf8),
            },
            Value::CustomId(_) | Value::InstanceId(_) => no_rule(),
            _ => {
                let text = to_text(value);
                TooLarge::check(text.len())?;
                Ok(Value::text(text))
            }
        },
        DataType::Bool => match value {
            Value::Int(number) => Ok(Value::Bool(*number != 0)),
            Value::Byte(number) => Ok(Value::Bool(*number != 0)),
            Value::Float(number) => Ok(Value::Bool(*number != 0.0)),
            Value::String(text) => bool_of(text),
            _ => no_rule(),
        },
        DataType::Int | DataType::Byte => whole(value, to),
        DataType::Float => match value {
            Value::Bool(flag) => Ok(Value::Float(f64::from(u8::from(*flag)))),
            Value::Int(number) => Ok(Value::Float(f64::from(*number))),
            Value::Byte(number) => Ok(Value::Float(f64::from(*number))),
            Value::String(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Float(number)),
                _ => Err(no_text(text, to)),
            },
            _ => no_rule(),
        },
        DataType::Array | DataType::Dictionary => match value {
            Value::String(text) => {
                let parsed = from_json(text)?;
                if parsed.data_type() == to { Ok(parsed) } else { Err(no_text(text, to)) }
            }
            _ => no_rule(),
        },
        DataType::Binary => match value {
            Value::String(text) => Ok(Value::Binary(Rc::from(text.as_bytes()))),
            _ => no_rule(),
        },
        DataType::Vector2 | DataType::Vector3 | DataType::Vector4 | DataType::Color => vector(value, to),
        DataType::Any | DataType::CustomId | DataType::InstanceId => no_rule(),
    }
}

/// Takes a value out of an Any: it has to be of type `to` already; only Int and Float become one another.
///
/// # Errors
/// When it is of another type, or a Float does not fit into an Int.
pub fn unwrap_any(value: &Value, to: DataType) -> Result<Value, ConvertError> {
    let from = value.data_type();
    match (from, to) {
        _ if from == to || to == DataType::Any => Ok(value.clone()),
        (DataType::Int, DataType::Float) | (DataType::Float, DataType::Int) => convert(value, to),
        _ => Err(ConvertError::Tag { from, to }),
    }
}

/// A vector from an array of as many numbers, or from one of the other type with as many components.
fn vector(value: &Value, to: DataType) -> Result<Value, ConvertError> {
    let no_rule = ConvertError::NoRule { from: value.data_type(), to };
    let numbers: Option<Vec<f64>> = match value {
        Value::Array(elements) => elements
            .iter()
            .map(|element| match convert(element, DataType::Float) {
                Ok(Value::Float(number)) if !matches!(element, Value::String(_)) => Some(number),
                _ => None,
            })
            .collect(),
        Value::Vector(_, numbers) => Some(numbers.to_vec()),
        _ => None,
    };
    match numbers {
        Some(numbers) if Some(numbers.len()) == to.components() => Ok(Value::Vector(to, Rc::from(numbers))),
        _ => Err(no_rule),
    }
}

fn bool_of(text: &str) -> Result<Value, ConvertError> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("true") || trimmed == "1" {
        Ok(Value::Bool(true))
    } else if trimmed.eq_ignore_ascii_case("false") || trimmed == "0" {
        Ok(Value::Bool(false))
    } else {
        Err(no_text(text, DataType::Bool))
    }
}

/// Int and Byte: floats are cut toward zero.
fn whole(value: &Value, to: DataType) -> Result<Value, ConvertError> {
    let number: f64 = match value {
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Int(number) => f64::from(*number),
        Value::Byte(number) => f64::from(*number),
        Value::Float(number) => number.trunc(),
        Value::String(text) => match text.trim().parse::<i64>() {
            // Beyond 2^53 it is out of range anyway.
            #[allow(clippy::cast_precision_loss)]
            Ok(number) => number as f64,
            Err(_) => return Err(no_text(text, to)),
        },
        _ => return Err(ConvertError::NoRule { from: value.data_type(), to }),
    };
    let (low, high) = match to {
        DataType::Byte => (f64::from(i8::MIN), f64::from(i8::MAX)),
        _ => (f64::from(i32::MIN), f64::from(i32::MAX)),
    };
    if !(low..=high).contains(&number) {
        return Err(ConvertError::Range { number: to_text(value), to });
    }
    // Whole and within the range, as has just been seen.
    #[allow(clippy::cast_possible_truncation)]
    Ok(if to == DataType::Byte { Value::Byte(number as i8) } else { Value::Int(number as i32) })
}

fn no_text(text: &str, to: DataType) -> ConvertError {
    ConvertError::Text { text: text.chars().take(60).collect(), to }
}

/// The value as people read it: text as it is, numbers in decimal, lists and dictionaries as compact JSON.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Float(number) => number.to_string(),
        Value::CustomId(id) => format!("CustomID {id}"),
        Value::InstanceId(id) => format!("InstanceID {id}"),
        Value::Binary(bytes) => {
            let mut text = String::with_capacity(2 * bytes.len());
            for byte in bytes.iter() {
                // Writing into a String does not fail.
                let _ = write!(text, "{byte:02x}");
            }
            text
        }
        _ => to_json(value, false),
    }
}

/// The value as JSON, compact or with line ends and indents. What JSON has no form for becomes text: bytes and
/// handles as [`to_text`] writes them, floats that are not finite as `null`.
pub fn to_json(value: &Value, beautified: bool) -> String {
    let json = json_of(value);
    let text = if beautified { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
    // A tree of JSON values always has a text.
    text.unwrap_or_default()
}

/// [`to_json`], if the text is within the bounds of a value.
///
/// # Errors
/// When it is not.
pub fn to_bounded_json(value: &Value, beautified: bool) -> Result<String, TooLarge> {
    let (json, mut text) = (json_of(value), BoundedText(Vec::new()));
    let written = if beautified {
        serde_json::to_writer_pretty(&mut text, &json)
    } else {
        serde_json::to_writer(&mut text, &json)
    };
    written.map_err(|_| TooLarge::Bytes)?;
    // All that JSON's writer writes is UTF-8.
    Ok(String::from_utf8(text.0).unwrap_or_default())
}

/// A writer that takes no more than a value may have.
struct BoundedText(Vec<u8>);

impl std::io::Write for BoundedText {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        TooLarge::check(self.0.len() + piece.len()).map_err(std::io::Error::other)?;
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Nothing => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Byte(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => (**text).into(),
        Value::Array(elements) => serde_json::Value::Array(elements.iter().map(json_of).collect()),
        Value::Dictionary(entries) => {
            serde_json::Value::Object(entries.iter().map(|(key, value)| (key.to_string(), json_of(value))).collect())
        }
        Value::Vector(_, numbers) => serde_json::Value::from(numbers.to_vec()),
        Value::Binary(_) | Value::CustomId(_) | Value::InstanceId(_) => to_text(value).into(),
    }
}

/// Reads JSON: whole numbers that fit become Int, other numbers Float, null nothing.
///
/// # Errors
/// When the text is no JSON, or is nested deeper than [`MAX_DEPTH`](crate::value::MAX_DEPTH).
pub fn from_json(text: &str) -> Result<Value, ConvertError> {
    // serde_json refuses by itself what is nested deeper than 128.
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => Ok(value_of(json)),
        Err(error) => Err(ConvertError::Json(error.to_string())),
    }
}

fn value_of(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nothing,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => match number.as_i64().and_then(|whole| i32::try_from(whole).ok()) {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(elements) => Value::Array(Rc::new(elements.into_iter().map(value_of).collect())),
        serde_json::Value::Object(entries) => {
            let entries: Dictionary =
                entries.into_iter().map(|(key, value)| (Rc::from(key), value_of(value))).collect();
            Value::Dictionary(Rc::new(entries))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_the_table() {
        let text = |text: &str| Value::text(text);
        let rows = [
            (Value::Bool(true), DataType::String, Ok(text("true"))),
            (Value::Float(0.1), DataType::String, Ok(text("0.1"))),
            (Value::Int(-7), DataType::String, Ok(text("-7"))),
            (text(" 42 "), DataType::Int, Ok(Value::Int(42))),
            (text("2.5"), DataType::Float, Ok(Value::Float(2.5))),
            (text("FALSE"), DataType::Bool, Ok(Value::Bool(false))),
            (text("1"), DataType::Bool, Ok(Value::Bool(true))),
            (Value::Float(-2.9), DataType::Int, Ok(Value::Int(-2))),
            (Value::Int(-128), DataType::Byte, Ok(Value::Byte(-128))),
            (Value::Float(3.0), DataType::Bool, Ok(Value::Bool(true))),
            (text("é"), DataType::Binary, Ok(Value::Binary(Rc::from("é".as_bytes())))),
            (
                text("[1,2.5,null]"),
                DataType::Array,
                Ok(Value::Array(Rc::new(vec![Value::Int(1), Value::Float(2.5), Value::Nothing]))),
            ),
            (Value::Array(Rc::new(vec![Value::Int(1), Value::text("a")])), DataType::String, Ok(text("[1,\"a\"]"))),
            (Value::Int(128), DataType::Byte, Err(ConvertError::Range { number: "128".into(), to: DataType::Byte })),
            (
                Value::Float(f64::NAN),
                DataType::Int,
                Err(ConvertError::Range { number: "NaN".into(), to: DataType::Int }),
            ),
            (text("4 apples"), DataType::Int, Err(ConvertError::Text { text: "4 apples".into(), to: DataType::Int })),
            (text("{}"), DataType::Array, Err(ConvertError::Text { text: "{}".into(), to: DataType::Array })),
            (Value::Binary(Rc::from([0xff])), DataType::String, Err(ConvertError::Utf8)),
            (
                Value::Bool(true),
                DataType::Array,
                Err(ConvertError::NoRule { from: DataType::Bool, to: DataType::Array }),
            ),
        ];
        for (value, to, expected) in rows {
            assert_eq!(convert(&value, to), expected, "{value:?} to {to}");
        }
    }

    #[test]
    fn which_pairs_have_a_rule_is_known_without_a_value() {
        let values = DataType::ALL.iter().filter(|one| **one != DataType::Any).map(|one| one.zero());
        // An array becomes a vector when it has as many numbers.
        let numbers = |count| Value::Array(Rc::new(vec![Value::Int(0); count]));
        for value in values.chain((2..=4).map(numbers)) {
            for to in DataType::ALL {
                let from = value.data_type();
                let has_rule = !matches!(convert(&value, *to), Err(ConvertError::NoRule { .. }));
                let depends = from == DataType::Array && to.components().is_some();
                assert!(has_rule == can_convert(from, *to) || (depends && !has_rule), "{from} to {to}");
            }
        }
        let way = |from, to| ConvertError::Tag { from, to }.to_string();
        assert_eq!(way(DataType::Array, DataType::Dictionary), "the value is Array, not Dictionary");
        assert!(way(DataType::String, DataType::Int).ends_with("Input Data Type is String turns it into Int"));
    }

    #[test]
    fn what_comes_out_of_any_is_what_went_in() {
        let tag = |from, to| Err(ConvertError::Tag { from, to });
        let rows = [
            (Value::Int(5), DataType::Int, Ok(Value::Int(5))),
            (Value::Int(5), DataType::Float, Ok(Value::Float(5.0))),
            (Value::Float(-2.9), DataType::Int, Ok(Value::Int(-2))),
            (Value::text("5"), DataType::Any, Ok(Value::text("5"))),
            (Value::text("5"), DataType::Int, tag(DataType::String, DataType::Int)),
            (Value::Int(5), DataType::String, tag(DataType::Int, DataType::String)),
            (Value::Int(1), DataType::Bool, tag(DataType::Int, DataType::Bool)),
            (
                Value::Float(3e9),
                DataType::Int,
                Err(ConvertError::Range { number: "3000000000".into(), to: DataType::Int }),
            ),
        ];
        for (value, to, expected) in rows {
            assert_eq!(unwrap_any(&value, to), expected, "{value:?} to {to}");
        }
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let text = r#"{"b":[1,-2.5,"x",true,null],"a":{"n":3000000000.0}}"#;
        let value = from_json(text).unwrap();
        assert_eq!(to_json(&value, false), text);
    }
}
