//! The Execute DAT: a script whose functions are called at certain moments (TouchDesigner reference, sections 3.5 and 5).
//!
//! Its own text is the script. A toggle for each function says whether it is called, a pulse calls it at once. `onStart`
//! comes once, when the patch as it was loaded has started and every server that starts with it listens; `onCreate`
//! comes instead for an Execute DAT that is made later; `onExit` comes while everything still works. Frames are only
//! asked for while a frame toggle is on, so that an idle patch stays idle.

use std::cell::Cell;
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::value::Value;

use crate::dat_file::{FileParameters, with_file_parameters};
use crate::own_script::OwnScript;

/// The Execute DAT.
pub static EXECUTE_DAT: OperatorType = OperatorType {
    name: "executeDAT",
    label: "Execute DAT",
    family: Family::Dat,
    summary: "Holds a script whose functions are called when the patch starts and ends, and at each frame.",
    content: ContentKind::Text,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: CALLBACKS,
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "Execute",
        parameters: with_file_parameters!(
            [
                Parameter::toggle("active", "Active", true).help("Off, nothing is called, not even by a pulse."),
                Parameter::toggle("start", "Start", false).help(
                    "Calls onStart once, when the patch has started. For an Execute DAT that is made later there is \
                     `create`.",
                ),
                Parameter::pulse("startpulse", "Start Pulse").help("Calls onStart now."),
                Parameter::toggle("create", "Create", false).help(
                    "Calls onCreate when this DAT is made while the patch runs, and not when the patch is loaded."
                ),
                Parameter::pulse("createpulse", "Create Pulse").help("Calls onCreate now."),
                Parameter::toggle("exit", "Exit", false).help(
                    "Calls onExit when the program ends in order, before servers and connections close. There is no \
                     call after a crash.",
                ),
                Parameter::pulse("exitpulse", "Exit Pulse").help("Calls onExit now."),
                Parameter::toggle("framestart", "Frame Start", false)
                    .help("Calls onFrameStart at the start of each frame, after delayed runs that are due."),
                Parameter::pulse("framestartpulse", "Frame Start Pulse").help("Calls onFrameStart now."),
                Parameter::toggle("frameend", "Frame End", false).help("Calls onFrameEnd at the end of each frame."),
                Parameter::pulse("frameendpulse", "Frame End Pulse").help("Calls onFrameEnd now."),
                Parameter::toggle("playstatechange", "Play State Change", false)
                    .help("Never calls by itself: there is no timeline here that could be paused. The pulse calls."),
                Parameter::pulse("playstatepulse", "Play State Pulse").help("Calls onPlayStateChange now."),
                Parameter::toggle("devicechange", "Device Change", false)
                    .help("Never calls by itself: devices of the computer are not watched. The pulse calls."),
                Parameter::pulse("devicechangepulse", "Device Change Pulse").help("Calls onDeviceChange now."),
                Parameter::toggle("projectpresave", "Project Pre Save", false)
                    .help("Never calls by itself: nothing saves a whole project here. The pulse calls."),
                Parameter::pulse("projectpresavepulse", "Project Pre Save Pulse").help("Calls onProjectPreSave now."),
                Parameter::toggle("projectpostsave", "Project Post Save", false)
                    .help("Never calls by itself: nothing saves a whole project here. The pulse calls."),
                Parameter::pulse("projectpostsavepulse", "Project Post Save Pulse")
                    .help("Calls onProjectPostSave now."),
            ],
            []
        ),
    },
    COMMON_DAT_PAGE,
];

static AT: FileParameters = FileParameters::of(PAGES);

const ACTIVE: ParIndex = ParIndex::of(PAGES, "active");
const START: ParIndex = ParIndex::of(PAGES, "start");
const CREATE: ParIndex = ParIndex::of(PAGES, "create");
const EXIT: ParIndex = ParIndex::of(PAGES, "exit");
const FRAMESTART: ParIndex = ParIndex::of(PAGES, "framestart");
const FRAMEEND: ParIndex = ParIndex::of(PAGES, "frameend");

const CALLBACKS: &[Callback] = &[
    Callback::new("onStart", &[], "The patch has started: every operator is there and servers listen."),
    Callback::new("onCreate", &[], "This DAT was made while the patch runs."),
    Callback::new("onExit", &[], "The program is about to end. Servers and connections still work."),
    Callback::new("onFrameStart", &["frame"], "A frame starts. `frame` is its number since the program started."),
    Callback::new("onFrameEnd", &["frame"], "A frame ends. `frame` is its number since the program started."),
    Callback::new(
        "onPlayStateChange",
        &["state"],
        "The timeline plays (`state` is True) or is paused. Comes only by the pulse, with True.",
    ),
    Callback::new("onDeviceChange", &[], "A device was plugged in or out. Comes only by the pulse."),
    Callback::new("onProjectPreSave", &[], "The project is about to be saved. Comes only by the pulse."),
    Callback::new("onProjectPostSave", &[], "The project was saved. Comes only by the pulse."),
];

/// Positions of the callbacks.
mod callback {
    pub const START: usize = 0;
    pub const CREATE: usize = 1;
    pub const EXIT: usize = 2;
    pub const FRAME_START: usize = 3;
    pub const FRAME_END: usize = 4;
    pub const PLAY_STATE_CHANGE: usize = 5;
    pub const DEVICE_CHANGE: usize = 6;
    pub const PROJECT_PRE_SAVE: usize = 7;
    pub const PROJECT_POST_SAVE: usize = 8;
}

/// Which callback a pulse calls.
const PULSES: &[(ParIndex, usize)] = &[
    (ParIndex::of(PAGES, "startpulse"), callback::START),
    (ParIndex::of(PAGES, "createpulse"), callback::CREATE),
    (ParIndex::of(PAGES, "exitpulse"), callback::EXIT),
    (ParIndex::of(PAGES, "framestartpulse"), callback::FRAME_START),
    (ParIndex::of(PAGES, "frameendpulse"), callback::FRAME_END),
    (ParIndex::of(PAGES, "playstatepulse"), callback::PLAY_STATE_CHANGE),
    (ParIndex::of(PAGES, "devicechangepulse"), callback::DEVICE_CHANGE),
    (ParIndex::of(PAGES, "projectpresavepulse"), callback::PROJECT_PRE_SAVE),
    (ParIndex::of(PAGES, "projectpostsavepulse"), callback::PROJECT_POST_SAVE),
];

struct ExecuteDat {
    script: OwnScript,
    /// Whether the calls at the start and the end of a frame are wanted; asked sixty times a second.
    at_frames: Cell<(bool, bool)>,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let first = if network.has_started() { callback::CREATE } else { callback::START };
    // Put off twice: other operators put off their start once, and are to have started by then.
    network.defer(move |network| {
        network.defer(move |network| {
            network.with_worker(op, |worker: &ExecuteDat| worker.begin(network, first));
        });
    });
    Rc::new(ExecuteDat { script: OwnScript::start(network, op, &AT), at_frames: Cell::new((false, false)) })
}

impl ExecuteDat {
    fn begin(&self, network: &Network, first: usize) {
        let toggle = if first == callback::START { START } else { CREATE };
        if self.is_on(network, toggle) {
            self.script.call(network, first, &[]);
        }
        self.update_frames(network);
        self.script.check(network);
    }

    /// Whether a toggle is on and the DAT is active.
    fn is_on(&self, network: &Network, toggle: ParIndex) -> bool {
        self.script.is_on(network, ACTIVE) && self.script.is_on(network, toggle)
    }

    fn update_frames(&self, network: &Network) {
        let (start, end) = (self.is_on(network, FRAMESTART), self.is_on(network, FRAMEEND));
        self.at_frames.set((start, end));
        network.set_frame_interest(self.script.op, start || end);
    }

    fn handle_pulse(&self, network: &Network, index: ParIndex) {
        let called = PULSES.iter().find(|(pulse, _)| *pulse == index).map(|(_, callback)| *callback);
        let Some(callback) = called.filter(|_| self.script.is_on(network, ACTIVE)) else { return };
        match callback {
            callback::FRAME_START | callback::FRAME_END => self.call_at_frame(network, callback, network.frame()),
            callback::PLAY_STATE_CHANGE => self.script.call(network, callback, &[Value::Bool(true)]),
            _ => self.script.call(network, callback, &[]),
        }
    }

    fn call_at_frame(&self, network: &Network, callback: usize, frame: Frame) {
        self.script.call(network, callback, &[Value::Int(i64::try_from(frame.number).unwrap_or(i64::MAX))]);
    }
}

impl Worker for ExecuteDat {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.script.handle_change(network, change);
        match change {
            Change::Parameter { index: ACTIVE | FRAMESTART | FRAMEEND, .. } => self.update_frames(network),
            Change::Pulse { index, .. } => self.handle_pulse(network, *index),
            _ => {}
        }
    }

    fn handle_frame(&self, network: &Network, frame: Frame, phase: FramePhase) {
        match (phase, self.at_frames.get()) {
            (FramePhase::Start, (true, _)) => self.call_at_frame(network, callback::FRAME_START, frame),
            (FramePhase::End, (_, true)) => self.call_at_frame(network, callback::FRAME_END, frame),
            _ => {}
        }
    }

    fn handle_exit(&self, network: &Network) {
        if self.is_on(network, EXIT) {
            self.script.call(network, callback::EXIT, &[]);
        }
    }
}
