//! The host's role: the port, and what its clients cause.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use patchcord_core::problem::Problem;
use patchcord_core::value::Value as Argument;
use patchcord_net::listen::{listen, parse_address};
use patchcord_net::server::{Refusal, TlsConfig};
use patchcord_net::signal::{ChannelValue, ClientFacts, Figures, Handler, MessageError, SignalHost, Value, Variable};
use patchcord_net::websocket::{CloseCode, Ending};

use super::CsoundChop;
use super::declaration::{callback, par};
use crate::reconnect::ListenAgain;
use crate::web_server::client_left;

/// What an operator has while it is a host.
#[derive(Default)]
pub(super) struct Hosting {
    host: RefCell<Option<Rc<SignalHost<Side>>>>,
    running: Cell<bool>,
    /// Address text and port that the listener has.
    listening: RefCell<Option<(String, u16)>>,
    /// What certificate and key were made into when the host started or a parameter of theirs changed.
    tls: RefCell<Option<Arc<TlsConfig>>>,
    listen_again: ListenAgain,
    pub refused: Cell<u64>,
}

/// The operator as its host's connections know it.
pub(super) struct Side(Weak<CsoundChop>);

impl Hosting {
    pub(super) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// The host, once there was one.
    pub(super) fn host(&self) -> Option<Rc<SignalHost<Side>>> {
        self.host.borrow().clone()
    }

    pub(super) fn figures(&self) -> Figures {
        self.host().map(|host| host.figures()).unwrap_or_default()
    }

    /// Starts as the parameters say; on an error the operator shows it and does not run.
    pub(super) fn start(&self, chop: &CsoundChop) {
        self.tls.take();
        if self.running.get() || !self.apply_settings(chop) || !self.open_listener(chop) {
            return;
        }
        self.running.set(true);
        chop.refresh_anew();
    }

    /// Stops accepting, and ends every connection.
    pub(super) fn stop(&self, chop: &CsoundChop) {
        self.listen_again.cancel();
        for cause in ["listen", "certificate", "staticfolder", "connections", "size"] {
            chop.network.clear_problem(chop.op, cause);
        }
        let Some(host) = self.host() else { return };
        host.stop_listening();
        self.listening.replace(None);
        let was_running = self.running.replace(false);
        host.close_all(CloseCode::GOING_AWAY, "the host stops");
        if was_running {
            chop.network.say_status(chop.op, "stopped");
        }
    }

    /// A parameter is another.
    pub(super) fn apply(&self, chop: &CsoundChop, is_secure_page: bool) {
        if is_secure_page {
            // Only then are the files read anew: no other edit can lose a host whose certificate is just being replaced.
            self.tls.take();
        }
        if !self.running.get() {
            return self.start(chop);
        }
        if !self.apply_settings(chop) || !self.open_listener(chop) {
            // Going on in plain text, or where nobody expects it, is not what was asked for.
            if let Some(host) = self.host() {
                host.stop_listening();
            }
            self.listening.replace(None);
            self.running.set(false);
        }
    }

    fn apply_settings(&self, chop: &CsoundChop) -> bool {
        let known = self.tls.borrow().clone();
        let Some(settings) = chop.reader().host(known) else { return false };
        self.tls.replace(settings.tls.clone());
        match self.host() {
            Some(host) => host.set_settings(settings),
            None => {
                let host = SignalHost::new(Rc::new(Side(chop.me.clone())), settings);
                self.host.replace(Some(Rc::new(host)));
            }
        }
        true
    }

    /// Listens where the parameters say. When that fails and it listened elsewhere, it goes on there.
    fn open_listener(&self, chop: &CsoundChop) -> bool {
        let Some(host) = self.host() else { return false };
        self.listen_again.cancel();
        let wanted = chop.reader().listen_address();
        let before = self.listening.borrow().clone();
        if before.as_ref() == Some(&wanted) {
            chop.network.clear_problem(chop.op, "listen");
            return true;
        }
        // The old listener goes first: it may hold the very port that the new one needs on another address.
        host.stop_listening();
        if let Err((message, remedy)) = self.listen_at(chop, &host, &wanted) {
            let back = before.is_some_and(|before| self.listen_at(chop, &host, &before).is_ok());
            let message = if back { format!("{message}; still listening where it was") } else { message };
            chop.network.report(chop.op, Problem::error("listen", message, remedy.replace("`restart`", "`reset`")));
            let me = chop.me.clone();
            self.listen_again.plan(&chop.network, wanted, move || {
                let Some(chop) = me.upgrade() else { return };
                if back {
                    chop.hosting.open_listener(&chop);
                } else {
                    chop.hosting.start(&chop);
                }
            });
            return back;
        }
        chop.network.clear_problem(chop.op, "listen");
        true
    }

    fn listen_at(
        &self,
        chop: &CsoundChop,
        host: &SignalHost<Side>,
        at: &(String, u16),
    ) -> Result<(), (String, &'static str)> {
        let opened = parse_address(&at.0).and_then(|address| listen(address, at.1));
        let listener = opened.map_err(|error| (error.to_string(), error.remedy()))?;
        let address = host.listen(listener).map_err(|error| (error.to_string(), "pulse `reset` to try again"))?;
        self.listening.replace(Some(at.clone()));
        let scheme = if chop.reader().on(par::SECURE) { "wss" } else { "ws" };
        chop.network.say_status(chop.op, format!("listening on {scheme}://{address}/"));
        Ok(())
    }
}

impl Side {
    fn tell(&self, callback: usize, arguments: &[&str]) {
        let Some(chop) = self.0.upgrade() else { return };
        let arguments: Vec<Argument<'_>> = arguments.iter().map(|text| Argument::Str(text)).collect();
        chop.call(callback, &arguments);
    }
}

impl Handler for Side {
    fn handle_arrival(&self) {
        if let Some(chop) = self.0.upgrade() {
            chop.network.turn(|_| chop.refresh());
        }
    }

    fn handle_audience(&self) {
        if let Some(chop) = self.0.upgrade() {
            chop.update_interest();
        }
    }

    fn handle_open(&self, client: &ClientFacts) {
        let Some(chop) = self.0.upgrade() else { return };
        let signal = client.signal.as_deref().unwrap_or_default();
        let name = if signal.is_empty() { "csound.v1" } else { signal };
        chop.network.say_status(chop.op, format!("{name}: {} joined", client.id));
        self.tell(callback::CONNECT, &[signal, &client.id]);
    }

    fn handle_value(&self, _: &ClientFacts, signal: &Variable, value: Value<'_>) {
        if let Some(chop) = self.0.upgrade() {
            chop.receive(signal, value);
        }
    }

    fn handle_wrong(&self, client: &ClientFacts, signal: &Variable, wrong: &MessageError) {
        if let Some(chop) = self.0.upgrade() {
            chop.warn_of_wrong(signal, &client.id, wrong);
        }
    }

    fn handle_close(&self, client: &ClientFacts, ending: &Ending) {
        let Some(chop) = self.0.upgrade() else { return };
        let signal = client.signal.as_deref().unwrap_or_default();
        let name = if signal.is_empty() { "csound.v1" } else { signal };
        chop.network.say_status(chop.op, format!("{name}: {} left: {}", client.id, client_left(ending)));
        self.tell(callback::DISCONNECT, &[signal, &client.id]);
    }

    fn handle_channel(&self, _: &ClientFacts, name: &str, value: &ChannelValue) {
        let Some(chop) = self.0.upgrade() else { return };
        let value = match value {
            ChannelValue::Number(number) => Argument::Float(*number),
            ChannelValue::Text(text) => Argument::Str(text),
        };
        chop.call(callback::SET_CHANNEL, &[Argument::Str(name), value]);
    }

    fn handle_event(&self, _: &ClientFacts, event: &str) {
        self.tell(callback::SCORE_EVENT, &[event]);
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        let Some(chop) = self.0.upgrade() else { return };
        let refused = &chop.hosting.refused;
        refused.set(refused.get() + 1);
        match refusal {
            Refusal::Accept { reason } => {
                let message = format!("the system refuses connections: {reason}");
                chop.warn("connections", message, "raise the limit of open files");
            }
            Refusal::TooManyConnections { .. } => {
                chop.warn("connections", "connections are refused: there are too many".to_owned(), "see `maxclients`");
            }
            Refusal::Panicked { reason } => {
                let message = format!("a connection was ended by a panic: {reason}");
                chop.network.report(chop.op, Problem::error("panic", message, "this is a fault of the program"));
            }
            Refusal::Request { address, status, reason } => {
                chop.network.say_status(chop.op, format!("{address} was refused with {}: {reason}", status.as_u16()));
            }
            // What a single peer did wrong is no state of the operator. It is counted, and can be seen with --log.
            Refusal::TooManyFromAddress { .. } | Refusal::Tls { .. } | Refusal::TimedOut { .. } => {
                tracing::info!(%refusal, "refused");
            }
        }
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        match self.0.upgrade() {
            Some(chop) => chop.take_turn(work),
            None => work(),
        }
    }
}
