//! One client of the operator: turns what it reports into rows, callbacks and lines of the textport.
//!
//! A link that the operator has let go of (because it connects anew, or was switched off) is silent from then on: its
//! end has been told already, and a late event of it must not be taken for one of its successor.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use patchcord_core::problem::Problem;
use patchcord_core::value::{OwnedValue, Value as HostValue};
use patchcord_net::client::{DialError, Progress};
use patchcord_net::socketio::Handler;
use patchcord_socketio::engine::{CloseReason, Refusal, Transport, Version};
use patchcord_socketio::{AckToken, ClientEvent, Content, DisconnectReason, Namespace, Refused, Value};

use super::acks::Acks;
use super::convert::{NotSendable, from_host, json, with_message, with_row};
use super::declaration::callback;
use super::reason::{Failure, one_line, refused_remedy, remedy};
use super::recorded::{note_answer, note_close, note_connected, note_event, note_left, note_packet};
use super::shared::Shared;
use super::{SocketIoDat, emit};
use crate::recording::{Content as Recorded, Direction, Entry};

/// How long a namespace has to be connected to count, when no event comes: a server that accepts and closes at once is
/// not to be dialled at the shortest delay for ever.
const STEADY: Duration = Duration::from_secs(10);
/// What Socket.IO calls an end that this side wanted.
const BY_CLIENT: &str = "io client disconnect";

/// A namespace, and how it stands with the server.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub namespace: Namespace,
    pub state: PlaceState,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PlaceState {
    Connecting,
    Connected {
        since: Instant,
    },
    /// The server does not want this client there, for this reason.
    Refused(String),
    Closed,
}

/// Who wants an answer to an event.
pub(super) enum Asker {
    Server(AckToken),
    /// The server of a recording, under this number; it hears nothing.
    Recording(u64),
}

impl Asker {
    fn id(&self) -> u64 {
        match self {
            Asker::Server(token) => token.id(),
            Asker::Recording(id) => *id,
        }
    }
}

/// Hears of one client.
pub(super) struct Link {
    pub shared: Rc<Shared>,
    pub dat: Weak<SocketIoDat>,
    /// The operator still takes this link for its own.
    pub is_current: Cell<bool>,
    pub places: RefCell<Vec<Place>>,
    pub acks: Acks,
    /// Why the session's transport could not be had.
    failure: RefCell<Option<Failure>>,
    /// The session was open.
    is_open: Cell<bool>,
    /// The server has let this client into a namespace of the session, or has said that it does not.
    is_answered: Cell<bool>,
    /// It was more than a door that opens and shuts.
    is_steady: Cell<bool>,
}

impl Link {
    pub(super) fn new(shared: &Rc<Shared>, dat: &Weak<SocketIoDat>) -> Rc<Self> {
        Rc::new(Link {
            shared: shared.clone(),
            dat: dat.clone(),
            is_current: Cell::new(true),
            places: RefCell::default(),
            acks: Acks::default(),
            failure: RefCell::default(),
            is_open: Cell::new(false),
            is_answered: Cell::new(false),
            is_steady: Cell::new(false),
        })
    }

    /// A session is about to begin, in these namespaces; those that the server does not want this client in stay as they
    /// are, if they are among `wanted`.
    pub(super) fn begin(&self, wanted: &[Namespace], refused: &[Namespace]) {
        self.failure.take();
        self.is_open.set(false);
        self.is_answered.set(false);
        self.is_steady.set(false);
        let before = self.places.take();
        let stays = |place: &&Place| refused.contains(&place.namespace);
        let places = wanted.iter().map(|namespace| {
            let known = before.iter().filter(stays).find(|place| place.namespace == *namespace);
            known.cloned().unwrap_or_else(|| Place { namespace: namespace.clone(), state: PlaceState::Connecting })
        });
        *self.places.borrow_mut() = places.collect();
    }

    /// Brings the namespaces into this order; the first is where events go that name none.
    pub(super) fn order(&self, wanted: &[Namespace]) {
        let position = |place: &Place| wanted.iter().position(|namespace| *namespace == place.namespace);
        self.places.borrow_mut().sort_by_key(|place| position(place).unwrap_or(usize::MAX));
    }

    /// Namespaces that did not answer in a session that is open.
    pub(super) fn silent(&self) -> Vec<Namespace> {
        let places = self.places.borrow();
        let silent = places.iter().filter(|place| place.state == PlaceState::Closed);
        silent.map(|place| place.namespace.clone()).collect()
    }

    /// Namespaces that the server has refused or put this client out of.
    pub(super) fn refused(&self) -> Vec<Namespace> {
        let places = self.places.borrow();
        let refused = places.iter().filter(|place| matches!(place.state, PlaceState::Refused(_)));
        refused.map(|place| place.namespace.clone()).collect()
    }

    /// Whether this is a namespace to be in.
    pub(super) fn is_in(&self, namespace: &Namespace) -> bool {
        self.places.borrow().iter().any(|place| place.namespace == *namespace)
    }

    pub(super) fn connected(&self) -> usize {
        self.places.borrow().iter().filter(|place| matches!(place.state, PlaceState::Connected { .. })).count()
    }

    /// Sets how a namespace stands, one that was not there before too.
    pub(super) fn set_place(&self, namespace: &Namespace, state: PlaceState) {
        if self.change_place(namespace, state.clone()).is_none() {
            self.places.borrow_mut().push(Place { namespace: namespace.clone(), state });
        }
    }

    /// Sets how a namespace stands; the result is how it stood before, `None` when the operator has left it.
    fn change_place(&self, namespace: &Namespace, state: PlaceState) -> Option<PlaceState> {
        let mut places = self.places.borrow_mut();
        let place = places.iter_mut().find(|place| place.namespace == *namespace)?;
        Some(std::mem::replace(&mut place.state, state))
    }

    /// Forgets a namespace that the operator leaves.
    pub(super) fn leave_place(&self, namespace: &Namespace) {
        let place = {
            let mut places = self.places.borrow_mut();
            let at = places.iter().position(|place| place.namespace == *namespace);
            at.map(|at| places.remove(at))
        };
        if place.is_some_and(|place| matches!(place.state, PlaceState::Connected { .. })) {
            note_left(&self.shared.tap, namespace, BY_CLIENT);
            self.shared.say(format!("left {namespace}"));
            self.shared.tell_close(namespace, false, BY_CLIENT);
        }
    }

    /// The operator lets go of this link: says the end of everything that is there.
    pub(super) fn let_go(&self) {
        self.is_current.set(false);
        if self.is_open.replace(false) {
            note_close(&self.shared.tap, Direction::Out, BY_CLIENT);
        }
        for place in self.places.take() {
            if matches!(place.state, PlaceState::Connected { .. }) {
                self.shared.tell_close(&place.namespace, false, BY_CLIENT);
            }
        }
        self.acks.fail_all(&self.shared);
    }

    /// No session could be had.
    pub(super) fn fail(&self, reason: &str, remedy: &str) {
        self.shared.tap.note(|| Entry::new(Direction::In, Recorded::Failed { reason: reason.into() }));
        self.shared.warn("connection", reason, remedy);
        self.shared.say(format!("connection failed: {reason}"));
        self.shared.tell_error("", reason, &Value::Null);
        self.go_on(|dat| dat.plan_reconnect());
    }

    /// Does what follows, unless a callback has let go of this link.
    fn go_on(&self, next: impl FnOnce(&SocketIoDat)) {
        if let Some(dat) = self.dat.upgrade().filter(|_| self.is_current.get()) {
            next(&dat);
        }
    }

    fn handle_open(&self) {
        let shared = &self.shared;
        self.is_open.set(true);
        shared.opened.set(shared.opened.get() + 1);
        shared.tap.note(|| Entry::new(Direction::Out, Recorded::open()));
        let how = self.dat.upgrade().and_then(|dat| dat.session_in_words()).unwrap_or_default();
        shared.say(format!("session open{how}"));
    }

    fn handle_connected(&self, namespace: &Namespace, sid: &str, recovered: bool) {
        let shared = &self.shared;
        self.is_answered.set(true);
        self.set_place(namespace, PlaceState::Connected { since: Instant::now() });
        shared.recovered.set(recovered);
        shared.network.clear_problem(shared.op, "connection");
        if self.refused().is_empty() {
            shared.network.clear_problem(shared.op, "namespace");
        }
        for cause in ["send", "answer"] {
            shared.network.clear_problem(shared.op, cause);
        }
        note_connected(&shared.tap, namespace, sid, recovered);
        let restored = if recovered { ", and the server has restored the session" } else { "" };
        shared.say(format!("connected {namespace}{restored}"));
        shared.tell_open(namespace, recovered);
    }

    fn handle_refused(&self, namespace: &Namespace, reason: &Refused) {
        let shared = &self.shared;
        self.is_answered.set(true);
        let (message, data) = match reason {
            Refused::Server { message, data } => (message.clone(), data.clone()),
            other => (other.to_string(), Value::Null),
        };
        let is_silent = *reason == Refused::TimedOut;
        self.set_place(namespace, if is_silent { PlaceState::Closed } else { PlaceState::Refused(one_line(&message)) });
        note_packet(&shared.tap, namespace, || {
            let fields = vec![("message".to_owned(), message.as_str().into()), ("data".to_owned(), data.clone())];
            Content::ConnectError(Value::Object(fields))
        });
        let text = format!("refused {namespace}: {}", one_line(&message));
        shared.warn("namespace", &text, refused_remedy(reason));
        shared.say(text);
        shared.tell_error(namespace.as_str(), &message, &data);
        // A server that does not answer has not said no.
        self.go_on(|dat| if is_silent { dat.plan_reconnect() } else { dat.plan_rejoin() });
    }

    fn handle_disconnected(&self, namespace: &Namespace, reason: &DisconnectReason) {
        let shared = &self.shared;
        let is_kick = *reason == DisconnectReason::Server;
        let state = if is_kick { PlaceState::Refused(reason.to_string()) } else { PlaceState::Closed };
        let Some(PlaceState::Connected { since }) = self.change_place(namespace, state) else { return };
        if since.elapsed() >= STEADY {
            self.is_steady.set(true);
        }
        if is_kick {
            note_packet(&shared.tap, namespace, || Content::Disconnect);
            let text = format!("the server has put this client out of {namespace}");
            shared.warn("namespace", &text, remedy(reason));
        }
        shared.say(format!("disconnected {namespace}: {}", reason.name()));
        shared.tell_close(namespace, reason.name() != BY_CLIENT, reason.name());
        if is_kick {
            self.note_steadiness();
            self.go_on(SocketIoDat::plan_rejoin);
        }
    }

    /// Says that the session was more than a door that opens and shuts, if it was: before the next attempt is planned.
    fn note_steadiness(&self) {
        if self.is_steady.get() {
            self.go_on(SocketIoDat::note_steady);
        }
    }

    fn handle_closed(&self, reason: &DisconnectReason) {
        let shared = &self.shared;
        let failure = self.failure.take();
        let was_open = self.is_open.replace(false);
        self.note_steadiness();
        if speaks_version_3(reason) && self.dat.upgrade().is_some_and(|dat| dat.falls_back()) {
            shared.say("the server speaks Engine.IO 3 alone; connecting again with that");
            if was_open {
                // The session that showed it does not count.
                shared.opened.set(shared.opened.get() - 1);
            }
            return self.go_on(SocketIoDat::connect);
        }
        let refusal = match reason {
            DisconnectReason::Engine(CloseReason::Refused(refusal)) => !matches!(refusal, Refusal::Status(_)),
            _ => false,
        };
        let failure = failure.filter(|_| !refusal).unwrap_or_else(|| Failure::of_end(reason));
        // A session whose server does not speak this version was none.
        if was_open && *reason != DisconnectReason::OldServer {
            let name = reason.name();
            if reason.reconnects() && !self.is_answered.get() {
                // No namespace was there to be closed, so nobody has been told anything yet.
                shared.last_reason.replace(name.to_owned());
                return self.fail(&failure.message, &failure.remedy);
            }
            note_close(&shared.tap, Direction::In, name);
            if !reason.reconnects() {
                // The last namespace is gone, which has been told; the operator rests, or comes back for it.
                shared.say("session closed");
                return self.go_on(SocketIoDat::plan_rejoin);
            }
            shared.warn("connection", &failure.message, &failure.remedy);
            shared.say(format!("connection lost: {}", failure.message));
            return self.go_on(|dat| dat.plan_reconnect());
        }
        self.fail(&failure.message, &failure.remedy);
    }

    /// Hands an event on.
    #[inline]
    pub(super) fn receive(
        &self,
        namespace: &Namespace,
        name: &str,
        args: &[Value],
        offset: Option<&str>,
        ack: Option<Asker>,
    ) {
        let shared = &*self.shared;
        shared.events_in.set(shared.events_in.get() + 1);
        if shared.tap.is_on() {
            let id = ack.as_ref().map(Asker::id);
            note_event(&shared.tap, Direction::In, namespace, (name, args.to_vec(), id), offset);
        }
        shared.tell_event(namespace.as_str(), name, args);
        let options = shared.options.get();
        if !options.all_events && !shared.wanted.contains(&shared.network, shared.op, name) {
            return;
        }
        self.is_steady.set(true);
        let place = namespace.as_str();
        let row = with_row(args, name, place, |row| options.received.append(&shared.network, shared.op, row));
        let is_heard = shared.event.is_there(&shared.network, &*shared.callbacks);
        if !is_heard && ack.is_none() {
            return;
        }
        with_message(args, |message| {
            let arguments = [
                HostValue::Op(shared.op),
                HostValue::Int(row as i64),
                message,
                HostValue::Str(name),
                HostValue::Str(place),
                offset.map_or(HostValue::None, HostValue::Str),
            ];
            shared.network.turn(|network| match ack {
                None => shared.callbacks.tell(network, callback::RECEIVE_EVENT, &arguments),
                Some(asker) => {
                    let returned = shared.callbacks.call(network, callback::RECEIVE_EVENT, &arguments);
                    // What was raised has been reported, and is no answer.
                    if let Ok(returned) = returned {
                        self.answer(asker, returned, namespace, name);
                    }
                }
            });
        });
    }

    /// Answers an event that asks for it with what the callback returned.
    fn answer(&self, asker: Asker, returned: OwnedValue, namespace: &Namespace, event: &str) {
        let shared = &self.shared;
        let args = match returned {
            OwnedValue::None if shared.options.get().answer => Vec::new(),
            OwnedValue::None => return,
            OwnedValue::List(items) => items,
            one => vec![one],
        };
        let args: Result<Vec<Value>, NotSendable> = args.into_iter().map(from_host).collect();
        // Without the operator there is nobody to answer for.
        let Some(dat) = self.dat.upgrade().filter(|_| self.is_current.get()) else { return };
        let failed = match args {
            Err(error) => Some((error.to_string(), "see what onReceiveEvent returns")),
            Ok(args) => {
                let noted = shared.tap.is_on().then(|| args.clone());
                let id = asker.id();
                let answered = match asker {
                    Asker::Server(token) => dat.acknowledge(token, args),
                    Asker::Recording(_) => Ok(()),
                };
                if let (Ok(()), Some(args)) = (&answered, noted) {
                    note_answer(&shared.tap, Direction::Out, namespace, (event, id), args);
                }
                answered.err().map(|error| (error.to_string(), emit::remedy(&error)))
            }
        };
        match failed {
            None => shared.network.clear_problem(shared.op, "answer"),
            Some((why, remedy)) => {
                shared.warn("answer", &format!("{} was not answered: {why}", one_line(event)), remedy);
            }
        }
    }

    /// Notes what is open already, for a recording that begins now.
    pub(super) fn note_standing(&self, sid: impl Fn(&Namespace) -> Option<String>) {
        let shared = &self.shared;
        if !self.is_open.get() || !shared.tap.is_on() {
            return;
        }
        shared.tap.note(|| Entry::new(Direction::Out, Recorded::open()));
        for place in self.places.borrow().iter() {
            if matches!(place.state, PlaceState::Connected { .. }) {
                note_connected(&shared.tap, &place.namespace, &sid(&place.namespace).unwrap_or_default(), false);
            }
        }
    }
}

impl Handler for Link {
    fn handle_progress(&self, progress: &Progress) {
        if self.is_current.get() {
            self.shared.say(progress.to_string());
        }
    }

    fn handle_failure(&self, error: &DialError) {
        self.failure.replace(Some(Failure::of_dial(error)));
    }

    #[inline]
    fn handle_event(&self, event: ClientEvent) {
        if !self.is_current.get() {
            return;
        }
        let shared = &self.shared;
        match event {
            ClientEvent::Event { namespace, name, args, offset, ack } => {
                self.receive(&namespace, &name, &args, offset.as_deref(), ack.map(Asker::Server));
            }
            ClientEvent::Acknowledged { namespace, request, args } => {
                if let Some(asked) = self.acks.asked(request).filter(|_| shared.tap.is_on()) {
                    note_answer(&shared.tap, Direction::In, &namespace, (&asked.1, asked.0), args.clone());
                }
                self.acks.answer(shared, request, &args);
            }
            ClientEvent::AckFailed { request, reason, .. } => self.acks.fail(shared, request, reason),
            ClientEvent::Open => self.handle_open(),
            ClientEvent::Connected { namespace, sid, recovered } => {
                self.handle_connected(&namespace, &sid, recovered);
            }
            ClientEvent::Refused { namespace, reason } => self.handle_refused(&namespace, &reason),
            ClientEvent::ServerError { namespace, data } => {
                let message = data.as_text().map(str::to_owned);
                let message = message.unwrap_or_else(|| json(&data));
                note_packet(&shared.tap, &namespace, || Content::ConnectError(data.clone()));
                shared.say(format!("error {namespace}: {}", one_line(&message)));
                shared.tell_error(namespace.as_str(), &message, &data);
            }
            ClientEvent::Disconnected { namespace, reason } => self.handle_disconnected(&namespace, &reason),
            ClientEvent::TransportChanged(transport) => {
                shared.say(format!("session has gone over to {}", in_words(transport)));
            }
            ClientEvent::ProbeFailed(reason) => {
                shared.say(format!("session stays on HTTP long-polling: {}", one_line(&reason)));
            }
            ClientEvent::Closed(reason) => self.handle_closed(&reason),
            ClientEvent::Ping | ClientEvent::Ignored { .. } => {}
        }
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let shared = &self.shared;
        let start = shared.network.now();
        shared.callbacks.batch(&mut || {
            if !shared.options.get().all_events {
                shared.wanted.cook(&shared.network, shared.op);
            }
            shared.event.look(&shared.network, &*shared.callbacks);
            work();
        });
        shared.network.note_cook(shared.op, start);
    }

    fn handle_panic(&self, reason: &str) {
        let message = format!("the connection was ended by a panic: {reason}");
        self.shared.network.report(self.shared.op, Problem::error("panic", message, "this is a fault of the program"));
    }
}

/// Whether a server has shown that it speaks version 3 and not the 4 that it was asked for.
fn speaks_version_3(reason: &DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::OldServer | DisconnectReason::Engine(CloseReason::Refused(Refusal::UnsupportedVersion))
    )
}

/// A transport as people call it.
pub(super) fn in_words(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "WebSocket",
        Transport::Polling => "HTTP long-polling",
    }
}

/// A version as people call it.
pub(super) fn version_in_words(version: Version) -> &'static str {
    match version {
        Version::V3 => "Engine.IO 3",
        Version::V4 => "Engine.IO 4",
    }
}
