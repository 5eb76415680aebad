//! What computed values depend on: when something is worked out anew, when it is left alone, and what a circle does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::change::Change;
use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{ContentKind, Family, Input, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::frame::Frame;
use patchcord_core::network::{Network, Worker};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::{OpId, Source as Wire};
use patchcord_core::problem::Severity;
use patchcord_core::table::Table;
use patchcord_core::tracking::{Shared, Source};
use patchcord_core::value::OwnedValue;

const PAGES: &[Page] = &[Page {
    name: "Page",
    parameters: &[Parameter::int("a", "A", 0, -1000, 1000), Parameter::int("b", "B", 0, -1000, 1000)],
}];
const A: ParIndex = ParIndex::of(PAGES, "a");
const B: ParIndex = ParIndex::of(PAGES, "b");

static BASE: OperatorType = OperatorType {
    name: "baseDAT",
    label: "Base",
    family: Family::Dat,
    summary: "",
    content: ContentKind::Table,
    editable: true,
    inputs: &[Input { label: "in", help: "" }],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: None,
};

/// Shows what is wired to it, and counts its cooks.
static PASSING: OperatorType = OperatorType { name: "passDAT", start: Some(|_, op| Rc::new(Passing(op))), ..BASE };

struct Passing(OpId);

impl Worker for Passing {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let source = {
            let patch = network.patch();
            patch.note_tree_read();
            patch.get(self.0).and_then(|op| op.inputs().first().copied().flatten()).map(|wire| wire.op)
        };
        let table = source.and_then(|source| network.read_content(source, |content| content.as_table().cloned()));
        network.patch_mut().put_content(self.0, Content::Table(table.flatten().unwrap_or_default()));
    }
}

/// Holds as many rows as tens of frames have gone by, while B is on.
static TICKING: OperatorType = OperatorType { name: "tickDAT", start: Some(|_, op| Rc::new(Ticking(op))), ..BASE };

struct Ticking(OpId);

impl Worker for Ticking {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let mut rows = Vec::new();
        if network.eval(self.0, B).is_on() {
            network.note_read(Source::Time);
            rows.resize(network.frame().number as usize / 10, ["tick"]);
        }
        network.patch_mut().put_content(self.0, Content::Table(Table::from_rows(&rows).unwrap()));
    }
}

/// Expressions are words: `a` and `b` read a parameter of the operator, `NAME.a` another one's, numbers are themselves;
/// they are added. `time` is the frame, `shared` a counter, `table NAME` rows of a table, `stored`, `fail`.
struct Words {
    network: Rc<RefCell<Option<Network>>>,
    count: Rc<Cell<u32>>,
    shared: Shared,
    fails: Rc<Cell<bool>>,
}

impl Evaluator for Words {
    fn evaluate(&self, network: &Network, op: OpId, expression: &str) -> Result<OwnedValue, String> {
        self.count.set(self.count.get() + 1);
        let _ = &self.network;
        let mut sum = 0;
        let mut words = expression.split_whitespace();
        while let Some(word) = words.next() {
            sum += match word {
                "a" => network.eval(op, A).as_i64(),
                "b" => network.eval(op, B).as_i64(),
                "time" => {
                    network.note_read(Source::Time);
                    network.frame().number as i64
                }
                "shared" => {
                    network.note_read(Source::Shared(self.shared.clone()));
                    self.shared.version() as i64
                }
                "stored" => {
                    network.note_read(Source::Storage(op));
                    1
                }
                "fail" if self.fails.get() => return Err("it fails".into()),
                "fail" => 100,
                "table" => {
                    let table = find(network, words.next().unwrap_or_default())?;
                    let rows = network.read_content(table, |content| content.as_table().map_or(0, |t| t.num_rows()));
                    rows.unwrap_or(0) as i64
                }
                word => match word.split_once('.') {
                    Some((name, "a")) => network.eval(find(network, name)?, A).as_i64(),
                    Some((name, _)) => network.eval(find(network, name)?, B).as_i64(),
                    None => word.parse().map_err(|_| format!("`{word}` means nothing"))?,
                },
            };
        }
        Ok(OwnedValue::Int(sum))
    }

    fn bind_master(&self, network: &Network, _: OpId, expression: &str) -> Result<(OpId, ParIndex), String> {
        Ok((find(network, expression)?, A))
    }

    fn check_script(&self, _: &str, _: &str) -> Result<(), ScriptError> {
        Ok(())
    }
}

fn find(network: &Network, name: &str) -> Result<OpId, String> {
    let patch = network.patch();
    patch.find(patch.root(), name).ok_or_else(|| format!("there is no {name}"))
}

struct Stage {
    network: Network,
    count: Rc<Cell<u32>>,
    shared: Shared,
    fails: Rc<Cell<bool>>,
}

impl Stage {
    fn new() -> Self {
        let network = Network::new(&[&BASE, &PASSING, &TICKING, &WATCHING]);
        let (count, shared, fails) = (Rc::new(Cell::new(0)), Shared::default(), Rc::new(Cell::new(false)));
        let words =
            Words { network: Rc::default(), count: count.clone(), shared: shared.clone(), fails: fails.clone() };
        network.set_evaluator(Rc::new(words));
        Stage { network, count, shared, fails }
    }

    fn make(&self, kind: &'static OperatorType, name: &str) -> OpId {
        self.network.turn(|network| {
            let mut patch = network.patch_mut();
            let root = patch.root();
            patch.create(root, kind, Some(name)).unwrap()
        })
    }

    fn base(&self, name: &str) -> OpId {
        self.make(&BASE, name)
    }

    fn express(&self, op: OpId, index: ParIndex, expression: &str) {
        self.network.turn(|network| network.patch_mut().set_expression(op, index, expression)).unwrap();
    }

    fn set(&self, op: OpId, index: ParIndex, value: i64) {
        self.network.turn(|network| network.set_par(op, index, &OwnedValue::Int(value))).unwrap();
    }

    fn value(&self, op: OpId, index: ParIndex) -> i64 {
        self.network.eval(op, index).as_i64()
    }

    fn wire(&self, target: OpId, source: OpId) {
        let wire = Wire { op: source, output: 0 };
        self.network.turn(|network| network.patch_mut().wire(target, 0, Some(wire))).unwrap();
    }

    /// Evaluations since this was last asked.
    fn counted(&self) -> u32 {
        self.count.replace(0)
    }

    fn frame(&self, number: u64) {
        self.network.frame_start(Frame { number, ..Frame::default() });
        self.network.frame_end();
    }

    fn cooks(&self, op: OpId) -> u64 {
        self.network.patch().get(op).unwrap().cook.total
    }

    fn add_row(&self, op: OpId, cell: &str) {
        self.network.turn(|network| network.patch_mut().table_mut(op).unwrap().append_row(&[cell], None).unwrap());
    }

    fn errors(&self, op: OpId) -> Vec<String> {
        let patch = self.network.patch();
        let problems = patch.get(op).unwrap().problems.iter();
        problems.map(|problem| problem.message.to_string()).collect()
    }
}

#[test]
fn an_expression_is_evaluated_when_what_it_read_has_changed_and_not_else() {
    let stage = Stage::new();
    let (one, two) = (stage.base("one"), stage.base("two"));
    stage.set(one, A, 5);
    stage.express(two, A, "one.a 1");
    assert_eq!((stage.value(two, A), stage.value(two, A)), (6, 6));
    assert_eq!(stage.counted(), 1, "once, however often it is read");
    stage.set(one, B, 9);
    assert_eq!((stage.value(two, A), stage.counted()), (6, 0), "it did not read that");
    stage.set(one, A, 7);
    assert_eq!((stage.value(two, A), stage.counted()), (8, 1));
    stage.set(one, A, 7);
    assert_eq!((stage.value(two, A), stage.counted()), (8, 0), "the same value is no change");
    stage.express(two, A, "2");
    assert_eq!((stage.value(two, A), stage.counted()), (2, 1), "another text is another value");
}

#[test]
fn a_chain_stops_where_a_value_stays_the_same() {
    let stage = Stage::new();
    let ops: Vec<_> = (0..4).map(|at| stage.base(&format!("op{at}"))).collect();
    // The maximum clamps, so the first step gives the same value for different ones.
    stage.set(ops[0], A, 600);
    stage.express(ops[1], A, "op0.a op0.a");
    stage.express(ops[2], A, "op1.a 0");
    stage.express(ops[3], A, "op2.a 0");
    assert_eq!(stage.value(ops[3], A), 1000);
    stage.counted();
    stage.set(ops[0], A, 700);
    assert_eq!((stage.value(ops[3], A), stage.counted()), (1000, 1), "only the first of the chain");
    stage.set(ops[0], A, 10);
    assert_eq!((stage.value(ops[3], A), stage.counted()), (20, 3));
}

#[test]
fn the_tree_time_storage_and_shared_values_are_read_too() {
    let stage = Stage::new();
    let op = stage.base("op");
    stage.express(op, A, "later.a 1");
    assert_eq!(stage.value(op, A), 0);
    assert!(stage.errors(op)[0].contains("there is no later"));
    let later = stage.base("later");
    stage.set(later, A, 4);
    assert_eq!(stage.value(op, A), 5);
    assert!(stage.errors(op).is_empty());

    stage.express(op, A, "time");
    stage.frame(7);
    assert_eq!(stage.value(op, A), 7);
    stage.counted();
    stage.frame(8);
    assert_eq!((stage.value(op, A), stage.counted()), (8, 1), "once per frame");

    stage.express(op, A, "shared");
    stage.shared.note_change();
    assert_eq!(stage.value(op, A), 1);
    stage.counted();
    assert_eq!((stage.value(op, A), stage.counted()), (1, 0));
    stage.shared.note_change();
    assert_eq!(stage.value(op, A), 2);

    stage.express(op, A, "stored");
    stage.value(op, A);
    stage.counted();
    stage.network.patch_mut().note_storage_change(later);
    stage.value(op, A);
    assert_eq!(stage.counted(), 0, "another operator's storage");
    stage.network.patch_mut().note_storage_change(op);
    stage.value(op, A);
    assert_eq!(stage.counted(), 1);
}

#[test]
fn what_fails_is_tried_again_at_the_next_frame() {
    let stage = Stage::new();
    let op = stage.base("op");
    stage.fails.set(true);
    stage.frame(1);
    stage.express(op, A, "fail");
    stage.value(op, A);
    stage.counted();
    stage.value(op, A);
    assert_eq!(stage.counted(), 0, "not twice in one frame");
    assert!(stage.network.wants_frames());
    stage.fails.set(false);
    stage.frame(2);
    assert_eq!(stage.value(op, A), 100);
    assert!(stage.errors(op).is_empty());
}

#[test]
fn frames_are_wanted_only_while_something_may_be_stale() {
    let stage = Stage::new();
    let (one, two) = (stage.base("one"), stage.base("two"));
    stage.express(two, A, "one.a");
    stage.frame(1);
    assert!(!stage.network.wants_frames(), "all is current");
    stage.counted();
    let asked = Rc::new(Cell::new(0));
    let noted = asked.clone();
    stage.network.set_wake(Rc::new(move || noted.set(noted.get() + 1)));
    stage.set(one, A, 3);
    assert!(stage.network.wants_frames());
    assert!(asked.get() > 0, "who runs the frames is told");
    stage.frame(2);
    assert_eq!(stage.counted(), 1);
    assert!(!stage.network.wants_frames());
    stage.express(two, A, "time");
    stage.frame(3);
    stage.frame(4);
    assert!(stage.network.wants_frames(), "time goes on");
    stage.set(two, A, 1);
    stage.frame(5);
    assert!(!stage.network.wants_frames(), "nothing is computed any more");
}

#[test]
fn what_becomes_volatile_with_the_same_value_is_looked_at_from_then_on() {
    let stage = Stage::new();
    let (tick, pass) = (stage.make(&TICKING, "tick"), stage.make(&PASSING, "pass"));
    stage.wire(pass, tick);
    let rows = || stage.network.read_content(pass, |content| content.as_table().unwrap().num_rows()).unwrap();
    assert_eq!(rows(), 0);
    stage.set(tick, B, 1);
    stage.frame(9);
    assert_eq!(rows(), 0);
    stage.frame(20);
    assert_eq!(rows(), 2);
}

#[test]
fn frames_are_asked_for_again_after_nothing_was_computed_any_more() {
    let stage = Stage::new();
    let op = stage.base("op");
    let asked = Rc::new(Cell::new(0));
    let noted = asked.clone();
    stage.network.set_wake(Rc::new(move || noted.set(noted.get() + 1)));
    stage.express(op, A, "1");
    stage.network.turn(|network| {
        network.patch_mut().set_expression(op, A, "2").unwrap();
        network.set_par(op, A, &OwnedValue::Int(3)).unwrap();
    });
    assert!(!stage.network.wants_frames());
    asked.set(0);
    stage.express(op, A, "time");
    assert!(stage.network.wants_frames() && asked.get() > 0);
}

#[test]
fn a_circle_of_expressions_keeps_the_last_values_and_names_the_way() {
    let stage = Stage::new();
    let (one, two) = (stage.base("one"), stage.base("two"));
    stage.set(one, A, 1);
    stage.set(two, A, 2);
    stage.express(one, A, "two.a");
    assert_eq!(stage.value(one, A), 2);
    stage.express(two, A, "one.a 1");
    stage.frame(1);
    stage.value(one, A);
    let all = [stage.errors(one), stage.errors(two)].concat().join("\n");
    assert!(all.contains("/one.par.a -> /two.par.a -> /one.par.a"), "{all}");
    stage.set(two, A, 9);
    stage.frame(2);
    assert_eq!(stage.value(one, A), 9, "an opened circle works again");
    assert!(stage.errors(one).is_empty() && stage.errors(two).is_empty());
    stage.express(one, A, "a");
    stage.frame(3);
    assert!(stage.errors(one)[0].contains("/one.par.a -> /one.par.a"), "{:?}", stage.errors(one));
}

#[test]
fn an_operator_cooks_when_it_is_read_and_its_source_has_changed() {
    let stage = Stage::new();
    let (table, first, second) = (stage.base("table"), stage.make(&PASSING, "first"), stage.make(&PASSING, "second"));
    stage.wire(first, table);
    stage.wire(second, first);
    stage.add_row(table, "x");
    assert_eq!(stage.cooks(second), 0, "nobody reads");
    let rows = |op| stage.network.read_content(op, |content| content.as_table().unwrap().num_rows()).unwrap();
    assert_eq!(rows(second), 1);
    assert_eq!((stage.cooks(first), stage.cooks(second)), (1, 1));
    assert_eq!(rows(second), 1);
    assert_eq!((stage.cooks(first), stage.cooks(second)), (1, 1), "nothing is another");
    stage.add_row(table, "y");
    assert_eq!(rows(first), 2);
    assert_eq!(stage.cooks(second), 1, "nobody reads the second");
    assert_eq!(rows(second), 2);
    // An operator's own rows are no announced change, and are seen all the same.
    stage.network.turn(|network| {
        network.patch_mut().own_table_mut(table).unwrap().append_row(&["z"], None).unwrap();
    });
    assert_eq!(rows(second), 3);
    stage.network.force_cook(second);
    assert_eq!((stage.cooks(first), stage.cooks(second)), (3, 4));
    // A wire is something that was read.
    let other = stage.base("other");
    stage.wire(first, other);
    assert_eq!(rows(second), 0);
}

#[test]
fn what_a_script_has_just_made_and_wired_shows_its_source_at_once() {
    let stage = Stage::new();
    let table = stage.base("table");
    stage.add_row(table, "x");
    let pass = stage.network.turn(|network| {
        let pass = {
            let mut patch = network.patch_mut();
            let root = patch.root();
            let pass = patch.create(root, &PASSING, None).unwrap();
            patch.wire(pass, 0, Some(Wire { op: table, output: 0 })).unwrap();
            pass
        };
        assert_eq!(network.read_content(pass, |content| content.as_table().unwrap().num_rows()), Some(1));
        pass
    });
    assert_eq!(stage.cooks(pass), 1);
    stage.network.force_cook(table);
    assert_eq!(stage.cooks(table), 1, "a forced cook of what computes nothing is a cook");
}

#[test]
fn expressions_pull_what_they_read() {
    let stage = Stage::new();
    let (table, pass, op) = (stage.base("table"), stage.make(&PASSING, "pass"), stage.base("op"));
    stage.wire(pass, table);
    stage.express(op, A, "table pass 10");
    assert_eq!(stage.value(op, A), 10);
    stage.counted();
    stage.add_row(table, "x");
    stage.frame(1);
    assert_eq!((stage.value(op, A), stage.counted()), (11, 1));
    stage.frame(2);
    assert_eq!(stage.counted(), 0);
}

#[test]
fn a_circle_of_wires_is_an_error_that_names_the_way() {
    let stage = Stage::new();
    let (first, second) = (stage.make(&PASSING, "first"), stage.make(&PASSING, "second"));
    stage.wire(first, second);
    stage.wire(second, first);
    stage.network.turn(|network| network.cook(first));
    let errors = stage.errors(first).join("\n");
    assert!(errors.contains("/first -> /second -> /first"), "{errors}");
    let severity = stage.network.patch().get(first).unwrap().problems.iter().next().unwrap().severity;
    assert_eq!(severity, Severity::Error);
    stage.network.turn(|network| network.patch_mut().wire(second, 0, None)).unwrap();
    stage.frame(1);
    stage.network.turn(|network| {
        network.cook(first);
        network.cook(second);
    });
    assert!(stage.errors(first).is_empty() && stage.errors(second).is_empty());
}

#[test]
fn long_chains_of_wires_cook_and_endless_ones_end() {
    let stage = Stage::new();
    let table = stage.base("table");
    stage.add_row(table, "x");
    let mut last = table;
    for at in 0..300 {
        let next = stage.make(&PASSING, &format!("pass{at}"));
        stage.wire(next, last);
        last = next;
    }
    assert_eq!(stage.network.read_content(last, |content| content.as_table().unwrap().num_rows()), Some(1));
}

#[test]
fn content_that_says_the_same_is_no_change() {
    let stage = Stage::new();
    let op = stage.base("op");
    let put = |samples: Vec<f64>| {
        let channels = Channels::new(60.0, vec![(Rc::from("a"), samples)]);
        stage.network.patch_mut().put_content(op, Content::Channels(channels));
        stage.network.patch().get(op).unwrap().content_version()
    };
    let first = put(vec![1.0]);
    assert_eq!(put(vec![1.0]), first);
    assert_ne!(put(vec![2.0]), first);
}

/// Says what it is told of others.
static WATCHING: OperatorType = OperatorType { name: "watchDAT", start: Some(|_, op| Rc::new(Watching(op))), ..BASE };

struct Watching(OpId);

impl Watching {
    fn say(&self, network: &Network, text: String) {
        network.say_status(self.0, text);
    }
}

impl Worker for Watching {
    fn handle_watched(&self, network: &Network, change: &Change) {
        let path = network.patch().path(change.op());
        match change {
            Change::Parameter { value, before, .. } => {
                self.say(network, format!("{path} {} was {}", value.to_text(), before.to_text()));
            }
            Change::Content { .. } => self.say(network, format!("{path} content")),
            Change::Pulse { .. } => self.say(network, format!("{path} pulse")),
            Change::ParameterState { before, .. } => self.say(network, format!("{path} {before:?}")),
            _ => {}
        }
    }

    fn handle_tree(&self, network: &Network) {
        self.say(network, "tree".to_owned());
    }
}

#[test]
fn who_watches_is_told_in_order_and_until_it_is_enough() {
    let stage = Stage::new();
    let (op, watcher) = (stage.base("op"), stage.make(&WATCHING, "watcher"));
    let heard = || {
        let lines = stage.network.textport().lines();
        let texts: Vec<_> = lines.iter().filter(|line| &*line.path == "/watcher").map(|l| l.text.to_string()).collect();
        texts
    };
    stage.network.watch(op, watcher);
    stage.network.watch(op, watcher);
    stage.network.turn(|network| {
        network.set_par(op, A, &OwnedValue::Int(1)).unwrap();
        network.set_par(op, A, &OwnedValue::Int(2)).unwrap();
        network.patch_mut().own_table_mut(op).unwrap().append_row(&["x"], None).unwrap();
        network.patch_mut().own_table_mut(op).unwrap().append_row(&["y"], None).unwrap();
    });
    assert_eq!(heard(), ["/op 1 was 0", "/op 2 was 1", "/op content"], "rows of one turn are one change");
    stage.express(op, A, "3");
    assert!(heard().contains(&"/op Mode(Constant)".to_owned()), "{:?}", heard());
    assert_eq!(heard().last().unwrap(), "/op 3 was 2");
    stage.network.unwatch(op, watcher);
    let before = heard().len();
    stage.set(op, A, 5);
    assert_eq!(heard().len(), before);

    stage.network.watch_tree(watcher, true);
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        for _ in 0..3 {
            patch.create(root, &BASE, None).unwrap();
        }
    });
    assert_eq!(heard().len(), before + 1, "once for a turn: {:?}", heard());
    // One that is gone is told nothing, and nobody stumbles over it.
    stage.network.watch(op, watcher);
    stage.network.turn(|network| network.patch_mut().destroy(watcher)).unwrap();
    stage.set(op, A, 6);
    assert_eq!(stage.value(op, A), ParValue::Int(6).as_i64());
}
