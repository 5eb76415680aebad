//! The Info CHOP: figures about another operator, as channels (TouchDesigner reference, sections 5 and 6).
//!
//! First come the info channels of the operator's type, then those that every operator has. They are taken when the
//! CHOP is read and never otherwise: one sample of each, as new as can be, and no cost while nobody looks.

use std::rc::Rc;

use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::{OpId, Patch};
use patchcord_core::pattern::Pattern;
use patchcord_core::tracking::Source;

use crate::reference::target;

/// The Info CHOP.
pub static INFO_CHOP: OperatorType = OperatorType {
    name: "infoCHOP",
    label: "Info CHOP",
    family: Family::Chop,
    summary: "Gives figures about another operator as channels: its own ones, such as open connections, and those that \
              every operator has, such as its errors and the length of its last cook.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

/// Name of the channel that `childcooktime` adds.
const CHILDREN_COOK_TIME: &str = "children_cpu_cook_time";

const LARGEST: f64 = 1e15;

const PAGES: &[Page] = &[Page {
    name: "Info",
    parameters: &[
        Parameter::op("op", "Operator").help("The operator to look at."),
        Parameter::str("iscope", "Scope", "*").help(
            "Names of the channels to keep: several with spaces between them, with patterns such as `cook_*` and \
             exceptions such as `^cook_frame`.",
        ),
        Parameter::menu(
            "values",
            "Values",
            "all",
            &[
                MenuEntry::new("all", "All"),
                MenuEntry::new("inside", "Inside Range"),
                MenuEntry::new("outside", "Outside Range"),
            ],
        )
        .help("Keeps all channels, or only those whose value lies within `range1` to `range2`, or outside."),
        Parameter::float("range1", "Range 1", 0.0, -LARGEST, LARGEST)
            .help("One end of the range, which belongs to it."),
        Parameter::float("range2", "Range 2", 1.0, -LARGEST, LARGEST)
            .help("The other end of the range, which belongs to it."),
        Parameter::toggle("passive", "Passive", false).help(
            "Off, the operator is cooked before it is looked at. On, its figures are those that its last cook left.",
        ),
        Parameter::toggle("childcooktime", "Children Cook Time", false).help(
            "For a component: adds children_cpu_cook_time, the length of the last cooks of all operators inside it, at \
             any depth, in milliseconds.",
        ),
    ],
}];

const OP: ParIndex = ParIndex::of(PAGES, "op");
const ISCOPE: ParIndex = ParIndex::of(PAGES, "iscope");
const VALUES: ParIndex = ParIndex::of(PAGES, "values");
const RANGE1: ParIndex = ParIndex::of(PAGES, "range1");
const RANGE2: ParIndex = ParIndex::of(PAGES, "range2");
const PASSIVE: ParIndex = ParIndex::of(PAGES, "passive");
const CHILDCOOKTIME: ParIndex = ParIndex::of(PAGES, "childcooktime");

struct InfoChop(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(InfoChop(op))
}

impl Worker for InfoChop {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        // Figures are others at each look.
        network.note_read(Source::Moment);
        let target = target(network, self.0, OP);
        let channels = target.map(|target| self.channels_of(network, target)).unwrap_or_default();
        let content = Content::Channels(Channels::new(network.frame().rate, channels));
        network.patch_mut().put_content(self.0, content);
    }
}

impl InfoChop {
    fn channels_of(&self, network: &Network, target: OpId) -> Vec<(Rc<str>, Vec<f64>)> {
        let par = |index| network.eval(self.0, index);
        let mut info = if par(PASSIVE).is_on() { network.info_of_last_cook(target) } else { network.info(target) };
        if par(CHILDCOOKTIME).is_on() {
            info.extend(children_cook_time(&network.patch(), target).map(|time| (CHILDREN_COOK_TIME, time)));
        }
        let scope = Pattern::parse(&par(ISCOPE).to_text());
        let (one, other) = (par(RANGE1).as_f64(), par(RANGE2).as_f64());
        let range = one.min(other)..=one.max(other);
        let values = par(VALUES).to_text();
        let keeps = |value: f64| match &*values {
            "inside" => range.contains(&value),
            "outside" => !range.contains(&value),
            _ => true,
        };
        let kept = info.into_iter().filter(|(name, value)| scope.matches(name) && keeps(*value));
        kept.map(|(name, value)| (Rc::from(name), vec![value])).collect()
    }
}

/// Milliseconds; `None` for what is no component.
fn children_cook_time(patch: &Patch, component: OpId) -> Option<f64> {
    let component = patch.get(component).filter(|op| op.declaration().family == Family::Comp)?;
    let mut inside = component.children().to_vec();
    let mut time = 0.0;
    while let Some(op) = inside.pop().and_then(|id| patch.get(id)) {
        time += op.cook.time_ms();
        inside.extend_from_slice(op.children());
    }
    Some(time)
}
