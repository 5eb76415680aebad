//! Bodies of polls, byte by byte: what the reference implementations of both versions write, and what is no body.

use bytes::Bytes;
use patchcord_socketio::engine::payload::{self, Packets};
use patchcord_socketio::engine::{Data, Handshake, HandshakeError, Packet, PacketError, Version};

const LIMIT: usize = 1000;

fn read(version: Version, body: &[u8]) -> Vec<Result<Packet<'_>, PacketError>> {
    Packets::new(version, body, LIMIT).collect()
}

fn message(text: &str) -> Packet<'_> {
    Packet::Message(Data::Text(text.into()))
}

fn bytes(bytes: &'static [u8]) -> Packet<'static> {
    Packet::Message(Data::Binary(Bytes::from_static(bytes)))
}

/// A body, and the packets that it holds.
fn check(version: Version, base64: bool, body: &[u8], content_type: &str, packets: &[Packet<'_>]) {
    let found: Result<Vec<_>, _> = Packets::new(version, body, LIMIT).collect();
    assert_eq!(found.as_deref(), Ok(packets), "{}", body.escape_ascii());
    let written = payload::encode(version, packets, base64);
    assert_eq!(written.bytes.escape_ascii().to_string(), body.escape_ascii().to_string());
    assert_eq!(written.content_type, content_type);
}

#[test]
fn version_4_separates_packets_and_writes_base64() {
    let packets = [message("€ü"), bytes(&[1, 2, 3, 4]), Packet::Ping("probe".into()), Packet::Noop];
    check(Version::V4, false, "4€ü\x1ebAQIDBA==\x1e2probe\x1e6".as_bytes(), payload::TEXT, &packets);
    check(Version::V4, false, b"40", payload::TEXT, &[message("0")]);
}

#[test]
fn version_3_counts_utf_16_units_in_text() {
    let packets = [message("€😀"), Packet::Ping("probe".into()), Packet::Noop];
    check(Version::V3, false, "4:4€😀6:2probe1:6".as_bytes(), payload::TEXT, &packets);
    let packets = [message("€😀"), bytes(&[1, 2, 3, 4]), Packet::Noop];
    check(Version::V3, true, "4:4€😀10:b4AQIDBA==1:6".as_bytes(), payload::TEXT, &packets);
}

#[test]
fn version_3_counts_bytes_in_binary() {
    let body =
        b"\x00\x08\xff4\xe2\x82\xac\xf0\x9f\x98\x80\x01\x05\xff\x04\x01\x02\x03\x04\x00\x06\xff2probe\x00\x01\xff6";
    let packets = [message("€😀"), bytes(&[1, 2, 3, 4]), Packet::Ping("probe".into()), Packet::Noop];
    check(Version::V3, false, body, payload::BINARY, &packets);
    let long = [&b"\x01\x02\x00\x01\xff\x04"[..], &[7; 200]].concat();
    check(Version::V3, false, &long, payload::BINARY, &[bytes(&[7; 200])]);
}

#[test]
fn the_first_poll_of_version_3_brings_two_packets() {
    let open = r#"0{"sid":"0123456789abcdefABCD","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}"#;
    let body = format!("{}:{open}2:40", open.len());
    let found = read(Version::V3, body.as_bytes());
    let Some(Ok(Packet::Open(Handshake { sid, .. }))) = found.first() else { panic!("{found:?}") };
    assert_eq!(sid, "0123456789abcdefABCD");
    assert_eq!(found[1..], [Ok(message("0"))]);
}

#[test]
fn an_empty_body_of_version_3_has_no_packets() {
    assert_eq!(read(Version::V3, b""), []);
    assert_eq!(read(Version::V3, b"0:"), []);
    assert_eq!(read(Version::V3, b"0:1:6"), [Ok(Packet::Noop)]);
    assert_eq!(read(Version::V4, b""), [Err(PacketError::Empty)]);
}

#[test]
fn what_was_whole_before_an_error_is_read() {
    let too_big = "4".repeat(LIMIT + 1);
    let count = format!("{}:{too_big}", too_big.len());
    for (version, body, read_before, error) in [
        (Version::V4, &b"6\x1e"[..], 1, PacketError::Empty),
        (Version::V4, b"\x1e6", 0, PacketError::Empty),
        (Version::V4, b"6\x1e9\x1e6", 1, PacketError::UnknownType('9')),
        (Version::V4, b"6\x1e4\xff\x1e6", 1, PacketError::InvalidUtf8),
        (Version::V4, b"b*", 0, PacketError::Base64),
        (Version::V4, b"<html>502</html>", 0, PacketError::UnknownType('<')),
        (Version::V4, b"0[]", 0, PacketError::Handshake(HandshakeError::NoObject)),
        (Version::V4, too_big.as_bytes(), 0, PacketError::TooBig { limit: LIMIT }),
        (Version::V3, count.as_bytes(), 0, PacketError::TooBig { limit: LIMIT }),
        (Version::V3, b"1:61:", 1, PacketError::Truncated),
        (Version::V3, b"1:65", 1, PacketError::Length),
        (Version::V3, b"3:4ab4:4a", 1, PacketError::Truncated),
        (Version::V3, b":4", 0, PacketError::Length),
        (Version::V3, b"-1:4", 0, PacketError::Length),
        (Version::V3, b"1 :4", 0, PacketError::Length),
        (Version::V3, b"1234567890123456:4", 0, PacketError::Length),
        (Version::V3, b"999999999999999:4", 0, PacketError::Truncated),
        (Version::V3, "2:4😀".as_bytes(), 0, PacketError::Length),
        (Version::V3, b"2:4\x80", 0, PacketError::InvalidUtf8),
        (Version::V3, b"2:4\xe2\x82", 0, PacketError::Truncated),
        (Version::V3, b"\x00\x01\xff6\x02", 1, PacketError::UnknownBinaryType(2)),
        (Version::V3, b"\x01\xff", 0, PacketError::Length),
        (Version::V3, b"\x01\x00\xff", 0, PacketError::Empty),
        (Version::V3, b"\x01\x0a\xff4", 0, PacketError::Length),
        (Version::V3, b"\x01\x02\xff\x04", 0, PacketError::Truncated),
        (Version::V3, b"\x01\x02\xff41", 0, PacketError::UnknownBinaryType(b'4')),
        (Version::V3, b"\x00\x02\xff4\xff", 0, PacketError::InvalidUtf8),
        (
            Version::V3,
            &[&b"\x01\x01\x00\x00\x02\xff\x04"[..], &[0; LIMIT + 1]].concat(),
            0,
            PacketError::TooBig { limit: LIMIT },
        ),
    ] {
        let found = read(version, body);
        let shown = body[..body.len().min(40)].escape_ascii();
        assert_eq!(found.len(), read_before + 1, "{shown} {found:?}");
        assert_eq!(found.last(), Some(&Err(error)), "{shown}");
    }
}
