//! `websocket` and `websocketsend`, `websocketclient` and `websocketclientsend`: signals of a note on a port, or at a server.

use patchcord_signal::Direction;

use super::signals::{self, Signal};
use super::sink::Sink;
use super::source::Source;
use crate::ffi::{Call, Csound, Failure, Opcode, Side};
use crate::service::{self, Host, MESSAGE, Note, OpenError, Opened, Request};

/// `xout1[, …] websocket iport[, xin…]` and `websocketsend iport, xin…`.
pub(super) struct Port {
    port: u16,
    signals: Signals,
}

/// `xout1[, …] websocketclient Surl[, xin…]` and `websocketclientsend Surl, xin…`.
pub(super) struct Client {
    url: String,
    signals: Signals,
}

impl Opcode for Port {
    fn init(call: &mut Call<'_>, previous: Option<Box<Self>>) -> Result<Box<Self>, Failure> {
        let port = signals::port(call)?;
        let kept = previous.filter(|previous| previous.port == port).map(|previous| previous.signals);
        let signals = Signals::begin(call, kept, |host, signals| {
            service::open(host, port, &signals.iter().map(|signal| signal.variable.clone()).collect::<Vec<_>>())
        })?;
        Ok(Box::new(Port { port, signals }))
    }

    fn perform(&mut self, call: &mut Call<'_>) -> Result<(), Failure> {
        self.signals.perform(call);
        Ok(())
    }
}

impl Opcode for Client {
    fn init(call: &mut Call<'_>, previous: Option<Box<Self>>) -> Result<Box<Self>, Failure> {
        let url = call
            .argument(Side::Input, 0)
            .map(|argument| String::from_utf8_lossy(call.text(&argument, 0)).into_owned())
            .unwrap_or_default();
        let kept = previous.filter(|previous| previous.url == url).map(|previous| previous.signals);
        let signals = Signals::begin(call, kept, |host, signals| {
            service::connect(host, &url, &signals.iter().map(|signal| signal.variable.clone()).collect::<Vec<_>>())
        })?;
        Ok(Box::new(Client { url, signals }))
    }

    fn perform(&mut self, call: &mut Call<'_>) -> Result<(), Failure> {
        self.signals.perform(call);
        Ok(())
    }
}

/// The signals of one note.
struct Signals {
    /// As they were declared.
    declared: Vec<Signal>,
    sources: Vec<Source>,
    sinks: Vec<Sink>,
    /// After the sources and sinks: dropped last, when nothing is written or read any more.
    note: Note,
}

impl Signals {
    /// Init. After a `reinit` or in a tied note that has the same signals, all goes on: connections, and blocks on their way.
    fn begin(
        call: &mut Call<'_>,
        kept: Option<Signals>,
        open: impl FnOnce(Host, &[Signal]) -> Result<Opened, OpenError>,
    ) -> Result<Signals, Failure> {
        let declared = signals::signals(call)?;
        let is_same = |kept: &Signals| {
            let variables =
                |signals: &[Signal]| signals.iter().map(|signal| signal.variable.clone()).collect::<Vec<_>>();
            kept.note.is_served() && variables(&kept.declared) == variables(&declared)
        };
        let mut signals = match kept.filter(is_same) {
            Some(kept) => kept,
            None => Signals::open(call, declared, open)?,
        };
        if call.instrument() == 0 && declares_performance(&signals.declared) {
            call.csound().message(
                "websocket: outside of instruments there are no k-cycles: only i-rate inputs are sent from here; put the opcode into an instrument that plays",
            );
        }
        let is_new = signals.sources.iter_mut().fold(false, |is_new, source| source.begin(call) | is_new);
        if is_new {
            signals.note.wake();
        }
        Ok(signals)
    }

    fn open(
        call: &mut Call<'_>,
        declared: Vec<Signal>,
        open: impl FnOnce(Host, &[Signal]) -> Result<Opened, OpenError>,
    ) -> Result<Signals, Failure> {
        let Opened { note, outgoing, incoming } =
            open(signals::host(call), &declared).map_err(|error| Failure(format!("websocket: {error}")))?;
        let of = |direction: Direction| declared.iter().filter(move |signal| signal.variable.direction == direction);
        let sources =
            of(Direction::Outgoing).zip(outgoing).map(|(signal, writer)| Source::new(signal, writer)).collect();
        let sinks =
            of(Direction::Incoming).zip(incoming).map(|(signal, incoming)| Sink::new(call, signal, incoming)).collect();
        Ok(Signals { declared, sources, sinks, note })
    }

    /// A k-cycle. Allocates nothing, waits for nothing, and calls the system only to wake a service that sleeps, or to print.
    fn perform(&mut self, call: &mut Call<'_>) {
        let mut is_new = false;
        for source in &mut self.sources {
            is_new |= source.perform(call);
        }
        if is_new {
            self.note.wake();
        }
        for sink in &mut self.sinks {
            sink.perform(call);
        }
        self.print(call.csound());
        while let Some(request) = self.note.request() {
            let csound = call.csound();
            match request {
                Request::Number { channel, value } => csound.set_number_channel(channel, value),
                Request::Text { channel, text } => csound.set_text_channel(channel, text),
                Request::Event(line) => csound.score_event(line),
            }
        }
    }

    fn print(&mut self, csound: Csound<'_>) {
        let mut line = [0; MESSAGE];
        while let Some(length) = self.note.message(&mut line) {
            csound.message(std::str::from_utf8(&line[..length]).unwrap_or_default());
        }
    }
}

/// Whether something among the signals needs k-cycles.
fn declares_performance(signals: &[Signal]) -> bool {
    signals.iter().any(|signal| {
        signal.variable.direction == Direction::Incoming
            || signal.variable.layout.kind() != patchcord_signal::Kind::Init
    })
}
