//! The Table DAT: files, sizes and cells that are computed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcord_core::frame::Frame;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::tracking::Source;
use patchcord_core::value::OwnedValue;
use patchcord_operators::table_dat::TableDat;

use crate::stage::{Stage, off, on, str};

fn int(number: i64) -> OwnedValue {
    OwnedValue::Int(number)
}

/// Computes `cell` as the number of row and column, `fail` as an error, and anything else as itself.
fn cells(network: &Network, op: OpId, expression: &str) -> Result<OwnedValue, String> {
    let (row, col) = network.with_worker(op, TableDat::computing).flatten().ok_or("no cell is computed")?;
    match expression {
        "cell" => Ok(OwnedValue::Int((row * 10 + col) as i64)),
        "fail" if (row, col) == (1, 0) => Err("it fails".to_owned()),
        "list" => Ok(OwnedValue::List(Vec::new())),
        "half" => Ok(OwnedValue::Float(0.5)),
        "one" => Ok(OwnedValue::Float(1.0)),
        "true" => Ok(OwnedValue::Bool(true)),
        "none" => Ok(OwnedValue::None),
        "self" => Ok(OwnedValue::Op(op)),
        text => Ok(str(text)),
    }
}

fn next_frame(network: &Network) {
    network.frame_start(Frame { number: network.frame().number + 1, ..network.frame() });
    network.frame_end();
}

#[test]
fn the_name_chooses_commas_or_tabs_both_ways() {
    let stage = Stage::new();
    stage.save("a.csv", "name,value\n\"x,y\",1\n");
    let table = stage.make_with("tableDAT", "table1", &[("file", str("a.csv")), ("syncfile", on())]);
    assert_eq!(stage.text(table), "name\tvalue\nx,y\t1\n");
    stage.set(table, "syncfile", off());
    stage.set(table, "file", str("b.tsv"));
    stage.pulse(table, "writepulse");
    assert_eq!(stage.read("b.tsv"), "name\tvalue\nx,y\t1\n");
    stage.set(table, "file", str("c.csv"));
    stage.pulse(table, "writepulse");
    assert_eq!(stage.read("c.csv"), "name,value\n\"x,y\",1\n");
    stage.set(table, "file", str("plain"));
    stage.set(table, "extension", str("language"));
    stage.pulse(table, "writepulse");
    assert_eq!(stage.files(), ["a.csv", "b.tsv", "c.csv", "plain.tsv"]);
}

#[test]
fn a_file_is_read_in_its_encoding_and_with_or_without_blank_lines() {
    let stage = Stage::new();
    let table = stage.make_with("tableDAT", "table1", &[("file", str("a.txt"))]);
    let read = |encoding: &str, bytes: &[u8]| {
        stage.save("a.txt", bytes);
        stage.set(table, "defaultreadencoding", str(encoding));
        stage.pulse(table, "loadonstartpulse");
        stage.text(table)
    };
    assert_eq!(read("cp1252", b"caf\xe9\n"), "café\n");
    assert_eq!(read("utf16le", b"a\0\t\0b\0"), "a\tb\n");
    assert_eq!(read("utf16be", b"\0c\0\t\0d"), "c\td\n");
    assert_eq!(read("manual", "é\n\nf\n".as_bytes()), "é\n\nf\n");
    stage.set(table, "removeblank", on());
    assert_eq!(read("utf8", "é\n\nf\n".as_bytes()), "é\nf\n");
    assert_eq!(read("utf8", b"caf\xe9\n"), "é\nf\n", "what cannot be read changes nothing");
    assert_eq!(stage.problems(table).len(), 1);
}

#[test]
fn a_set_size_holds_whatever_scripts_do_and_keeps_their_cells() {
    let stage = Stage::new();
    let table = stage.make("tableDAT", "table1");
    stage.set_table(table, &[&["a", "b", "c"]]);
    stage.set(table, "rows", int(2));
    stage.set(table, "cols", int(2));
    assert_eq!(stage.text(table), "a\tb\tc\n", "nobody fills it yet");
    stage.set(table, "fill", str("setsize"));
    assert_eq!(stage.text(table), "a\tb\n\t\n");
    stage.set_table(table, &[&["x"], &["y"], &["z"]]);
    assert_eq!(stage.text(table), "x\t\ny\t\n");
    let revision = stage.network.patch().table(table).unwrap().revision();
    stage.text(table);
    assert_eq!(stage.network.patch().table(table).unwrap().revision(), revision, "reading it is no change");
    stage.set(table, "rows", int(0));
    assert_eq!(stage.text(table), "");
}

#[test]
fn a_size_that_no_table_has_is_a_warning() {
    let stage = Stage::new();
    let table = stage.make("tableDAT", "table1");
    stage.set_table(table, &[&["a"]]);
    stage.set(table, "rows", int(1_000_000));
    stage.set(table, "cols", int(1_000_000));
    stage.set(table, "fill", str("setsize"));
    assert_eq!(stage.problems(table)[0].0, "fill");
    assert_eq!(stage.text(table), "a\n");
    stage.set(table, "fill", str("setsizeandcontents"));
    stage.set_evaluator(cells);
    let message = "1000000 rows and 1000000 columns are more than 100000 cells to compute".to_owned();
    stage.text(table);
    next_frame(&stage.network);
    stage.text(table);
    assert_eq!(stage.problems(table), [("fill", message)]);
    stage.set(table, "fill", str("manual"));
    assert_eq!(stage.problems(table), []);
}

#[test]
fn cells_are_computed_with_the_place_of_each() {
    let stage = Stage::new();
    stage.set_evaluator(cells);
    let parameters =
        [("fill", str("setsizeandcontents")), ("rows", int(2)), ("cols", int(3)), ("cellexpr", str("cell"))];
    let table = stage.make_with("tableDAT", "table1", &parameters);
    let held = stage.network.patch().get(table).unwrap().content().to_text();
    assert_eq!(&*held, "0\t1\t2\n10\t11\t12\n", "before anybody reads it");
    assert_eq!(stage.network.with_worker(table, TableDat::computing), Some(None));
    stage.set(table, "cellexpr", str("  "));
    assert_eq!(stage.text(table), "\t\t\n\t\t\n");
    stage.set(table, "cols", int(1));
    for (expression, shown) in
        [("half", "0.5"), ("one", "1.0"), ("true", "True"), ("none", ""), ("self", "/table1"), ("text", "text")]
    {
        stage.set(table, "cellexpr", str(expression));
        assert_eq!(stage.text(table), format!("{shown}\n{shown}\n"));
    }
}

#[test]
fn an_expression_that_fails_leaves_the_table_as_it_was() {
    let stage = Stage::new();
    let parameters = [("fill", str("setsizeandcontents")), ("rows", int(2)), ("cellexpr", str("text"))];
    let table = stage.make_with("tableDAT", "table1", &parameters);
    assert_eq!(stage.problems(table), [("fill", "there is nobody here who computes expressions".to_owned())]);
    stage.set_evaluator(cells);
    stage.set(table, "cellexpr", str("good"));
    assert_eq!((stage.text(table).as_str(), stage.problems(table).len()), ("good\ngood\n", 0));
    stage.set(table, "cellexpr", str("fail"));
    let message = "the expression of row 1, column 0 fails: it fails".to_owned();
    assert_eq!((stage.text(table).as_str(), stage.problems(table)), ("good\ngood\n", vec![("fill", message)]));
    stage.set(table, "cellexpr", str("list"));
    let message = "the expression of row 0, column 0 gives a list, which is no cell".to_owned();
    assert_eq!((stage.text(table).as_str(), stage.problems(table)), ("good\ngood\n", vec![("fill", message)]));
}

#[test]
fn columns_and_rows_have_expressions_and_names_of_their_own() {
    let stage = Stage::new();
    stage.set_evaluator(cells);
    let parameters = [
        ("fill", str("fillbycol")),
        ("rows", int(2)),
        ("cols", int(3)),
        ("fills", int(2)),
        ("fills0name", str("place")),
        ("fills0expr", str("cell")),
        ("fills1names", str("word")),
        ("fills1expr", str("hello")),
    ];
    let table = stage.make_with("tableDAT", "table1", &parameters);
    assert_eq!(stage.text(table), "0\thello\n10\thello\n");
    stage.set(table, "includenames", on());
    assert_eq!(stage.text(table), "place\tword\n0\thello\n10\thello\n");
    stage.set(table, "fill", str("fillbyrow"));
    assert_eq!(stage.text(table), "place\t0\t1\t2\nword\thello\thello\thello\n");
    stage.set(table, "includenames", off());
    assert_eq!(stage.text(table), "0\t1\t2\nhello\thello\thello\n");
}

#[test]
fn cells_are_computed_once_for_all_changes_of_a_turn_and_once_per_frame_when_read() {
    let stage = Stage::new();
    let computed = Rc::new(Cell::new(0));
    let count = computed.clone();
    stage.set_evaluator(move |network, _, _| {
        network.note_read(Source::Time);
        count.set(count.get() + 1);
        Ok(OwnedValue::Int(count.get()))
    });
    let table = stage.make("tableDAT", "table1");
    assert_eq!(computed.get(), 0, "nothing is computed by default");
    stage.network.turn(|network| {
        for (name, value) in [("fill", str("setsizeandcontents")), ("cellexpr", str("x")), ("includenames", on())] {
            let index = stage.par(table, name);
            network.patch_mut().set_par(table, index, &value).unwrap();
        }
    });
    assert_eq!(computed.get(), 1);
    assert_eq!((stage.text(table), stage.text(table)), ("1\n".into(), "1\n".into()));
    next_frame(&stage.network);
    assert_eq!(computed.get(), 1, "nobody reads it");
    assert_eq!(stage.text(table), "2\n");
    assert_eq!(stage.network.patch().get(table).unwrap().cook.total, 2);
    assert!(!stage.network.wants_frames());
}

#[test]
fn an_expression_that_reads_its_own_table_sees_the_last_one() {
    let stage = Stage::new();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = seen.clone();
    stage.set_evaluator(move |network, op, expression| {
        network.cook(op);
        note.borrow_mut().push(network.patch().get(op).unwrap().content().to_text());
        Ok(str(expression))
    });
    let parameters = [("fill", str("setsizeandcontents")), ("cellexpr", str("a"))];
    let table = stage.make_with("tableDAT", "table1", &parameters);
    stage.set(table, "cellexpr", str("b"));
    assert_eq!(*seen.borrow(), [Rc::from(""), Rc::from("a\n")]);
}
