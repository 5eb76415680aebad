//! `cargo xtask bench logic`: what a node of a logic graph costs, an event that arrives, and how long a large graph takes to load.
//!
//! The engine needs no socket and no patch, so it is measured alone, in the release build of this program on one core; an
//! outside that does nothing stands in the patch's place. A full session is written to `docs/benchmarks-logic.md`.

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use patchcord_logic::compile::{Context, compile};
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{
    ConnectionEvent, ConnectionRequest, ConsoleLine, Occurrence, PatchRequest, Ports, Question,
};
use patchcord_logic::{Engine, Graph, Value, nodes, text};

use super::options::{Choices, Options};
use super::process::{self, Cores};
use super::{BenchError, Machine, build, places};

/// Nodes of a chain.
const CHAIN: usize = 1_000;
/// Nodes of the large graph.
const LARGE: usize = 10_000;
/// Most for a node of a chain.
const BAR_NODE: f64 = 100.0;
/// Most for an event, beyond the operator's own work.
const BAR_EVENT: f64 = 5_000.0;
/// Most for loading the large graph.
const BAR_LOAD: Duration = Duration::from_millis(500);

/// Entry of `cargo xtask bench logic`: builds, and runs the other half.
pub(super) fn run(args: &[String]) -> Result<(), BenchError> {
    let places = places()?;
    build(&places.root, "xtask", None).map_err(BenchError::Build)?;
    let status = Command::new(places.release.join("xtask")).arg("bench-logic").args(args).status()?;
    if status.success() { Ok(()) } else { Err(BenchError::Failed(1)) }
}

/// Entry of `xtask bench-logic`, in the release build.
pub fn measure(args: &[String]) -> Result<(), BenchError> {
    let choices = Choices { benchmark: "logic", names: vec!["engine"], quick: vec!["engine"], works: Vec::new() };
    let options = Options::parse(args, &choices)?;
    let machine = Machine::here()?;
    process::pin(Cores::choose()?.ok_or(BenchError::OneCore)?.server)?;
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for round in 0..options.rounds {
        println!("round {} of {}", round + 1, options.rounds);
        for (index, row) in round_of(options.window).into_iter().enumerate() {
            match rows.get_mut(index) {
                Some(known) => known.1.push(row.1),
                None => rows.push((row.0, vec![row.1])),
            }
        }
    }
    let mut out = String::from("| | median | least | bar | |\n|---|---:|---:|---:|---|\n");
    for (name, mut figures) in rows {
        figures.sort_by(f64::total_cmp);
        let (median, least) = (figures[figures.len() / 2], figures[0]);
        let is_load = name.starts_with("load");
        let bar = if is_load {
            BAR_LOAD.as_nanos() as f64
        } else if name.starts_with("event") {
            BAR_EVENT
        } else {
            BAR_NODE
        };
        let shown = |figure: f64| if is_load { format!("{:.1} ms", figure / 1e6) } else { format!("{figure:.1} ns") };
        let met = if median <= bar { "met" } else { "**missed**" };
        // Writing into a String does not fail.
        let _ = writeln!(out, "| {name} | {} | {} | {} | {met} |", shown(median), shown(least), shown(bar));
    }
    println!("\n{out}");
    if options.full {
        let page = places()?.root.join("docs/benchmarks-logic.md");
        let head = format!(
            "<!-- Written by `cargo xtask bench logic`; changes here are lost. -->\n\n# Logic graphs: what a node costs\n\n\
             {}, {}, Linux {}; {} rounds, on one core, time by the clock of the wall. The engine alone, without sockets and without \
             a patch.\n\n",
            machine.date, machine.processor, machine.kernel, options.rounds
        );
        fs::write(&page, head + &out)?;
        println!("written to {}", page.display());
    }
    Ok(())
}

/// One round: name and nanoseconds of each row.
fn round_of(window: Duration) -> Vec<(String, f64)> {
    let event = |engine: &Engine| engine.occurrence("go", &[]).unwrap_or(Occurrence::Initialize);
    let mut rows = Vec::new();
    for (name, kind, wire) in [
        ("node of a chain: Increment", "type = \"Increment\"", Some("from.input = \"{}.output\"")),
        ("node of a chain: Variable Setter", "type = \"Variable Setter\"\nset.variable = \"n\"\nset.value = 3", None),
        (
            "node of a chain: Concat Strings",
            "type = \"Concat Strings\"\nset.input_1 = \"a\"\nset.input_2 = \"b\"",
            None,
        ),
    ] {
        let mut engine = Engine::new(graph(&chain(CHAIN, kind, wire)));
        let per_run = time(window, || engine.handle(event(&engine), Duration::ZERO, &mut Nowhere));
        rows.push((name.to_owned(), per_run / CHAIN as f64));
    }
    let mut engine = Engine::new(graph(RECEIVE));
    let (namespace, name, message): (Rc<str>, Rc<str>, Rc<str>) = (Rc::from("/"), Rc::from("chat"), Rc::from("hello"));
    let per_event = time(window, || {
        let (namespace, name, message) = (namespace.clone(), name.clone(), message.clone());
        let event = ConnectionEvent::Event { namespace, name, message };
        engine.handle(Occurrence::Connection { connection: 0, event }, Duration::ZERO, &mut Nowhere);
    });
    rows.push(("event to On Receive, Switch, Variable Setter".to_owned(), per_event));
    let large = chain(LARGE, "type = \"Increment\"", Some("from.input = \"{}.output\""));
    let start = Instant::now();
    drop(Engine::new(graph(&large)));
    rows.push((format!("load of {LARGE} nodes, from text to engine"), start.elapsed().as_nanos() as f64));
    rows
}

/// Nanoseconds of one run, over a window.
fn time(window: Duration, mut run: impl FnMut()) -> f64 {
    let (start, mut runs) = (Instant::now(), 0_u64);
    while start.elapsed() < window {
        for _ in 0..100 {
            run();
        }
        runs += 100;
    }
    start.elapsed().as_nanos() as f64 / runs as f64
}

const RECEIVE: &str = r#"
[var.last]
type = "String"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "route"
[node.route]
type = "Switch"
set = { data_type = "String", cases = ["cue", "chat"] }
from.input = "recv.trigger_name"
on.case.chat = "keep"
[node.keep]
type = "Variable Setter"
set.variable = "last"
from.value = "recv.message"
"#;

/// A chain of nodes of one kind behind a custom event, each wired to the one before if `wire` says how.
fn chain(count: usize, kind: &str, wire: Option<&str>) -> String {
    let mut text = String::from(
        "[var.n]\ntype = \"Int\"\n[event.go]\n[node.on]\ntype = \"Event Listener\"\nset.event = \"go\"\nnext = \"n0\"\n",
    );
    for index in 0..count {
        let _ = writeln!(text, "[node.n{index}]\n{kind}");
        if let (Some(wire), 1..) = (wire, index) {
            let _ = writeln!(text, "{}", wire.replace("{}", &format!("n{}", index - 1)));
        }
        if index + 1 < count {
            let _ = writeln!(text, "next = \"n{}\"", index + 1);
        }
    }
    text
}

fn graph(source: &str) -> Graph {
    let connections = [(Family::SocketIo, Rc::from("chat"))];
    let (tree, _) = text::read(source);
    let context = Context { types: nodes::ALL, connections: &connections, plugins_off: &[] };
    let (graph, findings) = compile(&tree, context);
    graph.unwrap_or_else(|| panic!("the benchmark's graph is wrong: {findings:?}"))
}

/// An outside that does nothing.
struct Nowhere;

impl Ports for Nowhere {
    fn console(&mut self, line: ConsoleLine<'_>) {
        panic!("the benchmark's graph says: {}", line.text);
    }

    fn clear_console(&mut self) {}

    fn connection(&mut self, _: &str, _: usize, _: ConnectionRequest) -> Result<(), String> {
        Ok(())
    }

    fn ask(&mut self, _: u64, _: Question) -> Result<(), String> {
        Ok(())
    }

    fn patch(&mut self, _: PatchRequest<'_>) -> Result<Value, String> {
        Ok(Value::Nothing)
    }

    fn command_line_option(&mut self, _: &str) -> Option<String> {
        None
    }

    fn unix_time(&mut self) -> i64 {
        0
    }

    fn zone_offset(&mut self, _: i64) -> i64 {
        0
    }

    fn entropy(&mut self) -> u64 {
        0
    }
}
