//! A listener and its clients.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Handler, Peer, Settings, connection};
use crate::catch_panic::catch_panic;
use crate::websocket::Sent;

/// Pause after the system refused to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a client was not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many are there.
    #[error("{address} was not let in: {limit} clients are connected, and no more may be")]
    TooMany {
        /// The client.
        address: SocketAddr,
        /// The limit.
        limit: usize,
    },
    /// The handler panicked when it heard that the server listens: a fault of this program. Clients are let in all the same.
    #[error("beginning to listen was disturbed by a panic: {reason}")]
    Panicked {
        /// What the panic said.
        reason: String,
    },
    /// The system refused to accept connections.
    #[error("accepting a connection failed: {reason}")]
    Accept {
        /// What the system said.
        reason: String,
    },
}

/// A server. Dropping it ends the listener and every connection that is not closing already, and the handler hears no more.
pub struct TcpServer<H: Handler> {
    shared: Rc<Shared<H>>,
    listener: RefCell<Option<Listening>>,
}

struct Listening {
    address: SocketAddr,
    socket: ListenerSlot,
    task: JoinHandle<()>,
}

/// The listener, where it can be taken away from the accept task: the port is free at once, not when the task is next
/// polled.
type ListenerSlot = Rc<RefCell<Option<TcpListener>>>;

impl Drop for Listening {
    fn drop(&mut self) {
        self.socket.take();
        self.task.abort();
    }
}

struct Shared<H> {
    handler: Rc<H>,
    settings: Cell<Settings>,
    max_clients: Cell<usize>,
    /// In the order in which they came, with the task of each.
    clients: RefCell<Vec<Client>>,
}

struct Client {
    peer: Rc<Peer>,
    task: JoinHandle<()>,
}

impl<H: Handler> TcpServer<H> {
    /// A server that does not listen yet. At most so many clients are let in; it can be changed.
    pub fn new(handler: Rc<H>, settings: Settings, max_clients: usize) -> Self {
        let shared = Shared {
            handler,
            settings: Cell::new(settings),
            max_clients: Cell::new(max_clients),
            clients: RefCell::default(),
        };
        TcpServer { shared: Rc::new(shared), listener: RefCell::default() }
    }

    /// Accepts clients from this listener, instead of the one before. Open connections stay. Must be called inside a
    /// `LocalSet` of a tokio runtime; the handler hears nothing before this has returned.
    ///
    /// # Errors
    /// When the system does not say where it listens.
    pub fn listen(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        let socket = Rc::new(RefCell::new(Some(listener)));
        let task = tokio::task::spawn_local(accept(self.shared.clone(), socket.clone()));
        self.listener.replace(Some(Listening { address, socket, task }));
        Ok(address)
    }

    /// Lets nobody in any more. Open connections stay.
    pub fn stop_listening(&self) {
        self.listener.take();
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.borrow().as_ref().map(|listening| listening.address)
    }

    /// Changes the bounds; they hold at once. Clients beyond the number stay.
    pub fn set_settings(&self, settings: Settings, max_clients: usize) {
        self.shared.max_clients.set(max_clients);
        if self.shared.settings.replace(settings) != settings {
            self.clients().iter().for_each(|peer| peer.set_settings(settings));
        }
    }

    /// The clients in the order in which they came, those that are closing included.
    pub fn clients(&self) -> Vec<Rc<Peer>> {
        self.shared.clients.borrow().iter().map(|client| client.peer.clone()).collect()
    }

    /// Number of clients.
    pub fn client_count(&self) -> usize {
        self.shared.clients.borrow().len()
    }

    /// Sends bytes to all clients, and gives the number of those that get them. A client that reads too slowly is let go of,
    /// as the handler hears.
    pub fn send_to_all(&self, bytes: &[u8]) -> usize {
        let clients = self.shared.clients.borrow();
        match clients.as_slice() {
            [] => 0,
            [client] => usize::from(client.peer.send(bytes) == Sent::Queued),
            several => {
                let shared = Bytes::copy_from_slice(bytes);
                several.iter().filter(|client| client.peer.send_shared(&shared) == Sent::Queued).count()
            }
        }
    }

    /// Closes every connection when what waits for it is written. Returns at once; the handler hears of each end.
    pub fn close_all(&self) {
        self.shared.clients.borrow().iter().for_each(|client| client.peer.close());
    }
}

impl<H: Handler> Drop for TcpServer<H> {
    fn drop(&mut self) {
        let clients = self.shared.clients.borrow();
        clients.iter().filter(|client| !client.peer.is_closing()).for_each(|client| client.task.abort());
    }
}

async fn accept<H: Handler>(shared: Rc<Shared<H>>, listener: ListenerSlot) {
    let begun = catch_panic(|| shared.handler.handle_turn(&mut || shared.handler.handle_listening()));
    if let Err(reason) = begun {
        shared.handler.handle_refusal(&Refusal::Panicked { reason });
    }
    loop {
        let accepted = poll_fn(|cx| match listener.borrow().as_ref() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        });
        match accepted.await {
            None => return,
            Some(Ok((stream, address))) => shared.admit(stream, address),
            Some(Err(error)) if is_peers_fault(&error) => {}
            Some(Err(error)) => {
                shared.handler.handle_refusal(&Refusal::Accept { reason: error.to_string() });
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_peers_fault(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

impl<H: Handler> Shared<H> {
    /// Lets a client in, or closes its connection at once.
    fn admit(self: &Rc<Self>, stream: TcpStream, address: SocketAddr) {
        let limit = self.max_clients.get();
        if self.clients.borrow().len() >= limit {
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            return self.handler.handle_refusal(&Refusal::TooMany { address, limit });
        }
        let peer = Rc::new(Peer::new(stream, address, self.settings.get()));
        let task = tokio::task::spawn_local(run(self.clone(), peer.clone()));
        self.clients.borrow_mut().push(Client { peer, task });
    }
}

async fn run<H: Handler>(shared: Rc<Shared<H>>, peer: Rc<Peer>) {
    let ending = connection::run(&peer, &*shared.handler).await;
    shared.clients.borrow_mut().retain(|client| !Rc::ptr_eq(&client.peer, &peer));
    shared.handler.handle_turn(&mut || shared.handler.handle_close(&peer, &ending));
}
