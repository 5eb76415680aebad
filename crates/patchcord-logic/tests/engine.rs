//! Order, loops, time, functions, edits and the debugger, on graphs as people write them.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{graph, run};
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionEvent, ConnectionRequest};
use patchcord_logic::{NodeRef, Pace, Value};

/// A console node.
fn say(id: &str, more: &str) -> String {
    format!("[node.{id}]\ntype = \"Console\"\nset.value = \"{id}\"\n{more}\n")
}

#[test]
fn an_answer_to_each_event_that_is_received() {
    let mut running = run(r#"
[project]
name = "chat-ack"
format = 1

[node.init]
type = "On Initialize"
next = "open"

[node.open]
type = "Socket.IO Start"
set.configuration = "chat"

[node.up]
type = "On Socket.IO Start"
set.configuration = "chat"
next = "listen"

[node.listen]
type = "Socket.IO Subscribe"
set.configuration = "chat"
set.event_name = "chat"

[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "route"

[node.route]
type = "Switch"
set.data_type = "String"
set.cases = ["chat"]
from.input = "recv.trigger_name"
on.case.chat = "show"

[node.show]
type = "Console"
from.input = "recv.message"
next = "ack"

[node.ack]
type = "Socket.IO Send"
set.configuration = "chat"
set.event_name = "ack"
from.namespace = "recv.namespace"
from.message = "recv.message"
"#);
    assert_eq!(running.outside.requests, [(0, ConnectionRequest::Start)]);
    running.happens(Family::SocketIo, ConnectionEvent::Started);
    running.receive("chat", "hello");
    running.receive("other", "nobody waits");
    let (slash, chat, ack): (Rc<str>, Rc<str>, Rc<str>) = (Rc::from("/"), Rc::from("chat"), Rc::from("ack"));
    assert_eq!(
        running.outside.requests[1..],
        [
            (0, ConnectionRequest::Subscribe { namespace: Rc::from(""), event: chat }),
            (0, ConnectionRequest::Emit { namespace: slash, event: ack, message: Rc::from("hello") }),
        ]
    );
    assert_eq!(running.said(), ["hello"]);
}

#[test]
fn a_branch_ends_before_another_begins() {
    let mut running = run(&format!(
        r#"
[event.ping]
params = [{{ name = "Text", type = "String" }}]

[node.init]
type = "On Initialize"
next = "order"
[node.order]
type = "Sequential"
set.pulse_count = 3
on.pulse.1 = "trigger"
on.pulse.2 = "late"
on.pulse.3 = "c"
[node.trigger]
type = "Event Trigger"
set.event = "ping"
set.text = "pong"
[node.late]
type = "Start Timeout"
set.seconds = 0.5
next = "b"
on.on_start = "a"
{}{}{}
[node.heard]
type = "Event Listener"
set.event = "ping"
next = "print"
[node.print]
type = "Console"
from.input = "heard.text"
"#,
        say("a", ""),
        say("b", ""),
        say("c", ""),
    ));
    // The event that the first branch triggers waits for the end of the whole of it.
    assert_eq!(running.said(), ["a", "c", "pong"]);
    running.wait(0.4);
    assert_eq!(running.said().len(), 3);
    running.wait(0.2);
    assert_eq!(running.said(), ["a", "c", "pong", "b"]);
}

#[test]
fn loops_count_both_ways_and_can_be_nested() {
    let running = run(r#"
[node.init]
type = "On Initialize"
next = "outer"
[node.outer]
type = "For Loop"
set.first_index = 2
set.last_index = 1
set.step = -1
next = "inner"
on.on_end = "end"
[node.inner]
type = "For Loop"
set.last_index = 2
set.is_last_index_included = false
next = "print"
[node.print]
type = "Console"
set.data_type = "Int"
from.input = "outer.index"
next = "print2"
[node.print2]
type = "Console"
set.data_type = "Int"
from.input = "inner.index"
[node.end]
type = "Console"
set.value = "end"
"#);
    assert_eq!(running.said(), ["2", "0", "2", "1", "1", "0", "1", "1", "end"]);
}

#[test]
fn what_has_no_end_is_stopped_and_the_graph_goes_on() {
    let mut running = run(r#"
[var.n]
type = "Int"
[node.init]
type = "On Initialize"
next = "round"
[node.round]
type = "Variable Setter"
set.variable = "n"
set.value = 1
next = "round"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "print"
[node.print]
type = "Console"
from.input = "recv.message"
"#);
    assert_eq!(running.said(), ["stopped: one event has run 1000000 nodes; is there a loop without an end?"]);
    running.receive("x", "still here");
    assert_eq!(running.said()[1], "still here");
}

#[test]
fn functions_give_back_results_also_later_and_recursion_is_bounded() {
    let text = r#"
[function.double]
params = [{ name = "Text", type = "String" }]
results = [{ name = "Twice", type = "String" }]
[function.double.node.in]
type = "Function Input"
next = "wait"
[function.double.node.wait]
type = "Start Timeout"
set.seconds = 1.0
next = "out"
[function.double.node.out]
type = "Function Output"
from.twice = "in.text"

[function.forever]
[function.forever.node.in]
type = "Function Input"
next = "again"
[function.forever.node.again]
type = "Function"
set.function = "forever"

[node.init]
type = "On Initialize"
next = "both"
[node.both]
type = "Sequential"
on.pulse.1 = "call"
on.pulse.2 = "deep"
[node.call]
type = "Function"
set.function = "double"
set.text = "hi"
next = "print"
[node.print]
type = "Console"
from.input = "call.twice"
[node.deep]
type = "Function"
set.function = "forever"
"#;
    let mut running = run(text);
    assert_eq!(running.outside.console, ["Error forever/again: more than 1000 calls of functions are under way"]);
    running.wait(1.0);
    assert_eq!(running.said()[1], "hi");
}

#[test]
fn an_edit_keeps_values_and_what_waits() {
    let text = |word: &str| {
        format!(
            r#"
[var.count]
type = "Int"
initial = 1
[node.init]
type = "On Initialize"
next = "set"
[node.set]
type = "Variable Setter"
set.variable = "count"
set.value = 5
next = "wait"
[node.wait]
type = "Start Timeout"
set.seconds = 2.0
next = "print"
[node.print]
type = "Console"
set.value = "{word}"
"#
        )
    };
    let mut running = run(&text("before"));
    running.wait(1.0);
    running.engine.replace(graph(&text("after")), &mut running.outside);
    assert_eq!(running.engine.variable("count"), Some(&Value::Int(5)));
    assert_eq!(running.engine.output("set", "value"), Some(&Value::Int(5)));
    running.wait(1.0);
    assert_eq!(running.said(), ["after"]);
}

#[test]
fn the_debugger_stops_before_a_node_and_goes_step_by_step() {
    let source = format!(
        "[node.recv]\ntype = \"On Socket.IO Receive\"\nset.configuration = \"chat\"\nnext = \"a\"\n{}{}{}",
        say("a", "next = \"b\""),
        say("b", "next = \"c\""),
        say("c", ""),
    );
    let mut running = run(&source);
    let at = |id: &str| NodeRef { function: Rc::from(""), node: Rc::from(id) };
    running.engine.set_breakpoints([at("b")]);
    running.receive("x", "1");
    assert_eq!((running.engine.pace(), running.engine.standing()), (Pace::Paused, Some(at("b"))));
    assert_eq!(running.said(), ["a"]);
    running.engine.step(&mut running.outside);
    assert_eq!((running.said(), running.engine.standing()), (vec!["a", "b"], Some(at("c"))));
    // What happens meanwhile waits.
    running.receive("x", "2");
    running.engine.resume(&mut running.outside);
    assert_eq!(running.said(), ["a", "b", "c", "a"]);
    running.engine.set_breakpoints([]);
    running.engine.resume(&mut running.outside);
    assert_eq!(running.said(), ["a", "b", "c", "a", "b", "c"]);
    let values = running.engine.values(&at("a"));
    assert_eq!(values, [(Rc::from("input"), Value::text("a")), (Rc::from("output"), Value::text("a"))]);
}

#[test]
fn a_trace_shows_what_wires_bring() {
    let mut running = run(r#"
[var.sum]
type = "Int"
initial = 2
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "add"
[node.add]
type = "Add"
set.count = 3
set.input_3 = 1
from.input_1 = "var.sum"
from.input_2 = "later.length"
next = "later"
[node.later]
type = "Length"
from.string = "recv.message"
"#);
    let lines = Rc::new(RefCell::new(Vec::new()));
    let noted = lines.clone();
    running.engine.trace(Some(Box::new(move |trace| {
        let inputs: Vec<_> = trace.inputs.iter().map(|(name, value)| (name.to_string(), value.cloned())).collect();
        noted.borrow_mut().push((trace.node.id.to_string(), trace.is_pulse, inputs));
    })));
    running.receive("x", "four");
    let input = |name: &str, value| (name.to_owned(), value);
    let expected = [
        ("recv".to_owned(), false, vec![]),
        ("add".to_owned(), true, vec![input("input_1", Some(Value::Int(2))), input("input_2", None)]),
        ("later".to_owned(), true, vec![input("string", Some(Value::text("four")))]),
    ];
    assert_eq!(*lines.borrow(), expected);
    running.engine.trace(None);
    running.receive("x", "");
    assert_eq!(lines.borrow().len(), 3);
}

#[test]
fn intervals_keep_their_grid_and_a_reset_ends_one() {
    let mut running = run(r#"
[node.init]
type = "On Initialize"
next = "tick"
[node.tick]
type = "Start Interval"
set.seconds = 0.25
next = "print"
on.on_reset = "reset"
[node.print]
type = "Console"
set.value = "tick"
[node.reset]
type = "Console"
set.value = "reset"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "stop"
[node.stop]
type = "Reset Interval"
from.instance_id = "tick.instance_id"
"#);
    running.wait(1.0);
    assert_eq!(running.said().len(), 4);
    // A program that was busy for a second sees one tick, and the next on the grid.
    running.now += Duration::from_millis(1100);
    running.engine.advance(running.now, &mut running.outside);
    assert_eq!(running.said().len(), 5);
    assert_eq!(running.engine.next_deadline(), Some(Duration::from_millis(2250)));
    running.receive("x", "");
    assert_eq!((running.said()[5], running.engine.next_deadline()), ("reset", None));
}

#[test]
fn events_that_cause_events_for_ever_leave_others_a_turn() {
    let mut running = run(r#"
[event.again]
[event.stop]
[var.rounds]
type = "Int"
[node.init]
type = "On Initialize"
next = "trigger"
[node.trigger]
type = "Event Trigger"
set.event = "again"
[node.heard]
type = "Event Listener"
set.event = "again"
next = "count"
[node.count]
type = "Add"
from.input_1 = "var.rounds"
set.input_2 = 1
next = "keep"
[node.keep]
type = "Variable Setter"
set.variable = "rounds"
from.value = "count.output"
next = "again"
[node.again]
type = "Event Trigger"
set.event = "again"
[node.end]
type = "Event Listener"
set.event = "stop"
next = "say"
[node.say]
type = "Console"
set.value = "heard"
"#);
    let rounds = |running: &common::Running| match running.engine.variable("rounds") {
        Some(Value::Int(rounds)) => *rounds,
        other => panic!("{other:?}"),
    };
    let first = rounds(&running);
    assert!(first > 1_000 && running.engine.has_more());
    assert_eq!(running.engine.next_deadline(), Some(Duration::ZERO));
    running.engine.trigger("stop", &[], Duration::ZERO, &mut running.outside).unwrap();
    assert_eq!(running.said(), ["heard"], "what comes in between waits for the one before it only");
    assert!(rounds(&running) > first && running.engine.has_more());
}

#[test]
fn no_time_is_an_error() {
    let mut running = run(r#"
[event.go]
params = [{ name = "Seconds", type = "Float" }]
[node.heard]
type = "Event Listener"
set.event = "go"
next = "later"
[node.later]
type = "Start Interval"
from.seconds = "heard.seconds"
"#);
    for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        running.engine.trigger("go", &[Value::Float(seconds)], Duration::ZERO, &mut running.outside).unwrap();
    }
    let errors = ["NaN", "inf", "-inf"].map(|seconds| format!("Error later: {seconds} seconds are no time"));
    assert_eq!(running.outside.console, errors);
    assert_eq!(running.engine.next_deadline(), None);
}

#[test]
fn a_function_that_waits_comes_back_to_the_saved_graph() {
    let text = |inside: &str, more: &str, function: &str| {
        format!(
            r#"
[node.init]
type = "On Initialize"
next = "switch"
[node.switch]
type = "Toggle"
next = "call"
{more}
[node.call]
type = "Function"
set.function = "{function}"
set.number = 4
next = "after"
[node.after]
type = "Conversion"
set = {{ input_data_type = "Int", output_data_type = "String" }}
from.input = "call.double"
next = "say"
[node.say]
type = "Console"
from.input = "after.output"
[function.{function}]
params = [{{ name = "Number", type = "Int" }}]
results = [{{ name = "Double", type = "Int" }}]
[function.{function}.node.in]
type = "Function Input"
next = "wait"
[function.{function}.node.wait]
type = "Start Timeout"
set.seconds = 1.0
next = "sum"
{inside}
[function.{function}.node.sum]
type = "Add"
from.input_1 = "in.number"
from.input_2 = "in.number"
next = "out"
[function.{function}.node.out]
type = "Function Output"
from.double = "sum.output"
"#
        )
    };
    let mut running = run(&text("", "", "double"));
    let other = "[function.double.node.other]\ntype = \"Console\"\n";
    running.engine.replace(graph(&text(other, "[node.more]\ntype = \"Console\"\n", "double")), &mut running.outside);
    assert_eq!(
        running.engine.output("switch", "is_on"),
        Some(&Value::Bool(true)),
        "what the file does not change stays"
    );
    running.wait(1.0);
    assert_eq!(running.said(), ["8"]);
    running.engine.trigger("none", &[], running.now, &mut running.outside).unwrap_err();

    let mut running = run(&text("", "", "double"));
    running.engine.replace(graph(&text("", "", "twice")), &mut running.outside);
    running.wait(2.0);
    assert!(running.said().is_empty(), "the function is gone");
    assert_eq!(running.engine.next_deadline(), None);
}

#[test]
fn calls_that_come_to_nothing_are_no_calls_under_way() {
    let text = r#"
[function.nothing]
[function.nothing.node.in]
type = "Function Input"
next = "branch"
[function.nothing.node.branch]
type = "Branch"
set.input = false
on.on_true = "out"
[function.nothing.node.out]
type = "Function Output"

[node.init]
type = "On Initialize"
next = "loop"
[node.loop]
type = "For Loop"
set.first_index = 0
set.last_index = 5000
next = "call"
on.on_end = "ready"
[node.call]
type = "Function"
set.function = "nothing"
[node.ready]
type = "Console"
set.value = "ready"
"#;
    assert_eq!(run(text).said().first(), Some(&"ready"));
}

#[test]
fn what_a_function_has_started_ends_with_it() {
    let text = r#"
[function.tick]
[function.tick.node.in]
type = "Function Input"
next = "every"
[function.tick.node.every]
type = "Start Interval"
set.seconds = 0.5
on.on_start = "later"
[function.tick.node.later]
type = "Start Timeout"
set.seconds = 3600
on.on_start = "out"
[function.tick.node.out]
type = "Function Output"

[node.got]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "loop"
[node.loop]
type = "For Loop"
set.first_index = 1
set.last_index = 3000
next = "call"
[node.call]
type = "Function"
set.function = "tick"
"#;
    let mut running = run(text);
    // More than may run at a time, if those that are left behind counted.
    for _ in 0..4 {
        running.receive("x", "");
    }
    assert_eq!(running.said().first(), None);
    running.wait(1.0);
    assert!(running.engine.next_deadline() > Some(Duration::from_secs(3000)), "no interval is left");
}
