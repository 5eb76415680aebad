//! The signals of Csound's `websocket` opcode, without I/O and without a clock.
//!
//! A host offers named signals on a port; a client connects with a signal's name as the sub-protocol and gets its values,
//! or sends values, as raw floats without a header. One thread computes the signals and must never wait; another
//! one serves the sockets. What stands between them is here:
//!
//! - [`Layout`], [`message`], [`samples`], [`strings`]: what values look like on the wire;
//! - [`outgoing()`]: the ring from the performance thread to the sockets, in order;
//! - [`latest()`], [`latest_text`]: the cell in the other direction, for what only the latest value of counts;
//! - [`playout()`]: the jitter buffer in that direction, for a-rate signals;
//! - [`StreamLog`]: one encoded stream for many clients, each at its own pace;
//! - [`Names`]: who declares a name, who speaks, what a client gets;
//! - [`control`]: `csound.v1`, JSON messages that set and watch signals by name;
//! - [`Counters`]: what was sent, received and lost.
//!
//! Instants and counts are arguments, every buffer has a bound, and all of it works on one thread as well.
//!
//! A number on its way from a performance thread to two clients, and another one back:
//!
//! ```
//! use std::time::{Duration, Instant};
//! use patchcord_signal::*;
//!
//! let layout = Layout::new(Kind::Control, FloatSize::F64, 1, &[])?;
//! let variable = |name: &str, direction| Variable { name: name.into(), layout: layout.clone(), direction };
//!
//! // When a note begins: its names, and what its two signals go through.
//! let mut names = Names::new();
//! let declared = names.declare(&[variable("kamp", Direction::Outgoing), variable("kfreq", Direction::Incoming)])?;
//! let counters = Counters::new();
//! let period = Duration::from_micros(1333);
//! let values = values_in(&layout, Duration::from_secs(1), period);
//! let (mut kamp, mut kamp_values) = outgoing(&layout, values, &counters);
//! let (mut kfreq_store, mut kfreq) = latest(&layout);
//!
//! // A client offers the name as its sub-protocol and joins the stream behind the answer to its handshake.
//! assert_eq!(names.choose(["kamp"]), Choice::Named(declared.names[0]));
//! let mut stream = StreamLog::new(StreamLimits { bytes: 1 << 20, age: Duration::from_secs(1) });
//! let one = stream.join(b"HTTP/1.1 101 ...".to_vec());
//! let two = stream.join(b"HTTP/1.1 101 ...".to_vec());
//! kamp_values.set_listeners(2);
//!
//! // The performance thread, every k-cycle.
//! assert!(kamp.publish(&0.5f64.to_le_bytes()), "the thread that serves has to be woken");
//!
//! // The thread that serves: the frame is encoded once and written to each client as far as its socket takes it.
//! let mut value = Vec::new();
//! while kamp_values.pop(&mut value).is_some() {
//!     stream.push(Instant::now(), |out| {
//!         out.extend_from_slice(&[0x82, 8]); // a binary frame of eight bytes
//!         out.append(&mut value);
//!     });
//! }
//! let written = stream.pending(&one).concat().len();
//! stream.advance(&one, written);
//! assert!(stream.has_all(&one) && !stream.has_all(&two));
//!
//! // A client sends: the latest value is what the next k-cycle sees.
//! for hertz in [220.0f64, 440.0] {
//!     assert!(kfreq_store.store(&hertz.to_le_bytes()), "a value has the size of its layout");
//! }
//! let mut bytes = [0; 8];
//! assert!(kfreq.take(&mut bytes));
//! assert_eq!(f64::from_le_bytes(bytes), 440.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod blocks;
pub mod control;
mod counters;
#[doc(hidden)]
pub mod fuzz;
mod latest;
mod layout;
pub mod message;
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
