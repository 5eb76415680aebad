//! One connection to a broker as a state machine: bytes in, what they say out; what is to be sent lies in an out-buffer.
//!
//! Reads no clock and does no I/O: the time is an argument, and [`Session::deadline`] says when there is something to do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet};
use mqtt_protocol_core::mqtt::result_code::MqttError as Violation;
use mqtt_protocol_core::mqtt::{Connection, Version, role};

use super::error::{MqttError, PublishError, Refusal, SubscribeError};
use super::packet::{self, Message, Qos, Said};
use super::settings::{Accepted, FullQueue, LARGEST, Limits, Login, MqttStats, MqttVersion};
use super::topic::{check_filter, check_topic};

/// Bytes in the out-buffer beyond which messages wait in the queue, where its policy can still choose.
const OUT_TARGET: usize = 64 << 10;
/// What a packet has around topic and payload, at most.
const AROUND: usize = 16;
/// Filters of one SUBSCRIBE: some brokers take no more.
const FILTERS_PER_PACKET: usize = 8;
/// Messages of level 1 and 2 that are unconfirmed at a time with MQTT 3.1.1, where the broker does not say how many it
/// bears: what mosquitto bears unless it is told otherwise, and other clients send.
const MAX_UNCONFIRMED: usize = 20;
/// SUBSCRIBEs that may be under way.
const MAX_ASKED: usize = 2_000;
/// Bytes of confirmations that may wait for a broker that sends and does not read.
const MAX_CONFIRMATIONS: usize = 1 << 20;
/// How long what waits may take to be sent once the connection is to be closed.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Bytes of an answer that are looked at to tell what it is.
const START: usize = 40;
/// The first byte of an answer to a log-in.
const CONNACK: u8 = 0x20;

/// What bytes of the broker said.
pub(super) enum Step {
    /// The log-in is accepted.
    Open(Accepted),
    /// A message.
    Message(Message),
    /// What became of filters that were asked for.
    Granted(Vec<(String, Result<Qos, String>)>),
    /// A message was not taken.
    Refused(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The log-in is under way.
    Connecting,
    Open,
    /// What waits is sent, then the farewell.
    Closing,
    /// The farewell stands in the out-buffer.
    Leaving,
}

/// A message that waits.
struct Waiting {
    topic: Box<str>,
    payload: Box<[u8]>,
    qos: Qos,
    retain: bool,
}

impl Waiting {
    fn size(&self) -> usize {
        self.topic.len() + self.payload.len() + AROUND
    }
}

pub(super) struct Session {
    connection: Connection<role::Client>,
    version: MqttVersion,
    limits: Limits,
    /// What the broker offers.
    accepted: Accepted,
    /// The time that it has to answer.
    answer_time: Duration,
    keep_alive: Duration,
    state: State,
    /// Bytes to be written, and how many of them were.
    out: Vec<u8>,
    written: usize,
    /// Bytes of confirmations that were put there since it was empty.
    confirmations: usize,
    /// Messages for which the out-buffer has no room or the broker allows no more at a time.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The filters of each SUBSCRIBE that is under way.
    asked: HashMap<u16, Vec<String>>,
    unconfirmed: usize,
    stats: MqttStats,
    /// When the broker has to have answered, the log-in or a ping.
    answer_by: Option<Instant>,
    ping_at: Option<Instant>,
    close_by: Option<Instant>,
    /// When bytes came last.
    heard: Instant,
    /// The first bytes that came.
    start: Vec<u8>,
}

impl Session {
    /// Begins to log in. `answer_time` is what the broker has to answer, here and to pings.
    ///
    /// # Errors
    /// [`MqttError::Login`].
    pub fn new(login: &Login, limits: Limits, answer_time: Duration, now: Instant) -> Result<Self, MqttError> {
        let version = match login.version {
            MqttVersion::V3_1_1 => Version::V3_1_1,
            MqttVersion::V5 => Version::V5_0,
        };
        let most = u32::try_from(limits.message.saturating_add(AROUND)).unwrap_or(u32::MAX);
        let mut connection = Connection::with_options(version, ConnectionOptions::new().maximum_packet_size_recv(most));
        connection.set_auto_pub_response(true);
        connection.set_pingresp_recv_timeout(u64::try_from(answer_time.as_millis()).unwrap_or(u64::MAX).max(1));
        let mut session = Session {
            connection,
            version: login.version,
            limits,
            accepted: Accepted::default(),
            answer_time,
            keep_alive: login.keep_alive,
            state: State::Connecting,
            out: Vec::new(),
            written: 0,
            confirmations: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            asked: HashMap::new(),
            unconfirmed: 0,
            stats: MqttStats::default(),
            answer_by: None,
            ping_at: None,
            close_by: None,
            heard: now,
            start: Vec::new(),
        };
        session.send(packet::connect(login)?, now).map_err(|error| MqttError::Protocol(packet::words(&error)))?;
        session.answer_by = Some(now + answer_time);
        Ok(session)
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether this end has asked for the end.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing | State::Leaving)
    }

    /// Whether this end has asked for the end and everything is written.
    pub fn is_done(&self) -> bool {
        self.state == State::Leaving && self.out().is_empty()
    }

    /// Other bounds; the size of messages holds from the next connection on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What has passed so far.
    pub fn stats(&self) -> MqttStats {
        self.stats
    }

    /// Bytes of messages that wait.
    pub fn queued(&self) -> usize {
        self.waiting_bytes + self.out().len()
    }

    /// Messages of level 1 and 2 that were sent and that the broker has not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.unconfirmed
    }

    /// Bytes to be written.
    pub fn out(&self) -> &[u8] {
        &self.out[self.written..]
    }

    /// So many of them were written.
    pub fn handle_written(&mut self, count: usize, now: Instant) {
        self.written += count;
        if self.written >= self.out.len() {
            self.out.clear();
            self.written = 0;
            self.confirmations = 0;
            if self.out.capacity() > 4 * OUT_TARGET {
                self.out.shrink_to(OUT_TARGET);
            }
        }
        self.pump(now);
    }

    /// Takes what came, up to the end of one packet at most, from the front of `input`.
    ///
    /// # Errors
    /// [`MqttError`]: the connection has to end; what is to be written can still be.
    pub fn handle_bytes(&mut self, input: &mut &[u8], now: Instant) -> Result<Option<Step>, MqttError> {
        if self.state == State::Leaving {
            // Behind the farewell nothing is wanted.
            *input = &[];
            return Ok(None);
        }
        if self.state == State::Connecting {
            let room = START - self.start.len().min(START);
            self.start.extend_from_slice(&input[..room.min(input.len())]);
            let is_answer = |first: u8| first == CONNACK || self.version == MqttVersion::V5 && first & 0xe0 == 0xe0;
            if !self.start.first().copied().is_some_and(is_answer) {
                return Err(MqttError::NotMqtt { start: String::from_utf8_lossy(&self.start).into_owned() });
            }
        }
        self.heard = now;
        let mut cursor = Cursor::new(*input);
        let events = self.connection.recv(&mut cursor);
        *input = &input[usize::try_from(cursor.position()).unwrap_or(usize::MAX).min(input.len())..];
        let before = self.out.len();
        let said = self.carry_out(events, now).map_err(|error| self.broken(error))?;
        self.confirmations += self.out.len() - before;
        if self.confirmations.min(self.out().len()) > MAX_CONFIRMATIONS {
            return Err(MqttError::Unread);
        }
        let step = match said {
            Some(said) => self.understand(said, now)?,
            None => None,
        };
        self.pump(now);
        Ok(step)
    }

    fn understand(&mut self, said: Said, now: Instant) -> Result<Option<Step>, MqttError> {
        if (self.state == State::Connecting) != matches!(said, Said::Answered(_)) {
            return match said {
                // A broker may say goodbye in the place of an answer.
                Said::Disconnected(reason) => Err(MqttError::Disconnected(reason)),
                _ => Err(self.broken(Violation::ProtocolError)),
            };
        }
        Ok(match said {
            Said::Answered(Ok(accepted)) => {
                self.state = State::Open;
                self.accepted = accepted;
                self.answer_by = None;
                self.start = Vec::new();
                // One that fell due before the answer was not sent.
                if self.ping_at.is_none() && !self.keep_alive.is_zero() {
                    self.ping_at = Some(now + self.keep_alive);
                }
                Some(Step::Open(accepted))
            }
            Said::Answered(Err(refusal)) => return Err(MqttError::Refused(refusal)),
            Said::Message(message) => {
                self.stats.messages_in += 1;
                self.stats.bytes_in += message.payload().len() as u64;
                Some(Step::Message(message))
            }
            Said::Subscribed(id, granted) => {
                let filters = self.asked.remove(&id).unwrap_or_default();
                if filters.len() != granted.len() {
                    return Err(self.broken(Violation::ProtocolError));
                }
                Some(Step::Granted(filters.into_iter().zip(granted).collect()))
            }
            Said::Refused(reason) => Some(Step::Refused(reason)),
            Said::Disconnected(reason) => return Err(MqttError::Disconnected(reason)),
            Said::Nothing => None,
        })
    }

    /// The connection is gone, and how.
    pub fn lost(&self, how: &str) -> MqttError {
        if self.state == State::Connecting { MqttError::ClosedEarly } else { MqttError::Lost(how.to_owned()) }
    }

    /// What it means that the broker did what it must not.
    fn broken(&self, violation: Violation) -> MqttError {
        // A broker that speaks 3.1.1 alone refuses in its own form, which 5 cannot read (MQTT 3.1.1, 3.2.2.3).
        if self.version == MqttVersion::V5 && self.start.starts_with(&[CONNACK, 2]) {
            return MqttError::Refused(Refusal::Version);
        }
        match violation {
            Violation::PacketTooLarge => MqttError::TooLarge { limit: self.limits.message },
            other => MqttError::Protocol(packet::words(&other)),
        }
    }

    /// Publishes, or lets the message wait.
    ///
    /// # Errors
    /// [`PublishError`]. [`PublishError::Full`] with [`FullQueue::Close`] means that the connection is to end.
    pub fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: Qos,
        retain: bool,
        now: Instant,
    ) -> Result<(), PublishError> {
        if !self.is_open() {
            return Err(PublishError::NotConnected);
        }
        check_topic(topic)?;
        let size = topic.len() + payload.len() + AROUND;
        let limit = self.accepted.largest.min(LARGEST);
        if size > limit {
            return Err(PublishError::TooLarge { limit: limit.saturating_sub(topic.len() + AROUND) });
        }
        if retain && !self.accepted.retains {
            return Err(PublishError::Retain);
        }
        let qos = qos.min(self.accepted.highest_qos);
        let message = Waiting { topic: topic.into(), payload: payload.into(), qos, retain };
        // One message for which nothing has to wait may be larger than the queue.
        if self.queued() > 0 && self.queued() + size > self.limits.queue {
            match self.limits.full {
                FullQueue::DropNewest | FullQueue::Close => {
                    self.stats.dropped += 1;
                    return Err(PublishError::Full);
                }
                FullQueue::DropOldest => {
                    while self.queued() + size > self.limits.queue
                        && let Some(oldest) = self.waiting.pop_front()
                    {
                        self.waiting_bytes -= oldest.size();
                        self.stats.dropped += 1;
                    }
                }
            }
        }
        self.waiting_bytes += message.size();
        self.waiting.push_back(message);
        self.pump(now);
        Ok(())
    }

    /// Asks for topics. Those that are being asked for are not asked for twice.
    ///
    /// # Errors
    /// [`SubscribeError`]. None of them is asked for then.
    pub fn subscribe<'a>(
        &mut self,
        filters: impl IntoIterator<Item = &'a str>,
        qos: Qos,
        now: Instant,
    ) -> Result<(), SubscribeError> {
        if !self.is_open() {
            return Err(SubscribeError::NotConnected);
        }
        let mut known: HashSet<&str> = self.asked.values().flatten().map(String::as_str).collect();
        let mut wanted: Vec<String> = Vec::new();
        for filter in filters {
            check_filter(filter).map_err(|error| SubscribeError::Filter { filter: filter.to_owned(), error })?;
            if known.insert(filter) {
                wanted.push(filter.to_owned());
            }
        }
        if self.asked.len() + wanted.len().div_ceil(FILTERS_PER_PACKET) > MAX_ASKED {
            return Err(SubscribeError::TooMany);
        }
        for filters in wanted.chunks(FILTERS_PER_PACKET) {
            let id = self.connection.acquire_packet_id().map_err(|_| SubscribeError::TooMany)?;
            let other = |error: Violation| SubscribeError::Other(packet::words(&error));
            let packet = packet::subscribe(self.version, id, filters, qos).map_err(other)?;
            self.send(packet, now).map_err(other)?;
            self.asked.insert(id, filters.to_vec());
        }
        Ok(())
    }

    /// Begins to say goodbye, behind what waits. Before the log-in is answered there is nothing to say.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Open => {
                self.state = State::Closing;
                self.close_by = Some(now + CLOSE_TIME);
                self.pump(now);
            }
            State::Connecting => {
                self.state = State::Leaving;
                self.out.clear();
                self.written = 0;
            }
            State::Closing | State::Leaving => {}
        }
    }

    /// When something is to be done if nothing else happens.
    pub fn deadline(&self) -> Option<Instant> {
        [self.answer_by, self.ping_at, self.close_by].into_iter().flatten().min()
    }

    /// Does what is due.
    ///
    /// # Errors
    /// [`MqttError`]: the connection has to end.
    pub fn handle_time(&mut self, now: Instant) -> Result<(), MqttError> {
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        if is_due(self.close_by) {
            return Err(MqttError::Lost("the broker did not take what was still to be sent".to_owned()));
        }
        if is_due(self.answer_by) {
            if self.state == State::Connecting {
                return Err(MqttError::NoAnswer { limit: self.answer_time });
            }
            // The answer may stand behind a long message: whoever sends lives.
            let next = self.heard + self.answer_time;
            if next <= now {
                return Err(MqttError::Silent);
            }
            self.answer_by = Some(next);
        }
        if is_due(self.ping_at) {
            self.ping_at = None;
            let events = self.connection.notify_timer_fired(TimerKind::PingreqSend);
            self.carry_out(events, now).map_err(|error| self.broken(error))?;
        }
        Ok(())
    }

    /// Sends of what waits as much as there is room for.
    fn pump(&mut self, now: Instant) {
        while self.out().len() < OUT_TARGET && matches!(self.state, State::Open | State::Closing) {
            let Some(next) = self.waiting.front() else { break };
            let id = if next.qos == Qos::AtMostOnce {
                None
            } else {
                let has_room = match self.version {
                    MqttVersion::V3_1_1 => self.unconfirmed < MAX_UNCONFIRMED,
                    MqttVersion::V5 => self.connection.get_receive_maximum_vacancy_for_send() != Some(0),
                };
                if !has_room {
                    break;
                }
                match self.connection.acquire_packet_id() {
                    Ok(id) => Some(id),
                    Err(_) => break,
                }
            };
            let Some(next) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= next.size();
            self.unconfirmed += usize::from(id.is_some());
            let built = packet::publish(self.version, id, (&next.topic, &next.payload), next.qos, next.retain);
            let sent = built.and_then(|packet| self.send(packet, now));
            if sent.is_ok() {
                self.stats.messages_out += 1;
                self.stats.bytes_out += next.payload.len() as u64;
            } else {
                // Everything was looked at when it was handed in.
                self.stats.dropped += 1;
            }
        }
        if self.state == State::Closing && self.waiting.is_empty() {
            self.state = State::Leaving;
            if let Ok(packet) = packet::disconnect(self.version) {
                // What cannot be said is left unsaid: the transport ends all the same.
                let _ = self.send(packet, now);
            }
            self.ping_at = None;
            self.answer_by = None;
        }
    }

    fn send(&mut self, packet: Packet, now: Instant) -> Result<(), Violation> {
        let events = self.connection.send(packet);
        self.carry_out(events, now).map(drop)
    }

    /// Does what the library asks for. Gives what a packet says, if one came.
    fn carry_out(&mut self, events: Vec<Event>, now: Instant) -> Result<Option<Said>, Violation> {
        let mut said = None;
        let mut violation = None;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    for slice in packet.to_buffers() {
                        self.out.extend_from_slice(&slice);
                    }
                }
                Event::NotifyPacketReceived(packet) => said = Some(packet::read(packet)),
                Event::RequestTimerReset { kind, duration_ms } => {
                    let at = Some(now + Duration::from_millis(duration_ms));
                    match kind {
                        TimerKind::PingreqSend => self.ping_at = at,
                        TimerKind::PingrespRecv => self.answer_by = at,
                        // A broker's.
                        TimerKind::PingreqRecv => {}
                    }
                }
                Event::RequestTimerCancel(TimerKind::PingreqSend) => self.ping_at = None,
                Event::RequestTimerCancel(TimerKind::PingrespRecv) => self.answer_by = None,
                Event::RequestTimerCancel(TimerKind::PingreqRecv) => {}
                Event::NotifyPacketIdReleased(id) => {
                    if !self.asked.contains_key(&id) {
                        self.unconfirmed = self.unconfirmed.saturating_sub(1);
                    }
                }
                Event::NotifyError(error) => violation = Some(error),
                // Comes with an error, or because this end said goodbye.
                Event::RequestClose => {}
            }
        }
        match violation {
            Some(violation) => Err(violation),
            None => Ok(said),
        }
    }
}

#[cfg(test)]
mod tests;
