//! The Csound CHOP: signals of Csound's `websocket` opcode in a patch, as the host or as a client.
//!
//! - [`declaration`]: parameters, info channels, callbacks: the facts.
//! - [`signals`]: which signals there are, by the table and the channels of the input.
//! - [`incoming`] and [`outgoing`]: values on their way between connections and channels; [`slices`]: a-rate samples between
//!   blocks and frames.
//! - [`hosting`] and [`links`]: the two roles; [`settings`]: from parameters to how they listen and dial.
//! - [`CsoundChop`]: the worker. It compares what parameters, table and input ask for with what there is, and changes only the
//!   difference: `active`, `role` and `reset` close what is open, and for a client another address; of a host's signals those that get
//!   another type lose their clients, who could not read them any more.
//!
//! Values of the input are sent at the end of frames, which are wanted only while somebody would get them. What comes is there when it
//! comes; a-rate signals are shown as time slices, the same for everybody who reads in a frame.

mod declaration;
mod hosting;
mod incoming;
mod links;
mod outgoing;
mod settings;
mod signals;
mod slices;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::change::Change;
use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::ParIndex;
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;
use patchcord_core::tracking::{Shared, Source as Read};
use patchcord_core::value::{Sequence, Value as Argument};
use patchcord_net::signal::{Kind, MessageError, Value, Variable};
use patchcord_net::websocket::CloseCode;

pub use declaration::CSOUND_CHOP;
use declaration::{callback, par};
use hosting::Hosting;
use incoming::Incoming;
use links::Links;
use outgoing::{Outgoing, Sink};
use settings::{Format, Reader};
use signals::{Defaults, Signal};
use slices::Time;

use crate::heard::Heard;
use crate::inputs;
use crate::par_reader::ParReader;
use crate::reconnect::{begin_later, until_closed};
use crate::reference::target;

/// How long a stopping host waits for its connections to close.
const CLOSE_TIME: Duration = Duration::from_millis(2500);

/// Worker of a Csound CHOP.
pub(crate) struct CsoundChop {
    me: Weak<CsoundChop>,
    network: Network,
    op: OpId,
    callbacks: Rc<dyn Callbacks>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
    signals: RefCell<Vec<Signal>>,
    /// What the signals were made of.
    seen: RefCell<Option<Seen>>,
    incoming: RefCell<Incoming>,
    outgoing: RefCell<Outgoing>,
    hosting: Hosting,
    links: Links,
    /// Moves when the channels may be others.
    version: Shared,
    watched: Cell<Option<OpId>>,
    receive: Heard,
    receive_string: Heard,
}

/// What signals are made of; while it is the same they are.
#[derive(PartialEq)]
struct Seen {
    table: Option<(OpId, u64)>,
    names: Vec<Rc<str>>,
    is_slice: bool,
    defaults: Defaults,
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| CsoundChop {
        me: me.clone(),
        network: network.clone(),
        op,
        callbacks: network.callbacks_for(op),
        begun: Cell::new(false),
        signals: RefCell::default(),
        seen: RefCell::default(),
        incoming: RefCell::default(),
        outgoing: RefCell::default(),
        hosting: Hosting::default(),
        links: Links::default(),
        version: Shared::default(),
        watched: Cell::new(None),
        receive: Heard::new(callback::RECEIVE),
        receive_string: Heard::new(callback::RECEIVE_STRING),
    });
    network.watch_tree(op, true);
    begin_later(network, move |network| {
        network.with_worker(op, CsoundChop::begin);
    });
    worker
}

impl CsoundChop {
    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.network, op: self.op })
    }

    fn format(&self) -> Format {
        self.reader().format()
    }

    fn begin(&self) {
        self.begun.set(true);
        self.refresh_anew();
        self.start();
    }

    fn is_active(&self) -> bool {
        self.begun.get() && self.reader().on(par::ACTIVE)
    }

    fn start(&self) {
        if !self.is_active() {
            return;
        }
        if self.reader().is_host() {
            self.hosting.start(self);
        } else {
            self.refresh_anew();
        }
        self.update_interest();
    }

    /// Ends every connection of either role.
    fn stop_all(&self, code: CloseCode) -> Vec<Rc<links::Link>> {
        let links = self.links.leave_all(self, code);
        self.hosting.stop(self);
        self.update_interest();
        links
    }

    // ---- which signals there are ----------------------------------------------------------------------------------

    /// The input, and its channels now.
    fn input(&self) -> (Option<OpId>, Channels) {
        let source = inputs::source(&self.network, self.op, 0);
        let channels = source.map(|source| inputs::channels(&self.network, source));
        (source, channels.unwrap_or(Channels::new(60.0, Vec::new())))
    }

    /// Brings the signals up to date, and sends what is another and not a-rate.
    fn refresh(&self) {
        if !self.begun.get() {
            return;
        }
        let (_, input) = self.input();
        self.refresh_with(&input);
        if self.is_active() {
            self.outgoing.borrow_mut().send_values(&input, self);
        }
    }

    /// As [`CsoundChop::refresh`], whatever has been seen.
    fn refresh_anew(&self) {
        self.seen.take();
        self.refresh();
    }

    fn refresh_with(&self, input: &Channels) {
        let (network, op) = (&self.network, self.op);
        let dat = target(network, op, par::SIGNALS);
        self.watch(dat);
        if let Some(dat) = dat {
            network.cook(dat);
        }
        let version = |dat| network.patch().get(dat).map(|dat| dat.content_version());
        let seen = Seen {
            table: dat.and_then(|dat| Some((dat, version(dat)?))),
            names: input.channels.iter().map(|(name, _)| name.clone()).collect(),
            is_slice: input.slice.is_some(),
            defaults: self.format().defaults,
        };
        if self.seen.borrow().as_ref() == Some(&seen) {
            return;
        }
        let table = dat.map(|dat| inputs::table(network, dat)).unwrap_or_default();
        let (signals, mut wrong) = signals::signals(&table, input, seen.defaults);
        self.seen.replace(Some(seen));
        self.incoming
            .borrow_mut()
            .set(signals.iter().filter(|signal| signal.source.is_none()).map(|signal| signal.variable.clone()));
        self.outgoing.borrow_mut().set(&signals);
        self.signals.replace(signals.clone());
        self.version.note_change();
        if let Some(host) = self.hosting.host().filter(|_| self.hosting.is_running()) {
            let variables: Vec<Variable> = signals.iter().map(|signal| signal.variable.clone()).collect();
            wrong.extend(host.set_signals(&variables).iter().map(ToString::to_string));
        } else if self.is_active() && !self.reader().is_host() {
            self.links.set(self, &signals);
        }
        if wrong.is_empty() {
            network.clear_problem(op, "signals");
        } else {
            self.warn("signals", wrong.join("; "), "see the help of `signals`; these are left out");
        }
        self.update_interest();
    }

    fn watch(&self, dat: Option<OpId>) {
        let before = self.watched.replace(dat);
        if before == dat {
            return;
        }
        if let Some(before) = before {
            self.network.unwatch(before, self.op);
        }
        if let Some(dat) = dat {
            self.network.watch(dat, self.op);
        }
    }

    /// Asks for frames while there are channels to send and somebody who gets them. A client looks at its input in any case, for
    /// each of its channels is to be connected.
    fn update_interest(&self) {
        let is_wired = self.network.patch().get(self.op).is_some_and(|op| op.inputs().iter().any(Option::is_some));
        let wanted = is_wired
            && self.is_active()
            && match self.reader().is_host() {
                true => {
                    self.hosting.host().is_some_and(|host| host.is_listened_to())
                        && self.outgoing.borrow().needs_input()
                }
                false => true,
            };
        self.network.set_frame_interest(self.op, wanted);
    }

    // ---- values ---------------------------------------------------------------------------------------------------

    /// Takes what has come.
    fn receive(&self, signal: &Variable, value: Value<'_>) {
        let bounds = match signal.layout.kind() {
            Kind::Audio => self.format().bounds,
            _ => slices::Bounds::default(),
        };
        let is_shown_at_frames = {
            let mut incoming = self.incoming.borrow_mut();
            incoming.receive(&signal.name, value, bounds);
            incoming.has_samples()
        };
        if signal.layout.kind() == Kind::Audio {
            return;
        }
        if !is_shown_at_frames {
            self.version.note_change();
        }
        let name = Argument::Str(&signal.name);
        match (value, signal.layout.is_array()) {
            (Value::Numbers(_), _) if !self.receive.is_there(&self.network, &*self.callbacks) => {}
            (Value::Numbers(numbers), true) => self.call(callback::RECEIVE, &[name, Argument::List(&Numbers(numbers))]),
            (Value::Numbers(numbers), false) => {
                let number = numbers.first().copied().unwrap_or(0.0);
                self.call(callback::RECEIVE, &[name, Argument::Float(number)]);
            }
            _ if !self.receive_string.is_there(&self.network, &*self.callbacks) => {}
            (Value::Text(text), _) => self.call(callback::RECEIVE_STRING, &[name, Argument::Str(text)]),
            (Value::Texts(texts), _) => self.call(callback::RECEIVE_STRING, &[name, Argument::List(&Texts(texts))]),
        }
    }

    /// Sends the value of a signal to a host that has just been connected.
    fn send_again(&self, name: &str) {
        self.outgoing.borrow_mut().send_again(name);
        self.network.turn(|_| self.refresh());
    }

    fn send_frame(&self, frame: Frame) {
        let (source, input) = self.input();
        self.refresh_with(&input);
        let format = self.format();
        let time = Time { now: frame.seconds, rate: format.rate, frame: 1.0 / frame.rate.max(1.0), reads_on: false };
        self.outgoing.borrow_mut().send_frame(source, &input, time, format.bounds, self);
    }

    // ---- what is told ---------------------------------------------------------------------------------------------

    /// Calls a callback in a turn of its own, with the operator first. What went wrong has been reported by the handler.
    fn call(&self, callback: usize, arguments: &[Argument<'_>]) {
        let mut all = vec![Argument::Op(self.op)];
        all.extend_from_slice(arguments);
        self.network.turn(|network| self.callbacks.tell(network, callback, &all));
    }

    fn take_turn(&self, work: &mut dyn FnMut()) {
        let start = self.network.now();
        self.callbacks.batch(&mut || {
            self.receive.look(&self.network, &*self.callbacks);
            self.receive_string.look(&self.network, &*self.callbacks);
            work();
        });
        self.network.note_cook(self.op, start);
    }

    fn warn(&self, cause: &'static str, message: String, remedy: &'static str) {
        self.network.report(self.op, Problem::warning(cause, message, remedy));
    }

    fn warn_of_wrong(&self, signal: &Variable, from: &str, wrong: &MessageError) {
        let message = format!("values of `{}` ({}) from {from} are dropped: {wrong}", signal.name, signal.layout);
        self.warn("size", message, "give both ends the same type, `ksmps` and `floatsize`");
    }

    /// A row for each signal.
    fn table(&self) -> Table {
        let heading = ["name", "type", "direction", "connections", "received", "sent", "dropped", "wrong", "value"];
        let mut rows: Vec<Vec<String>> = vec![heading.map(str::to_owned).to_vec()];
        let hosted = self.hosting.host().map(|host| host.signals()).unwrap_or_default();
        for signal in self.signals.borrow().iter() {
            let variable = &signal.variable;
            let of_host = hosted.iter().find(|(known, _)| known == variable).map(|(_, figures)| *figures);
            let figures = of_host.unwrap_or_else(|| self.links.figures_of(&variable.name));
            let direction = if signal.source.is_some() { "out" } else { "in" };
            let mut row = vec![variable.name.clone(), variable.layout.to_string(), direction.to_owned()];
            row.push(figures.clients.to_string());
            row.extend([figures.received, figures.sent, figures.dropped, figures.wrong].map(|count| count.to_string()));
            row.push(self.incoming.borrow().say(&variable.name));
            rows.push(row);
        }
        Table::from_rows(&rows).unwrap_or_default()
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => self.start(),
            par::ACTIVE => drop(self.stop_all(CloseCode::GOING_AWAY)),
            par::ROLE => {
                self.stop_all(CloseCode::GOING_AWAY);
                self.refresh_anew();
                self.start();
            }
            _ => {
                self.refresh();
                if !self.is_active() {
                    return;
                }
                if self.reader().is_host() {
                    self.hosting.apply(self, CSOUND_CHOP.page_of(index).name == "Secure");
                } else {
                    self.links.apply(self);
                }
                self.update_interest();
            }
        }
    }
}

impl Sink for CsoundChop {
    fn listens(&self, name: &str) -> bool {
        match self.hosting.host().filter(|_| self.hosting.is_running()) {
            Some(host) => host.has_listeners(name),
            None => self.links.is_open(name),
        }
    }

    fn send(&self, name: &str, value: Value<'_>) -> bool {
        match self.hosting.host().filter(|_| self.hosting.is_running()) {
            // Values are made to fit their signals.
            Some(host) => host.publish(name, value).is_ok(),
            None => self.links.send(name, value),
        }
    }
}

struct Numbers<'a>(&'a [f64]);

impl Sequence for Numbers<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn items(&self, each: &mut dyn FnMut(Argument<'_>)) {
        self.0.iter().for_each(|number| each(Argument::Float(*number)));
    }
}

struct Texts<'a>(&'a [String]);

impl Sequence for Texts<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn items(&self, each: &mut dyn FnMut(Argument<'_>)) {
        self.0.iter().for_each(|text| each(Argument::Str(text)));
    }
}

impl Worker for CsoundChop {
    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESET && self.is_active() => {
                self.stop_all(CloseCode::GOING_AWAY);
                self.start();
            }
            Change::Inputs { .. } => {
                self.refresh();
                self.update_interest();
            }
            _ => {}
        }
    }

    fn handle_watched(&self, _: &Network, change: &Change) {
        if matches!(change, Change::Content { .. }) {
            self.refresh();
        }
    }

    fn handle_tree(&self, _: &Network) {
        self.refresh();
    }

    fn handle_frame(&self, _: &Network, frame: Frame, phase: FramePhase) {
        if phase == FramePhase::End && self.is_active() {
            self.send_frame(frame);
        }
    }

    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        network.note_read(Read::Shared(self.version.clone()));
        let format = self.format();
        if self.incoming.borrow().has_samples() {
            network.note_read(Read::Time);
        }
        let channels = self.incoming.borrow_mut().channels(network.frame(), format.rate, format.bounds);
        network.patch_mut().put_content(self.op, Content::Channels(channels));
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let mut figures = self.hosting.figures();
        figures += self.links.figures();
        let (open, links) = self.links.counts();
        let is_running = self.hosting.is_running() || (links > 0 && open == links);
        let hosted = self.hosting.host().map_or(0, |host| host.client_count());
        let (dropped, late) = self.incoming.borrow().losses();
        let waiting = self.incoming.borrow().waiting() as f64 / self.format().rate * 1000.0;
        vec![
            f64::from(u8::from(is_running)),
            (open + hosted) as f64,
            self.signals.borrow().len() as f64,
            figures.received as f64,
            figures.sent as f64,
            (figures.dropped + dropped) as f64,
            late as f64,
            waiting,
            figures.queued as f64,
            figures.wrong as f64,
            self.hosting.refused.get() as f64,
            self.links.reconnects() as f64,
        ]
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        Some(self.table())
    }

    fn stop(&self, network: &Network) {
        network.watch_tree(self.op, false);
        self.watch(None);
        self.stop_all(CloseCode::GOING_AWAY);
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let links = self.stop_all(CloseCode::GOING_AWAY);
        let closed = self.hosting.host().map(|host| host.closed());
        Some(Box::pin(async move {
            until_closed(|| links.iter().all(|link| link.is_ended())).await;
            if let Some(closed) = closed {
                let _ = tokio::time::timeout(CLOSE_TIME, closed).await;
            }
        }))
    }
}
