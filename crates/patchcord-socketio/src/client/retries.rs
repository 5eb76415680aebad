//! Events that are sent one at a time, each until it is acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use super::event::RequestId;
use super::settings::{AckRequest, EmitOptions};
use crate::packet::{Content, Packet};

/// An event in this queue.
#[derive(Debug)]
pub(crate) struct Retry {
    packet: Packet,
    size: usize,
    pub request: RequestId,
    /// Its sender wants the answer; else it is asked for only to know that the event arrived.
    pub asks: bool,
    /// How often it may be sent again, and how long one attempt has; `None` as the settings say.
    pub retries: Option<u32>,
    pub timeout: Option<Duration>,
    /// How often it has been sent and not been answered in time.
    pub failures: u32,
}

impl Retry {
    /// An event of `size` bytes.
    pub fn new(packet: Packet, size: usize, request: RequestId, options: EmitOptions) -> Self {
        let timeout = match options.ack {
            AckRequest::WaitFor(timeout) => Some(timeout),
            AckRequest::None | AckRequest::Wait => None,
        };
        let asks = options.ack != AckRequest::None;
        Self { packet, size, request, asks, retries: options.retries, timeout, failures: 0 }
    }

    /// The event, asking for an answer under this number.
    pub fn numbered(&mut self, number: u64) -> &Packet {
        if let Content::Event(event) = &mut self.packet.content {
            event.id = Some(number);
        }
        &self.packet
    }
}

/// The queue of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    queue: VecDeque<Retry>,
    bytes: usize,
    /// The number under which the first one was sent and is to be answered.
    pub in_flight: Option<u64>,
}

impl Retries {
    /// How many are in it.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Puts an event at the end, if there are then at most `most` with at most `most_bytes`.
    pub fn push(&mut self, retry: Retry, most: usize, most_bytes: usize) -> bool {
        let fits = self.queue.len() < most && self.bytes.saturating_add(retry.size) <= most_bytes;
        if fits {
            self.bytes += retry.size;
            self.queue.push_back(retry);
        }
        fits
    }

    /// The event whose turn it is.
    pub fn front(&mut self) -> Option<&mut Retry> {
        self.queue.front_mut()
    }

    /// Takes the event whose turn it was.
    pub fn pop(&mut self) -> Option<Retry> {
        let retry = self.queue.pop_front()?;
        self.bytes -= retry.size;
        Some(retry)
    }
}
