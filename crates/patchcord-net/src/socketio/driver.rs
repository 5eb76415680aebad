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

use patchcord_socketio::engine::{CloseReason, Output, Transport};
use patchcord_socketio::{AlreadyConnected, Client, ClientEvent, ClientSettings};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep_until};

use super::link::Link;
use super::transports::{Draining, Session};
use super::{ClientStats, Handler, Target};
use crate::catch_panic::catch_panic;
use crate::client::{DialError, WebSocketClient};

/// Events handed over in one turn; more wait for the next, so that other connections get theirs.
const EVENTS_PER_TURN: u32 = 1024;

/// What a client, its task and its transports share.
pub(super) struct Driver<H: Handler> {
    pub(super) handler: Rc<H>,
    pub(super) client: RefCell<Client>,
    pub(super) session: RefCell<Option<Session<H>>>,
    /// The WebSocket of a session that this end has closed, while it has something to write; the session's end is told
    /// when that is done.
    pub(super) draining: RefCell<Option<Draining<H>>>,
    /// The end that is to be told then.
    held: RefCell<Option<ClientEvent>>,
    /// Closed by this end, but their close frames have not passed.
    pub(super) closing: RefCell<Vec<WebSocketClient<Link<H>>>>,
    /// The number that the newest session or WebSocket has; none is used twice.
    numbers: Cell<u64>,
    /// The number of the WebSocket that belongs to the session, 0 for none.
    pub(super) websocket: Cell<u64>,
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
    pub(super) wake: Notify,
    stats: Cell<ClientStats>,
}

impl<H: Handler> Driver<H> {
    pub(super) fn new(handler: Rc<H>, settings: ClientSettings) -> Rc<Self> {
        Rc::new(Driver {
            handler,
            client: RefCell::new(Client::new(settings)),
            session: RefCell::new(None),
            draining: RefCell::new(None),
            held: RefCell::new(None),
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
        let written = self.session.borrow().as_ref().and_then(Session::peer).map_or(0, |peer| peer.queued());
        let draining = self.draining.borrow().as_ref().map_or(0, Draining::queued);
        waiting + written + draining
    }

    /// A call of the owner's. What it sends goes into the WebSocket's out-buffer at once; all else that comes of it is left
    /// to the turn that it is made in or to the task.
    #[inline]
    pub(super) fn call<T>(self: &Rc<Self>, work: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let now = Instant::now();
        let result = work(&mut self.client.borrow_mut(), now);
        let is_streaming = self.session.borrow().as_ref().is_some_and(|session| session.peer().is_some());
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
        let session = Session::new(self.number(), target);
        self.session.replace(Some(session));
        self.wake.notify_one();
        Ok(())
    }

    /// Ends the session with its transports, and none of them in order.
    pub(super) fn abort(self: &Rc<Self>) {
        self.drop_transports();
        drop(self.draining.take());
        self.call(|client, now| client.abort(CloseReason::Client, now));
    }

    /// The client is gone.
    pub(super) fn shut(&self) {
        self.is_shut.set(true);
        self.drop_transports();
        self.draining.take();
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
    pub(super) fn tell_failure(self: &Rc<Self>, error: &DialError, work: impl FnOnce(&mut Client, Instant)) {
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

    /// A message goes out.
    pub(super) fn count_out(&self, bytes: usize) {
        let mut stats = self.stats.get();
        stats.messages_out += 1;
        stats.bytes_out += bytes as u64;
        self.stats.set(stats);
    }

    /// Hands over what the core has to say.
    fn deliver(self: &Rc<Self>) {
        if self.held.borrow().is_some() {
            if self.draining.borrow().is_some() {
                return;
            }
            if let Some(closed) = self.held.take() {
                self.hand_over(closed);
            }
        }
        while !self.is_shut.get() && self.allowance.get() > 0 {
            let Some(event) = self.client.borrow_mut().poll_event() else { return };
            if let ClientEvent::Closed(_) = event {
                // Nothing of the session is left when the handler begins the next.
                self.pump(self.now.get());
                if self.draining.borrow().is_some() {
                    self.held.replace(Some(event));
                    return;
                }
            }
            self.hand_over(event);
        }
    }

    #[inline]
    fn hand_over(&self, event: ClientEvent) {
        if let ClientEvent::Closed(_) = event {
            self.is_closed.set(true);
        }
        self.allowance.set(self.allowance.get().saturating_sub(1));
        self.handler.handle_event(event);
    }

    /// Does what the core wants done.
    fn pump(self: &Rc<Self>, now: Instant) {
        self.poll_postponed();
        while !self.is_shut.get() {
            let has_ended = self.has_ended();
            if !has_ended && self.has_enough() {
                return;
            }
            let output = self.client.borrow_mut().poll_output(now);
            match output {
                Some(Output::Frame(frame)) => self.send(&frame),
                Some(Output::OpenWebSocket { target }) => self.open_websocket(&target),
                Some(Output::CloseWebSocket) => self.close_websocket(now),
                Some(Output::Get { target }) => self.poll(target),
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

    pub(super) fn has_ended(&self) -> bool {
        self.client.borrow().engine().is_some_and(|engine| engine.close_reason().is_some())
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
        let is_earlier = match (self.deadline(), self.armed.get()) {
            (Some(deadline), Some(armed)) => deadline < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_earlier || self.has_events() {
            self.wake.notify_one();
        }
    }

    /// When the task has to do something.
    fn deadline(&self) -> Option<Instant> {
        let draining = self.draining.borrow().as_ref().and_then(|draining| draining.deadline);
        self.client.borrow().poll_timeout().into_iter().chain(draining).min()
    }

    /// Whether there is something to be handed over.
    fn has_events(&self) -> bool {
        match *self.held.borrow() {
            Some(_) => self.draining.borrow().is_none(),
            None => self.client.borrow().has_events(),
        }
    }

    /// The task's part: events that calls of the owner have left, deadlines, what is to be sent.
    fn handle_time(self: &Rc<Self>) {
        self.closing.borrow_mut().retain(|websocket| !websocket.is_ended());
        let now = Instant::now();
        self.drain(now);
        if self.has_events() || self.deadline().is_some_and(|deadline| deadline <= now) {
            self.turn(&mut || self.handle_timeout(now));
        } else {
            self.pump(now);
        }
    }

    fn handle_timeout(&self, now: Instant) {
        self.client.borrow_mut().handle_timeout(now);
        let limit = {
            let client = self.client.borrow();
            let is_late = client.engine().and_then(|engine| engine.close_reason()) == Some(&CloseReason::OpenTimeout);
            is_late.then(|| client.settings().engine.open_timeout)
        };
        // Waiting for the open packet of a server that is there is another matter.
        let reached = || self.session.borrow().as_ref().and_then(Session::reached).cloned();
        if let Some(limit) = limit
            && let Some(reached) = reached()
        {
            self.handler.handle_failure(&DialError::TimedOut { reached, limit });
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }
}

/// The client's own task.
pub(super) async fn run<H: Handler>(driver: Rc<Driver<H>>) {
    let mut sleep: std::pin::Pin<&mut Sleep> = pin!(sleep_until(Instant::now().into()));
    loop {
        driver.handle_time();
        if driver.has_events() {
            tokio::task::yield_now().await;
            continue;
        }
        let deadline = driver.deadline();
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
