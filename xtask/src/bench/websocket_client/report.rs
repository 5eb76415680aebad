//! The result of a session, in Markdown: the same tables on the terminal and in `docs/benchmarks-websocket-client.md`.
//!
//! Every figure is a median over the rounds, and a ratio is formed within one round, as in the report of the server.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Machine;
use super::super::report::{CALM, figure, grouped, line, median};
use super::clients::{BARE, OURS_CALLBACK, OURS_TABLE, PICOWS, Row, WEBSOCKETS};
use super::server::Taken;
use super::work::{BAR_BARE, BAR_MEMORY, BAR_PICOWS, BAR_ROUND_TRIP, BAR_WEBSOCKETS, Kind, WORKS, Work};

/// Everything that was measured, and with what.
pub struct Session {
    /// When and where it was held.
    pub machine: Machine,
    /// Number of rounds.
    pub rounds: usize,
    /// Length of a measured window.
    pub window: Duration,
    /// What was measured, the bare client first.
    pub clients: Vec<Outcome>,
    /// What was left out, and why.
    pub skipped: Vec<(&'static str, String)>,
    /// What went wrong while measuring.
    pub failures: Vec<String>,
}

/// The results of one client.
pub struct Outcome {
    /// The client.
    pub row: &'static Row,
    /// Name and version.
    pub version: String,
    /// What was measured, by the id of the work and by round.
    pub samples: BTreeMap<(&'static str, usize), Taken>,
}

impl Outcome {
    /// Nothing measured yet.
    pub fn new(row: &'static Row, version: String) -> Self {
        Self { row, version, samples: BTreeMap::new() }
    }

    fn of_work<'a>(&'a self, work: &'a Work) -> impl Iterator<Item = (usize, &'a Taken)> {
        self.samples.iter().filter(|((id, _), _)| *id == work.id).map(|((_, round), taken)| (*round, taken))
    }

    fn median_of(&self, work: &Work, figure: impl Fn(&Taken) -> f64) -> Option<f64> {
        median(self.of_work(work).map(|(_, taken)| figure(taken)).collect())
    }

    /// A figure as a multiple of another client's, for each round that has both.
    fn ratios(&self, work: &Work, other: &Self, figure: fn(&Taken) -> f64) -> Option<f64> {
        let ratio = |(round, taken)| Some(figure(taken) / figure(other.samples.get(&(work.id, round))?));
        median(self.of_work(work).filter_map(ratio).collect())
    }
}

/// Messages for one second of CPU time.
fn per_cpu_second(taken: &Taken) -> f64 {
    1e6 / taken.measurement.cpu_us()
}

fn p50(taken: &Taken) -> f64 {
    taken.measurement.p50.as_secs_f64() * 1e6
}

impl Session {
    /// The tables, for the terminal.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        let Some(bare) = self.client(BARE) else { return text };
        let waited = |taken: &Taken| taken.measurement.share(taken.measurement.waited);
        let waited = WORKS.iter().filter_map(|work| bare.median_of(work, waited)).fold(0.0, f64::max);
        if waited > CALM {
            line(
                &mut text,
                format_args!(
                    "**Not a calm session**: the bare client waited for its core during {:.0} % of the time. Measure again.\n",
                    waited * 100.0
                ),
            );
        }
        for work in WORKS.iter().filter(|work| self.clients.iter().any(|client| client.of_work(work).count() > 0)) {
            line(&mut text, format_args!("## {}\n", work.title));
            match work.kind {
                Kind::Flood => self.write_flood(&mut text, work, bare),
                Kind::Fill { messages } => self.write_fill(&mut text, work, messages),
                Kind::Echo => self.write_echo(&mut text, work),
            }
        }
        self.write_bars(&mut text);
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

    /// The page for `docs/benchmarks-websocket-client.md`.
    pub fn page(&self) -> String {
        let mut text = String::from("# Benchmarks of the WebSocket client\n\n");
        line(
            &mut text,
            format_args!(
                "Written by `cargo xtask bench websocket-client` on {}; do not edit. Processor: {}. Kernel: {}. {} rounds of \
                 {} s for each work and client, one connection, loopback, no TLS.\n",
                self.machine.date,
                self.machine.processor,
                self.machine.kernel,
                self.rounds,
                self.window.as_secs_f64()
            ),
        );
        text.push_str(HOW_TO_READ);
        text.push_str("## Versions\n\n| client | what it is | version |\n|---|---|---|\n");
        for client in &self.clients {
            line(&mut text, format_args!("| {} | {} | {} |", client.row.name, client.row.about, client.version));
        }
        text.push('\n');
        text + self.tables().trim_end() + "\n"
    }

    fn client(&self, name: &str) -> Option<&Outcome> {
        self.clients.iter().find(|client| client.row.name == name)
    }

    fn write_flood(&self, text: &mut String, work: &Work, bare: &Outcome) {
        text.push_str("| client | CPU µs/message | messages per CPU second | × bare | messages/s | MB/s | memory MiB | client busy | client waited | load busy |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for client in &self.clients {
            let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work, figure).unwrap_or_default();
            let Some(ratio) = client.ratios(work, bare, per_cpu_second) else { continue };
            let rate = of(&|taken| taken.measurement.rate());
            line(
                text,
                format_args!(
                    "| {} | {} | {} | {ratio:.2} | {} | {} | {:.1} | {:.0} % | {:.0} % | {:.0} % |",
                    client.row.name,
                    figure(of(&|taken| taken.measurement.cpu_us())),
                    grouped(of(&per_cpu_second)),
                    grouped(rate),
                    grouped(rate * work.bytes as f64 / 1e6),
                    of(&|taken| taken.memory as f64) / f64::from(1 << 20),
                    of(&|taken| taken.measurement.share(taken.measurement.cpu) * 100.0),
                    of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
                    of(&|taken| taken.measurement.share(taken.measurement.generator) * 100.0),
                ),
            );
        }
        text.push('\n');
    }

    fn write_fill(&self, text: &mut String, work: &Work, messages: u64) {
        text.push_str("| client | CPU µs/message | messages per CPU second | memory MB | × text | client busy | client waited |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
        let contents = messages as f64 * work.bytes as f64;
        for client in &self.clients {
            let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work, figure).unwrap_or_default();
            let Some(memory) = client.median_of(work, |taken| taken.memory as f64) else { continue };
            line(
                text,
                format_args!(
                    "| {} | {} | {} | {:.1} | {:.2} | {:.0} % | {:.0} % |",
                    client.row.name,
                    figure(of(&|taken| taken.measurement.cpu_us())),
                    grouped(of(&per_cpu_second)),
                    memory / 1e6,
                    memory / contents,
                    of(&|taken| taken.measurement.share(taken.measurement.cpu) * 100.0),
                    of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
                ),
            );
        }
        text.push('\n');
    }

    fn write_echo(&self, text: &mut String, work: &Work) {
        text.push_str(
            "| client | p50 µs | p99 µs | echoes/s | CPU µs/echo | client waited |\n|---|---:|---:|---:|---:|---:|\n",
        );
        for client in &self.clients {
            let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work, figure).unwrap_or_default();
            let Some(median) = client.median_of(work, p50) else { continue };
            line(
                text,
                format_args!(
                    "| {} | {median:.1} | {:.1} | {} | {} | {:.0} % |",
                    client.row.name,
                    of(&|taken| taken.measurement.p99.as_secs_f64() * 1e6),
                    grouped(of(&|taken| taken.measurement.rate())),
                    figure(of(&|taken| taken.measurement.cpu_us())),
                    of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
                ),
            );
        }
        text.push('\n');
    }

    /// Ours against what it must reach.
    fn write_bars(&self, text: &mut String) {
        let mut rows = String::new();
        let mut row = |what: &str, got: f64, sign: &str, bar: f64| {
            let met = if sign == "≥" { got >= bar } else { got <= bar };
            let verdict = if met { "met" } else { "**missed**" };
            line(&mut rows, format_args!("| {what} | {got:.2} × | {sign} {bar} × | {verdict} |"));
        };
        for work in &WORKS {
            match work.kind {
                Kind::Flood => {
                    let bars = [
                        (OURS_CALLBACK, PICOWS, BAR_PICOWS),
                        (OURS_CALLBACK, WEBSOCKETS, BAR_WEBSOCKETS),
                        (OURS_TABLE, BARE, BAR_BARE),
                    ];
                    for (ours, other, bar) in bars {
                        let pair = self.client(ours).zip(self.client(other));
                        if let Some(ratio) = pair.and_then(|(ours, other)| ours.ratios(work, other, per_cpu_second)) {
                            row(
                                &format!("{}: {ours}, messages per CPU second of {other}", work.title),
                                ratio,
                                "≥",
                                bar,
                            );
                        }
                    }
                }
                Kind::Fill { messages } => {
                    for client in self.clients.iter().filter(|client| client.row.is_ours()) {
                        let contents = messages as f64 * work.bytes as f64;
                        if let Some(ratio) = client.median_of(work, |taken| taken.memory as f64 / contents) {
                            row(&format!("{}: {}, memory", work.title, client.row.name), ratio, "≤", BAR_MEMORY);
                        }
                    }
                }
                Kind::Echo => {
                    let peers = self.clients.iter().filter(|client| client.row.is_peer());
                    let best = peers.filter_map(|peer| Some((peer.median_of(work, p50)?, peer)));
                    let best = best.min_by(|(a, _), (b, _)| a.total_cmp(b));
                    if let Some((best, ours)) = best.map(|(_, peer)| peer).zip(self.client(OURS_CALLBACK))
                        && let Some(ratio) = ours.ratios(work, best, p50)
                    {
                        let what = format!("{}: {OURS_CALLBACK}, p50 of {}", work.title, best.row.name);
                        row(&what, ratio, "≤", BAR_ROUND_TRIP);
                    }
                }
            }
        }
        if !rows.is_empty() {
            text.push_str("## Bars\n\n| what | median | bar | |\n|---|---:|---:|---|\n");
            text.push_str(&rows);
            text.push('\n');
        }
    }
}

const HOW_TO_READ: &str = "\
## How to read this

- In a **flood** a server of ours sends text messages as fast as the client takes them, from one core to a client on another.
  Peers and the bare client do nothing with a message. `patchcord` puts it into the DAT's table, which keeps the newest 100, and
  calls `onReceiveText(dat, rowIndex, message)`, which does nothing; `patchcord-table` has no such callback.
- **CPU µs/message** is user and system time of all the client's processes, divided by the messages of the same window. It
  hardly depends on the server, so it is the figure to compare. **messages per CPU second** is its inverse, and **× bare**
  divides that by the bare client's of the same round: 0.5 is half as many for the same time.
- The **bare** client reads into one buffer and goes through the headers of the frames in it
  (`xtask/src/bench/websocket_client/bare.rs`). It looks at no payload, and picows at none unless its handler asks for it
  (`picows-text` does). Every other client checks that text is UTF-8 and hands over a string of its language.
- Messages count when the client has answered the ping behind them, which it can only do after it has read them. At most a
  megabyte is under way. Our clients also say how many rows their table has in the end, and the echoes are compared with what was sent.
- **memory** is by how much the resident set grew at most, from before the first message on. **× text** divides it by the bytes of
  the messages that are kept.
- **client busy** below 90 % beside a **load busy** near 100 % says that the server was the limit: the rate is then its rate.
  **client waited** is the time for which the client was ready and had no core; above a few per cent the machine was busy with
  something else. Differences under about 15 % are not established by one session.

";

#[cfg(test)]
mod tests {
    use super::super::super::measurement::Measurement;
    use super::super::clients::ROWS;
    use super::*;

    fn outcome(name: &str, cpu_us: &[f64], p50: u64) -> Outcome {
        let row = ROWS.iter().find(|row| row.name == name).expect("a row of the table");
        let mut outcome = Outcome::new(row, format!("{name} 1.0"));
        for work in WORKS.iter().filter(|work| row.does(work.kind)) {
            for (round, cpu_us) in cpu_us.iter().enumerate() {
                let measurement = Measurement {
                    operations: 1_000_000,
                    elapsed: Duration::from_secs(10),
                    cpu: Duration::from_secs_f64(*cpu_us),
                    waited: Duration::ZERO,
                    generator: Duration::from_secs(1),
                    p50: Duration::from_micros(p50),
                    p99: Duration::from_micros(3 * p50),
                };
                outcome.samples.insert((work.id, round), Taken { measurement, memory: 160_000_000 });
            }
        }
        outcome
    }

    fn session() -> Session {
        Session {
            machine: Machine { date: "2026-01-02".into(), processor: "a processor".into(), kernel: "a kernel".into() },
            rounds: 3,
            window: Duration::from_millis(1500),
            clients: vec![
                outcome(BARE, &[1.0, 2.0, 1.0], 10),
                outcome(OURS_CALLBACK, &[4.0, 5.0, 4.0], 30),
                outcome(OURS_TABLE, &[1.2, 2.0, 1.25], 0),
                outcome(PICOWS, &[5.0, 5.0, 6.0], 20),
                outcome(WEBSOCKETS, &[9.0, 9.0, 7.0], 50),
            ],
            skipped: vec![("ws", "npm is missing".into())],
            failures: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_formed_within_a_round() {
        let text = session().page();
        let expected = "| patchcord | 4.00 | 250,000 | 0.25 | 100,000 | 6 | 152.6 | 40 % | 0 % | 10 % |";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn bars_are_judged_and_gaps_are_named() {
        let text = session().tables();
        for expected in [
            "| Flood of 64 B: patchcord, messages per CPU second of picows | 1.25 × | ≥ 1.2 × | met |",
            "| Flood of 64 B: patchcord, messages per CPU second of websockets | 1.80 × | ≥ 2 × | **missed** |",
            "| Flood of 64 B: patchcord-table, messages per CPU second of bare | 0.83 × | ≥ 0.8 × | met |",
            "| A million rows of 64 B, clamp off: patchcord, memory | 2.50 × | ≤ 2 × | **missed** |",
            "| Echo of 64 B, one in flight: patchcord, p50 of picows | 1.50 × | ≤ 1.15 × | **missed** |",
            "- ws: npm is missing",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn a_session_that_was_disturbed_says_so() {
        let mut session = session();
        assert!(!session.tables().contains("Not a calm session"));
        for taken in session.clients[0].samples.values_mut() {
            taken.measurement.waited = Duration::from_secs(2);
        }
        assert!(session.tables().contains("**Not a calm session**: the bare client waited for its core during 20 %"));
    }
}
