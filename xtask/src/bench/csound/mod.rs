//! `cargo xtask bench csound`: Csound with our `websocket` plugin beside Csound with the original one.
//!
//! Csound runs in real time on one core and the clients on another. Each measurement starts a Csound of its own; every
//! round measures every work with every row, in an order that rotates. Csound without `websocket` is always among them:
//! what is compared is the CPU time above it. Memory is measured once, with all rows at the same time. A full session
//! is written to `docs/benchmarks-csound.md`; with `--quick` (one round, short windows), `--only` or `--work` nothing is written.

mod end;
mod hosts;
pub mod load;
mod orchestra;
mod report;
mod sample;
mod sequence;
mod stream;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::options::{Choices, Options};
use super::process::{self, Cores, Program, Server};
use super::servers::Places;
use super::{BenchError, Machine, build, free_port, places};
use hosts::{BARE, HOSTS, Host, Prepared};
use report::Session;
use sample::Sample;
use work::{Kind, WORKS, Work};

/// Package of our plugin.
const PACKAGE: &str = "patchcord-csound";
/// Until a Csound that nobody connects to performs.
const START: Duration = Duration::from_millis(500);
/// For how long clients take what comes before it is measured: the original first sends what it has kept.
const WARM_UP: Duration = Duration::from_secs(1);
/// For how long a work is measured in a full session.
const WINDOW: Duration = Duration::from_secs(3);
/// Longest window of `--quick`.
const SHORT: Duration = Duration::from_secs(2);

/// Entry of `cargo xtask bench csound`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    let names: Vec<&str> = HOSTS.iter().map(|host| host.name).collect();
    let works = WORKS.iter().map(|work| work.id).collect();
    let choices = Choices { benchmark: "csound", names: names.clone(), quick: names, works };
    let mut options = Options::parse(args, &choices)?;
    if !options.quick {
        (options.warm_up, options.window) = (WARM_UP, WINDOW);
    }
    let places = places()?;
    fs::create_dir_all(&places.work)?;
    let cores = Cores::choose()?.ok_or(BenchError::OneCore)?;
    build(&places.root, "xtask", None).map_err(BenchError::Build)?;
    let mut session = Session::new(Machine::here()?, options.rounds, options.window);
    let prepared = prepare(&options, &places, &mut session)?;
    process::allow_many_files()?;
    process::pin(cores.load)?;

    let mut bench = Bench { options, places, cores, session };
    bench.measure_memory(&prepared)?;
    for round in 0..bench.options.rounds {
        println!("round {} of {}", round + 1, bench.options.rounds);
        bench.measure_round(&prepared, round)?;
    }
    println!("\n{}", bench.session.tables().trim_end());
    if bench.options.full {
        let page = bench.places.root.join("docs/benchmarks-csound.md");
        fs::write(&page, bench.session.page())?;
        println!("\nwritten to {}", page.display());
    }
    match bench.session.failures.len() {
        0 => Ok(()),
        failures => Err(BenchError::Failed(failures)),
    }
}

/// Builds what was asked for; what cannot be had is left out by name.
fn prepare(options: &Options, places: &Places, session: &mut Session) -> Result<Vec<Prepared>, BenchError> {
    // Bare Csound is always in: the others are compared with it.
    let wanted = |host: &&Host| host.name == BARE || options.wants(host.name);
    let hosts: Vec<&'static Host> = HOSTS.iter().filter(wanted).collect();
    let built = if hosts.iter().any(|host| host.is_ours()) { build(&places.root, PACKAGE, None) } else { Ok(()) };
    let mut all = Vec::new();
    for host in hosts {
        let prepared = if host.is_ours() { built.clone() } else { Ok(()) }.and_then(|()| hosts::prepare(host, places));
        match prepared {
            Ok(prepared) => all.push(prepared),
            Err(reason) if host.name == BARE => return Err(BenchError::Floor(reason)),
            Err(reason) => session.leave_out(host.name, reason),
        }
    }
    session.versions = all.iter().map(|prepared| (prepared.host, prepared.version.clone())).collect();
    Ok(all)
}

/// A session under way.
struct Bench {
    options: Options,
    places: Places,
    cores: Cores,
    session: Session,
}

/// A Csound that runs.
struct Running {
    server: Server,
    ports: Vec<u16>,
    log: PathBuf,
}

impl Bench {
    /// Every row at the same time, work by work.
    fn measure_memory(&mut self, prepared: &[Prepared]) -> Result<(), BenchError> {
        for work in WORKS.iter().filter(|work| matches!(work.kind, Kind::Memory { .. })) {
            if !self.options.does(work.id) {
                continue;
            }
            println!("memory, {}", work.title);
            // What processes share is divided among those that live: all begin before one is weighed, and none ends before.
            let hosts = prepared.iter().filter(|prepared| prepared.host.does(work));
            let started: Vec<_> = hosts.map(|prepared| (prepared.host, self.start(prepared, work))).collect();
            let begin =
                |running: &Result<Running, String>| self.begin_load(running.as_ref().map_err(String::clone)?, work);
            let loads: Vec<_> = started.iter().map(|(_, running)| begin(running)).collect();
            let samples: Vec<_> = loads.into_iter().map(|load| load.and_then(finish_load)).collect();
            for ((host, running), sample) in started.into_iter().zip(samples) {
                if let Ok(running) = running {
                    running.server.kill();
                }
                self.note(work, host, 0, sample)?;
            }
        }
        Ok(())
    }

    fn measure_round(&mut self, prepared: &[Prepared], round: usize) -> Result<(), BenchError> {
        for work in &WORKS {
            if matches!(work.kind, Kind::Memory { .. }) || !self.options.does(work.id) {
                continue;
            }
            for turn in 0..prepared.len() {
                let prepared = &prepared[(turn + round) % prepared.len()];
                if !prepared.host.does(work) {
                    continue;
                }
                match work.kind {
                    Kind::End(audience) => {
                        let time = self.start(prepared, work).and_then(|running| {
                            let port = running.ports.first().ok_or("no port")?;
                            let time = end::measure(*port, &running.log, audience);
                            running.server.kill();
                            time.map_err(|error| error.to_string())
                        });
                        match time {
                            Ok(time) => self.session.ends.entry((work.id, prepared.host.name)).or_default().push(time),
                            Err(reason) => self.fail(work, prepared.host, reason)?,
                        }
                    }
                    _ => {
                        let sample = self.measure(prepared, work);
                        self.note(work, prepared.host, round, sample)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One work with one row.
    fn measure(&self, prepared: &Prepared, work: &Work) -> Result<Sample, String> {
        let running = self.start(prepared, work)?;
        let sample = self.begin_load(&running, work).and_then(finish_load);
        // Without clients the original would not end by itself.
        running.server.kill();
        sample.map_err(|reason| format!("{reason} ({})", file_name(&running.log)))
    }

    /// Starts Csound with the orchestra of a work.
    fn start(&self, prepared: &Prepared, work: &Work) -> Result<Running, String> {
        let text = |error: std::io::Error| error.to_string();
        let ports = (0..prepared.host.ports.count(&work.kind)).map(|_| free_port());
        let ports: Vec<u16> = ports.collect::<Result<_, _>>().map_err(text)?;
        let file =
            |kind: &str| self.places.work.join("csound").join(format!("{}-{}.{kind}", prepared.host.name, work.id));
        let (csd, log) = (file("csd"), file("log"));
        fs::write(&csd, orchestra::csd(&work.kind, &ports)).map_err(text)?;
        fs::write(&log, "").map_err(text)?;
        let mut server = Server::start(&prepared.program(&csd), self.cores, &log).map_err(text)?;
        // What nobody connects to is given time, and what is connected to says itself when it is there.
        if !matches!(work.kind, Kind::End(_)) {
            std::thread::sleep(START);
            if let Some(status) = server.ended() {
                return Err(format!("ended with {status} ({})", file_name(&log)));
            }
            for pid in server.pids().map_err(text)? {
                prepared.check_loaded(&fs::read_to_string(format!("/proc/{pid}/maps")).map_err(text)?)?;
            }
        }
        Ok(Running { server, ports, log })
    }

    /// Starts the clients.
    fn begin_load(&self, running: &Running, work: &Work) -> Result<Child, String> {
        fn list<T: ToString>(items: &[T]) -> String {
            items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
        }
        let pids = running.server.pids().map_err(|error| error.to_string())?;
        let window = work.window.unwrap_or(self.options.window);
        let window = if self.options.quick { window.min(SHORT) } else { window };
        let args = ["bench-csound-load", "--work", work.id].map(str::to_owned).into_iter().chain([
            "--ports".to_owned(),
            list(&running.ports),
            "--pids".to_owned(),
            list(&pids),
            "--warm-up".to_owned(),
            self.options.warm_up.as_millis().to_string(),
            "--window".to_owned(),
            window.as_millis().to_string(),
        ]);
        let mut command = Program::new(self.places.release.join("xtask"), args).command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())
    }

    fn note(
        &mut self,
        work: &'static Work,
        host: &'static Host,
        round: usize,
        sample: Result<Sample, String>,
    ) -> Result<(), BenchError> {
        match sample {
            Ok(sample) => drop(self.session.samples.insert((work.id, host.name, round), sample)),
            Err(reason) => self.fail(work, host, reason)?,
        }
        Ok(())
    }

    /// Without bare Csound there is nothing to compare.
    fn fail(&mut self, work: &Work, host: &Host, reason: String) -> Result<(), BenchError> {
        if host.name == BARE {
            return Err(BenchError::Floor(format!("{}: {reason}", work.title)));
        }
        println!("  {}, {}: {reason}", host.name, work.title);
        self.session.failures.push(format!("{}, {}: {reason}", host.name, work.title));
        Ok(())
    }
}

/// Waits for the clients and reads their result.
fn finish_load(load: Child) -> Result<Sample, String> {
    let output = load.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Sample::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "unreadable result".to_owned())
}

/// A file of the session as a page names it, which knows nothing of the machine's folders.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
