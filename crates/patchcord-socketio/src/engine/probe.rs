//! Going over from polling to a WebSocket, in the order of the reference client: open it, ask (`2probe`), hear (`3probe`),
//! let the requests that are out end, say so (`5`). Whatever goes wrong before the last step leaves the session on polling.

use std::time::Instant;

/// How far the change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProbeStep {
    /// The WebSocket is to be opened.
    Wanted,
    /// It is being opened.
    Dialling,
    /// It is open, the question is to be sent.
    Opened,
    /// The question is out.
    Asked,
    /// It was answered: no new request is made, and those that are out are waited for.
    Pausing,
}

/// A change of transport in progress.
#[derive(Debug)]
pub(crate) struct Probe {
    pub step: ProbeStep,
    /// When it is given up.
    pub deadline: Option<Instant>,
}

/// The text of the question and of its answer.
pub(crate) const PROBE: &str = "probe";
