//! Opening a socket at an address of this machine, with errors that a person can act on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why a socket cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("port {port} is in use")]
    InUse {
        /// The port.
        port: u16,
    },
    /// The system does not let this user listen there.
    #[error("listening on port {port} is not permitted")]
    NotPermitted {
        /// The port.
        port: u16,
    },
    /// The machine does not have the address.
    #[error("this machine has no address {address}")]
    NoSuchAddress {
        /// The address.
        address: IpAddr,
    },
    /// The address cannot be read.
    #[error("`{text}` is no address")]
    BadAddress {
        /// What was given.
        text: String,
    },
    /// Anything else.
    #[error("listening on {address} failed: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenError {
    /// Whether it may pass without anybody who changes something here: the other program ends, or the network comes up.
    pub fn may_pass(&self) -> bool {
        matches!(self, ListenError::InUse { .. } | ListenError::NoSuchAddress { .. })
    }

    /// What a person can do about it, for a server that tries again by itself what [may pass](Self::may_pass).
    pub fn remedy(&self) -> &'static str {
        match self {
            ListenError::InUse { .. } => {
                "choose another `port`, or end the program that has it; it is tried again every 2 s"
            }
            ListenError::NotPermitted { .. } => "choose a `port` above 1023",
            ListenError::NoSuchAddress { .. } => {
                "set `localaddress` to an address of this machine, or \"*\" for all; it is tried again every 2 s"
            }
            ListenError::BadAddress { .. } => "set `localaddress` to an IP address, `localhost`, or \"*\" for all",
            ListenError::Other { .. } => "pulse `restart` to try again",
        }
    }
}

/// Reads a local address: empty or `*` is every interface, `localhost` is 127.0.0.1, else an IPv4 or IPv6 address.
///
/// # Errors
/// [`ListenError::BadAddress`].
pub fn parse_address(text: &str) -> Result<IpAddr, ListenError> {
    match text.trim() {
        "" | "*" => Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        other => other.trim_matches(['[', ']']).parse().map_err(|_| ListenError::BadAddress { text: text.to_owned() }),
    }
}

/// Listens. The unspecified IPv6 address takes IPv4 too, and falls back to IPv4 where the system has no IPv6.
///
/// # Errors
/// [`ListenError`], with the reason.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    with_fallback(address, port, |address| {
        // A restarted show must not wait for the old connections' TIME_WAIT.
        let socket = bound(address, Type::STREAM, Protocol::TCP, true)?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    })
}

/// Opens a UDP socket, with addresses as for [`listen`]. `shares_port` lets other programs that do the same have the port, too,
/// as listeners of a multicast group do.
///
/// # Errors
/// [`ListenError`], with the reason.
pub fn bind_udp(address: IpAddr, port: u16, shares_port: bool) -> Result<UdpSocket, ListenError> {
    with_fallback(address, port, |address| {
        UdpSocket::from_std(bound(address, Type::DGRAM, Protocol::UDP, shares_port)?.into())
    })
}

/// Opens a socket, at every interface of IPv4 where the system has no IPv6.
fn with_fallback<S>(address: IpAddr, port: u16, open: impl Fn(SocketAddr) -> io::Result<S>) -> Result<S, ListenError> {
    let address = SocketAddr::new(address, port);
    match open(address) {
        Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && no_ipv6(&error) => {
            let fallback = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
            open(fallback).map_err(|error| reason(fallback, error))
        }
        other => other.map_err(|error| reason(address, error)),
    }
}

fn bound(address: SocketAddr, kind: Type, protocol: Protocol, reuses: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(reuses)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn no_ipv6(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| code == libc::EAFNOSUPPORT || code == libc::EADDRNOTAVAIL)
}

fn reason(address: SocketAddr, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { port: address.port() },
        io::ErrorKind::PermissionDenied => ListenError::NotPermitted { port: address.port() },
        io::ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress { address: address.ip() },
        _ => ListenError::Other { address, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert!(parse_address("*").unwrap().is_unspecified());
        assert!(parse_address("").unwrap().is_unspecified());
        assert_eq!(parse_address("localhost").unwrap(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(parse_address("[::1]").unwrap(), IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert!(matches!(parse_address("lan"), Err(ListenError::BadAddress { .. })));
    }

    #[tokio::test]
    async fn a_port_in_use_says_so() {
        let first = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let error = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), port).unwrap_err();
        assert_eq!(error.to_string(), format!("port {port} is in use"));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_says_so() {
        let error = listen(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0).unwrap_err();
        assert!(matches!(error, ListenError::NoSuchAddress { .. }));
    }
}
