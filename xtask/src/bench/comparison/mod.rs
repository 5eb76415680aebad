//! Clients beside each other, in one interleaved session: what the benchmarks of all clients share.
//!
//! The client is pinned to one core, the server that loads it to another. Every round measures every work with every
//! client, in an order that rotates; each measurement starts its client anew. What the clients, the works and the load
//! are, a [`Comparison`] says.
//!
//! A client that cannot be built or installed is left out by name; a wrong answer is reported and makes the command
//! fail. A full session is written to a page of `docs`; with `--quick` (ours alone, one round of 0.5 s), `--only` or
//! `--work` nothing is written.

pub mod clients;
pub mod flood;
pub mod link;
pub mod load;
pub mod report;
pub mod work;

use std::io;
use std::time::Duration;

use super::options::{Choices, Options};
use super::peers::Peers;
use super::process::{self, Cores, Program, Server};
use super::servers::Places;
use super::{BenchError, Machine, build, free_port, places};
use clients::{Origin, Prepared, Row};
use load::Taken;
use report::{Outcome, Session};
use work::Work;

/// How long the idle program may do what it does after it has started, before it is weighed.
const IDLE: Duration = Duration::from_secs(1);

/// One benchmark of clients.
pub trait Comparison {
    /// What kinds of work there are.
    type Kind: Copy + 'static;

    /// Name behind `cargo xtask bench`, and of the page.
    const NAME: &'static str;
    /// Heading of the page.
    const TITLE: &'static str;
    /// What a reader of the page has to know.
    const HOW_TO_READ: &'static str;
    /// The task that is the load's half.
    const LOAD: &'static str;
    /// The client that is always measured, because the others are compared with it.
    const YARDSTICK: Option<&'static str>;
    /// Every client.
    const ROWS: &'static [Row];
    /// Every work, in the order of the report.
    const WORKS: &'static [Work<Self::Kind>];

    /// Whether a client can do a work.
    fn does(row: &Row, work: &Work<Self::Kind>) -> bool;

    /// How many rows the table of a client must have at the end of a work, where it has one.
    fn rows_after(row: &Row, work: &Work<Self::Kind>) -> Option<u64>;

    /// The program for one work on a port; writes the patch folder where there is one.
    ///
    /// # Errors
    /// When that cannot be written.
    fn program(client: &Prepared, port: u16, work: &Work<Self::Kind>, places: &Places) -> io::Result<Program>;

    /// Ours with nothing to do, where its memory is compared with that.
    ///
    /// # Errors
    /// When its patch folder cannot be written.
    fn idle(_client: &Prepared, _places: &Places) -> io::Result<Option<Program>> {
        Ok(None)
    }

    /// The figures and the bars.
    fn tables(session: &Session) -> String;
}

/// Holds a session as the command line says.
///
/// # Errors
/// When the machine or the command line does not allow it, and when a measurement failed.
pub fn run<C: Comparison>(args: &[String]) -> Result<(), BenchError> {
    let options = Options::parse(args, &choices::<C>())?;
    let places = places()?;
    std::fs::create_dir_all(&places.work)?;
    let cores = Cores::choose()?.ok_or(BenchError::OneCore)?;
    build(&places.root, "xtask", None).map_err(BenchError::Build)?;
    let prepared = prepare::<C>(&options, &places);
    // Before pinning, so that all cores are counted.
    let machine = Machine::here()?;
    process::pin(cores.load)?;

    let outcome = |prepared: &Prepared| Outcome::new(prepared.row, prepared.version.clone());
    let session = Session {
        machine,
        rounds: options.rounds,
        window: options.window,
        clients: prepared.iter().flatten().map(outcome).collect(),
        idle: Vec::new(),
        skipped: prepared.iter().filter_map(|prepared| prepared.as_ref().err().cloned()).collect(),
        failures: Vec::new(),
    };
    let prepared: Vec<Prepared> = prepared.into_iter().filter_map(Result::ok).collect();
    let mut bench = Bench { options, places, cores, session };
    bench.measure::<C>(&prepared)?;

    println!("\n{}", bench.session.tables::<C>().trim_end());
    if bench.options.full {
        let page = bench.places.root.join(format!("docs/benchmarks-{}.md", C::NAME));
        std::fs::write(&page, bench.session.page::<C>())?;
        println!("\nwritten to {}", page.display());
    }
    match bench.session.failures.len() {
        0 => Ok(()),
        failures => Err(BenchError::Failed(failures)),
    }
}

/// What the command line of a comparison can name.
fn choices<C: Comparison>() -> Choices {
    Choices {
        benchmark: C::NAME,
        names: C::ROWS.iter().map(|row| row.name).collect(),
        quick: C::ROWS.iter().filter(|row| row.is_ours()).map(|row| row.name).collect(),
        works: C::WORKS.iter().map(|work| work.id).collect(),
    }
}

/// Builds and installs what was asked for; an `Err` is the name and reason of what is left out.
fn prepare<C: Comparison>(options: &Options, places: &Places) -> Vec<Result<Prepared, (&'static str, String)>> {
    let wanted = |row: &&Row| C::YARDSTICK == Some(row.name) || options.wants(row.name);
    let rows: Vec<&'static Row> = C::ROWS.iter().filter(wanted).collect();
    let peers = if rows.iter().any(|row| row.is_peer()) {
        Peers::install(&places.root.join("xtask/peers"), &places.work.join("peers"))
    } else {
        Peers::none()
    };
    let built = if rows.iter().any(|row| row.is_patch()) { build(&places.root, "patchcord", None) } else { Ok(()) };
    let prepare = |row: &'static Row| {
        match row.origin {
            Origin::Patch(_) => built.clone()?,
            Origin::Native(example) => build(&places.root, "patchcord-operators", Some(example))?,
            _ => {}
        }
        Prepared::new(row, places, &peers)
    };
    rows.into_iter().map(|row| prepare(row).map_err(|reason| (row.name, reason))).collect()
}

/// A session under way.
struct Bench {
    options: Options,
    places: Places,
    cores: Cores,
    session: Session,
}

impl Bench {
    fn measure<C: Comparison>(&mut self, prepared: &[Prepared]) -> Result<(), BenchError> {
        for round in 0..self.options.rounds {
            if let Some(ours) = prepared.iter().find(|client| client.row.is_patch()) {
                self.weigh_idle::<C>(ours)?;
            }
            for work in C::WORKS.iter().filter(|work| self.options.does(work.id)) {
                println!("round {} of {}: {}", round + 1, self.options.rounds, work.title);
                for turn in 0..prepared.len() {
                    let index = (turn + round) % prepared.len();
                    let client = &prepared[index];
                    if !C::does(client.row, work) {
                        continue;
                    }
                    match self.load::<C>(client, work) {
                        Ok(taken) => drop(self.session.clients[index].samples.insert((work.id, round), taken)),
                        Err(reason) if C::YARDSTICK == Some(client.row.name) => return Err(BenchError::Floor(reason)),
                        Err(reason) => {
                            println!("  {}: {reason}", client.row.name);
                            self.session.failures.push(format!("{}, {}: {reason}", client.row.name, work.title));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Weighs ours with nothing to do.
    fn weigh_idle<C: Comparison>(&mut self, ours: &Prepared) -> Result<(), BenchError> {
        let Some(program) = C::idle(ours, &self.places)? else { return Ok(()) };
        let idle = Server::start(&program, self.cores, &self.places.work.join("idle.log"))?;
        std::thread::sleep(IDLE);
        self.session.idle.push(process::resident(&idle.pids()?)?);
        Ok(())
    }

    /// Runs the load against a client and reads its result.
    fn load<C: Comparison>(&self, client: &Prepared, work: &Work<C::Kind>) -> Result<Taken, String> {
        let failed = |error: io::Error| error.to_string();
        let port = free_port().map_err(failed)?;
        let program = C::program(client, port, work, &self.places).map_err(failed)?;
        let log = self.places.work.join(format!("client-{}.log", client.row.name));
        let millis = |time: Duration| time.as_millis().to_string();
        let mut args = vec![C::LOAD.to_owned(), "--port".to_owned(), port.to_string()];
        args.extend(["--work".to_owned(), work.id.to_owned()]);
        args.extend(["--warm-up".to_owned(), millis(self.options.warm_up)]);
        args.extend(["--window".to_owned(), millis(self.options.window)]);
        args.extend(["--cores".to_owned(), format!("{},{}", self.cores.load, self.cores.server)]);
        if let Some(rows) = C::rows_after(client.row, work) {
            args.extend(["--rows".to_owned(), rows.to_string()]);
        }
        args.extend(["--log".to_owned(), log.to_string_lossy().into_owned(), "--".to_owned()]);
        let mut server = Program::new(self.places.release.join("xtask"), args);
        server.args.push(program.path.into_os_string());
        server.args.extend(program.args);
        let output = server.command().output().map_err(failed)?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(format!("{reason} ({})", log.display()));
        }
        Taken::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "unreadable result".to_owned())
    }
}
