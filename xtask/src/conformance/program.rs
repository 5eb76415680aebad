//! The program under test, running a patch whose callbacks echo: as a server, or as a client that takes one case of
//! the suite after the other.
//!
//! Limits are raised as far as the suite goes (messages of 16 MiB, many of them unread), and compression is used
//! wherever the suite knows it; everything else is as in any patch.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::ConformanceError;
use super::process::{Process, free_port};

const SERVER: [(&str, &str); 2] = [
    (
        "patch.toml",
        r#"[patch]
format = 1
name = "echo"

[op.webserver1]
type = "webserverDAT"
par.port = PORT
par.active = true
par.callbacks = "webserver1_callbacks"
par.maxmessage = 67108864
par.maxqueue = 268435456
par.compression = true
par.compressthreshold = 0
par.compresscontext = true

[op.webserver1_callbacks]
type = "textDAT"
file = "webserver1_callbacks.py"
"#,
    ),
    (
        "webserver1_callbacks.py",
        r"def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, data)


def onWebSocketReceiveBinary(dat, client, data):
    dat.webSocketSendBinary(client, data)


def onWebSocketReceivePing(dat, client, data):
    dat.webSocketSendPong(client, data=data)
",
    ),
];

/// The first connection asks how many cases there are; the last one has the report written.
const CLIENT: [(&str, &str); 2] = [
    (
        "patch.toml",
        r#"[patch]
format = 1
name = "echo"

[op.websocket1]
type = "websocketDAT"
par.netaddress = "ws://127.0.0.1:PORT/getCaseCount"
par.timeout = 60000
par.active = true
par.callbacks = "websocket1_callbacks"
par.maxlines = 1
par.maxmessage = 67108864
par.maxqueue = 268435456
par.compression = true
par.compressthreshold = 0
par.compresscontext = true

[op.websocket1_callbacks]
type = "textDAT"
file = "websocket1_callbacks.py"
"#,
    ),
    (
        "websocket1_callbacks.py",
        r"case = 0
cases = 0


def onReceiveText(dat, rowIndex, message):
    global cases
    if case == 0:
        cases = int(message)
    else:
        dat.sendText(message)


def onReceiveBinary(dat, contents):
    dat.sendBinary(contents)


def onReceivePing(dat, contents):
    dat.sendPong(contents)


def onDisconnect(dat):
    global case
    case += 1
    if case <= cases:
        path = f'runCase?case={case}&agent=own'
    elif case == cases + 1:
        path = 'updateReports?agent=own'
    else:
        project.quit()
        return
    dat.par.netaddress = f'ws://127.0.0.1:PORT/{path}'
",
    ),
];

/// A running server that echoes.
pub struct EchoServer {
    process: Process,
    port: u16,
}

impl EchoServer {
    /// Starts the program with the patch, which is written below `folder`, and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(program: &Path, folder: &Path) -> Result<Self, ConformanceError> {
        let port = free_port()?;
        write(&SERVER, port, folder)?;
        let mut process = Process::start("the server under test", program, &["run", "patch"], folder, "server.log")?;
        process.wait_until_it_listens(port)?;
        Ok(Self { process, port })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it does not end with success in time.
    pub fn stop(self) -> Result<(), ConformanceError> {
        Ok(self.process.stop()?)
    }
}

/// Runs the program as a client of the suite's server on `port`, through all its cases, for at most `limit`; the patch
/// is written below `folder`.
///
/// # Errors
/// When it does not end by itself, with success.
pub fn run_client(program: &Path, port: u16, limit: Duration, folder: &Path) -> Result<(), ConformanceError> {
    write(&CLIENT, port, folder)?;
    let mut process = Process::start("the client under test", program, &["run", "patch"], folder, "client.log")?;
    Ok(process.wait(limit)?)
}

fn write(files: &[(&str, &str)], port: u16, folder: &Path) -> io::Result<()> {
    let patch = folder.join("patch");
    fs::create_dir_all(&patch)?;
    files.iter().try_for_each(|(name, text)| fs::write(patch.join(name), text.replace("PORT", &port.to_string())))
}
