//! The table of clients: one row is one program, how it is started and which works it can do.
//!
//! Every client connects to a port of 127.0.0.1 at once, goes on until the server closes the connection, and either
//! does nothing with a message or sends it back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::peers::{self, Peers};
use super::super::process::Program;
use super::super::servers::{Places, revision, said_by};
use super::work::{Kind, Work};
use crate::install::PYTHON;

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

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The bare client, in this crate.
    Bare,
    /// Our program with a patch; whether it has a callback for text.
    Patch {
        /// Otherwise messages only go to the table.
        callback: bool,
    },
    /// A script of `xtask/peers` in the virtual environment.
    PythonPeer(&'static str),
    /// A script of `xtask/peers` on Node.
    NodePeer(&'static str),
    /// The package in `xtask/peers/tungstenite`.
    RustPeer,
}

/// One client of the comparison.
#[derive(Debug)]
pub struct Row {
    /// Name in reports and for `--only`.
    pub name: &'static str,
    /// What it is, in the report.
    pub about: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

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
pub const ROWS: [Row; 8] = [
    Row { name: BARE, about: "bare client: reads and parses frames", origin: Origin::Bare },
    Row {
        name: OURS_CALLBACK,
        about: "WebSocket DAT, table and Python callback",
        origin: Origin::Patch { callback: true },
    },
    Row { name: OURS_TABLE, about: "WebSocket DAT, table only", origin: Origin::Patch { callback: false } },
    Row { name: PICOWS, about: "Python, uvloop", origin: Origin::PythonPeer("picows_client.py") },
    Row {
        name: PICOWS_TEXT,
        about: "the same; its handler asks for the message as a str",
        origin: Origin::PythonPeer("picows_client.py"),
    },
    Row { name: WEBSOCKETS, about: "Python, asyncio, uvloop", origin: Origin::PythonPeer("websockets_client.py") },
    Row { name: "ws", about: "Node", origin: Origin::NodePeer("ws_client.mjs") },
    Row { name: "tokio-tungstenite", about: "Rust, tokio, one thread", origin: Origin::RustPeer },
];

impl Row {
    /// Whether the client can do a work.
    pub fn does(&self, kind: Kind) -> bool {
        match kind {
            Kind::Flood => true,
            Kind::Fill { .. } => self.is_ours(),
            // Only a callback sends something back.
            Kind::Echo => self.name != OURS_TABLE && self.name != PICOWS_TEXT,
        }
    }

    /// Whether the row is one of ours and not of the yardsticks.
    pub fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Patch { .. })
    }

    /// Whether the row is a program of somebody else.
    pub fn is_peer(&self) -> bool {
        matches!(self.origin, Origin::PythonPeer(_) | Origin::NodePeer(_) | Origin::RustPeer)
    }

    /// How many rows the table must have at the end of a work, where there is one.
    pub fn rows_after(&self, work: &Work) -> Option<u64> {
        self.is_ours().then_some(match work.kind {
            Kind::Fill { messages } => messages + 1,
            Kind::Flood | Kind::Echo => CLAMPED,
        })
    }
}

/// A row that can be started.
pub struct Prepared {
    /// The row.
    pub row: &'static Row,
    /// Name and version, for the report.
    pub version: String,
    executable: PathBuf,
    script: Option<PathBuf>,
}

/// Makes a row ready, or says why it cannot be measured.
pub fn prepare(row: &'static Row, places: &Places, peers: &Peers) -> Result<Prepared, String> {
    let python = || said_by(Command::new(PYTHON).arg("--version"));
    let (executable, script, version) = match row.origin {
        Origin::Bare => (places.release.join("xtask"), None, revision(places)?),
        Origin::Patch { .. } => {
            (places.release.join("patchcord"), None, format!("{}, {}", revision(places)?, python()?))
        }
        Origin::PythonPeer(script) => {
            let folder = peers.python.as_ref()?;
            let package = row.name.trim_end_matches("-text");
            let version = format!("{}, {}", peers::pinned(package), python()?);
            (folder.join("bin/python"), Some(folder.join(script)), version)
        }
        Origin::NodePeer(script) => {
            let folder = peers.node.as_ref()?;
            let node = said_by(Command::new("node").arg("--version"))?;
            ("node".into(), Some(folder.join(script)), format!("{}, Node {node}", peers::pinned(row.name)))
        }
        Origin::RustPeer => (peers.rust.as_ref()?.clone(), None, peers::pinned(row.name)),
    };
    if executable.is_absolute() && !executable.is_file() {
        return Err(format!("{} is not built", executable.display()));
    }
    Ok(Prepared { row, version, executable, script })
}

impl Prepared {
    /// The program for one work on a port; writes the patch folder where there is one.
    pub fn program(&self, port: u16, work: &Work, places: &Places) -> io::Result<Program> {
        let port_text = port.to_string();
        let mode = match work.kind {
            Kind::Echo => "echo",
            _ if self.row.name == PICOWS_TEXT => "text",
            _ => "flood",
        };
        Ok(match (self.row.origin, &self.script) {
            (Origin::Patch { callback }, _) => {
                let folder = places.work.join(format!("{}-{}", self.row.name, work.id));
                write_patch(&folder, port, work, callback)?;
                let args = ["run".as_ref(), folder.as_os_str(), "--python".as_ref(), PYTHON.as_ref()];
                Program::new(&self.executable, args)
            }
            (Origin::Bare, _) => Program::new(&self.executable, ["bench-bare", "--port", &port_text, "--mode", mode]),
            (_, Some(script)) => {
                Program::new(&self.executable, [script.as_os_str(), port_text.as_ref(), mode.as_ref()])
            }
            (_, None) => Program::new(&self.executable, [&*port_text, mode]),
        })
    }
}

/// A patch with one WebSocket DAT. All is at its default but that pings are answered, which says how far it is.
fn write_patch(folder: &Path, port: u16, work: &Work, callback: bool) -> io::Result<()> {
    let clamp = if matches!(work.kind, Kind::Fill { .. }) { "par.clamp = false\n" } else { "" };
    let patch = format!(
        "[patch]\nformat = 1\nname = \"bench\"\n\n[op.websocket1]\ntype = \"websocketDAT\"\n\
         par.netaddress = \"127.0.0.1\"\npar.port = {port}\npar.autopong = true\n{clamp}par.active = true\n\
         par.callbacks = \"websocket1_callbacks\"\n\n[op.websocket1_callbacks]\ntype = \"textDAT\"\n\
         file = \"websocket1_callbacks.py\"\n"
    );
    let statement = if work.kind == Kind::Echo { "dat.sendText(message)" } else { "pass" };
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
            assert!(ROWS.iter().all(|row| !fills || row.does(work.kind) == row.rows_after(work).is_some()));
        }
        for name in [OURS_CALLBACK, OURS_TABLE] {
            assert!(ROWS.iter().any(|row| row.name == name && row.is_ours()));
        }
        assert!([PICOWS, WEBSOCKETS].iter().all(|name| ROWS.iter().any(|row| row.name == *name && row.is_peer())));
    }

    #[test]
    fn a_patch_has_a_callback_where_one_is_measured() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("patchcord-bench-client-{}", std::process::id()));
        let written = |work: &Work, callback| {
            write_patch(&folder, 40123, work, callback)?;
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
