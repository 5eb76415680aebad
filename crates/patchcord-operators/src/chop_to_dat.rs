//! CHOP to DAT: channels as a table of numbers (TouchDesigner reference, section 5).

use std::rc::Rc;

use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;

use crate::inputs;
use crate::reference::target;

/// CHOP to DAT.
pub static CHOP_TO_DAT: OperatorType = OperatorType {
    name: "choptoDAT",
    label: "CHOP to DAT",
    family: Family::Dat,
    summary: "Shows the samples of a CHOP's channels as a table of numbers.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "CHOP to",
        parameters: &[
            Parameter::op("chop", "CHOP").help("The CHOP to show."),
            Parameter::toggle("names", "Include Names", false)
                .help("Adds the names of the channels before their samples."),
            Parameter::toggle("latestsample", "Latest Sample", false)
                .help("Shows the newest sample of each channel alone."),
            Parameter::menu(
                "output",
                "Output",
                "rowperchan",
                &[MenuEntry::new("rowperchan", "Row per Channel"), MenuEntry::new("colperchan", "Column per Channel")],
            )
            .help("Whether each channel is a row or a column."),
        ],
    },
    COMMON_DAT_PAGE,
];

const CHOP: ParIndex = ParIndex::of(PAGES, "chop");
const NAMES: ParIndex = ParIndex::of(PAGES, "names");
const LATESTSAMPLE: ParIndex = ParIndex::of(PAGES, "latestsample");
const OUTPUT: ParIndex = ParIndex::of(PAGES, "output");

struct ChopToDat(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(ChopToDat(op))
}

impl Worker for ChopToDat {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let is_on = |index| network.eval(self.0, index).is_on();
        let channels = target(network, self.0, CHOP).map(|chop| inputs::channels(network, chop));
        let is_by_row = &*network.eval(self.0, OUTPUT).to_text() != "colperchan";
        let lines = channels.map(|all| lines(&all, is_on(NAMES), is_on(LATESTSAMPLE))).unwrap_or_default();
        let table = Table::from_rows(&if is_by_row { lines } else { turned(&lines) });
        match table {
            Ok(table) => {
                network.clear_problem(self.0, "table");
                network.patch_mut().put_content(self.0, Content::Table(table));
            }
            Err(error) => network.report(self.0, Problem::warning("table", error.to_string(), "the table stays")),
        }
    }
}

/// A line of cells for each channel.
fn lines(all: &Channels, names: bool, latest: bool) -> Vec<Vec<String>> {
    let line = |(name, samples): &(Rc<str>, Vec<f64>)| {
        let first = if latest { samples.len().saturating_sub(1) } else { 0 };
        let name = names.then(|| name.to_string());
        name.into_iter().chain(samples[first..].iter().map(f64::to_string)).collect()
    };
    all.channels.iter().map(line).collect()
}

fn turned(lines: &[Vec<String>]) -> Vec<Vec<String>> {
    let count = lines.first().map_or(0, Vec::len);
    (0..count).map(|at| lines.iter().map(|line| line[at].clone()).collect()).collect()
}
