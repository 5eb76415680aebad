//! A recording in the place of a server: what came then comes again, and what is sent goes nowhere.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

use patchcord_net::client;
use patchcord_net::websocket::{CloseCode, Peer, PlayedWebSocket};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::declaration::WEBSOCKET_DAT;
use super::link::Link;
use crate::listening::News;
use crate::recording::{self, Content, Played, REPLAY, Recorded, ReplayError};

/// The peer has no address; this one stands for that.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A recording that is played. Dropping it stops it.
pub(super) struct Replay {
    state: Rc<State>,
    task: AbortHandle,
}

struct State {
    link: Rc<Link>,
    websocket: RefCell<Option<Rc<PlayedWebSocket<Link>>>>,
    ended: Cell<bool>,
}

impl Replay {
    /// Plays a recording to a link. It hears nothing before this has returned.
    pub(super) fn start(link: Rc<Link>, file: PathBuf, speed: watch::Receiver<f64>) -> Self {
        let state = Rc::new(State { link, websocket: RefCell::default(), ended: Cell::new(false) });
        let hurt = state.clone();
        let task = recording::spawn(state.clone().run(file, speed), move |reason| hurt.handle_panic(&reason));
        Replay { state, task }
    }

    /// Who is at the other end, while the recording is in a connection.
    pub(super) fn peer(&self) -> Option<Rc<Peer<()>>> {
        let open = self.state.websocket.borrow();
        open.as_ref().filter(|websocket| !websocket.is_ended()).map(|websocket| websocket.peer().clone())
    }

    /// Whether it has come to its end, or was stopped.
    pub(super) fn is_ended(&self) -> bool {
        self.state.ended.get()
    }

    /// Stops it. An open connection is closed with this code.
    pub(super) fn close(&self, code: CloseCode) {
        self.state.ended.set(true);
        self.task.abort();
        if let Some(websocket) = self.state.websocket.take() {
            websocket.close(code, "");
        }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.close(CloseCode::GOING_AWAY);
    }
}

impl State {
    async fn run(self: Rc<Self>, file: PathBuf, speed: watch::Receiver<f64>) {
        let shared = &self.link.shared;
        shared.network.clear_problem(shared.op, REPLAY);
        let play = |recorded| self.play(&recorded);
        let ended = recording::play_file(file, WEBSOCKET_DAT.name, speed, |text| shared.say(text), play).await;
        self.end(ended);
    }

    fn play(&self, recorded: &Recorded) {
        // A callback may have stopped it; the rest of the batch is not wanted then.
        if self.ended.get() {
            return;
        }
        let entry = &recorded.entry;
        if matches!(entry.content, Content::Open { .. }) {
            self.lose();
            let websocket = Rc::new(PlayedWebSocket::new(self.link.clone(), (), NOWHERE));
            self.websocket.replace(Some(websocket.clone()));
            return websocket.handle_open();
        }
        if let Content::Failed { reason } = &entry.content {
            self.lose();
            return self.link.fail(reason, "this is what the recording says");
        }
        // Held here and not borrowed: a callback may stop the replay.
        let Some(websocket) = self.websocket.borrow().clone() else { return };
        recording::hand_over(&websocket, entry);
    }

    /// A connection of which the recording does not say the end ends where the next one begins.
    fn lose(&self) {
        if let Some(websocket) = self.websocket.take() {
            websocket.handle_loss("");
        }
    }

    fn end(&self, played: Result<Played, ReplayError>) {
        if self.ended.replace(true) {
            return;
        }
        let websocket = self.websocket.take();
        let shared = &self.link.shared;
        let message = recording::report_end(&shared.network, shared.op, &played);
        if played.is_err() && websocket.is_none() {
            return self.link.end(&message, News::Error(&message));
        }
        shared.say(&message);
        if let Some(websocket) = websocket {
            websocket.close(CloseCode::NORMAL, "");
        }
    }

    fn handle_panic(&self, reason: &str) {
        client::Handler::handle_panic(&*self.link, reason);
        self.ended.set(true);
        self.lose();
    }
}
