//! `cargo xtask bench websocket-client`: our WebSocket DAT beside other clients, in one interleaved session.
//!
//! The client is pinned to one core, the server that floods it to another. Every round measures every work with
//! every client, in an order that rotates; each measurement starts its client anew. A bare client is always among them:
//! the others are compared with it in the same round, and ours with the peers that its bars name.
//!
//! A client that cannot be built or installed is left out by name; a wrong answer is reported and makes the command
//! fail. A full session is written to `docs/benchmarks-websocket-client.md`; with `--quick` (the bare client and ours,
//! one round of 0.5 s), `--only` or `--work` nothing is written.

pub mod bare;
mod clients;
mod report;
pub mod server;
mod work;

use std::time::Duration;

use super::peers::Peers;
use super::process::{self, Cores, Program};
use super::servers::Places;
use super::{BenchError, Machine, build, free_port, places};
use clients::{BARE, Prepared, ROWS, Row};
use report::{Outcome, Session};
use server::Taken;
use work::{WORKS, Work};

/// How the task is called.
const USAGE: &str = "bench websocket-client [--quick] [--rounds N] [--only NAME,NAME] [--work ID,ID]";

/// Entry of `cargo xtask bench websocket-client`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    let options = Options::parse(args)?;
    let places = places()?;
    std::fs::create_dir_all(&places.work)?;
    let cores = Cores::choose()?.ok_or(BenchError::OneCore)?;
    build(&places.root, "xtask", None).map_err(BenchError::Build)?;
    let prepared = prepare(&options, &places);
    // Before pinning, so that all cores are counted.
    let machine = Machine::here()?;
    process::pin(cores.load)?;

    let outcome = |prepared: &Prepared| Outcome::new(prepared.row, prepared.version.clone());
    let session = Session {
        machine,
        rounds: options.rounds,
        window: options.window,
        clients: prepared.iter().flatten().map(outcome).collect(),
        skipped: prepared.iter().filter_map(|prepared| prepared.as_ref().err().cloned()).collect(),
        failures: Vec::new(),
    };
    let prepared: Vec<Prepared> = prepared.into_iter().filter_map(Result::ok).collect();
    let mut bench = Bench { options, places, cores, session };
    bench.measure(&prepared)?;

    println!("\n{}", bench.session.tables().trim_end());
    if bench.options.full {
        let page = bench.places.root.join("docs/benchmarks-websocket-client.md");
        std::fs::write(&page, bench.session.page())?;
        println!("\nwritten to {}", page.display());
    }
    match bench.session.failures.len() {
        0 => Ok(()),
        failures => Err(BenchError::Failed(failures)),
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// Names of the clients, when not all.
    only: Option<Vec<String>>,
    /// Ids of the works, when not all.
    works: Option<Vec<String>>,
    rounds: usize,
    warm_up: Duration,
    window: Duration,
    /// Everything is measured, so that the report can be kept.
    full: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, BenchError> {
        let usage = || {
            let (names, ids) = (ROWS.map(|row| row.name).join(", "), WORKS.map(|work| work.id).join(", "));
            BenchError::Usage(format!("{USAGE} with names of: {names}; and works of: {ids}"))
        };
        let list = |text: Option<&str>, known: &[&str]| {
            let names: Vec<String> = text.ok_or_else(usage)?.split(',').map(str::to_owned).collect();
            if names.iter().all(|name| known.contains(&&**name)) { Ok(Some(names)) } else { Err(usage()) }
        };
        let mut options = Self {
            only: None,
            works: None,
            rounds: 5,
            warm_up: Duration::from_millis(400),
            window: Duration::from_millis(1500),
            full: true,
        };
        let mut rounds = None;
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--quick" => {
                    let ours = ROWS.iter().filter(|row| row.is_ours());
                    options.only.get_or_insert_with(|| ours.map(|row| row.name.to_owned()).collect());
                    options.rounds = 1;
                    (options.warm_up, options.window) = (Duration::from_millis(200), Duration::from_millis(500));
                    options.full = false;
                }
                "--only" => {
                    options.only = list(args.next(), &ROWS.map(|row| row.name))?;
                    options.full = false;
                }
                "--work" => {
                    options.works = list(args.next(), &WORKS.map(|work| work.id))?;
                    options.full = false;
                }
                "--rounds" => {
                    let number = args.next().and_then(|text| text.parse().ok()).filter(|&rounds| rounds > 0);
                    rounds = Some(number.ok_or_else(usage)?);
                }
                _ => return Err(usage()),
            }
        }
        options.rounds = rounds.unwrap_or(options.rounds);
        Ok(options)
    }

    /// The bare client is always in: the others are compared with it.
    fn wants(&self, row: &Row) -> bool {
        row.name == BARE || self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == row.name))
    }

    fn does(&self, work: &Work) -> bool {
        self.works.as_ref().is_none_or(|works| works.iter().any(|id| id == work.id))
    }
}

/// Builds and installs what was asked for; an `Err` is the name and reason of what is left out.
fn prepare(options: &Options, places: &Places) -> Vec<Result<Prepared, (&'static str, String)>> {
    let rows: Vec<&'static Row> = ROWS.iter().filter(|row| options.wants(row)).collect();
    let peers = if rows.iter().any(|row| row.is_peer()) {
        let (scripts, target) = (places.root.join("xtask/peers"), places.work.join("peers"));
        Peers::install(&scripts, &target).with_rust(&scripts, &target)
    } else {
        Peers::none()
    };
    let built = if rows.iter().any(|row| row.is_ours()) { build(&places.root, "patchcord", None) } else { Ok(()) };
    let prepare = |row: &'static Row| {
        if row.is_ours() {
            built.clone()?;
        }
        clients::prepare(row, places, &peers)
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
    fn measure(&mut self, prepared: &[Prepared]) -> Result<(), BenchError> {
        for round in 0..self.options.rounds {
            for work in WORKS.iter().filter(|work| self.options.does(work)) {
                println!("round {} of {}: {}", round + 1, self.options.rounds, work.title);
                for turn in 0..prepared.len() {
                    let index = (turn + round) % prepared.len();
                    let client = &prepared[index];
                    if !client.row.does(work.kind) {
                        continue;
                    }
                    match self.load(client, work) {
                        Ok(taken) => drop(self.session.clients[index].samples.insert((work.id, round), taken)),
                        Err(reason) if client.row.name == BARE => return Err(BenchError::Floor(reason)),
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

    /// Runs the server against a client and reads its result.
    fn load(&self, client: &Prepared, work: &Work) -> Result<Taken, String> {
        let failed = |error: std::io::Error| error.to_string();
        let port = free_port().map_err(failed)?;
        let program = client.program(port, work, &self.places).map_err(failed)?;
        let log = self.places.work.join(format!("client-{}.log", client.row.name));
        let millis = |time: Duration| time.as_millis().to_string();
        let mut args: Vec<String> = ["bench-flood", "--port"].map(str::to_owned).into();
        args.push(port.to_string());
        args.extend(["--work".to_owned(), work.id.to_owned()]);
        args.extend(["--warm-up".to_owned(), millis(self.options.warm_up)]);
        args.extend(["--window".to_owned(), millis(self.options.window)]);
        args.extend(["--cores".to_owned(), format!("{},{}", self.cores.load, self.cores.server)]);
        if let Some(rows) = client.row.rows_after(work) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, BenchError> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_full_session_is_the_default_and_a_part_is_never_kept() -> Result<(), BenchError> {
        let all = parse("")?;
        assert!(all.full && all.rounds == 5 && ROWS.iter().all(|row| all.wants(row)));
        let quick = parse("--rounds 2 --quick")?;
        assert!(!quick.full && quick.rounds == 2 && ROWS.iter().all(|row| quick.wants(row) != row.is_peer()));
        let part = parse("--only picows --work echo-64,million")?;
        let names: Vec<&str> = ROWS.iter().filter(|row| part.wants(row)).map(|row| row.name).collect();
        let ids: Vec<&str> = WORKS.iter().filter(|work| part.does(work)).map(|work| work.id).collect();
        assert_eq!((names, ids), (vec![BARE, "picows"], vec!["million", "echo-64"]));
        assert!(!part.full);
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_names() {
        for line in ["csound", "--only nginx", "--only", "--rounds 0", "--work flood", "--work"] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains("picows") && error.contains("flood-64"), "{error}");
        }
    }
}
