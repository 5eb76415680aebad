//! Datagrams: a [`UdpSocket`] that sends to one target and hears of what anybody sends to it.
//!
//! The target is a name or an address; a name is looked up out of the way, and again from time to time, and what is sent
//! meanwhile waits. What the system does not take at once waits, too; both are bounded, and what is sent beyond that is dropped,
//! as datagrams may be. Nothing here binds again by itself: who owns the socket decides.

mod error;
mod socket;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use crate::tcp::Stats;
pub use error::UdpError;
pub use socket::UdpSocket;

/// Bytes of the largest datagram: what IPv4 leaves for contents (RFC 768, RFC 791).
pub const MAX_DATAGRAM: usize = 65_507;

/// Datagrams that may wait, however small they are.
pub const MAX_WAITING: usize = 10_000;

/// Hears of a socket. Called on its thread, inline; it must not block.
pub trait Handler: 'static {
    /// The socket hears from now on.
    fn handle_open(&self) {}

    /// A datagram came.
    fn handle_datagram(&self, from: SocketAddr, bytes: &[u8]);

    /// Something could not be sent that had been accepted: the target's name cannot be looked up, or the system refuses.
    fn handle_error(&self, error: &UdpError);

    /// The socket failed and is closed.
    fn handle_failure(&self, error: &UdpError);

    /// Brackets the handing over of what one turn brought: must call `work` once.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Where datagrams go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Which addresses of a name count: those of IPv6, or those of IPv4.
    pub is_ipv6: bool,
}

/// Everything about a socket but its address. It can be changed while the socket is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where datagrams go.
    pub target: Option<Target>,
    /// They go to whoever has sent the latest one, and to the target only until somebody has.
    pub answers_last_sender: bool,
    /// They may go to broadcast and multicast addresses.
    pub broadcasts: bool,
    /// Multicast groups that the socket hears.
    pub groups: Vec<IpAddr>,
    /// The address of the network interface that multicast of IPv4 goes through; `None` is the system's choice.
    pub interface: Option<Ipv4Addr>,
    /// Bytes that may wait for the look-up of a name or for the system.
    pub queue: usize,
    /// Time for the look-up of a name.
    pub time_limit: Duration,
}

impl Default for Settings {
    /// No target, one machine at a time, 1 MiB, 5 s.
    fn default() -> Self {
        Settings {
            target: None,
            answers_last_sender: false,
            broadcasts: false,
            groups: Vec::new(),
            interface: None,
            queue: 1 << 20,
            time_limit: Duration::from_secs(5),
        }
    }
}
