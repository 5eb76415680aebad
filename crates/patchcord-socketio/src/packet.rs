//! Packets of Socket.IO, and how they are written.
//!
//! As JSON a packet is `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, followed by its attachments as binary
//! messages. As MessagePack it is one binary message, a map. Protocol 5 goes with Engine.IO 4, protocol 4 with 3; where
//! they differ, [`Version`] says which.
//!
//! Source: the protocol documents of Socket.IO 4 and 5; limits, reserved names and what is refused as the reference parser
//! (`socket.io-parser`, from 4.2.6 on) has them.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString};

use crate::engine::{Data, Version};
use crate::json;
use crate::msgpack;
use crate::namespace::Namespace;
use crate::value::{Measure, TooDeep, Value};

/// How packets are written; both ends have to use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Parser {
    /// JSON, with bytes as attachments: what every server speaks.
    #[default]
    Json,
    /// MessagePack, for servers that were set up with it (`socket.io-msgpack-parser`).
    MessagePack,
}

/// What one packet may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest packet in bytes, attachments included. Default 16 MiB.
    pub packet: usize,
    /// Most attachments. Default 10, which is also what servers since March 2026 take.
    pub attachments: usize,
    /// Most arrays and objects inside each other, the list of arguments included. Default 64, at most 120.
    pub depth: usize,
    /// Most values in one packet, and in all that one answer to a poll has together; each takes about 40 bytes of memory.
    /// Default 1,048,576.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { packet: 16 << 20, attachments: 10, depth: 64, values: 1 << 20 }
    }
}

/// A packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// Where it belongs. In a CONNECT of protocol 4 with its query.
    pub namespace: Namespace,
    /// What it says.
    pub content: Content,
}

/// What a packet says. Whether it is one of the binary types is a matter of its arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `0`: a client asks to be let in (protocol 5: with its auth object), a server says yes (protocol 5: with `sid`).
    Connect(Option<Value>),
    /// `1`: either end leaves the namespace.
    Disconnect,
    /// `2`, `5`: an event.
    Event(Event),
    /// `3`, `6`: the answer to an event that asked for one.
    Ack {
        /// The number of that event.
        id: u64,
        /// What it is answered with.
        args: Vec<Value>,
    },
    /// `4`: the server refuses to let the client in: `{message, data?}`, in protocol 4 anything.
    ConnectError(Value),
}

/// An event as it stands in a packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name. One that came as a number is written as JavaScript writes it, since there 1 and "1" are the same name.
    pub name: CompactString,
    /// Its arguments.
    pub args: Vec<Value>,
    /// The number under which it asks for an answer.
    pub id: Option<u64>,
}

/// Why a packet cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The receiver would drop the connection over the name.
    #[error("{0:?} is a name that Socket.IO keeps for itself")]
    ReservedName(String),
    /// The arguments are nested too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// More pieces of bytes than the receiver takes.
    #[error("the event carries {found} attachments; at most {limit} are taken")]
    TooManyAttachments {
        /// How many there are.
        found: usize,
        /// The limit in force.
        limit: usize,
    },
    /// A packet with attachments has an object with `_placeholder: true`, which would be taken for one of them.
    #[error("an object with the field \"_placeholder\" cannot be sent together with bytes")]
    Placeholder,
    /// Bytes in an auth object or a reason, where they cannot be attached.
    #[error("bytes can be sent in events and acknowledgements only")]
    BytesOutsideEvent,
    /// Larger than the limit.
    #[error("the event has {size} bytes; at most {limit} are sent")]
    TooBig {
        /// Its size in bytes.
        size: usize,
        /// The limit in force.
        limit: usize,
    },
}

/// A packet as messages of Engine.IO: they have to be sent in this order with no other message between them. Cheap to
/// clone but for its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The packet.
    pub first: Data<'static>,
    /// Its attachments.
    pub attachments: Vec<Bytes>,
}

impl Encoded {
    /// Its length in bytes, attachments included.
    pub fn size(&self) -> usize {
        self.first.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    /// The messages.
    pub fn into_messages(self) -> Vec<Data<'static>> {
        let mut messages = vec![self.first];
        messages.extend(self.attachments.into_iter().map(Data::Binary));
        messages
    }
}

/// Names of events that are Socket.IO's own (protocol 5).
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Whether an event must not have this name.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

impl Packet {
    /// Writes the packet.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], where the receiver would refuse it or a limit would be broken.
    pub fn encode(&self, parser: Parser, limits: &Limits) -> Result<Encoded, EncodeError> {
        if let Content::Event(event) = &self.content
            && is_reserved(&event.name)
        {
            return Err(EncodeError::ReservedName(event.name.to_string()));
        }
        let measure = self.content.measure(limits.depth.min(json::MAX_DEPTH))?;
        let encoded = match parser {
            Parser::Json => self.encode_json(measure, limits)?,
            Parser::MessagePack => {
                let mut bytes = Vec::new();
                msgpack::write_packet(&mut bytes, self);
                Encoded { first: Data::Binary(bytes.into()), attachments: Vec::new() }
            }
        };
        let size = encoded.size();
        if size > limits.packet {
            return Err(EncodeError::TooBig { size, limit: limits.packet });
        }
        Ok(encoded)
    }

    fn encode_json(&self, measure: Measure, limits: &Limits) -> Result<Encoded, EncodeError> {
        if measure.binaries > limits.attachments {
            return Err(EncodeError::TooManyAttachments { found: measure.binaries, limit: limits.attachments });
        }
        if measure.binaries > 0 && measure.placeholder_like {
            return Err(EncodeError::Placeholder);
        }
        let binary = measure.binaries > 0;
        if binary && !self.content.may_be_binary() {
            return Err(EncodeError::BytesOutsideEvent);
        }
        let mut out = String::with_capacity(self.content.len_hint());
        out.push(char::from(b'0' + self.content.type_number() + if binary { 3 } else { 0 }));
        // Writing to memory does not fail.
        if binary {
            let _ = write!(out, "{}-", measure.binaries);
        }
        if !self.namespace.is_root() {
            let _ = write!(out, "{},", self.namespace);
        }
        if let Some(id) = self.content.id() {
            let _ = write!(out, "{id}");
        }
        let mut attachments = Vec::new();
        match &self.content {
            Content::Connect(None) | Content::Disconnect => {}
            Content::Connect(Some(value)) | Content::ConnectError(value) => json::write_value(&mut out, value),
            Content::Event(event) => json::write_array(&mut out, Some(&event.name), &event.args, &mut attachments),
            Content::Ack { args, .. } => json::write_array(&mut out, None, args, &mut attachments),
        }
        Ok(Encoded { first: Data::Text(Cow::Owned(out)), attachments })
    }
}

impl Content {
    /// The number of its type, when it has no attachments.
    pub(crate) fn type_number(&self) -> u8 {
        match self {
            Self::Connect(_) => 0,
            Self::Disconnect => 1,
            Self::Event(_) => 2,
            Self::Ack { .. } => 3,
            Self::ConnectError(_) => 4,
        }
    }

    pub(crate) fn id(&self) -> Option<u64> {
        match self {
            Self::Event(event) => event.id,
            Self::Ack { id, .. } => Some(*id),
            Self::Connect(_) | Self::Disconnect | Self::ConnectError(_) => None,
        }
    }

    fn may_be_binary(&self) -> bool {
        matches!(self, Self::Event(_) | Self::Ack { .. })
    }

    /// An event that came.
    pub(crate) fn event(
        version: Version,
        name: CompactString,
        args: Vec<Value>,
        id: Option<u64>,
    ) -> Result<Self, ContentError> {
        if version == Version::V4 && is_reserved(&name) {
            return Err(ContentError::Reserved(name.into()));
        }
        Ok(Self::Event(Event { name, args, id }))
    }

    /// About how long the packet is as text, with the digit that Engine.IO puts before it.
    fn len_hint(&self) -> usize {
        let text = |value: &Value| value.as_text().map_or(0, str::len);
        match self {
            Self::Event(event) => 32 + event.name.len() + event.args.iter().map(text).sum::<usize>(),
            _ => 64,
        }
    }

    fn measure(&self, depth: usize) -> Result<Measure, TooDeep> {
        let all = |args: &[Value]| {
            let inside = depth.checked_sub(1).ok_or(TooDeep { limit: depth })?;
            args.iter().try_fold(Measure::default(), |sum, value| {
                let found = value.measure(inside).map_err(|_| TooDeep { limit: depth })?;
                Ok(Measure {
                    binaries: sum.binaries + found.binaries,
                    placeholder_like: sum.placeholder_like || found.placeholder_like,
                })
            })
        };
        match self {
            Self::Connect(None) | Self::Disconnect => Ok(Measure::default()),
            Self::Connect(Some(value)) | Self::ConnectError(value) => value.measure(depth),
            Self::Event(event) => all(&event.args),
            Self::Ack { args, .. } => all(args),
        }
    }

    /// Puts together what a packet says from the number of its type (without attachments), its id and its payload, by the
    /// rules that the reference client has.
    pub(crate) fn assemble(
        version: Version,
        type_number: u8,
        id: Option<u64>,
        payload: Option<Value>,
    ) -> Result<Self, ContentError> {
        Ok(match (type_number, payload) {
            (0, None) => Self::Connect(None),
            (0, Some(value)) if version == Version::V3 || matches!(value, Value::Object(_)) => {
                Self::Connect(Some(value))
            }
            (1, None) => Self::Disconnect,
            (2, Some(Value::Array(mut items))) => {
                let name = match items.first_mut().map(std::mem::take) {
                    Some(Value::Text(name)) => name.into(),
                    Some(Value::Int(number)) => number.to_compact_string(),
                    Some(Value::UInt(number)) => number.to_compact_string(),
                    Some(Value::Float(number)) => number.to_compact_string(),
                    _ => return Err(ContentError::NoName),
                };
                items.remove(0);
                Self::event(version, name, items, id)?
            }
            (3, payload) => {
                let id = id.ok_or(ContentError::NoId)?;
                match payload {
                    None => Self::Ack { id, args: Vec::new() },
                    Some(Value::Array(args)) => Self::Ack { id, args },
                    Some(_) => return Err(ContentError::Payload),
                }
            }
            (4, payload) => match payload.unwrap_or_default() {
                value if version == Version::V3 => Self::ConnectError(value),
                value @ (Value::Null | Value::Text(_) | Value::Object(_)) => Self::ConnectError(value),
                _ => return Err(ContentError::Payload),
            },
            _ => return Err(ContentError::Payload),
        })
    }
}

/// What is wrong with the parts of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ContentError {
    /// The payload is not one of this type of packet.
    Payload,
    /// An event without a name.
    NoName,
    /// An event with a name of Socket.IO's own.
    Reserved(String),
    /// An acknowledgement of nothing.
    NoId,
}
