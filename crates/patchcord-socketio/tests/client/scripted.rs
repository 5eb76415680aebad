//! The scripted server: a WebSocket by hand. Events are told as lines.

use std::time::{Duration, Instant};

use patchcord_socketio::engine::{Frame, Output};
use patchcord_socketio::{
    AckRequest, AckToken, Client, ClientEvent, ClientSettings, Credentials, EmitError, EmitOptions, Emitted, Namespace,
    RequestId, Value,
};

pub const SECOND: Duration = Duration::from_secs(1);
pub const OPEN: &str = r#"0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

pub struct Scripted {
    pub client: Client,
    pub now: Instant,
    /// The tokens of the events that ask for an answer.
    pub tokens: Vec<AckToken>,
    first_request: Option<RequestId>,
}

pub fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

impl Scripted {
    /// A client that has joined namespaces and whose engine is not open.
    pub fn new(settings: ClientSettings, namespaces: &[&str]) -> Self {
        let mut this =
            Self { client: Client::new(settings), now: Instant::now(), tokens: Vec::new(), first_request: None };
        for name in namespaces {
            this.client.join(&namespace(name), Credentials::default(), this.now).unwrap();
        }
        this
    }

    /// The same, connected.
    pub fn connected(settings: ClientSettings, namespaces: &[&str]) -> Self {
        let mut this = Self::new(settings, namespaces);
        this.open();
        for name in namespaces {
            let namespace = if *name == "/" { String::new() } else { format!("{name},") };
            this.server(&format!("40{namespace}{{\"sid\":\"s\"}}"));
        }
        this.events();
        this.sent();
        this
    }

    /// Begins a session and opens its engine.
    pub fn open(&mut self) {
        self.client.connect(self.now).unwrap();
        assert!(matches!(self.client.poll_output(self.now), Some(Output::OpenWebSocket { .. })));
        self.client.handle_websocket_open(self.now);
        self.server(OPEN);
    }

    pub fn server(&mut self, text: &str) {
        self.client.handle_text(text, self.now);
    }

    pub fn lose(&mut self) {
        self.client.handle_websocket_end(Some("reset".to_owned()), self.now);
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.client.poll_timeout().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now, "a deadline lies in the past");
            self.now = deadline;
            self.client.handle_timeout(deadline);
        }
        self.now = end;
    }

    pub fn emit(&mut self, name: &str, args: Vec<Value>) -> Result<Emitted, EmitError> {
        self.client.emit(&Namespace::ROOT, name, args, EmitOptions::default(), self.now)
    }

    pub fn emit_in(&mut self, namespace: &Namespace, name: &str) {
        self.client.emit(namespace, name, vec![], EmitOptions::default(), self.now).unwrap();
    }

    pub fn emit_volatile(&mut self, name: &str) -> Emitted {
        let options = EmitOptions { volatile: true, ..EmitOptions::default() };
        self.client.emit(&Namespace::ROOT, name, vec![], options, self.now).unwrap()
    }

    pub fn emit_with_ack(&mut self, name: &str, ack: AckRequest) -> Result<Emitted, EmitError> {
        let options = EmitOptions { ack, ..EmitOptions::default() };
        let emitted = self.client.emit(&Namespace::ROOT, name, vec![], options, self.now)?;
        self.first_request = self.first_request.or(emitted.request);
        Ok(emitted)
    }

    /// What went out since the last call.
    pub fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(output) = self.client.poll_output(self.now) {
            sent.push(match output {
                Output::Frame(Frame::Text(text)) => text,
                Output::Frame(Frame::Binary(bytes)) => format!("bytes {}", bytes.escape_ascii()),
                Output::CloseWebSocket => "close".to_owned(),
                other => format!("{other:?}"),
            });
            assert!(sent.len() < 1000, "outputs without end");
        }
        sent
    }

    /// What happened since the last call. Requests are counted from the first.
    pub fn events(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.client.poll_event() {
            events.push(self.show(event));
        }
        events
    }

    fn show(&mut self, event: ClientEvent) -> String {
        let list = |args: Vec<Value>| Value::Array(args).to_json(99).unwrap();
        match event {
            ClientEvent::Open => "open".to_owned(),
            ClientEvent::Connected { namespace, sid, recovered } => {
                format!("{namespace} connected {sid}{}", if recovered { " recovered" } else { "" })
            }
            ClientEvent::Refused { namespace, reason } => format!("{namespace} refused: {reason}"),
            ClientEvent::ServerError { namespace, data } => format!("{namespace} error {}", data.to_json(99).unwrap()),
            ClientEvent::Event { namespace, name, args, offset, ack } => {
                let offset = offset.map(|offset| format!(" offset {offset}")).unwrap_or_default();
                let asks = if ack.is_some() { " asks" } else { "" };
                self.tokens.extend(ack);
                format!("{namespace} {name} {}{offset}{asks}", list(args))
            }
            ClientEvent::Acknowledged { namespace, request, args } => {
                format!("{namespace} answer {} {}", self.number(request), list(args))
            }
            ClientEvent::AckFailed { namespace, request, reason } => {
                format!("{namespace} no answer {}: {reason}", self.number(request))
            }
            ClientEvent::Disconnected { namespace, reason } => format!("{namespace} disconnected: {}", reason.name()),
            ClientEvent::TransportChanged(transport) => format!("over {}", transport.name()),
            ClientEvent::ProbeFailed(reason) => format!("probe failed: {reason}"),
            ClientEvent::Ping => "ping".to_owned(),
            ClientEvent::Ignored { namespace, what } => format!("{namespace} ignored {what:?}"),
            ClientEvent::Closed(reason) => format!("closed: {reason}"),
        }
    }

    fn number(&mut self, request: RequestId) -> String {
        let shown = |request: RequestId| format!("{request:?}").trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
        let first: u64 = shown(*self.first_request.get_or_insert(request)).parse().unwrap();
        (shown(request).parse::<u64>().unwrap() - first).to_string()
    }
}
