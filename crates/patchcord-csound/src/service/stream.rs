//! A WebSocket after its handshake: frames in, messages out, pings, and how it ends.

use std::time::Instant;

use patchcord_signal::{Cursor, NameId};
use patchcord_websocket::{
    CloseCode, CloseHandshake, CloseStep, Ending, Event, Heartbeat, HeartbeatAction, Limits, ProtocolError, Receiver,
    Role, SendError, Sender,
};

use super::control::Session;

/// Own bytes that may wait before pongs are left out: only the latest ping wants its answer (RFC 6455 §5.5.3).
const PONGS: usize = 4 * 1024;

/// What a connection is about.
#[derive(Debug)]
pub(super) enum Subject {
    /// A name of a port. The cursor is that of an outgoing one.
    Name(NameId, Option<Cursor>),
    /// Control of a port.
    Session(Box<Session>),
    /// A variable of a client; the connection's owner says which.
    Variable,
    /// What it was about is gone.
    Nothing,
}

/// A message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) is_text: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Its text, if it is one.
    pub(super) fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.payload).ok().filter(|_| self.is_text)
    }
}

/// What is to become of the connection after a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Open,
    /// What waits is to be written, and then nothing more.
    Finish,
    /// The same: what came broke a rule, and the peer is told.
    Failed(ProtocolError),
}

#[derive(Debug)]
pub(super) struct Stream {
    receiver: Receiver,
    sender: Sender,
    close: CloseHandshake,
    heartbeat: Heartbeat,
    pub(super) subject: Subject,
    /// What was said about this connection on the console: each is said once.
    pub(super) said_wrong: bool,
    pub(super) said_lost: bool,
}

impl Stream {
    /// A WebSocket whose handshake is done. `limit` is the largest message to take, in bytes; `seed` makes a client's masks.
    pub(super) fn new(role: Role, subject: Subject, limit: usize, seed: u64, now: Instant) -> Self {
        Self {
            receiver: Receiver::new(role, Limits { message: limit, ..Limits::default() }),
            sender: Sender::new(role, seed),
            close: CloseHandshake::new(),
            heartbeat: Heartbeat::new(Heartbeat::INTERVAL, Heartbeat::MAX_MISSED, now),
            subject,
            said_wrong: false,
            said_lost: false,
        }
    }

    /// Whether a close frame was sent or came: values are no longer sent.
    pub(super) fn is_closing(&self) -> bool {
        self.close.is_closing()
    }

    /// How it was closed.
    pub(super) fn ending(&self) -> Ending {
        self.close.ending()
    }

    pub(super) fn sender(&mut self) -> &mut Sender {
        &mut self.sender
    }

    /// Its session, if it is one and goes on, with what writes its messages.
    pub(super) fn session(&mut self) -> Option<(&mut Session, &mut Sender)> {
        match &mut self.subject {
            Subject::Session(session) if !self.close.is_closing() => Some((session, &mut self.sender)),
            _ => None,
        }
    }

    /// Takes what was read. Each message goes to `deliver`; what has to be answered is appended to `out`.
    pub(super) fn receive(
        &mut self,
        mut input: &mut [u8],
        out: &mut Vec<u8>,
        now: Instant,
        mut deliver: impl FnMut(&mut Subject, Message<'_>),
    ) -> Progress {
        self.heartbeat.handle_bytes();
        loop {
            match self.receiver.receive(&mut input) {
                Ok(None) => return Progress::Open,
                Ok(Some(Event::Text(text))) => {
                    let message = Message { is_text: true, payload: text.as_bytes() };
                    deliver(&mut self.subject, message);
                }
                Ok(Some(Event::Binary(payload))) => {
                    deliver(&mut self.subject, Message { is_text: false, payload });
                }
                Ok(Some(Event::Ping(payload))) => {
                    if out.len() < PONGS {
                        let _ = self.sender.pong(out, payload);
                    }
                }
                Ok(Some(Event::Pong(payload))) => {
                    self.heartbeat.handle_pong(payload, now);
                }
                Ok(Some(Event::Close(frame))) => {
                    if let CloseStep::Reply(code) = self.close.handle_received(frame) {
                        let _ = match code {
                            Some(code) => self.sender.close(out, code, ""),
                            None => self.sender.close_without_code(out),
                        };
                        self.close.handle_sent(code, now);
                    }
                    return Progress::Finish;
                }
                Err(error) => {
                    let _ = self.send_close(error.close_code(), &error.to_string(), out, now);
                    return Progress::Failed(error);
                }
            }
        }
    }

    /// Sends a close frame, unless one was sent before. What has been begun must be in `out` already.
    pub(super) fn send_close(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Result<(), SendError> {
        self.sender.close(out, code, reason)?;
        self.close.handle_sent(Some(code), now);
        Ok(())
    }

    /// What time demands: a ping in `out`, or the end. `false` is the end.
    pub(super) fn poll(&mut self, out: &mut Vec<u8>, now: Instant) -> bool {
        match self.heartbeat.poll(now) {
            HeartbeatAction::Nothing => {}
            HeartbeatAction::SendPing(payload) => {
                let _ = self.sender.ping(out, &payload);
            }
            HeartbeatAction::TimedOut => return false,
        }
        !self.close.is_timed_out(now)
    }

    /// When [`poll`](Self::poll) wants to be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.heartbeat.next_deadline(), self.close.next_deadline()].into_iter().flatten().min()
    }
}
