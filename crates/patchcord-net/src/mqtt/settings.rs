//! How to log in, what a connection may take, and what has passed over it.

use std::time::Duration;

use super::packet::Qos;

/// The largest packet that the protocol can carry, in bytes (MQTT 5, 2.1.4).
pub(super) const LARGEST: usize = 268_435_455;

/// The version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MqttVersion {
    /// 3.1.1, which every broker speaks.
    #[default]
    V3_1_1,
    /// 5, whose brokers say why they refuse something.
    V5,
}

/// Who logs in, and how. Its `Debug` output leaves the password out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The version to speak.
    pub version: MqttVersion,
    /// Name of this client at the broker, which lets one client of a name in at a time.
    pub client_id: String,
    /// User name.
    pub user: Option<String>,
    /// Password; MQTT 3.1.1 has none without a user name.
    pub password: Option<String>,
    /// Time without a packet after which this end pings; whole seconds up to 65,535. Zero pings never.
    pub keep_alive: Duration,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("user", &self.user)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

/// What happens to a message for which the queue has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FullQueue {
    /// It is not sent.
    #[default]
    DropNewest,
    /// The oldest that wait are not sent.
    DropOldest,
    /// The connection is closed.
    Close,
}

/// Bounds of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message that the broker may send; holds from the next connection on.
    pub message: usize,
    /// Bytes of messages that may wait to be sent.
    pub queue: usize,
    /// What happens to messages beyond that.
    pub full: FullQueue,
}

impl Default for Limits {
    /// 16 MiB, 16 MiB, drop the newest.
    fn default() -> Self {
        Limits { message: 16 << 20, queue: 16 << 20, full: FullQueue::default() }
    }
}

/// What the broker offers, where it says so (MQTT 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The largest packet that it takes, in bytes.
    pub largest: usize,
    /// The highest level of messages that it takes.
    pub highest_qos: Qos,
    /// Whether it keeps messages.
    pub retains: bool,
}

impl Default for Accepted {
    fn default() -> Self {
        Accepted { largest: LARGEST, highest_qos: Qos::ExactlyOnce, retains: true }
    }
}

/// What has passed over a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MqttStats {
    /// Messages that came.
    pub messages_in: u64,
    /// Messages that were sent.
    pub messages_out: u64,
    /// Bytes of their contents.
    pub bytes_in: u64,
    /// Bytes of the contents of those that were sent.
    pub bytes_out: u64,
    /// Messages that were dropped because the queue was full.
    pub dropped: u64,
}
