//! The client's role: a connection for each variable of a note, made anew when it is lost.
//!
//! A connection's sub-protocol is the name of its variable. What the note sends goes out masked, one frame a value; what
//! the server sends is handed to the note. Attempts follow one another at growing intervals, each address of the host in
//! its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use patchcord_signal::{Count, Counters, Direction, Layout, MAX_RING, OutgoingReader, Variable, message, values_in};
use patchcord_websocket::handshake::client::{ClientError, ClientRequest};
use patchcord_websocket::{CloseCode, Ending, Role};

use super::channel::{ConnectionId, Writer, encode};
use super::connection::{Connection, OPENING, Over, Parent, Stage};
use super::port::{incoming_way, outgoing_ring};
use super::shared::NoteId;
use super::status::Counts;
use super::stream::{Progress, Stream, Subject};
use super::target::Target;
use super::transport::Transport;
use super::{Host, NoteParts, console, request};

/// The first and the longest time between attempts.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A connection that stood for so long is a new beginning: a server that closes at once is not asked again and again.
const LASTING: Duration = LONGEST_DELAY;
/// The longest header of a client's frame.
const FRAME_HEADER: usize = 14;

/// What a note wants of a server.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) host: Host,
    pub(super) target: Target,
    pub(super) variables: Vec<Variable>,
}

/// A note's connections to a server.
#[derive(Debug)]
pub(super) struct Remote {
    note: NoteId,
    target: Target,
    lines: Vec<Line>,
    counters: Arc<Counters>,
    console: console::Writer,
    /// Makes delays differ.
    random: u64,
}

/// One variable and its connection.
#[derive(Debug)]
struct Line {
    name: String,
    layout: Layout,
    flow: Flow,
    counters: Arc<Counters>,
    /// Own bytes that may wait for the server. What is published while more wait is lost, and counted.
    max_waiting: usize,
    state: State,
    /// Attempts since a connection has last stood for a while.
    attempts: u32,
    /// How the connection was closed, once that is known.
    ending: Option<String>,
    /// The end of the last connection, or that there was none, was told.
    has_complained: bool,
}

#[derive(Debug)]
enum Flow {
    /// With the current value of a kept kind.
    Outgoing(OutgoingReader, Option<Vec<u8>>),
    Incoming(Writer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Instant),
    Opening(ConnectionId),
    /// And since when.
    Open(ConnectionId, Instant),
}

impl Remote {
    pub(super) fn new(note: NoteId, request: Request, now: Instant) -> (Self, NoteParts) {
        let counts = Arc::<Counts>::default();
        let counters = counts.counters.clone();
        let (console, messages) = console::console();
        let (_, requests) = request::requests(false);
        let (mut outgoing, mut incoming) = (Vec::new(), Vec::new());
        let settings = &request.target.settings;
        let line = |variable: Variable| {
            let own = Counters::within(&counters);
            let size = variable.layout.payload_len().unwrap_or(settings.text) + FRAME_HEADER;
            let max_waiting = size * values_in(&variable.layout, settings.buffer, request.host.period());
            let flow = match variable.direction {
                Direction::Outgoing => {
                    let (writer, reader) = outgoing_ring(&variable, &own, settings, &request.host);
                    outgoing.push(writer);
                    Flow::Outgoing(reader, None)
                }
                Direction::Incoming => {
                    let (writer, reader) = incoming_way(&variable, &own, settings, &request.host);
                    incoming.push(reader);
                    Flow::Incoming(writer)
                }
            };
            Line {
                name: variable.name,
                layout: variable.layout,
                flow,
                counters: own,
                max_waiting: max_waiting.min(MAX_RING.max(2 * size)),
                state: State::Waiting(now),
                attempts: 0,
                ending: None,
                has_complained: false,
            }
        };
        let lines = request.variables.into_iter().map(line).collect();
        let random = getrandom::u64().unwrap_or(note) | 1;
        let parts = NoteParts { outgoing, incoming, counts, messages, requests };
        (Self { note, target: request.target, lines, counters, console, random }, parts)
    }

    /// When the next attempt is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.lines.iter().filter_map(|line| if let State::Waiting(at) = line.state { Some(at) } else { None }).min()
    }

    /// The variables whose next attempt is due.
    pub(super) fn due(&self, now: Instant) -> Vec<usize> {
        let is_due = |line: &Line| matches!(line.state, State::Waiting(at) if now >= at);
        self.lines.iter().enumerate().filter(|(_, line)| is_due(line)).map(|(index, _)| index).collect()
    }

    /// All its connections.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let connection = |line: &Line| match line.state {
            State::Waiting(_) => None,
            State::Opening(id) | State::Open(id, _) => Some(id),
        };
        self.lines.iter().filter_map(connection).collect()
    }

    /// Begins an attempt.
    pub(super) fn dial(&mut self, index: usize, now: Instant) -> Result<Connection, String> {
        let line = &self.lines[index];
        let address = self.target.addresses[line.attempts as usize % self.target.addresses.len()];
        let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let _ = socket.set_nodelay(true);
        let transport = match &self.target.tls {
            Some((config, name)) => {
                Transport::client(socket, config.clone(), name.clone()).map_err(|error| error.to_string())?
            }
            None => Transport::plain(socket),
        };
        let mut connection = Connection::new(transport, Parent::Remote(self.note, index), Stage::Connecting);
        connection.until = Some(now + OPENING);
        Ok(connection)
    }

    pub(super) fn handle_dialled(&mut self, index: usize, id: ConnectionId) {
        self.lines[index].state = State::Opening(id);
    }

    /// A connection, or an attempt, is over.
    pub(super) fn handle_end(&mut self, index: usize, reason: &str, now: Instant) {
        let opened = if let State::Open(_, opened) = self.lines[index].state { Some(opened) } else { None };
        if opened.is_some_and(|opened| now.saturating_duration_since(opened) >= LASTING) {
            self.lines[index].attempts = 0;
        }
        let delay = self.next_delay(index);
        let line = &mut self.lines[index];
        if opened.is_some() {
            self.counters.subtract(Count::Clients, 1);
            match &mut line.flow {
                Flow::Outgoing(reader, _) => reader.set_listeners(0),
                Flow::Incoming(writer) => writer.end(),
            }
        }
        line.state = State::Waiting(now + delay);
        let ending = line.ending.take();
        let reason = ending.as_deref().unwrap_or(reason);
        if !std::mem::replace(&mut line.has_complained, true) {
            let text = format!("websocketclient: {} {}: {reason}; trying again", self.target.url, line.name);
            self.console.line(&text);
        }
    }

    /// The time until the next attempt: at once as long as there is an address that was not tried, then twice the last one.
    fn next_delay(&mut self, index: usize) -> Duration {
        let line = &mut self.lines[index];
        line.attempts = line.attempts.saturating_add(1);
        let addresses = self.target.addresses.len() as u32;
        if !line.attempts.is_multiple_of(addresses) {
            return Duration::ZERO;
        }
        let rounds = line.attempts / addresses - 1;
        let delay = FIRST_DELAY.saturating_mul(1 << rounds.min(8)).min(LONGEST_DELAY);
        // Xorshift: clients that lost the same server do not come back in one moment.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        delay.mul_f64(0.75 + 0.5 * (self.random >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// The socket says that it is writable for the first time, which is that it is connected, or that it failed.
    pub(super) fn handle_connected(&mut self, connection: &mut Connection, index: usize) -> Result<(), String> {
        let socket = connection.socket.transport().socket();
        if let Ok(Some(error)) | Err(error) = socket.take_error() {
            return Err(error.to_string());
        }
        if let Err(error) = socket.peer_addr() {
            // Not yet: an event that meant something else.
            return if error.kind() == std::io::ErrorKind::NotConnected { Ok(()) } else { Err(error.to_string()) };
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        let request = ClientRequest {
            host: &self.target.host,
            path: &self.target.path,
            origin: None,
            subprotocols: &[&self.lines[index].name],
            deflate: None,
            headers: &[],
        };
        let (head, reader) = request.encode(nonce).map_err(|error| error.to_string())?;
        connection.socket.out().extend_from_slice(&head);
        connection.stage = Stage::Reply(Box::new(reader));
        Ok(())
    }

    /// Takes what was read; nothing is the end.
    pub(super) fn handle_bytes(
        &mut self,
        connection: &mut Connection,
        id: ConnectionId,
        index: usize,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<(), String> {
        let Stage::Reply(reader) = &mut connection.stage else {
            if bytes.is_empty() {
                return Err(over(connection, Over).to_owned());
            }
            return self.handle_frames(connection, index, bytes, now);
        };
        if bytes.is_empty() {
            return Err(refused(&reader.handle_end()));
        }
        match reader.receive(bytes) {
            Ok(None) => Ok(()),
            Ok(Some(reply)) => {
                self.open(connection, id, index, now)?;
                self.handle_frames(connection, index, &mut bytes[reply.consumed..], now)
            }
            Err(error) => Err(refused(&error)),
        }
    }

    fn open(
        &mut self,
        connection: &mut Connection,
        id: ConnectionId,
        index: usize,
        now: Instant,
    ) -> Result<(), String> {
        let seed = getrandom::u64().map_err(|error| error.to_string())?;
        let line = &mut self.lines[index];
        let text = self.target.settings.text;
        // As a port reads it: what comes for a variable that is sent is ignored, whatever its size.
        let limit = message::read_limit(&line.layout, text).max(text);
        let mut stream = Stream::new(Role::Client, Subject::Variable, limit, seed, now);
        if let Flow::Outgoing(reader, kept) = &mut line.flow {
            reader.set_listeners(1);
            if let Some(kept) = kept {
                encode(&line.layout, kept, stream.sender(), connection.socket.out());
            }
        }
        connection.stage = Stage::Stream(Box::new(stream));
        connection.until = None;
        line.state = State::Open(id, now);
        line.has_complained = false;
        self.counters.add(Count::Clients, 1);
        let text = format!("websocketclient: connection established for {}", line.name);
        self.console.line(&text);
        Ok(())
    }

    fn handle_frames(
        &mut self,
        connection: &mut Connection,
        index: usize,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<(), String> {
        let Stage::Stream(stream) = &mut connection.stage else { return Ok(()) };
        let Line { name, layout, flow, counters, ending, .. } = &mut self.lines[index];
        let limit = self.target.settings.text;
        let mut wrong = None;
        let progress = stream.receive(bytes, connection.socket.out(), now, |_, message| {
            let result = match flow {
                Flow::Incoming(writer) => {
                    message::decode(layout, message.payload, limit).map(|payload| writer.store(&payload))
                }
                Flow::Outgoing(..) => Ok(()),
            };
            match result {
                Ok(()) => counters.add(Count::Received, 1),
                Err(error) => {
                    counters.add(Count::WrongSize, 1);
                    wrong.get_or_insert(error);
                }
            }
        });
        if let Some(error) = wrong
            && !std::mem::replace(&mut stream.said_wrong, true)
        {
            self.console.line(&format!("websocketclient: a message for {name} was dropped: {error}"));
        }
        if progress != Progress::Open {
            *ending = Some(closed(progress, &stream.ending()));
            connection.finish();
        }
        Ok(())
    }

    /// Takes what the note has published to its connections; those that have something to write are appended to `dirty`.
    pub(super) fn pump(&mut self, connections: &mut [Option<Box<Connection>>], dirty: &mut Vec<ConnectionId>) {
        for line in &mut self.lines {
            let Flow::Outgoing(reader, kept) = &mut line.flow else { continue };
            if reader.is_empty() {
                continue;
            }
            let mut connection = match line.state {
                State::Open(id, _) => {
                    connections.get_mut(id).and_then(Option::as_mut).map(|connection| (id, connection))
                }
                State::Waiting(_) | State::Opening(_) => None,
            };
            let mut payload = Vec::new();
            while reader.pop(&mut payload).is_some() {
                if let Some((_, connection)) = &mut connection {
                    let waiting = connection.socket.waiting();
                    match &mut connection.stage {
                        Stage::Stream(stream) if !stream.is_closing() && waiting < line.max_waiting => {
                            encode(&line.layout, &payload, stream.sender(), connection.socket.out());
                            line.counters.add(Count::Sent, 1);
                        }
                        _ => line.counters.add(Count::Dropped, 1),
                    }
                }
                if line.layout.kind().is_kept() {
                    *kept = Some(payload.clone());
                }
                payload.clear();
            }
            dirty.extend(connection.map(|(id, _)| id));
        }
    }

    /// Whether [`pump`](Self::pump) would find something.
    pub(super) fn has_data(&mut self) -> bool {
        self.lines.iter_mut().any(|line| match &mut line.flow {
            Flow::Outgoing(reader, _) => !reader.is_empty(),
            Flow::Incoming(_) => false,
        })
    }
}

/// Says why a connection of a client ends by time or by its socket.
pub(super) fn over(connection: &Connection, _: Over) -> &'static str {
    match connection.stage {
        Stage::Connecting | Stage::Reply(_) => "there is no answer",
        Stage::Ended => "the server has closed the connection",
        _ => "the connection was lost",
    }
}

/// Says how a connection of a client was closed.
fn closed(progress: Progress, ending: &Ending) -> String {
    if let Progress::Failed(error) = progress {
        return format!("the connection is closed with {}: {error}", error.close_code());
    }
    match (ending.code, ending.reason.as_str()) {
        (CloseCode::NO_CODE, _) => "the server has closed the connection".to_owned(),
        (code, "") => format!("the server has closed the connection with {code}"),
        (code, reason) => format!("the server has closed the connection with {code}: {reason}"),
    }
}

/// The close code of a client whose note ends.
pub(super) const LEAVING: CloseCode = CloseCode::GOING_AWAY;

fn refused(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => {
            let body = String::from_utf8_lossy(&refusal.body);
            let first = body.lines().next().unwrap_or_default();
            format!("the server refuses with {} {} {first}", refusal.status, refusal.reason)
        }
        other => other.to_string(),
    }
}
