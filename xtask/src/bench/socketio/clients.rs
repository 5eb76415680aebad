//! The table of clients of Socket.IO, and the patch that ours runs.

use std::fs;
use std::io;
use std::path::Path;

use super::super::comparison::clients::{Handler, Origin, Prepared, Row};
use super::super::comparison::work::Work;
use super::super::process::Program;
use super::super::servers::Places;
use super::work::Kind;

/// The rows that the table of ours has when the oldest are dropped: `maxlines` and the heading.
const CLAMPED: u64 = 101;

/// Name of our row with a Python callback.
pub const OURS_CALLBACK: &str = "patchcord";
/// Name of our row without one.
pub const OURS_TABLE: &str = "patchcord-table";
/// Name of our row with a logic graph.
pub const OURS_GRAPH: &str = "patchcord-logic";
/// Name of our row with a native handler.
pub const OURS_NATIVE: &str = "patchcord-native";
/// Name of the peer in our own language.
pub const PYTHON_SOCKETIO: &str = "python-socketio";
/// The crate cannot acknowledge an event.
const RUST_SOCKETIO: &str = "rust_socketio";
/// Names the program on socket.io-client-cpp.
const CPP_VARIABLE: &str = "PATCHCORD_BENCH_SOCKETIO_CPP";

/// Every client, ours first.
pub static ROWS: [Row; 8] = [
    Row {
        name: OURS_CALLBACK,
        package: "",
        about: "SocketIO DAT, table and Python callback",
        origin: Origin::Patch(Handler::Callback),
    },
    Row { name: OURS_TABLE, package: "", about: "SocketIO DAT, table only", origin: Origin::Patch(Handler::Table) },
    Row {
        name: OURS_GRAPH,
        package: "",
        about: "SocketIO DAT, table and logic graph",
        origin: Origin::Patch(Handler::Graph),
    },
    Row {
        name: OURS_NATIVE,
        package: "",
        about: "SocketIO DAT, table and native handler",
        origin: Origin::Native("bench_socketio"),
    },
    Row {
        name: "socket.io-client",
        package: "socket.io-client",
        about: "Node",
        origin: Origin::NodePeer("socketio_client.mjs"),
    },
    Row {
        name: PYTHON_SOCKETIO,
        package: "python-socketio",
        about: "Python, asyncio client on aiohttp, uvloop",
        origin: Origin::PythonPeer("socketio_client.py"),
    },
    Row {
        name: RUST_SOCKETIO,
        package: "rust_socketio",
        about: "Rust, asynchronous client on tokio, one thread",
        origin: Origin::RustPeer("rust_socketio"),
    },
    Row {
        name: "socket.io-client-cpp",
        package: "",
        about: "C++, the client that TouchDesigner has inside",
        origin: Origin::Named(CPP_VARIABLE),
    },
];

/// Whether a client can do a work.
pub fn does(row: &Row, kind: Kind) -> bool {
    match kind {
        Kind::Receive => true,
        // A peer does nothing with an event that it could keep.
        Kind::Endless { .. } => row.is_patch(),
        // Only a handler sends something.
        Kind::Echo => row.name != OURS_TABLE,
        // A graph knows no acknowledgements, and an endless loop only over time.
        Kind::Send | Kind::Request => row.name != OURS_TABLE && row.name != OURS_GRAPH,
        Kind::Answer => ![OURS_TABLE, OURS_GRAPH, RUST_SOCKETIO].contains(&row.name),
    }
}

/// How many rows the table must have at the end of a work, where it is asked.
pub fn rows_after(row: &Row, kind: Kind) -> Option<u64> {
    (row.is_patch() && matches!(kind, Kind::Receive | Kind::Endless { .. })).then_some(CLAMPED)
}

/// The program for one work on a port; writes the patch folder where there is one.
pub fn program(client: &Prepared, port: u16, work: &Work<Kind>, places: &Places) -> io::Result<Program> {
    let Origin::Patch(handler) = client.row.origin else {
        return Ok(client.program(&[&port.to_string(), mode(work.kind)]));
    };
    let folder = places.work.join(format!("{}-{}", client.row.name, work.id));
    write_patch(&folder, port, work.kind, handler)?;
    Ok(client.patch(&folder))
}

/// Ours with a patch in which nothing happens.
pub fn idle(client: &Prepared, places: &Places) -> io::Result<Program> {
    let folder = places.work.join("idle");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("patch.toml"), "[patch]\nformat = 1\nname = \"idle\"\n")?;
    Ok(client.patch(&folder))
}

/// What a peer is told to do.
fn mode(kind: Kind) -> &'static str {
    match kind {
        Kind::Receive | Kind::Endless { .. } => "receive",
        Kind::Send => "send",
        Kind::Echo => "echo",
        Kind::Answer => "answer",
        Kind::Request => "request",
    }
}

/// Lets the server ask for the table: it answers the request when it wants to know, and no event is handled for that.
const ROWS_REQUEST: &str = "\
def onOpen(dat, namespace, recovered):
    dat.emit('rows', ack=True)


def onAck(dat, request, message, event, namespace):
    dat.emit('rows', dat.numRows, dat[dat.numRows - 1, 0].val)
";

/// What the callbacks do with the events of the server.
fn callbacks(kind: Kind, handler: Handler) -> String {
    let on_event = |statements: &str| {
        format!("def onReceiveEvent(dat, rowIndex, message, event, namespace, offset):\n    {statements}\n")
    };
    match kind {
        Kind::Receive | Kind::Endless { .. } if handler == Handler::Callback => {
            format!("{ROWS_REQUEST}\n\n{}", on_event("pass"))
        }
        Kind::Receive | Kind::Endless { .. } => ROWS_REQUEST.to_owned(),
        // The graph sends, and acknowledges nothing.
        _ if handler == Handler::Graph => String::new(),
        Kind::Send => {
            on_event("count, text = message\n    emit = dat.emit\n    for _ in range(count):\n        emit('e', text)")
        }
        Kind::Echo => on_event("dat.emit('e', message)"),
        Kind::Answer => on_event("return message"),
        Kind::Request => {
            let on_ack = "def onAck(dat, request, message, event, namespace):\n    dat.emit('e', message, ack=True)\n";
            format!("{}\n\n{on_ack}", on_event("dat.emit('e', message[1], ack=True)"))
        }
    }
}

/// A patch with one SocketIO DAT, which is a connection where a graph listens to it. All is at its default but that
/// every event is received, and answered where that is wanted, which says how far it is.
fn write_patch(folder: &Path, port: u16, kind: Kind, handler: Handler) -> io::Result<()> {
    let address = format!("http://127.0.0.1:{port}");
    let operator = if handler == Handler::Graph {
        format!(
            "[connection.socketio.bench]\nurl = \"{address}\"\npar.callbacks = \"../socketio1_callbacks\"\n\
             par.allevents = true\npar.answer = true\n\n\
             [op.logic1]\ntype = \"logicCOMP\"\nfile = \"bench.logic.toml\"\n"
        )
    } else {
        format!(
            "[op.socketio1]\ntype = \"socketioDAT\"\npar.url = \"{address}\"\npar.active = true\n\
             par.callbacks = \"socketio1_callbacks\"\npar.allevents = true\npar.answer = true\n"
        )
    };
    let patch = format!(
        "[patch]\nformat = 1\nname = \"bench\"\n\n{operator}\n\
         [op.socketio1_callbacks]\ntype = \"textDAT\"\nfile = \"socketio1_callbacks.py\"\n"
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join("patch.toml"), patch)?;
    if handler == Handler::Graph {
        fs::write(folder.join("bench.logic.toml"), graph(kind))?;
    }
    fs::write(folder.join("socketio1_callbacks.py"), callbacks(kind, handler))
}

/// A graph that counts the events, or sends each of them back.
fn graph(kind: Kind) -> String {
    let reply = if kind == Kind::Echo {
        "type = \"Socket.IO Send\"\nset = { configuration = \"bench\", event_name = \"e\" }\n\
         from.message = \"receive.message\"\n"
    } else {
        "type = \"Increment\"\nfrom.input = \"reply.output\"\n"
    };
    format!("{CONNECT}{reply}")
}

/// What each graph begins with.
const CONNECT: &str = "\
[node.begin]
type = \"On Initialize\"
next = \"start\"
[node.start]
type = \"Socket.IO Start\"
set.configuration = \"bench\"
next = \"subscribe\"
[node.subscribe]
type = \"Socket.IO Subscribe\"
set = { configuration = \"bench\", event_name = \"e\" }
[node.receive]
type = \"On Socket.IO Receive\"
set.configuration = \"bench\"
next = \"reply\"
[node.reply]
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchcord_logic::compile::{Context, compile};
    use patchcord_logic::nodes;

    use super::super::work::WORKS;
    use super::*;

    #[test]
    fn names_differ_and_every_work_has_ours_and_peers() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        for work in &WORKS {
            let does = |ours| ROWS.iter().any(|row| row.is_ours() == ours && does(row, work.kind));
            assert!(does(true) && does(false) != matches!(work.kind, Kind::Endless { .. }), "{}", work.id);
        }
        assert!(
            [OURS_CALLBACK, OURS_TABLE, OURS_GRAPH, OURS_NATIVE]
                .iter()
                .all(|name| ROWS.iter().any(|row| row.name == *name && row.is_ours()))
        );
        assert!(ROWS.iter().any(|row| row.name == PYTHON_SOCKETIO && row.is_peer()));
    }

    #[test]
    fn a_patch_has_a_callback_where_one_is_measured() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("patchcord-bench-socketio-{}", std::process::id()));
        write_patch(&folder, 40123, Kind::Receive, Handler::Callback)?;
        assert!(fs::read_to_string(folder.join("patch.toml"))?.contains("http://127.0.0.1:40123\""));
        let script = fs::read_to_string(folder.join("socketio1_callbacks.py"))?;
        assert!(script.starts_with(ROWS_REQUEST) && script.ends_with("offset):\n    pass\n"), "{script}");
        assert!(!callbacks(Kind::Receive, Handler::Table).contains("onReceiveEvent"));
        assert!(callbacks(Kind::Request, Handler::Callback).contains("onAck"));
        fs::remove_dir_all(folder)
    }

    #[test]
    fn the_graphs_are_right() {
        for kind in [Kind::Receive, Kind::Echo] {
            let (tree, mut findings) = patchcord_logic::text::read(&graph(kind));
            let connections = [(patchcord_logic::declaration::Family::SocketIo, "bench".into())];
            let context = Context { types: nodes::ALL, connections: &connections, plugins_off: &[] };
            findings.extend(compile(&tree, context).1);
            assert!(findings.is_empty(), "{kind:?}: {findings:?}");
        }
    }
}
