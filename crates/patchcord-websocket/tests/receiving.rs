//! What a receiver does with a peer's frames, rule by rule. Frames are written out by hand here, so that nothing depends
//! on this crate's own sender.

use patchcord_websocket::fuzz::{Recorded, record};
use patchcord_websocket::{CloseCode, Event, Limits, ProtocolError, Receiver, Role};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = FIN | 0x8;
const PING: u8 = FIN | 0x9;
const PONG: u8 = FIN | 0xa;

/// A server's frame: not masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        0..126 => bytes.push(payload.len() as u8),
        126..65_536 => {
            bytes.push(126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// What a client makes of `frames` that come at once.
fn received(frames: &[Vec<u8>]) -> Vec<Recorded> {
    record(Role::Client, Limits::default(), [&frames.concat()[..]])
}

fn received_with(limits: Limits, frames: &[Vec<u8>]) -> Vec<Recorded> {
    record(Role::Client, limits, [&frames.concat()[..]])
}

fn text(text: &str) -> Recorded {
    Recorded::Text(text.to_owned())
}

fn error(error: ProtocolError) -> Vec<Recorded> {
    vec![Recorded::Error(error)]
}

#[test]
fn the_examples_of_section_5_7() {
    let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    let masked_pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(record(Role::Client, Limits::default(), [&unmasked[..]]), [text("Hello")]);
    assert_eq!(record(Role::Server, Limits::default(), [&masked[..]]), [text("Hello")]);
    assert_eq!(record(Role::Client, Limits::default(), [&fragments[..]]), [text("Hello")]);
    assert_eq!(record(Role::Server, Limits::default(), [&masked_pong[..]]), [Recorded::Pong(b"Hello".to_vec())]);
}

#[test]
fn each_end_wants_the_others_masking_section_5_1() {
    let unmasked = frame(FIN | TEXT, b"Hello");
    assert_eq!(record(Role::Server, Limits::default(), [&unmasked[..]]), error(ProtocolError::UnmaskedFromClient));
    let masked = [0x81, 0x80, 1, 2, 3, 4];
    assert_eq!(record(Role::Client, Limits::default(), [&masked[..]]), error(ProtocolError::MaskedFromServer));
}

#[test]
fn empty_messages_are_messages() {
    assert_eq!(received(&[frame(FIN | TEXT, b""), frame(FIN | BINARY, b"")]), [text(""), Recorded::Binary(vec![])]);
    let fragments = [frame(TEXT, b""), frame(CONTINUATION, b""), frame(FIN | CONTINUATION, b"")];
    assert_eq!(received(&fragments), [text("")]);
}

#[test]
fn all_length_forms_are_read_section_5_2() {
    for length in [125, 126, 127, 65_535, 65_536, 200_000] {
        let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
        assert_eq!(received(&[frame(FIN | BINARY, &payload)]), [Recorded::Binary(payload)]);
    }
}

#[test]
fn control_frames_stand_between_fragments_section_5_4() {
    let frames = [
        frame(TEXT, b"a"),
        frame(PING, b"?"),
        frame(CONTINUATION, b"b"),
        frame(PONG, b""),
        frame(FIN | CONTINUATION, b"c"),
    ];
    assert_eq!(received(&frames), [Recorded::Ping(b"?".to_vec()), Recorded::Pong(vec![]), text("abc")]);
}

#[test]
fn fragments_come_in_order_section_5_4() {
    let stray = error(ProtocolError::UnexpectedContinuation);
    assert_eq!(received(&[frame(CONTINUATION, b"x")]), stray);
    assert_eq!(received(&[frame(FIN | CONTINUATION, b"x")]), stray);
    for first in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
        let frames = [frame(TEXT, b"a"), frame(first, b"b")];
        assert_eq!(received(&frames), error(ProtocolError::ExpectedContinuation));
    }
    let after_the_last = [frame(TEXT, b"a"), frame(FIN | CONTINUATION, b"b"), frame(FIN | CONTINUATION, b"c")];
    assert_eq!(received(&after_the_last), [text("ab"), Recorded::Error(ProtocolError::UnexpectedContinuation)]);
}

#[test]
fn messages_before_an_error_are_not_lost() {
    let frames = [frame(FIN | TEXT, b"good"), vec![0x83]];
    assert_eq!(received(&frames), [text("good"), Recorded::Error(ProtocolError::ReservedOpcode(3))]);
}

#[test]
fn the_limit_counts_the_whole_message() {
    let limits = Limits { message: 10, ..Limits::default() };
    let exact = [frame(FIN | TEXT, b"0123456789"), frame(TEXT, b"01234"), frame(FIN | CONTINUATION, b"56789")];
    assert_eq!(received_with(limits, &exact), [text("0123456789"), text("0123456789")]);
    let too_big = error(ProtocolError::MessageTooBig { limit: 10 });
    assert_eq!(received_with(limits, &[frame(FIN | TEXT, b"0123456789a")]), too_big);
    assert_eq!(received_with(limits, &[frame(TEXT, b"01234"), frame(FIN | CONTINUATION, b"56789a")]), too_big);
    let ping = frame(PING, b"longer than a message may be");
    assert_eq!(received_with(limits, &[ping]).len(), 1, "control frames have a limit of their own");
}

#[test]
fn the_limit_is_judged_by_the_header_alone() {
    // 2^63 - 1 bytes announced, none sent.
    let header = vec![0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255];
    assert_eq!(received(&[header]), error(ProtocolError::MessageTooBig { limit: 16 << 20 }));
}

#[test]
fn frames_of_a_message_are_counted() {
    let limits = Limits { frames: 3, ..Limits::default() };
    let mut frames = vec![frame(BINARY, b""), frame(CONTINUATION, b""), frame(PING, b"")];
    frames.push(frame(CONTINUATION, b""));
    assert_eq!(received_with(limits, &frames), [Recorded::Ping(vec![])]);
    frames.push(frame(FIN | CONTINUATION, b""));
    let too_many = Recorded::Error(ProtocolError::TooManyFrames { limit: 3 });
    assert_eq!(received_with(limits, &frames), [Recorded::Ping(vec![]), too_many]);
    let one = Limits { frames: 0, ..Limits::default() };
    assert_eq!(received_with(one, &[frame(FIN | TEXT, b"x")]), [text("x")], "one frame is always allowed");
}

#[test]
fn a_close_may_have_a_code_and_a_reason_section_5_5_1() {
    assert_eq!(received(&[frame(CLOSE, b"")]), [Recorded::Close(None)]);
    assert_eq!(received(&[frame(CLOSE, b"\x03\xe8")]), [Recorded::Close(Some((1000, String::new())))]);
    let reason = "é".repeat(61);
    let payload = [b"\x0b\xb8", reason.as_bytes()].concat();
    assert_eq!(received(&[frame(CLOSE, &payload)]), [Recorded::Close(Some((3000, reason)))]);
}

#[test]
fn a_malformed_close_is_an_error_section_7_4() {
    assert_eq!(received(&[frame(CLOSE, b"\x03")]), error(ProtocolError::ClosePayloadTooShort));
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(received(&[frame(CLOSE, &code.to_be_bytes())]), error(ProtocolError::InvalidCloseCode(code)));
    }
    assert_eq!(received(&[frame(CLOSE, b"\x03\xe8\xff")]), error(ProtocolError::InvalidCloseReason));
}

#[test]
fn nothing_is_read_after_a_close_or_an_error_section_5_5_1() {
    for last in [frame(CLOSE, b""), vec![0xff]] {
        let mut bytes = [last, frame(FIN | TEXT, b"late")].concat();
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        let mut input = &mut bytes[..];
        assert!(!receiver.is_finished());
        assert!(!matches!(receiver.receive(&mut input), Ok(None)));
        assert!(receiver.is_finished());
        assert_eq!(receiver.receive(&mut input), Ok(None));
        assert!(input.is_empty());
    }
}

#[test]
fn text_fails_in_the_middle_of_a_frame_at_the_first_impossible_byte_section_8_1() {
    // A frame of 20 bytes is announced; the third byte of its text is impossible and the rest never comes.
    for (payload, fails_at) in [(&b"\xce\xba\x80"[..], 3), (b"ab\xf4\x90", 4), (b"\xed\xa0", 2), (b"a\xc0", 2)] {
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        assert_eq!(receiver.receive(&mut &mut [FIN | TEXT, 20][..]), Ok(None));
        for (index, &byte) in payload.iter().enumerate() {
            let expected = if index + 1 == fails_at { Err(ProtocolError::InvalidUtf8) } else { Ok(None) };
            assert_eq!(receiver.receive(&mut &mut [byte][..]), expected, "byte {index} of {payload:x?}");
        }
    }
}

#[test]
fn code_points_may_be_split_between_fragments_section_5_6() {
    let euro = "€".as_bytes();
    let frames = [frame(TEXT, &euro[..1]), frame(CONTINUATION, &euro[1..2]), frame(FIN | CONTINUATION, &euro[2..])];
    assert_eq!(received(&frames), [text("€")]);
    let cut_short = [frame(TEXT, &euro[..1]), frame(FIN | CONTINUATION, &euro[1..2])];
    assert_eq!(received(&cut_short), error(ProtocolError::InvalidUtf8));
    let next = [frame(FIN | TEXT, &euro[..2]), frame(FIN | TEXT, &euro[2..])];
    assert_eq!(received(&next), error(ProtocolError::InvalidUtf8), "a message is text by itself");
}

#[test]
fn a_text_that_is_not_utf8_is_no_problem_in_a_binary_message() {
    assert_eq!(received(&[frame(FIN | BINARY, b"\xff\xfe")]), [Recorded::Binary(vec![0xff, 0xfe])]);
}

#[test]
fn errors_are_answered_with_the_codes_of_section_7_4_1() {
    for (error, code) in [
        (ProtocolError::ReservedBits, CloseCode::PROTOCOL_ERROR),
        (ProtocolError::InvalidCloseCode(0), CloseCode::PROTOCOL_ERROR),
        (ProtocolError::InvalidUtf8, CloseCode::INVALID_PAYLOAD),
        (ProtocolError::InvalidCloseReason, CloseCode::INVALID_PAYLOAD),
        (ProtocolError::MessageTooBig { limit: 1 }, CloseCode::TOO_BIG),
        (ProtocolError::TooManyFrames { limit: 1 }, CloseCode::TOO_BIG),
    ] {
        assert_eq!(error.close_code(), code);
    }
}

#[test]
fn a_message_that_lies_whole_in_the_input_is_not_copied() {
    let mut bytes = [frame(PING, b"before"), frame(FIN | BINARY, &[7; 1000])].concat();
    let range = bytes.as_ptr_range();
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut input = &mut bytes[..];
    for _ in 0..2 {
        match receiver.receive(&mut input) {
            Ok(Some(Event::Binary(payload) | Event::Ping(payload))) => assert!(range.contains(&payload.as_ptr())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(receiver.memory(), 0);
}

#[test]
fn memory_grows_with_what_came_and_not_with_what_was_announced() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    // 16 MiB announced.
    assert_eq!(receiver.receive(&mut &mut [FIN | BINARY, 127, 0, 0, 0, 0, 1, 0, 0, 0][..]), Ok(None));
    assert_eq!(receiver.memory(), 0);
    for round in 1..=100 {
        assert_eq!(receiver.receive(&mut &mut [0; 1000][..]), Ok(None));
        assert!(receiver.memory() <= 2000 * round, "{} bytes after {round} kB", receiver.memory());
    }
}

#[test]
fn memory_of_a_message_is_freed_when_its_input_has_been_read() {
    let whole = [frame(TEXT, &[b'x'; 50_000]), frame(FIN | CONTINUATION, &[b'x'; 50_000])].concat();
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut bytes = whole.clone();
    let mut input = &mut bytes[..];
    assert!(matches!(receiver.receive(&mut input), Ok(Some(Event::Text(text))) if text.len() == 100_000));
    assert_eq!(receiver.receive(&mut input), Ok(None));
    assert_eq!(receiver.memory(), 0);
}

#[test]
fn memory_of_an_unfinished_message_is_freed_at_the_end() {
    for last in [frame(CLOSE, b"\x03\xe8"), vec![0xff]] {
        let mut receiver = Receiver::new(Role::Client, Limits::default());
        let mut begun = frame(BINARY, &[1; 50_000]);
        assert_eq!(receiver.receive(&mut &mut begun[..]), Ok(None));
        assert!(receiver.is_inside_message() && receiver.memory() >= 50_000);
        let outcomes: Vec<bool> = last.iter().map(|&byte| receiver.receive(&mut &mut [byte][..]) == Ok(None)).collect();
        assert_eq!(outcomes.iter().filter(|nothing| !**nothing).count(), 1, "one event or error");
        assert!(receiver.is_finished() && !receiver.is_inside_message());
        assert_eq!(receiver.memory(), 0);
    }
}

#[test]
fn many_fragments_are_appended_in_linear_time() {
    // 4 MiB in frames of 64 bytes, as the Autobahn suite sends them; a copy of everything per frame would take minutes.
    let mut frames = vec![frame(BINARY, &[1; 64])];
    frames.extend(std::iter::repeat_n(frame(CONTINUATION, &[1; 64]), 65_534));
    frames.push(frame(FIN | CONTINUATION, &[1; 64]));
    assert_eq!(received(&frames), [Recorded::Binary(vec![1; 4 << 20])]);
}
