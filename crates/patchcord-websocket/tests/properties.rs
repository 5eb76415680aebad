//! Laws that hold for every stream: how it is split does not matter, what is sent is what arrives, and text is judged as
//! the standard library judges it, at the earliest byte.

use patchcord_websocket::fuzz::{Recorded, record};
use patchcord_websocket::{CloseCode, Limits, MessageKind, ProtocolError, Receiver, Role, Sender};
use proptest::collection::vec;
use proptest::prelude::*;

/// One thing that a peer sends.
#[derive(Debug, Clone)]
enum Sent {
    Text(String),
    Binary(Vec<u8>),
    /// A message in fragments, cut at these places, with a ping of this payload between them.
    Fragments(MessageKind, Vec<u8>, Vec<prop::sample::Index>, Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = || vec(any::<prop::sample::Index>(), 0..4);
    let short = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        text().prop_map(Sent::Text),
        vec(any::<u8>(), 0..400).prop_map(Sent::Binary),
        (text(), cuts(), short())
            .prop_map(|(text, cuts, ping)| { Sent::Fragments(MessageKind::Text, text.into_bytes(), cuts, ping) }),
        (vec(any::<u8>(), 0..400), cuts(), short()).prop_map(|(bytes, cuts, ping)| Sent::Fragments(
            MessageKind::Binary,
            bytes,
            cuts,
            ping
        )),
        short().prop_map(Sent::Pong),
        (65_530usize..65_545).prop_map(|length| Sent::Binary(vec![0xa5; length])),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,60}", "[a-z ]{0,200}", "[😀€é]{0,40}"]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn other(role: Role) -> Role {
    match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    }
}

/// Encodes for a receiver of `role`, and says what it must report.
fn encode(role: Role, seed: u64, all: &[Sent]) -> (Vec<u8>, Vec<Recorded>) {
    let mut sender = Sender::new(other(role), seed);
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    for sent in all {
        match sent {
            Sent::Text(text) => {
                sender.text(&mut out, text).unwrap();
                expected.push(Recorded::Text(text.clone()));
            }
            Sent::Binary(bytes) => {
                sender.binary(&mut out, bytes).unwrap();
                expected.push(Recorded::Binary(bytes.clone()));
            }
            Sent::Pong(payload) => {
                sender.pong(&mut out, payload).unwrap();
                expected.push(Recorded::Pong(payload.clone()));
            }
            Sent::Fragments(kind, bytes, cuts, ping) => {
                let mut pieces = split(bytes, cuts);
                let last = pieces.pop().unwrap();
                for (index, piece) in pieces.iter().enumerate() {
                    match index {
                        0 => sender.first_fragment(&mut out, *kind, piece).unwrap(),
                        _ => sender.next_fragment(&mut out, piece).unwrap(),
                    }
                    sender.ping(&mut out, ping).unwrap();
                    expected.push(Recorded::Ping(ping.clone()));
                }
                if pieces.is_empty() {
                    sender.first_fragment(&mut out, *kind, b"").unwrap();
                }
                sender.last_fragment(&mut out, last).unwrap();
                expected.push(match kind {
                    MessageKind::Text => Recorded::Text(String::from_utf8(bytes.clone()).unwrap()),
                    MessageKind::Binary => Recorded::Binary(bytes.clone()),
                });
            }
        }
    }
    (out, expected)
}

/// `bytes` cut at `cuts`: one piece more than there are cuts, some of them empty.
fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut from = 0;
    let piece = |to| &bytes[std::mem::replace(&mut from, to)..to];
    places.into_iter().map(piece).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_arrives_however_it_is_split(
        role in role(),
        seed in any::<u64>(),
        all in vec(sent(), 0..6),
        close in proptest::option::of(text()),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (mut bytes, mut expected) = encode(role, seed, &all);
        if let Some(reason) = close {
            Sender::new(other(role), seed).close(&mut bytes, CloseCode::new(4321), &reason).unwrap();
            let kept = &reason[..reason.floor_char_boundary(123)];
            expected.push(Recorded::Close(Some((4321, kept.to_owned()))));
        }
        let limits = Limits::default();
        prop_assert_eq!(&record(role, limits, split(&bytes, &cuts)), &expected);
        prop_assert_eq!(&record(role, limits, [&bytes[..]]), &expected);
    }

    #[test]
    fn a_broken_stream_breaks_alike_however_it_is_split(
        role in role(),
        all in vec(sent(), 1..5),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        small in any::<bool>(),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (mut bytes, _) = encode(role, 1, &all);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        let limits = if small { Limits { message: 200, frames: 2 } } else { Limits::default() };
        let whole = record(role, limits, [&bytes[..]]);
        prop_assert_eq!(&record(role, limits, split(&bytes, &cuts)), &whole);
    }

    #[test]
    fn noise_is_read_alike_however_it_is_split(
        role in role(),
        bytes in vec(prop_oneof![any::<u8>(), prop::sample::select(vec![0x00, 0x01, 0x80, 0x81, 0x82, 0x88, 0x89])], 0..60),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let limits = Limits { message: 40, frames: 3 };
        prop_assert_eq!(record(role, limits, split(&bytes, &cuts)), record(role, limits, [&bytes[..]]));
    }

    #[test]
    fn text_is_judged_as_the_standard_library_judges_it(
        bytes in utf8_like(),
        cuts in vec(any::<prop::sample::Index>(), 0..4),
        read_cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let expected = match std::str::from_utf8(&bytes) {
            Ok(text) => Recorded::Text(text.to_owned()),
            Err(_) => Recorded::Error(ProtocolError::InvalidUtf8),
        };
        let mut stream = Vec::new();
        let mut sender = Sender::new(Role::Client, 5);
        let mut pieces = split(&bytes, &cuts);
        let last = pieces.pop().unwrap();
        sender.first_fragment(&mut stream, MessageKind::Text, b"").unwrap();
        for piece in pieces {
            sender.next_fragment(&mut stream, piece).unwrap();
        }
        sender.last_fragment(&mut stream, last).unwrap();
        prop_assert_eq!(record(Role::Server, Limits::default(), split(&stream, &read_cuts)), vec![expected]);
    }

    #[test]
    fn text_fails_with_the_first_byte_that_makes_it_impossible(bytes in utf8_like()) {
        let possible = |prefix| std::str::from_utf8(prefix).err().is_none_or(|error| error.error_len().is_none());
        let expected = (1..=bytes.len()).find(|&length| !possible(&bytes[..length]));
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        // More is announced than comes, so that only an impossible byte can end it.
        let header = [0x81, 126, 0x10, 0x00];
        let mut fails = |byte| receiver.receive(&mut &mut [byte][..]).is_err();
        let failed = header.into_iter().chain(bytes).position(&mut fails).map(|index| index - header.len());
        prop_assert_eq!(failed.map(|index| index + 1), expected);
    }
}

/// Bytes that are often almost UTF-8.
fn utf8_like() -> impl Strategy<Value = Vec<u8>> {
    let borders = vec![0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5];
    let piece = prop_oneof![
        3 => any::<char>().prop_map(|letter| letter.to_string().into_bytes()),
        2 => "[a-z]{1,70}".prop_map(String::into_bytes),
        1 => vec(prop::sample::select(borders), 1..3),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}
