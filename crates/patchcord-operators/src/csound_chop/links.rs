//! The client's role: a connection for each signal, which comes back by itself.
//!
//! A link that the operator has let go of is silent from then on, so that a late event of it cannot be taken for one of its
//! successor.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use patchcord_core::problem::Problem;
use patchcord_core::value::Value as Argument;
use patchcord_net::client::{ConnectionSettings, DialError};
use patchcord_net::signal::{ClientHandler, Figures, MessageError, SignalClient, Value, Variable};
use patchcord_net::websocket::{CloseCode, Ending, SlowReader};

use super::CsoundChop;
use super::declaration::{callback, par};
use super::signals::Signal;
use crate::reconnect::{Reconnect, until_closed};
use crate::websocket_dat::connection_ended;

/// How long a connection has to stand to count as one, when no value comes: a server that accepts and closes at once is
/// not to be dialled at the shortest delay for ever.
const STEADY: Duration = Duration::from_secs(10);

/// All links of an operator.
#[derive(Default)]
pub(super) struct Links {
    links: RefCell<Vec<Rc<Link>>>,
    /// Figures of connections that are over.
    past: Cell<Figures>,
    reconnects: Cell<u64>,
    /// What was dialled last.
    target: RefCell<Option<(Rc<str>, usize)>>,
}

/// One signal.
pub(super) struct Link {
    chop: Weak<CsoundChop>,
    variable: RefCell<Variable>,
    client: RefCell<Option<SignalClient<Side>>>,
    reconnect: Reconnect,
    is_current: Cell<bool>,
    opened: Cell<Option<Instant>>,
    was_open: Cell<bool>,
    /// Why it is not open, and what can be done about it.
    reason: RefCell<Option<(String, String)>>,
}

/// A link as its connection knows it.
struct Side(Weak<Link>);

impl Links {
    /// Connects these signals and no others. A link of the same name and direction stays, whatever its layout.
    pub(super) fn set(&self, chop: &CsoundChop, signals: &[Signal]) {
        let before = self.links.take();
        let mut new = Vec::new();
        let links: Vec<Rc<Link>> = signals
            .iter()
            .map(|signal| {
                let is_same = |link: &&Rc<Link>| {
                    let known = link.variable.borrow();
                    known.name == signal.variable.name && known.direction == signal.variable.direction
                };
                match before.iter().find(is_same) {
                    Some(link) => {
                        link.set_variable(&signal.variable, chop.format().text);
                        link.clone()
                    }
                    None => {
                        let link = Link::new(chop, signal.variable.clone());
                        new.push(link.clone());
                        link
                    }
                }
            })
            .collect();
        let gone: Vec<_> = before.into_iter().filter(|old| !links.iter().any(|link| Rc::ptr_eq(link, old))).collect();
        self.links.replace(links);
        self.target.replace(Some(chop.reader().target()));
        gone.iter().for_each(|link| self.leave(chop, link, CloseCode::NORMAL));
        new.iter().for_each(|link| link.connect());
        self.show(chop);
    }

    /// Lets go of all.
    pub(super) fn leave_all(&self, chop: &CsoundChop, code: CloseCode) -> Vec<Rc<Link>> {
        let links = self.links.take();
        links.iter().for_each(|link| self.leave(chop, link, code));
        chop.network.clear_problem(chop.op, "connection");
        chop.network.clear_problem(chop.op, "size");
        links
    }

    fn leave(&self, chop: &CsoundChop, link: &Rc<Link>, code: CloseCode) {
        link.is_current.set(false);
        link.reconnect.cancel();
        let was_open = link.is_open();
        if let Some(client) = &*link.client.borrow() {
            self.count(client.figures());
            client.close(code, "");
        }
        let waiting = link.clone();
        tokio::task::spawn_local(async move { until_closed(|| waiting.is_ended()).await });
        if was_open {
            let name = link.variable.borrow().name.clone();
            chop.network.say_status(chop.op, format!("{name}: disconnected"));
            chop.call(callback::DISCONNECT, &[Argument::Str(&name), Argument::Str(&chop.reader().target().0)]);
        }
    }

    fn count(&self, figures: Figures) {
        let mut past = self.past.get();
        past += Figures { clients: 0, queued: 0, ..figures };
        self.past.set(past);
    }

    /// A parameter is another: what is down may be possible now.
    pub(super) fn apply(&self, chop: &CsoundChop) {
        let is_other = self.target.borrow().as_ref() != Some(&chop.reader().target());
        if is_other {
            self.leave_all(chop, CloseCode::NORMAL);
            return chop.refresh_anew();
        }
        let links = self.links.borrow().clone();
        for link in links {
            link.reconnect.set_settings(chop.reader().backoff());
            if !chop.reader().on(par::RECONNECT) {
                link.reconnect.cancel();
            } else if link.is_ended() && !link.reconnect.is_planned() {
                link.reconnect.reset();
                link.connect();
            }
        }
    }

    /// The link of a signal, when it is open.
    fn open(&self, name: &str) -> Option<Rc<Link>> {
        let links = self.links.borrow();
        links.iter().find(|link| link.variable.borrow().name == name).filter(|link| link.is_open()).cloned()
    }

    pub(super) fn is_open(&self, name: &str) -> bool {
        self.open(name).is_some()
    }

    pub(super) fn send(&self, name: &str, value: Value<'_>) -> bool {
        let Some(link) = self.open(name) else { return false };
        let client = link.client.borrow();
        // Values are made to fit their signals.
        client.as_ref().is_some_and(|client| client.send(value).unwrap_or(true))
    }

    /// Open links and all links.
    pub(super) fn counts(&self) -> (usize, usize) {
        let links = self.links.borrow();
        (links.iter().filter(|link| link.is_open()).count(), links.len())
    }

    pub(super) fn figures(&self) -> Figures {
        let mut figures = self.past.get();
        for link in self.links.borrow().iter() {
            figures += link.figures();
        }
        figures
    }

    pub(super) fn figures_of(&self, name: &str) -> Figures {
        let links = self.links.borrow();
        links.iter().find(|link| link.variable.borrow().name == name).map(|link| link.figures()).unwrap_or_default()
    }

    pub(super) fn reconnects(&self) -> u64 {
        self.reconnects.get()
    }

    /// Shows on the operator which signals are not connected, and why the first of them is not.
    fn show(&self, chop: &CsoundChop) {
        let links = self.links.borrow().clone();
        let down: Vec<_> = links.iter().filter(|link| link.reason.borrow().is_some()).collect();
        let Some(first) = down.first() else { return chop.network.clear_problem(chop.op, "connection") };
        let (reason, remedy) = first.reason.borrow().clone().unwrap_or_default();
        let name = &first.variable.borrow().name;
        let message = format!("{} of {} signals are not connected; {name}: {reason}", down.len(), links.len());
        chop.network.report(chop.op, Problem::warning("connection", message, remedy));
    }
}

impl Link {
    fn new(chop: &CsoundChop, variable: Variable) -> Rc<Self> {
        let link = Rc::new(Link {
            chop: chop.me.clone(),
            variable: RefCell::new(variable),
            client: RefCell::default(),
            reconnect: Reconnect::new(),
            is_current: Cell::new(true),
            opened: Cell::new(None),
            was_open: Cell::new(false),
            reason: RefCell::default(),
        });
        link.reconnect.set_settings(chop.reader().backoff());
        link
    }

    fn is_open(&self) -> bool {
        self.client.borrow().as_ref().is_some_and(SignalClient::is_open)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.client.borrow().as_ref().is_none_or(SignalClient::is_ended)
    }

    fn figures(&self) -> Figures {
        self.client.borrow().as_ref().map(SignalClient::figures).unwrap_or_default()
    }

    fn set_variable(&self, variable: &Variable, text: usize) {
        if *self.variable.borrow() == *variable {
            return;
        }
        self.variable.replace(variable.clone());
        if let Some(client) = &*self.client.borrow() {
            client.set_variable(variable.clone(), text);
        }
    }

    fn connect(self: &Rc<Self>) {
        let Some(chop) = self.chop.upgrade().filter(|_| self.is_current.get()) else { return };
        self.reconnect.cancel();
        match chop.reader().dial() {
            Ok((address, dial)) => {
                let variable = self.variable.borrow().clone();
                let connection =
                    ConnectionSettings { slow_reader: SlowReader::DropOldest, ..ConnectionSettings::default() };
                let side = Rc::new(Side(Rc::downgrade(self)));
                let text = chop.format().text;
                let client = SignalClient::connect(side, variable, address, dial, connection, text);
                let before = self.client.replace(Some(client));
                if let Some(before) = before {
                    chop.links.count(before.figures());
                }
            }
            Err((message, remedy)) => {
                self.client.replace(None);
                self.fail(&chop, message, remedy);
            }
        }
    }

    /// It is not open; says so if that is news.
    fn fail(&self, chop: &CsoundChop, reason: String, remedy: String) {
        let is_news = self.reason.borrow().as_ref().is_none_or(|(known, _)| *known != reason);
        if is_news {
            chop.network.say_status(chop.op, format!("{}: {reason}", self.variable.borrow().name));
        }
        self.reason.replace(Some((reason, remedy)));
        chop.links.show(chop);
    }

    fn plan(self: &Rc<Self>, chop: &CsoundChop) {
        let reader = chop.reader();
        if !reader.on(par::ACTIVE)
            || !reader.on(par::RECONNECT)
            || self.reconnect.is_planned()
            || !self.is_current.get()
        {
            return;
        }
        let me = Rc::downgrade(self);
        let attempt = move || {
            if let Some(link) = me.upgrade() {
                link.connect();
            }
        };
        if self.reconnect.plan(&chop.network, attempt).is_none() {
            let message =
                format!("{}: given up after {} attempts", self.variable.borrow().name, self.reconnect.attempts());
            chop.network.say_status(chop.op, message);
        }
    }
}

impl Side {
    /// The link and its operator, while they belong together.
    fn current(&self) -> Option<(Rc<Link>, Rc<CsoundChop>)> {
        let link = self.0.upgrade().filter(|link| link.is_current.get())?;
        let chop = link.chop.upgrade()?;
        Some((link, chop))
    }
}

impl ClientHandler for Side {
    fn handle_open(&self, variable: &Variable) {
        let Some((link, chop)) = self.current() else { return };
        link.opened.set(Some(Instant::now()));
        link.reason.replace(None);
        if link.was_open.replace(true) {
            chop.links.reconnects.set(chop.links.reconnects.get() + 1);
        }
        chop.network.say_status(chop.op, format!("{}: connected", variable.name));
        chop.links.show(&chop);
        chop.send_again(&variable.name);
        chop.call(callback::CONNECT, &[Argument::Str(&variable.name), Argument::Str(&chop.reader().target().0)]);
    }

    fn handle_value(&self, variable: &Variable, value: Value<'_>) {
        if let Some((_, chop)) = self.current() {
            chop.receive(variable, value);
        }
    }

    fn handle_wrong(&self, variable: &Variable, wrong: &MessageError) {
        if let Some((_, chop)) = self.current() {
            chop.warn_of_wrong(variable, "the host", wrong);
        }
    }

    fn handle_close(&self, variable: &Variable, ending: &Ending) {
        let Some((link, chop)) = self.current() else { return };
        let is_steady = link.opened.take().is_some_and(|opened| opened.elapsed() >= STEADY);
        if is_steady || link.figures().received > 0 {
            link.reconnect.reset();
        }
        link.fail(&chop, connection_ended(ending), String::new());
        chop.call(callback::DISCONNECT, &[Argument::Str(&variable.name), Argument::Str(&chop.reader().target().0)]);
        // A callback may have switched it off.
        link.plan(&chop);
    }

    fn handle_failure(&self, _: &Variable, error: &DialError) {
        let Some((link, chop)) = self.current() else { return };
        let remedy = match error {
            // A signal is asked for by its name, whatever the path.
            DialError::Status(refusal) if refusal.status == 404 => {
                "declare the signal at the other end, or correct its name in `signals`".to_owned()
            }
            error => error.remedy().to_string(),
        };
        link.fail(&chop, error.to_string(), remedy);
        if !error.is_of_settings() {
            link.plan(&chop);
        }
    }

    fn handle_panic(&self, reason: &str) {
        if let Some((_, chop)) = self.current() {
            let message = format!("a connection was ended by a panic: {reason}");
            chop.network.report(chop.op, Problem::error("panic", message, "this is a fault of the program"));
        }
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        match self.current() {
            Some((_, chop)) => chop.take_turn(work),
            None => work(),
        }
    }
}
