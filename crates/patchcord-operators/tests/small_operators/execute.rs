//! The Execute DAT: which of its functions are called, when and with what.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use patchcord_core::callbacks::Closures;
use patchcord_core::declaration::{ContentKind, Family, OperatorType};
use patchcord_core::frame::Frame;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::value::{OwnedValue, Value};
use patchcord_operators::execute_dat::EXECUTE_DAT;

use crate::stage::{Stage, off, on, str};

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was called on this thread since this was last asked.
fn heard() -> Vec<String> {
    HEARD.with(RefCell::take)
}

fn note(text: impl Into<String>) {
    HEARD.with(|heard| heard.borrow_mut().push(text.into()));
}

/// An operator that starts in the way servers do, and says goodbye.
static SERVER: OperatorType = OperatorType {
    name: "serverDAT",
    label: "Server DAT",
    family: Family::Dat,
    summary: "",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &[],
    info_channels: &[],
    callbacks: &[],
    start: Some(|network, _| {
        network.defer(|_| note("server starts"));
        Rc::new(Server)
    }),
};

struct Server;

impl Worker for Server {
    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        note("server ends");
        None
    }
}

/// Closures that note the name of each callback with its arguments.
fn noting() -> Closures {
    let mut closures = Closures::new(&EXECUTE_DAT);
    for callback in EXECUTE_DAT.callbacks {
        closures = closures.on(callback.name, move |_, arguments| {
            let shown = arguments.iter().map(|argument| match argument {
                Value::Int(number) => number.to_string(),
                Value::Bool(on) => on.to_string(),
                _ => "?".to_owned(),
            });
            note(format!("{}({})", callback.name, shown.collect::<Vec<_>>().join(", ")));
            OwnedValue::None
        });
    }
    closures
}

fn make(network: &Network, name: &str, toggles: &[&str], callbacks: Closures) -> OpId {
    let mut patch = network.patch_mut();
    let root = patch.root();
    let op = patch.create(root, &EXECUTE_DAT, Some(name)).unwrap();
    for toggle in toggles {
        let index = patch.find_par(op, toggle).unwrap();
        patch.set_par(op, index, &on()).unwrap();
    }
    drop(patch);
    network.set_callbacks(op, Rc::new(callbacks)).unwrap();
    op
}

fn stage() -> Stage {
    heard();
    Stage::with_types(&[&EXECUTE_DAT, &SERVER])
}

fn frame(network: &Network, number: u64) {
    network.frame_start(Frame { number, ..Frame::default() });
    network.frame_end();
}

#[test]
fn start_comes_once_when_everything_has_started() {
    let stage = stage();
    stage.network.turn(|network| {
        make(network, "execute1", &["start", "create"], noting());
        let mut patch = network.patch_mut();
        let root = patch.root();
        patch.create(root, &SERVER, Some("server")).unwrap();
    });
    assert_eq!(heard(), ["server starts", "onStart()"]);
    frame(&stage.network, 1);
    stage.network.turn(|_| ());
    assert_eq!(heard(), [""; 0]);
}

#[test]
fn create_comes_instead_for_one_that_is_made_later() {
    let stage = stage();
    assert!(!stage.network.has_started());
    stage.make("serverDAT", "server");
    assert!(stage.network.has_started());
    heard();
    stage.network.turn(|network| make(network, "execute1", &["start", "create"], noting()));
    assert_eq!(heard(), ["onCreate()"]);
}

#[test]
fn one_that_the_start_makes_is_made_at_run_time() {
    let stage = stage();
    stage.network.turn(|network| {
        let making = Closures::new(&EXECUTE_DAT).on("onStart", |network, _| {
            make(network, "execute2", &["start", "create"], noting());
            OwnedValue::None
        });
        make(network, "execute1", &["start"], making);
    });
    assert_eq!(heard(), ["onCreate()"]);
}

#[test]
fn exit_comes_while_everything_still_works() {
    let stage = stage();
    stage.make("serverDAT", "a_server");
    stage.network.turn(|network| make(network, "execute1", &["exit"], noting()));
    stage.make("serverDAT", "z_server");
    heard();
    assert!(stage.network.shut_down().is_empty());
    assert_eq!(heard(), ["onExit()", "server ends", "server ends"]);
}

#[test]
fn toggles_that_are_off_and_an_inactive_dat_call_nothing() {
    let stage = stage();
    let (quiet, inactive) = stage.network.turn(|network| {
        let every = ["start", "create", "exit", "framestart", "frameend"];
        let inactive = make(network, "inactive", &every, noting());
        let active = network.patch().find_par(inactive, "active").unwrap();
        network.patch_mut().set_par(inactive, active, &off()).unwrap();
        (make(network, "quiet", &[], noting()), inactive)
    });
    assert!(!stage.network.wants_frames());
    frame(&stage.network, 1);
    stage.pulse(inactive, "startpulse");
    stage.network.shut_down();
    assert_eq!(heard(), [""; 0]);
    assert_eq!(stage.network.patch().get(quiet).unwrap().cook.total, 0);
}

#[test]
fn frames_are_asked_for_only_while_a_frame_toggle_is_on() {
    let stage = stage();
    let execute = stage.network.turn(|network| make(network, "execute1", &["framestart"], noting()));
    assert!(stage.network.wants_frames());
    frame(&stage.network, 7);
    stage.set(execute, "frameend", on());
    frame(&stage.network, 8);
    stage.set(execute, "framestart", off());
    frame(&stage.network, 9);
    let calls = ["onFrameStart(7)", "onFrameStart(8)", "onFrameEnd(8)", "onFrameEnd(9)"];
    assert_eq!(heard(), calls);
    assert_eq!(stage.network.patch().get(execute).unwrap().cook.total, 4);
    stage.set(execute, "active", off());
    assert!(!stage.network.wants_frames());
    stage.set(execute, "active", on());
    assert!(stage.network.wants_frames());
    stage.network.turn(|network| network.patch_mut().destroy(execute)).unwrap();
    assert!(!stage.network.wants_frames());
    frame(&stage.network, 10);
    assert_eq!(heard(), [""; 0]);
}

#[test]
fn asking_for_frames_wakes_the_engine() {
    let stage = stage();
    let execute = stage.network.turn(|network| make(network, "execute1", &[], noting()));
    stage.network.set_wake(Rc::new(|| note("wake")));
    stage.set(execute, "framestart", on());
    assert_eq!(heard(), ["wake"]);
    stage.network.set_frame_interest(execute, true);
    stage.network.set_frame_interest(execute, false);
    assert_eq!(heard(), [""; 0], "it was known, and nobody is woken to do nothing");
}

#[test]
fn each_pulse_calls_its_function_whatever_the_toggles_say() {
    let stage = stage();
    let execute = stage.network.turn(|network| make(network, "execute1", &[], noting()));
    frame(&stage.network, 3);
    for (pulse, call) in [
        ("startpulse", "onStart()"),
        ("createpulse", "onCreate()"),
        ("exitpulse", "onExit()"),
        ("framestartpulse", "onFrameStart(3)"),
        ("frameendpulse", "onFrameEnd(3)"),
        ("playstatepulse", "onPlayStateChange(true)"),
        ("devicechangepulse", "onDeviceChange()"),
        ("projectpresavepulse", "onProjectPreSave()"),
        ("projectpostsavepulse", "onProjectPostSave()"),
    ] {
        stage.pulse(execute, pulse);
        assert_eq!(heard(), [call]);
    }
}

#[test]
fn a_function_that_the_script_lacks_is_not_called_and_no_cook() {
    let stage = stage();
    let only_end = Closures::new(&EXECUTE_DAT).on("onFrameEnd", |_, _| OwnedValue::None);
    let execute =
        stage.network.turn(|network| make(network, "execute1", &["start", "framestart", "frameend"], only_end));
    frame(&stage.network, 1);
    assert_eq!(stage.network.patch().get(execute).unwrap().cook.total, 1);
}

#[test]
fn a_function_may_edit_the_patch_and_end_its_own_operator() {
    let stage = stage();
    let destroying = Closures::new(&EXECUTE_DAT).on("onFrameStart", |network, _| {
        note("destroys itself");
        let me = network.patch().find(network.patch().root(), "execute1").unwrap();
        network.patch_mut().destroy(me).unwrap();
        OwnedValue::None
    });
    stage.network.turn(|network| make(network, "execute1", &["framestart", "frameend"], destroying));
    frame(&stage.network, 1);
    frame(&stage.network, 2);
    assert_eq!(heard(), ["destroys itself"]);
    assert!(stage.network.patch().is_empty());
}

#[test]
fn its_own_text_is_python_that_is_checked_and_may_stand_in_a_file() {
    let stage = Stage::new();
    stage.set_evaluator(|_, _, _| Err("not asked".into()));
    stage.save("execute.txt", "def onStart(): ?");
    let execute = stage.make_with("executeDAT", "execute1", &[("file", str("execute.txt")), ("syncfile", on())]);
    assert_eq!(stage.problems(execute), [("script", "line 1: invalid syntax".to_owned())]);
    stage.set_text(execute, "def onStart(): pass");
    assert_eq!(stage.problems(execute), []);
    stage.pulse(execute, "writepulse");
    assert_eq!(stage.read("execute.txt"), "def onStart(): pass");
}
