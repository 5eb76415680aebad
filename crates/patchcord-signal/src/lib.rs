//! The signals of Csound's `websocket` opcode, without I/O and without a clock.
//!
//! A host offers named signals on a port; a client connects with a signal's name as the sub-protocol and gets its values,
//! or sends values, as raw floats without a header. One thread computes the signals and must never wait; another
//! one serves the sockets. What stands between them is here:
//!
//! - [`Layout`], [`samples`], [`strings`]: what values look like on the wire;
//! - [`outgoing`]: the ring from the performance thread to the sockets, in order;
//! - [`latest`], [`latest_text`]: the cell in the other direction, for what only the latest value of counts;
//! - [`playout`]: the jitter buffer in that direction, for a-rate signals;
//! - [`StreamLog`]: one encoded stream for many clients, each at its own pace;
//! - [`Names`]: who declares a name, who speaks, what a client gets;
//! - [`control`]: `csound.v1`, JSON messages that set and watch signals by name;
//! - [`Counters`]: what was sent, received and lost.
//!
//! Instants and counts are arguments, every buffer has a bound, and all of it works on one thread as well.
#![forbid(unsafe_code)]

pub mod control;
mod counters;
mod latest;
mod layout;
mod names;
mod nearest;
mod outgoing;
mod playout;
pub mod samples;
mod stream_log;
pub mod strings;

pub use counters::{Count, Counters};
pub use latest::{LatestReader, LatestWriter, TextReader, TextWriter, latest, latest_text};
pub use layout::{Direction, FloatSize, Kind, Layout, LayoutError, MAX_PAYLOAD, Variable};
pub use names::{
    Choice, Declared, Latest, MAX_NAME, MAX_NAMES, NameError, NameId, Names, Owner, Slot, Withdrawn, is_subprotocol,
};
pub use nearest::nearest;
pub use outgoing::{MAX_RING, MIN_VALUES, OutgoingReader, OutgoingWriter, outgoing, outgoing_text, values_in};
pub use playout::{Dry, MAX_BUFFER, Played, PlayoutReader, PlayoutSettings, PlayoutWriter, playout};
pub use stream_log::{Cursor, Pushed, StreamLimits, StreamLog};
