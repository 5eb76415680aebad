//! The client's role: a connection to one signal of a host.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcord_signal::message::{self, MessageError};
use patchcord_signal::{Direction, Variable};

use super::host::Figures;
use super::value::{self, Decoder, Unfit, Value};
use crate::client::{self, Accepted, Address, ConnectionSettings, DialError, DialSettings, Progress, WebSocketClient};
use crate::websocket::{self, CloseCode, Ending, Peer, Sent};

/// Bytes of the largest message that is read although a value has fewer.
const UNEXPECTED: usize = 1 << 20;

/// Hears of a connection to a signal. Called on its thread; it must not block. Exactly one of
/// [`ClientHandler::handle_failure`] and [`ClientHandler::handle_close`] comes.
pub trait ClientHandler: 'static {
    /// A step of the dial begins.
    fn handle_progress(&self, _variable: &Variable, _progress: &Progress) {}

    /// The connection is open.
    fn handle_open(&self, variable: &Variable);

    /// The host has sent a value.
    fn handle_value(&self, variable: &Variable, value: Value<'_>);

    /// The host has sent something that is no value of the signal, for the first time. It is dropped.
    fn handle_wrong(&self, _variable: &Variable, _wrong: &MessageError) {}

    /// The connection has ended.
    fn handle_close(&self, variable: &Variable, ending: &Ending);

    /// No connection could be had.
    fn handle_failure(&self, variable: &Variable, error: &DialError);

    /// The handling of the connection panicked, which ends it: a fault of this program.
    fn handle_panic(&self, _reason: &str) {}

    /// Brackets the handing over of all that one read brought: must call `work` once.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// A connection to one signal of a host, from the dial to the end; whoever wants another after it makes another. Dropping it
/// ends it without a close frame.
pub struct SignalClient<H: ClientHandler> {
    link: Rc<Link<H>>,
    client: WebSocketClient<Link<H>>,
    connection: Cell<ConnectionSettings>,
}

struct Link<H> {
    handler: Rc<H>,
    variable: RefCell<Rc<Variable>>,
    /// Bytes of a text at most.
    text: Cell<usize>,
    decoder: Decoder,
    complained: Cell<bool>,
    figures: Cell<Figures>,
}

impl<H: ClientHandler> SignalClient<H> {
    /// Begins to dial. The direction of `variable` is as the host sees it: what is [`Direction::Outgoing`] comes here. Its
    /// name is the sub-protocol, in the place of those in `dial`, and nothing is compressed. `text` is the most bytes of a text, and takes with the layout the place
    /// of the largest message in `connection`. Must be called inside a `LocalSet` of a tokio runtime; the handler hears nothing before
    /// this has returned.
    pub fn connect(
        handler: Rc<H>,
        variable: Variable,
        address: Address,
        dial: DialSettings,
        connection: ConnectionSettings,
        text: usize,
    ) -> Self {
        let dial = DialSettings { subprotocols: vec![variable.name.clone()], deflate: None, ..dial };
        let connection = ConnectionSettings { message: message_limit(&variable, text), ..connection };
        let link = Rc::new(Link {
            handler,
            variable: RefCell::new(Rc::new(variable)),
            text: Cell::new(text),
            decoder: Decoder::default(),
            complained: Cell::new(false),
            figures: Cell::default(),
        });
        let client = WebSocketClient::connect(link.clone(), address, dial, connection);
        SignalClient { client, link, connection: Cell::new(connection) }
    }

    /// The signal.
    pub fn variable(&self) -> Rc<Variable> {
        self.link.variable()
    }

    /// Takes the values of the signal for others from now on: another layout, for the host's is another than was thought. The
    /// connection stays, so the name has to be the same.
    pub fn set_variable(&self, variable: Variable, text: usize) {
        let connection = ConnectionSettings { message: message_limit(&variable, text), ..self.connection.get() };
        self.connection.set(connection);
        self.client.set_settings(connection);
        self.link.text.set(text);
        self.link.complained.set(false);
        self.link.variable.replace(Rc::new(variable));
    }

    /// Whether values can be sent.
    pub fn is_open(&self) -> bool {
        self.client.peer().is_some_and(|peer| !peer.is_closing())
    }

    /// Whether the handler has heard of the end.
    pub fn is_ended(&self) -> bool {
        self.client.is_ended()
    }

    /// Sends a value. `false`: there is no open connection, or the host reads too slowly.
    ///
    /// # Errors
    /// [`Unfit`]: the value does not fit the signal.
    pub fn send(&self, value: Value<'_>) -> Result<bool, Unfit> {
        let Some(peer) = self.client.peer() else { return Ok(false) };
        let variable = self.link.variable();
        let payload = value::payload_of(&variable.layout, value)?;
        let is_sent = value::send(&variable.layout, &payload, &peer) == Sent::Queued;
        self.link.count(|figures| figures.sent += u64::from(is_sent));
        Ok(is_sent)
    }

    /// Figures of this connection.
    pub fn figures(&self) -> Figures {
        let mut figures = self.link.figures.get();
        if let Some(peer) = self.client.peer() {
            figures.clients = usize::from(!peer.is_closing());
            figures.dropped += peer.dropped();
            figures.queued = peer.queued();
        }
        figures
    }

    /// Ends it in an orderly way; the handler hears of the end later.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.client.close(code, reason);
    }
}

/// Bytes of a message that the host may send: a larger one closes with 1009. Sizes that do not fit are to be told, not only
/// closed for: the host's blocks may be larger than was thought.
fn message_limit(variable: &Variable, text: usize) -> usize {
    message::limit(&variable.layout, text).max(UNEXPECTED)
}

impl<H> Link<H> {
    fn variable(&self) -> Rc<Variable> {
        self.variable.borrow().clone()
    }

    fn count(&self, count: impl FnOnce(&mut Figures)) {
        let mut figures = self.figures.get();
        count(&mut figures);
        self.figures.set(figures);
    }
}

impl<H: ClientHandler> websocket::Handler for Link<H> {
    type Data = ();

    fn handle_open(&self, _: &Rc<Peer<()>>) {
        self.handler.handle_open(&self.variable());
    }

    fn handle_text(&self, peer: &Rc<Peer<()>>, text: &str) {
        self.handle_binary(peer, text.as_bytes());
    }

    fn handle_binary(&self, _: &Rc<Peer<()>>, bytes: &[u8]) {
        let variable = self.variable();
        if variable.direction == Direction::Incoming {
            return self.count(|figures| figures.wrong += 1);
        }
        match message::decode(&variable.layout, bytes, self.text.get()) {
            Ok(payload) => {
                self.count(|figures| figures.received += 1);
                let take = |value: Value<'_>| self.handler.handle_value(&variable, value);
                self.decoder.read(&variable.layout, &payload, take);
            }
            Err(wrong) => {
                self.count(|figures| figures.wrong += 1);
                if !self.complained.replace(true) {
                    self.handler.handle_wrong(&variable, &wrong);
                }
            }
        }
    }

    fn handle_ping(&self, peer: &Rc<Peer<()>>, payload: &[u8]) {
        peer.send_pong(payload);
    }

    fn handle_pong(&self, _: &Rc<Peer<()>>, _: &[u8]) {}

    fn handle_close(&self, peer: &Rc<Peer<()>>, ending: &Ending) {
        self.count(|figures| figures.dropped += peer.dropped());
        self.handler.handle_close(&self.variable(), ending);
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        self.handler.handle_turn(work);
    }
}

impl<H: ClientHandler> client::Handler for Link<H> {
    fn handle_progress(&self, progress: &Progress) {
        self.handler.handle_progress(&self.variable(), progress);
    }

    fn handle_accepted(&self, _: Accepted) {}

    fn handle_failure(&self, error: &DialError) {
        self.handler.handle_failure(&self.variable(), error);
    }

    fn handle_panic(&self, reason: &str) {
        self.handler.handle_panic(reason);
    }
}
