//! The server under test: the program, running a patch whose Web Server DAT echoes.
//!
//! Limits are raised as far as the suite goes (messages of 16 MiB, many of them unread), and compression is used
//! wherever the suite offers it; everything else is as in any patch. The server ends with this process, through `setpriv --pdeathsig`, or with [`EchoServer::stop`], which asks
//! it to end in order and looks at how it did.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Longest time from start to listening.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Longest time from TERM to the end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

const PATCH: &str = r#"[patch]
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
"#;

const CALLBACKS: &str = r"def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, data)


def onWebSocketReceiveBinary(dat, client, data):
    dat.webSocketSendBinary(client, data)


def onWebSocketReceivePing(dat, client, data):
    dat.webSocketSendPong(client, data=data)
";

/// Why the server did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A file, a port or the program itself was refused.
    #[error("cannot be started: {0}")]
    Start(#[from] io::Error),
    /// It ended before it listened.
    #[error("ended at once with {status}; its output is in {}", log.display())]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        log: PathBuf,
    },
    /// It runs and does not listen.
    #[error("does not listen; its output is in {}", .0.display())]
    Silent(PathBuf),
    /// It did not end in order.
    #[error("did not end in order: {how}; its output is in {}", log.display())]
    Stop {
        /// How it ended.
        how: String,
        /// What it printed.
        log: PathBuf,
    },
}

/// A running server.
pub struct EchoServer {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl EchoServer {
    /// Starts the program with the patch, which is written below `folder`, and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(program: &Path, folder: &Path) -> Result<Self, ServerError> {
        let (patch, log) = (folder.join("patch"), folder.join("server.log"));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        fs::create_dir_all(&patch)?;
        fs::write(patch.join("patch.toml"), PATCH.replace("PORT", &port.to_string()))?;
        fs::write(patch.join("webserver1_callbacks.py"), CALLBACKS)?;
        let output = File::create(&log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(program).arg("run").arg(patch);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut server = Self { child: command.spawn()?, port, log };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it does not end with success in time.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_LIMIT;
        let how = loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => break status.to_string(),
                None if Instant::now() >= deadline => break "it still runs".to_owned(),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        Err(ServerError::Stop { how, log: self.log.clone() })
    }

    fn wait_until_it_listens(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(ServerError::Ended { status, log: self.log.clone() });
            }
            if Instant::now() >= deadline {
                return Err(ServerError::Silent(self.log.clone()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // One that has ended by itself cannot be signalled, which is what is wanted.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_its_log() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("patchcord-conformance-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let result = EchoServer::start(Path::new("/bin/false"), &folder);
        assert!(matches!(result, Err(ServerError::Ended { status, .. }) if !status.success()));
        assert!(fs::read_to_string(folder.join("patch/patch.toml"))?.contains("par.active = true"));
        fs::remove_dir_all(folder)
    }
}
