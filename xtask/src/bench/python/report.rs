//! The result of a session, in Markdown: the same tables on the terminal and on the page in `docs`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Machine;
use super::super::comparison::report::Bars;
use super::super::report::{CALM, line, median};
use super::calls::{self, ROWS, YARDSTICK};
use super::many::{self, EMPTY, PATCHES};

/// Most that a row may cost, as a multiple of its figure.
const BAR_CALLS: f64 = 1.5;
/// Longest load of ten thousand operators in seconds, without that of an empty patch.
const BAR_LOAD: f64 = 1.0;
/// Largest share of a core, in per cent, that they may need while idle.
const BAR_IDLE: f64 = 2.0;

/// Everything that was measured, and with what.
pub struct Session {
    machine: Machine,
    version: String,
    rounds: usize,
    idle: Duration,
    /// The calls, by round.
    pub calls: Vec<calls::Sample>,
    /// Patches of many operators, by name and round.
    pub many: BTreeMap<(&'static str, usize), many::Sample>,
    /// What went wrong while measuring.
    pub failures: Vec<String>,
}

impl Session {
    /// Nothing measured yet.
    pub fn new(machine: Machine, version: String, rounds: usize, idle: Duration) -> Self {
        Self { machine, version, rounds, idle, calls: Vec::new(), many: BTreeMap::new(), failures: Vec::new() }
    }

    /// Notes what could not be measured.
    pub fn fail(&mut self, what: &str, reason: String) {
        println!("  {what}: {reason}");
        self.failures.push(format!("{what}: {reason}"));
    }

    /// The tables, for the terminal.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        let waited =
            self.calls.iter().map(|sample| sample.waited).chain(self.many.values().map(|sample| sample.waited));
        let waited = waited.fold(0.0, f64::max);
        if waited > CALM {
            line(
                &mut text,
                format_args!(
                    "**Not a calm session**: the program waited for its core during {:.0} % of the time. Measure again.\n",
                    waited * 100.0
                ),
            );
        }
        let mut bars = Bars::default();
        self.write_calls(&mut text, &mut bars);
        self.write_many(&mut text, &mut bars);
        bars.write_as(&mut text, "least, or median of idle");
        if !self.failures.is_empty() {
            text.push_str("## Not measured\n\n");
            for failure in &self.failures {
                line(&mut text, format_args!("- {failure}"));
            }
        }
        text
    }

    /// The page for `docs`.
    pub fn page(&self) -> String {
        let mut text = "# Benchmarks of Python\n\n".to_owned();
        line(
            &mut text,
            format_args!(
                "Written by `cargo xtask bench python` on {}; do not edit. Processor: {}. Kernel: {}. {} rounds; idle for {} s. \
                 Version: {}.\n",
                self.machine.date,
                self.machine.processor,
                self.machine.kernel,
                self.rounds,
                self.idle.as_secs(),
                self.version
            ),
        );
        text + HOW_TO_READ + self.tables().trim_end() + "\n"
    }

    fn write_calls(&self, text: &mut String, bars: &mut Bars) {
        let least =
            |time: &dyn Fn(&calls::Sample) -> Option<f64>| self.calls.iter().filter_map(time).min_by(f64::total_cmp);
        let Some(yardstick) = least(&|sample| sample.steps.get(YARDSTICK).copied()) else { return };
        let pace = yardstick / ROWS.iter().find(|row| row.step == YARDSTICK).map_or(yardstick, |row| row.figure);
        text.push_str("## Calls\n\n| what | figure ns | ns, least | ns, median | × figure | × figure at this pace |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|\n");
        for row in &ROWS {
            let Some(time) = least(&|sample| sample.of(row)) else { continue };
            let middle = median(self.calls.iter().filter_map(|sample| sample.of(row)).collect()).unwrap_or(time);
            let ratio = time / row.figure;
            line(
                text,
                format_args!(
                    "| {} | {:.0} | {time:.0} | {middle:.0} | {ratio:.2} | {:.2} |",
                    row.title,
                    row.figure,
                    ratio / pace
                ),
            );
            bars.at_most(format_args!("{}", row.title), ratio, BAR_CALLS, "×");
        }
        text.push('\n');
        if let Some(empty) = least(&|sample| sample.steps.get("told-empty").copied()) {
            line(
                text,
                format_args!(
                    "An empty call costs {yardstick:.0} ns by itself and {empty:.0} ns as a callback: the difference is what \
                     this program does around each callback.\n"
                ),
            );
        }
    }

    fn write_many(&self, text: &mut String, bars: &mut Bars) {
        if self.many.is_empty() {
            return;
        }
        text.push_str("## Ten thousand operators\n\n");
        text.push_str("| patch | start ms | load ms | CPU ms of the load | idle, % of a core | memory MB |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|\n");
        let empty = self.start_of(EMPTY);
        for patch in &PATCHES {
            let samples: Vec<_> = self.of_patch(patch.name).collect();
            let idle = median(samples.iter().map(|sample| sample.idle * 100.0).collect());
            let memory = median(samples.iter().map(|sample| sample.resident as f64 / 1e6).collect());
            let (Some((start, cpu)), Some(idle), Some(memory)) = (self.start_of(patch.name), idle, memory) else {
                continue;
            };
            let load = empty.filter(|_| patch.name != EMPTY).map(|(time, its_cpu)| (start - time, cpu - its_cpu));
            let shown = load.map_or("| ".to_owned(), |(time, cpu)| format!("{:.0} | {:.0}", time * 1e3, cpu * 1e3));
            line(text, format_args!("| {} | {:.0} | {shown} | {idle:.2} | {memory:.0} |", patch.name, start * 1e3));
            if patch.judged {
                if let Some((time, _)) = load {
                    bars.at_most(format_args!("{}, load", patch.name), time, BAR_LOAD, "s");
                }
                bars.at_most(format_args!("{}, idle", patch.name), idle, BAR_IDLE, "%");
            }
        }
        text.push('\n');
    }

    fn of_patch(&self, name: &str) -> impl Iterator<Item = &many::Sample> {
        self.many.iter().filter(move |((known, _), _)| *known == name).map(|(_, sample)| sample)
    }

    /// Least time from start to `onStart`, and least CPU time of that, in seconds.
    fn start_of(&self, name: &str) -> Option<(f64, f64)> {
        let start = self.of_patch(name).map(|sample| sample.start).min()?;
        let cpu = self.of_patch(name).map(|sample| sample.cpu).min()?;
        Some((start.as_secs_f64(), cpu.as_secs_f64()))
    }
}

/// What a reader of the page has to know.
const HOW_TO_READ: &str = "\
## How to read this

- **Calls** are measured within the running program, of a release build, on the system's Python. What a script does (the last
  two rows) it measures itself: a loop of 1,000 with a clock around it, less an empty loop. What the program does when a message
  comes is done by `crates/patchcord/src/measure.rs`, when the script's turn is over: it calls the operator's handler with the
  values that the operator would hand over, in the same turns and batches, 1,000 times. Sockets and protocols are not in it
  ([benchmarks.md](benchmarks.md), [benchmarks-websocket-client.md](benchmarks-websocket-client.md)).
- All steps take turns, 300 times in a run, and a run reports the least time of each: what else the machine does only adds to
  it. **ns, least** is the least of all runs, **ns, median** the median over the runs.
- **figure** is what the step cost in a prototype without operators, watchdog, turns or error handling, on a quiet machine. The
  program may take half as much again. The first row calls an empty Python function and has nothing of this program in it, so
  it says how fast the machine is at the moment; **at this pace** divides by it.
- A request here has 10 entries and ignores letter case; a response is read from 4 entries.
- **Ten thousand operators** stand in components of ten: a component, four scripts, four tables, an Info CHOP. **start** is
  the time from the start of the program to `onStart`, **load** is that less the start of the empty patch; both are the least of
  all rounds. **idle** is CPU time of all threads, its median. Frames are run, 60 in a second, because a `run(…, delayFrames=1)` orders itself again; where
  no frames are asked for, none are run. Expressions of the frame are different in each frame, so that such a patch is
  not idle; there is no bar for it.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let machine = Machine { date: "2026-01-02".into(), processor: "a processor".into(), kernel: "a kernel".into() };
        let mut session = Session::new(machine, "v1".into(), 2, Duration::from_secs(10));
        for factor in [1.2, 1.0] {
            let steps =
                [("call", 26.0), ("arguments", 30.0), ("told", 80.0), ("told-1k", 180.0), ("op", 50.0), ("loop", 10.0)];
            let steps = steps.into_iter().map(|(name, time)| (name.to_owned(), time * factor)).collect();
            session.calls.push(calls::Sample { steps, waited: 0.01 });
        }
        for (name, start, idle) in [(EMPTY, 30, 0.002), ("ten thousand", 1230, 0.011)] {
            for round in 0..2 {
                let start = Duration::from_millis(start + 100 * round as u64);
                let sample = many::Sample { start, cpu: start / 2, idle, waited: 0.0, resident: 80_000_000 };
                session.many.insert((name, round), sample);
            }
        }
        session
    }

    #[test]
    fn the_least_counts_and_bars_are_judged() {
        let page = session().page();
        for expected in [
            "| empty call of a cached function | 13 | 26 | 29 | 2.00 | 1.00 |",
            "| `op('x')` among 200 operators | 35 | 40 | 44 | 1.14 | 0.57 |",
            "| 1 KiB message instead of 32 B: more by | 2.08 × | ≤ 1.5 × | **missed** |",
            "| no operators | 30 | |  | 0.20 | 80 |",
            "| ten thousand | 1230 | 1200 | 600 | 1.10 | 80 |",
            "| ten thousand, load | 1.20 s | ≤ 1 s | **missed** |",
            "| ten thousand, idle | 1.10 % | ≤ 2 % | met |",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
        assert!(!page.contains("Not a calm session") && !page.contains("par.y` | 79"));
    }

    #[test]
    fn a_session_that_was_disturbed_says_so() {
        let mut session = session();
        session.calls[0].waited = 0.3;
        session.fail("calls", "ended".into());
        let tables = session.tables();
        assert!(tables.contains("**Not a calm session**: the program waited for its core during 30 %"));
        assert!(tables.contains("- calls: ended"));
    }
}
