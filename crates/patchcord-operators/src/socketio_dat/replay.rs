//! A recording in the place of a server: what came then comes again, and what is emitted goes nowhere.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use patchcord_net::socketio::Handler;
use patchcord_socketio::engine::{CloseReason, Data, EngineError, Version};
use patchcord_socketio::{ClientEvent, Content, Decoder, DisconnectReason, Namespace, Packet, Parser, Refused, Value};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::declaration::SOCKETIO_DAT;
use super::link::{Asker, Link, PlaceState};
use super::recorded::{LIMITS, RECOVERED};
use crate::recording::{self, Content as Kind, Entry, Played, REPLAY, Recorded, ReplayError};

/// How a session ends of which the recording does not say the end.
const BROKEN_OFF: &str = "transport close";

/// A recording that is played. Dropping it stops it.
pub(super) struct Replay {
    state: Rc<State>,
    task: AbortHandle,
}

struct State {
    link: Rc<Link>,
    /// Those of the parameter; the recording may have others.
    namespaces: Vec<Namespace>,
    decoder: RefCell<Decoder>,
    /// The recording is in a session.
    is_open: Cell<bool>,
    ended: Cell<bool>,
}

impl Replay {
    /// Plays a recording to a link, which hears nothing before this has returned.
    pub(super) fn start(
        link: Rc<Link>,
        file: PathBuf,
        speed: watch::Receiver<f64>,
        namespaces: Vec<Namespace>,
    ) -> Self {
        let state = Rc::new(State {
            link,
            namespaces,
            decoder: RefCell::new(new_decoder()),
            is_open: Cell::new(false),
            ended: Cell::new(false),
        });
        let hurt = state.clone();
        let task = recording::spawn(state.clone().run(file, speed), move |reason| {
            hurt.link.handle_panic(&reason);
            hurt.ended.set(true);
        });
        Replay { state, task }
    }

    /// Whether it has come to its end, or was stopped.
    pub(super) fn is_ended(&self) -> bool {
        self.state.ended.get()
    }

    /// Stops it.
    pub(super) fn close(&self) {
        self.state.ended.set(true);
        self.task.abort();
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads the packets of a recording; limits are those of its lines.
fn new_decoder() -> Decoder {
    Decoder::new(Version::V4, Parser::Json, LIMITS)
}

impl State {
    async fn run(self: Rc<Self>, file: PathBuf, speed: watch::Receiver<f64>) {
        let shared = &self.link.shared;
        shared.network.clear_problem(shared.op, REPLAY);
        let play = |recorded| self.play(&recorded);
        let ended =
            recording::play_file(file, SOCKETIO_DAT.name, speed, |text| shared.say(text.to_owned()), play).await;
        self.end(ended);
    }

    fn play(&self, recorded: &Recorded) {
        // A callback may have stopped it; the rest of the batch is not wanted then.
        if self.ended.get() {
            return;
        }
        self.link.handle_turn(&mut || self.hand_over(&recorded.entry));
    }

    fn hand_over(&self, entry: &Entry<'_>) {
        match &entry.content {
            Kind::Open { .. } => {
                self.break_off();
                self.link.begin(&self.namespaces, &[]);
                self.is_open.set(true);
                self.link.handle_event(ClientEvent::Open);
            }
            Kind::Failed { reason } => {
                self.break_off();
                self.link.fail(reason, "this is what the recording says");
            }
            Kind::Close { reason, .. } => match entry.peer.as_deref().map(Namespace::new) {
                Some(Ok(namespace)) => self.leave(namespace),
                _ => self.lose(reason),
            },
            Kind::Text(text) => {
                // What the packet before still waits for is missing.
                self.decoder.replace(new_decoder());
                self.read(Data::Text(text.as_ref().into()), entry);
            }
            Kind::Binary(bytes) => self.read(Data::Binary(bytes.to_vec().into()), entry),
            Kind::Lost(_) => {
                self.decoder.replace(new_decoder());
            }
            _ => {}
        }
    }

    fn read(&self, data: Data<'_>, entry: &Entry<'_>) {
        let read = self.decoder.borrow_mut().handle_message(data);
        match read {
            Ok(None) => {}
            Ok(Some(packet)) => self.play_packet(packet, entry),
            Err(error) => {
                self.decoder.replace(new_decoder());
                self.link.shared.say(format!("a message of the recording was left out: {error}"));
            }
        }
    }

    fn play_packet(&self, packet: Packet, entry: &Entry<'_>) {
        let Packet { namespace, content } = packet;
        let link = &self.link;
        let event = match content {
            Content::Connect(answer) => {
                let field = |name| answer.as_ref().and_then(|answer| answer.field(name));
                let sid = field("sid").and_then(Value::as_text).unwrap_or_default().to_owned();
                let recovered = field(RECOVERED) == Some(&Value::Bool(true));
                ClientEvent::Connected { namespace, sid, recovered }
            }
            Content::Disconnect => return self.disconnect(namespace, DisconnectReason::Server),
            Content::Event(event) => {
                let asker = event.id.map(Asker::Recording);
                return link.receive(&namespace, &event.name, &event.args, entry.offset.as_deref(), asker);
            }
            Content::Ack { args, .. } => {
                let event = entry.event.as_deref().unwrap_or_default();
                return link.acks.answer_in_replay(&link.shared, &namespace, event, &args);
            }
            Content::ConnectError(data) if self.connected().contains(&namespace) => {
                ClientEvent::ServerError { namespace, data }
            }
            Content::ConnectError(data) => ClientEvent::Refused { namespace, reason: refused(&data) },
        };
        link.handle_event(event);
    }

    /// The session ends, or is not heard of any more.
    fn lose(&self, reason: &str) {
        self.decoder.replace(new_decoder());
        if !self.is_open.replace(false) {
            return;
        }
        let reason = reason_named(reason);
        for namespace in self.connected() {
            self.disconnect(namespace, reason.clone());
        }
        self.link.handle_event(ClientEvent::Closed(reason));
    }

    /// Another session begins, or why there was none stands next. One in which no namespace was connected has nothing to
    /// tell, such as that which has shown that the server speaks another version.
    fn break_off(&self) {
        if self.connected().is_empty() {
            self.is_open.set(false);
        }
        self.lose(BROKEN_OFF);
    }

    fn disconnect(&self, namespace: Namespace, reason: DisconnectReason) {
        self.link.handle_event(ClientEvent::Disconnected { namespace: namespace.clone(), reason });
        self.link.acks.fail_in_replay(&self.link.shared, &namespace);
    }

    /// This end has left a namespace.
    fn leave(&self, namespace: Namespace) {
        self.link.leave_place(&namespace);
        self.link.acks.fail_in_replay(&self.link.shared, &namespace);
    }

    fn connected(&self) -> Vec<Namespace> {
        let places = self.link.places.borrow();
        let connected = places.iter().filter(|place| matches!(place.state, PlaceState::Connected { .. }));
        connected.map(|place| place.namespace.clone()).collect()
    }

    fn end(&self, played: Result<Played, ReplayError>) {
        if self.ended.replace(true) {
            return;
        }
        let shared = &self.link.shared;
        shared.say(recording::report_end(&shared.network, shared.op, &played));
        self.lose("io client disconnect");
    }
}

/// The reason that Socket.IO calls so.
fn reason_named(name: &str) -> DisconnectReason {
    DisconnectReason::Engine(match name {
        "io server disconnect" => return DisconnectReason::Server,
        "io client disconnect" => CloseReason::Client,
        "ping timeout" => CloseReason::PingTimeout,
        "transport error" => CloseReason::TransportError("as it was recorded".to_owned()),
        "parse error" => CloseReason::Engine(EngineError::NotOpened),
        _ => CloseReason::TransportClose,
    })
}

fn refused(data: &Value) -> Refused {
    let message = data.field("message").and_then(Value::as_text).unwrap_or_default().to_owned();
    Refused::Server { message, data: data.field("data").cloned().unwrap_or_default() }
}
