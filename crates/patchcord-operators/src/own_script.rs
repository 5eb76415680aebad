//! DATs that are their own script: Execute DAT, DAT Execute, CHOP Execute and Parameter Execute DAT.
//!
//! The text of the DAT has the functions; toggles say which are called. The text can stand in a file, and is checked when
//! it changes. [`OwnScript`] is what all of them do alike.

use std::cell::OnceCell;
use std::rc::Rc;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::change::Change;
use patchcord_core::declaration::{MenuEntry, ParIndex, Parameter};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::Value;

use crate::dat_file::{DatFile, FileParameters};
use crate::language::CompileCheck;

/// Operators that one Execute DAT watches at most.
pub(crate) const MAX_WATCHED: usize = 10_000;

/// From where the script of a DAT that watches others looks for operators.
pub(crate) const EXECUTE_FROM: Parameter = Parameter::menu(
    "executeloc",
    "Execute from",
    "here",
    &[
        MenuEntry::new("current", "Current Node"),
        MenuEntry::new("here", "Here"),
        MenuEntry::new("op", "Specified Operator"),
    ],
)
.help("From where relative paths of the script count: this DAT, or the operator in `fromop`.");

/// The operator that [`EXECUTE_FROM`] can choose.
pub(crate) const FROM_OPERATOR: Parameter =
    Parameter::op("fromop", "From Operator").help("Used with `executeloc` = op.");

/// Script, file and check of a DAT.
pub(crate) struct OwnScript {
    pub op: OpId,
    file: DatFile,
    check: CompileCheck,
    at: &'static FileParameters,
    /// Asked for when it is needed first: asking loads the script, and an inactive DAT's script is not to run.
    callbacks: OnceCell<Rc<dyn Callbacks>>,
}

impl OwnScript {
    pub fn start(network: &Network, op: OpId, at: &'static FileParameters) -> Self {
        OwnScript {
            op,
            file: DatFile::start(network, op, at),
            check: CompileCheck::new(op),
            at,
            callbacks: OnceCell::new(),
        }
    }

    /// Checks the text as it is now.
    pub fn check(&self, network: &Network) {
        self.check.run(network);
    }

    /// Does what a change means for the file and the check.
    pub fn handle_change(&self, network: &Network, change: &Change) {
        self.file.handle_change(network, change);
        match change {
            Change::Parameter { index, .. } if *index == self.at.language || *index == self.at.file => {
                self.check.run(network);
            }
            Change::Content { .. } => self.check.run(network),
            _ => {}
        }
    }

    /// Whether a toggle is on.
    pub fn is_on(&self, network: &Network, toggle: ParIndex) -> bool {
        network.eval(self.op, toggle).is_on()
    }

    /// Calls a function of the script, if it has it. What goes wrong in it, its caller has shown on this operator.
    pub fn call(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) {
        let callbacks = self.callbacks(network);
        if callbacks.defines(network, callback) {
            let start = network.now();
            network.turn(|network| callbacks.tell(network, callback, arguments));
            network.note_cook(self.op, start);
        }
    }

    /// How many arguments a function takes; 0 when there is none.
    pub fn takes(&self, network: &Network, callback: usize) -> usize {
        let callbacks = self.callbacks(network);
        if callbacks.defines(network, callback) { callbacks.takes(network, callback) } else { 0 }
    }

    fn callbacks(&self, network: &Network) -> Rc<dyn Callbacks> {
        // Asking may run the script, so the cell is not to be in use meanwhile.
        let known = self.callbacks.get().cloned().unwrap_or_else(|| network.callbacks_for(self.op));
        self.callbacks.get_or_init(|| known).clone()
    }
}

/// The operators that a parameter names now, at most [`MAX_WATCHED`]; `fits` chooses among them.
pub(crate) fn named(network: &Network, op: OpId, index: ParIndex, fits: impl Fn(OpId) -> bool) -> Vec<OpId> {
    let names = network.eval(op, index).to_text();
    let found = {
        let patch = network.patch();
        patch.find_all(patch.network_of(op), &names)
    };
    found.into_iter().filter(|found| *found != op && fits(*found)).take(MAX_WATCHED).collect()
}
