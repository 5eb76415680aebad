//! `cargo xtask bench web`: our web server beside its peers, in one interleaved session.
//!
//! The server is pinned to one core and the load generator to another. Each server is first started on its own, to
//! time its start and to weigh idle WebSockets; then all are started once, and every round measures every work
//! with every server, in an order that rotates. A bare epoll loop (`floor`) is always among them: what is compared is the CPU
//! time per operation against the floor of the same round.
//!
//! A server that cannot be built, installed or started is left out by name; a wrong answer is reported and makes the
//! command fail. A full session is written to `docs/benchmarks.md`; with `--quick` (the floor and ours, one round of
//! 0.5 s) or `--only` nothing is written. Which servers and works there are stands in the tables of `servers` and `work`.

mod client;
mod comparison;
pub mod csound;
pub mod floor;
pub mod generator;
mod histogram;
pub mod logic;
mod measurement;
mod options;
mod peers;
mod poll;
mod process;
mod python;
mod report;
mod servers;
pub mod socketio;
pub mod websocket_client;
mod work;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use generator::{Footprint, MEMORY};
use measurement::Measurement;
use options::{Choices, Options};
use peers::Peers;
use process::{Cores, Program, Server};
use report::{Outcome, Session};
use servers::{FLOOR, Origin, Places, Prepared, ROWS, Row};
use work::{HTTP_PATH, WEBSOCKET_PATH, WORKS};

/// Longest time from start to the first answer.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How often each server is started on its own.
const STARTS: usize = 5;

/// Why the session could not be held, or not be held in full.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The command line is not understood.
    #[error("expected: {0}")]
    Usage(String),
    /// Pinning needs two cores.
    #[error("the server and the load generator need a core each, and there is only one")]
    OneCore,
    /// The benchmark's own half cannot be built.
    #[error("the load generator cannot be built: {0}")]
    Build(String),
    /// The floor cannot be measured, and without it nothing can be compared.
    #[error("the floor failed: {0}")]
    Floor(String),
    /// A file or process of the benchmark itself failed.
    #[error("{0}")]
    System(#[from] io::Error),
    /// Servers that were measured in part, after the report was printed.
    #[error("{0} measurements failed")]
    Failed(usize),
}

/// Entry of `cargo xtask bench`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    match args.split_first() {
        Some((name, args)) if name == "web" => web(args),
        Some((name, args)) if name == "websocket-client" => websocket_client::run(args),
        Some((name, args)) if name == "socketio" => socketio::run(args),
        Some((name, args)) if name == "python" => python::run(args),
        Some((name, args)) if name == "csound" => csound::run(args),
        Some((name, args)) if name == "logic" => logic::run(args),
        _ => Err(BenchError::Usage("bench web|websocket-client|socketio|python|csound|logic […]".to_owned())),
    }
}

/// Entry of `cargo xtask bench web`.
fn web(args: &[String]) -> Result<(), BenchError> {
    let options = Options::parse(args, &choices())?;
    let places = places()?;
    fs::create_dir_all(&places.work)?;
    let cores = Cores::choose()?.ok_or(BenchError::OneCore)?;
    build(&places.root, "xtask", None).map_err(BenchError::Build)?;
    let prepared = prepare(&options, &places);
    let session = session(&prepared)?;
    process::allow_many_files()?;
    process::pin(cores.load)?;

    let mut bench = Bench { options, places, cores, session };
    bench.session.rounds = bench.options.rounds;
    bench.session.window = bench.options.window;
    let prepared: Vec<Prepared> = prepared.into_iter().filter_map(Result::ok).collect();
    bench.measure_starts(&prepared)?;
    bench.measure_works(&prepared)?;

    println!("\n{}", bench.session.tables().trim_end());
    if bench.options.full {
        let page = bench.places.root.join("docs/benchmarks.md");
        fs::write(&page, bench.session.page())?;
        println!("\nwritten to {}", page.display());
    }
    match bench.session.failures.len() {
        0 => Ok(()),
        failures => Err(BenchError::Failed(failures)),
    }
}

/// What the command line of `bench web` can name.
fn choices() -> Choices {
    Choices {
        benchmark: "web",
        names: ROWS.iter().map(|row| row.name).collect(),
        quick: ROWS.iter().filter(|row| row.is_ours()).map(|row| row.name).collect(),
        works: Vec::new(),
    }
}

fn places() -> io::Result<Places> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    // This program is in target/debug or target/release, wherever target is.
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?.to_owned();
    Ok(Places { root, release: target.join("release"), work: target.join("bench") })
}

/// Builds and installs what was asked for; an `Err` is the name and reason of what is left out.
fn prepare(options: &Options, places: &Places) -> Vec<Result<Prepared, (&'static str, String)>> {
    // The floor is always in: the others are compared with it.
    let wanted = |row: &&Row| row.name == FLOOR || options.wants(row.name);
    let rows: Vec<&'static Row> = ROWS.iter().filter(wanted).collect();
    let is_peer = |row: &&Row| matches!(row.origin, Origin::PythonPeer(_) | Origin::NodePeer(_));
    let peers = if rows.iter().any(is_peer) {
        Peers::install(&places.root.join("xtask/peers"), &places.work.join("peers"))
    } else {
        Peers::none()
    };
    let prepare = |row: &'static Row| {
        if let Some((package, example)) = row.origin.example() {
            build(&places.root, package, Some(example))?;
        } else if matches!(row.origin, Origin::Python | Origin::Demo) {
            build(&places.root, "patchcord", None)?;
        }
        servers::prepare(row, places, &peers)
    };
    rows.into_iter().map(|row| prepare(row).map_err(|reason| (row.name, reason))).collect()
}

/// Builds a package, or one of its examples, for release. The reason of a failure is the compiler's first error.
fn build(root: &Path, package: &str, example: Option<&str>) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--quiet", "--release", "--package", package]);
    // What cargo says of this package: build scripts that read it would run anew, and everything behind them be built anew.
    let of_package = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(of_package) {
        command.env_remove(name);
    }
    if let Some(example) = example {
        command.args(["--example", example]);
    }
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let first = text.lines().find(|line| line.starts_with("error")).unwrap_or("cargo build failed");
    Err(format!("{} does not build: {first}", example.unwrap_or(package)))
}

/// The session's head, with nothing measured. Before pinning, so that all cores are counted.
fn session(prepared: &[Result<Prepared, (&'static str, String)>]) -> io::Result<Session> {
    let outcome = |prepared: &Prepared| Outcome::new(prepared.row, prepared.version.clone());
    Ok(Session {
        machine: Machine::here()?,
        rounds: 0,
        window: Duration::ZERO,
        servers: prepared.iter().flatten().map(outcome).collect(),
        skipped: prepared.iter().filter_map(|prepared| prepared.as_ref().err().cloned()).collect(),
        failures: Vec::new(),
    })
}

/// When and where a session was held.
struct Machine {
    /// Day of the session, ISO 8601.
    date: String,
    /// Model of the processor and how many cores there are.
    processor: String,
    /// Version of the kernel.
    kernel: String,
}

impl Machine {
    /// Here and now. A thread that is pinned counts one core.
    fn here() -> io::Result<Self> {
        let date = servers::said_by(Command::new("date").args(["-u", "+%F"])).map_err(io::Error::other)?;
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let cores = std::thread::available_parallelism()?;
        Ok(Self {
            date,
            processor: format!("{}, {cores} cores", model.map_or("unknown", |(_, model)| model.trim())),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// A session under way.
struct Bench {
    options: Options,
    places: Places,
    cores: Cores,
    session: Session,
}

impl Bench {
    /// Starts each server on its own, several times, and weighs idle WebSockets on the last start.
    fn measure_starts(&mut self, prepared: &[Prepared]) -> Result<(), BenchError> {
        for (index, prepared) in prepared.iter().enumerate() {
            println!("starting {}", prepared.row.name);
            let starts = if self.options.quick { 1 } else { STARTS };
            for round in 0..starts {
                let (server, port, time) = match self.start(prepared) {
                    Ok(started) => started,
                    Err(reason) => {
                        self.leave_out(prepared.row, reason)?;
                        break;
                    }
                };
                self.session.servers[index].starts.push(time);
                if round + 1 == starts && prepared.row.websocket {
                    match self.load(&server, port, MEMORY, Footprint::parse) {
                        Ok(footprint) => self.session.servers[index].footprint = Some(footprint),
                        Err(reason) => self.fail(prepared.row, "memory", &reason)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts all servers and measures round by round.
    fn measure_works(&mut self, prepared: &[Prepared]) -> Result<(), BenchError> {
        let mut running = Vec::new();
        for (index, prepared) in prepared.iter().enumerate() {
            let measured = WORKS.iter().any(|work| prepared.row.does(work.kind));
            if measured && !self.session.servers[index].starts.is_empty() {
                match self.start(prepared) {
                    Ok((server, port, _)) => running.push((index, prepared.row, server, port)),
                    Err(reason) => self.fail(prepared.row, "start", &reason)?,
                }
            }
        }
        for round in 0..self.options.rounds {
            println!("round {} of {}", round + 1, self.options.rounds);
            for work in &WORKS {
                for turn in 0..running.len() {
                    let (index, row, server, port) = &running[(turn + round) % running.len()];
                    if row.does(work.kind) {
                        match self.load(server, *port, work.id, Measurement::parse) {
                            Ok(sample) => drop(self.session.servers[*index].samples.insert((work.id, round), sample)),
                            Err(reason) => self.fail(row, work.title, &reason)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts a server and waits for its first answer.
    fn start(&self, prepared: &Prepared) -> Result<(Server, u16, Duration), String> {
        let port = free_port().map_err(|error| error.to_string())?;
        let log = self.places.work.join(format!("{}.log", prepared.row.name));
        let program = prepared.program(port, &self.places).map_err(|error| error.to_string())?;
        let server = Server::start(&program, self.cores, &log);
        let mut server = server.map_err(|error| format!("{}: {error}", program.path.display()))?;
        loop {
            if answers(port, prepared.row.http) {
                let time = server.started.elapsed();
                return Ok((server, port, time));
            }
            if let Some(status) = server.ended() {
                return Err(format!("ended with {status} before it answered ({})", log.display()));
            }
            if server.started.elapsed() > START_LIMIT {
                return Err(format!("no answer within {} s ({})", START_LIMIT.as_secs(), log.display()));
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Runs the load generator against a server and reads its result.
    fn load<T>(&self, server: &Server, port: u16, work: &str, parse: fn(&str) -> Option<T>) -> Result<T, String> {
        let port = port.to_string();
        let pids: Vec<String> = server.pids().map_err(|error| error.to_string())?.iter().map(u32::to_string).collect();
        let pids = pids.join(",");
        let millis = |time: Duration| time.as_millis().to_string();
        let (warm_up, window) = (millis(self.options.warm_up), millis(self.options.window));
        let args = ["bench-load", "--port", &port, "--work", work, "--pids", &pids];
        let args = args.into_iter().chain(["--warm-up", &warm_up, "--window", &window]);
        let output = Program::new(self.places.release.join("xtask"), args).command().output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "unreadable result".to_owned())
    }

    /// A server that does not start is left out; without the floor there is nothing to compare.
    fn leave_out(&mut self, row: &'static Row, reason: String) -> Result<(), BenchError> {
        if row.name == FLOOR {
            return Err(BenchError::Floor(reason));
        }
        println!("  left out: {reason}");
        self.session.skipped.push((row.name, reason));
        Ok(())
    }

    fn fail(&mut self, row: &Row, what: &str, reason: &str) -> Result<(), BenchError> {
        if row.name == FLOOR {
            return Err(BenchError::Floor(format!("{what}: {reason}")));
        }
        println!("  {}, {what}: {reason}", row.name);
        self.session.failures.push(format!("{}, {what}: {reason}", row.name));
        Ok(())
    }
}

/// A port that nobody listens on.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether one request is answered now: a GET with 200, or an upgrade with 101 where there is no HTTP.
fn answers(port: u16, http: bool) -> bool {
    let (path, upgrade, status) = if http {
        (HTTP_PATH, "", "HTTP/1.1 200 ")
    } else {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        (WEBSOCKET_PATH, upgrade, "HTTP/1.1 101 ")
    };
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{upgrade}\r\n")?;
        let mut answer = vec![0; status.len()];
        stream.read_exact(&mut answer)?;
        io::Result::Ok(answer == status.as_bytes())
    };
    ask().unwrap_or(false)
}
