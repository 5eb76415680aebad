//! The peer of one WebSocket connection, as the rest of the program sees it.

use std::cell::{Cell, RefCell};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use patchcord_websocket::{
    CloseCode, CloseHandshake, EncodedMessage, Ending, Heartbeat, HeartbeatAction, MessageKind, SendError, Sender,
};
use tokio::io::AsyncWrite;

use super::outbox::{Outbox, Sent, SlowReader};
use crate::transport::Transport;

/// Bytes of the largest frame header, for the byte budget.
const HEADER: usize = 14;
/// Bytes of a payload from which on it is written from where it lies: copying it would cost more than a write of its own.
const WRITTEN_IN_PLACE: usize = 8 * 1024;
/// Waiting bytes above which a peer is not read from any more, where the policy is to pause.
const PAUSE_AT: usize = 256 * 1024;

/// Counters of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Messages received, text and binary.
    pub messages_in: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
}

/// The other end of a WebSocket: a client of a server here, or the server that a client here is connected to. `D` is
/// what the handler keeps with it.
pub struct Peer<D> {
    data: D,
    address: SocketAddr,
    joined: Instant,
    last_seen: Cell<Instant>,
    pub(super) stats: Cell<PeerStats>,
    round_trip: Cell<Option<Duration>>,
    sender: RefCell<Sender>,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) close: RefCell<CloseHandshake>,
    /// Why this end has begun to close.
    own_reason: RefCell<String>,
    heartbeat: RefCell<Heartbeat>,
    /// The connection's byte stream, as long as its task lives.
    pub(super) transport: RefCell<Option<Transport>>,
    /// Bytes that may wait for this peer.
    pub(super) budget: Cell<usize>,
    policy: Cell<SlowReader>,
    /// Bytes of the largest message that the peer may send.
    pub(super) message_limit: Cell<usize>,
    /// The handler is to be told when nothing waits.
    pub(super) is_drain_asked: Cell<bool>,
    /// The connection task is at work and will write by itself when it has finished.
    pub(super) in_turn: Cell<bool>,
    pub(super) waker: RefCell<Option<Waker>>,
    /// The handler knows of the peer and is still to be told of its end.
    pub(super) is_known: Cell<bool>,
    /// Set when the transport is to be dropped without further ado.
    pub(super) aborted: Cell<Option<&'static str>>,
}

impl<D> Peer<D> {
    pub(crate) fn new(data: D, address: SocketAddr, sender: Sender, now: Instant, heartbeat: Heartbeat) -> Self {
        Peer {
            data,
            address,
            joined: now,
            last_seen: Cell::new(now),
            stats: Cell::default(),
            round_trip: Cell::new(None),
            sender: RefCell::new(sender),
            outbox: RefCell::default(),
            close: RefCell::new(CloseHandshake::new()),
            own_reason: RefCell::default(),
            heartbeat: RefCell::new(heartbeat),
            transport: RefCell::default(),
            budget: Cell::new(4 << 20),
            policy: Cell::new(SlowReader::Pause),
            message_limit: Cell::new(16 << 20),
            is_drain_asked: Cell::new(false),
            in_turn: Cell::new(false),
            waker: RefCell::new(None),
            is_known: Cell::new(false),
            aborted: Cell::new(None),
        }
    }

    /// What the handler keeps with the peer.
    pub fn data(&self) -> &D {
        &self.data
    }

    /// The peer's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// When the connection was opened.
    pub fn joined(&self) -> Instant {
        self.joined
    }

    /// When bytes came last, to about half a second.
    pub fn last_seen(&self) -> Instant {
        self.last_seen.get()
    }

    /// Counters.
    pub fn stats(&self) -> PeerStats {
        self.stats.get()
    }

    /// Time that the latest answered ping took.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.get()
    }

    /// Bytes that wait to be written.
    pub fn queued(&self) -> usize {
        self.outbox.borrow().len()
    }

    /// Has [`Handler::handle_drained`](super::Handler::handle_drained) called, once, when nothing waits to be written.
    pub fn ask_for_drained(&self) {
        self.is_drain_asked.set(true);
        self.wake();
    }

    /// Messages dropped because the peer reads too slowly.
    pub fn dropped(&self) -> u64 {
        self.outbox.borrow().dropped()
    }

    /// Whether a close frame was sent or received.
    pub fn is_closing(&self) -> bool {
        self.close.borrow().is_closing() || self.aborted.get().is_some()
    }

    /// Changes how much may wait for this peer and what happens beyond that.
    pub fn set_budget(&self, budget: usize, policy: SlowReader) {
        self.budget.set(budget);
        self.policy.set(policy);
    }

    /// Changes how large a message the peer may send; holds from the next message on.
    pub fn set_message_limit(&self, bytes: usize) {
        self.message_limit.set(bytes);
    }

    /// Changes the time between pings; zero stops them.
    pub fn set_heartbeat(&self, heartbeat: Heartbeat) {
        *self.heartbeat.borrow_mut() = heartbeat;
    }

    /// Sends a text message.
    #[inline]
    pub fn send_text(&self, text: &str) -> Sent {
        self.send_data(MessageKind::Text, text.as_bytes())
    }

    /// Sends a binary message.
    #[inline]
    pub fn send_binary(&self, bytes: &[u8]) -> Sent {
        self.send_data(MessageKind::Binary, bytes)
    }

    /// Sends a message that was encoded once for many clients. A client cannot: its frames are masked one by one, so the
    /// message is refused as on a closed connection.
    pub fn send_shared(&self, message: &EncodedMessage) -> Sent {
        let mut outbox = self.outbox.borrow_mut();
        match self.admit(&mut outbox, message.wire_len()) {
            Sent::Queued => {}
            Sent::Overflow => {
                drop(outbox);
                return self.overflow();
            }
            other => return other,
        }
        let may_drop = outbox.may_drop(message.wire_len());
        let Ok(bytes) = self.encode_data(may_drop, |sender| sender.shared(message)) else { return Sent::Closed };
        outbox.put_shared(bytes);
        drop(outbox);
        self.count_out(message.payload_len());
        self.wake();
        Sent::Queued
    }

    /// Sends a ping of at most 125 bytes; longer ones are refused as closed connections are.
    pub fn send_ping(&self, payload: &[u8]) -> Sent {
        self.send_control(|sender, buffer| sender.ping(buffer, payload))
    }

    /// Sends a pong of at most 125 bytes.
    pub fn send_pong(&self, payload: &[u8]) -> Sent {
        self.send_control(|sender, buffer| sender.pong(buffer, payload))
    }

    /// Begins to close. Messages that wait are written first; the peer has two seconds to answer.
    pub fn close(&self, code: CloseCode, reason: &str) {
        if self.sender.borrow().is_closing() {
            return;
        }
        let sent = self.outbox.borrow_mut().put(false, |buffer| self.sender.borrow_mut().close(buffer, code, reason));
        if sent.is_ok() {
            reason.clone_into(&mut self.own_reason.borrow_mut());
            self.close.borrow_mut().handle_sent(Some(code), Instant::now());
            self.wake();
        }
    }

    /// Answers the peer's close frame.
    pub(super) fn reply_close(&self, code: Option<CloseCode>) {
        let sent = self.outbox.borrow_mut().put(false, |buffer| {
            let mut sender = self.sender.borrow_mut();
            match code {
                Some(code) => sender.close(buffer, code, ""),
                None => sender.close_without_code(buffer),
            }
        });
        if sent.is_ok() {
            self.close.borrow_mut().handle_sent(code, Instant::now());
        }
    }

    /// Drops the transport. The ending is reported as abnormal, with this reason.
    pub fn abort(&self, reason: &'static str) {
        if self.aborted.get().is_none() {
            self.aborted.set(Some(reason));
            self.wake();
        }
    }

    /// Does what is due at `now`: pings, and giving up on peers that answer neither pings nor a close frame.
    pub(crate) fn handle_time(&self, now: Instant) {
        if self.close.borrow().is_timed_out(now) {
            self.abort("the close frame was not answered within 2 seconds");
            return;
        }
        if self.is_closing() {
            return;
        }
        let action = self.heartbeat.borrow_mut().poll(now);
        match action {
            HeartbeatAction::Nothing => {}
            HeartbeatAction::SendPing(payload) => {
                self.send_ping(&payload);
            }
            HeartbeatAction::TimedOut => self.abort("pings were not answered"),
        }
    }

    /// Whether so much waits for the peer that it is not read from.
    #[inline]
    pub(super) fn is_to_be_paused(&self) -> bool {
        self.policy.get() == SlowReader::Pause && self.queued() > PAUSE_AT.min(self.budget.get() / 2)
    }

    /// Bytes came.
    #[inline]
    pub(super) fn handle_bytes(&self, now: Instant) {
        // The clock is coarse and may still stand before the moment of joining.
        if now > self.last_seen.get() {
            self.last_seen.set(now);
            self.heartbeat.borrow_mut().handle_bytes();
        }
    }

    /// A pong came. Returns whether it answers a ping of the heartbeat, which no handler has to know of.
    pub(super) fn handle_pong(&self, payload: &[u8]) -> bool {
        let round_trip = self.heartbeat.borrow_mut().handle_pong(payload, Instant::now());
        if round_trip.is_some() {
            self.round_trip.set(round_trip);
        }
        round_trip.is_some()
    }

    /// Whether the handler is still to be told of the end; it counts as told from now on.
    pub(super) fn take_report(&self) -> bool {
        self.is_known.replace(false)
    }

    /// The transport is gone without having been dropped here. Between two close frames that is in order.
    pub(super) fn handle_lost(&self, reason: &'static str) {
        if !self.close.borrow().is_closing() && self.aborted.get().is_none() {
            self.aborted.set(Some(reason));
        }
    }

    /// How the connection ended. Where the peer gave no reason, the reason is this end's.
    pub(super) fn ending(&self) -> Ending {
        let mut ending = self.close.borrow().ending();
        if ending.reason.is_empty() {
            ending.reason.clone_from(&self.own_reason.borrow());
        }
        if let (Some(reason), true) = (self.aborted.get(), ending.reason.is_empty()) {
            reason.clone_into(&mut ending.reason);
        }
        ending
    }

    #[inline]
    fn send_data(&self, kind: MessageKind, payload: &[u8]) -> Sent {
        let mut outbox = self.outbox.borrow_mut();
        match self.admit(&mut outbox, payload.len() + HEADER) {
            Sent::Queued => {}
            Sent::Overflow => {
                drop(outbox);
                return self.overflow();
            }
            other => return other,
        }
        let put = if payload.len() >= WRITTEN_IN_PLACE && outbox.is_empty() {
            self.write_in_place(&mut outbox, kind, payload)
        } else {
            self.put_data(&mut outbox, kind, payload)
        };
        if put.is_err() {
            return Sent::Closed;
        }
        drop(outbox);
        self.count_out(payload.len());
        self.wake();
        Sent::Queued
    }

    /// Makes room for a data message of `size` bytes, by the policy.
    #[inline]
    fn admit(&self, outbox: &mut Outbox, size: usize) -> Sent {
        let (budget, policy) = (self.budget.get(), self.policy.get());
        if outbox.has_room(size, budget, policy) {
            return Sent::Queued;
        }
        self.write_now(outbox);
        outbox.admit(size, budget, policy)
    }

    /// Writes what the socket takes at once: a callback that sends much in one go must not take a peer for slow that had
    /// no chance to read yet.
    #[cold]
    fn write_now(&self, outbox: &mut Outbox) {
        let mut transport = self.transport.borrow_mut();
        let Some(transport) = transport.as_mut() else { return };
        // What takes the place of the task's waker in the socket. The task gets its own back in as soon as it writes.
        let mut nobody = Context::from_waker(Waker::noop());
        while !outbox.is_empty() {
            match Pin::new(&mut *transport).poll_write(&mut nobody, outbox.next_write()) {
                Poll::Ready(Ok(count)) if count > 0 => outbox.handle_written(count),
                Poll::Pending => {
                    outbox.handle_blocked();
                    break;
                }
                // What is wrong with the socket shows when the task writes.
                Poll::Ready(_) => break,
            }
        }
        self.wake();
    }

    /// Writes a large message from where it lies, which saves copying it into the outbox. What the socket does not take
    /// at once is put there.
    fn write_in_place(&self, outbox: &mut Outbox, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        let mut sender = self.sender.borrow_mut();
        let transport = self.transport.borrow();
        let (Some(Transport::Plain(stream)), true) = (transport.as_ref(), sender.sends_verbatim()) else {
            drop(sender);
            return self.put_data(outbox, kind, payload);
        };
        let header = sender.header(kind, payload.len())?;
        let header = header.as_bytes();
        let slices = [IoSlice::new(header), IoSlice::new(payload)];
        // What is wrong with the socket shows when the connection's task writes next.
        let written = stream.try_write_vectored(&slices).unwrap_or(0);
        if written == header.len() + payload.len() {
            return Ok(());
        }
        // Into the buffer and not among the frames that wait, from where it could be dropped: it has begun.
        outbox.put(true, |buffer| {
            buffer.extend_from_slice(&header[written.min(header.len())..]);
            buffer.extend_from_slice(&payload[written.saturating_sub(header.len())..]);
            Ok::<(), SendError>(())
        })?;
        outbox.handle_blocked();
        Ok(())
    }

    #[inline]
    fn put_data(&self, outbox: &mut Outbox, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        let may_drop = outbox.may_drop(0);
        outbox.put(true, |buffer| self.encode_data(may_drop, |sender| sender.message(buffer, kind, payload)))
    }

    /// Has a data message encoded. One that may yet be dropped must not be part of the compression of those behind it.
    #[inline]
    fn encode_data<T>(&self, may_drop: bool, encode: impl FnOnce(&mut Sender) -> T) -> T {
        let mut sender = self.sender.borrow_mut();
        if may_drop {
            sender.forget_context();
        }
        let encoded = encode(&mut sender);
        if may_drop {
            sender.forget_context();
        }
        encoded
    }

    fn send_control<E>(&self, encode: impl FnOnce(&mut Sender, &mut Vec<u8>) -> Result<(), E>) -> Sent {
        let put = {
            let mut outbox = self.outbox.borrow_mut();
            // Control frames are small but not free: a script must not pile them up for a peer that does not read.
            if outbox.len() > self.budget.get() {
                return Sent::Dropped;
            }
            outbox.put(false, |buffer| encode(&mut self.sender.borrow_mut(), buffer))
        };
        if put.is_err() {
            return Sent::Closed;
        }
        self.wake();
        Sent::Queued
    }

    #[inline]
    fn count_out(&self, size: usize) {
        let mut stats = self.stats.get();
        stats.messages_out += 1;
        stats.bytes_out += size as u64;
        self.stats.set(stats);
    }

    #[cold]
    fn overflow(&self) -> Sent {
        let (code, reason) = match self.policy.get() {
            SlowReader::Close => (CloseCode::POLICY, "reads too slowly"),
            _ => (CloseCode::TRY_AGAIN_LATER, "too much waits to be read"),
        };
        self.close(code, reason);
        Sent::Overflow
    }

    /// Lets the connection task write, unless it is at work and will do so anyway.
    #[inline]
    fn wake(&self) {
        if !self.in_turn.get()
            && let Some(waker) = self.waker.borrow().as_ref()
        {
            waker.wake_by_ref();
        }
    }
}
