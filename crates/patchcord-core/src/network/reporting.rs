//! Problems and changes of state: filed on operators, and said in the textport.

use std::rc::Rc;

use super::Network;
use crate::declaration::{ParIndex, Text};
use crate::patch::OpId;
use crate::problem::{Problem, Severity};
use crate::textport::LineKind;

impl Network {
    /// Files a problem on an operator; says it in the textport when it is news.
    pub fn report(&self, op: OpId, problem: Problem) {
        let news = {
            let mut patch = self.patch_mut();
            let Some(operator) = patch.get_mut(op) else { return };
            operator.problems.file(problem.clone()).then(|| operator.path().clone())
        };
        if let Some(path) = news {
            let kind = match problem.severity {
                Severity::Warning => LineKind::Warning,
                Severity::Error => LineKind::Error,
            };
            let text = if problem.remedy.is_empty() {
                problem.message
            } else {
                Rc::from(format!("{}; {}", problem.message, problem.remedy))
            };
            self.textport().say(kind, path, text);
        }
    }

    /// Removes the problem that was filed under a cause.
    pub fn clear_problem(&self, op: OpId, cause: &str) {
        self.clear_part(op, cause, "");
    }

    /// Removes the problem that was filed under a cause and a part of it.
    pub fn clear_part(&self, op: OpId, cause: &str, part: &str) {
        let is_it = |problem: &Problem| (problem.cause, &*problem.part) == (cause, part);
        let filed = self.patch().get(op).is_some_and(|op| op.problems.iter().any(is_it));
        if filed && let Some(op) = self.patch_mut().get_mut(op) {
            op.problems.clear(cause, part);
        }
    }

    pub(super) fn par_name(&self, op: OpId, index: ParIndex) -> Text {
        let parameter = self.patch().get(op).and_then(|op| op.parameter(index));
        parameter.map_or(Text::Borrowed(""), |parameter| parameter.name.clone())
    }

    /// Says a change of state of an operator.
    pub fn say_status(&self, op: OpId, text: impl Into<Rc<str>>) {
        let path = self.patch().path(op);
        self.textport().say(LineKind::Status, path, text);
    }

    pub(super) fn report_global(&self, severity: Severity, text: &str) {
        let kind = if severity == Severity::Error { LineKind::Error } else { LineKind::Warning };
        self.textport().say(kind, "", text);
    }
}
