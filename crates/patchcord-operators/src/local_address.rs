//! The parameters that say where plain sockets of this machine listen, and what to do when they cannot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use patchcord_core::declaration::Parameter;
use patchcord_net::listen::{ListenError, parse_address};

pub(crate) const LOCAL_ADDRESS: Parameter = Parameter::str("localaddress", "Local Address", "localhost").help(
    "Address of this machine to listen on. `localhost` lets only this machine in. \"*\" or empty is every interface.",
);

pub(crate) const LOCAL_IPV6: Parameter = Parameter::toggle("localipv6", "Local IPv6", false)
    .help("`localhost` is ::1 and not 127.0.0.1, and every interface is those of IPv6 and IPv4 and not of IPv4 alone.");

/// Reads both. An IP address is itself, whatever the version.
///
/// # Errors
/// [`ListenError::BadAddress`].
pub(crate) fn local_address(text: &str, is_ipv6: bool) -> Result<IpAddr, ListenError> {
    let address = parse_address(text)?;
    let is_named = text.trim().parse::<IpAddr>().is_err() && !text.contains('[');
    Ok(match (is_named, address.is_loopback(), is_ipv6) {
        (false, ..) => address,
        (true, true, true) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        (true, true, false) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        (true, false, true) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        (true, false, false) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    })
}

/// What a person can do about a socket that cannot be had; `port` is the name of the parameter.
pub(crate) fn remedy(error: &ListenError, port: &str, again: &str) -> String {
    match error {
        ListenError::InUse { .. } => format!("choose another `{port}`, or end the program that has it; {again}"),
        ListenError::NotPermitted { .. } => format!("choose a `{port}` above 1023"),
        ListenError::NoSuchAddress { .. } => {
            format!("set `localaddress` to an address of this machine, or \"*\" for all; {again}")
        }
        ListenError::BadAddress { .. } => error.remedy().to_owned(),
        ListenError::Other { .. } => again.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_version_and_addresses_are_themselves() {
        for (text, is_ipv6, address) in [
            ("localhost", false, "127.0.0.1"),
            ("localhost", true, "::1"),
            ("*", false, "0.0.0.0"),
            ("", true, "::"),
            ("127.0.0.1", true, "127.0.0.1"),
            ("[::1]", false, "::1"),
        ] {
            assert_eq!(local_address(text, is_ipv6).unwrap(), address.parse::<IpAddr>().unwrap(), "{text} {is_ipv6}");
        }
        assert!(local_address("lan", false).is_err());
    }

    #[test]
    fn remedies_promise_no_more_than_the_switch_does() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for error in [ListenError::InUse { port: 1 }, ListenError::NoSuchAddress { address }] {
            let remedy = remedy(&error, "localport", "then pulse `reset`");
            assert!(remedy.ends_with("; then pulse `reset`") && !remedy.contains("tried again"), "{remedy}");
        }
    }
}
