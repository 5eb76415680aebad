//! The stand-in: an operator in the place of a type that is not here, so that scripts which use it can be run and tested.
//!
//! It accepts every parameter (`patchcord_core::patch::stand_in`), remembers what was set, pulsed and called, and shows
//! that as a table: one row for each thing, with the last value and how often. One that stands in for a CHOP shows the
//! channels of its parameter `channels` instead; an Info DAT shows the table of any. What scripts see of it beside parameters (methods, panel values) is made where scripts run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, InfoChannel, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::OpId;
use patchcord_core::patch::stand_in::STAND_IN;
use patchcord_core::table::Table;
use patchcord_core::tracking::Shared;
use patchcord_core::tracking::Source;

/// The stand-in.
pub static STAND_IN_DAT: OperatorType = OperatorType {
    name: STAND_IN,
    label: "Stand-in DAT",
    family: Family::Dat,
    summary: "Takes the place of an operator type that is not here: it accepts every parameter, remembers what was set, \
              pulsed and called, and shows that as a table.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[
        InfoChannel { name: "asked", help: "things that were asked of it since it was made" },
        InfoChannel { name: "parameters_set", help: "times that a parameter was set" },
        InfoChannel { name: "pulses", help: "times that a parameter was pulsed" },
        InfoChannel { name: "calls", help: "times that a method was called or a panel value set" },
        InfoChannel { name: "rows_dropped", help: "rows that `maxlines` has cost" },
    ],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "Stand-in",
        parameters: &[
            Parameter::str("optype", "OP Type", "").help(
                "The type that it stands in for, such as noiseTOP: what scripts see as OPType, type and family. Empty, \
                 it is a DAT.",
            ),
            Parameter::str("channels", "Channels", "").help(
                "Channels that it has when it stands in for a CHOP: names with spaces between them, each with its value \
                 as in `tx=1 ty=0.5`; a name alone is 0.",
            ),
            Parameter::int("maxlines", "Maximum Lines", 1000, 1, 100_000)
                .help("Things that are remembered; the one that was asked for the longest ago goes first."),
            Parameter::pulse("clear", "Clear").help("Forgets what was asked of it. Parameters keep their values."),
        ],
    },
    COMMON_DAT_PAGE,
];

const OPTYPE: ParIndex = ParIndex::of(PAGES, "optype");
const CHANNELS: ParIndex = ParIndex::of(PAGES, "channels");
const MAXLINES: ParIndex = ParIndex::of(PAGES, "maxlines");
const CLEAR: ParIndex = ParIndex::of(PAGES, "clear");

/// Longest value that is shown, in bytes; the rest is cut off.
const MAX_VALUE: usize = 1000;

/// What was asked of a stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A parameter was set.
    Parameter,
    /// A parameter was pulsed.
    Pulse,
    /// A method was called.
    Call,
    /// A panel value was set.
    Panel,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Asked::Parameter => "par",
            Asked::Pulse => "pulse",
            Asked::Call => "call",
            Asked::Panel => "panel",
        }
    }
}

/// One row of the table.
struct Row {
    what: Asked,
    name: String,
    value: String,
    count: u64,
}

/// Worker of a stand-in.
pub struct StandIn {
    op: OpId,
    /// The thing that was asked for last comes last.
    rows: RefCell<Vec<Row>>,
    counts: Cell<Counts>,
    /// Moves when the rows are others.
    version: Shared,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    parameters: u64,
    pulses: u64,
    calls: u64,
    dropped: u64,
}

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(StandIn { op, rows: RefCell::default(), counts: Cell::default(), version: Shared::default() })
}

impl StandIn {
    /// Remembers what was asked.
    pub fn note(&self, network: &Network, what: Asked, name: &str, value: &str) {
        let mut counts = self.counts.get();
        match what {
            Asked::Parameter => counts.parameters += 1,
            Asked::Pulse => counts.pulses += 1,
            Asked::Call | Asked::Panel => counts.calls += 1,
        }
        let limit = usize::try_from(network.eval(self.op, MAXLINES).as_i64()).unwrap_or(1);
        let mut rows = self.rows.borrow_mut();
        let known = rows.iter().position(|row| row.what == what && row.name == name).map(|at| rows.remove(at));
        let count = known.map_or(0, |row| row.count) + 1;
        rows.push(Row { what, name: name.to_owned(), value: short(value), count });
        let excess = rows.len().saturating_sub(limit);
        rows.drain(..excess);
        counts.dropped += excess as u64;
        self.counts.set(counts);
        self.version.note_change();
    }

    fn table(&self) -> Table {
        let heading = ["what", "name", "value", "count"].map(str::to_owned);
        let rows = self.rows.borrow();
        let rows = rows
            .iter()
            .map(|row| [row.what.name().to_owned(), row.name.clone(), row.value.clone(), row.count.to_string()]);
        let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
        // There are fewer rows than a table can have.
        Table::from_rows(&rows).unwrap_or_default()
    }

    fn name_of(&self, network: &Network, index: ParIndex) -> Option<String> {
        let patch = network.patch();
        let parameter = patch.get(self.op)?.parameter(index)?;
        Some(parameter.name.to_string())
    }
}

impl Worker for StandIn {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        network.note_read(Source::Shared(self.version.clone()));
        // Decides the family.
        network.eval(self.op, OPTYPE);
        let family = network.patch().get(self.op).map(|op| op.family_name());
        let content = if family == Some(Family::Chop.suffix()) {
            let channels = channels(&network.eval(self.op, CHANNELS).to_text());
            Content::Channels(Channels::new(60.0, channels))
        } else {
            Content::Table(self.table())
        };
        network.patch_mut().put_content(self.op, content);
    }

    fn handle_change(&self, network: &Network, change: &Change) {
        match change {
            Change::Pulse { index: CLEAR, .. } => {
                self.rows.borrow_mut().clear();
                self.version.note_change();
            }
            Change::Pulse { index, .. } => {
                if let Some(name) = self.name_of(network, *index) {
                    self.note(network, Asked::Pulse, &name, "");
                }
            }
            // Empty text in the place of a number is only what the parameter begins anew with, as one that takes text.
            Change::Parameter { value, before: ParValue::Float(_), .. } if *value == ParValue::Str(Rc::from("")) => {}
            Change::Parameter { index, value, .. } if index.is_custom() => {
                if let Some(name) = self.name_of(network, *index) {
                    self.note(network, Asked::Parameter, &name, &value.to_text());
                }
            }
            _ => {}
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let Counts { parameters, pulses, calls, dropped } = self.counts.get();
        [parameters + pulses + calls, parameters, pulses, calls, dropped].map(|count| count as f64).to_vec()
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        Some(self.table())
    }
}

/// Names with values, as in `tx=1 ty`.
fn channels(text: &str) -> Vec<(Rc<str>, Vec<f64>)> {
    let mut channels: Vec<(Rc<str>, Vec<f64>)> = Vec::new();
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, "0"));
        let value = value.parse().ok().filter(|value: &f64| value.is_finite()).unwrap_or(0.0);
        match channels.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, samples)) => *samples = vec![value],
            None => channels.push((Rc::from(name), vec![value])),
        }
    }
    channels
}

fn short(value: &str) -> String {
    let mut end = value.len().min(MAX_VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    if end == value.len() { value.to_owned() } else { format!("{}…", &value[..end]) }
}
