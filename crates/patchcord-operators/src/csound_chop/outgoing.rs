//! What is sent: channels of the input and values of the table, to whoever takes them.

use patchcord_core::content::Channels;
use patchcord_core::patch::OpId;
use patchcord_net::signal::{Kind, Layout, Value};

use super::signals::{Signal, Source};
use super::slices::{Blocks, Bounds, Slicer, Time};

/// Takes values.
pub(super) trait Sink {
    /// Whether an a-rate signal has anybody who would get it.
    fn listens(&self, name: &str) -> bool;

    /// Takes a value. `false`: it cannot now, and is to be offered it again.
    fn send(&self, name: &str, value: Value<'_>) -> bool;
}

/// The signals that are sent.
#[derive(Default)]
pub(super) struct Outgoing {
    signals: Vec<Sent>,
    /// Says how many samples a frame has where the input is no time slice.
    clock: Slicer,
    /// The slice that was sent last, and whose it was.
    seen: Option<(OpId, u64)>,
}

struct Sent {
    name: String,
    layout: Layout,
    source: Source,
    blocks: Blocks,
    /// Numbers that were sent last.
    last: Vec<f64>,
    is_due: bool,
}

impl Sent {
    fn new(signal: &Signal, source: &Source) -> Self {
        let layout = signal.variable.layout.clone();
        let (blocks, name) = (Blocks::new(layout.members(), layout.block()), signal.variable.name.clone());
        Sent { name, layout, source: source.clone(), blocks, last: Vec::new(), is_due: true }
    }
}

impl Outgoing {
    /// Sends these from now on. Those that stay as they are go on where they were.
    pub(super) fn set(&mut self, signals: &[Signal]) {
        let before = std::mem::take(&mut self.signals);
        let mut before: Vec<Option<Sent>> = before.into_iter().map(Some).collect();
        for (signal, source) in signals.iter().filter_map(|signal| Some((signal, signal.source.as_ref()?))) {
            let same = before.iter_mut().find_map(|known| {
                known.take_if(|known| {
                    let variable = &signal.variable;
                    known.name == variable.name && known.layout == variable.layout && known.source == *source
                })
            });
            self.signals.push(same.unwrap_or_else(|| Sent::new(signal, source)));
        }
    }

    /// Whether any comes from the input, whose channels somebody has to look at.
    pub(super) fn needs_input(&self) -> bool {
        self.signals.iter().any(|sent| matches!(sent.source, Source::Channels(_)))
    }

    /// Has the value of a signal sent again, to somebody who does not have it.
    pub(super) fn send_again(&mut self, name: &str) {
        self.signals.iter_mut().filter(|sent| sent.name == name).for_each(|sent| sent.is_due = true);
    }

    /// Sends what is another than before, but no a-rate signals.
    pub(super) fn send_values(&mut self, input: &Channels, sink: &impl Sink) {
        for sent in self.signals.iter_mut().filter(|sent| sent.layout.kind() != Kind::Audio) {
            let numbers = match &sent.source {
                Source::Channels(names) => names.iter().map(|name| newest(input, name)).collect(),
                Source::Numbers(numbers) => numbers.clone(),
                Source::Texts(texts) => {
                    let value = match (texts.as_slice(), sent.layout.is_array()) {
                        ([text], false) => Value::Text(text),
                        (texts, _) => Value::Texts(texts),
                    };
                    if sent.is_due && sink.send(&sent.name, value) {
                        sent.is_due = false;
                    }
                    continue;
                }
            };
            let is_same = sent.last.len() == numbers.len()
                && sent.last.iter().zip(&numbers).all(|(a, b)| a.to_bits() == b.to_bits());
            if (sent.is_due || !is_same) && sink.send(&sent.name, Value::Numbers(&numbers)) {
                sent.is_due = false;
                sent.last = numbers;
            }
        }
    }

    /// Sends the samples of a frame.
    pub(super) fn send_frame(
        &mut self,
        source: Option<OpId>,
        input: &Channels,
        time: Time,
        bounds: Bounds,
        sink: &impl Sink,
    ) {
        self.send_values(input, sink);
        let slice = source.zip(input.slice);
        let is_new = slice.is_none() || slice != self.seen;
        self.seen = slice;
        let count = self.clock.take(&mut [], time, bounds).count;
        let step = input.rate / time.rate;
        let mut block = Vec::new();
        for sent in self.signals.iter_mut().filter(|sent| sent.layout.kind() == Kind::Audio) {
            let Source::Channels(names) = &sent.source else { continue };
            if !sink.listens(&sent.name) {
                // Whoever comes begins with a whole block of what is then.
                sent.blocks = Blocks::new(sent.layout.members(), sent.layout.block());
                continue;
            }
            for (member, name) in names.iter().enumerate() {
                match (samples(input, name), slice.is_some()) {
                    (Some(samples), true) if is_new => sent.blocks.push(member, samples, step),
                    (None, true) if is_new => sent.blocks.push(member, &vec![0.0; input.samples()], step),
                    (_, true) => {}
                    (_, false) => sent.blocks.push(member, &vec![newest(input, name); count], 1.0),
                }
            }
            while sent.blocks.take(&mut block) {
                sink.send(&sent.name, Value::Numbers(&block));
            }
        }
    }
}

fn samples<'a>(input: &'a Channels, name: &str) -> Option<&'a [f64]> {
    input.channels.iter().find(|(known, _)| **known == *name).map(|(_, samples)| samples.as_slice())
}

fn newest(input: &Channels, name: &str) -> f64 {
    samples(input, name).and_then(<[f64]>::last).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use patchcord_core::table::Table;
    use patchcord_net::signal::FloatSize;

    use super::super::signals::{Defaults, signals};
    use super::*;

    const NOW: Time = Time { now: 0.0, rate: 48_000.0, frame: 1.0 / 60.0, reads_on: true };
    const BOUNDS: Bounds = Bounds { jitter: 960, limit: 48_000, holds: false };

    #[derive(Default)]
    struct Heard(RefCell<Vec<(String, Vec<f64>)>>);

    impl Sink for Heard {
        fn listens(&self, name: &str) -> bool {
            name != "unheard"
        }

        fn send(&self, name: &str, value: Value<'_>) -> bool {
            let numbers = match value {
                Value::Numbers(numbers) => numbers.to_vec(),
                Value::Text(text) => vec![text.len() as f64],
                Value::Texts(texts) => texts.iter().map(|text| text.len() as f64).collect(),
            };
            self.0.borrow_mut().push((name.to_owned(), numbers));
            true
        }
    }

    fn outgoing(rows: &[&[&str]], input: &Channels) -> Outgoing {
        let defaults = Defaults { ksmps: 64, float: FloatSize::F64, kind: None, is_host: true };
        let mut outgoing = Outgoing::default();
        outgoing.set(&signals(&Table::from_rows(rows).unwrap(), input, defaults).0);
        outgoing
    }

    #[test]
    fn values_are_sent_when_they_are_others() {
        let input = |value: f64| Channels::new(60.0, vec![("k".into(), vec![9.0, value])]);
        let rows: &[&[&str]] = &[&["S", "S", "", "four"], &["arr", "k[2]", "", "1 2"]];
        let (mut outgoing, heard) = (outgoing(rows, &input(1.0)), Heard::default());
        outgoing.send_values(&input(1.0), &heard);
        outgoing.send_values(&input(1.0), &heard);
        outgoing.send_values(&input(2.0), &heard);
        outgoing.send_again("S");
        outgoing.send_values(&input(2.0), &heard);
        let sent = |name: &str, numbers: &[f64]| (name.to_owned(), numbers.to_vec());
        let expected =
            [sent("S", &[4.0]), sent("arr", &[1.0, 2.0]), sent("k", &[1.0]), sent("k", &[2.0]), sent("S", &[4.0])];
        assert_eq!(heard.0.take(), expected);
    }

    #[test]
    fn a_slice_is_sent_once_and_whole() {
        let ramp = |from: u64| (from..from + 100).map(|number| number as f64).collect::<Vec<_>>();
        let input = |from: u64| Channels {
            slice: Some(from),
            ..Channels::new(48_000.0, vec![("left".into(), ramp(from)), ("unheard".into(), ramp(from))])
        };
        let (mut outgoing, heard) = (outgoing(&[], &input(0)), Heard::default());
        let source = Some(OpId::default());
        for from in [0, 0, 100, 100, 200] {
            outgoing.send_frame(source, &input(from), NOW, BOUNDS, &heard);
        }
        let sent = heard.0.take();
        assert!(sent.iter().all(|(name, block)| name == "left" && block.len() == 64));
        let samples: Vec<f64> = sent.into_iter().flat_map(|(_, block)| block).collect();
        assert_eq!(samples, (0..256).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_standing_channel_becomes_as_many_samples_as_time_passes() {
        let input = Channels::new(60.0, vec![("level".into(), vec![0.25])]);
        let (mut outgoing, heard) = (outgoing(&[&["level", "a"]], &input), Heard::default());
        for frame in 0..60 {
            outgoing.send_frame(None, &input, Time { now: f64::from(frame) / 60.0, ..NOW }, BOUNDS, &heard);
        }
        let sent = heard.0.take();
        assert!(sent.len().abs_diff(750) <= 1 && sent.iter().all(|(_, block)| *block == [0.25; 64]));
    }
}
