//! The load's half of a comparison: a process of its own that starts one client, lets it connect and measures it.
//!
//! It is pinned away from the client. The result is one line of `name=value` pairs on standard output, which
//! [`Taken::parse`] reads back. It ends by itself: after the window, at the first wrong answer, or when the client is
//! stuck.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::histogram::Histogram;
use super::super::measurement::{Measurement, field};
use super::super::process::{self, Cores, CpuAccount, Program, Server};
use super::link::{self, Link, LoadError};
use super::work::Work;

/// How long the client may do what it does after connecting, before it is weighed and loaded.
const SETTLE: Duration = Duration::from_millis(100);

/// What is to be measured.
pub struct Order<K: 'static> {
    port: u16,
    /// What the client has to do.
    pub work: &'static Work<K>,
    /// For how long before it is measured.
    pub warm_up: Duration,
    /// For how long it is measured.
    pub window: Duration,
    cores: Cores,
    log: PathBuf,
    /// Rows that the client's table must have in the end, where it has one.
    pub rows: Option<u64>,
    client: Program,
}

impl<K> Order<K> {
    /// Reads a command line.
    ///
    /// # Errors
    /// [`LoadError::Usage`] when it is not complete.
    pub fn parse(args: &[String], works: &'static [Work<K>]) -> Result<Self, LoadError> {
        Self::read(args, works).ok_or(LoadError::Usage)
    }

    fn read(args: &[String], works: &'static [Work<K>]) -> Option<Self> {
        let split = args.iter().position(|arg| arg == "--")?;
        let (options, command) = (&args[..split], &args[split + 1..]);
        let value = |name: &str| options.get(options.iter().position(|arg| arg == name)? + 1).map(String::as_str);
        let millis = |name: &str| value(name)?.parse().ok().map(Duration::from_millis);
        let (load, server) = value("--cores")?.split_once(',')?;
        let (path, args) = command.split_first()?;
        let id = value("--work")?;
        Some(Self {
            port: value("--port")?.parse().ok()?,
            work: works.iter().find(|work| work.id == id)?,
            warm_up: millis("--warm-up")?,
            window: millis("--window")?,
            cores: Cores { load: load.parse().ok()?, server: server.parse().ok()? },
            log: value("--log")?.into(),
            rows: value("--rows").map(str::parse).transpose().ok()?,
            client: Program::new(path, args),
        })
    }

    /// Starts the client and waits until it has connected.
    ///
    /// # Errors
    /// When it does not, or its handshake is wrong.
    pub fn connect(&self) -> Result<(Client, Link), LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let mut client = Server::start(&self.client, self.cores, &self.log)?;
        let link = Link::open(link::accept(&listener, &mut client)?)?;
        Ok((Client { process: client, pids: Vec::new(), before: 0, settled: None }, link))
    }
}

/// The client under load.
pub struct Client {
    process: Server,
    /// The ids of its processes, once it has settled.
    pub pids: Vec<u32>,
    before: u64,
    settled: Option<u64>,
}

impl Client {
    /// Lets the client do what it does after connecting, and weighs it.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn settle(&mut self) -> Result<(), LoadError> {
        std::thread::sleep(SETTLE);
        self.pids = self.process.pids()?;
        self.before = process::resident(&self.pids).map_err(LoadError::Process)?;
        Ok(())
    }

    /// Weighs the client when it has all that it needs and should not grow any more.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn weigh_settled(&mut self) -> Result<(), LoadError> {
        self.settled = Some(process::resident(&self.pids).map_err(LoadError::Process)?);
        Ok(())
    }

    /// Weighs it in the end.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn memory(&self) -> Result<Memory, LoadError> {
        let after = process::resident(&self.pids).map_err(LoadError::Process)?;
        let peak = process::peak(&self.pids).map_err(LoadError::Process)?;
        Ok(Memory { before: self.before, settled: self.settled.unwrap_or(self.before), after, peak })
    }
}

/// Resident memory of a client in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Before the first message.
    pub before: u64,
    /// After a tenth of the messages, where a work measures that; otherwise as before the first.
    pub settled: u64,
    /// After the last message.
    pub after: u64,
    /// The most at any time.
    pub peak: u64,
}

impl Memory {
    /// By how much the resident set grew at most, from before the first message on.
    pub fn growth(&self) -> u64 {
        self.peak.saturating_sub(self.before)
    }
}

/// What a client took, and at what cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The window.
    pub measurement: Measurement,
    /// What it needed.
    pub memory: Memory,
}

impl Taken {
    /// The line that [`parse`](Self::parse) reads.
    pub fn to_line(self) -> String {
        let Memory { before, settled, after, peak } = self.memory;
        format!("{} before={before} settled={settled} after={after} peak={peak}", self.measurement.to_line())
    }

    /// Reads the line of a load generator.
    pub fn parse(line: &str) -> Option<Self> {
        let bytes = |name| field(line, name);
        Some(Self {
            measurement: Measurement::parse(line)?,
            memory: Memory {
                before: bytes("before")?,
                settled: bytes("settled")?,
                after: bytes("after")?,
                peak: bytes("peak")?,
            },
        })
    }
}

/// The accounts of both sides at the beginning of a window.
pub struct Accounts<'a> {
    pids: &'a [u32],
    begin: Instant,
    client: CpuAccount,
    own: CpuAccount,
}

impl<'a> Accounts<'a> {
    /// Of these processes and this one.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn begin(pids: &'a [u32]) -> Result<Self, LoadError> {
        let client = process::cpu_time(pids).map_err(LoadError::Process)?;
        let own = process::cpu_time(&[std::process::id()]).map_err(LoadError::Process)?;
        Ok(Self { pids, begin: Instant::now(), client, own })
    }

    /// Ends the window.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn end(self, operations: u64, round_trips: &Histogram) -> Result<Measurement, LoadError> {
        let elapsed = self.begin.elapsed();
        let client = process::cpu_time(self.pids).map_err(LoadError::Process)?.since(&self.client);
        let own = process::cpu_time(&[std::process::id()]).map_err(LoadError::Process)?.since(&self.own);
        Ok(Measurement::new(operations, elapsed, client, own, round_trips))
    }
}

/// So many different texts of small letters, from a fixed seed.
pub fn texts(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut letter = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        b'a' + (random % 26) as u8
    };
    (0..count).map(|_| (0..bytes).map(|_| letter()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    static WORKS: [Work<()>; 1] = [Work { id: "lift", title: "Lift", kind: (), bytes: 1 }];

    #[test]
    fn an_order_is_read_from_its_line() {
        let line = "--port 9 --work lift --warm-up 5 --window 6 --cores 0,3 --log l --rows 7 -- /bin/x --port 8";
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let order = Order::parse(&words, &WORKS).expect("complete");
        assert_eq!((order.port, order.work.id, order.rows, order.cores.server), (9, "lift", Some(7), 3));
        assert_eq!((order.client.path.to_str(), order.client.args.len()), (Some("/bin/x"), 2));
        assert!(Order::parse(&words[2..], &WORKS).is_err() && Order::parse(&words[..15], &WORKS).is_err());
    }

    #[test]
    fn what_was_taken_survives_the_way_through_a_line() {
        let line = "operations=1 elapsed=2 cpu=3 waited=4 generator=5 p50=6 p99=7 before=8 settled=9 after=10 peak=11";
        let taken = Taken::parse(line).expect("complete");
        assert_eq!((taken.to_line().as_str(), taken.memory.growth()), (line, 3));
        assert_eq!(Taken::parse("operations=1"), None);
    }
}
