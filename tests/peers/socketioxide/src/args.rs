//! The arguments of an event or an answer, as many and whatever they are.
//!
//! socketioxide takes what is (de)serialized as a tuple for all arguments and everything else for a single one.

use std::fmt;

use rmpv::Value;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use serde_json::json;

/// Any arguments, with bytes in them.
#[derive(Clone, Debug, Default)]
pub struct Args(Vec<Value>);

impl Args {
    /// Arguments without bytes.
    pub fn from_json(args: &[serde_json::Value]) -> Self {
        Self(args.iter().filter_map(|arg| rmpv::ext::to_value(arg).ok()).collect())
    }

    /// As JSON, with bytes as `{"bytes": hex}`.
    pub fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(to_json).collect()
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Binary(bytes) => json!({ "bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => {
            fields.iter().map(|(name, value)| (name.as_str().unwrap_or_default().to_owned(), to_json(value))).collect()
        }
        other => json!(other),
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for arg in &self.0 {
            tuple.serialize_element(arg)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Args;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Args, A::Error> {
                let mut args = Vec::new();
                while let Some(arg) = sequence.next_element()? {
                    args.push(arg);
                }
                Ok(Args(args))
            }
        }
        // The length is only a hint, except that it says: a tuple.
        deserializer.deserialize_tuple(usize::MAX, All)
    }
}
