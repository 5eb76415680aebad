//! A table as text and in files.
//!
//! The text form is that of a DAT's `text`: cells of a row are separated by a tab, every row ends with a line feed. It
//! has no quotes and no escapes, so a tab, line feed or carriage return inside a cell is written as a space: the text
//! always has as many rows and columns as the table. Reading takes `\n` and `\r\n`, and a last line without an end.
//!
//! Comma-separated files follow RFC 4180: a cell with a comma, a quote or a line break stands in double quotes, in
//! which a quote is doubled. This form gives back every cell as it was.
//!
//! Bytes of a file are read by their byte order mark, and without one by the encoding that the caller names.

use std::borrow::Cow;

use compact_str::CompactString;
use thiserror::Error;

use super::{Table, TableError, check_size};

/// How the bytes of a file stand for characters, as in the Table DAT's Default Read Encoding menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows code page 1252 (Western European).
    Cp1252,
}

/// What separates the cells of a row in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Separator {
    /// A tab; quotes are ordinary characters.
    #[default]
    Tab,
    /// A comma, with quotes as in RFC 4180.
    Comma,
}

impl Separator {
    /// Comma for a file name that ends in `.csv`, in any case, else tab.
    pub fn of_file_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        if extension.eq_ignore_ascii_case("csv") { Separator::Comma } else { Separator::Tab }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The encoding of a file without a byte order mark.
    pub encoding: Encoding,
    /// What separates cells.
    pub separator: Separator,
    /// Leave out lines that have nothing in them, instead of reading them as blank rows.
    pub remove_blank: bool,
}

/// Why the contents of a file are no table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The bytes are not UTF-8. A file from an older Windows program is often code page 1252.
    #[error("not UTF-8 at byte {offset}; the file may be in another encoding")]
    NotUtf8 {
        /// The first byte that does not fit, counted from the start of the file.
        offset: usize,
    },
    /// The bytes are not UTF-16: half a character is missing.
    #[error("not UTF-16; the file may be in another encoding")]
    NotUtf16,
    /// A quoted cell of a comma-separated file never ends.
    #[error("the quote that opens in line {line} is never closed")]
    UnclosedQuote {
        /// The line in which the cell starts, counted from 1.
        line: usize,
    },
    /// The file has too many cells.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Table {
    /// The table in a DAT's text form.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for row in self.rows() {
            for (col, cell) in row.iter().enumerate() {
                if col > 0 {
                    text.push('\t');
                }
                if cell.contains(['\t', '\n', '\r']) {
                    text.push_str(&cell.replace(['\t', '\n', '\r'], " "));
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        }
        text
    }

    /// The table in comma-separated form.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for row in self.rows() {
            for (col, cell) in row.iter().enumerate() {
                if col > 0 {
                    text.push(',');
                }
                if cell.contains([',', '"', '\n', '\r']) {
                    text.push('"');
                    text.push_str(&cell.replace('"', "\"\""));
                    text.push('"');
                } else {
                    text.push_str(cell);
                }
            }
            text.push('\n');
        }
        text
    }

    /// A table from a DAT's text form. Shorter rows are padded; an empty text is an empty table.
    ///
    /// # Errors
    /// [`TableError::TooManyCells`].
    pub fn from_text(text: &str) -> Result<Self, TableError> {
        tab_lines(text, false).into_table()
    }

    /// Replaces the contents by those of a text, as an assignment to a table's `text` does.
    ///
    /// # Errors
    /// [`TableError::TooManyCells`]; then nothing is changed.
    pub fn set_text(&mut self, text: &str) -> Result<(), TableError> {
        self.replace(Self::from_text(text)?);
        Ok(())
    }

    /// A table from the contents of a file. A byte order mark outweighs the encoding that is given.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn from_file_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Self, ReadError> {
        let text = decode(bytes, options.encoding)?;
        let lines = match options.separator {
            Separator::Tab => tab_lines(&text, options.remove_blank),
            Separator::Comma => comma_lines(&text, options.remove_blank)?,
        };
        Ok(lines.into_table()?)
    }
}

/// Rows that may differ in length, as they are read.
#[derive(Default)]
struct Lines {
    cells: Vec<CompactString>,
    /// For each row the number of cells up to its end.
    ends: Vec<usize>,
    widest: usize,
}

impl Lines {
    fn end_row(&mut self, remove_blank: bool) {
        let start = self.ends.last().copied().unwrap_or(0);
        if remove_blank && self.cells[start..].iter().all(|cell| cell.is_empty()) {
            self.cells.truncate(start);
            return;
        }
        self.widest = self.widest.max(self.cells.len() - start);
        self.ends.push(self.cells.len());
    }

    fn into_table(self) -> Result<Table, TableError> {
        let mut table = Table::new();
        check_size(self.ends.len(), self.widest)?;
        table.store.set_cols(self.widest);
        let (mut cells, mut start) = (self.cells.into_iter(), 0);
        for (row, end) in self.ends.into_iter().enumerate() {
            table.store.insert(row, cells.by_ref().take(end - start));
            start = end;
        }
        Ok(table)
    }
}

fn tab_lines(text: &str, remove_blank: bool) -> Lines {
    let mut lines = Lines::default();
    for line in text.lines() {
        lines.cells.extend(line.split('\t').map(CompactString::from));
        lines.end_row(remove_blank);
    }
    lines
}

fn comma_lines(text: &str, remove_blank: bool) -> Result<Lines, ReadError> {
    let mut lines = Lines::default();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let mut cell = CompactString::const_new("");
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            let start = line;
            loop {
                let (part, after) = rest.split_once('"').ok_or(ReadError::UnclosedQuote { line: start })?;
                cell.push_str(part);
                line += part.matches('\n').count();
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break,
                }
                cell.push('"');
            }
        }
        // An unquoted cell, or what stands behind the closing quote and should not.
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        let ends_line = !rest[end..].starts_with(',');
        let plain = &rest[..end];
        cell.push_str(if ends_line { plain.strip_suffix('\r').unwrap_or(plain) } else { plain });
        lines.cells.push(cell);
        if ends_line {
            lines.end_row(remove_blank);
            line += 1;
        }
        let last = rest[end..].starts_with(',') && end + 1 == rest.len();
        rest = rest.get(end + 1..).unwrap_or("");
        if last {
            // The text ends behind a comma: one more cell, which is blank.
            lines.cells.push(CompactString::const_new(""));
            lines.end_row(remove_blank);
        }
    }
    Ok(lines)
}

fn decode(bytes: &[u8], without_mark: Encoding) -> Result<Cow<'_, str>, ReadError> {
    let (encoding, mark) = match bytes {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
        _ => (without_mark, 0),
    };
    let body = &bytes[mark..];
    let whole = |decoder: &'static encoding_rs::Encoding| {
        decoder.decode_without_bom_handling_and_without_replacement(body).ok_or(ReadError::NotUtf16)
    };
    match encoding {
        Encoding::Utf8 => match std::str::from_utf8(body) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(ReadError::NotUtf8 { offset: mark + error.valid_up_to() }),
        },
        Encoding::Utf16Le => whole(encoding_rs::UTF_16LE),
        Encoding::Utf16Be => whole(encoding_rs::UTF_16BE),
        // Every byte is a character of this code page.
        Encoding::Cp1252 => whole(encoding_rs::WINDOWS_1252),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(table: &Table) -> Vec<Vec<&str>> {
        table.rows().map(|row| row.iter().collect()).collect()
    }

    fn read(bytes: &[u8], encoding: Encoding) -> Result<String, ReadError> {
        let options = ReadOptions { encoding, ..ReadOptions::default() };
        Table::from_file_bytes(bytes, &options).map(|table| table.to_text())
    }

    fn read_csv(text: &str) -> Result<Table, ReadError> {
        let options = ReadOptions { separator: Separator::Comma, ..ReadOptions::default() };
        Table::from_file_bytes(text.as_bytes(), &options)
    }

    #[test]
    fn the_text_form_is_tabs_and_line_feeds() {
        let table = Table::from_rows(&[vec!["a", "b"], vec!["", "d"], vec![]]).unwrap();
        assert_eq!(table.to_text(), "a\tb\n\td\n\t\n");
        assert_eq!(Table::new().to_text(), "");
    }

    #[test]
    fn reading_pads_short_rows_and_takes_any_line_end() {
        let table = Table::from_text("a\tb\r\nc\n\nd\te\tf").unwrap();
        assert_eq!(rows(&table), [["a", "b", ""], ["c", "", ""], ["", "", ""], ["d", "e", "f"]]);
        assert_eq!(Table::from_text("").unwrap(), Table::new());
        assert_eq!(rows(&Table::from_text("\n").unwrap()), [[""]]);
    }

    #[test]
    fn a_tab_or_line_break_in_a_cell_becomes_a_space() {
        let table = Table::from_rows(&[["a\tb", "c\r\nd"]]).unwrap();
        assert_eq!(table.to_text(), "a b\tc  d\n");
        assert_eq!(table.cell(0, 0), Some("a\tb"), "the cell itself keeps it");
    }

    #[test]
    fn a_text_too_large_for_a_table_is_refused_before_it_is_built() {
        let text = "\n".repeat(4000) + &"\t".repeat(4000);
        assert_eq!(Table::from_text(&text), Err(TableError::TooManyCells { rows: 4001, cols: 4001 }));
        let mut table = Table::from_text("a").unwrap();
        assert!(table.set_text(&text).is_err());
        assert_eq!(table.cell(0, 0), Some("a"));
    }

    #[test]
    fn comma_separated_cells_may_be_quoted() {
        let table = read_csv("a,\"b,c\",\"d \"\"e\"\"\"\r\n\"two\nlines\",f\"g,\n").unwrap();
        assert_eq!(rows(&table), [["a", "b,c", "d \"e\""], ["two\nlines", "f\"g", ""]]);
        assert_eq!(rows(&read_csv("a,").unwrap()), [["a", ""]]);
        assert_eq!(rows(&read_csv("\"\"").unwrap()), [[""]]);
        assert_eq!(read_csv("").unwrap(), Table::new());
    }

    #[test]
    fn a_quote_that_is_never_closed_is_reported_with_its_line() {
        assert_eq!(read_csv("a\n\"b\nc\",\"d\n"), Err(ReadError::UnclosedQuote { line: 3 }));
    }

    #[test]
    fn blank_lines_can_be_left_out() {
        for separator in [Separator::Tab, Separator::Comma] {
            let options = ReadOptions { separator, remove_blank: true, ..ReadOptions::default() };
            let table = Table::from_file_bytes(b"a\n\n\r\nb\n\n", &options).unwrap();
            assert_eq!(rows(&table), [["a"], ["b"]]);
        }
    }

    #[test]
    fn encodings_are_read_by_their_mark_or_by_name() {
        assert_eq!(read("é\tx".as_bytes(), Encoding::Utf8), Ok("é\tx\n".into()));
        assert_eq!(read(b"\xef\xbb\xbf\xc3\xa9", Encoding::Cp1252), Ok("é\n".into()));
        assert_eq!(read(b"\xff\xfe\xe9\0", Encoding::Utf8), Ok("é\n".into()));
        assert_eq!(read(b"\xfe\xff\0\xe9", Encoding::Utf8), Ok("é\n".into()));
        assert_eq!(read(b"\xe9\0", Encoding::Utf16Le), Ok("é\n".into()));
        assert_eq!(read(b"\0\xe9", Encoding::Utf16Be), Ok("é\n".into()));
        assert_eq!(read(b"\x80 \xe9", Encoding::Cp1252), Ok("€ é\n".into()));
    }

    #[test]
    fn bytes_of_another_encoding_are_refused() {
        assert_eq!(read(b"ab\xe9", Encoding::Utf8), Err(ReadError::NotUtf8 { offset: 2 }));
        assert_eq!(read(b"\xef\xbb\xbfab\xe9", Encoding::Utf8), Err(ReadError::NotUtf8 { offset: 5 }));
        assert_eq!(read(b"\0\xd8", Encoding::Utf16Le), Err(ReadError::NotUtf16));
        assert_eq!(read(b"a", Encoding::Utf16Le), Err(ReadError::NotUtf16));
    }

    #[test]
    fn the_separator_follows_the_file_name() {
        assert_eq!(Separator::of_file_name("data/Cues.CSV"), Separator::Comma);
        assert_eq!(Separator::of_file_name("csv"), Separator::Tab);
        assert_eq!(Separator::of_file_name("cues.tsv"), Separator::Tab);
    }

    fn tables(cell: &'static str) -> impl Strategy<Value = Table> {
        proptest::collection::vec(proptest::collection::vec(cell, 1..4), 0..5)
            .prop_map(|rows| Table::from_rows(&rows).unwrap())
    }

    proptest! {
        #[test]
        fn text_gives_back_cells_without_tabs_and_line_breaks(table in tables("[a\" ,é]{0,3}")) {
            prop_assert_eq!(Table::from_text(&table.to_text()).unwrap(), table);
        }

        #[test]
        fn text_always_has_the_shape_of_the_table(table in tables("[a\t\r\n]{0,3}")) {
            let read = Table::from_text(&table.to_text()).unwrap();
            prop_assert_eq!((read.num_rows(), read.num_cols()), (table.num_rows(), table.num_cols()));
        }

        #[test]
        fn the_comma_separated_form_gives_back_every_cell(table in tables("[a\", \t\r\n]{0,4}")) {
            prop_assert_eq!(read_csv(&table.to_csv()).unwrap(), table);
        }

        #[test]
        fn any_bytes_are_a_table_or_a_reason(bytes: Vec<u8>) {
            // The letter in front keeps the bytes from being a byte order mark.
            let bytes = [b"a", bytes.as_slice()].concat();
            prop_assert!(read(&bytes, Encoding::Cp1252).is_ok());
            for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Cp1252] {
                let options = ReadOptions { encoding, separator: Separator::Comma, remove_blank: false };
                if let Ok(table) = Table::from_file_bytes(&bytes, &options) {
                    prop_assert!(!table.is_empty());
                }
            }
        }
    }
}
