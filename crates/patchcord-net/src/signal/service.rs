//! What answers at a host's port: which client gets which signal, and why others get none.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use patchcord_signal::control::{self, Session};
use patchcord_signal::{Choice, Direction, Names, message};

use super::host::{ClientFacts, Figures, Handler, HostSettings, Offered};
use super::sessions::Sessions;
use super::value::Decoder;
use crate::body::Body;
use crate::server::{self, Accept, Refusal, Reply, Request, Upgrade};
use crate::websocket::{self, CloseCode, Ending, Peer, Sent, check_origin};

/// A client of a host.
pub(super) type SignalPeer = Peer<Client>;

/// What a host keeps with a client.
pub(super) struct Client {
    pub facts: ClientFacts,
    pub joined: Joined,
    /// What it sent wrongly has been said.
    complained: Cell<bool>,
}

/// What a client is connected to.
pub(super) enum Joined {
    Signal(Rc<Offered>),
    Control(RefCell<Session>),
}

/// The part of a host that its connections know.
pub(super) struct Service<H> {
    me: Weak<Service<H>>,
    pub handler: Rc<H>,
    pub settings: RefCell<HostSettings>,
    pub names: RefCell<Names>,
    pub offered: RefCell<Vec<Rc<Offered>>>,
    /// Figures of signals that are not offered any more.
    pub past: Cell<Figures>,
    pub sessions: Sessions,
    decoder: Decoder,
    clients: Cell<usize>,
    joined: Cell<u64>,
}

impl<H: Handler> Service<H> {
    pub(super) fn new(handler: Rc<H>, settings: HostSettings) -> Rc<Self> {
        Rc::new_cyclic(|me| Service {
            me: me.clone(),
            handler,
            settings: RefCell::new(settings),
            names: RefCell::new(Names::keeping_all()),
            offered: RefCell::default(),
            past: Cell::default(),
            sessions: Sessions::default(),
            decoder: Decoder::default(),
            clients: Cell::new(0),
            joined: Cell::new(0),
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<Rc<Offered>> {
        self.offered.borrow().iter().find(|offered| offered.variable.name == name).cloned()
    }

    /// Ends the clients of a signal that is not offered any more.
    pub(super) fn end_clients(&self, gone: &Offered) {
        let mut past = self.past.get();
        past += Figures { clients: 0, queued: 0, ..gone.figures() };
        self.past.set(past);
        for client in gone.clients.borrow().iter() {
            client.close(CloseCode::GOING_AWAY, "the signal is not offered any more");
        }
    }

    /// Takes a value that has come for an incoming signal.
    pub(super) fn receive(&self, facts: &ClientFacts, offered: &Offered, payload: &[u8]) {
        offered.count(|figures| figures.received += 1);
        self.names.borrow_mut().keep_received(offered.id, payload);
        let take = |value: super::Value<'_>| self.handler.handle_value(facts, &offered.variable, value);
        self.decoder.read(&offered.variable.layout, payload, take);
    }

    fn refuse(&self, status: StatusCode, reason: &'static str, body: String, address: &str) -> Box<Response<Body>> {
        if let Ok(address) = address.parse::<std::net::SocketAddr>() {
            self.handler.handle_refusal(&Refusal::Request { address: address.ip(), status, reason });
        }
        Box::new(plain(status, body))
    }

    /// What is offered here, in words.
    fn listing(&self) -> String {
        let names = self.names.borrow();
        if names.is_empty() {
            return "There is no signal here yet.\n".to_owned();
        }
        format!("The signals here, each a WebSocket with its name as the sub-protocol:\n{names}")
    }
}

/// An answer in plain text.
fn plain(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::full(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl<H: Handler> websocket::Handler for Service<H> {
    type Data = Client;

    fn handle_open(&self, peer: &Rc<SignalPeer>) {
        self.clients.set(self.clients.get() + 1);
        if let Joined::Signal(offered) = &peer.data().joined {
            offered.bound(peer, &self.settings.borrow());
            // It may have been withdrawn since the upgrade.
            if !self.offered.borrow().iter().any(|known| Rc::ptr_eq(known, offered)) {
                peer.close(CloseCode::GOING_AWAY, "the signal is not offered any more");
            } else if let Some(kept) = &*offered.kept.borrow()
                && peer.send_shared(kept) == Sent::Queued
            {
                offered.count(|figures| figures.sent += 1);
            }
            offered.clients.borrow_mut().push(peer.clone());
        } else if let Some(me) = self.me.upgrade() {
            me.add_session(peer);
        }
        self.handler.handle_audience();
        self.handler.handle_open(&peer.data().facts);
    }

    fn handle_text(&self, peer: &Rc<SignalPeer>, text: &str) {
        match &peer.data().joined {
            Joined::Signal(_) => self.handle_binary(peer, text.as_bytes()),
            Joined::Control(_) => self.handle_request_of(peer, Ok(text)),
        }
    }

    fn handle_binary(&self, peer: &Rc<SignalPeer>, bytes: &[u8]) {
        let client = peer.data();
        let Joined::Signal(offered) = &client.joined else { return self.handle_request_of(peer, Err(bytes)) };
        let variable = &offered.variable;
        if variable.direction == Direction::Outgoing {
            // Whoever listens may say what it likes (reference §4.7).
            return offered.count(|figures| figures.wrong += 1);
        }
        let text = self.settings.borrow().text;
        match message::decode(&variable.layout, bytes, text) {
            Ok(payload) => {
                self.receive(&client.facts, offered, &payload);
                self.sessions.wake();
            }
            Err(wrong) => {
                offered.count(|figures| figures.wrong += 1);
                if !client.complained.replace(true) {
                    self.handler.handle_wrong(&client.facts, variable, &wrong);
                }
            }
        }
    }

    fn handle_ping(&self, peer: &Rc<SignalPeer>, payload: &[u8]) {
        peer.send_pong(payload);
    }

    fn handle_pong(&self, _: &Rc<SignalPeer>, _: &[u8]) {}

    fn handle_close(&self, peer: &Rc<SignalPeer>, ending: &Ending) {
        self.clients.set(self.clients.get() - 1);
        let client = peer.data();
        if let Joined::Signal(offered) = &client.joined {
            offered.clients.borrow_mut().retain(|known| !Rc::ptr_eq(known, peer));
            offered.count(|figures| figures.dropped += peer.dropped());
        } else {
            self.sessions.remove(peer);
        }
        self.handler.handle_audience();
        self.handler.handle_close(&client.facts, ending);
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        self.handler.handle_turn(work);
    }
}

impl<H: Handler> server::Handler for Service<H> {
    fn handle_request(&self, request: &Request<'_>) -> Reply {
        self.handler.handle_arrival();
        if self.settings.borrow().folder.is_some() {
            return plain(StatusCode::NOT_FOUND, format!("{} is not here.\n", request.parts.uri.path())).into();
        }
        let mut response = plain(StatusCode::UPGRADE_REQUIRED, self.listing());
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(HeaderName::from_static("connection"), HeaderValue::from_static("Upgrade"));
        response.into()
    }

    fn handle_upgrade(&self, upgrade: &Upgrade<'_>) -> Result<Accept<Client>, Box<Response<Body>>> {
        self.handler.handle_arrival();
        let address = upgrade.client_address;
        let (is_allowed, limit) = {
            let settings = self.settings.borrow();
            let origins = &settings.origins;
            (origins.is_empty() || check_origin(upgrade.handshake.origin(), origins).is_ok(), settings.clients)
        };
        if !is_allowed {
            let body = "This page's origin may not connect here.\n".to_owned();
            return Err(self.refuse(StatusCode::FORBIDDEN, "its origin may not connect", body, address));
        }
        if self.clients.get() >= limit {
            let body = format!("There are {limit} clients already.\n");
            return Err(self.refuse(StatusCode::SERVICE_UNAVAILABLE, "too many clients", body, address));
        }
        let offers = upgrade.handshake.subprotocols();
        let choice = self.names.borrow().choose(offers.iter().copied());
        let by_id = |id| self.offered.borrow().iter().find(|offered| offered.id == id).cloned();
        let (joined, subprotocol) = match choice {
            Choice::Named(id) => by_id(id).map(|offered| {
                let name = offered.variable.name.clone();
                (Joined::Signal(offered), Some(name))
            }),
            Choice::First(id) => by_id(id).map(|offered| (Joined::Signal(offered), None)),
            Choice::Control => {
                Some((Joined::Control(RefCell::new(Session::new())), Some(control::SUBPROTOCOL.to_owned())))
            }
            Choice::Unknown => None,
        }
        .ok_or_else(|| {
            let body = format!("There is no signal `{}` here. {}", offers.join("`, `"), self.listing());
            self.refuse(StatusCode::NOT_FOUND, "there is no such signal", body, address)
        })?;
        let number = self.joined.get();
        self.joined.set(number + 1);
        let is_taken = self
            .offered
            .borrow()
            .iter()
            .any(|offered| offered.clients.borrow().iter().any(|client| client.data().facts.id == address));
        let facts = ClientFacts {
            id: if is_taken { format!("{address}#{number}") } else { address.to_owned() },
            signal: match &joined {
                Joined::Signal(offered) => Some(offered.variable.name.clone()),
                Joined::Control(_) => None,
            },
        };
        Ok(Accept { data: Client { facts, joined, complained: Cell::new(false) }, subprotocol })
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        self.handler.handle_refusal(refusal);
    }
}
