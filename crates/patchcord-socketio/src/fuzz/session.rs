//! A client against a server, a network and a user that do anything, in any order.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::engine::{CloseReason, Output, Refusal, Transports};
use crate::{
    AckRequest, AckToken, Client, ClientEvent, ClientSettings, Credentials, EmitOptions, Namespace, OfflinePolicy,
    Parser, RequestId, VersionChoice,
};

/// One step a line; the first byte of the line says which:
///
/// `o` the WebSocket opens, `e` it ends, `r` it is refused, `t…` a text on it, `b…` bytes, `g…` the GET is answered, `p` the
/// POST is, `f` a request fails; `c` connect, `x` close, `j…` join, `l…` leave, `m…` emit, `v` a volatile event, `a` one that
/// asks for an answer, `k` answer the server; `w` and a digit, so many seconds pass.
///
/// Whatever happens: the driver is never told to do what cannot be done, no deadline stands still, each request gets one
/// answer, nothing is heard of a session after its end, and queues keep to their limits.
pub fn session(data: &[u8]) {
    let Some((&choice, script)) = data.split_first() else { return };
    let mut harness = Harness::new(choice);
    for line in script.split(|&byte| byte == b'\n') {
        if let Some((&step, rest)) = line.split_first() {
            harness.step(step, rest);
        }
        harness.drive();
    }
}

/// How many outputs and events one step may have. A step of a few hundred bytes cannot ask for more.
const MOST: usize = 2000;
const QUEUE: usize = 400;

struct Harness {
    client: Client,
    now: Instant,
    /// A session has begun and has not ended.
    running: bool,
    dialling: bool,
    websocket: bool,
    getting: bool,
    posting: bool,
    /// What is to be answered.
    tokens: Vec<AckToken>,
    requests: BTreeSet<RequestId>,
}

impl Harness {
    fn new(choice: u8) -> Self {
        let mut settings = ClientSettings {
            version: [VersionChoice::Auto, VersionChoice::V3, VersionChoice::V4][usize::from(choice & 3) % 3],
            parser: if choice & 32 == 0 { Parser::Json } else { Parser::MessagePack },
            retries: u32::from(choice & 16 != 0),
            offline: if choice & 64 == 0 { OfflinePolicy::Keep } else { OfflinePolicy::DropOldest },
            max_early: 500,
            max_buffered: 3,
            max_pending_acks: 3,
            max_namespaces: 3,
            ..ClientSettings::default()
        };
        settings.engine.max_queue = QUEUE;
        settings.engine.transports = [Transports::WebSocket, Transports::PollingThenWebSocket, Transports::Polling]
            [usize::from(choice >> 2 & 3) % 3];
        let now = Instant::now();
        let mut client = Client::new(settings);
        client.join(&Namespace::ROOT, Credentials::default(), now).expect("the first");
        Self {
            client,
            now,
            running: false,
            dialling: false,
            websocket: false,
            getting: false,
            posting: false,
            tokens: Vec::new(),
            requests: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: u8, rest: &[u8]) {
        let now = self.now;
        let text = String::from_utf8_lossy(rest);
        let namespace = || Namespace::new(&text).unwrap_or_default();
        match step {
            b'o' if std::mem::take(&mut self.dialling) => {
                self.websocket = true;
                self.client.handle_websocket_open(now);
            }
            b'e' if self.dialling || self.websocket => {
                (self.dialling, self.websocket) = (false, false);
                self.client.handle_websocket_end((!rest.is_empty()).then(|| text.into_owned()), now);
            }
            b'r' if std::mem::take(&mut self.dialling) => {
                self.client.handle_websocket_refused(Refusal::parse(400, rest), now);
            }
            b't' if self.websocket => self.client.handle_text(&text, now),
            b'b' if self.websocket => self.client.handle_binary(rest, now),
            b'g' if std::mem::take(&mut self.getting) => self.client.handle_get(rest, now),
            b'p' if std::mem::take(&mut self.posting) => self.client.handle_post(now),
            b'f' if self.getting || self.posting => {
                (self.getting, self.posting) = (false, false);
                self.client.handle_request_failed(CloseReason::Refused(Refusal::parse(400, rest)), now);
            }
            b'c' => {
                let begun = self.client.connect(now).is_ok();
                assert_eq!(begun, !self.running);
                self.running = true;
            }
            b'x' => self.client.close(now),
            b'j' => drop(self.client.join(&namespace(), Credentials::default(), now)),
            b'l' => {
                self.client.leave(&namespace(), now);
                if namespace().is_root() {
                    self.hear();
                    assert!(self.requests.is_empty(), "a request leaks");
                }
            }
            b'm' => self.emit(&text, EmitOptions::default()),
            b'v' => self.emit(&text, EmitOptions { volatile: true, ..EmitOptions::default() }),
            b'a' => {
                let ack = AckRequest::WaitFor(Duration::from_secs(rest.len() as u64));
                self.emit(&text, EmitOptions { ack, ..EmitOptions::default() });
            }
            b'k' => {
                if let Some(token) = self.tokens.pop() {
                    drop(self.client.acknowledge(token, vec![text.into_owned().into()], now));
                }
            }
            b'w' => {
                let seconds = rest.first().map_or(1, |digit| u64::from(digit.wrapping_sub(b'0') % 60));
                self.now = now + Duration::from_secs(seconds);
            }
            _ => {}
        }
    }

    fn emit(&mut self, name: &str, options: EmitOptions) {
        let args = vec![name.into(), bytes::Bytes::copy_from_slice(name.as_bytes()).into()];
        if let Ok(emitted) = self.client.emit(&Namespace::ROOT, name, args, options, self.now)
            && let Some(request) = emitted.request
        {
            assert!(self.requests.insert(request), "a request twice");
        }
    }

    /// What a driver does between two reports.
    fn drive(&mut self) {
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|deadline| deadline > self.now), "a deadline stands still");
        // A packet with its attachments is a unit that may go beyond the limit.
        assert!(self.client.engine().is_none_or(|engine| engine.queued() <= QUEUE + 4096));
        self.hear();
        for _ in 0..MOST {
            let Some(output) = self.client.poll_output(self.now) else { return self.hear() };
            match output {
                Output::OpenWebSocket { .. } => {
                    assert!(!self.dialling && !self.websocket, "two at a time");
                    self.dialling = true;
                }
                Output::Frame(_) => assert!(self.websocket, "nothing to send on"),
                Output::CloseWebSocket => (self.dialling, self.websocket) = (false, false),
                Output::Get { .. } => assert!(!std::mem::replace(&mut self.getting, true), "two polls"),
                Output::Post { .. } => assert!(!std::mem::replace(&mut self.posting, true), "two posts"),
            }
            self.hear();
        }
        panic!("outputs without end");
    }

    fn hear(&mut self) {
        for _ in 0..MOST {
            let Some(event) = self.client.poll_event() else { return };
            match event {
                ClientEvent::Event { ack, .. } => {
                    assert!(self.running);
                    self.tokens.extend(ack);
                }
                ClientEvent::Acknowledged { request, .. } | ClientEvent::AckFailed { request, .. } => {
                    assert!(self.requests.remove(&request), "an answer to nothing");
                }
                ClientEvent::Closed(reason) => {
                    assert!(std::mem::take(&mut self.running), "an end after the end");
                    assert!(!reason.to_string().is_empty() && !reason.name().is_empty());
                    // The driver drops what it has open.
                    while self.client.poll_output(self.now).is_some() {}
                    (self.dialling, self.websocket) = (false, false);
                    (self.getting, self.posting) = (false, false);
                }
                ClientEvent::Connected { .. } | ClientEvent::Open | ClientEvent::Ping => assert!(self.running),
                _ => {}
            }
        }
        panic!("events without end");
    }
}
