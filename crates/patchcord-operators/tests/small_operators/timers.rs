//! The Timer CHOP and the FIFO DAT: what they call, when, and what they show; and the Merge DAT.

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::callbacks::Closures;
use patchcord_core::declaration::OperatorType;
use patchcord_core::frame::Frame;
use patchcord_core::network::Network;
use patchcord_core::patch::{OpId, Source};
use patchcord_core::value::{OwnedValue, Value};
use patchcord_operators::fifo_dat::{FIFO_DAT, FifoDat};
use patchcord_operators::timer_chop::TIMER_CHOP;

use crate::stage::{Stage, off, on, str};

type Heard = Rc<RefCell<Vec<String>>>;

/// Notes what is called, but for what comes at each frame.
fn listen(
    stage: &Stage,
    op: OpId,
    kind: &'static OperatorType,
    answer: impl Fn(&str) -> OwnedValue + 'static,
) -> Heard {
    let heard = Heard::default();
    let answer = Rc::new(answer);
    let mut closures = Closures::new(kind);
    for callback in kind.callbacks.iter().filter(|callback| callback.name != "whileTimerActive") {
        let (heard, answer, name) = (heard.clone(), answer.clone(), callback.name);
        closures = closures.on(name, move |_, arguments| {
            let shown = arguments[1..].iter().map(|argument| match argument {
                Value::Int(number) => number.to_string(),
                Value::Bool(on) => on.to_string(),
                _ => "?".to_owned(),
            });
            let shown: Vec<String> = std::iter::once(name.trim_start_matches("on").to_owned()).chain(shown).collect();
            heard.borrow_mut().push(shown.join(" "));
            answer(name)
        });
    }
    stage.network.set_callbacks(op, Rc::new(closures)).unwrap();
    heard
}

fn frame(stage: &Stage, number: u64) {
    let frame = Frame { number, seconds: number as f64 / 60.0, step: 1, rate: 60.0, dropped: 0 };
    stage.network.frame_start(frame);
    stage.network.frame_end();
}

fn frames(stage: &Stage, numbers: std::ops::RangeInclusive<u64>) {
    numbers.for_each(|number| frame(stage, number));
}

fn channel(stage: &Stage, op: OpId, name: &str) -> Option<f64> {
    stage.network.turn(|network| network.cook(op));
    let patch = stage.network.patch();
    let channels = &patch.get(op).unwrap().content().as_channels().unwrap().channels;
    channels.iter().find(|(known, _)| **known == *name).map(|(_, samples)| samples[0])
}

fn timer(stage: &Stage, parameters: &[(&str, OwnedValue)]) -> OpId {
    let timer = stage.make_with("timerCHOP", "timer1", parameters);
    for output in ["outready", "outrunning", "outdone", "outcycle", "outseg"] {
        stage.set(timer, output, on());
    }
    timer
}

#[test]
fn a_timer_counts_calls_and_costs_nothing_when_it_is_done() {
    let stage = Stage::new();
    let parameters =
        [("length", OwnedValue::Int(6)), ("lengthunits", str("frames")), ("delay", OwnedValue::Float(0.05))];
    let timer = timer(&stage, &parameters);
    let heard = listen(&stage, timer, &TIMER_CHOP, |_| OwnedValue::None);
    frame(&stage, 1);
    assert!(!stage.network.wants_frames());
    stage.pulse(timer, "start");
    assert_eq!(heard.take(), ["Initialize 1", "Ready", "Start"]);
    assert!(stage.network.wants_frames());
    frames(&stage, 2..=3);
    assert_eq!((heard.take(), channel(&stage, timer, "timer_fraction")), (vec![], Some(0.0)));
    frames(&stage, 4..=7);
    assert_eq!(heard.take(), ["SegmentEnter 0 false", "CycleStart 0 0"]);
    let fraction = channel(&stage, timer, "timer_fraction").unwrap();
    assert!((fraction - 0.5).abs() < 1e-9, "{fraction}");
    assert_eq!(channel(&stage, timer, "running"), Some(1.0));
    frames(&stage, 8..=12);
    assert_eq!(heard.take(), ["TimerPulse 0", "Cycle 0 0", "SegmentExit 0 false", "Done 0 false"]);
    assert_eq!((channel(&stage, timer, "done"), channel(&stage, timer, "timer_fraction")), (Some(1.0), Some(1.0)));
    assert!(!stage.network.wants_frames());
}

#[test]
fn play_speed_and_jumps() {
    let stage = Stage::new();
    let timer = timer(&stage, &[("length", OwnedValue::Int(60)), ("lengthunits", str("frames"))]);
    let heard = listen(&stage, timer, &TIMER_CHOP, |_| OwnedValue::None);
    frame(&stage, 1);
    stage.pulse(timer, "initialize");
    assert_eq!(
        (heard.take(), channel(&stage, timer, "ready")),
        (vec!["Initialize 1".into(), "Ready".into()], Some(1.0))
    );
    stage.pulse(timer, "start");
    assert_eq!(heard.take(), ["Start", "SegmentEnter 0 false", "CycleStart 0 0"]);
    stage.set(timer, "play", off());
    frames(&stage, 2..=31);
    assert_eq!(channel(&stage, timer, "timer_fraction"), Some(0.0));
    stage.set(timer, "play", on());
    stage.set(timer, "speed", OwnedValue::Int(2));
    frames(&stage, 32..=46);
    let fraction = channel(&stage, timer, "timer_fraction").unwrap();
    assert!((fraction - 0.5).abs() < 1e-9, "{fraction}");
    stage.pulse(timer, "cuepulse");
    assert_eq!(channel(&stage, timer, "timer_fraction"), Some(0.0));
    stage.pulse(timer, "gotodone");
    assert_eq!(heard.take(), ["SegmentExit 0 true", "Done 0 true"]);
}

#[test]
fn what_follows_the_end_is_chosen() {
    let stage = Stage::new();
    let timer = timer(&stage, &[("length", OwnedValue::Int(1)), ("lengthunits", str("frames"))]);
    let heard = listen(&stage, timer, &TIMER_CHOP, |_| OwnedValue::None);
    let rounds = |from: u64| {
        frame(&stage, from);
        stage.pulse(timer, "start");
        frames(&stage, from + 1..=from + 4);
        let heard = heard.take();
        ["Initialize 1", "Start", "Done 0 false"].map(|call| heard.iter().filter(|heard| **heard == call).count())
    };
    assert_eq!(rounds(1), [1, 1, 1]);
    stage.set(timer, "ondone", str("reinit"));
    assert_eq!((rounds(10), channel(&stage, timer, "ready")), ([2, 1, 1], Some(1.0)));
    stage.set(timer, "ondone", str("restart"));
    let [initialized, started, done] = rounds(20);
    assert!(done >= 2 && started > done && initialized >= done, "{initialized} {started} {done}");
    stage.set(timer, "ondone", str("restartnoinit"));
    frames(&stage, 25..=30);
    assert!(!heard.take().contains(&"Ready".to_owned()));
}

#[test]
fn an_initialisation_can_ask_for_time() {
    let stage = Stage::new();
    let timer = timer(&stage, &[]);
    let asked = RefCell::new(0);
    let heard = listen(&stage, timer, &TIMER_CHOP, move |name| {
        *asked.borrow_mut() += usize::from(name == "onInitialize");
        OwnedValue::Int(if name == "onInitialize" && *asked.borrow() < 3 { 2 } else { 0 })
    });
    frame(&stage, 1);
    stage.pulse(timer, "start");
    frames(&stage, 2..=4);
    assert_eq!(heard.take(), ["Initialize 1", "Initialize 2"]);
    frame(&stage, 5);
    assert_eq!(heard.take()[..3], ["Initialize 3", "Ready", "Start"]);
}

#[test]
fn segments_come_from_a_table() {
    let stage = Stage::new();
    let table = stage.make("tableDAT", "segments");
    stage.set_table(
        table,
        &[&["length", "delay", "cycle", "cyclelimit", "maxcycles"], &["2", "0", "1", "1", "2"], &["3", "1"]],
    );
    let timer = timer(&stage, &[("segdat", str("segments")), ("segunits", str("frames"))]);
    let heard = listen(&stage, timer, &TIMER_CHOP, |_| OwnedValue::None);
    frame(&stage, 1);
    stage.pulse(timer, "start");
    heard.take();
    frames(&stage, 2..=6);
    assert_eq!(
        heard.take(),
        [
            "TimerPulse 0",
            "Cycle 0 0",
            "CycleStart 0 1",
            "TimerPulse 0",
            "Cycle 0 1",
            "SegmentExit 0 false",
            "SegmentEnter 1 false",
            "CycleStart 1 0"
        ]
    );
    assert_eq!(channel(&stage, timer, "segment"), Some(1.0));
    frames(&stage, 7..=10);
    assert_eq!(heard.take(), ["TimerPulse 1", "Cycle 1 0", "SegmentExit 1 false", "Done 1 false"]);
}

#[test]
fn a_fifo_keeps_the_newest_rows_and_calls_for_each() {
    let stage = Stage::new();
    let fifo = stage.make_with("fifoDAT", "fifo1", &[("maxlines", OwnedValue::Int(2)), ("firstrow", on())]);
    let heard = listen(&stage, fifo, &FIFO_DAT, |_| OwnedValue::None);
    let append = |texts: &[&str]| {
        stage.network.turn(|network| {
            for text in texts {
                network.patch_mut().table_mut(fifo).unwrap().append_row(&[*text], None).unwrap();
                network.with_worker(fifo, |worker: &FifoDat| worker.note_appended(network, 1)).unwrap();
            }
        });
    };
    append(&["heading"]);
    assert_eq!(heard.take(), [""; 0]);
    append(&["a", "b"]);
    assert_eq!(
        (stage.text(fifo).as_str(), heard.take()),
        ("heading\na\nb\n", vec!["Receive 1".into(), "Receive 2".into()])
    );
    append(&["c", "d", "e"]);
    assert_eq!(
        (stage.text(fifo).as_str(), heard.take()),
        ("heading\nd\ne\n", vec!["Receive 1".into(), "Receive 2".into()])
    );
    assert_eq!(stage.network.info(fifo)[0], ("rows_dropped", 3.0));
    stage.set(fifo, "maxlines", OwnedValue::Int(1));
    assert_eq!(stage.text(fifo), "heading\ne\n");
    stage.set(fifo, "clamp", off());
    append(&["f", "g"]);
    assert_eq!(stage.text(fifo), "heading\ne\nf\ng\n");
    stage.pulse(fifo, "clear");
    assert_eq!(stage.text(fifo), "heading\n");
}

#[test]
fn a_script_sees_a_fifo_that_it_clears_and_one_that_it_makes() {
    let stage = Stage::new();
    let fifo = stage.make("fifoDAT", "fifo1");
    let clear = stage.network.patch().find_par(fifo, "clear").unwrap();
    let append = |network: &Network, fifo, text: &str| {
        network.patch_mut().table_mut(fifo).unwrap().append_row(&[text], None).unwrap();
        network.with_begun_worker(fifo, |worker: &FifoDat| worker.note_appended(network, 1)).unwrap();
    };
    stage.network.turn(|network| {
        append(network, fifo, "before");
        network.pulse(fifo, clear).unwrap();
        assert_eq!(network.patch().table(fifo).unwrap().num_rows(), 0);
        append(network, fifo, "between");
        network.set_par(fifo, clear, &on()).unwrap();
        append(network, fifo, "behind");
        network.set_par(fifo, clear, &off()).unwrap();
    });
    assert_eq!(stage.text(fifo), "behind\n");
    stage.network.turn(|network| {
        let root = network.patch().root();
        let made = network.patch_mut().create(root, &FIFO_DAT, Some("fifo2")).unwrap();
        let most = network.patch().find_par(made, "maxlines").unwrap();
        network.set_par(made, most, &OwnedValue::Int(3)).unwrap();
        for text in ["a", "b", "c", "d", "e"] {
            append(network, made, text);
            assert!(network.patch().table(made).unwrap().num_rows() <= 3);
        }
    });
}

#[test]
fn tables_are_merged() {
    let stage = Stage::new();
    let merge = stage.make("mergeDAT", "merge1");
    for (input, rows) in [[["name", "x"], ["a", "1"]], [["x", "name"], ["2", "b"]]].iter().enumerate() {
        let table = stage.make("tableDAT", &format!("table{input}"));
        stage.set_table(table, &[&rows[0], &rows[1]]);
        let source = Some(Source { op: table, output: 0 });
        stage.network.turn(|network| network.patch_mut().wire(merge, input, source)).unwrap();
    }
    assert_eq!(stage.text(merge), "name\tx\na\t1\nx\tname\n2\tb\n");
    stage.set(merge, "byname", on());
    assert_eq!(stage.text(merge), "name\tx\na\t1\nb\t2\n");
    stage.set(merge, "byname", off());
    stage.set(merge, "how", str("col"));
    assert_eq!(stage.text(merge), "name\tx\tx\tname\na\t1\t2\tb\n");
    stage.set(merge, "how", str("reprowcells"));
    assert_eq!(stage.text(merge), "name\tx\na\t1\n");
    assert_eq!(stage.problems(merge), [("merge", "tables are not merged with `reprowcells` here".to_owned())]);
}
