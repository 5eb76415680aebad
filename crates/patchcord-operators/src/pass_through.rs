//! Operators that show what is wired to them as it is (TouchDesigner reference, section 5): Null DAT and Null CHOP, and
//! the In and Out operators of both families, which make the inputs and outputs of the component that holds them.
//!
//! An In operator has no input of its own: a wire to the component is a wire to it. Everything else about components'
//! connectors is the patch's business (`patchcord_core::patch`).

use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{COMMON_DAT_PAGE, ContentKind, Family, Input, OperatorType, Page, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;

use crate::inputs;

const DAT_INPUT: &[Input] = &[Input { label: "DAT", help: "The text or table that is passed on." }];

const CHOP_INPUT: &[Input] = &[Input { label: "CHOP", help: "The channels that are passed on." }];

const fn dat(name: &'static str, label: &'static str, summary: &'static str) -> OperatorType {
    OperatorType {
        name,
        label,
        family: Family::Dat,
        summary,
        content: ContentKind::Table,
        editable: false,
        inputs: DAT_INPUT,
        pages: &[COMMON_DAT_PAGE],
        info_channels: &[],
        callbacks: &[],
        start: Some(start),
    }
}

const fn chop(name: &'static str, label: &'static str, summary: &'static str) -> OperatorType {
    OperatorType {
        name,
        label,
        family: Family::Chop,
        summary,
        content: ContentKind::Channels,
        editable: false,
        inputs: CHOP_INPUT,
        pages: &[],
        info_channels: &[],
        callbacks: &[],
        start: Some(start),
    }
}

/// The Null DAT.
pub static NULL_DAT: OperatorType = dat(
    "nullDAT",
    "Null DAT",
    "Shows the text or table that is wired to it, so that others can refer to one place whatever stands before it.",
);

/// The Null CHOP.
pub static NULL_CHOP: OperatorType = chop(
    "nullCHOP",
    "Null CHOP",
    "Shows the channels that are wired to it, so that others can refer to one place whatever stands before it.",
);

/// The page of In and Out operators.
macro_rules! connector_page {
    ($name:literal, $what:literal) => {
        Page {
            name: $name,
            parameters: &[
                Parameter::str("label", "Label", "").help(concat!("A remark about the ", $what, ", for people.")),
                Parameter::int("connectorder", "Connect Order", 0, -1_000_000, 1_000_000).help(concat!(
                    "Where the ",
                    $what,
                    " stands among those of the component: they are counted in the order of this \
                     number, then of the operators' names, where in2 comes before in10. One count holds for all \
                     families."
                )),
            ],
        }
    };
}

const IN_PAGE: Page = connector_page!("In", "input");

const OUT_PAGE: Page = connector_page!("Out", "output");

/// The In DAT.
pub static IN_DAT: OperatorType = OperatorType {
    inputs: &[],
    pages: &[IN_PAGE, COMMON_DAT_PAGE],
    ..dat(
        "inDAT",
        "In DAT",
        "Makes an input of the component that it stands in, and shows the text or table that is wired to it from \
         outside. Destroying it opens the wire; with another name it keeps it.",
    )
};

/// The Out DAT.
pub static OUT_DAT: OperatorType = OperatorType {
    pages: &[OUT_PAGE, COMMON_DAT_PAGE],
    ..dat(
        "outDAT",
        "Out DAT",
        "Makes an output of the component that it stands in, which carries the text or table that is wired to it.",
    )
};

/// The In CHOP.
pub static IN_CHOP: OperatorType = OperatorType {
    inputs: &[],
    pages: &[IN_PAGE],
    ..chop(
        "inCHOP",
        "In CHOP",
        "Makes an input of the component that it stands in, and shows the channels that are wired to it from outside. \
         Destroying it opens the wire; with another name it keeps it.",
    )
};

/// The Out CHOP.
pub static OUT_CHOP: OperatorType = OperatorType {
    pages: &[OUT_PAGE],
    ..chop(
        "outCHOP",
        "Out CHOP",
        "Makes an output of the component that it stands in, which carries the channels that are wired to it.",
    )
};

struct PassThrough(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(PassThrough(op))
}

impl Worker for PassThrough {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let passed =
            inputs::source(network, self.0, 0).and_then(|source| network.read_content(source, Content::duplicate));
        let kind = network.patch().get(self.0).map_or(ContentKind::None, |op| op.declaration().content);
        network.patch_mut().put_content(self.0, passed.unwrap_or_else(|| Content::of(kind)));
    }
}
