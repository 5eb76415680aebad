//! The textport: the lines that a patch says to people.
//!
//! Everything goes through here: what scripts print, what operators report, errors with their remedy. The textport
//! keeps the newest lines in memory and hands each line to a [`Sink`], which must not block; the program's sink is a
//! bounded queue in front of the terminal.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Lines that are kept for whoever looks later.
pub const KEPT_LINES: usize = 1000;

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Printed by a script.
    Print,
    /// A change of state, such as a server that listens.
    Status,
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// One line (or, for a traceback, a block of lines).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What kind of line it is.
    pub kind: LineKind,
    /// Path of the operator that it is about; empty when it is about none.
    pub path: Rc<str>,
    /// The text, without a line end.
    pub text: Rc<str>,
}

/// Where lines go. Must return at once.
pub trait Sink {
    /// Takes one line.
    fn line(&self, line: &Line);
}

/// Holds the newest lines and passes each on.
#[derive(Default)]
pub struct Textport {
    lines: RefCell<VecDeque<Line>>,
    sink: RefCell<Option<Rc<dyn Sink>>>,
}

impl Textport {
    /// Sets where lines go.
    pub fn set_sink(&self, sink: Rc<dyn Sink>) {
        *self.sink.borrow_mut() = Some(sink);
    }

    /// Says one line.
    pub fn say(&self, kind: LineKind, path: impl Into<Rc<str>>, text: impl Into<Rc<str>>) {
        let line = Line { kind, path: path.into(), text: text.into() };
        let sink = self.sink.borrow().clone();
        if let Some(sink) = sink {
            sink.line(&line);
        }
        self.keep(line);
    }

    /// Keeps a line that has reached people another way.
    pub fn keep(&self, line: Line) {
        let mut lines = self.lines.borrow_mut();
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Forgets the kept lines about an operator.
    pub fn forget(&self, path: &str) {
        self.lines.borrow_mut().retain(|line| *line.path != *path);
    }

    /// Copies of the kept lines, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.borrow().iter().cloned().collect()
    }
}
