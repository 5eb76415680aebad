//! A port: its listener, its names, the notes that have it, and the clients of the names.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpListener;
use patchcord_signal::message::{self, MessageError};
use patchcord_signal::{
    Choice, Count, Counters, Direction, Kind, NameId, Names, OutgoingReader, Owner, PlayoutSettings, Slot, Variable,
    latest, latest_text, outgoing, outgoing_text, playout, values_in,
};
use patchcord_websocket::{Role, Sender};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::channel::{Channel, ConnectionId, Writer, encode};
use super::connection::PortId;
use super::settings::Settings;
use super::shared::NoteId;
use super::status::{self, Counts};
use super::stream::{Message, Subject};
use super::{Host, Incoming, NoteParts, OpenError, console, request};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;
/// Connections beside those of clients: handshakes under way, pages, ends.
const OTHERS: usize = 64;

/// What a note wants of a port.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) settings: Settings,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) variables: Vec<Variable>,
}

#[derive(Debug)]
struct PortNote {
    id: NoteId,
    owner: Owner,
    /// By the index of the variable: one of the two.
    readers: Vec<Option<OutgoingReader>>,
    writers: Vec<Option<Writer>>,
    console: console::Writer,
    requests: request::Writer,
}

#[derive(Debug)]
pub(super) struct Port {
    pub(super) host: Host,
    pub(super) number: u16,
    /// Tells it from others that had or will have its number.
    opening: u64,
    pub(super) settings: Settings,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) listener: TcpListener,
    pub(super) names: Names,
    pub(super) channels: BTreeMap<NameId, Channel>,
    /// From the oldest to the youngest.
    notes: Vec<PortNote>,
    pub(super) counters: Arc<Counters>,
    counts: Arc<Counts>,
    /// Sessions have to be told what is here.
    pub(super) names_changed: bool,
    /// All its connections.
    pub(super) sockets: usize,
    /// Those of them that are clients.
    pub(super) clients: usize,
    /// The connections of `csound.v1`.
    pub(super) sessions: Vec<ConnectionId>,
}

impl Port {
    /// Listens.
    pub(super) fn open(request: &Request, opening: u64) -> Result<Self, OpenError> {
        let port = request.port;
        let address = request.settings.interface();
        let listener = listen(address, port).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => OpenError::InUse { port },
            io::ErrorKind::PermissionDenied => OpenError::NotPermitted { port },
            io::ErrorKind::AddrNotAvailable => OpenError::NoInterface { address },
            _ => OpenError::Listen { port, source },
        })?;
        let counts = status::counts(request.host.instance, port);
        counts.begin();
        Ok(Self {
            host: request.host,
            number: port,
            opening,
            settings: request.settings.clone(),
            tls: request.tls.clone(),
            listener,
            names: Names::new(),
            channels: BTreeMap::new(),
            notes: Vec::new(),
            counters: counts.counters.clone(),
            counts,
            names_changed: false,
            sockets: 0,
            clients: 0,
            sessions: Vec::new(),
        })
    }

    /// Declares the variables of a note.
    pub(super) fn join(&mut self, id: NoteId, host: &Host, variables: &[Variable]) -> Result<NoteParts, OpenError> {
        let declared = self.names.declare(variables)?;
        let (console, messages) = console::console();
        let (requests, wanted) = request::requests(self.settings.control > 0);
        let mut note = PortNote {
            id,
            owner: declared.owner,
            readers: Vec::with_capacity(variables.len()),
            writers: Vec::with_capacity(variables.len()),
            console,
            requests,
        };
        let (mut outgoing, mut incoming) = (Vec::new(), Vec::new());
        let names_before = self.channels.len();
        for (variable, &name) in variables.iter().zip(&declared.names) {
            let channel =
                self.channels.entry(name).or_insert_with(|| Channel::new(variable, &self.counters, &self.settings));
            match variable.direction {
                Direction::Outgoing => {
                    let (writer, reader) = outgoing_ring(variable, &channel.counters, &self.settings, host);
                    outgoing.push(writer);
                    note.readers.push(Some(reader));
                    note.writers.push(None);
                }
                Direction::Incoming => {
                    let (mut writer, reader) = incoming_way(variable, &channel.counters, &self.settings, host);
                    // A note that begins knows what the others know.
                    if variable.layout.kind() != Kind::Audio
                        && let Some(latest) = self.names.latest(name)
                    {
                        writer.store(latest.payload);
                    }
                    incoming.push(reader);
                    note.writers.push(Some(writer));
                    note.readers.push(None);
                }
            }
        }
        self.notes.push(note);
        self.names_changed |= self.channels.len() != names_before;
        for name in declared.names {
            self.update_listeners(name);
        }
        Ok(NoteParts { outgoing, incoming, counts: self.counts.clone(), messages, requests: wanted })
    }

    /// A note ends. Names that nobody has any more are handed out with their clients, who are off all counts. Where another
    /// note speaks now, its kept values go to the clients, which are appended to `dirty`.
    pub(super) fn withdraw(&mut self, id: NoteId, now: Instant, dirty: &mut Vec<ConnectionId>) -> Vec<Channel> {
        let Some(place) = self.notes.iter().position(|note| note.id == id) else { return Vec::new() };
        let note = self.notes.remove(place);
        let withdrawn = self.names.withdraw(note.owner);
        let gone: Vec<_> = withdrawn.gone.iter().filter_map(|name| self.channels.remove(name)).collect();
        self.names_changed |= !gone.is_empty();
        for channel in &gone {
            self.clients -= channel.clients.len();
            channel.counters.subtract(Count::Clients, channel.clients.len() as u64);
        }
        for name in withdrawn.passed_on {
            self.update_listeners(name);
            if let (Some(channel), Some(latest)) = (self.channels.get_mut(&name), self.names.latest(name))
                && channel.layout.kind().is_kept()
            {
                channel.push(latest.payload, now);
                dirty.extend_from_slice(&channel.clients);
            }
        }
        gone
    }

    pub(super) fn id(&self) -> PortId {
        PortId { number: self.number, opening: self.opening }
    }

    pub(super) fn has_note(&self, id: NoteId) -> bool {
        self.notes.iter().any(|note| note.id == id)
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = NoteId> + '_ {
        self.notes.iter().map(|note| note.id)
    }

    /// Whether no note has it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.notes.is_empty()
    }

    /// Whether one more connection may be accepted.
    pub(super) fn has_room(&self) -> bool {
        self.sockets < self.settings.clients + OTHERS
    }

    /// Takes new settings, as far as an open port can: what its notes take of a text stays as it is.
    pub(super) fn set(&mut self, settings: Settings) {
        self.settings = Settings { text: self.settings.text, ..settings };
        self.names_changed = true;
        for channel in self.channels.values_mut() {
            channel.set_buffer(self.settings.buffer);
        }
    }

    /// A line for the console of the youngest note.
    pub(super) fn say(&mut self, text: &str) {
        if let Some(note) = self.notes.last_mut() {
            note.console.line(text);
        }
    }

    /// Where requests of clients to Csound go.
    pub(super) fn requests(&mut self) -> Option<&mut request::Writer> {
        self.notes.iter_mut().rev().map(|note| &mut note.requests).find(|requests| requests.is_allowed())
    }

    /// A connection becomes a client of what was chosen. Current values are appended to `out`.
    pub(super) fn attach(&mut self, name: NameId, connection: ConnectionId, out: &mut Vec<u8>) -> Subject {
        let Some(channel) = self.channels.get_mut(&name) else { return Subject::Nothing };
        channel.clients.push(connection);
        channel.counters.add(Count::Clients, 1);
        self.clients += 1;
        let cursor = match channel.direction {
            Direction::Outgoing => {
                if channel.layout.kind().is_kept()
                    && let Some(latest) = self.names.latest(name)
                {
                    encode(&channel.layout, latest.payload, &mut Sender::new(Role::Server, 0), out);
                }
                Some(channel.log.join(Vec::new()))
            }
            Direction::Incoming => None,
        };
        self.update_listeners(name);
        Subject::Name(name, cursor)
    }

    /// A connection is no client any more. What it has begun and must finish if anything is to follow.
    pub(super) fn detach(&mut self, subject: Subject, connection: ConnectionId) -> Vec<u8> {
        let mut begun = Vec::new();
        match subject {
            Subject::Name(name, cursor) => {
                // A name that is gone has taken its clients off the counts.
                let Some(channel) = self.channels.get_mut(&name) else { return begun };
                if let Some(cursor) = cursor {
                    begun = channel.log.leave(cursor);
                }
                channel.clients.retain(|client| *client != connection);
                channel.counters.subtract(Count::Clients, 1);
                self.clients -= 1;
                if channel.direction == Direction::Incoming && channel.clients.is_empty() {
                    self.for_each_writer(name, Writer::end);
                }
                self.update_listeners(name);
            }
            Subject::Session(session) => {
                self.sessions.retain(|client| *client != connection);
                self.counters.subtract(Count::Clients, 1);
                self.clients -= 1;
                for name in session.watched() {
                    self.unwatch(*name);
                }
            }
            Subject::Variable | Subject::Nothing => {}
        }
        begun
    }

    /// A session wants the values of a name.
    pub(super) fn watch(&mut self, name: NameId) {
        if let Some(channel) = self.channels.get_mut(&name) {
            channel.watchers += 1;
            self.update_listeners(name);
        }
    }

    pub(super) fn unwatch(&mut self, name: NameId) {
        if let Some(channel) = self.channels.get_mut(&name) {
            channel.watchers -= 1;
            self.update_listeners(name);
        }
    }

    /// A message came for a name: hands it to all notes that have it.
    pub(super) fn receive(&mut self, name: NameId, message: Message<'_>) -> Result<(), MessageError> {
        let Some(channel) = self.channels.get(&name) else { return Ok(()) };
        if channel.direction == Direction::Outgoing {
            // As it was always: nobody listens to what is sent to an input.
            channel.counters.add(Count::Received, 1);
            return Ok(());
        }
        match message::decode(&channel.layout, message.payload, self.settings.text) {
            Ok(payload) => {
                self.store(name, &payload);
                Ok(())
            }
            Err(error) => {
                channel.counters.add(Count::WrongSize, 1);
                Err(error)
            }
        }
    }

    /// Hands a value, in the form of rings and cells, to all notes that have an incoming name.
    pub(super) fn store(&mut self, name: NameId, payload: &[u8]) {
        let Some(channel) = self.channels.get(&name) else { return };
        channel.counters.add(Count::Received, 1);
        for slot in self.names.slots(name) {
            if let Some(writer) = writer(&mut self.notes, *slot) {
                writer.store(payload);
            }
        }
        if channel.layout.kind() != Kind::Audio {
            self.names.keep_received(name, payload);
        }
    }

    /// Takes what the notes have published into the streams. Connections that have something to write are appended to
    /// `dirty`.
    pub(super) fn pump(&mut self, now: Instant, dirty: &mut Vec<ConnectionId>) {
        for (&name, channel) in &mut self.channels {
            if channel.direction != Direction::Outgoing {
                continue;
            }
            let Some(speaker) = self.names.speaker(name) else { continue };
            let is_kept = channel.layout.kind().is_kept();
            for index in 0..self.names.slots(name).len() - 1 {
                let slot = self.names.slots(name)[index];
                hear_silently(&mut self.names, &mut self.notes, name, slot, is_kept);
            }
            let Some(reader) = reader(&mut self.notes, speaker) else { continue };
            if reader.is_empty() {
                continue;
            }
            let names = &mut self.names;
            if channel.pump(reader, now, |payload| names.keep(name, speaker, payload)) {
                dirty.extend_from_slice(&channel.clients);
            }
        }
    }

    /// Whether [`pump`](Self::pump) would find something.
    pub(super) fn has_data(&mut self) -> bool {
        self.notes.iter_mut().any(|note| note.readers.iter_mut().flatten().any(|reader| !reader.is_empty()))
    }

    /// It is closed: `websocketstatus` shows nothing of it any more.
    pub(super) fn close(self) -> Vec<ConnectionId> {
        self.counters.subtract(Count::Clients, self.sessions.len() as u64);
        self.counts.begin();
        self.sessions
    }

    /// What is here, in words, for who asks for something else.
    pub(super) fn described(&self) -> String {
        format!(
            "This is port {} of Csound. It speaks WebSocket; the sub-protocol is the name of a variable:\n\n{}",
            self.number, self.names
        )
    }

    /// The sub-protocols of a client, judged.
    pub(super) fn choose(&self, offered: &[&str]) -> Choice {
        self.names.choose(offered.iter().copied())
    }

    fn update_listeners(&mut self, name: NameId) {
        let Some(channel) = self.channels.get(&name) else { return };
        if channel.direction != Direction::Outgoing {
            return;
        }
        let wanted = (channel.clients.len() + channel.watchers) as u32;
        let kept = channel.layout.kind().is_kept();
        let slots = self.names.slots(name);
        for (index, slot) in slots.iter().enumerate() {
            let number = if index + 1 == slots.len() { wanted } else { 0 };
            if let Some(reader) = reader(&mut self.notes, *slot) {
                reader.set_listeners(number);
                if number == 0 && !kept {
                    reader.clear();
                }
            }
        }
    }

    fn for_each_writer(&mut self, name: NameId, mut change: impl FnMut(&mut Writer)) {
        for slot in self.names.slots(name) {
            if let Some(writer) = writer(&mut self.notes, *slot) {
                change(writer);
            }
        }
    }
}

fn note(notes: &mut [PortNote], owner: Owner) -> Option<&mut PortNote> {
    let place = notes.binary_search_by_key(&owner, |note| note.owner).ok()?;
    notes.get_mut(place)
}

fn reader(notes: &mut [PortNote], slot: Slot) -> Option<&mut OutgoingReader> {
    note(notes, slot.owner)?.readers.get_mut(slot.index)?.as_mut()
}

fn writer(notes: &mut [PortNote], slot: Slot) -> Option<&mut Writer> {
    note(notes, slot.owner)?.writers.get_mut(slot.index)?.as_mut()
}

/// Empties the ring of a note that does not speak: what it would say when it speaks again is kept, of a kept kind; of others it
/// has published a value before it saw that nobody listens.
fn hear_silently(names: &mut Names, notes: &mut [PortNote], name: NameId, slot: Slot, is_kept: bool) {
    let Some(reader) = reader(notes, slot) else { return };
    if !is_kept {
        return reader.clear();
    }
    let mut payload = Vec::new();
    while reader.pop(&mut payload).is_some() {
        names.keep(name, slot, &payload);
        payload.clear();
    }
}

/// The ring of an outgoing variable.
pub(super) fn outgoing_ring(
    variable: &Variable,
    counters: &Arc<Counters>,
    settings: &Settings,
    host: &Host,
) -> (patchcord_signal::OutgoingWriter, OutgoingReader) {
    let layout = &variable.layout;
    match layout.kind() {
        Kind::Text => outgoing_text(settings.text, counters),
        Kind::Init => outgoing(layout, 4, counters),
        Kind::Audio => outgoing(layout, values_in(layout, settings.buffer, host.period()), counters),
        Kind::Control => outgoing(layout, values_in(layout, settings.buffer, host.note_period()), counters),
    }
}

/// The way of an incoming variable.
pub(super) fn incoming_way(
    variable: &Variable,
    counters: &Arc<Counters>,
    settings: &Settings,
    host: &Host,
) -> (Writer, Incoming) {
    let layout = &variable.layout;
    match layout.kind() {
        Kind::Text => {
            let (writer, reader) = latest_text(settings.text);
            (Writer::Text(writer), Incoming::Text(reader))
        }
        Kind::Control | Kind::Init => {
            let (writer, reader) = latest(layout);
            (Writer::Latest(writer), Incoming::Latest(reader))
        }
        Kind::Audio => {
            let times = PlayoutSettings::new(settings.jitter, settings.limit, host.period(), settings.dry);
            let (writer, reader) = playout(layout, times, counters);
            (Writer::Audio(writer), Incoming::Audio(reader))
        }
    }
}

/// Listens. All interfaces are those of IPv6, which take IPv4 too, or of IPv4 alone where the system has no other.
fn listen(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    match bind(SocketAddr::new(address, port)) {
        Err(error)
            if address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                && matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) =>
        {
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        }
        other => other,
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // The next note opens the port at once, whatever is left of connections before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
