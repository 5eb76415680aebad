//! How a table differs from what it was.
//!
//! Rows that both have at their beginning and at their end are left aside; of what is between, as many rows as both have
//! are changed, and what is over was added or removed. Columns likewise. So a row that is appended, inserted or deleted
//! is one row, wherever it stands.

use patchcord_core::table::Table;

/// What differs. Positions count from 0: those of removed rows and columns in the old table, all others in the new one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Difference {
    pub rows_changed: Vec<usize>,
    pub rows_added: Vec<usize>,
    pub rows_removed: Vec<usize>,
    pub cols_changed: Vec<usize>,
    pub cols_added: Vec<usize>,
    pub cols_removed: Vec<usize>,
    /// Row and column in the new table, and the text before; nothing for cells of rows and columns that were added.
    pub cells: Vec<(usize, usize, String)>,
    pub size_changed: bool,
}

impl Difference {
    pub fn of(old: &Table, new: &Table) -> Difference {
        let rows = Aligned::of(old.num_rows(), new.num_rows(), |a, b| row(old, a).eq(row(new, b)));
        let cols = Aligned::of(old.num_cols(), new.num_cols(), |a, b| old.col(a).eq(new.col(b)));
        let mut difference = Difference {
            rows_added: rows.added(),
            rows_removed: rows.removed(),
            cols_added: cols.added(),
            cols_removed: cols.removed(),
            size_changed: (old.num_rows(), old.num_cols()) != (new.num_rows(), new.num_cols()),
            ..Difference::default()
        };
        for (old_row, new_row) in rows.pairs() {
            let (Some(was), Some(is)) = (old.row(old_row), new.row(new_row)) else { continue };
            for (old_col, new_col) in cols.pairs() {
                let (was, is) = (was.get(old_col).unwrap_or_default(), is.get(new_col).unwrap_or_default());
                if was != is {
                    difference.cells.push((new_row, new_col, was.to_owned()));
                }
            }
        }
        difference.rows_changed = distinct(difference.cells.iter().map(|(row, _, _)| *row));
        difference.cols_changed = distinct(difference.cells.iter().map(|(_, col, _)| *col));
        difference
    }
}

fn row(table: &Table, at: usize) -> impl Iterator<Item = &str> {
    table.row(at).into_iter().flat_map(|row| row.iter())
}

fn distinct(positions: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut positions: Vec<_> = positions.collect();
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// Which lines of the old table stand for which of the new one.
struct Aligned {
    /// Lines that are alike at the beginning.
    head: usize,
    /// Lines between, in the old and in the new table.
    old: usize,
    new: usize,
    /// Lines that are alike at the end.
    tail: usize,
}

impl Aligned {
    fn of(old: usize, new: usize, alike: impl Fn(usize, usize) -> bool) -> Self {
        let most = old.min(new);
        // When the other direction has another size, no two lines are alike, and lines are taken by their position.
        let head = (0..most).take_while(|at| alike(*at, *at)).count();
        let tail = (0..most - head).take_while(|at| alike(old - 1 - at, new - 1 - at)).count();
        Aligned { head, old: old - head - tail, new: new - head - tail, tail }
    }

    /// Old and new positions of the lines that both have.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let between = self.old.min(self.new);
        let (old_tail, new_tail) = (self.head + self.old, self.head + self.new);
        let front = (0..self.head + between).map(|at| (at, at));
        front.chain((0..self.tail).map(move |at| (old_tail + at, new_tail + at)))
    }

    fn added(&self) -> Vec<usize> {
        (self.head + self.old.min(self.new)..self.head + self.new).collect()
    }

    fn removed(&self) -> Vec<usize> {
        (self.head + self.old.min(self.new)..self.head + self.old).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        let rows: Vec<Vec<&str>> =
            text.split('/').filter(|row| !row.is_empty()).map(|row| row.split(' ').collect()).collect();
        Table::from_rows(&rows).unwrap()
    }

    fn between(old: &str, new: &str) -> Difference {
        Difference::of(&table(old), &table(new))
    }

    #[test]
    fn a_cell_that_differs_is_one_row_one_column_one_cell() {
        let difference = between("a b/c d", "a b/c x");
        assert_eq!(difference.cells, [(1, 1, "d".to_owned())]);
        assert_eq!((difference.rows_changed, difference.cols_changed), (vec![1], vec![1]));
        assert!(!difference.size_changed && difference.rows_added.is_empty());
    }

    #[test]
    fn rows_are_added_and_removed_where_they_stand() {
        for (old, new, added, removed) in [
            ("a/b", "a/b/c", vec![2], vec![]),
            ("a/b", "a/x/b", vec![1], vec![]),
            ("a/b/c", "a/c", vec![], vec![1]),
            ("", "a b/c d", vec![0, 1], vec![]),
            ("a/b", "", vec![], vec![0, 1]),
        ] {
            let difference = between(old, new);
            assert_eq!((&difference.rows_added, &difference.rows_removed), (&added, &removed), "{old} -> {new}");
            assert!(difference.size_changed && difference.cells.is_empty(), "{old} -> {new}");
        }
    }

    #[test]
    fn columns_likewise() {
        let difference = between("a b/c d", "a x b/c y d");
        assert_eq!((difference.cols_added, difference.cols_removed), (vec![1], vec![]));
        assert!(difference.cells.is_empty());
        assert_eq!(between("a b/c d", "b/d").cols_removed, vec![0]);
    }

    #[test]
    fn nothing_differs_in_equal_tables() {
        assert_eq!(between("a b/c d", "a b/c d"), Difference::default());
    }

    #[test]
    fn what_a_fifo_has_dropped_and_appended_is_changed() {
        let difference = between("h/1/2/3", "h/2/3/4");
        assert_eq!(difference.rows_changed, vec![1, 2, 3]);
        assert_eq!(difference.cells.len(), 3);
    }
}
