//! Cell: one place of a table, which acts like the text that stands there.
//!
//! A cell is a position, not a copy: reading gives what stands there now. Beside a number it counts as the number that
//! its text is.

use patchcord_core::patch::OpId;
use patchcord_core::tracking::Source;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::read_operator;
use super::table::edit;
use crate::convert::text_of;
use crate::errors::Error;
use crate::glue::Glue;
use crate::host::{self, gone};
use crate::run::{self, RunOptions};

/// Gives Cell the operators of its text.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    let glue = Glue::of(py)?;
    let (value, number) = (glue.get(py, "cell_value")?, glue.get(py, "cell_number")?);
    glue.get(py, "act_like_value")?.call1((py.get_type::<Cell>(), value, number))?;
    Ok(())
}

/// A place of a table.
#[pyclass(module = "td", frozen)]
pub struct Cell {
    op: OpId,
    row: usize,
    col: usize,
}

impl Cell {
    /// The cell at a position, which need not exist.
    pub fn at(op: OpId, row: usize, col: usize) -> Self {
        Cell { op, row, col }
    }

    fn text(&self) -> PyResult<Option<String>> {
        host::with(|host| {
            // What stands there is read as it is; asking the DAT for the cell has brought it up to date.
            host.network.note_read(Source::Content(self.op));
            let patch = host.network.patch();
            let content = patch.get(self.op).ok_or_else(gone)?.content();
            Ok(content.as_table().and_then(|table| table.cell(self.row, self.col)).map(str::to_owned))
        })
    }
}

#[pymethods]
impl Cell {
    /// Its text.
    #[getter]
    fn val(&self) -> PyResult<String> {
        self.text()?.ok_or_else(|| Error::new_err("the table has no such cell any more"))
    }

    #[setter]
    fn set_val(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let text = text_of(value)?;
        edit(self.op, |table| table.set_cell(self.row, self.col, &text))
    }

    #[getter]
    fn row(&self) -> usize {
        self.row
    }

    #[getter]
    fn col(&self) -> usize {
        self.col
    }

    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        host::with(|host| host.handle(py, self.op))
    }

    /// Whether the table has such a cell.
    #[getter]
    fn valid(&self) -> bool {
        matches!(self.text(), Ok(Some(_)))
    }

    /// The cell so many rows and columns away; None outside the table.
    fn offset(&self, r: i64, c: i64) -> PyResult<Option<Cell>> {
        let moved = |from: usize, by: i64| i64::try_from(from).ok()?.checked_add(by)?.try_into().ok();
        let Some((row, col)) = moved(self.row, r).zip(moved(self.col, c)) else { return Ok(None) };
        let cell = Cell::at(self.op, row, col);
        Ok(cell.text()?.map(|_| cell))
    }

    /// Runs its text as a script.
    #[pyo3(signature = (*args, **options))]
    fn run<'py>(
        this: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let cell = this.get();
        let script = PyString::new(args.py(), &cell.val()?);
        run::start(cell.op, script.as_any(), args, RunOptions::read(options)?.of(this.as_any()))
    }

    fn __repr__(&self) -> PyResult<String> {
        let path = read_operator(self.op, |op| op.path().clone())?;
        Ok(format!("type:Cell owner:{path} row:{} col:{} value:{}", self.row, self.col, self.val()?))
    }
}

/// Cells at positions; their texts where `val` is asked for.
pub fn give<'py>(
    py: Python<'py>,
    op: OpId,
    positions: impl IntoIterator<Item = (usize, usize)>,
    val: bool,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    positions
        .into_iter()
        .map(|(row, col)| {
            let cell = Cell::at(op, row, col);
            Ok(if val { PyString::new(py, &cell.val()?).into_any() } else { Bound::new(py, cell)?.into_any() })
        })
        .collect()
}
