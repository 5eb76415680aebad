//! The FIFO DAT: a table that keeps only the newest rows (TouchDesigner reference, section 5).
//!
//! Scripts add rows with `appendRow`. The oldest go at once, so that a script sees the table as it is; the callback for
//! each row comes when the script has returned.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::change::Change;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, InfoChannel, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::table::Keep;
use patchcord_core::value::Value;

/// The FIFO DAT.
pub static FIFO_DAT: OperatorType = OperatorType {
    name: "fifoDAT",
    label: "FIFO DAT",
    family: Family::Dat,
    summary: "Keeps the newest rows that scripts append, and lets the oldest go.",
    content: ContentKind::Table,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[InfoChannel { name: "rows_dropped", help: "rows that have made place for newer ones" }],
    callbacks: &[Callback::new(
        "onReceive",
        &["dat", "rowIndex"],
        "A row was appended. It is not called for a row that has made place for a newer one already.",
    )],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "FIFO",
        parameters: &[
            Parameter::dat("callbacks", "Callbacks DAT").help("The DAT whose function is called for each row."),
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
                 DAT, or `fromop`.",
            ),
            Parameter::op("fromop", "From Operator").help("The operator to look from when `executeloc` is `op`."),
            Parameter::toggle("clamp", "Clamp Output", true)
                .help("Keeps only the newest rows. Off, the table grows without a limit of its own."),
            Parameter::int("maxlines", "Maximum Lines", 100, 1, 100_000_000)
                .help("Rows that are kept while `clamp` is on; with `firstrow` the first one is not counted."),
            Parameter::pulse("clear", "Clear Output").help("Empties the table, but for the first row with `firstrow`."),
            Parameter::toggle("firstrow", "Keep First Row", false)
                .help("The first row is a heading: it stays when rows go."),
        ],
    },
    COMMON_DAT_PAGE,
];

const CLAMP: ParIndex = ParIndex::of(PAGES, "clamp");
const MAXLINES: ParIndex = ParIndex::of(PAGES, "maxlines");
const CLEAR: ParIndex = ParIndex::of(PAGES, "clear");
const FIRSTROW: ParIndex = ParIndex::of(PAGES, "firstrow");

/// Worker of a FIFO DAT.
pub struct FifoDat {
    op: OpId,
    callbacks: OnceCell<Rc<dyn Callbacks>>,
    /// Rows that were appended and not told of yet.
    appended: Cell<usize>,
    dropped: Cell<u64>,
}

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(FifoDat { op, callbacks: OnceCell::new(), appended: Cell::default(), dropped: Cell::default() })
}

impl FifoDat {
    /// Notes that so many rows were appended, and lets the oldest go. Whoever appends rows calls it.
    pub fn note_appended(&self, network: &Network, rows: usize) {
        self.trim(network);
        if self.appended.replace(self.appended.get() + rows) == 0 {
            let op = self.op;
            network.defer(move |network| {
                network.with_worker(op, |worker: &FifoDat| worker.tell(network));
            });
        }
    }

    fn trim(&self, network: &Network) {
        let is_on = |index| network.eval(self.op, index).is_on();
        if !is_on(CLAMP) {
            return;
        }
        let heading = is_on(FIRSTROW);
        let most = usize::try_from(network.eval(self.op, MAXLINES).as_i64()).unwrap_or(1);
        let mut patch = network.patch_mut();
        let rows = patch.table(self.op).map_or(0, |table| table.num_rows());
        if rows > most + usize::from(heading)
            && let Ok(table) = patch.table_mut(self.op)
        {
            let dropped = table.drop_oldest(most, heading);
            self.dropped.set(self.dropped.get() + dropped as u64);
        }
    }

    fn clear(&self, network: &Network) {
        let first_row = network.eval(self.op, FIRSTROW).is_on();
        if let Ok(table) = network.patch_mut().table_mut(self.op) {
            table.clear(Keep { first_row, ..Keep::default() });
        }
    }

    /// Calls the function for each row that is there still.
    fn tell(&self, network: &Network) {
        let appended = self.appended.take();
        // Asking may run the script, so the cell is not to be in use meanwhile.
        let known = self.callbacks.get().cloned().unwrap_or_else(|| network.callbacks_for(self.op));
        let callbacks = self.callbacks.get_or_init(|| known).clone();
        if !callbacks.defines(network, 0) {
            return;
        }
        let rows = network.patch().table(self.op).map_or(0, |table| table.num_rows());
        let first = rows.saturating_sub(appended).max(usize::from(network.eval(self.op, FIRSTROW).is_on()));
        for row in first..rows {
            let index = Value::Int(i64::try_from(row).unwrap_or(i64::MAX));
            network.turn(|network| callbacks.tell(network, 0, &[Value::Op(self.op), index]));
        }
    }
}

impl Worker for FifoDat {
    fn handle_change(&self, network: &Network, change: &Change) {
        match change {
            Change::Parameter { index: CLAMP | MAXLINES | FIRSTROW, .. } => self.trim(network),
            Change::Pulse { index: CLEAR, .. } => self.clear(network),
            _ => {}
        }
    }

    fn handle_press(&self, network: &Network, index: ParIndex) -> bool {
        // At once, so that rows which the script appends behind the pulse stay.
        let is_clear = index == CLEAR;
        if is_clear {
            self.clear(network);
        }
        is_clear
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        vec![self.dropped.get() as f64]
    }
}
