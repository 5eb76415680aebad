//! What answers a server's requests and messages: turns them into callbacks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use patchcord_core::callbacks::Callbacks;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::{OwnedValue, SharedStr, Value};
use patchcord_net::body::Body;
use patchcord_net::server::{Accept, Handler, Refusal, Reply, Request, Upgrade};
use patchcord_net::websocket::{self, Ending};

use super::clients::{ClientData, Clients, WebClient, reason};
use super::declaration::callback;
use super::request::{RequestRecord, decoded_path};
use super::response::{BlankResponse, empty, from_value, set_reason};
use super::traffic;
use super::waiting::{Waiting, unavailable};
use crate::listening::{self, Listeners, News};
use crate::recording::{Content, Direction, Entry, Tap};

/// The part of the operator that its connections know.
pub(super) struct Service {
    pub network: Network,
    pub op: OpId,
    pub tap: Rc<Tap>,
    callbacks: Rc<dyn Callbacks>,
    pub clients: Clients,
    /// Settings that concern messages and handshakes.
    pub options: RefCell<Options>,
    pub requests: Cell<u64>,
    pub refused: Cell<u64>,
    joined: Cell<u64>,
    pub listeners: Listeners,
    /// Requests that logic graphs have yet to answer.
    pub waiting: Rc<Waiting>,
}

/// Settings that concern messages and handshakes.
#[derive(Default)]
pub(super) struct Options {
    pub autopong: bool,
    pub subprotocols: Vec<String>,
    pub origins: Vec<String>,
    pub keep_left: usize,
    /// Requests that may wait for logic graphs, and how long each.
    pub waiting: usize,
    pub answer_time: Duration,
}

impl Service {
    pub(super) fn new(network: &Network, op: OpId) -> Self {
        Service {
            network: network.clone(),
            op,
            tap: Tap::new(network, op),
            callbacks: network.callbacks_for(op),
            clients: Clients::default(),
            options: RefCell::default(),
            requests: Cell::new(0),
            refused: Cell::new(0),
            joined: Cell::new(0),
            listeners: Listeners::default(),
            waiting: Rc::default(),
        }
    }

    /// Calls a callback in a turn of its own. What went wrong has been reported by the handler.
    #[inline]
    pub(super) fn call(&self, callback: usize, arguments: &[Value<'_>]) -> Option<OwnedValue> {
        self.network.turn(|network| self.callbacks.call(network, callback, arguments)).ok()
    }

    /// Calls a callback that returns nothing in a turn of its own.
    #[inline]
    pub(super) fn tell(&self, callback: usize, arguments: &[Value<'_>]) {
        self.network.turn(|network| self.callbacks.tell(network, callback, arguments));
    }

    /// Notes what a client sent; for a recording, if there is one.
    #[inline]
    fn note_in<'a>(&self, client: &'a WebClient, content: impl FnOnce() -> Content<'a>) {
        self.tap.note(|| Entry::new(Direction::In, content()).peer(client.data().id.as_str()));
    }

    /// Notes what was sent to a client.
    #[inline]
    pub(super) fn note_out<'a>(&self, client: &'a str, content: impl FnOnce() -> Content<'a>) {
        self.tap.note(|| Entry::new(Direction::Out, content()).peer(client));
    }

    /// What is kept with a client that joins now. Its address is its id, unless another client has it already.
    pub(super) fn client_data(&self, address: &str, uri: &str, subprotocol: &str) -> ClientData {
        let number = self.joined.get();
        self.joined.set(number + 1);
        let id = match self.clients.contains(address) {
            true => SharedStr::new(format!("{address}#{number}")),
            false => SharedStr::new(address),
        };
        ClientData {
            id: Rc::new(id),
            uri: uri.to_owned(),
            subprotocol: subprotocol.to_owned(),
            joined: self.network.now().as_secs_f64(),
            number,
            opened: Cell::new(false),
            ponged: RefCell::new(None),
        }
    }

    fn warn(&self, cause: &'static str, message: String, remedy: &'static str) {
        self.network.report(self.op, Problem::warning(cause, message, remedy));
    }

    /// Asks onHTTPRequest.
    fn answer(&self, request: &Request<'_>) -> Response<Body> {
        let record = RequestRecord {
            parts: request.parts,
            body: Some(request.body),
            client_address: request.client_address,
            server_address: request.server_address,
            path: decoded_path(request.parts),
        };
        if !self.callbacks.defines(&self.network, callback::HTTP_REQUEST) {
            return empty(StatusCode::NOT_FOUND);
        }
        let arguments = [Value::Op(self.op), Value::Record(&record), Value::Record(&BlankResponse)];
        match self.call(callback::HTTP_REQUEST, &arguments) {
            Some(answer) => from_value(answer, &mut |message| self.warn("response", message, "")),
            None => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Asks the logic graphs that have a route for the request; `None` when there is none.
    fn ask_graphs(&self, request: &Request<'_>) -> Option<Reply> {
        if !self.listeners.is_any() {
            return None;
        }
        let path = decoded_path(request.parts);
        let method = request.parts.method.as_str();
        let (method, takers) = match self.listeners.takers(method, &path) {
            takers if takers.is_empty() && method == "HEAD" => ("GET", self.listeners.takers("GET", &path)),
            takers => (method, takers),
        };
        if takers.is_empty() {
            return None;
        }
        let client = request.client_address;
        let Some(mut asked) = self.waiting.begin() else {
            self.refused.set(self.refused.get() + 1);
            let message = format!("requests are refused: {} wait for an answer of a graph", self.waiting.len());
            self.warn("waiting", message, "answer each with HTTP Response, or raise `maxwaiting`");
            let response = unavailable();
            self.note_out(client, || traffic::of_response(&response));
            return Some(response.into());
        };
        let (parts, body) = (request.parts, &**request.body);
        let news = listening::Request { number: asked.number, method, path: &path, parts, body };
        listening::tell(&takers, News::Request(news));
        if let Some(response) = asked.answer_now() {
            self.note_out(client, || traffic::of_response(&response));
            return Some(response.into());
        }
        let (tap, client) = (self.tap.clone(), client.to_owned());
        Some(Reply::Later(Box::pin(async move {
            let response = asked.answer().await;
            tap.note(|| Entry::new(Direction::Out, traffic::of_response(&response)).peer(&client));
            response
        })))
    }

    /// Asks onWebSocketRequest. `Ok` holds the subprotocol that it chose, if it chose one.
    fn ask(&self, upgrade: &Upgrade<'_>, id: &SharedStr) -> Result<Option<String>, Box<Response<Body>>> {
        if !self.callbacks.defines(&self.network, callback::WEBSOCKET_REQUEST) {
            return Ok(None);
        }
        let record = RequestRecord {
            parts: upgrade.parts,
            body: None,
            client_address: upgrade.client_address,
            server_address: upgrade.server_address,
            path: decoded_path(upgrade.parts),
        };
        let arguments = [Value::Op(self.op), Value::Shared(id), Value::Record(&record)];
        let answer = self.call(callback::WEBSOCKET_REQUEST, &arguments);
        // A callback that raises lets nobody in: it may be the one that checks passwords.
        let Some(answer) = answer else { return Err(Box::new(empty(StatusCode::INTERNAL_SERVER_ERROR))) };
        match verdict(&answer) {
            Some(Verdict::Accept(subprotocol)) => Ok(subprotocol),
            Some(Verdict::Refuse(status, reason)) => Err(Box::new(refusal(status, &reason))),
            None => {
                self.warn(
                    "onWebSocketRequest",
                    "onWebSocketRequest returned something that is no answer; the client was refused".to_owned(),
                    "return True, False, a status code, (status code, reason), or a dictionary",
                );
                Err(Box::new(empty(StatusCode::INTERNAL_SERVER_ERROR)))
            }
        }
    }
}

impl websocket::Handler for Service {
    type Data = ClientData;

    fn handle_open(&self, client: &Rc<WebClient>) {
        self.clients.add(client);
        client.data().opened.set(true);
        let data = client.data();
        let open = || Content::Open { uri: data.uri.as_str().into(), subprotocol: data.subprotocol.as_str().into() };
        self.note_in(client, open);
        self.network.say_status(self.op, format!("WebSocket {} joined at {}", data.id.as_str(), data.uri));
        self.tell(callback::WEBSOCKET_OPEN, &[Value::Op(self.op), Value::Shared(&data.id), Value::Str(&data.uri)]);
    }

    #[inline]
    fn handle_text(&self, client: &Rc<WebClient>, text: &str) {
        self.clients.set_current(client);
        self.note_in(client, || Content::Text(text.into()));
        self.tell(callback::RECEIVE_TEXT, &[Value::Op(self.op), Value::Shared(&client.data().id), Value::Str(text)]);
    }

    #[inline]
    fn handle_binary(&self, client: &Rc<WebClient>, bytes: &[u8]) {
        self.clients.set_current(client);
        self.note_in(client, || Content::Binary(bytes.into()));
        self.tell(
            callback::RECEIVE_BINARY,
            &[Value::Op(self.op), Value::Shared(&client.data().id), Value::Bytes(bytes)],
        );
    }

    fn handle_ping(&self, client: &Rc<WebClient>, payload: &[u8]) {
        self.clients.set_current(client);
        self.note_in(client, || Content::Ping(payload.into()));
        let answered = self.options.borrow().autopong;
        if answered {
            client.send_pong(payload);
            self.note_out(client.data().id.as_str(), || Content::Pong(payload.into()));
        }
        *client.data().ponged.borrow_mut() = answered.then(|| payload.into());
        self.tell(
            callback::RECEIVE_PING,
            &[Value::Op(self.op), Value::Shared(&client.data().id), Value::Bytes(payload)],
        );
        // A pong with these contents that comes later is one that the script wants to send.
        client.data().ponged.take();
    }

    fn handle_pong(&self, client: &Rc<WebClient>, payload: &[u8]) {
        self.clients.set_current(client);
        self.note_in(client, || Content::Pong(payload.into()));
        self.tell(
            callback::RECEIVE_PONG,
            &[Value::Op(self.op), Value::Shared(&client.data().id), Value::Bytes(payload)],
        );
    }

    fn handle_close(&self, client: &Rc<WebClient>, ending: &Ending) {
        if !client.data().opened.get() {
            return;
        }
        let keep = self.options.borrow().keep_left;
        self.clients.remove(client, ending, self.network.now().as_secs_f64(), keep);
        let id = &client.data().id;
        self.tap.note(|| Entry::of_ending(ending).peer(id.as_str()));
        self.network.say_status(self.op, format!("WebSocket {} left: {}", id.as_str(), reason(ending)));
        // A connection can end while a callback runs; its own callback waits for the end of that turn. Here the turn
        // is a new one unless the transport's task was dropped from within a callback.
        self.tell(callback::WEBSOCKET_CLOSE, &[Value::Op(self.op), Value::Shared(id)]);
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let start = self.network.now();
        self.callbacks.batch(work);
        self.network.note_cook(self.op, start);
    }
}

impl Handler for Service {
    fn handle_request(&self, request: &Request<'_>) -> Reply {
        self.requests.set(self.requests.get() + 1);
        let client = request.client_address;
        self.tap.note(|| Entry::new(Direction::In, traffic::of_request(request)).peer(client));
        if let Some(reply) = self.ask_graphs(request) {
            return reply;
        }
        let response = self.answer(request);
        self.note_out(client, || traffic::of_response(&response));
        response.into()
    }

    fn handle_upgrade(&self, upgrade: &Upgrade<'_>) -> Result<Accept<ClientData>, Box<Response<Body>>> {
        let refused = |reason: &str| {
            self.refused.set(self.refused.get() + 1);
            Box::new(refusal(StatusCode::FORBIDDEN, reason))
        };
        let supported = {
            let options = self.options.borrow();
            if !options.origins.is_empty() {
                let origin = upgrade.handshake.origin();
                patchcord_net::websocket::check_origin(origin, &options.origins)
                    .map_err(|_| refused("this page's origin may not open a WebSocket here"))?;
            }
            upgrade.handshake.choose_subprotocol(&options.subprotocols).map(str::to_owned)
        };
        let mut data = self.client_data(upgrade.client_address, upgrade.uri(), "");
        let chosen = self.ask(upgrade, &data.id).inspect_err(|_| self.refused.set(self.refused.get() + 1))?;
        let subprotocol = match chosen {
            Some(chosen) if upgrade.handshake.subprotocols().contains(&chosen.as_str()) => Some(chosen),
            Some(chosen) => {
                self.warn(
                    "onWebSocketRequest",
                    format!("onWebSocketRequest chose the subprotocol `{chosen}`, which the client does not offer"),
                    "choose one of request['Sec-WebSocket-Protocol']",
                );
                supported
            }
            None => supported,
        };
        data.subprotocol = subprotocol.clone().unwrap_or_default();
        Ok(Accept { data, subprotocol })
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        self.refused.set(self.refused.get() + 1);
        match refusal {
            Refusal::TooManyConnections { limit, .. } => self.warn(
                "connections",
                format!("connections are refused: there are {limit} already"),
                "raise `maxconnections`",
            ),
            Refusal::TooManyFromAddress { address, limit } => self.warn(
                "connections",
                format!("connections from {address} are refused: there are {limit} already"),
                "raise `maxperaddress`",
            ),
            Refusal::Accept { reason } => {
                self.warn(
                    "accept",
                    format!("the system refuses connections: {reason}"),
                    "raise the limit of open files",
                );
            }
            Refusal::Panicked { reason } => self.network.report(
                self.op,
                Problem::error(
                    "panic",
                    format!("a connection was ended by a panic: {reason}"),
                    "this is a fault of the program",
                ),
            ),
            // What a single peer did wrong is no state of the operator. It is counted, and can be seen with --log.
            Refusal::Tls { .. } | Refusal::Request { .. } | Refusal::TimedOut { .. } => {
                tracing::info!(%refusal, "refused");
            }
        }
    }
}

/// What onWebSocketRequest decided.
enum Verdict {
    Accept(Option<String>),
    Refuse(StatusCode, String),
}

fn verdict(answer: &OwnedValue) -> Option<Verdict> {
    match answer {
        OwnedValue::None | OwnedValue::Bool(true) => Some(Verdict::Accept(None)),
        OwnedValue::Bool(false) => Some(Verdict::Refuse(StatusCode::FORBIDDEN, String::new())),
        OwnedValue::Int(_) => Some(Verdict::Refuse(refusing_status(answer)?, String::new())),
        OwnedValue::List(pair) => match pair.as_slice() {
            [status, OwnedValue::Str(reason)] => Some(Verdict::Refuse(refusing_status(status)?, reason.clone())),
            _ => None,
        },
        OwnedValue::Dict(_) => match (answer.entry("statusCode"), answer.entry("subprotocol")) {
            (Some(status), _) => {
                let reason = match answer.entry("statusReason") {
                    Some(OwnedValue::Str(reason)) => reason.clone(),
                    _ => String::new(),
                };
                Some(Verdict::Refuse(refusing_status(status)?, reason))
            }
            (None, Some(OwnedValue::Str(chosen))) => Some(Verdict::Accept(Some(chosen.clone()))),
            (None, None | Some(OwnedValue::None)) => Some(Verdict::Accept(None)),
            _ => None,
        },
        _ => None,
    }
}

fn refusing_status(value: &OwnedValue) -> Option<StatusCode> {
    let OwnedValue::Int(number) = value else { return None };
    let number = u16::try_from(*number).ok().filter(|number| (300..600).contains(number))?;
    StatusCode::from_u16(number).ok()
}

/// A refusal with its reason on the status line and in the body.
fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    let mut response = empty(status);
    if !reason.is_empty() {
        set_reason(&mut response, reason);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        *response.body_mut() = Body::full(Bytes::from(reason.to_owned()));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_answer_is_understood() {
        let refused = |answer: OwnedValue| match verdict(&answer) {
            Some(Verdict::Refuse(status, reason)) => Some((status.as_u16(), reason)),
            _ => None,
        };
        let str = |text: &str| OwnedValue::Str(text.to_owned());
        assert!(matches!(verdict(&OwnedValue::None), Some(Verdict::Accept(None))));
        assert!(matches!(verdict(&OwnedValue::Bool(true)), Some(Verdict::Accept(None))));
        assert_eq!(refused(OwnedValue::Bool(false)), Some((403, String::new())));
        assert_eq!(refused(OwnedValue::Int(401)), Some((401, String::new())));
        assert_eq!(refused(OwnedValue::List(vec![OwnedValue::Int(429), str("later")])), Some((429, "later".into())));
        let dict =
            OwnedValue::Dict(vec![("statusCode".into(), OwnedValue::Int(404)), ("statusReason".into(), str("no"))]);
        assert_eq!(refused(dict), Some((404, "no".into())));
        let chosen = OwnedValue::Dict(vec![("subprotocol".into(), str("osc"))]);
        assert!(matches!(verdict(&chosen), Some(Verdict::Accept(Some(name))) if name == "osc"));
    }

    #[test]
    fn what_is_no_answer_lets_nobody_in() {
        for answer in [OwnedValue::Str("ok".into()), OwnedValue::Int(200), OwnedValue::Int(7), OwnedValue::List(vec![])]
        {
            assert!(verdict(&answer).is_none(), "{answer:?}");
        }
    }
}
