//! DAT to CHOP: numbers of a table as channels (TouchDesigner reference, section 5).

use std::rc::Rc;

use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;

use crate::channel_names::{ChannelNames, MAX_CHANNELS};
use crate::extract::{ExtractParameters, Extraction, with_extract_parameters};
use crate::inputs;
use crate::reference::target;

/// DAT to CHOP.
pub static DAT_TO_CHOP: OperatorType = OperatorType {
    name: "dattoCHOP",
    label: "DAT to CHOP",
    family: Family::Chop,
    summary: "Makes channels of the numbers in a table. A cell that is no number is 0.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const LINES: &[MenuEntry<'static>] =
    &[MenuEntry::new("ignored", "Ignored"), MenuEntry::new("names", "Names"), MenuEntry::new("values", "Values")];

const PAGES: &[Page] = &[Page {
    name: "DAT to",
    parameters: with_extract_parameters!(
        [Parameter::dat("dat", "DAT").help("The table to take numbers from.")],
        [
            Parameter::menu(
                "output",
                "Output",
                "chanpercol",
                &[
                    MenuEntry::new("single", "Single Channel"),
                    MenuEntry::new("chanperrow", "Channel per Row"),
                    MenuEntry::new("chanpercol", "Channel per Column"),
                    MenuEntry::new("chanpervalue", "Channel per Value"),
                ],
            )
            .help(
                "One channel with a sample for each number, row after row; a channel for each row or column, with a \
                 sample for each number in it; or a channel of one sample for each number.",
            ),
            Parameter::menu("firstrow", "First Row is", "names", LINES).help(
                "What the first of the rows taken holds: nothing of interest, the names of channels per column, or \
                 numbers.",
            ),
            Parameter::menu("firstcolumn", "First Column is", "names", LINES).help(
                "What the first of the columns taken holds: nothing of interest, the names of channels per row, or \
                 numbers. A channel per value has both names with an underscore between them.",
            ),
            Parameter::float("rate", "Sample Rate", 60.0, 0.001, 1e9).help("Samples per second of the channels."),
        ]
    ),
}];

const DAT: ParIndex = ParIndex::of(PAGES, "dat");
const OUTPUT: ParIndex = ParIndex::of(PAGES, "output");
const FIRSTROW: ParIndex = ParIndex::of(PAGES, "firstrow");
const FIRSTCOLUMN: ParIndex = ParIndex::of(PAGES, "firstcolumn");
const RATE: ParIndex = ParIndex::of(PAGES, "rate");

static AT: ExtractParameters = ExtractParameters::of(PAGES);

/// Cause of the warning that there are too many channels.
const TOO_MANY: &str = "channels";

struct DatToChop(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(DatToChop(op))
}

impl Worker for DatToChop {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let channels = target(network, self.0, DAT).map(|dat| self.channels_of(network, dat)).unwrap_or_default();
        let content = Content::Channels(Channels::new(network.eval(self.0, RATE).as_f64(), channels));
        network.patch_mut().put_content(self.0, content);
    }
}

impl DatToChop {
    fn channels_of(&self, network: &Network, dat: OpId) -> Vec<(Rc<str>, Vec<f64>)> {
        let table = inputs::table(network, dat);
        let extraction = Extraction::of(network, self.0, &AT, &table);
        match &extraction.complaint {
            Some(complaint) => network.report(self.0, Problem::warning("extract", complaint.clone(), "")),
            None => network.clear_problem(self.0, "extract"),
        }
        let mut rows = extraction.cells(&table);
        let (first_row, first_col) = (self.text(network, FIRSTROW), self.text(network, FIRSTCOLUMN));
        let mut col_names: Vec<String> = Vec::new();
        if &*first_row != "values" && !rows.is_empty() {
            let names = rows.remove(0);
            if &*first_row == "names" {
                col_names = names.into_iter().map(str::to_owned).collect();
            }
        }
        let mut row_names: Vec<String> = Vec::new();
        if &*first_col != "values" {
            for row in &mut rows {
                let name = if row.is_empty() { "" } else { row.remove(0) };
                if &*first_col == "names" {
                    row_names.push(name.to_owned());
                }
            }
            if !col_names.is_empty() {
                col_names.remove(0);
            }
        }
        let numbers: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|cell| number(cell)).collect()).collect();
        let width = numbers.first().map_or(0, Vec::len);
        let name = |names: &[String], at: usize| names.get(at).filter(|name| !name.is_empty()).cloned();
        let column = |col: usize| numbers.iter().map(|row| row[col]).collect::<Vec<_>>();
        let found: Vec<(Option<String>, Vec<f64>)> = match &*self.text(network, OUTPUT) {
            "single" => vec![(None, numbers.concat())],
            "chanperrow" => (0..).zip(&numbers).map(|(at, row)| (name(&row_names, at), row.clone())).collect(),
            "chanpervalue" => {
                let mut channels = Vec::new();
                for (at, row) in numbers.iter().enumerate() {
                    for (col, value) in row.iter().enumerate() {
                        let parts = [name(&row_names, at), name(&col_names, col)];
                        let parts: Vec<String> = parts.into_iter().flatten().collect();
                        channels.push(((!parts.is_empty()).then(|| parts.join("_")), vec![*value]));
                    }
                }
                channels
            }
            _ => (0..width).map(|col| (name(&col_names, col), column(col))).collect(),
        };
        if found.len() > MAX_CHANNELS {
            let message = format!("{} channels are asked for", found.len());
            network.report(self.0, Problem::warning(TOO_MANY, message, "the first 10000 are made"));
        } else {
            network.clear_problem(self.0, TOO_MANY);
        }
        let mut names = ChannelNames::default();
        let mut channels: Vec<(Rc<str>, Vec<f64>)> = Vec::with_capacity(found.len().min(MAX_CHANNELS));
        for (name, samples) in found.into_iter().take(MAX_CHANNELS) {
            let wanted = name.unwrap_or_else(|| format!("chan{}", channels.len() + 1));
            channels.push((names.give(&wanted), samples));
        }
        channels
    }

    fn text(&self, network: &Network, index: ParIndex) -> Rc<str> {
        network.eval(self.0, index).to_text()
    }
}

fn number(cell: &str) -> f64 {
    cell.trim().parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(0.0)
}
