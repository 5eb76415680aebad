//! The table of a DAT: rows and columns of text cells, with the meaning that TouchDesigner gives to its tables.
//!
//! Rows and columns are addressed by number (negative from the end) or by name: a row's name is its first cell, a
//! column's name its cell in the first row, and of several with one name the first is meant. All rows are equally
//! long; a shorter list of values is padded with blank cells, a longer one widens the table.
//!
//! Promised: appending, dropping the oldest, inserting and deleting rows stay cheap at 100,000 rows; repeated look-up of
//! a row by name does not scan the table; a table never holds more than [`MAX_CELLS`] cells; [`Table::revision`] grows
//! with every change, and an operation that fails changes nothing.
//! Left to others: which operator may be edited, how values become text, callbacks, and reading or writing files.
//!
//! `find` selects rows, columns and cells, `edit` changes the table, `text` is its form as text and in files.

mod edit;
mod find;
mod names;
mod store;
mod text;

use compact_str::CompactString;
use thiserror::Error;

use crate::pattern::Case;
use names::RowNames;
use store::Store;

pub use edit::Keep;
pub use find::{Find, NameMatch};
pub use text::{Encoding, ReadError, ReadOptions, Separator};

/// The most cells that a table may have. A blank cell takes 24 bytes, as does one of up to 24 bytes of text.
pub const MAX_CELLS: usize = 10_000_000;

/// Why a table could not be read or changed as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// No row has this name in its first cell.
    #[error("no row is named '{0}'")]
    NoRowNamed(String),
    /// No column has this name in its first row.
    #[error("no column is named '{0}'")]
    NoColumnNamed(String),
    /// The row's number is outside the table.
    #[error("there is no row {number} in a table of {rows} rows")]
    NoRow {
        /// The number as it was given.
        number: i64,
        /// How many rows there are.
        rows: usize,
    },
    /// The column's number is outside the table.
    #[error("there is no column {number} in a table of {cols} columns")]
    NoColumn {
        /// The number as it was given.
        number: i64,
        /// How many columns there are.
        cols: usize,
    },
    /// The table would have more than [`MAX_CELLS`] cells.
    #[error("a table of {rows} rows and {cols} columns has more than {MAX_CELLS} cells")]
    TooManyCells {
        /// How many rows the table would have.
        rows: usize,
        /// How many columns the table would have.
        cols: usize,
    },
}

/// How a script names a row or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index<'a> {
    /// By position from 0; negative numbers count from the end, -1 being the last.
    Number(i64),
    /// By name: the first cell of a row, the cell of a column in the first row.
    Name(&'a str),
}

impl From<i64> for Index<'_> {
    fn from(number: i64) -> Self {
        Index::Number(number)
    }
}

impl From<i32> for Index<'_> {
    fn from(number: i32) -> Self {
        Index::Number(number.into())
    }
}

impl From<usize> for Index<'_> {
    fn from(number: usize) -> Self {
        Index::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<'a> From<&'a str> for Index<'a> {
    fn from(name: &'a str) -> Self {
        Index::Name(name)
    }
}

/// A table of text cells. A table without columns has no rows, and the other way round.
///
/// ```
/// use patchcord_core::table::Table;
/// let mut table = Table::from_rows(&[["client", "since"], ["10.0.0.5:9000", "12.5"]])?;
/// table.append_row(&["10.0.0.6:9000", "13.0"], None)?;
/// table.set_cell("10.0.0.5:9000", "since", "14.0")?;
/// assert_eq!(table.cell(1, "since"), Some("14.0"));
/// assert_eq!(table.cell(-1, 0), Some("10.0.0.6:9000"));
/// # Ok::<(), patchcord_core::table::TableError>(())
/// ```
#[derive(Clone, Default)]
pub struct Table {
    store: Store,
    names: RowNames,
    revision: u64,
}

impl Table {
    /// An empty table: no rows, no columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// A table of these rows, as wide as the longest.
    ///
    /// # Errors
    /// [`TableError::TooManyCells`].
    pub fn from_rows<R: AsRef<[S]>, S: AsRef<str>>(rows: &[R]) -> Result<Self, TableError> {
        let mut table = Self::new();
        table.append_rows(rows, None)?;
        Ok(table)
    }

    /// How many rows there are.
    pub fn num_rows(&self) -> usize {
        self.store.rows()
    }

    /// How many columns there are.
    pub fn num_cols(&self) -> usize {
        self.store.cols()
    }

    /// Whether there is no cell at all.
    pub fn is_empty(&self) -> bool {
        self.store.rows() == 0
    }

    /// A number that grows with every change, for whoever wants to know whether to look again. It is not part of the
    /// contents: tables with equal cells are equal.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The text of one cell, `None` if there is none. Names are exact; [`Table::find_cell`] knows patterns.
    pub fn cell<'a>(&self, row: impl Into<Index<'a>>, col: impl Into<Index<'a>>) -> Option<&str> {
        // The column first: its name is in one row, while a row's name can be anywhere.
        let col = self.col_index(col.into(), Case::Sensitive)?;
        let row = self.row_index(row.into(), Case::Sensitive)?;
        self.store.row(row).map(|cells| cells[col].as_str())
    }

    /// Writes one cell. Writing the text that is there already is no change.
    ///
    /// # Errors
    /// Names the row or the column that is missing.
    pub fn set_cell<'a>(
        &mut self,
        row: impl Into<Index<'a>>,
        col: impl Into<Index<'a>>,
        value: &str,
    ) -> Result<(), TableError> {
        let (row, col) = (self.need_row(row.into())?, self.need_col(col.into())?);
        let Some(cell) = self.store.row_mut(row).and_then(|cells| cells.get_mut(col)) else { return Ok(()) };
        if cell != value {
            *cell = CompactString::from(value);
            if col == 0 {
                self.names.forget();
            }
            self.revision += 1;
        }
        Ok(())
    }

    /// The cells of the row at this position.
    pub fn row(&self, row: usize) -> Option<Row<'_>> {
        self.store.row(row).map(Row)
    }

    /// All rows from the first to the last, without copying.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> {
        self.store.iter().map(Row)
    }

    /// The cells of the column at this position, from the first row to the last; nothing for a column that is missing.
    pub fn col(&self, col: usize) -> impl DoubleEndedIterator<Item = &str> {
        self.rows().filter_map(move |row| row.get(col))
    }

    /// The position of a row, `None` if it is missing. Names are compared as a whole.
    pub fn row_index(&self, index: Index<'_>, case: Case) -> Option<usize> {
        match (index, case) {
            (Index::Number(number), _) => position(number, self.num_rows()),
            (Index::Name(name), Case::Sensitive) => self.names.find(&self.store, name),
            (Index::Name(name), case) => self.col(0).position(|cell| case.same(cell, name)),
        }
    }

    /// The position of a column, `None` if it is missing. Names are compared as a whole.
    pub fn col_index(&self, index: Index<'_>, case: Case) -> Option<usize> {
        match index {
            Index::Number(number) => position(number, self.num_cols()),
            Index::Name(name) => self.row(0)?.iter().position(|cell| case.same(cell, name)),
        }
    }

    fn need_row(&self, index: Index<'_>) -> Result<usize, TableError> {
        self.row_index(index, Case::Sensitive).ok_or_else(|| match index {
            Index::Number(number) => TableError::NoRow { number, rows: self.num_rows() },
            Index::Name(name) => TableError::NoRowNamed(name.to_owned()),
        })
    }

    fn need_col(&self, index: Index<'_>) -> Result<usize, TableError> {
        self.col_index(index, Case::Sensitive).ok_or_else(|| match index {
            Index::Number(number) => TableError::NoColumn { number, cols: self.num_cols() },
            Index::Name(name) => TableError::NoColumnNamed(name.to_owned()),
        })
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.num_rows() == other.num_rows()
            && self.num_cols() == other.num_cols()
            && self.store.iter().eq(other.store.iter())
    }
}

impl Eq for Table {}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.rows()).finish()
    }
}

/// The cells of one row, borrowed from the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'a>(&'a [CompactString]);

impl<'a> Row<'a> {
    /// The text of the cell in this column.
    pub fn get(&self, col: usize) -> Option<&'a str> {
        self.0.get(col).map(CompactString::as_str)
    }

    /// The cells from the first column to the last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator + use<'a> {
        self.0.iter().map(CompactString::as_str)
    }

    /// The row's name, which is its first cell.
    pub fn name(&self) -> &'a str {
        self.get(0).unwrap_or_default()
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0).finish()
    }
}

/// The position that `number` stands for among `count`.
fn position(number: i64, count: usize) -> Option<usize> {
    let position = match usize::try_from(number) {
        Ok(position) => position,
        Err(_) => count.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)?,
    };
    (position < count).then_some(position)
}

/// Fails where a table of this size would pass [`MAX_CELLS`].
#[inline]
fn check_size(rows: usize, cols: usize) -> Result<(), TableError> {
    match rows.checked_mul(cols) {
        Some(cells) if cells <= MAX_CELLS => Ok(()),
        _ => Err(TableError::TooManyCells { rows, cols }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months() -> Table {
        Table::from_rows(&[["", "first", "second"], ["June", "a", "b"], ["July", "c", "d"], ["June", "e", "f"]])
            .unwrap()
    }

    #[test]
    fn cells_are_addressed_by_number_and_by_name() {
        let table = months();
        assert_eq!((table.num_rows(), table.num_cols()), (4, 3));
        assert_eq!(table.cell(1, 2), Some("b"));
        assert_eq!(table.cell(-1, -1), Some("f"));
        assert_eq!(table.cell("July", "first"), Some("c"));
        assert_eq!(table.cell("June", "second"), Some("b"), "of two rows with one name the first is meant");
    }

    #[test]
    fn a_cell_that_is_missing_is_none() {
        let table = months();
        assert_eq!(table.cell(4, 0), None);
        assert_eq!(table.cell(-5, 0), None);
        assert_eq!(table.cell(i64::MIN, i64::MAX), None);
        assert_eq!(table.cell("june", 0), None);
        assert_eq!(table.cell("Ju*", 0), None, "names are exact here");
        assert_eq!(Table::new().cell(0, 0), None);
    }

    #[test]
    fn case_can_be_ignored_in_names() {
        let table = months();
        assert_eq!(table.row_index("JULY".into(), Case::Insensitive), Some(2));
        assert_eq!(table.col_index("Second".into(), Case::Insensitive), Some(2));
        assert_eq!(table.col_index("Second".into(), Case::Sensitive), None);
    }

    #[test]
    fn writing_to_a_missing_cell_says_what_is_missing() {
        let mut table = months();
        let before = table.clone();
        assert_eq!(table.set_cell("May", 0, "x"), Err(TableError::NoRowNamed("May".into())));
        assert_eq!(table.set_cell(1, "third", "x"), Err(TableError::NoColumnNamed("third".into())));
        assert_eq!(table.set_cell(-9, 0, "x"), Err(TableError::NoRow { number: -9, rows: 4 }));
        assert_eq!(table.set_cell(0, 3, "x"), Err(TableError::NoColumn { number: 3, cols: 3 }));
        assert_eq!((&table, table.revision()), (&before, before.revision()));
    }

    #[test]
    fn the_revision_grows_with_changes_only() {
        let mut table = months();
        let revision = table.revision();
        table.set_cell(1, 1, "a").unwrap();
        assert_eq!(table.revision(), revision);
        table.set_cell(1, 1, "x").unwrap();
        assert!(table.revision() > revision);
    }

    #[test]
    fn rows_and_columns_are_read_in_place() {
        let table = months();
        assert_eq!(table.row(2).unwrap().iter().collect::<Vec<_>>(), ["July", "c", "d"]);
        assert_eq!(table.col(1).collect::<Vec<_>>(), ["first", "a", "c", "e"]);
        assert_eq!(table.rows().rev().map(|row| row.name()).collect::<Vec<_>>(), ["June", "July", "June", ""]);
        assert_eq!((table.row(4), table.col(3).count()), (None, 0));
    }

    #[test]
    fn a_table_is_bounded() {
        let mut table = Table::new();
        let too_many = TableError::TooManyCells { rows: MAX_CELLS, cols: 2 };
        assert_eq!(table.set_size(MAX_CELLS, 2), Err(too_many));
        assert!(matches!(table.set_size(usize::MAX, usize::MAX), Err(TableError::TooManyCells { .. })));
        assert!(table.is_empty());
    }
}
