//! The loop of the service thread.
//!
//! It sleeps until a socket, a command, a deadline or published values wake it, and serves all that is there in one round.
//! Between the begins of two rounds lies at least [`PAUSE`], so that there are at most some 2,000 a second whatever happens,
//! and more after a round that took long or wrote to many, so that a busy thread collects more for each system call. Who is
//! woken after that time serves at once.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};

use super::channel::ConnectionId;
use super::connection::{Connection, Over, Parent, PortId, Stage};
use super::dial::{self, Remote};
use super::port::{self, Port};
use super::settings::Settings;
use super::shared::{NoteId, Replier, Shared};
use super::transport::Transport;
use super::{NoteParts, OpenError, Parts};
use patchcord_websocket::CloseCode;

/// The token of the waker. Those of listeners are their ports, those of connections follow.
pub(super) const WAKE: Token = Token(0);
const FIRST_CONNECTION: usize = 1 << 16;

/// The least time from one round to the next, and the longest that a round can make it.
const PAUSE: Duration = Duration::from_micros(450);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// It is this many times as long as the round took,
const PAUSE_FACTOR: u32 = 12;
/// and this long for each connection that was written to: with 16 of them each gets what is new some 96 times a second.
const PAUSE_OF_WRITE: Duration = Duration::from_micros(650);
/// Bytes of a read, and of a piece of a file.
const BUFFER: usize = 64 * 1024;
/// Reads of one connection in one round.
const READS: usize = 4;
/// How long a round serves connections before commands and signals have their turn: a note that ends waits for no client.
const SERVING: Duration = Duration::from_millis(5);
/// Connections that one port accepts in a round: those behind them wait for the next one, as signals do.
const ACCEPTS: usize = 32;
/// How long the last clients of the process have to answer their close frames.
const LINGER: Duration = Duration::from_millis(20);
/// How long to wait when the process has no file descriptors left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

/// What Csound's threads ask for.
#[derive(Debug)]
pub(super) enum Command {
    Open(NoteId, Box<port::Request>, Replier<Parts>),
    Connect(NoteId, Box<dial::Request>, Replier<Parts>),
    Set(usize, u16, Box<Settings>, Replier<()>),
    Withdraw(NoteId, Replier<()>),
    Stop,
}

/// Serves until it is told to stop.
pub(super) fn run(shared: &Shared, mut poll: Poll) {
    let Ok(registry) = poll.registry().try_clone() else { return };
    let mut service = Service::new(registry);
    let mut events = Events::with_capacity(256);
    let mut commands = Vec::new();
    // When the next round may begin.
    let mut next = Instant::now();
    // Whether there was more to do before that time: then there will be again, and performance need not wake anybody for it.
    let mut is_busy = false;
    loop {
        if is_busy && service.serve_commands(shared, next, &mut commands).is_none() {
            break;
        }
        shared.falls_asleep();
        let timeout = service.timeout(Instant::now());
        if let Err(error) = poll.poll(&mut events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return;
        }
        shared.wakes_up();
        let Some(waited) = service.serve_commands(shared, next, &mut commands) else { break };
        is_busy = waited || timeout == Some(Duration::ZERO);
        let began = service.now;
        let written = service.round(&events);
        let pause = (began.elapsed() * PAUSE_FACTOR).max(PAUSE_OF_WRITE.saturating_mul(written));
        next = began + pause.clamp(PAUSE, LONGEST_PAUSE);
    }
    service.stop(&mut poll, &mut events);
}

struct Service {
    registry: Registry,
    now: Instant,
    ports: BTreeMap<u16, Port>,
    remotes: BTreeMap<NoteId, Remote>,
    connections: Vec<Option<Box<Connection>>>,
    free: Vec<ConnectionId>,
    /// Connections with something to do, each once, in the order of their turns.
    due: VecDeque<ConnectionId>,
    /// Memory for the connections that a round has to write.
    dirty: Vec<ConnectionId>,
    /// When a connection's time may be over.
    next_sweep: Option<Instant>,
    /// Ports where more may wait to be accepted than a round takes.
    accept_more: Vec<u16>,
    /// Ports that could not accept.
    accept_again: Vec<u16>,
    buffer: Vec<u8>,
}

impl Service {
    fn new(registry: Registry) -> Self {
        Self {
            registry,
            now: Instant::now(),
            ports: BTreeMap::new(),
            remotes: BTreeMap::new(),
            connections: Vec::new(),
            free: Vec::new(),
            due: VecDeque::new(),
            dirty: Vec::new(),
            next_sweep: None,
            accept_more: Vec::new(),
            accept_again: Vec::new(),
            buffer: vec![0; BUFFER],
        }
    }

    /// Does what Csound's threads ask for, at once since they wait, until a round may begin. Whether there was time to wait;
    /// nothing when all is to end.
    fn serve_commands(&mut self, shared: &Shared, until: Instant, commands: &mut Vec<Command>) -> Option<bool> {
        let mut has_waited = false;
        loop {
            self.now = Instant::now();
            shared.take_commands(commands);
            for command in commands.drain(..) {
                if let Command::Stop = command {
                    return None;
                }
                self.handle_command(command);
            }
            let early = until.saturating_duration_since(self.now);
            if early.is_zero() {
                return Some(has_waited);
            }
            has_waited = true;
            shared.pause(early);
        }
    }

    /// How long to sleep; for ever if nothing is planned.
    fn timeout(&mut self, now: Instant) -> Option<Duration> {
        let has_data = !self.due.is_empty()
            || !self.accept_more.is_empty()
            || self.ports.values_mut().any(Port::has_data)
            || self.remotes.values_mut().any(Remote::has_data);
        if has_data {
            return Some(Duration::ZERO);
        }
        let dial = self.remotes.values().filter_map(Remote::next_deadline).min();
        let accept = (!self.accept_again.is_empty()).then(|| now + NO_DESCRIPTORS);
        let deadline = [self.next_sweep, dial, accept].into_iter().flatten().min()?;
        Some(deadline.saturating_duration_since(now))
    }

    /// Serves everything that is there. The number of connections that had something new to be written.
    fn round(&mut self, events: &Events) -> u32 {
        let waiting = [std::mem::take(&mut self.accept_more), std::mem::take(&mut self.accept_again)];
        for event in events {
            self.handle_event(event);
        }
        for number in waiting.into_iter().flatten() {
            self.accept(number);
        }
        for _ in 0..self.due.len() {
            if self.now.elapsed() > SERVING {
                break;
            }
            if let Some(id) = self.due.pop_front() {
                self.serve(id);
            }
        }
        self.dial_due();
        let mut dirty = std::mem::take(&mut self.dirty);
        for port in self.ports.values_mut() {
            port.pump(self.now, &mut dirty);
        }
        for remote in self.remotes.values_mut() {
            remote.pump(&mut self.connections, &mut dirty);
        }
        let written = u32::try_from(dirty.len()).unwrap_or(u32::MAX);
        self.poll_sessions(&mut dirty);
        for id in dirty.drain(..) {
            self.write(id);
        }
        self.dirty = dirty;
        if self.next_sweep.is_some_and(|sweep| self.now >= sweep) {
            self.sweep();
        }
        written
    }

    fn poll_sessions(&mut self, dirty: &mut Vec<ConnectionId>) {
        let mut next = self.next_sweep;
        for port in self.ports.values_mut() {
            let greets = std::mem::take(&mut port.names_changed);
            for index in 0..port.sessions.len() {
                let id = port.sessions[index];
                let Some(Some(connection)) = self.connections.get_mut(id) else { continue };
                let due = connection.poll_session(port, greets, self.now);
                next = [next, due].into_iter().flatten().min();
                dirty.push(id);
            }
        }
        self.next_sweep = next;
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Open(note, request, reply) => {
                let parts = self.open(note, &request);
                reply.answer(parts);
            }
            Command::Connect(note, request, reply) => {
                let (remote, parts) = Remote::new(note, *request, self.now);
                self.remotes.insert(note, remote);
                reply.answer(Ok(parts));
            }
            Command::Set(instance, number, settings, reply) => {
                if let Some(port) = self.ports.get_mut(&number).filter(|port| port.host.instance == instance) {
                    port.set(*settings);
                }
                reply.answer(());
            }
            Command::Withdraw(note, reply) => {
                self.withdraw(note);
                reply.answer(());
            }
            Command::Stop => {}
        }
    }

    fn open(&mut self, note: NoteId, request: &port::Request) -> Result<NoteParts, OpenError> {
        let number = request.port;
        if let Some(port) = self.ports.get_mut(&number) {
            if port.host.instance != request.host.instance {
                return Err(OpenError::InUse { port: number });
            }
            return port.join(note, &request.host, &request.variables);
        }
        let mut port = Port::open(request, note)?;
        let token = Token(usize::from(number));
        let registered = self.registry.register(&mut port.listener, token, Interest::READABLE);
        registered.map_err(|source| OpenError::Listen { port: number, source })?;
        let parts = port.join(note, &request.host, &request.variables)?;
        self.ports.insert(number, port);
        Ok(parts)
    }

    fn withdraw(&mut self, note: NoteId) {
        self.write_last_values(note);
        if let Some(remote) = self.remotes.remove(&note) {
            for id in remote.connections() {
                self.close(id, dial::LEAVING, "the note has ended");
            }
        }
        let Some(number) = self.ports.values().find(|port| port.has_note(note)).map(|port| port.number) else { return };
        let Some(port) = self.ports.get_mut(&number) else { return };
        let mut dirty = Vec::new();
        let gone = port.withdraw(note, self.now, &mut dirty);
        if port.is_abandoned() {
            // The listener goes with it.
            let sessions = self.ports.remove(&number).map(Port::close);
            for id in sessions.into_iter().flatten() {
                self.close(id, CloseCode::GOING_AWAY, "the port is closed");
            }
        }
        for mut channel in gone {
            for id in std::mem::take(&mut channel.clients) {
                if let Some(Some(connection)) = self.connections.get_mut(id) {
                    connection.orphan(&mut channel);
                }
                self.close(id, CloseCode::GOING_AWAY, "the variable is gone");
            }
        }
        for id in dirty {
            self.write(id);
        }
    }

    /// What a note has published up to its end goes out before its names do, as far as the sockets take it.
    fn write_last_values(&mut self, note: NoteId) {
        let mut dirty = Vec::new();
        if let Some(remote) = self.remotes.get_mut(&note) {
            remote.pump(&mut self.connections, &mut dirty);
        }
        if let Some(port) = self.ports.values_mut().find(|port| port.has_note(note)) {
            port.pump(self.now, &mut dirty);
        }
        for id in dirty {
            self.write(id);
        }
    }

    /// Sends a close frame and writes it at once, as far as the socket takes it.
    fn close(&mut self, id: ConnectionId, code: CloseCode, reason: &str) {
        let now = self.now;
        if let Some(Some(connection)) = self.connections.get_mut(id) {
            connection.close(code, reason, now);
        }
        self.write(id);
    }

    fn handle_event(&mut self, event: &Event) {
        let Token(token) = event.token();
        if let Some(id) = token.checked_sub(FIRST_CONNECTION) {
            if let Some(Some(connection)) = self.connections.get_mut(id) {
                let ends = event.is_read_closed() || event.is_error();
                if event.is_readable() || ends {
                    connection.socket.handle_readable(ends);
                }
                if event.is_writable() || event.is_error() {
                    connection.socket.handle_writable();
                }
                if !std::mem::replace(&mut connection.is_due, true) {
                    self.due.push_back(id);
                }
            }
        } else if let Ok(number) = u16::try_from(token)
            && number > 0
        {
            self.accept(number);
        }
    }

    fn accept(&mut self, number: u16) {
        for _ in 0..ACCEPTS {
            let Some(port) = self.ports.get_mut(&number) else { return };
            let socket = match port.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => continue,
                    _ => {
                        // No descriptors: those that wait are taken when there are some again.
                        self.accept_again.push(number);
                        return;
                    }
                },
            };
            if !port.has_room() {
                // Who has been longest about its head makes room: connections that say nothing keep nobody out.
                let id = port.id();
                if !self.evict(id) {
                    continue;
                }
            }
            let Some(port) = self.ports.get_mut(&number) else { return };
            let _ = socket.set_nodelay(true);
            let transport = match &port.tls {
                Some(config) => match Transport::server(socket, Arc::clone(config)) {
                    Ok(transport) => transport,
                    Err(_) => continue,
                },
                None => Transport::plain(socket),
            };
            port.sockets += 1;
            let connection = Connection::accepted(transport, port.id(), self.now);
            if self.enter(connection).is_none()
                && let Some(port) = self.ports.get_mut(&number)
            {
                port.sockets -= 1;
            }
        }
        if !self.accept_more.contains(&number) {
            self.accept_more.push(number);
        }
    }

    /// Drops the connection of a port that has waited longest for its head; whether there was one.
    fn evict(&mut self, port: PortId) -> bool {
        let opening = |(id, connection): (ConnectionId, &Option<Box<Connection>>)| {
            let connection = connection.as_ref().filter(|connection| connection.parent == Parent::Port(port))?;
            matches!(connection.stage, Stage::Head(_)).then_some((connection.until, id))
        };
        let longest = self.connections.iter().enumerate().filter_map(opening).min();
        let Some((_, id)) = longest else { return false };
        if let Some(connection) = self.connections[id].take() {
            self.end(id, *connection, "");
        }
        true
    }

    fn dial_due(&mut self) {
        let now = self.now;
        let due: Vec<_> = self
            .remotes
            .iter()
            .flat_map(|(&note, remote)| remote.due(now).into_iter().map(move |line| (note, line)))
            .collect();
        for (note, line) in due {
            let Some(remote) = self.remotes.get_mut(&note) else { continue };
            match remote.dial(line, now) {
                Ok(connection) => {
                    let id = self.enter(connection);
                    if let Some(remote) = self.remotes.get_mut(&note) {
                        match id {
                            Some(id) => remote.handle_dialled(line, id),
                            None => remote.handle_end(line, "there are no sockets left", now),
                        }
                    }
                }
                Err(reason) => remote.handle_end(line, &reason, now),
            }
        }
    }

    /// Registers a connection.
    fn enter(&mut self, mut connection: Connection) -> Option<ConnectionId> {
        let id = self.free.pop().unwrap_or(self.connections.len());
        let socket: &mut TcpStream = connection.socket.transport().socket();
        let token = Token(FIRST_CONNECTION + id);
        if self.registry.register(socket, token, Interest::READABLE | Interest::WRITABLE).is_err() {
            self.free.push(id);
            return None;
        }
        self.plan(connection.next_deadline());
        if id == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[id] = Some(Box::new(connection));
        Some(id)
    }

    /// Reads and writes one connection.
    fn serve(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.connections.get_mut(id).and_then(Option::take) else { return };
        connection.is_due = false;
        match self.read(id, &mut connection) {
            Ok(()) => {
                self.connections[id] = Some(connection);
                self.write(id);
            }
            Err(reason) => self.end(id, *connection, &reason),
        }
    }

    fn read(&mut self, id: ConnectionId, connection: &mut Connection) -> Result<(), String> {
        if let (Parent::Remote(note, line), Stage::Connecting) = (connection.parent, &connection.stage) {
            let Some(remote) = self.remotes.get_mut(&note) else { return Err(String::new()) };
            remote.handle_connected(connection, line)?;
            if matches!(connection.stage, Stage::Connecting) {
                return Ok(());
            }
        }
        for read in 0..READS {
            if !connection.socket.readable {
                return Ok(());
            }
            if read > 0 && self.now.elapsed() > SERVING {
                break;
            }
            let count = match connection.socket.read(&mut self.buffer) {
                Ok(Some(count)) => count,
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            };
            let bytes = &mut self.buffer[..count];
            match connection.parent {
                Parent::Port(port) => {
                    // What is left of a port that is gone is told its end, and has nothing to say.
                    let result = match port_of(&mut self.ports, port) {
                        Some(port) => connection.handle_bytes(id, port, bytes, self.now),
                        None => connection.handle_last_bytes(bytes, self.now),
                    };
                    result.map_err(|Over| String::new())?;
                }
                Parent::Remote(note, line) => match self.remotes.get_mut(&note) {
                    Some(remote) => remote.handle_bytes(connection, id, line, bytes, self.now)?,
                    None => connection.handle_last_bytes(bytes, self.now).map_err(|Over| String::new())?,
                },
            }
        }
        connection.is_due = true;
        self.due.push_back(id);
        Ok(())
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(Some(connection)) = self.connections.get_mut(id) else { return };
        if matches!(connection.stage, Stage::Connecting) {
            return;
        }
        let port = match connection.parent {
            Parent::Port(port) => port_of(&mut self.ports, port),
            Parent::Remote(..) => None,
        };
        match connection.write(port, &mut self.buffer, self.now) {
            Ok(more) => {
                if more && !std::mem::replace(&mut connection.is_due, true) {
                    self.due.push_back(id);
                }
                let deadline = connection.next_deadline();
                self.plan(deadline);
            }
            Err(error) => {
                if let Some(connection) = self.connections[id].take() {
                    let reason = dial::over(&connection, error);
                    self.end(id, *connection, reason);
                }
            }
        }
    }

    /// Drops a connection and tells whose it was.
    fn end(&mut self, id: ConnectionId, mut connection: Connection, reason: &str) {
        match connection.parent {
            Parent::Port(port) => {
                if let Some(port) = port_of(&mut self.ports, port) {
                    connection.leave(id, port);
                    port.sockets -= 1;
                }
            }
            Parent::Remote(note, line) => {
                if let Some(remote) = self.remotes.get_mut(&note) {
                    remote.handle_end(line, reason, self.now);
                }
            }
        }
        if connection.is_due {
            self.due.retain(|&due| due != id);
        }
        let _ = self.registry.deregister(connection.socket.transport().socket());
        self.free.push(id);
    }

    fn plan(&mut self, deadline: Option<Instant>) {
        self.next_sweep = [self.next_sweep, deadline].into_iter().flatten().min();
    }

    /// Looks at every connection's time.
    fn sweep(&mut self) {
        self.next_sweep = None;
        for id in 0..self.connections.len() {
            let Some(connection) = &mut self.connections[id] else { continue };
            match connection.poll(self.now) {
                Ok(()) => {
                    let deadline = connection.next_deadline();
                    self.plan(deadline);
                    self.write(id);
                }
                Err(error) => {
                    if let Some(connection) = self.connections[id].take() {
                        let reason = dial::over(&connection, error);
                        self.end(id, *connection, reason);
                    }
                }
            }
        }
    }

    /// Tells everybody the end, and waits a moment for their answers: a socket that is closed with something unread in it
    /// would take the close frame back.
    fn stop(&mut self, poll: &mut Poll, events: &mut Events) {
        let notes: Vec<_> = self.ports.values().flat_map(Port::notes).chain(self.remotes.keys().copied()).collect();
        for note in notes {
            self.withdraw(note);
        }
        let deadline = Instant::now() + LINGER;
        while self.connections.iter().flatten().any(|connection| connection.is_ending()) {
            self.now = Instant::now();
            let Some(left) = deadline.checked_duration_since(self.now).filter(|left| !left.is_zero()) else { return };
            if poll.poll(events, Some(left)).is_err() {
                return;
            }
            self.now = Instant::now();
            self.round(events);
        }
    }
}

/// The port that a connection belongs to, if it is still that one.
fn port_of(ports: &mut BTreeMap<u16, Port>, id: PortId) -> Option<&mut Port> {
    ports.get_mut(&id.number).filter(|port| port.id() == id)
}
