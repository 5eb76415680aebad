//! Operators that compute what they show from others, and the stand-in.

use patchcord_core::content::{Channels, Content};
use patchcord_core::patch::{OpId, Source};
use patchcord_core::value::OwnedValue;
use patchcord_operators::stand_in::{Asked, StandIn};

use crate::stage::{Stage, off, on, str};

fn channels(stage: &Stage, op: OpId) -> Vec<(String, Vec<f64>)> {
    stage.network.turn(|network| network.cook(op));
    let patch = stage.network.patch();
    let channels = &patch.get(op).unwrap().content().as_channels().unwrap().channels;
    channels.iter().map(|(name, samples)| (name.to_string(), samples.clone())).collect()
}

fn cooks(stage: &Stage, op: OpId) -> u64 {
    stage.network.patch().get(op).unwrap().cook.total
}

fn wire(stage: &Stage, target: OpId, input: usize, op: OpId) {
    let source = Some(Source { op, output: 0 });
    stage.network.turn(|network| network.patch_mut().wire(target, input, source)).unwrap();
}

const ROWS: &[&[&str]] =
    &[&["name", "x", "y"], &["a", "1", "2"], &["b", "3", "4"], &["c1", "5", "six"], &["c2", "7", "8"]];

fn table(stage: &Stage) -> OpId {
    let table = stage.make("tableDAT", "table1");
    stage.set_table(table, ROWS);
    table
}

#[test]
fn select_chooses_rows_and_columns() {
    let stage = Stage::new();
    table(&stage);
    let int = OwnedValue::Int;
    let all = "name\tx\ty\na\t1\t2\nb\t3\t4\nc1\t5\tsix\nc2\t7\t8\n";
    for (at, (parameters, expected)) in [
        (vec![], all),
        (
            vec![("extractrows", str("byname")), ("rownamestart", str("a")), ("rownameend", str("b"))],
            "a\t1\t2\nb\t3\t4\n",
        ),
        (
            vec![("extractrows", str("byindex")), ("rowindexstart", int(3)), ("rowindexend", int(-1))],
            "c1\t5\tsix\nc2\t7\t8\n",
        ),
        (
            vec![("extractrows", str("bynameindex")), ("rownamestart", str("c1")), ("rowindexend", int(99))],
            "c1\t5\tsix\nc2\t7\t8\n",
        ),
        (
            vec![("extractrows", str("byindexname")), ("rowindexstart", int(0)), ("rownameend", str("a"))],
            "name\tx\ty\na\t1\t2\n",
        ),
        (vec![("extractrows", str("bynames")), ("rownames", str("c* ^c1"))], "c2\t7\t8\n"),
        (vec![("extractrows", str("bynames")), ("rownames", str("c2")), ("firstrow", on())], "name\tx\ty\nc2\t7\t8\n"),
        (vec![("extractrows", str("bynames")), ("rownames", str("3")), ("fromcol", str("x"))], "b\t3\t4\n"),
        (
            vec![("extractcols", str("bynames")), ("colnames", str("y")), ("firstcol", on())],
            "name\ty\na\t2\nb\t4\nc1\tsix\nc2\t8\n",
        ),
        (vec![("extractcols", str("bynames")), ("colnames", str("5")), ("fromrow", str("c1"))], "x\n1\n3\n5\n7\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut parameters = parameters;
        parameters.push(("dat", str("table1")));
        let select = stage.make_with("selectDAT", &format!("select{at}"), &parameters);
        assert_eq!(stage.text(select), expected, "{parameters:?}");
        assert_eq!(stage.problems(select), [], "{parameters:?}");
    }
}

#[test]
fn what_select_cannot_find_is_a_warning() {
    let stage = Stage::new();
    let table = table(&stage);
    let parameters = [("dat", str("table1")), ("extractrows", str("byname")), ("rownamestart", str("z"))];
    let select = stage.make_with("selectDAT", "select1", &parameters);
    assert_eq!(stage.text(select), "");
    assert_eq!(stage.problems(select), [("extract", "there is no row `z`".to_owned())]);
    stage.set(select, "extractrows", str("byexpr"));
    assert_eq!(stage.text(select).lines().count(), ROWS.len());
    assert_eq!(stage.problems(select), [("extract", "rows are not chosen by a condition here".to_owned())]);
    stage.set(select, "extractrows", str("all"));
    stage.set(select, "dat", str("nobody"));
    assert_eq!(stage.text(select), "");
    assert_eq!(stage.problems(select), [("reference", "there is no operator `nobody`".to_owned())]);
    stage.set(select, "dat", str(""));
    wire(&stage, select, 0, table);
    assert_eq!((stage.text(select).lines().count(), stage.problems(select)), (ROWS.len(), vec![]));
}

#[test]
fn nothing_cooks_twice_for_the_same() {
    let stage = Stage::new();
    let table = table(&stage);
    let select = stage.make_with("selectDAT", "select1", &[("dat", str("table1"))]);
    let null = stage.make("nullDAT", "null1");
    wire(&stage, null, 0, select);
    for _ in 0..3 {
        stage.text(null);
    }
    assert_eq!((cooks(&stage, select), cooks(&stage, null)), (1, 1));
    stage.set_table(table, &[&["other"]]);
    assert_eq!((stage.text(null).as_str(), cooks(&stage, null)), ("other\n", 2));
    stage.set(select, "firstrow", on());
    stage.text(null);
    assert_eq!(cooks(&stage, null), 2, "the selection says the same");
}

#[test]
fn a_loop_of_wires_names_its_path() {
    let stage = Stage::new();
    let (one, other) = (stage.make("nullDAT", "one"), stage.make("nullDAT", "other"));
    wire(&stage, one, 0, other);
    wire(&stage, other, 0, one);
    assert_eq!(stage.text(one), "");
    let problems = stage.problems(one);
    assert!(problems.iter().any(|(_, text)| text.contains("/one -> /other -> /one")), "{problems:?}");
}

#[test]
fn a_constant_chop_takes_names_and_values_old_and_new() {
    let stage = Stage::new();
    let chop = stage.make("constantCHOP", "constant1");
    let chan = |name: &str, value: f64| (name.to_owned(), vec![value]);
    assert_eq!(channels(&stage, chop), [chan("chan1", 0.0)]);
    stage.set(chop, "value0", OwnedValue::Float(0.5));
    stage.set(chop, "name1", str("second"));
    stage.set(chop, "const1value", OwnedValue::Int(3));
    assert_eq!(channels(&stage, chop), [chan("chan1", 0.5), chan("second", 3.0)]);
    stage.set(chop, "const", OwnedValue::Int(3));
    assert_eq!(channels(&stage, chop), [chan("chan1", 0.5), chan("second", 3.0), chan("chan3", 0.0)]);
    stage.set(chop, "const", OwnedValue::Int(1));
    stage.set(chop, "const63name", str("beyond"));
    assert_eq!(channels(&stage, chop), [chan("chan1", 0.5)]);
    stage.set(chop, "single", off());
    stage.set(chop, "end", OwnedValue::Int(2));
    assert_eq!(channels(&stage, chop), [("chan1".to_owned(), vec![0.5; 3])]);
}

#[test]
fn a_snapshot_takes_the_input_over() {
    let stage = Stage::new();
    let (source, chop) = (stage.make("constantCHOP", "source"), stage.make("constantCHOP", "constant1"));
    stage.set(source, "name1", str("b"));
    stage.set(source, "value1", OwnedValue::Int(7));
    wire(&stage, chop, 0, source);
    stage.pulse(chop, "snap");
    let chan = |name: &str, value: f64| (name.to_owned(), vec![value]);
    assert_eq!(channels(&stage, chop), [chan("chan1", 0.0), chan("b", 7.0)]);
    stage.set(chop, "first", OwnedValue::Int(1));
    stage.pulse(chop, "snap");
    assert_eq!(channels(&stage, chop), [chan("b", 7.0)]);
}

#[test]
fn channels_are_selected_renamed_and_shown_as_a_table() {
    let stage = Stage::new();
    for (name, names) in [("constant1", ["tx", "ty"]), ("constant2", ["rx", "ty"])] {
        let chop = stage.make("constantCHOP", name);
        for (at, channel) in names.iter().enumerate() {
            stage.set(chop, &format!("name{at}"), str(channel));
            stage.set(chop, &format!("value{at}"), OwnedValue::Int(at as i64 + 1));
        }
    }
    let names = |op| channels(&stage, op).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let select = stage.make_with("selectCHOP", "select1", &[("chop", str("constant*"))]);
    assert_eq!(names(select), ["tx", "ty", "rx", "ty1"]);
    stage.set(select, "channames", str("r* t* ^tx"));
    assert_eq!(names(select), ["rx", "ty", "ty1"]);
    stage.set(select, "renamefrom", str("t?"));
    stage.set(select, "renameto", str("pos_?"));
    assert_eq!(names(select), ["rx", "pos_y", "pos_1"].map(|name| name.replace("pos_1", "pos_y1")));

    let dat = stage.make_with("choptoDAT", "chopto1", &[("chop", str("constant1"))]);
    assert_eq!(stage.text(dat), "1\n2\n");
    stage.set(dat, "names", on());
    stage.set(dat, "output", str("colperchan"));
    assert_eq!(stage.text(dat), "tx\tty\n1\t2\n");
}

#[test]
fn a_table_becomes_channels() {
    let stage = Stage::new();
    table(&stage);
    let chop = stage.make_with("dattoCHOP", "datto1", &[("dat", str("table1"))]);
    let chan = |name: &str, values: &[f64]| (name.to_owned(), values.to_vec());
    assert_eq!(channels(&stage, chop), [chan("x", &[1.0, 3.0, 5.0, 7.0]), chan("y", &[2.0, 4.0, 0.0, 8.0])]);
    stage.set(chop, "output", str("chanperrow"));
    assert_eq!(channels(&stage, chop)[..2], [chan("a", &[1.0, 2.0]), chan("b", &[3.0, 4.0])]);
    stage.set(chop, "output", str("chanpervalue"));
    assert_eq!(channels(&stage, chop)[..3], [chan("a_x", &[1.0]), chan("a_y", &[2.0]), chan("b_x", &[3.0])]);
    stage.set(chop, "firstrow", str("ignored"));
    stage.set(chop, "firstcolumn", str("values"));
    stage.set(chop, "output", str("single"));
    assert_eq!(channels(&stage, chop), [chan("chan1", &[0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 5.0, 0.0, 0.0, 7.0, 8.0])]);
}

/// Asks for a parameter of a stand-in, and sets it.
fn ask(stage: &Stage, op: OpId, name: &str, value: OwnedValue) {
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let index = patch.stand_in_par(op, name, Some(&value)).unwrap().unwrap();
        patch.set_par(op, index, &value).unwrap();
    });
}

#[test]
fn a_stand_in_accepts_and_remembers() {
    let stage = Stage::new();
    let noise = stage.make_with("standinDAT", "noise1", &[("optype", str("noiseTOP"))]);
    {
        let patch = stage.network.patch();
        let op = patch.get(noise).unwrap();
        assert_eq!((op.type_name(), op.short_type_name(), op.family_name()), ("noiseTOP", "noise", "TOP"));
    }
    assert_eq!(stage.text(noise), "what\tname\tvalue\tcount\n");
    ask(&stage, noise, "seed", OwnedValue::Int(2));
    ask(&stage, noise, "seed", OwnedValue::Int(3));
    ask(&stage, noise, "type", str("sparse"));
    ask(&stage, noise, "seed", str("4.5"));
    ask(&stage, noise, "period", OwnedValue::Float(1.0));
    ask(&stage, noise, "period", str("wide"));
    let note = |what, name: &str, value: &str| {
        stage.network.with_worker(noise, |worker: &StandIn| worker.note(&stage.network, what, name, value)).unwrap();
    };
    note(Asked::Call, "save", "'a.png'");
    let expected = "what\tname\tvalue\tcount\npar\ttype\tsparse\t1\npar\tseed\t4.5\t3\npar\tperiod\twide\t2\ncall\tsave\t'a.png'\t1\n";
    assert_eq!(stage.text(noise), expected);
    let info: Vec<f64> = stage.network.info(noise).into_iter().take(5).map(|(_, value)| value).collect();
    assert_eq!(info, [7.0, 6.0, 0.0, 1.0, 0.0]);

    stage.set(noise, "maxlines", OwnedValue::Int(2));
    note(Asked::Panel, "x", "0.5");
    assert_eq!(stage.text(noise), "what\tname\tvalue\tcount\ncall\tsave\t'a.png'\t1\npanel\tx\t0.5\t1\n");
    stage.pulse(noise, "clear");
    assert_eq!(stage.text(noise), "what\tname\tvalue\tcount\n");
}

#[test]
fn a_stand_in_for_a_chop_has_channels_and_takes_wires_of_its_family() {
    let stage = Stage::new();
    let parameters = [("optype", str("noiseCHOP")), ("channels", str("tx=1 ty=0.5 tz tx=2"))];
    let noise = stage.make_with("standinDAT", "noise1", &parameters);
    let null = stage.make("nullCHOP", "null1");
    wire(&stage, null, 0, noise);
    let chan = |name: &str, value: f64| (name.to_owned(), vec![value]);
    assert_eq!(channels(&stage, null), [chan("tx", 2.0), chan("ty", 0.5), chan("tz", 0.0)]);
    wire(&stage, noise, 5, null);
    let dat = stage.make("nullDAT", "null2");
    let source = Some(Source { op: noise, output: 0 });
    let refused = stage.network.turn(|network| network.patch_mut().wire(dat, 0, source));
    assert_eq!(refused.unwrap_err().to_string(), "a CHOP cannot be wired to a DAT");
    // What an Info DAT shows is what was asked of it.
    ask(&stage, noise, "seed", OwnedValue::Int(1));
    let info = stage.make_with("infoDAT", "info1", &[("op", str("noise1"))]);
    assert_eq!(stage.text(info), "what\tname\tvalue\tcount\npar\tseed\t1\t1\n");
}

#[test]
fn a_stand_in_for_a_component_holds_operators() {
    let stage = Stage::new();
    let button = stage.make_with("standinDAT", "button1", &[("optype", str("buttonCOMP"))]);
    let made = stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let kind = patch.find_type("textDAT").unwrap();
        patch.create(button, kind, Some("text1"))
    });
    assert_eq!(&*stage.network.patch().path(made.unwrap()), "/button1/text1");
    let text = stage.make("standinDAT", "plain");
    assert_eq!(stage.network.patch().get(text).unwrap().type_name(), "standinDAT");
    let empty = Content::Channels(Channels::new(60.0, Vec::new()));
    assert!(empty.as_table().is_none());
}
