//! The table of received messages that TouchDesigner's network DATs share (reference, section 1): a heading, a row for
//! each message, the oldest going first when the number of rows is limited.

use std::time::{SystemTime, UNIX_EPOCH};

use patchcord_core::declaration::{MenuEntry, Page, Parameter};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::{Index, Keep, Table, TableError};

/// The page of these DATs, by TouchDesigner's names.
pub(crate) const RECEIVED_MESSAGES: Page = Page {
    name: "Received Messages",
    parameters: &[
        Parameter::dat("callbacks", "Callbacks DAT").help("The DAT whose functions are called."),
        Parameter::menu(
            "executeloc",
            "Execute from",
            "callbacks",
            &[
                MenuEntry::new("current", "Current Node"),
                MenuEntry::new("callbacks", "Callbacks DAT"),
                MenuEntry::new("op", "From Operator"),
            ],
        )
        .help(
            "The operator from whose place `op`, `ops` and `parent` of the callbacks look: this one, the callbacks \
             DAT, or `fromop`. `me` is the callbacks DAT in any case.",
        ),
        Parameter::op("fromop", "From Operator").help("The operator to look from when `executeloc` is `op`."),
        Parameter::toggle("clamp", "Clamp Output", true)
            .help("Keeps only the newest messages in the table. Off, it grows without a limit of its own."),
        Parameter::int("maxlines", "Maximum Lines", 100, 1, 100_000_000)
            .help("Messages that are kept while `clamp` is on; the heading is not counted."),
        Parameter::pulse("clear", "Clear Output").help("Empties the table but for its heading."),
        Parameter::toggle("bytes", "Bytes Column", false)
            .help("Adds a column with the bytes of each message as decimal numbers between spaces."),
    ],
};

/// Cause of the problem that the table is full.
const FULL: &str = "table";

/// How the table is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Messages that are kept; `None` is all of them.
    pub limit: Option<usize>,
    /// The columns beside the first, which is `message`.
    pub columns: Columns,
}

/// Columns that the table can have beside the message, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// `bytes`: those of the message, as decimal numbers between spaces.
    pub bytes: bool,
    /// `event`: its name, where the protocol names events.
    pub event: bool,
    /// `namespace`, where the protocol has them.
    pub namespace: bool,
    /// `time`: seconds since 1970, with milliseconds.
    pub time: bool,
}

impl Columns {
    const MOST: usize = 5;

    fn is_message_alone(self) -> bool {
        self == Columns::default()
    }

    /// The heading.
    fn names(self) -> impl Iterator<Item = &'static str> {
        let optional =
            [("bytes", self.bytes), ("event", self.event), ("namespace", self.namespace), ("time", self.time)];
        std::iter::once("message").chain(optional.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)))
    }
}

/// A message as the table has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message<'a> {
    pub text: &'a str,
    /// Its bytes, where they are not those of the text.
    pub bytes: Option<&'a [u8]>,
    pub event: &'a str,
    pub namespace: &'a str,
}

impl<'a> Message<'a> {
    /// A message that is a text and nothing else.
    #[inline]
    pub(crate) fn of_text(text: &'a str) -> Self {
        Message { text, ..Message::default() }
    }
}

impl Received {
    /// Brings the table to its form: heading, number of rows, columns.
    pub(crate) fn shape(self, network: &Network, op: OpId) {
        let mut patch = network.patch_mut();
        let Ok(table) = patch.table(op) else { return };
        let excess = |table: &Table| self.limit.is_some_and(|limit| table.num_rows() > limit.saturating_add(1));
        let heading = table.row(0).map(|row| row.iter().collect::<Vec<_>>()).unwrap_or_default();
        if heading.iter().copied().eq(self.columns.names()) && !excess(table) {
            return;
        }
        let Ok(table) = patch.table_mut(op) else { return };
        self.shape_columns(table);
        if let Some(limit) = self.limit {
            table.drop_oldest(limit, true);
        }
    }

    /// Takes columns away that are not wanted, and puts in those that are; what they would have held of older messages is
    /// known for the bytes alone.
    fn shape_columns(self, table: &mut Table) {
        if table.is_empty() {
            let names: Vec<&str> = self.columns.names().collect();
            // One row is no table that is too large.
            let _ = table.append_row(&names, None);
            return;
        }
        let is_wanted = |name: &str| self.columns.names().any(|wanted| wanted == name);
        for at in (1..table.num_cols()).rev() {
            if !table.cell(0, at).is_some_and(is_wanted) {
                let _ = table.delete_col(at);
            }
        }
        for (at, name) in self.columns.names().enumerate().skip(1) {
            if table.cell(0, at) == Some(name) {
                continue;
            }
            let mut column = vec![name.to_owned()];
            if name == "bytes" {
                column.extend(table.col(0).skip(1).map(|message| decimal(message.as_bytes())));
            }
            // A table of messages that has grown to its limit keeps its old form.
            let _ = table.append_col(&column, Some(Index::from(at - 1)));
        }
    }

    /// Adds a message. The result is the number of its row.
    #[inline]
    pub(crate) fn append(self, network: &Network, op: OpId, message: &Message<'_>) -> usize {
        let mut patch = network.patch_mut();
        let Some(table) = patch.own_table_mut(op) else { return 0 };
        let appended = if self.columns.is_message_alone() {
            self.append_row(table, &[message.text])
        } else {
            self.append_cells(table, message)
        };
        appended.unwrap_or_else(|_| {
            drop(patch);
            report_full(network, op);
            0
        })
    }

    fn append_cells(self, table: &mut Table, message: &Message<'_>) -> Result<usize, TableError> {
        let Columns { bytes, event, namespace, time } = self.columns;
        let bytes = bytes.then(|| decimal(message.bytes.unwrap_or(message.text.as_bytes())));
        let time = time.then(now);
        let optional =
            [bytes.as_deref(), event.then_some(message.event), namespace.then_some(message.namespace), time.as_deref()];
        let mut cells = [message.text; Columns::MOST];
        let mut count = 1;
        for cell in optional.into_iter().flatten() {
            cells[count] = cell;
            count += 1;
        }
        self.append_row(table, &cells[..count])
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

/// Seconds since 1970.
fn now() -> String {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", passed.as_secs(), passed.subsec_millis())
}
