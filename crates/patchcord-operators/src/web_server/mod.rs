//! The Web Server DAT: HTTP and WebSocket on one port, answered by callbacks.
//!
//! - [`declaration`]: parameters, info channels, callbacks: the facts.
//! - [`WebServer`]: the worker. It compares what the parameters ask for with what runs, and changes only the difference:
//!   a new port moves the listener and keeps the connections, a limit holds at once, `active` and `restart` are the only
//!   ways to lose a connection.
//! - [`service`]: what answers; [`request`] and [`response`]: the dictionaries; [`clients`]: who is there.
//! - [`replay`]: clients of a recording; [`traffic`]: HTTP as a recording has it.

mod authentication;
mod clients;
mod declaration;
mod replay;
mod request;
mod response;
mod service;
mod settings;
mod traffic;
mod waiting;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use patchcord_core::change::Change;
use patchcord_core::content::Content;
use patchcord_core::declaration::{ContentKind, ParIndex};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;
use patchcord_core::tracking::Source;
use patchcord_core::value::{SharedStr, Value};
use patchcord_net::body::Body;
use patchcord_net::listen::{listen, parse_address};
use patchcord_net::server::{Server, TlsConfig};
use patchcord_net::websocket::{CloseCode, Sent};
use tokio::sync::watch;

pub use authentication::authenticate_basic;
pub use clients::ClientData;
pub(crate) use clients::reason as client_left;
pub use declaration::WEB_SERVER_DAT;
use declaration::{callback, par};
use replay::Replay;
pub(crate) use request::{Pars, each_header};
pub use response::{Contents, of_graph};
use service::Service;
pub use waiting::Unanswerable;

use crate::listening::{Listener, News};
use crate::par_reader::ParReader;
use crate::reconnect::{ListenAgain, begin_soon};
use crate::recording::{self, REPLAY};

/// How long a stopping server waits for its WebSockets to close.
const CLOSE_TIME: Duration = Duration::from_millis(2500);

/// Worker of a Web Server DAT.
pub struct WebServer {
    network: Network,
    op: OpId,
    service: Rc<Service>,
    server: Server<Service>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
    running: Cell<bool>,
    /// Listeners have been told that the server listens.
    told_open: Cell<bool>,
    /// Address text and port that the listener has.
    listening: RefCell<Option<(String, u16)>>,
    listen_again: ListenAgain,
    shows_table: Cell<bool>,
    /// What certificate and key were made into when the server started or a parameter of theirs changed.
    tls: RefCell<Option<Arc<TlsConfig>>>,
    replay: RefCell<Option<Replay>>,
    replay_speed: watch::Sender<f64>,
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let service = Rc::new(Service::new(network, op));
    let worker = WebServer {
        network: network.clone(),
        op,
        server: Server::new(service.clone(), patchcord_net::server::Settings::default()),
        service,
        begun: Cell::new(false),
        running: Cell::new(false),
        told_open: Cell::new(false),
        listening: RefCell::new(None),
        listen_again: ListenAgain::default(),
        shows_table: Cell::new(network.eval(op, par::CLIENTSTABLE).is_on()),
        tls: RefCell::new(None),
        replay: RefCell::default(),
        replay_speed: watch::Sender::new(1.0),
    };
    // The operator is not yet known by this worker; a callback that calls it has to wait until it is.
    network.defer(move |network| {
        network.with_worker(op, WebServer::begin);
    });
    Rc::new(worker)
}

impl WebServer {
    /// Tells a listener of everything that happens, until it is gone or does not listen any more. Requests that it takes
    /// are its own: no callback hears of them.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.service.listeners.add(listener);
    }

    /// Tells a listener of nothing more.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.service.listeners.remove(listener);
    }

    /// Whether the server listens, and listeners have been told.
    pub fn is_open(&self) -> bool {
        self.told_open.get()
    }

    /// Answers a request that a listener took.
    ///
    /// # Errors
    /// When it has been answered before, or nobody waits for it any more.
    pub fn respond(&self, request: u64, response: Response<Body>) -> Result<(), Unanswerable> {
        self.service.waiting.answer(request, response)
    }

    /// Starts where the operator is active and does not run, because it could not listen. False when it does.
    pub fn begin_again(&self) -> bool {
        let rests = self.begun.get() && !self.running.get() && self.par(par::ACTIVE).is_on();
        if rests {
            begin_soon(&self.network, self.op, WebServer::start);
        }
        rests
    }

    /// Tells listeners that the server listens, if it still does.
    fn tell_open(&self) {
        if self.running.get() && !self.told_open.replace(true) {
            self.service.listeners.tell(News::Opened);
        }
    }

    /// Ids of the clients that can be sent to, in the order in which they joined: those that are closing are left out,
    /// so that whoever leaves can be told to all others.
    pub fn connections(&self) -> Vec<Rc<SharedStr>> {
        let clients = self.service.clients.in_order();
        clients.iter().filter(|client| !client.is_closing()).map(|client| client.data().id.clone()).collect()
    }

    /// Sends a text message to a client. An unknown client is a warning, as is one that is closing.
    #[inline]
    pub fn send_text(&self, network: &Network, client: &str, text: &str) {
        let sent = self.service.clients.with(client, |client| client.send_text(text));
        self.note_sent(network, client, sent, || recording::Content::Text(text.into()));
    }

    /// Sends a text message to the client whose message is being handled, when `is_meant` recognises its id. `false`:
    /// another one is meant, and nothing was sent. So a handler that keeps its own form of an id can recognise it
    /// without reading it.
    #[inline]
    pub fn answer_text(&self, network: &Network, is_meant: impl FnOnce(&SharedStr) -> bool, text: &str) -> bool {
        let failed = self.service.clients.with_current(is_meant, |client| match client.send_text(text) {
            Sent::Queued => {
                self.service.note_out(client.data().id.as_str(), || recording::Content::Text(text.into()));
                None
            }
            sent => Some((sent, client.data().id.clone())),
        });
        if let Some(Some((sent, id))) = &failed {
            self.not_sent(network, id.as_str(), Some(*sent));
        }
        failed.is_some()
    }

    /// Sends a binary message to a client.
    #[inline]
    pub fn send_binary(&self, network: &Network, client: &str, bytes: &[u8]) {
        let sent = self.service.clients.with(client, |client| client.send_binary(bytes));
        self.note_sent(network, client, sent, || recording::Content::Binary(bytes.into()));
    }

    /// Sends a ping of at most 125 bytes to a client.
    pub fn send_ping(&self, network: &Network, client: &str, payload: &[u8]) {
        let sent = self.service.clients.with(client, |client| client.send_ping(payload));
        self.note_sent(network, client, sent, || recording::Content::Ping(payload.into()));
    }

    /// Sends a pong of at most 125 bytes to a client; left out when the server has sent the same one by itself.
    pub fn send_pong(&self, network: &Network, client: &str, payload: &[u8]) {
        let service = &self.service;
        let answered = service.clients.with(client, |client| client.data().ponged.take()).flatten();
        if answered.as_deref() == Some(payload) {
            return;
        }
        let sent = service.clients.with(client, |client| client.send_pong(payload));
        self.note_sent(network, client, sent, || recording::Content::Pong(payload.into()));
    }

    /// Closes a client's connection with code 1000; onWebSocketClose follows.
    pub fn close(&self, network: &Network, client: &str) {
        let found = self.service.clients.with(client, |client| client.close(CloseCode::NORMAL, ""));
        if found.is_none() {
            self.not_sent(network, client, None);
        }
    }

    /// Notes what was sent, or says why it was not.
    #[inline]
    fn note_sent<'a>(
        &self,
        network: &Network,
        client: &'a str,
        sent: Option<Sent>,
        content: impl FnOnce() -> recording::Content<'a>,
    ) {
        if sent == Some(Sent::Queued) {
            self.service.note_out(client, content);
        } else {
            self.not_sent(network, client, sent);
        }
    }

    #[cold]
    fn not_sent(&self, network: &Network, client: &str, sent: Option<Sent>) {
        let (message, remedy) = match sent {
            None => (format!("there is no client `{client}`"), "see webSocketConnections; the client comes first"),
            Some(Sent::Closed) => (format!("client {client} is closing; nothing was sent"), ""),
            Some(Sent::Dropped) => {
                (format!("client {client} reads too slowly; messages are dropped"), "see `slowreader`")
            }
            Some(Sent::Overflow) => (format!("client {client} reads too slowly and is closed"), "see `slowreader`"),
            Some(Sent::Queued) => return,
        };
        network.report(self.op, Problem::warning("send", message, remedy));
    }

    fn par(&self, index: ParIndex) -> patchcord_core::parameter::ParValue {
        self.network.eval(self.op, index)
    }

    fn address(&self) -> (String, u16) {
        (self.par(par::LOCALADDRESS).to_text().to_string(), self.par(par::PORT).as_i64() as u16)
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_record();
        self.apply_replay_speed();
        if self.par(par::ACTIVE).is_on() {
            self.start();
        }
    }

    /// Starts the server as the parameters say; on an error the operator shows it and stays stopped.
    fn start(&self) {
        self.tls.take();
        if self.running.get() || !self.apply_settings() || !self.open_listener() {
            return;
        }
        self.running.set(true);
        // Soon, and not within the change that has started it: a graph may stop it then, and start it when it has stopped, for
        // ever, and others are to have their turns.
        begin_soon(&self.network, self.op, WebServer::tell_open);
        self.service.tell(callback::SERVER_START, &[Value::Op(self.op)]);
        if self.replay.borrow().is_none() {
            self.start_replay();
        }
    }

    /// Stops the server: callback first, so that it can still say goodbye, then every connection.
    fn stop_serving(&self) {
        self.listen_again.cancel();
        self.network.clear_problem(self.op, "listen");
        self.network.clear_problem(self.op, "certificate");
        let was_running = self.running.get();
        self.service.waiting.stop();
        self.give_up_listening(false);
        // Connections can have outlived the listener.
        self.server.close_all(CloseCode::GOING_AWAY, "the server stops");
        self.stop_replay(CloseCode::GOING_AWAY);
        if was_running {
            self.network.say_status(self.op, "stopped");
        }
    }

    fn reader(&self) -> ParReader<'_> {
        ParReader { network: &self.network, op: self.op }
    }

    fn apply_record(&self) {
        self.service.tap.set_file(self.reader().path(par::RECORD));
    }

    fn apply_replay_speed(&self) {
        self.replay_speed.send_replace(self.reader().number(par::REPLAYSPEED));
    }

    /// Lets the clients of a recording in, if the parameters name one.
    fn start_replay(&self) {
        // A callback may have stopped the server.
        if let Some(file) = self.reader().path(par::REPLAY).filter(|_| self.running.get()) {
            let replay = Replay::start(self.service.clone(), file, self.replay_speed.subscribe());
            self.replay.replace(Some(replay));
        }
    }

    fn stop_replay(&self, code: CloseCode) {
        self.network.clear_problem(self.op, REPLAY);
        // Out of its place first: callbacks are called.
        let replay = self.replay.take();
        if let Some(replay) = replay {
            replay.close(code);
        }
    }

    /// Accepts nobody any more; open connections stay.
    fn give_up_listening(&self, failure: bool) {
        self.server.stop_listening();
        self.listening.replace(None);
        if self.running.replace(false) {
            let reason = if failure { "the server cannot listen any more" } else { "stopped" };
            if self.told_open.replace(false) {
                self.service.listeners.tell(News::Closed { failure, reason });
            }
            self.service.tell(callback::SERVER_STOP, &[Value::Op(self.op)]);
        }
    }

    /// Listens where the parameters say. When that fails and the server listened elsewhere, it goes on there.
    fn open_listener(&self) -> bool {
        self.listen_again.cancel();
        let wanted = self.address();
        let before = self.listening.borrow().clone();
        if before.as_ref() == Some(&wanted) {
            // Perhaps back from an address that could not be had.
            self.network.clear_problem(self.op, "listen");
            return true;
        }
        // The old listener goes first: it may hold the very port that the new one needs on another address.
        self.server.stop_listening();
        if let Err((message, remedy)) = self.listen_at(&wanted) {
            let back = before.is_some_and(|before| self.listen_at(&before).is_ok());
            let message = if back { format!("{message}; still listening where it was") } else { message };
            self.service.listeners.tell(News::Error(&message));
            self.network.report(self.op, Problem::error("listen", message, remedy));
            let (network, op) = (self.network.clone(), self.op);
            self.listen_again.plan(&self.network, wanted, move || {
                network.with_worker(op, |server: &WebServer| {
                    if back {
                        server.open_listener();
                    } else {
                        server.start();
                    }
                });
            });
            return back;
        }
        self.network.clear_problem(self.op, "listen");
        true
    }

    fn listen_at(&self, at: &(String, u16)) -> Result<(), (String, &'static str)> {
        let opened = parse_address(&at.0).and_then(|address| listen(address, at.1));
        let listener = opened.map_err(|error| (error.to_string(), error.remedy()))?;
        let address =
            self.server.listen(listener).map_err(|error| (error.to_string(), "pulse `restart` to try again"))?;
        self.listening.replace(Some(at.clone()));
        let scheme = if self.par(par::SECURE).is_on() { "https" } else { "http" };
        self.network.say_status(self.op, format!("listening on {scheme}://{address}/"));
        Ok(())
    }

    /// Hands the parameters to the server. `false` when TLS is asked for and cannot be had.
    fn apply_settings(&self) -> bool {
        let (options, settings) = match settings::read(&self.network, self.op, self.tls.borrow().clone()) {
            Ok(read) => read,
            Err(()) => return false,
        };
        self.tls.replace(settings.tls.clone());
        self.service.clients.trim_left(options.keep_left);
        self.service.waiting.set_limits(options.waiting, options.answer_time);
        *self.service.options.borrow_mut() = options;
        self.server.set_settings(settings);
        self.shows_table.set(self.par(par::CLIENTSTABLE).is_on());
        true
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        if WEB_SERVER_DAT.page_of(index).name == "Secure" {
            // Only then are the files read anew: no other edit can lose a server whose certificate is just being replaced.
            self.tls.take();
        }
        match index {
            par::ACTIVE if on => self.start(),
            par::ACTIVE => self.stop_serving(),
            par::PORT | par::LOCALADDRESS => {
                if self.running.get() {
                    if !self.open_listener() {
                        self.give_up_listening(true);
                    }
                } else if self.par(par::ACTIVE).is_on() {
                    self.start();
                }
            }
            par::RECORD => self.apply_record(),
            par::REPLAYSPEED => self.apply_replay_speed(),
            par::REPLAY => {
                self.stop_replay(CloseCode::GOING_AWAY);
                self.start_replay();
            }
            par::CLIENTSTABLE => {
                self.shows_table.set(on);
                if !on {
                    let empty = Content::of(ContentKind::Text);
                    self.network.patch_mut().put_content(self.op, empty);
                }
            }
            _ if self.running.get() && !self.apply_settings() => {
                // Going on in plain text, or with the old certificate, is not what was asked for.
                self.give_up_listening(true);
            }
            // A server that could not start may be able to now.
            _ if self.par(par::ACTIVE).is_on() => self.start(),
            _ => {}
        }
    }

    fn clients_table(&self) -> Table {
        let now = std::time::Instant::now();
        self.service.clients.table(self.network.now().as_secs_f64(), |client| {
            now.saturating_duration_since(client.last_seen()).as_secs_f64()
        })
    }
}

impl Worker for WebServer {
    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESTART && self.par(par::ACTIVE).is_on() => {
                self.stop_serving();
                self.start();
            }
            _ => {}
        }
    }

    fn computes(&self) -> bool {
        self.shows_table.get()
    }

    fn cook(&self, network: &Network) {
        // Times and counts are others at each look.
        network.note_read(Source::Moment);
        let table = self.clients_table();
        network.patch_mut().put_content(self.op, Content::Table(table));
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let totals = self.service.clients.totals();
        vec![
            f64::from(u8::from(self.running.get())),
            self.service.clients.len() as f64,
            self.server.connection_count() as f64,
            self.service.requests.get() as f64,
            totals.messages_in as f64,
            totals.messages_out as f64,
            totals.bytes_in as f64,
            totals.bytes_out as f64,
            totals.queued as f64,
            totals.dropped as f64,
            self.service.refused.get() as f64,
            self.service.tap.recorded() as f64,
            self.service.tap.lost() as f64,
            f64::from(u8::from(self.replay.borrow().as_ref().is_some_and(|replay| !replay.is_ended()))),
        ]
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        Some(self.clients_table())
    }

    fn stop(&self, _: &Network) {
        self.stop_serving();
        self.service.tap.finish();
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        self.stop_serving();
        let (closed, recorded) = (self.server.closed(), self.service.tap.finish());
        Some(Box::pin(async move {
            let _ = tokio::time::timeout(CLOSE_TIME, closed).await;
            if let Some(recorded) = recorded {
                // When it was dropped with the runtime, there is nothing left to wait for.
                let _ = recorded.await;
            }
        }))
    }
}
