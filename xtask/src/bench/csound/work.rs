//! What is measured, and the bars that ours is held against.
//!
//! One row of [`WORKS`] is one work. Every signal carries the number of its k-cycle, so that a client sees what is
//! missing, repeated or someone else's ([`super::sequence`]).

use std::time::Duration;

/// Samples in a second.
pub const SAMPLE_RATE: u32 = 48_000;

/// The type of the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// A block of samples for each k-cycle.
    Audio,
    /// One value for each k-cycle.
    Control,
}

/// What an orchestra sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    /// Their type.
    pub rate: Rate,
    /// How many there are.
    pub count: usize,
    /// They are the members of one array, hence one message.
    pub array: bool,
    /// Samples in a k-cycle.
    pub ksmps: usize,
}

impl Signals {
    const fn audio(count: usize) -> Self {
        Self { rate: Rate::Audio, count, array: false, ksmps: 64 }
    }

    const fn control(count: usize, ksmps: usize) -> Self {
        Self { rate: Rate::Control, count, array: false, ksmps }
    }

    /// Names under which a client gets them, each with its members: the index of the first signal and how many.
    pub fn variables(&self) -> Vec<(String, usize, usize)> {
        let letter = if self.rate == Rate::Audio { 'a' } else { 'k' };
        if self.array {
            vec![(format!("{letter}sig"), 0, self.count)]
        } else {
            (0..self.count).map(|index| (format!("{letter}sig{index}"), index, 1)).collect()
        }
    }

    /// Values of one signal in a message.
    pub fn block(&self) -> usize {
        if self.rate == Rate::Audio { self.ksmps } else { 1 }
    }

    /// k-cycles in a second.
    pub fn k_rate(&self) -> f64 {
        f64::from(SAMPLE_RATE) / self.ksmps as f64
    }
}

/// Who is connected when a note ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Nobody was there at any time.
    Nobody,
    /// One client takes the stream until it is closed.
    Stays,
    /// One client took it and has left.
    Left,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Clients take every signal in real time.
    Stream {
        /// What is sent.
        signals: Signals,
        /// How many take all of it; each opens a connection for each variable.
        clients: usize,
    },
    /// The same, once in a session, and with all rows at the same time.
    Memory {
        /// What is sent.
        signals: Signals,
        /// How many take all of it.
        clients: usize,
    },
    /// A client sends a value and waits until it comes back.
    Trip,
    /// A note ends, and its port is to be free.
    End(Audience),
}

impl Kind {
    /// What is sent, where anything is measured of it.
    pub fn signals(&self) -> Option<(Signals, usize)> {
        match *self {
            Self::Stream { signals, clients } | Self::Memory { signals, clients } => Some((signals, clients)),
            Self::Trip | Self::End(_) => None,
        }
    }
}

/// One row.
#[derive(Debug)]
pub struct Work {
    /// Name on the command line.
    pub id: &'static str,
    /// Name in the report.
    pub title: &'static str,
    /// What is done.
    pub kind: Kind,
    /// For how long it is measured, when not as long as the others.
    pub window: Option<Duration>,
    /// Most that ours may take above bare Csound, as a multiple of what the original takes above it.
    pub bar: Option<f64>,
}

const fn stream(id: &'static str, title: &'static str, signals: Signals, clients: usize, bar: Option<f64>) -> Work {
    Work { id, title, kind: Kind::Stream { signals, clients }, window: None, bar }
}

const fn memory(id: &'static str, title: &'static str, signals: usize, clients: usize) -> Work {
    let kind = Kind::Memory { signals: Signals::audio(signals), clients };
    Work { id, title, kind, window: None, bar: None }
}

const fn end(id: &'static str, title: &'static str, audience: Audience) -> Work {
    Work { id, title, kind: Kind::End(audience), window: None, bar: None }
}

/// At one client.
const FIFTH: Option<f64> = Some(0.2);
/// At 16.
const SEVENTH: Option<f64> = Some(0.143);

/// The 16 members of an array.
const ARRAY: Signals = Signals { rate: Rate::Audio, count: 16, array: true, ksmps: 64 };

/// The work in which no message may be lost.
pub const LOSSES: &str = "k-1";
/// The work of the goal for 16 a-signals to one client.
pub const SIXTEEN: &str = "a16-c1";

/// The other form of it.
pub const SIXTEEN_IN_ARRAY: &str = "array16-c1";

/// Every work, in the order of the report.
pub static WORKS: [Work; 20] = [
    stream("a16-c0", "16 a-signals, no client", Signals::audio(16), 0, None),
    stream("a1-c1", "1 a-signal, 1 client", Signals::audio(1), 1, FIFTH),
    stream("a8-c1", "8 a-signals, 1 client", Signals::audio(8), 1, FIFTH),
    stream("a16-c1", "16 a-signals, 1 client that takes all, or 16 that take one each", Signals::audio(16), 1, SEVENTH),
    stream("array16-c1", "an array of 16 a-signals, 1 client", ARRAY, 1, FIFTH),
    stream("a1-c16", "1 a-signal, 16 clients", Signals::audio(1), 16, SEVENTH),
    stream("a8-c16", "8 a-signals, 16 clients", Signals::audio(8), 16, SEVENTH),
    stream("a16-c16", "16 a-signals, 16 clients that take all", Signals::audio(16), 16, SEVENTH),
    stream("k-64", "1 k-signal, ksmps 64", Signals::control(1, 64), 1, None),
    stream("k-8", "1 k-signal, ksmps 8", Signals::control(1, 8), 1, None),
    Work {
        id: LOSSES,
        title: "1 k-signal, ksmps 1",
        kind: Kind::Stream { signals: Signals::control(1, 1), clients: 1 },
        window: Some(Duration::from_secs(10)),
        bar: None,
    },
    stream("k16-1", "16 k-signals, ksmps 1", Signals::control(16, 1), 1, None),
    Work { id: "trip", title: "Round trip of a k-value", kind: Kind::Trip, window: None, bar: None },
    memory("memory-a1-c0", "1 a-signal, no client", 1, 0),
    memory("memory-a1-c1", "1 a-signal, 1 client", 1, 1),
    memory("memory-a16-c0", "16 a-signals, no client", 16, 0),
    memory("memory-a16-c1", "16 a-signals, 1 client", 16, 1),
    end("end-nobody", "nobody was connected", Audience::Nobody),
    end("end-stays", "a client is connected", Audience::Stays),
    end("end-left", "a client was connected and has left", Audience::Left),
];

/// The work with this id.
pub fn find(id: &str) -> Option<&'static Work> {
    WORKS.iter().find(|work| work.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn works_are_found_by_their_own_id() {
        let ids: BTreeSet<&str> = WORKS.iter().map(|work| work.id).collect();
        assert_eq!(ids.len(), WORKS.len());
        assert!(WORKS.iter().all(|work| find(work.id).is_some_and(|found| found.kind == work.kind)));
        assert!(find(LOSSES).is_some() && find(SIXTEEN).is_some() && find("a2").is_none());
    }

    #[test]
    fn variables_have_the_names_of_their_rate() {
        assert_eq!(Signals::audio(2).variables(), [("asig0".to_owned(), 0, 1), ("asig1".to_owned(), 1, 1)]);
        assert_eq!(ARRAY.variables(), [("asig".to_owned(), 0, 16)]);
        assert_eq!(Signals::control(1, 1).variables(), [("ksig0".to_owned(), 0, 1)]);
        assert_eq!((ARRAY.block(), Signals::control(1, 8).block()), (64, 1));
        assert!((ARRAY.k_rate() - 750.0).abs() < 1e-9);
    }
}
