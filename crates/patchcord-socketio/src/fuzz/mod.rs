//! Fuzz targets as plain functions.
//!
//! `tests/corpus.rs` replays a corpus and seeded mutations of it on stable; the crate in `fuzz/` gives the same functions
//! to libFuzzer. A target panics when a promise of this crate is broken and returns nothing otherwise. The first byte of
//! the data chooses versions and limits.

mod session;

use bytes::Bytes;

pub use session::session;

use crate::engine::payload::{self, Packets};
use crate::engine::{self, Data, Version};
use crate::{Content, Decoder, Limits, Packet, Parser, Value};

/// The body of a poll: it ends, an error is the last item, and what was read is what is written again.
pub fn payload(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else { return };
    let version = if choice & 1 == 0 { Version::V4 } else { Version::V3 };
    let limit = if choice & 2 == 0 { 1 << 20 } else { 20 };
    let base64 = choice & 4 != 0;
    let mut packets = Vec::new();
    let mut failed = false;
    for packet in Packets::new(version, body, limit) {
        assert!(!failed, "a packet after an error");
        match packet {
            Ok(packet) => packets.push(packet),
            Err(error) => {
                failed = true;
                assert!(!error.to_string().is_empty());
            }
        }
        assert!(packets.len() <= body.len(), "more packets than bytes");
    }
    if packets.is_empty() {
        return;
    }
    let written = payload::encode(version, &packets, base64);
    // Bytes are longer as text, and what an open packet leaves out is written.
    let read: Result<Vec<_>, _> = Packets::new(version, &written.bytes, usize::MAX).collect();
    assert_eq!(read.as_deref(), Ok(&packets[..]), "{}", written.bytes.escape_ascii());
    for packet in &packets {
        let read = match packet.clone().into_frame(version) {
            engine::Frame::Text(text) => engine::Packet::from_text(version, &text).map(own),
            engine::Frame::Binary(bytes) => engine::Packet::from_binary(version, &bytes),
        };
        assert_eq!(read.as_ref(), Ok(packet));
    }
}

/// Messages of Socket.IO, one a line, those of bytes behind a `b`: what was read is what is written again.
pub fn decoder(data: &[u8]) {
    let Some((&choice, lines)) = data.split_first() else { return };
    let version = if choice & 1 == 0 { Version::V4 } else { Version::V3 };
    let parser = if choice & 2 == 0 { Parser::Json } else { Parser::MessagePack };
    let limits = if choice & 4 == 0 {
        Limits { packet: 1 << 20, ..Limits::default() }
    } else {
        Limits { packet: 100, attachments: 2, depth: 3, values: 10 }
    };
    let mut decoder = Decoder::new(version, parser, limits);
    // A packet of MessagePack has any bytes in it.
    let lines = if parser == Parser::Json { lines.split(|&byte| byte == b'\n').collect() } else { vec![lines] };
    for line in lines {
        let message = match (line, parser) {
            (line, Parser::MessagePack) | ([b'b', line @ ..], Parser::Json) => {
                Data::Binary(Bytes::copy_from_slice(line))
            }
            (line, Parser::Json) => Data::Text(String::from_utf8_lossy(line)),
        };
        match decoder.handle_message(message) {
            Ok(Some(packet)) => {
                assert!(!decoder.is_inside_packet());
                write_again(version, parser, &packet);
            }
            Ok(None) => assert!(decoder.is_inside_packet()),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}

/// A packet that was read is written, read and written with the same outcome. (Packets are compared as they are
/// written, because MessagePack can hold a number that does not equal itself.)
fn write_again(version: Version, parser: Parser, packet: &Packet) {
    if let Content::Connect(Some(Value::Int(_) | Value::UInt(_) | Value::Float(_)))
    | Content::ConnectError(Value::Int(_) | Value::UInt(_) | Value::Float(_)) = packet.content
    {
        // A digit there is taken for the number of an acknowledgement; nobody sends such packets.
        return;
    }
    let limits = Limits { packet: usize::MAX, ..Limits::default() };
    let Ok(encoded) = packet.encode(parser, &limits) else {
        // Protocol 4 has no reserved names, and its reader refuses less than its writer.
        assert!(version == Version::V3 || parser == Parser::MessagePack, "{packet:?}");
        return;
    };
    let mut decoder = Decoder::new(version, parser, limits);
    let mut read = None;
    for message in encoded.clone().into_messages() {
        assert!(read.is_none(), "complete too early");
        read = decoder.handle_message(message).expect("what was written can be read");
    }
    let again = read.expect("complete").encode(parser, &limits);
    assert_eq!(again.as_ref(), Ok(&encoded));
}

/// The same packet, independent of what it was read from.
fn own(packet: engine::Packet<'_>) -> engine::Packet<'static> {
    match packet {
        engine::Packet::Open(handshake) => engine::Packet::Open(handshake),
        engine::Packet::Close => engine::Packet::Close,
        engine::Packet::Ping(text) => engine::Packet::Ping(text.into_owned().into()),
        engine::Packet::Pong(text) => engine::Packet::Pong(text.into_owned().into()),
        engine::Packet::Message(data) => engine::Packet::Message(data.into_owned()),
        engine::Packet::Upgrade => engine::Packet::Upgrade,
        engine::Packet::Noop => engine::Packet::Noop,
    }
}
