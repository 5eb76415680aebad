//! Choosing rows and columns of a table by names, positions and patterns: what Select DAT and DAT to CHOP have in common.

use patchcord_core::declaration::{Page, ParIndex};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::pattern::Pattern;
use patchcord_core::table::Table;

/// Parameters of such an operator: those before, the extraction, those behind.
macro_rules! with_extract_parameters {
    ([$($before:expr),* $(,)?], [$($after:expr),* $(,)?]) => {
        &[
            $($before,)*
            $crate::extract::axis_parameter!(how "extractrows" "Select Rows" "rows"),
            $crate::extract::axis_parameter!(name "rownamestart" "Start Row Name" "row" "first"),
            $crate::extract::axis_parameter!(index "rowindexstart" "Start Row Index" "row" "first"),
            $crate::extract::axis_parameter!(name "rownameend" "End Row Name" "row" "last"),
            $crate::extract::axis_parameter!(index "rowindexend" "End Row Index" "row" "last"),
            $crate::extract::axis_parameter!(names "rownames" "Row Select Values" "rows"),
            $crate::extract::axis_parameter!(expr "rowexpr" "Row Select Condition"),
            $crate::extract::axis_parameter!(from "fromcol" "From Column" "rows" "column"),
            $crate::extract::axis_parameter!(how "extractcols" "Select Cols" "columns"),
            $crate::extract::axis_parameter!(name "colnamestart" "Start Col Name" "column" "first"),
            $crate::extract::axis_parameter!(index "colindexstart" "Start Col Index" "column" "first"),
            $crate::extract::axis_parameter!(name "colnameend" "End Col Name" "column" "last"),
            $crate::extract::axis_parameter!(index "colindexend" "End Col Index" "column" "last"),
            $crate::extract::axis_parameter!(names "colnames" "Col Select Values" "columns"),
            $crate::extract::axis_parameter!(expr "colexpr" "Col Select Condition"),
            $crate::extract::axis_parameter!(from "fromrow" "From Row" "columns" "row"),
            $($after,)*
        ]
    };
}
pub(crate) use with_extract_parameters;

/// One parameter of rows or columns.
macro_rules! axis_parameter {
    (how $name:literal $label:literal $what:literal) => {
        patchcord_core::declaration::Parameter::menu(
            $name,
            $label,
            "all",
            &[
                patchcord_core::declaration::MenuEntry::new("all", "All"),
                patchcord_core::declaration::MenuEntry::new("byname", "by Name"),
                patchcord_core::declaration::MenuEntry::new("byindex", "by Index"),
                patchcord_core::declaration::MenuEntry::new("bynameindex", "by Start Name, End Index"),
                patchcord_core::declaration::MenuEntry::new("byindexname", "by Start Index, End Name"),
                patchcord_core::declaration::MenuEntry::new("bynames", "by Values"),
                patchcord_core::declaration::MenuEntry::new("byexpr", "by Condition"),
            ],
        )
        .help(concat!(
            "Which ",
            $what,
            " are taken: all, those from a start to an end given by name or position, or those whose \
             name matches. `byexpr` is not computed here: it takes all, with a warning."
        ))
    };
    (name $name:literal $label:literal $what:literal $end:literal) => {
        patchcord_core::declaration::Parameter::str($name, $label, "").help(concat!(
            "Name of the ",
            $end,
            " ",
            $what,
            " that is taken. A name that is not there takes none."
        ))
    };
    (index $name:literal $label:literal $what:literal $end:literal) => {
        patchcord_core::declaration::Parameter::int($name, $label, 0, -10_000_000, 10_000_000).help(concat!(
            "Position of the ",
            $end,
            " ",
            $what,
            " that is taken, from 0; negative ones count from the end, so that -1 \
             is the last."
        ))
    };
    (names $name:literal $label:literal $what:literal) => {
        patchcord_core::declaration::Parameter::str($name, $label, "*").help(concat!(
            "Names of the ",
            $what,
            " that are taken with `bynames`: several with spaces between them, with patterns \
             such as `chan*` and exceptions such as `^chan1`."
        ))
    };
    (expr $name:literal $label:literal) => {
        patchcord_core::declaration::Parameter::str($name, $label, "")
            .help("Kept for scripts that set it: conditions are not computed here.")
    };
    (from $name:literal $label:literal $what:literal $other:literal) => {
        patchcord_core::declaration::Parameter::str($name, $label, "0").help(concat!(
            "Name or position of the ",
            $other,
            " whose cells are the names of the ",
            $what,
            "."
        ))
    };
}
pub(crate) use axis_parameter;

/// Positions of these parameters in a declaration.
pub(crate) struct ExtractParameters {
    rows: AxisParameters,
    cols: AxisParameters,
}

struct AxisParameters {
    how: ParIndex,
    name_start: ParIndex,
    index_start: ParIndex,
    name_end: ParIndex,
    index_end: ParIndex,
    names: ParIndex,
    from: ParIndex,
}

impl ExtractParameters {
    pub(crate) const fn of(pages: &[Page]) -> Self {
        ExtractParameters {
            rows: AxisParameters {
                how: ParIndex::of(pages, "extractrows"),
                name_start: ParIndex::of(pages, "rownamestart"),
                index_start: ParIndex::of(pages, "rowindexstart"),
                name_end: ParIndex::of(pages, "rownameend"),
                index_end: ParIndex::of(pages, "rowindexend"),
                names: ParIndex::of(pages, "rownames"),
                from: ParIndex::of(pages, "fromcol"),
            },
            cols: AxisParameters {
                how: ParIndex::of(pages, "extractcols"),
                name_start: ParIndex::of(pages, "colnamestart"),
                index_start: ParIndex::of(pages, "colindexstart"),
                name_end: ParIndex::of(pages, "colnameend"),
                index_end: ParIndex::of(pages, "colindexend"),
                names: ParIndex::of(pages, "colnames"),
                from: ParIndex::of(pages, "fromrow"),
            },
        }
    }
}

/// Rows and columns of a table, in its order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Extraction {
    pub rows: Vec<usize>,
    pub cols: Vec<usize>,
    /// What could not be done as it was asked for.
    pub complaint: Option<String>,
}

impl Extraction {
    /// What the parameters of an operator choose from a table.
    pub(crate) fn of(network: &Network, op: OpId, at: &ExtractParameters, table: &Table) -> Self {
        let text = |index| network.eval(op, index).to_text();
        let by_row = Names { table, from: line(&text(at.rows.from), table, false), across: false };
        let by_col = Names { table, from: line(&text(at.cols.from), table, true), across: true };
        let mut complaint = None;
        let mut chosen = |axis: &AxisParameters, names: &Names<'_>| {
            let chosen = axis.chosen(network, op, names);
            chosen.unwrap_or_else(|(taken, why)| {
                complaint = Some(why);
                taken
            })
        };
        let rows = chosen(&at.rows, &by_row);
        let cols = chosen(&at.cols, &by_col);
        Extraction { rows, cols, complaint }
    }

    /// The cells of a table that are chosen.
    pub(crate) fn cells<'t>(&self, table: &'t Table) -> Vec<Vec<&'t str>> {
        let cells = |row: &usize| self.cols.iter().map(|col| table.cell(*row, *col).unwrap_or("")).collect();
        self.rows.iter().map(cells).collect()
    }
}

/// A row or column that is given by position or by name; the first when there is none of the name.
fn line(text: &str, table: &Table, is_row: bool) -> usize {
    let found = text.trim().parse::<i64>().ok().map(|at| {
        let count = if is_row { table.num_rows() } else { table.num_cols() };
        if at < 0 { count.saturating_sub(at.unsigned_abs() as usize) } else { at as usize }
    });
    let by_name = || match is_row {
        true => table.row_index(text.into(), patchcord_core::pattern::Case::Sensitive),
        false => table.col_index(text.into(), patchcord_core::pattern::Case::Sensitive),
    };
    found.or_else(by_name).unwrap_or(0)
}

/// Names of the rows or of the columns of a table.
struct Names<'t> {
    table: &'t Table,
    /// The column with the names of rows, or the row with those of columns.
    from: usize,
    across: bool,
}

impl Names<'_> {
    fn count(&self) -> usize {
        if self.across { self.table.num_cols() } else { self.table.num_rows() }
    }

    fn name(&self, at: usize) -> &str {
        let cell = if self.across { self.table.cell(self.from, at) } else { self.table.cell(at, self.from) };
        cell.unwrap_or("")
    }

    fn find(&self, name: &str) -> Option<usize> {
        (0..self.count()).find(|at| self.name(*at) == name)
    }
}

impl AxisParameters {
    /// Positions that are taken; with a complaint, what is taken all the same.
    fn chosen(&self, network: &Network, op: OpId, names: &Names<'_>) -> Result<Vec<usize>, (Vec<usize>, String)> {
        let count = names.count();
        let text = |index| network.eval(op, index).to_text();
        let how = text(self.how);
        let by_name = |index| {
            let name = text(index);
            names.find(&name).ok_or_else(|| (Vec::new(), format!("there is no {} `{name}`", names.what())))
        };
        let by_index = |index| {
            let at = network.eval(op, index).as_i64();
            if at < 0 { (count as i64 + at).max(0) as usize } else { at as usize }
        };
        let (first, last) = match &*how {
            "byname" => (by_name(self.name_start)?, by_name(self.name_end)?),
            "byindex" => (by_index(self.index_start), by_index(self.index_end)),
            "bynameindex" => (by_name(self.name_start)?, by_index(self.index_end)),
            "byindexname" => (by_index(self.index_start), by_name(self.name_end)?),
            "bynames" => {
                let pattern = Pattern::parse(&text(self.names));
                return Ok((0..count).filter(|at| pattern.matches(names.name(*at))).collect());
            }
            "byexpr" => {
                return Err(((0..count).collect(), format!("{}s are not chosen by a condition here", names.what())));
            }
            _ => return Ok((0..count).collect()),
        };
        Ok((first..=last).take_while(|at| *at < count).collect())
    }
}

impl Names<'_> {
    fn what(&self) -> &'static str {
        if self.across { "column" } else { "row" }
    }
}
