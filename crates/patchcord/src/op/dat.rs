//! DATs as scripts see them: text and tables.
//!
//! Indexes are whole numbers (negative ones count from the end) or exact names: a row's name is its first cell, a
//! column's name the cell in the first row. Where patterns are taken it is said. Reading what is not there gives None;
//! editing what is not there, or what an operator computes itself, raises `td.Error`. Every edit is seen at once.

use patchcord_core::content::Content;
use patchcord_core::patch::OpId;
use patchcord_core::pattern::Case;
use patchcord_core::table::{Keep, Table};
use patchcord_core::value::OwnedValue;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::cell::{Cell, give};
use super::table::{
    AnyIndex, Lines, Place, append, borrowed, edit, find, indexes, is_editable, lines, only_text, optional_index, read,
    select_cells, set_text, several, texts,
};
use super::{Op, files, table};
use crate::convert::text_of;
use crate::errors::refused;
use crate::glue::Glue;
use crate::host;
use crate::run::{self, RunOptions};

/// A DAT.
#[pyclass(name = "DAT", module = "td", frozen, extends = Op, subclass)]
pub struct Dat;

type This<'a, 'py> = &'a Bound<'py, Dat>;

fn id(dat: This<'_, '_>) -> OpId {
    dat.as_super().get().id()
}

#[pymethods]
impl Dat {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Dat)
    }

    // ---- text ----

    /// The text; of a table, rows as lines and columns with tabs between them.
    #[getter]
    fn text<'py>(this: This<'_, 'py>) -> PyResult<Bound<'py, PyString>> {
        let py = this.py();
        let text = read(id(this), Content::to_text)?;
        Ok(PyString::new(py, &text))
    }

    #[setter]
    fn set_text(this: This<'_, '_>, text: &Bound<'_, PyAny>) -> PyResult<()> {
        let text = text_of(text)?;
        set_text(id(this), &text)
    }

    /// The text read as JSON.
    #[getter(jsonObject)]
    fn json_object<'py>(this: This<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let text = read(id(this), Content::to_text)?;
        py.import("json")?.call_method1("loads", (&*text,))
    }

    /// The text as a Python module, loaded when it is first asked for.
    #[getter]
    fn module<'py>(this: This<'_, 'py>) -> PyResult<Bound<'py, PyModule>> {
        let py = this.py();
        host::with(|host| host.scripts.of(host, py, id(this))?.require(host, py))
    }

    /// Appends text, so that `print(…, file=dat)` works.
    #[pyo3(signature = (*args))]
    fn write(this: This<'_, '_>, args: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let mut added = String::new();
        for part in args.iter() {
            added.push_str(&text_of(&part)?);
        }
        let mut text = read(id(this), Content::to_text)?.to_string();
        text.push_str(&added);
        set_text(id(this), &text)?;
        Ok(added.chars().count())
    }

    /// There is nothing to be flushed; `print(…, file=dat, flush=True)` asks.
    fn flush(&self) {}

    fn isatty(&self) -> bool {
        false
    }

    /// Writes the text to a file and returns its path. Relative paths count from the patch folder.
    #[pyo3(signature = (filepath=None, append=false, createFolders=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn save(
        this: This<'_, '_>,
        filepath: Option<&Bound<'_, PyAny>>,
        append: bool,
        createFolders: bool,
    ) -> PyResult<String> {
        let given = filepath.map(text_of).transpose()?;
        files::save(id(this), given.as_deref(), append, createFolders)
    }

    /// Runs the text as a script, now or later; see the global `run`.
    #[pyo3(signature = (*args, **options))]
    fn run<'py>(
        this: This<'_, 'py>,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let script = Dat::text(this)?;
        run::start(id(this), script.as_any(), args, RunOptions::read(options)?.of(this.as_any()))
    }

    /// A guess at the language of the text; with `setLanguage` it goes to the parameter.
    #[pyo3(name = "detectLanguage", signature = (setLanguage=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn detect_language(this: This<'_, '_>, setLanguage: bool) -> PyResult<String> {
        let py = this.py();
        let text = read(id(this), Content::to_text)?;
        let language: String = Glue::of(py)?.get(py, "detect_language")?.call1((&*text,))?.extract()?;
        if setLanguage {
            let value = OwnedValue::Str(language.clone());
            host::with(|host| {
                let index = host.network.patch().find_par(id(this), "language").map_err(refused)?;
                host.network.set_par(id(this), index, &value).map_err(refused)
            })?;
        }
        Ok(language)
    }

    // ---- what it is ----

    #[getter(isTable)]
    fn is_table(this: This<'_, '_>) -> PyResult<bool> {
        read(id(this), |content| content.as_table().is_some())
    }

    #[getter(isText)]
    fn is_text(this: This<'_, '_>) -> PyResult<bool> {
        read(id(this), |content| content.as_text().is_some())
    }

    #[getter(isEditable)]
    fn is_editable(this: This<'_, '_>) -> PyResult<bool> {
        is_editable(id(this))
    }

    #[getter(numRows)]
    fn num_rows(this: This<'_, '_>) -> PyResult<usize> {
        read(id(this), |content| match content.as_text() {
            Some(text) => text.as_str().lines().count(),
            None => content.as_table().map_or(0, Table::num_rows),
        })
    }

    #[getter(numCols)]
    fn num_cols(this: This<'_, '_>) -> PyResult<usize> {
        read(id(this), |content| match content.as_text() {
            Some(text) => usize::from(!text.as_str().is_empty()),
            None => content.as_table().map_or(0, Table::num_cols),
        })
    }

    // ---- cells ----

    /// The cell at `[row, col]`, or in the first column at `[row]`; None when there is none.
    fn __getitem__(this: This<'_, '_>, key: &Bound<'_, PyAny>) -> PyResult<Option<Cell>> {
        let place = Place::of(key)?;
        let op = id(this);
        let found = read(op, |content| {
            let table = content.as_table()?;
            let col = table.col_index(place.col(), Case::Sensitive)?;
            Some((table.row_index(place.row(), Case::Sensitive)?, col))
        })?;
        Ok(found.map(|(row, col)| Cell::at(op, row, col)))
    }

    fn __setitem__(this: This<'_, '_>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let place = Place::of(key)?;
        let text = table::text(value)?;
        edit(id(this), |table| table.set_cell(place.row(), place.col(), text.as_ref()))
    }

    /// The first cell where a row and a column meet; both may be patterns.
    #[pyo3(signature = (row, col, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn cell<'py>(
        this: This<'_, 'py>,
        row: &Bound<'py, PyAny>,
        col: &Bound<'py, PyAny>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = this.py();
        let found = select_cells(id(this), row, col, caseSensitive)?;
        Ok(give(py, id(this), found.into_iter().take(1), val)?.pop())
    }

    /// All cells where rows and columns meet; both may be patterns.
    #[pyo3(signature = (row, col, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn cells<'py>(
        this: This<'_, 'py>,
        row: &Bound<'py, PyAny>,
        col: &Bound<'py, PyAny>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = this.py();
        let found = select_cells(id(this), row, col, caseSensitive)?;
        give(py, id(this), found, val)
    }

    /// The cells of the first row that any of the names or patterns selects; None when there is none.
    #[pyo3(signature = (*names, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn row<'py>(
        this: This<'_, 'py>,
        names: &Bound<'py, PyTuple>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        Ok(lines(id(this), names, Lines::Rows, caseSensitive, val, 1)?.pop())
    }

    /// The cells of the first column that is selected.
    #[pyo3(signature = (*names, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn col<'py>(
        this: This<'_, 'py>,
        names: &Bound<'py, PyTuple>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        Ok(lines(id(this), names, Lines::Cols, caseSensitive, val, 1)?.pop())
    }

    /// The rows that are selected; without names all.
    #[pyo3(signature = (*names, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn rows<'py>(
        this: This<'_, 'py>,
        names: &Bound<'py, PyTuple>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Vec<Vec<Bound<'py, PyAny>>>> {
        lines(id(this), names, Lines::Rows, caseSensitive, val, usize::MAX)
    }

    /// The columns that are selected; without names all.
    #[pyo3(signature = (*names, caseSensitive=true, val=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn cols<'py>(
        this: This<'_, 'py>,
        names: &Bound<'py, PyTuple>,
        caseSensitive: bool,
        val: bool,
    ) -> PyResult<Vec<Vec<Bound<'py, PyAny>>>> {
        lines(id(this), names, Lines::Cols, caseSensitive, val, usize::MAX)
    }

    /// The first cell whose text matches, among the given rows and columns.
    #[pyo3(name = "findCell", signature = (pattern, rows=None, cols=None, **options))]
    fn find_cell<'py>(
        this: This<'_, 'py>,
        pattern: &Bound<'py, PyAny>,
        rows: Option<&Bound<'py, PyAny>>,
        cols: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (op, py) = (id(this), this.py());
        let (found, val) = find(op, pattern, rows, cols, options, 1)?;
        Ok(give(py, op, found, val)?.pop())
    }

    /// All cells whose text matches, row by row.
    #[pyo3(name = "findCells", signature = (pattern, rows=None, cols=None, **options))]
    fn find_cells<'py>(
        this: This<'_, 'py>,
        pattern: &Bound<'py, PyAny>,
        rows: Option<&Bound<'py, PyAny>>,
        cols: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (op, py) = (id(this), this.py());
        let (found, val) = find(op, pattern, rows, cols, options, usize::MAX)?;
        give(py, op, found, val)
    }

    // ---- editing ----

    /// Adds a row after the given one, or last; with `sort`, where it keeps that column sorted. Returns its position.
    #[pyo3(name = "appendRow", signature = (vals=None, nameOrIndex=None, sort=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn append_row(
        this: This<'_, '_>,
        vals: Option<&Bound<'_, PyAny>>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
        sort: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (after, sort) = (optional_index(nameOrIndex)?, optional_index(sort)?);
        match only_text(vals)? {
            Some(text) => append_one_row(id(this), &[text.to_str()?], after, sort),
            None => append_one_row(id(this), &texts(vals)?, after, sort),
        }
    }

    /// Adds rows, or so many empty ones. Returns the position of the last.
    #[pyo3(name = "appendRows", signature = (vals, nameOrIndex=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn append_rows(
        this: This<'_, '_>,
        vals: &Bound<'_, PyAny>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<usize>> {
        let (vals, after) = (several(vals)?, optional_index(nameOrIndex)?);
        append(id(this), vals.len(), |table| table.append_rows(&vals, after.as_ref().map(AnyIndex::get)))
    }

    /// Adds a column, as `appendRow` does a row.
    #[pyo3(name = "appendCol", signature = (vals=None, nameOrIndex=None, sort=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn append_col(
        this: This<'_, '_>,
        vals: Option<&Bound<'_, PyAny>>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
        sort: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (vals, after, sort) = (texts(vals)?, optional_index(nameOrIndex)?, optional_index(sort)?);
        edit(id(this), |table| match &sort {
            Some(row) => table.append_col_sorted(&vals, row.get()),
            None => table.append_col(&vals, after.as_ref().map(AnyIndex::get)),
        })
    }

    /// Adds columns, or so many empty ones. Returns the position of the last.
    #[pyo3(name = "appendCols", signature = (vals, nameOrIndex=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn append_cols(
        this: This<'_, '_>,
        vals: &Bound<'_, PyAny>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<usize>> {
        let (vals, after) = (several(vals)?, optional_index(nameOrIndex)?);
        edit(id(this), |table| table.append_cols(&vals, after.as_ref().map(AnyIndex::get)))
    }

    /// Adds a row before the given one, or first.
    #[pyo3(name = "insertRow", signature = (vals=None, nameOrIndex=None, sort=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn insert_row(
        this: This<'_, '_>,
        vals: Option<&Bound<'_, PyAny>>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
        sort: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (vals, before, sort) = (texts(vals)?, optional_index(nameOrIndex)?, optional_index(sort)?);
        edit(id(this), |table| match &sort {
            Some(column) => table.append_row_sorted(&vals, column.get()),
            None => table.insert_row(&vals, before.as_ref().map(AnyIndex::get)),
        })
    }

    /// Adds a column before the given one, or first.
    #[pyo3(name = "insertCol", signature = (vals=None, nameOrIndex=None, sort=None))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn insert_col(
        this: This<'_, '_>,
        vals: Option<&Bound<'_, PyAny>>,
        nameOrIndex: Option<&Bound<'_, PyAny>>,
        sort: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (vals, before, sort) = (texts(vals)?, optional_index(nameOrIndex)?, optional_index(sort)?);
        edit(id(this), |table| match &sort {
            Some(row) => table.append_col_sorted(&vals, row.get()),
            None => table.insert_col(&vals, before.as_ref().map(AnyIndex::get)),
        })
    }

    /// Writes over a row. Unless `entireRow` is false, cells past the values become blank.
    #[pyo3(name = "replaceRow", signature = (nameOrIndex, vals=None, entireRow=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn replace_row(
        this: This<'_, '_>,
        nameOrIndex: &Bound<'_, PyAny>,
        vals: Option<&Bound<'_, PyAny>>,
        entireRow: bool,
    ) -> PyResult<usize> {
        let (row, vals) = (AnyIndex::of(nameOrIndex)?, texts(vals)?);
        edit(id(this), |table| table.replace_row(row.get(), &vals, entireRow))
    }

    /// Writes over a column. Unless `entireCol` is false, cells past the values become blank.
    #[pyo3(name = "replaceCol", signature = (nameOrIndex, vals=None, entireCol=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn replace_col(
        this: This<'_, '_>,
        nameOrIndex: &Bound<'_, PyAny>,
        vals: Option<&Bound<'_, PyAny>>,
        entireCol: bool,
    ) -> PyResult<usize> {
        let (col, vals) = (AnyIndex::of(nameOrIndex)?, texts(vals)?);
        edit(id(this), |table| table.replace_col(col.get(), &vals, entireCol))
    }

    #[pyo3(name = "deleteRow")]
    fn delete_row(this: This<'_, '_>, row: &Bound<'_, PyAny>) -> PyResult<()> {
        let row = AnyIndex::of(row)?;
        edit(id(this), |table| table.delete_row(row.get()))
    }

    #[pyo3(name = "deleteRows", signature = (rows))]
    fn delete_rows(this: This<'_, '_>, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = indexes(rows)?;
        edit(id(this), |table| table.delete_rows(&borrowed(&rows)))
    }

    #[pyo3(name = "deleteCol")]
    fn delete_col(this: This<'_, '_>, col: &Bound<'_, PyAny>) -> PyResult<()> {
        let col = AnyIndex::of(col)?;
        edit(id(this), |table| table.delete_col(col.get()))
    }

    #[pyo3(name = "deleteCols", signature = (cols))]
    fn delete_cols(this: This<'_, '_>, cols: &Bound<'_, PyAny>) -> PyResult<()> {
        let cols = indexes(cols)?;
        edit(id(this), |table| table.delete_cols(&borrowed(&cols)))
    }

    /// Empties it; of a table, the first row, the first column or the size can be kept.
    #[pyo3(signature = (keepSize=false, keepFirstRow=false, keepFirstCol=false))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn clear(this: This<'_, '_>, keepSize: bool, keepFirstRow: bool, keepFirstCol: bool) -> PyResult<()> {
        if Dat::is_text(this)? {
            return set_text(id(this), "");
        }
        let keep = Keep { size: keepSize, first_row: keepFirstRow, first_col: keepFirstCol };
        edit(id(this), |table| {
            table.clear(keep);
            Ok(())
        })
    }

    #[pyo3(name = "setSize")]
    fn set_size(this: This<'_, '_>, rows: usize, cols: usize) -> PyResult<()> {
        edit(id(this), |table| table.set_size(rows, cols))
    }

    /// Takes over the content of another DAT.
    fn copy(this: This<'_, '_>, other: &Bound<'_, Dat>) -> PyResult<()> {
        let other = other.as_super().get().id();
        match read(other, |content| content.as_table().cloned())? {
            Some(table) => edit(id(this), |own| {
                own.copy_from(&table);
                Ok(())
            }),
            None => set_text(id(this), &read(other, Content::to_text)?),
        }
    }

    /// Moves viewers to a cell. There are none, so nothing happens.
    #[pyo3(signature = (_row=None, _col=None))]
    fn scroll(&self, _row: Option<&Bound<'_, PyAny>>, _col: Option<&Bound<'_, PyAny>>) {}
}

fn append_one_row<S: AsRef<str>>(
    dat: OpId,
    vals: &[S],
    after: Option<AnyIndex>,
    sort: Option<AnyIndex>,
) -> PyResult<usize> {
    append(dat, 1, |table| match &sort {
        Some(column) => table.append_row_sorted(vals, column.get()),
        None => table.append_row(vals, after.as_ref().map(AnyIndex::get)),
    })
}
