//! What travels on data wires (reference §4.7).

use std::fmt;
use std::rc::Rc;

use indexmap::IndexMap;

/// The type of a data socket or a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// Anything; every type goes into it without a conversion.
    Any,
    /// True or false.
    Bool,
    /// A signed integer of 32 bits.
    Int,
    /// A signed integer of 8 bits.
    Byte,
    /// A float of 64 bits.
    Float,
    /// Text.
    String,
    /// An ordered list; its elements may differ in type.
    Array,
    /// Values by text key.
    Dictionary,
    /// Bytes.
    Binary,
    /// Two floats.
    Vector2,
    /// Three floats.
    Vector3,
    /// Four floats.
    Vector4,
    /// Red, green, blue, alpha.
    Color,
    /// A handle that a node made.
    CustomId,
    /// A running time-out or interval.
    InstanceId,
}

impl DataType {
    /// All types, in the order in which they are listed to people.
    pub const ALL: &[DataType] = &[
        DataType::Any,
        DataType::Bool,
        DataType::Int,
        DataType::Byte,
        DataType::Float,
        DataType::String,
        DataType::Array,
        DataType::Dictionary,
        DataType::Binary,
        DataType::Vector2,
        DataType::Vector3,
        DataType::Vector4,
        DataType::Color,
        DataType::CustomId,
        DataType::InstanceId,
    ];

    /// The name as Incari writes it.
    pub const fn name(self) -> &'static str {
        match self {
            DataType::Any => "Any",
            DataType::Bool => "Bool",
            DataType::Int => "Int",
            DataType::Byte => "Byte",
            DataType::Float => "Float",
            DataType::String => "String",
            DataType::Array => "Array",
            DataType::Dictionary => "Dictionary",
            DataType::Binary => "Binary",
            DataType::Vector2 => "Vector2",
            DataType::Vector3 => "Vector3",
            DataType::Vector4 => "Vector4",
            DataType::Color => "Color",
            DataType::CustomId => "CustomID",
            DataType::InstanceId => "InstanceID",
        }
    }

    /// The type of that name.
    pub fn named(name: &str) -> Option<DataType> {
        DataType::ALL.iter().copied().find(|data_type| data_type.name() == name)
    }

    /// Whether a wire may lead from an output of this type to an input of `other` without a conversion.
    pub fn fits(self, other: DataType) -> bool {
        self == other || other == DataType::Any
    }

    /// How many floats a vector of this type has.
    pub const fn components(self) -> Option<usize> {
        match self {
            DataType::Vector2 => Some(2),
            DataType::Vector3 => Some(3),
            DataType::Vector4 | DataType::Color => Some(4),
            _ => None,
        }
    }

    /// What a socket of this type holds before anything has set it.
    pub fn zero(self) -> Value {
        match self {
            DataType::Any => Value::Nothing,
            DataType::Bool => Value::Bool(false),
            DataType::Int => Value::Int(0),
            DataType::Byte => Value::Byte(0),
            DataType::Float => Value::Float(0.0),
            DataType::String => Value::String(Rc::from("")),
            DataType::Array => Value::Array(Rc::default()),
            DataType::Dictionary => Value::Dictionary(Rc::default()),
            DataType::Binary => Value::Binary(Rc::from([])),
            DataType::Vector2 | DataType::Vector3 | DataType::Vector4 | DataType::Color => {
                let components = self.components().unwrap_or(0);
                Value::Vector(self, Rc::from(vec![0.0; components]))
            }
            DataType::CustomId => Value::CustomId(0),
            DataType::InstanceId => Value::InstanceId(0),
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that one value may have: those of its text, or all that its elements hold, as often as they stand there.
pub const MAX_BYTES: usize = 64 << 20;
/// What an element counts beside the text that it holds.
const ELEMENT_BYTES: usize = 16;
/// Elements that an array or a dictionary may have.
pub const MAX_ELEMENTS: usize = MAX_BYTES / ELEMENT_BYTES;
/// Arrays and dictionaries that may lie within one another.
pub const MAX_DEPTH: usize = 128;

/// Why a value cannot be: without bounds a graph that doubles a value in a loop would end the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It would have more than [`MAX_BYTES`].
    #[error("the value would have more than {} MiB", MAX_BYTES >> 20)]
    Bytes,
    /// It would be nested deeper than [`MAX_DEPTH`].
    #[error("arrays and dictionaries would lie more than {MAX_DEPTH} deep in one another")]
    Depth,
}

impl TooLarge {
    /// Whether a text may have that many bytes.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(bytes: usize) -> Result<(), TooLarge> {
        if bytes <= MAX_BYTES { Ok(()) } else { Err(TooLarge::Bytes) }
    }
}

/// Values by key, in the order in which the keys came.
pub type Dictionary = IndexMap<Rc<str>, Value>;

/// A value. Copies are cheap: what is large is shared and never changed in place.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON's null, and what a socket of type Any holds at first.
    Nothing,
    /// True or false.
    Bool(bool),
    /// 32 bits.
    Int(i32),
    /// 8 bits.
    Byte(i8),
    /// 64 bits.
    Float(f64),
    /// Text.
    String(Rc<str>),
    /// A list.
    Array(Rc<Vec<Value>>),
    /// Values by key.
    Dictionary(Rc<Dictionary>),
    /// Bytes.
    Binary(Rc<[u8]>),
    /// A vector or a colour: its type, and as many floats as that has.
    Vector(DataType, Rc<[f64]>),
    /// A handle of Create CustomID, or of a request.
    CustomId(u64),
    /// A running time-out or interval; 0 is none.
    InstanceId(u64),
}

impl Value {
    /// Text as a value.
    pub fn text(text: impl Into<Rc<str>>) -> Value {
        Value::String(text.into())
    }

    /// The value, if it is within the bounds. An array or dictionary that a node has made larger goes through here.
    ///
    /// # Errors
    /// When it is not.
    pub fn bounded(self) -> Result<Value, TooLarge> {
        self.weigh(&mut { MAX_BYTES }, 0)?;
        Ok(self)
    }

    /// Takes from `left` what the value weighs. What is shared counts each time, as whoever goes through it meets it.
    fn weigh(&self, left: &mut usize, depth: usize) -> Result<(), TooLarge> {
        let mut take = |bytes: usize| {
            *left = left.checked_sub(bytes).ok_or(TooLarge::Bytes)?;
            Ok(())
        };
        match self {
            Value::String(text) => take(text.len()),
            Value::Binary(bytes) => take(bytes.len()),
            Value::Array(_) | Value::Dictionary(_) if depth == MAX_DEPTH => Err(TooLarge::Depth),
            Value::Array(elements) => {
                take(elements.len() * ELEMENT_BYTES)?;
                elements.iter().try_for_each(|element| element.weigh(left, depth + 1))
            }
            Value::Dictionary(entries) => {
                for (key, value) in entries.iter() {
                    *left = left.checked_sub(ELEMENT_BYTES + key.len()).ok_or(TooLarge::Bytes)?;
                    value.weigh(left, depth + 1)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Bytes of its text, or of its list of elements; not of what these hold.
    pub fn bytes(&self) -> usize {
        match self {
            Value::String(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::Array(elements) => elements.len() * ELEMENT_BYTES,
            Value::Dictionary(entries) => entries.len() * ELEMENT_BYTES,
            _ => 0,
        }
    }

    /// The type of what it holds; [`DataType::Any`] for nothing.
    pub fn data_type(&self) -> DataType {
        match self {
            Value::Nothing => DataType::Any,
            Value::Bool(_) => DataType::Bool,
            Value::Int(_) => DataType::Int,
            Value::Byte(_) => DataType::Byte,
            Value::Float(_) => DataType::Float,
            Value::String(_) => DataType::String,
            Value::Array(_) => DataType::Array,
            Value::Dictionary(_) => DataType::Dictionary,
            Value::Binary(_) => DataType::Binary,
            Value::Vector(data_type, _) => *data_type,
            Value::CustomId(_) => DataType::CustomId,
            Value::InstanceId(_) => DataType::InstanceId,
        }
    }
}
