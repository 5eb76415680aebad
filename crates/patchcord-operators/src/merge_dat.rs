//! The Merge DAT: several tables as one (TouchDesigner reference, section 5).

use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, Input, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;

use crate::inputs;

/// The Merge DAT.
pub static MERGE_DAT: OperatorType = OperatorType {
    name: "mergeDAT",
    label: "Merge DAT",
    family: Family::Dat,
    summary: "Puts the tables of its inputs together, below or beside one another.",
    content: ContentKind::Table,
    editable: false,
    inputs: &merge_inputs(),
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

/// Tables that can be put together.
const INPUTS: usize = 16;

const fn merge_inputs() -> [Input; INPUTS] {
    [const { Input { label: "DAT", help: "A table; a text is a table with a row for each line." } }; INPUTS]
}

const PAGES: &[Page] = &[
    Page {
        name: "Merge",
        parameters: &[
            Parameter::menu(
                "how",
                "Merge",
                "row",
                &[
                    MenuEntry::new("row", "Append Rows"),
                    MenuEntry::new("col", "Append Columns"),
                    MenuEntry::new("collapsecol", "Collapse Columns"),
                    MenuEntry::new("collapserow", "Collapse Rows"),
                    MenuEntry::new("collapsecells", "Collapse Cells"),
                    MenuEntry::new("repcolcells", "Replace Cells by Column"),
                    MenuEntry::new("reprowcells", "Replace Cells by Row"),
                ],
            )
            .help(
                "How tables come together. `row`: the rows of each below those of the one before. `col`: the columns \
                 beside. `collapsecells`: the texts of all tables in each cell, with `spacer` between them. The others \
                 are not built and show the first table, with a warning.",
            ),
            Parameter::toggle("byname", "By Name", false).help(
                "Rows go to the columns of the same name in the first row (with `row`), columns to the rows of the same \
                 name in the first column (with `col`). The names of later tables are not repeated.",
            ),
            Parameter::str("spacer", "Spacer", "").help("Text between the texts that come into one cell."),
            Parameter::toggle("unmatched", "Unmatched", false)
                .help("With `byname`: names that the first table does not have are added. Off, they are left out."),
        ],
    },
    COMMON_DAT_PAGE,
];

const HOW: ParIndex = ParIndex::of(PAGES, "how");
const BYNAME: ParIndex = ParIndex::of(PAGES, "byname");
const SPACER: ParIndex = ParIndex::of(PAGES, "spacer");
const UNMATCHED: ParIndex = ParIndex::of(PAGES, "unmatched");

/// Cause of the warning that the tables cannot be merged as asked.
const MERGE: &str = "merge";

type Cells = Vec<Vec<String>>;

struct MergeDat(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(MergeDat(op))
}

impl Worker for MergeDat {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let tables: Vec<Cells> =
            inputs::sources(network, self.0).into_iter().map(|source| cells(&inputs::table(network, source))).collect();
        let how = network.eval(self.0, HOW).to_text();
        let names = network.eval(self.0, BYNAME).is_on().then(|| network.eval(self.0, UNMATCHED).is_on());
        let merged = match (&*how, names) {
            ("row", None) => tables.concat(),
            ("row", Some(unmatched)) => by_name(tables, unmatched),
            ("col", None) => beside(&tables),
            ("col", Some(unmatched)) => turned(&by_name(tables.iter().map(turned).collect(), unmatched)),
            ("collapsecells", _) => collapsed(&tables, &network.eval(self.0, SPACER).to_text()),
            _ => tables.into_iter().next().unwrap_or_default(),
        };
        let is_built = matches!(&*how, "row" | "col" | "collapsecells");
        match Table::from_rows(&merged) {
            Ok(_) if !is_built => {
                let message = format!("tables are not merged with `{how}` here");
                network.report(self.0, Problem::warning(MERGE, message, "row, col and collapsecells work"));
            }
            Ok(_) => network.clear_problem(self.0, MERGE),
            Err(ref error) => {
                network.report(self.0, Problem::warning(MERGE, error.to_string(), "the table stays as it was"));
                return;
            }
        }
        let table = Table::from_rows(&merged).unwrap_or_default();
        network.patch_mut().put_content(self.0, Content::Table(table));
    }
}

fn cells(table: &Table) -> Cells {
    table.rows().map(|row| row.iter().map(str::to_owned).collect()).collect()
}

/// Rows below one another, each cell in the column of its name. Rows are padded by the table that is made of them.
fn by_name(tables: Vec<Cells>, unmatched: bool) -> Cells {
    let mut tables = tables.into_iter().filter(|table| !table.is_empty());
    let Some(mut merged) = tables.next() else { return Cells::new() };
    for table in tables {
        let places: Vec<Option<usize>> = table[0]
            .iter()
            .map(|name| {
                let known = merged[0].iter().position(|known| known == name);
                known.or_else(|| {
                    unmatched.then(|| {
                        merged[0].push(name.clone());
                        merged[0].len() - 1
                    })
                })
            })
            .collect();
        for row in &table[1..] {
            let mut cells = vec![String::new(); merged[0].len()];
            for (cell, place) in row.iter().zip(&places) {
                if let Some(place) = place {
                    cells[*place].clone_from(cell);
                }
            }
            merged.push(cells);
        }
    }
    merged
}

fn beside(tables: &[Cells]) -> Cells {
    let height = tables.iter().map(Vec::len).max().unwrap_or(0);
    let mut merged = vec![Vec::new(); height];
    for table in tables {
        let width = table.first().map_or(0, Vec::len);
        for (at, row) in merged.iter_mut().enumerate() {
            row.extend(table.get(at).cloned().unwrap_or_else(|| vec![String::new(); width]));
        }
    }
    merged
}

fn turned(table: &Cells) -> Cells {
    let width = table.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
    (0..width).map(|at| table.iter().map(|row| cell(row, at)).collect()).collect()
}

fn collapsed(tables: &[Cells], spacer: &str) -> Cells {
    let height = tables.iter().map(Vec::len).max().unwrap_or(0);
    let width = tables.iter().filter_map(|table| table.first()).map(Vec::len).max().unwrap_or(0);
    let cell = |row: usize, col: usize| {
        let texts = tables.iter().filter_map(|table| table.get(row)?.get(col).map(String::as_str));
        texts.collect::<Vec<_>>().join(spacer)
    };
    (0..height).map(|row| (0..width).map(|col| cell(row, col)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells_of(text: &str) -> Cells {
        text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn tables_come_together_in_each_way() {
        let tables = vec![cells_of("name x\na 1"), cells_of("y name\n2 b\n3 c")];
        assert_eq!(by_name(tables.clone(), false), cells_of("name x\na 1\nb \nc "));
        let all = by_name(tables.clone(), true);
        assert_eq!(all[0], ["name", "x", "y"]);
        assert_eq!(all[2], ["b", "", "2"]);
        assert_eq!(beside(&tables)[0], ["name", "x", "y", "name"]);
        assert_eq!(beside(&tables)[2], ["", "", "3", "c"]);
        assert_eq!(collapsed(&tables, "+")[1], ["a+2", "1+b"]);
        assert_eq!(turned(&tables[1]), cells_of("y 2 3\nname b c"));
    }
}
