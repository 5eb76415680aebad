//! The Table DAT: rows and columns of text (TouchDesigner reference, section 5).
//!
//! - [`declaration`]: the parameters: the facts.
//! - [`TableDat`]: the worker. It reads and writes the file, and fills the table when `fill` asks for it.
//! - [`fill`]: what the table is filled with.
//!
//! Cells that are computed are so when the table is read and something that their expressions read is another by then, and
//! when a parameter of the fill changes. An expression that fails leaves the table as it was, with a warning, and is
//! tried again at the next frame.

mod declaration;
mod fill;

use std::cell::Cell;
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::tracking::Source;

use crate::dat_file::DatFile;
use crate::table_content::put_table;
pub use declaration::TABLE_DAT;
use declaration::par;
pub use fill::MAX_COMPUTED_CELLS;
use fill::{Cells, FillError, Plan};

/// Cause of the warning that the table cannot be filled.
const FILL: &str = "fill";

/// Worker of a Table DAT.
pub struct TableDat {
    op: OpId,
    file: DatFile,
    /// The cell whose expression is being computed.
    computing: Cell<Option<(usize, usize)>>,
    /// The parameters ask for a size or for computed cells. Known at once, because who watches the table asks whether it
    /// computes.
    is_filled: Cell<bool>,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    network.defer(move |network| {
        network.with_worker(op, |worker: &TableDat| worker.fill(network));
    });
    Rc::new(TableDat {
        op,
        file: DatFile::start(network, op, &par::FILE),
        computing: Cell::new(None),
        is_filled: Cell::new(fill::is_asked_for(network, op)),
    })
}

impl TableDat {
    /// Row and column of the cell whose expression is being computed, counted from 0 without names: `me.subRow` and
    /// `me.subCol` of a script. `None` while no cell is computed.
    pub fn computing(&self) -> Option<(usize, usize)> {
        self.computing.get()
    }

    /// Fills the table as the parameters say.
    fn fill(&self, network: &Network) {
        if self.is_filled.get() {
            network.cook(self.op);
        } else {
            network.clear_problem(self.op, FILL);
        }
    }

    fn compute(&self, network: &Network, cells: &Cells) -> Result<(), FillError> {
        let table = cells.compute(network, self.op, |row, col| self.computing.set(Some((row, col))));
        self.computing.set(None);
        Ok(put_table(network, self.op, table?)?)
    }

    fn set_size(&self, network: &Network, rows: usize, cols: usize) -> Result<(), FillError> {
        let mut patch = network.patch_mut();
        let table = patch.table(self.op)?;
        // A table without rows has no columns either, and the other way round.
        let wanted = if rows == 0 || cols == 0 { (0, 0) } else { (rows, cols) };
        if (table.num_rows(), table.num_cols()) != wanted {
            patch.table_mut(self.op)?.set_size(rows, cols)?;
        }
        Ok(())
    }

    /// Fills when all changes of the turn are there: a script that sets five parameters has one table computed.
    fn fill_later(&self, network: &Network) {
        let op = self.op;
        network.defer(move |network| {
            network.with_worker(op, |worker: &TableDat| worker.fill(network));
        });
    }
}

impl Worker for TableDat {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.file.handle_change(network, change);
        match change {
            Change::Parameter { index, .. } if par::is_of_fill(*index) => {
                self.is_filled.set(fill::is_asked_for(network, self.op));
                self.fill_later(network);
            }
            _ => {}
        }
    }

    /// An expression that reads its own table sees it as it is.
    fn computes(&self) -> bool {
        self.is_filled.get() && self.computing.get().is_none()
    }

    fn cook(&self, network: &Network) {
        let filled = match Plan::of(network, self.op) {
            Plan::Manual => Ok(()),
            Plan::Size(rows, cols) => {
                // Scripts may have given it another one.
                network.note_read(Source::Moment);
                self.set_size(network, rows, cols)
            }
            Plan::Cells(cells) => self.compute(network, &cells),
        };
        match filled {
            Ok(()) => network.clear_problem(self.op, FILL),
            Err(error) => {
                network.note_read(Source::Time);
                network.report(self.op, Problem::warning(FILL, error.to_string(), "the table stays as it was"));
            }
        }
    }
}
