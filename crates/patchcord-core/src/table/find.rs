//! Selecting rows, columns and cells of a table by number, name and pattern.
//!
//! A name in a selection is one pattern ([`Glob`]): spaces, commas and `^` in it are ordinary characters, since cells
//! hold all of them; alternatives are given as several indexes. What is found comes in the order of the table, row by
//! row, each once. An index that matches nothing selects nothing and is no error.

use super::{Index, Table};
use crate::pattern::{Case, Glob};

/// How a name in a selection is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameMatch {
    /// As a pattern with `*`, `?` and brackets.
    #[default]
    Pattern,
    /// As a whole, character by character.
    Exact,
}

/// Where and how [`Table::find_cell`] looks; the default is that of `findCell` in a script.
#[derive(Debug, Clone, Copy)]
pub struct Find<'a> {
    /// Only in these rows; `None` is all.
    pub rows: Option<&'a [Index<'a>]>,
    /// Only in these columns; `None` is all.
    pub cols: Option<&'a [Index<'a>]>,
    /// How the text of a cell is compared.
    pub value: NameMatch,
    /// How names in `rows` are compared.
    pub row: NameMatch,
    /// How names in `cols` are compared.
    pub col: NameMatch,
    /// Whether upper and lower case differ, in cells and in names.
    pub case: Case,
}

impl Default for Find<'_> {
    fn default() -> Self {
        let pattern = NameMatch::Pattern;
        Self { rows: None, cols: None, value: pattern, row: pattern, col: pattern, case: Case::Insensitive }
    }
}

impl Table {
    /// The positions of the rows that any of the indexes selects, in the order of the table.
    pub fn select_rows(&self, indexes: &[Index<'_>], names: NameMatch, case: Case) -> Vec<usize> {
        // One plain name may be repeated in the table, so the name index does not help here.
        select(indexes, names, case, self.num_rows(), || self.col(0))
    }

    /// The positions of the columns that any of the indexes selects, in the order of the table.
    pub fn select_cols(&self, indexes: &[Index<'_>], names: NameMatch, case: Case) -> Vec<usize> {
        select(indexes, names, case, self.num_cols(), || self.row(0).into_iter().flat_map(|row| row.iter()))
    }

    /// The row and column of every cell where a selected row and a selected column meet (`cells` in a script).
    pub fn select_cells(&self, row: Index<'_>, col: Index<'_>, case: Case) -> Vec<(usize, usize)> {
        let rows = self.select_rows(&[row], NameMatch::Pattern, case);
        let cols = self.select_cols(&[col], NameMatch::Pattern, case);
        rows.iter().flat_map(|row| cols.iter().map(move |col| (*row, *col))).collect()
    }

    /// The row and column of the first cell whose text fits (`findCell`).
    pub fn find_cell(&self, text: &str, find: &Find<'_>) -> Option<(usize, usize)> {
        self.found(text, find, 1).pop()
    }

    /// The row and column of every cell whose text fits, row by row (`findCells`).
    pub fn find_cells(&self, text: &str, find: &Find<'_>) -> Vec<(usize, usize)> {
        self.found(text, find, usize::MAX)
    }

    fn found(&self, text: &str, find: &Find<'_>, most: usize) -> Vec<(usize, usize)> {
        let wanted = Wanted::new(text, find.value, find.case);
        let cols = match find.cols {
            Some(cols) => self.select_cols(cols, find.col, find.case),
            None => (0..self.num_cols()).collect(),
        };
        let in_row = |(row, cells): (usize, super::Row<'_>)| -> Vec<(usize, usize)> {
            let fits = |col: &&usize| cells.get(**col).is_some_and(|cell| wanted.fits(cell));
            cols.iter().filter(fits).map(|col| (row, *col)).collect()
        };
        match find.rows {
            Some(rows) => {
                let rows = self.select_rows(rows, find.row, find.case);
                rows.into_iter().filter_map(|row| Some((row, self.row(row)?))).flat_map(in_row).take(most).collect()
            }
            None => self.rows().enumerate().flat_map(in_row).take(most).collect(),
        }
    }
}

/// A text to compare cells with.
enum Wanted<'a> {
    Pattern(Glob),
    Exact(&'a str, Case),
}

impl<'a> Wanted<'a> {
    fn new(text: &'a str, how: NameMatch, case: Case) -> Self {
        match how {
            NameMatch::Pattern => Wanted::Pattern(Glob::parse(text, case)),
            NameMatch::Exact => Wanted::Exact(text, case),
        }
    }

    fn fits(&self, cell: &str) -> bool {
        match self {
            Wanted::Pattern(glob) => glob.matches(cell),
            Wanted::Exact(text, case) => case.same(text, cell),
        }
    }
}

fn select<'t, I: Iterator<Item = &'t str>>(
    indexes: &[Index<'_>],
    how: NameMatch,
    case: Case,
    count: usize,
    names: impl Fn() -> I,
) -> Vec<usize> {
    let mut selected: Vec<usize> = Vec::new();
    for index in indexes {
        match index {
            Index::Number(number) => selected.extend(super::position(*number, count)),
            Index::Name(name) => {
                let wanted = Wanted::new(name, how, case);
                selected.extend(names().enumerate().filter(|(_, name)| wanted.fits(name)).map(|(at, _)| at));
            }
        }
    }
    selected.sort_unstable();
    selected.dedup();
    selected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fruit() -> Table {
        Table::from_rows(&[
            ["id", "fruit", "color"],
            ["0", "Strawberry", "Red"],
            ["1", "Banana", "Yellow"],
            ["2", "Blueberry", "Blue"],
            ["3", "*Fruit", "Green"],
        ])
        .unwrap()
    }

    #[test]
    fn a_cell_is_found_by_pattern_in_any_case() {
        let table = fruit();
        assert_eq!(table.find_cell("Red", &Find::default()), Some((1, 2)));
        assert_eq!(table.find_cell("*Fruit", &Find::default()), Some((0, 1)));
        assert_eq!(table.find_cell("violet", &Find::default()), None);
        assert_eq!(table.find_cells("*berry", &Find::default()), [(1, 1), (3, 1)]);
    }

    #[test]
    fn case_and_patterns_can_be_switched() {
        let table = fruit();
        let sensitive = Find { cols: Some(&[Index::Name("fruit")]), case: Case::Sensitive, ..Find::default() };
        assert_eq!(table.find_cell("blue*", &Find { case: Case::Insensitive, ..sensitive }), Some((3, 1)));
        assert_eq!(table.find_cell("blue*", &sensitive), None);
        assert_eq!(table.find_cell("*fruit", &Find { value: NameMatch::Exact, ..Find::default() }), Some((4, 1)));
    }

    #[test]
    fn the_search_can_be_kept_to_rows_and_columns() {
        let table = fruit();
        let rows = [Index::Number(-1), Index::Name("[0-1]")];
        let find = Find { rows: Some(&rows), cols: Some(&[Index::Name("c*")]), ..Find::default() };
        assert_eq!(table.find_cells("*", &find), [(1, 2), (2, 2), (4, 2)]);
        assert_eq!(table.find_cells("*", &Find { row: NameMatch::Exact, ..find }), [(4, 2)]);
        assert_eq!(table.find_cells("*", &Find { col: NameMatch::Exact, ..find }), []);
        assert_eq!(table.find_cells("*", &Find { rows: Some(&[]), ..find }), []);
    }

    #[test]
    fn rows_and_columns_come_in_the_order_of_the_table() {
        let table = fruit();
        let indexes = [Index::Name("3"), Index::Number(0), Index::Name("?d"), Index::Number(99)];
        assert_eq!(table.select_rows(&indexes, NameMatch::Pattern, Case::Sensitive), [0, 4]);
        assert_eq!(table.select_cols(&["*".into()], NameMatch::Pattern, Case::Sensitive), [0, 1, 2]);
        assert_eq!(table.select_cells("[1-2]".into(), "COLOR".into(), Case::Insensitive), [(2, 2), (3, 2)]);
        assert_eq!(Table::new().select_cols(&["*".into()], NameMatch::Pattern, Case::Sensitive), [0; 0]);
    }

    #[test]
    fn a_name_with_spaces_is_one_pattern() {
        let table = Table::from_rows(&[["John"], ["John Smith"], ["^x"]]).unwrap();
        assert_eq!(table.find_cells("John Smith", &Find::default()), [(1, 0)]);
        assert_eq!(table.find_cells("^x", &Find::default()), [(2, 0)]);
    }
}
