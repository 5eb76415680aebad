//! `cargo xtask bench python`: what calls into and out of Python cost, and a patch of ten thousand operators.
//!
//! The program runs on one core and this process on another. Every round starts the program once for the calls
//! ([`calls`]) and once for each patch of many operators ([`many`]), in an order that rotates. A full session is written to
//! `docs/benchmarks-python.md`; with `--quick` (one round, short windows) or `--only` nothing is written.

mod calls;
mod many;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::options::{Choices, Options};
use super::process::{self, Cores, CpuTime, Program, Server};
use super::servers::{Places, revision, said_by};
use super::{BenchError, Machine, build, places};
use crate::install::PYTHON;
use report::Session;

/// Name of the measurement of calls, for `--only`.
const CALLS: &str = "calls";
/// Name of the measurement of many operators.
const OPERATORS: &str = "operators";

/// Longest time until a patch has written the file that it is to write.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked for.
const LOOK: Duration = Duration::from_micros(500);

/// Entry of `cargo xtask bench python`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    let names = vec![CALLS, OPERATORS];
    let options =
        Options::parse(args, &Choices { benchmark: "python", names: names.clone(), quick: names, works: Vec::new() })?;
    let places = places()?;
    fs::create_dir_all(&places.work)?;
    let cores = Cores::choose()?.ok_or(BenchError::OneCore)?;
    build(&places.root, "patchcord", None).map_err(BenchError::Build)?;
    let said = |version: Result<String, String>| version.map_err(BenchError::Build);
    let version = format!("{}, {}", said(revision(&places))?, said(said_by(Command::new(PYTHON).arg("--version")))?);
    // Before pinning, so that all cores are counted.
    let machine = Machine::here()?;
    process::pin(cores.load)?;

    let idle = if options.quick { many::SHORT_IDLE } else { many::IDLE };
    let mut session = Session::new(machine, version, options.rounds, idle);
    let bench = Bench { places, cores };
    for round in 0..options.rounds {
        println!("round {} of {}", round + 1, options.rounds);
        if options.wants(CALLS) {
            match calls::measure(&bench) {
                Ok(sample) => session.calls.push(sample),
                Err(reason) => session.fail(CALLS, reason),
            }
        }
        if options.wants(OPERATORS) {
            for turn in 0..many::PATCHES.len() {
                let patch = &many::PATCHES[(turn + round) % many::PATCHES.len()];
                match many::measure(&bench, patch, idle) {
                    Ok(sample) => drop(session.many.insert((patch.name, round), sample)),
                    Err(reason) => session.fail(patch.name, reason),
                }
            }
        }
    }
    println!("\n{}", session.tables().trim_end());
    if options.full {
        let page = bench.places.root.join("docs/benchmarks-python.md");
        fs::write(&page, session.page())?;
        println!("\nwritten to {}", page.display());
    }
    match session.failures.len() {
        0 => Ok(()),
        failures => Err(BenchError::Failed(failures)),
    }
}

/// Where and on which cores is measured.
struct Bench {
    places: Places,
    cores: Cores,
}

/// A patch that runs.
struct Running {
    server: Server,
    log: PathBuf,
}

impl Bench {
    /// An empty folder for a patch.
    fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.places.work.join(format!("python-{name}"));
        let made = match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&folder),
        };
        made.map(|()| folder).map_err(|error| error.to_string())
    }

    /// Starts the patch of a folder.
    fn start(&self, folder: &Path) -> Result<Running, String> {
        let args = ["run".as_ref(), folder.as_os_str(), "--python".as_ref(), PYTHON.as_ref()];
        let program = Program::new(self.places.release.join("patchcord"), args);
        let log = folder.join("log");
        let server = Server::start(&program, self.cores, &log).map_err(|error| error.to_string())?;
        Ok(Running { server, log })
    }
}

impl Running {
    /// Waits until the patch has written a file, and says when that was, counted from the start.
    fn wait_for(&mut self, file: &Path) -> Result<Duration, String> {
        loop {
            if file.exists() {
                return Ok(self.server.started.elapsed());
            }
            if let Some(status) = self.server.ended() {
                return Err(format!("ended with {status} ({})", self.log.display()));
            }
            if self.server.started.elapsed() > PATIENCE {
                return Err(format!("nothing for {} s ({})", PATIENCE.as_secs(), self.log.display()));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// CPU time within a window.
    fn cpu_during(&self, window: Duration) -> Result<(CpuTime, Duration), String> {
        let account =
            || self.server.pids().and_then(|pids| process::cpu_time(&pids)).map_err(|error| error.to_string());
        let (before, begin) = (account()?, Instant::now());
        std::thread::sleep(window);
        Ok((account()?.since(&before), begin.elapsed()))
    }

    /// CPU time since the start.
    fn cpu(&self) -> Result<CpuTime, String> {
        let account = self.server.pids().and_then(|pids| process::cpu_time(&pids));
        Ok(account.map_err(|error| error.to_string())?.since(&process::CpuAccount::default()))
    }

    /// Resident memory in bytes.
    fn resident(&self) -> Result<u64, String> {
        self.server.pids().and_then(|pids| process::resident(&pids)).map_err(|error| error.to_string())
    }
}

/// A time as a share (0 to 1) of another.
fn share(time: Duration, of: Duration) -> f64 {
    time.as_secs_f64() / of.as_secs_f64()
}
