//! The Constant CHOP: channels whose values are its parameters (TouchDesigner reference, section 5).
//!
//! Scripts set values by `const0value`, or `value0` as it was called before. A sequence of parameters does not grow here,
//! so that there are always the same [`CHANNELS`] of each.

use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{ContentKind, Family, Input, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;

use crate::channel_names::ChannelNames;
use crate::inputs;

/// The Constant CHOP.
pub static CONSTANT_CHOP: OperatorType = OperatorType {
    name: "constantCHOP",
    label: "Constant CHOP",
    family: Family::Chop,
    summary: "Makes up to 64 channels whose values are its parameters.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[Input { label: "snapshot", help: "The channels that `snap` takes over, read when it is pulsed." }],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

/// Channels that there can be.
pub const CHANNELS: usize = 64;

/// Samples of a channel at most.
const MAX_SAMPLES: i64 = 100_000;

macro_rules! constant_parameters {
    ($($name:literal $old_name:literal $name_label:literal $default:literal
       $value:literal $old_value:literal $value_label:literal)*) => {
        &[
            Parameter::int("const", "Constants", 1, 0, CHANNELS as i64).help(
                "Channels that there are, at most 64. While it was never set, every channel with a name is there; of \
                 those that are counted, one without a name is called chan and its number.",
            ),
            $(
                Parameter::str($name, $name_label, $default).aliases(&[$old_name]).help("Name of the channel."),
                Parameter::float($value, $value_label, 0.0, -1e15, 1e15)
                    .aliases(&[$old_value])
                    .help("Value of the channel."),
            )*
        ]
    };
}

const PAGES: &[Page] = &[
    Page {
        name: "Constant",
        parameters: constant_parameters!(
            "const0name" "name0" "Name 0" "chan1" "const0value" "value0" "Value 0"
            "const1name" "name1" "Name 1" "" "const1value" "value1" "Value 1"
            "const2name" "name2" "Name 2" "" "const2value" "value2" "Value 2"
            "const3name" "name3" "Name 3" "" "const3value" "value3" "Value 3"
            "const4name" "name4" "Name 4" "" "const4value" "value4" "Value 4"
            "const5name" "name5" "Name 5" "" "const5value" "value5" "Value 5"
            "const6name" "name6" "Name 6" "" "const6value" "value6" "Value 6"
            "const7name" "name7" "Name 7" "" "const7value" "value7" "Value 7"
            "const8name" "name8" "Name 8" "" "const8value" "value8" "Value 8"
            "const9name" "name9" "Name 9" "" "const9value" "value9" "Value 9"
            "const10name" "name10" "Name 10" "" "const10value" "value10" "Value 10"
            "const11name" "name11" "Name 11" "" "const11value" "value11" "Value 11"
            "const12name" "name12" "Name 12" "" "const12value" "value12" "Value 12"
            "const13name" "name13" "Name 13" "" "const13value" "value13" "Value 13"
            "const14name" "name14" "Name 14" "" "const14value" "value14" "Value 14"
            "const15name" "name15" "Name 15" "" "const15value" "value15" "Value 15"
            "const16name" "name16" "Name 16" "" "const16value" "value16" "Value 16"
            "const17name" "name17" "Name 17" "" "const17value" "value17" "Value 17"
            "const18name" "name18" "Name 18" "" "const18value" "value18" "Value 18"
            "const19name" "name19" "Name 19" "" "const19value" "value19" "Value 19"
            "const20name" "name20" "Name 20" "" "const20value" "value20" "Value 20"
            "const21name" "name21" "Name 21" "" "const21value" "value21" "Value 21"
            "const22name" "name22" "Name 22" "" "const22value" "value22" "Value 22"
            "const23name" "name23" "Name 23" "" "const23value" "value23" "Value 23"
            "const24name" "name24" "Name 24" "" "const24value" "value24" "Value 24"
            "const25name" "name25" "Name 25" "" "const25value" "value25" "Value 25"
            "const26name" "name26" "Name 26" "" "const26value" "value26" "Value 26"
            "const27name" "name27" "Name 27" "" "const27value" "value27" "Value 27"
            "const28name" "name28" "Name 28" "" "const28value" "value28" "Value 28"
            "const29name" "name29" "Name 29" "" "const29value" "value29" "Value 29"
            "const30name" "name30" "Name 30" "" "const30value" "value30" "Value 30"
            "const31name" "name31" "Name 31" "" "const31value" "value31" "Value 31"
            "const32name" "name32" "Name 32" "" "const32value" "value32" "Value 32"
            "const33name" "name33" "Name 33" "" "const33value" "value33" "Value 33"
            "const34name" "name34" "Name 34" "" "const34value" "value34" "Value 34"
            "const35name" "name35" "Name 35" "" "const35value" "value35" "Value 35"
            "const36name" "name36" "Name 36" "" "const36value" "value36" "Value 36"
            "const37name" "name37" "Name 37" "" "const37value" "value37" "Value 37"
            "const38name" "name38" "Name 38" "" "const38value" "value38" "Value 38"
            "const39name" "name39" "Name 39" "" "const39value" "value39" "Value 39"
            "const40name" "name40" "Name 40" "" "const40value" "value40" "Value 40"
            "const41name" "name41" "Name 41" "" "const41value" "value41" "Value 41"
            "const42name" "name42" "Name 42" "" "const42value" "value42" "Value 42"
            "const43name" "name43" "Name 43" "" "const43value" "value43" "Value 43"
            "const44name" "name44" "Name 44" "" "const44value" "value44" "Value 44"
            "const45name" "name45" "Name 45" "" "const45value" "value45" "Value 45"
            "const46name" "name46" "Name 46" "" "const46value" "value46" "Value 46"
            "const47name" "name47" "Name 47" "" "const47value" "value47" "Value 47"
            "const48name" "name48" "Name 48" "" "const48value" "value48" "Value 48"
            "const49name" "name49" "Name 49" "" "const49value" "value49" "Value 49"
            "const50name" "name50" "Name 50" "" "const50value" "value50" "Value 50"
            "const51name" "name51" "Name 51" "" "const51value" "value51" "Value 51"
            "const52name" "name52" "Name 52" "" "const52value" "value52" "Value 52"
            "const53name" "name53" "Name 53" "" "const53value" "value53" "Value 53"
            "const54name" "name54" "Name 54" "" "const54value" "value54" "Value 54"
            "const55name" "name55" "Name 55" "" "const55value" "value55" "Value 55"
            "const56name" "name56" "Name 56" "" "const56value" "value56" "Value 56"
            "const57name" "name57" "Name 57" "" "const57value" "value57" "Value 57"
            "const58name" "name58" "Name 58" "" "const58value" "value58" "Value 58"
            "const59name" "name59" "Name 59" "" "const59value" "value59" "Value 59"
            "const60name" "name60" "Name 60" "" "const60value" "value60" "Value 60"
            "const61name" "name61" "Name 61" "" "const61value" "value61" "Value 61"
            "const62name" "name62" "Name 62" "" "const62value" "value62" "Value 62"
            "const63name" "name63" "Name 63" "" "const63value" "value63" "Value 63"
        ),
    },
    Page {
        name: "Snap",
        parameters: &[
            Parameter::pulse("snap", "Snapshot Input")
                .help("Takes names and present values of the input's channels over; what was there before is lost."),
            Parameter::int("first", "First Channel", 0, 0, 1_000_000)
                .help("The channel of the input, counted from 0, from which a snapshot begins."),
            Parameter::toggle("current", "Active Needs Current", false)
                .help("Kept for scripts that set it; there is no second input here."),
        ],
    },
    Page {
        name: "Channel",
        parameters: &[
            Parameter::toggle("single", "Single Sample", true)
                .help("Each channel is one sample. Off, it has one for each position from `start` to `end`."),
            Parameter::int("start", "Start", 0, -1_000_000_000, 1_000_000_000)
                .help("First sample when `single` is off."),
            Parameter::int("end", "End", 0, -1_000_000_000, 1_000_000_000)
                .help("Last sample when `single` is off; at most 100000 samples are made."),
            Parameter::float("rate", "Sample Rate", 60.0, 0.001, 1e9).help("Samples per second."),
        ],
    },
];

const CONST: ParIndex = ParIndex::of(PAGES, "const");
const FIRST_NAME: ParIndex = ParIndex::of(PAGES, "const0name");
const SNAP: ParIndex = ParIndex::of(PAGES, "snap");
const FIRST: ParIndex = ParIndex::of(PAGES, "first");
const SINGLE: ParIndex = ParIndex::of(PAGES, "single");
const START: ParIndex = ParIndex::of(PAGES, "start");
const END: ParIndex = ParIndex::of(PAGES, "end");
const RATE: ParIndex = ParIndex::of(PAGES, "rate");

fn name(channel: usize) -> ParIndex {
    ParIndex(FIRST_NAME.0 + 2 * channel as u32)
}

fn value(channel: usize) -> ParIndex {
    ParIndex(name(channel).0 + 1)
}

struct ConstantChop(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(ConstantChop(op))
}

impl Worker for ConstantChop {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let par = |index| network.eval(self.0, index);
        let samples = match par(SINGLE).is_on() {
            true => 1,
            false => (par(END).as_i64() - par(START).as_i64() + 1).clamp(0, MAX_SAMPLES),
        };
        let count = par(CONST).as_i64();
        let is_counted = network.patch().get(self.0).is_some_and(|op| op.par_state(CONST).is_some());
        let mut names = ChannelNames::default();
        let mut channels = Vec::new();
        for channel in 0..CHANNELS {
            let is_within = (channel as i64) < count;
            if is_counted && !is_within {
                break;
            }
            let own = par(name(channel)).to_text();
            let wanted = match own.trim() {
                "" if is_counted => format!("chan{}", channel + 1),
                "" => continue,
                own => own.to_owned(),
            };
            channels.push((names.give(&wanted), vec![par(value(channel)).as_f64(); samples as usize]));
        }
        let content = Content::Channels(Channels::new(par(RATE).as_f64(), channels));
        network.patch_mut().put_content(self.0, content);
    }

    fn handle_change(&self, network: &Network, change: &Change) {
        if matches!(change, Change::Pulse { index: SNAP, .. }) {
            self.snap(network);
        }
    }
}

impl ConstantChop {
    fn snap(&self, network: &Network) {
        let Some(source) = inputs::source(network, self.0, 0) else { return };
        let first = network.eval(self.0, FIRST).as_i64() as usize;
        let channels = inputs::channels(network, source).channels;
        let taken: Vec<_> = channels.into_iter().skip(first).take(CHANNELS).collect();
        let set = |index, value: OwnedValue| {
            // A name and a number fit; the operator may be gone.
            let _ = network.patch_mut().set_par(self.0, index, &value);
        };
        set(CONST, OwnedValue::Int(taken.len() as i64));
        for (channel, (own, samples)) in taken.into_iter().enumerate() {
            set(name(channel), OwnedValue::Str(own.to_string()));
            set(value(channel), OwnedValue::Float(samples.last().copied().unwrap_or(0.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_match_names() {
        for channel in 0..CHANNELS {
            assert_eq!(CONSTANT_CHOP.parameter(name(channel)).name, format!("const{channel}name"));
            assert_eq!(CONSTANT_CHOP.parameter(value(channel)).name, format!("const{channel}value"));
        }
    }
}
