//! The load generator: one thread, one epoll loop, closed loop over all connections.
//!
//! It runs as a process of its own (`xtask bench-load`), pinned away from the server, and measures in one place what
//! belongs together: operations, the server's CPU time over exactly the same window, its own, and the round trips.
//! The result is one line of `name=value` pairs on standard output, which [`Measurement::parse`] reads back.
//! It ends by itself: after the window, at the first wrong answer, or when the server is stuck.

use std::time::{Duration, Instant};

use super::client::{Connection, LoadError, PATIENCE};
use super::histogram::Histogram;
use super::measurement::{Measurement, field};
use super::poll::Poll;
use super::process;
use super::work::{self, CONNECTIONS, Kind};

/// Connections opened and closed before the memory of idle ones is measured.
const MEMORY_WARM_UP: usize = 100;

/// Idle connections whose memory is measured.
pub const MEMORY_CONNECTIONS: usize = 1000;

/// How long a server may tidy up before its memory is read.
const SETTLE: Duration = Duration::from_millis(300);

/// The id under which the command line asks for [`Footprint`] instead of a work.
pub const MEMORY: &str = "memory";

/// What is to be measured.
pub struct Order {
    /// Port of the server on 127.0.0.1.
    pub port: u16,
    /// What one operation is.
    pub kind: Kind,
    /// Processes of the server, whose CPU time is read.
    pub pids: Vec<u32>,
    /// Time under load before the window.
    pub warm_up: Duration,
    /// Time that is measured.
    pub window: Duration,
}

/// Resident memory of the server for each idle WebSocket, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Connections that have only been opened.
    pub opened: i64,
    /// The same connections after one message of 32 bytes and its echo on each.
    pub used: i64,
}

/// Entry of `xtask bench-load`.
pub fn run(args: &[String]) -> Result<(), LoadError> {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).map(String::as_str)
    };
    let millis = |name: &str, default: u64| match value(name) {
        Some(text) => text.parse().map(Duration::from_millis).map_err(|_| LoadError::Usage),
        None => Ok(Duration::from_millis(default)),
    };
    let port = value("--port").and_then(|text| text.parse().ok()).ok_or(LoadError::Usage)?;
    let pids = value("--pids").unwrap_or("").split(',').map(str::parse);
    let pids: Vec<u32> = pids.collect::<Result<_, _>>().map_err(|_| LoadError::Usage)?;
    let id = value("--work").ok_or(LoadError::Usage)?;
    if id == MEMORY {
        println!("{}", measure_memory(port, &pids)?.to_line());
        return Ok(());
    }
    let kind = work::find(id).ok_or(LoadError::Usage)?.kind;
    let order = Order { port, kind, pids, warm_up: millis("--warm-up", 400)?, window: millis("--window", 1500)? };
    println!("{}", measure(&order)?.to_line());
    Ok(())
}

/// Drives one work and measures it.
pub fn measure(order: &Order) -> Result<Measurement, LoadError> {
    let mut load = Load::open(order.port, order.kind)?;
    let mut round_trips = Histogram::new();
    load.drive(order.warm_up, &mut round_trips)?;

    round_trips.clear();
    let begin = Instant::now();
    let server = process::cpu_time(&order.pids).map_err(LoadError::Process)?;
    let own = process::cpu_time(&[std::process::id()]).map_err(LoadError::Process)?;
    let operations = load.drive(order.window, &mut round_trips)?;
    let server = process::cpu_time(&order.pids).map_err(LoadError::Process)?.since(&server);
    let own = process::cpu_time(&[std::process::id()]).map_err(LoadError::Process)?.since(&own);
    let elapsed = begin.elapsed();

    load.close()?;
    Ok(Measurement::new(operations, elapsed, server, own, &round_trips))
}

/// Opens idle WebSockets and measures by how much they let the server grow.
fn measure_memory(port: u16, pids: &[u32]) -> Result<Footprint, LoadError> {
    let kind = Kind::Echo { bytes: 32, in_flight: 1 };
    let open = |count: usize| (0..count).map(|seed| Connection::open(port, kind, seed as u64));
    let exchange = |connections: &mut Vec<Connection>| connections.iter_mut().try_for_each(Connection::exchange);
    let resident = || {
        std::thread::sleep(SETTLE);
        process::resident(pids).map_err(LoadError::Process)
    };

    let mut first: Vec<Connection> = open(MEMORY_WARM_UP).collect::<Result<_, _>>()?;
    exchange(&mut first)?;
    first.into_iter().try_for_each(Connection::close)?;

    let before = resident()?;
    let mut connections: Vec<Connection> = open(MEMORY_CONNECTIONS).collect::<Result<_, _>>()?;
    let opened = resident()?;
    exchange(&mut connections)?;
    let used = resident()?;
    connections.into_iter().try_for_each(Connection::close)?;
    let each = |after: u64| (after as i64 - before as i64) / MEMORY_CONNECTIONS as i64;
    Ok(Footprint { opened: each(opened), used: each(used) })
}

/// All connections of a measurement.
struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    ready: Vec<usize>,
}

impl Load {
    fn open(port: u16, kind: Kind) -> Result<Self, LoadError> {
        let poll = Poll::new()?;
        let connections = (0..CONNECTIONS).map(|seed| Connection::open(port, kind, seed as u64));
        let mut connections: Vec<Connection> = connections.collect::<Result<_, _>>()?;
        for (token, connection) in connections.iter_mut().enumerate() {
            connection.start()?;
            poll.add(connection.stream(), token)?;
            if connection.wants_output() {
                poll.want_output(connection.stream(), token, true)?;
            }
        }
        Ok(Self { poll, connections, ready: Vec::new() })
    }

    /// Keeps every connection busy for some time and returns the number of answers.
    fn drive(&mut self, time: Duration, round_trips: &mut Histogram) -> Result<u64, LoadError> {
        let end = Instant::now() + time;
        let mut operations = 0;
        while Instant::now() < end {
            operations += self.turn(true, round_trips)?;
        }
        Ok(operations)
    }

    /// Waits for the last answers, so that no server is interrupted, and closes every connection.
    fn close(mut self) -> Result<(), LoadError> {
        let mut ignored = Histogram::new();
        let deadline = Instant::now() + PATIENCE;
        while !self.connections.iter().all(Connection::is_idle) {
            if Instant::now() > deadline {
                return Err(LoadError::Stuck);
            }
            self.turn(false, &mut ignored)?;
        }
        self.connections.into_iter().try_for_each(Connection::close)
    }

    fn turn(&mut self, more: bool, round_trips: &mut Histogram) -> Result<u64, LoadError> {
        let begin = Instant::now();
        self.poll.wait(&mut self.ready, Some(PATIENCE))?;
        if self.ready.is_empty() && begin.elapsed() >= PATIENCE {
            return Err(LoadError::Stuck);
        }
        let mut operations = 0;
        for &token in &self.ready {
            let connection = &mut self.connections[token];
            let waited = connection.wants_output();
            operations += connection.handle_ready(more, round_trips)?;
            let waits = connection.wants_output();
            if waited != waits {
                self.poll.want_output(connection.stream(), token, waits)?;
            }
        }
        Ok(operations)
    }
}

impl Footprint {
    /// The line that [`parse`](Self::parse) reads.
    pub fn to_line(self) -> String {
        format!("opened={} used={}", self.opened, self.used)
    }

    /// Reads the line of a load generator.
    pub fn parse(line: &str) -> Option<Self> {
        Some(Self { opened: field(line, "opened")?, used: field(line, "used")? })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::floor::Floor;
    use super::*;

    fn order(port: u16, kind: Kind) -> Order {
        let pids = vec![std::process::id()];
        Order { port, kind, pids, warm_up: Duration::from_millis(5), window: Duration::from_millis(20) }
    }

    #[test]
    fn every_work_runs_against_the_floor() -> Result<(), LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let done = Arc::new(AtomicBool::new(false));
        let finished = done.clone();
        let server = std::thread::spawn(move || {
            let mut floor = Floor::new(listener)?;
            while !finished.load(Ordering::Relaxed) {
                floor.turn(Some(Duration::from_millis(10)))?;
            }
            std::io::Result::Ok(())
        });
        for work in &work::WORKS {
            let measurement = measure(&order(port, work.kind))?;
            assert!(measurement.operations >= CONNECTIONS as u64, "{}: {measurement:?}", work.id);
            assert!(measurement.p50 <= measurement.p99);
            assert!(measurement.p99 < PATIENCE);
        }
        done.store(true, Ordering::Relaxed);
        server.join().expect("the floor's thread does not panic")?;
        Ok(())
    }

    #[test]
    fn a_wrong_body_ends_the_measurement() -> Result<(), LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let server = std::thread::spawn(move || {
            let mut clients: Vec<_> = listener.incoming().take(CONNECTIONS).flatten().collect();
            for client in &mut clients {
                let mut request = [0; 1024];
                if client.read(&mut request).is_ok_and(|read| read > 0) {
                    let body = "Hello from another test server";
                    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    // The load generator may have left already.
                    let _ = client.write_all(response.as_bytes());
                }
            }
        });
        let result = measure(&order(port, Kind::Http));
        assert!(matches!(result, Err(LoadError::WrongAnswer("another body"))), "{result:?}");
        server.join().expect("the server's thread does not panic");
        Ok(())
    }

    #[test]
    fn a_footprint_survives_the_way_through_a_line() {
        let footprint = Footprint { opened: -12, used: 4096 };
        assert_eq!(Footprint::parse(&footprint.to_line()), Some(footprint));
        assert_eq!(Footprint::parse("opened=1"), None);
    }
}
