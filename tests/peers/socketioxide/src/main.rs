//! A Socket.IO server on socketioxide; `socketio_servers.py` says what it does and how it is led.
//! `socketioxide-peer {"port": 0, "limit": seconds, "msgpack": bool, "ping": [interval, timeout]}`; it understands
//! version 3 of Engine.IO, too.

mod args;

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;
use socketioxide::{ParserConfig, SocketIo, TransportType};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use args::Args;

const NAMESPACES: [&str; 3] = ["/", "/admin", "/token"];

/// Packets for one client that wait to be written; more are tried again.
const BUFFER: usize = 1024;

/// What other servers take by default, in bytes.
const MAX_PAYLOAD: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let settings: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("expected: settings as JSON")?)?;
    // One thread: events are handled in the order in which they came.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(&settings))
}

async fn serve(settings: &Value) -> Result<(), Box<dyn Error>> {
    let mut builder = SocketIo::builder().max_buffer_size(BUFFER).max_payload(MAX_PAYLOAD);
    if let [Some(interval), Some(timeout)] = [&settings["ping"][0], &settings["ping"][1]].map(Value::as_u64) {
        builder = builder.ping_interval(Duration::from_millis(interval)).ping_timeout(Duration::from_millis(timeout));
    }
    let (service, io) = match settings["msgpack"] {
        Value::Bool(true) => builder.with_parser(ParserConfig::msgpack()).build_svc(),
        _ => builder.build_svc(),
    };
    io.ns("/", welcome);
    io.ns("/admin", welcome);
    io.ns("/deny", welcome.with(async || Err::<(), _>("denied")));
    io.ns("/token", welcome.with(check_token));

    let port = settings["port"].as_u64().and_then(|port| u16::try_from(port).ok()).ok_or("port: expected a number")?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    tell(&json!(["listening", listener.local_addr()?.port()]));
    let end = tokio::time::sleep(Duration::from_secs(settings["limit"].as_u64().ok_or("limit: expected seconds")?));
    tokio::pin!(end);
    let mut commands = commands();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(connection.with_upgrades());
            }
            command = commands.recv() => match command {
                Some(command) if command[0] == "emit" => emit_to_all(&io, &command).await,
                Some(_) => {
                    drop(listener);
                    io.close().await;
                    // What the close has written goes out.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    return Ok(());
                }
                None => return Ok(()),
            },
            () = &mut end => return Ok(()),
        }
    }
}

/// The lines of standard input; the channel ends with them.
fn commands() -> UnboundedReceiver<Vec<Value>> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let Ok(command) = serde_json::from_str(&line) else { return };
            if sender.send(command).is_err() {
                return;
            }
        }
    });
    receiver
}

fn tell(event: &Value) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell when this fails.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

async fn emit_to_all(io: &SocketIo, command: &[Value]) {
    if let [_, Value::String(namespace), Value::String(event), args @ ..] = command
        && let Some(namespace) = io.of(namespace)
    {
        let _ = namespace.emit(event, &Args::from_json(args)).await;
    }
}

async fn check_token(TryData(auth): TryData<Value>) -> Result<(), &'static str> {
    if auth.is_ok_and(|auth| auth["token"] == "right") { Ok(()) } else { Err("wrong token") }
}

/// A client is in a namespace: tells of it and sets up its events.
async fn welcome(socket: SocketRef, TryData(auth): TryData<Value>) {
    let request = socket.req_parts();
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())))
    };
    let client = json!({
        "query": query(request.uri.query().unwrap_or_default()),
        "headers": request.headers.iter().map(header).collect::<HashMap<_, _>>(),
        "auth": auth.unwrap_or(Value::Null),
        "transport": transport(&socket),
        "recovered": false,
    });
    tell(&json!(["connect", socket.ns(), socket.id, client]));
    socket.on_disconnect(async |socket: SocketRef, reason: DisconnectReason| {
        tell(&json!(["disconnect", socket.ns(), socket.id, reason.to_string()]));
    });
    set_up_messages(&socket);
    set_up_numbers(&socket);
    set_up_ends(&socket);
}

fn set_up_messages(socket: &SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data(args): Data<Args>, answer: AckSender| {
        let _ = socket.emit("echo", &args);
        let _ = answer.send(&args);
    });
    socket.on("note", async |socket: SocketRef, Data(args): Data<Args>, answer: AckSender| {
        tell(&json!(["note", socket.ns(), args.to_json()]));
        let _ = answer.send(&Args::default());
    });
    socket.on("ask", async |socket: SocketRef, Data(args): Data<Args>| {
        let Ok(answer) = socket.emit_with_ack::<_, Args>("question", &args) else { return };
        if let Ok(args) = answer.await {
            tell(&json!(["answer", socket.ns(), args.to_json()]));
        }
    });
    socket.on("late", async |Data(milliseconds): Data<u64>, answer: AckSender| {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let _ = answer.send("late");
    });
    socket.on("transport", async |socket: SocketRef, answer: AckSender| {
        let _ = answer.send(transport(&socket));
    });
}

fn set_up_numbers(socket: &SocketRef) {
    let next = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&next);
    socket.on("count", async move |Data(number): Data<i64>| {
        let _ = next.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed);
    });
    socket.on("counted", async move |answer: AckSender| {
        let _ = answer.send(&counted.load(Ordering::Relaxed));
    });
    socket.on("flood", async |socket: SocketRef, Data(count): Data<i64>| {
        for number in 0..count {
            while socket.emit("number", &number).is_err() && socket.connected() {
                tokio::task::yield_now().await;
            }
        }
    });
}

fn set_up_ends(socket: &SocketRef) {
    socket.on("kick", async |socket: SocketRef| {
        let _ = socket.disconnect();
    });
    socket.on("kickall", async |socket: SocketRef, io: SocketIo| {
        for namespace in NAMESPACES {
            if let Some(there) = io.of(namespace).and_then(|namespace| namespace.get_socket(socket.id)) {
                let _ = there.disconnect();
            }
        }
    });
}

fn transport(socket: &SocketRef) -> &'static str {
    match socket.transport_type() {
        TransportType::Websocket => "websocket",
        TransportType::Polling => "polling",
    }
}

/// The fields of a query, percent-decoded.
fn query(text: &str) -> HashMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
