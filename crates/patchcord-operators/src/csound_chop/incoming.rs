//! What has come: the newest value of each signal, and the samples of a-rate ones that no frame has taken yet.

use std::rc::Rc;

use patchcord_core::content::Channels;
use patchcord_core::frame::Frame;
use patchcord_net::signal::{Kind, Value, Variable};

use super::slices::{Bounds, Slicer, Stream, Time};

/// The signals that come.
#[derive(Default)]
pub(super) struct Incoming {
    signals: Vec<Signal>,
    slicer: Slicer,
    /// The channels of a frame, where there are a-rate ones: everybody who reads in it gets these.
    shown: Option<(u64, Channels)>,
    /// Counts of signals that are gone.
    past: (u64, u64),
}

struct Signal {
    variable: Variable,
    /// Names of its channels.
    names: Vec<Rc<str>>,
    state: State,
}

enum State {
    Latest(Vec<f64>),
    Samples(Stream),
    Texts(Vec<String>),
}

impl Signal {
    fn new(variable: Variable) -> Self {
        let members = variable.layout.members();
        let names = match variable.layout.is_array() {
            false => vec![Rc::from(variable.name.as_str())],
            true => (0..members).map(|at| Rc::from(format!("{}{at}", variable.name))).collect(),
        };
        let state = match variable.layout.kind() {
            Kind::Audio => State::Samples(Stream::new(members)),
            Kind::Text => State::Texts(vec![String::new(); members]),
            Kind::Control | Kind::Init => State::Latest(vec![0.0; members]),
        };
        Signal { variable, names, state }
    }

    fn stream(&self) -> Option<&Stream> {
        match &self.state {
            State::Samples(stream) => Some(stream),
            _ => None,
        }
    }
}

impl Incoming {
    /// Takes these signals from now on. Those that stay as they are keep what they have.
    pub(super) fn set(&mut self, variables: impl Iterator<Item = Variable>) {
        let mut before = std::mem::take(&mut self.signals);
        for variable in variables {
            let same = before.iter().position(|known| known.variable == variable);
            self.signals.push(same.map_or_else(|| Signal::new(variable), |at| before.swap_remove(at)));
        }
        for gone in before.iter().filter_map(Signal::stream) {
            self.past = (self.past.0 + gone.dropped, self.past.1 + gone.late);
        }
        // What the frame has shown stays shown, under the names that are there now.
        if let Some((frame, shown)) = self.shown.take().filter(|_| self.has_samples()) {
            let channels = self.channels_of(&shown);
            self.shown = Some((frame, Channels { channels, ..shown }));
        }
    }

    /// Whether any of them is a-rate, so that what is shown are time slices.
    pub(super) fn has_samples(&self) -> bool {
        self.signals.iter().any(|signal| signal.stream().is_some())
    }

    /// Takes a value.
    pub(super) fn receive(&mut self, name: &str, value: Value<'_>, bounds: Bounds) {
        let Some(signal) = self.signals.iter_mut().find(|signal| signal.variable.name == name) else { return };
        match (&mut signal.state, value) {
            (State::Latest(latest), Value::Numbers(numbers)) if latest.len() == numbers.len() => {
                latest.copy_from_slice(numbers);
            }
            (State::Samples(stream), Value::Numbers(block)) => stream.push(block, bounds),
            (State::Texts(texts), Value::Text(text)) => {
                texts.clear();
                texts.push(text.to_owned());
            }
            (State::Texts(own), Value::Texts(texts)) => texts.clone_into(own),
            _ => {}
        }
    }

    /// The channels: the newest values, or where there is an a-rate signal the slice of this frame.
    pub(super) fn channels(&mut self, frame: Frame, rate: f64, bounds: Bounds) -> Channels {
        if !self.has_samples() {
            self.shown = None;
            let numbers = self.signals.iter().flat_map(|signal| match &signal.state {
                State::Latest(latest) => {
                    signal.names.iter().cloned().zip(latest.iter().map(|value| vec![*value])).collect()
                }
                _ => Vec::new(),
            });
            return Channels::new(frame.rate, numbers.collect());
        }
        let last = self.shown.as_ref().map(|(of, _)| *of);
        if let Some((_, shown)) = self.shown.as_ref().filter(|_| last == Some(frame.number)) {
            return shown.clone();
        }
        let reads_on = last.is_some_and(|last| last + u64::from(frame.step) >= frame.number);
        let time = Time { now: frame.seconds, rate, frame: 1.0 / frame.rate.max(1.0), reads_on };
        let mut streams: Vec<&mut Stream> = self
            .signals
            .iter_mut()
            .filter_map(|signal| match &mut signal.state {
                State::Samples(stream) => Some(stream),
                _ => None,
            })
            .collect();
        let slice = self.slicer.take(&mut streams, time, bounds);
        let names = self.signals.iter().filter(|signal| signal.stream().is_some()).flat_map(|signal| &signal.names);
        let taken = Channels { rate, channels: names.cloned().zip(slice.members).collect(), slice: Some(slice.start) };
        let channels = self.fill(&taken.channels, slice.count);
        let shown = Channels { channels, ..taken };
        self.shown = Some((frame.number, shown.clone()));
        shown
    }

    fn channels_of(&self, shown: &Channels) -> Vec<(Rc<str>, Vec<f64>)> {
        self.fill(&shown.channels, shown.samples())
    }

    /// All channels with so many samples each: those that are given, and the newest value of the others.
    fn fill(&self, given: &[(Rc<str>, Vec<f64>)], count: usize) -> Vec<(Rc<str>, Vec<f64>)> {
        let mut channels = Vec::new();
        for signal in &self.signals {
            for (at, name) in signal.names.iter().enumerate() {
                let newest = match &signal.state {
                    State::Latest(latest) => latest[at],
                    State::Samples(_) => 0.0,
                    State::Texts(_) => continue,
                };
                let samples = given.iter().find(|(known, _)| known == name).map(|(_, samples)| samples.clone());
                channels.push((name.clone(), samples.unwrap_or_else(|| vec![newest; count])));
            }
        }
        channels
    }

    /// Blocks dropped beyond the limit, and times that a signal ran dry.
    pub(super) fn losses(&self) -> (u64, u64) {
        let blocks = |signal: &Signal| {
            let samples = signal.stream().map_or(0, |stream| stream.dropped);
            samples.div_ceil(signal.variable.layout.block() as u64)
        };
        let dropped = self.signals.iter().map(blocks).sum::<u64>() + self.past.0;
        (dropped, self.signals.iter().filter_map(Signal::stream).map(|stream| stream.late).sum::<u64>() + self.past.1)
    }

    /// Samples that wait, of the signal that has most.
    pub(super) fn waiting(&self) -> usize {
        self.signals.iter().filter_map(Signal::stream).map(Stream::waiting).max().unwrap_or(0)
    }

    /// The newest value of a signal in words, for people.
    pub(super) fn say(&self, name: &str) -> String {
        let found = self.signals.iter().find(|signal| signal.variable.name == name);
        match found.map(|signal| (&signal.state, signal.variable.layout.is_array())) {
            Some((State::Latest(latest), _)) => {
                latest.iter().take(16).map(f64::to_string).collect::<Vec<_>>().join(" ")
            }
            Some((State::Texts(texts), false)) => texts.first().cloned().unwrap_or_default(),
            Some((State::Texts(texts), true)) => serde_json::to_string(texts).unwrap_or_default(),
            Some((State::Samples(_), _)) | None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use patchcord_net::signal::{Direction, FloatSize, Layout};

    use super::*;

    const BOUNDS: Bounds = Bounds { jitter: 80, limit: 4800, holds: false };

    fn variable(name: &str, kind: Kind, block: usize, dims: &[usize]) -> Variable {
        let layout = Layout::new(kind, FloatSize::F64, block, dims).unwrap();
        Variable { name: name.to_owned(), layout, direction: Direction::Outgoing }
    }

    fn frame(number: u64) -> Frame {
        Frame { number, seconds: number as f64 / 60.0, ..Frame::default() }
    }

    fn samples<'a>(channels: &'a Channels, name: &str) -> &'a [f64] {
        &channels.channels.iter().find(|(known, _)| **known == *name).unwrap().1
    }

    #[test]
    fn numbers_are_one_sample_and_texts_no_channel() {
        let mut incoming = Incoming::default();
        let signals = [
            variable("k", Kind::Control, 1, &[]),
            variable("arr", Kind::Init, 1, &[2]),
            variable("S", Kind::Text, 1, &[]),
        ];
        incoming.set(signals.into_iter());
        incoming.receive("k", Value::Numbers(&[0.5]), BOUNDS);
        incoming.receive("arr", Value::Numbers(&[1.0, 2.0]), BOUNDS);
        incoming.receive("S", Value::Text("hello"), BOUNDS);
        incoming.receive("nobody", Value::Numbers(&[1.0]), BOUNDS);
        let channels = incoming.channels(frame(1), 4800.0, BOUNDS);
        let expected = [("k", 0.5), ("arr0", 1.0), ("arr1", 2.0)].map(|(name, value)| (name.into(), vec![value]));
        assert_eq!(channels, Channels::new(60.0, expected.to_vec()));
        assert_eq!((incoming.say("S"), incoming.say("arr")), ("hello".to_owned(), "1 2".to_owned()));
    }

    #[test]
    fn a_slice_is_the_same_for_all_readers_of_a_frame() {
        let mut incoming = Incoming::default();
        let (audio, control) = (variable("a", Kind::Audio, 80, &[]), variable("k", Kind::Control, 1, &[]));
        incoming.set([audio.clone(), control.clone()].into_iter());
        let block: Vec<f64> = (0..80).map(f64::from).collect();
        incoming.receive("a", Value::Numbers(&block), BOUNDS);
        incoming.receive("k", Value::Numbers(&[1.0]), BOUNDS);
        let first = incoming.channels(frame(1), 4800.0, BOUNDS);
        assert_eq!((first.slice, samples(&first, "a"), samples(&first, "k")), (Some(0), &block[..], &[1.0; 80][..]));
        incoming.receive("a", Value::Numbers(&block), BOUNDS);
        incoming.receive("k", Value::Numbers(&[2.0]), BOUNDS);
        assert_eq!(incoming.channels(frame(1), 4800.0, BOUNDS), first);
        // A signal that is added in the frame has as many samples as the others.
        incoming.set([control, audio, variable("new", Kind::Audio, 80, &[])].into_iter());
        let same = incoming.channels(frame(1), 4800.0, BOUNDS);
        assert_eq!((samples(&same, "a"), samples(&same, "new")), (&block[..], &[0.0; 80][..]));
        let second = incoming.channels(frame(2), 4800.0, BOUNDS);
        assert_eq!((second.slice, samples(&second, "k")), (Some(80), &[2.0; 80][..]));
        assert_eq!(samples(&second, "a"), block);
        assert_eq!(incoming.losses(), (0, 0));
    }
}
