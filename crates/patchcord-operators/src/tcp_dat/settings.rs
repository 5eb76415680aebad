//! From parameters to where a connection goes, where a server listens, and their bounds.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use patchcord_net::client::BackoffSettings;
use patchcord_net::listen::ListenError;
use patchcord_net::tcp::{Settings, Target};

use super::declaration::par;
use crate::host_and_port::parse_host;
use crate::local_address::local_address;
use crate::par_reader::{ParReader, Wrong};

/// What decides with whom the operator speaks, as it is written: another one begins anew, or moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The server of a client.
    Server { address: Rc<str>, port: usize, only_ipv6: bool },
    /// Where a server listens.
    Local { address: Rc<str>, port: usize, is_ipv6: bool },
}

/// Reads the parameters of an operator.
pub(super) struct Reader<'a>(pub ParReader<'a>);

impl<'a> std::ops::Deref for Reader<'a> {
    type Target = ParReader<'a>;

    fn deref(&self) -> &ParReader<'a> {
        &self.0
    }
}

impl Reader<'_> {
    pub(super) fn place(&self) -> Place {
        let (port, ipv6) = (self.size(par::PORT), self.on(par::LOCALIPV6));
        if self.on(par::SERVER) {
            Place::Local { address: self.text(par::LOCALADDRESS), port, is_ipv6: ipv6 }
        } else {
            Place::Server { address: self.text(par::NETADDRESS), port, only_ipv6: ipv6 }
        }
    }

    pub(super) fn settings(&self) -> Settings {
        let keep_alive = Duration::from_secs(self.size(par::KEEPALIVE) as u64);
        Settings { queue: self.size(par::MAXQUEUE), keep_alive }
    }

    pub(super) fn max_clients(&self) -> usize {
        self.size(par::MAXCLIENTS)
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        BackoffSettings {
            first: self.seconds(par::RECONNECTDELAY),
            longest: self.seconds(par::RECONNECTLONGEST),
            jitter: self.number(par::RECONNECTJITTER),
            attempts: self.size(par::RECONNECTATTEMPTS) as u32,
        }
    }

    pub(super) fn time_limit(&self) -> Duration {
        Duration::from_millis(self.size(par::TIMEOUT) as u64)
    }
}

/// Where to connect to.
pub(super) fn target(address: &str, port: usize, only_ipv6: bool, time_limit: Duration) -> Result<Target, Wrong> {
    let (host, port) = parse_host(address, "tcp", port as u16)
        .map_err(|error| (error.to_string(), "set `netaddress` to a name or an IP address".to_owned()))?;
    Ok(Target { host, port, only_ipv6, time_limit })
}

/// Where to listen.
pub(super) fn listen_address(address: &str, port: usize, is_ipv6: bool) -> Result<(IpAddr, u16), ListenError> {
    Ok((local_address(address, is_ipv6)?, port as u16))
}
