//! Where a table keeps its cells: equally long rows, cut into chunks.
//!
//! A chunk is one block of memory with up to a few hundred rows, so that a change moves the rows of a chunk and not
//! those of the table, and a row is still one slice. Each chunk knows the number of its first row; a row is found by
//! binary search. Neighbours that have become small are joined, so that deleting leaves no trail of near-empty chunks.
//!
//! Tables of messages lose a row at the front for each that comes at the end, and must cost the same whatever their
//! length. So rows go from the front of a chunk without moving those behind them, and numbers are counted from a base that
//! moves instead of the numbers: a row of 64 bytes for another was measured at 58 ns in a table of 1,000 and 80 ns in one of a
//! million. In a table of one chunk [`Store::rotate`] also writes the new row into the memory of the old one: 13 ns instead
//! of 52 in a table of 100.
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

/// Bytes that a cell may hold beyond those of its text, when its memory is written anew.
const SPARE: usize = 64;

#[derive(Clone, Default)]
pub(super) struct Store {
    cols: usize,
    rows: usize,
    /// The number in `Chunk::first` that stands for row 0. It only grows.
    base: usize,
    /// Cells of a full chunk.
    full: usize,
    chunks: VecDeque<Chunk>,
}

#[derive(Clone)]
struct Chunk {
    /// The number of the chunk's first row, counted from the store's base.
    first: usize,
    /// Blank cells at the front that are no part of the table any more: whole rows, fewer than the others.
    gone: usize,
    /// Behind those, the rows one after the other; never empty.
    cells: Vec<CompactString>,
}

impl Chunk {
    fn new(first: usize, cells: Vec<CompactString>) -> Self {
        Self { first, gone: 0, cells }
    }

    /// How many cells there are.
    fn len(&self) -> usize {
        self.cells.len() - self.gone
    }

    fn cells(&self) -> &[CompactString] {
        &self.cells[self.gone..]
    }

    #[inline]
    fn cells_mut(&mut self) -> &mut [CompactString] {
        &mut self.cells[self.gone..]
    }

    /// Takes the cells behind the first `kept` to the front, in the order in which they are. They still have to be taken
    /// away.
    #[inline]
    fn bring_forward(&mut self, kept: usize, count: usize) {
        let cells = self.cells_mut();
        for at in (0..kept).rev() {
            cells.swap(at, at + count);
        }
    }

    /// Takes cells away, moving those on the shorter side.
    fn remove(&mut self, cells: Range<usize>) {
        let count = cells.len();
        if cells.start >= self.len() - cells.end {
            self.cells.drain(self.gone + cells.start..self.gone + cells.end);
            return;
        }
        self.bring_forward(cells.start, count);
        self.cells_mut()[..count].fill(CompactString::const_new(""));
        self.lose(count);
    }

    /// Takes the cells behind the first `kept` away and puts as many last, in their memory where it fits.
    #[inline]
    fn rotate<S: AsRef<str>>(&mut self, kept: usize, texts: &[S]) {
        for (old, text) in (self.gone + kept..).zip(texts) {
            let cell = std::mem::take(&mut self.cells[old]);
            self.cells.push(cell);
            if let Some(cell) = self.cells.last_mut() {
                rewrite(cell, text.as_ref());
            }
        }
        self.bring_forward(kept, texts.len());
        self.lose(texts.len());
    }

    /// The first cells, which are blank, are no part of the table any more.
    #[inline]
    fn lose(&mut self, count: usize) {
        self.gone += count;
        // What is moved here was paid for by as many that went without moving any.
        if self.gone > self.len() {
            self.cells.drain(..std::mem::take(&mut self.gone));
        }
    }
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
        self.chunks[chunk].cells().get(at..at + self.cols)
    }

    pub fn row_mut(&mut self, row: usize) -> Option<&mut [CompactString]> {
        let (chunk, at) = self.locate(row)?;
        self.chunks[chunk].cells_mut().get_mut(at..at + self.cols)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[CompactString]> {
        // Chunks of a table without columns do not exist, so the width of 1 is never used.
        let cols = self.cols.max(1);
        self.chunks.iter().flat_map(move |chunk| chunk.cells().chunks_exact(cols))
    }

    /// Puts a row before row `at`, or last if `at` is the number of rows. Missing cells are blank, cells past the last
    /// column are left out.
    pub fn insert(&mut self, at: usize, cells: impl IntoIterator<Item = CompactString>) {
        let cols = self.cols;
        let Some((index, offset)) = self.locate(at) else {
            self.push(cells.into_iter());
            return;
        };
        let row = cells.into_iter().chain(std::iter::repeat(CompactString::const_new(""))).take(cols);
        let chunk = &mut self.chunks[index];
        let offset = chunk.gone + offset;
        chunk.cells.splice(offset..offset, row);
        if chunk.len() > self.full {
            let half = chunk.gone + chunk.len() / cols / 2 * cols;
            let cells = chunk.cells.split_off(half);
            self.chunks.insert(index + 1, Chunk::new(0, cells));
        }
        self.rows += 1;
        self.number(index..self.chunks.len());
    }

    /// Takes rows away; with the last row the columns go too.
    pub fn remove(&mut self, rows: Range<usize>) {
        let Some((start, mut offset)) = self.locate(rows.start) else { return };
        let count = rows.len().min(self.rows - rows.start);
        let (mut index, mut left) = (start, count * self.cols);
        self.rows -= count;
        while left > 0 {
            let chunk = &mut self.chunks[index];
            let here = left.min(chunk.len() - offset);
            left -= here;
            if here == chunk.len() {
                self.chunks.remove(index);
            } else {
                chunk.remove(offset..offset + here);
                index += 1;
            }
            offset = 0;
        }
        if self.rows == 0 {
            *self = Self::default();
            return;
        }
        // The chunks from `index` on are as they were. Either they are numbered anew or those before them.
        let before = start.saturating_sub(1);
        if index <= self.chunks.len() - index {
            self.base += count;
            self.number(0..index);
        } else {
            self.number(before..self.chunks.len());
        }
        self.join(start);
        self.join(before);
    }

    /// Takes row `at` away and puts a row of these cells last, in a table that is one chunk. Returns whether that could be
    /// done: a longer table costs more for each row, though not more the longer it is.
    #[inline]
    pub fn rotate<S: AsRef<str>>(&mut self, at: usize, cells: &[S]) -> bool {
        let (cols, full) = (self.cols, self.full);
        let ([chunk], []) = self.chunks.as_mut_slices() else { return false };
        if at + 1 >= self.rows || cells.len() != cols || chunk.cells.len() + cols > full {
            return false;
        }
        chunk.rotate(at * cols, cells);
        self.base += 1;
        chunk.first = self.base;
        true
    }

    /// Rebuilds every row: `edit` gets its number and its cells and leaves `cols` of them.
    pub fn map_rows(&mut self, cols: usize, mut edit: impl FnMut(usize, &mut Vec<CompactString>)) {
        let old = std::mem::take(self);
        if cols == 0 {
            return;
        }
        self.widen(cols);
        let mut row = Vec::with_capacity(cols.max(old.cols));
        for chunk in old.chunks {
            let mut cells = chunk.cells.into_iter().skip(chunk.gone);
            while cells.len() > 0 {
                row.extend(cells.by_ref().take(old.cols));
                edit(self.rows, &mut row);
                row.resize(cols, CompactString::const_new(""));
                self.push(row.drain(..));
            }
        }
    }

    /// Makes the table this wide: blank cells are added, or cells cut off, on the right.
    #[inline]
    pub fn set_cols(&mut self, cols: usize) {
        if cols == self.cols {
            return;
        }
        if self.rows == 0 {
            self.widen(cols);
        } else {
            self.map_rows(cols, |_, _| {});
        }
    }

    /// Sets the width of a table without rows.
    fn widen(&mut self, cols: usize) {
        self.cols = cols;
        self.full = (CHUNK_CELLS / cols.max(1)).clamp(1, CHUNK_ROWS) * cols;
    }

    /// Puts a row last. Missing cells are blank, cells past the last column are left out.
    fn push(&mut self, row: impl Iterator<Item = CompactString>) {
        let cols = self.cols;
        let fill = |cells: &mut Vec<CompactString>| {
            let end = cells.len() + cols;
            cells.extend(row.take(cols));
            cells.resize(end, CompactString::const_new(""));
        };
        match self.chunks.back_mut() {
            Some(chunk) if chunk.cells.len() < self.full => fill(&mut chunk.cells),
            last => {
                // After a first full chunk the next will probably fill up as well.
                let expected = if last.is_some() { self.full } else { self.cols };
                let mut cells = Vec::with_capacity(expected);
                fill(&mut cells);
                self.chunks.push_back(Chunk::new(self.base + self.rows, cells));
            }
        }
        self.rows += 1;
    }

    /// The chunk of a row and where in it the row starts.
    #[inline]
    fn locate(&self, row: usize) -> Option<(usize, usize)> {
        if row >= self.rows {
            return None;
        }
        let number = self.base + row;
        let chunk = self.chunks.partition_point(|chunk| chunk.first <= number).checked_sub(1)?;
        Some((chunk, (number - self.chunks[chunk].first) * self.cols))
    }

    /// Joins a chunk with the next if both together are at most half full.
    fn join(&mut self, index: usize) {
        if index + 1 < self.chunks.len()
            && self.chunks[index].len() + self.chunks[index + 1].len() <= self.full / 2
            && let Some(mut next) = self.chunks.remove(index + 1)
        {
            self.chunks[index].cells.extend(next.cells.drain(next.gone..));
        }
    }

    /// Numbers these chunks anew; what is before them is right.
    fn number(&mut self, chunks: Range<usize>) {
        let end = |chunk: &Chunk| chunk.first + chunk.len() / self.cols;
        let mut first = chunks.start.checked_sub(1).and_then(|before| self.chunks.get(before)).map_or(self.base, end);
        for chunk in self.chunks.range_mut(chunks) {
            chunk.first = first;
            first += chunk.len() / self.cols;
        }
    }
}

/// Writes a text into a cell, into the memory that it has where that is neither too small nor much too large.
#[inline]
fn rewrite(cell: &mut CompactString, text: &str) {
    if (text.len()..=text.len() + SPARE).contains(&cell.capacity()) {
        cell.clear();
        cell.push_str(text);
    } else {
        *cell = CompactString::from(text);
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
    fn rotating_is_removing_and_appending() {
        for (rows, at) in [(1, 0), (2, 1), (5, 1), (101, 1), (CHUNK_ROWS, 0), (4 * CHUNK_ROWS + 7, 1)] {
            let (mut rotated, mut plain) = (numbered(rows), numbered(rows));
            let replace = |store: &mut Store, cells: &[String; 2]| {
                store.remove(at..at + 1);
                store.set_cols(2);
                store.insert(store.rows(), cells.iter().map(CompactString::from));
            };
            let mut refused = 0;
            for row in 0..3 * rows + CHUNK_ROWS {
                let cells = [format!("new{row}"), "long enough for memory of its own".repeat(row % 3)];
                if !rotated.rotate(at, &cells) {
                    refused += 1;
                    replace(&mut rotated, &cells);
                }
                replace(&mut plain, &cells);
                assert!(rotated.iter().eq(plain.iter()), "{rows} rows, {at}, after {row}");
                assert_eq!(rotated.row(rows / 2), plain.row(rows / 2));
            }
            assert_eq!(refused == 0, [5, 101].contains(&rows), "{rows} rows, {at}: {refused} refused");
        }
    }

    #[test]
    fn rows_that_went_leave_no_memory_behind() {
        for rows in [100, 10 * CHUNK_ROWS] {
            let mut store = numbered(rows);
            for row in 0..10 * rows {
                if !store.rotate(1, &[row.to_string(), String::new()]) {
                    store.remove(1..2);
                    store.insert(rows - 1, [CompactString::from(row.to_string())]);
                }
            }
            let (cells, chunks) =
                (store.chunks.iter().map(|chunk| chunk.cells.len()).sum::<usize>(), store.chunks.len());
            assert!(
                cells <= 2 * 2 * (rows + CHUNK_ROWS) && chunks <= rows / CHUNK_ROWS + 2,
                "{cells} cells, {chunks} chunks"
            );
        }
        let mut cell = CompactString::from("x".repeat(1000));
        rewrite(&mut cell, "short");
        assert!(!cell.is_heap_allocated());
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
