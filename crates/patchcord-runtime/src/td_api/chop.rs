//! CHOP and Channel.

use super::{Class, Member, NOT_YET, raises, works};

pub(super) static CHOP: Class = Class::new("CHOP", "An operator that holds channels of samples.", MEMBERS).base("OP");

const NO_EXPORTS: &str = "CHOPs do not export to parameters";
const EXPRESSION: &str = "an expression such as op('constant1')['chan1']";

static MEMBERS: &[Member] = &[
    works("chan()").gives("Channel"),
    works("chans()").gives("[Channel]"),
    works("numChans"),
    works("numSamples"),
    works("start"),
    works("end"),
    works("rate"),
    raises("isTimeSlice", NOT_YET),
    raises("numpyArray()", NOT_YET),
    raises("save()", NOT_YET),
    raises("export", NO_EXPORTS).instead(EXPRESSION),
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
        raises("evalFrame()", NOT_YET),
        raises("evalSeconds()", NOT_YET),
        raises("numpyArray()", NOT_YET),
        raises("copyNumpyArray()", NOT_YET),
        works("average()"),
        works("min()"),
        works("max()"),
        raises("destroy()", NOT_YET),
        raises("exports", NO_EXPORTS).instead(EXPRESSION),
    ],
);
