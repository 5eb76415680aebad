//! Declaration of the Timer CHOP (TouchDesigner reference, sections 3.5 and 5).

use patchcord_core::declaration::{Callback, ContentKind, Family, MenuEntry, OperatorType, Page, Parameter, Returns};

use super::start;

/// The Timer CHOP.
pub static TIMER_CHOP: OperatorType = OperatorType {
    name: "timerCHOP",
    label: "Timer CHOP",
    family: Family::Chop,
    summary: "Counts time, calls functions when it begins, goes on and ends, and shows how far it is as channels. It \
              wants frames only while it runs.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: CALLBACKS,
    start: Some(start),
};

const LONGEST: f64 = 1e9;

const UNITS: &[MenuEntry<'static>] =
    &[MenuEntry::new("samples", "Samples"), MenuEntry::new("frames", "Frames"), MenuEntry::new("seconds", "Seconds")];

const COUNT: &[MenuEntry<'static>] = &[
    MenuEntry::new("off", "Off"),
    MenuEntry::new("samples", "Samples"),
    MenuEntry::new("frames", "Frames"),
    MenuEntry::new("seconds", "Seconds"),
    MenuEntry::new("all", "All"),
];

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "Timer",
        parameters: &[
            Parameter::menu(
                "active",
                "Active",
                "always",
                &[
                    MenuEntry::new("never", "Never"),
                    MenuEntry::new("always", "Always"),
                    MenuEntry::new("running", "While Running"),
                    MenuEntry::new("playing", "While Playing"),
                ],
            )
            .help(
                "When the timer works. Here it needs nothing while it does not run, so all but `never` are the same.",
            ),
            Parameter::pulse("initialize", "Initialize")
                .help("Puts the timer at its beginning: calls onInitialize, then onReady, and waits for a start."),
            Parameter::pulse("start", "Start").help(
                "Begins to count, first the delay and then the length. A timer that runs or is done begins anew, with \
                 an initialisation; one that is ready needs none.",
            ),
            Parameter::menu(
                "lengthtype",
                "Length Type",
                "fixed",
                &[MenuEntry::new("fixed", "Fixed"), MenuEntry::new("infinite", "Infinite")],
            )
            .help("Whether a cycle has an end."),
            Parameter::float("length", "Length", 10.0, 0.0, LONGEST).help("Length of a cycle."),
            Parameter::menu("lengthunits", "Length Units", "seconds", UNITS)
                .help("Unit of `length`. A sample is a frame here."),
            Parameter::float("delay", "Delay", 0.0, 0.0, LONGEST).help("Time between a start and the first cycle."),
            Parameter::menu("delayunits", "Delay Units", "seconds", UNITS).help("Unit of `delay`."),
            Parameter::toggle("play", "Play", true).help("Off, the timer stands still."),
            Parameter::float("speed", "Speed", 1.0, 0.0, 1e6).help("How fast time passes for it."),
            Parameter::toggle("cue", "Cue", false).help("Holds a running timer at the cue point."),
            Parameter::pulse("cuepulse", "Cue Pulse").help("Jumps to the cue point."),
            Parameter::float("cuepoint", "Cue Point", 0.0, 0.0, LONGEST).help("Place within the cycle."),
            Parameter::menu(
                "cueunits",
                "Cue Units",
                "seconds",
                &[
                    MenuEntry::new("samples", "Samples"),
                    MenuEntry::new("frames", "Frames"),
                    MenuEntry::new("seconds", "Seconds"),
                    MenuEntry::new("fraction", "Fraction"),
                ],
            )
            .help("Unit of `cuepoint`; a fraction is of the length."),
            Parameter::toggle("cycle", "Cycle", false).help("Begins the length anew when it has passed."),
            Parameter::toggle("cyclelimit", "Cycle Limit", false).help("Cycles only as often as `maxcycles` says."),
            Parameter::int("maxcycles", "Maximum Cycles", 1, 1, 1_000_000_000)
                .help("Cycles when `cycle` and `cyclelimit` are on."),
            Parameter::pulse("exitendcycle", "Exit Segment at End of Cycle")
                .help("Leaves the segment when the present cycle ends."),
            Parameter::pulse("gotoendcycle", "Go to End of Cycle").help("Ends the present cycle now."),
            Parameter::pulse("gotodone", "Go to Done").help("Ends the timer now."),
            Parameter::menu(
                "ondone",
                "On Done",
                "donothing",
                &[
                    MenuEntry::new("donothing", "Do Nothing"),
                    MenuEntry::new("reinit", "Re-Initialize"),
                    MenuEntry::new("restart", "Re-Start"),
                    MenuEntry::new("restartnoinit", "Re-Start without Initializing"),
                ],
            )
            .help("What happens when the timer is done, after onDone."),
            Parameter::dat("callbacks", "Callbacks DAT").help("The DAT whose functions are called."),
        ],
    },
    Page {
        name: "Segments",
        parameters: &[
            Parameter::dat("segdat", "Segments DAT").help(
                "A table with a row for each segment below a heading: `length`, `delay` or `begin` (seconds from the \
                 start of the timer), `cycle`, `cyclelimit`, `maxcycles`. What a row leaves out the parameters say. It \
                 is read when the timer is initialised; at most 10000 segments count.",
            ),
            Parameter::menu(
                "segmethod",
                "Segment Method",
                "serial",
                &[MenuEntry::new("serial", "Serial Timers"), MenuEntry::new("parallel", "Parallel Timers")],
            )
            .help("Segments are counted one after the other; `parallel` is not built and counts them so too."),
            Parameter::menu("segunits", "Segment Units", "seconds", UNITS)
                .help("Unit of the times in the segments table."),
            Parameter::pulse("gotoprevseg", "Go to Previous Segment").help("Goes to the segment before."),
            Parameter::pulse("gotonextseg", "Go to Next Segment").help("Goes to the segment behind."),
        ],
    },
    Page {
        name: "Outputs",
        parameters: &[
            Parameter::toggle("outfraction", "Timer Fraction", true)
                .help("Channel timer_fraction: part of the cycle that has passed."),
            Parameter::menu("outtimercount", "Timer Count", "off", COUNT)
                .help("Channels timer_samples, timer_frames and timer_seconds: time of the cycle that has passed."),
            Parameter::toggle("outtimeractive", "Timer Active", false)
                .help("Channel timer_active: 1 while a cycle is counted."),
            Parameter::toggle("outdelayfraction", "Delay Fraction", false)
                .help("Channel delay_fraction: part of the delay that has passed."),
            Parameter::toggle("outinit", "Initializing", false)
                .help("Channel initializing: 1 while onInitialize asks for more time."),
            Parameter::toggle("outready", "Ready", false)
                .help("Channel ready: 1 between an initialisation and a start."),
            Parameter::toggle("outrunning", "Running", false).help("Channel running: 1 between a start and the end."),
            Parameter::toggle("outdone", "Done", false).help("Channel done: 1 when all is done."),
            Parameter::toggle("outcycle", "Cycles", false)
                .help("Channel cycles: cycles of the segment that are complete."),
            Parameter::toggle("outcycleplusfraction", "Cycles + Fraction", false)
                .help("Channel cycle_plus_fraction: the two together."),
            Parameter::toggle("outseg", "Segment", false).help("Channel segment: the segment, from 0."),
            Parameter::toggle("outsegplusfraction", "Segment + Fraction", false)
                .help("Channel segment_plus_fraction: the two together."),
            Parameter::menu("outlength", "Length", "off", COUNT)
                .help("Channels length_samples, length_frames and length_seconds: the length of a cycle."),
            Parameter::menu("outrunningcount", "Running Time Count", "off", COUNT).help(
                "Channels running_samples, running_frames and running_seconds: time since the start, whatever the \
                 timer did in it.",
            ),
        ],
    },
];

const CALLBACKS: &[Callback] = &[
    Callback::new(
        "onInitialize",
        &["timerOp", "callCount"],
        "The timer is to be made ready. Returns 0 or nothing when it is, else the number of frames after which it is \
         called again; callCount counts from 1.",
    )
    .returns(Returns::Value),
    Callback::new("onReady", &["timerOp"], "The timer is ready to be started."),
    Callback::new("onStart", &["timerOp"], "The timer begins to count."),
    Callback::new("onTimerPulse", &["timerOp", "segment"], "A cycle of a segment has come to its end."),
    Callback::new(
        "whileTimerActive",
        &["timerOp", "segment", "cycle", "fraction"],
        "Comes at each frame while a cycle is counted.",
    ),
    Callback::new(
        "onSegmentEnter",
        &["timerOp", "segment", "interrupt"],
        "A segment begins, behind its delay. `interrupt` is False.",
    ),
    Callback::new(
        "onSegmentExit",
        &["timerOp", "segment", "interrupt"],
        "A segment is left; `interrupt` is True when that is before its end.",
    ),
    Callback::new("onCycleStart", &["timerOp", "segment", "cycle"], "A cycle begins; they count from 0."),
    Callback::new("onCycle", &["timerOp", "segment", "cycle"], "A cycle has come to its end."),
    Callback::new(
        "onDone",
        &["timerOp", "segment", "interrupt"],
        "All is done; `interrupt` is True when that is before the end.",
    ),
];

/// Positions of the callbacks.
pub(super) mod callback {
    pub const INITIALIZE: usize = 0;
    pub const READY: usize = 1;
    pub const START: usize = 2;
    pub const TIMER_PULSE: usize = 3;
    pub const WHILE_ACTIVE: usize = 4;
    pub const SEGMENT_ENTER: usize = 5;
    pub const SEGMENT_EXIT: usize = 6;
    pub const CYCLE_START: usize = 7;
    pub const CYCLE: usize = 8;
    pub const DONE: usize = 9;
}

/// Positions of the parameters that the worker reads.
pub(super) mod par {
    use patchcord_core::declaration::ParIndex;

    use super::PAGES;

    macro_rules! positions {
        ($($constant:ident $name:literal)*) => {
            $(pub const $constant: ParIndex = ParIndex::of(PAGES, $name);)*
        };
    }

    positions!(
        ACTIVE "active" INITIALIZE "initialize" START "start" LENGTHTYPE "lengthtype" LENGTH "length"
        LENGTHUNITS "lengthunits" DELAY "delay" DELAYUNITS "delayunits" PLAY "play" SPEED "speed" CUE "cue"
        CUEPULSE "cuepulse" CUEPOINT "cuepoint" CUEUNITS "cueunits" CYCLE "cycle" CYCLELIMIT "cyclelimit"
        MAXCYCLES "maxcycles" EXITENDCYCLE "exitendcycle" GOTOENDCYCLE "gotoendcycle" GOTODONE "gotodone"
        ONDONE "ondone" SEGDAT "segdat" SEGUNITS "segunits" GOTOPREVSEG "gotoprevseg" GOTONEXTSEG "gotonextseg"
        OUTFRACTION "outfraction" OUTTIMERCOUNT "outtimercount" OUTTIMERACTIVE "outtimeractive"
        OUTDELAYFRACTION "outdelayfraction" OUTINIT "outinit" OUTREADY "outready" OUTRUNNING "outrunning"
        OUTDONE "outdone" OUTCYCLE "outcycle" OUTCYCLEPLUSFRACTION "outcycleplusfraction" OUTSEG "outseg"
        OUTSEGPLUSFRACTION "outsegplusfraction" OUTLENGTH "outlength" OUTRUNNINGCOUNT "outrunningcount"
    );
}
