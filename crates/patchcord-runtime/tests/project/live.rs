//! What an update touches: who is told what, who is made anew, what stays.

use std::path::Path;
use std::rc::Rc;

use patchcord_core::network::Network;
use patchcord_core::parameter::{ParMode, ParValue};
use patchcord_core::patch::{OpId, Source};
use patchcord_core::textport::LineKind;
use patchcord_core::value::OwnedValue;
use patchcord_runtime::project::{Applied, LivePatch, PatchFile};

use crate::types::{TYPES, heard};

const PATCH: &str = r#"
[patch]
format = 1
name = "show"

[op.web]
type = "webserverDAT"
in = ["", "table1"]
par.port = 8000
par.callbacks = "script"
tags = ["net"]
comment = "the server"

[op.script]
type = "textDAT"
text = "def onServerStart(dat): pass"
dock = "web"

[op.table1]
type = "tableDAT"
rows = [["name", "value"], ["a", 1], ["b", 0.5]]

[op.base1]
type = "baseCOMP"

[op."base1/inner"]
type = "tableDAT"
"#;

fn file(text: &str) -> PatchFile {
    let nowhere = Path::new("/nowhere/show");
    PatchFile::parse("patch.toml", text, nowhere, TYPES).unwrap_or_else(|report| panic!("{report:?}"))
}

/// A network with [`PATCH`] in it, everybody started.
fn opened() -> (Network, LivePatch) {
    let network = Network::new(TYPES);
    let live = LivePatch::open(&network, file(PATCH)).unwrap();
    heard();
    (network, live)
}

fn op(network: &Network, path: &str) -> OpId {
    let patch = network.patch();
    patch.find(patch.root(), path).unwrap_or_else(|| panic!("there is no {path}"))
}

fn value(network: &Network, path: &str, parameter: &str) -> ParValue {
    let id = op(network, path);
    let patch = network.patch();
    let index = patch.find_par(id, parameter).unwrap();
    patch.get(id).unwrap().par_value(index)
}

fn set(network: &Network, path: &str, parameter: &str, value: &OwnedValue) {
    let id = op(network, path);
    let index = network.patch().find_par(id, parameter).unwrap();
    network.set_par(id, index, value).unwrap();
}

/// Updates with an edited text.
fn update(network: &Network, live: &mut LivePatch, from: &str, to: &str) -> Applied {
    assert!(PATCH.contains(from), "{from}");
    live.update(network, file(&PATCH.replace(from, to)))
}

#[test]
fn opening_makes_everything_that_the_file_says() {
    let network = Network::new(TYPES);
    LivePatch::open(&network, file(PATCH)).unwrap();
    let web = op(&network, "/project1/web");
    let (script, table) = (op(&network, "/project1/script"), op(&network, "/project1/table1"));
    let patch = network.patch();
    let found = patch.get(web).unwrap();
    assert_eq!(found.inputs(), [None, Some(Source { op: table, output: 0 })]);
    assert_eq!((found.tags.as_slice(), &*found.comment), ([Rc::from("net")].as_slice(), "the server"));
    assert_eq!(patch.docked(web), [script]);
    assert_eq!(patch.get(script).unwrap().content().to_text().as_ref(), "def onServerStart(dat): pass");
    assert_eq!(patch.table(table).unwrap().to_text(), "name\tvalue\na\t1\nb\t0.5\n");
    assert!(patch.find(patch.root(), "/project1/base1/inner").is_some());
    drop(patch);
    assert_eq!(value(&network, "/project1/web", "port"), ParValue::Int(8000));
    let project = network.project();
    assert_eq!((project.name.as_str(), project.folder.as_path()), ("show", Path::new("/nowhere/show")));
}

#[test]
fn everything_is_in_place_before_the_first_operator_starts() {
    let network = Network::new(TYPES);
    LivePatch::open(&network, file(PATCH)).unwrap();
    // The values of a new operator are told too, but only after all have started.
    let heard = heard();
    let starts: Vec<_> = heard.iter().filter(|what| what.ends_with("starts")).cloned().collect();
    assert_eq!(starts, ["project1 starts", "web starts", "table1 starts", "base1 starts", "inner starts"]);
}

#[test]
fn a_patch_can_live_elsewhere() {
    let network = Network::new(TYPES);
    let elsewhere = PATCH.replace("format = 1", "format = 1\nat = \"/show/main\"");
    let mut live = LivePatch::open(&network, file(&elsewhere)).unwrap();
    op(&network, "/show/main/base1/inner");
    let applied = live.update(&network, file(PATCH));
    assert_eq!((applied.removed.len(), applied.added.len()), (5, 5));
    op(&network, "/project1/base1/inner");
    let patch = network.patch();
    assert_eq!(patch.find(patch.root(), "/show/main/web"), None);
}

#[test]
fn what_is_there_already_keeps_a_patch_from_opening_and_nothing_is_left_behind() {
    let network = Network::new(TYPES);
    let root = network.patch().root();
    let base = network.patch().find_type("baseCOMP").unwrap();
    let place = network.patch_mut().create(root, base, Some("project1")).unwrap();
    network.patch_mut().create(place, base, Some("table1")).unwrap();
    let report = LivePatch::open(&network, file(PATCH)).unwrap_err();
    let lines: Vec<_> = report.errors().map(|finding| finding.line()).collect();
    assert_eq!(lines, ["error: /project1/table1: `table1` exists already in /project1"]);
    assert_eq!(network.patch().get(place).unwrap().children().len(), 1);
}

#[test]
fn comments_order_and_spelling_change_nothing() {
    let (network, mut live) = opened();
    let before = network.script_epoch();
    let (head, tail) = PATCH.split_at(PATCH.find("[op.table1]").unwrap());
    let (first, web) = head.split_at(head.find("[op.web]").unwrap());
    let shuffled = format!("# hello\n{first}{tail}\n{}", web.replace("par.port = 8000", "par = { port = \"8000\" }"));
    let shuffled =
        shuffled.replace("par.callbacks = \"script\"\n", "").replace("\"8000\"", "\"8000\", callbacks = 'script'");
    let applied = live.update(&network, file(&shuffled));
    assert!(applied.is_empty(), "{applied}");
    assert_eq!(heard(), [""; 0]);
    assert_eq!(network.script_epoch(), before);
    assert_eq!(network.textport().lines(), []);
}

#[test]
fn an_edited_parameter_is_told_to_its_operator_alone() {
    let (network, mut live) = opened();
    let id = op(&network, "/project1/web");
    let applied = update(&network, &mut live, "par.port = 8000", "par.port = 8001");
    assert_eq!(applied.to_string(), "patch.toml: 1 parameter");
    assert_eq!(heard(), ["web port"]);
    assert_eq!(op(&network, "/project1/web"), id);
    let lines = network.textport().lines();
    let last = lines.last().map(|line| (line.kind, line.text.to_string()));
    assert_eq!(last, Some((LineKind::Status, "patch.toml: 1 parameter".to_owned())));
}

#[test]
fn a_removed_parameter_goes_back_to_its_default() {
    let (network, mut live) = opened();
    update(&network, &mut live, "par.port = 8000\n", "");
    assert_eq!(value(&network, "/project1/web", "port"), ParValue::Int(9980));
}

#[test]
fn run_time_values_stay_where_the_file_did_not_change() {
    let (network, mut live) = opened();
    set(&network, "/project1/web", "port", &OwnedValue::Int(7000));
    set(&network, "/project1/web", "timeout", &OwnedValue::Float(5.0));
    let table = op(&network, "/project1/table1");
    network.patch_mut().table_mut(table).unwrap().append_row(&["c", "2"], None).unwrap();
    update(&network, &mut live, "comment = \"the server\"", "comment = \"a server\"");
    assert_eq!(value(&network, "/project1/web", "port"), ParValue::Int(7000));
    assert_eq!(network.patch().table(table).unwrap().num_rows(), 4);
    // Back to what the file said before is a change of the file too.
    update(&network, &mut live, "par.port = 8000", "par.port = 8001");
    assert_eq!(value(&network, "/project1/web", "port"), ParValue::Int(8001));
    assert_eq!(value(&network, "/project1/web", "timeout"), ParValue::Float(5.0));
}

#[test]
fn a_text_or_table_is_replaced_and_its_owner_stays() {
    let (network, mut live) = opened();
    let web = op(&network, "/project1/web");
    let text = PATCH.replace("): pass", "): return").replace("[\"a\", 1]", "[\"a\", 2]");
    let applied = live.update(&network, file(&text));
    assert_eq!(applied.to_string(), "patch.toml: 1 text, 1 table");
    assert_eq!(heard(), ["table1 content"]);
    assert_eq!(op(&network, "/project1/web"), web);
    let script = op(&network, "/project1/script");
    assert_eq!(&*network.patch().get(script).unwrap().content().to_text(), "def onServerStart(dat): return");
}

#[test]
fn content_that_is_no_longer_in_the_file_is_emptied() {
    let (network, mut live) = opened();
    let applied = update(&network, &mut live, "rows = [[\"name\", \"value\"], [\"a\", 1], [\"b\", 0.5]]\n", "");
    assert_eq!(applied.tables, 1);
    assert!(network.patch().table(op(&network, "/project1/table1")).unwrap().is_empty());
}

#[test]
fn another_type_is_another_operator_and_what_is_docked_to_it_stays() {
    let (network, mut live) = opened();
    let script = op(&network, "/project1/script");
    let to = "[op.web]\ntype = \"tableDAT\"\nin = [\"table1\"]\n";
    let applied = live.update(&network, file(&format!("{}{to}", cut(PATCH, "[op.web]", "[op.script]"))));
    assert_eq!(applied.to_string(), "patch.toml: 1 operator made anew");
    assert_eq!(heard(), ["something stops", "web starts", "web inputs"]);
    assert_eq!(op(&network, "/project1/script"), script);
    let web = op(&network, "/project1/web");
    assert_eq!(network.patch().docked(web), [script]);
}

#[test]
fn wires_lead_to_the_new_operator_when_their_source_is_made_anew() {
    let (network, mut live) = opened();
    let from = "[op.table1]\ntype = \"tableDAT\"\nrows = [[\"name\", \"value\"], [\"a\", 1], [\"b\", 0.5]]";
    update(&network, &mut live, from, "[op.table1]\ntype = \"textDAT\"");
    let (web, table) = (op(&network, "/project1/web"), op(&network, "/project1/table1"));
    assert_eq!(network.patch().get(web).unwrap().inputs()[1], Some(Source { op: table, output: 0 }));
}

#[test]
fn a_component_of_another_type_takes_what_is_inside_with_it() {
    let (network, mut live) = opened();
    let inner = op(&network, "/project1/base1/inner");
    let without = cut(PATCH, "[op.base1]", "");
    let applied = live.update(&network, file(&without));
    assert_eq!(applied.removed.len(), 2);
    assert!(network.patch().get(inner).is_none());
    assert_eq!(applied.to_string(), "patch.toml: 2 operators removed");
    let applied = live.update(&network, file(PATCH));
    assert_eq!(applied.to_string(), "patch.toml: 2 operators added");
}

#[test]
fn what_gives_a_resource_up_is_told_before_what_takes_it() {
    let (network, mut live) = opened();
    let text = format!(
        "{}[op.web2]\ntype = \"webserverDAT\"\npar.port = 8000\n[op.table0]\ntype = \"tableDAT\"\n",
        cut(PATCH, "[op.base1]", "").replace("par.port = 8000", "par.port = 8001")
    );
    let applied = live.update(&network, file(&text));
    assert_eq!(applied.to_string(), "patch.toml: 1 parameter, 2 operators added, 2 operators removed");
    let told = heard();
    let at = |what: &str| told.iter().position(|heard| heard == what).unwrap_or_else(|| panic!("{what}: {told:?}"));
    assert!(at("something stops") < at("web port"));
    assert!(at("web port") < at("web2 starts"));
}

#[test]
fn a_rewired_input_and_a_mode_are_told() {
    let (network, mut live) = opened();
    let text = PATCH.replace("in = [\"\", \"table1\"]", "in = [\"table1\"]");
    let text = text.replace("par.port = 8000", "par.port = { expr = \"1 + 1\" }");
    let applied = live.update(&network, file(&text));
    assert_eq!(applied.to_string(), "patch.toml: 1 parameter, 2 wires");
    let web = op(&network, "/project1/web");
    let patch = network.patch();
    let table = patch.find(patch.root(), "/project1/table1").unwrap();
    assert_eq!(patch.get(web).unwrap().inputs(), [Some(Source { op: table, output: 0 }), None]);
    let port = patch.find_par(web, "port").unwrap();
    assert_eq!(patch.get(web).unwrap().par_state(port).unwrap().mode, ParMode::Expression);
}

#[test]
fn an_operator_that_a_script_destroyed_comes_back_when_its_section_changes() {
    let (network, mut live) = opened();
    let table = op(&network, "/project1/table1");
    network.turn(|network| network.patch_mut().destroy(table)).unwrap();
    let find = |path: &str| {
        let patch = network.patch();
        patch.find(patch.root(), path)
    };
    update(&network, &mut live, "par.port = 8000", "par.port = 8001");
    assert_eq!(find("/project1/table1"), None);
    let applied = update(&network, &mut live, "[\"b\", 0.5]", "[\"b\", 0.6]");
    assert_eq!(applied.added, [Rc::from("/project1/table1")]);
    assert!(find("/project1/table1").is_some());
}

#[test]
fn an_operator_that_a_script_made_is_taken_over_when_the_file_names_it() {
    let (network, mut live) = opened();
    let place = op(&network, "/project1");
    let kind = network.patch().find_type("webserverDAT").unwrap();
    let made = network.turn(|network| network.patch_mut().create(place, kind, Some("web2"))).unwrap();
    let with = format!("{PATCH}[op.web2]\ntype = \"webserverDAT\"\npar.port = 1\n");
    live.update(&network, file(&with));
    assert_eq!(op(&network, "/project1/web2"), made);
    assert_eq!(value(&network, "/project1/web2", "port"), ParValue::Int(1));
    // It belongs to the file from now on.
    live.update(&network, file(PATCH));
    assert!(network.patch().get(made).is_none());
}

#[test]
fn what_a_script_docked_to_a_removed_operator_goes_with_it() {
    let (network, mut live) = opened();
    let (place, web) = (op(&network, "/project1"), op(&network, "/project1/web"));
    let kind = network.patch().find_type("textDAT").unwrap();
    let made = network.turn(|network| {
        let made = network.patch_mut().create(place, kind, Some("notes")).unwrap();
        network.patch_mut().dock(made, Some(web)).unwrap();
        made
    });
    let text = cut(PATCH, "[op.web]", "[op.script]").replace("dock = \"web\"\n", "");
    live.update(&network, file(&text));
    assert!(network.patch().get(made).is_none());
    op(&network, "/project1/script");
}

#[test]
fn settings_are_said_and_the_project_is_renamed() {
    let (network, mut live) = opened();
    let applied = update(&network, &mut live, "name = \"show\"", "name = \"tour\"\nframe_rate = 30");
    assert_eq!(applied.to_string(), "patch.toml: settings");
    assert_eq!(network.project().name, "tour");
    assert_eq!(live.file().settings().frame_rate, 30.0);
}

/// A text without what stands between two marks; with an empty second mark, without all that follows the first.
fn cut(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).unwrap();
    let end = if to.is_empty() { text.len() } else { text.find(to).unwrap() };
    format!("{}{}", &text[..start], &text[end..])
}

/// A component with two inputs and an output, its sources, and what its output feeds.
const COMPONENT: &str = r#"
[patch]
format = 1

[op.a]
type = "textDAT"

[op.b]
type = "textDAT"

[op.base]
type = "baseCOMP"
in = ["a", "b"]

[op."base/in1"]
type = "inDAT"

[op."base/in2"]
type = "inDAT"

[op."base/out1"]
type = "outDAT"
in = ["in1"]

[op.table]
type = "tableDAT"
in = ["base"]
"#;

/// What the inputs of an operator come from, as seen from around it.
fn wired(network: &Network, path: &str) -> Vec<String> {
    let id = op(network, path);
    let patch = network.patch();
    let name = |source: &Source| format!("{}:{}", patch.get(source.op).unwrap().name(), source.output);
    patch.inputs(id).iter().map(|source| source.as_ref().map(name).unwrap_or_default()).collect()
}

#[test]
fn wires_of_components_follow_the_file() {
    let network = Network::new(TYPES);
    let mut live = LivePatch::open(&network, file(COMPONENT)).unwrap();
    let base = |network: &Network| wired(network, "/project1/base");
    assert_eq!(
        (base(&network), wired(&network, "/project1/table")),
        (vec!["a:0".into(), "b:0".into()], vec!["base:0".to_owned()])
    );

    // Another In operator before the others: each input has the wire that the file gives it.
    let first = format!("{COMPONENT}\n[op.\"base/in0\"]\ntype = \"inDAT\"\n");
    let applied = live.update(&network, file(&first));
    assert_eq!(
        (applied.refused.as_slice(), base(&network)),
        (&[][..], vec!["a:0".into(), "b:0".into(), String::new()])
    );
    assert_eq!(network.patch().inputs(op(&network, "/project1/base"))[0].unwrap().op, op(&network, "/project1/a"));

    // Another order.
    let moved = first
        .replace("[op.\"base/in1\"]\ntype = \"inDAT\"", "[op.\"base/in1\"]\ntype = \"inDAT\"\npar.connectorder = -1");
    let applied = live.update(&network, file(&moved));
    assert_eq!(
        (applied.refused.as_slice(), base(&network)),
        (&[][..], vec!["a:0".into(), "b:0".into(), String::new()])
    );
    let in1 = op(&network, "/project1/base/in1");
    assert_eq!(network.patch().get(in1).unwrap().inputs()[0].unwrap().op, op(&network, "/project1/a"));

    // An Out operator made anew is wired again on both sides, and one fewer input leaves no wire behind.
    let fewer =
        COMPONENT.replace("in = [\"a\", \"b\"]", "in = [\"b\"]").replace("[op.\"base/in2\"]\ntype = \"inDAT\"\n", "");
    let fewer = fewer.replace("base/out1", "base/out2");
    let applied = live.update(&network, file(&fewer));
    assert_eq!((applied.refused.as_slice(), base(&network)), (&[][..], vec!["b:0".to_owned()]));
    assert_eq!(wired(&network, "/project1/table"), ["base:0"]);
    assert_eq!(network.patch().fed_by(op(&network, "/project1/a")), []);
}
