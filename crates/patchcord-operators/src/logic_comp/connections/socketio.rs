//! Connections of Socket.IO: the SocketIO DAT.

use std::rc::{Rc, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionEvent, ConnectionRequest, Level};
use patchcord_socketio::Namespace;

use super::{Asked, Connecting, Ear, LogicComp, par, tell_error};
use crate::listening::Listener;
use crate::socketio_dat::{Emit, News, SocketIoDat, Value};

pub(super) struct SocketIo;

impl Connecting for SocketIo {
    fn family(&self) -> Family {
        Family::SocketIo
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |dat: &SocketIoDat| dat.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |dat: &SocketIoDat| dat.unlisten(listener));
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, |dat: &SocketIoDat| dat.is_connected("/")) == Some(true)
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        match request {
            ConnectionRequest::Emit { namespace, event, message } => {
                let namespace = slashed(&namespace);
                join(asked, &namespace)?;
                let how = Emit { namespace: Some(&namespace), ..Emit::default() };
                let sent = asked.with(|dat: &SocketIoDat| {
                    if !dat.is_connected(&namespace) {
                        return Err(format!(
                            "\"{event}\" was not sent: \"{}\" is not connected in {namespace}",
                            asked.name()
                        ));
                    }
                    let args = vec![Value::Text(message.to_string())];
                    dat.emit(&event, args, how).map(drop).map_err(|mistake| mistake.to_string())
                });
                if let Err(reason) = sent.flatten() {
                    asked.fail_in(&namespace, reason);
                }
                Ok(())
            }
            ConnectionRequest::Subscribe { namespace, event } => {
                let namespace = slashed(&namespace);
                join(asked, &namespace)?;
                let listener = asked.listener();
                if asked.with(|dat: &SocketIoDat| dat.subscribe(&namespace, &event, &listener))? {
                    Ok(())
                } else {
                    Err("too many events are subscribed to".to_owned())
                }
            }
            ConnectionRequest::Unsubscribe { namespace, event } => {
                asked.with(|dat: &SocketIoDat| dat.unsubscribe(&slashed(&namespace), &event))
            }
            _ => Err("a Socket.IO connection does not do this".to_owned()),
        }
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, SocketIoDat::begin_again) == Some(true)
    }
}

/// The namespace with its slash; empty is the main one.
fn slashed(namespace: &str) -> String {
    if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") }
}

/// Puts a namespace among those of the connection.
fn join(asked: &Asked<'_>, namespace: &str) -> Result<(), String> {
    if namespace.contains(char::is_whitespace) {
        // The parameter would name several.
        return Err(format!("\"{namespace}\" is no namespace: it has blanks"));
    }
    Namespace::new(namespace).map_err(|error| format!("\"{namespace}\" is no namespace: {error}"))?;
    let (network, op) = (asked.network(), asked.op());
    let Some(index) = par(network, op, "namespaces") else { return Ok(()) };
    let names = network.eval(op, index).to_text();
    if names.split_whitespace().any(|name| slashed(name) == namespace) {
        return Ok(());
    }
    asked.set("namespaces", &OwnedValue::Str(format!("{names} {namespace}")))
}

/// Tells a graph what it hears of a connection.
pub(super) fn handle_news(logic: &LogicComp, ear: &Ear, news: News<'_>, tell: impl Fn(ConnectionEvent)) {
    match news {
        News::Opened("/") => tell(ConnectionEvent::Started),
        News::Opened(_) => {}
        News::Closed(namespace, failure, reason) => {
            if failure {
                tell_error(logic, ear, namespace, Rc::from(reason));
            }
            if namespace == "/" {
                tell(ConnectionEvent::Stopped);
            }
        }
        News::Error(namespace, message) => tell_error(logic, ear, namespace, Rc::from(message)),
        News::Event(namespace, name, args) => {
            let message = message_of(args, &|text| logic.say(Level::Warning, "", text));
            let (namespace, name) = (Rc::from(namespace), Rc::from(name));
            tell(ConnectionEvent::Event { namespace, name, message });
        }
    }
}

/// What On Socket.IO Receive shows of an event: a text as it is, anything else as compact JSON, several arguments as one
/// array, bytes as base64 (reference §1.4).
fn message_of(args: &[Value], warn: &dyn Fn(&str)) -> Rc<str> {
    match args {
        [] => Rc::from(""),
        [Value::Text(text)] => Rc::from(text.as_str()),
        [Value::Binary(bytes)] => {
            warn("an event carries bytes: they are handed on as base64");
            Rc::from(STANDARD.encode(bytes))
        }
        [value] => Rc::from(json(value)),
        several => {
            let items: Vec<String> = several.iter().map(json).collect();
            Rc::from(format!("[{}]", items.join(",")))
        }
    }
}

fn json(value: &Value) -> String {
    value.to_json(128).unwrap_or_else(|error| error.to_string())
}
