//! What scripts give to the table methods of DATs, turned into what the core's tables take.
//!
//! Everything that comes from a script is converted before the table is borrowed: indexes to numbers and texts, values
//! to texts. Texts are used where they are, in the Python object, without a copy.

use patchcord_core::content::Content;
use patchcord_core::patch::flags::Flag;
use patchcord_core::patch::{OpId, Operator};
use patchcord_core::pattern::Case;
use patchcord_core::table::{Find, Index, NameMatch, Table, TableError};
use patchcord_operators::fifo_dat::{FIFO_DAT, FifoDat};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::cell::give;
use crate::errors::{Error, refused, table_refused};
use crate::host::{self, gone};

/// A text of a script.
pub type Text = PyBackedStr;

/// `str(value)`, without a copy when it is a str.
///
/// # Errors
/// What its `__str__` raises.
pub fn text(value: &Bound<'_, PyAny>) -> PyResult<Text> {
    let text = match value.cast::<PyString>() {
        Ok(text) => text.clone(),
        Err(_) => value.str()?,
    };
    text.try_into()
}

/// Reads the content of a DAT, after it was brought up to date; `read` must not touch Python.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn read<R>(dat: OpId, read: impl FnOnce(&Content) -> R) -> PyResult<R> {
    host::with(|host| host.network.read_content(dat, read).ok_or_else(gone))
}

/// Edits the table of a DAT; `edit` must not touch Python.
///
/// # Errors
/// `td.Error` when the operator is gone, holds no table, may not be edited, or the edit is impossible.
pub fn edit<R>(dat: OpId, edit: impl FnOnce(&mut Table) -> Result<R, TableError>) -> PyResult<R> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        check_editable(patch.get(dat).ok_or_else(gone)?)?;
        let table = patch.table_mut(dat).map_err(refused)?;
        edit(table).map_err(table_refused)
    })
}

/// As [`edit`], for what adds rows, of which the result is the position of the last. A FIFO DAT is told how many, and may then
/// have dropped some, by which the position is another.
///
/// # Errors
/// As for [`edit`].
pub fn append<R: From<usize>>(
    dat: OpId,
    rows: usize,
    append: impl FnOnce(&mut Table) -> Result<R, TableError>,
) -> PyResult<R> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        let op = patch.get(dat).ok_or_else(gone)?;
        check_editable(op)?;
        let is_fifo = std::ptr::eq(op.declaration(), &FIFO_DAT);
        let last = append(patch.table_mut(dat).map_err(refused)?).map_err(table_refused)?;
        drop(patch);
        if !is_fifo {
            return Ok(last);
        }
        host.network.with_begun_worker(dat, |worker: &FifoDat| worker.note_appended(&host.network, rows));
        let patch = host.network.patch();
        let left = patch.table(dat).ok().and_then(|table| table.num_rows().checked_sub(1));
        Ok(left.map_or(last, R::from))
    })
}

/// Replaces text or table by a text.
///
/// # Errors
/// As for [`edit`].
pub fn set_text(dat: OpId, text: &str) -> PyResult<()> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        check_editable(patch.get(dat).ok_or_else(gone)?)?;
        patch.set_text(dat, text).map_err(refused)
    })
}

/// Whether scripts may edit a DAT.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn is_editable(dat: OpId) -> PyResult<bool> {
    super::read_operator(dat, |op| op.declaration().editable || op.flags.has(Flag::LOCK))
}

#[inline]
fn check_editable(dat: &Operator) -> PyResult<()> {
    if dat.declaration().editable || dat.flags.has(Flag::LOCK) { Ok(()) } else { Err(not_editable(dat)) }
}

#[cold]
fn not_editable(dat: &Operator) -> PyErr {
    let label = dat.declaration().label;
    Error::new_err(format!("{label} fills its content itself; it cannot be edited unless it is locked"))
}

/// A row or column as a script names it.
pub enum AnyIndex {
    /// By position.
    Number(i64),
    /// By name.
    Name(Text),
}

impl AnyIndex {
    /// Reads a number or anything that is a name as text.
    ///
    /// # Errors
    /// `IndexError` for a number that is too large.
    pub fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(name) = value.cast::<PyString>() {
            return Ok(AnyIndex::Name(name.clone().try_into()?));
        }
        if value.cast::<PyInt>().is_ok() {
            let number = value.extract().map_err(|_| PyIndexError::new_err("no table has so many rows or columns"))?;
            return Ok(AnyIndex::Number(number));
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return Ok(AnyIndex::Number(number.value() as i64));
        }
        // A cell or a parameter: its value; numpy's numbers: the number.
        let plain = crate::glue::Glue::of(value.py())?.value_of(value)?;
        if !plain.is(value) {
            return AnyIndex::of(&plain);
        }
        match value.extract::<i64>() {
            Ok(number) => Ok(AnyIndex::Number(number)),
            Err(_) => Ok(AnyIndex::Name(text(value)?)),
        }
    }

    /// As the table takes it.
    pub fn get(&self) -> Index<'_> {
        match self {
            AnyIndex::Number(number) => Index::Number(*number),
            AnyIndex::Name(name) => Index::Name(name),
        }
    }
}

/// As the table takes them.
pub fn borrowed(indexes: &[AnyIndex]) -> Vec<Index<'_>> {
    indexes.iter().map(AnyIndex::get).collect()
}

/// An argument that may be left out.
///
/// # Errors
/// As for [`AnyIndex::of`].
pub fn optional_index(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<AnyIndex>> {
    value.filter(|value| !value.is_none()).map(AnyIndex::of).transpose()
}

/// A list of indexes, or a single one.
///
/// # Errors
/// As for [`AnyIndex::of`].
pub fn indexes(value: &Bound<'_, PyAny>) -> PyResult<Vec<AnyIndex>> {
    if is_single(value) {
        return Ok(vec![AnyIndex::of(value)?]);
    }
    value.try_iter()?.map(|value| AnyIndex::of(&value?)).collect()
}

/// The key of `dat[…]`.
pub struct Place {
    row: AnyIndex,
    col: AnyIndex,
}

impl Place {
    /// Reads `[row, col]`, or `[row]` for the first column.
    ///
    /// # Errors
    /// `TypeError` for more than two.
    pub fn of(key: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(pair) = key.cast::<PyTuple>() else {
            return Ok(Place { row: AnyIndex::of(key)?, col: AnyIndex::Number(0) });
        };
        if pair.len() != 2 {
            return Err(PyTypeError::new_err("a cell is named by its row and its column"));
        }
        Ok(Place { row: AnyIndex::of(&pair.get_item(0)?)?, col: AnyIndex::of(&pair.get_item(1)?)? })
    }

    /// The row.
    pub fn row(&self) -> Index<'_> {
        self.row.get()
    }

    /// The column.
    pub fn col(&self) -> Index<'_> {
        self.col.get()
    }
}

/// The texts of a row or column. A single value counts as a list of one.
///
/// # Errors
/// What converting them raises.
pub fn texts(values: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Text>> {
    let Some(values) = values.filter(|values| !values.is_none()) else { return Ok(Vec::new()) };
    if let Ok(list) = values.cast_exact::<PyList>() {
        // The usual case. A value's own `__str__` may make the list shorter meanwhile.
        let mut texts = Vec::with_capacity(list.len());
        while texts.len() < list.len() {
            texts.push(text(&list.get_item(texts.len())?)?);
        }
        return Ok(texts);
    }
    if is_single(values) {
        return Ok(vec![text(values)?]);
    }
    values.try_iter()?.map(|value| text(&value?)).collect()
}

/// The text of a list of one str, as a log has it; such a list needs no list of ours.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn only_text<'py>(values: Option<&Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyString>>> {
    match values.and_then(|values| values.cast_exact::<PyList>().ok()) {
        Some(list) if list.len() == 1 => Ok(list.get_item(0)?.cast_into().ok()),
        _ => Ok(None),
    }
}

/// Rows or columns: a list of lists, or a number of empty ones.
///
/// # Errors
/// What converting them raises; `td.Error` for more than a table can have.
pub fn several(values: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<Text>>> {
    if values.cast::<PyInt>().is_ok() {
        let count: usize = values.extract()?;
        if count > patchcord_core::table::MAX_CELLS {
            return Err(Error::new_err("no table can have so many rows or columns"));
        }
        return Ok((0..count).map(|_| Vec::new()).collect());
    }
    values.try_iter()?.map(|value| texts(Some(&value?))).collect()
}

fn is_single(value: &Bound<'_, PyAny>) -> bool {
    value.cast::<PyString>().is_ok() || value.cast::<super::cell::Cell>().is_ok() || value.try_iter().is_err()
}

/// Positions where selected rows and columns meet; both may be patterns.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn select_cells(
    dat: OpId,
    row: &Bound<'_, PyAny>,
    col: &Bound<'_, PyAny>,
    case_sensitive: bool,
) -> PyResult<Vec<(usize, usize)>> {
    let (row, col) = (AnyIndex::of(row)?, AnyIndex::of(col)?);
    read(dat, |content| match content.as_table() {
        Some(table) => table.select_cells(row.get(), col.get(), Case::sensitive(case_sensitive)),
        None => Vec::new(),
    })
}

/// Which lines of a table are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Rows.
    Rows,
    /// Columns.
    Cols,
}

/// The cells of the rows or columns that names or patterns select; without names, of all; at most so many.
///
/// # Errors
/// `td.Error` when the operator is gone.
pub fn lines<'py>(
    dat: OpId,
    names: &Bound<'py, PyTuple>,
    which: Lines,
    case_sensitive: bool,
    val: bool,
    most: usize,
) -> PyResult<Vec<Vec<Bound<'py, PyAny>>>> {
    let py = names.py();
    let names = names.iter().map(|name| AnyIndex::of(&name)).collect::<PyResult<Vec<_>>>()?;
    let (chosen, length) = read(dat, |content| {
        let Some(table) = content.as_table() else { return (Vec::new(), 0) };
        let (names, case) = (borrowed(&names), Case::sensitive(case_sensitive));
        let (all, length) = match which {
            Lines::Rows => (table.num_rows(), table.num_cols()),
            Lines::Cols => (table.num_cols(), table.num_rows()),
        };
        let chosen = match which {
            _ if names.is_empty() => (0..all).collect(),
            Lines::Rows => table.select_rows(&names, NameMatch::Pattern, case),
            Lines::Cols => table.select_cols(&names, NameMatch::Pattern, case),
        };
        (chosen, length)
    })?;
    let cells = |line: usize| {
        let place = move |at| if which == Lines::Rows { (line, at) } else { (at, line) };
        give(py, dat, (0..length).map(place), val)
    };
    chosen.into_iter().take(most).map(cells).collect()
}

/// What `findCell` and `findCells` find, and whether texts are wanted instead of cells.
///
/// # Errors
/// `TypeError` for an argument that they do not have; `td.Error` when the operator is gone.
pub fn find(
    dat: OpId,
    pattern: &Bound<'_, PyAny>,
    rows: Option<&Bound<'_, PyAny>>,
    cols: Option<&Bound<'_, PyAny>>,
    options: Option<&Bound<'_, PyDict>>,
    most: usize,
) -> PyResult<(Vec<(usize, usize)>, bool)> {
    let pattern = text(pattern)?;
    let list = |value: Option<&Bound<'_, PyAny>>| value.filter(|v| !v.is_none()).map(indexes).transpose();
    let (rows, cols) = (list(rows)?, list(cols)?);
    let (rows, cols) = (rows.as_deref().map(borrowed), cols.as_deref().map(borrowed));
    let mut find = Find { rows: rows.as_deref(), cols: cols.as_deref(), ..Find::default() };
    let mut val = false;
    for (name, value) in options.into_iter().flat_map(|options| options.iter()) {
        let on = value.is_truthy()?;
        let how = if on { NameMatch::Pattern } else { NameMatch::Exact };
        match name.extract::<String>()?.as_str() {
            "valuePattern" => find.value = how,
            "rowPattern" => find.row = how,
            "colPattern" => find.col = how,
            "caseSensitive" => find.case = Case::sensitive(on),
            "val" => val = on,
            name => return Err(PyTypeError::new_err(format!("findCell takes no argument `{name}`"))),
        }
    }
    let found = read(dat, |content| match content.as_table() {
        Some(table) if most == 1 => table.find_cell(&pattern, &find).into_iter().collect(),
        Some(table) => table.find_cells(&pattern, &find),
        None => Vec::new(),
    })?;
    Ok((found, val))
}
