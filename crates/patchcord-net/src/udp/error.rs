//! Why a datagram was not sent, or a socket failed.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::{MAX_DATAGRAM, MAX_WAITING};
use crate::client::DialError;

/// Why. The text says what is wrong, [`remedy`](UdpError::remedy) what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UdpError {
    /// More than a datagram can hold.
    #[error("{size} bytes were not sent: a datagram has room for {MAX_DATAGRAM}")]
    TooLarge {
        /// What was to be sent, in bytes.
        size: usize,
    },
    /// There is no target, and nobody has sent anything to answer.
    #[error("a datagram was not sent: nothing says where to")]
    NoTarget,
    /// The target's name has no address.
    #[error("what waited for it was not sent: {0}")]
    LookUp(DialError),
    /// The socket is of the other family of addresses.
    #[error("a datagram was not sent: {to} cannot be reached from {from}, which is of the other version of IP")]
    OtherFamily {
        /// Where to.
        to: SocketAddr,
        /// The socket's address.
        from: SocketAddr,
    },
    /// The socket is one of this machine alone.
    #[error("a datagram was not sent: {to} is another machine, and {from} reaches this one alone")]
    OnlyThisMachine {
        /// Where to.
        to: SocketAddr,
        /// The socket's address.
        from: SocketAddr,
    },
    /// The address is one of many machines.
    #[error("a datagram was not sent: {to} is a broadcast or multicast address")]
    ToMany {
        /// Where to.
        to: SocketAddr,
    },
    /// Too much waits.
    #[error("a datagram was dropped: {limit} bytes may wait, in {MAX_WAITING} datagrams, and there is no room for it")]
    Full {
        /// The limit in bytes in force.
        limit: usize,
    },
    /// The system refused.
    #[error("a datagram to {to} was not sent: {source}")]
    Send {
        /// Where to.
        to: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A multicast group cannot be joined.
    #[error("the multicast group {group} cannot be joined: {reason}")]
    Group {
        /// The group.
        group: IpAddr,
        /// Why not.
        reason: String,
    },
    /// The socket cannot be used any more.
    #[error("the socket failed: {source}")]
    Failed {
        /// What the system said.
        source: io::Error,
    },
    /// It is closed.
    #[error("a datagram was not sent: the socket is closed")]
    Closed,
}

impl UdpError {
    /// What a person can do about it; may be empty.
    pub fn remedy(&self) -> String {
        match self {
            UdpError::TooLarge { .. } => "send it in pieces, or use TCP",
            UdpError::NoTarget => "set `netaddress` and `port`, or wait for a datagram where `autoaddress` is on",
            UdpError::LookUp(error) => return error.remedy(),
            UdpError::OtherFamily { to, .. } if to.is_ipv6() => "switch `localipv6` on",
            UdpError::OtherFamily { .. } => "switch `localipv6` off, or set `localaddress` to \"*\"",
            UdpError::OnlyThisMachine { .. } => {
                "set `localaddress` to \"*\", or to the address of this machine in that network"
            }
            UdpError::ToMany { .. } => "switch `broadcast` on, if many are meant",
            UdpError::Full { .. } => "send less at a time, or set `maxqueue` higher",
            UdpError::Send { .. } => "correct `netaddress` and `port`; see that the machine is in a network",
            UdpError::Group { .. } => "correct `groups` and `interface`; `localaddress` has to be \"*\"",
            UdpError::Failed { .. } => "switch `rebind` on, or pulse `reset`",
            UdpError::Closed => "",
        }
        .to_owned()
    }
}
