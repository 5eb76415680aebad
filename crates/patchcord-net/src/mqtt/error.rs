//! Why there is no connection to a broker, in the words of who has to put it right.

use std::time::Duration;

use super::topic::TopicError;
use crate::client::DialError;

/// The end of a connection, or why there was none. The text says what is wrong, [`remedy`](MqttError::remedy) what to do
/// about it.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The broker could not be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Client id, user or password cannot stand in a packet.
    #[error("{what} cannot be sent: it is longer than 65,535 bytes or has a character that MQTT does not allow")]
    Login {
        /// Which of them.
        what: &'static str,
    },
    /// The broker answered, and does not let this client in.
    #[error("the broker refused the connection: {0}")]
    Refused(Refusal),
    /// Connected, and the broker said nothing.
    #[error("the broker did not answer within {} s", limit.as_secs_f64())]
    NoAnswer {
        /// The time that it had.
        limit: Duration,
    },
    /// It ended the connection in the place of an answer.
    #[error("the broker closed the connection without an answer")]
    ClosedEarly,
    /// What answered does not speak MQTT.
    #[error("what answers there does not speak MQTT: its answer begins with {start:?}")]
    NotMqtt {
        /// The first characters.
        start: String,
    },
    /// The broker broke the protocol.
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
    /// A packet of the broker is larger than the limit.
    #[error("a message of the broker is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// The broker answers no ping.
    #[error("the broker does not answer any more")]
    Silent,
    /// The broker said why it ends the connection (MQTT 5).
    #[error("the broker closed the connection: {0}")]
    Disconnected(String),
    /// The network, or the broker without a word, ended the connection.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Messages wait because the broker takes too few, and the queue's policy is to close then.
    #[error("the broker takes messages too slowly, and the queue is full")]
    SlowBroker,
    /// The broker sends messages and does not take the confirmations.
    #[error("the broker sends messages and does not read what they are answered with")]
    Unread,
    /// This program has a fault.
    #[error("the connection was ended by a panic: {0}")]
    Panicked(String),
}

/// What a broker's answer to a log-in means, of MQTT 3.1.1 and 5 alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not speak this version.
    #[error("it does not speak this version of MQTT")]
    Version,
    /// The client id is not allowed.
    #[error("it does not allow this client id")]
    ClientId,
    /// It is not in service.
    #[error("it is not available just now")]
    Unavailable,
    /// User and password are wrong.
    #[error("user name or password are wrong")]
    Credentials,
    /// This client may not connect.
    #[error("this client is not authorised to connect")]
    NotAuthorised,
    /// It says that another broker is to be used.
    #[error("another broker is to be used")]
    Elsewhere,
    /// Anything else, in the protocol's words.
    #[error("{0}")]
    Other(String),
}

impl MqttError {
    /// Whether the settings cannot be used: no attempt goes well before somebody has changed them.
    pub fn is_of_settings(&self) -> bool {
        match self {
            MqttError::Dial(error) => error.is_of_settings(),
            MqttError::Login { .. } => true,
            _ => false,
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            MqttError::Dial(error) => return error.remedy(),
            MqttError::Login { .. } => "shorten it, and take line breaks and invisible characters out",
            MqttError::Refused(refusal) => refusal.remedy(),
            MqttError::NoAnswer { .. } => {
                "correct the port: what listens there is no broker, or wants TLS; or allow more time"
            }
            MqttError::ClosedEarly => {
                "correct the port; if the broker wants TLS, switch `tls` on; see the broker's log"
            }
            MqttError::NotMqtt { .. } => {
                "correct the port: another kind of server listens on this one, or TLS is wanted"
            }
            MqttError::Protocol(_) => "see the broker's log; try the other version of MQTT",
            MqttError::TooLarge { .. } => "raise `maxmessage`, or subscribe to fewer topics",
            MqttError::Silent => "see that the network and the broker work",
            MqttError::Disconnected(_) | MqttError::Lost(_) | MqttError::Unread => "see the broker's log",
            MqttError::SlowBroker => "publish less, raise `maxqueue`, or choose another `slowreader`",
            MqttError::Panicked(_) => "this is a fault of the program",
        }
        .to_owned()
    }
}

impl Refusal {
    fn remedy(&self) -> &'static str {
        match self {
            Refusal::Version => "choose the other `protocol`",
            Refusal::ClientId => "set another `clientid`; brokers may allow certain ones alone",
            Refusal::Unavailable => "wait until the broker works again, or look into its log",
            Refusal::Credentials => "correct `username` and `password`",
            Refusal::NotAuthorised => {
                "set `username` and `password` to what the broker wants, or have it let this client in"
            }
            Refusal::Elsewhere => "ask whoever runs the broker for its address",
            Refusal::Other(_) => "see the broker's log",
        }
    }
}

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The topic is none.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// Larger than the queue, what the broker allows, or what the protocol can carry.
    #[error("the message is larger than {limit} bytes")]
    TooLarge {
        /// The most that can be sent, in bytes.
        limit: usize,
    },
    /// The broker keeps no messages for later.
    #[error("the broker keeps no retained messages")]
    Retain,
    /// As much as may wait does.
    #[error("the broker takes messages too slowly, and the queue is full")]
    Full,
    /// The protocol does not allow it now.
    #[error("{0}")]
    Other(String),
}

/// Why topics were not asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The filter is none.
    #[error("{filter:?}: {error}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        error: TopicError,
    },
    /// Too many requests are under way.
    #[error("too many subscriptions wait for the broker's answer")]
    TooMany,
    /// The protocol does not allow it now.
    #[error("{0}")]
    Other(String),
}
