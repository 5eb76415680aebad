//! The result of a session, in Markdown: the same tables on the terminal and on the page in `docs`.
//!
//! Every figure is a median over the rounds, and a ratio is formed within one round, so that what slows the machine
//! down for a while cancels out.

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::time::Duration;

use super::super::Machine;
use super::super::report::{CALM, line, median};
use super::Comparison;
use super::clients::Row;
use super::load::Taken;

/// Everything that was measured, and with what.
pub struct Session {
    /// When and where it was held.
    pub machine: Machine,
    /// Number of rounds.
    pub rounds: usize,
    /// Length of a measured window.
    pub window: Duration,
    /// What was measured.
    pub clients: Vec<Outcome>,
    /// Resident memory of ours with nothing to do in bytes, by round, where that is measured.
    pub idle: Vec<u64>,
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

    fn of_work(&self, work: &str) -> impl Iterator<Item = (usize, &Taken)> {
        self.samples.iter().filter(move |((id, _), _)| *id == work).map(|((_, round), taken)| (*round, taken))
    }

    /// Median of a figure in a work; `None` where it was not measured.
    pub fn median_of(&self, work: &str, figure: impl Fn(&Taken) -> f64) -> Option<f64> {
        median(self.of_work(work).map(|(_, taken)| figure(taken)).collect())
    }

    /// Median of a figure as a multiple of another client's, over the rounds that have both.
    pub fn ratios(&self, work: &'static str, other: &Self, figure: fn(&Taken) -> f64) -> Option<f64> {
        let ratio = |(round, taken)| Some(figure(taken) / figure(other.samples.get(&(work, round))?));
        median(self.of_work(work).filter_map(ratio).collect())
    }
}

/// Operations for one second of CPU time.
pub fn per_cpu_second(taken: &Taken) -> f64 {
    1e6 / taken.measurement.cpu_us()
}

/// Median round trip in microseconds.
pub fn p50(taken: &Taken) -> f64 {
    taken.measurement.p50.as_secs_f64() * 1e6
}

/// Round trip that 99 % did not exceed, in microseconds.
pub fn p99(taken: &Taken) -> f64 {
    taken.measurement.p99.as_secs_f64() * 1e6
}

impl Session {
    /// The tables, for the terminal.
    pub fn tables<C: Comparison>(&self) -> String {
        let mut text = C::tables(self);
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

    /// The page for `docs`.
    pub fn page<C: Comparison>(&self) -> String {
        let mut text = format!("# {}\n\n", C::TITLE);
        line(
            &mut text,
            format_args!(
                "Written by `cargo xtask bench {}` on {}; do not edit. Processor: {}. Kernel: {}. {} rounds of {} s for each \
                 work and client, one connection, loopback, no TLS.\n",
                C::NAME,
                self.machine.date,
                self.machine.processor,
                self.machine.kernel,
                self.rounds,
                self.window.as_secs_f64()
            ),
        );
        text.push_str(C::HOW_TO_READ);
        text.push_str("## Versions\n\n| client | what it is | version |\n|---|---|---|\n");
        for client in &self.clients {
            line(&mut text, format_args!("| {} | {} | {} |", client.row.name, client.row.about, client.version));
        }
        text.push('\n');
        text + self.tables::<C>().trim_end() + "\n"
    }

    /// The results of a client.
    pub fn client(&self, name: &str) -> Option<&Outcome> {
        self.clients.iter().find(|client| client.row.name == name)
    }

    /// Whether anything was measured in a work.
    pub fn has(&self, work: &str) -> bool {
        self.clients.iter().any(|client| client.of_work(work).next().is_some())
    }

    /// The peer that does best in a work.
    pub fn best_peer(&self, work: &str, order: Best, figure: fn(&Taken) -> f64) -> Option<&Outcome> {
        let peers = self.clients.iter().filter(|client| client.row.is_peer());
        let figures = peers.filter_map(|peer| Some((peer.median_of(work, figure)?, peer)));
        let best = match order {
            Best::Most => figures.max_by(|(a, _), (b, _)| a.total_cmp(b)),
            Best::Least => figures.min_by(|(a, _), (b, _)| a.total_cmp(b)),
        };
        best.map(|(_, peer)| peer)
    }

    /// A warning when a client had to wait for its core in some work.
    pub fn write_calm(
        &self,
        text: &mut String,
        client: &Outcome,
        name: &str,
        works: impl Iterator<Item = &'static str>,
    ) {
        let waited = |taken: &Taken| taken.measurement.share(taken.measurement.waited);
        let waited = works.filter_map(|work| client.median_of(work, waited)).fold(0.0, f64::max);
        if waited > CALM {
            line(
                text,
                format_args!(
                    "**Not a calm session**: {name} waited for its core during {:.0} % of the time. Measure again.\n",
                    waited * 100.0
                ),
            );
        }
    }
}

/// Which of two figures is the better one.
#[derive(Clone, Copy)]
pub enum Best {
    /// The larger.
    Most,
    /// The smaller.
    Least,
}

/// Ours against what it must reach.
#[derive(Default)]
pub struct Bars(String);

impl Bars {
    /// A figure in `unit` that must not be smaller.
    pub fn at_least(&mut self, what: Arguments<'_>, got: f64, bar: f64, unit: &str) {
        self.row(what, got, '≥', bar, unit, got >= bar);
    }

    /// A figure in `unit` that must not be larger.
    pub fn at_most(&mut self, what: Arguments<'_>, got: f64, bar: f64, unit: &str) {
        self.row(what, got, '≤', bar, unit, got <= bar);
    }

    fn row(&mut self, what: Arguments<'_>, got: f64, sign: char, bar: f64, unit: &str, met: bool) {
        let verdict = if met { "met" } else { "**missed**" };
        line(&mut self.0, format_args!("| {what} | {got:.2} {unit} | {sign} {bar} {unit} | {verdict} |"));
    }

    /// The section with all of them; every figure is a median.
    pub fn write(&self, text: &mut String) {
        self.write_as(text, "median");
    }

    /// The section with all of them; `figure` says what is compared.
    pub fn write_as(&self, text: &mut String, figure: &str) {
        if !self.0.is_empty() {
            line(text, format_args!("## Bars\n\n| what | {figure} | bar | |\n|---|---:|---:|---|"));
            text.push_str(&self.0);
            text.push('\n');
        }
    }
}
