//! Packets of Socket.IO on the wire: the examples of the protocol, what the reference parser takes and refuses, and
//! MessagePack as JavaScript writes it.

use bytes::Bytes;
use patchcord_socketio::engine::{Data, Version};
use patchcord_socketio::{
    Content, Decoder, EncodeError, Encoded, Event, Limits, Namespace, Packet, ParseError, Parser, TooDeep, Value,
};

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

fn event(name: &str, args: Vec<Value>, id: Option<u64>) -> Content {
    Content::Event(Event { name: name.into(), args, id })
}

fn object(fields: &[(&str, Value)]) -> Value {
    Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn binary(bytes: &'static [u8]) -> Value {
    Value::Binary(Bytes::from_static(bytes))
}

fn decoder(version: Version) -> Decoder {
    Decoder::new(version, Parser::Json, Limits::default())
}

fn decode_as(version: Version, text: &str) -> Result<Option<Packet>, ParseError> {
    decoder(version).handle_message(Data::Text(text.into()))
}

fn decode(text: &str) -> Result<Packet, ParseError> {
    decode_as(Version::V4, text).map(|packet| packet.expect("complete"))
}

fn attach(decoder: &mut Decoder, bytes: &'static [u8]) -> Result<Option<Packet>, ParseError> {
    decoder.handle_message(Data::Binary(Bytes::from_static(bytes)))
}

#[test]
fn packets_and_their_text() {
    let token = object(&[("token", "x".into())]);
    let denied = object(&[("message", "denied".into()), ("data", object(&[("code", 42.into())]))]);
    for (text, name, content) in [
        ("0", "/", Content::Connect(None)),
        (
            "0{\"sid\":\"a\",\"pid\":\"b\"}",
            "/",
            Content::Connect(Some(object(&[("sid", "a".into()), ("pid", "b".into())]))),
        ),
        ("0/admin,{\"token\":\"x\"}", "/admin", Content::Connect(Some(token))),
        ("1/admin,", "/admin", Content::Disconnect),
        ("1", "/", Content::Disconnect),
        ("2/admin,12[\"hi\",1]", "/admin", event("hi", vec![1.into()], Some(12))),
        ("2[\"hi\"]", "/", event("hi", vec![], None)),
        ("2[\"\",null,true,-1.5]", "/", event("", vec![Value::Null, true.into(), (-1.5).into()], None)),
        ("312[\"ok\"]", "/", Content::Ack { id: 12, args: vec!["ok".into()] }),
        ("3/a,18446744073709551615[]", "/a", Content::Ack { id: u64::MAX, args: vec![] }),
        ("4/deny,{\"message\":\"denied\",\"data\":{\"code\":42}}", "/deny", Content::ConnectError(denied)),
        ("4\"Invalid namespace\"", "/", Content::ConnectError("Invalid namespace".into())),
    ] {
        let packet = Packet { namespace: namespace(name), content };
        assert_eq!(decode(text).as_ref(), Ok(&packet), "{text}");
        let encoded = packet.encode(Parser::Json, &Limits::default()).unwrap();
        assert_eq!(encoded, Encoded { first: Data::Text(text.into()), attachments: vec![] });
    }
}

#[test]
fn other_ways_to_write_the_same() {
    for (text, canonical) in [
        ("1/admin", "1/admin,"),
        ("0/admin", "0/admin,"),
        ("2/,[\"a\"]", "2[\"a\"]"),
        ("2 [ \"a\" ] ", "2[\"a\"]"),
        ("2[1,2]", "2[\"1\",2]"),
        ("2[1.5]", "2[\"1.5\"]"),
        ("312", "312[]"),
        ("50-[\"a\"]", "2[\"a\"]"),
        ("60-7[]", "37[]"),
        ("41{}", "4{}"),
        ("4", "4null"),
        ("2[\"a\",\"\\ud83d\"]", "2[\"a\",\"\u{fffd}\"]"),
    ] {
        let encoded = decode(text).unwrap().encode(Parser::Json, &Limits::default()).unwrap();
        assert_eq!(encoded.first, Data::Text(canonical.into()), "{text}");
    }
}

#[test]
fn what_the_reference_parser_refuses_is_refused() {
    for (text, error) in [
        ("", ParseError::UnknownType(String::new())),
        ("7", ParseError::UnknownType("7".into())),
        ("€", ParseError::UnknownType("€".into())),
        ("0[]", ParseError::Payload),
        ("0\"x\"", ParseError::Payload),
        ("1{}", ParseError::Payload),
        ("2", ParseError::Payload),
        ("212", ParseError::Payload),
        ("2{\"a\":1}", ParseError::Payload),
        ("2[]", ParseError::EventName),
        ("2[null]", ParseError::EventName),
        ("2[[\"a\"]]", ParseError::EventName),
        ("2[\"connect\"]", ParseError::ReservedName("connect".into())),
        ("2[\"removeListener\",1]", ParseError::ReservedName("removeListener".into())),
        ("2[\"a\"", ParseError::Json { at: 4 }),
        ("2[\"a\",NaN]", ParseError::Json { at: 6 }),
        ("2/a,[\"a\"]x", ParseError::Json { at: 6 }),
        ("218446744073709551616[\"a\"]", ParseError::AckId),
        ("3[]", ParseError::AckId),
        ("31{}", ParseError::Payload),
        ("4[1]", ParseError::Payload),
        ("5[\"a\"]", ParseError::AttachmentCount),
        ("51[\"a\"]", ParseError::AttachmentCount),
        ("5x-[\"a\"]", ParseError::AttachmentCount),
        ("5+1-[\"a\"]", ParseError::AttachmentCount),
        ("51.5-[\"a\"]", ParseError::AttachmentCount),
        ("5-[\"a\"]", ParseError::AttachmentCount),
        ("5-1-[\"a\"]", ParseError::AttachmentCount),
        ("511-[\"a\"]", ParseError::TooManyAttachments { limit: 10 }),
        ("599999999999999999999-[\"a\"]", ParseError::AttachmentCount),
        ("50-[\"a\",{\"_placeholder\":true,\"num\":0}]", ParseError::Placeholder),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    let long = format!("2/{},[\"a\"]", "n".repeat(Namespace::MAX_LEN));
    assert_eq!(decode(&long), Err(ParseError::Namespace));
}

#[test]
fn protocol_4_is_looser() {
    for (text, name, content) in [
        ("4/deny,{\"code\":42}", "/deny", Content::ConnectError(object(&[("code", 42.into())]))),
        ("4[1]", "/", Content::ConnectError(vec![1.into()].into())),
        ("2[\"connect\"]", "/", event("connect", vec![], None)),
        ("0/admin?token=x,", "/admin?token=x", Content::Connect(None)),
    ] {
        assert_eq!(decode_as(Version::V3, text), Ok(Some(Packet { namespace: namespace(name), content })), "{text}");
    }
}

#[test]
fn attachments_are_found_depth_first() {
    let args = vec![binary(&[1]), object(&[("a", vec![binary(&[2]), 5.into()].into()), ("b", binary(b""))])];
    let packet = Packet { namespace: Namespace::ROOT, content: event("img", args, None) };
    let encoded = packet.encode(Parser::Json, &Limits::default()).unwrap();
    let text = concat!(
        r#"53-["img",{"_placeholder":true,"num":0},"#,
        r#"{"a":[{"_placeholder":true,"num":1},5],"b":{"_placeholder":true,"num":2}}]"#
    );
    assert_eq!(encoded.first, Data::Text(text.into()));
    assert_eq!(encoded.attachments, [&[1][..], &[2], b""]);
    let mut decoder = decoder(Version::V4);
    let mut messages = encoded.into_messages().into_iter();
    for message in messages.by_ref().take(3) {
        assert_eq!(decoder.handle_message(message), Ok(None));
        assert!(decoder.is_inside_packet());
    }
    assert_eq!(decoder.handle_message(messages.next().unwrap()), Ok(Some(packet)));
    assert!(!decoder.is_inside_packet());
}

#[test]
fn an_answer_with_bytes() {
    let mut decoder = decoder(Version::V4);
    let header = Data::Text("61-/a,12[{\"num\":0,\"_placeholder\":true}]".into());
    assert_eq!(decoder.handle_message(header), Ok(None));
    let content = Content::Ack { id: 12, args: vec![binary(&[4, 0x1e, 0xff])] };
    assert_eq!(attach(&mut decoder, &[4, 0x1e, 0xff]), Ok(Some(Packet { namespace: namespace("/a"), content })));
}

#[test]
fn attachments_that_do_not_belong() {
    assert_eq!(attach(&mut decoder(Version::V4), b"out of the blue"), Err(ParseError::UnexpectedBinary));
    let header = |num: &str| Data::Text(format!("52-[\"a\",{{\"_placeholder\":true,\"num\":{num}}}]").into());
    let mut early = decoder(Version::V4);
    early.handle_message(header("0")).unwrap();
    assert_eq!(early.handle_message(Data::Text("2[\"b\"]".into())), Err(ParseError::UnexpectedText));
    for num in ["2", "-1", "0.5", "\"0\"", "null", "99999999999999999999"] {
        let mut decoder = decoder(Version::V4);
        assert_eq!(decoder.handle_message(header(num)), Ok(None));
        assert_eq!(attach(&mut decoder, b"1"), Ok(None));
        assert_eq!(attach(&mut decoder, b"2"), Err(ParseError::Placeholder), "{num}");
    }
    // One for no place.
    let mut spare = decoder(Version::V4);
    spare.handle_message(header("1")).unwrap();
    attach(&mut spare, b"1").unwrap();
    assert_eq!(attach(&mut spare, b"2").unwrap().unwrap().content, event("a", vec![binary(b"2")], None));
}

#[test]
fn an_attachment_has_one_place() {
    let place = "{\"_placeholder\":true,\"num\":0}";
    let acknowledgement = format!("61-1[{place},[{{\"deep\":{place}}}]]");
    for header in [format!("51-[\"a\",{place},{place}]"), acknowledgement] {
        let mut decoder = decoder(Version::V4);
        assert_eq!(decoder.handle_message(Data::Text(header.clone().into())), Ok(None));
        assert_eq!(attach(&mut decoder, b"1"), Err(ParseError::Placeholder), "{header}");
    }
}

#[test]
fn ten_attachments_are_taken_and_sent_and_eleven_are_not() {
    let packet = |count| Packet { namespace: Namespace::ROOT, content: event("a", vec![binary(b"x"); count], None) };
    let ten = packet(10).encode(Parser::Json, &Limits::default()).unwrap();
    let mut decoder = decoder(Version::V4);
    let last = ten.into_messages().into_iter().map(|message| decoder.handle_message(message).unwrap()).last();
    assert_eq!(last, Some(Some(packet(10))));
    let error = EncodeError::TooManyAttachments { found: 11, limit: 10 };
    assert_eq!(packet(11).encode(Parser::Json, &Limits::default()), Err(error));
    assert!(packet(11).encode(Parser::MessagePack, &Limits::default()).is_ok(), "MessagePack has no attachments");
}

#[test]
fn sizes_are_bounded() {
    let limits = Limits { packet: 40, depth: 3, values: 6, ..Limits::default() };
    let decode = |text: &str| {
        Decoder::new(Version::V4, Parser::Json, limits).handle_message(Data::Text(text.into())).map(|_| ())
    };
    assert_eq!(decode(&format!("2[\"{}\"]", "a".repeat(35))), Ok(()));
    assert_eq!(decode(&format!("2[\"{}\"]", "a".repeat(36))), Err(ParseError::TooBig { limit: 40 }));
    assert_eq!(decode("2[\"a\",[[1]]]"), Ok(()));
    assert_eq!(decode("2[\"a\",[[[]]]]"), Err(ParseError::TooDeep { limit: 3 }));
    assert_eq!(decode("2[\"a\",1,2,3,4]"), Ok(()));
    assert_eq!(decode("2[\"a\",1,2,3,4,5]"), Err(ParseError::TooManyValues { limit: 6 }));
    let mut decoder = Decoder::new(Version::V4, Parser::Json, limits);
    decoder.handle_message(Data::Text("53-[\"a\"]".into())).unwrap();
    assert_eq!(attach(&mut decoder, &[0; 32]), Ok(None));
    assert_eq!(attach(&mut decoder, &[0; 1]), Err(ParseError::TooBig { limit: 40 }));
}

#[test]
fn what_must_not_be_sent_is_refused() {
    let limits = Limits { packet: 60, depth: 2, ..Limits::default() };
    let encode = |content| Packet { namespace: Namespace::ROOT, content }.encode(Parser::Json, &limits).map(|_| ());
    let list = |value: Value| Value::from(vec![value]);
    assert_eq!(encode(event("disconnect", vec![], None)), Err(EncodeError::ReservedName("disconnect".into())));
    assert_eq!(encode(event("a", vec![list(1.into())], None)), Ok(()));
    assert_eq!(encode(event("a", vec![list(list(1.into()))], None)), Err(EncodeError::TooDeep(TooDeep { limit: 2 })));
    let long = Value::from("x".repeat(54));
    assert_eq!(encode(event("a", vec![long.clone()], None)), Err(EncodeError::TooBig { size: 63, limit: 60 }));
    let placeholder = object(&[("_placeholder", true.into())]);
    assert_eq!(encode(event("a", vec![placeholder.clone()], None)), Ok(()));
    assert_eq!(encode(event("a", vec![placeholder, binary(b"")], None)), Err(EncodeError::Placeholder));
    assert_eq!(encode(Content::Connect(Some(list(binary(b""))))), Err(EncodeError::BytesOutsideEvent));
    let mut deep = Value::Null;
    for _ in 0..100_000 {
        deep = list(deep);
    }
    let content = event("a", vec![deep], None);
    let packet = Packet { namespace: Namespace::ROOT, content };
    assert!(matches!(packet.encode(Parser::Json, &limits), Err(EncodeError::TooDeep(_))));
    // Dropping it is the caller's own affair: one level at a time.
    let Content::Event(Event { mut args, .. }) = packet.content else { unreachable!() };
    while let Some(Value::Array(inside)) = args.pop() {
        args = inside;
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn decode_msgpack(bytes: &[u8]) -> Result<Packet, ParseError> {
    let mut decoder = Decoder::new(Version::V4, Parser::MessagePack, Limits::default());
    decoder.handle_message(Data::Binary(Bytes::copy_from_slice(bytes))).map(|packet| packet.expect("complete"))
}

#[test]
fn message_pack_as_javascript_writes_it() {
    let args =
        vec![1.into(), (-1).into(), 1.5.into(), Value::Null, true.into(), Value::Null, "ü".into(), binary(&[1, 2])];
    let big = vec![
        Value::Int(1 << 53),
        Value::UInt(1 << 63),
        Value::Int(-(1 << 40)),
        300.into(),
        70_000.into(),
        (-200).into(),
        (-40_000).into(),
        object(&[("a", object(&[("b", Value::Array(vec![]))]))]),
    ];
    for (bytes, name, content) in [
        ("83a47479706500a464617461d40000a36e7370a12f", "/", Content::Connect(None)),
        (
            "83a47479706500a46461746181a3736964a3616263a36e7370a62f61646d696e",
            "/admin",
            Content::Connect(Some(object(&[("sid", "abc".into())]))),
        ),
        (
            "85a47479706502a46461746199a2686901ffcb3ff8000000000000c0c3d40000a2c3bcc4020102a269640ca36e7370a12fa76f7074696f6e7381a8636f6d7072657373c3",
            "/",
            event("hi", args, Some(12)),
        ),
        ("84a47479706503a46461746190a2696400a36e7370a12f", "/", Content::Ack { id: 0, args: vec![] }),
        (
            "83a47479706502a46461746192a164d7000000018bcfe5687ba36e7370a12f",
            "/",
            event("d", vec![Value::Int(1_700_000_000_123)], None),
        ),
        (
            "83a47479706502a46461746199a162cf0020000000000000cf8000000000000000d3ffffff0000000000cd012cce00011170d1ff38d2ffff63c081a16181a16290a36e7370a12f",
            "/",
            event("b", big, None),
        ),
        ("82a47479706501a36e7370a12f", "/", Content::Disconnect),
        (
            "83a47479706504a36e7370a52f64656e79a46461746181a76d657373616765a664656e696564",
            "/deny",
            Content::ConnectError(object(&[("message", "denied".into())])),
        ),
    ] {
        let packet = Packet { namespace: namespace(name), content };
        assert_eq!(decode_msgpack(&hex(bytes)), Ok(packet.clone()), "{bytes}");
        let encoded = packet.encode(Parser::MessagePack, &Limits::default()).unwrap();
        let Data::Binary(bytes) = encoded.first else { panic!("text") };
        assert_eq!(decode_msgpack(&bytes), Ok(packet));
    }
}

#[test]
fn message_pack_that_is_refused() {
    let whole = hex("84a47479706503a46461746190a2696400a36e7370a12f");
    for end in 0..whole.len() {
        assert!(matches!(decode_msgpack(&whole[..end]), Err(ParseError::MessagePack { .. })), "{end}");
    }
    let more = [&whole[..], &[0xc0]].concat();
    assert_eq!(decode_msgpack(&more), Err(ParseError::MessagePack { at: whole.len() + 1 }));
    for (bytes, error) in [
        ("c1", ParseError::MessagePack { at: 1 }),
        ("c0", ParseError::MessagePack { at: 1 }),
        // Announces four thousand million items that are not there.
        ("ddffffffff", ParseError::MessagePack { at: 6 }),
        ("c6ffffffff00", ParseError::MessagePack { at: 6 }),
        ("a2c328", ParseError::MessagePack { at: 2 }),
        ("81c001", ParseError::MessagePack { at: 2 }),
        ("819001", ParseError::MessagePack { at: 2 }),
        // Type 5, none, no namespace, an impossible number.
        ("82a47479706505a36e7370a12f", ParseError::UnknownType("5".into())),
        ("81a36e7370a12f", ParseError::UnknownType("none".into())),
        ("81a47479706501", ParseError::Namespace),
        ("84a47479706503a46461746190a26964ffa36e7370a12f", ParseError::AckId),
        ("83a47479706502a46461746190a36e7370a12f", ParseError::EventName),
    ] {
        assert_eq!(decode_msgpack(&hex(bytes)), Err(error), "{bytes}");
    }
    let deep = [vec![0x91; 100_000], vec![0xc0]].concat();
    assert_eq!(decode_msgpack(&deep), Err(ParseError::TooDeep { limit: 64 }));
    let mut decoder = Decoder::new(Version::V4, Parser::MessagePack, Limits::default());
    assert_eq!(decoder.handle_message(Data::Text("2[\"a\"]".into())), Err(ParseError::UnexpectedText));
}
