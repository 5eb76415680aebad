//! Connections of HTTP servers: the Web Server DAT.

use std::rc::{Rc, Weak};

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::Record;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionEvent, ConnectionRequest, Level, Payload};
use patchcord_logic::{Dictionary, Value};

use super::{Asked, Connecting};
use crate::listening::{Listener, Request};
use crate::web_server::{Contents, Pars, Unanswerable, WebServer, each_header, of_graph};

pub(super) struct HttpServer;

impl Connecting for HttpServer {
    fn family(&self) -> Family {
        Family::HttpServer
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |server: &WebServer| server.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |server: &WebServer| server.unlisten(listener));
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, WebServer::is_open) == Some(true)
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        let ConnectionRequest::Respond { request, status, headers, body } = request else {
            return Err("an HTTP server does not do this".to_owned());
        };
        let contents = match &body {
            Payload::Text(text) => Contents::Text(text),
            Payload::Binary(bytes) => Contents::Binary(bytes),
        };
        let response = of_graph(status, &headers, contents)?;
        match asked.with(|server: &WebServer| server.respond(request, response))? {
            Ok(()) => Ok(()),
            Err(gone @ Unanswerable::Gone) => {
                // Nobody has done anything wrong: clients go when they like.
                asked.logic.say(Level::Warning, asked.node, &format!("{gone}; the answer goes nowhere"));
                Ok(())
            }
            Err(unanswerable) => Err(unanswerable.to_string()),
        }
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, WebServer::begin_again) == Some(true)
    }

    fn has_error_event(&self) -> bool {
        false
    }
}

/// What On HTTP Route gets of a request. Of a name that comes twice in the query, the last counts.
pub(super) fn event(request: Request<'_>) -> ConnectionEvent {
    let mut headers = Dictionary::new();
    each_header(&request.parts.headers, |name, value| drop(headers.insert(Rc::from(name), Value::text(value))));
    let mut query = Dictionary::new();
    Pars(request.parts.uri.query().unwrap_or_default()).fields(&mut |name, value| {
        query.insert(Rc::from(name.as_str()), Value::text(value.as_str().unwrap_or_default()));
    });
    let body = match std::str::from_utf8(request.body) {
        Ok(text) => Payload::Text(Rc::from(text)),
        Err(_) => Payload::Binary(Rc::from(request.body)),
    };
    ConnectionEvent::Request {
        request: request.number,
        method: Rc::from(request.method),
        path: Rc::from(request.path),
        headers: Rc::new(headers),
        query: Rc::new(query),
        body,
    }
}
