//! The result of a session, in Markdown: the same tables on the terminal and on the page in `docs`.
//!
//! Every figure is a median over the rounds. What is above bare Csound, and a ratio, is formed within one round, so that what
//! slows the machine down for a while cancels out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Machine;
use super::super::comparison::report::Bars;
use super::super::report::{CALM, figure, grouped, line, median};
use super::end;
use super::hosts::{BARE, HOSTS, Host, ORIGINAL, OURS};
use super::sample::Sample;
use super::work::{Kind, LOSSES, SIXTEEN, SIXTEEN_IN_ARRAY, WORKS, Work};

/// Most that ours may take for 16 a-signals to one client, in per cent of a core.
const BAR_SIXTEEN: f64 = 5.0;
/// Most memory of ours over bare Csound, in MB.
const BAR_MEMORY: f64 = 10.0;
/// Most memory of ours for one of 16 a-signals, in MB.
const BAR_SIGNAL: f64 = 2.0;
/// Longest time until the port of a note that has ended is free, in ms.
const BAR_END: f64 = 50.0;

/// Everything that was measured, and with what.
pub struct Session {
    machine: Machine,
    rounds: usize,
    window: Duration,
    /// What was measured.
    pub versions: Vec<(&'static Host, String)>,
    /// By the id of the work, the name of the row and the round.
    pub samples: BTreeMap<(&'static str, &'static str, usize), Sample>,
    /// Times until a port was free, by the id of the work and the name of the row; `None`: it did not become free.
    pub ends: BTreeMap<(&'static str, &'static str), Vec<Option<Duration>>>,
    skipped: Vec<(&'static str, String)>,
    /// What went wrong while measuring.
    pub failures: Vec<String>,
}

impl Session {
    /// Nothing measured yet.
    pub fn new(machine: Machine, rounds: usize, window: Duration) -> Self {
        let (versions, samples, ends) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { machine, rounds, window, versions, samples, ends, skipped: Vec::new(), failures: Vec::new() }
    }

    /// Notes a row that cannot be measured.
    pub fn leave_out(&mut self, name: &'static str, reason: String) {
        println!("{name} is left out: {reason}");
        self.skipped.push((name, reason));
    }

    fn of<'a>(&'a self, work: &'a Work, host: &'a str) -> impl Iterator<Item = (usize, &'a Sample)> {
        let of = move |((id, name, _), _): &(&(&str, &str, usize), &Sample)| *id == work.id && *name == host;
        self.samples.iter().filter(of).map(|((_, _, round), sample)| (*round, sample))
    }

    fn median_of(&self, work: &Work, host: &str, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.of(work, host).map(|(_, sample)| figure(sample)).collect())
    }

    fn most_of(&self, work: &Work, host: &str, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        self.of(work, host).map(|(_, sample)| figure(sample)).max_by(f64::total_cmp)
    }

    /// Shares of a core above bare Csound, by round.
    fn above(&self, work: &Work, host: &str) -> BTreeMap<usize, f64> {
        let bare: BTreeMap<usize, f64> = self.of(work, BARE).map(|(round, sample)| (round, sample.cpu())).collect();
        self.of(work, host).filter_map(|(round, sample)| Some((round, sample.cpu() - bare.get(&round)?))).collect()
    }

    /// The same in microseconds for each message that arrived.
    fn per_message(&self, work: &Work, host: &str) -> BTreeMap<usize, f64> {
        let above = self.above(work, host);
        let of = |(round, sample): (usize, &Sample)| {
            (sample.messages > 0).then_some(())?;
            Some((round, above.get(&round)? * 1e6 / sample.rate()))
        };
        self.of(work, host).filter_map(of).collect()
    }

    /// The tables, for the terminal.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        let waited = |work| self.median_of(work, BARE, |sample| sample.share(sample.waited));
        let waited = WORKS.iter().filter_map(waited).fold(0.0, f64::max);
        if waited > CALM {
            line(
                &mut text,
                format_args!(
                    "**Not a calm session**: bare Csound waited for its core during {:.0} % of the time. Measure again.\n",
                    waited * 100.0
                ),
            );
        }
        self.write_pace(&mut text);
        for work in WORKS.iter().filter(|work| matches!(work.kind, Kind::Stream { .. })) {
            self.write_stream(&mut text, work);
        }
        self.write_trips(&mut text);
        self.write_memory(&mut text);
        self.write_ends(&mut text);
        self.bars().write(&mut text);
        if !self.skipped.is_empty() || !self.failures.is_empty() {
            text.push_str("## Not measured\n\n");
            for (name, reason) in &self.skipped {
                line(&mut text, format_args!("- {name}: {reason}"));
            }
            for failure in &self.failures {
                line(&mut text, format_args!("- {failure}"));
            }
        }
        text
    }

    /// The page for `docs`.
    pub fn page(&self) -> String {
        let mut text = "# Benchmarks of Csound's websocket opcode\n\n".to_owned();
        line(
            &mut text,
            format_args!(
                "Written by `cargo xtask bench csound` on {}; do not edit. Processor: {}. Kernel: {}. {} rounds of {} s for each \
                 work and row ({} s where losses are counted), 48,000 samples per second, loopback, no TLS.\n",
                self.machine.date,
                self.machine.processor,
                self.machine.kernel,
                self.rounds,
                self.window.as_secs_f64(),
                WORKS.iter().find(|work| work.id == LOSSES).and_then(|work| work.window).unwrap_or_default().as_secs(),
            ),
        );
        text.push_str(HOW_TO_READ);
        text.push_str("## Versions\n\n| row | what it is | version |\n|---|---|---|\n");
        for (host, version) in &self.versions {
            line(&mut text, format_args!("| {} | {} | {version} |", host.name, host.about));
        }
        text.push('\n');
        text + self.tables().trim_end() + "\n"
    }

    /// How evenly Csound ran, seen by a client: of all works in which every message arrived.
    fn write_pace(&self, text: &mut String) {
        let mut rows = String::new();
        for work in &WORKS {
            let Kind::Stream { signals, clients: 1 } = work.kind else { continue };
            for host in [ORIGINAL, OURS] {
                let all = |(_, sample): (usize, &Sample)| {
                    let pace = 1.0 - sample.behind / sample.elapsed.as_secs_f64();
                    (work.arrived(sample)? > 0.99 && signals.ksmps == 64).then_some(pace)
                };
                let Some(pace) = median(self.of(work, host).filter_map(all).collect()) else { continue };
                let millis = |time: fn(&Sample) -> Duration| move |sample: &Sample| time(sample).as_secs_f64() * 1e3;
                let of = |time| self.median_of(work, host, millis(time)).unwrap_or_default();
                line(
                    &mut rows,
                    format_args!(
                        "| {} | {host} | {pace:.4} | {:.2} | {:.2} | {:.2} |",
                        work.title,
                        of(|sample| sample.p50),
                        of(|sample| sample.p99),
                        of(|sample| sample.longest)
                    ),
                );
            }
        }
        if !rows.is_empty() {
            text.push_str("## Pace\n\n| work | row | k-cycles, × real time | between two messages, p50 ms | p99 ms | longest ms |\n");
            text.push_str("|---|---|---:|---:|---:|---:|\n");
            text.push_str(&rows);
            text.push('\n');
        }
    }

    fn write_stream(&self, text: &mut String, work: &Work) {
        if self.of(work, BARE).next().is_none() {
            return;
        }
        line(text, format_args!("## {}\n", work.title));
        text.push_str("| row | performance thread | other threads | whole | above bare | × original | messages/s | arrived | missing | ");
        text.push_str("behind ms | CPU µs/message | waited | load busy |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for host in &HOSTS {
            let of = |figure: fn(&Sample) -> f64| self.median_of(work, host.name, figure);
            let Some(whole) = of(Sample::cpu) else { continue };
            let percent =
                |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{:.2} %", share * 100.0));
            let compared = host.name != BARE;
            let above = median(self.above(work, host.name).into_values().collect()).filter(|_| compared);
            let ratio = median(ratios(&self.above(work, host.name), &self.above(work, ORIGINAL))).filter(|_| compared);
            let ratio = ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.3}"));
            let mut arrivals = "– | – | – | – | –".to_owned();
            if let Some(cost) = median(self.per_message(work, host.name).into_values().collect()).filter(|_| compared) {
                let arrived = median(self.of(work, host.name).filter_map(|(_, sample)| work.arrived(sample)).collect());
                arrivals = format!(
                    "{} | {:.1} % | {} | {:.1} | {}",
                    grouped(of(Sample::rate).unwrap_or_default()),
                    arrived.unwrap_or_default() * 100.0,
                    grouped(of(|sample| sample.missing as f64).unwrap_or_default()),
                    of(|sample| sample.behind * 1e3).unwrap_or_default(),
                    figure(cost),
                );
            }
            line(
                text,
                format_args!(
                    "| {} | {} | {} | {} | {} | {ratio} | {arrivals} | {} | {} |",
                    host.name,
                    percent(of(|sample| sample.share(sample.performance))),
                    percent(of(|sample| sample.share(sample.service))),
                    percent(Some(whole)),
                    percent(above),
                    percent(of(|sample| sample.share(sample.waited))),
                    percent(of(|sample| sample.share(sample.generator))),
                ),
            );
        }
        text.push('\n');
    }

    fn write_trips(&self, text: &mut String) {
        let Some(work) = WORKS.iter().find(|work| work.kind == Kind::Trip) else { return };
        if HOSTS.iter().all(|host| self.of(work, host.name).next().is_none()) {
            return;
        }
        line(text, format_args!("## {}\n", work.title));
        text.push_str("| row | p50 ms | p99 ms | longest ms | round trips/s | whole CPU | waited |\n|---|---:|---:|---:|---:|---:|---:|\n");
        for host in &HOSTS {
            let of = |figure: fn(&Sample) -> f64| self.median_of(work, host.name, figure).unwrap_or_default();
            if self.of(work, host.name).next().is_none() {
                continue;
            }
            line(
                text,
                format_args!(
                    "| {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} % | {:.2} % |",
                    host.name,
                    of(|sample| sample.p50.as_secs_f64() * 1e3),
                    of(|sample| sample.p99.as_secs_f64() * 1e3),
                    of(|sample| sample.longest.as_secs_f64() * 1e3),
                    of(Sample::rate),
                    of(Sample::cpu) * 100.0,
                    of(|sample| sample.share(sample.waited)) * 100.0,
                ),
            );
        }
        text.push('\n');
    }

    fn write_memory(&self, text: &mut String) {
        let mut rows = String::new();
        for work in WORKS.iter().filter(|work| matches!(work.kind, Kind::Memory { .. })) {
            for host in &HOSTS {
                let of = |memory: fn(&Sample) -> u64| self.median_of(work, host.name, |sample| mb(memory(sample)));
                let (Some(pss), Some(anon)) = (of(proportional), of(anonymous)) else { continue };
                let over = |memory| match self.over_bare(work, host.name, memory).filter(|_| host.name != BARE) {
                    Some(over) => format!("{over:.2}"),
                    None => "–".to_owned(),
                };
                let (pss_over, anonymous_over) = (over(proportional), over(anonymous));
                line(
                    &mut rows,
                    format_args!(
                        "| {} | {} | {pss:.1} | {pss_over} | {anon:.1} | {anonymous_over} |",
                        work.title, host.name
                    ),
                );
            }
        }
        if !rows.is_empty() {
            text.push_str("## Memory\n\n| | row | PSS MB | over bare MB | anonymous MB | over bare MB |\n|---|---|---:|---:|---:|---:|\n");
            text.push_str(&rows);
            text.push('\n');
        }
    }

    /// Memory over bare Csound in the same work, in MB.
    fn over_bare(&self, work: &Work, host: &str, memory: fn(&Sample) -> u64) -> Option<f64> {
        let of = |host| self.median_of(work, host, |sample| mb(memory(sample)));
        Some(of(host)? - of(BARE)?)
    }

    fn write_ends(&self, text: &mut String) {
        if self.ends.is_empty() {
            return;
        }
        text.push_str("## From the end of a note until its port is free\n\n| | row | median ms | longest ms |\n|---|---|---:|---:|\n");
        for work in &WORKS {
            for host in &HOSTS {
                let Some(times) = self.ends.get(&(work.id, host.name)) else { continue };
                line(
                    text,
                    format_args!(
                        "| {} | {} | {} | {} |",
                        work.title,
                        host.name,
                        shown(middle(times)),
                        shown(longest(times))
                    ),
                );
            }
        }
        text.push('\n');
    }

    /// Ours against what it must reach.
    fn bars(&self) -> Bars {
        let mut bars = Bars::default();
        for work in &WORKS {
            let Some(bar) = work.bar else { continue };
            let title = work.title;
            if let Some(ratio) = median(ratios(&self.above(work, OURS), &self.above(work, ORIGINAL))) {
                bars.at_most(format_args!("{title}: CPU above bare Csound, of the original's"), ratio, bar, "×");
            }
            let of_messages = median(ratios(&self.per_message(work, OURS), &self.per_message(work, ORIGINAL)));
            if let Some(ratio) = of_messages.filter(|_| work.is_dealt()) {
                bars.at_most(format_args!("{title}: the same for each message that arrives"), ratio, bar, "×");
            }
        }
        for work in WORKS.iter().filter(|work| [SIXTEEN, SIXTEEN_IN_ARRAY].contains(&work.id)) {
            if let Some(above) = median(self.above(work, OURS).into_values().collect()) {
                bars.at_most(
                    format_args!("{}: CPU above bare Csound", work.title),
                    above * 100.0,
                    BAR_SIXTEEN,
                    "% of a core",
                );
            }
        }
        for work in WORKS.iter().filter(|work| work.id == LOSSES) {
            if let Some(missing) = self.most_of(work, OURS, |sample| sample.missing as f64) {
                bars.at_most(format_args!("{}: messages lost in any round", work.title), missing, 0.0, "messages");
            }
        }
        for work in WORKS.iter().filter(|work| matches!(work.kind, Kind::Memory { .. })) {
            if let Some(over) = self.over_bare(work, OURS, proportional) {
                bars.at_most(format_args!("{}: memory (PSS) over bare Csound", work.title), over, BAR_MEMORY, "MB");
                if let Some((signals, _)) = work.kind.signals().filter(|(signals, _)| signals.count > 1) {
                    let each = over / signals.count as f64;
                    bars.at_most(format_args!("{}: the same for each signal", work.title), each, BAR_SIGNAL, "MB");
                }
            }
        }
        for work in &WORKS {
            if let Some(times) = self.ends.get(&(work.id, OURS)) {
                let longest = longest(times).unwrap_or(end::LIMIT).as_secs_f64() * 1e3;
                bars.at_most(
                    format_args!("end of a note, {}: longest until the port is free", work.title),
                    longest,
                    BAR_END,
                    "ms",
                );
            }
        }
        bars
    }
}

impl Work {
    /// Share (0 to 1) of the messages that should arrive in a window, if any.
    fn arrived(&self, sample: &Sample) -> Option<f64> {
        let (signals, clients) = self.kind.signals().filter(|&(_, clients)| clients > 0)?;
        Some(sample.rate() / (signals.k_rate() * (signals.variables().len() * clients) as f64))
    }

    /// Whether several clients take the same variable, which the original deals out among them.
    fn is_dealt(&self) -> bool {
        self.kind.signals().is_some_and(|(_, clients)| clients > 1)
    }
}

/// `some` as multiples of `others`, over the rounds that have both.
fn ratios(some: &BTreeMap<usize, f64>, others: &BTreeMap<usize, f64>) -> Vec<f64> {
    some.iter().filter_map(|(round, one)| Some(one / others.get(round)?)).collect()
}

fn proportional(sample: &Sample) -> u64 {
    sample.memory.proportional
}

fn anonymous(sample: &Sample) -> u64 {
    sample.memory.anonymous
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The middle of the times; `None` where it is longer than was waited.
fn middle(times: &[Option<Duration>]) -> Option<Duration> {
    let seconds = times.iter().map(|time| time.map_or(f64::INFINITY, |time| time.as_secs_f64())).collect();
    median(seconds).and_then(|time| Duration::try_from_secs_f64(time).ok())
}

/// The longest of the times; `None` where one is longer than was waited.
fn longest(times: &[Option<Duration>]) -> Option<Duration> {
    times.iter().copied().collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn shown(time: Option<Duration>) -> String {
    time.map_or(format!("over {}", end::LIMIT.as_millis()), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
}

/// What a reader of the page has to know.
const HOW_TO_READ: &str = "\
## How to read this

- Each row is Csound with the same csd, but for its `websocket`: **bare** has none, **original** loads Debian's plugin,
  **patchcord** ours. A signal is the number of the k-cycle, so that a client sees what is missing, repeated or not its own; such a
  message ends the measurement. `xtask/src/bench/csound/orchestra.rs` writes the csd.
- Csound runs in real time, without a sound card: on its own clocked driver (`-+rtaudio=null -odac`, buffers of 64 samples), which sleeps in
  whole milliseconds until a buffer is due. **Pace** shows that it keeps to real time, and how evenly messages came to a client:
  at ksmps 64 one is due each 1.33 ms. At ksmps 1 there are 64 k-cycles in a row for each buffer, as with a sound card.
- **The original takes one input for each opcode and one opcode for each port.** With 8 and 16 signals it has therefore 8 and 16 opcodes on as many
  ports, each with a thread; ours has one opcode on one port. `patchcord-ports` is ours with the original's orchestra, unchanged. An array
  is one variable for both.
- **A client** is one that takes every signal, with a connection for each (one for an array): that is how a name is chosen. For Csound
  16 signals to one client and to 16 clients that take one each are therefore the same work.
- **The original has one queue for each signal and deals its messages out among the clients of it:** with 16 clients each gets a sixteenth
  (**arrived**: messages that came, of those that should have come to all clients). Ours sends every message to every client, 16 times
  the work. The bars for 16 clients are nevertheless held against the original's whole CPU time; a second row divides by the messages that
  arrived.
- CPU is user and system time in per cent of one core, from `/proc/PID/task/*/schedstat`: of the thread that performs, of all
  others, and of the whole process. **above bare** subtracts bare Csound's of the same round, and **× original** divides ours above bare
  by the original's above bare. CPU µs/message is what is above bare for each message that arrived.
- **missing** counts k-cycles between messages that came, whose message did not come, on all connections in one window. **behind** is by how
  much the newest value that a client has fell behind real time within the window: the original keeps what it cannot send, 32,768
  k-cycles, before it loses anything.
- **waited** is the time for which a thread of Csound was ready and had no core, **load busy** the CPU time of the clients, on the other core. With many
  threads on one core the original's wait for each other. Above a few per cent in bare Csound the machine was busy with something else.
- In a **round trip** a client sends a value to `kin` at any time within a k-cycle and waits for it from `kout`; the orchestra copies one to the
  other, so that it goes out in the k-cycle behind the one that it came in. Two k-cycles are 2.67 ms.
- **Memory** is PSS, where what processes share is divided among them (libraries, mostly), and anonymous memory alone, which is what a plugin has allocated and touched.
  It is measured once, at the end of a window, with all rows at the same time. 1 MB is 10⁶ bytes.
- **The end of a note** is when Csound prints a line in its last k-cycle; a port is free when it can be opened anew, which is tried each 0.2 ms
  for 3 s. The original does not let go of a port to which no client is connected.
- Every figure is a median over the rounds unless it says otherwise, and a ratio is formed within a round. Differences under about 15 % are not
  established by one session.

";

#[cfg(test)]
mod tests {
    use super::super::super::process::Memory;
    use super::super::work::find;
    use super::*;

    /// Windows of ten seconds.
    fn sample(performance_ms: u64, service_ms: u64, messages: u64, memory: u64) -> Sample {
        Sample {
            elapsed: Duration::from_secs(10),
            messages,
            performance: Duration::from_millis(performance_ms),
            service: Duration::from_millis(service_ms),
            p50: Duration::from_micros(1300),
            memory: Memory { proportional: memory, anonymous: memory / 2 },
            ..Sample::default()
        }
    }

    fn session() -> Session {
        let machine = Machine { date: "2026-01-02".into(), processor: "a processor".into(), kernel: "a kernel".into() };
        let mut session = Session::new(machine, 2, Duration::from_secs(3));
        session.versions = HOSTS.iter().map(|host| (host, "1".to_owned())).collect();
        for round in 0..2 {
            // All in the second round is twice as slow.
            let slow = 1 + round as u64;
            for (id, messages) in [("a1-c1", (7500, 7500)), ("a1-c16", (7500, 120_000))] {
                session.samples.insert((id, BARE, round), sample(100 * slow, 0, 0, 0));
                session.samples.insert((id, ORIGINAL, round), sample(100 * slow, 1000 * slow, messages.0, 0));
                session.samples.insert((id, OURS, round), sample(110 * slow, 150 * slow, messages.1, 0));
            }
            let mut lossy = sample(100, 100, 480_000, 0);
            lossy.missing = round as u64;
            session.samples.insert((LOSSES, OURS, round), lossy);
        }
        for (host, memory) in [(BARE, 20_000_000), (ORIGINAL, 300_000_000), (OURS, 28_000_000)] {
            session.samples.insert(("memory-a16-c1", host, 0), sample(0, 0, 0, memory));
        }
        session.ends.insert(("end-left", ORIGINAL), vec![None, None]);
        session.ends.insert(("end-left", OURS), vec![Some(Duration::from_millis(2)), Some(Duration::from_millis(60))]);
        session
    }

    #[test]
    fn what_is_above_bare_is_compared_within_a_round() {
        let page = session().page();
        for expected in [
            "| bare | 1.50 % | 0.00 % | 1.50 % | – | – | – | – | – | – | – | 0.00 % | 0.00 % |",
            "| patchcord | 1.65 % | 2.25 % | 3.90 % | 2.40 % | 0.160 | 750 | 100.0 % | 0 | 0.0 | 32.0 | 0.00 % | 0.00 % |",
            "| original | 1.50 % | 15.00 % | 16.50 % | 15.00 % | 1.000 | 750 | 6.2 % | 0 | 0.0 | 200.0 | 0.00 % | 0.00 % |",
            "| 1 a-signal, 1 client: CPU above bare Csound, of the original's | 0.16 × | ≤ 0.2 × | met |",
            "| 1 a-signal, 16 clients: CPU above bare Csound, of the original's | 0.16 × | ≤ 0.143 × | **missed** |",
            "| 1 a-signal, 16 clients: the same for each message that arrives | 0.01 × | ≤ 0.143 × | met |",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
        assert!(!page.contains("Not a calm session") && !page.contains("1 client: the same for each message"));
    }

    #[test]
    fn a_loss_in_one_round_and_the_longest_end_count() {
        let page = session().page();
        for expected in [
            "| 1 k-signal, ksmps 1: messages lost in any round | 1.00 messages | ≤ 0 messages | **missed** |",
            "| 16 a-signals, 1 client | patchcord | 28.0 | 8.00 | 14.0 | 4.00 |",
            "| 16 a-signals, 1 client: memory (PSS) over bare Csound | 8.00 MB | ≤ 10 MB | met |",
            "| 16 a-signals, 1 client: the same for each signal | 0.50 MB | ≤ 2 MB | met |",
            "| a client was connected and has left | original | over 3000 | over 3000 |",
            "| a client was connected and has left | patchcord | 31.0 | 60.0 |",
            "longest until the port is free | 60.00 ms | ≤ 50 ms | **missed** |",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
    }

    #[test]
    fn arrivals_are_counted_of_what_was_asked_for() {
        let work = find("a1-c16").expect("a work");
        assert_eq!(work.arrived(&sample(0, 0, 60_000, 0)), Some(0.5));
        assert_eq!(find("a16-c0").and_then(|work| work.arrived(&sample(0, 0, 1, 0))), None);
    }

    #[test]
    fn a_session_that_was_disturbed_says_so() {
        let mut session = session();
        for sample in session.samples.values_mut() {
            sample.waited = Duration::from_secs(2);
        }
        session.leave_out(ORIGINAL, "no package".into());
        let tables = session.tables();
        assert!(tables.contains("**Not a calm session**: bare Csound waited for its core during 20 %"));
        assert!(tables.contains("- original: no package"));
    }
}
