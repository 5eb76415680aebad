//! Laws that hold for all packets: what is written is what is read, over every transport, however a poll is cut into
//! requests; and what is damaged is refused or read, never worse.

use std::collections::HashSet;

use bytes::Bytes;
use patchcord_socketio::engine::payload::{self, Packets};
use patchcord_socketio::engine::{self, Data, Frame, Version};
use patchcord_socketio::{Content, Decoder, Event, Limits, Namespace, Packet, ParseError, Parser, Value, is_reserved};
use proptest::collection::vec;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", "[a-z ]{0,40}", "[😀€é\u{1e}\u{0}\"\\\\]{0,10}", "[0-9/,-]{0,6}"]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-300i64..300).prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Binary(bytes.into())),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inside| {
        prop_oneof![
            vec(inside.clone(), 0..20).prop_map(Value::Array),
            vec((text(), inside), 0..4).prop_map(Value::Object),
        ]
    })
}

/// A value for packets that carry no attachments.
fn plain(value: Value) -> Value {
    match value {
        Value::Binary(_) => Value::Null,
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        other => other,
    }
}

fn content() -> impl Strategy<Value = Content> {
    let args = || vec(value(), 0..4);
    let object = || vec((text(), value()), 0..3).prop_map(|fields| plain(Value::Object(fields)));
    let name = text().prop_filter("a name of the user's own", |name| !is_reserved(name));
    prop_oneof![
        proptest::option::of(object()).prop_map(Content::Connect),
        Just(Content::Disconnect),
        (name, args(), proptest::option::of(any::<u64>())).prop_map(|(name, args, id)| Content::Event(Event {
            name: name.into(),
            args,
            id
        })),
        (any::<u64>(), args()).prop_map(|(id, args)| Content::Ack { id, args }),
        prop_oneof![object(), text().prop_map(Value::from)].prop_map(Content::ConnectError),
    ]
}

fn packet() -> impl Strategy<Value = Packet> {
    let namespace = prop_oneof![Just("/".to_owned()), "/[a-z0-9?=€]{0,12}"];
    (namespace, content()).prop_map(|(name, content)| Packet { namespace: Namespace::new(&name).unwrap(), content })
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3), Just(Version::V4)]
}

fn parser() -> impl Strategy<Value = Parser> {
    prop_oneof![Just(Parser::Json), Just(Parser::MessagePack)]
}

/// Room for whatever the strategies make.
const LIMITS: Limits = Limits { packet: 1 << 20, attachments: 1000, depth: 64, values: 10_000 };

fn messages(packets: &[Packet], parser: Parser) -> Vec<Data<'static>> {
    packets.iter().flat_map(|packet| packet.encode(parser, &LIMITS).unwrap().into_messages()).collect()
}

/// What a decoder makes of messages, in their order.
fn read(
    version: Version,
    parser: Parser,
    messages: impl IntoIterator<Item = Data<'static>>,
) -> Result<Vec<Packet>, ParseError> {
    let mut decoder = Decoder::new(version, parser, LIMITS);
    let packets = messages.into_iter().filter_map(|message| decoder.handle_message(message).transpose()).collect();
    assert!(!decoder.is_inside_packet());
    packets
}

/// Over a WebSocket: a frame for each message.
fn over_websocket(version: Version, messages: Vec<Data<'static>>) -> Vec<Data<'static>> {
    let receive = |frame: Frame| match frame {
        Frame::Text(text) => engine::Packet::from_text(version, &text).map(unwrap),
        Frame::Binary(bytes) => engine::Packet::from_binary(version, &bytes).map(unwrap),
    };
    messages.into_iter().map(|data| receive(engine::Packet::Message(data).into_frame(version)).unwrap()).collect()
}

/// Over polling: a body for each part that `cuts` make, with a ping before it.
fn over_polling(
    version: Version,
    base64: bool,
    messages: Vec<Data<'static>>,
    cuts: &[prop::sample::Index],
) -> Vec<Data<'static>> {
    let packets: Vec<_> = messages.into_iter().map(engine::Packet::Message).collect();
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(packets.len() + 1)).collect();
    places.extend([0, packets.len()]);
    places.sort_unstable();
    let mut arrived = Vec::new();
    for part in places.windows(2) {
        let mut part = packets[part[0]..part[1]].to_vec();
        part.insert(0, engine::Packet::Ping("".into()));
        let body = payload::encode(version, &part, base64);
        let mut packets = Packets::new(version, &body.bytes, usize::MAX);
        assert_eq!(packets.next(), Some(Ok(engine::Packet::Ping("".into()))));
        arrived.extend(packets.map(|packet| unwrap(packet.unwrap())));
    }
    arrived
}

fn unwrap(packet: engine::Packet<'_>) -> Data<'static> {
    let engine::Packet::Message(data) = packet else { panic!("{packet:?}") };
    data.into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_survives_every_transport(
        version in version(),
        parser in parser(),
        base64 in any::<bool>(),
        packets in vec(packet(), 1..4),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let sent = messages(&packets, parser);
        prop_assert_eq!(read(version, parser, sent.clone()).unwrap(), packets.clone());
        prop_assert_eq!(read(version, parser, over_websocket(version, sent.clone())).unwrap(), packets.clone());
        prop_assert_eq!(read(version, parser, over_polling(version, base64, sent, &cuts)).unwrap(), packets.clone());
    }

    #[test]
    fn attachments_go_where_their_number_says(
        pieces in vec(vec(any::<u8>(), 0..20), 1..6),
        places in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
        let mut places: Vec<usize> = places.iter().map(|place| place.index(pieces.len())).collect();
        let mut taken = HashSet::new();
        places.retain(|place| taken.insert(*place));
        let list: Vec<_> = places.iter().map(|place| format!("{{\"num\":{place},\"_placeholder\":true}}")).collect();
        let header = format!("5{}-[\"a\",[{}]]", pieces.len(), list.join(","));
        let mut sent = vec![Data::Text(header.into())];
        sent.extend(pieces.iter().cloned().map(Data::Binary));
        let args = places.iter().map(|&place| Value::Binary(pieces[place].clone())).collect();
        let event = Event { name: "a".into(), args: vec![Value::Array(args)], id: None };
        let packet = Packet { namespace: Namespace::ROOT, content: Content::Event(event) };
        prop_assert_eq!(read(Version::V4, Parser::Json, sent), Ok(vec![packet]));
    }

    #[test]
    fn what_is_sent_together_with_others_is_not_mixed_up(
        packets in vec(packet(), 2..4),
        lost in any::<prop::sample::Index>(),
    ) {
        // A message that is lost on the way is an error or takes its packet with it; the ones before it are whole.
        let sent = messages(&packets, Parser::Json);
        let lost = lost.index(sent.len());
        let mut decoder = Decoder::new(Version::V4, Parser::Json, LIMITS);
        let mut whole = Vec::new();
        for message in sent[..lost].iter().cloned() {
            whole.extend(decoder.handle_message(message).unwrap());
        }
        prop_assert_eq!(&whole[..], &packets[..whole.len()]);
        let inside = decoder.is_inside_packet();
        let rest: Result<Vec<_>, _> =
            sent[lost + 1..].iter().cloned().filter_map(|message| decoder.handle_message(message).transpose()).collect();
        if let Ok(rest) = rest {
            prop_assert!(!inside || decoder.is_inside_packet() || rest.is_empty());
            prop_assert!(rest.iter().all(|packet| packets.contains(packet)));
        }
    }

    #[test]
    fn damage_is_an_error_or_another_packet(
        parser in parser(),
        packet in packet(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let first = packet.encode(parser, &LIMITS).unwrap().first;
        let mut bytes = match first {
            Data::Text(text) => text.into_owned().into_bytes(),
            Data::Binary(bytes) => bytes.to_vec(),
        };
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        let message = match parser {
            Parser::Json => Data::Text(String::from_utf8_lossy(&bytes).into_owned().into()),
            Parser::MessagePack => Data::Binary(bytes.into()),
        };
        if let Err(error) = Decoder::new(Version::V4, parser, LIMITS).handle_message(message) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in prop_oneof!["[\\[\\]{}\",:0-9eE.+\\-a-f\\\\u ]{0,16}", value().prop_map(|value| plain(value).to_json(9).unwrap())]) {
        let list = format!("[\"a\",{text}]");
        let read = Decoder::new(Version::V4, Parser::Json, LIMITS).handle_message(Data::Text(format!("2{list}").into()));
        let expected: Result<Vec<serde_json::Value>, _> = serde_json::from_str(&list);
        match (read, expected) {
            (Ok(Some(Packet { content: Content::Event(Event { args, .. }), .. })), Ok(expected)) => {
                let written: serde_json::Value = serde_json::from_str(&Value::Array(args).to_json(99).unwrap()).unwrap();
                prop_assert_eq!(written, serde_json::Value::Array(expected[1..].to_vec()));
            }
            (Err(_), Err(_)) => {}
            (read, expected) => prop_assert!(text.contains("\\u"), "{:?} {:?}", read, expected),
        }
    }
}
