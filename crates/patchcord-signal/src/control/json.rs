//! Values of signals in JSON and back.

use serde_json::{Number, Value};

use crate::control::request::shortened;
use crate::control::{ChannelValue, ControlError};
use crate::layout::{FloatSize, Kind, Layout, Variable};
use crate::names::MAX_NAME;
use crate::{samples, strings};

/// A payload as JSON: a number, text, or an array nested as its dimensions are. What is not finite becomes `null`.
pub(super) fn to_json(layout: &Layout, payload: &[u8]) -> Value {
    if layout.kind() == Kind::Text {
        return if layout.is_array() {
            strings::members(payload).map(|string| Value::String(strings::text(string).into_owned())).collect()
        } else {
            Value::String(strings::text(payload).into_owned())
        };
    }
    let mut numbers = samples::decode(payload, layout.float()).map(|value| number(value, layout.float()));
    nested(layout.dims(), &mut numbers)
}

fn nested(dims: &[usize], values: &mut impl Iterator<Item = Value>) -> Value {
    match dims {
        [] => values.next().unwrap_or_default(),
        [size, inner @ ..] => (0..*size).map(|_| nested(inner, values)).collect(),
    }
}

/// A number as short as it can be written: whole ones without a point, single precision without the digits of double.
pub(super) fn number(value: f64, float: FloatSize) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits, or single precision to begin with")]
    let (whole, single) = (value as i64, value as f32);
    if value.fract() == 0.0 && value.abs() < 9e15 && (whole != 0 || value.is_sign_positive()) {
        return whole.into();
    }
    let value = match float {
        FloatSize::F64 => value,
        FloatSize::F32 => single.to_string().parse().unwrap_or(value),
    };
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The payload that a JSON value stands for; `text` is the most bytes of a text.
pub(super) fn to_payload(variable: &Variable, value: &Value, text: usize) -> Result<Vec<u8>, ControlError> {
    let Variable { name, layout, .. } = variable;
    if layout.kind() == Kind::Audio {
        return Err(ControlError::Audio(name.clone()));
    }
    let mut leaves = Vec::new();
    if !flatten(layout.dims(), value, &mut leaves) {
        return Err(wrong_type(variable, value));
    }
    if leaves.len() != layout.members() {
        let kind = layout.type_name();
        return Err(ControlError::Members { name: name.clone(), kind, expected: layout.members(), got: leaves.len() });
    }
    if layout.kind() == Kind::Text { texts(variable, &leaves, text) } else { numbers(variable, &leaves) }
}

/// The members of an array, which is written nested as its dimensions or flat. `false`: it is something else.
fn flatten<'a>(dims: &[usize], value: &'a Value, leaves: &mut Vec<&'a Value>) -> bool {
    match (dims, value) {
        ([], value) if !value.is_array() => leaves.push(value),
        ([_, inner @ ..], Value::Array(values)) => {
            if values.iter().any(Value::is_array) {
                return !inner.is_empty() && values.iter().all(|value| flatten(inner, value, leaves));
            }
            leaves.extend(values);
        }
        _ => return false,
    }
    true
}

fn numbers(variable: &Variable, leaves: &[&Value]) -> Result<Vec<u8>, ControlError> {
    let float = variable.layout.float();
    let mut numbers = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let number = leaf.as_f64().ok_or_else(|| wrong_type(variable, leaf))?;
        if float == FloatSize::F32 && number.abs() > f64::from(f32::MAX) {
            return Err(ControlError::Range(variable.name.clone()));
        }
        numbers.push(number);
    }
    let mut payload = Vec::with_capacity(numbers.len() * float.bytes());
    samples::encode(numbers, float, &mut payload);
    Ok(payload)
}

fn texts(variable: &Variable, leaves: &[&Value], limit: usize) -> Result<Vec<u8>, ControlError> {
    let name = &variable.name;
    let mut payload = Vec::new();
    for leaf in leaves {
        let text = leaf.as_str().ok_or_else(|| wrong_type(variable, leaf))?;
        strings::check(text.as_bytes()).map_err(|source| ControlError::Text { name: name.clone(), source })?;
        payload.extend_from_slice(text.as_bytes());
        if variable.layout.is_array() {
            payload.push(0);
        }
    }
    if payload.len() > limit {
        return Err(ControlError::TextTooLong { name: name.clone(), got: payload.len(), limit });
    }
    Ok(payload)
}

/// The value of a software channel.
pub(super) fn to_channel(name: &str, value: &Value, text: usize) -> Result<ChannelValue, ControlError> {
    if !(1..=MAX_NAME).contains(&name.len()) || name.contains('\0') {
        return Err(ControlError::ChannelName);
    }
    match value {
        Value::Number(number) => Ok(ChannelValue::Number(number.as_f64().unwrap_or_default())),
        Value::String(string) if string.len() > text => {
            Err(ControlError::TextTooLong { name: shortened(name), got: string.len(), limit: text })
        }
        Value::String(string) => match strings::check(string.as_bytes()) {
            Ok(text) => Ok(ChannelValue::Text(text.to_owned())),
            Err(source) => Err(ControlError::Text { name: shortened(name), source }),
        },
        other => Err(ControlError::ChannelValue(described(other))),
    }
}

fn wrong_type(variable: &Variable, got: &Value) -> ControlError {
    let layout = &variable.layout;
    let expected = match (layout.kind(), layout.is_array()) {
        (Kind::Text, false) => "a string",
        (Kind::Text, true) => "an array of strings",
        (_, false) => "a number",
        (_, true) => "an array of numbers",
    };
    let (name, kind) = (variable.name.clone(), layout.type_name());
    ControlError::Type { name, kind, expected, got: described(got) }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::layout::{Direction, LayoutError};

    fn variable(kind: Kind, float: FloatSize, dims: &[usize]) -> Result<Variable, LayoutError> {
        let layout = Layout::new(kind, float, 1, dims)?;
        Ok(Variable { name: "x".into(), layout, direction: Direction::Incoming })
    }

    #[test]
    fn values_go_to_payloads_and_back() -> Result<(), LayoutError> {
        for (kind, dims, value) in [
            (Kind::Control, &[][..], json!(440)),
            (Kind::Control, &[], json!(0.1)),
            (Kind::Init, &[], json!(-2.5)),
            (Kind::Control, &[2], json!([1, 2])),
            (Kind::Control, &[2, 3], json!([[1, 2, 3], [4, 5, 6]])),
            (Kind::Text, &[], json!("ein Wort")),
            (Kind::Text, &[], json!("")),
            (Kind::Text, &[2], json!(["a", ""])),
            (Kind::Text, &[2, 1], json!(["a", "b"])),
        ] {
            for float in [FloatSize::F32, FloatSize::F64] {
                let variable = variable(kind, float, dims)?;
                let payload = to_payload(&variable, &value, 100).expect("it fits");
                assert_eq!(variable.layout.payload_len().unwrap_or(payload.len()), payload.len());
                assert_eq!(to_json(&variable.layout, &payload), value);
            }
        }
        let flat = variable(Kind::Control, FloatSize::F64, &[2, 3])?;
        let nested = json!([[1, 2, 3], [4, 5, 6]]);
        assert_eq!(to_payload(&flat, &json!([1, 2, 3, 4, 5, 6]), 0), to_payload(&flat, &nested, 0));
        Ok(())
    }

    #[test]
    fn numbers_are_written_short_and_what_is_none_as_null() {
        for (value, text) in [
            (440.0, "440"),
            (-3.0, "-3"),
            (0.0, "0"),
            (-0.0, "-0.0"),
            (1e300, "1e+300"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            assert_eq!(number(value, FloatSize::F64).to_string(), text);
        }
        assert_eq!(number(f64::from(0.1f32), FloatSize::F32).to_string(), "0.1");
        assert_eq!(number(f64::from(f32::INFINITY), FloatSize::F32), Value::Null);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() -> Result<(), LayoutError> {
        for (kind, dims, value, words) in [
            (Kind::Control, &[][..], json!("440"), "`x` is k and takes a number, not a string"),
            (Kind::Control, &[], json!(true), "`x` is k and takes a number, not true or false"),
            (Kind::Control, &[], json!([1]), "`x` is k and takes a number, not an array"),
            (Kind::Control, &[], json!(null), "`x` is k and takes a number, not null"),
            (Kind::Control, &[2], json!(1), "`x` is k[2] and takes an array of numbers, not a number"),
            (Kind::Control, &[2], json!([1]), "`x` is k[2] and takes 2 values, not 1"),
            (Kind::Control, &[2], json!([1, "2"]), "`x` is k[2] and takes an array of numbers, not a string"),
            (Kind::Control, &[2], json!([[1], [2]]), "`x` is k[2] and takes an array of numbers, not an array"),
            (Kind::Control, &[2, 2], json!([[1, 2], 3]), "`x` is k[2][2] and takes an array of numbers, not an array"),
            (Kind::Text, &[], json!(1), "`x` is S and takes a string, not a number"),
            (Kind::Text, &[], json!("12345678901"), "the text for `x` has 11 bytes, at most 10 are taken"),
            (Kind::Text, &[], json!("\0"), "`x`: the text holds a zero character, where a string of Csound ends"),
            (Kind::Text, &[3], json!(["a"]), "`x` is S[3] and takes 3 values, not 1"),
        ] {
            let variable = variable(kind, FloatSize::F64, dims)?;
            let error = to_payload(&variable, &value, 10).expect_err(words);
            assert_eq!(error.to_string(), words);
        }
        let narrow = variable(Kind::Control, FloatSize::F32, &[])?;
        assert_eq!(to_payload(&narrow, &json!(1e300), 0), Err(ControlError::Range("x".into())));
        Ok(())
    }
}
