//! The table of received messages that TouchDesigner's network DATs share (reference, section 1): a heading, a row for
//! each message, the oldest going first when the number of rows is limited.

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::{Keep, Table, TableError};

/// Cause of the problem that the table is full.
const FULL: &str = "table";

/// How the table is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Messages that are kept; `None` is all of them.
    pub limit: Option<usize>,
    /// Whether a second column has the bytes.
    pub bytes: bool,
}

impl Received {
    /// Brings the table to its form: heading, number of rows, columns.
    pub(crate) fn shape(self, network: &Network, op: OpId) {
        let wanted: &[&str] = if self.bytes { &["message", "bytes"] } else { &["message"] };
        let mut patch = network.patch_mut();
        let Ok(table) = patch.table(op) else { return };
        let excess = |table: &Table| self.limit.is_some_and(|limit| table.num_rows() > limit.saturating_add(1));
        if table.num_cols() == wanted.len() && !excess(table) {
            return;
        }
        let Ok(table) = patch.table_mut(op) else { return };
        if table.is_empty() {
            // One row is no table that is too large.
            let _ = table.append_row(wanted, None);
        }
        if table.num_cols() > wanted.len() {
            let _ = table.delete_col(1);
        } else if table.num_cols() < wanted.len() {
            let column: Vec<String> = std::iter::once("bytes".to_owned())
                .chain(table.col(0).skip(1).map(|message| decimal(message.as_bytes())))
                .collect();
            let _ = table.append_col(&column, None);
        }
        if let Some(limit) = self.limit {
            table.drop_oldest(limit, true);
        }
    }

    /// Adds a message. The result is the number of its row.
    #[inline]
    pub(crate) fn append(self, network: &Network, op: OpId, message: &str) -> usize {
        let mut patch = network.patch_mut();
        let Some(table) = patch.own_table_mut(op) else { return 0 };
        let appended = if self.bytes {
            self.append_row(table, &[message, &decimal(message.as_bytes())])
        } else {
            self.append_row(table, &[message])
        };
        appended.unwrap_or_else(|_| {
            drop(patch);
            report_full(network, op);
            0
        })
    }

    #[inline]
    fn append_row(self, table: &mut Table, cells: &[&str]) -> Result<usize, TableError> {
        match self.limit {
            Some(limit) => table.append_and_drop_oldest(cells, limit, true),
            None => table.append_row(cells, None),
        }
    }

    /// Takes every message away.
    pub(crate) fn clear(network: &Network, op: OpId) {
        if let Ok(table) = network.patch_mut().table_mut(op) {
            table.clear(Keep { first_row: true, ..Keep::default() });
        }
        network.clear_problem(op, FULL);
    }
}

#[cold]
fn report_full(network: &Network, op: OpId) {
    let message = "the table is full; messages go to callbacks only".to_owned();
    network.report(op, Problem::warning(FULL, message, "switch `clamp` on, or pulse `clear`"));
}

/// Bytes as decimal numbers between spaces.
fn decimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{byte}");
    }
    text
}
