//! The table of clients: one row is one program, how it is started and which works it can do.
//!
//! Every client connects to a port of 127.0.0.1 at once, goes on until the server closes the connection, and either
//! does nothing with a message or sends it back.

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

/// Answers the server's question for the number of rows.
const ON_PING: &str = "\
def onReceivePing(dat, contents):
    if contents == b'rows':
        dat.sendText(str(dat.numRows))
";
/// A callback that does nothing, or sends back.
const ON_TEXT: &str = "

def onReceiveText(dat, rowIndex, message):
    STATEMENT
";

/// Name of the row that the others are compared with.
pub const BARE: &str = "bare";
/// Name of our row with a Python callback.
pub const OURS_CALLBACK: &str = "patchcord";
/// Name of our row without one.
pub const OURS_TABLE: &str = "patchcord-table";
/// Names of peers that bars are set by.
pub const PICOWS: &str = "picows";
/// Hands its handler bytes in place, so a handler that does nothing leaves out what the others do for it.
const PICOWS_TEXT: &str = "picows-text";
/// See [`PICOWS`].
pub const WEBSOCKETS: &str = "websockets";

/// Every client, the bare one first.
pub static ROWS: [Row; 8] = [
    Row { name: BARE, package: "", about: "bare client: reads and parses frames", origin: Origin::Bare },
    Row {
        name: OURS_CALLBACK,
        package: "",
        about: "WebSocket DAT, table and Python callback",
        origin: Origin::Patch(Handler::Callback),
    },
    Row { name: OURS_TABLE, package: "", about: "WebSocket DAT, table only", origin: Origin::Patch(Handler::Table) },
    Row { name: PICOWS, package: "picows", about: "Python, uvloop", origin: Origin::PythonPeer("picows_client.py") },
    Row {
        name: PICOWS_TEXT,
        package: "picows",
        about: "the same; its handler asks for the message as a str",
        origin: Origin::PythonPeer("picows_client.py"),
    },
    Row {
        name: WEBSOCKETS,
        package: "websockets",
        about: "Python, asyncio, uvloop",
        origin: Origin::PythonPeer("websockets_client.py"),
    },
    Row { name: "ws", package: "ws", about: "Node", origin: Origin::NodePeer("ws_client.mjs") },
    Row {
        name: "tokio-tungstenite",
        package: "tokio-tungstenite",
        about: "Rust, tokio, one thread",
        origin: Origin::RustPeer("tungstenite"),
    },
];

/// Whether a client can do a work.
pub fn does(row: &Row, kind: Kind) -> bool {
    match kind {
        Kind::Flood => true,
        Kind::Fill { .. } => row.is_ours(),
        // Only a callback sends something back.
        Kind::Echo => row.name != OURS_TABLE && row.name != PICOWS_TEXT,
    }
}

/// How many rows the table must have at the end of a work, where there is one.
pub fn rows_after(row: &Row, kind: Kind) -> Option<u64> {
    row.is_ours().then_some(match kind {
        Kind::Fill { messages } => messages + 1,
        Kind::Flood | Kind::Echo => CLAMPED,
    })
}

/// The program for one work on a port; writes the patch folder where there is one.
pub fn program(client: &Prepared, port: u16, work: &Work<Kind>, places: &Places) -> io::Result<Program> {
    let mode = match work.kind {
        Kind::Echo => "echo",
        _ if client.row.name == PICOWS_TEXT => "text",
        _ => "flood",
    };
    Ok(match client.row.origin {
        Origin::Patch(handler) => {
            let folder = places.work.join(format!("{}-{}", client.row.name, work.id));
            write_patch(&folder, port, work.kind, handler == Handler::Callback)?;
            client.patch(&folder)
        }
        Origin::Bare => client.program(&["bench-bare", "--port", &port.to_string(), "--mode", mode]),
        _ => client.program(&[&port.to_string(), mode]),
    })
}

/// A patch with one WebSocket DAT. All is at its default but that pings are answered, which says how far it is.
fn write_patch(folder: &Path, port: u16, kind: Kind, callback: bool) -> io::Result<()> {
    let clamp = if matches!(kind, Kind::Fill { .. }) { "par.clamp = false\n" } else { "" };
    let patch = format!(
        "[patch]\nformat = 1\nname = \"bench\"\n\n[op.websocket1]\ntype = \"websocketDAT\"\n\
         par.netaddress = \"127.0.0.1\"\npar.port = {port}\npar.autopong = true\n{clamp}par.active = true\n\
         par.callbacks = \"websocket1_callbacks\"\n\n[op.websocket1_callbacks]\ntype = \"textDAT\"\n\
         file = \"websocket1_callbacks.py\"\n"
    );
    let statement = if kind == Kind::Echo { "dat.sendText(message)" } else { "pass" };
    let on_text = if callback { ON_TEXT.replace("STATEMENT", statement) } else { String::new() };
    fs::create_dir_all(folder)?;
    fs::write(folder.join("patch.toml"), patch)?;
    fs::write(folder.join("websocket1_callbacks.py"), ON_PING.to_owned() + &on_text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::work::WORKS;
    use super::*;

    #[test]
    fn names_differ_and_only_ours_keep_rows() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert_eq!(ROWS[0].name, BARE);
        for work in &WORKS {
            let fills = matches!(work.kind, Kind::Fill { .. });
            assert!(ROWS.iter().all(|row| !fills || does(row, work.kind) == rows_after(row, work.kind).is_some()));
        }
        for name in [OURS_CALLBACK, OURS_TABLE] {
            assert!(ROWS.iter().any(|row| row.name == name && row.is_ours()));
        }
        assert!([PICOWS, WEBSOCKETS].iter().all(|name| ROWS.iter().any(|row| row.name == *name && row.is_peer())));
    }

    #[test]
    fn a_patch_has_a_callback_where_one_is_measured() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("patchcord-bench-client-{}", std::process::id()));
        let written = |work: &Work<Kind>, callback| {
            write_patch(&folder, 40123, work.kind, callback)?;
            let callbacks = fs::read_to_string(folder.join("websocket1_callbacks.py"))?;
            io::Result::Ok((fs::read_to_string(folder.join("patch.toml"))?, callbacks))
        };
        let (patch, callbacks) = written(&WORKS[0], true)?;
        assert!(patch.contains("par.port = 40123") && !patch.contains("clamp") && callbacks.ends_with("    pass\n"));
        let (patch, callbacks) = written(&WORKS[2], false)?;
        assert!(patch.contains("par.clamp = false") && !callbacks.contains("onReceiveText"));
        assert!(written(&WORKS[3], true)?.1.contains("dat.sendText(message)"));
        fs::remove_dir_all(folder)
    }
}
