//! A network with a folder of its own, an evaluator that tests can steer, and short ways to edit and look.

use std::path::PathBuf;
use std::rc::Rc;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::declaration::{OperatorType, ParIndex};
use patchcord_core::network::{Network, Project};
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;
use patchcord_core::value::OwnedValue;

/// A patch in a folder.
pub struct Stage {
    pub network: Network,
    folder: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        Self::with_types(patchcord_operators::types())
    }

    pub fn with_types(types: &[&'static OperatorType]) -> Self {
        let (network, folder) = (Network::new(types), tempfile::tempdir().unwrap());
        network.set_project(Project { name: "test".into(), folder: folder.path().into(), ..Project::default() });
        Stage { network, folder }
    }

    /// Makes an operator in a turn of its own.
    pub fn make(&self, kind: &str, name: &str) -> OpId {
        self.make_with(kind, name, &[])
    }

    /// Makes an operator and sets parameters, in one turn.
    pub fn make_with(&self, kind: &str, name: &str, parameters: &[(&str, OwnedValue)]) -> OpId {
        self.network.turn(|network| {
            let mut patch = network.patch_mut();
            let (root, kind) = (patch.root(), patch.find_type(kind).unwrap());
            let op = patch.create(root, kind, Some(name)).unwrap();
            for (par, value) in parameters {
                let index = patch.find_par(op, par).unwrap();
                patch.set_par(op, index, value).unwrap();
            }
            op
        })
    }

    pub fn par(&self, op: OpId, name: &str) -> ParIndex {
        self.network.patch().find_par(op, name).unwrap()
    }

    pub fn set(&self, op: OpId, par: &str, value: OwnedValue) {
        let index = self.par(op, par);
        self.network.turn(|network| network.patch_mut().set_par(op, index, &value)).unwrap();
    }

    pub fn pulse(&self, op: OpId, par: &str) {
        let index = self.par(op, par);
        self.network.turn(|network| network.patch_mut().pulse(op, index)).unwrap();
    }

    pub fn set_text(&self, op: OpId, text: &str) {
        self.network.turn(|network| network.patch_mut().set_text(op, text)).unwrap();
    }

    /// Content as text, after a cook.
    pub fn text(&self, op: OpId) -> String {
        self.network.turn(|network| network.cook(op));
        self.network.patch().get(op).unwrap().content().to_text().to_string()
    }

    pub fn set_table(&self, op: OpId, rows: &[&[&str]]) {
        let table = Table::from_rows(rows).unwrap();
        self.network.turn(|network| network.patch_mut().table_mut(op).unwrap().replace(table));
    }

    /// Cause and message of every problem of an operator.
    pub fn problems(&self, op: OpId) -> Vec<(&'static str, String)> {
        let patch = self.network.patch();
        let problems = patch.get(op).unwrap().problems.iter();
        problems.map(|problem| (problem.cause, problem.message.to_string())).collect()
    }

    /// What was said in the textport last.
    pub fn last_line(&self) -> String {
        self.network.textport().lines().last().map(|line| line.text.to_string()).unwrap_or_default()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn save(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Names of the files in the folder, in order.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn set_evaluator(&self, evaluate: impl Fn(&Network, OpId, &str) -> Result<OwnedValue, String> + 'static) {
        self.network.set_evaluator(Rc::new(Steered(Box::new(evaluate))));
    }
}

/// Runs a test in which operators start tasks.
pub fn with_event_loop(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async { test() });
}

pub fn on() -> OwnedValue {
    OwnedValue::Bool(true)
}

pub fn off() -> OwnedValue {
    OwnedValue::Bool(false)
}

pub fn str(text: &str) -> OwnedValue {
    OwnedValue::Str(text.to_owned())
}

type Evaluate = Box<dyn Fn(&Network, OpId, &str) -> Result<OwnedValue, String>>;

/// Computes as a test says; a script with a `?` does not compile.
struct Steered(Evaluate);

impl Evaluator for Steered {
    fn evaluate(&self, network: &Network, op: OpId, expression: &str) -> Result<OwnedValue, String> {
        (self.0)(network, op, expression)
    }

    fn bind_master(&self, _: &Network, _: OpId, _: &str) -> Result<(OpId, ParIndex), String> {
        Err("nothing is bound here".to_owned())
    }

    fn check_script(&self, _: &str, text: &str) -> Result<(), ScriptError> {
        let wrong = (1..).zip(text.lines()).find(|(_, line)| line.contains('?'));
        wrong.map_or(Ok(()), |(line, _)| Err(ScriptError { line, column: 1, message: "invalid syntax".into() }))
    }
}
