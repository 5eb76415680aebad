//! The transports of a session: the driver does with them what the core wants done, and tells it what came of it.

use std::rc::Rc;
use std::time::Instant;

use patchcord_socketio::Client;
use patchcord_socketio::engine::payload::Body;
use patchcord_socketio::engine::{CloseReason, Frame, Refusal, Transport};

use super::driver::Driver;
use super::link::{self, Link};
use super::polling::{Answer, Polling};
use super::{Handler, Target};
use crate::client::{ConnectionSettings, DialError, Progress, WebSocketClient};
use crate::websocket::connection::ENDED;
use crate::websocket::{CloseCode, ClosedBy, Ending, Peer};

/// Bytes that wait in a WebSocket's out-buffer above which the core is not asked for more.
const ENOUGH: usize = 256 * 1024;
/// WebSockets of ended sessions that may still be closing. Each has a few seconds.
const MOST_CLOSING: usize = 8;

/// The transports of one session.
pub(super) struct Session<H: Handler> {
    number: u64,
    target: Target,
    websocket: Option<WebSocket<H>>,
    polling: Option<Polling>,
    /// The next GET, which waits until the events of the last one have been handed over, so that a server sends no faster
    /// than the handler takes.
    postponed: Option<String>,
    /// The last step on the way to the first transport; `None` when that is open.
    reached: Option<Progress>,
}

/// A WebSocket, open or being opened.
struct WebSocket<H: Handler> {
    client: WebSocketClient<Link<H>>,
    /// When it is open.
    peer: Option<Rc<Peer<()>>>,
}

/// A WebSocket that is to be closed when nothing waits to be written to it.
pub(super) struct Draining<H: Handler> {
    client: WebSocketClient<Link<H>>,
    peer: Rc<Peer<()>>,
    /// When it is given up; `None` never.
    pub(super) deadline: Option<Instant>,
}

impl<H: Handler> Session<H> {
    pub(super) fn new(number: u64, target: Target) -> Self {
        Session { number, target, websocket: None, polling: None, postponed: None, reached: None }
    }

    /// The server, when the WebSocket is open.
    pub(super) fn peer(&self) -> Option<&Rc<Peer<()>>> {
        self.websocket.as_ref()?.peer.as_ref()
    }

    /// The step on the way to the first transport that has not been finished.
    pub(super) fn reached(&self) -> Option<&Progress> {
        self.reached.as_ref()
    }
}

impl<H: Handler> Draining<H> {
    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.peer.queued()
    }
}

impl<H: Handler> Driver<H> {
    pub(super) fn set_connection(&self, settings: ConnectionSettings) {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        session.target.connection = settings;
        if let Some(websocket) = &session.websocket {
            websocket.client.set_settings(link::settings(settings));
        }
        if let Some(polling) = &session.polling {
            polling.set_message_limit(settings.message);
        }
    }

    /// The session's WebSocket is open.
    pub(super) fn handle_websocket_open(self: &Rc<Self>, peer: &Rc<Peer<()>>) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.reached = None;
            if let Some(websocket) = &mut session.websocket {
                websocket.peer = Some(peer.clone());
            }
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

    /// The session's WebSocket has ended. This can come from anywhere, so the task hands over what follows.
    pub(super) fn handle_websocket_end(&self, ending: &Ending) {
        drop(self.take_websocket());
        let mut client = self.client.borrow_mut();
        let now = Instant::now();
        match ending.by {
            ClosedBy::Remote => client.handle_websocket_closed(ending.code.as_u16(), &ending.reason, now),
            // So does a server that is stopped.
            ClosedBy::Nobody if ending.reason == ENDED => client.handle_websocket_end(None, now),
            // A WebSocket that is only probed is no loss, whatever it sends.
            ClosedBy::Local if ending.sent == Some(CloseCode::TOO_BIG) && carries(&client) => {
                client.abort(CloseReason::TooBig(ending.reason.clone()), now);
            }
            ClosedBy::Nobody | ClosedBy::Local => client.handle_websocket_end(Some(ending.reason.clone()), now),
        }
        self.wake.notify_one();
    }

    /// The first transport of the session is on its way.
    pub(super) fn handle_progress(&self, progress: &Progress) {
        let is_opening = self.client.borrow().engine().is_some_and(|engine| engine.handshake().is_none());
        if is_opening {
            if let Some(session) = self.session.borrow_mut().as_mut() {
                session.reached = Some(progress.clone());
            }
            self.handler.handle_progress(progress);
        }
    }

    /// A WebSocket of the past has written what it had, or is gone.
    pub(super) fn handle_closing(&self) {
        self.wake.notify_one();
    }

    /// Whether the WebSocket has enough to write. It then says when that is written.
    pub(super) fn has_enough(&self) -> bool {
        let session = self.session.borrow();
        let peer = session.as_ref().and_then(Session::peer);
        let has_enough = peer.filter(|peer| peer.queued() >= ENOUGH);
        has_enough.inspect(|peer| peer.ask_for_drained()).is_some()
    }

    pub(super) fn send(&self, frame: &Frame) {
        let session = self.session.borrow();
        let Some(peer) = session.as_ref().and_then(Session::peer) else { return };
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

    pub(super) fn open_websocket(self: &Rc<Self>, target: &str) {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return };
        let number = self.number();
        self.websocket.set(number);
        let address = session.target.address.clone().with_target(target);
        let mut dial = session.target.dial.clone();
        if let Some(polling) = &session.polling {
            polling.lend(&mut dial);
        }
        let link = Rc::new(Link::new(self.clone(), number));
        let settings = link::settings(session.target.connection);
        let client = WebSocketClient::connect(link, address, dial, settings);
        session.websocket = Some(WebSocket { client, peer: None });
    }

    /// Closes the WebSocket in order, or stops opening it.
    pub(super) fn close_websocket(&self, now: Instant) {
        let Some(WebSocket { client: websocket, peer: Some(peer) }) = self.take_websocket() else { return };
        let (is_own_wish, time) = {
            let client = self.client.borrow();
            let reason = client.engine().and_then(|engine| engine.close_reason());
            (reason == Some(&CloseReason::Client), client.settings().engine.close_timeout)
        };
        if is_own_wish && peer.queued() > 0 {
            peer.ask_for_drained();
            self.draining.replace(Some(Draining { client: websocket, peer, deadline: now.checked_add(time) }));
        } else {
            self.send_close(websocket);
        }
    }

    /// Looks at the WebSocket that has to be written to before it is closed.
    pub(super) fn drain(&self, now: Instant) {
        let mut draining = self.draining.borrow_mut();
        let Some(Draining { client: websocket, peer, deadline }) = draining.take() else { return };
        if peer.queued() == 0 && !websocket.is_ended() {
            self.send_close(websocket);
        } else if !websocket.is_ended() && deadline.is_none_or(|deadline| now < deadline) {
            *draining = Some(Draining { client: websocket, peer, deadline });
        }
    }

    fn send_close(&self, websocket: WebSocketClient<Link<H>>) {
        websocket.close(CloseCode::NORMAL, "");
        let mut closing = self.closing.borrow_mut();
        closing.retain(|websocket| !websocket.is_ended());
        if closing.len() == MOST_CLOSING {
            closing.remove(0);
        }
        closing.push(websocket);
    }

    /// The session's WebSocket, which is none of its from now on.
    fn take_websocket(&self) -> Option<WebSocket<H>> {
        self.websocket.set(0);
        self.session.borrow_mut().as_mut()?.websocket.take()
    }

    /// Makes a GET, as soon as nothing waits to be handed over.
    pub(super) fn poll(self: &Rc<Self>, target: String) {
        if !self.client().has_events() {
            return self.request(target, None);
        }
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.postponed = Some(target);
        }
    }

    /// Makes the GET that has waited, if nothing else waits any more.
    pub(super) fn poll_postponed(self: &Rc<Self>) {
        if self.client().has_events() {
            return;
        }
        let postponed = self.session.borrow_mut().as_mut().and_then(|session| session.postponed.take());
        if let Some(target) = postponed {
            self.request(target, None);
        }
    }

    pub(super) fn request(self: &Rc<Self>, target: String, body: Option<Body>) {
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
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.reached = None;
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
    pub(super) fn drop_transports(&self) {
        self.websocket.set(0);
        drop(self.session.take());
    }
}

/// Whether the session's WebSocket is what carries its packets.
fn carries(client: &Client) -> bool {
    client.engine().is_some_and(|engine| engine.transport() == Transport::WebSocket)
}
