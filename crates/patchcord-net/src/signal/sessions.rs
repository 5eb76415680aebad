//! Clients of a host that speak `csound.v1`: what they ask for, and when they are told.
//!
//! One task, which lives while there are such clients, waits for new values and for the times at which subscriptions may have
//! the next message. So values that are published together leave in one message.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use patchcord_signal::NameId;
use patchcord_signal::control::{Action, Host, NextPoll, Session};
use tokio::sync::Notify;

use super::host::Handler;
use super::service::{Joined, Service, SignalPeer};

/// Bytes that wait for a client above which it is told nothing more until it has read.
const ENOUGH: usize = 256 << 10;

/// The clients, and what wakes their task.
#[derive(Default)]
pub(super) struct Sessions {
    peers: RefCell<Vec<Rc<SignalPeer>>>,
    news: Notify,
    is_served: Cell<bool>,
}

fn session(peer: &SignalPeer) -> Option<&RefCell<Session>> {
    match &peer.data().joined {
        Joined::Control(session) => Some(session),
        Joined::Signal(_) => None,
    }
}

impl Sessions {
    /// There may be something to tell.
    pub(super) fn wake(&self) {
        if self.is_served.get() {
            self.news.notify_one();
        }
    }

    pub(super) fn remove(&self, peer: &Rc<SignalPeer>) {
        self.peers.borrow_mut().retain(|known| !Rc::ptr_eq(known, peer));
        self.wake();
    }
}

impl<H: Handler> Service<H> {
    /// Whether anybody watches a signal, or this one.
    pub(super) fn is_watched(&self, wanted: Option<NameId>) -> bool {
        let names = self.names.borrow();
        self.sessions.peers.borrow().iter().filter_map(|peer| session(peer)).any(|session| {
            let session = session.borrow();
            session.listens_to(&names).any(|id| wanted.is_none_or(|wanted| wanted == id))
        })
    }

    pub(super) fn add_session(self: &Rc<Self>, peer: &Rc<SignalPeer>) {
        self.sessions.peers.borrow_mut().push(peer.clone());
        if !self.sessions.is_served.replace(true) {
            tokio::task::spawn_local(self.clone().serve_sessions());
        }
        self.sessions.wake();
    }

    /// Tells all that there are other signals.
    pub(super) fn tell_names(&self) {
        let peers = self.sessions.peers.borrow();
        peers.iter().filter_map(|peer| session(peer)).for_each(|session| session.borrow_mut().names_changed());
        self.sessions.wake();
    }

    fn control_host(&self) -> Host {
        let settings = self.settings.borrow();
        Host {
            sr: settings.sample_rate,
            ksmps: settings.ksmps,
            float: settings.float,
            level: settings.control,
            text: settings.text,
        }
    }

    /// Takes a request.
    pub(super) fn handle_request_of(&self, peer: &Rc<SignalPeer>, message: Result<&str, &[u8]>) {
        let Some(session) = session(peer) else { return };
        let mut actions = Vec::new();
        {
            let (names, mut session) = (self.names.borrow(), session.borrow_mut());
            match message {
                Ok(text) => session.receive(text, &names, &self.control_host(), Instant::now(), &mut actions),
                Err(_) => session.receive_binary(),
            }
        }
        let facts = &peer.data().facts;
        for action in actions {
            match action {
                Action::SetVariable { id, payload } => {
                    let offered = self.offered.borrow().iter().find(|offered| offered.id == id).cloned();
                    if let Some(offered) = offered {
                        self.receive(facts, &offered, &payload);
                    }
                }
                Action::SetChannel { name, value } => self.handler.handle_channel(facts, &name, &value),
                Action::Event(event) => self.handler.handle_event(facts, &event),
            }
        }
        self.handler.handle_audience();
        // Answers leave with the write that ends this turn.
        self.tell(peer);
        self.sessions.wake();
    }

    /// Sends a client what there is for it.
    fn tell(&self, peer: &SignalPeer) {
        let Some(session) = session(peer) else { return };
        let host = self.control_host();
        while peer.queued() < ENOUGH && !peer.is_closing() {
            let message = session.borrow_mut().poll(&self.names.borrow(), &host, Instant::now());
            let Some(message) = message else { break };
            peer.send_text(&message);
        }
    }

    async fn serve_sessions(self: Rc<Self>) {
        loop {
            let peers = self.sessions.peers.borrow().clone();
            if peers.is_empty() {
                return self.sessions.is_served.set(false);
            }
            peers.iter().for_each(|peer| self.tell(peer));
            let now = Instant::now();
            let times = peers.iter().filter_map(|peer| match session(peer)?.borrow().next_poll(now) {
                NextPoll::At(time) => Some(time),
                // A client that is to be told something already has not read what came before.
                NextPoll::Now => Some(now + std::time::Duration::from_millis(20)),
                NextPoll::Value | NextPoll::Request => None,
            });
            let next = times.min();
            let timer = async {
                match next {
                    Some(time) => tokio::time::sleep_until(time.into()).await,
                    None => std::future::pending().await,
                }
            };
            drop(peers);
            tokio::select! {
                () = self.sessions.news.notified() => {}
                () = timer => {}
            }
        }
    }
}
