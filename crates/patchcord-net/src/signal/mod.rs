//! Signals of Csound's `websocket` opcode on tokio, in both roles and without a patch.
//!
//! A [`SignalHost`] offers signals on a port, as the opcode does; a [`SignalClient`] is connected to one signal of a host: a
//! Csound that runs the opcode, or a host of this kind. What values look like on the wire is their [`Layout`]; see
//! `patchcord-signal`. Everything runs on the thread's own tokio runtime, inside a `LocalSet`; what comes is handed over
//! inline, what is sent leaves with the next write. A slow reader loses its oldest values, and nobody else is affected.
//!
//! Values come as they arrive. Who needs a-rate blocks at an even pace puts a jitter buffer behind this, such as
//! [`patchcord_signal::playout`].

mod client;
mod host;
mod service;
mod sessions;
mod value;

pub use client::{ClientHandler, SignalClient};
pub use host::{ClientFacts, Figures, Handler, HostSettings, SignalHost};
pub use patchcord_signal::control::{ChannelValue, Level};
pub use patchcord_signal::message::MessageError;
pub use patchcord_signal::{Direction, FloatSize, Kind, Layout, LayoutError, NameError, Variable};
pub use value::{Unfit, Value};
