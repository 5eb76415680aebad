//! A client's session of Engine.IO: what the transports bring goes in, messages come out, and so does what the transports
//! have to do.
//!
//! The driver owns the sockets. It does what [`Engine::poll_output`] says until that is `None`, reports what came of it
//! (`handle_*`), and calls [`Engine::handle_timeout`] at [`Engine::poll_timeout`]. While a WebSocket takes no more, it
//! stops asking; then the queue fills up to its limit, and [`Engine::send`] says so.

use std::collections::VecDeque;
use std::time::Instant;

use super::Version;
use super::address::Transport;
use super::event::{CloseReason, EngineError, EngineEvent, Output, SendError};
use super::handshake::{Handshake, Refusal};
use super::heartbeat::{Heartbeat, HeartbeatAction};
use super::packet::{Data, Packet, PacketError};
use super::payload::{self, Packets};
use super::probe::{PROBE, Probe, ProbeStep};
use super::settings::{EngineSettings, Transports};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Closing,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Idle,
    Dialling,
    Open,
}

/// A client's session.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    state: State,
    transport: Transport,
    handshake: Option<Handshake>,
    heartbeat: Option<Heartbeat>,
    websocket: Link,
    websocket_to_close: bool,
    probe: Option<Probe>,
    probe_failure: Option<String>,
    getting: bool,
    posting: bool,
    requests: u64,
    upgrade_due: bool,
    ping_due: bool,
    pong_due: bool,
    queue: VecDeque<Packet<'static>>,
    queued: usize,
    /// Until when the session has to be open, or closed.
    deadline: Option<Instant>,
    reason: Option<CloseReason>,
}

/// What a packet counts in the queue beside its bytes.
const OVERHEAD: usize = 32;
/// Most packets in one body: what they take in memory is many times what the shortest of them take in the body.
const MAX_PACKETS: usize = 1 << 16;
/// The largest body of a POST to a server that names none: what servers take by default.
const MAX_BODY: usize = 1_000_000;
/// Most packets in the body of a POST: python-engineio ends a session whose client sends more at once.
const MAX_POSTED: usize = 16;

impl Engine {
    /// A session that is to be opened.
    pub fn new(settings: EngineSettings, now: Instant) -> Self {
        let transport = match settings.transports {
            Transports::WebSocket => Transport::WebSocket,
            Transports::PollingThenWebSocket | Transports::Polling => Transport::Polling,
        };
        Self {
            deadline: now.checked_add(settings.open_timeout),
            settings,
            state: State::Opening,
            transport,
            handshake: None,
            heartbeat: None,
            websocket: Link::Idle,
            websocket_to_close: false,
            probe: None,
            probe_failure: None,
            getting: false,
            posting: false,
            requests: 0,
            upgrade_due: false,
            ping_due: false,
            pong_due: false,
            queue: VecDeque::new(),
            queued: 0,
            reason: None,
        }
    }

    /// What the server opened the session with.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// The version that the server was asked for.
    pub fn version(&self) -> Version {
        self.settings.version
    }

    /// What carries the packets at the moment.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether a message would go out at once; what is volatile is sent only then.
    pub fn is_writable(&self) -> bool {
        let takes = match self.transport {
            Transport::WebSocket => self.websocket == Link::Open,
            Transport::Polling => !self.posting && !self.is_pausing(),
        };
        self.is_open() && takes && self.queue.is_empty()
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether [`Engine::send`] would take so many messages with so many bytes, as far as the queue goes.
    pub fn has_room(&self, messages: usize, bytes: usize) -> bool {
        self.is_open() && self.fits(messages.saturating_mul(OVERHEAD).saturating_add(bytes), self.settings.max_queue)
    }

    /// Whether so much, as the queue counts it, may be put behind what is queued.
    fn fits(&self, length: usize, limit: usize) -> bool {
        self.queued == 0 || self.queued.saturating_add(length) <= limit
    }

    /// Why the session ended, when it has. The driver then closes what it still has open, after a last
    /// [`Engine::poll_output`], and abandons the requests that are out.
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.reason.as_ref()
    }

    /// Why the session has stayed on polling, once after each failure.
    pub fn take_probe_failure(&mut self) -> Option<String> {
        self.probe_failure.take()
    }

    /// Changes how much is taken from a poll and how much may wait, in bytes, as [`EngineSettings`] has them.
    pub fn set_limits(&mut self, max_packet: usize, max_queue: usize) {
        self.settings.max_packet = max_packet;
        self.settings.max_queue = max_queue;
    }

    /// Queues messages, all or none, with nothing between them.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the queue is as it was.
    pub fn send(&mut self, messages: Vec<Data<'static>>) -> Result<(), SendError> {
        self.enqueue(messages, self.settings.max_queue)
    }

    /// The same for messages that control the session and cannot be sent later: they have as much room again as
    /// [`EngineSettings::max_queue`] gives, so that no amount of events keeps them out.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the queue is as it was.
    pub fn send_control(&mut self, messages: Vec<Data<'static>>) -> Result<(), SendError> {
        self.enqueue(messages, self.settings.max_queue.saturating_mul(2))
    }

    fn enqueue(&mut self, messages: Vec<Data<'static>>, limit: usize) -> Result<(), SendError> {
        if !self.is_open() {
            return Err(SendError::NotOpen);
        }
        let packets: Vec<_> = messages.into_iter().map(Packet::Message).collect();
        let mut length = 0usize;
        for packet in &packets {
            let size = self.wire_len(packet);
            if let Some(limit) = self.handshake.as_ref().and_then(|handshake| handshake.max_payload)
                && size > limit
            {
                return Err(SendError::TooBigForServer { size, limit });
            }
            length = length.saturating_add(queued_len(packet));
        }
        if !self.fits(length, limit) {
            return Err(SendError::QueueFull { limit });
        }
        self.queued += length;
        self.queue.extend(packets);
        Ok(())
    }

    /// Closes the session, after what is queued has gone out.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Opening => self.end(CloseReason::Client),
            State::Open => {
                self.state = State::Closing;
                self.deadline = now.checked_add(self.settings.close_timeout);
                self.drop_probe();
                if self.transport == Transport::Polling {
                    self.queued += OVERHEAD;
                    self.queue.push_back(Packet::Close);
                }
                self.settle();
            }
            State::Closing | State::Closed => {}
        }
    }

    /// Ends the session at once; what is queued is dropped.
    pub fn abort(&mut self, reason: CloseReason) {
        self.end(reason);
    }

    /// The next thing that the driver has to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.settle();
        if std::mem::take(&mut self.websocket_to_close) {
            self.websocket = Link::Idle;
            return Some(Output::CloseWebSocket);
        }
        if self.state == State::Closed {
            return None;
        }
        let output = match self.transport {
            Transport::WebSocket => self.poll_websocket(),
            Transport::Polling => self.poll_probe().or_else(|| self.poll_requests()),
        };
        self.settle();
        output
    }

    /// When [`Engine::handle_timeout`] has to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let heartbeat = self.heartbeat.as_ref().and_then(Heartbeat::deadline);
        let probe = self.probe.as_ref().and_then(|probe| probe.deadline);
        [self.deadline, heartbeat, probe].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let past = |deadline: Option<Instant>| deadline.is_some_and(|deadline| now >= deadline);
        if past(self.deadline) {
            self.end(match self.state {
                State::Closing => CloseReason::Client,
                _ => CloseReason::OpenTimeout,
            });
        }
        match self.heartbeat.as_mut().map(|heartbeat| heartbeat.poll(now)) {
            Some(HeartbeatAction::SendPing) => self.ping_due = true,
            Some(HeartbeatAction::TimedOut) => self.end(CloseReason::PingTimeout),
            Some(HeartbeatAction::Nothing) | None => {}
        }
        if past(self.probe.as_ref().and_then(|probe| probe.deadline)) {
            self.fail_probe("the WebSocket did not answer in time");
        }
    }

    /// The WebSocket is open.
    pub fn handle_websocket_open(&mut self) {
        if self.websocket == Link::Dialling {
            self.websocket = Link::Open;
            if let Some(probe) = &mut self.probe {
                probe.step = ProbeStep::Opened;
            }
        }
    }

    /// The server answered the WebSocket's handshake with another status than 101.
    pub fn handle_websocket_refused(&mut self, refusal: Refusal) {
        self.websocket_ended(CloseReason::Refused(refusal));
    }

    /// The server has closed the WebSocket, with a close frame of this code; 1005 when it had none.
    pub fn handle_websocket_closed(&mut self, code: u16, reason: &str) {
        self.websocket_ended(match code {
            1000 | 1001 | 1005 => CloseReason::TransportClose,
            _ => CloseReason::WebSocketClosed { code, reason: reason.to_owned() },
        });
    }

    /// The WebSocket has ended or could not be opened; `error` is `None` when it was closed in order.
    pub fn handle_websocket_end(&mut self, error: Option<String>) {
        self.websocket_ended(match error {
            None => CloseReason::TransportClose,
            Some(error) => CloseReason::TransportError(error),
        });
    }

    /// A text message came on the WebSocket.
    pub fn handle_text(&mut self, text: &str, now: Instant, on_event: impl FnMut(EngineEvent<'_>)) {
        self.handle_frame(Packet::from_text(self.settings.version, text), now, on_event);
    }

    /// A binary message came on the WebSocket.
    pub fn handle_binary(&mut self, bytes: &[u8], now: Instant, on_event: impl FnMut(EngineEvent<'_>)) {
        self.handle_frame(Packet::from_binary(self.settings.version, bytes), now, on_event);
    }

    /// The GET was answered with status 200 and this body.
    pub fn handle_get(&mut self, body: &[u8], now: Instant, mut on_event: impl FnMut(EngineEvent<'_>)) {
        self.getting = false;
        if self.state == State::Opening && self.settings.version == Version::V4 && payload::opens_version_3(body) {
            self.end(EngineError::OldServer.into());
        }
        let packets = Packets::new(self.settings.version, body, self.settings.max_packet);
        for (count, packet) in packets.enumerate() {
            if self.state == State::Closed {
                return;
            }
            match packet {
                Ok(_) if count == MAX_PACKETS => self.end(EngineError::TooManyPackets { limit: MAX_PACKETS }.into()),
                Ok(packet) => self.handle_packet(packet, now, &mut on_event),
                Err(error) => self.end(EngineError::Packet(error).into()),
            }
        }
        self.settle();
    }

    /// The POST was answered with status 200.
    pub fn handle_post(&mut self) {
        self.posting = false;
        self.settle();
    }

    /// A GET or POST failed: it was answered with another status ([`CloseReason::Refused`]), or not at all
    /// ([`CloseReason::TransportError`]).
    pub fn handle_request_failed(&mut self, reason: CloseReason) {
        let closing = self.state == State::Closing;
        self.end(if closing { CloseReason::Client } else { reason });
    }

    fn handle_frame(
        &mut self,
        packet: Result<Packet<'_>, PacketError>,
        now: Instant,
        mut on_event: impl FnMut(EngineEvent<'_>),
    ) {
        // Behind the frame that a probe failed by others may have been read already.
        let given_up = self.transport == Transport::Polling && self.probe.is_none();
        if self.state == State::Closed || self.websocket != Link::Open || given_up {
            return;
        }
        if let Some(probe) = &mut self.probe {
            match packet {
                Ok(Packet::Pong(text)) if text == PROBE && probe.step == ProbeStep::Asked => {
                    probe.step = ProbeStep::Pausing;
                    self.settle();
                }
                _ => self.fail_probe("the WebSocket answered something else than asked"),
            }
            return;
        }
        match packet {
            Ok(packet) => self.handle_packet(packet, now, &mut on_event),
            Err(error) => self.end(EngineError::Packet(error).into()),
        }
        self.settle();
    }

    fn handle_packet(&mut self, packet: Packet<'_>, now: Instant, on_event: &mut impl FnMut(EngineEvent<'_>)) {
        let Some(heartbeat) = &mut self.heartbeat else {
            match packet {
                Packet::Open(handshake) => self.open(handshake, now, on_event),
                _ => self.end(EngineError::NotOpened.into()),
            }
            return;
        };
        heartbeat.handle_packet(now);
        match packet {
            Packet::Open(_) => self.end(EngineError::OpenedTwice.into()),
            Packet::Close => self.end(match self.state {
                State::Closing => CloseReason::Client,
                _ => CloseReason::TransportClose,
            }),
            Packet::Ping(_) => {
                heartbeat.handle_ping(now);
                // One answer is enough for a flood of them.
                self.pong_due = true;
                on_event(EngineEvent::Ping);
            }
            Packet::Pong(_) => heartbeat.handle_pong(now),
            Packet::Message(data) => on_event(EngineEvent::Message(data)),
            Packet::Upgrade | Packet::Noop => {}
        }
    }

    fn open(&mut self, handshake: Handshake, now: Instant, on_event: &mut impl FnMut(EngineEvent<'_>)) {
        self.state = State::Open;
        self.deadline = None;
        self.heartbeat = Some(Heartbeat::new(self.settings.version, &handshake, now));
        let offered = handshake.upgrades.iter().any(|name| name == Transport::WebSocket.name());
        if offered && self.settings.transports == Transports::PollingThenWebSocket {
            let deadline = now.checked_add(self.settings.probe_timeout);
            self.probe = Some(Probe { step: ProbeStep::Wanted, deadline });
        }
        on_event(EngineEvent::Open(self.handshake.insert(handshake)));
    }

    fn poll_websocket(&mut self) -> Option<Output> {
        match self.websocket {
            Link::Idle => Some(self.dial()),
            Link::Dialling => None,
            Link::Open => Some(Output::Frame(self.next_packet()?.into_frame(self.settings.version))),
        }
    }

    fn poll_probe(&mut self) -> Option<Output> {
        let probe = self.probe.as_mut()?;
        match probe.step {
            ProbeStep::Wanted => {
                probe.step = ProbeStep::Dialling;
                Some(self.dial())
            }
            ProbeStep::Opened => {
                probe.step = ProbeStep::Asked;
                Some(Output::Frame(Packet::Ping(PROBE.into()).into_frame(self.settings.version)))
            }
            ProbeStep::Dialling | ProbeStep::Asked | ProbeStep::Pausing => None,
        }
    }

    fn poll_requests(&mut self) -> Option<Output> {
        if self.is_pausing() {
            return None;
        }
        if !self.getting && self.state != State::Closing {
            self.getting = true;
            return Some(Output::Get { target: self.target(Transport::Polling) });
        }
        if self.posting || self.state == State::Opening {
            return None;
        }
        let packets = self.next_packets()?;
        self.posting = true;
        let body = payload::encode(self.settings.version, &packets, self.settings.address.base64);
        Some(Output::Post { target: self.target(Transport::Polling), body })
    }

    fn dial(&mut self) -> Output {
        self.websocket = Link::Dialling;
        Output::OpenWebSocket { target: self.target(Transport::WebSocket) }
    }

    fn target(&mut self, transport: Transport) -> String {
        self.requests += 1;
        let sid = self.handshake.as_ref().map(|handshake| handshake.sid.as_str());
        self.settings.address.target(self.settings.version, transport, sid, self.requests)
    }

    /// What goes out next; heartbeats before messages, so that no queue can hold them up.
    fn next_packet(&mut self) -> Option<Packet<'static>> {
        if std::mem::take(&mut self.upgrade_due) {
            return Some(Packet::Upgrade);
        }
        if std::mem::take(&mut self.pong_due) {
            return Some(Packet::Pong("".into()));
        }
        if std::mem::take(&mut self.ping_due) {
            return Some(Packet::Ping("".into()));
        }
        let packet = self.queue.pop_front()?;
        self.queued -= queued_len(&packet);
        Some(packet)
    }

    /// What one POST takes: as much as every server does, but at least one packet. A close goes alone, because servers
    /// that get it together with a message end the session before they read the message.
    fn next_packets(&mut self) -> Option<Vec<Packet<'static>>> {
        let most = self.handshake.as_ref().and_then(|handshake| handshake.max_payload).unwrap_or(MAX_BODY);
        let mut packets = vec![self.next_packet()?];
        let mut length = self.body_len(&packets[0]);
        while let Some(next) = self.queue.front() {
            length = length.saturating_add(self.body_len(next));
            if packets.len() == MAX_POSTED || length > most || *next == Packet::Close {
                break;
            }
            packets.extend(self.next_packet());
        }
        Some(packets)
    }

    /// Most bytes that a packet takes in the body of a POST.
    fn body_len(&self, packet: &Packet<'_>) -> usize {
        payload::framed_len(self.settings.version, packet.text_len(self.settings.version))
    }

    /// Size of a packet as the transport carries it.
    fn wire_len(&self, packet: &Packet<'_>) -> usize {
        match (self.transport, packet) {
            (Transport::WebSocket, Packet::Message(Data::Binary(bytes))) => bytes.len(),
            _ => packet.text_len(self.settings.version),
        }
    }

    /// Takes the steps that need nobody: a change of transport whose requests have ended, a close with nothing left to
    /// send.
    fn settle(&mut self) {
        let quiet = !self.getting && !self.posting;
        if self.is_pausing() && quiet {
            self.probe = None;
            self.transport = Transport::WebSocket;
            self.upgrade_due = true;
        }
        let sent = self.queue.is_empty() && !self.upgrade_due && !self.posting;
        if self.state == State::Closing && sent {
            self.end(CloseReason::Client);
        }
    }

    fn is_pausing(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.step == ProbeStep::Pausing)
    }

    fn websocket_ended(&mut self, reason: CloseReason) {
        let was = std::mem::replace(&mut self.websocket, Link::Idle);
        self.websocket_to_close = false;
        match (self.transport, self.state) {
            _ if was == Link::Idle => {}
            (Transport::WebSocket, State::Closing) => self.end(CloseReason::Client),
            (Transport::WebSocket, _) => self.end(reason),
            (Transport::Polling, _) => self.fail_probe(&reason.to_string()),
        }
    }

    fn fail_probe(&mut self, failure: &str) {
        if self.probe.is_some() {
            self.probe_failure = Some(failure.to_owned());
            self.drop_probe();
        }
    }

    fn drop_probe(&mut self) {
        if self.probe.take().is_some() {
            self.websocket_to_close = self.websocket != Link::Idle;
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.reason = Some(reason);
        self.websocket_to_close = self.websocket != Link::Idle;
        (self.probe, self.heartbeat, self.deadline) = (None, None, None);
        self.queue = VecDeque::new();
        self.queued = 0;
    }
}

fn queued_len(packet: &Packet<'_>) -> usize {
    OVERHEAD
        + match packet {
            Packet::Message(data) => data.len(),
            _ => 0,
        }
}
