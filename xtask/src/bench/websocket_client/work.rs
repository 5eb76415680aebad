//! The works that every WebSocket client is measured with, and what ours must reach in them.

use super::super::comparison::work::Work;

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text message that the client takes; the server sends without a pause for the length of a window.
    Flood,
    /// The same, with a number of messages that the client keeps all of.
    Fill {
        /// How many.
        messages: u64,
    },
    /// A text message that the client sends back before the next one comes.
    Echo,
}

/// Every work, in the order of the report.
pub static WORKS: [Work<Kind>; 4] = [
    Work { id: "flood-64", title: "Flood of 64 B", kind: Kind::Flood, bytes: 64 },
    Work { id: "flood-1k", title: "Flood of 1 KiB", kind: Kind::Flood, bytes: 1024 },
    Work {
        id: "million",
        title: "A million rows of 64 B, clamp off",
        kind: Kind::Fill { messages: 1_000_000 },
        bytes: 64,
    },
    Work { id: "echo-64", title: "Echo of 64 B, one in flight", kind: Kind::Echo, bytes: 64 },
];

/// Messages per CPU second with callback and table, as a multiple of picows with a handler that does nothing.
pub const BAR_PICOWS: f64 = 1.2;
/// The same as a multiple of `websockets`.
pub const BAR_WEBSOCKETS: f64 = 2.0;
/// Messages per CPU second without callback, as a multiple of the bare program.
pub const BAR_BARE: f64 = 0.8;
/// Growth of the resident set by a million rows, as a multiple of the bytes of their messages.
pub const BAR_MEMORY: f64 = 2.0;
/// Median round trip as a multiple of the best peer's.
pub const BAR_ROUND_TRIP: f64 = 1.15;
