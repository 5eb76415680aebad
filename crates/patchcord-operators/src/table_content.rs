//! Putting a table that was computed or read in the place of the one that a DAT holds.

use patchcord_core::network::Network;
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::table::Table;

/// Replaces the table of a DAT. One that is the same is no change, so that readers can go by the revision.
///
/// # Errors
/// When the operator is gone or holds no table.
pub(crate) fn put_table(network: &Network, op: OpId, table: Table) -> Result<(), PatchError> {
    let mut patch = network.patch_mut();
    if *patch.table(op)? != table {
        patch.table_mut(op)?.replace(table);
    }
    Ok(())
}
