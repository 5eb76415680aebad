//! The service thread: sockets, HTTP, files, TLS, and the connections of `websocketclient`.
//!
//! One thread serves all ports and all connections of the process. It starts with the first note that opens something
//! and has ended when the last [`Note`] has been dropped. [`open`], [`connect`], [`set`] and [`forget`] are for init and
//! deinit: they lock, allocate and wait for the thread. What they return is for performance: the methods of [`Note`], the
//! writers and the readers neither lock nor allocate nor wait.
//!
//! A *port* is shared by all notes of one Csound instance that name it. What a note sends under a name goes to every
//! client of the name; of several notes the youngest speaks. What a client sends goes to all notes that have the name.

mod channel;
mod connection;
mod console;
mod control;
mod dial;
mod files;
mod http;
mod port;
mod request;
mod settings;
mod shared;
mod socket;
mod software;
mod status;
mod stream;
mod target;
mod thread;
mod tls;
mod transport;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use patchcord_signal::{FloatSize, LatestReader, NameError, OutgoingWriter, PlayoutReader, TextReader};

pub use self::console::MESSAGE;
pub use self::request::Request;
pub use self::settings::{SettingError, SettingValue};
pub use self::status::Status;
pub use self::target::AddressError;
pub use self::tls::TlsError;
pub use patchcord_signal::{Direction, Variable};

use self::shared::{NoteId, Shared};
use self::status::Counts;
use self::thread::Command;

/// What the service has to know about a Csound instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Host {
    /// Tells instances apart: the address of its `CSOUND` structure, as a number.
    pub instance: usize,
    /// Samples per second.
    pub sample_rate: f64,
    /// Samples per k-cycle, of the instance.
    pub ksmps: u32,
    /// Samples per k-cycle of the note that opens something: fewer after `setksmps`.
    pub note_ksmps: u32,
    /// Size of its floats.
    pub float: FloatSize,
}

impl Host {
    /// Time of a k-cycle of the instance, and of a block of audio.
    pub fn period(&self) -> Duration {
        self.time(self.ksmps)
    }

    /// Time of a k-cycle of the note.
    pub fn note_period(&self) -> Duration {
        self.time(self.note_ksmps)
    }

    fn time(&self, samples: u32) -> Duration {
        Duration::try_from_secs_f64(f64::from(samples.max(1)) / self.sample_rate)
            .unwrap_or(Duration::from_millis(1))
            .clamp(Duration::from_micros(1), Duration::from_secs(10))
    }
}

/// What a note has of its port or of its connections.
#[derive(Debug)]
pub struct Opened {
    /// Keeps them open.
    pub note: Note,
    /// For each outgoing variable in the order of their declaration.
    pub outgoing: Vec<OutgoingWriter>,
    /// For each incoming variable in the order of their declaration.
    pub incoming: Vec<Incoming>,
}

/// Where the values of an incoming variable arrive.
#[derive(Debug)]
pub enum Incoming {
    /// `k`, `i` and their arrays: the latest.
    Latest(LatestReader),
    /// `S` and `S[]`: the latest.
    Text(TextReader),
    /// `a` and its arrays: one block after the other.
    Audio(PlayoutReader),
}

/// Why a note has no port or no connection. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else listens there: another program, or another Csound of this one.
    #[error("port {port} is in use; choose another one, or end what has it")]
    InUse {
        /// The port.
        port: u16,
    },
    /// The system does not let this user listen there.
    #[error("port {port} is not permitted; choose one above 1023")]
    NotPermitted {
        /// The port.
        port: u16,
    },
    /// The port is 0.
    #[error("{0} is no port; ports go from 1 to 65535")]
    BadPort(u16),
    /// The machine does not have the interface.
    #[error("this machine has no address {address}; see websocketset \"interface\"")]
    NoInterface {
        /// The address.
        address: std::net::IpAddr,
    },
    /// Listening fails for another reason.
    #[error("port {port} cannot be opened: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A name cannot be declared.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The certificate, the key or the authorities.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address of a server.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is no thread, or it does not answer.
    #[error("there is no thread for sockets: {0}")]
    Thread(io::Error),
}

/// Opens a port, or joins it where notes of the same instance have it, and declares `variables` there.
///
/// # Errors
/// [`OpenError`].
pub fn open(host: Host, port: u16, variables: &[Variable]) -> Result<Opened, OpenError> {
    if port == 0 {
        return Err(OpenError::BadPort(port));
    }
    let settings = settings::kept(host.instance, port);
    let tls = match (&settings.certificate, &settings.key) {
        (Some(certificate), key) => Some(tls::server(certificate, key.as_ref().unwrap_or(certificate))?),
        (None, _) => None,
    };
    let variables = variables.to_vec();
    let request = port::Request { host, port, settings, tls, variables };
    enter(host, |note, reply| Command::Open(note, Box::new(request), reply))
}

/// Opens a connection to a server for each of `variables`, with the variable's name as the sub-protocol. A host name is
/// looked up here. The connections are made, and made anew when they are lost, as long as the note lives; that a server
/// is not there is no error.
///
/// # Errors
/// [`OpenError`]: the address is none, its name is unknown, or TLS has no authorities.
pub fn connect(host: Host, url: &str, variables: &[Variable]) -> Result<Opened, OpenError> {
    let target = target::Target::find(url, host.instance)?;
    let request = dial::Request { host, target, variables: variables.to_vec() };
    enter(host, |note, reply| Command::Connect(note, Box::new(request), reply))
}

/// Sets a setting of a port of this instance: for the port when it opens, and at once where it is open and that can be:
/// everything but interface, certificate, key, text and the sizes of what notes have already.
///
/// # Errors
/// [`SettingError`]: an unknown name, or a value that it cannot have.
pub fn set(instance: usize, port: u16, name: &str, value: SettingValue) -> Result<(), SettingError> {
    let settings = settings::keep(instance, port, name, value)?;
    shared::ask_running(|reply| Command::Set(instance, port, Box::new(settings), reply));
    Ok(())
}

/// An instance is reset: forgets its settings, and closes what its notes may have left open.
pub fn forget(instance: usize) {
    settings::forget(instance);
    software::forget(instance);
    status::forget(instance);
    shared::leave_all(instance);
}

/// Watches a port of an instance, whether it is open or not.
pub fn watch(instance: usize, port: u16) -> Watch {
    Watch { counts: status::counts(instance, port) }
}

/// A view of a port for `websocketstatus`.
#[derive(Debug, Clone)]
pub struct Watch {
    counts: Arc<Counts>,
}

impl Watch {
    /// How the port is now. For performance.
    #[inline]
    pub fn status(&self) -> Status {
        self.counts.status()
    }
}

/// The answer to what a note asks for.
type Parts = Result<NoteParts, OpenError>;

/// What the thread makes for a note.
#[derive(Debug)]
struct NoteParts {
    outgoing: Vec<OutgoingWriter>,
    incoming: Vec<Incoming>,
    counts: Arc<Counts>,
    messages: console::Reader,
    requests: request::Reader,
}

fn enter(host: Host, command: impl FnOnce(NoteId, shared::Replier<Parts>) -> Command) -> Result<Opened, OpenError> {
    let (shared, id) = shared::enter(host.instance).map_err(OpenError::Thread)?;
    let parts = shared::ask(&shared, |reply| command(id, reply));
    match parts.unwrap_or_else(|| Err(OpenError::Thread(io::ErrorKind::TimedOut.into()))) {
        Ok(NoteParts { outgoing, incoming, counts, messages, requests }) => {
            Ok(Opened { note: Note { shared, id, counts, messages, requests, end_is_told: false }, outgoing, incoming })
        }
        Err(error) => {
            shared::leave(&shared, id);
            Err(error)
        }
    }
}

/// A note's hold on its port or on its connections.
///
/// Dropped, it withdraws its variables: clients of names that nobody else has are told with close code 1001, and a port
/// that nobody else has is free when the drop returns, after 50 ms at most. The last note of the process ends the thread.
#[derive(Debug)]
pub struct Note {
    shared: Arc<Shared>,
    id: NoteId,
    counts: Arc<Counts>,
    messages: console::Reader,
    requests: request::Reader,
    end_is_told: bool,
}

/// What a note says whose thread is no more.
const THREAD_ENDED: &str = "websocket: the thread for sockets has ended by a fault in the plugin, and this note is cut off; \
                            a reinit or the next note begins anew. Please report it";
const _: () = assert!(THREAD_ENDED.len() <= MESSAGE);

impl Note {
    /// Whether the thread serves this note. It does to the note's end, unless it has ended itself by a fault.
    pub fn is_served(&self) -> bool {
        !self.shared.has_ended()
    }

    /// Values were published: the thread sees to them soon. For performance; a system call only if the thread sleeps.
    #[inline]
    pub fn wake(&self) {
        self.shared.wake_for_data();
    }

    /// The next line for the console: text of the given length, without a line break. For performance, which may print.
    #[inline]
    pub fn message(&mut self, out: &mut [u8; MESSAGE]) -> Option<usize> {
        if let Some(length) = self.messages.next(out) {
            return Some(length);
        }
        if self.end_is_told || self.is_served() {
            return None;
        }
        self.end_is_told = true;
        out[..THREAD_ENDED.len()].copy_from_slice(THREAD_ENDED.as_bytes());
        Some(THREAD_ENDED.len())
    }

    /// What a client of `csound.v1` wants of Csound itself. For performance, in order, until there is none.
    #[inline]
    pub fn request(&mut self) -> Option<Request<'_>> {
        self.requests.next()
    }

    /// How the port is.
    pub fn status(&self) -> Status {
        self.counts.status()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        shared::leave(&self.shared, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_once_that_its_thread_is_no_more() {
        let shared = Arc::new(Shared::new(&mio::Poll::new().unwrap()).unwrap());
        let (messages, requests) = (console::console().1, request::requests(false).1);
        let counts = Arc::default();
        let mut note = Note { shared, id: 0, counts, messages, requests, end_is_told: false };
        let mut out = [0; MESSAGE];
        assert!(note.is_served() && note.message(&mut out).is_none());
        note.shared.end();
        assert!(!note.is_served());
        let length = note.message(&mut out).unwrap();
        assert_eq!(std::str::from_utf8(&out[..length]), Ok(THREAD_ENDED));
        assert_eq!(note.message(&mut out), None);
    }
}
