//! The Select DAT: another DAT's content, or the rows and columns of it that are chosen (TouchDesigner reference,
//! section 5).

use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, Input, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;

use crate::extract::{ExtractParameters, Extraction, with_extract_parameters};
use crate::inputs;
use crate::reference::target;

/// The Select DAT.
pub static SELECT_DAT: OperatorType = OperatorType {
    name: "selectDAT",
    label: "Select DAT",
    family: Family::Dat,
    summary: "Shows what another DAT holds, wherever it is, or the rows and columns of it that are chosen.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[Input { label: "DAT", help: "Taken from when `dat` is empty." }],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "Select",
        parameters: with_extract_parameters!(
            [
                Parameter::dat("dat", "DAT").help("The DAT to take from. Empty, the one that is wired to the input."),
                Parameter::toggle("firstrow", "Include First Row", false)
                    .help("Takes the first row too when it is not among those chosen: a heading stays."),
                Parameter::toggle("firstcol", "Include First Col", false)
                    .help("Takes the first column too when it is not among those chosen."),
            ],
            [Parameter::menu(
                "output",
                "Output",
                "data",
                &[
                    MenuEntry::new("data", "Data"),
                    MenuEntry::new("string", "String"),
                    MenuEntry::new("expr", "Expression"),
                ],
            )
            .help("Kept for scripts that set it: the cells are shown as they are with each entry.")]
        ),
    },
    COMMON_DAT_PAGE,
];

const DAT: ParIndex = ParIndex::of(PAGES, "dat");
const FIRSTROW: ParIndex = ParIndex::of(PAGES, "firstrow");
const FIRSTCOL: ParIndex = ParIndex::of(PAGES, "firstcol");
const HOW_ROWS: ParIndex = ParIndex::of(PAGES, "extractrows");
const HOW_COLS: ParIndex = ParIndex::of(PAGES, "extractcols");

static AT: ExtractParameters = ExtractParameters::of(PAGES);

/// Cause of the warning that rows or columns are not chosen as asked.
const EXTRACT: &str = "extract";

struct SelectDat(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(SelectDat(op))
}

impl Worker for SelectDat {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let source = target(network, self.0, DAT).or_else(|| inputs::source(network, self.0, 0));
        let content = match source.filter(|source| *source != self.0) {
            None => Content::Table(Table::new()),
            Some(source) => network.read_content(source, Content::duplicate).unwrap_or_default(),
        };
        let is_all = [HOW_ROWS, HOW_COLS].iter().all(|how| &*network.eval(self.0, *how).to_text() == "all");
        if is_all {
            network.clear_problem(self.0, EXTRACT);
        }
        let content = if is_all { content } else { Content::Table(self.chosen(network, &content)) };
        network.patch_mut().put_content(self.0, content);
    }
}

impl SelectDat {
    fn chosen(&self, network: &Network, content: &Content) -> Table {
        let table = inputs::as_table(content);
        let mut extraction = Extraction::of(network, self.0, &AT, &table);
        for (toggle, chosen) in [(FIRSTROW, &mut extraction.rows), (FIRSTCOL, &mut extraction.cols)] {
            if network.eval(self.0, toggle).is_on() && chosen.first() != Some(&0) && !table.is_empty() {
                chosen.insert(0, 0);
            }
        }
        match &extraction.complaint {
            Some(complaint) => network.report(self.0, Problem::warning(EXTRACT, complaint.clone(), "")),
            None => network.clear_problem(self.0, EXTRACT),
        }
        // A part of a table is no larger than the table.
        Table::from_rows(&extraction.cells(&table)).unwrap_or_default()
    }
}
