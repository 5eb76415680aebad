//! The works that every client of Socket.IO is measured with, and what ours must reach in them.

use super::super::comparison::work::Work;

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event that the client takes; the server sends without a pause for the length of a window.
    Receive,
    /// An event that the client sends; it sends without a pause for the length of a window.
    Send,
    /// An event that the client sends back before the next one comes.
    Echo,
    /// An event of the server that the client acknowledges before the next one comes.
    Answer,
    /// An event of the client that the server acknowledges, behind which the client sends the next one.
    Request,
    /// As [`Receive`](Self::Receive), with a number of events, to see whether the memory grows.
    Endless {
        /// How many.
        events: u64,
    },
}

/// Every work, in the order of the report.
pub static WORKS: [Work<Kind>; 8] = [
    Work { id: "receive-64", title: "Receiving events of 64 B", kind: Kind::Receive, bytes: 64 },
    Work { id: "receive-1k", title: "Receiving events of 1 KiB", kind: Kind::Receive, bytes: 1024 },
    Work { id: "send-64", title: "Sending events of 64 B", kind: Kind::Send, bytes: 64 },
    Work { id: "send-1k", title: "Sending events of 1 KiB", kind: Kind::Send, bytes: 1024 },
    Work { id: "echo-64", title: "Echo of 64 B, one in flight", kind: Kind::Echo, bytes: 64 },
    Work { id: "answer-64", title: "Acknowledging an event of 64 B, one in flight", kind: Kind::Answer, bytes: 64 },
    Work {
        id: "request-64",
        title: "An event of 64 B that the server acknowledges, one in flight",
        kind: Kind::Request,
        bytes: 64,
    },
    Work { id: "endless", title: "Ten million events of 64 B", kind: Kind::Endless { events: 10_000_000 }, bytes: 64 },
];

/// Events per CPU second of 64 bytes, received into the table or sent, as a multiple of the best peer's.
pub const BAR_SMALL: f64 = 3.0;
/// The same for 1 KiB.
pub const BAR_LARGE: f64 = 2.0;
/// Events per CPU second with a Python callback for each, as a multiple of python-socketio's.
pub const BAR_PYTHON: f64 = 2.0;
/// Most CPU microseconds that a logic graph adds to an event that goes into the table.
pub const BAR_GRAPH: f64 = 5.0;
/// Round trips, median and 99th percentile, as a multiple of the best peer's.
pub const BAR_ROUND_TRIP: f64 = 1.15;
/// Most resident memory above that of the idle program, in bytes.
pub const BAR_MEMORY: f64 = 15e6;
/// What resident memory may grow by from the first million events to the tenth, in bytes, and still be called flat.
pub const BAR_FLAT: f64 = 1e6;
