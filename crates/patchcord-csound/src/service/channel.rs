//! A name of a port with the clients that it has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_signal::{
    Count, Counters, Direction, LatestWriter, Layout, OutgoingReader, PlayoutWriter, StreamLimits, StreamLog,
    TextWriter, Variable, message,
};
use patchcord_websocket::{MessageKind, Role, Sender};

use super::settings::Settings;

/// Which connection, among those of the thread.
pub(super) type ConnectionId = usize;

/// Most bytes of a name's stream that are kept for slow clients: enough for a second of the largest blocks in use, so that it is
/// the time which bounds.
const MAX_LOG: usize = 32 << 20;
/// Which part of the time that a client may lag by the system may hold in bytes that it has not sent, within these bounds.
const UNSENT_PART: f64 = 8.0;
const LEAST_UNSENT: u32 = 4 * 1024;
const MOST_UNSENT: u32 = 256 * 1024;
/// The longest header of a server's frame of the sizes that are common.
const FRAME_HEADER: usize = 4;

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) direction: Direction,
    pub(super) counters: Arc<Counters>,
    /// Its clients, one a connection.
    pub(super) clients: Vec<ConnectionId>,
    /// Sessions of `csound.v1` that want its values.
    pub(super) watchers: usize,
    /// The frames of an outgoing name.
    pub(super) log: StreamLog,
    /// Memory for one value.
    scratch: Vec<u8>,
}

impl Channel {
    pub(super) fn new(variable: &Variable, port: &Arc<Counters>, settings: &Settings) -> Self {
        Self {
            name: variable.name.clone(),
            layout: variable.layout.clone(),
            direction: variable.direction,
            counters: Counters::within(port),
            clients: Vec::new(),
            watchers: 0,
            log: StreamLog::new(limits(settings.buffer)),
            scratch: Vec::new(),
        }
    }

    pub(super) fn set_buffer(&mut self, buffer: Duration) {
        self.log.set_limits(limits(buffer));
    }

    /// Largest message that a client of this name may send, in bytes. What is sent to an outgoing name is ignored, so that
    /// its size is not a client's mistake.
    pub(super) fn message_limit(&self, settings: &Settings) -> usize {
        match self.direction {
            Direction::Incoming => message::read_limit(&self.layout, settings.text),
            Direction::Outgoing => message::read_limit(&self.layout, settings.text).max(settings.text),
        }
    }

    /// Bytes that the system may hold for a client of an outgoing name and has not sent yet: a part of what the client may lag
    /// by, since what the system has is lost to the choice of what to drop.
    pub(super) fn unsent(&self, settings: &Settings, period: Duration) -> u32 {
        let bytes = self.layout.payload_len().unwrap_or(0) + FRAME_HEADER;
        let values = settings.buffer.as_secs_f64() / period.as_secs_f64() / UNSENT_PART;
        ((bytes as f64 * values) as u32).clamp(LEAST_UNSENT, MOST_UNSENT)
    }

    /// Takes everything out of the speaker's ring into the stream, and gives each value to `keep` that may have to be kept.
    /// Whether there was anything.
    pub(super) fn pump(&mut self, reader: &mut OutgoingReader, now: Instant, mut keep: impl FnMut(&[u8])) -> bool {
        let mut any = false;
        match self.layout.payload_len() {
            Some(length) if self.log.clients() > 0 => {
                let keeps = self.layout.kind().is_kept() || self.watchers > 0;
                let Ok(header) = Sender::new(Role::Server, 0).header(MessageKind::Binary, length) else { return false };
                while !reader.is_empty() {
                    any = true;
                    let pushed = self.log.push(now, |out| {
                        out.extend_from_slice(header.as_bytes());
                        let start = out.len();
                        reader.pop(out);
                        if keeps {
                            keep(&out[start..]);
                        }
                    });
                    self.counters.add(Count::Dropped, pushed.lost);
                }
            }
            _ => {
                let mut payload = std::mem::take(&mut self.scratch);
                while reader.pop(&mut payload).is_some() {
                    any = true;
                    self.push(&payload, now);
                    keep(&payload);
                    payload.clear();
                }
                self.scratch = payload;
            }
        }
        any
    }

    /// Adds a value to the stream.
    pub(super) fn push(&mut self, payload: &[u8], now: Instant) {
        let layout = &self.layout;
        let pushed = self.log.push(now, |out| encode(layout, payload, &mut Sender::new(Role::Server, 0), out));
        self.counters.add(Count::Dropped, pushed.lost);
    }
}

fn limits(buffer: Duration) -> StreamLimits {
    StreamLimits { bytes: MAX_LOG, age: buffer }
}

/// Appends a value, in the form of rings and cells, as a frame.
pub(super) fn encode(layout: &Layout, payload: &[u8], sender: &mut Sender, out: &mut Vec<u8>) {
    // A sender refuses only behind a close frame, where nothing is lost any more.
    let _ = match message::encode(layout, payload) {
        message::Message::Text(text) => sender.text(out, &text),
        message::Message::Binary(bytes) => sender.binary(out, bytes),
    };
}

/// The way to one note's incoming variable.
#[derive(Debug)]
pub(super) enum Writer {
    Latest(LatestWriter),
    Text(TextWriter),
    Audio(PlayoutWriter),
}

impl Writer {
    /// Hands over a value in the form of rings and cells.
    pub(super) fn store(&mut self, payload: &[u8]) {
        match self {
            Self::Latest(writer) => {
                writer.store(payload);
            }
            Self::Text(writer) => {
                writer.store(payload);
            }
            // A full ring counts by itself.
            Self::Audio(writer) => {
                writer.push(payload);
            }
        }
    }

    /// Nobody sends any more.
    pub(super) fn end(&mut self) {
        if let Self::Audio(writer) = self {
            writer.end();
        }
    }
}
