//! A patch inside a Rust program: its operators are made in code, and closures are its callbacks.
//!
//! Start it with `cargo run --release --package patchcord-runtime --example embed`. Then
//! `curl http://127.0.0.1:9981/tea` counts visits of `/tea` in a Table DAT, and what one WebSocket client sends to
//! `ws://127.0.0.1:9981/` goes to all. Ctrl-C ends it in order.
//!
//! A program that has a folder with `patch.toml` instead gives it to `Engine::open`; the file is live then, and
//! `Network::set_callbacks` works for its operators just the same. Other threads reach the patch through
//! `Engine::remote`.

use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::callbacks::Closures;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::{OwnedValue, Value};
use patchcord_operators::table_dat::TABLE_DAT;
use patchcord_operators::web_server::{WEB_SERVER_DAT, WebServer};
use patchcord_runtime::engine::{Engine, Options};
use patchcord_runtime::terminal::{Streams, Terminal};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let terminal = Terminal::start(Streams::standard())?;
    let options = Options { terminal: Some(terminal.clone()), catch_signals: true, ..Options::default() };
    let code = counter(9981, options)?.run();
    // A thread of its own writes the lines; what the end has said is not to be lost.
    terminal.flush(Duration::from_secs(1));
    Ok(ExitCode::from(code))
}

/// An engine with a patch that counts visits.
pub fn counter(port: u16, options: Options) -> Result<Engine, Box<dyn Error>> {
    let engine = Engine::new(patchcord_operators::types(), options)?;
    // All edits of one turn come into force together when it ends.
    engine.turn(|network| -> Result<(), Box<dyn Error>> {
        let (server, visits) = make_operators(network, port)?;
        let callbacks = Closures::new(&WEB_SERVER_DAT)
            .on("onHTTPRequest", move |network, arguments| count(network, visits, arguments))
            .on("onWebSocketReceiveText", share);
        network.set_callbacks(server, Rc::new(callbacks))?;
        Ok(())
    })?;
    Ok(engine)
}

/// A Web Server DAT and the table that it counts in.
fn make_operators(network: &Network, port: u16) -> Result<(OpId, OpId), Box<dyn Error>> {
    let mut patch = network.patch_mut();
    let root = patch.root();
    let visits = patch.create(root, &TABLE_DAT, Some("visits"))?;
    patch.table_mut(visits)?.append_row(&["path", "count"], None)?;
    let server = patch.create(root, &WEB_SERVER_DAT, Some("webserver1"))?;
    for (name, value) in [("port", OwnedValue::Int(port.into())), ("active", OwnedValue::Bool(true))] {
        let index = patch.find_par(server, name)?;
        patch.set_par(server, index, &value)?;
    }
    Ok((server, visits))
}

/// Answers a request with the number of visits that its path has had.
fn count(network: &Network, visits: OpId, arguments: &[Value<'_>]) -> OwnedValue {
    let path = arguments.get(1).and_then(|request| request.field("uri")?.as_str().map(str::to_owned));
    let path = path.unwrap_or_else(|| "/".to_owned());
    let (status, reason, data) = match add_visit(network, visits, &path) {
        Ok(count) => (200, "OK", format!("{path}: {count}\n")),
        Err(error) => (500, "Internal Server Error", format!("{error}\n")),
    };
    OwnedValue::Dict(vec![
        ("statusCode".into(), OwnedValue::Int(status)),
        ("statusReason".into(), OwnedValue::Str(reason.to_owned())),
        ("data".into(), OwnedValue::Str(data)),
    ])
}

fn add_visit(network: &Network, visits: OpId, path: &str) -> Result<u64, Box<dyn Error>> {
    let mut patch = network.patch_mut();
    let table = patch.table_mut(visits)?;
    let count = 1 + table.cell(path, "count").and_then(|cell| cell.parse().ok()).unwrap_or(0);
    if count == 1 {
        table.append_row(&[path, "1"], None)?;
    } else {
        table.set_cell(path, "count", &count.to_string())?;
    }
    Ok(count)
}

/// Sends a message to every client of the server.
fn share(network: &Network, arguments: &[Value<'_>]) -> OwnedValue {
    if let [server, _client, message] = arguments
        && let (Some(server), Some(message)) = (server.as_op(), message.as_str())
    {
        network.with_worker(server, |server: &WebServer| {
            for client in server.connections() {
                server.send_text(network, client.as_str(), message);
            }
        });
    }
    OwnedValue::None
}
