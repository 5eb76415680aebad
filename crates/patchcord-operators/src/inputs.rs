//! What computing operators read: the content of an input or of an operator that a parameter names.

use patchcord_core::content::{Channels, Content};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;

/// The operator that an input is wired to.
pub(crate) fn source(network: &Network, op: OpId, input: usize) -> Option<OpId> {
    let patch = network.patch();
    patch.note_tree_read();
    patch.get(op)?.inputs().get(input).copied().flatten().map(|source| source.op)
}

/// All operators that are wired to an operator, in the order of its inputs.
pub(crate) fn sources(network: &Network, op: OpId) -> Vec<OpId> {
    let patch = network.patch();
    patch.note_tree_read();
    patch.get(op).map(|op| op.inputs().iter().flatten().map(|source| source.op).collect()).unwrap_or_default()
}

/// The content of an operator as a table, cooked first: a text has a row of one cell for each line.
pub(crate) fn table(network: &Network, source: OpId) -> Table {
    network.read_content(source, as_table).unwrap_or_default()
}

/// A content as a table: a text has a row of one cell for each line.
pub(crate) fn as_table(content: &Content) -> Table {
    match content {
        Content::Table(table) => table.clone(),
        Content::Text(text) => {
            let rows: Vec<[&str; 1]> = text.as_str().lines().map(|line| [line]).collect();
            // A text has fewer lines than a table can have rows; one that has not is no table.
            Table::from_rows(&rows).unwrap_or_default()
        }
        _ => Table::new(),
    }
}

/// The channels of an operator, cooked first.
pub(crate) fn channels(network: &Network, source: OpId) -> Channels {
    let none = || Channels::new(60.0, Vec::new());
    network.read_content(source, |content| content.as_channels().cloned()).flatten().unwrap_or_else(none)
}
