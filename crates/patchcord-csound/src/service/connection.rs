//! One connection, from its first byte to its last: handshake or page, frames, end.
//!
//! A connection belongs to a [`Port`] that has accepted it, or to a [`Remote`](super::dial::Remote) that has opened it.
//! What is here is the way of a server's connection and what both roles share; `dial` has the client's way.

use std::io;
use std::time::{Duration, Instant};

use patchcord_signal::control::{MAX_MESSAGE, SUBPROTOCOL};
use patchcord_signal::{Choice, Count};
use patchcord_websocket::handshake::client::ReplyReader;
use patchcord_websocket::handshake::server::{accept, check_origin, is_upgrade};
use patchcord_websocket::{CloseCode, Role};

use super::channel::{Channel, ConnectionId};
use super::files::{self, FileBody};
use super::http::{Answer, Head, Request, read_head};
use super::port::Port;
use super::shared::NoteId;
use super::socket::Socket;
use super::stream::{Progress, Stream, Subject};
use super::transport::Transport;

/// How long the head of a request, or a whole opening of a client, may take.
pub(super) const OPENING: Duration = Duration::from_secs(10);
/// How much longer it may take to hand over an answer or a page: who takes a byte now and then does not keep a place for ever.
const ANSWERING: Duration = Duration::from_secs(600);
/// How long the peer has to end after everything was said.
const DRAINING: Duration = Duration::from_secs(2);
/// Pieces of a file that one connection is sent in a row.
const PIECES: usize = 8;

/// Which port: by its number, and which of those that had the number one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortId {
    pub(super) number: u16,
    pub(super) opening: u64,
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    /// A port's.
    Port(PortId),
    /// A client's: its note, and which of its variables.
    Remote(NoteId, usize),
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The head of a request is coming.
    Head(Vec<u8>),
    /// A page is being sent.
    Body(FileBody),
    /// A client's socket is not connected yet.
    Connecting,
    /// A client waits for the answer to its request.
    Reply(Box<ReplyReader>),
    /// A WebSocket.
    Stream(Box<Stream>),
    /// All that was to be said is in the socket's hands or queued, and what comes is thrown away.
    Ended,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) parent: Parent,
    pub(super) stage: Stage,
    /// When the stage must be over.
    pub(super) until: Option<Instant>,
    /// It waits for its turn.
    pub(super) is_due: bool,
    /// It has said everything: when that is written, the writing direction ends.
    finishing: bool,
    /// The writing direction has ended.
    has_ended_writing: bool,
}

/// The connection is over and is to be dropped.
#[derive(Debug)]
pub(super) struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        // What went wrong with a socket is no news for anybody: the peer is gone.
        Self
    }
}

impl Connection {
    /// A connection that a port has accepted.
    pub(super) fn accepted(transport: Transport, port: PortId, now: Instant) -> Self {
        let mut connection = Self::new(transport, Parent::Port(port), Stage::Head(Vec::new()));
        connection.until = Some(now + OPENING);
        connection
    }

    pub(super) fn new(transport: Transport, parent: Parent, stage: Stage) -> Self {
        Self {
            socket: Socket::new(transport),
            parent,
            stage,
            until: None,
            is_due: false,
            finishing: false,
            has_ended_writing: false,
        }
    }

    /// Takes what a port's connection has read; nothing is the end.
    pub(super) fn handle_bytes(
        &mut self,
        id: ConnectionId,
        port: &mut Port,
        bytes: &mut [u8],
        now: Instant,
    ) -> Result<(), Over> {
        if bytes.is_empty() {
            self.socket.readable = false;
            return match self.stage {
                // It may have said all it wants to say and still read.
                Stage::Body(_) => Ok(()),
                Stage::Ended if self.socket.waiting() > 0 => Ok(()),
                _ => Err(Over),
            };
        }
        match &mut self.stage {
            Stage::Head(head) => {
                let before = head.len();
                head.extend_from_slice(bytes);
                let head = std::mem::take(head);
                if let Some(size) = self.handle_head(&head, id, port, now) {
                    // What came behind the head are frames already.
                    return self.handle_frames(id, port, &mut bytes[size - before..], now);
                }
                if let Stage::Head(kept) = &mut self.stage {
                    *kept = head;
                }
                Ok(())
            }
            Stage::Stream(_) => self.handle_frames(id, port, bytes, now),
            Stage::Body(_) | Stage::Connecting | Stage::Reply(_) | Stage::Ended => Ok(()),
        }
    }

    /// Takes what came for a parent that is gone: only the answer to a close frame means anything. Who has not asked yet is told.
    pub(super) fn handle_last_bytes(&mut self, bytes: &mut [u8], now: Instant) -> Result<(), Over> {
        if bytes.is_empty() {
            return Err(Over);
        }
        match &mut self.stage {
            Stage::Stream(stream) => {
                if stream.receive(bytes, self.socket.out(), now, |_, _| {}) != Progress::Open {
                    self.finish();
                }
            }
            Stage::Head(_) => {
                Answer::new(503, "the port has just been closed").encode(self.socket.out(), false);
                self.finish();
            }
            Stage::Body(_) | Stage::Connecting | Stage::Reply(_) | Stage::Ended => {}
        }
        Ok(())
    }

    /// Whether a close frame waits for its answer, or an answer to be written.
    pub(super) fn is_ending(&self) -> bool {
        match &self.stage {
            Stage::Stream(stream) => stream.is_closing(),
            Stage::Ended => !self.has_ended_writing,
            _ => false,
        }
    }

    /// Reads the head; its size if the connection is a WebSocket now.
    fn handle_head(&mut self, bytes: &[u8], id: ConnectionId, port: &mut Port, now: Instant) -> Option<usize> {
        let (answer, is_head) = match read_head(bytes) {
            Head::Partial => return None,
            Head::Bad(answer) => (answer, false),
            Head::Complete(request) => {
                let headers = || request.headers.iter().copied();
                let result = if is_upgrade(headers()) {
                    self.upgrade(&request, id, port, now).map(|()| Some(request.size))
                } else {
                    self.page(&request, port)
                };
                match result {
                    Ok(upgraded) => return upgraded,
                    Err(answer) => (answer, request.is_head()),
                }
            }
        };
        answer.encode(self.socket.out(), is_head);
        self.finish();
        None
    }

    fn page(&mut self, request: &Request<'_>, port: &Port) -> Result<Option<usize>, Answer> {
        let is_read = matches!(request.method, "GET" | "HEAD");
        match &port.settings.folder {
            Some(folder) if is_read => {
                match files::answer(folder, request, self.socket.out()) {
                    Some(body) => {
                        self.stage = Stage::Body(body);
                        self.until = self.until.map(|until| until + ANSWERING);
                    }
                    None => self.finish(),
                }
                Ok(None)
            }
            Some(_) => Err(Answer::new(405, "pages are read with GET").with("Allow", "GET, HEAD")),
            None if is_read => Err(Answer::new(426, port.described()).with("Upgrade", "websocket")),
            None => Err(Answer::new(405, "a WebSocket is opened with GET").with("Allow", "GET, HEAD")),
        }
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        id: ConnectionId,
        port: &mut Port,
        now: Instant,
    ) -> Result<(), Answer> {
        let refuse = |error: patchcord_websocket::handshake::server::HandshakeError| {
            let answer = Answer::new(error.status(), error.to_string());
            error.headers().iter().fold(answer, |answer, (name, value)| answer.with(name, value))
        };
        let headers = request.headers.iter().copied();
        let accepted = accept(request.method, (1, request.minor), headers).map_err(refuse)?;
        check_origin(accepted.origin(), &port.settings.origins).map_err(refuse)?;
        let offered = accepted.subprotocols();
        let choice = port.choose(offered);
        let (name, subprotocol) = match choice {
            Choice::Unknown => {
                let text = format!("There is no variable {}. {}", quoted(offered), port.described());
                return Err(Answer::new(404, text));
            }
            Choice::First(name) => (Some(name), None),
            Choice::Named(name) => (Some(name), port.channels.get(&name).map(|channel| channel.name.clone())),
            Choice::Control => (None, Some(SUBPROTOCOL.to_owned())),
        };
        if port.clients >= port.settings.clients {
            let text = format!("port {} has its {} clients already", port.number, port.settings.clients);
            port.say(&format!("websocket: {text}; another one was refused"));
            return Err(Answer::new(503, text).with("Retry-After", "1"));
        }
        let response = accepted.response(subprotocol.as_deref()).map_err(refuse)?;
        self.socket.out().extend_from_slice(&response);
        let (subject, limit, shown) = match name {
            Some(name) => {
                let (limit, shown) = match port.channels.get(&name) {
                    Some(channel) => {
                        self.socket.limit_unsent(channel.unsent(&port.settings, port.host.period()));
                        (channel.message_limit(&port.settings), channel.name.clone())
                    }
                    None => (0, String::new()),
                };
                (port.attach(name, id, self.socket.out()), limit, shown)
            }
            None => {
                port.sessions.push(id);
                port.clients += 1;
                port.counters.add(Count::Clients, 1);
                (Subject::Session(Box::default()), MAX_MESSAGE, subprotocol.unwrap_or_default())
            }
        };
        port.say(&format!("websocket: connection established for {shown}"));
        self.stage = Stage::Stream(Box::new(Stream::new(Role::Server, subject, limit, 0, now)));
        self.until = None;
        Ok(())
    }

    fn handle_frames(&mut self, id: ConnectionId, port: &mut Port, bytes: &mut [u8], now: Instant) -> Result<(), Over> {
        let Stage::Stream(stream) = &mut self.stage else { return Ok(()) };
        let mut wrong = None;
        let progress = stream.receive(bytes, self.socket.out(), now, |subject, message| match subject {
            Subject::Name(name, _) => {
                if let Err(error) = port.receive(*name, message) {
                    wrong.get_or_insert((*name, error));
                }
            }
            Subject::Session(session) => session.receive(message, port, now),
            Subject::Variable | Subject::Nothing => {}
        });
        if let Some((name, error)) = wrong
            && !std::mem::replace(&mut stream.said_wrong, true)
            && let Some(channel) = port.channels.get(&name)
        {
            let line = format!("websocket: a message for {} was dropped: {error}", channel.name);
            port.say(&line);
        }
        if let Progress::Failed(error) = progress {
            let name = match &stream.subject {
                Subject::Name(name, _) => port.channels.get(name).map_or("", |channel| &channel.name),
                _ => SUBPROTOCOL,
            };
            let line = format!("websocket: a client of {name} is closed with {}: {error}", error.close_code());
            port.say(&line);
        }
        if progress != Progress::Open {
            self.leave(id, port);
            self.finish();
        }
        Ok(())
    }

    /// Tells a session what is new, after a greeting if that is due, and when there may be more.
    pub(super) fn poll_session(&mut self, port: &mut Port, greets: bool, now: Instant) -> Option<Instant> {
        let Stage::Stream(stream) = &mut self.stage else { return None };
        let (session, sender) = stream.session()?;
        if greets {
            session.greet_again();
        }
        session.poll(port, sender, self.socket.out(), now)
    }

    /// A WebSocket leaves its subject; what it has begun is finished first.
    pub(super) fn leave(&mut self, id: ConnectionId, port: &mut Port) {
        if let Stage::Stream(stream) = &mut self.stage {
            let subject = std::mem::replace(&mut stream.subject, Subject::Nothing);
            self.begun(port.detach(subject, id));
        }
    }

    /// A WebSocket's name is gone from its port, with the clients that it had.
    pub(super) fn orphan(&mut self, channel: &mut Channel) {
        if let Stage::Stream(stream) = &mut self.stage
            && let Subject::Name(_, Some(cursor)) = std::mem::replace(&mut stream.subject, Subject::Nothing)
        {
            self.begun(channel.log.leave(cursor));
        }
    }

    /// The rest of a frame that was begun. Own bytes wait until a frame is whole, so none of them are written yet.
    fn begun(&mut self, rest: Vec<u8>) {
        if !rest.is_empty() {
            self.socket.out().splice(0..0, rest);
        }
    }

    /// Closes with a code, after what was begun. The peer has two seconds to answer.
    pub(super) fn close(&mut self, code: CloseCode, reason: &str, now: Instant) {
        match &mut self.stage {
            Stage::Stream(stream) => {
                let _ = stream.send_close(code, reason, self.socket.out(), now);
            }
            _ => self.finish(),
        }
    }

    /// Writes what can be written. `more` is set when there is more and only others' turn has come.
    pub(super) fn write(&mut self, port: Option<&mut Port>, buffer: &mut [u8], now: Instant) -> Result<bool, Over> {
        let mut more = false;
        if let (Stage::Stream(stream), Some(port)) = (&mut self.stage, port)
            && let Subject::Name(name, Some(cursor)) = &stream.subject
            && let Some(channel) = port.channels.get_mut(name)
        {
            let [begun, _] = channel.log.pending(cursor);
            if !begun.is_empty() {
                let written = self.socket.write(begun, now)?;
                channel.log.advance(cursor, written);
            }
            let [begun, _] = channel.log.pending(cursor);
            if begun.is_empty() && self.socket.write_own(now)? && !stream.is_closing() {
                loop {
                    let [_, frames] = channel.log.pending(cursor);
                    if frames.is_empty() || self.socket.is_blocked() {
                        break;
                    }
                    let written = self.socket.write(frames, now)?;
                    let frames = channel.log.advance(cursor, written);
                    channel.counters.add(Count::Sent, frames);
                    if written == 0 || !channel.log.pending(cursor)[0].is_empty() {
                        break;
                    }
                }
            }
            if !stream.said_lost && channel.log.lost(cursor) > 0 {
                stream.said_lost = true;
                let line = format!("websocket: a client of {} is too slow and loses values", channel.name);
                port.say(&line);
            }
        } else if self.socket.write_own(now)?
            && let Stage::Body(body) = &mut self.stage
        {
            more = true;
            for _ in 0..PIECES {
                let Some(count) = body.read(buffer)? else {
                    self.finish();
                    more = false;
                    break;
                };
                let written = self.socket.write(&buffer[..count], now)?;
                if written < count {
                    self.socket.out().extend_from_slice(&buffer[written..count]);
                    if !self.socket.write_own(now)? {
                        more = false;
                        break;
                    }
                }
            }
        }
        if self.finishing && !self.has_ended_writing && self.socket.waiting() == 0 && self.socket.write_own(now)? {
            self.socket.transport().end_writing();
            self.has_ended_writing = true;
            self.until = Some(now + DRAINING);
        }
        Ok(more)
    }

    /// Nothing more will be said than what waits, which the peer has time to take.
    pub(super) fn finish(&mut self) {
        if !matches!(self.stage, Stage::Ended) {
            self.stage = Stage::Ended;
        }
        self.finishing = true;
        self.until = self.until.map(|until| until + ANSWERING);
    }

    /// What time demands: the end, or a ping among the own bytes.
    pub(super) fn poll(&mut self, now: Instant) -> Result<(), Over> {
        if self.until.is_some_and(|until| now >= until)
            || self.socket.stall_deadline().is_some_and(|deadline| now >= deadline)
        {
            return Err(Over);
        }
        match &mut self.stage {
            Stage::Stream(stream) => {
                if stream.poll(self.socket.out(), now) {
                    Ok(())
                } else {
                    Err(Over)
                }
            }
            _ => Ok(()),
        }
    }

    /// When [`poll`](Self::poll) wants to be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let stream = match &self.stage {
            Stage::Stream(stream) => stream.next_deadline(),
            _ => None,
        };
        [self.until, self.socket.stall_deadline(), stream].into_iter().flatten().min()
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::service::socket::STALL;

    /// A connection with its other end.
    fn pair(now: Instant) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = PortId { number: 1, opening: 1 };
        (Connection::accepted(Transport::plain(mio::net::TcpStream::from_std(socket)), port, now), peer)
    }

    #[test]
    fn a_head_has_ten_seconds() {
        let now = Instant::now();
        let (mut connection, _peer) = pair(now);
        assert_eq!(connection.next_deadline(), Some(now + OPENING));
        assert!(connection.poll(now + OPENING - Duration::from_millis(1)).is_ok());
        assert!(connection.poll(now + OPENING).is_err());
    }

    #[test]
    fn who_takes_no_byte_for_thirty_seconds_is_given_up_and_who_takes_some_is_not() {
        let now = Instant::now();
        let (mut connection, mut peer) = pair(now);
        connection.finish();
        connection.socket.out().resize(64 << 20, 0);
        assert!(connection.write(None, &mut [], now).is_ok());
        assert!(connection.socket.waiting() > 0 && connection.socket.is_blocked());
        assert_eq!(connection.next_deadline(), Some(now + STALL));
        assert!(connection.poll(now + STALL - Duration::from_secs(1)).is_ok());
        let later = now + STALL - Duration::from_secs(1);
        peer.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut taken = vec![0; 1 << 20];
        while peer.read(&mut taken).is_ok() {}
        connection.socket.handle_writable();
        assert!(connection.write(None, &mut [], later).is_ok());
        assert_eq!(connection.next_deadline(), Some(later + STALL));
        assert!(connection.poll(later + STALL).is_err());
        // Not for ever, though: an answer has its time.
        connection.socket.handle_writable();
        let last = now + OPENING + ANSWERING;
        assert_eq!(connection.until, Some(last));
        assert!(connection.poll(last).is_err());
    }

    #[test]
    fn after_the_last_word_the_peer_has_two_seconds() {
        let now = Instant::now();
        let (mut connection, mut peer) = pair(now);
        connection.socket.out().extend_from_slice(b"bye");
        connection.finish();
        assert!(connection.write(None, &mut [], now).is_ok());
        let mut said = String::new();
        peer.read_to_string(&mut said).unwrap();
        assert_eq!(said, "bye");
        assert!(connection.poll(now + DRAINING).is_err());
        peer.write_all(b"ignored").unwrap();
    }
}
