//! What a Table DAT is filled with: the parameters as a plan, and the plan as a table.
//!
//! Expressions are computed one by one with nothing borrowed, and only when all of them could be is there a new table.
//! So a table never shows half of a computation, and an expression that reads the table sees the last one.

use std::rc::Rc;

use patchcord_core::network::Network;
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::table::{Table, TableError};
use patchcord_core::value::OwnedValue;

use super::declaration::par;

/// Cells that are computed at most.
pub const MAX_COMPUTED_CELLS: usize = 100_000;

/// The entry of the parameter `fill` by which nothing is filled.
const MANUAL: &str = "manual";

/// What the parameters ask for.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// Nothing: the table is edited by others.
    Manual,
    /// A size in rows and columns.
    Size(usize, usize),
    /// Cells.
    Cells(Cells),
}

/// Cells that are to be computed.
#[derive(Debug, PartialEq)]
pub struct Cells {
    /// Rows, without the names.
    rows: usize,
    /// Columns, without the names.
    cols: usize,
    source: Source,
    /// Names of the columns or rows, when they are to be shown.
    names: Option<Vec<Rc<str>>>,
}

/// Where the expression of a cell comes from.
#[derive(Debug, PartialEq)]
enum Source {
    One(Rc<str>),
    ByColumn(Vec<Rc<str>>),
    ByRow(Vec<Rc<str>>),
}

/// Why a table is not filled.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum FillError {
    /// Nobody can compute the expressions.
    #[error("there is nobody here who computes expressions")]
    NoEvaluator,
    /// More cells than are computed.
    #[error("{rows} rows and {cols} columns are more than {MAX_COMPUTED_CELLS} cells to compute")]
    TooMany {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
    },
    /// An expression fails.
    #[error("the expression of row {row}, column {col} fails: {reason}")]
    Expression {
        /// Row, counted from 0 without the names.
        row: usize,
        /// Column, counted from 0 without the names.
        col: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An expression gives what is no text, number or truth value.
    #[error("the expression of row {row}, column {col} gives {found}, which is no cell")]
    NoCell {
        /// Row, counted from 0 without the names.
        row: usize,
        /// Column, counted from 0 without the names.
        col: usize,
        /// What it gives.
        found: String,
    },
    /// A table of that size cannot be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// An expression has ended the operator.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

/// Whether the parameters ask for anything but a table that others edit.
pub(super) fn is_asked_for(network: &Network, op: OpId) -> bool {
    &*network.eval(op, par::FILL).to_text() != MANUAL
}

impl Plan {
    /// The plan of an operator now.
    pub fn of(network: &Network, op: OpId) -> Plan {
        let text = |index| network.eval(op, index).to_text();
        let count = |index| usize::try_from(network.eval(op, index).as_i64()).unwrap_or(0);
        let (fill, rows, cols) = (text(par::FILL), count(par::ROWS), count(par::COLS));
        if &*fill == MANUAL {
            return Plan::Manual;
        }
        if &*fill == "setsize" {
            return Plan::Size(rows, cols);
        }
        if &*fill == "setsizeandcontents" {
            return Plan::Cells(Cells { rows, cols, source: Source::One(text(par::CELLEXPR)), names: None });
        }
        let fills = count(par::FILLS_COUNT);
        let expressions = (0..fills).map(|fill| text(par::expr(fill))).collect();
        let shows_names = network.eval(op, par::INCLUDENAMES).is_on();
        let names = shows_names.then(|| (0..fills).map(|fill| text(par::names(fill))).collect());
        Plan::Cells(if &*fill == "fillbyrow" {
            Cells { rows: fills, cols, source: Source::ByRow(expressions), names }
        } else {
            Cells { rows, cols: fills, source: Source::ByColumn(expressions), names }
        })
    }
}

impl Cells {
    /// Computes the table. `note` is told of each cell before its expression is computed.
    ///
    /// # Errors
    /// [`FillError`].
    pub fn compute(&self, network: &Network, op: OpId, note: impl Fn(usize, usize)) -> Result<Table, FillError> {
        if self.rows.saturating_mul(self.cols) > MAX_COMPUTED_CELLS {
            return Err(FillError::TooMany { rows: self.rows, cols: self.cols });
        }
        let evaluator = network.evaluator().ok_or(FillError::NoEvaluator)?;
        let mut rows = Vec::with_capacity(self.rows + 1);
        if let (Source::ByColumn(_), Some(names)) = (&self.source, &self.names) {
            rows.push(names.iter().map(|name| name.to_string()).collect());
        }
        for row in 0..self.rows {
            let mut cells = Vec::with_capacity(self.cols + 1);
            if let (Source::ByRow(_), Some(names)) = (&self.source, &self.names) {
                cells.push(names[row].to_string());
            }
            for col in 0..self.cols {
                note(row, col);
                let expression = self.source.of_cell(row, col);
                let value = match expression.trim() {
                    "" => OwnedValue::Str(String::new()),
                    text => evaluator.evaluate(network, op, text).map_err(|reason| FillError::Expression {
                        row,
                        col,
                        reason,
                    })?,
                };
                cells.push(cell_text(network, value).map_err(|found| FillError::NoCell { row, col, found })?);
            }
            rows.push(cells);
        }
        Ok(Table::from_rows(&rows)?)
    }
}

impl Source {
    fn of_cell(&self, row: usize, col: usize) -> &str {
        match self {
            Source::One(expression) => expression,
            Source::ByColumn(expressions) => &expressions[col],
            Source::ByRow(expressions) => &expressions[row],
        }
    }
}

/// A value as a cell shows it: what `str` gives in Python, nothing for nothing, an operator's path.
fn cell_text(network: &Network, value: OwnedValue) -> Result<String, String> {
    Ok(match value {
        OwnedValue::None => String::new(),
        OwnedValue::Bool(on) => if on { "True" } else { "False" }.to_owned(),
        OwnedValue::Int(number) => number.to_string(),
        // The form with a point, by which a number with a fraction of nothing is told from a whole one.
        OwnedValue::Float(number) => format!("{number:?}"),
        OwnedValue::Str(text) => text,
        OwnedValue::Op(op) => network.patch().path(op).to_string(),
        OwnedValue::Bytes(_) => return Err("bytes".to_owned()),
        OwnedValue::List(_) => return Err("a list".to_owned()),
        OwnedValue::Dict(_) => return Err("a dictionary".to_owned()),
        OwnedValue::Other(name) => return Err(name),
    })
}
