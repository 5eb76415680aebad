//! An input of the opcode in each k-cycle: what it holds goes to the service.

use patchcord_signal::{Kind, Layout, OutgoingWriter};

use super::signals::Signal;
use crate::ffi::{Argument, Call, MyFlt, bytes_of};

/// An input and its way out.
pub(super) struct Source {
    argument: Argument,
    writer: OutgoingWriter,
    reading: Reading,
    resized: Complaint,
}

/// How an input is read.
enum Reading {
    /// `a`, `a[]`: every k-cycle.
    Blocks(Blocks),
    /// `k`: every k-cycle.
    Number,
    /// `k[]`: every k-cycle.
    Numbers,
    /// `i`, `i[]` and what is written out: at init.
    Once,
    /// `S`, `S[]`: when it has changed.
    Texts(Texts),
}

/// A line for the console that is said once.
pub(super) struct Complaint {
    line: String,
    is_said: bool,
}

impl Complaint {
    pub(super) fn new(line: String) -> Self {
        Complaint { line, is_said: false }
    }

    /// That an array is not as it was at init.
    pub(super) fn resized(name: &str, layout: &Layout) -> Self {
        Complaint::new(format!(
            "websocket: the array {name} was resized; it travels as {layout} again when it has that size again, or after a reinit"
        ))
    }

    pub(super) fn say(&mut self, call: &Call<'_>) {
        if !self.is_said {
            self.is_said = true;
            call.csound().message(&self.line);
        }
    }
}

impl Source {
    pub(super) fn new(signal: &Signal, writer: OutgoingWriter) -> Self {
        let layout = &signal.variable.layout;
        let reading = match layout.kind() {
            Kind::Audio => Reading::Blocks(Blocks::new(layout)),
            Kind::Control if layout.is_array() => Reading::Numbers,
            Kind::Control => Reading::Number,
            Kind::Init => Reading::Once,
            Kind::Text => Reading::Texts(Texts::new(&signal.variable.name, writer.largest())),
        };
        Source {
            argument: signal.argument.clone(),
            writer,
            reading,
            resized: Complaint::resized(&signal.variable.name, layout),
        }
    }

    /// Init, also a `reinit`: what is kept for clients that connect.
    pub(super) fn begin(&mut self, call: &Call<'_>) -> bool {
        match self.reading {
            Reading::Once if call.is_array(&self.argument) => {
                call.numbers(&self.argument).is_some_and(|numbers| self.writer.publish(bytes_of(numbers)))
            }
            Reading::Once => self.writer.publish(bytes_of(&[call.number(&self.argument)])),
            Reading::Texts(_) => self.perform(call),
            _ => false,
        }
    }

    /// A k-cycle. Says whether there is something new for the service.
    pub(super) fn perform(&mut self, call: &Call<'_>) -> bool {
        if !call.same_sizes(&self.argument) {
            self.resized.say(call);
            return false;
        }
        match &mut self.reading {
            Reading::Once => false,
            Reading::Number => {
                self.writer.has_listeners() && self.writer.publish(bytes_of(&[call.number(&self.argument)]))
            }
            Reading::Numbers => {
                self.writer.has_listeners()
                    && call.numbers(&self.argument).is_some_and(|numbers| self.writer.publish(bytes_of(numbers)))
            }
            Reading::Blocks(blocks) => blocks.perform(call, &self.argument, &mut self.writer),
            Reading::Texts(texts) => texts.perform(call, &self.argument, &mut self.writer),
        }
    }
}

/// Audio: the samples of each k-cycle, joined to blocks of the orchestra's ksmps where the note's own is smaller.
struct Blocks {
    members: usize,
    /// Samples in a block.
    len: usize,
    /// The block that is being collected, member after member.
    block: Box<[MyFlt]>,
    /// Samples of it that are there, of each member.
    filled: usize,
}

impl Blocks {
    fn new(layout: &Layout) -> Self {
        Blocks { members: layout.members(), len: layout.block(), block: vec![0.0; layout.samples()].into(), filled: 0 }
    }

    fn perform(&mut self, call: &Call<'_>, argument: &Argument, writer: &mut OutgoingWriter) -> bool {
        let samples = call.samples();
        let numbers = if call.is_array(argument) { call.numbers(argument) } else { Some(call.audio(argument)) };
        let Some(numbers) = numbers else {
            return false;
        };
        let is_whole = samples.count == self.len && samples.start == 0 && samples.end == self.len;
        if is_whole && self.filled == 0 {
            return writer.has_listeners() && writer.publish(bytes_of(numbers));
        }
        let stride = numbers.len() / self.members;
        let mut is_new = false;
        for index in 0..samples.count.min(stride) {
            let belongs = (samples.start..samples.end).contains(&index);
            for member in 0..self.members {
                // Before the note begins and behind its end there is silence, whatever the variable holds.
                self.block[member * self.len + self.filled] =
                    if belongs { numbers[member * stride + index] } else { 0.0 };
            }
            self.filled += 1;
            if self.filled == self.len {
                self.filled = 0;
                is_new |= writer.has_listeners() && writer.publish(bytes_of(&self.block));
            }
        }
        is_new
    }
}

/// Text: sent when it is another than before.
struct Texts {
    /// What was sent last; of an array with a zero behind each text.
    sent: Vec<u8>,
    /// What is there now, for comparison.
    now: Vec<u8>,
    is_first: bool,
    limit: usize,
    too_long: Complaint,
}

impl Texts {
    fn new(name: &str, limit: usize) -> Self {
        Texts {
            sent: Vec::with_capacity(limit),
            now: Vec::with_capacity(limit),
            is_first: true,
            limit,
            too_long: Complaint::new(format!(
                "websocket: {name} is longer than {limit} bytes and was not sent; websocketset \"text\" sets what is allowed"
            )),
        }
    }

    fn perform(&mut self, call: &Call<'_>, argument: &Argument, writer: &mut OutgoingWriter) -> bool {
        self.now.clear();
        if call.is_array(argument) {
            for index in 0..call.text_count(argument).unwrap_or(0) {
                let text = call.text(argument, index);
                if self.now.len() + text.len() + 1 > self.limit {
                    self.too_long.say(call);
                    return false;
                }
                self.now.extend_from_slice(text);
                self.now.push(0);
            }
        } else {
            let text = call.text(argument, 0);
            if text.len() > self.limit {
                self.too_long.say(call);
                return false;
            }
            if !self.is_first && text == self.sent {
                return false;
            }
            self.now.extend_from_slice(text);
        }
        if (!self.is_first && self.now == self.sent) || !writer.publish(&self.now) {
            return false;
        }
        self.is_first = false;
        std::mem::swap(&mut self.now, &mut self.sent);
        true
    }
}
