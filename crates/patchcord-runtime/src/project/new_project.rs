//! A new project: a folder with a small patch that runs, for `patchcord new DIR [TYPE]`.
//!
//! The patch is one operator with its callbacks: a Web Server DAT, a WebSocket DAT that connects to it, a SocketIO DAT with
//! the tables at its inputs, or a Csound CHOP with the table of its signals. The callbacks file has every callback that the
//! operator declares, with the declaration's own arguments and help as comment, so that it cannot fall behind the
//! operator; this file adds only the few bodies that make the page and the echo work. Or it is a Logic COMP with a graph
//! in the place of callbacks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use patchcord_core::declaration::{Callback, OperatorType, Returns};

use super::file::FILE_NAME;
use super::load::clean;

/// The types that a new project can begin with.
pub const NEW_PROJECT_TYPES: [&str; 5] = [SERVER, CLIENT, SOCKET_IO, CSOUND, LOGIC];

const SERVER: &str = "webserverDAT";
const CLIENT: &str = "websocketDAT";
const SOCKET_IO: &str = "socketioDAT";
const CSOUND: &str = "csoundCHOP";
const LOGIC: &str = "logicCOMP";

/// The patch around a graph; its name comes between `[patch]` and the rest.
const LOGIC_PATCH: &str = r#"
# What graphs connect to; all graphs of the patch share it.
# [connection.socketio.chat]
# url = "http://127.0.0.1"
# port = 3000

# Runs a graph of nodes. (`patchcord ops logicCOMP` lists its parameters.)
[op.logic1]
type = "logicCOMP"
file = "logic1.logic.toml"
"#;

const LOGIC_GRAPH: &str = include_str!("new_graph.logic.toml");

/// What every new patch begins with.
const HEAD: &str = "# A patch is a network of operators. Save this file while the patch runs and the change is live.";

const SOCKET_IO_WIRES: &str =
    "# Tables at the inputs: headers, events, query, auth.\nin = [\"\", \"events\", \"\", \"auth\"]\n";

/// What stands at the inputs of a SocketIO DAT.
const SOCKET_IO_TABLES: &str = r#"
# The events to receive, a name in each row. One that is added counts at once.
# (par.allevents = true receives all, whatever they are called.)
[op.events]
type = "tableDAT"
rows = [["hello"]]

# What the server wants to know of a client, a name and a value in each row. It is read whenever it connects.
[op.auth]
type = "tableDAT"
rows = [
  # ["token", "secret"],
]
"#;

/// What stands beside a Csound CHOP.
const CSOUND_TABLES: &str = r#"
# The signals: what comes in, and what is sent of the column `value`. Channels that are wired to the operator are
# sent without a row.
[op.signals]
type = "tableDAT"
rows = [
  ["name", "type", "direction", "value"],
  ["kfreq", "k", "in", ""],
  ["Stitle", "S", "out", "Hello"],
]
"#;

/// Columns of the comments in the callbacks file.
const WIDTH: usize = 88;

/// Why a new project was not written.
#[derive(Debug, thiserror::Error)]
pub enum NewProjectError {
    /// The folder has something in it.
    #[error("{} is not empty", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The path names a file.
    #[error("{} is no folder", folder.display())]
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// The type is none of [`NEW_PROJECT_TYPES`], or the program has none of this name.
    #[error("no new project begins with a {kind}")]
    NoSuchType {
        /// What was asked for.
        kind: String,
    },
    /// A file or folder could not be written.
    #[error("{} cannot be written: {error}", path.display())]
    Write {
        /// What could not be written.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Writes a small patch that begins with an operator of the type `kind`, one of [`NEW_PROJECT_TYPES`], into a folder,
/// which is made when it is missing. Returns the files that were written.
///
/// # Errors
/// [`NewProjectError`]; a folder that holds anything is left as it is.
pub fn new_project(
    folder: &Path,
    kind: &str,
    types: &[&'static OperatorType],
) -> Result<Vec<PathBuf>, NewProjectError> {
    let is_asked_for = |one: &&&OperatorType| one.name == kind && NEW_PROJECT_TYPES.contains(&kind);
    let operator =
        types.iter().find(is_asked_for).ok_or_else(|| NewProjectError::NoSuchType { kind: kind.to_owned() })?;
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error| NewProjectError::Write { path, error }
    };
    if folder.exists() && !folder.is_dir() {
        return Err(NewProjectError::NotAFolder { folder: folder.to_owned() });
    }
    fs::create_dir_all(folder).map_err(cannot(folder))?;
    if fs::read_dir(folder).map_err(cannot(folder))?.next().is_some() {
        return Err(NewProjectError::NotEmpty { folder: folder.to_owned() });
    }
    let name = clean(folder).file_name().map_or_else(|| "patch".into(), |name| name.to_string_lossy().into_owned());
    let files = if kind == LOGIC {
        let name = toml_edit::Value::from(name);
        let patch = format!("{HEAD}\n\n[patch]\nformat = 1\nname = {name}\n{LOGIC_PATCH}");
        [(FILE_NAME.to_owned(), patch), ("logic1.logic.toml".to_owned(), LOGIC_GRAPH.to_owned())]
    } else {
        let patch = patch_text(&name, operator);
        [(FILE_NAME.to_owned(), patch), (callbacks_file(operator), callbacks_text(operator))]
    };
    let mut written = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        // `create_new`: nothing that appeared meanwhile is overwritten.
        let mut file = fs::File::create_new(&path).map_err(cannot(&path))?;
        io::Write::write_all(&mut file, text.as_bytes()).map_err(cannot(&path))?;
        written.push(path);
    }
    Ok(written)
}

fn callbacks_file(kind: &OperatorType) -> String {
    format!("{}1_callbacks.py", kind.short_name())
}

fn patch_text(name: &str, operator: &OperatorType) -> String {
    let name = toml_edit::Value::from(name);
    let (kind, short) = (operator.name, operator.short_name());
    let (about, parameters, tables) = match kind {
        CLIENT => (
            format!(
                "# Connects to the server of `patchcord new`, or to another: netaddress can be a whole address, such as\n\
                 # \"wss://example.org:443/live\". (`patchcord ops {CLIENT}` lists all parameters.)"
            ),
            "par.netaddress = \"localhost:9980\"\n# It comes back when the server does.\npar.reconnect = true",
            "",
        ),
        SOCKET_IO => (
            format!(
                "# Connects to a Socket.IO server, of version 1 to 4. (`patchcord ops {SOCKET_IO}` lists all parameters.)"
            ),
            "par.url = \"http://localhost:3000\"",
            SOCKET_IO_TABLES,
        ),
        CSOUND => (
            format!(
                "# Lets pages and Csound connect to its signals at ws://127.0.0.1:9000/, each by its name as the sub-protocol. To\n\
                 # connect to a Csound that runs, set role = \"client\". (`patchcord ops {CSOUND}` lists all parameters.)"
            ),
            "par.port = 9000\npar.signals = \"signals\"",
            CSOUND_TABLES,
        ),
        _ => (
            format!(
                "# Serves web pages and WebSockets at http://127.0.0.1:9980/\n\
                 # (par.localaddress = \"*\" opens it to the network; `patchcord ops {SERVER}` lists all parameters.)"
            ),
            "par.port = 9980",
            "",
        ),
    };
    let wires = if kind == SOCKET_IO { SOCKET_IO_WIRES } else { "" };
    let file = callbacks_file(operator);
    format!(
        r#"{HEAD}

[patch]
format = 1
name = {name}

{about}
[op.{short}1]
type = "{kind}"
{wires}par.active = true
{parameters}
par.callbacks = "{short}1_callbacks"

# The Python functions that it calls.
[op.{short}1_callbacks]
type = "textDAT"
file = "{file}"
dock = "{short}1"
{tables}"#
    )
}

/// The callbacks of an operator type as a Python file.
fn callbacks_text(kind: &OperatorType) -> String {
    let mut text = format!(
        "\"\"\"Callbacks of a {}. Save this file while the patch runs: connections stay open.\n\n\
         Every callback there is stands here; delete those that you do not need.\n\"\"\"\n",
        kind.label
    );
    let file = callbacks_file(kind);
    push_callbacks(&mut text, kind, |callback| body(callback, &file));
    text
}

/// The callbacks of an operator type as the text of the DAT that a new operator gets: they say what they are for, and do
/// nothing but what nobody misses, such as answering pings.
pub fn callbacks_template(kind: &OperatorType) -> String {
    let mut text = format!(
        "\"\"\"Callbacks of a {}.\n\n\
         Every callback there is stands here; delete those that you do not need.\n\"\"\"\n",
        kind.label
    );
    push_callbacks(&mut text, kind, |callback| match callback.name.contains("Ping") {
        true => body(callback, ""),
        false => closing(callback, Vec::new()),
    });
    text
}

fn push_callbacks(text: &mut String, kind: &OperatorType, body: impl Fn(&Callback) -> Vec<String>) {
    for callback in kind.callbacks {
        text.push_str(&format!("\n\ndef {}({}):\n", callback.name, callback.arguments.join(", ")));
        let note = if callback.beyond { " Not in TouchDesigner." } else { "" };
        for line in textwrap::wrap(&format!("{}{note}", callback.help), WIDTH - 6) {
            text.push_str(&format!("    # {line}\n"));
        }
        for line in body(callback) {
            text.push_str(&format!("    {line}\n"));
        }
    }
}

/// What a callback does in a new project. Arguments are named as the declaration names them.
fn body(callback: &Callback, file: &str) -> Vec<String> {
    let name = |at: usize| callback.arguments.get(at).copied().unwrap_or("None");
    let (dat, second, third) = (name(0), name(1), name(2));
    let lines = match callback.name {
        "onHTTPRequest" => vec![
            format!("{third}['statusCode'] = 200"),
            format!("{third}['statusReason'] = 'OK'"),
            format!("{third}['Content-Type'] = 'text/html; charset=utf-8'"),
            format!("{third}['data'] = '<h1>Hello</h1><p>Edit {file} and reload.</p>'"),
        ],
        "onWebSocketReceiveText" => vec![format!("{dat}.webSocketSendText({second}, {third})")],
        "onWebSocketReceiveBinary" => vec![format!("{dat}.webSocketSendBinary({second}, {third})")],
        "onWebSocketReceivePing" => vec![format!("{dat}.webSocketSendPong({second}, data={third})")],
        // A Csound CHOP's has more arguments.
        "onConnect" if second == "None" => vec![format!("{dat}.sendText('hello')")],
        "onReceive" | "onReceiveString" => vec![format!("print({second}, {third})")],
        "onReceiveText" => vec![format!("print({third})")],
        "onOpen" => vec![format!("{dat}.emit('hello', 'from Patchcord')")],
        "onReceiveEvent" => vec![format!("print({}, {third})", name(3))],
        "onReceivePing" => vec![format!("{dat}.sendPong({second})")],
        _ => Vec::new(),
    };
    closing(callback, lines)
}

/// The lines of a function with what it has to end with.
fn closing(callback: &Callback, mut lines: Vec<String>) -> Vec<String> {
    let name = |at: usize| callback.arguments.get(at).copied().unwrap_or("None");
    match callback.returns {
        Returns::Argument(at) => lines.push(format!("return {}", name(at))),
        Returns::Value | Returns::Answer => lines.push("return None".to_owned()),
        Returns::Nothing if lines.is_empty() => lines.push("pass".to_owned()),
        Returns::Nothing => {}
    }
    lines
}
