//! `cargo xtask bench socketio`: our SocketIO DAT beside other clients of Socket.IO.
//!
//! The server is ours and speaks Engine.IO 4 and Socket.IO 5 over WebSocket as bytes, so that it is never what is slow.
//! Ours is compared with whichever peer does best in a work. How a session is held, `comparison` says.

mod clients;
mod packets;
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

/// Entry of `cargo xtask bench socketio`.
pub fn run(args: &[String]) -> Result<(), BenchError> {
    comparison::run::<SocketioClients>(args)
}

/// What is compared.
struct SocketioClients;

impl Comparison for SocketioClients {
    type Kind = Kind;

    const NAME: &'static str = "socketio";
    const TITLE: &'static str = "Benchmarks of the Socket.IO client";
    const HOW_TO_READ: &'static str = report::HOW_TO_READ;
    const LOAD: &'static str = "bench-socketio-load";
    const YARDSTICK: Option<&'static str> = None;
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

    fn idle(client: &Prepared, places: &Places) -> io::Result<Option<Program>> {
        clients::idle(client, places).map(Some)
    }

    fn tables(session: &Session) -> String {
        report::tables(session)
    }
}
