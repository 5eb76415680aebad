//! `cargo xtask bench websocket-client`: our WebSocket DAT beside other clients.
//!
//! A bare client is always among them: the others are compared with it in the same round, and ours with the peers that
//! its bars name. How a session is held, `comparison` says.

pub mod bare;
mod clients;
mod report;
pub mod server;
mod work;

use std::io;

use super::BenchError;
use super::comparison::clients::{Prepared, Row};
use super::comparison::report::Session;
use super::comparison::work::Work;
use super::comparison::{self, Comparison};
use super::process::Program;
use super::servers::Places;
use work::Kind;

/// Entry of `cargo xtask bench websocket-client`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    comparison::run::<WebSocketClients>(args)
}

/// What is compared.
struct WebSocketClients;

impl Comparison for WebSocketClients {
    type Kind = Kind;

    const NAME: &'static str = "websocket-client";
    const TITLE: &'static str = "Benchmarks of the WebSocket client";
    const HOW_TO_READ: &'static str = report::HOW_TO_READ;
    const LOAD: &'static str = "bench-flood";
    const YARDSTICK: Option<&'static str> = Some(clients::BARE);
    const ROWS: &'static [Row] = &clients::ROWS;
    const WORKS: &'static [Work<Kind>] = &work::WORKS;

    fn does(row: &Row, work: &Work<Kind>) -> bool {
        clients::does(row, work.kind)
    }

    fn rows_after(row: &Row, work: &Work<Kind>) -> Option<u64> {
        clients::rows_after(row, work.kind)
    }

    fn program(client: &Prepared, port: u16, work: &Work<Kind>, places: &Places) -> io::Result<Program> {
        clients::program(client, port, work, places)
    }

    fn tables(session: &Session) -> String {
        report::tables(session)
    }
}
