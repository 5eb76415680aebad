//! Benchmark peer: rust_socketio as a client, on one thread. Usage: bench-rust_socketio PORT receive|send|echo|request
//!
//! What the modes do with the events of the server says xtask/src/bench/socketio/server.rs. The crate cannot
//! acknowledge an event, so what is taken is said by an event, and there is no mode in which events are answered.

use std::error::Error;
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Payload, TransportType};
use serde_json::Value;
use tokio::sync::mpsc;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "expected: PORT receive|send|echo|request";
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().ok_or(usage)?.parse()?;
    let mode = args.next().ok_or(usage)?;
    let (closed, mut ended) = mpsc::unbounded_channel();
    let (on_close, on_error) = (closed.clone(), closed);
    let builder = ClientBuilder::new(format!("http://127.0.0.1:{port}/"))
        .transport_type(TransportType::Websocket)
        .reconnect(false)
        .on("close", move |_, _| {
            let _ = on_close.send("closed".to_owned());
            async {}.boxed()
        })
        .on("error", move |error, _| {
            let _ = on_error.send(format!("{error:?}"));
            async {}.boxed()
        });
    let builder = match mode.as_str() {
        "receive" => builder.on("e", |_, _| async {}.boxed()).on("m", taken),
        "echo" => builder.on("e", |text, client| emit("e", text, client)).on("m", taken),
        "send" => builder.on("m", |mark, client| {
            async move {
                let (count, text) = order(mark);
                for _ in 0..count {
                    client.emit("e", text.clone()).await.expect("connected");
                }
            }
            .boxed()
        }),
        "request" => builder.on("m", |mark, client| {
            tokio::spawn(request(order(mark).1, client));
            async {}.boxed()
        }),
        _ => return Err(usage.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _client = builder.connect().await?;
        println!("{}", ended.recv().await.unwrap_or_default());
        Ok(())
    })
}

type Answer = futures_util::future::BoxFuture<'static, ()>;

/// Says that everything up to a mark is taken.
fn taken(mark: Payload, client: Client) -> Answer {
    emit("m", mark, client)
}

fn emit(event: &'static str, payload: Payload, client: Client) -> Answer {
    async move { client.emit(event, payload).await.expect("connected") }.boxed()
}

/// How many events the server wants, and with which text.
fn order(mark: Payload) -> (u64, Value) {
    match mark {
        Payload::Text(values) => match values.as_slice() {
            [count, text] => (count.as_u64().unwrap_or(0), text.clone()),
            _ => (0, Value::Null),
        },
        _ => (0, Value::Null),
    }
}

/// Sends requests one behind the other. The next one cannot be sent by the callback of the answer, which is called
/// while the client's list of requests is locked.
async fn request(text: Value, client: Client) {
    let (answered, mut answer) = mpsc::unbounded_channel();
    loop {
        let answered = answered.clone();
        let on_answer = move |_: Payload, _: Client| {
            let _ = answered.send(());
            async {}.boxed()
        };
        client.emit_with_ack("e", text.clone(), PATIENCE, on_answer).await.expect("connected");
        answer.recv().await;
    }
}
