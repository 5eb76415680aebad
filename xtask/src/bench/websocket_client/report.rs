//! The figures of the WebSocket clients, and what ours must reach.

use super::super::comparison::load::Taken;
use super::super::comparison::report::{Bars, Best, Outcome, Session, p50, p99, per_cpu_second};
use super::super::comparison::work::Work;
use super::super::report::{figure, grouped, line};
use super::clients::{BARE, OURS_CALLBACK, OURS_TABLE, PICOWS, WEBSOCKETS};
use super::work::{BAR_BARE, BAR_MEMORY, BAR_PICOWS, BAR_ROUND_TRIP, BAR_WEBSOCKETS, Kind, WORKS};

/// The tables of all works, and the bars.
pub fn tables(session: &Session) -> String {
    let mut text = String::new();
    let Some(bare) = session.client(BARE) else { return text };
    session.write_calm(&mut text, bare, "the bare client", WORKS.iter().map(|work| work.id));
    for work in WORKS.iter().filter(|work| session.has(work.id)) {
        line(&mut text, format_args!("## {}\n", work.title));
        match work.kind {
            Kind::Flood => write_flood(session, &mut text, work, bare),
            Kind::Fill { messages } => write_fill(session, &mut text, work, messages),
            Kind::Echo => write_echo(session, &mut text, work),
        }
    }
    bars(session).write(&mut text);
    text
}

fn write_flood(session: &Session, text: &mut String, work: &Work<Kind>, bare: &Outcome) {
    text.push_str("| client | CPU µs/message | messages per CPU second | × bare | messages/s | MB/s | memory MiB | client busy | client waited | load busy |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for client in &session.clients {
        let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work.id, figure).unwrap_or_default();
        let Some(ratio) = client.ratios(work.id, bare, per_cpu_second) else { continue };
        let rate = of(&|taken| taken.measurement.rate());
        line(
            text,
            format_args!(
                "| {} | {} | {} | {ratio:.2} | {} | {} | {:.1} | {:.0} % | {:.0} % | {:.0} % |",
                client.row.name,
                figure(of(&|taken| taken.measurement.cpu_us())),
                grouped(of(&per_cpu_second)),
                grouped(rate),
                grouped(rate * work.bytes as f64 / 1e6),
                of(&|taken| taken.memory.growth() as f64) / f64::from(1 << 20),
                of(&|taken| taken.measurement.share(taken.measurement.cpu) * 100.0),
                of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
                of(&|taken| taken.measurement.share(taken.measurement.generator) * 100.0),
            ),
        );
    }
    text.push('\n');
}

fn write_fill(session: &Session, text: &mut String, work: &Work<Kind>, messages: u64) {
    text.push_str(
        "| client | CPU µs/message | messages per CPU second | memory MB | × text | client busy | client waited |\n",
    );
    text.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    let contents = messages as f64 * work.bytes as f64;
    for client in &session.clients {
        let of = |figure: &dyn Fn(&Taken) -> f64| client.median_of(work.id, figure).unwrap_or_default();
        let Some(memory) = client.median_of(work.id, |taken| taken.memory.growth() as f64) else { continue };
        line(
            text,
            format_args!(
                "| {} | {} | {} | {:.1} | {:.2} | {:.0} % | {:.0} % |",
                client.row.name,
                figure(of(&|taken| taken.measurement.cpu_us())),
                grouped(of(&per_cpu_second)),
                memory / 1e6,
                memory / contents,
                of(&|taken| taken.measurement.share(taken.measurement.cpu) * 100.0),
                of(&|taken| taken.measurement.share(taken.measurement.waited) * 100.0),
            ),
        );
    }
    text.push('\n');
}

fn write_echo(session: &Session, text: &mut String, work: &Work<Kind>) {
    text.push_str(
        "| client | p50 µs | p99 µs | echoes/s | CPU µs/echo | client waited |\n|---|---:|---:|---:|---:|---:|\n",
    );
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

/// Ours against what it must reach.
fn bars(session: &Session) -> Bars {
    let mut bars = Bars::default();
    for work in &WORKS {
        match work.kind {
            Kind::Flood => {
                let pairs = [
                    (OURS_CALLBACK, PICOWS, BAR_PICOWS),
                    (OURS_CALLBACK, WEBSOCKETS, BAR_WEBSOCKETS),
                    (OURS_TABLE, BARE, BAR_BARE),
                ];
                for (ours, other, bar) in pairs {
                    let pair = session.client(ours).zip(session.client(other));
                    if let Some(ratio) = pair.and_then(|(ours, other)| ours.ratios(work.id, other, per_cpu_second)) {
                        let what = format_args!("{}: {ours}, messages per CPU second of {other}", work.title);
                        bars.at_least(what, ratio, bar, "×");
                    }
                }
            }
            Kind::Fill { messages } => {
                for client in session.clients.iter().filter(|client| client.row.is_ours()) {
                    let contents = messages as f64 * work.bytes as f64;
                    if let Some(ratio) = client.median_of(work.id, |taken| taken.memory.growth() as f64 / contents) {
                        let what = format_args!("{}: {}, memory", work.title, client.row.name);
                        bars.at_most(what, ratio, BAR_MEMORY, "×");
                    }
                }
            }
            Kind::Echo => {
                let best = session.best_peer(work.id, Best::Least, p50);
                if let Some((best, ours)) = best.zip(session.client(OURS_CALLBACK))
                    && let Some(ratio) = ours.ratios(work.id, best, p50)
                {
                    let what = format_args!("{}: {OURS_CALLBACK}, p50 of {}", work.title, best.row.name);
                    bars.at_most(what, ratio, BAR_ROUND_TRIP, "×");
                }
            }
        }
    }
    bars
}

/// What a reader of the page has to know.
pub const HOW_TO_READ: &str = "\
## How to read this

- In a **flood** a server of ours sends text messages as fast as the client takes them, from one core to a client on another.
  Peers and the bare client do nothing with a message. `patchcord` puts it into the DAT's table, which keeps the newest 100, and
  calls `onReceiveText(dat, rowIndex, message)`, which does nothing; `patchcord-table` has no such callback.
- **CPU µs/message** is user and system time of all the client's processes, divided by the messages of the same window. It
  hardly depends on the server, so it is the figure to compare. **messages per CPU second** is its inverse, and **× bare**
  divides that by the bare client's of the same round: 0.5 is half as many for the same time.
- The **bare** client reads into one buffer and goes through the headers of the frames in it
  (`xtask/src/bench/websocket_client/bare.rs`). It looks at no payload, and picows at none unless its handler asks for it
  (`picows-text` does). Every other client checks that text is UTF-8 and hands over a string of its language.
- Messages count when the client has answered the ping behind them, which it can only do after it has read them. At most a
  megabyte is under way. Our clients also say how many rows their table has in the end, and the echoes are compared with what was sent.
- **memory** is by how much the resident set grew at most, from before the first message on. **× text** divides it by the bytes of
  the messages that are kept.
- **client busy** below 90 % beside a **load busy** near 100 % says that the server was the limit: the rate is then its rate.
  **client waited** is the time for which the client was ready and had no core; above a few per cent the machine was busy with
  something else. Differences under about 15 % are not established by one session.

";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::Machine;
    use super::super::super::comparison::load::Memory;
    use super::super::super::measurement::Measurement;
    use super::super::WebSocketClients;
    use super::super::clients::{ROWS, does};
    use super::*;

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
                let memory = Memory { before: 40_000_000, settled: 0, after: 0, peak: 200_000_000 };
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
                outcome(BARE, &[1.0, 2.0, 1.0], 10),
                outcome(OURS_CALLBACK, &[4.0, 5.0, 4.0], 30),
                outcome(OURS_TABLE, &[1.2, 2.0, 1.25], 0),
                outcome(PICOWS, &[5.0, 5.0, 6.0], 20),
                outcome(WEBSOCKETS, &[9.0, 9.0, 7.0], 50),
            ],
            idle: Vec::new(),
            skipped: vec![("ws", "npm is missing".into())],
            failures: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_formed_within_a_round() {
        let text = session().page::<WebSocketClients>();
        let expected = "| patchcord | 4.00 | 250,000 | 0.25 | 100,000 | 6 | 152.6 | 40 % | 0 % | 10 % |";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn bars_are_judged_and_gaps_are_named() {
        let text = session().tables::<WebSocketClients>();
        for expected in [
            "| Flood of 64 B: patchcord, messages per CPU second of picows | 1.25 × | ≥ 1.2 × | met |",
            "| Flood of 64 B: patchcord, messages per CPU second of websockets | 1.80 × | ≥ 2 × | **missed** |",
            "| Flood of 64 B: patchcord-table, messages per CPU second of bare | 0.83 × | ≥ 0.8 × | met |",
            "| A million rows of 64 B, clamp off: patchcord, memory | 2.50 × | ≤ 2 × | **missed** |",
            "| Echo of 64 B, one in flight: patchcord, p50 of picows | 1.50 × | ≤ 1.15 × | **missed** |",
            "- ws: npm is missing",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn a_session_that_was_disturbed_says_so() {
        let mut session = session();
        assert!(!session.tables::<WebSocketClients>().contains("Not a calm session"));
        for taken in session.clients[0].samples.values_mut() {
            taken.measurement.waited = Duration::from_secs(2);
        }
        assert!(
            session
                .tables::<WebSocketClients>()
                .contains("**Not a calm session**: the bare client waited for its core during 20 %")
        );
    }
}
