//! The load for clients of Socket.IO: a server that starts one client, lets it connect, and gives it its work.
//!
//! A client gets a port and a mode on its command line, connects to the namespace `/` over WebSocket, and handles two
//! events. `e` carries a text; a client takes it (mode `receive`), sends it back as an event `e` (`echo`), or
//! acknowledges it with the text (`answer`). `m` is a mark:
//!
//! - In `receive` it carries a number and wants an acknowledgement or, from a client that cannot acknowledge, an event
//!   `m` with that number.
//! - In `send` it carries a count and a text: the client emits so many events `e` with that text.
//! - In `request` the same: the client emits `e` with the text and asks for an acknowledgement, behind which it does so
//!   again.
//!
//! Everything that is sent without a pause is prepared beforehand, in chunks of some 256 KB that end in a mark. An
//! acknowledged mark says what the client has handled, because it handles events in order. Whatever comes from the
//! client is compared with what it must be, byte for byte. The server sends Engine.IO's pings and wants their answers.

use std::time::{Duration, Instant};

use super::super::comparison::flood::{CHUNK, Chunk, Flood, Marks, Until};
use super::super::comparison::link::{Link, LoadError, TEXT, text_frame};
use super::super::comparison::load::{Accounts, Client, Order, Taken, texts};
use super::super::histogram::Histogram;
use super::super::measurement::Measurement;
use super::packets::{self, Packet};
use super::work::{Kind, WORKS};

/// The number of the mark before the first one; with it, all numbers have as many digits.
const BEFORE_FIRST: u64 = 100_000_000;
/// Digits of a mark's number.
const DIGITS: usize = 9;
/// Different texts of round trips.
const TEXTS: usize = 64;
/// Events with numbers that a client has to send back in their order, before its echoes are measured.
const NUMBERED: usize = 20_000;
/// How many of them are under way.
const TOGETHER: usize = 500;
/// The name of the request by which a client of ours lets itself be asked for its table.
const ROWS: &str = "rows";

/// Entry of `xtask bench-socketio-load`.
pub fn run(args: &[String]) -> Result<(), LoadError> {
    println!("{}", measure(&Order::parse(args, &WORKS)?)?.to_line());
    Ok(())
}

/// Starts the client and measures it.
fn measure(order: &Order<Kind>) -> Result<Taken, LoadError> {
    let (mut client, link) = order.connect()?;
    let mut session = Session::open(link)?;
    let asked = if order.rows.is_some() { Some(session.wait_for_rows_request()?) } else { None };
    client.settle()?;
    let mut last = 0;
    let measurement = match order.work.kind {
        Kind::Receive => {
            let mut flood = Flood::new(&mut session.link, &mut session.heart, events(order.work.bytes), None);
            flood.run(Until::After(order.warm_up))?;
            let measurement = flood.measure(&client.pids, Until::After(order.window))?;
            last = flood.finish()?;
            measurement
        }
        Kind::Endless { events: all } => {
            last = all / events(order.work.bytes).operations;
            endless(&mut session, &mut client, order.work.bytes, last)?
        }
        Kind::Send => {
            let (chunk, mut counted) = orders(order.work.bytes);
            let mut flood = Flood::new(&mut session.link, &mut counted, chunk, None);
            flood.run(Until::After(order.warm_up))?;
            let measurement = flood.measure(&client.pids, Until::After(order.window))?;
            flood.finish()?;
            measurement
        }
        kind @ (Kind::Echo | Kind::Answer | Kind::Request) => {
            let mut trips = RoundTrips::new(&mut session, kind, order.work.bytes)?;
            trips.run(order.warm_up, &mut Histogram::new())?;
            trips.measure(&client.pids, order.window)?
        }
    };
    let memory = client.memory()?;
    if let Some((request, rows)) = asked.zip(order.rows) {
        session.check_rows(request, rows, last)?;
    }
    session.link.close()?;
    Ok(Taken { measurement, memory })
}

/// Sends so many chunks, and weighs the client after a tenth of them.
fn endless(session: &mut Session, client: &mut Client, bytes: usize, chunks: u64) -> Result<Measurement, LoadError> {
    let mut flood = Flood::new(&mut session.link, &mut session.heart, events(bytes), Some(chunks));
    flood.run(Until::Done(chunks / 10))?;
    client.weigh_settled()?;
    flood.measure(&client.pids, Until::Done(chunks))
}

/// Events of one size, and the mark behind them.
fn events(size: usize) -> Chunk {
    let texts = texts(CHUNK / size, size - packets::AROUND);
    let mut bytes: Vec<u8> = texts.iter().flat_map(|text| text_frame(&packets::event(text))).collect();
    bytes.extend(text_frame(&packets::mark(BEFORE_FIRST)));
    Chunk { bytes, operations: texts.len() as u64 }
}

/// A mark that orders as many events of one size, and what counts them.
fn orders(size: usize) -> (Chunk, Counted) {
    let text = texts(1, size - packets::AROUND).concat();
    let operations = (CHUNK / size) as u64;
    let chunk = Chunk { bytes: text_frame(&packets::order(operations, &text)), operations };
    (chunk, Counted { heart: Heart::new(), event: packets::event(&text), ordered: operations, count: 0 })
}

/// Engine.IO's pings.
struct Heart {
    due: Instant,
    /// When the ping was sent that is not answered yet.
    unanswered: Option<Instant>,
}

impl Heart {
    fn new() -> Self {
        Self { due: Instant::now() + Duration::from_millis(packets::PING_INTERVAL), unanswered: None }
    }

    /// Whether a ping has to be sent now.
    fn beats(&mut self, now: Instant) -> Result<bool, LoadError> {
        if self.unanswered.is_some_and(|sent| now - sent > Duration::from_millis(packets::PING_TIMEOUT)) {
            return Err(LoadError::WrongAnswer("no answer to a ping of Engine.IO".to_owned()));
        }
        if now < self.due || self.unanswered.is_some() {
            return Ok(false);
        }
        self.due = now + Duration::from_millis(packets::PING_INTERVAL);
        self.unanswered = Some(now);
        Ok(true)
    }

    fn handle_pong(&mut self) {
        self.unanswered = None;
    }
}

/// Events behind a mark that the client acknowledges.
impl Marks for Heart {
    fn stamp(&self, chunk: &mut [u8], number: u64) {
        let digits = (BEFORE_FIRST + number).to_string();
        // `42`, number, `["m",`, number, `]`.
        let second = chunk.len() - 1 - DIGITS;
        let first = second - 5 - DIGITS;
        for at in [first, second] {
            chunk[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        }
    }

    fn handle_frame(&mut self, opcode: u8, payload: &[u8]) -> Result<Option<u64>, LoadError> {
        if opcode != TEXT {
            return Ok(None);
        }
        let number = match Packet::read(payload) {
            Some(Packet::Pong) => {
                self.handle_pong();
                return Ok(None);
            }
            Some(Packet::Answer { id, .. }) => Some(id),
            Some(Packet::Event { id: None, data }) => {
                let digits = data.strip_prefix(br#"["m","#).and_then(|rest| rest.strip_suffix(b"]"));
                digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            }
            _ => None,
        };
        let number = number.and_then(|number: u64| number.checked_sub(BEFORE_FIRST));
        number.map(Some).ok_or_else(|| wrong("a mark", payload))
    }

    fn poll_output(&mut self, now: Instant, output: &mut Vec<u8>) -> Result<(), LoadError> {
        if self.beats(now)? {
            output.extend(text_frame(packets::PING));
        }
        Ok(())
    }
}

/// Events of the client, each of which was ordered.
struct Counted {
    heart: Heart,
    /// What each must be.
    event: Vec<u8>,
    /// How many one mark orders.
    ordered: u64,
    count: u64,
}

impl Marks for Counted {
    /// All orders are alike.
    fn stamp(&self, _chunk: &mut [u8], _number: u64) {}

    #[inline]
    fn handle_frame(&mut self, opcode: u8, payload: &[u8]) -> Result<Option<u64>, LoadError> {
        if payload == self.event {
            self.count += 1;
            let complete = self.count.is_multiple_of(self.ordered);
            return Ok(complete.then_some(self.count / self.ordered));
        }
        match Packet::read(payload) {
            Some(Packet::Pong) => self.heart.handle_pong(),
            _ if opcode != TEXT => {}
            _ => return Err(wrong("an ordered event", payload)),
        }
        Ok(None)
    }

    fn poll_output(&mut self, now: Instant, output: &mut Vec<u8>) -> Result<(), LoadError> {
        self.heart.poll_output(now, output)
    }
}

/// The open session of a client in its namespace.
struct Session {
    link: Link,
    heart: Heart,
}

impl Session {
    /// Opens the session of Engine.IO and lets the client into the namespace.
    fn open(mut link: Link) -> Result<Self, LoadError> {
        link.send(&text_frame(&packets::open()))?;
        let mut session = Self { link, heart: Heart::new() };
        // rust_socketio begins with a pong.
        session.wait_for("CONNECT", |packet| (packet == Packet::Connect).then_some(()))?;
        session.link.send(&text_frame(packets::CONNECTED))?;
        Ok(session)
    }

    /// Waits for a packet and takes out of it what `read` finds; anything else is an error.
    fn wait_for<T>(&mut self, what: &str, read: impl FnOnce(Packet<'_>) -> Option<T>) -> Result<T, LoadError> {
        loop {
            let bytes = self.link.text()?;
            match Packet::read(bytes) {
                Some(Packet::Pong) => self.heart.handle_pong(),
                Some(packet) => return read(packet).ok_or_else(|| wrong(what, bytes)),
                None => return Err(wrong(what, bytes)),
            }
        }
    }

    /// Sends a ping when it is time for one.
    fn beat(&mut self) -> Result<(), LoadError> {
        if self.heart.beats(Instant::now())? { self.link.send(&text_frame(packets::PING)) } else { Ok(()) }
    }

    /// Waits until a client of ours asks, and returns the id of its request.
    fn wait_for_rows_request(&mut self) -> Result<u64, LoadError> {
        let expected = format!("[\"{ROWS}\"]");
        self.wait_for("the request for rows", |packet| match packet {
            Packet::Event { id, data } if data == expected.as_bytes() => id,
            _ => None,
        })
    }

    /// Answers the request, whereupon the client says how many rows its table has and what the last one is: the mark
    /// of the last chunk.
    fn check_rows(&mut self, request: u64, rows: u64, last: u64) -> Result<(), LoadError> {
        self.link.send(&text_frame(format!("43{request}[]").as_bytes()))?;
        let expected = format!("[\"{ROWS}\",{rows},\"{}\"]", BEFORE_FIRST + last);
        self.wait_for(&expected, |packet| {
            (packet == Packet::Event { id: None, data: expected.as_bytes() }).then_some(())
        })
    }
}

/// Sends a packet and waits for the client's, again and again.
struct RoundTrips<'a> {
    session: &'a mut Session,
    kind: Kind,
    texts: Vec<Vec<u8>>,
    next: usize,
    /// Of the latest request, which of the two ends ever made it.
    id: u64,
}

impl<'a> RoundTrips<'a> {
    /// Begins a work; where the client echoes, it first does so with numbered events, many at a time.
    fn new(session: &'a mut Session, kind: Kind, bytes: usize) -> Result<Self, LoadError> {
        let count = if kind == Kind::Request { 1 } else { TEXTS };
        let mut trips = Self { session, kind, texts: texts(count, bytes - packets::AROUND), next: 0, id: BEFORE_FIRST };
        match kind {
            Kind::Echo => trips.check_order(bytes - packets::AROUND)?,
            Kind::Request => {
                let text = trips.texts[0].clone();
                trips.session.link.send(&text_frame(&packets::order(1, &text)))?;
                trips.id = trips.wait(&text)?;
            }
            _ => {}
        }
        Ok(trips)
    }

    fn check_order(&mut self, bytes: usize) -> Result<(), LoadError> {
        let numbered: Vec<Vec<u8>> = (0..NUMBERED).map(|number| format!("{number:0bytes$}").into_bytes()).collect();
        for together in numbered.chunks(TOGETHER) {
            let frames: Vec<u8> = together.iter().flat_map(|text| text_frame(&packets::event(text))).collect();
            self.session.link.send(&frames)?;
            for text in together {
                self.wait(text)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, pids: &[u32], time: Duration) -> Result<Measurement, LoadError> {
        let mut round_trips = Histogram::new();
        let accounts = Accounts::begin(pids)?;
        let trips = self.run(time, &mut round_trips)?;
        accounts.end(trips, &round_trips)
    }

    fn run(&mut self, time: Duration, round_trips: &mut Histogram) -> Result<u64, LoadError> {
        let (begin, mut trips) = (Instant::now(), 0);
        while begin.elapsed() < time {
            self.session.beat()?;
            let text = std::mem::take(&mut self.texts[self.next]);
            let message = text_frame(&self.message(&text));
            let sent = Instant::now();
            self.session.link.send(&message)?;
            self.id = self.wait(&text)?;
            round_trips.record(sent.elapsed().as_nanos().try_into().unwrap_or(u64::MAX));
            self.texts[self.next] = text;
            self.next = (self.next + 1) % self.texts.len();
            trips += 1;
        }
        Ok(trips)
    }

    /// What the server says.
    fn message(&self, text: &[u8]) -> Vec<u8> {
        match self.kind {
            Kind::Answer => packets::request(self.id + 1, text),
            Kind::Request => packets::answer(self.id, text),
            _ => packets::event(text),
        }
    }

    /// Waits for what the client must say, and returns the id in it or, where it has none, the latest one.
    fn wait(&mut self, text: &[u8]) -> Result<u64, LoadError> {
        let (kind, latest) = (self.kind, self.id);
        let is_event =
            |data: &[u8]| data.strip_prefix(br#"["e",""#).and_then(|rest| rest.strip_suffix(br#""]"#)) == Some(text);
        let is_answer =
            |data: &[u8]| data.strip_prefix(br#"[""#).and_then(|rest| rest.strip_suffix(br#""]"#)) == Some(text);
        self.session.wait_for("the same text", |packet| match (kind, packet) {
            (Kind::Answer, Packet::Answer { id, data }) => (id == latest + 1 && is_answer(data)).then_some(id),
            (Kind::Request, Packet::Event { id, data }) => id.filter(|_| is_event(data)),
            (Kind::Echo, Packet::Event { id: None, data }) => is_event(data).then_some(latest),
            _ => None,
        })
    }
}

fn wrong(expected: &str, packet: &[u8]) -> LoadError {
    let packet: String = String::from_utf8_lossy(packet).chars().take(100).collect();
    LoadError::WrongAnswer(format!("expected {expected}, got {packet:?}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::super::super::comparison::link::test::{linked, masked};
    use super::*;

    /// A session with a client that the test plays, in its namespace.
    fn opened() -> Result<(Session, TcpStream), LoadError> {
        let (link, mut client) = linked()?;
        client.write_all(&[text("3"), text("40")].concat())?;
        let session = Session::open(link)?;
        let expected = [text_frame(&packets::open()), text_frame(packets::CONNECTED)].concat();
        assert_eq!(read(&mut client, expected.len()), expected);
        Ok((session, client))
    }

    fn text(packet: &str) -> Vec<u8> {
        masked(0x81, packet.as_bytes())
    }

    fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).expect("so much is sent");
        bytes
    }

    #[test]
    fn a_chunk_is_events_of_one_size_and_a_mark() {
        for (size, header) in [(64, 2), (1024, 4)] {
            let mut chunk = events(size);
            let count = CHUNK / size;
            assert_eq!(chunk.operations, count as u64);
            let mark = chunk.bytes.split_off(count * (size + header));
            assert!(chunk.bytes.chunks(size + header).all(|event| {
                let event = &event[header..];
                event.starts_with(br#"42["e",""#) && event.ends_with(br#""]"#) && event.len() == size
            }));
            let mut mark = mark;
            Heart::new().stamp(&mut mark, 23);
            assert_eq!(mark, text_frame(br#"42100000023["m",100000023]"#));
        }
    }

    #[test]
    fn a_mark_is_acknowledged_or_comes_back() -> Result<(), LoadError> {
        let mut heart = Heart::new();
        assert_eq!(heart.handle_frame(TEXT, b"43100000007[]")?, Some(7));
        assert_eq!(heart.handle_frame(TEXT, br#"42["m",100000008]"#)?, Some(8));
        assert_eq!(heart.handle_frame(TEXT, b"3")?, None);
        for wrong in [&br#"42["e",100000008]"#[..], b"437[]", b"2", b"42[]"] {
            assert!(matches!(heart.handle_frame(TEXT, wrong), Err(LoadError::WrongAnswer(_))));
        }
        Ok(())
    }

    #[test]
    fn a_batch_is_done_when_all_of_its_events_have_come() -> Result<(), LoadError> {
        let (chunk, mut counted) = orders(1024);
        let event = counted.event.clone();
        assert_eq!((chunk.operations, event.len()), (250, 1024));
        for count in 1..=500 {
            let done = counted.handle_frame(TEXT, &event)?;
            assert_eq!(done, (count % 250 == 0).then_some(count / 250));
        }
        assert!(counted.handle_frame(TEXT, &event[1..]).is_err());
        Ok(())
    }

    #[test]
    fn pings_are_sent_in_time_and_must_be_answered() -> Result<(), LoadError> {
        let mut heart = Heart::new();
        let (interval, timeout) = (packets::PING_INTERVAL, packets::PING_TIMEOUT);
        let later = |millis| Instant::now() + Duration::from_millis(millis);
        assert!(!heart.beats(later(0))?);
        assert!(heart.beats(later(interval + 1))? && !heart.beats(later(2 * interval + 2))?);
        heart.handle_pong();
        assert!(heart.beats(later(2 * interval + 3))?);
        assert!(heart.beats(later(2 * interval + timeout + 100)).is_err());
        Ok(())
    }

    #[test]
    fn round_trips_of_all_kinds_compare_what_comes_back() -> Result<(), LoadError> {
        for (kind, right, wrong) in [
            (Kind::Answer, r#"43100000001["TEXT"]"#, r#"43100000002["TEXT"]"#),
            (Kind::Request, r#"425["e","TEXT"]"#, r#"42["e","TEXT"]"#),
            (Kind::Echo, r#"42["e","TEXT"]"#, r#"421["e","TEXT"]"#),
        ] {
            let (mut session, mut client) = opened()?;
            let (spoken, silent) = (b"abc", b"abd");
            let said = |packet: &str, word: &[u8]| text(&packet.replace("TEXT", &String::from_utf8_lossy(word)));
            client.write_all(&[text("3"), said(right, spoken), said(right, silent), said(wrong, spoken)].concat())?;
            let texts = vec![spoken.to_vec()];
            let mut trips = RoundTrips { session: &mut session, kind, texts, next: 0, id: BEFORE_FIRST };
            trips.wait(spoken)?;
            trips.id = BEFORE_FIRST;
            for _ in 0..2 {
                assert!(matches!(trips.wait(spoken), Err(LoadError::WrongAnswer(_))), "{kind:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_table_is_asked_for_by_an_acknowledgement() -> Result<(), LoadError> {
        let (mut session, mut client) = opened()?;
        client.write_all(&[text(r#"420["rows"]"#), text(r#"42["rows",101,"100000009"]"#)].concat())?;
        let request = session.wait_for_rows_request()?;
        session.check_rows(request, 101, 9)?;
        assert_eq!(read(&mut client, 7), text_frame(b"430[]"));
        client.write_all(&text(r#"42["rows",101,"100000008"]"#))?;
        assert!(matches!(session.check_rows(request, 101, 9), Err(LoadError::WrongAnswer(_))));
        Ok(())
    }
}
