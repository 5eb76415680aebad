//! The outside of a graph: what it asks for, and what it is told.
//!
//! An engine owns no socket, no file, no patch and no clock. [`Ports`] is what it asks of whoever does; answers and
//! events come back through [`crate::Engine::handle`] as [`Occurrence`]s.

use std::rc::Rc;

use crate::value::{DataType, Dictionary, Value};

/// What an engine asks of the outside. Nothing here calls back into the engine: what a call causes is told later.
pub trait Ports {
    /// A line for the console.
    fn console(&mut self, line: ConsoleLine<'_>);

    /// Empties the console.
    fn clear_console(&mut self);

    /// Something of a connection, by its position in [`crate::Graph::connections`]. `node` asks for it, named as in
    /// [`ConsoleLine::node`].
    ///
    /// # Errors
    /// In plain words, when it cannot even be tried; the console names the node. What fails later comes as
    /// [`ConnectionEvent::Error`].
    fn connection(&mut self, node: &str, connection: usize, request: ConnectionRequest) -> Result<(), String>;

    /// Something that answers once, with [`Occurrence::Answer`] of that number.
    ///
    /// # Errors
    /// In plain words, when it cannot even be tried.
    fn ask(&mut self, answer: u64, question: Question) -> Result<(), String>;

    /// Reads or changes the patch around the graph, at once.
    ///
    /// # Errors
    /// In plain words: no such operator, row, parameter.
    fn patch(&mut self, request: PatchRequest<'_>) -> Result<Value, String>;

    /// The value of a command line option, if it was given.
    fn command_line_option(&mut self, name: &str) -> Option<String>;

    /// Milliseconds since 1970, UTC.
    fn unix_time(&mut self) -> i64;

    /// The zone of the machine: milliseconds east of UTC at a time in milliseconds since 1970.
    fn zone_offset(&mut self, unix_time: i64) -> i64;

    /// Random bits.
    fn entropy(&mut self) -> u64;
}

/// How a line of the console is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For who makes the graph.
    Debug,
    /// For who runs it.
    Info,
    /// Worth a look.
    Warning,
    /// Something did not happen.
    Error,
}

/// A line for the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleLine<'a> {
    /// How it is shown.
    pub level: Level,
    /// The node that it comes from, as `function/node` inside a function; empty when it is of the graph as a whole.
    pub node: &'a str,
    /// The text.
    pub text: &'a str,
}

/// Text or bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Text.
    Text(Rc<str>),
    /// Bytes.
    Binary(Rc<[u8]>),
}

/// What a node asks of a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionRequest {
    /// Open it. A no-op with a note when it is open.
    Start,
    /// Close it. A no-op with a note when it is closed.
    Stop,
    /// Socket.IO: one event with one text.
    Emit {
        /// Namespace; empty means `/`.
        namespace: Rc<str>,
        /// Name of the event.
        event: Rc<str>,
        /// The text.
        message: Rc<str>,
    },
    /// Socket.IO: listen for an event of a namespace.
    Subscribe {
        /// Namespace.
        namespace: Rc<str>,
        /// Name of the event.
        event: Rc<str>,
    },
    /// Socket.IO: end that.
    Unsubscribe {
        /// Namespace.
        namespace: Rc<str>,
        /// Name of the event.
        event: Rc<str>,
    },
    /// WebSocket, TCP, UDP: send a message.
    Send(Payload),
    /// MQTT: publish.
    Publish {
        /// The topic.
        topic: Rc<str>,
        /// What is published.
        message: Payload,
    },
    /// MQTT: subscribe to topic filters.
    SubscribeTopics(Vec<Rc<str>>),
    /// HTTP server: the answer to a request.
    Respond {
        /// The number that the request came with.
        request: u64,
        /// Status code.
        status: u16,
        /// Header names and values.
        headers: Vec<(Rc<str>, Rc<str>)>,
        /// The body.
        body: Payload,
    },
}

/// What answers once.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// An HTTP request.
    Http(HttpRequest),
    /// The content of a file, as text. Answered with [`Answer::Text`].
    LoadFile {
        /// Path; relative to the patch.
        path: Rc<str>,
    },
    /// Writes a file. Answered with [`Answer::Done`].
    SaveFile {
        /// Path; relative to the patch.
        path: Rc<str>,
        /// What it will hold.
        content: Payload,
        /// Whether a file that is there may be replaced.
        overwrite: bool,
    },
}

/// An HTTP request of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRequest {
    /// `GET` and so on.
    pub method: &'static str,
    /// Host name, address, or the beginning of a URL with its scheme, and perhaps a path that [`HttpRequest::path`] follows.
    pub host: Rc<str>,
    /// Port; 0 is the scheme's own.
    pub port: u16,
    /// Path.
    pub path: Rc<str>,
    /// Names and values of the query, not yet encoded.
    pub query: Vec<(Rc<str>, Rc<str>)>,
    /// Header names and values.
    pub headers: Vec<(Rc<str>, Rc<str>)>,
    /// User and password of Basic authentication.
    pub basic: Option<(Rc<str>, Rc<str>)>,
    /// The body.
    pub body: Payload,
}

/// What a question was answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An HTTP response.
    Response {
        /// Status code.
        status: u16,
        /// Headers, by name; several of one name joined by `, `.
        headers: Rc<Dictionary>,
        /// The body: text where it is UTF-8.
        body: Payload,
    },
    /// A text.
    Text(Rc<str>),
    /// It is done.
    Done,
    /// It failed, in plain words.
    Failed(String),
}

/// What a node asks of the patch. Paths are relative to the component that holds the graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PatchRequest<'a> {
    /// The value of a parameter.
    Parameter {
        /// Path of the operator.
        operator: &'a str,
        /// Script name of the parameter.
        name: &'a str,
    },
    /// Sets a parameter; the new value is the answer.
    SetParameter {
        /// Path of the operator.
        operator: &'a str,
        /// Script name of the parameter.
        name: &'a str,
        /// The value.
        value: &'a Value,
    },
    /// Pulses a parameter.
    Pulse {
        /// Path of the operator.
        operator: &'a str,
        /// Script name of the parameter.
        name: &'a str,
    },
    /// The text of a DAT; a table in its text form.
    Text {
        /// Path of the operator.
        operator: &'a str,
    },
    /// Sets the text of a DAT.
    SetText {
        /// Path of the operator.
        operator: &'a str,
        /// The text.
        text: &'a str,
    },
    /// A table as an array of arrays of text.
    Table {
        /// Path of the operator.
        operator: &'a str,
    },
    /// A cell; row and column by number or name.
    Cell {
        /// Path of the operator.
        operator: &'a str,
        /// Row: an Int, or a name.
        row: &'a Value,
        /// Column: an Int, or a name.
        column: &'a Value,
    },
    /// Sets a cell.
    SetCell {
        /// Path of the operator.
        operator: &'a str,
        /// Row: an Int, or a name.
        row: &'a Value,
        /// Column: an Int, or a name.
        column: &'a Value,
        /// The text.
        text: &'a str,
    },
    /// Appends a row.
    AppendRow {
        /// Path of the operator.
        operator: &'a str,
        /// Its cells.
        cells: &'a [Value],
    },
    /// The value of a channel, as Float.
    Channel {
        /// Path of the operator.
        operator: &'a str,
        /// Name of the channel.
        channel: &'a str,
    },
}

/// What has happened outside, or what an event of the graph itself carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Occurrence {
    /// The graph begins.
    Initialize,
    /// A custom event, by its position in the graph, with its parameters.
    Custom {
        /// Which event.
        event: usize,
        /// A value for each parameter.
        parameters: Vec<Value>,
    },
    /// A variable was set to another value.
    Changed {
        /// Which variable.
        variable: usize,
        /// Its new value.
        value: Value,
    },
    /// A variable was set, also to the same value.
    Set {
        /// Which variable.
        variable: usize,
        /// Its value.
        value: Value,
    },
    /// Something of a connection.
    Connection {
        /// Which connection, as in [`crate::Graph::connections`].
        connection: usize,
        /// What happened.
        event: ConnectionEvent,
    },
    /// A time-out of a node has come, or the next period of an interval.
    Due {
        /// The instance.
        instance: u64,
    },
    /// A time-out or an interval of a node was ended before its time.
    Ended {
        /// The instance.
        instance: u64,
    },
    /// A question was answered.
    Answer {
        /// The number that [`Ports::ask`] was given.
        answer: u64,
        /// The answer.
        result: Answer,
    },
}

impl Occurrence {
    /// Bytes of the texts and messages that it carries.
    pub fn bytes(&self) -> usize {
        match self {
            Occurrence::Custom { parameters, .. } => parameters.iter().map(Value::bytes).sum(),
            Occurrence::Changed { value, .. } | Occurrence::Set { value, .. } => value.bytes(),
            Occurrence::Connection { event, .. } => match event {
                ConnectionEvent::Started | ConnectionEvent::Stopped => 0,
                ConnectionEvent::Error { message, .. } | ConnectionEvent::Event { message, .. } => message.len(),
                ConnectionEvent::Message(message) | ConnectionEvent::Topic { message, .. } => message.bytes(),
                ConnectionEvent::Request { body, .. } => body.bytes(),
            },
            Occurrence::Answer { result, .. } => match result {
                Answer::Response { body, .. } => body.bytes(),
                Answer::Text(text) => text.len(),
                Answer::Done | Answer::Failed(_) => 0,
            },
            Occurrence::Initialize | Occurrence::Due { .. } | Occurrence::Ended { .. } => 0,
        }
    }
}

/// What happens to a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionEvent {
    /// It is open.
    Started,
    /// It is closed.
    Stopped,
    /// Something went wrong.
    Error {
        /// Socket.IO: the namespace; else empty.
        namespace: Rc<str>,
        /// In plain words.
        message: Rc<str>,
    },
    /// Socket.IO: an event that somebody has subscribed to.
    Event {
        /// The namespace.
        namespace: Rc<str>,
        /// Name of the event.
        name: Rc<str>,
        /// What it carried, as text.
        message: Rc<str>,
    },
    /// WebSocket, TCP, UDP: a message.
    Message(Payload),
    /// MQTT: a message of a topic.
    Topic {
        /// The topic.
        topic: Rc<str>,
        /// What was published.
        message: Payload,
    },
    /// HTTP server: a request. Somebody has to answer it with its number.
    Request {
        /// The number for the answer.
        request: u64,
        /// `GET` and so on.
        method: Rc<str>,
        /// The path, decoded, without the query.
        path: Rc<str>,
        /// Headers by name.
        headers: Rc<Dictionary>,
        /// The query by name.
        query: Rc<Dictionary>,
        /// The body.
        body: Payload,
    },
}

impl Payload {
    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        match self {
            Payload::Text(text) => text.len(),
            Payload::Binary(bytes) => bytes.len(),
        }
    }

    /// The payload as a value: text stays text, bytes stay bytes.
    pub fn into_value(self) -> Value {
        match self {
            Payload::Text(text) => Value::String(text),
            Payload::Binary(bytes) => Value::Binary(bytes),
        }
    }

    /// The payload as a value of one of the two types; bytes that are no UTF-8 become text with replacement characters.
    pub fn as_type(&self, data_type: DataType) -> Value {
        match (self, data_type) {
            (Payload::Text(text), DataType::Binary) => Value::Binary(Rc::from(text.as_bytes())),
            (Payload::Binary(bytes), DataType::String) => Value::text(String::from_utf8_lossy(bytes)),
            (payload, _) => payload.clone().into_value(),
        }
    }
}
