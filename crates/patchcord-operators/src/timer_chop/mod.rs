//! The Timer CHOP: time, counted in delays, cycles and segments (TouchDesigner reference, sections 3.5 and 5).
//!
//! - [`declaration`]: parameters and callbacks: the facts.
//! - [`machine`]: the timer itself, which reads no clock.
//! - [`TimerChop`]: the worker. It lets the time of frames pass, calls what happens, and shows channels.
//!
//! Callbacks come in the frame in which their time has come. What they change (a pulse of `start` in onDone) happens
//! when they have returned.

mod declaration;
mod machine;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::change::Change;
use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::ParIndex;
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;
use patchcord_core::tracking::{Shared, Source};
use patchcord_core::value::{OwnedValue, Value};

use crate::inputs;
use crate::reference::target;
pub use declaration::TIMER_CHOP;
use declaration::{callback, par};
use machine::{Event, Machine, Segment};

/// Rows of a segments table that count.
const MAX_SEGMENTS: usize = 10_000;

/// Where the timer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// It was never initialised.
    #[default]
    Idle,
    /// onInitialize has asked to be called again at this frame, for the so manieth time.
    Initializing { at: u64, count: i64, then_start: bool },
    /// It waits for a start.
    Ready,
    /// It counts.
    Running,
    /// It has come to its end.
    Done,
}

/// Worker of a Timer CHOP.
struct TimerChop {
    op: OpId,
    callbacks: OnceCell<Rc<dyn Callbacks>>,
    state: Cell<State>,
    machine: RefCell<Machine>,
    /// Seconds of the frame at which time was taken last.
    last: Cell<f64>,
    /// Seconds of the frame at which it was started.
    started: Cell<f64>,
    /// Moves when the channels may be others.
    version: Shared,
}

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(TimerChop {
        op,
        callbacks: OnceCell::new(),
        state: Cell::default(),
        machine: RefCell::new(Machine::new(Vec::new())),
        last: Cell::default(),
        started: Cell::default(),
        version: Shared::default(),
    })
}

impl TimerChop {
    fn is_on(&self, network: &Network, index: ParIndex) -> bool {
        network.eval(self.op, index).is_on()
    }

    fn text(&self, network: &Network, index: ParIndex) -> Rc<str> {
        network.eval(self.op, index).to_text()
    }

    fn number(&self, network: &Network, index: ParIndex) -> f64 {
        network.eval(self.op, index).as_f64()
    }

    /// Puts the state in place, and asks for frames while there is something to count.
    fn enter(&self, network: &Network, state: State) {
        self.state.set(state);
        self.version.note_change();
        network.set_frame_interest(self.op, matches!(state, State::Running | State::Initializing { .. }));
    }

    // ---- what is asked for ----------------------------------------------------------------------------------------

    fn initialize(&self, network: &Network, then_start: bool) {
        let segments = self.segments(network);
        *self.machine.borrow_mut() = Machine::new(segments);
        self.initialize_again(network, 1, then_start);
    }

    fn initialize_again(&self, network: &Network, count: i64, then_start: bool) {
        let answer = self.call(network, callback::INITIALIZE, &[Value::Int(count)]);
        let frames = match answer {
            OwnedValue::Int(frames) => frames,
            OwnedValue::Float(frames) => frames as i64,
            OwnedValue::Bool(on) => i64::from(on),
            _ => 0,
        };
        if frames > 0 {
            let at = network.frame().number.saturating_add(frames.unsigned_abs());
            return self.enter(network, State::Initializing { at, count: count.saturating_add(1), then_start });
        }
        self.enter(network, State::Ready);
        self.call(network, callback::READY, &[]);
        if then_start {
            self.run(network);
        }
    }

    fn start_now(&self, network: &Network) {
        match self.state.get() {
            State::Ready => self.run(network),
            _ => self.initialize(network, true),
        }
    }

    fn run(&self, network: &Network) {
        let now = network.frame().seconds;
        self.last.set(now);
        self.started.set(now);
        self.enter(network, State::Running);
        self.call(network, callback::START, &[]);
        self.go_on(network, 0.0);
    }

    fn handle_pulse(&self, network: &Network, index: ParIndex) {
        if &*self.text(network, par::ACTIVE) == "never" {
            return;
        }
        match index {
            par::INITIALIZE => self.initialize(network, false),
            par::START => self.start_now(network),
            _ if self.state.get() != State::Running => {}
            par::GOTODONE => self.jump(network, Machine::go_to_done),
            par::GOTOENDCYCLE => self.jump(network, Machine::go_to_end_of_cycle),
            par::GOTONEXTSEG => self.jump(network, |machine| machine.go_to_segment(true)),
            par::GOTOPREVSEG => self.jump(network, |machine| machine.go_to_segment(false)),
            par::EXITENDCYCLE => self.machine.borrow_mut().exit_at_end_of_cycle(),
            par::CUEPULSE => self.cue(network),
            _ => {}
        }
    }

    fn cue(&self, network: &Network) {
        let point = self.number(network, par::CUEPOINT);
        let seconds = match &*self.text(network, par::CUEUNITS) {
            "fraction" => point * self.machine.borrow().length().min(1e9),
            units => seconds(point, units, network.frame().rate),
        };
        self.jump(network, |machine| machine.cue(seconds));
    }

    fn jump(&self, network: &Network, jump: impl FnOnce(&mut Machine) -> Vec<Event>) {
        let events = jump(&mut self.machine.borrow_mut());
        self.tell(network, &events);
    }

    // ---- time -----------------------------------------------------------------------------------------------------

    fn go_on(&self, network: &Network, passed: f64) {
        let events = self.machine.borrow_mut().advance(passed);
        self.tell(network, &events);
        let (segment, cycle, fraction, is_active) = {
            let machine = self.machine.borrow();
            (machine.segment(), machine.cycles(), machine.fraction(), machine.is_active())
        };
        if is_active && self.state.get() == State::Running {
            let arguments = [int(segment as u64), int(cycle), Value::Float(fraction)];
            self.call(network, callback::WHILE_ACTIVE, &arguments);
        }
    }

    /// Calls what has happened.
    fn tell(&self, network: &Network, events: &[Event]) {
        self.version.note_change();
        for event in events {
            match *event {
                Event::SegmentEnter(segment) => {
                    self.call(network, callback::SEGMENT_ENTER, &[int(segment as u64), Value::Bool(false)]);
                }
                Event::CycleStart(segment, cycle) => {
                    self.call(network, callback::CYCLE_START, &[int(segment as u64), int(cycle)]);
                }
                Event::CycleEnd(segment, cycle) => {
                    self.call(network, callback::TIMER_PULSE, &[int(segment as u64)]);
                    self.call(network, callback::CYCLE, &[int(segment as u64), int(cycle)]);
                }
                Event::SegmentExit(segment, interrupt) => {
                    self.call(network, callback::SEGMENT_EXIT, &[int(segment as u64), Value::Bool(interrupt)]);
                }
                Event::Done(segment, interrupt) => {
                    self.enter(network, State::Done);
                    self.call(network, callback::DONE, &[int(segment as u64), Value::Bool(interrupt)]);
                    self.follow_up(network);
                }
            }
        }
    }

    /// Does what is to be done behind the end, when the turn's work has returned: a timer of no length must not go round
    /// within one frame.
    fn follow_up(&self, network: &Network) {
        let op = self.op;
        let what = self.text(network, par::ONDONE);
        network.defer(move |network| {
            network.with_worker(op, |timer: &TimerChop| {
                // A callback may have begun anew already.
                if timer.state.get() != State::Done {
                    return;
                }
                match &*what {
                    "reinit" => timer.initialize(network, false),
                    "restart" => timer.initialize(network, true),
                    "restartnoinit" => {
                        *timer.machine.borrow_mut() = Machine::new(timer.segments(network));
                        timer.run(network);
                    }
                    _ => {}
                }
            });
        });
    }

    // ---- settings -------------------------------------------------------------------------------------------------

    fn segments(&self, network: &Network) -> Vec<Segment> {
        let rate = network.frame().rate;
        let text = |index| self.text(network, index);
        let length = match &*text(par::LENGTHTYPE) {
            "infinite" => f64::INFINITY,
            _ => seconds(self.number(network, par::LENGTH), &text(par::LENGTHUNITS), rate),
        };
        let own = Settings {
            delay: seconds(self.number(network, par::DELAY), &text(par::DELAYUNITS), rate),
            length,
            cycle: self.is_on(network, par::CYCLE),
            limit: self.is_on(network, par::CYCLELIMIT),
            most: self.number(network, par::MAXCYCLES),
        };
        let table = target(network, self.op, par::SEGDAT).map(|dat| inputs::table(network, dat));
        match table.filter(|table| table.num_rows() > 1) {
            Some(table) => segments_of(&table, own, |value| seconds(value, &text(par::SEGUNITS), rate)),
            None => vec![own.segment()],
        }
    }

    // ---- calls ----------------------------------------------------------------------------------------------------

    fn call(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) -> OwnedValue {
        // Asking may run the script, so the cell is not to be in use meanwhile.
        let known = self.callbacks.get().cloned().unwrap_or_else(|| network.callbacks_for(self.op));
        let callbacks = self.callbacks.get_or_init(|| known).clone();
        if !callbacks.defines(network, callback) {
            return OwnedValue::None;
        }
        let mut all = vec![Value::Op(self.op)];
        all.extend_from_slice(arguments);
        network.turn(|network| callbacks.call(network, callback, &all)).unwrap_or(OwnedValue::None)
    }
}

/// What parameters or a row say of a segment, times in seconds.
#[derive(Clone, Copy)]
struct Settings {
    delay: f64,
    length: f64,
    cycle: bool,
    limit: bool,
    most: f64,
}

impl Settings {
    fn segment(self) -> Segment {
        let cycles = match (self.cycle, self.limit) {
            (false, _) => Some(1),
            (true, true) => Some(self.most.max(1.0) as u64),
            (true, false) => None,
        };
        Segment { delay: self.delay, length: self.length, cycles }
    }
}

/// The segments of a table, each row on top of what the parameters say.
fn segments_of(table: &Table, own: Settings, seconds: impl Fn(f64) -> f64) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut total = 0.0;
    for row in 1..table.num_rows().min(MAX_SEGMENTS + 1) {
        let cell = |name: &str| table.cell(row, name).and_then(|cell| cell.trim().parse::<f64>().ok());
        let time = |name: &str| cell(name).map(&seconds);
        let is_on = |name: &str, own: bool| cell(name).map_or(own, |value| value != 0.0);
        let segment = Settings {
            delay: time("begin").map(|begin| (begin - total).max(0.0)).or_else(|| time("delay")).unwrap_or(own.delay),
            length: time("length").unwrap_or(own.length),
            cycle: is_on("cycle", own.cycle),
            limit: is_on("cyclelimit", own.limit),
            most: cell("maxcycles").unwrap_or(own.most),
        }
        .segment();
        total += segment.delay + segment.length * segment.cycles.unwrap_or(1) as f64;
        segments.push(segment);
    }
    segments
}

/// A time in seconds. A sample is a frame.
fn seconds(value: f64, units: &str, rate: f64) -> f64 {
    if units == "seconds" { value } else { value / rate }
}

fn int(number: u64) -> Value<'static> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Worker for TimerChop {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        network.note_read(Source::Shared(self.version.clone()));
        let machine = self.machine.borrow().clone();
        let (state, rate) = (self.state.get(), network.frame().rate);
        let mut channels: Vec<(Rc<str>, Vec<f64>)> = Vec::new();
        let mut show = |name: &str, value: f64| channels.push((Rc::from(name), vec![value]));
        let on = |condition: bool| f64::from(u8::from(condition));
        let running = if state == State::Running { self.last.get() - self.started.get() } else { 0.0 };
        let is_initializing = matches!(state, State::Initializing { .. });
        if self.is_on(network, par::OUTFRACTION) {
            show("timer_fraction", machine.fraction());
        }
        for (index, name, value) in [
            (par::OUTTIMERCOUNT, "timer", machine.seconds()),
            (par::OUTLENGTH, "length", machine.length().min(1e15)),
            (par::OUTRUNNINGCOUNT, "running", running),
        ] {
            let units = self.text(network, index);
            for (unit, value) in [("samples", value * rate), ("frames", value * rate), ("seconds", value)] {
                if *units == *unit || &*units == "all" {
                    show(&format!("{name}_{unit}"), value);
                }
            }
        }
        for (index, name, value) in [
            (par::OUTTIMERACTIVE, "timer_active", on(state == State::Running && machine.is_active())),
            (par::OUTDELAYFRACTION, "delay_fraction", machine.delay_fraction()),
            (par::OUTINIT, "initializing", on(is_initializing)),
            (par::OUTREADY, "ready", on(state == State::Ready)),
            (par::OUTRUNNING, "running", on(state == State::Running)),
            (par::OUTDONE, "done", on(state == State::Done)),
            (par::OUTCYCLE, "cycles", machine.cycles() as f64),
            (par::OUTCYCLEPLUSFRACTION, "cycle_plus_fraction", machine.cycles() as f64 + machine.fraction()),
            (par::OUTSEG, "segment", machine.segment() as f64),
            (par::OUTSEGPLUSFRACTION, "segment_plus_fraction", machine.segment() as f64 + machine.fraction()),
        ] {
            if self.is_on(network, index) {
                show(name, value);
            }
        }
        network.patch_mut().put_content(self.op, Content::Channels(Channels::new(rate, channels)));
    }

    fn handle_change(&self, network: &Network, change: &Change) {
        if let Change::Pulse { index, .. } = change {
            self.handle_pulse(network, *index);
        }
    }

    fn handle_frame(&self, network: &Network, frame: Frame, phase: FramePhase) {
        if phase != FramePhase::Start {
            return;
        }
        match self.state.get() {
            State::Initializing { at, count, then_start } if frame.number >= at => {
                self.initialize_again(network, count, then_start);
            }
            State::Running => {
                let passed = (frame.seconds - self.last.replace(frame.seconds)).max(0.0);
                if self.is_on(network, par::CUE) {
                    self.cue(network);
                } else if self.is_on(network, par::PLAY) {
                    self.go_on(network, passed * self.number(network, par::SPEED));
                }
                self.version.note_change();
            }
            _ => {}
        }
    }
}
