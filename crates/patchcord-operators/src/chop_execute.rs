//! The CHOP Execute DAT: a script whose functions are called when channels change (TouchDesigner reference, sections 3.5
//! and 5).
//!
//! The channels are looked at once in each frame, at its start. A channel is on while its value is above zero.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::content::Channels;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::pattern::Pattern;
use patchcord_core::value::Value;

use crate::dat_file::{FileParameters, with_file_parameters};
use crate::own_script::{EXECUTE_FROM, FROM_OPERATOR, OwnScript, named};

/// The CHOP Execute DAT.
pub static CHOP_EXECUTE_DAT: OperatorType = OperatorType {
    name: "chopexecuteDAT",
    label: "CHOP Execute DAT",
    family: Family::Dat,
    summary: "Holds a script whose functions are called when channels of CHOPs change, or while they are on or off.",
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
        name: "CHOP Execute",
        parameters: with_file_parameters!(
            [
                Parameter::toggle("active", "Active", true).help("Off, nothing is looked at and nothing is called."),
                EXECUTE_FROM,
                FROM_OPERATOR,
                Parameter::str("chop", "CHOPs", "").help(
                    "The CHOPs to look at: names, paths or patterns with spaces between them, at most 10,000 CHOPs.",
                ),
                Parameter::str("channel", "Channels", "*")
                    .help("Names of the channels to look at; several, with patterns such as `chan[1-4]`."),
                Parameter::toggle("offtoon", "Off to On", true)
                    .help("Calls onOffToOn when a value goes from zero or below to above zero."),
                Parameter::toggle("whileon", "While On", false)
                    .help("Calls whileOn at each frame while a value is above zero."),
                Parameter::toggle("ontooff", "On to Off", true)
                    .help("Calls onOnToOff when a value goes from above zero to zero or below."),
                Parameter::toggle("whileoff", "While Off", false)
                    .help("Calls whileOff at each frame while a value is zero or below."),
                Parameter::toggle("valuechange", "Value Change", true)
                    .help("Calls onValueChange when a value is another."),
                Parameter::menu(
                    "freq",
                    "Frequency",
                    "onceperframe",
                    &[MenuEntry::new("everysample", "Every Sample"), MenuEntry::new("onceperframe", "Once Per Frame"),],
                )
                .help("Whether all samples of a channel are compared one after the other, or only the newest one."),
            ],
            []
        ),
    },
    COMMON_DAT_PAGE,
];

static AT: FileParameters = FileParameters::of(PAGES);

const ACTIVE: ParIndex = ParIndex::of(PAGES, "active");
const CHOP: ParIndex = ParIndex::of(PAGES, "chop");
const CHANNEL: ParIndex = ParIndex::of(PAGES, "channel");
const FREQ: ParIndex = ParIndex::of(PAGES, "freq");

const ARGUMENTS: &[&str] = &["channel", "sampleIndex", "val", "prev"];

const CALLBACKS: &[Callback] = &[
    Callback::new("onOffToOn", ARGUMENTS, "A value went from zero or below to above zero."),
    Callback::new("whileOn", ARGUMENTS, "A value is above zero; at each frame."),
    Callback::new("onOnToOff", ARGUMENTS, "A value went from above zero to zero or below."),
    Callback::new("whileOff", ARGUMENTS, "A value is zero or below; at each frame."),
    Callback::new("onValueChange", ARGUMENTS, "A value is another than before."),
];

/// The toggle of each callback, in their order.
const TOGGLES: [ParIndex; 5] = [
    ParIndex::of(PAGES, "offtoon"),
    ParIndex::of(PAGES, "whileon"),
    ParIndex::of(PAGES, "ontooff"),
    ParIndex::of(PAGES, "whileoff"),
    ParIndex::of(PAGES, "valuechange"),
];

/// Values of channels.
type Values = HashMap<(OpId, Rc<str>), f64>;

struct ChopExecute {
    script: OwnScript,
    chops: RefCell<Vec<OpId>>,
    /// The newest value of each channel at the last look.
    values: RefCell<Values>,
    every_sample: Cell<bool>,
}

/// A sample that somebody is told of.
struct Sample {
    chop: OpId,
    channel: Rc<str>,
    index: usize,
    value: f64,
    before: f64,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    network.defer(move |network| {
        network.with_worker(op, |worker: &ChopExecute| {
            worker.find_chops(network);
            worker.script.check(network);
        });
    });
    network.watch_tree(op, true);
    Rc::new(ChopExecute {
        script: OwnScript::start(network, op, &AT),
        chops: RefCell::default(),
        values: RefCell::default(),
        every_sample: Cell::new(false),
    })
}

impl ChopExecute {
    fn find_chops(&self, network: &Network) {
        let op = self.script.op;
        let is_chop = |op| network.patch().get(op).is_some_and(|op| op.declaration().family == Family::Chop);
        let active = self.script.is_on(network, ACTIVE);
        let chops = if active { named(network, op, CHOP, is_chop) } else { Vec::new() };
        self.every_sample.set(&*network.eval(op, FREQ).to_text() == "everysample");
        network.set_frame_interest(op, !chops.is_empty());
        *self.chops.borrow_mut() = chops;
        // What is there already is no change; what has changed since the last look is told at the next frame.
        let (_, mut values) = self.look(network);
        for (channel, value) in self.values.take() {
            values.entry(channel).and_modify(|newest| *newest = value);
        }
        *self.values.borrow_mut() = values;
    }

    /// Looks at all channels: their newest samples, or all of them, each with the one before. A channel that was not
    /// there at the last look has none.
    fn look(&self, network: &Network) -> (Vec<Sample>, Values) {
        let scope = Pattern::parse(&network.eval(self.script.op, CHANNEL).to_text());
        let chops = self.chops.borrow().clone();
        let (mut samples, mut values) = (Vec::new(), Values::new());
        for chop in chops {
            let channels = network.read_content(chop, |content| content.as_channels().cloned()).flatten();
            let Channels { channels, .. } = channels.unwrap_or(Channels::new(0.0, Vec::new()));
            for (channel, of_channel) in channels.into_iter().filter(|(name, _)| scope.matches(name)) {
                let Some(newest) = of_channel.last().copied() else { continue };
                let known = self.values.borrow().get(&(chop, channel.clone())).copied();
                values.insert((chop, channel.clone()), newest);
                let Some(mut before) = known else { continue };
                let first = if self.every_sample.get() { 0 } else { of_channel.len() - 1 };
                for (index, value) in of_channel.iter().copied().enumerate().skip(first) {
                    samples.push(Sample { chop, channel: channel.clone(), index, value, before });
                    before = value;
                }
            }
        }
        (samples, values)
    }

    fn tell(&self, network: &Network, sample: &Sample) {
        let (was_on, is_on) = (sample.before > 0.0, sample.value > 0.0);
        // In the order of the callbacks.
        let happens = [!was_on && is_on, is_on, was_on && !is_on, !is_on, sample.before != sample.value];
        for (callback, toggle) in TOGGLES.into_iter().enumerate() {
            // A call before may have destroyed the CHOP.
            let is_there = network.patch().get(sample.chop).is_some();
            if happens[callback] && is_there && self.script.is_on(network, toggle) {
                let arguments = [
                    Value::Channel(sample.chop, &sample.channel),
                    Value::Int(sample.index as i64),
                    Value::Float(sample.value),
                    Value::Float(sample.before),
                ];
                self.script.call(network, callback, &arguments);
            }
        }
    }
}

impl Worker for ChopExecute {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.script.handle_change(network, change);
        if let Change::Parameter { index: ACTIVE | CHOP | CHANNEL | FREQ, .. } = change {
            self.find_chops(network);
        }
    }

    fn handle_tree(&self, network: &Network) {
        self.find_chops(network);
    }

    fn handle_frame(&self, network: &Network, _: Frame, phase: FramePhase) {
        if phase == FramePhase::Start {
            let (samples, values) = self.look(network);
            *self.values.borrow_mut() = values;
            samples.iter().for_each(|sample| self.tell(network, sample));
        }
    }

    fn stop(&self, network: &Network) {
        network.watch_tree(self.script.op, false);
    }
}
