//! A program that runs while a test talks to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Said, program, write_patch};

/// What a test waits for comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A web server in a patch, with a callbacks script.
pub struct Live {
    folder: tempfile::TempDir,
    /// Port of its server.
    pub port: u16,
    child: Option<Child>,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// The patch around the callbacks; `PORT` and `SETTINGS` are filled in.
const PATCH: &str = r#"
[patch]
format = 1
name = "live"
SETTINGS

[op.webserver1]
type = "webserverDAT"
par.port = PORT
par.active = true
par.callbacks = "callbacks"

[op.callbacks]
type = "textDAT"
file = "callbacks.py"

[op.log]
type = "tableDAT"
rows = [["what"]]
"#;

impl Live {
    /// Starts it and waits until its server listens.
    pub fn start(callbacks: &str) -> Self {
        Self::start_with("", callbacks)
    }

    /// As [`Live::start`], with lines for the `[patch]` section.
    pub fn start_with(settings: &str, callbacks: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The port may be taken by another between these two lines; then the start fails and says so.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port();
        let patch = PATCH.replace("PORT", &port.to_string()).replace("SETTINGS", settings);
        write_patch(folder.path(), &[("patch.toml", &patch), ("callbacks.py", callbacks)]);
        let mut child = program(&["run"]).arg(folder.path()).spawn().expect("the program starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (out, err) = (child.stdout.take().expect("stdout"), child.stderr.take().expect("stderr"));
        let readers = vec![follow(out, &said), follow(err, &said)];
        let live = Live { folder, port, child: Some(child), said, readers };
        live.wait_for("listening on");
        live
    }

    /// The patch folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Saves the callbacks anew.
    pub fn save(&self, callbacks: &str) {
        let file: PathBuf = self.folder().join("callbacks.py");
        std::fs::write(file, callbacks).expect("the file can be written");
    }

    /// Everything that it has said so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("no reader panics").clone()
    }

    /// Waits until it has said this.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |said| said.contains(text));
    }

    /// Waits until what it has said fits.
    pub fn wait_until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !fits(&self.said()) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what:?}; it said\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends one HTTP request and returns the whole answer.
    pub fn request(&self, head: &str, body: &[u8]) -> String {
        self.request_at("127.0.0.1", head, body)
    }

    /// As [`Live::request`], at another address of this machine.
    pub fn request_at(&self, address: &str, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect((address, self.port)).expect("the server takes connections");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let head = head.trim().replace('\n', "\r\n");
        let lines = format!("{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(lines.as_bytes()).and_then(|()| stream.write_all(body)).expect("the request can be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer can be read");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Gets a path and returns the whole answer.
    pub fn get(&self, path: &str) -> String {
        self.request(&format!("GET {path} HTTP/1.1"), b"")
    }

    /// Opens a WebSocket.
    pub fn socket(&self, path: &str) -> tungstenite::WebSocket<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server takes connections");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let url = format!("ws://127.0.0.1:{}{path}", self.port);
        let (socket, _) = tungstenite::client(url, stream).expect("the handshake succeeds");
        socket
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().expect("`kill` runs");
        assert!(status.success());
    }

    /// Ends it with SIGTERM and returns what it said.
    pub fn stop(self) -> Said {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Said {
        let mut child = self.child.take().expect("it runs");
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("its state can be read") {
                break status;
            }
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("it did not end; it said\n{}", self.said());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.readers.drain(..).for_each(|reader| reader.join().expect("no reader panics"));
        Said { text: self.said(), code: status.code() }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn follow(stream: impl Read + Send + 'static, said: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let said = said.clone();
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            said.lock().expect("no test panics while it holds this").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
