//! What events carry: JSON's values, and bytes.
//!
//! `serde_json::Value` has no bytes, loses the order of an object's fields and would have to be walked again to put the
//! attachments in. This type is filled by serde_json's parser directly ([`json`](crate::json)) or by MessagePack
//! ([`msgpack`](crate::msgpack)), so that an argument is built once and can be handed on as it is, to Python too.

use bytes::Bytes;

/// An argument of an event, or a part of one.
///
/// Numbers: whole numbers from −2⁶³ to 2⁶⁴−1 are exact; those beyond become the nearest [`Value::Float`], as they do in
/// JavaScript. A float that JSON cannot write (infinite, not a number) is sent as `null`, as JavaScript does.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, and what JavaScript calls `undefined`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`; smaller ones are [`Value::Int`], which `Value::from` sees to.
    UInt(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string.
    Text(String),
    /// Bytes: an attachment of the packet.
    Binary(Bytes),
    /// A list.
    Array(Vec<Value>),
    /// Names and values in the order of the sender. A name may come twice; the last one counts ([`Value::field`]).
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The field of an object; `None` where there is none of this name, or no object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(fields) => fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Writes JSON, for a table or a person; bytes are a placeholder object without number.
    ///
    /// # Errors
    ///
    /// [`TooDeep`] where arrays and objects stand inside each other more often than `depth`.
    pub fn to_json(&self, depth: usize) -> Result<String, TooDeep> {
        self.measure(depth)?;
        Ok(crate::json::write(self))
    }

    /// What sending this takes. Looks no deeper than `depth` arrays and objects inside each other, so that no value can
    /// exhaust the stack.
    pub(crate) fn measure(&self, depth: usize) -> Result<Measure, TooDeep> {
        let mut measure = Measure::default();
        self.measure_into(depth, depth, &mut measure)?;
        Ok(measure)
    }

    fn measure_into(&self, left: usize, limit: usize, measure: &mut Measure) -> Result<(), TooDeep> {
        let inside = || left.checked_sub(1).ok_or(TooDeep { limit });
        match self {
            Self::Binary(_) => measure.binaries += 1,
            Self::Array(items) => {
                let left = inside()?;
                items.iter().try_for_each(|item| item.measure_into(left, limit, measure))?;
            }
            Self::Object(fields) => {
                let left = inside()?;
                measure.placeholder_like |= is_placeholder(fields);
                fields.iter().try_for_each(|(_, value)| value.measure_into(left, limit, measure))?;
            }
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::UInt(_) | Self::Float(_) | Self::Text(_) => {}
        }
        Ok(())
    }
}

/// Arrays and objects stand inside each other more often than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("arrays and objects are nested more than {limit} deep")]
pub struct TooDeep {
    /// The limit in force.
    pub limit: usize,
}

/// [`Limits::values`](crate::Limits::values) tells the user what one takes.
const _: () = assert!(size_of::<Value>() <= 40);

/// What a walk through a value finds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measure {
    /// Values that are bytes.
    pub binaries: usize,
    /// An object of the user's own would be taken for the place of an attachment.
    pub placeholder_like: bool,
}

/// Whether the fields are those of a place where an attachment belongs.
pub(crate) fn is_placeholder(fields: &[(String, Value)]) -> bool {
    fields.iter().rev().find(|(name, _)| name == PLACEHOLDER).is_some_and(|(_, value)| *value == Value::Bool(true))
}

/// The field that marks the place of an attachment in JSON.
pub(crate) const PLACEHOLDER: &str = "_placeholder";
/// The field with the attachment's index.
pub(crate) const PLACEHOLDER_INDEX: &str = "num";

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Bytes> for Value {
    fn from(value: Bytes) -> Self {
        Self::Binary(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::Array(value)
    }
}
