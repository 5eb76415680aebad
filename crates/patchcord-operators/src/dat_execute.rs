//! The DAT Execute DAT: a script whose functions are called when the content of other DATs differs (TouchDesigner
//! reference, sections 3.5 and 5).
//!
//! What a DAT holds is compared with what it held at the last look. A DAT that is edited, or that receives messages, is
//! looked at when the turn ends in which it changed, so all edits of a callback are one change. A DAT that
//! computes its content when it is read is looked at once in each frame, at its start or its end (`execute`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::content::Content;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;
use patchcord_core::value::Value;

use crate::dat_file::{FileParameters, with_file_parameters};
use crate::own_script::{EXECUTE_FROM, FROM_OPERATOR, OwnScript, named};
use crate::table_difference::Difference;

/// The DAT Execute DAT.
pub static DAT_EXECUTE_DAT: OperatorType = OperatorType {
    name: "datexecuteDAT",
    label: "DAT Execute DAT",
    family: Family::Dat,
    summary: "Holds a script whose functions are called when the text or table of other DATs changes.",
    content: ContentKind::Text,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: CALLBACKS,
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "DAT Execute",
        parameters: with_file_parameters!(
            [
                Parameter::toggle("active", "Active", true).help("Off, nothing is looked at and nothing is called."),
                EXECUTE_FROM,
                FROM_OPERATOR,
                Parameter::str("dat", "DATs", "").help(
                    "The DATs to look at: names, paths or patterns with spaces between them, at most 10,000 DATs."
                ),
                Parameter::menu(
                    "execute",
                    "Execute",
                    "start",
                    &[MenuEntry::new("start", "Start of Frame"), MenuEntry::new("end", "End of Frame")],
                )
                .help(
                    "When in a frame DATs are looked at that compute their content. Others are looked at when the turn \
                     ends in which they changed.",
                ),
                Parameter::toggle("tablechange", "Table Change", true)
                    .help("Calls onTableChange when anything in the DAT differs."),
                Parameter::toggle("rowchange", "Row Change", false)
                    .help("Calls onRowChange with the rows in which cells differ, and those that were added."),
                Parameter::toggle("colchange", "Column Change", false)
                    .help("Calls onColChange with the columns in which cells differ, and those that were added."),
                Parameter::toggle("cellchange", "Cell Change", false)
                    .help("Calls onCellChange with the cells that differ, without those of added rows and columns."),
                Parameter::toggle("sizechange", "Size Change", false)
                    .help("Calls onSizeChange when the number of rows or columns differs."),
            ],
            []
        ),
    },
    COMMON_DAT_PAGE,
];

static AT: FileParameters = FileParameters::of(PAGES);

const ACTIVE: ParIndex = ParIndex::of(PAGES, "active");
const DAT: ParIndex = ParIndex::of(PAGES, "dat");
const EXECUTE: ParIndex = ParIndex::of(PAGES, "execute");
const TABLECHANGE: ParIndex = ParIndex::of(PAGES, "tablechange");
const ROWCHANGE: ParIndex = ParIndex::of(PAGES, "rowchange");
const COLCHANGE: ParIndex = ParIndex::of(PAGES, "colchange");
const CELLCHANGE: ParIndex = ParIndex::of(PAGES, "cellchange");
const SIZECHANGE: ParIndex = ParIndex::of(PAGES, "sizechange");

const CALLBACKS: &[Callback] = &[
    Callback::new(
        "onTableChange",
        &["dat", "prevDAT", "info"],
        "Something in the DAT differs. `prevDAT` is read like a DAT and holds what was there; `info` has lists of positions: \
         rowsChanged, rowsAdded, colsChanged, colsAdded in the new table, rowsRemoved, colsRemoved in the old one, the \
         cells cellsChanged, and the truth value sizeChanged.",
    ),
    Callback::new("onRowChange", &["dat", "rows"], "Rows differ or were added; `rows` are their positions."),
    Callback::new("onColChange", &["dat", "cols"], "Columns differ or were added; `cols` are their positions."),
    Callback::new("onCellChange", &["dat", "cells", "prev"], "Cells differ; `prev` are the texts that they had."),
    Callback::new("onSizeChange", &["dat"], "The DAT has another number of rows or columns."),
];

mod callback {
    pub const TABLE: usize = 0;
    pub const ROW: usize = 1;
    pub const COL: usize = 2;
    pub const CELL: usize = 3;
    pub const SIZE: usize = 4;
}

struct DatExecute {
    script: OwnScript,
    watched: RefCell<Vec<Watched>>,
    phase: Cell<FramePhase>,
}

/// A DAT that is looked at.
struct Watched {
    op: OpId,
    /// Version of its content at the last look.
    version: u64,
    /// What it held then, where somebody wants to know what differs.
    held: Option<Table>,
    computes: bool,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    network.defer(move |network| {
        network.with_worker(op, |worker: &DatExecute| {
            worker.find_dats(network);
            worker.script.check(network);
        });
    });
    network.watch_tree(op, true);
    Rc::new(DatExecute {
        script: OwnScript::start(network, op, &AT),
        watched: RefCell::default(),
        phase: Cell::new(FramePhase::Start),
    })
}

impl DatExecute {
    /// Settles which DATs are looked at. Those that were looked at before are compared with what they held then, be it
    /// before this DAT was switched off.
    fn find_dats(&self, network: &Network) {
        let op = self.script.op;
        if !self.script.is_on(network, ACTIVE) {
            self.watched.borrow().iter().for_each(|known| network.unwatch(known.op, op));
            network.set_frame_interest(op, false);
            return;
        }
        let is_dat = |op| network.patch().get(op).is_some_and(|op| op.declaration().family == Family::Dat);
        let wanted = named(network, op, DAT, is_dat);
        let mut before: HashMap<OpId, Watched> =
            self.watched.take().into_iter().map(|known| (known.op, known)).collect();
        let mut watched = Vec::with_capacity(wanted.len());
        for dat in wanted {
            network.watch(dat, op);
            let computes = computes(network, dat);
            match before.remove(&dat) {
                Some(known) => watched.push(Watched { computes, ..known }),
                None => {
                    let (version, held) = self.look(network, dat);
                    watched.push(Watched { op: dat, version, held, computes });
                }
            }
        }
        before.into_keys().for_each(|gone| network.unwatch(gone, op));
        let phase = if &*network.eval(op, EXECUTE).to_text() == "end" { FramePhase::End } else { FramePhase::Start };
        self.phase.set(phase);
        // Those that compute are looked at in the next frame.
        let is_other =
            |known: &&Watched| network.patch().get(known.op).is_some_and(|op| op.content_version() != known.version);
        let others: Vec<_> = watched.iter().filter(is_other).map(|watched| watched.op).collect();
        *self.watched.borrow_mut() = watched;
        self.ask_for_frames(network);
        others.into_iter().for_each(|dat| self.compare(network, dat));
    }

    fn ask_for_frames(&self, network: &Network) {
        let any_computes = self.watched.borrow().iter().any(|watched| watched.computes);
        network.set_frame_interest(self.script.op, any_computes);
    }

    /// By its parameters a DAT may begin to compute, or cease to.
    fn note_computes(&self, network: &Network, dat: OpId) {
        let computes = computes(network, dat);
        let differs = |known: &&mut Watched| known.op == dat && known.computes != computes;
        let is_news =
            self.watched.borrow_mut().iter_mut().find(differs).map(|known| known.computes = computes).is_some();
        if is_news {
            self.ask_for_frames(network);
        }
    }

    /// Version and, where it is wanted, content of a DAT.
    fn look(&self, network: &Network, dat: OpId) -> (u64, Option<Table>) {
        let keeps = self.wants_difference(network);
        let held = network.read_content(dat, |content| keeps.then(|| table_of(content))).flatten();
        let version = network.patch().get(dat).map_or(0, |op| op.content_version());
        (version, held)
    }

    /// Whether what the DATs held is to be kept: a copy of each table at each change.
    fn wants_difference(&self, network: &Network) -> bool {
        let on = |toggle| self.script.is_on(network, toggle);
        on(ROWCHANGE)
            || on(COLCHANGE)
            || on(CELLCHANGE)
            || on(SIZECHANGE)
            || (on(TABLECHANGE) && self.script.takes(network, callback::TABLE) > 1)
    }

    /// Compares a DAT with what it held, and calls what is wanted.
    fn compare(&self, network: &Network, dat: OpId) {
        network.cook(dat);
        let Some(version) = network.patch().get(dat).map(|op| op.content_version()) else { return };
        let is_same = |known: &Watched| known.op != dat || known.version == version;
        if self.watched.borrow().iter().all(is_same) {
            return;
        }
        let (version, held) = self.look(network, dat);
        let before = {
            let mut watched = self.watched.borrow_mut();
            let Some(known) = watched.iter_mut().find(|known| known.op == dat) else { return };
            known.version = version;
            std::mem::replace(&mut known.held, held.clone())
        };
        match held {
            Some(held) => self.call_with(network, dat, &before.unwrap_or_default(), &held),
            None if self.script.is_on(network, TABLECHANGE) => {
                self.script.call(network, callback::TABLE, &[Value::Op(dat)]);
            }
            None => {}
        }
    }

    fn call_with(&self, network: &Network, dat: OpId, before: &Table, held: &Table) {
        let difference = Difference::of(before, held);
        if difference == Difference::default() {
            return;
        }
        // A call before may have destroyed the DAT.
        let on = |toggle| network.patch().get(dat).is_some() && self.script.is_on(network, toggle);
        let numbers = |all: &[usize]| all.iter().map(|at| Value::Int(*at as i64)).collect::<Vec<_>>();
        let joined = |one: &[usize], other: &[usize]| {
            let mut all = [one, other].concat();
            all.sort_unstable();
            numbers(&all)
        };
        // A table has far fewer rows and columns than a u32 counts.
        let cells: Vec<_> =
            difference.cells.iter().map(|(row, col, _)| Value::Cell(dat, *row as u32, *col as u32)).collect();
        if on(TABLECHANGE) {
            let lists = [
                ("rowsChanged", numbers(&difference.rows_changed)),
                ("rowsAdded", numbers(&difference.rows_added)),
                ("rowsRemoved", numbers(&difference.rows_removed)),
                ("colsChanged", numbers(&difference.cols_changed)),
                ("colsAdded", numbers(&difference.cols_added)),
                ("colsRemoved", numbers(&difference.cols_removed)),
                ("cellsChanged", cells.clone()),
            ];
            let mut info: Vec<_> = lists.iter().map(|(name, all)| (*name, Value::List(all))).collect();
            info.push(("sizeChanged", Value::Bool(difference.size_changed)));
            let arguments = [Value::Op(dat), Value::Table(before), Value::Fields(&info)];
            self.script.call(network, callback::TABLE, &arguments);
        }
        let rows = joined(&difference.rows_changed, &difference.rows_added);
        if on(ROWCHANGE) && !rows.is_empty() {
            self.script.call(network, callback::ROW, &[Value::Op(dat), Value::List(&rows)]);
        }
        let cols = joined(&difference.cols_changed, &difference.cols_added);
        if on(COLCHANGE) && !cols.is_empty() {
            self.script.call(network, callback::COL, &[Value::Op(dat), Value::List(&cols)]);
        }
        if on(CELLCHANGE) && !cells.is_empty() {
            let before: Vec<_> = difference.cells.iter().map(|(_, _, text)| Value::Str(text)).collect();
            self.script.call(network, callback::CELL, &[Value::Op(dat), Value::List(&cells), Value::List(&before)]);
        }
        if on(SIZECHANGE) && difference.size_changed {
            self.script.call(network, callback::SIZE, &[Value::Op(dat)]);
        }
    }
}

/// Whether a DAT computes its content when it is read.
fn computes(network: &Network, dat: OpId) -> bool {
    let worker = network.patch().get(dat).and_then(|op| op.worker().cloned());
    worker.is_some_and(|worker| worker.computes())
}

/// A text counts as a table of one cell.
fn table_of(content: &Content) -> Table {
    match content {
        Content::Table(table) => table.clone(),
        Content::Text(text) if !text.as_str().is_empty() => Table::from_rows(&[[text.as_str()]]).unwrap_or_default(),
        _ => Table::new(),
    }
}

impl Worker for DatExecute {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.script.handle_change(network, change);
        match change {
            Change::Parameter { index: ACTIVE | DAT | EXECUTE, .. } => self.find_dats(network),
            // From now on it may be wanted to know what differs.
            Change::Parameter { .. } | Change::Content { .. } if self.script.is_on(network, ACTIVE) => {
                let dats: Vec<_> = self.watched.borrow().iter().filter(|w| w.held.is_none()).map(|w| w.op).collect();
                for dat in dats {
                    let (_, held) = self.look(network, dat);
                    if let Some(known) = self.watched.borrow_mut().iter_mut().find(|known| known.op == dat) {
                        known.held = held;
                    }
                }
            }
            _ => {}
        }
    }

    fn handle_watched(&self, network: &Network, change: &Change) {
        match change {
            Change::Content { op } => self.compare(network, *op),
            Change::Parameter { op, .. } => self.note_computes(network, *op),
            _ => {}
        }
    }

    fn handle_tree(&self, network: &Network) {
        self.find_dats(network);
    }

    fn handle_frame(&self, network: &Network, _: Frame, phase: FramePhase) {
        if phase == self.phase.get() {
            let dats: Vec<_> = self.watched.borrow().iter().filter(|w| w.computes).map(|w| w.op).collect();
            dats.into_iter().for_each(|dat| self.compare(network, dat));
        }
    }

    fn stop(&self, network: &Network) {
        network.watch_tree(self.script.op, false);
        self.watched.take().iter().for_each(|watched| network.unwatch(watched.op, self.script.op));
    }
}
