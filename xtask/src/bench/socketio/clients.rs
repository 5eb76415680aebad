//! The table of clients of Socket.IO, and the patch that ours runs.

use std::fs;
use std::io;
use std::path::Path;

use super::super::comparison::clients::{Origin, Prepared, Row};
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
/// Name of our row with a native handler.
pub const OURS_NATIVE: &str = "patchcord-native";
/// Name of the peer in our own language.
pub const PYTHON_SOCKETIO: &str = "python-socketio";
/// The crate cannot acknowledge an event.
const RUST_SOCKETIO: &str = "rust_socketio";
/// Names the program on socket.io-client-cpp.
const CPP_VARIABLE: &str = "PATCHCORD_BENCH_SOCKETIO_CPP";

/// Every client, ours first.
pub static ROWS: [Row; 7] = [
    Row {
        name: OURS_CALLBACK,
        package: "",
        about: "SocketIO DAT, table and Python callback",
        origin: Origin::Patch { callback: true },
    },
    Row { name: OURS_TABLE, package: "", about: "SocketIO DAT, table only", origin: Origin::Patch { callback: false } },
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
        // Only a callback sends something.
        Kind::Send | Kind::Echo | Kind::Request => row.name != OURS_TABLE,
        Kind::Answer => row.name != OURS_TABLE && row.name != RUST_SOCKETIO,
    }
}

/// How many rows the table must have at the end of a work, where it is asked.
pub fn rows_after(row: &Row, kind: Kind) -> Option<u64> {
    (row.is_patch() && matches!(kind, Kind::Receive | Kind::Endless { .. })).then_some(CLAMPED)
}

/// The program for one work on a port; writes the patch folder where there is one.
pub fn program(client: &Prepared, port: u16, work: &Work<Kind>, places: &Places) -> io::Result<Program> {
    let Origin::Patch { callback } = client.row.origin else {
        return Ok(client.program(&[&port.to_string(), mode(work.kind)]));
    };
    let folder = places.work.join(format!("{}-{}", client.row.name, work.id));
    write_patch(&folder, port, work.kind, callback)?;
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
fn callbacks(kind: Kind, callback: bool) -> String {
    let on_event = |statements: &str| {
        format!("def onReceiveEvent(dat, rowIndex, message, event, namespace, offset):\n    {statements}\n")
    };
    match kind {
        Kind::Receive | Kind::Endless { .. } if callback => format!("{ROWS_REQUEST}\n\n{}", on_event("pass")),
        Kind::Receive | Kind::Endless { .. } => ROWS_REQUEST.to_owned(),
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

/// A patch with one SocketIO DAT. All is at its default but that every event is received, and answered where that is
/// wanted, which says how far it is.
fn write_patch(folder: &Path, port: u16, kind: Kind, callback: bool) -> io::Result<()> {
    let patch = format!(
        "[patch]\nformat = 1\nname = \"bench\"\n\n[op.socketio1]\ntype = \"socketioDAT\"\n\
         par.url = \"http://127.0.0.1:{port}\"\npar.allevents = true\npar.answer = true\npar.active = true\n\
         par.callbacks = \"socketio1_callbacks\"\n\n[op.socketio1_callbacks]\ntype = \"textDAT\"\n\
         file = \"socketio1_callbacks.py\"\n"
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join("patch.toml"), patch)?;
    fs::write(folder.join("socketio1_callbacks.py"), callbacks(kind, callback))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            [OURS_CALLBACK, OURS_TABLE, OURS_NATIVE]
                .iter()
                .all(|name| ROWS.iter().any(|row| row.name == *name && row.is_ours()))
        );
        assert!(ROWS.iter().any(|row| row.name == PYTHON_SOCKETIO && row.is_peer()));
    }

    #[test]
    fn a_patch_has_a_callback_where_one_is_measured() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("patchcord-bench-socketio-{}", std::process::id()));
        write_patch(&folder, 40123, Kind::Receive, true)?;
        assert!(fs::read_to_string(folder.join("patch.toml"))?.contains("http://127.0.0.1:40123\""));
        let script = fs::read_to_string(folder.join("socketio1_callbacks.py"))?;
        assert!(script.starts_with(ROWS_REQUEST) && script.ends_with("offset):\n    pass\n"), "{script}");
        assert!(!callbacks(Kind::Receive, false).contains("onReceiveEvent"));
        assert!(callbacks(Kind::Request, true).contains("onAck"));
        fs::remove_dir_all(folder)
    }
}
