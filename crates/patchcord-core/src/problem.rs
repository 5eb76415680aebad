//! Errors and warnings that stand on an operator until their cause is gone.
//!
//! A problem is filed under a cause, such as `listen` or `certificate`. Filing the same cause again replaces the old
//! problem; clearing the cause removes it. So an operator shows what is wrong now, not a history.

use std::rc::Rc;

use crate::declaration::Text;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operator does something other than what was asked for.
    Warning,
    /// The operator does not do its work.
    Error,
}

/// A problem of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// What the problem is filed under.
    pub cause: &'static str,
    /// Which of several things the cause is about, such as the parameter; mostly empty.
    pub part: Text,
    /// What happened, without the operator's name.
    pub message: Rc<str>,
    /// What a person can do about it; may be empty.
    pub remedy: Rc<str>,
    /// How often it was filed since it was last cleared.
    pub count: u64,
}

impl Problem {
    /// An error.
    pub fn error(cause: &'static str, message: impl Into<Rc<str>>, remedy: impl Into<Rc<str>>) -> Self {
        Problem {
            severity: Severity::Error,
            cause,
            part: Text::Borrowed(""),
            message: message.into(),
            remedy: remedy.into(),
            count: 1,
        }
    }

    /// A warning.
    pub fn warning(cause: &'static str, message: impl Into<Rc<str>>, remedy: impl Into<Rc<str>>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(cause, message, remedy) }
    }

    /// Files the problem for one of several things that the cause can be about.
    pub fn about(mut self, part: impl Into<Text>) -> Self {
        self.part = part.into();
        self
    }
}

/// The problems that stand on one operator.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Files a problem. Returns whether it is news: another cause or another message than before.
    pub fn file(&mut self, problem: Problem) -> bool {
        match self.0.iter_mut().find(|old| (old.cause, &old.part) == (problem.cause, &problem.part)) {
            Some(old) if old.message == problem.message && old.severity == problem.severity => {
                old.count += 1;
                false
            }
            Some(old) => {
                *old = problem;
                true
            }
            None => {
                self.0.push(problem);
                true
            }
        }
    }

    /// Removes the problem filed under a cause and part. Returns whether there was one.
    pub fn clear(&mut self, cause: &str, part: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|problem| (problem.cause, &*problem.part) != (cause, part));
        self.0.len() != before
    }

    /// All problems of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Problem> {
        self.0.iter().filter(move |problem| problem.severity == severity)
    }

    /// All problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_holds_one_problem_and_counts_repeats() {
        let mut problems = Problems::default();
        assert!(problems.file(Problem::error("listen", "port 80 is in use", "")));
        assert!(!problems.file(Problem::error("listen", "port 80 is in use", "")));
        assert_eq!(problems.iter().next().map(|p| p.count), Some(2));
        assert!(problems.file(Problem::error("listen", "port 81 is in use", "")));
        assert_eq!(problems.of(Severity::Error).count(), 1);
        assert!(problems.clear("listen", ""));
        assert!(!problems.clear("listen", ""));
    }

    #[test]
    fn parts_of_a_cause_stand_side_by_side() {
        let mut problems = Problems::default();
        problems.file(Problem::warning("expression", "a", "").about("port"));
        problems.file(Problem::warning("expression", "b", "").about("active"));
        assert!(problems.clear("expression", "port"));
        assert_eq!(problems.iter().map(|problem| &*problem.part).collect::<Vec<_>>(), ["active"]);
    }
}
