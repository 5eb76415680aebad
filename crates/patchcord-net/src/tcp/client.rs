//! A connection that this end opens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{Ending, Handler, Peer, Settings, connection};
use crate::client::{DialError, Progress, dial_tcp};

/// Where to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Of the addresses of a name, only those of IPv6 are tried.
    pub only_ipv6: bool,
    /// Time for name look-up and connecting together.
    pub time_limit: Duration,
}

/// A connection to a server, from the dial to the end; a new connection is a new client. Dropping it gives up a dial and an
/// open connection, and the handler hears no more; one that closes goes on closing.
pub struct TcpClient {
    shared: Rc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    settings: Cell<Settings>,
    peer: RefCell<Option<Rc<Peer>>>,
    ended: Cell<bool>,
}

impl TcpClient {
    /// Begins to dial. Must be called inside a `LocalSet` of a tokio runtime; the handler hears nothing before this has
    /// returned.
    pub fn connect<H: Handler>(handler: Rc<H>, target: Target, settings: Settings) -> Self {
        let shared =
            Rc::new(Shared { settings: Cell::new(settings), peer: RefCell::default(), ended: Cell::new(false) });
        let task = tokio::task::spawn_local(run(handler, shared.clone(), target));
        TcpClient { shared, task }
    }

    /// The server, while the connection is open; also while it closes.
    pub fn peer(&self) -> Option<Rc<Peer>> {
        self.shared.peer.borrow().clone()
    }

    /// Whether the connection is over, or could not be had.
    pub fn is_ended(&self) -> bool {
        self.shared.ended.get()
    }

    /// Ends the client: a dial at once and silently, an open connection when what waits is written, of which the handler
    /// hears. Returns at once.
    pub fn close(&self) {
        match self.peer() {
            Some(peer) => peer.close(),
            None => {
                self.shared.ended.set(true);
                self.task.abort();
            }
        }
    }

    /// Changes the bounds; they hold at once.
    pub fn set_settings(&self, settings: Settings) {
        self.shared.settings.set(settings);
        if let Some(peer) = self.peer() {
            peer.set_settings(settings);
        }
    }
}

impl Drop for TcpClient {
    fn drop(&mut self) {
        if !self.peer().is_some_and(|peer| peer.is_closing()) {
            self.task.abort();
        }
    }
}

async fn run<H: Handler>(handler: Rc<H>, shared: Rc<Shared>, target: Target) {
    let report = |progress: &Progress| handler.handle_progress(progress);
    let stream = match dial_tcp(&target.host, target.port, target.only_ipv6, target.time_limit, &report).await {
        Ok(stream) => stream,
        Err(error) => {
            shared.ended.set(true);
            return handler.handle_failure(&error);
        }
    };
    let address = match stream.peer_addr() {
        Ok(address) => address,
        Err(error) => {
            shared.ended.set(true);
            let reason = error.to_string();
            return handler.handle_failure(&DialError::ClosedEarly { phase: crate::client::Phase::Connect, reason });
        }
    };
    let peer = Rc::new(Peer::new(stream, address, shared.settings.get()));
    shared.peer.replace(Some(peer.clone()));
    let ending: Ending = connection::run(&peer, &*handler).await;
    shared.peer.take();
    shared.ended.set(true);
    handler.handle_turn(&mut || handler.handle_close(&peer, &ending));
}
