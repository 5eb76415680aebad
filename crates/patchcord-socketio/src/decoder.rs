//! Messages of Engine.IO in, packets of Socket.IO out.
//!
//! The rules are those that the reference client enforces; whoever breaks one has its connection closed as `parse error`.
//! Source: the protocol documents of Socket.IO 4 and 5, and what `socket.io-parser` 4 was seen to take and to refuse.

use bytes::Bytes;
use compact_str::CompactString;

use crate::engine::{Data, Version};
use crate::json::{self, JsonError};
use crate::msgpack::{self, MsgpackError};
use crate::namespace::Namespace;
use crate::packet::{Content, ContentError, Limits, Packet, Parser};
use crate::value::{PLACEHOLDER_INDEX, Value, is_placeholder};

/// A rule of Socket.IO that the peer broke. The stream of packets is at an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The type is none of those that there are.
    #[error("the peer sent a packet of the unknown type {0:?}")]
    UnknownType(String),
    /// The number of attachments is missing or is not a number.
    #[error("the peer sent a binary packet without a proper number of attachments")]
    AttachmentCount,
    /// More attachments than [`Limits::attachments`].
    #[error("the peer's packet has more than {limit} attachments")]
    TooManyAttachments {
        /// The limit in force.
        limit: usize,
    },
    /// The name of a namespace is longer than [`Namespace::MAX_LEN`], or no text.
    #[error("the peer sent a packet with an impossible namespace")]
    Namespace,
    /// The number of an event or an acknowledgement is missing or no number below 2⁶⁴.
    #[error("the peer sent a packet with an impossible acknowledgement number")]
    AckId,
    /// The payload is not JSON.
    #[error("the peer sent a payload that is not JSON, at byte {at}")]
    Json {
        /// The byte of the payload where it shows, from 1.
        at: usize,
    },
    /// The packet is not MessagePack.
    #[error("the peer sent a packet that is not MessagePack, at byte {at}")]
    MessagePack {
        /// The byte where it shows, from 1.
        at: usize,
    },
    /// Nested deeper than [`Limits::depth`].
    #[error("the peer's packet is nested more than {limit} deep")]
    TooDeep {
        /// The limit in force.
        limit: usize,
    },
    /// More values than [`Limits::values`], in one packet or in all that one answer to a poll has.
    #[error("the peer sent more than {limit} values at once")]
    TooManyValues {
        /// The limit in force.
        limit: usize,
    },
    /// The payload is not one that this type of packet has.
    #[error("the peer sent a packet with a payload that does not belong to its type")]
    Payload,
    /// An event's first item is neither a string nor a number.
    #[error("the peer sent an event without a name")]
    EventName,
    /// An event with a name that Socket.IO keeps for itself.
    #[error("the peer sent an event with the reserved name {0:?}")]
    ReservedName(String),
    /// The place of an attachment names one that there is not, or one that has its place already.
    #[error("the peer sent a packet that refers to an attachment that is not there, or twice to the same")]
    Placeholder,
    /// A text message while attachments were to come, or at all where packets are MessagePack.
    #[error("the peer sent text where bytes have to come")]
    UnexpectedText,
    /// A binary message that belongs to no packet.
    #[error("the peer sent bytes that belong to no packet")]
    UnexpectedBinary,
    /// Larger than [`Limits::packet`], attachments included.
    #[error("the peer's packet is larger than the limit of {limit} bytes")]
    TooBig {
        /// The limit in force, in bytes.
        limit: usize,
    },
}

/// Reads the packets of one connection.
#[derive(Debug)]
pub struct Decoder {
    version: Version,
    parser: Parser,
    limits: Limits,
    pending: Option<Pending>,
}

/// A packet whose attachments have not all come.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    expected: usize,
    /// Those that have come; each is taken by the one place that names it.
    attachments: Vec<Option<Bytes>>,
    size: usize,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(version: Version, parser: Parser, limits: Limits) -> Self {
        let mut decoder = Self { version, parser, limits, pending: None };
        decoder.set_limits(limits);
        decoder
    }

    /// Changes the limits; a packet whose attachments are still to come is measured by the new ones.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { depth: limits.depth.min(json::MAX_DEPTH), ..limits };
    }

    /// Whether attachments of a packet are still to come.
    pub fn is_inside_packet(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes a message. `None` means that attachments are to come.
    ///
    /// # Errors
    ///
    /// A [`ParseError`]; what comes afterwards means nothing.
    pub fn handle_message(&mut self, message: Data<'_>) -> Result<Option<Packet>, ParseError> {
        let mut values = self.limits.values;
        self.handle_message_within(message, &mut values)
    }

    /// The same out of a budget of values, at most [`Limits::values`], which is then what is left of it.
    pub(crate) fn handle_message_within(
        &mut self,
        message: Data<'_>,
        values: &mut usize,
    ) -> Result<Option<Packet>, ParseError> {
        if message.len() > self.limits.packet {
            return Err(ParseError::TooBig { limit: self.limits.packet });
        }
        match (self.parser, message) {
            (Parser::Json, Data::Text(_)) if self.pending.is_some() => Err(ParseError::UnexpectedText),
            (Parser::Json, Data::Text(text)) => self.handle_header(&text, values),
            (Parser::Json, Data::Binary(bytes)) => self.handle_attachment(bytes),
            (Parser::MessagePack, Data::Text(_)) => Err(ParseError::UnexpectedText),
            (Parser::MessagePack, Data::Binary(bytes)) => self.read_msgpack(&bytes, values).map(Some),
        }
    }

    fn handle_header(&mut self, text: &str, values: &mut usize) -> Result<Option<Packet>, ParseError> {
        let unknown = || ParseError::UnknownType(text.chars().take(1).collect());
        let (type_number, binary) = match text.as_bytes().first() {
            Some(digit @ b'0'..=b'4') => (digit - b'0', false),
            Some(b'5') => (2, true),
            Some(b'6') => (3, true),
            _ => return Err(unknown()),
        };
        let mut rest = &text[1..];
        let mut expected = 0;
        if binary {
            let (count, after) = rest.split_once('-').ok_or(ParseError::AttachmentCount)?;
            expected = number(count).ok_or(ParseError::AttachmentCount)?;
            rest = after;
        }
        let limit = self.limits.attachments;
        let expected = usize::try_from(expected).ok().filter(|&expected| expected <= limit);
        let expected = expected.ok_or(ParseError::TooManyAttachments { limit })?;
        let mut namespace = Namespace::ROOT;
        if rest.starts_with('/') {
            let (name, after) = rest.split_once(',').unwrap_or((rest, ""));
            namespace = Namespace::new(name).map_err(|_| ParseError::Namespace)?;
            rest = after;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, payload) = rest.split_at(digits);
        let id = if id.is_empty() { None } else { Some(number(id).ok_or(ParseError::AckId)?) };
        let content = match self.read_plain_event(type_number, payload, values) {
            Some((name, args)) => Content::event(self.version, name, args, id)?,
            None => {
                let payload = if payload.is_empty() { None } else { Some(self.read_json(payload, values)?) };
                Content::assemble(self.version, type_number, id, payload)?
            }
        };
        let packet = Packet { namespace, content };
        if !binary {
            return Ok(Some(packet));
        }
        self.pending = Some(Pending { packet, expected, attachments: Vec::new(), size: text.len() });
        self.complete()
    }

    /// The shape that most events have, read in a fraction of the time. `None` says nothing about the payload.
    fn read_plain_event(
        &self,
        type_number: u8,
        payload: &str,
        values: &mut usize,
    ) -> Option<(CompactString, Vec<Value>)> {
        // The list, the name and the text.
        let left = values.checked_sub(3)?;
        if type_number != 2 || self.limits.depth < 1 {
            return None;
        }
        let (name, text) = json::read_plain_event(payload)?;
        *values = left;
        Some((name.into(), text.map_or_else(Vec::new, |text| vec![text.into()])))
    }

    fn handle_attachment(&mut self, bytes: Bytes) -> Result<Option<Packet>, ParseError> {
        let pending = self.pending.as_mut().ok_or(ParseError::UnexpectedBinary)?;
        pending.size += bytes.len();
        if pending.size > self.limits.packet {
            return Err(ParseError::TooBig { limit: self.limits.packet });
        }
        pending.attachments.push(Some(bytes));
        self.complete()
    }

    /// The packet with its attachments, when they are all there.
    fn complete(&mut self) -> Result<Option<Packet>, ParseError> {
        let Some(Pending { mut packet, mut attachments, .. }) =
            self.pending.take_if(|pending| pending.attachments.len() == pending.expected)
        else {
            return Ok(None);
        };
        if let Content::Event(crate::packet::Event { args, .. }) | Content::Ack { args, .. } = &mut packet.content {
            args.iter_mut().try_for_each(|value| fill(value, &mut attachments))?;
        }
        Ok(Some(packet))
    }

    fn read_json(&self, text: &str, values: &mut usize) -> Result<Value, ParseError> {
        json::read_within(text, self.limits.depth, values).map_err(|error| match error {
            JsonError::Syntax { at } => ParseError::Json { at },
            JsonError::TooDeep => ParseError::TooDeep { limit: self.limits.depth },
            JsonError::TooManyValues => ParseError::TooManyValues { limit: self.limits.values },
        })
    }

    fn read_msgpack(&self, bytes: &[u8], values: &mut usize) -> Result<Packet, ParseError> {
        // The map that is the packet is one level more than the same packet has in JSON, and some values more.
        const MORE: usize = 8;
        let mut left = values.saturating_add(MORE);
        let map = msgpack::read(bytes, self.limits.depth + 1, &mut left).map_err(|error| match error {
            MsgpackError::Malformed { at } => ParseError::MessagePack { at },
            MsgpackError::TooDeep => ParseError::TooDeep { limit: self.limits.depth },
            MsgpackError::TooManyValues => ParseError::TooManyValues { limit: self.limits.values },
        })?;
        *values = left.saturating_sub(MORE);
        let Value::Object(fields) = map else { return Err(ParseError::MessagePack { at: 1 }) };
        let (mut type_number, mut namespace, mut id, mut payload) = (None, None, None, None);
        for (name, value) in fields {
            match name.as_str() {
                "type" => type_number = Some(value),
                "nsp" => namespace = Some(value),
                "id" if value != Value::Null => id = Some(value),
                "data" if value != Value::Null => payload = Some(value),
                _ => {}
            }
        }
        let type_number = match type_number {
            Some(Value::Int(number @ 0..=4)) => number as u8,
            other => return Err(ParseError::UnknownType(describe(other))),
        };
        let namespace = match namespace {
            Some(Value::Text(name)) => Namespace::new(&name).map_err(|_| ParseError::Namespace)?,
            _ => return Err(ParseError::Namespace),
        };
        let id = match id {
            None => None,
            Some(Value::Int(number)) => Some(u64::try_from(number).map_err(|_| ParseError::AckId)?),
            Some(Value::UInt(number)) => Some(number),
            Some(_) => return Err(ParseError::AckId),
        };
        let content = Content::assemble(self.version, type_number, id, payload)?;
        Ok(Packet { namespace, content })
    }
}

impl From<ContentError> for ParseError {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Payload => Self::Payload,
            ContentError::NoName => Self::EventName,
            ContentError::Reserved(name) => Self::ReservedName(name),
            ContentError::NoId => Self::AckId,
        }
    }
}

/// A number of decimal digits alone.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// A type that is none, in few letters.
fn describe(value: Option<Value>) -> String {
    match value {
        Some(Value::Int(number)) => number.to_string(),
        _ => "none".to_owned(),
    }
}

/// Puts the attachments into their places, each into one: writers number every place anew, and thousands of places for
/// one large attachment would make much of little wherever the packet is copied or written out.
fn fill(value: &mut Value, attachments: &mut [Option<Bytes>]) -> Result<(), ParseError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, attachments))?,
        Value::Object(fields) if is_placeholder(fields) => {
            let index = match value.field(PLACEHOLDER_INDEX) {
                Some(Value::Int(index)) => usize::try_from(*index).ok(),
                _ => None,
            };
            let place = index.and_then(|index| attachments.get_mut(index)).ok_or(ParseError::Placeholder)?;
            *value = Value::Binary(place.take().ok_or(ParseError::Placeholder)?);
        }
        Value::Object(fields) => fields.iter_mut().try_for_each(|(_, value)| fill(value, attachments))?,
        _ => {}
    }
    Ok(())
}
