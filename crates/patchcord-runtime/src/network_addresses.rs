//! Under which addresses other devices reach a server, as text and as a QR code.
//!
//! A server that listens on every interface says `0.0.0.0`, which nobody can type into a phone. Here the addresses
//! of the machine's interfaces stand in for it. Interfaces of containers and virtual machines are left out, because
//! no other device reaches them, and so are addresses that only work with an interface's name.

use std::net::{IpAddr, Ipv6Addr};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// Beginning of the status line with which a server says its address; the URL is the line's last word.
pub const LISTENING: &str = "listening on ";

/// Names of interfaces that lead to containers and virtual machines only.
const VIRTUAL: [&str; 8] = ["docker", "veth", "br-", "virbr", "vmnet", "vboxnet", "cni", "podman"];

/// URLs under which other devices reach a server on this address and port; empty for a loopback address.
pub fn lan_urls(scheme: &str, bind: IpAddr, port: u16) -> Vec<String> {
    if !bind.is_unspecified() {
        return urls(scheme, bind, port, &[]);
    }
    let interfaces: Vec<_> = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect(),
        Err(error) => {
            tracing::info!("the addresses of the network interfaces cannot be read: {error}");
            Vec::new()
        }
    };
    urls(scheme, bind, port, &interfaces)
}

/// The URLs that a status line promises to other devices; empty for a line that is about something else and for a
/// server that only this machine reaches.
pub fn urls_of_status(text: &str) -> Vec<String> {
    let Some((scheme, bind, port)) = text.strip_prefix(LISTENING).and_then(parse_url) else { return Vec::new() };
    lan_urls(scheme, bind, port)
}

/// A QR code in half blocks, drawn for light letters on a dark ground. Empty when the text is too long for one.
pub fn qr(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build()
}

fn urls(scheme: &str, bind: IpAddr, port: u16, interfaces: &[(String, IpAddr)]) -> Vec<String> {
    if !bind.is_unspecified() {
        return if bind.is_loopback() { Vec::new() } else { vec![url(scheme, bind, port)] };
    }
    let reachable = |(name, address): &&(String, IpAddr)| {
        let usable = match address {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
            IpAddr::V6(address) => bind.is_ipv6() && !address.is_loopback() && !address.is_unicast_link_local(),
        };
        usable && !VIRTUAL.iter().any(|prefix| name.starts_with(prefix))
    };
    let mut addresses: Vec<_> = interfaces.iter().filter(reachable).map(|(_, address)| *address).collect();
    // The short ones first: they are what people type.
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.into_iter().map(|address| url(scheme, address, port)).collect()
}

fn url(scheme: &str, address: IpAddr, port: u16) -> String {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match (scheme, port) {
        ("http" | "ws", 80) | ("https" | "wss", 443) => format!("{scheme}://{host}/"),
        _ => format!("{scheme}://{host}:{port}/"),
    }
}

/// Scheme, address and port of the URL that is the last word of a text.
fn parse_url(text: &str) -> Option<(&str, IpAddr, u16)> {
    let (scheme, rest) = text.split_whitespace().next_back()?.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (IpAddr::V6(host.parse::<Ipv6Addr>().ok()?), port),
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (host.parse().ok()?, port)
        }
    };
    let port = match (port.strip_prefix(':'), scheme) {
        (Some(port), _) => port.parse().ok()?,
        (None, "https" | "wss") => 443,
        (None, _) => 80,
    };
    Some((scheme, host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn interfaces() -> Vec<(String, IpAddr)> {
        [
            ("lo", "127.0.0.1"),
            ("wlan0", "2001:db8::7"),
            ("wlan0", "fe80::1"),
            ("wlan0", "192.168.1.7"),
            ("docker0", "172.17.0.1"),
            ("eth0", "169.254.3.4"),
            ("eth1", "10.0.0.2"),
        ]
        .map(|(name, address)| (name.to_owned(), ip(address)))
        .to_vec()
    }

    #[test]
    fn every_interface_stands_for_the_addresses_a_phone_can_use() {
        let all = interfaces();
        assert_eq!(urls("http", ip("0.0.0.0"), 9980, &all), ["http://192.168.1.7:9980/", "http://10.0.0.2:9980/"]);
        assert_eq!(urls("https", ip("::"), 443, &all).last().unwrap(), "https://[2001:db8::7]/");
        assert_eq!(urls("http", ip("192.168.1.7"), 80, &all), ["http://192.168.1.7/"]);
        assert!(urls("http", ip("127.0.0.1"), 9980, &all).is_empty());
    }

    #[test]
    fn only_lines_of_servers_are_understood() {
        assert_eq!(parse_url("https://[::]:9981/"), Some(("https", ip("::"), 9981)));
        assert_eq!(parse_url("(TLS) http://0.0.0.0/"), Some(("http", ip("0.0.0.0"), 80)));
        assert_eq!(parse_url("http://somewhere.example/"), None);
        assert_eq!(parse_url("http://1.2.3.4:99999/"), None);
        assert!(urls_of_status("listening on http://127.0.0.1:9980/").is_empty());
        assert!(urls_of_status("a script is listening on http://10.0.0.2/").is_empty());
        assert_eq!(urls_of_status("listening on http://10.0.0.2:81/"), ["http://10.0.0.2:81/"]);
    }

    #[test]
    fn a_code_is_square_and_has_a_light_margin() {
        let code = qr("http://192.168.1.7:9980/");
        let lines: Vec<_> = code.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()));
        assert!(lines[0].chars().all(|block| block == '█'));
        assert_eq!(qr(&"x".repeat(10_000)), "");
    }
}
