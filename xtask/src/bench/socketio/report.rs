//! The figures of the clients of Socket.IO, and what ours must reach.

use super::super::comparison::load::Taken;
use super::super::comparison::report::{Bars, Best, Outcome, Session, p50, p99, per_cpu_second};
use super::super::comparison::work::Work;
use super::super::report::{figure, grouped, line, median};
use super::clients::{OURS_CALLBACK, OURS_GRAPH, OURS_NATIVE, OURS_TABLE, PYTHON_SOCKETIO};
use super::work::{BAR_FLAT, BAR_GRAPH, BAR_LARGE, BAR_MEMORY, BAR_PYTHON, BAR_ROUND_TRIP, BAR_SMALL, Kind, WORKS};

/// The tables of all works, and the bars.
pub fn tables(session: &Session) -> String {
    let mut text = String::new();
    if let Some(ours) = session.client(OURS_TABLE) {
        session.write_calm(&mut text, ours, OURS_TABLE, WORKS.iter().map(|work| work.id));
    }
    for work in WORKS.iter().filter(|work| session.has(work.id)) {
        line(&mut text, format_args!("## {}\n", work.title));
        match work.kind {
            Kind::Receive | Kind::Send => write_stream(session, &mut text, work),
            Kind::Echo | Kind::Answer | Kind::Request => write_round_trips(session, &mut text, work),
            Kind::Endless { .. } => write_memory(session, &mut text, work),
        }
    }
    bars(session).write(&mut text);
    text
}

fn write_stream(session: &Session, text: &mut String, work: &Work<Kind>) {
    text.push_str("| client | CPU µs/event | events per CPU second | events/s | MB/s | peak MiB | grown MiB | client busy | client waited | load busy |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for client in &session.clients {
        let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work.id, figure).unwrap_or_default();
        let Some(rate) = client.median_of(work.id, |taken| taken.measurement.rate()) else { continue };
        line(
            text,
            format_args!(
                "| {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.0} % | {:.0} % | {:.0} % |",
                client.row.name,
                figure(of(&|taken| taken.measurement.cpu_us())),
                grouped(of(&per_cpu_second)),
                grouped(rate),
                grouped(rate * work.bytes as f64 / 1e6),
                of(&|taken| mib(taken.memory.peak)),
                of(&|taken| mib(taken.memory.growth())),
                of(&|taken| taken.measurement.share(taken.measurement.cpu) * 100.0),
                of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
                of(&|taken| taken.measurement.share(taken.measurement.generator) * 100.0),
            ),
        );
    }
    text.push('\n');
}

fn write_round_trips(session: &Session, text: &mut String, work: &Work<Kind>) {
    text.push_str("| client | p50 µs | p99 µs | round trips/s | CPU µs/round trip | client waited |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|\n");
    for client in &session.clients {
        let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work.id, figure).unwrap_or_default();
        let Some(median) = client.median_of(work.id, p50) else { continue };
        line(
            text,
            format_args!(
                "| {} | {median:.1} | {:.1} | {} | {} | {:.0} % |",
                client.row.name,
                of(&p99),
                grouped(of(&|taken| taken.measurement.rate())),
                figure(of(&|taken| taken.measurement.cpu_us())),
                of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
            ),
        );
    }
    text.push('\n');
}

fn write_memory(session: &Session, text: &mut String, work: &Work<Kind>) {
    if let Some(idle) = idle(session) {
        line(text, format_args!("The idle program has {:.1} MB.\n", idle / 1e6));
    }
    text.push_str("| client | connected MB | after 1 million MB | after 10 million MB | peak MB | CPU µs/event |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|\n");
    for client in &session.clients {
        let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work.id, figure).unwrap_or_default();
        let Some(before) = client.median_of(work.id, |taken| taken.memory.before as f64) else { continue };
        line(
            text,
            format_args!(
                "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
                client.row.name,
                before / 1e6,
                of(&|taken| taken.memory.settled as f64) / 1e6,
                of(&|taken| taken.memory.after as f64) / 1e6,
                of(&|taken| taken.memory.peak as f64) / 1e6,
                figure(of(&|taken| taken.measurement.cpu_us())),
            ),
        );
    }
    text.push('\n');
}

/// Ours against what it must reach.
fn bars(session: &Session) -> Bars {
    let mut bars = Bars::default();
    for work in &WORKS {
        let bar = if work.bytes == 64 { BAR_SMALL } else { BAR_LARGE };
        match work.kind {
            Kind::Receive => {
                rate_bar(&mut bars, session, work, OURS_TABLE, best(session, work), bar);
                rate_bar(&mut bars, session, work, OURS_CALLBACK, session.client(PYTHON_SOCKETIO), BAR_PYTHON);
                graph_bar(&mut bars, session, work);
            }
            Kind::Send => {
                rate_bar(&mut bars, session, work, OURS_NATIVE, best(session, work), bar);
                rate_bar(&mut bars, session, work, OURS_CALLBACK, session.client(PYTHON_SOCKETIO), BAR_PYTHON);
            }
            Kind::Echo | Kind::Answer | Kind::Request => {
                for (name, figure) in [("p50", p50 as fn(&Taken) -> f64), ("p99", p99)] {
                    let best = session.best_peer(work.id, Best::Least, figure);
                    if let Some((best, ours)) = best.zip(session.client(OURS_CALLBACK))
                        && let Some(ratio) = ours.ratios(work.id, best, figure)
                    {
                        let what = format_args!("{}: {OURS_CALLBACK}, {name} of {}", work.title, best.row.name);
                        bars.at_most(what, ratio, BAR_ROUND_TRIP, "×");
                    }
                }
            }
            Kind::Endless { .. } => memory_bars(&mut bars, session, work),
        }
    }
    bars
}

fn best<'a>(session: &'a Session, work: &Work<Kind>) -> Option<&'a Outcome> {
    session.best_peer(work.id, Best::Most, per_cpu_second)
}

fn rate_bar(bars: &mut Bars, session: &Session, work: &Work<Kind>, ours: &str, peer: Option<&Outcome>, bar: f64) {
    let Some((ours, peer)) = session.client(ours).zip(peer) else { return };
    if let Some(ratio) = ours.ratios(work.id, peer, per_cpu_second) {
        let (ours, peer) = (ours.row.name, peer.row.name);
        bars.at_least(format_args!("{}: {ours}, events per CPU second of {peer}", work.title), ratio, bar, "×");
    }
}

/// What the graph adds to the operator's own work.
fn graph_bar(bars: &mut Bars, session: &Session, work: &Work<Kind>) {
    let cost = |name: &str| session.client(name)?.median_of(work.id, |taken| taken.measurement.cpu_us());
    if let Some((graph, table)) = cost(OURS_GRAPH).zip(cost(OURS_TABLE)) {
        let what = format_args!("{}: {OURS_GRAPH}, above {OURS_TABLE}", work.title);
        bars.at_most(what, graph - table, BAR_GRAPH, "CPU µs/event");
    }
}

fn memory_bars(bars: &mut Bars, session: &Session, work: &Work<Kind>) {
    let Some(idle) = idle(session) else { return };
    for client in session.clients.iter().filter(|client| client.row.is_patch()) {
        let name = client.row.name;
        if let Some(peak) = client.median_of(work.id, |taken| taken.memory.peak as f64) {
            let what = format_args!("{}: {name}, peak above the idle program", work.title);
            bars.at_most(what, (peak - idle) / 1e6, BAR_MEMORY / 1e6, "MB");
        }
        let growth = |taken: &Taken| taken.memory.after as f64 - taken.memory.settled as f64;
        if let Some(growth) = client.median_of(work.id, growth) {
            let what = format_args!("{}: {name}, grown since the first million", work.title);
            bars.at_most(what, growth / 1e6, BAR_FLAT / 1e6, "MB");
        }
    }
}

/// Resident memory of the idle program in bytes.
fn idle(session: &Session) -> Option<f64> {
    median(session.idle.iter().map(|bytes| *bytes as f64).collect())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What a reader of the page has to know.
pub const HOW_TO_READ: &str = "\
## How to read this

- An event is the message `42[\"e\",\"TEXT\"]` of Socket.IO 5 in one WebSocket frame. **64 B** and **1 KiB** are the
  bytes of that message: the text has 54 and 1014 letters.
- **Receiving**: a server of ours sends events as fast as the client takes them, from one core to a client on another.
  The handlers of peers do nothing. `patchcord` puts the event into the DAT's table, which keeps the newest 100, and
  calls `onReceiveEvent`, which does nothing; `patchcord-table` has no such callback; both say in the end what their
  table holds. In `patchcord-logic` a graph hears of each event (On Socket.IO Receive) and counts it. In
  `patchcord-native` the callback is a Rust closure. Events count when the client has acknowledged the
  event behind them; at most a megabyte is under way.
- **Sending**: a handler emits in a loop, as many events as fill 256 KB whenever the server asks for them, and the
  server asks so early that it never runs out. In `patchcord` the handler is a Python callback, in `patchcord-native` a
  Rust closure. The server compares each event with what it must be.
- **Round trips** are one event at a time. In an echo the client sends the event back; in the second table it
  acknowledges it; in the third it asks for acknowledgements and the server measures how long after one the next request
  comes. Texts are compared. Before its echoes are measured, each client has to send back 20,000 numbered events in
  their order. rust_socketio cannot acknowledge.
- **CPU µs/event** is user and system time of all the client's processes, divided by the events of the same window. It
  hardly depends on the server, so it is the figure to compare; **events per CPU second** is its inverse, and the bars
  divide one client's by another's of the same round. The best peer is the one with the best median.
- **peak** is the most resident memory of the client at any time, **grown** is by how much that is more than before the
  first event. 1 MB is 10⁶ bytes, 1 MiB is 2²⁰.
- **client busy** below 90 % beside a **load busy** near 100 % says that the server was the limit: the rate is then its
  rate. **client waited** is the time for which the client was ready and had no core (Node's own threads wait for each
  other); in ours, above a few per cent, the machine was busy with something else. Differences under about 15 % are not
  established by one session.
- socket.io-client-cpp is not built by the benchmark: it is measured where the environment variable
  `PATCHCORD_BENCH_SOCKETIO_CPP` names a program built from `xtask/peers/socketio_cpp/main.cpp`, which says how.

";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::Machine;
    use super::super::super::comparison::load::Memory;
    use super::super::super::measurement::Measurement;
    use super::super::SocketioClients;
    use super::super::clients::{ROWS, does};
    use super::*;

    /// A client with these CPU times per event in µs, one for each round, and this median round trip in µs.
    fn outcome(name: &str, cpu_us: &[f64], p50: u64) -> Outcome {
        let row = ROWS.iter().find(|row| row.name == name).expect("a row of the table");
        let mut outcome = Outcome::new(row, format!("{name} 1.0"));
        for work in WORKS.iter().filter(|work| does(row, work.kind)) {
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
                let memory = Memory { before: 41_000_000, settled: 48_000_000, after: 48_500_000, peak: 56_000_000 };
                outcome.samples.insert((work.id, round), Taken { measurement, memory });
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
                outcome(OURS_CALLBACK, &[4.0, 5.0, 4.0], 30),
                outcome(OURS_TABLE, &[1.0, 2.0, 1.0], 0),
                outcome(OURS_NATIVE, &[2.0, 2.0, 2.0], 25),
                outcome("socket.io-client", &[3.0, 8.0, 2.5], 29),
                outcome(PYTHON_SOCKETIO, &[9.0, 9.0, 7.0], 20),
            ],
            idle: vec![40_000_000, 40_000_000, 50_000_000],
            skipped: vec![("rust_socketio", "cargo failed".into())],
            failures: Vec::new(),
        }
    }

    #[test]
    fn bars_are_judged_against_the_best_peer_of_a_work() {
        let text = session().page::<SocketioClients>();
        for expected in [
            "| patchcord-table | 1.00 | 1,000,000 | 100,000 | 6 | 53.4 | 14.3 | 10 % | 0 % | 10 % |",
            "| Receiving events of 64 B: patchcord-table, events per CPU second of socket.io-client | 3.00 × | ≥ 3 × | met |",
            "| Receiving events of 64 B: patchcord, events per CPU second of python-socketio | 1.80 × | ≥ 2 × | **missed** |",
            "| Sending events of 1 KiB: patchcord-native, events per CPU second of socket.io-client | 1.50 × | ≥ 2 × | **missed** |",
            "| Echo of 64 B, one in flight: patchcord, p50 of python-socketio | 1.50 × | ≤ 1.15 × | **missed** |",
            "| Echo of 64 B, one in flight: patchcord, p99 of python-socketio | 1.50 × | ≤ 1.15 × | **missed** |",
            "| Ten million events of 64 B: patchcord-table, peak above the idle program | 16.00 MB | ≤ 15 MB | **missed** |",
            "| Ten million events of 64 B: patchcord, grown since the first million | 0.50 MB | ≤ 1 MB | met |",
            "- rust_socketio: cargo failed",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn a_work_that_nobody_did_has_no_table() {
        let mut session = session();
        for client in &mut session.clients {
            client.samples.retain(|(work, _), _| *work == "echo-64");
        }
        let text = session.tables::<SocketioClients>();
        assert!(text.contains("## Echo of 64 B") && !text.contains("## Receiving") && !text.contains("Ten million"));
    }
}
