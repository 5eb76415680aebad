//! A SocketIO DAT whose callbacks are Rust closures, for the benchmark: `bench_socketio PORT
//! receive|send|echo|answer|request`.
//!
//! Everything is as in a patch (limits, counters, table), only that no Python answers. What the modes do with the
//! events of the server says `xtask/src/bench/socketio/server.rs`.

use std::rc::Rc;
use std::time::Instant;

use patchcord_core::callbacks::Closures;
use patchcord_core::network::Network;
use patchcord_core::value::{OwnedValue, Value as HostValue};
use patchcord_operators::socketio_dat::{Ack, Emit, SOCKETIO_DAT, SocketIoDat, Value};

const USAGE: &str = "usage: bench_socketio PORT receive|send|echo|answer|request";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or(USAGE)?.parse()?;
    let mode = arguments.next().ok_or(USAGE)?;

    let network = Network::new(patchcord_operators::types());
    let start = Instant::now();
    network.set_clock(Rc::new(move || start.elapsed()));
    let callbacks = Closures::new(&SOCKETIO_DAT);
    let callbacks = match mode.as_str() {
        "receive" => callbacks.on("onReceiveEvent", |_, _| OwnedValue::None),
        "answer" => callbacks.on("onReceiveEvent", |_, arguments| match arguments {
            [_, _, HostValue::Str(text), ..] => OwnedValue::Str((*text).to_owned()),
            _ => OwnedValue::None,
        }),
        "echo" => callbacks.on("onReceiveEvent", |network, arguments| emit(network, arguments, || Ack::None)),
        "send" => callbacks.on("onReceiveEvent", |network, arguments| emit(network, arguments, || Ack::None)),
        "request" => callbacks
            .on("onReceiveEvent", |network, arguments| emit(network, arguments, || Ack::Callback))
            .on("onAck", |network, arguments| emit(network, arguments, || Ack::Callback)),
        _ => return Err(USAGE.into()),
    };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        network.turn(|network| -> Result<(), patchcord_core::patch::PatchError> {
            let mut patch = network.patch_mut();
            let root = patch.root();
            let dat = patch.create(root, &SOCKETIO_DAT, Some("socketio1"))?;
            let url = OwnedValue::Str(format!("http://127.0.0.1:{port}"));
            let on = OwnedValue::Bool(true);
            for (name, value) in [("url", &url), ("allevents", &on), ("answer", &on), ("active", &on)] {
                let index = patch.find_par(dat, name)?;
                patch.set_par(dat, index, value)?;
            }
            drop(patch);
            network.set_callbacks(dat, Rc::new(callbacks))
        })?;
        std::future::pending::<()>().await;
        Ok(())
    }))
}

/// Emits the text of a message once, or as often as a number before it says.
fn emit(network: &Network, arguments: &[HostValue<'_>], ack: fn() -> Ack) -> OwnedValue {
    let [dat, _, message, ..] = arguments else { return OwnedValue::None };
    let (mut count, mut text) = (1, None);
    let mut read = |value: HostValue<'_>| match value {
        HostValue::Int(number) => count = number,
        value => text = value.as_str().map(str::to_owned),
    };
    match message {
        HostValue::List(items) => items.items(&mut read),
        value => read(*value),
    }
    if let (Some(dat), Some(text)) = (dat.as_op(), text) {
        network.with_worker(dat, |dat: &SocketIoDat| {
            for _ in 0..count {
                let how = Emit { ack: ack(), ..Emit::default() };
                dat.emit("e", vec![Value::Text(text.clone())], how).expect("the event can be written");
            }
        });
    }
    OwnedValue::None
}
