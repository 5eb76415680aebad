//! Declaration of the Table DAT (TouchDesigner reference, section 5).

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::table::MAX_CELLS;

use super::start;
use crate::dat_file::{FileParameters, with_file_parameters};

/// The Table DAT.
pub static TABLE_DAT: OperatorType = OperatorType {
    name: "tableDAT",
    label: "Table DAT",
    family: Family::Dat,
    summary: "Holds a table of text cells that scripts and people edit. It can stand in a file, and its cells can be \
              computed.",
    content: ContentKind::Table,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

/// Rows or columns that can have an expression of their own.
pub(super) const FILLS: usize = 8;

const NAMES_HELP: &str = "Name of this column or row, shown when `includenames` is on.";

const EXPR_HELP: &str =
    "Expression for the cells of this column (fill by column) or row (fill by row), as in `cellexpr`.";

macro_rules! table_parameters {
    ($($names:literal $singular:literal $names_label:literal $expr:literal $expr_label:literal)*) => {
        with_file_parameters!([], [
            Parameter::menu(
                "defaultreadencoding",
                "Default Read Encoding",
                "utf8",
                &[
                    MenuEntry::new("manual", "Manual"),
                    MenuEntry::new("utf8", "UTF-8"),
                    MenuEntry::new("utf16le", "UTF-16 LE"),
                    MenuEntry::new("utf16be", "UTF-16 BE"),
                    MenuEntry::new("cp1252", "CP1252"),
                ],
            )
            .help(
                "Encoding of a file without a byte order mark; with one, the mark decides. `manual` is UTF-8. Commas \
                 separate the cells of a file whose name ends in .csv, tabs those of all others.",
            ),
            Parameter::toggle("removeblank", "Remove Blank Lines", false)
                .help("Leaves lines without anything in them out when a file is read."),
            Parameter::menu(
                "fill",
                "Fill Type",
                "manual",
                &[
                    MenuEntry::new("manual", "Manual"),
                    MenuEntry::new("setsize", "Set Size"),
                    MenuEntry::new("setsizeandcontents", "Set Size and Contents"),
                    MenuEntry::new("fillbycol", "Fill by Column"),
                    MenuEntry::new("fillbyrow", "Fill by Row"),
                ],
            )
            .help(
                "Who fills the table. `manual`: scripts, people and files. `setsize`: they too, but it always has `rows` \
                 rows and `cols` columns. The others compute every cell, when one of these parameters changes and when \
                 the table is read, at most once per frame; what others write is lost then.",
            ),
            Parameter::int("rows", "Rows", 1, 0, MAX_CELLS as i64)
                .help("Rows of the table, where the fill type asks for a size; fill by row has one for each fill."),
            Parameter::int("cols", "Columns", 1, 0, MAX_CELLS as i64)
                .help("Columns of the table, where the fill type asks for a size; fill by column has one for each fill."),
            Parameter::str("cellexpr", "Cell Expression", "").help(
                "Expression that gives each cell when `fill` is setsizeandcontents. me.subRow and me.subCol say which \
                 one, counted from 0 without the names. At most 100000 cells are computed.",
            ),
            Parameter::toggle("includenames", "Include Names", false)
                .help("Adds a first row with the names of the columns (fill by column), or a first column (fill by row)."),
            Parameter::int("fills", "Fills", 1, 1, FILLS as i64)
                .help("Columns or rows that are filled with an expression of their own, at most 8 here."),
            $(
                Parameter::str($names, $names_label, "").aliases(&[$singular]).help(NAMES_HELP),
                Parameter::str($expr, $expr_label, "").help(EXPR_HELP),
            )*
        ])
    };
}

const PAGES: &[Page] = &[
    Page {
        name: "Table",
        parameters: table_parameters!(
            "fills0names" "fills0name" "Names 0" "fills0expr" "Expression 0"
            "fills1names" "fills1name" "Names 1" "fills1expr" "Expression 1"
            "fills2names" "fills2name" "Names 2" "fills2expr" "Expression 2"
            "fills3names" "fills3name" "Names 3" "fills3expr" "Expression 3"
            "fills4names" "fills4name" "Names 4" "fills4expr" "Expression 4"
            "fills5names" "fills5name" "Names 5" "fills5expr" "Expression 5"
            "fills6names" "fills6name" "Names 6" "fills6expr" "Expression 6"
            "fills7names" "fills7name" "Names 7" "fills7expr" "Expression 7"
        ),
    },
    COMMON_DAT_PAGE,
];

/// Positions of the parameters that the worker reads.
pub(super) mod par {
    use super::{FILLS, FileParameters, PAGES, ParIndex};

    pub static FILE: FileParameters = FileParameters::of(PAGES);

    pub const FILL: ParIndex = ParIndex::of(PAGES, "fill");
    pub const ROWS: ParIndex = ParIndex::of(PAGES, "rows");
    pub const COLS: ParIndex = ParIndex::of(PAGES, "cols");
    pub const CELLEXPR: ParIndex = ParIndex::of(PAGES, "cellexpr");
    pub const INCLUDENAMES: ParIndex = ParIndex::of(PAGES, "includenames");
    pub const FILLS_COUNT: ParIndex = ParIndex::of(PAGES, "fills");
    const FIRST_NAMES: ParIndex = ParIndex::of(PAGES, "fills0names");
    const LAST_EXPR: ParIndex = ParIndex::of(PAGES, "fills7expr");

    /// The name of one fill.
    pub fn names(fill: usize) -> ParIndex {
        ParIndex(FIRST_NAMES.0 + 2 * fill.min(FILLS - 1) as u32)
    }

    /// The expression of one fill.
    pub fn expr(fill: usize) -> ParIndex {
        ParIndex(names(fill).0 + 1)
    }

    /// Whether a parameter has a say in what the table is filled with.
    pub fn is_of_fill(index: ParIndex) -> bool {
        (FILL..=LAST_EXPR).contains(&index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_the_fills_match_their_names() {
        for fill in 0..FILLS {
            assert_eq!(TABLE_DAT.parameter(par::names(fill)).name, format!("fills{fill}names"));
            assert_eq!(TABLE_DAT.parameter(par::expr(fill)).name, format!("fills{fill}expr"));
        }
        let of_fill = TABLE_DAT.parameters().filter(|(index, _)| par::is_of_fill(*index)).count();
        assert_eq!(of_fill, 6 + 2 * FILLS);
    }
}
