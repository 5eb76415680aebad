//! What the tests of graphs share: an outside that notes what it is asked, and a clock that they move.

#![allow(dead_code)]

use std::rc::Rc;
use std::time::Duration;

use patchcord_logic::compile::{Context, compile};
use patchcord_logic::declaration::Family;
use patchcord_logic::finding::{Finding, Severity};
use patchcord_logic::ports::{
    ConnectionEvent, ConnectionRequest, ConsoleLine, Occurrence, PatchRequest, Ports, Question,
};
use patchcord_logic::{Engine, Graph, Value, nodes, text};

/// Notes what a graph asks.
#[derive(Default)]
pub struct Outside {
    /// `level node: text`
    pub console: Vec<String>,
    /// Requests by connection.
    pub requests: Vec<(usize, ConnectionRequest)>,
    /// Questions with their numbers.
    pub questions: Vec<(u64, Question)>,
    /// The clock of the wall, in milliseconds since 1970.
    pub unix_time: i64,
    /// Requests to the patch, as they print.
    pub patch: Vec<String>,
    /// What they are answered with.
    pub answer: Option<Result<Value, String>>,
}

impl Ports for Outside {
    fn console(&mut self, line: ConsoleLine<'_>) {
        self.console.push(format!("{:?} {}: {}", line.level, line.node, line.text));
    }

    fn clear_console(&mut self) {
        self.console.clear();
    }

    fn connection(&mut self, _: &str, connection: usize, request: ConnectionRequest) -> Result<(), String> {
        self.requests.push((connection, request));
        Ok(())
    }

    fn ask(&mut self, answer: u64, question: Question) -> Result<(), String> {
        self.questions.push((answer, question));
        Ok(())
    }

    fn patch(&mut self, request: PatchRequest<'_>) -> Result<Value, String> {
        self.patch.push(format!("{request:?}"));
        self.answer.clone().unwrap_or(Ok(Value::Nothing))
    }

    fn command_line_option(&mut self, name: &str) -> Option<String> {
        (name == "seat").then(|| "7".to_owned())
    }

    fn unix_time(&mut self) -> i64 {
        self.unix_time
    }

    fn zone_offset(&mut self, _: i64) -> i64 {
        3_600_000
    }

    fn entropy(&mut self) -> u64 {
        42
    }
}

/// A graph that runs.
pub struct Running {
    pub engine: Engine,
    pub outside: Outside,
    pub now: Duration,
}

/// The connections of all tests.
pub fn connections() -> Vec<(Family, Rc<str>)> {
    vec![
        (Family::SocketIo, Rc::from("chat")),
        (Family::WebSocket, Rc::from("socket")),
        (Family::HttpServer, Rc::from("web")),
        (Family::Mqtt, Rc::from("broker")),
        (Family::Tcp, Rc::from("line")),
        (Family::Udp, Rc::from("cast")),
    ]
}

/// Compiles a text; findings of reading and of compiling together.
pub fn compiled(source: &str) -> (Option<Graph>, Vec<Finding>) {
    let (tree, mut findings) = text::read(source);
    let connections = connections();
    let context = Context { types: nodes::ALL, connections: &connections, plugins_off: &[] };
    let (graph, more) = compile(&tree, context);
    let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
    findings.extend(more);
    (graph.filter(|_| !broken), findings)
}

/// Compiles a text that has to be right, warnings or not.
pub fn graph(source: &str) -> Graph {
    let (graph, findings) = compiled(source);
    graph.unwrap_or_else(|| panic!("the graph is wrong: {findings:#?}"))
}

/// Runs a text from its beginning.
pub fn run(source: &str) -> Running {
    let mut running = Running { engine: Engine::new(graph(source)), outside: Outside::default(), now: Duration::ZERO };
    running.engine.initialize(Duration::ZERO, &mut running.outside);
    running
}

impl Running {
    /// Lets time pass; what is due in between runs at its time.
    pub fn wait(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while let Some(next) = self.engine.next_deadline().filter(|next| *next <= end) {
            self.engine.advance(next, &mut self.outside);
        }
        self.now = end;
        self.engine.advance(end, &mut self.outside);
    }

    /// Something happens to the connection of a family.
    pub fn happens(&mut self, family: Family, event: ConnectionEvent) {
        let connection = connections().iter().position(|one| one.0 == family).unwrap();
        self.engine.handle(Occurrence::Connection { connection, event }, self.now, &mut self.outside);
    }

    /// An event of Socket.IO arrives.
    pub fn receive(&mut self, name: &str, message: &str) {
        let event =
            ConnectionEvent::Event { namespace: Rc::from("/"), name: Rc::from(name), message: Rc::from(message) };
        self.happens(Family::SocketIo, event);
    }

    /// The texts of the console, without level and node.
    pub fn said(&self) -> Vec<&str> {
        self.outside.console.iter().map(|line| line.split_once(": ").unwrap().1).collect()
    }
}
