//! Why a request is refused.

use std::fmt;

use crate::control::{MAX_EVENT, MAX_MEMBERS, MAX_MESSAGE, MAX_RATE};
use crate::names::MAX_NAME;
use crate::strings::StringsError;

/// Why a request of `csound.v1`, or one name of it, is refused. The text is what the client gets to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A binary message.
    #[error("a request is JSON in a text message, this one is binary")]
    Binary,
    /// A message of more than [`MAX_MESSAGE`] bytes.
    #[error("a request has at most {MAX_MESSAGE} bytes, this one has {0}")]
    TooLong(usize),
    /// A message that is not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// JSON that is no object.
    #[error("a request is a JSON object such as {{\"get\":[\"kamp\"]}}")]
    NotAnObject,
    /// An object that asks for nothing.
    #[error("nothing is asked for; a request is one of set, get, subscribe, unsubscribe or event")]
    Nothing,
    /// An object that asks for two things.
    #[error("one request in each message: {0} and {1} need two messages")]
    Several(&'static str, &'static str),
    /// An object with a key that means nothing.
    #[error(
        "`{key}` is not known here{}; a request is one of set, get, subscribe (with rate), unsubscribe or event",
        or(nearest)
    )]
    UnknownKey {
        /// The key.
        key: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// `rate` without `subscribe`.
    #[error("rate belongs to subscribe")]
    RateAlone,
    /// A rate that is out of range, or no number.
    #[error("rate is a number of messages a second from 1 to {MAX_RATE}")]
    Rate,
    /// Something else than what the request takes.
    #[error("{verb} takes {expected}")]
    Form {
        /// The request.
        verb: &'static str,
        /// What it takes, with an example.
        expected: &'static str,
    },
    /// A name that is not here.
    #[error("there is no variable `{name}`{}", or(nearest))]
    UnknownName {
        /// The name.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A name that is not here, and could be a software channel if the host allowed to set them.
    #[error(
        "there is no variable `{name}` to set{}; software channels can be set when the host's control setting is 1",
        or(nearest)
    )]
    ChannelsOff {
        /// The name.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A name that cannot be a software channel.
    #[error("the name of a software channel has 1 to {MAX_NAME} bytes, none of them zero")]
    ChannelName,
    /// A value for a software channel that is neither a number nor text.
    #[error("a software channel takes a number or a string, not {0}")]
    ChannelValue(&'static str),
    /// An outgoing name, to be set.
    #[error("`{0}` is sent by the host; clients cannot set it")]
    NotIncoming(String),
    /// An a-rate name.
    #[error("`{0}` is a-rate, which has no place in JSON; connect with its name as the sub-protocol")]
    Audio(String),
    /// An array that is too large to be sent as JSON.
    #[error(
        "`{name}` has {members} members, and JSON carries at most {MAX_MEMBERS}; connect with its name as the sub-protocol"
    )]
    TooManyMembers {
        /// The name.
        name: String,
        /// Members of the array.
        members: usize,
    },
    /// A value of another type than the variable.
    #[error("`{name}` is {kind} and takes {expected}, not {got}")]
    Type {
        /// The name.
        name: String,
        /// Its type as Csound writes it.
        kind: String,
        /// What it takes.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// An array of another size.
    #[error("`{name}` is {kind} and takes {expected} values, not {got}")]
    Members {
        /// The name.
        name: String,
        /// Its type as Csound writes it.
        kind: String,
        /// Members of the array.
        expected: usize,
        /// Values that came.
        got: usize,
    },
    /// A number that single precision cannot hold.
    #[error("a number for `{0}` is too large for 32-bit floats")]
    Range(String),
    /// A text that is longer than the host's limit.
    #[error("the text for `{name}` has {got} bytes, at most {limit} are taken")]
    TextTooLong {
        /// The name.
        name: String,
        /// Bytes that came.
        got: usize,
        /// Bytes that are taken.
        limit: usize,
    },
    /// A text that Csound cannot hold.
    #[error("`{name}`: {source}")]
    Text {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: StringsError,
    },
    /// A score event, which the host does not allow.
    #[error("score events are taken when the host's control setting is 2")]
    EventsOff,
    /// A score event that is empty, too long, or of several lines.
    #[error("a score event is one line of 1 to {MAX_EVENT} bytes such as \"i 1 0 1\"")]
    Event,
    /// A score event that goes on behind the end of its line.
    #[error("a score event ends with its line; this one lacks a quote, or begins a loop")]
    UnfinishedEvent,
    /// A name that went while its value was waited for.
    #[error("`{0}` has ended before it had a value")]
    Gone(String),
    /// What the host could not do, in its own words.
    #[error("{0}")]
    Host(String),
    /// More refusals wait to be read than are kept.
    #[error("further errors are left out, because they are not read fast enough")]
    TooMany,
}

/// What may have been meant, as a part of a sentence.
fn or(nearest: &Option<String>) -> impl fmt::Display + '_ {
    struct Or<'a>(&'a Option<String>);
    impl fmt::Display for Or<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.as_ref().map_or(Ok(()), |name| write!(f, ", did you mean `{name}`?"))
        }
    }
    Or(nearest)
}
