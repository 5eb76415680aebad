//! HTTP: a server's routes and answers, and a client (reference §3.3).

use std::rc::Rc;

use crate::convert::to_text;
use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, Family, Field, FieldKind, NodeType,
    PulseSocket, Repeat, Scopes, Shape, SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::nodes::connection::{Listener, Starts};
use crate::nodes::work::fail;
use crate::ports::{Answer, ConnectionEvent, ConnectionRequest, HttpRequest, Level, Occurrence, Payload, Question};
use crate::value::{DataType, Dictionary, Value};

const CONFIGURATION: Attribute = Attribute::new(
    "Configuration",
    AttributeKind::Connection(Family::HttpServer),
    Default::Required,
    "The server, defined in patch.toml as [connection.http_server.NAME].",
);

const METHODS: &[&str] = &["GET", "POST", "PUT", "HEAD", "DELETE"];

/// What the nodes of a server share.
const SERVER: NodeType =
    NodeType { group: "Communication/HTTP", scopes: Scopes::PROJECT_SCENE, attributes: &[CONFIGURATION], ..NODE };

/// HTTP Server Start.
pub static HTTP_SERVER_START: NodeType = NodeType {
    title: "HTTP Server Start",
    help: "Begins to listen. ► fires when that has been asked for; On HTTP Server Start when it listens.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: false })),
    ..SERVER
};

/// HTTP Server Stop.
pub static HTTP_SERVER_STOP: NodeType = NodeType {
    title: "HTTP Server Stop",
    help: "Ends the listening. ► fires when that has been asked for; On HTTP Server Stop when it has ended.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: true })),
    ..SERVER
};

/// On HTTP Server Start.
pub static ON_HTTP_SERVER_START: NodeType = NodeType {
    title: "On HTTP Server Start",
    group: "Communication/HTTP/Events",
    help: "Fires when the server listens.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Started(attributes.index("Configuration")) })),
    ..SERVER
};

/// On HTTP Server Stop.
pub static ON_HTTP_SERVER_STOP: NodeType = NodeType {
    title: "On HTTP Server Stop",
    group: "Communication/HTTP/Events",
    help: "Fires when the server listens no more.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Stopped(attributes.index("Configuration")) })),
    ..SERVER
};

const ROUTE_FIELDS: &[Field] = &[
    Field { name: "Method", kind: FieldKind::Choice(METHODS), help: "The method." },
    Field { name: "URL", kind: FieldKind::Text, help: "The path, as /seats." },
    Field { name: "Is Body Binary", kind: FieldKind::Bool, help: "Whether the body is bytes." },
];

/// On HTTP Route.
pub static ON_HTTP_ROUTE: NodeType = NodeType {
    title: "On HTTP Route",
    group: "Communication/HTTP/Events",
    help: "Fires for a request of one of its routes, by that route's pulse (on.route.1 and so on), whose URL is the whole path: the query is an output, and there are no patterns. An HTTP Response with the Request ID answers it. A HEAD is asked of the route for GET where there is none for HEAD. A request that no route takes goes to the callback of the server's own DAT, and without one is answered with 404; one that nobody answers within 30 s with 504, one for which too many wait with 503.",
    shape: Shape::EventFork,
    attributes: &[
        CONFIGURATION,
        Attribute::new("Routes", AttributeKind::List(ROUTE_FIELDS), Default::Required, "The routes."),
    ],
    pulse_outputs: &[PulseSocket::new("Route", "A request of this route, labelled `path (METHOD)`.")
        .times(Repeat::Entries("Routes"))],
    outputs: &[
        DataSocket::new(
            "Headers",
            DataType::Dictionary,
            "Headers by name in lower case; several of one name joined by a comma.",
        ),
        DataSocket::new("Query", DataType::Dictionary, "The query by name; of a name that comes twice, the last."),
        DataSocket::new("Request ID", DataType::CustomId, "For HTTP Response."),
        DataSocket::new(
            "Body",
            DataType::Any,
            "The body of a request of this route: String, or Binary when its route says so.",
        )
        .times(Repeat::Entries("Routes")),
    ],
    build: |attributes| {
        let mut routes: Vec<Route> = Vec::new();
        for entry in attributes.entries("Routes") {
            let (method, path) = (entry.text("Method"), entry.text("URL"));
            if !path.starts_with('/') {
                return Err(AttributeError {
                    attribute: "Routes",
                    message: format!("\"{path}\" is no path: it begins with /"),
                });
            }
            if path.contains(['?', '#']) {
                return Err(AttributeError {
                    attribute: "Routes",
                    message: format!("\"{path}\" is more than a path: the query comes as the output Query"),
                });
            }
            if routes.iter().any(|route| route.method == method && route.path == path) {
                return Err(AttributeError {
                    attribute: "Routes",
                    message: format!("{path} ({method}) stands there twice"),
                });
            }
            routes.push(Route { method, path, is_binary: entry.flag("Is Body Binary") });
        }
        Ok(Box::new(OnRoute { connection: attributes.index("Configuration"), routes }))
    },
    ..SERVER
};

struct Route {
    method: Rc<str>,
    path: Rc<str>,
    is_binary: bool,
}

struct OnRoute {
    connection: usize,
    routes: Vec<Route>,
}

impl Behaviour for OnRoute {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Received(self.connection)
    }

    fn routes(&self) -> Vec<(Rc<str>, Rc<str>)> {
        self.routes.iter().map(|route| (route.method.clone(), route.path.clone())).collect()
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        let Occurrence::Connection {
            event: ConnectionEvent::Request { request, method, path, headers, query, body },
            ..
        } = occurrence
        else {
            return Ok(Flow::End);
        };
        let Some(index) = self.routes.iter().position(|route| route.method == *method && route.path == *path) else {
            return Ok(Flow::End);
        };
        turn.set(0, Value::Dictionary(headers.clone()));
        turn.set(1, Value::Dictionary(query.clone()));
        turn.set(2, Value::CustomId(*request));
        let data_type = if self.routes[index].is_binary { DataType::Binary } else { DataType::String };
        turn.set(3 + index, body.as_type(data_type));
        Ok(Flow::Out(1 + index))
    }
}

const HEADER_FIELDS: &[Field] = &[
    Field { name: "Key", kind: FieldKind::Text, help: "Name of the header." },
    Field { name: "Value", kind: FieldKind::Text, help: "Its value." },
];

/// HTTP Response.
pub static HTTP_RESPONSE: NodeType = NodeType {
    title: "HTTP Response",
    help: "Answers a request of On HTTP Route, once: a second answer, or one after the time-out, is an error. A client of HTTP/2 that has gone in the meantime is a warning; one of HTTP/1 cannot be told from one that only waits. Text without a Content-Type is plain text.",
    attributes: &[
        CONFIGURATION,
        Attribute::new(
            "Status Code",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(200),
            "What StatusCode is while no wire leads to it.",
        ),
        Attribute::new(
            "Header",
            AttributeKind::List(HEADER_FIELDS),
            Default::Zero,
            "Headers; those of a wire are added, and win.",
        ),
        Attribute::new(
            "Is Request Body Binary",
            AttributeKind::Bool,
            Default::Bool(false),
            "Whether Body takes bytes.",
        ),
        Attribute::new("Default Body", AttributeKind::Text, Default::Zero, "The body while no wire leads to Body."),
    ],
    inputs: &[
        DataSocket::new("Request ID", DataType::CustomId, "From On HTTP Route."),
        DataSocket::new("StatusCode", DataType::Int, "The status, from 200 to 599.").or("Status Code"),
        DataSocket::new("Headers", DataType::Dictionary, "More headers."),
        DataSocket::new("Body", DataType::Any, "The body: String or Binary; anything else is written as JSON.")
            .or("Default Body"),
    ],
    build: |attributes| {
        let headers = pairs(attributes.entries("Header"));
        Ok(Box::new(Respond { connection: attributes.index("Configuration"), headers }))
    },
    ..SERVER
};

struct Respond {
    connection: usize,
    headers: Vec<(Rc<str>, Rc<str>)>,
}

impl Behaviour for Respond {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let Value::CustomId(request) = *turn.input(0) else { return fail("there is no request to answer") };
        let status = turn.int(1);
        let Some(status) = u16::try_from(status).ok().filter(|status| (200..=599).contains(status)) else {
            return fail(format!("a status of {status} is none; they go from 200 to 599"));
        };
        let mut headers = self.headers.clone();
        if let Value::Dictionary(more) = turn.input(2) {
            add(&mut headers, more);
        }
        let body = payload(turn.input(3));
        let request = ConnectionRequest::Respond { request, status, headers, body };
        turn.connection(self.connection, request)?;
        Ok(Flow::Next)
    }

    fn connection(&self) -> Option<usize> {
        Some(self.connection)
    }
}

/// A body from a value.
fn payload(value: &Value) -> Payload {
    match value {
        Value::Binary(bytes) => Payload::Binary(bytes.clone()),
        Value::String(text) => Payload::Text(text.clone()),
        Value::Nothing => Payload::Text(Rc::from("")),
        other => Payload::Text(Rc::from(to_text(other))),
    }
}

/// Names and values of a list attribute.
fn pairs(entries: &[crate::compile::Entry]) -> Vec<(Rc<str>, Rc<str>)> {
    entries.iter().map(|entry| (entry.text("Key"), entry.text("Value"))).collect()
}

/// Puts a dictionary's entries in, in the place of those that have the same name in any case.
fn add(pairs: &mut Vec<(Rc<str>, Rc<str>)>, more: &Dictionary) {
    for (name, value) in more {
        pairs.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        pairs.push((name.clone(), Rc::from(to_text(value))));
    }
}

/// HTTP Client.
pub static HTTP_CLIENT: NodeType = NodeType {
    title: "HTTP Client",
    group: "Communication/HTTP",
    help: "One request. ► fires when it has been issued, OnResponse when its answer is there, OnError when there will be none, of which the console says why. A redirect is an answer like any other, with its status and `location`. An answer has 30 seconds and at most 16 MiB; 100 requests of a graph may be under way.",
    scopes: Scopes::PROJECT_SCENE,
    attributes: &[
        Attribute::new(
            "Remote IP",
            AttributeKind::Value(SocketType::Is(DataType::String)),
            Default::Text("127.0.0.1"),
            "Address or name, or the beginning of a URL: https://example.com. TLS is used with https, and without a scheme on port 443.",
        ),
        Attribute::new(
            "Remote Port",
            AttributeKind::Value(SocketType::Is(DataType::Int)),
            Default::Int(80),
            "The port; 0 is the scheme's own.",
        ),
        Attribute::new("Method", AttributeKind::Choice(METHODS), Default::Text("GET"), "The method."),
        Attribute::new(
            "Path",
            AttributeKind::Value(SocketType::Is(DataType::String)),
            Default::Text("/"),
            "What Path is while no wire leads to it.",
        ),
        Attribute::new(
            "Authentication",
            AttributeKind::Choice(&["None", "Basic"]),
            Default::Text("None"),
            "Whether user and password are sent.",
        ),
        Attribute::new("User", AttributeKind::Text, Default::Zero, "For Basic."),
        Attribute::new("Password", AttributeKind::Text, Default::Zero, "For Basic."),
        Attribute::new(
            "Default Headers",
            AttributeKind::List(HEADER_FIELDS),
            Default::Zero,
            "Headers; those of a wire are added, and win.",
        ),
        Attribute::new(
            "Request Query",
            AttributeKind::List(HEADER_FIELDS),
            Default::Zero,
            "The query; a wire to Query replaces it.",
        ),
        Attribute::new("Default Body", AttributeKind::Text, Default::Zero, "The body while no wire leads to Body."),
        Attribute::new(
            "Data Type",
            AttributeKind::Type(&[DataType::String, DataType::Binary]),
            Default::Type(DataType::String),
            "Whether the Body of the answer is text or bytes (Incari's Is Response Body Binary).",
        ),
    ],
    pulse_outputs: &[
        PulseSocket::new("OnResponse", "The answer is there."),
        PulseSocket::new("OnError", "There is none."),
    ],
    inputs: &[
        DataSocket::new("Remote IP", DataType::String, "Address or name.").or("Remote IP"),
        DataSocket::new("Remote Port", DataType::Int, "The port.").or("Remote Port"),
        DataSocket::new("Path", DataType::String, "The path.").or("Path"),
        DataSocket::new("Headers", DataType::Dictionary, "More headers."),
        DataSocket::new("Query", DataType::Dictionary, "Another query."),
        DataSocket::new(
            "Body",
            DataType::Any,
            "The body, for POST, PUT and DELETE: String or Binary; anything else is written as JSON.",
        )
        .or("Default Body"),
    ],
    outputs: &[
        DataSocket::new("Status Code", DataType::Int, "The status."),
        DataSocket::new("Headers", DataType::Dictionary, "The headers, with names in lower case."),
        DataSocket {
            name: "Body",
            data_type: SocketType::Of("Data Type"),
            repeat: Repeat::Once,
            attribute: None,
            help: "The body.",
        },
    ],
    later: &["OnResponse", "OnError"],
    build: |attributes| {
        let method = METHODS.iter().copied().find(|method| *method == &*attributes.text("Method")).unwrap_or("GET");
        let basic = (&*attributes.text("Authentication") == "Basic")
            .then(|| (attributes.text("User"), attributes.text("Password")));
        Ok(Box::new(Client {
            method,
            basic,
            headers: pairs(attributes.entries("Default Headers")),
            query: pairs(attributes.entries("Request Query")),
        }))
    },
    ..NODE
};

struct Client {
    method: &'static str,
    basic: Option<(Rc<str>, Rc<str>)>,
    headers: Vec<(Rc<str>, Rc<str>)>,
    query: Vec<(Rc<str>, Rc<str>)>,
}

impl Behaviour for Client {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let (host, path, port) = (turn.text(0), turn.text(2), turn.int(1));
        let Ok(port) = u16::try_from(port) else { return fail(format!("a port of {port} is none")) };
        let mut headers = self.headers.clone();
        if let Value::Dictionary(more) = turn.input(3) {
            add(&mut headers, more);
        }
        let mut query = self.query.clone();
        if let Value::Dictionary(wired) = turn.input(4)
            && !wired.is_empty()
        {
            query = wired.iter().map(|(name, value)| (name.clone(), Rc::from(to_text(value)))).collect();
        }
        let has_body = matches!(self.method, "POST" | "PUT" | "DELETE");
        let body = if has_body { payload(turn.input(5)) } else { Payload::Text(Rc::from("")) };
        let basic = self.basic.clone();
        let request = HttpRequest { method: self.method, host, port, path, query, headers, basic, body };
        turn.ask(Question::Http(request))?;
        Ok(Flow::Next)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        match occurrence {
            Occurrence::Answer { result: Answer::Response { status, headers, body }, .. } => {
                turn.set(0, Value::Int(i32::from(*status)));
                turn.set(1, Value::Dictionary(headers.clone()));
                let body = body.as_type(turn.output_type(2));
                turn.set(2, body);
                Ok(Flow::Out(1))
            }
            Occurrence::Answer { result: Answer::Failed(reason), .. } => {
                turn.say(Level::Error, reason);
                Ok(Flow::Out(2))
            }
            _ => Ok(Flow::End),
        }
    }
}
