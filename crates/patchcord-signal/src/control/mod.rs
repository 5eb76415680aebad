//! The control protocol, sub-protocol `csound.v1`: signals by name in JSON, one object in each text message.
//!
//! | who | message | meaning |
//! |---|---|---|
//! | host | `{"hello":{"version":1,"sr":48000,"ksmps":64,"float":64,"control":0,"variables":[{"name":"kamp","type":"k","direction":"out"}]}}` | first, and again when the names change |
//! | client | `{"set":{"kfreq":440,"Sname":"x","karr":[1,2]}}` | sets incoming names; with [`Level::Values`] other names are software channels |
//! | client | `{"get":["kamp"]}` | the current values, once |
//! | client | `{"subscribe":["kamp"],"rate":30}` | values that have changed, the latest ones, at most `rate` messages a second (1 to 1000, 30 when it is left out) |
//! | client | `{"unsubscribe":["kamp"]}` | no more of them |
//! | client | `{"event":"i 1 0 1"}` | a score event, with [`Level::Events`] |
//! | host | `{"values":{"kamp":0.5}}` | numbers, nested arrays, text; `null` for what is not a number or has no value yet |
//! | host | `{"error":"…","of":…}` | why a request, or one name of it, was refused; `of` is the refused part in the request's form |
//!
//! A request is one of the five and nothing else. Names are taken one by one: the wrong one is refused and the others hold.
//! a-rate signals have too much for JSON; they are had by their name as the sub-protocol.
//!
//! [`Session`] is the state of one client at the host. It is told messages and the time, and asked what to send.

mod error;
mod json;
mod request;
mod session;

pub use error::ControlError;
pub use session::{NextPoll, Session};

use crate::layout::FloatSize;
use crate::names::NameId;

/// Its name as a sub-protocol.
pub const SUBPROTOCOL: &str = "csound.v1";
/// Most bytes of a request.
pub const MAX_MESSAGE: usize = 64 << 10;
/// Messages a second of a subscription that does not say.
pub const DEFAULT_RATE: f64 = 30.0;
/// Most messages a second of a subscription.
pub const MAX_RATE: f64 = 1000.0;
/// Most members of an array that can be got or watched in JSON.
pub const MAX_MEMBERS: usize = 4096;
/// Most bytes of a score event.
pub const MAX_EVENT: usize = 4096;

/// What clients may do beyond setting incoming names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing.
    #[default]
    Off,
    /// Set software channels.
    Values,
    /// Send score events as well.
    Events,
}

impl Level {
    /// The number that stands for it in settings and in the hello message.
    pub const fn number(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Values => 1,
            Self::Events => 2,
        }
    }

    /// The level of a number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Values),
            2 => Some(Self::Events),
            _ => None,
        }
    }
}

/// What a host says of itself, and its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Host {
    /// Samples a second.
    pub sr: f64,
    /// Samples of a k-cycle.
    pub ksmps: usize,
    /// Floats of its streams.
    pub float: FloatSize,
    /// What clients may do.
    pub level: Level,
    /// Most bytes of a text that is set.
    pub text: usize,
}

/// What a request asks the host to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Give a value to all who declare an incoming name.
    SetVariable {
        /// The name.
        id: NameId,
        /// The value in the form of cells; of the right size.
        payload: Vec<u8>,
    },
    /// Set a software channel.
    SetChannel {
        /// The channel; no zero byte, at most [`MAX_NAME`](crate::MAX_NAME) bytes.
        name: String,
        /// Its value.
        value: ChannelValue,
    },
    /// Send a score event: one line, no zero byte, at most [`MAX_EVENT`] bytes.
    Event(String),
}

/// The value of a software channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelValue {
    /// For a control channel. Finite.
    Number(f64),
    /// For a string channel; no zero byte.
    Text(String),
}
