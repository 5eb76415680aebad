//! The load for clients: a server that starts one client, lets it connect, and sends as fast as it takes.
//!
//! It runs as a process of its own (`xtask bench-flood`), pinned away from the client. Everything it sends is
//! prepared beforehand as chunks of some 256 KB that end in a ping, so that a turn is a large write. What the client
//! has taken is known from its pongs: a pong names the chunk that it ends, and frames are handled in order. A window begins
//! and ends at a pong, and at most [`IN_FLIGHT`] chunks are under way, so no message counts that waits in a socket.
//! Echoes are one message and one answer at a time, each compared with what was sent.
//!
//! The result is one line of `name=value` pairs on standard output, which [`Taken::parse`] reads back. It ends by
//! itself: after the window, at the first wrong answer, or when the client is stuck.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::super::floor::{self, Refused};
use super::super::histogram::Histogram;
use super::super::measurement::{Measurement, field};
use super::super::process::{self, Cores, CpuAccount, Program, Server};
use super::work::{self, Kind, Work};

/// Longest wait for a sign of life of the client.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the client may do what it does after connecting, before it is weighed and loaded.
const SETTLE: Duration = Duration::from_millis(100);
/// Payload bytes of a chunk.
const CHUNK: usize = 256_000;
/// Chunks that are sent before the client has taken the first of them.
const IN_FLIGHT: u64 = 4;
/// Different messages of an echo.
const ECHOES: usize = 64;
/// Room for what a client sends in one piece.
const INPUT: usize = 64 * 1024;
/// Contents of the ping that asks our client how many rows its table has; the answer is a text.
const ROWS: &[u8] = b"rows";

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The client ended, or did not come.
    #[error("the client did not connect: {0}")]
    NotConnected(String),
    /// The client closed the connection.
    #[error("the client closed the connection")]
    Closed,
    /// The client broke the protocol.
    #[error("the client: {0}")]
    Frame(#[from] Refused),
    /// What came back is not what it must be.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
    /// The client neither took nor answered anything for [`PATIENCE`].
    #[error("the client is stuck for {} s", PATIENCE.as_secs())]
    Stuck,
    /// The client's accounts in /proc cannot be read.
    #[error("client process: {0}")]
    Process(io::Error),
    /// The command line is not complete.
    #[error(
        "expected: bench-flood --port N --work ID --warm-up MS --window MS --cores LOAD,CLIENT --log FILE [--rows N] \
         -- PROGRAM [ARGUMENT…]"
    )]
    Usage,
}

/// What is to be measured.
struct Order {
    port: u16,
    work: &'static Work,
    warm_up: Duration,
    window: Duration,
    cores: Cores,
    log: PathBuf,
    /// Rows that the client's table must have in the end, where it has one.
    rows: Option<u64>,
    client: Program,
}

/// What a client took, and at what cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The window.
    pub measurement: Measurement,
    /// By how many bytes the client's resident set grew at most, from before the first message on.
    pub memory: u64,
}

impl Taken {
    /// The line that [`parse`](Self::parse) reads.
    pub fn to_line(self) -> String {
        format!("{} memory={}", self.measurement.to_line(), self.memory)
    }

    /// Reads the line of a load generator.
    pub fn parse(line: &str) -> Option<Self> {
        Some(Self { measurement: Measurement::parse(line)?, memory: field(line, "memory")? })
    }
}

/// Entry of `xtask bench-flood`.
pub fn run(args: &[String]) -> Result<(), ServeError> {
    println!("{}", measure(&Order::parse(args).ok_or(ServeError::Usage)?)?.to_line());
    Ok(())
}

impl Order {
    fn parse(args: &[String]) -> Option<Self> {
        let split = args.iter().position(|arg| arg == "--")?;
        let (options, command) = (&args[..split], &args[split + 1..]);
        let value = |name: &str| options.get(options.iter().position(|arg| arg == name)? + 1).map(String::as_str);
        let millis = |name: &str| value(name)?.parse().ok().map(Duration::from_millis);
        let (load, server) = value("--cores")?.split_once(',')?;
        let (path, args) = command.split_first()?;
        Some(Self {
            port: value("--port")?.parse().ok()?,
            work: work::find(value("--work")?)?,
            warm_up: millis("--warm-up")?,
            window: millis("--window")?,
            cores: Cores { load: load.parse().ok()?, server: server.parse().ok()? },
            log: value("--log")?.into(),
            rows: value("--rows").map(str::parse).transpose().ok()?,
            client: Program::new(path, args),
        })
    }
}

/// Starts the client and measures it.
fn measure(order: &Order) -> Result<Taken, ServeError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, order.port))?;
    let mut client = Server::start(&order.client, order.cores, &order.log)?;
    let mut link = Link::open(accept(&listener, &mut client)?)?;
    std::thread::sleep(SETTLE);
    let pids = client.pids()?;
    let before = process::resident(&pids).map_err(ServeError::Process)?;
    let (messages, texts) = messages(order.work);
    let measurement = match order.work.kind {
        Kind::Flood => {
            let mut flood = Flood::new(&mut link, messages, None);
            flood.run(Until::After(order.warm_up))?;
            flood.measure(&pids, Until::After(order.window))?
        }
        Kind::Fill { messages: all } => {
            let chunks = all / messages.count;
            Flood::new(&mut link, messages, Some(chunks)).measure(&pids, Until::Taken(chunks))?
        }
        Kind::Echo => {
            let mut echo = Echo { link: &mut link, messages: &messages, texts: &texts, next: 0 };
            echo.run(order.warm_up, &mut Histogram::new())?;
            echo.measure(&pids, order.window)?
        }
    };
    let peak = process::peak(&pids).map_err(ServeError::Process)?;
    if let Some(rows) = order.rows {
        link.check_rows(rows)?;
    }
    link.close()?;
    Ok(Taken { measurement, memory: peak.saturating_sub(before) })
}

/// Waits for the client to connect.
fn accept(listener: &TcpListener, client: &mut Server) -> Result<TcpStream, ServeError> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = client.ended() {
            return Err(ServeError::NotConnected(format!("it ended with {status}")));
        }
        if Instant::now() > deadline {
            return Err(ServeError::NotConnected(format!("no attempt within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Frames one behind the other, all of one size.
struct Messages {
    bytes: Vec<u8>,
    /// Bytes of one frame.
    frame: usize,
    count: u64,
}

/// The frames of a work and their texts, from a fixed seed.
fn messages(work: &Work) -> (Messages, Vec<Vec<u8>>) {
    let count = if work.kind == Kind::Echo { ECHOES } else { CHUNK / work.bytes };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut letter = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        b'a' + (random % 26) as u8
    };
    let texts: Vec<Vec<u8>> = (0..count).map(|_| (0..work.bytes).map(|_| letter()).collect()).collect();
    let bytes: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text)).collect();
    (Messages { frame: bytes.len() / count, bytes, count: count as u64 }, texts)
}

/// A frame as a server sends it, of at most 64 KiB.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// The open connection.
struct Link {
    stream: TcpStream,
    input: Vec<u8>,
    filled: usize,
    used: usize,
}

impl Link {
    /// Answers the client's opening handshake.
    fn open(stream: TcpStream) -> Result<Self, ServeError> {
        let mut link = Self { stream, input: vec![0; INPUT], filled: 0, used: 0 };
        let end = loop {
            link.read()?;
            if let Some(end) = memchr::memmem::find(&link.input[..link.filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let key = floor::header(&link.input[..end], b"sec-websocket-key").ok_or(Refused::NoKey)?;
        let response = floor::upgrade_response(key);
        link.stream.write_all(response.as_bytes())?;
        link.used = end;
        Ok(link)
    }

    /// Reads once.
    fn read(&mut self) -> Result<(), ServeError> {
        self.input.copy_within(self.used..self.filled, 0);
        self.filled -= std::mem::take(&mut self.used);
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) if self.filled == INPUT => Err(Refused::TooLong.into()),
            Ok(0) => Err(ServeError::Closed),
            Ok(read) => {
                self.filled += read;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(ServeError::Stuck),
            Err(error) => Err(error.into()),
        }
    }

    /// Opcode and payload of the next complete frame, unmasked.
    fn next_frame(&mut self) -> Result<Option<(u8, Range<usize>)>, ServeError> {
        let Some((header, length)) = floor::frame_header(&self.input[self.used..self.filled], true)? else {
            return Ok(None);
        };
        let payload = self.used + header;
        let Some(end) = payload.checked_add(length).filter(|&end| end <= self.filled) else { return Ok(None) };
        let mask = [0, 1, 2, 3].map(|at| self.input[payload - 4 + at]);
        floor::unmask(&mut self.input[payload..end], mask);
        let opcode = self.input[self.used] & 0x0F;
        self.used = end;
        if opcode == 0x8 { Err(ServeError::Closed) } else { Ok(Some((opcode, payload..end))) }
    }

    /// Waits for the next text; other frames are passed over.
    fn text(&mut self) -> Result<&[u8], ServeError> {
        loop {
            match self.next_frame()? {
                Some((0x1, payload)) => return Ok(&self.input[payload]),
                Some(_) => {}
                None => self.read()?,
            }
        }
    }

    /// Asks our client for the number of its table's rows.
    fn check_rows(&mut self, expected: u64) -> Result<(), ServeError> {
        self.stream.write_all(&frame(0x89, ROWS))?;
        let answer = String::from_utf8_lossy(self.text()?).into_owned();
        if answer == expected.to_string() {
            return Ok(());
        }
        Err(ServeError::WrongAnswer(format!("the table has {answer} rows and not {expected}")))
    }

    /// Ends the connection in an orderly way. How the client goes on is not judged.
    fn close(mut self) -> Result<(), ServeError> {
        self.stream.write_all(&frame(0x88, &1000_u16.to_be_bytes()))?;
        self.stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.stream.read(&mut self.input).is_ok_and(|read| read > 0) {}
        Ok(())
    }
}

/// When a flood has been going on for long enough.
#[derive(Clone, Copy)]
enum Until {
    /// At the first pong after this time.
    After(Duration),
    /// When this many chunks were taken.
    Taken(u64),
}

/// Sends chunks without a pause.
struct Flood<'a> {
    link: &'a mut Link,
    /// The messages and the ping behind them.
    chunk: Messages,
    /// Bytes of the chunk under way that were written.
    written: usize,
    /// Chunks of which the first byte was written.
    begun: u64,
    taken: u64,
    most: u64,
}

impl<'a> Flood<'a> {
    /// At most `most` chunks of these messages.
    fn new(link: &'a mut Link, mut chunk: Messages, most: Option<u64>) -> Self {
        chunk.bytes.extend(frame(0x89, &[0; 8]));
        Self { link, chunk, written: 0, begun: 0, taken: 0, most: most.unwrap_or(u64::MAX) }
    }

    fn measure(&mut self, pids: &[u32], until: Until) -> Result<Measurement, ServeError> {
        let before = self.taken;
        let accounts = Accounts::begin(pids)?;
        self.run(until)?;
        accounts.end((self.taken - before) * self.chunk.count, &Histogram::new())
    }

    fn run(&mut self, until: Until) -> Result<(), ServeError> {
        self.link.stream.set_nonblocking(true)?;
        let begin = Instant::now();
        loop {
            let before = self.taken;
            self.turn()?;
            let ended = match until {
                Until::After(time) => self.taken > before && begin.elapsed() >= time,
                Until::Taken(chunks) => self.taken >= chunks,
            };
            if ended {
                return Ok(self.link.stream.set_nonblocking(false)?);
            }
        }
    }

    /// Waits until something can be written or read, and does it.
    fn turn(&mut self) -> Result<(), ServeError> {
        let may_begin = self.begun < self.most && self.begun - self.taken < IN_FLIGHT;
        let wants_output = self.written > 0 || may_begin;
        let wanted = if wants_output { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut sockets = [PollFd::new(&self.link.stream, wanted)];
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        if rustix::event::poll(&mut sockets, Some(&patience)).map_err(io::Error::from)? == 0 {
            return Err(ServeError::Stuck);
        }
        let ready = sockets[0].revents();
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.link.read()?;
            while let Some((opcode, payload)) = self.link.next_frame()? {
                if let (0xA, Ok(number)) = (opcode, self.link.input[payload].try_into()) {
                    self.taken = u64::from_be_bytes(number);
                }
            }
        }
        if ready.contains(PollFlags::OUT) {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), ServeError> {
        if self.written == 0 {
            self.begun += 1;
            let number = self.chunk.bytes.len() - 8;
            self.chunk.bytes[number..].copy_from_slice(&self.begun.to_be_bytes());
        }
        match self.link.stream.write(&self.chunk.bytes[self.written..]) {
            Ok(written) => self.written = (self.written + written) % self.chunk.bytes.len(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Sends a message and waits for it to come back, again and again.
struct Echo<'a> {
    link: &'a mut Link,
    messages: &'a Messages,
    texts: &'a [Vec<u8>],
    next: usize,
}

impl Echo<'_> {
    fn measure(&mut self, pids: &[u32], time: Duration) -> Result<Measurement, ServeError> {
        let mut round_trips = Histogram::new();
        let accounts = Accounts::begin(pids)?;
        let echoes = self.run(time, &mut round_trips)?;
        accounts.end(echoes, &round_trips)
    }

    fn run(&mut self, time: Duration, round_trips: &mut Histogram) -> Result<u64, ServeError> {
        let (begin, mut echoes) = (Instant::now(), 0);
        while begin.elapsed() < time {
            let at = self.next * self.messages.frame;
            let sent = Instant::now();
            self.link.stream.write_all(&self.messages.bytes[at..at + self.messages.frame])?;
            let text = self.link.text()?;
            round_trips.record(sent.elapsed().as_nanos().try_into().unwrap_or(u64::MAX));
            if text != self.texts[self.next] {
                return Err(ServeError::WrongAnswer("another text".to_owned()));
            }
            self.next = (self.next + 1) % self.texts.len();
            echoes += 1;
        }
        Ok(echoes)
    }
}

/// The accounts of both sides at the beginning of a window.
struct Accounts<'a> {
    pids: &'a [u32],
    begin: Instant,
    client: CpuAccount,
    own: CpuAccount,
}

impl<'a> Accounts<'a> {
    fn begin(pids: &'a [u32]) -> Result<Self, ServeError> {
        let client = process::cpu_time(pids).map_err(ServeError::Process)?;
        let own = process::cpu_time(&[std::process::id()]).map_err(ServeError::Process)?;
        Ok(Self { pids, begin: Instant::now(), client, own })
    }

    fn end(self, operations: u64, round_trips: &Histogram) -> Result<Measurement, ServeError> {
        let elapsed = self.begin.elapsed();
        let client = process::cpu_time(self.pids).map_err(ServeError::Process)?.since(&self.client);
        let own = process::cpu_time(&[std::process::id()]).map_err(ServeError::Process)?.since(&self.own);
        Ok(Measurement::new(operations, elapsed, client, own, round_trips))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link to a client that the test plays.
    fn linked() -> io::Result<(Link, TcpStream)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok((Link { stream, input: vec![0; INPUT], filled: 0, used: 0 }, client))
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = frame(first, payload);
        let header = frame.len() - payload.len();
        frame[1] |= 0x80;
        frame.splice(header..header, [0; 4]);
        frame
    }

    #[test]
    fn a_flood_counts_what_pongs_confirm() -> Result<(), ServeError> {
        let (mut link, mut client) = linked()?;
        let work = work::find("flood-64").expect("the work exists");
        let (messages, _) = messages(work);
        let (count, chunk) = (messages.count, messages.bytes.len() + 10);
        let taken = std::thread::spawn(move || {
            let mut bytes = vec![0; chunk];
            for _ in 0..6 {
                client.read_exact(&mut bytes)?;
                client.write_all(&masked(0x8A, &bytes[chunk - 8..]))?;
            }
            io::Result::Ok(bytes)
        });
        let mut flood = Flood::new(&mut link, messages, Some(6));
        let measurement = flood.measure(&[std::process::id()], Until::Taken(6))?;
        assert_eq!(measurement.operations, 6 * count);
        let last = taken.join().expect("the client does not panic")?;
        assert_eq!((&last[..2], &last[chunk - 10..]), (&[0x81, 64][..], &[0x89, 8, 0, 0, 0, 0, 0, 0, 0, 6][..]));
        Ok(())
    }

    #[test]
    fn another_text_ends_an_echo() -> Result<(), ServeError> {
        let (mut link, mut client) = linked()?;
        client.write_all(&[masked(0x8A, b"late"), masked(0x81, b"wrong")].concat())?;
        let (messages, texts) = messages(work::find("echo-64").expect("the work exists"));
        let mut echo = Echo { link: &mut link, messages: &messages, texts: &texts, next: 0 };
        let result = echo.run(PATIENCE, &mut Histogram::new());
        assert!(matches!(result, Err(ServeError::WrongAnswer(_))), "{result:?}");
        Ok(())
    }

    #[test]
    fn the_rows_of_the_table_are_compared() -> Result<(), ServeError> {
        let (mut link, mut client) = linked()?;
        client.write_all(&[masked(0x81, b"101"), masked(0x81, b"7")].concat())?;
        link.check_rows(101)?;
        assert!(matches!(link.check_rows(101), Err(ServeError::WrongAnswer(_))));
        Ok(())
    }

    #[test]
    fn an_order_is_read_from_its_line() {
        let line = "--port 9 --work million --warm-up 5 --window 6 --cores 0,3 --log l --rows 7 -- /bin/x --port 8";
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let order = Order::parse(&words).expect("complete");
        assert_eq!((order.port, order.work.id, order.rows, order.cores.server), (9, "million", Some(7), 3));
        assert_eq!((order.client.path.to_str(), order.client.args.len()), (Some("/bin/x"), 2));
        assert!(Order::parse(&words[2..]).is_none() && Order::parse(&words[..15]).is_none());
    }

    #[test]
    fn what_was_taken_survives_the_way_through_a_line() {
        let line = "operations=1 elapsed=2 cpu=3 waited=4 generator=5 p50=6 p99=7 memory=8";
        assert_eq!(Taken::parse(line).map(Taken::to_line).as_deref(), Some(line));
        assert_eq!(Taken::parse("operations=1"), None);
    }
}
