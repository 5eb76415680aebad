//! The host's role: signals under their names on one port, as Csound's opcode offers them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_signal::control::{ChannelValue, Level};
use patchcord_signal::message::{self, MessageError};
use patchcord_signal::{Direction, FloatSize, Kind, Layout, NameError, NameId, Owner, Slot, Variable};
use patchcord_websocket::EncodedMessage;
use tokio::net::TcpListener;

use super::service::{Service, SignalPeer};
use super::value::{self, Unfit, Value};
use crate::server::{Limits, Refusal, Server, Settings, TlsConfig};
use crate::static_files::StaticFiles;
use crate::websocket::{CloseCode, Ending, Sent, SlowReader};

/// Bytes that may wait for one client at most, however long it may lag.
const LARGEST_QUEUE: usize = 4 << 20;
/// Values that may wait for one client at least.
const SMALLEST_QUEUE: usize = 64;
/// Connections beside those of clients: requests for pages, and those that are about to be refused.
const SPARE_CONNECTIONS: usize = 64;
/// Bytes of a message from a client that has nothing to send.
const IDLE_TALK: usize = 64 << 10;

/// Hears of a host's clients. Called on the host's thread; it must not block. While it is called nothing of the host is
/// borrowed, so it may call any method of it.
pub trait Handler: 'static {
    /// Somebody asks for a signal, or what there is: the time for who makes signals up to date only when they are wanted.
    fn handle_arrival(&self) {}

    /// Somebody listens who did not before, or the other way round: [`SignalHost::has_listeners`] may say something else.
    fn handle_audience(&self) {}

    /// A client has connected to a signal; without one it speaks `csound.v1`.
    fn handle_open(&self, client: &ClientFacts);

    /// A client has sent a value of an incoming signal.
    fn handle_value(&self, client: &ClientFacts, signal: &Variable, value: Value<'_>);

    /// A client has sent something that is no value of its signal, for the first time. It is dropped.
    fn handle_wrong(&self, _client: &ClientFacts, _signal: &Variable, _wrong: &MessageError) {}

    /// A client is gone; comes once for each [`Handler::handle_open`].
    fn handle_close(&self, client: &ClientFacts, ending: &Ending);

    /// A client of `csound.v1` has set a name that is no signal; only with [`Level::Values`].
    fn handle_channel(&self, _client: &ClientFacts, _name: &str, _value: &ChannelValue) {}

    /// A client of `csound.v1` has sent a score event; only with [`Level::Events`].
    fn handle_event(&self, _client: &ClientFacts, _event: &str) {}

    /// A connection or a request was refused.
    fn handle_refusal(&self, _refusal: &Refusal) {}

    /// Brackets the handing over of all that one read brought: must call `work` once.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Facts about a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFacts {
    /// Its address as `ip:port`, with `#number` behind where another client has the same.
    pub id: String,
    /// The signal that it is connected to; `None` for one that speaks `csound.v1`.
    pub signal: Option<String>,
}

/// All settings of a host. They hold at once, but for `tls`, which holds for new connections.
#[derive(Clone)]
pub struct HostSettings {
    /// Samples per second of a-rate signals.
    pub sample_rate: f64,
    /// Time that a client may lag behind before it loses its oldest values; at least 64 values and at most 4 MiB are kept.
    pub buffer: Duration,
    /// Clients at a time; further ones are refused with 503.
    pub clients: usize,
    /// Pages that may connect: exact origins; none or `*` is any page. Programs without an origin may always.
    pub origins: Vec<String>,
    /// Bytes of a text at most.
    pub text: usize,
    /// What `csound.v1` says of blocks and floats; the signals have layouts of their own.
    pub ksmps: usize,
    /// See `ksmps`.
    pub float: FloatSize,
    /// What clients of `csound.v1` may do beyond watching signals and setting incoming ones.
    pub control: Level,
    /// Pages to serve on the same port.
    pub folder: Option<Rc<StaticFiles>>,
    /// TLS; `None` is plain text.
    pub tls: Option<Arc<TlsConfig>>,
}

impl Default for HostSettings {
    /// 48 kHz, a second, 64 clients, any page, texts of 64 KiB, blocks of 64 floats of 64 bits, no control, no pages, plain text.
    fn default() -> Self {
        HostSettings {
            sample_rate: 48_000.0,
            buffer: Duration::from_secs(1),
            clients: 64,
            origins: Vec::new(),
            text: 64 << 10,
            ksmps: 64,
            float: FloatSize::F64,
            control: Level::Off,
            folder: None,
            tls: None,
        }
    }
}

/// Counts about a signal or all of them, since the host was made; of clients and waiting bytes how many there are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Clients that are connected.
    pub clients: usize,
    /// Values received.
    pub received: u64,
    /// Values sent, once for each client.
    pub sent: u64,
    /// Values dropped for clients that read too slowly.
    pub dropped: u64,
    /// Messages that were no values.
    pub wrong: u64,
    /// Bytes that wait for clients.
    pub queued: usize,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.clients += other.clients;
        self.received += other.received;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.wrong += other.wrong;
        self.queued += other.queued;
    }
}

/// A signal that is offered, and who is connected to it.
pub(super) struct Offered {
    pub variable: Variable,
    pub id: NameId,
    pub owner: Owner,
    pub clients: RefCell<Vec<Rc<SignalPeer>>>,
    /// The newest value, which each client gets when it connects; none of an a-rate signal.
    pub kept: RefCell<Option<EncodedMessage>>,
    /// Counts of what is over: without the clients that are here.
    pub past: Cell<Figures>,
}

impl Offered {
    fn new(variable: Variable, id: NameId, owner: Owner) -> Rc<Self> {
        let (clients, kept) = (RefCell::default(), RefCell::default());
        Rc::new(Offered { variable, id, owner, clients, kept, past: Cell::default() })
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Figures)) {
        let mut past = self.past.get();
        count(&mut past);
        self.past.set(past);
    }

    pub(super) fn figures(&self) -> Figures {
        let mut figures = self.past.get();
        let clients = self.clients.borrow();
        figures.clients = clients.len();
        figures.dropped += clients.iter().map(|client| client.dropped()).sum::<u64>();
        figures.queued = clients.iter().map(|client| client.queued()).sum();
        figures
    }

    /// Sets the bounds of a client: how much may wait for it, and what it may send.
    pub(super) fn bound(&self, client: &SignalPeer, settings: &HostSettings) {
        let layout = &self.variable.layout;
        client.set_budget(queue(layout, settings), SlowReader::DropOldest);
        client.set_message_limit(match self.variable.direction {
            Direction::Outgoing => IDLE_TALK,
            Direction::Incoming => message::read_limit(layout, settings.text),
        });
    }
}

/// Bytes that may wait for a client of a signal.
fn queue(layout: &Layout, settings: &HostSettings) -> usize {
    let value = message::limit(layout, settings.text).saturating_add(14);
    let per_second = if layout.kind() == Kind::Audio { settings.sample_rate / layout.block() as f64 } else { 0.0 };
    let values = (per_second * settings.buffer.as_secs_f64()).ceil() as usize;
    values.max(SMALLEST_QUEUE).saturating_mul(value).min(LARGEST_QUEUE.max(value))
}

/// A host of signals: a port on which clients connect to each signal by its name as the sub-protocol. Dropping it stops the listener;
/// connections live on until they end, or [`SignalHost::close_all`] ends them.
pub struct SignalHost<H: Handler> {
    service: Rc<Service<H>>,
    server: Server<Service<H>>,
}

impl<H: Handler> SignalHost<H> {
    /// A host that does not listen yet and offers nothing. Must be called inside a `LocalSet` of a tokio runtime.
    pub fn new(handler: Rc<H>, settings: HostSettings) -> Self {
        let service = Service::new(handler, settings);
        let server = Server::new(service.clone(), service.server_settings());
        SignalHost { service, server }
    }

    /// Accepts connections from this listener, instead of the one before. Open connections stay.
    ///
    /// # Errors
    /// The system does not tell the listener's address.
    pub fn listen(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        self.server.listen(listener)
    }

    /// Accepts no more connections. Open connections stay.
    pub fn stop_listening(&self) {
        self.server.stop_listening();
    }

    /// Changes the settings; no connection is lost by it.
    pub fn set_settings(&self, settings: HostSettings) {
        *self.service.settings.borrow_mut() = settings;
        self.server.set_settings(self.service.server_settings());
        let settings = self.service.settings.borrow();
        for offered in self.service.offered.borrow().iter() {
            offered.clients.borrow().iter().for_each(|client| offered.bound(client, &settings));
        }
    }

    /// Offers these signals and no others. Whoever is connected to one that stays as it is stays; the clients of the others get
    /// close code 1001. The first outgoing signal is the one of clients that name none; signals that stay come before new ones.
    /// Returns what cannot be offered, and why: of a name that comes twice with another layout the first is offered.
    pub fn set_signals(&self, signals: &[Variable]) -> Vec<NameError> {
        let before = self.service.offered.borrow().clone();
        let (mut stay, gone): (Vec<_>, Vec<_>) = before.into_iter().partition(|old| signals.contains(&old.variable));
        gone.iter().for_each(|gone| {
            self.service.names.borrow_mut().withdraw(gone.owner);
        });
        let mut refused = Vec::new();
        let stayed = stay.len();
        for variable in signals {
            if stay.iter().any(|known| known.variable == *variable) {
                continue;
            }
            let declared = self.service.names.borrow_mut().declare(std::slice::from_ref(variable));
            match declared {
                Ok(declared) => {
                    let offered = declared.names.first().map(|id| Offered::new(variable.clone(), *id, declared.owner));
                    stay.extend(offered);
                }
                Err(error) => refused.push(error),
            }
        }
        let is_other = !gone.is_empty() || stay.len() > stayed;
        self.service.offered.replace(stay);
        // Last: the handler may hear of ends, and ask.
        gone.iter().for_each(|gone| self.service.end_clients(gone));
        if is_other {
            self.service.tell_names();
        }
        refused
    }

    /// The signals that are offered, with their figures.
    pub fn signals(&self) -> Vec<(Variable, Figures)> {
        let offered = self.service.offered.borrow();
        offered.iter().map(|offered| (offered.variable.clone(), offered.figures())).collect()
    }

    /// Figures of all signals together, those that are not offered any more included.
    pub fn figures(&self) -> Figures {
        let mut figures = self.service.past.get();
        self.service.offered.borrow().iter().for_each(|offered| figures += offered.figures());
        figures
    }

    /// Clients that are connected, those of `csound.v1` included.
    pub fn client_count(&self) -> usize {
        self.server.client_count()
    }

    /// Whether a value of this outgoing signal would reach anybody now.
    pub fn has_listeners(&self, name: &str) -> bool {
        self.service
            .find(name)
            .is_some_and(|offered| !offered.clients.borrow().is_empty() || self.service.is_watched(Some(offered.id)))
    }

    /// Whether a value of any outgoing signal would reach anybody now.
    pub fn is_listened_to(&self) -> bool {
        let offered = self.service.offered.borrow();
        let outgoing = offered.iter().filter(|offered| offered.variable.direction == Direction::Outgoing);
        outgoing.into_iter().any(|offered| !offered.clients.borrow().is_empty()) || self.service.is_watched(None)
    }

    /// Sends a value of an outgoing signal to all its clients. Of a signal that is not a-rate it is kept, and each client that
    /// connects later gets it first; so it needs to be published only when it changes. A name that is not offered as outgoing is
    /// ignored.
    ///
    /// # Errors
    /// [`Unfit`]: the value does not fit the signal.
    pub fn publish(&self, name: &str, value: Value<'_>) -> Result<(), Unfit> {
        let offered = self.service.find(name).filter(|found| found.variable.direction == Direction::Outgoing);
        let Some(offered) = offered else { return Ok(()) };
        let is_kept = offered.variable.layout.kind() != Kind::Audio;
        if !is_kept && offered.clients.borrow().is_empty() {
            return Ok(());
        }
        let layout = &offered.variable.layout;
        let payload = value::payload_of(layout, value)?;
        let message = value::shared(layout, &payload);
        let clients = offered.clients.borrow();
        let sent = clients.iter().filter(|client| client.send_shared(&message) == Sent::Queued).count();
        offered.count(|figures| figures.sent += sent as u64);
        if is_kept {
            let slot = Slot { owner: offered.owner, index: 0 };
            self.service.names.borrow_mut().keep(offered.id, slot, &payload);
            self.service.sessions.wake();
            offered.kept.replace(Some(message));
        }
        Ok(())
    }

    /// Ends every connection with this code; the handler has heard of each end when this returns.
    pub fn close_all(&self, code: CloseCode, reason: &str) {
        self.server.close_all(code, reason);
    }

    /// Waits until no client is connected.
    pub fn closed(&self) -> impl Future<Output = ()> + use<H> {
        self.server.closed()
    }
}

impl<H: Handler> Service<H> {
    pub(super) fn server_settings(&self) -> Settings {
        let settings = self.settings.borrow();
        let limits =
            Limits { connections: settings.clients + SPARE_CONNECTIONS, message: IDLE_TALK, ..Limits::default() };
        Settings {
            limits,
            slow_reader: SlowReader::DropOldest,
            deflate: None,
            tls: settings.tls.clone(),
            static_files: settings.folder.clone(),
            cors: None,
        }
    }
}
