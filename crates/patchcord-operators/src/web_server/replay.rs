//! A recording's clients: they join beside those of the network, and what came from them comes again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use patchcord_core::problem::Problem;
use patchcord_net::server::{Handler, Refusal, Reply, Request};
use patchcord_net::websocket::{self, CloseCode, PlayedWebSocket};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::declaration::WEB_SERVER_DAT;
use super::service::Service;
use super::traffic::to_parts;
use crate::recording::{self, Content, REPLAY, Recorded};

/// Address of a client whose name in the recording is none.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A recording that is played. Dropping it stops it.
pub(super) struct Replay {
    state: Rc<State>,
    task: AbortHandle,
}

struct State {
    service: Rc<Service>,
    /// Open clients by their names in the recording.
    clients: RefCell<HashMap<String, Rc<PlayedWebSocket<Service>>>>,
    /// Requests that could not be replayed.
    left_out: Cell<u64>,
    ended: Cell<bool>,
}

impl Replay {
    /// Plays a recording to the server's callbacks. They hear nothing before this has returned.
    pub(super) fn start(service: Rc<Service>, file: PathBuf, speed: watch::Receiver<f64>) -> Self {
        let state =
            Rc::new(State { service, clients: RefCell::default(), left_out: Cell::new(0), ended: Cell::new(false) });
        let hurt = state.clone();
        let task = recording::spawn(state.clone().run(file, speed), move |reason| {
            hurt.service.handle_refusal(&Refusal::Panicked { reason });
            hurt.stop(CloseCode::INTERNAL_ERROR);
        });
        Replay { state, task }
    }

    /// Whether it has come to its end, or was stopped.
    pub(super) fn is_ended(&self) -> bool {
        self.state.ended.get()
    }

    /// Stops it. Open clients are closed with this code.
    pub(super) fn close(&self, code: CloseCode) {
        self.task.abort();
        self.state.stop(code);
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.close(CloseCode::GOING_AWAY);
    }
}

impl State {
    async fn run(self: Rc<Self>, file: PathBuf, speed: watch::Receiver<f64>) {
        let (network, op) = (&self.service.network, self.service.op);
        let begin = |text: &str| network.say_status(op, text);
        let play = |recorded| self.play(recorded);
        let played = recording::play_file(file, WEB_SERVER_DAT.name, speed, begin, play).await;
        let message = recording::report_end(network, op, &played);
        network.say_status(op, message);
        self.stop(CloseCode::NORMAL);
    }

    fn play(&self, recorded: Recorded) {
        // A callback may have stopped it; the rest of the batch is not wanted then.
        if self.ended.get() {
            return;
        }
        let name = recorded.entry.peer.as_deref().unwrap_or_default();
        match &recorded.entry.content {
            Content::Open { uri, subprotocol } => {
                // One of which the recording does not say the end ends where another one takes its name.
                if let Some(before) = self.clients.borrow_mut().remove(name) {
                    before.handle_loss("");
                }
                let data = self.service.client_data(name, uri, subprotocol);
                let client = Rc::new(PlayedWebSocket::new(self.service.clone(), data, address(name)));
                self.clients.borrow_mut().insert(name.to_owned(), client.clone());
                client.handle_open();
            }
            Content::Request(request) => self.request(name, request, recorded.line),
            content => {
                let Some(client) = self.clients.borrow().get(name).cloned() else { return };
                recording::hand_over(&client, &recorded.entry);
                if matches!(content, Content::Close { .. }) {
                    self.clients.borrow_mut().remove(name);
                }
            }
        }
    }

    fn request(&self, client: &str, request: &recording::Request<'_>, line: u64) {
        let parts = to_parts(request);
        let (Some(parts), true) = (&parts, request.body.is_whole()) else {
            let why = if parts.is_some() { "its body is not whole in the recording" } else { "it is none" };
            let count = self.left_out.replace(self.left_out.get() + 1) + 1;
            let message = format!("requests that are not replayed: {count}, the last in line {line}, because {why}");
            return self.service.network.report(self.service.op, Problem::warning(REPLAY, message, ""));
        };
        let body = Bytes::from(request.body.bytes.to_vec());
        let request = Request { parts, body: &body, client_address: client, server_address: &request.server };
        websocket::Handler::handle_turn(&*self.service, &mut || {
            // Nobody waits for the answer; one that comes later is noted when it does.
            if let Reply::Later(answer) = self.service.handle_request(&request) {
                tokio::task::spawn_local(async move { drop(answer.await) });
            }
        });
    }

    fn stop(&self, code: CloseCode) {
        self.ended.set(true);
        let mut clients: Vec<_> = self.clients.take().into_values().collect();
        clients.sort_unstable_by_key(|client| client.peer().data().number);
        clients.iter().for_each(|client| client.close(code, ""));
    }
}

/// The address in a client's name: `ip:port`, perhaps with `#` and a number behind it.
fn address(name: &str) -> SocketAddr {
    name.split('#').next().and_then(|address| address.parse().ok()).unwrap_or(NOWHERE)
}
