//! Changing a table: rows and columns are appended, inserted, replaced and deleted, the whole is cleared and resized.
//!
//! Each operation checks first and then changes, so a failed one leaves the table as it was. Rows and columns behave
//! alike, but rows are what a table is made of: a change of columns touches every row.
//!
//! An appended row goes after the row that is given, or last; an inserted one goes before it, or first. In an empty
//! table a row without values becomes one blank cell.
//!
//! Left to others: `scroll` of a script, which by the vendor's page moves viewers to a cell and changes none.

use compact_str::CompactString;

use super::{Index, Table, TableError, check_size};

/// What [`Table::clear`] leaves in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The number of rows and columns; cells that are not kept become blank.
    pub size: bool,
    /// The first row with its cells.
    pub first_row: bool,
    /// The first column with its cells.
    pub first_col: bool,
}

impl Table {
    /// Adds a row after the given one, or last; the result is its position.
    ///
    /// # Errors
    /// A missing row, or [`TableError::TooManyCells`].
    pub fn append_row<S: AsRef<str>>(&mut self, vals: &[S], after: Option<Index<'_>>) -> Result<usize, TableError> {
        let at = self.row_after(after)?;
        self.splice_rows(at, &[vals])?;
        Ok(at)
    }

    /// Adds rows after the given one, or last; the result is the position of the last one, `None` if there is none.
    ///
    /// # Errors
    /// As for [`Table::append_row`]; either all rows are added or none.
    pub fn append_rows<R: AsRef<[S]>, S: AsRef<str>>(
        &mut self,
        rows: &[R],
        after: Option<Index<'_>>,
    ) -> Result<Option<usize>, TableError> {
        let at = self.row_after(after)?;
        self.splice_rows(at, rows)?;
        Ok((at + rows.len()).checked_sub(1).filter(|_| !rows.is_empty()))
    }

    /// Adds a row where it keeps a column sorted: before the first row whose cell in that column comes later.
    ///
    /// Two numbers compare as numbers, anything else as text. A column that is given by name has its name in the
    /// first row, which then stays first. Rows that are there are not moved. The vendor's page says only that the column
    /// is kept sorted; the rest is ours.
    ///
    /// # Errors
    /// A missing column, or [`TableError::TooManyCells`].
    pub fn append_row_sorted<S: AsRef<str>>(&mut self, vals: &[S], by: Index<'_>) -> Result<usize, TableError> {
        let col = self.need_col(by)?;
        let value = vals.get(col).map_or("", AsRef::as_ref);
        let at = sorted_position(self.col(col), value, matches!(by, Index::Name(_)));
        self.splice_rows(at, &[vals])?;
        Ok(at)
    }

    /// Adds a row before the given one, or first; the result is its position.
    ///
    /// # Errors
    /// A missing row, or [`TableError::TooManyCells`].
    pub fn insert_row<S: AsRef<str>>(&mut self, vals: &[S], before: Option<Index<'_>>) -> Result<usize, TableError> {
        let at = before.map_or(Ok(0), |index| self.need_row(index))?;
        self.splice_rows(at, &[vals])?;
        Ok(at)
    }

    /// Writes over a row; the result is its position. With `entire`, cells past the values become blank, without it they
    /// stay.
    ///
    /// # Errors
    /// A missing row, or [`TableError::TooManyCells`].
    pub fn replace_row<S: AsRef<str>>(
        &mut self,
        row: Index<'_>,
        vals: &[S],
        entire: bool,
    ) -> Result<usize, TableError> {
        let row = self.need_row(row)?;
        let cols = self.num_cols().max(vals.len());
        check_size(self.num_rows(), cols)?;
        self.store.set_cols(cols);
        overwrite(self.store.row_mut(row).unwrap_or_default().iter_mut(), vals, entire);
        self.changed();
        Ok(row)
    }

    /// Takes a row away.
    ///
    /// # Errors
    /// A missing row.
    pub fn delete_row<'a>(&mut self, row: impl Into<Index<'a>>) -> Result<(), TableError> {
        self.delete_rows(&[row.into()])
    }

    /// Takes rows away; the indexes mean the table as it is before.
    ///
    /// # Errors
    /// A missing row; then no row is taken away.
    pub fn delete_rows(&mut self, rows: &[Index<'_>]) -> Result<(), TableError> {
        let mut rows = rows.iter().map(|index| self.need_row(*index)).collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable();
        rows.dedup();
        // From the end, and neighbours together.
        for run in rows.chunk_by(|a, b| a + 1 == *b).rev() {
            self.store.remove(run[0]..run[0] + run.len());
        }
        if !rows.is_empty() {
            self.changed();
        }
        Ok(())
    }

    /// Takes the oldest rows away until at most `most` are left; the result is how many went. A heading is the first
    /// row: it stays and is not counted.
    pub fn drop_oldest(&mut self, most: usize, heading: bool) -> usize {
        let first = usize::from(heading);
        let dropped = self.num_rows().saturating_sub(first).saturating_sub(most);
        if dropped > 0 {
            self.store.remove(first..first + dropped);
            self.changed();
        }
        dropped
    }

    /// Adds a row last and takes the oldest away until at most `most` are left, as [`Table::drop_oldest`] does: for tables
    /// of what has come, which mostly lose one row for each that is added. The result is the position of the new row.
    ///
    /// # Errors
    /// [`TableError::TooManyCells`].
    #[inline]
    pub fn append_and_drop_oldest<S: AsRef<str>>(
        &mut self,
        vals: &[S],
        most: usize,
        heading: bool,
    ) -> Result<usize, TableError> {
        let first = usize::from(heading);
        let is_full = most > 0 && self.num_rows().checked_sub(first) == Some(most);
        if is_full && self.store.rotate(first, vals) {
            self.changed();
        } else {
            self.append_row(vals, None)?;
            self.drop_oldest(most, heading);
        }
        Ok(self.num_rows().saturating_sub(1))
    }

    /// Adds a column after the given one, or last; the result is its position. More values than rows add rows.
    ///
    /// # Errors
    /// A missing column, or [`TableError::TooManyCells`].
    pub fn append_col<S: AsRef<str>>(&mut self, vals: &[S], after: Option<Index<'_>>) -> Result<usize, TableError> {
        let at = self.col_after(after)?;
        self.splice_cols(at, &[vals])?;
        Ok(at)
    }

    /// Adds columns after the given one, or last; the result is the position of the last one, `None` if there is none.
    ///
    /// # Errors
    /// As for [`Table::append_col`]; either all columns are added or none.
    pub fn append_cols<C: AsRef<[S]>, S: AsRef<str>>(
        &mut self,
        cols: &[C],
        after: Option<Index<'_>>,
    ) -> Result<Option<usize>, TableError> {
        let at = self.col_after(after)?;
        self.splice_cols(at, cols)?;
        Ok((at + cols.len()).checked_sub(1).filter(|_| !cols.is_empty()))
    }

    /// Adds a column where it keeps a row sorted, as [`Table::append_row_sorted`] does for rows.
    ///
    /// # Errors
    /// A missing row, or [`TableError::TooManyCells`].
    pub fn append_col_sorted<S: AsRef<str>>(&mut self, vals: &[S], by: Index<'_>) -> Result<usize, TableError> {
        let row = self.need_row(by)?;
        let value = vals.get(row).map_or("", AsRef::as_ref);
        let cells = self.row(row).into_iter().flat_map(|row| row.iter());
        let at = sorted_position(cells, value, matches!(by, Index::Name(_)));
        self.splice_cols(at, &[vals])?;
        Ok(at)
    }

    /// Adds a column before the given one, or first; the result is its position.
    ///
    /// # Errors
    /// A missing column, or [`TableError::TooManyCells`].
    pub fn insert_col<S: AsRef<str>>(&mut self, vals: &[S], before: Option<Index<'_>>) -> Result<usize, TableError> {
        let at = before.map_or(Ok(0), |index| self.need_col(index))?;
        self.splice_cols(at, &[vals])?;
        Ok(at)
    }

    /// Writes over a column; the result is its position. With `entire`, cells past the values become blank, without it
    /// they stay. More values than rows add rows.
    ///
    /// # Errors
    /// A missing column, or [`TableError::TooManyCells`].
    pub fn replace_col<S: AsRef<str>>(
        &mut self,
        col: Index<'_>,
        vals: &[S],
        entire: bool,
    ) -> Result<usize, TableError> {
        let col = self.need_col(col)?;
        let rows = self.num_rows().max(vals.len());
        check_size(rows, self.num_cols())?;
        self.fill_rows(rows);
        for row in 0..rows {
            let cell = self.store.row_mut(row).and_then(|cells| cells.get_mut(col));
            let vals = vals.get(row..row + 1).unwrap_or_default();
            overwrite(cell.into_iter(), vals, entire);
        }
        self.changed();
        Ok(col)
    }

    /// Takes a column away.
    ///
    /// # Errors
    /// A missing column.
    pub fn delete_col<'a>(&mut self, col: impl Into<Index<'a>>) -> Result<(), TableError> {
        self.delete_cols(&[col.into()])
    }

    /// Takes columns away; the indexes mean the table as it is before. With the last column the rows go too.
    ///
    /// # Errors
    /// A missing column; then no column is taken away.
    pub fn delete_cols(&mut self, cols: &[Index<'_>]) -> Result<(), TableError> {
        let mut keep = vec![true; self.num_cols()];
        for index in cols {
            keep[self.need_col(*index)?] = false;
        }
        if !cols.is_empty() {
            let kept = keep.iter().filter(|keep| **keep).count();
            self.store.map_rows(kept, |_, cells| {
                let mut keep = keep.iter();
                cells.retain(|_| keep.next().is_none_or(|keep| *keep));
            });
            self.changed();
        }
        Ok(())
    }

    /// Empties the table, except for what is kept. To keep the first row and the first column is to keep the size, as
    /// the vendor's page has it; of the two alone, the first row keeps the columns and the first column the rows.
    pub fn clear(&mut self, keep: Keep) {
        if self.is_empty() {
            return;
        }
        if keep.size || keep.first_row && keep.first_col {
            let (first, from) = (usize::from(keep.first_row), usize::from(keep.first_col));
            for row in first..self.num_rows() {
                let cells = self.store.row_mut(row).unwrap_or_default();
                cells.iter_mut().skip(from).for_each(|cell| *cell = CompactString::const_new(""));
            }
        } else if keep.first_col {
            self.store.set_cols(1);
        } else {
            self.store.remove(usize::from(keep.first_row)..self.num_rows());
        }
        self.changed();
    }

    /// Makes the table exactly this large; cells that are in both sizes stay, new ones are blank. A table without rows
    /// or without columns is empty.
    ///
    /// # Errors
    /// [`TableError::TooManyCells`].
    pub fn set_size(&mut self, rows: usize, cols: usize) -> Result<(), TableError> {
        check_size(rows, cols)?;
        if (rows, cols) == (self.num_rows(), self.num_cols()) {
            return Ok(());
        }
        if rows == 0 || cols == 0 {
            self.clear(Keep::default());
            return Ok(());
        }
        self.store.remove(rows..self.num_rows());
        self.store.set_cols(cols);
        self.fill_rows(rows);
        self.changed();
        Ok(())
    }

    /// Takes over the contents of another table.
    pub fn copy_from(&mut self, other: &Table) {
        self.replace(other.clone());
    }

    /// Takes over the contents of a table that is no longer needed itself. The revision goes on from this table's.
    pub fn replace(&mut self, contents: Table) {
        self.store = contents.store;
        self.changed();
    }

    #[inline]
    fn row_after(&self, after: Option<Index<'_>>) -> Result<usize, TableError> {
        after.map_or(Ok(self.num_rows()), |index| Ok(self.need_row(index)? + 1))
    }

    fn col_after(&self, after: Option<Index<'_>>) -> Result<usize, TableError> {
        after.map_or(Ok(self.num_cols()), |index| Ok(self.need_col(index)? + 1))
    }

    /// Puts rows before row `at`.
    fn splice_rows<R: AsRef<[S]>, S: AsRef<str>>(&mut self, at: usize, rows: &[R]) -> Result<(), TableError> {
        if rows.is_empty() {
            return Ok(());
        }
        let longest = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
        let cols = self.num_cols().max(longest).max(1);
        check_size(self.num_rows().saturating_add(rows.len()), cols)?;
        let last = at == self.num_rows();
        self.store.set_cols(cols);
        for (row, cells) in (at..).zip(rows) {
            let cells = cells.as_ref();
            self.store.insert(row, cells.iter().map(|cell| CompactString::from(cell.as_ref())));
            if last {
                self.names.appended(row, cells.first().map_or("", AsRef::as_ref));
            }
        }
        if !last {
            self.names.forget();
        }
        self.revision += 1;
        Ok(())
    }

    /// Puts columns before column `at`.
    fn splice_cols<C: AsRef<[S]>, S: AsRef<str>>(&mut self, at: usize, cols: &[C]) -> Result<(), TableError> {
        if cols.is_empty() {
            return Ok(());
        }
        let longest = cols.iter().map(|col| col.as_ref().len()).max().unwrap_or(0);
        let (rows, width) = (self.num_rows().max(longest).max(1), self.num_cols() + cols.len());
        check_size(rows, width)?;
        if self.is_empty() {
            self.store.set_cols(width);
            self.fill_rows(rows);
            self.store.map_rows(width, |row, cells| fill_column_cells(cells, 0, cols, row));
        } else {
            self.fill_rows(rows);
            self.store.map_rows(width, |row, cells| {
                cells.splice(at..at, std::iter::repeat_n(CompactString::const_new(""), cols.len()));
                fill_column_cells(cells, at, cols, row);
            });
        }
        self.changed();
        Ok(())
    }

    /// Adds blank rows up to this number.
    fn fill_rows(&mut self, rows: usize) {
        for row in self.num_rows()..rows {
            self.store.insert(row, None);
        }
    }

    /// Marks a change that may have touched names or positions of rows.
    #[inline]
    fn changed(&mut self) {
        self.names.forget();
        self.revision += 1;
    }
}

fn fill_column_cells<C: AsRef<[S]>, S: AsRef<str>>(cells: &mut [CompactString], at: usize, cols: &[C], row: usize) {
    for (cell, col) in cells[at..].iter_mut().zip(cols) {
        *cell = CompactString::from(col.as_ref().get(row).map_or("", AsRef::as_ref));
    }
}

/// Writes values into cells; where they run out, cells become blank or stay.
fn overwrite<'c, S: AsRef<str>>(cells: impl Iterator<Item = &'c mut CompactString>, vals: &[S], entire: bool) {
    let mut vals = vals.iter();
    for cell in cells {
        match vals.next() {
            Some(val) => *cell = CompactString::from(val.as_ref()),
            None if entire => *cell = CompactString::const_new(""),
            None => break,
        }
    }
}

/// Where `value` goes among cells that are sorted already.
fn sorted_position<'t>(cells: impl Iterator<Item = &'t str>, value: &str, heading: bool) -> usize {
    let number = value.trim().parse::<f64>().ok();
    let comes_later = |cell: &str| match (cell.trim().parse::<f64>(), number) {
        (Ok(cell), Some(number)) => cell > number,
        _ => cell > value,
    };
    let mut end = 0;
    for (at, cell) in cells.enumerate() {
        if comes_later(cell) && !(heading && at == 0) {
            return at;
        }
        end = at + 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::from_text(&text.replace(' ', "\t").replace('/', "\n")).unwrap()
    }

    /// The table as `a b/c d`; a blank cell is a dot.
    fn shown(table: &Table) -> String {
        let cells = |row: crate::table::Row<'_>| {
            row.iter().map(|cell| if cell.is_empty() { "." } else { cell }).collect::<Vec<_>>().join(" ")
        };
        table.rows().map(cells).collect::<Vec<_>>().join("/")
    }

    /// What a change makes of the table `n x y/a 1 2/b 3 4`.
    fn after<T: std::fmt::Debug>(change: impl FnOnce(&mut Table) -> Result<T, TableError>) -> String {
        let mut table = table("n x y/a 1 2/b 3 4");
        let revision = table.revision();
        change(&mut table).unwrap();
        assert!(table.revision() > revision);
        shown(&table)
    }

    #[test]
    fn rows_are_appended_last_or_after_a_row() {
        assert_eq!(after(|t| t.append_row(&["c", "5", "6"], None)), "n x y/a 1 2/b 3 4/c 5 6");
        assert_eq!(after(|t| t.append_row(&["c"], Some("a".into()))), "n x y/a 1 2/c . ./b 3 4");
        assert_eq!(after(|t| t.append_rows(&[["c"], ["d"]], Some(0.into()))), "n x y/c . ./d . ./a 1 2/b 3 4");
        assert_eq!(table("a/b").append_row(&["c"], Some(0.into())), Ok(1));
        assert_eq!(table("a/b").append_rows(&[["c"], ["d"]], None), Ok(Some(3)));
        assert_eq!(table("a/b").append_rows::<[&str; 1], _>(&[], None), Ok(None));
    }

    #[test]
    fn a_longer_row_widens_the_table() {
        assert_eq!(after(|t| t.append_row(&["c", "5", "6", "7"], None)), "n x y ./a 1 2 ./b 3 4 ./c 5 6 7");
        assert_eq!(after(|t| t.replace_row(1.into(), &["a", "1", "2", "z"], true)), "n x y ./a 1 2 z/b 3 4 .");
    }

    #[test]
    fn an_empty_table_takes_a_blank_row_or_column() {
        let mut table = Table::new();
        table.append_row::<&str>(&[], None).unwrap();
        assert_eq!(shown(&table), ".");
        let mut table = Table::new();
        table.append_cols(&[vec!["a", "b"], vec!["c"]], None).unwrap();
        assert_eq!(shown(&table), "a c/b .");
    }

    #[test]
    fn rows_are_inserted_first_or_before_a_row() {
        assert_eq!(after(|t| t.insert_row(&["h"], None)), "h . ./n x y/a 1 2/b 3 4");
        assert_eq!(after(|t| t.insert_row(&["h"], Some("b".into()))), "n x y/a 1 2/h . ./b 3 4");
        assert_eq!(after(|t| t.insert_row(&["h"], Some((-1).into()))), "n x y/a 1 2/h . ./b 3 4");
    }

    #[test]
    fn a_row_is_replaced_wholly_or_in_part() {
        assert_eq!(after(|t| t.replace_row("a".into(), &["c", "9"], true)), "n x y/c 9 ./b 3 4");
        assert_eq!(after(|t| t.replace_row("a".into(), &["c", "9"], false)), "n x y/c 9 2/b 3 4");
        assert_eq!(after(|t| t.replace_row::<&str>(0.into(), &[], true)), ". . ./a 1 2/b 3 4");
    }

    #[test]
    fn rows_are_deleted_as_they_were_named_before() {
        assert_eq!(after(|t| t.delete_row("a")), "n x y/b 3 4");
        assert_eq!(after(|t| t.delete_rows(&[0.into(), 2.into(), (-1).into()])), "a 1 2");
        assert_eq!(after(|t| t.delete_rows(&[0.into(), 1.into(), 2.into()])), "");
    }

    #[test]
    fn columns_behave_as_rows_do() {
        assert_eq!(after(|t| t.append_col(&["z", "8"], None)), "n x y z/a 1 2 8/b 3 4 .");
        assert_eq!(after(|t| t.append_col(&["z", "8", "9", "0"], Some(0.into()))), "n z x y/a 8 1 2/b 9 3 4/. 0 . .");
        assert_eq!(after(|t| t.insert_col(&["z"], None)), "z n x y/. a 1 2/. b 3 4");
        assert_eq!(after(|t| t.insert_col(&["z"], Some("y".into()))), "n x z y/a 1 . 2/b 3 . 4");
        assert_eq!(after(|t| t.replace_col("x".into(), &["z"], true)), "n z y/a . 2/b . 4");
        assert_eq!(after(|t| t.replace_col("x".into(), &["z"], false)), "n z y/a 1 2/b 3 4");
        assert_eq!(after(|t| t.replace_col("n".into(), &["a", "b", "c", "d"], false)), "a x y/b 1 2/c 3 4/d . .");
        assert_eq!(after(|t| t.delete_col("x")), "n y/a 2/b 4");
        assert_eq!(after(|t| t.delete_cols(&["n".into(), (-1).into()])), "x/1/3");
        assert_eq!(after(|t| t.delete_cols(&[0.into(), 1.into(), 2.into()])), "");
    }

    #[test]
    fn a_sorted_column_stays_sorted() {
        let mut scores = table("name score/ann 2/bob 10/cid 10");
        assert_eq!(scores.append_row_sorted(&["dee", "9.5"], "score".into()), Ok(2));
        assert_eq!(scores.append_row_sorted(&["eva", "10"], "score".into()), Ok(5), "after its equals");
        assert_eq!(scores.append_row_sorted(&["abe"], "name".into()), Ok(1), "the heading stays first");
        assert_eq!(table("b/d").append_row_sorted(&["a"], 0.into()), Ok(0), "by number there is no heading");
        assert_eq!(table("n x z/1 2 3").append_col_sorted(&["y"], 0.into()), Ok(2));
        assert_eq!(scores.append_row_sorted(&["x"], "team".into()), Err(TableError::NoColumnNamed("team".into())));
    }

    #[test]
    fn what_is_missing_is_an_error_and_nothing_changes() {
        let mut table = table("n x/a 1");
        let before = (shown(&table), table.revision());
        let no_row = Err(TableError::NoRowNamed("z".into()));
        assert_eq!(table.append_row(&["c"], Some("z".into())).map(drop), no_row);
        assert_eq!(table.delete_rows(&[0.into(), "z".into()]), no_row);
        assert_eq!(table.delete_cols(&[0.into(), 2.into()]), Err(TableError::NoColumn { number: 2, cols: 2 }));
        let wide = vec!["x"; crate::table::MAX_CELLS / 2];
        assert!(matches!(table.append_row(&wide, None), Err(TableError::TooManyCells { rows: 3, .. })));
        assert_eq!((shown(&table), table.revision()), before);
    }

    #[test]
    fn clearing_keeps_what_is_asked_for() {
        let cleared = |keep| {
            after(|table| {
                table.clear(keep);
                Ok(())
            })
        };
        assert_eq!(cleared(Keep::default()), "");
        assert_eq!(cleared(Keep { size: true, ..Keep::default() }), ". . ./. . ./. . .");
        assert_eq!(cleared(Keep { first_row: true, ..Keep::default() }), "n x y");
        assert_eq!(cleared(Keep { first_col: true, ..Keep::default() }), "n/a/b");
        assert_eq!(cleared(Keep { first_row: true, first_col: true, size: false }), "n x y/a . ./b . .");
        assert_eq!(cleared(Keep { size: true, first_col: true, first_row: false }), "n . ./a . ./b . .");
    }

    #[test]
    fn the_size_can_be_set() {
        assert_eq!(after(|t| t.set_size(2, 4)), "n x y ./a 1 2 .");
        assert_eq!(after(|t| t.set_size(4, 1)), "n/a/b/.");
        assert_eq!(after(|t| t.set_size(5, 0)), "");
        let mut table = Table::new();
        table.set_size(2, 2).unwrap();
        assert_eq!(shown(&table), ". ./. .");
    }

    #[test]
    fn the_oldest_rows_are_dropped_and_counted() {
        let mut fifo = table("message/a/b/c/d");
        assert_eq!(fifo.drop_oldest(3, true), 1);
        assert_eq!(shown(&fifo), "message/b/c/d");
        assert_eq!(fifo.drop_oldest(3, false), 1);
        assert_eq!(shown(&fifo), "b/c/d");
        let revision = fifo.revision();
        assert_eq!((fifo.drop_oldest(3, false), fifo.revision()), (0, revision));
        assert_eq!((fifo.drop_oldest(0, true), shown(&fifo).as_str()), (2, "b"));
    }

    #[test]
    fn a_row_comes_and_the_oldest_goes() {
        let mut fifo = table("message");
        let mut append = |text: &str, most, heading| {
            let at = fifo.append_and_drop_oldest(&[text], most, heading);
            (at.unwrap(), shown(&fifo))
        };
        assert_eq!(append("a", 2, true), (1, "message/a".to_owned()));
        assert_eq!(append("b", 2, true), (2, "message/a/b".to_owned()));
        assert_eq!(append("c", 2, true), (2, "message/b/c".to_owned()));
        assert_eq!(append("d", 1, true), (1, "message/d".to_owned()), "the limit has become smaller");
        assert_eq!(append("e", 0, true), (0, "message".to_owned()));
        assert_eq!(append("f", 1, false), (0, "f".to_owned()));
        assert_eq!(fifo.append_and_drop_oldest(&["g", "h"], 1, false), Ok(0));
        assert_eq!((shown(&fifo).as_str(), fifo.num_cols()), ("g h", 2), "a longer row widens the table");
    }

    #[test]
    fn a_copy_goes_on_with_its_own_revision() {
        let mut copy = table("a/b");
        copy.append_rows(&[["c"]; 9], None).unwrap();
        copy.delete_row(0).unwrap();
        let (source, revision) = (table("x y"), copy.revision());
        copy.copy_from(&source);
        assert_eq!(copy, source);
        assert!(copy.revision() > revision);
    }
}
