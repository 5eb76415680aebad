//! Values that cross a seam: what an operator hands to a callback, and what comes back.
//!
//! [`Value`] borrows, so that a message can go from the read buffer into a callback without a copy; [`OwnedValue`] is
//! what a handler returns. Neither knows Python: the program's Python layer turns them into objects, a Rust handler
//! matches on them.

use std::any::Any;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use crate::declaration::ParIndex;
use crate::patch::OpId;
use crate::table::{Row, Table};

/// An argument of a callback.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Nothing.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// A number.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Text that is handed over again and again, such as a client's id.
    Shared(&'a SharedStr),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A request body: text when it is valid UTF-8, else bytes. In Python the text can also be `decode`d, because
    /// scripts do both.
    Body(&'a [u8]),
    /// An operator.
    Op(OpId),
    /// A parameter.
    Par(OpId, ParIndex),
    /// A channel of a CHOP, by its name.
    Channel(OpId, &'a str),
    /// A cell of a DAT's table: row and column, counted from 0.
    Cell(OpId, u32, u32),
    /// A table that is no operator's, such as what one held before.
    Table(&'a Table),
    /// Several values, read on demand.
    List(&'a dyn Sequence),
    /// Named fields, read on demand.
    Record(&'a dyn Record),
    /// Named fields that scripts read as attributes.
    Fields(&'a dyn Record),
}

impl<'a> Value<'a> {
    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Value::Str(text) => Some(text),
            Value::Shared(text) => Some(text.as_str()),
            Value::Body(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of bytes or text.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) | Value::Body(bytes) => Some(bytes),
            _ => self.as_str().map(str::as_bytes),
        }
    }

    /// The operator, when it is one.
    pub fn as_op(&self) -> Option<OpId> {
        match self {
            Value::Op(id) => Some(*id),
            _ => None,
        }
    }

    /// A field of a record, copied out.
    pub fn field(&self, name: &str) -> Option<OwnedValue> {
        match self {
            Value::Record(record) | Value::Fields(record) => record.field(name),
            _ => None,
        }
    }

    /// The value, copied out. A body is text when it is valid UTF-8; a record becomes a dictionary, with its header names in
    /// Title-Case.
    pub fn to_owned_value(&self) -> OwnedValue {
        match self {
            Value::None => OwnedValue::None,
            Value::Bool(on) => OwnedValue::Bool(*on),
            Value::Int(number) => OwnedValue::Int(*number),
            // As JavaScript has it: there is no whole number of that size here.
            Value::UInt(number) => OwnedValue::Float(*number as f64),
            Value::Float(number) => OwnedValue::Float(*number),
            Value::Str(text) => OwnedValue::Str((*text).to_owned()),
            Value::Shared(text) => OwnedValue::Str(text.as_str().to_owned()),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
            Value::Body(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => OwnedValue::Str(text.to_owned()),
                Err(_) => OwnedValue::Bytes(bytes.to_vec()),
            },
            Value::Op(id) => OwnedValue::Op(*id),
            Value::List(values) => {
                let mut items = Vec::with_capacity(values.len());
                values.items(&mut |item| items.push(item.to_owned_value()));
                OwnedValue::List(items)
            }
            Value::Par(..) => OwnedValue::Other("a parameter".to_owned()),
            Value::Channel(..) => OwnedValue::Other("a channel".to_owned()),
            Value::Cell(..) => OwnedValue::Other("a cell".to_owned()),
            Value::Table(table) => {
                let row =
                    |row: Row<'_>| OwnedValue::List(row.iter().map(|cell| OwnedValue::Str(cell.to_owned())).collect());
                OwnedValue::List(table.rows().map(row).collect())
            }
            Value::Record(record) | Value::Fields(record) => {
                let mut entries = Vec::new();
                record.fields(&mut |name, value| {
                    let name = match name {
                        FieldName::Fixed(name) => Cow::Borrowed(name),
                        FieldName::Header(name) => Cow::Owned(title_case(name)),
                        FieldName::Free(name) => Cow::Owned(name.to_owned()),
                    };
                    entries.push((name, value.to_owned_value()));
                });
                OwnedValue::Dict(entries)
            }
        }
    }
}

/// The values of a [`Value::List`]; what becomes a list in Python.
pub trait Sequence {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for each in order.
    fn items(&self, visit: &mut dyn FnMut(Value<'_>));
}

impl Sequence for Vec<Value<'_>> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn items(&self, visit: &mut dyn FnMut(Value<'_>)) {
        self.iter().for_each(|value| visit(*value));
    }
}

/// Names with their values, in order.
impl Record for Vec<(&'static str, Value<'_>)> {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        self.iter().for_each(|(name, value)| visit(FieldName::Fixed(name), *value));
    }
}

/// Named fields of a [`Value::Record`]; what becomes a dictionary in Python.
pub trait Record {
    /// Calls `visit` for each field in order. A name that comes twice: the last one counts.
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>));

    /// One field by name, copied out; letter case does not matter where the record says so. It is the field that
    /// [`Record::fields`] gives, so the two cannot differ.
    fn field(&self, name: &str) -> Option<OwnedValue> {
        let mut found = None;
        self.fields(&mut |known, value| {
            let known = known.as_str();
            if known == name || (self.ignores_case() && known.eq_ignore_ascii_case(name)) {
                found = Some(value.to_owned_value());
            }
        });
        found
    }

    /// Whether look-ups by name ignore letter case, as request headers do.
    fn ignores_case(&self) -> bool {
        false
    }

    /// A name of the record when its fields are always the same, so that a handler may keep its own form of it.
    fn constant(&self) -> Option<&'static str> {
        None
    }
}

/// Name of a record's field.
#[derive(Clone, Copy, Debug)]
pub enum FieldName<'a> {
    /// Fixed by a declaration: worth keeping as an interned string.
    Fixed(&'static str),
    /// Name of a request header in lower case; scripts see it in Title-Case ([`title_case`]).
    Header(&'a str),
    /// Came from outside in some other way.
    Free(&'a str),
}

/// A header name with the first letter of each part in upper case: `content-type` becomes `Content-Type`.
pub fn title_case(name: &str) -> String {
    let mut first = true;
    let mut letter = |c: char| {
        let shown = if first { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        first = c == '-';
        shown
    };
    name.chars().map(&mut letter).collect()
}

impl FieldName<'_> {
    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            FieldName::Fixed(name) => name,
            FieldName::Header(name) | FieldName::Free(name) => name,
        }
    }
}

/// Text with room for the handler's own form of it, so that it is converted once and not at each call.
pub struct SharedStr {
    text: Box<str>,
    host: OnceCell<Box<dyn Any>>,
}

impl SharedStr {
    /// Takes the text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        SharedStr { text: text.into(), host: OnceCell::new() }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The handler's own form, if it has been made.
    pub fn known_form<T: 'static>(&self) -> Option<&T> {
        self.host.get()?.downcast_ref()
    }

    /// The handler's own form, made by `make` the first time.
    pub fn host_form<T: 'static>(&self, make: impl FnOnce(&str) -> T) -> Option<&T> {
        self.host.get_or_init(|| Box::new(make(&self.text))).downcast_ref()
    }
}

impl std::fmt::Debug for SharedStr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

/// What a callback or an expression gave back.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OwnedValue {
    /// Nothing.
    #[default]
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An operator.
    Op(OpId),
    /// Several values.
    List(Vec<OwnedValue>),
    /// Names and values in order. Names that are known beforehand need no allocation.
    Dict(Vec<(Cow<'static, str>, OwnedValue)>),
    /// Something that has no form here; holds what it was, such as a Python type name.
    Other(String),
}

impl OwnedValue {
    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            OwnedValue::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a dictionary entry.
    pub fn entry(&self, name: &str) -> Option<&OwnedValue> {
        match self {
            OwnedValue::Dict(entries) => entries.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// An opaque value that operator storage holds: a Python object, or whatever a Rust program puts there.
pub type HostValue = Rc<dyn Any>;
