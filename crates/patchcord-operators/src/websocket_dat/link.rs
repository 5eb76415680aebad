//! One connection of the operator: turns what the client reports into rows, callbacks and lines of the textport.
//!
//! A link that the operator has let go of (because it connects anew, or was switched off) is silent from then on: its
//! end has been told already, and a late message of it must not be taken for one of its successor.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::Value;
use patchcord_net::client::{self, Accepted, DialError, Progress};
use patchcord_net::websocket::{self, CloseCode, ClosedBy, Ending, Peer, PeerStats};

use super::WebSocketDat;
use super::declaration::callback;
use super::settings::Options;
use crate::heard::Heard;
use crate::listening::{Listeners, News};
use crate::received::Message;
use crate::recording::{Content, Direction, Entry, Tap};

/// How long a connection has to stand to count as one, when no message comes: a server that accepts and closes at once is
/// not to be dialled at the shortest delay for ever.
const STEADY: Duration = Duration::from_secs(10);

/// What all links of an operator share.
pub(super) struct Shared {
    pub network: Network,
    pub op: OpId,
    pub callbacks: Rc<dyn Callbacks>,
    pub options: Cell<Options>,
    pub tap: Rc<Tap>,
    /// Sums over connections that have ended.
    pub past: Cell<PeerStats>,
    pub past_dropped: Cell<u64>,
    pub close_code: Cell<u16>,
    /// Open connections so far.
    pub opened: Cell<u64>,
    /// The latest message could not be sent, which the operator shows.
    pub send_failed: Cell<bool>,
    pub listeners: Listeners,
    /// Listeners have been told that the connection is open.
    pub told_open: Cell<bool>,
    text: Heard,
}

impl Shared {
    pub(super) fn new(network: &Network, op: OpId) -> Self {
        Shared {
            network: network.clone(),
            op,
            callbacks: network.callbacks_for(op),
            options: Cell::default(),
            tap: Tap::new(network, op),
            past: Cell::default(),
            past_dropped: Cell::new(0),
            close_code: Cell::new(0),
            opened: Cell::new(0),
            send_failed: Cell::new(false),
            listeners: Listeners::default(),
            told_open: Cell::new(false),
            text: Heard::new(callback::RECEIVE_TEXT),
        }
    }

    /// Calls a callback in a turn of its own. What went wrong has been reported by the handler.
    pub(super) fn call(&self, callback: usize, arguments: &[Value<'_>]) {
        self.network.turn(|network| self.callbacks.tell(network, callback, arguments));
    }

    /// Says what happens to the connection, in the textport and to onMonitorMessage.
    pub(super) fn say(&self, message: &str) {
        self.network.say_status(self.op, message);
        self.call(callback::MONITOR_MESSAGE, &[Value::Op(self.op), Value::Str(message)]);
    }

    /// Shows on the operator why there is no connection.
    pub(super) fn show(&self, message: String, remedy: &str) {
        self.network.report(self.op, Problem::warning("connection", message, remedy));
    }

    pub(super) fn count(&self, stats: PeerStats, dropped: u64) {
        let past = self.past.get();
        self.past.set(PeerStats {
            messages_in: past.messages_in + stats.messages_in,
            messages_out: past.messages_out + stats.messages_out,
            bytes_in: past.bytes_in + stats.bytes_in,
            bytes_out: past.bytes_out + stats.bytes_out,
        });
        self.past_dropped.set(self.past_dropped.get() + dropped);
    }
}

/// Hears of one connection.
pub(super) struct Link {
    pub shared: Rc<Shared>,
    pub dat: Weak<WebSocketDat>,
    /// The operator still takes this link for its own.
    pub is_current: Cell<bool>,
    /// Contents of the ping that is being handled, when it was answered automatically.
    pub ponged: RefCell<Option<Box<[u8]>>>,
    /// What the server has chosen of what was offered, in words.
    agreed: RefCell<String>,
    /// The newest message of each kind, where only that is wanted of those that come together.
    held: RefCell<Vec<Held>>,
}

/// A message that waits for the end of a read.
enum Held {
    Text(String),
    Binary(Vec<u8>),
}

impl Link {
    pub(super) fn new(shared: &Rc<Shared>, dat: &Weak<WebSocketDat>) -> Rc<Self> {
        Rc::new(Link {
            shared: shared.clone(),
            dat: dat.clone(),
            is_current: Cell::new(true),
            ponged: RefCell::default(),
            agreed: RefCell::default(),
            held: RefCell::default(),
        })
    }

    /// Notes what came; for a recording, if there is one.
    #[inline]
    fn note_in<'a>(&self, content: impl FnOnce() -> Content<'a>) {
        self.shared.tap.note(|| Entry::new(Direction::In, content()));
    }

    #[inline]
    fn receive_text(&self, options: Options, text: &str) {
        let shared = &*self.shared;
        shared.listeners.tell(News::Text(text));
        let row = options.received.append(&shared.network, shared.op, &Message::of_text(text));
        if !shared.text.is_there(&shared.network, &*shared.callbacks) {
            return;
        }
        shared.network.turn(|network| {
            let arguments = [Value::Op(shared.op), Value::Int(row as i64), Value::Str(text)];
            shared.callbacks.tell(network, callback::RECEIVE_TEXT, &arguments);
        });
    }

    fn receive_binary(&self, bytes: &[u8]) {
        self.shared.listeners.tell(News::Bytes(bytes));
        self.shared.call(callback::RECEIVE_BINARY, &[Value::Op(self.shared.op), Value::Bytes(bytes)]);
    }

    /// Keeps a message until all that came with it is here, in the place of an older one of its kind.
    fn hold(&self, message: Held) {
        let mut held = self.held.borrow_mut();
        let kind = std::mem::discriminant(&message);
        let before = held.len();
        held.retain(|older| std::mem::discriminant(older) != kind);
        let dropped = &self.shared.past_dropped;
        dropped.set(dropped.get() + (before - held.len()) as u64);
        held.push(message);
    }

    /// Hands over what was kept. A callback may let go of the connection, and then the rest is not wanted.
    #[inline]
    fn receive_held(&self) {
        if self.held.borrow().is_empty() {
            return;
        }
        for message in self.held.take().into_iter().take_while(|_| self.is_current.get()) {
            match message {
                Held::Text(text) => self.receive_text(self.shared.options.get(), &text),
                Held::Binary(bytes) => self.receive_binary(&bytes),
            }
        }
    }

    /// No connection could be had.
    pub(super) fn fail(&self, reason: &str, remedy: &str) {
        self.note_in(|| Content::Failed { reason: reason.into() });
        self.shared.show(reason.to_owned(), remedy);
        self.end(&format!("connection failed: {reason}"), News::Error(reason));
    }

    /// The connection is over, or could not be had.
    pub(super) fn end(&self, message: &str, news: News<'_>) {
        self.shared.say(message);
        self.shared.told_open.set(false);
        self.shared.listeners.tell(news);
        self.shared.call(callback::DISCONNECT, &[Value::Op(self.shared.op)]);
        // A callback may have connected anew, or switched the operator off.
        if let Some(dat) = self.dat.upgrade().filter(|_| self.is_current.get()) {
            dat.plan_reconnect();
        }
    }
}

impl websocket::Handler for Link {
    type Data = ();

    fn handle_open(&self, _: &Rc<Peer<()>>) {
        if !self.is_current.get() {
            return;
        }
        let shared = &self.shared;
        shared.tap.note(|| Entry::new(Direction::Out, Content::open()));
        shared.opened.set(shared.opened.get() + 1);
        shared.network.clear_problem(shared.op, "connection");
        shared.network.clear_problem(shared.op, "send");
        shared.say(&format!("connected{}", self.agreed.take()));
        shared.told_open.set(true);
        shared.listeners.tell(News::Opened);
        // A callback may have let go of it, and then its end has been told.
        if self.is_current.get() {
            shared.call(callback::CONNECT, &[Value::Op(shared.op)]);
        }
    }

    #[inline]
    fn handle_text(&self, _: &Rc<Peer<()>>, text: &str) {
        if !self.is_current.get() {
            return;
        }
        self.note_in(|| Content::Text(text.into()));
        let options = self.shared.options.get();
        if options.latest {
            return self.hold(Held::Text(text.to_owned()));
        }
        self.receive_text(options, text);
    }

    #[inline]
    fn handle_binary(&self, _: &Rc<Peer<()>>, bytes: &[u8]) {
        if self.is_current.get() {
            self.note_in(|| Content::Binary(bytes.into()));
            if self.shared.options.get().latest {
                return self.hold(Held::Binary(bytes.to_owned()));
            }
            self.receive_binary(bytes);
        }
    }

    fn handle_ping(&self, peer: &Rc<Peer<()>>, payload: &[u8]) {
        if !self.is_current.get() {
            return;
        }
        self.note_in(|| Content::Ping(payload.into()));
        let answered = self.shared.options.get().autopong;
        if answered {
            peer.send_pong(payload);
            self.shared.tap.note(|| Entry::new(Direction::Out, Content::Pong(payload.into())));
        }
        *self.ponged.borrow_mut() = answered.then(|| payload.into());
        self.shared.call(callback::RECEIVE_PING, &[Value::Op(self.shared.op), Value::Bytes(payload)]);
        // A pong with these contents that comes later is one that the script wants to send.
        self.ponged.take();
    }

    fn handle_pong(&self, _: &Rc<Peer<()>>, payload: &[u8]) {
        if self.is_current.get() {
            self.note_in(|| Content::Pong(payload.into()));
            self.shared.call(callback::RECEIVE_PONG, &[Value::Op(self.shared.op), Value::Bytes(payload)]);
        }
    }

    fn handle_close(&self, peer: &Rc<Peer<()>>, ending: &Ending) {
        self.shared.count(peer.stats(), peer.dropped());
        self.shared.close_code.set(ending.code.as_u16());
        if !self.is_current.get() {
            return;
        }
        self.shared.tap.note(|| Entry::of_ending(ending));
        if let Some(dat) = self.dat.upgrade()
            && (peer.stats().messages_in > 0 || peer.joined().elapsed() >= STEADY)
        {
            dat.note_steady();
        }
        if let (ClosedBy::Local, Some(code), "") = (ending.by, ending.sent, &*ending.reason) {
            // Only in a replay: whoever asks this operator itself for an end has been told already.
            let message = format!("disconnected with code {}", code.as_u16());
            return self.end(&message, News::Closed { failure: false, reason: &message });
        }
        let reason = reason(ending);
        let comes_back = self.dat.upgrade().is_some_and(|dat| dat.comes_back());
        let remedy = if comes_back { "" } else { "pulse `reset` to connect anew, or switch `reconnect` on" };
        self.shared.show(reason.clone(), remedy);
        let prefix = if ending.by == ClosedBy::Remote { "" } else { "error: " };
        // A server that says goodbye in order has not failed.
        let failure = ending.by != ClosedBy::Remote || ending.code != CloseCode::NORMAL;
        self.end(&format!("{prefix}{reason}"), News::Closed { failure, reason: &reason });
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let start = self.shared.network.now();
        self.shared.callbacks.batch(&mut || {
            self.shared.text.look(&self.shared.network, &*self.shared.callbacks);
            work();
            self.receive_held();
        });
        self.shared.network.note_cook(self.shared.op, start);
    }
}

impl client::Handler for Link {
    fn handle_progress(&self, progress: &Progress) {
        if self.is_current.get() {
            self.shared.say(&progress.to_string());
        }
    }

    fn handle_accepted(&self, accepted: Accepted) {
        let subprotocol = accepted.subprotocol.map(|name| format!(", subprotocol {name}")).unwrap_or_default();
        let compressed = if accepted.deflate.is_some() { ", compressed" } else { "" };
        *self.agreed.borrow_mut() = subprotocol + compressed;
    }

    fn handle_failure(&self, error: &DialError) {
        if self.is_current.get() {
            if let Some(dat) = self.dat.upgrade() {
                // A row of the input can be corrected without any parameter's change.
                let is_of_input = matches!(error, DialError::Request(error) if error.is_of_header());
                dat.needs_correction.set(error.is_of_settings() && !is_of_input);
            }
            self.fail(&error.to_string(), &error.remedy());
        }
    }

    fn handle_panic(&self, reason: &str) {
        let message = format!("the connection was ended by a panic: {reason}");
        self.shared.network.report(self.shared.op, Problem::error("panic", message, "this is a fault of the program"));
    }
}

/// The end of a connection in words, on one line whatever the server said. Only ends that nobody here has asked for get
/// here: if this end began to close, the server broke the protocol, a limit or its promise to read.
pub(crate) fn reason(ending: &Ending) -> String {
    let code = ending.code.as_u16();
    let mut text = match (ending.by, ending.sent) {
        (ClosedBy::Local, Some(sent)) => format!("the connection had to be closed with code {}", sent.as_u16()),
        (ClosedBy::Local, None) => "the connection had to be closed".to_owned(),
        (ClosedBy::Remote, _) => format!("the server closed the connection with code {code}"),
        (ClosedBy::Nobody, _) => "the connection was lost".to_owned(),
    };
    if !ending.reason.is_empty() {
        text.push_str(": ");
        text.extend(ending.reason.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    text
}
