//! CHOP and Channel.

use super::{Class, Member, raises, stand_in, works};

pub(super) static CHOP: Class = Class::new("CHOP", "An operator that holds channels of samples.", MEMBERS).base("OP");

/// Why scripts cannot fill channels.
const NO_SCRIPT_CHOP: &str = "channels are filled by their operator; there is no Script CHOP";
const NO_EXPORTS: &str = "CHOPs do not export to parameters";
static MEMBERS: &[Member] = &[
    works("chan()").gives("Channel"),
    works("chans()").gives("[Channel]"),
    works("numChans"),
    works("numSamples"),
    works("start"),
    works("end"),
    works("rate"),
    works("isTimeSlice"),
    works("numpyArray()"),
    works("save()"),
    stand_in("export", "a flag that is kept"),
    raises("exportChanges", NO_EXPORTS),
    raises("convertToKeyframes()", "there is no Animation COMP"),
];

pub(super) static CHANNEL: Class = Class::new(
    "Channel",
    "A channel of a CHOP; acts like its present value.",
    &[
        works("valid"),
        works("index"),
        works("name"),
        works("owner").gives("CHOP"),
        works("vals"),
        works("eval()"),
        works("evalFrame()"),
        works("evalSeconds()"),
        works("numpyArray()"),
        raises("copyNumpyArray()", NO_SCRIPT_CHOP).instead("a Constant CHOP"),
        works("average()"),
        works("min()"),
        works("max()"),
        raises("destroy()", NO_SCRIPT_CHOP),
        stand_in("exports", "an empty list"),
    ],
);

pub(super) static SEGMENT: Class = Class::new(
    "Segment",
    "A segment of a Timer CHOP, as its callbacks are given it.",
    &[
        works("index"),
        works("owner").gives("CHOP"),
        works("lengthSeconds"),
        works("lengthSamples"),
        works("lengthFrames"),
        works("delaySeconds"),
        works("delaySamples"),
        works("delayFrames"),
        works("beginSeconds"),
        works("beginSamples"),
        works("beginFrames"),
        works("speed"),
    ],
)
.absent("callbacks of a Timer CHOP are given the number of a segment");
