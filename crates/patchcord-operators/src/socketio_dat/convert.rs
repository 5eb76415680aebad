//! What events carry, as callbacks and the table have it, and the other way.

use std::borrow::Cow;

use patchcord_core::value::{FieldName, OwnedValue, Record, Sequence, Value as HostValue};
use patchcord_socketio::Value;

use crate::received::Message;

/// Arrays and objects inside each other that the table shows; what came from the network has been measured.
const DEPTH: usize = 128;

/// Does `work` with what the arguments are for a callback: nothing, the one, or a list.
pub(super) fn with_message<R>(args: &[Value], work: impl FnOnce(HostValue<'_>) -> R) -> R {
    match args {
        [] => work(HostValue::None),
        [value] => with_value(value, work),
        values => work(HostValue::List(&Items(values))),
    }
}

fn with_value<R>(value: &Value, work: impl FnOnce(HostValue<'_>) -> R) -> R {
    match value {
        Value::Null => work(HostValue::None),
        Value::Bool(on) => work(HostValue::Bool(*on)),
        Value::Int(number) => work(HostValue::Int(*number)),
        Value::UInt(number) => work(HostValue::UInt(*number)),
        Value::Float(number) => work(HostValue::Float(*number)),
        Value::Text(text) => work(HostValue::Str(text)),
        Value::Binary(bytes) => work(HostValue::Bytes(bytes)),
        Value::Array(items) => work(HostValue::List(&Items(items))),
        Value::Object(fields) => work(HostValue::Record(&Fields(fields))),
    }
}

/// A list.
pub(super) struct Items<'a>(pub &'a [Value]);

impl Sequence for Items<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn items(&self, visit: &mut dyn FnMut(HostValue<'_>)) {
        for item in self.0 {
            with_value(item, &mut *visit);
        }
    }
}

/// An object.
struct Fields<'a>(&'a [(String, Value)]);

impl Record for Fields<'_> {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, HostValue<'_>)) {
        for (name, value) in self.0 {
            with_value(value, |value| visit(FieldName::Free(name), value));
        }
    }
}

/// Does `work` with what the table has of an event.
pub(super) fn with_row<R>(args: &[Value], event: &str, namespace: &str, work: impl FnOnce(&Message<'_>) -> R) -> R {
    let (text, bytes): (Cow<'_, str>, Option<&[u8]>) = match args {
        [] => ("".into(), None),
        [Value::Text(text)] => (text.as_str().into(), None),
        [Value::Binary(bytes)] => ("".into(), Some(bytes)),
        [value] => (json(value).into(), None),
        values => {
            let items: Vec<_> = values.iter().map(json).collect();
            (format!("[{}]", items.join(",")).into(), None)
        }
    };
    work(&Message { text: &text, bytes, event, namespace })
}

/// A value as JSON, for a table or a person; bytes are placeholders.
pub(super) fn json(value: &Value) -> String {
    value.to_json(DEPTH).unwrap_or_else(|error| error.to_string())
}

/// What a script gave, as what can be sent.
///
/// # Errors
/// The name of what has no form in JSON.
pub fn from_host(value: OwnedValue) -> Result<Value, NotSendable> {
    Ok(match value {
        OwnedValue::None => Value::Null,
        OwnedValue::Bool(on) => Value::Bool(on),
        OwnedValue::Int(number) => Value::Int(number),
        OwnedValue::Float(number) => Value::Float(number),
        OwnedValue::Str(text) => Value::Text(text),
        OwnedValue::Bytes(bytes) => Value::Binary(bytes.into()),
        OwnedValue::List(items) => Value::Array(items.into_iter().map(from_host).collect::<Result<_, _>>()?),
        OwnedValue::Dict(fields) => {
            let field = |(name, value): (Cow<'static, str>, OwnedValue)| Ok((name.into_owned(), from_host(value)?));
            Value::Object(fields.into_iter().map(field).collect::<Result<_, _>>()?)
        }
        OwnedValue::Op(_) => return Err(NotSendable("an operator".to_owned())),
        OwnedValue::Other(name) => return Err(NotSendable(format!("an object of the type {name}"))),
    })
}

/// A value that no event can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be sent; send its text, its bytes, or a dict of what it holds")]
pub struct NotSendable(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, Value)]) -> Value {
        Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn a_message_is_nothing_the_one_or_a_list() {
        let owned = |args: &[Value]| with_message(args, |message| message.to_owned_value());
        assert_eq!(owned(&[]), OwnedValue::None);
        assert_eq!(owned(&[Value::Int(7)]), OwnedValue::Int(7));
        assert_eq!(owned(&[Value::Int(7), Value::Null]), OwnedValue::List(vec![OwnedValue::Int(7), OwnedValue::None]));
        let nested = object(&[("a", Value::Array(vec![Value::Binary(vec![0, 255].into()), object(&[])]))]);
        let expected = OwnedValue::List(vec![OwnedValue::Bytes(vec![0, 255]), OwnedValue::Dict(Vec::new())]);
        assert_eq!(owned(&[nested]), OwnedValue::Dict(vec![("a".into(), expected)]));
    }

    #[test]
    fn what_a_callback_gets_can_be_sent_back() {
        let value = object(&[
            ("text", "ü".into()),
            ("list", Value::Array(vec![Value::Bool(true), Value::Float(0.5), Value::Null])),
            ("bytes", Value::Binary(vec![1, 2].into())),
        ]);
        let owned = with_message(std::slice::from_ref(&value), |message| message.to_owned_value());
        assert_eq!(from_host(owned), Ok(value));
        assert!(
            from_host(OwnedValue::Other("ndarray".into())).is_err_and(|error| error.to_string().contains("ndarray"))
        );
    }

    #[test]
    fn rows_have_text_as_it_is_and_everything_else_as_json() {
        let text = |args: &[Value]| with_row(args, "", "", |message| message.text.to_owned());
        assert_eq!(text(&[]), "");
        assert_eq!(text(&["a \"b\"".into()]), "a \"b\"");
        assert_eq!(text(&[Value::Int(1), "x".into()]), r#"[1,"x"]"#);
        assert_eq!(text(&[object(&[("a", Value::Null)])]), r#"{"a":null}"#);
        let bytes = [Value::Binary(vec![7].into())];
        assert_eq!(with_row(&bytes, "", "", |message| message.bytes.map(<[u8]>::to_vec)), Some(vec![7]));
    }
}
