//! Between the protocol core and what surrounds it: turns, the clock, and the transports of a session.
//!
//! Everything that comes goes through [`Driver::turn`]: the core hears of it, what the core has to say is handed over,
//! and at the end the transports are given what is to be sent. The core is borrowed for one call at a time and never while
//! the handler runs, which may call back in. What such a call causes waits for the turn that it is made in, or for the
//! task [`run`], which also minds the deadlines.

use std::cell::{Cell, Ref, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use patchcord_socketio::engine::{CloseReason, Frame, Output, Refusal, Transport};
use patchcord_socketio::{AlreadyConnected, Client, ClientEvent, ClientSettings};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep_until};

use super::link::{self, Link};
use super::polling::{Answer, Polling};
use super::{ClientStats, Handler, Target};
use crate::catch_panic::catch_panic;
use crate::client::{ConnectionSettings, DialError, WebSocketClient};
use crate::websocket::{CloseCode, Peer};

/// Bytes that wait in a WebSocket's out-buffer above which the core is not asked for more.
const ENOUGH: usize = 256 * 1024;
/// Events handed over in one turn; more wait for the next, so that other connections get theirs.
const EVENTS_PER_TURN: u32 = 1024;
/// WebSockets of ended sessions that may still be closing. Each has a few seconds.
const MOST_CLOSING: usize = 8;

/// What a client, its task and its transports share.
pub(super) struct Driver<H: Handler> {
    handler: Rc<H>,
    client: RefCell<Client>,
    session: RefCell<Option<Session<H>>>,
    /// Closed by this end, but their close frames have not passed.
    closing: RefCell<Vec<WebSocketClient<Link<H>>>>,
    /// The number that the newest session or WebSocket has; none is used twice.
    numbers: Cell<u64>,
    /// The number of the WebSocket that belongs to the session, 0 for none.
    websocket: Cell<u64>,
    /// The handler has been told of the last session's end.
    is_closed: Cell<bool>,
    /// The client is gone: nothing is told any more.
    is_shut: Cell<bool>,
    in_turn: Cell<bool>,
    /// Events that may still be handed over in this turn.
    allowance: Cell<u32>,
    /// The time at which the turn began.
    now: Cell<Instant>,
    /// Until when the task sleeps.
    armed: Cell<Option<Instant>>,
    wake: Notify,
    stats: Cell<ClientStats>,
}

/// The transports of one session.
struct Session<H: Handler> {
    number: u64,
    target: Target,
    websocket: Option<WebSocketClient<Link<H>>>,
    /// The WebSocket when it is open.
    peer: Option<Rc<Peer<()>>>,
    polling: Option<Polling>,
}

impl<H: Handler> Driver<H> {
    pub(super) fn new(handler: Rc<H>, settings: ClientSettings) -> Rc<Self> {
        Rc::new(Driver {
            handler,
            client: RefCell::new(Client::new(settings)),
            session: RefCell::new(None),
            closing: RefCell::default(),
            numbers: Cell::new(0),
            websocket: Cell::new(0),
            is_closed: Cell::new(true),
            is_shut: Cell::new(false),
            in_turn: Cell::new(false),
            allowance: Cell::new(0),
            now: Cell::new(Instant::now()),
            armed: Cell::new(None),
            wake: Notify::new(),
            stats: Cell::default(),
        })
    }

    /// The core, to be looked at.
    pub(super) fn client(&self) -> Ref<'_, Client> {
        self.client.borrow()
    }

    pub(super) fn stats(&self) -> ClientStats {
        self.stats.get()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Bytes that wait to be sent, in the core and in the WebSocket's out-buffer.
    pub(super) fn queued(&self) -> usize {
        let waiting = self.client.borrow().engine().map_or(0, |engine| engine.queued());
        waiting
            + self.session.borrow().as_ref().and_then(|session| session.peer.as_ref()).map_or(0, |peer| peer.queued())
    }

    /// A call of the owner's. What it sends goes into the WebSocket's out-buffer at once; all else that comes of it is left
    /// to the turn that it is made in or to the task.
    #[inline]
    pub(super) fn call<T>(self: &Rc<Self>, work: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let now = Instant::now();
        let result = work(&mut self.client.borrow_mut(), now);
        let is_streaming = self.session.borrow().as_ref().is_some_and(|session| session.peer.is_some());
        if is_streaming
            && self.client.borrow().engine().is_some_and(|engine| engine.transport() == Transport::WebSocket)
        {
            self.pump(now);
        } else {
            self.wake.notify_one();
        }
        self.attend();
        result
    }

    pub(super) fn connect(&self, target: Target) -> Result<(), AlreadyConnected> {
        if !self.is_closed.get() {
            return Err(AlreadyConnected);
        }
        self.client.borrow_mut().connect(Instant::now())?;
        self.is_closed.set(false);
        let session = Session { number: self.number(), target, websocket: None, peer: None, polling: None };
        self.session.replace(Some(session));
        self.wake.notify_one();
        Ok(())
    }

    /// Ends the session with its transports, and none of them in order.
    pub(super) fn abort(self: &Rc<Self>) {
        self.drop_transports();
        self.call(|client, now| client.abort(CloseReason::Client, now));
    }

    pub(super) fn set_connection(&self, settings: ConnectionSettings) {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        session.target.connection = settings;
        if let Some(websocket) = &session.websocket {
            websocket.set_settings(link::settings(settings));
        }
        if let Some(polling) = &session.polling {
            polling.set_message_limit(settings.message);
        }
    }

    /// The client is gone.
    pub(super) fn shut(&self) {
        self.is_shut.set(true);
        self.drop_transports();
        self.closing.take();
    }

    /// Whether that WebSocket is the session's.
    #[inline]
    pub(super) fn is_current(&self, websocket: u64) -> bool {
        self.websocket.get() == websocket
    }

    /// Brackets what one read, answer or timer brings.
    pub(super) fn turn(self: &Rc<Self>, work: &mut dyn FnMut()) {
        let now = Instant::now();
        self.now.set(now);
        self.allowance.set(EVENTS_PER_TURN);
        self.in_turn.set(true);
        let caught = catch_panic(|| {
            self.handler.handle_turn(&mut || {
                work();
                self.deliver();
            });
        });
        self.in_turn.set(false);
        if let Err(reason) = caught {
            self.handle_panic(&reason, now);
        }
        self.pump(now);
        self.attend();
    }

    /// Tells the core something, and hands over what comes of it. Only within a turn.
    #[inline]
    pub(super) fn tell(self: &Rc<Self>, work: impl FnOnce(&mut Client, Instant)) {
        work(&mut self.client.borrow_mut(), self.now.get());
        self.deliver();
    }

    /// Tells the core of a transport that could not be had, and the handler before anything else, if that has ended the
    /// session against its will.
    fn tell_failure(self: &Rc<Self>, error: &DialError, work: impl FnOnce(&mut Client, Instant)) {
        let had_ended = self.has_ended();
        work(&mut self.client.borrow_mut(), self.now.get());
        let is_unwanted = {
            let client = self.client.borrow();
            let reason = client.engine().and_then(|engine| engine.close_reason());
            reason.is_some_and(|reason| *reason != CloseReason::Client)
        };
        if is_unwanted && !had_ended {
            self.handler.handle_failure(error);
        }
        self.deliver();
    }

    /// A message came.
    #[inline]
    pub(super) fn count_in(&self, bytes: usize) {
        let mut stats = self.stats.get();
        stats.messages_in += 1;
        stats.bytes_in += bytes as u64;
        self.stats.set(stats);
    }

    /// The session's WebSocket is open.
    pub(super) fn handle_websocket_open(self: &Rc<Self>, peer: &Rc<Peer<()>>) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.peer = Some(peer.clone());
        }
        self.tell(Client::handle_websocket_open);
    }

    /// The session's WebSocket could not be opened.
    pub(super) fn handle_websocket_failure(self: &Rc<Self>, error: &DialError) {
        drop(self.take_websocket());
        self.turn(&mut || {
            self.tell_failure(error, |client, now| match error {
                DialError::Status(refusal) => {
                    client.handle_websocket_refused(Refusal::parse(refusal.status, &refusal.body), now);
                }
                _ => client.handle_websocket_end(Some(error.to_string()), now),
            });
        });
    }

    /// The session's WebSocket has ended; `error` is `None` when the server ended it. This can come from anywhere, so the
    /// task hands over what follows.
    pub(super) fn handle_websocket_end(&self, error: Option<String>) {
        drop(self.take_websocket());
        self.client.borrow_mut().handle_websocket_end(error, Instant::now());
        self.wake.notify_one();
    }

    /// The first transport of the session is on its way.
    pub(super) fn handle_progress(&self, progress: &crate::client::Progress) {
        let is_opening = self.client.borrow().engine().is_some_and(|engine| engine.handshake().is_none());
        if is_opening {
            self.handler.handle_progress(progress);
        }
    }

    /// A WebSocket of the past is gone.
    pub(super) fn handle_closing_ended(&self) {
        self.wake.notify_one();
    }

    /// Hands over what the core has to say.
    fn deliver(self: &Rc<Self>) {
        while !self.is_shut.get() && self.allowance.get() > 0 {
            let Some(event) = self.client.borrow_mut().poll_event() else { return };
            self.allowance.set(self.allowance.get() - 1);
            if let ClientEvent::Closed(_) = event {
                // Nothing of the session is left when the handler begins the next.
                self.pump(self.now.get());
                self.is_closed.set(true);
            }
            self.handler.handle_event(event);
        }
    }

    /// Does what the core wants done.
    fn pump(self: &Rc<Self>, now: Instant) {
        while !self.is_shut.get() {
            let has_ended = self.has_ended();
            if !has_ended && self.has_enough() {
                return;
            }
            let output = self.client.borrow_mut().poll_output(now);
            match output {
                Some(Output::Frame(frame)) => self.send(&frame),
                Some(Output::OpenWebSocket { target }) => self.open_websocket(&target),
                Some(Output::CloseWebSocket) => self.close_websocket(),
                Some(Output::Get { target }) => self.request(target, None),
                Some(Output::Post { target, body }) => self.request(target, Some(body)),
                // The last output of a session may end it.
                None if has_ended == self.has_ended() => break,
                None => {}
            }
        }
        if self.has_ended() {
            self.drop_transports();
        }
    }

    fn has_ended(&self) -> bool {
        self.client.borrow().engine().is_some_and(|engine| engine.close_reason().is_some())
    }

    /// Whether the WebSocket has enough to write. It then says when that is written.
    fn has_enough(&self) -> bool {
        let session = self.session.borrow();
        let peer = session.as_ref().and_then(|session| session.peer.as_ref());
        let has_enough = peer.filter(|peer| peer.queued() >= ENOUGH);
        has_enough.inspect(|peer| peer.ask_for_drained()).is_some()
    }

    fn send(&self, frame: &Frame) {
        let session = self.session.borrow();
        let Some(peer) = session.as_ref().and_then(|session| session.peer.as_ref()) else { return };
        // One that is refused, because the connection is closing, is as lost as one that is on its way then.
        let size = match frame {
            Frame::Text(text) => {
                peer.send_text(text);
                text.len()
            }
            Frame::Binary(bytes) => {
                peer.send_binary(bytes);
                bytes.len()
            }
        };
        self.count_out(size);
    }

    fn count_out(&self, bytes: usize) {
        let mut stats = self.stats.get();
        stats.messages_out += 1;
        stats.bytes_out += bytes as u64;
        self.stats.set(stats);
    }

    fn open_websocket(self: &Rc<Self>, target: &str) {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        let number = self.number();
        self.websocket.set(number);
        let address = session.target.address.clone().with_target(target);
        let mut dial = session.target.dial.clone();
        if let Some(polling) = &session.polling {
            polling.put_cookies(&mut dial);
        }
        let link = Rc::new(Link::new(self.clone(), number));
        let settings = link::settings(session.target.connection);
        session.websocket = Some(WebSocketClient::connect(link, address, dial, settings));
    }

    /// Closes the WebSocket in order, which takes as long as it takes, or stops opening it.
    fn close_websocket(&self) {
        let Some((websocket, true)) = self.take_websocket() else { return };
        websocket.close(CloseCode::NORMAL, "");
        let mut closing = self.closing.borrow_mut();
        closing.retain(|websocket| !websocket.is_ended());
        if closing.len() == MOST_CLOSING {
            closing.remove(0);
        }
        closing.push(websocket);
    }

    /// The session's WebSocket, which is none of its from now on, and whether it is open.
    fn take_websocket(&self) -> Option<(WebSocketClient<Link<H>>, bool)> {
        self.websocket.set(0);
        let mut session = self.session.borrow_mut();
        let session = session.as_mut()?;
        let is_open = session.peer.take().is_some();
        session.websocket.take().map(|websocket| (websocket, is_open))
    }

    fn request(self: &Rc<Self>, target: String, body: Option<patchcord_socketio::engine::payload::Body>) {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        if let Some(body) = &body {
            self.count_out(body.bytes.len());
        }
        let polling = session.polling.get_or_insert_with(|| Polling::new(&session.target));
        polling.request(self.clone(), session.number, target, body);
    }

    /// A request of that session was answered, or failed.
    pub(super) fn handle_answer(self: &Rc<Self>, session: u64, answer: Answer) {
        if self.session.borrow().as_ref().is_none_or(|current| current.number != session) {
            return;
        }
        self.turn(&mut || match &answer {
            Answer::Get(body) => {
                self.count_in(body.len());
                self.tell(|client, now| client.handle_get(body, now));
            }
            Answer::Post => self.tell(Client::handle_post),
            Answer::Failed(error) => {
                let reason = match error {
                    DialError::Poll(refusal) => CloseReason::Refused(Refusal::parse(refusal.status, &refusal.body)),
                    _ => CloseReason::TransportError(error.to_string()),
                };
                self.tell_failure(error, |client, now| client.handle_request_failed(reason, now));
            }
        });
    }

    /// The session's transports are gone at once.
    fn drop_transports(&self) {
        self.websocket.set(0);
        drop(self.session.take());
    }

    fn handle_panic(self: &Rc<Self>, reason: &str, now: Instant) {
        let again = catch_panic(|| self.handler.handle_panic(reason));
        if let Err(reason) = again {
            tracing::error!(reason, "the handling of a panic panicked");
        }
        self.drop_transports();
        let reason = CloseReason::TransportError("the handling of what came panicked".to_owned());
        self.client.borrow_mut().abort(reason, now);
    }

    /// Has the task look after what it sleeps through.
    fn attend(&self) {
        if self.in_turn.get() {
            return;
        }
        let client = self.client.borrow();
        let is_earlier = match (client.poll_timeout(), self.armed.get()) {
            (Some(deadline), Some(armed)) => deadline < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_earlier || client.has_events() {
            self.wake.notify_one();
        }
    }

    /// The task's part: events that calls of the owner have left, deadlines, what is to be sent.
    fn handle_time(self: &Rc<Self>) {
        self.closing.borrow_mut().retain(|websocket| !websocket.is_ended());
        let now = Instant::now();
        let (is_due, has_events) = {
            let client = self.client.borrow();
            (client.poll_timeout().is_some_and(|deadline| deadline <= now), client.has_events())
        };
        if is_due || has_events {
            self.turn(&mut || self.client.borrow_mut().handle_timeout(now));
        } else {
            self.pump(now);
        }
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }
}

/// The client's own task.
pub(super) async fn run<H: Handler>(driver: Rc<Driver<H>>) {
    let mut sleep: std::pin::Pin<&mut Sleep> = pin!(sleep_until(Instant::now().into()));
    loop {
        driver.handle_time();
        let (deadline, has_events) = (driver.client.borrow().poll_timeout(), driver.client.borrow().has_events());
        if has_events {
            tokio::task::yield_now().await;
            continue;
        }
        driver.armed.set(deadline);
        if let Some(deadline) = deadline {
            sleep.as_mut().reset(deadline.into());
        }
        tokio::select! {
            () = driver.wake.notified() => {}
            () = sleep.as_mut(), if deadline.is_some() => {}
        }
    }
}
