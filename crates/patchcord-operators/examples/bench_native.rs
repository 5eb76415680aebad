//! A Web Server DAT whose callbacks are Rust closures, for the benchmark: `bench_native --port N`.
//!
//! Everything is as in a patch (limits, counters, clients table), only that no Python answers.

use std::rc::Rc;
use std::time::Instant;

use patchcord_core::callbacks::Closures;
use patchcord_core::network::Network;
use patchcord_core::value::OwnedValue;
use patchcord_operators::web_server::{WEB_SERVER_DAT, WebServer};

const BODY: &str = "Hello from the Patchcord bench";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--port").skip(1);
    let port: i64 = arguments.next().ok_or("usage: bench_native --port N")?.parse()?;

    let network = Network::new(patchcord_operators::types());
    let start = Instant::now();
    network.set_clock(Rc::new(move || start.elapsed()));
    let callbacks = Closures::new(&WEB_SERVER_DAT)
        .on("onHTTPRequest", |_, _| {
            OwnedValue::Dict(vec![
                ("statusCode".into(), OwnedValue::Int(200)),
                ("statusReason".into(), OwnedValue::Str("OK".to_owned())),
                ("data".into(), OwnedValue::Str(BODY.to_owned())),
            ])
        })
        .on("onWebSocketReceiveText", |network, arguments| {
            if let [server, client, text] = arguments
                && let (Some(op), Some(client), Some(text)) = (server.as_op(), client.as_str(), text.as_str())
            {
                network.with_worker(op, |server: &WebServer| server.send_text(network, client, text));
            }
            OwnedValue::None
        });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        network.turn(|network| -> Result<(), patchcord_core::patch::PatchError> {
            let mut patch = network.patch_mut();
            let root = patch.root();
            let server = patch.create(root, &WEB_SERVER_DAT, Some("webserver1"))?;
            for (name, value) in [("port", OwnedValue::Int(port)), ("active", OwnedValue::Bool(true))] {
                let index = patch.find_par(server, name)?;
                patch.set_par(server, index, &value)?;
            }
            drop(patch);
            network.set_callbacks(server, Rc::new(callbacks))
        })?;
        std::future::pending::<()>().await;
        Ok(())
    }))
}
