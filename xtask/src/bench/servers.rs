//! The table of servers: one row is one program, how it is started and which works it can do.
//!
//! [`prepare`] makes a row ready to start (its files written, its version known) or says in one line why it has to be
//! left out. Every server listens on 127.0.0.1 and gets its port anew, so that a port left in TIME_WAIT or taken by
//! someone else disturbs nothing.

#[cfg(test)]
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::peers::{self, Peers};
use super::process::Program;
use super::work::{BODY, Kind};
use crate::install::PYTHON;

/// Where the demo patch is, and the line in it that names its port.
const DEMO: &str = "examples/demo";
const DEMO_PORT: &str = "par.port = 9980";

/// The callback script of the measured patch. The body stands in for `BODY`.
const CALLBACKS: &str = r#"def onHTTPRequest(webServerDAT, request, response):
    response['statusCode'] = 200
    response['statusReason'] = 'OK'
    response['data'] = 'BODY'
    return response


def onWebSocketReceiveText(webServerDAT, client, data):
    webServerDAT.webSocketSendText(client, data)
"#;

/// Package and name of an example.
type Example = (&'static str, &'static str);
const NATIVE: Example = ("patchcord-operators", "bench_native");
const HYPER: Example = ("patchcord-net", "bench_hyper");

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The floor, in this crate.
    Floor,
    /// Our program with the measured patch.
    Python,
    /// Our program with the demo patch; only its start is measured.
    Demo,
    /// Our operator behind Rust callbacks.
    Native,
    /// The HTTP library that ours is built on, and nothing of ours.
    Hyper,
    /// A script of `xtask/peers` in the virtual environment.
    PythonPeer(&'static str),
    /// A script of `xtask/peers` on Node.
    NodePeer(&'static str),
}

impl Origin {
    /// The example that the program is, where it is one of our packages'.
    pub fn example(self) -> Option<Example> {
        match self {
            Origin::Native => Some(NATIVE),
            Origin::Hyper => Some(HYPER),
            _ => None,
        }
    }
}

/// One server of the comparison.
#[derive(Debug)]
pub struct Row {
    /// Name in reports and for `--only`.
    pub name: &'static str,
    /// What it is, in the report.
    pub about: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// Answers GET requests.
    pub http: bool,
    /// Echoes WebSocket messages.
    pub websocket: bool,
}

/// Name of the row that the others are compared with.
pub const FLOOR: &str = "floor";
/// Name of our row with a Python callback.
pub const OURS_PYTHON: &str = "patchcord";
/// Name of our row with a native handler.
pub const OURS_NATIVE: &str = "patchcord-native";
/// Name of our row with the demo patch.
pub const OURS_DEMO: &str = "patchcord-demo";

/// Every server, the floor first.
pub const ROWS: [Row; 9] = [
    Row { name: FLOOR, about: "bare epoll loop", origin: Origin::Floor, http: true, websocket: true },
    Row {
        name: OURS_PYTHON,
        about: "Web Server DAT, Python callback",
        origin: Origin::Python,
        http: true,
        websocket: true,
    },
    Row {
        name: OURS_NATIVE,
        about: "Web Server DAT, native handler",
        origin: Origin::Native,
        http: true,
        websocket: true,
    },
    Row { name: OURS_DEMO, about: "the demo patch", origin: Origin::Demo, http: true, websocket: false },
    Row {
        name: "hyper",
        about: "hyper alone on one thread of tokio, a constant response",
        origin: Origin::Hyper,
        http: true,
        websocket: false,
    },
    Row {
        name: "granian",
        about: "Python, RSGI, one worker, uvloop",
        origin: Origin::PythonPeer("granian_app.py"),
        http: true,
        websocket: true,
    },
    Row {
        name: "uvicorn",
        about: "Python, ASGI, httptools, websockets, uvloop",
        origin: Origin::PythonPeer("uvicorn_app.py"),
        http: true,
        websocket: true,
    },
    Row {
        name: "picows",
        about: "Python, WebSocket only, uvloop",
        origin: Origin::PythonPeer("picows_server.py"),
        http: false,
        websocket: true,
    },
    Row {
        name: "ws",
        about: "Node, node:http and ws",
        origin: Origin::NodePeer("ws_server.mjs"),
        http: true,
        websocket: true,
    },
];

impl Row {
    /// Whether the server can do a work.
    pub fn does(&self, kind: Kind) -> bool {
        // The demo's callbacks do not echo.
        let measured = self.origin != Origin::Demo;
        measured && if kind == Kind::Http { self.http } else { self.websocket }
    }

    /// Whether the row is one of ours and not of the yardsticks.
    pub fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Python | Origin::Native | Origin::Demo)
    }
}

/// Places that the benchmark reads and writes.
pub struct Places {
    /// Root of the repository.
    pub root: PathBuf,
    /// Build directory of the release profile.
    pub release: PathBuf,
    /// Working files: patches and logs.
    pub work: PathBuf,
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
    let built = |path: &str| {
        let path = places.release.join(path);
        if path.is_file() { Ok(path) } else { Err(format!("{} is not built", path.display())) }
    };
    let built_example = |(_, name): Example| built(&format!("examples/{name}"));
    let python = || said_by(Command::new(PYTHON).arg("--version"));
    let (executable, script, version) = match row.origin {
        Origin::Floor => (built("xtask")?, None, revision(places)?),
        Origin::Native => (built_example(NATIVE)?, None, revision(places)?),
        Origin::Hyper => (built_example(HYPER)?, None, locked("hyper", places)?),
        Origin::Python | Origin::Demo => (built("patchcord")?, None, format!("{}, {}", revision(places)?, python()?)),
        Origin::PythonPeer(script) => {
            let folder = peers.python.as_ref()?;
            (
                folder.join("bin/python"),
                Some(folder.join(script)),
                format!("{}, {}", peers::pinned(row.name), python()?),
            )
        }
        Origin::NodePeer(script) => {
            let folder = peers.node.as_ref()?;
            let node = said_by(Command::new("node").arg("--version"))?;
            ("node".into(), Some(folder.join(script)), format!("{}, Node {node}", peers::pinned(row.name)))
        }
    };
    Ok(Prepared { row, version, executable, script })
}

impl Prepared {
    /// The program for one start on a port; writes the patch folder where there is one.
    pub fn program(&self, port: u16, places: &Places) -> io::Result<Program> {
        let patch = |folder: &Path| {
            let args = ["run".as_ref(), folder.as_os_str(), "--python".as_ref(), PYTHON.as_ref()];
            Program::new(&self.executable, args)
        };
        let port_text = port.to_string();
        Ok(match (self.row.origin, &self.script) {
            (Origin::Python, _) => patch(&write_patch(&places.work.join("patch"), port)?),
            (Origin::Demo, _) => patch(&write_demo(&places.root.join(DEMO), &places.work.join("demo"), port)?),
            (Origin::Floor, _) => Program::new(&self.executable, ["bench-floor", "--port", &port_text]),
            (_, Some(script)) => Program::new(&self.executable, [script.as_os_str(), port_text.as_ref()]),
            (_, None) => Program::new(&self.executable, ["--port", &port_text]),
        })
    }
}

/// A patch with one Web Server DAT and every default.
fn write_patch(folder: &Path, port: u16) -> io::Result<PathBuf> {
    let patch = format!(
        "[patch]\nformat = 1\nname = \"bench\"\n\n[op.webserver1]\ntype = \"webserverDAT\"\npar.port = {port}\n\
         par.active = true\npar.callbacks = \"webserver1_callbacks\"\n\n[op.webserver1_callbacks]\n\
         type = \"textDAT\"\nfile = \"webserver1_callbacks.py\"\n"
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join("patch.toml"), patch)?;
    fs::write(folder.join("webserver1_callbacks.py"), CALLBACKS.replace("BODY", BODY))?;
    Ok(folder.to_owned())
}

/// A copy of the demo patch on another port.
fn write_demo(demo: &Path, folder: &Path, port: u16) -> io::Result<PathBuf> {
    copy_folder(demo, folder)?;
    let file = folder.join("patch.toml");
    let patch = fs::read_to_string(&file)?;
    if !patch.contains(DEMO_PORT) {
        return Err(io::Error::other(format!("the demo patch has no line {DEMO_PORT:?}")));
    }
    fs::write(file, patch.replace(DEMO_PORT, &format!("par.port = {port}")))?;
    Ok(folder.to_owned())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A crate with the version that `Cargo.lock` has of it.
fn locked(name: &str, places: &Places) -> Result<String, String> {
    let lock = fs::read_to_string(places.root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&entry).and_then(|(_, rest)| rest.split_once('"'));
    version.map(|(version, _)| format!("{name} {version}")).ok_or_else(|| format!("Cargo.lock has no {name}"))
}

/// What is measured of ours, as git names it.
pub fn revision(places: &Places) -> Result<String, String> {
    said_by(Command::new("git").arg("-C").arg(&places.root).args(["describe", "--always", "--dirty"]))
}

/// The first line that a command prints.
pub fn said_by(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_owned()),
        _ => Err(format!("{name} ended with {}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::WORKS;
    use super::*;

    #[test]
    fn names_differ_and_the_floor_does_everything() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert_eq!(ROWS[0].name, FLOOR);
        assert!(WORKS.iter().all(|work| ROWS[0].does(work.kind)));
        for name in [OURS_PYTHON, OURS_NATIVE, OURS_DEMO] {
            assert!(ROWS.iter().any(|row| row.name == name && row.is_ours()));
        }
    }

    #[test]
    fn the_demo_is_copied_with_another_port() -> io::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = std::env::temp_dir().join(format!("patchcord-bench-demo-{}", std::process::id()));
        write_demo(&root.join(DEMO), &folder, 40123)?;
        let patch = fs::read_to_string(folder.join("patch.toml"))?;
        assert!(patch.contains("par.port = 40123") && !patch.contains(DEMO_PORT));
        assert!(folder.join("web/index.html").is_file());
        fs::remove_dir_all(folder)
    }
}
