//! Where a table keeps its cells: equally long rows, cut into chunks.
//!
//! A chunk is one block of memory with up to a few hundred rows, so that a change moves the rows of a chunk and not
//! those of the table, and a row is still one slice. Each chunk knows the number of its first row; a row is found by
//! binary search. Neighbours that have become small are joined, so that deleting leaves no trail of near-empty chunks.
//!
//! Cells are [`CompactString`]s, which hold up to 24 bytes without an allocation: 100,000 rows of four short cells were
//! measured at 96 bytes a row, against 159 as flat boxed strings and 199 as a list of lists of them.
//!
//! Promised: rows are `cols` long; no row without a column and no column without a row.
//! Left to [`super::Table`]: limits, padding, and the meaning of the first row and the first column.

use std::collections::VecDeque;
use std::ops::Range;

use compact_str::CompactString;

/// The most rows of a chunk. A wide table has fewer, so that a chunk has about [`CHUNK_CELLS`] cells at most.
const CHUNK_ROWS: usize = 256;
const CHUNK_CELLS: usize = 4096;

#[derive(Clone, Default)]
pub(super) struct Store {
    cols: usize,
    rows: usize,
    chunks: VecDeque<Chunk>,
}

#[derive(Clone)]
struct Chunk {
    /// The number of the chunk's first row in the table.
    first: usize,
    /// The rows one after the other; never empty.
    cells: Vec<CompactString>,
}

impl Store {
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    pub fn row(&self, row: usize) -> Option<&[CompactString]> {
        let (chunk, at) = self.locate(row)?;
        self.chunks[chunk].cells.get(at..at + self.cols)
    }

    pub fn row_mut(&mut self, row: usize) -> Option<&mut [CompactString]> {
        let (chunk, at) = self.locate(row)?;
        self.chunks[chunk].cells.get_mut(at..at + self.cols)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[CompactString]> {
        // Chunks of a table without columns do not exist, so the width of 1 is never used.
        let cols = self.cols.max(1);
        self.chunks.iter().flat_map(move |chunk| chunk.cells.chunks_exact(cols))
    }

    /// Puts a row before row `at`, or last if `at` is the number of rows. Missing cells are blank, cells past the last
    /// column are left out.
    pub fn insert(&mut self, at: usize, cells: impl IntoIterator<Item = CompactString>) {
        let (cols, most) = (self.cols, self.chunk_rows());
        let row = cells.into_iter().chain(std::iter::repeat(CompactString::const_new(""))).take(cols);
        let Some((index, offset)) = self.locate(at) else {
            self.push(row);
            return;
        };
        let chunk = &mut self.chunks[index];
        chunk.cells.splice(offset..offset, row);
        let rows = chunk.cells.len() / cols;
        if rows > most {
            let cells = chunk.cells.split_off(rows / 2 * cols);
            self.chunks.insert(index + 1, Chunk { first: 0, cells });
        }
        self.rows += 1;
        self.number(index);
    }

    /// Takes rows away; with the last row the columns go too.
    pub fn remove(&mut self, rows: Range<usize>) {
        let Some((start, mut offset)) = self.locate(rows.start) else { return };
        let (mut index, mut left) = (start, rows.len().min(self.rows - rows.start));
        self.rows -= left;
        while left > 0 {
            let cells = &mut self.chunks[index].cells;
            let here = left.min((cells.len() - offset) / self.cols);
            cells.drain(offset..offset + here * self.cols);
            left -= here;
            offset = 0;
            if cells.is_empty() {
                self.chunks.remove(index);
            } else {
                index += 1;
            }
        }
        if self.rows == 0 {
            *self = Self::default();
            return;
        }
        let before = start.saturating_sub(1);
        self.join(start);
        self.join(before);
        self.number(before);
    }

    /// Rebuilds every row: `edit` gets its number and its cells and leaves `cols` of them.
    pub fn map_rows(&mut self, cols: usize, mut edit: impl FnMut(usize, &mut Vec<CompactString>)) {
        let old = std::mem::take(self);
        if cols == 0 {
            return;
        }
        self.cols = cols;
        let mut row = Vec::with_capacity(cols.max(old.cols));
        for chunk in old.chunks {
            let mut cells = chunk.cells.into_iter();
            while cells.len() > 0 {
                row.extend(cells.by_ref().take(old.cols));
                edit(self.rows, &mut row);
                row.resize(cols, CompactString::const_new(""));
                self.push(row.drain(..));
            }
        }
    }

    /// Makes the table this wide: blank cells are added, or cells cut off, on the right.
    pub fn set_cols(&mut self, cols: usize) {
        if self.rows == 0 {
            self.cols = cols;
        } else if cols != self.cols {
            self.map_rows(cols, |_, _| {});
        }
    }

    fn push(&mut self, row: impl Iterator<Item = CompactString>) {
        let (cols, most) = (self.cols, self.chunk_rows());
        match self.chunks.back_mut() {
            Some(chunk) if chunk.cells.len() < most * cols => chunk.cells.extend(row),
            last => {
                // After a first full chunk the next will probably fill up as well.
                let expected = if last.is_some() { most } else { 1 };
                let mut cells = Vec::with_capacity(expected * cols);
                cells.extend(row);
                self.chunks.push_back(Chunk { first: self.rows, cells });
            }
        }
        self.rows += 1;
    }

    /// The chunk of a row and where in it the row starts.
    fn locate(&self, row: usize) -> Option<(usize, usize)> {
        if row >= self.rows {
            return None;
        }
        let chunk = self.chunks.partition_point(|chunk| chunk.first <= row).checked_sub(1)?;
        Some((chunk, (row - self.chunks[chunk].first) * self.cols))
    }

    /// Joins a chunk with the next if both together are at most half full.
    fn join(&mut self, index: usize) {
        let most = self.chunk_rows() * self.cols / 2;
        if index + 1 < self.chunks.len()
            && self.chunks[index].cells.len() + self.chunks[index + 1].cells.len() <= most
            && let Some(mut next) = self.chunks.remove(index + 1)
        {
            self.chunks[index].cells.append(&mut next.cells);
        }
    }

    /// Numbers the chunks anew from `index` on.
    fn number(&mut self, index: usize) {
        let end = |chunk: &Chunk| chunk.first + chunk.cells.len() / self.cols;
        let mut first = index.checked_sub(1).and_then(|before| self.chunks.get(before)).map_or(0, end);
        for chunk in self.chunks.range_mut(index.min(self.chunks.len())..) {
            chunk.first = first;
            first += chunk.cells.len() / self.cols;
        }
    }

    fn chunk_rows(&self) -> usize {
        (CHUNK_CELLS / self.cols.max(1)).clamp(1, CHUNK_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(rows: usize) -> Store {
        let mut store = Store::default();
        store.set_cols(2);
        for row in 0..rows {
            store.insert(row, [CompactString::from(row.to_string()), CompactString::const_new("x")]);
        }
        store
    }

    #[test]
    fn a_chunk_that_overflows_is_cut_in_two() {
        let mut store = numbered(CHUNK_ROWS);
        assert_eq!(store.chunks.len(), 1);
        store.insert(10, [CompactString::const_new("new")]);
        assert_eq!(store.chunks.len(), 2);
        let name = |row| store.row(row).unwrap()[0].as_str();
        assert_eq!((name(9), name(10), name(11), name(CHUNK_ROWS)), ("9", "new", "10", "255"));
    }

    #[test]
    fn deleting_leaves_no_trail_of_small_chunks() {
        let mut store = numbered(100 * CHUNK_ROWS);
        for row in 0..99 * CHUNK_ROWS {
            // Always the same place, then all over the table.
            store.remove(if row % 2 == 0 { 1..2 } else { row % store.rows()..row % store.rows() + 1 });
        }
        assert_eq!(store.rows(), CHUNK_ROWS);
        assert!(store.chunks.len() <= 4, "{} chunks", store.chunks.len());
    }

    #[test]
    fn a_small_chunk_is_joined_with_the_one_before_it() {
        let mut store = numbered(3 * CHUNK_ROWS);
        store.remove(1..CHUNK_ROWS);
        assert_eq!(store.chunks.len(), 3, "a small chunk before a full one stays");
        store.remove(2..CHUNK_ROWS + 1);
        assert_eq!(store.chunks.len(), 2);
        let names: Vec<_> = (0..4).map(|row| store.row(row).unwrap()[0].as_str()).collect();
        assert_eq!(names, ["0", "256", "512", "513"]);
    }

    #[test]
    fn a_wide_table_has_chunks_of_few_rows() {
        let mut store = numbered(3);
        store.set_cols(CHUNK_CELLS * 2);
        assert_eq!((store.chunks.len(), store.rows()), (3, 3));
        store.remove(0..2);
        assert_eq!(store.row(0).unwrap()[0], "2");
    }
}
