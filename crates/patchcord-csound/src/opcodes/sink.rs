//! An output of the opcode in each k-cycle: what has arrived is put into it.

use patchcord_signal::{LatestReader, Layout, PlayoutReader, TextReader, strings};

use super::signals::Signal;
use super::source::Complaint;
use crate::ffi::{Argument, Call, MyFlt, bytes_of_mut};
use crate::service::Incoming;

/// Bytes that every member of an `S[]` has room for from the start.
const ROOM_OF_MEMBER: usize = 1024;

/// An output and its way in.
pub(super) struct Sink {
    argument: Argument,
    writing: Writing,
    resized: Complaint,
}

/// How an output is written.
enum Writing {
    /// `k`, `i`.
    Number(LatestReader),
    /// `k[]`, `i[]`.
    Numbers(LatestReader),
    /// `a`, `a[]`.
    Blocks(Blocks),
    /// `S`, `S[]`.
    Texts { reader: TextReader, text: Box<[u8]> },
}

impl Sink {
    pub(super) fn new(call: &mut Call<'_>, signal: &Signal, incoming: Incoming) -> Self {
        let layout = &signal.variable.layout;
        let argument = signal.argument.clone();
        let writing = match incoming {
            Incoming::Latest(reader) if layout.is_array() => Writing::Numbers(reader),
            Incoming::Latest(reader) => Writing::Number(reader),
            Incoming::Audio(reader) => Writing::Blocks(Blocks::new(layout, reader)),
            Incoming::Text(reader) => {
                let limit = reader.limit();
                // So that no text has to make room during performance.
                let room = if layout.is_array() { limit.min(ROOM_OF_MEMBER) } else { limit };
                for index in 0..layout.members() {
                    call.reserve_text(&argument, index, room);
                }
                Writing::Texts { reader, text: vec![0; limit].into() }
            }
        };
        Sink { argument, writing, resized: Complaint::resized(&signal.variable.name, layout) }
    }

    /// A k-cycle.
    pub(super) fn perform(&mut self, call: &mut Call<'_>) {
        if !call.same_sizes(&self.argument) {
            self.resized.say(call);
            return;
        }
        match &mut self.writing {
            Writing::Number(reader) => {
                let mut number = [0.0];
                if reader.take(bytes_of_mut(&mut number)) {
                    call.set_number(&self.argument, number[0]);
                }
            }
            Writing::Numbers(reader) => {
                if let Some(numbers) = call.numbers_mut(&self.argument) {
                    reader.take(bytes_of_mut(numbers));
                }
            }
            Writing::Blocks(blocks) => blocks.perform(call, &self.argument),
            Writing::Texts { reader, text } => {
                let Some(length) = reader.take(text) else {
                    return;
                };
                if call.is_array(&self.argument) {
                    for (index, member) in strings::members(&text[..length]).enumerate() {
                        call.set_text(&self.argument, index, member);
                    }
                } else {
                    call.set_text(&self.argument, 0, &text[..length]);
                }
            }
        }
    }
}

/// Audio: a block of the orchestra's ksmps at a time, handed out in parts where the note's own ksmps is smaller.
struct Blocks {
    reader: PlayoutReader,
    members: usize,
    /// Samples in a block.
    len: usize,
    /// The block that is being handed out, member after member.
    block: Box<[MyFlt]>,
    /// Samples of it that were handed out, of each member.
    used: usize,
}

impl Blocks {
    fn new(layout: &Layout, reader: PlayoutReader) -> Self {
        Blocks {
            reader,
            members: layout.members(),
            len: layout.block(),
            block: vec![0.0; layout.samples()].into(),
            used: layout.block(),
        }
    }

    fn perform(&mut self, call: &mut Call<'_>, argument: &Argument) {
        let samples = call.samples();
        let numbers = if call.is_array(argument) { call.numbers_mut(argument) } else { Some(call.audio_mut(argument)) };
        let Some(numbers) = numbers else {
            return;
        };
        let is_whole = samples.count == self.len && samples.start == 0 && samples.end == self.len;
        if is_whole && self.used == self.len {
            self.reader.next_block(bytes_of_mut(numbers));
            return;
        }
        let stride = numbers.len() / self.members;
        for index in 0..samples.count.min(stride) {
            if self.used == self.len {
                self.used = 0;
                self.reader.next_block(bytes_of_mut(&mut self.block));
            }
            let belongs = (samples.start..samples.end).contains(&index);
            for member in 0..self.members {
                // Csound wants silence before the note begins and behind its end.
                numbers[member * stride + index] =
                    if belongs { self.block[member * self.len + self.used] } else { 0.0 };
            }
            self.used += 1;
        }
    }
}
