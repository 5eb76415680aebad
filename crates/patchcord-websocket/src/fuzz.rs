//! Fuzz targets as plain functions.
//!
//! `tests/corpus.rs` replays a corpus and seeded mutations of it on stable; the crate in `fuzz/` gives the same functions
//! to libFuzzer. A target panics when a promise of this crate is broken and returns nothing otherwise. The first byte of
//! the data chooses how the rest is cut into pieces, so that the fuzzer explores splits as well as contents.
//! [`record`] is shared with the tests.

use crate::handshake::client::{ClientError, ClientRequest, MAX_HEAD, Reply};
use crate::handshake::server::{Accepted, accept, is_upgrade};
use crate::handshake::{deflate, extension, is_token, server};
use crate::{
    DeflateDirection, DeflateParameters, DeflateSettings, Event, Limits, ProtocolError, Receiver, Role, WindowBits,
};

/// Memory that a receiver may hold beyond its message: what each of its two buffers keeps for the next one.
const KEPT_BY_BUFFERS: usize = 2 * 1024;
/// The same for the state that inflates.
const KEPT_BY_DEFLATE: usize = 48 * 1024;

/// An event that outlives its buffer; an error is the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame, with code and reason if it had them.
    Close(Option<(u16, String)>),
    /// The stream broke a rule.
    Error(ProtocolError),
}

/// Everything that a new receiver makes of `pieces`. Checks on the way that it takes all input, holds no more memory than
/// its limits and its input allow, and says nothing after the end.
pub fn record<'a>(role: Role, limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Recorded> {
    record_all(
        Receiver::new(role, limits),
        |fed| limits.message.min(2 * fed) + KEPT_BY_BUFFERS,
        KEPT_BY_BUFFERS,
        pieces,
    )
}

/// The same with compression agreed on: memory is bounded by the limits alone, because little input can be much.
pub fn record_deflated<'a>(
    role: Role,
    limits: Limits,
    agreed: &DeflateParameters,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Recorded> {
    let peer = if role == Role::Server { agreed.client } else { agreed.server };
    let idle = KEPT_BY_BUFFERS + if peer.context_takeover { KEPT_BY_DEFLATE } else { 0 };
    let most = limits.message + KEPT_BY_BUFFERS + KEPT_BY_DEFLATE;
    record_all(Receiver::new(role, limits).with_deflate(agreed), |_| most, idle, pieces)
}

/// Everything that `receiver` makes of `pieces`, while it holds no more memory than `most` allows for the bytes that were
/// fed, and no more than `idle` between messages.
fn record_all<'a>(
    mut receiver: Receiver,
    most: impl Fn(usize) -> usize,
    idle: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    let mut fed = 0;
    for piece in pieces {
        fed += piece.len();
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let was_finished = receiver.is_finished();
            match receiver.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => recorded.push(own(event)),
                Err(error) => recorded.push(Recorded::Error(error)),
            }
            assert!(!was_finished, "an event after the end");
            let ended = matches!(recorded.last(), Some(Recorded::Close(_) | Recorded::Error(_)));
            assert_eq!(receiver.is_finished(), ended);
            assert!(receiver.memory() <= most(fed));
        }
        assert!(input.is_empty(), "input was left over");
        assert!(receiver.memory() <= most(fed));
        assert!(receiver.is_inside_message() || receiver.memory() <= idle, "an idle receiver owns memory");
    }
    recorded
}

/// Any split of a stream gives the same events, in bounded memory.
pub fn receiver(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let limits = if choice & 2 == 0 { Limits::default() } else { Limits { message: 300, frames: 4 } };
    let whole = record(role, limits, [stream]);
    assert_eq!(record(role, limits, stream.chunks(1)), whole, "byte by byte");
    assert_eq!(record(role, limits, pieces(stream, choice)), whole, "in pieces");
}

/// Any split of a stream with compressed messages gives the same events, in memory that the limits bound.
pub fn inflating_receiver(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let limits =
        if choice & 2 == 0 { Limits { message: 1 << 20, frames: 64 } } else { Limits { message: 300, frames: 4 } };
    let direction = DeflateDirection { context_takeover: choice & 4 != 0, window_bits: WindowBits::MAX };
    let agreed = DeflateParameters { server: direction, client: direction };
    let whole = record_deflated(role, limits, &agreed, [stream]);
    assert_eq!(record_deflated(role, limits, &agreed, stream.chunks(1)), whole, "byte by byte");
    assert_eq!(record_deflated(role, limits, &agreed, pieces(stream, choice)), whole, "in pieces");
}

/// Whatever is offered and answered, what is agreed on keeps to the settings, and both ends understand the same.
///
/// The data is a byte of context takeover and a byte of window bits, then the offers on one line and an answer on the
/// next.
pub fn deflate_negotiation(data: &[u8]) {
    let [choice, bits, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (offers, answer) = text.split_once('\n').unwrap_or((text, ""));
    let direction = |takeover: u8, bits: u8| DeflateDirection {
        context_takeover: choice & takeover != 0,
        window_bits: WindowBits::new(8 + (bits & 7)).expect("8 to 15"),
    };
    let settings =
        DeflateSettings { server: direction(1, *bits), client: direction(2, bits >> 4), ..DeflateSettings::default() };
    let keeps = |agreed: &DeflateParameters| {
        [(agreed.server, settings.server), (agreed.client, settings.client)].iter().all(|(agreed, own)| {
            agreed.context_takeover <= own.context_takeover
                && agreed.window_bits <= own.window_bits.max(WindowBits::ZLIB_MIN)
        })
    };
    if let Some((agreed, answer)) = extension::parse(offers).and_then(|offers| deflate::choose(&offers, &settings)) {
        assert!(keeps(&agreed), "{agreed:?} for {settings:?}");
        // A client that offered all there is would understand the answer as the server does.
        let all = DeflateDirection { context_takeover: true, window_bits: WindowBits::MAX };
        let all = DeflateSettings { server: all, client: all, ..settings };
        let parsed = extension::parse(&answer).expect("well formed");
        assert_eq!(deflate::judge(&parsed[0], &all), Ok(agreed), "{answer}");
        assert_eq!(parsed.len(), 1);
    }
    for answer in extension::parse(answer).unwrap_or_default() {
        match deflate::judge(&answer, &settings) {
            Ok(agreed) => assert!(keeps(&agreed), "{agreed:?} for {settings:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let offer = deflate::offer(&settings);
    let offer = extension::parse(&offer).expect("well formed");
    let (agreed, answer) = deflate::choose(&offer, &DeflateSettings::default()).expect("the default meets any offer");
    let answer = extension::parse(&answer).expect("well formed");
    assert_eq!(deflate::judge(&answer[0], &settings), Ok(agreed), "both ends agree");
}

/// Any split of a server's reply gives the same outcome, and frames begin at the same byte.
pub fn handshake_reply(data: &[u8]) {
    let Some((&choice, answer)) = data.split_first() else { return };
    let whole = read_reply([answer]);
    assert_eq!(read_reply(answer.chunks(1)), whole, "byte by byte");
    assert_eq!(read_reply(pieces(answer, choice)), whole, "in pieces");
    if let Some(Ok((reply, end))) = whole {
        assert!(end <= answer.len().min(MAX_HEAD));
        assert!(answer[..end].ends_with(b"\n"), "the head ends with an empty line");
        assert!(reply.subprotocol.is_none_or(|chosen| OFFERED.contains(&chosen.as_str())));
    }
}

/// Whatever a request's headers hold, an accepted one gives a response of exactly the intended headers.
///
/// The data is a method on the first line and `name:value` on every further one.
pub fn handshake_request(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let method = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
        .collect();
    match accept(method, (1, 1), headers.iter().copied()) {
        Ok(accepted) => {
            assert!(method == "GET" && is_upgrade(headers));
            assert!(accepted.subprotocols().iter().all(|offered| is_token(offered)));
            check_response(&accepted, None);
            for offered in accepted.subprotocols() {
                assert_eq!(accepted.choose_subprotocol(&[offered]), Some(*offered));
                check_response(&accepted, Some(offered));
            }
            let unoffered = accepted.response(Some("a subprotocol of two lines\r\n"));
            assert_eq!(unoffered, Err(server::HandshakeError::SubprotocolNotOffered));
        }
        Err(error) => assert!((400..600).contains(&error.status()) && !error.to_string().is_empty()),
    }
}

const OFFERED: [&str; 2] = ["chat", "mqtt"];

/// The outcome of a reply in pieces: the reply with the place where frames begin in all that came, or the error.
fn read_reply<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Result<(Reply, usize), ClientError>> {
    let request = ClientRequest {
        host: "localhost",
        path: "/",
        origin: None,
        subprotocols: &OFFERED,
        deflate: None,
        headers: &[],
    };
    let (_, mut reader) = request.encode(*b"the sample nonce").expect("the request is in order");
    let mut before = 0;
    for piece in pieces {
        match reader.receive(piece) {
            Ok(None) => before += piece.len(),
            Ok(Some(mut reply)) => {
                let end = before + std::mem::take(&mut reply.consumed);
                return Some(Ok((reply, end)));
            }
            Err(ClientError::Refused(mut refusal)) => {
                // Without a known length the body is what came with the head, which depends on the split.
                refusal.body.clear();
                return Some(Err(ClientError::Refused(refusal)));
            }
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

fn check_response(accepted: &Accepted<'_>, subprotocol: Option<&str>) {
    let head = accepted.response(subprotocol).expect("none or an offered one");
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut headers);
    assert_eq!(response.parse(&head), Ok(httparse::Status::Complete(head.len())));
    assert_eq!(response.code, Some(101));
    assert_eq!(response.headers.len(), 3 + usize::from(subprotocol.is_some()));
}

/// Cuts `bytes` into pieces of 0 to 40 bytes, in a way that `choice` decides.
fn pieces(bytes: &[u8], choice: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(choice) + 1;
    let mut rest = bytes;
    let mut first = true;
    std::iter::from_fn(move || {
        if rest.is_empty() && !first {
            return None;
        }
        first = false;
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, left) = rest.split_at(((state >> 16) as usize % 41).min(rest.len()));
        rest = left;
        Some(piece)
    })
}

fn own(event: Event<'_>) -> Recorded {
    match event {
        Event::Text(text) => Recorded::Text(text.to_owned()),
        Event::Binary(bytes) => Recorded::Binary(bytes.to_vec()),
        Event::Ping(payload) => Recorded::Ping(payload.to_vec()),
        Event::Pong(payload) => Recorded::Pong(payload.to_vec()),
        Event::Close(frame) => Recorded::Close(frame.map(|frame| (frame.code.as_u16(), frame.reason.to_owned()))),
    }
}
