//! Compressed messages, rule by rule (RFC 7692), and the laws that hold for all of them. Where a payload is written out it
//! is an example of §7.2.3 or made by hand, so that nothing depends on this crate's own sender.

use patchcord_websocket::fuzz::{Recorded, record, record_deflated};
use patchcord_websocket::{
    CloseCode, DeflateDirection, DeflateParameters, DeflateSettings, EncodedMessage, Event, Limits, MessageKind,
    ProtocolError, Receiver, Role, Sender, WindowBits,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn direction(context_takeover: bool, bits: u8) -> DeflateDirection {
    DeflateDirection { context_takeover, window_bits: WindowBits::new(bits).expect("8 to 15") }
}

fn both(context_takeover: bool, bits: u8) -> DeflateParameters {
    let direction = direction(context_takeover, bits);
    DeflateParameters { server: direction, client: direction }
}

const ALONE: fn() -> DeflateParameters = || both(false, 15);
const WITH_CONTEXT: fn() -> DeflateParameters = || both(true, 15);

/// Settings that compress everything.
fn everything(level: u8) -> DeflateSettings {
    DeflateSettings { level, threshold: 0, ..DeflateSettings::default() }
}

/// A server's frame of less than 126 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

fn received(agreed: &DeflateParameters, frames: &[Vec<u8>]) -> Vec<Recorded> {
    let bytes = frames.concat();
    let whole = record_deflated(Role::Client, Limits::default(), agreed, [&bytes[..]]);
    assert_eq!(record_deflated(Role::Client, Limits::default(), agreed, bytes.chunks(1)), whole, "byte by byte");
    whole
}

fn hello() -> Recorded {
    Recorded::Text("Hello".to_owned())
}

fn error(error: ProtocolError) -> Recorded {
    Recorded::Error(error)
}

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn the_examples_of_section_7_2_3() {
    let one_block = frame(0xc1, &HELLO);
    assert_eq!(received(&ALONE(), std::slice::from_ref(&one_block)), [hello()]);
    let fragments = [frame(0x41, &HELLO[..3]), frame(0x80, &HELLO[3..])];
    assert_eq!(received(&ALONE(), &fragments), [hello()]);
    let sharing_the_window = [one_block, frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00])];
    assert_eq!(received(&WITH_CONTEXT(), &sharing_the_window), [hello(), hello()]);
    let without_compression = frame(0xc1, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]);
    assert_eq!(received(&ALONE(), &[without_compression]), [hello()]);
    let final_block = frame(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
    assert_eq!(received(&ALONE(), std::slice::from_ref(&final_block)), [hello()]);
    assert_eq!(received(&WITH_CONTEXT(), &[final_block.clone(), final_block]), [hello(), hello()]);
    let two_blocks = frame(0xc1, &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(received(&ALONE(), &[two_blocks]), [hello()]);
    assert_eq!(received(&ALONE(), &[frame(0xc2, &[0x00])]), [Recorded::Binary(vec![])], "an empty message");
}

#[test]
fn a_sender_makes_the_example_of_section_7_2_3_1() {
    let mut out = Vec::new();
    let mut sender = Sender::new(Role::Server, 0).with_deflate(&WITH_CONTEXT(), &everything(6));
    sender.text(&mut out, "Hello").unwrap();
    assert_eq!(out, frame(0xc1, &HELLO));
    out.clear();
    sender.text(&mut out, "Hello").unwrap();
    assert_eq!(out, frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00]), "the second refers to the first (§7.2.3.2)");
}

#[test]
fn a_forgotten_or_absent_tail_is_forgiven_where_the_message_is_whole() {
    let no_payload = frame(0xc1, &[]);
    let final_block_alone = frame(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    for agreed in [ALONE(), WITH_CONTEXT()] {
        let frames = [no_payload.clone(), final_block_alone.clone(), frame(0xc1, &HELLO)];
        assert_eq!(received(&agreed, &frames), [Recorded::Text(String::new()), hello(), hello()]);
    }
}

#[test]
fn compressed_and_plain_messages_and_pings_mix_section_6() {
    let frames = [
        frame(0x81, b"plain"),
        frame(0x41, &HELLO[..2]),
        frame(0x89, b"?"),
        frame(0x00, b""),
        frame(0x80, &HELLO[2..]),
        frame(0x82, b"plain"),
        frame(0xc1, &HELLO),
    ];
    let expected = [
        Recorded::Text("plain".to_owned()),
        Recorded::Ping(b"?".to_vec()),
        hello(),
        Recorded::Binary(b"plain".to_vec()),
        hello(),
    ];
    assert_eq!(received(&ALONE(), &frames), expected);
}

#[test]
fn the_mark_stands_on_the_first_frame_only_section_6_1() {
    let misplaced = [error(ProtocolError::MisplacedCompression)];
    assert_eq!(received(&ALONE(), &[frame(0xc9, b"?")]), misplaced);
    assert_eq!(received(&ALONE(), &[frame(0x41, &HELLO[..3]), frame(0xc0, &HELLO[3..])]), misplaced);
    assert_eq!(received(&ALONE(), &[frame(0x91, b"")]), [error(ProtocolError::ReservedBits)]);
    let unasked = record(Role::Client, Limits::default(), [&frame(0xc1, &HELLO)[..]]);
    assert_eq!(unasked, [error(ProtocolError::ReservedBits)], "where nothing was agreed on");
}

#[test]
fn what_is_no_deflate_stream_is_answered_with_1007() {
    // A block of the reserved kind, lengths of a stored block that do not match, a distance beyond the beginning, a
    // message cut short inside a block.
    for payload in [&[0x07][..], &[0x00, 0x05, 0x00, 0x00, 0x00], &[0xf2, 0x00, 0x11, 0x00, 0x00], &HELLO[..4]] {
        assert_eq!(received(&ALONE(), &[frame(0xc1, payload)]), [error(ProtocolError::CorruptCompression)]);
    }
    assert_eq!(ProtocolError::CorruptCompression.close_code(), CloseCode::INVALID_PAYLOAD);
    // A text cut after half a character, compressed by itself and whole.
    let cut = frame(0xc1, &[0x00, 0x01, 0x00, 0xfe, 0xff, 0xc3, 0x00]);
    assert_eq!(received(&ALONE(), &[cut]), [error(ProtocolError::InvalidUtf8)]);
}

/// A message of `size` zeros as a client sends it.
fn bomb(size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sender = Sender::new(Role::Client, 1).with_deflate(&ALONE(), &everything(9));
    sender.binary(&mut out, &vec![0; size]).unwrap();
    assert!(out.len() < size / 500);
    out
}

#[test]
fn the_limit_counts_inflated_bytes_and_bounds_memory() {
    let limits = Limits { message: 100_000, ..Limits::default() };
    // The recorder watches the memory.
    let all = record_deflated(Role::Server, limits, &ALONE(), [&bomb(100_000)[..]]);
    assert_eq!(all, [Recorded::Binary(vec![0; 100_000])]);
    for bytes in [bomb(100_001), bomb(50_000_000)] {
        let too_big = [error(ProtocolError::MessageTooBig { limit: 100_000 })];
        assert_eq!(record_deflated(Role::Server, limits, &ALONE(), [&bytes[..]]), too_big);
        assert_eq!(record_deflated(Role::Server, limits, &ALONE(), bytes.chunks(7)), too_big);
    }
}

#[test]
fn an_idle_connection_owns_no_state_unless_it_has_a_context() {
    for (agreed, owns) in [(ALONE(), false), (WITH_CONTEXT(), true)] {
        let mut receiver = Receiver::new(Role::Client, Limits::default()).with_deflate(&agreed);
        assert_eq!(receiver.memory(), 0, "nothing is made before it is needed");
        let mut bytes = frame(0xc1, &HELLO);
        let (first, second) = bytes.split_at_mut(5);
        assert_eq!(receiver.receive(&mut &mut *first), Ok(None));
        assert!(receiver.memory() > 10_000);
        let mut input = second;
        assert_eq!(receiver.receive(&mut input), Ok(Some(Event::Text("Hello"))));
        assert_eq!(receiver.receive(&mut input), Ok(None));
        assert_eq!(receiver.memory() > 10_000, owns);
    }
}

#[test]
fn short_and_incompressible_messages_go_as_they_are() {
    let settings = DeflateSettings { threshold: 100, ..DeflateSettings::default() };
    let mut sender = Sender::new(Role::Server, 0).with_deflate(&ALONE(), &settings);
    let first_byte = |sender: &mut Sender, bytes: &[u8]| {
        let mut out = vec![0xaa];
        sender.binary(&mut out, bytes).unwrap();
        assert_eq!(out[0], 0xaa, "what was there stays");
        (out[1], out.len() - 1)
    };
    assert_eq!(first_byte(&mut sender, &[7; 99]), (0x82, 101));
    assert!(matches!(first_byte(&mut sender, &[7; 100]), (0xc2, 2..20)));
    let mut noise = vec![1u8];
    let mut state = 1u32;
    while noise.len() < 4000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.push((state >> 24) as u8);
    }
    assert_eq!(first_byte(&mut sender, &noise), (0x82, 4004));
    let mut everything = Sender::new(Role::Server, 0).with_deflate(&ALONE(), &everything(6));
    assert_eq!(first_byte(&mut everything, b""), (0x82, 2), "nothing is not compressed");
}

#[test]
fn a_shared_message_is_compressed_once_for_all_with_the_same_window() {
    let text = "to all ".repeat(100);
    let message = EncodedMessage::text(&text);
    let sender = |agreed: &DeflateParameters| Sender::new(Role::Server, 0).with_deflate(agreed, &everything(6));
    let (first, second) =
        (sender(&ALONE()).shared(&message).unwrap(), sender(&ALONE()).shared(&message.clone()).unwrap());
    assert_eq!(first.as_ptr(), second.as_ptr(), "the same memory");
    assert!(first[0] == 0xc1 && first.len() < 60);
    let plain = Sender::new(Role::Server, 0).shared(&message).unwrap();
    assert_eq!((plain[0], plain.len()), (0x81, message.wire_len()));
    assert_eq!(message.payload_len(), text.len());

    let mut with_context = sender(&WITH_CONTEXT());
    let stream = [with_context.shared(&message).unwrap(), with_context.shared(&message).unwrap()];
    assert!(stream[1].len() < stream[0].len(), "the second refers to the first");
    for (agreed, stream) in [(WITH_CONTEXT(), stream.concat()), (both(false, 9), [first, plain].concat())] {
        assert_eq!(received(&agreed, &[stream]), [Recorded::Text(text.clone()), Recorded::Text(text.clone())]);
    }
}

#[test]
fn a_dropped_message_is_not_missed_where_the_context_was_forgotten() {
    let text = "the same again ".repeat(20);
    let mut sender = Sender::new(Role::Server, 0).with_deflate(&WITH_CONTEXT(), &everything(6));
    let mut message = |forget: bool| {
        let mut out = Vec::new();
        if forget {
            sender.forget_context();
        }
        sender.text(&mut out, &text).unwrap();
        if forget {
            sender.forget_context();
        }
        out
    };
    let kept = message(false);
    let _dropped = message(true);
    let expected = vec![Recorded::Text(text.clone()); 4];
    let stream = [kept, message(true), message(false), message(false)];
    assert_eq!(received(&WITH_CONTEXT(), &stream), expected);
    assert!(stream[3].len() < stream[2].len());
}

/// The greatest distance in a compressed payload. An inflating zlib-rs has the largest window always and would not
/// complain, so this reads the blocks itself (RFC 1951 §3.2).
fn farthest(payload: &[u8]) -> usize {
    let mut bits = Bits { bytes: [payload, &[0, 0, 0xff, 0xff]].concat(), at: 0 };
    let mut farthest = 0;
    while bits.at + 3 < bits.bytes.len() * 8 {
        bits.take(1);
        let (literals, distances) = match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.take(16);
                bits.at += 16 + 8 * length;
                continue;
            }
            1 => (Code::new(&[vec![8; 144], vec![9; 112], vec![7; 24], vec![8; 8]].concat()), Code::new(&[5; 30])),
            2 => bits.dynamic_codes(),
            kind => panic!("a block of kind {kind}"),
        };
        loop {
            match bits.symbol(&literals) {
                0..256 => {}
                256 => break,
                length => {
                    bits.take(match length {
                        265..285 => (length - 261) / 4,
                        _ => 0,
                    });
                    let distance = bits.symbol(&distances);
                    let extra = (distance / 2).saturating_sub(1);
                    let base = if distance < 4 { distance } else { (2 + distance % 2) << extra };
                    farthest = farthest.max(1 + base + bits.take(extra));
                }
            }
        }
    }
    farthest
}

struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn take(&mut self, count: usize) -> usize {
        let bit = |at: usize| usize::from(self.bytes[at / 8] >> (at % 8) & 1);
        let value = (0..count).map(|index| bit(self.at + index) << index).sum();
        self.at += count;
        value
    }

    fn symbol(&mut self, code: &Code) -> usize {
        let mut read = (0, 0);
        loop {
            read = (read.0 + 1, read.1 << 1 | self.take(1));
            if let Some(symbol) = code.0.get(&read) {
                return *symbol;
            }
            assert!(read.0 < 16, "no such code");
        }
    }

    fn dynamic_codes(&mut self) -> (Code, Code) {
        let (literals, distances, count) = (self.take(5) + 257, self.take(5) + 1, self.take(4) + 4);
        let mut lengths = [0; 19];
        for index in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].into_iter().take(count) {
            lengths[index] = self.take(3);
        }
        let code = Code::new(&lengths);
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, count) = match self.symbol(&code) {
                16 => (lengths[lengths.len() - 1], 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (length, 1),
            };
            lengths.extend(std::iter::repeat_n(length, count));
        }
        (Code::new(&lengths[..literals]), Code::new(&lengths[literals..]))
    }
}

/// Symbols by length and bits of their code.
struct Code(std::collections::HashMap<(usize, usize), usize>);

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let (mut code, mut codes) = (0, std::collections::HashMap::new());
        for length in 1..=15 {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, own)| **own == length) {
                codes.insert((length, code), symbol);
                code += 1;
            }
            code <<= 1;
        }
        Self(codes)
    }
}

#[test]
fn no_level_refers_further_back_than_was_agreed_section_7_1_2() {
    // Phrases that come again at every distance up to 40,000 bytes.
    let mut text = Vec::new();
    let mut state = 1u32;
    while text.len() < 120_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let back = (state >> 8) as usize % 40_000 + 1;
        if state.is_multiple_of(3) && back < text.len() {
            let from = text.len() - back;
            text.extend_from_within(from..from + 40.min(back));
        } else {
            text.push((state >> 24) as u8);
        }
    }
    let far = |bits, level| {
        let mut out = Vec::new();
        let mut sender = Sender::new(Role::Server, 0).with_deflate(&both(true, bits), &everything(level));
        sender.binary(&mut out, &text).unwrap();
        farthest(&unframed(&out).1)
    };
    for bits in 8..=15 {
        for level in 1..=9 {
            let farthest = far(bits, level);
            assert!((100..=1 << bits).contains(&farthest), "{farthest} bytes with level {level} and {bits} bits");
        }
    }
    assert!(far(15, 9) > 1 << 14, "the text has what is far");
}

fn payload() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[a-c ]{0,400}",
        "[😀€é]{0,40}",
        (0usize..70_000).prop_map(|length| "ab€".repeat(length / 5))
    ]
}

fn agreed() -> impl Strategy<Value = DeflateParameters> {
    let one = || (any::<bool>(), 8u8..=15).prop_map(|(takeover, bits)| direction(takeover, bits));
    (one(), one()).prop_map(|(server, client)| DeflateParameters { server, client })
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

/// `bytes` cut at `cuts`.
fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut from = 0;
    let piece = |to| &bytes[std::mem::replace(&mut from, to)..to];
    places.into_iter().map(piece).collect()
}

/// Cuts every frame of `bytes` into fragments, as a proxy may (RFC 7692 §6.2), unmasked.
fn fragmented(role: Role, messages: &[(u8, Vec<u8>)], size: usize) -> Vec<u8> {
    let mask: &[u8] = if role == Role::Server { &[0; 4] } else { &[] };
    let mask_bit = if role == Role::Server { 0x80 } else { 0 };
    let mut out = Vec::new();
    for (first, payload) in messages {
        let count = payload.len().div_ceil(size).max(1);
        for index in 0..count {
            let piece = &payload[index * size..payload.len().min((index + 1) * size)];
            let opcode = if index == 0 { first & 0x7f } else { 0 };
            let fin = if index + 1 == count { 0x80 } else { 0 };
            out.extend([fin | opcode, mask_bit | piece.len() as u8]);
            out.extend_from_slice(mask);
            out.extend_from_slice(piece);
        }
    }
    out
}

/// The sender for what `role` receives.
fn peer_of(role: Role, agreed: &DeflateParameters, level: u8) -> Sender {
    let peer = if role == Role::Server { Role::Client } else { Role::Server };
    Sender::new(peer, 9).with_deflate(agreed, &everything(level))
}

/// First byte and unmasked payload of the only frame in `bytes`.
fn unframed(bytes: &[u8]) -> (u8, Vec<u8>) {
    let masked = bytes[1] & 0x80 != 0;
    let at = match bytes[1] & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let payload = &bytes[if masked { at + 4 } else { at }..];
    let key = if masked { [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] } else { [0; 4] };
    (bytes[0], payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_compressed_arrives_however_it_is_cut(
        role in role(),
        agreed in agreed(),
        level in 1u8..=9,
        texts in vec(payload(), 0..5),
        size in 1usize..126,
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut sender = peer_of(role, &agreed, level);
        let (mut whole, mut frames, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        for text in &texts {
            let mut one = Vec::new();
            if text.len() % 2 == 0 {
                sender.text(&mut one, text).unwrap();
                expected.push(Recorded::Text(text.clone()));
            } else {
                sender.binary(&mut one, text.as_bytes()).unwrap();
                expected.push(Recorded::Binary(text.clone().into_bytes()));
            }
            frames.push(unframed(&one));
            whole.extend(one);
        }
        let record = |pieces: Vec<&[u8]>| record_deflated(role, Limits::default(), &agreed, pieces);
        prop_assert_eq!(&record(vec![&whole[..]]), &expected);
        prop_assert_eq!(&record(split(&whole, &cuts)), &expected);
        let fragments = fragmented(role, &frames, size);
        prop_assert_eq!(&record(split(&fragments, &cuts)), &expected);
    }

    #[test]
    fn a_broken_stream_breaks_alike_however_it_is_cut(
        role in role(),
        takeover in any::<bool>(),
        texts in vec(payload(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        limit in prop_oneof![Just(200usize), Just(20_000), Just(16 << 20)],
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let agreed = both(takeover, 15);
        let mut sender = peer_of(role, &agreed, 6);
        let mut bytes = Vec::new();
        for text in &texts {
            sender.text(&mut bytes, text).unwrap();
        }
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] ^= value;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        let limits = Limits { message: limit, ..Limits::default() };
        let whole = record_deflated(role, limits, &agreed, [&bytes[..]]);
        prop_assert_eq!(&record_deflated(role, limits, &agreed, split(&bytes, &cuts)), &whole);
        prop_assert_eq!(&record_deflated(role, limits, &agreed, bytes.chunks(3)), &whole);
    }

    #[test]
    fn noise_inflates_alike_however_it_is_cut(
        takeover in any::<bool>(),
        messages in vec((any::<bool>(), vec(any::<u8>(), 0..125)), 1..3),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let agreed = both(takeover, 15);
        let frames: Vec<u8> = messages
            .iter()
            .flat_map(|(text, payload)| frame(if *text { 0xc1 } else { 0xc2 }, payload))
            .collect();
        let limits = Limits { message: 100, ..Limits::default() };
        let whole = record_deflated(Role::Client, limits, &agreed, [&frames[..]]);
        prop_assert_eq!(record_deflated(Role::Client, limits, &agreed, split(&frames, &cuts)), whole);
    }
}

#[test]
fn fragments_are_sent_as_they_are() {
    let mut sender = Sender::new(Role::Server, 0).with_deflate(&ALONE(), &everything(6));
    let mut out = Vec::new();
    sender.first_fragment(&mut out, MessageKind::Text, b"aaaaaaaaaaaa").unwrap();
    sender.last_fragment(&mut out, b"b").unwrap();
    assert_eq!(out, [frame(0x01, b"aaaaaaaaaaaa"), frame(0x80, b"b")].concat());
}
