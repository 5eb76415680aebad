//! From parameters to where the socket is, where it sends to, and its bounds.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use patchcord_net::client::BackoffSettings;
use patchcord_net::udp::{Settings, Target};

use super::declaration::par;
use crate::host_and_port::parse_host;
use crate::par_reader::{ParReader, Wrong};

/// The longest delay before the socket is opened again.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Where the socket is, as it is written: another place takes another socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub address: Rc<str>,
    pub port: u16,
    pub is_ipv6: bool,
    /// The port is shared with others that hear a multicast group.
    pub shares_port: bool,
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
        Place {
            address: self.text(par::LOCALADDRESS),
            port: self.size(par::LOCALPORT) as u16,
            is_ipv6: self.on(par::LOCALIPV6),
            shares_port: !self.text(par::GROUPS).trim().is_empty(),
        }
    }

    /// Settings, and what is wrong with what is written and was left out.
    pub(super) fn settings(&self) -> (Settings, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let target = match &*self.text(par::NETADDRESS) {
            "" => None,
            text => match parse_host(text, "udp", self.size(par::PORT) as u16) {
                Ok((host, port)) => Some(Target { host, port, is_ipv6: self.on(par::IPV6) }),
                Err(error) => {
                    wrong.push((error.to_string(), "set `netaddress` to a name or an IP address".to_owned()));
                    None
                }
            },
        };
        let mut groups: Vec<IpAddr> = Vec::new();
        for word in self.words(par::GROUPS) {
            match word.parse() {
                Ok(group) if !groups.contains(&group) => groups.push(group),
                Ok(_) => {}
                Err(_) => wrong.push((format!("`{word}` is no address"), "correct `groups`".to_owned())),
            }
        }
        let interface = match self.text(par::INTERFACE).trim() {
            "" => None,
            text => match text.parse::<Ipv4Addr>() {
                Ok(address) => Some(address),
                Err(_) => {
                    let message = format!("`{text}` is no IPv4 address");
                    wrong.push((message, "correct `interface`".to_owned()));
                    None
                }
            },
        };
        let settings = Settings {
            target,
            answers_last_sender: self.on(par::AUTOADDRESS),
            broadcasts: self.on(par::BROADCAST),
            groups,
            interface,
            queue: self.size(par::MAXQUEUE),
            time_limit: Duration::from_millis(self.size(par::TIMEOUT) as u64),
        };
        (settings, wrong)
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        let first = self.seconds(par::REBINDDELAY);
        BackoffSettings { first, longest: LONGEST_DELAY, jitter: 0.0, attempts: 0 }
    }
}
