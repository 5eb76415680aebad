//! The result of a session, in Markdown: the same tables on the terminal and in `docs/benchmarks.md`.
//!
//! Every figure is a median over the rounds. A ratio is formed within one round, against the floor of that round, so
//! that what slows the machine down for a while cancels out. The smallest ratio stands beside the median to show the
//! spread: other work can disturb the server or the floor, so it is no better estimate than the median.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::Machine;
use super::generator::{Footprint, MEMORY_CONNECTIONS};
use super::measurement::Measurement;
use super::servers::{FLOOR, OURS_DEMO, OURS_NATIVE, OURS_PYTHON, Row};
use super::work::{CONNECTIONS, WORKS, Work};

/// Most resident memory for an idle WebSocket of ours, in bytes.
const BAR_MEMORY: i64 = 4096;
/// Share of the time for which the floor may wait for its core in a session that is worth comparing.
pub const CALM: f64 = 0.05;
/// Longest start of the demo patch until a request is answered.
const BAR_START: Duration = Duration::from_millis(150);

/// Everything that was measured, and with what.
pub struct Session {
    /// When and where it was held.
    pub machine: Machine,
    /// Number of rounds.
    pub rounds: usize,
    /// Length of a measured window.
    pub window: Duration,
    /// What was measured, the floor first.
    pub servers: Vec<Outcome>,
    /// What was left out, and why.
    pub skipped: Vec<(&'static str, String)>,
    /// What went wrong while measuring.
    pub failures: Vec<String>,
}

/// The results of one server.
pub struct Outcome {
    /// The server.
    pub row: &'static Row,
    /// Name and version.
    pub version: String,
    /// Times from start to the first answered request.
    pub starts: Vec<Duration>,
    /// Memory of an idle WebSocket.
    pub footprint: Option<Footprint>,
    /// Measurements by the id of the work and by round.
    pub samples: BTreeMap<(&'static str, usize), Measurement>,
}

impl Outcome {
    /// Nothing measured yet.
    pub fn new(row: &'static Row, version: String) -> Self {
        Self { row, version, starts: Vec::new(), footprint: None, samples: BTreeMap::new() }
    }

    fn of_work(&self, work: &Work) -> Vec<(usize, &Measurement)> {
        let samples = self.samples.iter().filter(|((id, _), _)| *id == work.id);
        samples.map(|((_, round), measurement)| (*round, measurement)).collect()
    }

    fn median_of(&self, work: &Work, figure: impl Fn(&Measurement) -> f64) -> Option<f64> {
        median(self.of_work(work).into_iter().map(|(_, measurement)| figure(measurement)).collect())
    }

    /// CPU time per operation as a multiple of the floor's, one for each round that has both.
    fn ratios(&self, work: &Work, floor: &Self) -> Vec<f64> {
        let ratio = |(round, measurement): (usize, &Measurement)| {
            Some(measurement.cpu_us() / floor.samples.get(&(work.id, round))?.cpu_us())
        };
        self.of_work(work).into_iter().filter_map(ratio).collect()
    }
}

impl Session {
    /// The tables, for the terminal.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        let Some(floor) = self.servers.iter().find(|server| server.row.name == FLOOR) else { return text };
        let waited = |work| floor.median_of(work, |sample| sample.share(sample.waited));
        let waited = WORKS.iter().filter_map(waited).fold(0.0, f64::max);
        if waited > CALM {
            line(
                &mut text,
                format_args!(
                    "**Not a calm session**: the floor waited for its core during {:.0} % of the time. Measure again.\n",
                    waited * 100.0
                ),
            );
        }
        for work in &WORKS {
            self.write_work(&mut text, work, floor);
        }
        self.write_starts(&mut text);
        self.write_bars(&mut text, floor);
        if !self.skipped.is_empty() || !self.failures.is_empty() {
            text.push_str("## Not measured\n\n");
            for (name, reason) in &self.skipped {
                line(&mut text, format_args!("- {name}: {reason}"));
            }
            for failure in &self.failures {
                line(&mut text, format_args!("- {failure}"));
            }
            text.push('\n');
        }
        text
    }

    /// The page for `docs/benchmarks.md`.
    pub fn page(&self) -> String {
        let mut text = String::from("# Benchmarks of the web server\n\n");
        line(
            &mut text,
            format_args!(
                "Written by `cargo xtask bench web` on {}; do not edit. Processor: {}. Kernel: {}. {} rounds of {} s for \
                 each work and server, {CONNECTIONS} connections, loopback, no TLS.\n",
                self.machine.date,
                self.machine.processor,
                self.machine.kernel,
                self.rounds,
                self.window.as_secs_f64()
            ),
        );
        text.push_str("The WebSocket client is measured [on a page of its own](benchmarks-websocket-client.md).\n\n");
        text.push_str(HOW_TO_READ);
        text.push_str("## Versions\n\n| server | what it is | version |\n|---|---|---|\n");
        for server in &self.servers {
            line(&mut text, format_args!("| {} | {} | {} |", server.row.name, server.row.about, server.version));
        }
        text.push('\n');
        text + self.tables().trim_end() + "\n"
    }

    fn write_work(&self, text: &mut String, work: &Work, floor: &Outcome) {
        let Some(here) = floor.median_of(work, Measurement::cpu_us) else { return };
        line(text, format_args!("## {}\n", work.title));
        line(
            text,
            format_args!(
                "The floor takes {} µs here; it took {} µs on the machine the bars were set on.\n",
                figure(here),
                work.floor_reference_us
            ),
        );
        text.push_str("| server | CPU µs/op | × floor, median | × floor, smallest | op/s | p50 µs | p99 µs | server busy | server waited | load busy |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for server in &self.servers {
            let ratios = server.ratios(work, floor);
            let smallest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
            let of = |figure: fn(&Measurement) -> f64| server.median_of(work, figure).unwrap_or_default();
            let Some(ratio) = median(ratios) else { continue };
            line(
                text,
                format_args!(
                    "| {} | {} | {ratio:.2} | {smallest:.2} | {} | {:.0} | {:.0} | {:.0} % | {:.0} % | {:.0} % |",
                    server.row.name,
                    figure(of(Measurement::cpu_us)),
                    grouped(of(Measurement::rate)),
                    of(|sample| sample.p50.as_secs_f64() * 1e6),
                    of(|sample| sample.p99.as_secs_f64() * 1e6),
                    of(|sample| sample.share(sample.cpu) * 100.0),
                    of(|sample| sample.share(sample.waited) * 100.0),
                    of(|sample| sample.share(sample.generator) * 100.0),
                ),
            );
        }
        text.push('\n');
    }

    fn write_starts(&self, text: &mut String) {
        text.push_str("## Start and memory\n\n");
        line(
            text,
            format_args!(
                "Start: until the first request is answered (an upgrade where a server has no HTTP). Memory: growth of the resident \
                 set for each of {MEMORY_CONNECTIONS} idle plaintext WebSockets, just opened, and after one message and its echo \
                 on each.\n"
            ),
        );
        text.push_str("| server | start, median ms | start, shortest ms | opened, KiB | after an echo, KiB |\n|---|---:|---:|---:|---:|\n");
        for server in &self.servers {
            let millis: Vec<f64> = server.starts.iter().map(|time| time.as_secs_f64() * 1e3).collect();
            let shortest = millis.iter().copied().fold(f64::INFINITY, f64::min);
            let Some(start) = median(millis) else { continue };
            let kib = |bytes: fn(&Footprint) -> i64| match &server.footprint {
                Some(footprint) => format!("{:.1}", bytes(footprint) as f64 / 1024.0),
                None => "–".to_owned(),
            };
            let (opened, used) = (kib(|footprint| footprint.opened), kib(|footprint| footprint.used));
            line(text, format_args!("| {} | {start:.0} | {shortest:.0} | {opened} | {used} |", server.row.name));
        }
        text.push('\n');
    }

    /// Ours against what it must reach.
    fn write_bars(&self, text: &mut String, floor: &Outcome) {
        let mut rows = String::new();
        let mut row = |what: &str, server: &str, got: String, bar: String, met: bool| {
            let verdict = if met { "met" } else { "**missed**" };
            line(&mut rows, format_args!("| {what} | {server} | {got} | ≤ {bar} | {verdict} |"));
        };
        for server in self.servers.iter().filter(|server| server.row.is_ours()) {
            let name = server.row.name;
            for work in &WORKS {
                let bar = if name == OURS_NATIVE { work.bar_native } else { work.bar_python };
                if let Some(ratio) = median(server.ratios(work, floor)) {
                    row(work.title, name, format!("{ratio:.2} ×"), format!("{bar} ×"), ratio <= bar);
                }
            }
            if let Some(footprint) = server.footprint.filter(|_| matches!(name, OURS_PYTHON | OURS_NATIVE)) {
                let most = footprint.opened.max(footprint.used);
                let got = format!("{:.1} KiB", most as f64 / 1024.0);
                row("memory of an idle WebSocket", name, got, format!("{} KiB", BAR_MEMORY / 1024), most <= BAR_MEMORY);
            }
            let starts = server.starts.iter().map(Duration::as_secs_f64).collect();
            if let Some(start) = median(starts).filter(|_| name == OURS_DEMO) {
                let met = start <= BAR_START.as_secs_f64();
                row(
                    "start to first answer",
                    name,
                    format!("{:.0} ms", start * 1e3),
                    format!("{} ms", BAR_START.as_millis()),
                    met,
                );
            }
        }
        if !rows.is_empty() {
            text.push_str("## Bars\n\n| what | server | median | bar | |\n|---|---|---:|---:|---|\n");
            text.push_str(&rows);
            text.push('\n');
        }
    }
}

const HOW_TO_READ: &str = "\
## How to read this

- **CPU µs/op** is what an operation costs the server: user and system time of all its processes, divided by the answers
  of the same window. It hardly depends on the load generator, so it is the figure to compare; rate and latency are
  those of a closed loop and depend on both sides.
- **× floor** divides it by the floor of the same round. The floor is a bare epoll loop that does little more than the protocols need
  (`xtask/src/bench/floor.rs`), and most of its time is the kernel's. Ratios of different sessions compare, microseconds of
  different sessions do not. Median and smallest ratio lie close together in a calm session; other work on the machine can
  disturb the server of a round or its floor, so the smallest is a sign of the spread and not the better figure. Differences
  under about 15 % are not established by one session.
- **server busy** below 90 % beside a **load busy** near 100 % says that the load generator was the limit: the rate is
  then its rate. **server waited** is the time for which a thread of the server was ready and had no core: a server that
  has to wait finds more work at each wake and looks cheaper than it is, so anything above a few per cent means that the
  machine was busy with something else (or that the server's own threads compete for its core).
- The server is pinned to one core and the load generator to another. All servers are started once and are idle while
  another one is measured; their order rotates from round to round.
- **hyper** is the HTTP library below the Web Server DAT with nothing of ours: what it costs above the floor is its own, and
  what `patchcord-native` costs above it is the operator's (limits, counters, headers as scripts see them, the callback).
- Every answer is compared with what it must be; a wrong one ends the measurement.
- CPU times come from `/proc/PID/task/*/schedstat`, memory from `/proc/PID/smaps_rollup`.

";

pub fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

/// The middle value, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

/// Three digits that matter for what is below 10.
pub fn figure(value: f64) -> String {
    if value < 1.0 {
        format!("{value:.3}")
    } else if value < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

/// A whole number with its thousands apart.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::servers::ROWS;
    use super::*;

    fn outcome(name: &str, cpu_us: &[f64]) -> Outcome {
        let row = ROWS.iter().find(|row| row.name == name).expect("a row of the table");
        let mut outcome = Outcome::new(row, format!("{name} 1.0"));
        outcome.starts = vec![Duration::from_millis(160)];
        for (round, cpu_us) in cpu_us.iter().enumerate() {
            let measurement = Measurement {
                operations: 1_000_000,
                elapsed: Duration::from_secs(10),
                cpu: Duration::from_secs_f64(*cpu_us),
                waited: Duration::ZERO,
                generator: Duration::from_secs(1),
                p50: Duration::from_micros(100),
                p99: Duration::from_micros(300),
            };
            outcome.samples.insert((WORKS[0].id, round), measurement);
        }
        outcome
    }

    fn session() -> Session {
        let mut ours = outcome(OURS_PYTHON, &[5.0, 18.0, 4.4]);
        ours.footprint = Some(Footprint { opened: 1024, used: 5120 });
        Session {
            machine: Machine { date: "2026-01-02".into(), processor: "a processor".into(), kernel: "a kernel".into() },
            rounds: 3,
            window: Duration::from_millis(1500),
            servers: vec![outcome(FLOOR, &[4.0, 8.0, 4.0]), ours, outcome(OURS_DEMO, &[])],
            skipped: vec![("granian", "pip ended".into())],
            failures: vec!["ws, HTTP: wrong answer".into()],
        }
    }

    #[test]
    fn ratios_are_formed_within_a_round() {
        let text = session().tables();
        // 5/4, 18/8 and 4.4/4: the median is 1.25, the smallest 1.10; medians of the times alone would say the same
        // only by chance.
        assert!(
            text.contains("| patchcord | 5.00 | 1.25 | 1.10 | 100,000 | 100 | 300 | 50 % | 0 % | 10 % |"),
            "{text}"
        );
        assert!(text.contains("The floor takes 4.00 µs here; it took 4.7 µs"), "{text}");
    }

    #[test]
    fn bars_are_judged_and_gaps_are_named() {
        let text = session().page();
        assert!(text.contains("| HTTP GET, 30-byte body | patchcord | 1.25 × | ≤ 1.3 × | met |"), "{text}");
        assert!(
            text.contains("| memory of an idle WebSocket | patchcord | 5.0 KiB | ≤ 4 KiB | **missed** |"),
            "{text}"
        );
        assert!(text.contains("| start to first answer | patchcord-demo | 160 ms | ≤ 150 ms | **missed** |"), "{text}");
        assert!(text.contains("- granian: pip ended") && text.contains("- ws, HTTP: wrong answer"), "{text}");
    }

    #[test]
    fn a_session_that_was_disturbed_says_so() {
        let mut session = session();
        assert!(!session.tables().contains("Not a calm session"));
        for sample in session.servers[0].samples.values_mut() {
            sample.waited = Duration::from_secs(2);
        }
        assert!(
            session.tables().contains("**Not a calm session**: the floor waited for its core during 20 % of the time")
        );
    }

    #[test]
    fn numbers_are_shown_in_full() {
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
        assert_eq!((grouped(1234567.0), grouped(999.0)), ("1,234,567".to_owned(), "999".to_owned()));
        assert_eq!((figure(0.2711), figure(4.7), figure(63.21)), ("0.271".into(), "4.70".into(), "63.2".into()));
    }
}
