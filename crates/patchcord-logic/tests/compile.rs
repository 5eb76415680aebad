//! What is wrong with a graph is said at its place, all of it at once.

mod common;

use common::compiled;
use patchcord_logic::finding::{Finding, Severity};

/// The text that a finding is about, its message and what is proposed.
fn shown<'a>(text: &'a str, finding: &'a Finding) -> (&'a str, &'a str, &'a str) {
    (&text[finding.span.clone()], &finding.message, finding.help.as_deref().unwrap_or(""))
}

#[test]
fn every_mistake_at_its_place() {
    let text = r#"
[project]
format = 2
[var.count]
type = "Integer"
[node.init]
type = "On Initialise"
[node.open]
type = "Socket.IO Start"
set.configuration = "chta"
[node.print]
type = "Console"
set.data_typ = "Int"
set.type = "Loud"
from.input = "recv.message"
next = "prnit"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
on.error = "print"
[node.number]
type = "Console"
set.data_type = "Int"
from.input = "recv.message"
[nodes]
"#;
    let (graph, findings) = compiled(text);
    assert!(graph.is_none());
    let errors: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| shown(text, finding))
        .collect();
    let expected = [
        ("2", "this version reads format 1", "format = 1"),
        ("nodes", "a logic file has no \"nodes\"", "did you mean \"node\"?"),
        ("\"Integer\"", "there is no data type \"Integer\"", "did you mean \"Int\"?"),
        ("\"On Initialise\"", "there is no node \"On Initialise\"", "did you mean \"On Initialize\"?"),
        ("\"chta\"", "there is no Socket.IO connection \"chta\"", "did you mean \"chat\"?"),
        ("data_typ", "\"Console\" has no attribute or input \"data_typ\"", "did you mean \"data_type\"?"),
        ("\"Loud\"", "Type cannot be \"Loud\"", "it is one of Debug, Info, Warning, Error"),
    ];
    for one in expected {
        assert!(errors.contains(&one), "{one:?} is not among {errors:#?}");
    }
    assert!(
        errors
            .iter()
            .any(|error| error.1.contains("is String, and the input takes Int") && error.2.contains("Conversion"))
    );
}

#[test]
fn warnings_about_what_runs_and_is_likely_wrong() {
    let text = r#"
[node.init]
type = "On Initialize"
next = "open"
[node.open]
type = "Socket.IO Start"
set.configuration = "chat"
next = "first"
[node.first]
type = "Console"
next = "send"
[node.send]
type = "Socket.IO Send"
set.configuration = "chat"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "a"
[node.a]
type = "Console"
next = "b"
[node.b]
type = "Console"
next = "a"
[node.alone]
type = "Console"
"#;
    let (graph, findings) = compiled(text);
    assert!(graph.is_some(), "{findings:#?}");
    let shown: Vec<_> = findings.iter().map(|finding| shown(text, finding)).map(|one| (one.0, one.1)).collect();
    assert_eq!(
        shown,
        [
            ("\"first\"", "\"send\" runs when the connection has been asked for, not when it is there"),
            (
                "recv",
                "nothing arrives here unless another graph subscribes: this one has no Socket.IO Subscribe for \"chat\""
            ),
            ("a", "pulses go in a circle in which nothing waits: a → b"),
            ("alone", "\"alone\" is never run: no event leads to it"),
        ]
    );
}

#[test]
fn what_does_not_fit_is_said_once() {
    let text = "[var.big]\ntype = \"Int\"\ninitial = 3000000000\n[node.odd]\ntype = 5\n";
    let (graph, findings) = compiled(text);
    assert!(graph.is_none());
    let shown: Vec<_> = findings.iter().map(|finding| shown(text, finding)).map(|one| (one.0, one.1)).collect();
    assert_eq!(
        shown,
        [
            ("3000000000", "a whole number of 32 bits is expected, not 3000000000"),
            ("odd", "a node has to have a type, which is text"),
        ]
    );
}

#[test]
fn inputs_with_names_of_their_own_are_set_as_they_are_wired() {
    let node = "[node.init]\ntype = 'On Initialize'\nnext = 'it'\n[node.it]\ntype = 'Set Dictionary Elements'\n\
                set.keys = [{ key = 'seat', data_type = 'Int' }]\n";
    let (graph, findings) = compiled(&format!("{node}set.value.seat = 3\n"));
    assert!(graph.is_some() && findings.is_empty(), "{findings:#?}");
    for (line, expected) in [
        (
            "set.value.saet = 3",
            (
                "saet",
                "\"Set Dictionary Elements\" has no attribute or input \"value.saet\"",
                "did you mean \"value.seat\"?",
            ),
        ),
        ("set.value.seat = 'x'", ("'x'", "a whole number of 32 bits is expected, not text", "")),
    ] {
        let text = format!("{node}{line}\n");
        let (graph, findings) = compiled(&text);
        assert!(graph.is_none());
        assert_eq!(findings.iter().map(|finding| shown(&text, finding)).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let text = r#"
[node.var]
type = "Console"
[node."a.b"]
type = "Console"
[var.""]
type = "Int"
[event.go]
params = [{ name = "" }]
"#;
    let (graph, findings) = compiled(text);
    assert!(graph.is_none());
    let said: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    for expected in [
        "no node can be called \"var\": wires from \"var.…\" are variables",
        "the id of a node is a word without points and slashes",
        "what stands in `var` has to have a name",
        "a parameter has to have a name",
    ] {
        assert_eq!(said.iter().filter(|one| **one == expected).count(), 1, "{expected}: {said:?}");
    }
}

#[test]
fn what_is_set_and_wired_is_said() {
    let text = r#"
[node.init]
type = "On Initialize"
next = "a"
[node.a]
type = "String Value"
next = "b"
[node.b]
type = "Socket.IO Subscribe"
set = { configuration = "chat", event_name = "x" }
from.event_name = "a.output"
"#;
    let (graph, findings) = compiled(text);
    assert!(graph.is_some(), "{findings:?}");
    let said: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(said, ["a wire leads to \"event_name\": what is set for it never counts"]);
}

#[test]
fn what_can_never_work_is_refused_with_a_way_out() {
    let begin = "[node]\ninit = { type = 'On Initialize', next = 'a' }\n";
    for (nodes, expected) in [
        (
            "a = { type = 'Conversion', set = { input_data_type = 'Byte', output_data_type = 'Binary' } }",
            ("'Binary'", "Output Data Type: Byte cannot become Binary", ""),
        ),
        (
            "a = { type = 'Increment', next = 'b' }\nb = { type = 'Console', from.input = 'a.output' }",
            (
                "'a.output'",
                "\"a.output\" is Int, and the input takes String",
                "set.data_type = \"Int\" here, or put a node between them: type = \"Conversion\", \
                 set.input_data_type = \"Int\", set.output_data_type = \"String\"",
            ),
        ),
        (
            "a = { type = 'Length', next = 'b' }\nb = { type = 'Size of Dictionary', from.dictionary = 'a.length' }",
            ("'a.length'", "\"a.length\" is Int, and the input takes Dictionary", "Int cannot become Dictionary"),
        ),
        (
            "a = { type = 'Console', next = ['b'] }",
            ("['b']", "next is text", "the id of one node; a Sequential leads to several"),
        ),
        (
            "a = { type = 'Console', next = 'b.in' }\nb = { type = 'Console' }",
            ("'b.in'", "\"b\" (Console) has no pulse input \"in\"", "\"b\" alone is its pulse input"),
        ),
        (
            "a = { type = 'On HTTP Route', set = { configuration = 'web', routes = [{ method = 'GET', url = '/x' }] }, \
             next = 'b' }\nb = { type = 'Console' }",
            ("'b'", "\"On HTTP Route\" has no standard pulse output", "it has on.route.1"),
        ),
        (
            "a = { type = 'On MQTT Topic', set = { configuration = 'broker', topics = [{ topic_name = 'x' }] }, next = 'b' }\n\
             b = { type = 'Console' }",
            ("'b'", "\"On MQTT Topic\" has no standard pulse output", "it has on.topic.1"),
        ),
        (
            "a = { type = 'On HTTP Route', set = { configuration = 'web', routes = [{ method = 'GET', url = '/x?a=1' }] } }",
            (
                "[{ method = 'GET', url = '/x?a=1' }]",
                "Routes: \"/x?a=1\" is more than a path: the query comes as the output Query",
                "",
            ),
        ),
    ] {
        let text = format!("{begin}{nodes}\n");
        let (graph, findings) = compiled(&text);
        assert!(graph.is_none(), "{nodes}");
        let said: Vec<_> = findings.iter().map(|finding| shown(&text, finding)).collect();
        assert!(said.contains(&expected), "{expected:?} is not among {said:#?}");
    }
}

#[test]
fn parameters_that_wires_cannot_tell_apart_are_refused() {
    let text = "[event.pay]\nparams = [{ name = 'Seat A' }, { name = 'seat a' }]\n";
    let (graph, findings) = compiled(text);
    assert!(graph.is_none());
    let said: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(said, ["the parameters \"Seat A\" and \"seat a\" are both \"seat_a\" in wires"]);
}

#[test]
fn wires_that_a_node_cannot_do_without_are_missed() {
    let text = r#"
[function.ask.node]
in = { type = "Function Input" }
[node]
route = { type = "On HTTP Route", set = { configuration = "web", routes = [{ method = "GET", url = "/x" }, { method = "GET", url = "/y" }] }, on.route.1 = "answer" }
answer = { type = "HTTP Response", set.configuration = "web", next = "ask" }
ask = { type = "Function", set.function = "ask", next = "cancel" }
cancel = { type = "Cancel Timeout" }
"#;
    let (graph, findings) = compiled(text);
    assert!(graph.is_some(), "{findings:#?}");
    let said: Vec<_> = findings.iter().map(|finding| shown(text, finding)).collect();
    assert_eq!(
        said,
        [
            ("route", "nothing is behind \"route.2\"", "on.route.2 = \"ID\""),
            (
                "answer",
                "no wire leads to \"request_id\", and without it the node does nothing",
                "from.request_id = \"ID.request_id\"; it comes from On HTTP Route",
            ),
            (
                "ask",
                "what is behind it is never run: the function \"ask\" has no Function Output",
                "let a branch of \"ask\" end in a node of type = \"Function Output\"",
            ),
            (
                "cancel",
                "no wire leads to \"instance_id\", and without it the node does nothing",
                "from.instance_id = \"ID.instance_id\"; it comes from Start Timeout",
            ),
        ]
    );
}
