//! DAT Execute, CHOP Execute and Parameter Execute: when their functions are called, and with what.

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::callbacks::Closures;
use patchcord_core::declaration::OperatorType;
use patchcord_core::frame::Frame;
use patchcord_core::patch::OpId;
use patchcord_core::value::{OwnedValue, Value};
use patchcord_operators::chop_execute::CHOP_EXECUTE_DAT;
use patchcord_operators::dat_execute::DAT_EXECUTE_DAT;
use patchcord_operators::parameter_execute::PARAMETER_EXECUTE_DAT;

use crate::stage::{Stage, off, on, str};

/// What was called, as `name(arguments)`.
type Heard = Rc<RefCell<Vec<String>>>;

fn shown(stage: &patchcord_core::network::Network, value: &Value<'_>) -> String {
    let path = |op: OpId| stage.patch().path(op).to_string();
    match value {
        Value::Op(op) => path(*op),
        Value::Par(op, index) => {
            format!("{}.{}", path(*op), stage.patch().get(*op).unwrap().parameter(*index).unwrap().name)
        }
        Value::Channel(op, name) => format!("{}:{name}", path(*op)),
        Value::Cell(op, row, col) => format!("{}[{row},{col}]", path(*op)),
        Value::Table(table) => format!("{:?}", table.to_text()),
        Value::List(list) => {
            let mut all = Vec::new();
            list.items(&mut |item| all.push(shown(stage, &item)));
            format!("[{}]", all.join(" "))
        }
        Value::Fields(record) => {
            let mut all = Vec::new();
            record.fields(&mut |name, value| all.push(format!("{}={}", name.as_str(), shown(stage, &value))));
            format!("<{}>", all.join(" "))
        }
        Value::Float(number) => number.to_string(),
        other => match other.to_owned_value() {
            OwnedValue::Str(text) => text,
            OwnedValue::Int(number) => number.to_string(),
            OwnedValue::Bool(on) => on.to_string(),
            other => format!("{other:?}"),
        },
    }
}

/// Makes an Execute DAT whose functions are heard.
fn make(stage: &Stage, kind: &'static OperatorType, parameters: &[(&str, OwnedValue)]) -> (OpId, Heard) {
    let heard = Heard::default();
    let mut closures = Closures::new(kind);
    for callback in kind.callbacks {
        let heard = heard.clone();
        closures = closures.on(callback.name, move |network, arguments| {
            let arguments: Vec<_> = arguments.iter().map(|argument| shown(network, argument)).collect();
            heard.borrow_mut().push(format!("{}({})", callback.name, arguments.join(", ")));
            OwnedValue::None
        });
    }
    let op = stage.network.turn(|network| {
        let op = {
            let mut patch = network.patch_mut();
            let root = patch.root();
            patch.create(root, kind, Some("execute")).unwrap()
        };
        network.set_callbacks(op, Rc::new(closures)).unwrap();
        for (name, value) in parameters {
            let mut patch = network.patch_mut();
            let index = patch.find_par(op, name).unwrap();
            patch.set_par(op, index, value).unwrap();
        }
        op
    });
    (op, heard)
}

fn frame(stage: &Stage, number: u64) {
    stage.network.frame_start(Frame { number, ..Frame::default() });
    stage.network.frame_end();
}

#[test]
fn a_table_that_changes_is_told_once_for_a_turn_with_what_differs() {
    let stage = Stage::new();
    let table = stage.make("tableDAT", "table");
    stage.set_table(table, &[&["a", "1"], &["b", "2"]]);
    let all = ["rowchange", "colchange", "cellchange", "sizechange"].map(|toggle| (toggle, on()));
    let (execute, heard) = make(&stage, &DAT_EXECUTE_DAT, &[&[("dat", str("table"))], &all[..]].concat());
    assert!(heard.borrow().is_empty(), "what was there before is no change");
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let table = patch.table_mut(table).unwrap();
        table.set_cell(0, 1, "x").unwrap();
        table.set_cell(0, 1, "9").unwrap();
    });
    assert_eq!(
        heard.take(),
        [
            "onTableChange(/table, \"a\\t1\\nb\\t2\\n\", <rowsChanged=[0] rowsAdded=[] rowsRemoved=[] colsChanged=[1] \
             colsAdded=[] colsRemoved=[] cellsChanged=[/table[0,1]] sizeChanged=false>)",
            "onRowChange(/table, [0])",
            "onColChange(/table, [1])",
            "onCellChange(/table, [/table[0,1]], [1])",
        ]
    );
    stage.network.turn(|network| network.patch_mut().table_mut(table).unwrap().append_row(&["c", "3"], None).unwrap());
    assert_eq!(heard.borrow().len(), 3);
    assert!(heard.borrow()[0].contains("rowsAdded=[2]") && heard.borrow()[0].contains("sizeChanged=true"));
    assert_eq!(heard.take()[1..], ["onRowChange(/table, [2])".to_owned(), "onSizeChange(/table)".to_owned()]);
    // The edit that is taken back in the same turn is none.
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let table = patch.table_mut(table).unwrap();
        table.set_cell(0, 0, "x").unwrap();
        table.set_cell(0, 0, "a").unwrap();
    });
    assert!(heard.borrow().is_empty());
    stage.set(execute, "active", off());
    stage.set_table(table, &[&["z"]]);
    assert!(heard.borrow().is_empty());
    assert!(!stage.network.wants_frames(), "no DAT computes, so no frame is wanted");
    stage.set(execute, "active", on());
    assert!(heard.take()[0].contains("rowsRemoved=[1 2]"), "compared with what was there when it was switched off");
}

#[test]
fn rows_that_an_operator_writes_itself_are_told_too() {
    let stage = Stage::new();
    let table = stage.make("tableDAT", "table");
    let (_, heard) = make(&stage, &DAT_EXECUTE_DAT, &[("dat", str("table"))]);
    stage.network.turn(|network| {
        for row in ["one", "two"] {
            network.patch_mut().own_table_mut(table).unwrap().append_row(&[row], None).unwrap();
        }
    });
    assert_eq!(heard.borrow().len(), 1);
    assert!(heard.borrow()[0].contains("rowsAdded=[0 1]"), "{:?}", heard.borrow());
}

#[test]
fn a_dat_that_is_made_later_or_computes_is_looked_at() {
    let stage = Stage::new();
    let (_, heard) = make(&stage, &DAT_EXECUTE_DAT, &[("dat", str("late* null1"))]);
    let late = stage.make("textDAT", "later");
    stage.set_text(late, "hello");
    assert_eq!(heard.take().len(), 1);
    let null = stage.make("nullDAT", "null1");
    stage.network.turn(|network| {
        let wire = patchcord_core::patch::Source { op: late, output: 0 };
        network.patch_mut().wire(null, 0, Some(wire)).unwrap();
    });
    assert!(stage.network.wants_frames());
    frame(&stage, 1);
    heard.take();
    stage.set_text(late, "again");
    let direct = heard.take();
    assert!(direct.len() == 1 && direct[0].starts_with("onTableChange(/later"), "{direct:?}");
    frame(&stage, 2);
    let computed = heard.take();
    assert!(computed.len() == 1 && computed[0].starts_with("onTableChange(/null1, \"hello"), "{computed:?}");
    frame(&stage, 3);
    assert!(heard.borrow().is_empty());
}

#[test]
fn channels_are_looked_at_once_in_each_frame() {
    let stage = Stage::new();
    let chop = stage.make("infoCHOP", "info1");
    let table = stage.make("tableDAT", "table");
    stage.set(chop, "op", str("table"));
    stage.set(chop, "iscope", str("num_rows"));
    let (execute, heard) = make(&stage, &CHOP_EXECUTE_DAT, &[("chop", str("info1"))]);
    frame(&stage, 1);
    assert!(heard.borrow().is_empty());
    stage.set_table(table, &[&["a"], &["b"]]);
    assert!(heard.borrow().is_empty(), "not before the next frame");
    frame(&stage, 2);
    assert_eq!(
        heard.take(),
        ["onOffToOn(/info1:num_rows, 0, 2, 0)".to_owned(), "onValueChange(/info1:num_rows, 0, 2, 0)".to_owned()]
    );
    stage.set(execute, "whileon", on());
    frame(&stage, 3);
    assert_eq!(heard.take(), ["whileOn(/info1:num_rows, 0, 2, 2)".to_owned()]);
    stage.set_table(table, &[]);
    frame(&stage, 4);
    assert_eq!(
        heard.take(),
        ["onOnToOff(/info1:num_rows, 0, 0, 2)".to_owned(), "onValueChange(/info1:num_rows, 0, 0, 2)".to_owned()]
    );
    stage.set(execute, "channel", str("other"));
    stage.set_table(table, &[&["a"]]);
    frame(&stage, 5);
    assert!(heard.borrow().is_empty());
    assert!(stage.network.wants_frames());
    stage.set(execute, "active", off());
    assert!(!stage.network.wants_frames());
}

#[test]
fn parameters_are_told_in_order_with_the_value_before() {
    let stage = Stage::new();
    let server = stage.make("tableDAT", "table");
    let parameters = [("op", str("table")), ("modechange", on()), ("expressionchange", on()), ("valueschanged", on())];
    let (execute, heard) = make(&stage, &PARAMETER_EXECUTE_DAT, &parameters);
    stage.network.turn(|network| {
        for rows in [3, 4] {
            let index = network.patch().find_par(server, "rows").unwrap();
            network.set_par(server, index, &OwnedValue::Int(rows)).unwrap();
        }
        let index = network.patch().find_par(server, "cols").unwrap();
        network.set_par(server, index, &OwnedValue::Int(7)).unwrap();
    });
    let before = heard.take();
    assert_eq!(before.len(), 3, "{before:?}");
    assert!(before[0].starts_with("onValueChange(/table.rows, ") && before[1] == "onValueChange(/table.rows, 3)");
    frame(&stage, 1);
    let all = heard.take();
    assert_eq!(all.len(), 1);
    assert!(all[0].contains("<par=/table.rows prev=") && all[0].contains("<par=/table.cols prev="), "{all:?}");
    stage.pulse(server, "writepulse");
    assert_eq!(heard.take(), ["onPulse(/table.writepulse)".to_owned()]);

    stage.set_evaluator(|_, _, _| Ok(OwnedValue::Int(9)));
    let rows = stage.par(server, "rows");
    stage.network.turn(|network| network.patch_mut().set_expression(server, rows, "9")).unwrap();
    assert_eq!(
        heard.take(),
        [
            "onModeChange(/table.rows, EXPRESSION, CONSTANT)".to_owned(),
            "onExpressionChange(/table.rows, 9, )".to_owned(),
            "onValueChange(/table.rows, 4)".to_owned(),
        ]
    );
    stage.set(execute, "pars", str("cols"));
    stage.set(server, "rows", OwnedValue::Int(1));
    assert!(heard.borrow().is_empty());
    stage.set(execute, "builtin", off());
    stage.set(server, "cols", OwnedValue::Int(1));
    assert!(heard.borrow().is_empty());
}

#[test]
fn a_table_that_begins_to_compute_is_looked_at_in_each_frame() {
    let stage = Stage::new();
    stage.set_evaluator(|network, _, _| {
        network.note_read(patchcord_core::tracking::Source::Time);
        Ok(OwnedValue::Int(network.frame().number as i64))
    });
    // The DAT Execute comes first, so that it is told of the table before that is filled.
    let filled = [
        ("fill", str("setsizeandcontents")),
        ("cellexpr", str("frame")),
        ("rows", OwnedValue::Int(1)),
        ("cols", OwnedValue::Int(1)),
    ];
    let (_, heard) = stage.network.turn(|_| {
        let made = make(&stage, &DAT_EXECUTE_DAT, &[("dat", str("table late"))]);
        stage.make_with("tableDAT", "table", &filled);
        made
    });
    frame(&stage, 1);
    heard.take();
    frame(&stage, 2);
    assert_eq!(heard.take().len(), 1);
    let table = stage.network.patch().find(stage.network.patch().root(), "table").unwrap();
    stage.set(table, "fill", str("manual"));
    assert!(!stage.network.wants_frames());
    for (par, value) in filled {
        stage.set(table, par, value);
    }
    assert!(stage.network.wants_frames());
    frame(&stage, 3);
    heard.take();
    frame(&stage, 4);
    assert_eq!(heard.take().len(), 1);
}

#[test]
fn a_channel_that_changes_in_the_turn_of_a_new_operator_is_told() {
    let stage = Stage::new();
    let (chop, table) = (stage.make("infoCHOP", "info1"), stage.make("tableDAT", "table"));
    stage.set(chop, "op", str("table"));
    stage.set(chop, "iscope", str("num_rows"));
    let (_, heard) = make(&stage, &CHOP_EXECUTE_DAT, &[("chop", str("info*"))]);
    frame(&stage, 1);
    stage.network.turn(|_| {
        stage.set_table(table, &[&["a"]]);
        stage.make("textDAT", "another");
    });
    frame(&stage, 2);
    assert_eq!(heard.take().len(), 2, "off to on, and the value");
    // A channel that was not there at the last look has no value before.
    stage.set(chop, "iscope", str("num_cols"));
    frame(&stage, 3);
    stage.set_table(table, &[]);
    stage.set(chop, "iscope", str("num_rows"));
    frame(&stage, 4);
    assert!(heard.borrow().is_empty(), "{:?}", heard.borrow());
}

#[test]
fn another_mode_with_the_same_value_is_no_new_value_and_what_is_gone_is_not_listed() {
    let stage = Stage::new();
    let (one, two) = (stage.make("tableDAT", "one"), stage.make("tableDAT", "two"));
    stage.set_evaluator(|_, _, _| Ok(OwnedValue::Int(9)));
    let (_, heard) = make(&stage, &PARAMETER_EXECUTE_DAT, &[("op", str("one two")), ("valueschanged", on())]);
    let rows = stage.par(one, "rows");
    stage.network.turn(|network| network.patch_mut().set_expression(one, rows, "9")).unwrap();
    assert_eq!(heard.take().len(), 1);
    stage.set(one, "rows", OwnedValue::Int(9));
    assert!(heard.borrow().is_empty(), "{:?}", heard.borrow());
    stage.set(two, "rows", OwnedValue::Int(9));
    heard.take();
    stage.network.turn(|network| network.patch_mut().destroy(two)).unwrap();
    frame(&stage, 1);
    let all = heard.take();
    assert!(all.len() == 1 && all[0].contains("/one.rows") && !all[0].contains("two"), "{all:?}");
    stage.set(one, "rows", OwnedValue::Int(1));
    stage.network.turn(|network| network.patch_mut().destroy(one)).unwrap();
    heard.take();
    frame(&stage, 2);
    assert!(heard.borrow().is_empty() && !stage.network.wants_frames());
}
