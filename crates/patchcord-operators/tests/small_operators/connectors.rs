//! Inputs and outputs of components, made by In and Out operators, and operators that pass on what they are given.

use patchcord_core::content::{Channels, Content};
use patchcord_core::patch::{OpId, PatchError, Side, Source};
use patchcord_core::value::OwnedValue;

use crate::stage::Stage;

fn inside(stage: &Stage, component: OpId, kind: &str, name: &str) -> OpId {
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let kind = patch.find_type(kind).unwrap();
        patch.create(component, kind, Some(name)).unwrap()
    })
}

fn wire(stage: &Stage, target: OpId, input: usize, source: Option<(OpId, u8)>) -> Result<(), PatchError> {
    let source = source.map(|(op, output)| Source { op, output });
    stage.network.turn(|network| network.patch_mut().wire(target, input, source))
}

fn texts(stage: &Stage, texts: &[&str]) -> Vec<OpId> {
    let make = |text: &&str| {
        let op = stage.make("textDAT", text);
        stage.set_text(op, text);
        op
    };
    texts.iter().map(make).collect()
}

/// A component that passes two texts on, from `in1` to `out1` and from `in2` to `out2`.
fn pair(stage: &Stage) -> OpId {
    let base = stage.make("baseCOMP", "base1");
    for (name_in, name_out) in [("in1", "out1"), ("in2", "out2")] {
        let from = inside(stage, base, "inDAT", name_in);
        let to = inside(stage, base, "outDAT", name_out);
        wire(stage, to, 0, Some((from, 0))).unwrap();
    }
    base
}

#[test]
fn a_component_passes_on_what_is_wired_to_it() {
    let stage = Stage::new();
    let [a, b] = texts(&stage, &["a", "b"])[..] else { unreachable!() };
    let base = pair(&stage);
    let [first, second] = ["null1", "null2"].map(|name| stage.make("nullDAT", name));
    wire(&stage, base, 0, Some((a, 0))).unwrap();
    wire(&stage, base, 1, Some((b, 0))).unwrap();
    wire(&stage, first, 0, Some((base, 0))).unwrap();
    wire(&stage, second, 0, Some((base, 1))).unwrap();
    assert_eq!((stage.text(first), stage.text(second)), ("a".into(), "b".into()));
    stage.set_text(b, "changed");
    assert_eq!((stage.text(first), stage.text(second)), ("a".into(), "changed".into()));

    let patch = stage.network.patch();
    let source = |op, output| Some(Source { op, output });
    assert_eq!(patch.inputs(base), [source(a, 0), source(b, 0)], "seen from outside");
    assert_eq!((patch.inputs(second), patch.fed_by(base)), (vec![source(base, 1)], vec![first, second]));
    assert_eq!((patch.fed_by(a), patch.fed_by(first)), (vec![base], vec![]));
    let [in1, out1] = ["base1/in1", "base1/out1"].map(|path| patch.find(patch.root(), path).unwrap());
    assert_eq!((patch.inputs(in1), patch.fed_by(in1)), (vec![], vec![out1]), "and from inside");
    assert_eq!((patch.inputs(out1), patch.fed_by(out1)), (vec![source(in1, 0)], vec![]));
}

#[test]
fn connectors_are_counted_by_order_and_name_over_all_families() {
    let stage = Stage::new();
    let base = stage.make("containerCOMP", "container1");
    for (kind, name) in [("inDAT", "in10"), ("inCHOP", "in2"), ("inDAT", "b"), ("outDAT", "o"), ("textDAT", "in1")] {
        inside(&stage, base, kind, name);
    }
    let names = |side| {
        let patch = stage.network.patch();
        let names = patch.connectors(base, side).into_iter().map(|id| patch.get(id).unwrap().name().to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!((names(Side::In), names(Side::Out)), (vec!["b".into(), "in2".into(), "in10".into()], vec!["o".into()]));
    let last = stage.network.patch().find(base, "b").unwrap();
    stage.set(last, "connectorder", OwnedValue::Int(1));
    assert_eq!(names(Side::In), ["in2", "in10", "b"]);
}

#[test]
fn a_wire_stays_with_its_operator_and_opens_when_it_goes() {
    let stage = Stage::new();
    let [a, b] = texts(&stage, &["a", "b"])[..] else { unreachable!() };
    let base = pair(&stage);
    wire(&stage, base, 0, Some((a, 0))).unwrap();
    wire(&stage, base, 1, Some((b, 0))).unwrap();
    let null = stage.make("nullDAT", "null1");
    wire(&stage, null, 0, Some((base, 0))).unwrap();
    let find = |path: &str| stage.network.patch().find(stage.network.patch().root(), path).unwrap();

    let in1 = find("base1/in1");
    stage.network.turn(|network| network.patch_mut().rename(in1, "later")).unwrap();
    let seen: Vec<_> = stage.network.patch().inputs(base).into_iter().map(|source| source.unwrap().op).collect();
    assert_eq!(seen, [b, a], "`in2` comes first now, and each kept its wire");
    assert_eq!(stage.text(null), "a");

    stage.network.turn(|network| network.patch_mut().destroy(in1)).unwrap();
    assert_eq!(stage.network.patch().inputs(base).len(), 1);
    assert_eq!(stage.network.patch().fed_by(a), []);
    assert_eq!(stage.text(null), "");

    let out1 = find("base1/out1");
    stage.network.turn(|network| network.patch_mut().destroy(out1)).unwrap();
    assert_eq!(stage.network.patch().inputs(null), [None]);
    stage.network.turn(|network| network.patch_mut().destroy(base)).unwrap();
    assert_eq!(stage.network.patch().fed_by(b), []);
}

#[test]
fn what_cannot_be_wired_says_why() {
    let stage = Stage::new();
    let [text] = texts(&stage, &["a"])[..] else { unreachable!() };
    let (base, null, chop) = (pair(&stage), stage.make("nullDAT", "null1"), stage.make("nullCHOP", "null2"));
    let empty = stage.make("baseCOMP", "empty");
    let in1 = stage.network.patch().find(base, "in1").unwrap();
    for (target, input, source, reason) in [
        (base, 2, (text, 0), "/base1 has 2 inputs, there is no input 2; an In DAT or In CHOP inside it makes one"),
        (null, 0, (empty, 0), "/empty has 0 outputs, there is no output 0; an Out DAT or Out CHOP inside it makes one"),
        (null, 0, (text, 1), "/a has 1 output, there is no output 1"),
        (null, 1, (text, 0), "Null DAT has 1 input, there is no input 1"),
        (in1, 0, (text, 0), "In DAT has 0 inputs, there is no input 0"),
        (base, 0, (chop, 0), "a CHOP cannot be wired to a DAT"),
        (chop, 0, (base, 0), "a DAT cannot be wired to a CHOP"),
    ] {
        assert_eq!(wire(&stage, target, input, Some(source)).unwrap_err().to_string(), reason);
    }
}

#[test]
fn tables_and_channels_are_passed_on_whole() {
    let stage = Stage::new();
    let (table, null) = (stage.make("tableDAT", "table1"), stage.make("nullDAT", "null1"));
    assert_eq!(stage.text(null), "");
    wire(&stage, null, 0, Some((table, 0))).unwrap();
    stage.set_table(table, &[&["a", "b"], &["c", "d"]]);
    assert_eq!(stage.text(null), "a\tb\nc\td\n");
    assert!(stage.network.patch().get(null).unwrap().content().as_table().is_some());
    wire(&stage, null, 0, None).unwrap();
    assert_eq!(stage.text(null), "");

    let (info, null) = (stage.make("infoCHOP", "info1"), stage.make("nullCHOP", "null2"));
    let channels = Channels::new(30.0, vec![("a".into(), vec![1.0, 2.0])]);
    wire(&stage, null, 0, Some((info, 0))).unwrap();
    stage.set(info, "op", OwnedValue::Op(table));
    stage.text(null);
    let shown = |op| stage.network.patch().get(op).unwrap().content().as_channels().unwrap().channels.clone();
    assert_eq!(shown(null).len(), 11);
    assert_eq!(shown(null)[0], ("num_rows".into(), vec![2.0]));
    stage.network.turn(|network| network.patch_mut().put_content(null, Content::Channels(channels)));
    assert_eq!(shown(null)[0].1, [1.0, 2.0]);
}
