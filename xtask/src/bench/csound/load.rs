//! The clients: one thread, one epoll loop, every connection read as soon as something is there.
//!
//! It runs as a process of its own (`xtask bench-csound-load`), pinned away from Csound, and measures in one place what belongs
//! together: messages, and Csound's CPU time over exactly the same window. The result is one line, which
//! [`Sample::parse`] reads back. It ends by itself: after the window, at the first wrong message, or when nothing comes.

use std::time::{Duration, Instant};

use super::super::histogram::Histogram;
use super::super::poll::Poll;
use super::super::process::{self, CpuAccount};
use super::sample::Sample;
use super::sequence::Sequence;
use super::stream::{LoadError, PATIENCE, Stream};
use super::work::{self, Kind, Signals};

/// Longest pause between two round trips; a pause is anything below, so that they begin anywhere in a k-cycle.
const PAUSE: Duration = Duration::from_millis(3);

/// What is to be measured.
struct Order {
    kind: Kind,
    /// Ports of 127.0.0.1: none, one, or one for each variable.
    ports: Vec<u16>,
    /// Csound's processes.
    pids: Vec<u32>,
    warm_up: Duration,
    window: Duration,
}

/// Entry of `xtask bench-csound-load`.
pub fn run(args: &[String]) -> Result<(), LoadError> {
    println!("{}", measure(&Order::parse(args).ok_or(LoadError::Usage)?)?.to_line());
    Ok(())
}

impl Order {
    fn parse(args: &[String]) -> Option<Self> {
        fn list<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
            text.split(',').filter(|item| !item.is_empty()).map(|item| item.parse().ok()).collect()
        }
        let value = |name: &str| args.get(args.iter().position(|arg| arg == name)? + 1).map(String::as_str);
        let millis = |name| value(name)?.parse().ok().map(Duration::from_millis);
        Some(Self {
            kind: work::find(value("--work")?)?.kind,
            ports: list(value("--ports").unwrap_or(""))?,
            pids: list(value("--pids")?)?,
            warm_up: millis("--warm-up")?,
            window: millis("--window")?,
        })
    }
}

fn measure(order: &Order) -> Result<Sample, LoadError> {
    match order.kind {
        Kind::Stream { signals, clients } | Kind::Memory { signals, clients } => {
            let mut audience = Audience::open(&signals, clients, &order.ports)?;
            audience.take(order.warm_up)?;
            audience.clear();
            let before = audience.last_cycle();
            let mut sample = account(order, || audience.take(order.window))?;
            let mut times = audience.gaps.quantiles();
            let (messages, missing) = audience.counts();
            if let Some((before, after)) = before.zip(audience.last_cycle()) {
                sample.behind = sample.elapsed.as_secs_f64() - (after - before) as f64 / signals.k_rate();
            } else {
                times = Times::default();
            }
            Ok(Sample { messages, missing, p50: times.p50, p99: times.p99, longest: times.longest, ..sample })
        }
        Kind::Trip => {
            let mut trips = Trips::open(*order.ports.first().ok_or(LoadError::Usage)?)?;
            trips.make(order.warm_up)?;
            trips.times = Gaps::new();
            let sample = account(order, || trips.make(order.window))?;
            let times = trips.times.quantiles();
            Ok(Sample { messages: trips.times.count, p50: times.p50, p99: times.p99, longest: times.longest, ..sample })
        }
        Kind::End(_) => Err(LoadError::Usage),
    }
}

/// Does something and reads the accounts before and after.
fn account(order: &Order, something: impl FnOnce() -> Result<(), LoadError>) -> Result<Sample, LoadError> {
    let accounts = || -> Result<(CpuAccount, CpuAccount), LoadError> {
        let csound = process::cpu_time(&order.pids).map_err(LoadError::Process)?;
        Ok((csound, process::cpu_time(&[std::process::id()]).map_err(LoadError::Process)?))
    };
    let (begin, before) = (Instant::now(), accounts()?);
    something()?;
    let (after, elapsed) = (accounts()?, begin.elapsed());
    let all = after.0.since(&before.0);
    // Csound performs on the thread that it was started with.
    let performance = order.pids.iter().map(|&pid| after.0.since_of(pid, &before.0).ran).sum();
    Ok(Sample {
        elapsed,
        performance,
        service: all.ran - performance,
        waited: all.waited,
        generator: after.1.since(&before.1).ran,
        memory: process::memory(&order.pids).map_err(LoadError::Process)?,
        ..Sample::default()
    })
}

/// A collection of times.
struct Gaps {
    histogram: Histogram,
    longest: Duration,
    count: u64,
}

/// What is said of it.
#[derive(Default)]
struct Times {
    p50: Duration,
    p99: Duration,
    longest: Duration,
}

impl Gaps {
    fn new() -> Self {
        Self { histogram: Histogram::new(), longest: Duration::ZERO, count: 0 }
    }

    fn record(&mut self, time: Duration) {
        self.histogram.record(time.as_nanos().try_into().unwrap_or(u64::MAX));
        self.longest = self.longest.max(time);
        self.count += 1;
    }

    fn quantiles(&self) -> Times {
        let quantile = |share| Duration::from_nanos(self.histogram.quantile(share));
        Times { p50: quantile(0.5), p99: quantile(0.99), longest: self.longest }
    }
}

/// All clients of a work.
struct Audience {
    poll: Poll,
    connections: Vec<(Stream, Sequence)>,
    ready: Vec<usize>,
    /// When the first connection got something.
    previous: Option<Instant>,
    /// Times between that.
    gaps: Gaps,
}

impl Audience {
    fn open(signals: &Signals, clients: usize, ports: &[u16]) -> Result<Self, LoadError> {
        let gaps = Gaps::new();
        let mut audience =
            Self { poll: Poll::new()?, connections: Vec::new(), ready: Vec::new(), previous: None, gaps };
        let variables = signals.variables();
        for _ in 0..if ports.is_empty() { 0 } else { clients } {
            for (index, (name, first, members)) in variables.iter().enumerate() {
                let stream = Stream::open(ports[index % ports.len()], name)?;
                audience.poll.add(stream.socket(), audience.connections.len())?;
                audience.connections.push((stream, Sequence::new(signals, *first, *members)));
                // Those that are open already are not kept waiting.
                audience.take(Duration::from_micros(100))?;
            }
        }
        Ok(audience)
    }

    /// Takes what comes for some time.
    fn take(&mut self, time: Duration) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        let mut alive = Instant::now();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            self.poll.wait(&mut self.ready, Some((end - now).min(PATIENCE)))?;
            if !self.ready.is_empty() {
                alive = Instant::now();
            } else if !self.connections.is_empty() && alive.elapsed() > PATIENCE {
                return Err(LoadError::Stuck);
            }
            for &token in &self.ready {
                let (stream, sequence) = &mut self.connections[token];
                stream.read(|message| sequence.handle(message))?;
                if token == 0 {
                    let now = Instant::now();
                    if let Some(previous) = self.previous.replace(now) {
                        self.gaps.record(now - previous);
                    }
                }
            }
        }
    }

    fn clear(&mut self) {
        self.connections.iter_mut().for_each(|(_, sequence)| sequence.clear());
        self.gaps = Gaps::new();
    }

    /// Messages that came, and those that are missing.
    fn counts(&self) -> (u64, u64) {
        let add = |sum: (u64, u64), sequence: &Sequence| (sum.0 + sequence.received, sum.1 + sequence.missing);
        self.connections.iter().map(|(_, sequence)| sequence).fold((0, 0), add)
    }

    /// The number of the k-cycle that the first connection got last.
    fn last_cycle(&self) -> Option<u64> {
        self.connections.first()?.1.last()
    }
}

/// Values that are sent to `kin` and awaited from `kout`.
struct Trips {
    poll: Poll,
    ready: Vec<usize>,
    there: Stream,
    back: Stream,
    /// What was sent last.
    value: f64,
    pauses: Pauses,
    times: Gaps,
}

impl Trips {
    fn open(port: u16) -> Result<Self, LoadError> {
        let (poll, back, there) = (Poll::new()?, Stream::open(port, "kout")?, Stream::open(port, "kin")?);
        poll.add(back.socket(), 0)?;
        poll.add(there.socket(), 1)?;
        let times = Gaps::new();
        Ok(Self { poll, ready: Vec::new(), there, back, value: 0.0, pauses: Pauses::new(), times })
    }

    /// One round trip at a time, for some time.
    fn make(&mut self, time: Duration) -> Result<(), LoadError> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let begin = Instant::now() + self.pauses.next();
            while Instant::now() < begin {
                self.turn(begin, self.value)?;
            }
            let next = self.value + 1.0;
            let sent = Instant::now();
            self.there.send(&next.to_le_bytes())?;
            while !self.turn(sent + PATIENCE, next)? {
                if sent.elapsed() > PATIENCE {
                    return Err(LoadError::Stuck);
                }
            }
            self.times.record(sent.elapsed());
            self.value = next;
        }
        Ok(())
    }

    /// Reads once; whether `awaited` came. Anything but this and the value before it is wrong.
    fn turn(&mut self, until: Instant, awaited: f64) -> Result<bool, LoadError> {
        self.poll.wait(&mut self.ready, Some(until.saturating_duration_since(Instant::now())))?;
        let (mut seen, before) = (false, self.value);
        let check = |message: &[u8]| {
            let value = message.try_into().map(f64::from_le_bytes).ok();
            seen |= value == Some(awaited);
            let known = value == Some(awaited) || (value == Some(before) && !seen);
            if known { Ok(()) } else { Err(LoadError::WrongMessage(format!("{value:?} where {awaited} is awaited"))) }
        };
        if self.ready.contains(&0) {
            self.back.read(check)?;
        }
        if self.ready.contains(&1) {
            self.there.read(|_| Ok(()))?;
        }
        Ok(seen)
    }
}

/// Pauses of any length below [`PAUSE`] (xorshift).
struct Pauses(u64);

impl Pauses {
    fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_nanos(self.0 % PAUSE.as_nanos() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_from_its_line() {
        let parse = |line: &str| Order::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let order = parse("--work a1-c1 --ports 9001,9002 --pids 7 --warm-up 400 --window 1500").expect("complete");
        assert_eq!((order.ports, order.pids, order.window), (vec![9001, 9002], vec![7], Duration::from_millis(1500)));
        assert!(parse("--work a1-c1 --pids 7 --warm-up 1 --window 1").is_some_and(|order| order.ports.is_empty()));
        assert!(parse("--work song --pids 7 --warm-up 1 --window 1").is_none());
        assert!(parse("--work a1-c1 --pids 7 --warm-up 1").is_none());
    }

    #[test]
    fn pauses_are_short_and_differ() {
        let mut pauses = Pauses::new();
        let pauses: Vec<Duration> = (0..100).map(|_| pauses.next()).collect();
        assert!(pauses.iter().all(|&pause| pause < PAUSE));
        assert!(pauses.iter().any(|&pause| pause > PAUSE / 2) && pauses.iter().any(|&pause| pause < PAUSE / 2));
    }
}
