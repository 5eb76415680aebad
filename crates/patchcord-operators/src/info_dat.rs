//! The Info DAT: what another operator has to say, as a table (TouchDesigner reference, section 5).
//!
//! An operator with a table of its own for this, such as the clients of a Web Server DAT, shows that one. Of all others
//! it shows what is wrong with them: a row for each problem, with what can be done about it. The table is made when it
//! is read and never otherwise, so it is as new as can be and costs nothing while nobody looks.

use std::rc::Rc;

use patchcord_core::declaration::{COMMON_DAT_PAGE, ContentKind, Family, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Severity;
use patchcord_core::table::Table;
use patchcord_core::tracking::Source;

use crate::reference::target;
use crate::table_content::put_table;

/// The Info DAT.
pub static INFO_DAT: OperatorType = OperatorType {
    name: "infoDAT",
    label: "Info DAT",
    family: Family::Dat,
    summary: "Shows the information that another operator keeps, such as the clients of a server, else what is wrong \
              with it.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "Info",
        parameters: &[
            Parameter::op("op", "Operator").help(
                "The operator to look at. It shows its own table where it has one; of all others the columns are \
                 severity, cause, message and remedy, with a row for each warning and error.",
            ),
            Parameter::toggle("passive", "Passive", false).help(
                "Off, the operator is cooked before it is looked at. On, it is shown as its last cook left it, which \
                 may be old for operators that compute when they are read.",
            ),
        ],
    },
    COMMON_DAT_PAGE,
];

const OP: ParIndex = ParIndex::of(PAGES, "op");
const PASSIVE: ParIndex = ParIndex::of(PAGES, "passive");

struct InfoDat(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(InfoDat(op))
}

impl Worker for InfoDat {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        // What operators say of themselves is another at each look.
        network.note_read(Source::Moment);
        let target = target(network, self.0, OP);
        let table = target.map_or_else(Table::new, |target| self.table_of(network, target));
        // The operator is there and holds a table: it is what cooks.
        let _ = put_table(network, self.0, table);
    }
}

impl InfoDat {
    fn table_of(&self, network: &Network, target: OpId) -> Table {
        if !network.eval(self.0, PASSIVE).is_on() {
            network.cook_to_look(target);
        }
        let worker = network.patch().get(target).and_then(|op| op.worker().cloned());
        worker.and_then(|worker| worker.info_table(network)).unwrap_or_else(|| problems(network, target))
    }
}

fn problems(network: &Network, target: OpId) -> Table {
    let mut rows = vec![["severity", "cause", "message", "remedy"].map(Rc::from)];
    if let Some(op) = network.patch().get(target) {
        rows.extend(op.problems.iter().map(|problem| {
            let severity = match problem.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            [Rc::from(severity), Rc::from(problem.cause), problem.message.clone(), problem.remedy.clone()]
        }));
    }
    // An operator has a problem or two, never more than a table holds.
    Table::from_rows(&rows).unwrap_or_default()
}
