//! What the families of connections have in common: Start and Stop, On Start and On Stop.

use crate::declaration::Behaviour;
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::ports::{ConnectionRequest, Occurrence};

/// A Start or a Stop.
pub(super) struct Starts {
    /// The connection, by its position in the graph.
    pub connection: usize,
    /// Whether it is a Stop.
    pub stops: bool,
}

impl Behaviour for Starts {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let request = if self.stops { ConnectionRequest::Stop } else { ConnectionRequest::Start };
        turn.connection(self.connection, request)?;
        Ok(Flow::Next)
    }

    fn connection(&self) -> Option<usize> {
        Some(self.connection)
    }
}

/// An event that carries nothing.
pub(super) struct Listener {
    /// What it waits for.
    pub listen: Listen,
}

impl Behaviour for Listener {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        self.listen
    }

    fn handle(&self, _: &mut Turn<'_>, _: &Occurrence) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }
}
