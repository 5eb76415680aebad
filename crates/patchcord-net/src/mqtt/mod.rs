//! A client of MQTT 3.1.1 and 5: from a broker's address to messages of topics.
//!
//! [`BrokerAddress`] reads the address. An [`MqttClient`] dials as every client here does, logs in, keeps the connection
//! alive, and reports exactly one end ([`MqttError`] says why); a new connection is a new client, and
//! [`Backoff`](crate::client::Backoff) says when. Sessions are clean: what the broker keeps of a client ends with the
//! connection, so who owns the client subscribes again.
//!
//! Packets and their rules are `mqtt-protocol-core`'s, which does no I/O; [`session`] holds one of its connections with
//! what it leaves to its user: bounded queues, deadlines, words for what went wrong.

mod address;
mod client;
mod error;
mod packet;
mod session;
mod settings;
mod topic;

pub use address::{BrokerAddress, BrokerAddressError};
pub use client::{Handler, MqttClient};
pub use error::{MqttError, PublishError, Refusal, SubscribeError};
pub use packet::Qos;
pub use settings::{Accepted, FullQueue, Limits, Login, MqttStats, MqttVersion};
pub use topic::{TopicError, check_filter, check_topic};
