//! One connection of the load generator: what it sends, and the check of what comes back.
//!
//! Everything a connection will ever send is prepared beforehand (a ring of messages, each with its own text and
//! mask from a fixed seed), so that a turn is one read, a comparison and one write. Each connection and each place
//! in the ring has a text of its own: an answer that is lost, repeated, out of order or meant for someone else is a
//! wrong answer, and a wrong answer ends the measurement.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use super::histogram::Histogram;
use super::work::{BODY, HTTP_PATH, Kind, WEBSOCKET_PATH};

/// Longest wait for an answer before a server counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Most messages that a connection has under way.
pub const MAX_IN_FLIGHT: usize = 16;

/// The sample nonce of RFC 6455 §1.3 and the answer it must get.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Room for the head of an HTTP response.
const HEAD: usize = 4096;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server cannot be reached or a socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The server closed a connection that was in use.
    #[error("the server closed a connection")]
    Closed,
    /// The upgrade was not answered with 101 and the right accept key.
    #[error("the WebSocket handshake was refused: {0}")]
    Handshake(String),
    /// The answer is not what was asked for.
    #[error("wrong answer: {0}")]
    WrongAnswer(&'static str),
    /// No connection got an answer for [`PATIENCE`].
    #[error("no answer for {} s", PATIENCE.as_secs())]
    Stuck,
    /// The server's accounts in /proc cannot be read.
    #[error("server process: {0}")]
    Process(io::Error),
    /// The command line is not complete.
    #[error("expected: bench-load --port N --work ID --pids N,N [--warm-up MS] [--window MS]")]
    Usage,
}

/// What a connection sends and expects.
enum Script {
    Get { request: Vec<u8>, head: Vec<u8> },
    Echo { ring: Vec<u8>, frame: usize, texts: Vec<Vec<u8>> },
}

/// What the first bytes of the input are.
#[derive(Debug, PartialEq, Eq)]
enum Checked {
    Incomplete,
    /// The expected answer, of this many bytes.
    Answer(usize),
    /// A frame that is no answer, of this many bytes.
    Aside(usize),
}

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    script: Script,
    in_flight: usize,
    next_request: usize,
    next_answer: usize,
    sent_at: [Instant; MAX_IN_FLIGHT],
    input: Vec<u8>,
    filled: usize,
    unsent: Range<usize>,
    owed: usize,
}

impl Connection {
    /// Connects to a port of 127.0.0.1 and, for an echo, opens the WebSocket. The seed chooses texts and masks.
    pub fn open(port: u16, kind: Kind, seed: u64) -> Result<Self, LoadError> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (script, in_flight, room) = match kind {
            Kind::Http => (Script::get(port), 1, HEAD + BODY.len()),
            Kind::Echo { bytes, in_flight } => {
                open_websocket(&mut stream, port)?;
                (Script::echo(bytes, in_flight, seed), in_flight, (bytes + 16) * in_flight)
            }
        };
        Ok(Self {
            stream,
            script,
            in_flight,
            next_request: 0,
            next_answer: 0,
            sent_at: [Instant::now(); MAX_IN_FLIGHT],
            input: vec![0; room],
            filled: 0,
            unsent: 0..0,
            owed: 0,
        })
    }

    /// The socket, for a poll.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends the first messages and goes on without blocking.
    pub fn start(&mut self) -> Result<(), LoadError> {
        self.stream.set_nonblocking(true)?;
        self.send(self.in_flight, Instant::now())
    }

    /// Whether the kernel has not taken everything.
    pub fn wants_output(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether every message has been answered.
    pub fn is_idle(&self) -> bool {
        self.next_answer == self.next_request && self.owed == 0
    }

    /// Takes what is ready: one read, a check and (with `more`) one write of as many messages as were answered.
    /// Records each round trip in nanoseconds and returns the number of answers.
    pub fn handle_ready(&mut self, more: bool, round_trips: &mut Histogram) -> Result<u64, LoadError> {
        if self.wants_output() {
            return self.flush().map(|()| 0);
        }
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) => return Err(LoadError::Closed),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        let answers = self.check_input(now, round_trips)?;
        if more && answers > 0 {
            self.send(answers, now)?;
        }
        Ok(answers as u64)
    }

    /// One message and its answer, blocking; only before [`start`](Self::start).
    pub fn exchange(&mut self) -> Result<(), LoadError> {
        self.send(1, Instant::now())?;
        let mut round_trips = Histogram::new();
        while !self.is_idle() {
            match self.stream.read(&mut self.input[self.filled..])? {
                0 => return Err(LoadError::Closed),
                read => self.filled += read,
            }
            self.check_input(Instant::now(), &mut round_trips)?;
        }
        Ok(())
    }

    /// Ends the connection as its protocol wants it and waits until the server has ended it as well. How the server
    /// does that is not judged here.
    pub fn close(mut self) -> Result<(), LoadError> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(PATIENCE))?;
        if matches!(self.script, Script::Echo { .. }) {
            let close_1000 = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8];
            if self.stream.write_all(&close_1000).is_err() {
                return Ok(());
            }
        }
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.stream.read(&mut self.input) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(LoadError::Stuck),
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn check_input(&mut self, now: Instant, round_trips: &mut Histogram) -> Result<usize, LoadError> {
        let mut used = 0;
        let mut answers = 0;
        loop {
            let slot = self.next_answer % self.in_flight;
            match self.script.check(slot, &self.input[used..self.filled])? {
                Checked::Incomplete => break,
                Checked::Aside(length) => used += length,
                Checked::Answer(length) => {
                    if self.is_idle() {
                        return Err(LoadError::WrongAnswer("an answer to no question"));
                    }
                    let elapsed = now.saturating_duration_since(self.sent_at[slot]);
                    round_trips.record(elapsed.as_nanos().try_into().unwrap_or(u64::MAX));
                    self.next_answer += 1;
                    used += length;
                    answers += 1;
                }
            }
        }
        self.input.copy_within(used..self.filled, 0);
        self.filled -= used;
        if self.filled == self.input.len() {
            return Err(LoadError::WrongAnswer("longer than expected"));
        }
        Ok(answers)
    }

    fn send(&mut self, messages: usize, now: Instant) -> Result<(), LoadError> {
        if self.wants_output() {
            self.owed += messages;
            return Ok(());
        }
        let slot = self.next_request % self.in_flight;
        for place in 0..messages {
            self.sent_at[(slot + place) % self.in_flight] = now;
        }
        self.next_request += messages;
        self.unsent = self.script.requests(slot, messages);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), LoadError> {
        match self.stream.write(&self.script.bytes()[self.unsent.clone()]) {
            Ok(written) => self.unsent.start += written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if self.unsent.is_empty() && self.owed > 0 {
            let owed = std::mem::take(&mut self.owed);
            return self.send(owed, Instant::now());
        }
        Ok(())
    }
}

impl Script {
    fn get(port: u16) -> Self {
        let request = format!(
            "GET {HTTP_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: patchcord-bench\r\nAccept: */*\r\n\r\n"
        );
        Self::Get { request: request.into_bytes(), head: Vec::new() }
    }

    fn echo(bytes: usize, in_flight: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let texts: Vec<Vec<u8>> = (0..in_flight).map(|_| (0..bytes).map(|_| random.letter()).collect()).collect();
        let mut ring: Vec<u8> = texts.iter().flat_map(|text| masked_text(text, random.mask())).collect();
        let frame = ring.len() / in_flight;
        if in_flight > 1 {
            // Twice, so that any run of messages is one run of bytes.
            ring.extend_from_within(..);
        }
        Self::Echo { ring, frame, texts }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Get { request, .. } => request,
            Self::Echo { ring, .. } => ring,
        }
    }

    /// Where the bytes of some messages are, from the one in `slot` on.
    fn requests(&self, slot: usize, messages: usize) -> Range<usize> {
        match self {
            Self::Get { request, .. } => 0..request.len(),
            Self::Echo { frame, .. } => slot * frame..(slot + messages) * frame,
        }
    }

    fn check(&mut self, slot: usize, input: &[u8]) -> Result<Checked, LoadError> {
        match self {
            Self::Get { head, .. } => check_response(head, input),
            Self::Echo { texts, .. } => check_frame(&texts[slot], input),
        }
    }
}

/// A head that is known already is only compared; `known` keeps the last one that was read in full.
fn check_response(known: &mut Vec<u8>, input: &[u8]) -> Result<Checked, LoadError> {
    if known.is_empty() || !input.starts_with(known) {
        let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else { return Ok(Checked::Incomplete) };
        let head = &input[..end + 4];
        check_head(&String::from_utf8_lossy(head))?;
        known.clear();
        known.extend_from_slice(head);
    }
    let end = known.len() + BODY.len();
    match input.get(known.len()..end) {
        None => Ok(Checked::Incomplete),
        Some(body) if body == BODY.as_bytes() => Ok(Checked::Answer(end)),
        Some(_) => Err(LoadError::WrongAnswer("another body")),
    }
}

fn check_head(head: &str) -> Result<(), LoadError> {
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(LoadError::WrongAnswer("status is not 200"));
    }
    let length = header(head, "content-length").and_then(|value| value.parse().ok());
    if length != Some(BODY.len()) {
        return Err(LoadError::WrongAnswer("content length is not that of the body"));
    }
    Ok(())
}

fn check_frame(text: &[u8], input: &[u8]) -> Result<Checked, LoadError> {
    let [first, short, rest @ ..] = input else { return Ok(Checked::Incomplete) };
    let (header, length) = match short {
        0..=125 => (2, usize::from(*short)),
        126 => match rest.first_chunk() {
            Some(length) => (4, u16::from_be_bytes(*length).into()),
            None => return Ok(Checked::Incomplete),
        },
        _ => return Err(LoadError::WrongAnswer("a masked or far too long frame")),
    };
    let end = header + length;
    match first {
        0x81 if length != text.len() => Err(LoadError::WrongAnswer("another length")),
        0x81 | 0x89 | 0x8A if input.len() < end => Ok(Checked::Incomplete),
        0x81 if input[header..end] == *text => Ok(Checked::Answer(end)),
        0x81 => Err(LoadError::WrongAnswer("another text")),
        // A measurement is shorter than any server's patience for a pong, and a pong would be one operation more.
        0x89 | 0x8A => Ok(Checked::Aside(end)),
        0x88 => Err(LoadError::Closed),
        _ => Err(LoadError::WrongAnswer("no whole text message")),
    }
}

fn open_websocket(stream: &mut TcpStream, port: u16) -> Result<(), LoadError> {
    let request = format!(
        "GET {WEBSOCKET_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    // Byte by byte, so that nothing behind the head is taken.
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if head.len() == HEAD || stream.read(&mut byte)? == 0 {
            break;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    if head.starts_with("HTTP/1.1 101 ") && header(&head, "sec-websocket-accept") == Some(ACCEPT) {
        return Ok(());
    }
    Err(LoadError::Handshake(head.lines().next().unwrap_or("no answer").to_owned()))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn masked_text(text: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).expect("no work has a message of 64 KiB").to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A xorshift generator: the same seed gives the same texts.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn letter(&mut self) -> u8 {
        b'a' + (self.next() >> 32) as u8 % 26
    }

    fn mask(&mut self) -> [u8; 4] {
        ((self.next() >> 32) as u32).to_ne_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_text_is_an_answer() {
        let check = |input: &[u8]| check_frame(b"hello", input).map_err(|error| error.to_string());
        assert_eq!(check(b"\x81\x05hello\x81"), Ok(Checked::Answer(7)));
        assert_eq!(check(b"\x81\x05hell"), Ok(Checked::Incomplete));
        assert_eq!(check(b"\x89\x01!\x81\x05hello"), Ok(Checked::Aside(3)));
        assert_eq!(check(b"\x81\x05hellO"), Err("wrong answer: another text".into()));
        assert_eq!(check(b"\x81\x04hell"), Err("wrong answer: another length".into()));
        assert_eq!(check(b"\x82\x05hello"), Err("wrong answer: no whole text message".into()));
        assert_eq!(check(b"\x88\x02\x03\xE8"), Err("the server closed a connection".into()));
    }

    #[test]
    fn a_response_is_checked_with_a_known_head_and_with_a_new_one() {
        let mut known = Vec::new();
        let response = |date: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 30\r\nDate: {date}\r\n\r\n{BODY}");
        for date in ["today", "today", "tomorrow"] {
            let text = response(date);
            let checked = check_response(&mut known, text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(checked, Ok(Checked::Answer(text.len())));
        }
        let mut refuse =
            |text: String| check_response(&mut known, text.as_bytes()).err().map(|error| error.to_string());
        assert_eq!(refuse(response("tomorrow").replace("Hello", "HELLO")), Some("wrong answer: another body".into()));
        assert_eq!(refuse(response("now").replace("200", "500")), Some("wrong answer: status is not 200".into()));
        let short = refuse(response("now").replace(": 30", ": 29"));
        assert_eq!(short, Some("wrong answer: content length is not that of the body".into()));
    }

    #[test]
    fn a_ring_holds_any_run_of_messages() {
        let script = Script::echo(32, 16, 5);
        let whole = script.requests(0, 16);
        assert_eq!(whole.len(), 16 * (6 + 32));
        let around = &script.bytes()[script.requests(15, 2)];
        let frame = around.len() / 2;
        assert_eq!(around[..frame], script.bytes()[script.requests(15, 1)]);
        assert_eq!(around[frame..], script.bytes()[script.requests(0, 1)]);
    }

    #[test]
    fn connections_have_texts_of_their_own() {
        let text = |seed| match Script::echo(32, 1, seed) {
            Script::Echo { texts, .. } => texts[0].clone(),
            Script::Get { .. } => Vec::new(),
        };
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
    }
}
