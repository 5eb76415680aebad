//! The TCP DAT: a client of a TCP server, or a server, for logic graphs.
//!
//! - [`declaration`]: parameters and info channels: the facts.
//! - [`TcpDat`]: the worker. It has one client or one server at most, whose [`link`] hears of everything, and plans the next
//!   attempt when one has failed.
//! - [`settings`]: from parameters to places and bounds.
//!
//! Another server's address connects anew, another port of its own moves a server and keeps its connections, bounds hold
//! at once: no other edit can lose a connection.

mod declaration;
mod link;
mod settings;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::{Rc, Weak};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;
use patchcord_net::listen::listen;
use patchcord_net::tcp::{Peer, TcpClient, TcpServer};
use patchcord_net::websocket::Sent;

pub use declaration::TCP_DAT;
use declaration::par;
use link::{Link, Shared};
use settings::{Place, Reader};

use crate::listening::{Listener, Listeners};
use crate::local_address::remedy;
use crate::par_reader::ParReader;
use crate::reconnect::{Reconnect, begin_later, begin_soon, until_closed};

/// Worker of a TCP DAT.
pub struct TcpDat {
    me: Weak<TcpDat>,
    shared: Rc<Shared>,
    /// The client or the server, and the link that hears of it.
    end: RefCell<Option<(End, Rc<Link>)>>,
    /// What the parameters said when it began, or moved.
    place: RefCell<Option<Place>>,
    reconnect: Reconnect,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// What the operator is.
enum End {
    Client(TcpClient),
    Server(TcpServer<Link>),
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// There is no connection, or the server does not listen.
    #[error("not connected; the message is lost")]
    NotConnected,
    /// The connection ends.
    #[error("the connection is closing; nothing was sent")]
    Closing,
    /// The other end reads too slowly, and the connection ends.
    #[error("the other end reads too slowly; the connection is closed")]
    Overflow,
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| TcpDat {
        me: me.clone(),
        shared: Rc::new(Shared {
            network: network.clone(),
            op,
            listeners: Listeners::default(),
            past: Cell::default(),
            opened: Cell::new(0),
            refused: Cell::new(0),
            slow: Cell::new(0),
        }),
        end: RefCell::default(),
        place: RefCell::default(),
        reconnect: Reconnect::new(),
        begun: Cell::new(false),
    });
    begin_later(network, move |network| {
        network.with_worker(op, TcpDat::begin);
    });
    worker
}

impl TcpDat {
    /// Tells a listener of everything that happens, until it is gone or does not listen any more.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.shared.listeners.add(listener);
    }

    /// Tells a listener of nothing more.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.shared.listeners.remove(listener);
    }

    /// Sends bytes to the server, or to all clients, however many there are.
    ///
    /// # Errors
    /// [`Unsent`], for a client and for a server that does not listen.
    pub fn send(&self, bytes: &[u8]) -> Result<(), Unsent> {
        match &*self.end.borrow() {
            Some((End::Server(server), _)) if server.address().is_some() => {
                server.send_to_all(bytes);
                Ok(())
            }
            Some((End::Client(client), _)) => match client.peer().map(|peer| peer.send(bytes)) {
                Some(Sent::Queued) => Ok(()),
                Some(Sent::Overflow) => Err(Unsent::Overflow),
                Some(_) => Err(Unsent::Closing),
                None => Err(Unsent::NotConnected),
            },
            _ => Err(Unsent::NotConnected),
        }
    }

    /// Begins where the operator is active and rests: nothing is open, being dialled or planned. False when it does not rest.
    pub fn begin_again(&self) -> bool {
        let rests = self.rests();
        if rests {
            begin_soon(&self.shared.network, self.shared.op, |dat: &TcpDat| {
                // Somebody else may have been faster.
                if dat.rests() {
                    dat.begin_anew("connecting again");
                }
            });
        }
        rests
    }

    fn rests(&self) -> bool {
        self.begun.get() && self.reader().on(par::ACTIVE) && self.is_down() && !self.reconnect.is_planned()
    }

    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.shared.network, op: self.shared.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_bounds();
        if self.reader().on(par::ACTIVE) {
            self.open();
        }
    }

    fn apply_bounds(&self) {
        // Read first: expressions may be Python, which may ask for anything, this operator included.
        let reader = self.reader();
        let (settings, max_clients, backoff) = (reader.settings(), reader.max_clients(), reader.backoff());
        match &*self.end.borrow() {
            Some((End::Client(client), _)) => client.set_settings(settings),
            Some((End::Server(server), _)) => server.set_settings(settings, max_clients),
            None => {}
        }
        self.reconnect.set_settings(backoff);
    }

    /// Whether listeners have heard that it is open, and not that it is closed. A server tells it a little after it listens.
    pub fn has_told_open(&self) -> bool {
        self.end.borrow().as_ref().is_some_and(|(_, link)| link.told_open.get())
    }

    /// Whether a client is connected, or a server listens.
    fn is_open(&self) -> bool {
        match &*self.end.borrow() {
            None => false,
            Some((End::Client(client), _)) => client.peer().is_some_and(|peer| !peer.is_closing()),
            Some((End::Server(server), _)) => server.address().is_some(),
        }
    }

    /// Dials or listens as the parameters say now. What is there must have been let go of before.
    fn open(&self) {
        self.reconnect.cancel();
        let reader = self.reader();
        let (place, settings, max_clients) = (reader.place(), reader.settings(), reader.max_clients());
        let time_limit = reader.time_limit();
        self.place.replace(Some(place.clone()));
        match place {
            Place::Server { address, port, only_ipv6 } => {
                let link = Link::new(&self.shared, &self.me, false);
                match settings::target(&address, port, only_ipv6, time_limit) {
                    Ok(target) => {
                        let client = TcpClient::connect(link.clone(), target, settings);
                        self.end.replace(Some((End::Client(client), link)));
                    }
                    Err((message, remedy)) => link.fail(&message, &remedy),
                }
            }
            Place::Local { .. } => {
                let link = Link::new(&self.shared, &self.me, true);
                let server = TcpServer::new(link.clone(), settings, max_clients);
                match self.listen_at(&server, &place) {
                    Ok(message) => {
                        self.end.replace(Some((End::Server(server), link)));
                        self.reconnect.reset();
                        self.shared.open(&message);
                    }
                    Err((message, remedy)) => link.fail(&message, &remedy),
                }
            }
        }
    }

    /// Listens, and says where.
    fn listen_at(&self, server: &TcpServer<Link>, place: &Place) -> Result<String, (String, String)> {
        let Place::Local { address, port, is_ipv6 } = place else { return Err((String::new(), String::new())) };
        let again = "then pulse `reset`, or switch `reconnect` on";
        let opened = settings::listen_address(address, *port, *is_ipv6).and_then(|(ip, port)| listen(ip, port));
        let listener = opened.map_err(|error| (error.to_string(), remedy(&error, "port", again)))?;
        let address = server.listen(listener).map_err(|error| (error.to_string(), again.to_owned()))?;
        Ok(format!("listening on {address}"))
    }

    /// The server's own place is another: it moves, and its connections stay. When the new one cannot be had, it stays where it
    /// was. The result is false when it does not listen any more.
    fn move_listener(&self, wanted: &Place) -> bool {
        let before = self.place.borrow().clone();
        let (link, moved) = {
            let end = self.end.borrow();
            let Some((End::Server(server), link)) = &*end else { return false };
            // The old listener goes first: it may hold the very port that the new one needs on another address.
            server.stop_listening();
            let moved = self.listen_at(server, wanted).map_err(|error| {
                let back = before.is_some_and(|before| self.listen_at(server, &before).is_ok());
                (error, back)
            });
            (link.clone(), moved)
        };
        match moved {
            Ok(message) => {
                self.place.replace(Some(wanted.clone()));
                self.shared.open(&message);
                link.tell_closed("the server moves");
                true
            }
            Err(((message, remedy), true)) => {
                self.shared.show(&format!("{message}; still listening where it was"), &remedy);
                true
            }
            Err(((message, remedy), false)) => {
                self.shared.show(&message, &remedy);
                false
            }
        }
    }

    /// Lets go of the connection: its end is told now, and it closes on its own.
    fn disconnect(&self, message: &str) -> Option<End> {
        self.reconnect.cancel();
        self.shared.network.clear_problem(self.shared.op, "connection");
        self.shared.network.clear_problem(self.shared.op, "client");
        let (end, link) = self.end.take()?;
        link.is_current.set(false);
        let was_there = match &end {
            End::Client(client) => {
                let was_there = !client.is_ended();
                client.close();
                was_there
            }
            End::Server(server) => {
                let was_there = server.address().is_some() || server.client_count() > 0;
                server.stop_listening();
                server.close_all();
                was_there
            }
        };
        if was_there {
            self.shared.say(message);
        }
        link.tell_closed(message);
        was_there.then_some(end)
    }

    fn begin_anew(&self, message: &str) {
        // What closes goes on closing without its owner.
        drop(self.disconnect(message));
        self.reconnect.reset();
        if self.reader().on(par::ACTIVE) {
            self.open();
        }
    }

    /// A connection was more than a door that opens and shuts: the next delay is the first again.
    fn note_steady(&self) {
        self.reconnect.reset();
    }

    fn reconnects(&self) -> bool {
        self.reader().on(par::ACTIVE) && self.reader().on(par::RECONNECT)
    }

    /// The connection has ended or could not be had, and nobody has asked for that.
    fn plan_reconnect(&self) {
        if !self.reconnects() || self.reconnect.is_planned() {
            return;
        }
        let me = self.me.clone();
        let attempt = move || {
            if let Some(dat) = me.upgrade() {
                dat.open();
            }
        };
        let planned = self.reconnect.plan(&self.shared.network, attempt);
        let attempts = self.reconnect.attempts();
        match planned {
            Some(delay) => {
                self.shared.say(&format!("trying again in {:.1} s, attempt {attempts}", delay.as_secs_f64()));
            }
            None => self.shared.say(&format!("error: given up after {attempts} attempts")),
        }
    }

    fn is_down(&self) -> bool {
        match &*self.end.borrow() {
            None => true,
            Some((End::Client(client), _)) => client.is_ended(),
            Some((End::Server(server), _)) => server.address().is_none(),
        }
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if self.is_down() {
                    self.reconnect.reset();
                    self.open();
                }
            }
            par::ACTIVE => drop(self.disconnect("stopped")),
            par::SERVER | par::NETADDRESS | par::PORT | par::LOCALADDRESS | par::LOCALIPV6 => self.apply_place(),
            par::RECONNECT if on => {
                if self.is_down() {
                    self.reconnect.reset();
                    self.plan_reconnect();
                }
            }
            par::RECONNECT => self.reconnect.cancel(),
            _ => self.apply_bounds(),
        }
    }

    fn apply_place(&self) {
        // Several parameters may have changed in one turn, which is one change.
        let wanted = self.reader().place();
        let before = self.place.borrow().clone();
        if before.as_ref() == Some(&wanted) {
            if !self.is_down() {
                // Perhaps back from a place that could not be had.
                self.shared.network.clear_problem(self.shared.op, "connection");
            }
            return;
        }
        let is_server = matches!((&before, &wanted), (Some(Place::Local { .. }), Place::Local { .. }));
        if is_server && !self.is_down() && self.move_listener(&wanted) {
            return;
        }
        if before.is_some() {
            self.begin_anew("closed, because the address has changed");
        }
    }

    /// All connections: the client's one, or those of a server.
    fn peers(&self) -> Vec<Rc<Peer>> {
        match &*self.end.borrow() {
            None => Vec::new(),
            Some((End::Client(client), _)) => client.peer().into_iter().collect(),
            Some((End::Server(server), _)) => server.clients(),
        }
    }
}

impl Worker for TcpDat {
    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESET => self.begin_anew("closed for a reset"),
            _ => {}
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let peers = self.peers();
        let mut stats = self.shared.past.get();
        peers.iter().for_each(|peer| stats += peer.stats());
        let is_open = self.is_open();
        let clients = match &*self.end.borrow() {
            Some((End::Server(server), _)) => server.client_count(),
            _ => 0,
        };
        vec![
            f64::from(u8::from(is_open)),
            clients as f64,
            self.shared.opened.get().saturating_sub(1) as f64,
            if is_open { 0.0 } else { f64::from(self.reconnect.attempts()) },
            self.reconnect.left().map_or(0.0, |time| time.as_secs_f64()),
            stats.packets_in as f64,
            stats.packets_out as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            peers.iter().map(|peer| peer.queued()).sum::<usize>() as f64,
            self.shared.refused.get() as f64,
            self.shared.slow.get() as f64,
        ]
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        let heading = ["address", "seconds", "bytes_in", "bytes_out", "queued"].map(str::to_owned);
        let rows = self.peers().into_iter().map(|peer| {
            let stats = peer.stats();
            [
                peer.address().to_string(),
                format!("{:.1}", peer.joined().elapsed().as_secs_f64()),
                stats.bytes_in.to_string(),
                stats.bytes_out.to_string(),
                peer.queued().to_string(),
            ]
        });
        let rows: Vec<[String; 5]> = std::iter::once(heading).chain(rows).collect();
        Table::from_rows(&rows).ok()
    }

    fn stop(&self, _: &Network) {
        drop(self.disconnect("stopped, because the operator was removed"));
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let end = self.disconnect("stopped, because the program ends")?;
        Some(Box::pin(async move {
            until_closed(|| match &end {
                End::Client(client) => client.is_ended(),
                End::Server(server) => server.client_count() == 0,
            })
            .await;
        }))
    }
}
