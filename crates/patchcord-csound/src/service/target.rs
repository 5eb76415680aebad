//! Where a client connects to: an address as it is written in an orchestra, with its host looked up.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use http::Uri;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::OpenError;
use super::settings::{Settings, kept};
use super::tls;

/// Why an address cannot be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not have the form of one.
    #[error("\"{url}\" is no address; it has the form ws://host:port/path")]
    Malformed {
        /// What was given.
        url: String,
    },
    /// Another scheme than those of WebSocket.
    #[error("\"{url}\" begins with neither ws:// nor wss://")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// User and password are not sent.
    #[error("the address has a user in it, which is not supported")]
    User,
    /// The host has no address.
    #[error("the host \"{host}\" cannot be found: {reason}")]
    UnknownHost {
        /// The host.
        host: String,
        /// What the system said.
        reason: String,
    },
}

/// A server to connect to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its addresses, at least one.
    pub(super) addresses: Vec<SocketAddr>,
    /// Host and port for the request.
    pub(super) host: String,
    /// Path and query.
    pub(super) path: String,
    /// With TLS: how, and the name that the certificate must have.
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The address as it is shown.
    pub(super) url: String,
    /// The settings of the port's number.
    pub(super) settings: Settings,
}

impl Target {
    /// Reads an address and looks its host up, which may take as long as the system lets it. With `wss` the setting
    /// `"certificate"` of the port's number names the authorities to trust.
    pub(super) fn find(url: &str, instance: usize) -> Result<Self, OpenError> {
        let (is_tls, host, port, uri) = parse(url)?;
        let settings = kept(instance, port);
        // An IPv6 address stands in brackets.
        let name = host.trim_matches(['[', ']']);
        let unknown = |reason: String| AddressError::UnknownHost { host: name.to_owned(), reason };
        let addresses: Vec<SocketAddr> = match name.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => (name, port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?.collect(),
        };
        if addresses.is_empty() {
            return Err(unknown("it has no address".to_owned()).into());
        }
        let tls = if is_tls {
            let server = ServerName::try_from(name.to_owned()).map_err(|error| unknown(error.to_string()))?;
            Some((tls::client(settings.certificate.as_deref())?, server))
        } else {
            None
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let authority = uri.authority().map_or(host.as_str(), |authority| authority.as_str()).to_owned();
        Ok(Self { addresses, host: authority, path, tls, url: url.trim().to_owned(), settings })
    }
}

/// Whether it is TLS, the host as it is written, the port, and the whole.
fn parse(url: &str) -> Result<(bool, String, u16, Uri), AddressError> {
    let url = url.trim();
    let malformed = || AddressError::Malformed { url: url.to_owned() };
    if !url.contains("://") {
        return Err(malformed());
    }
    let uri: Uri = url.parse().map_err(|_| malformed())?;
    let is_tls = match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
        Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
        _ => return Err(AddressError::Scheme { url: url.to_owned() }),
    };
    let authority = uri.authority().ok_or_else(malformed)?;
    if authority.as_str().contains('@') {
        return Err(AddressError::User);
    }
    let host = authority.host().to_owned();
    let port = match authority.port() {
        Some(port) => port.as_str().parse().ok().filter(|&port| port > 0).ok_or_else(malformed)?,
        None if authority.as_str().len() > host.len() => return Err(malformed()),
        None if is_tls => 443,
        None => 80,
    };
    if host.is_empty() { Err(malformed()) } else { Ok((is_tls, host, port, uri)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |url: &str| parse(url).map(|(is_tls, host, port, _)| (is_tls, host, port));
        assert_eq!(read("ws://127.0.0.1:9000"), Ok((false, "127.0.0.1".into(), 9000)));
        assert_eq!(read(" wss://show.example/live?a=b "), Ok((true, "show.example".into(), 443)));
        assert_eq!(read("WS://localhost"), Ok((false, "localhost".into(), 80)));
        assert_eq!(read("ws://[::1]:9000/"), Ok((false, "[::1]".into(), 9000)));
    }

    #[test]
    fn what_is_no_address_says_so() {
        let error = |url: &str| parse(url).unwrap_err().to_string();
        for url in ["", "localhost:9000", "ws://", "ws://:9000", "ws://a:0", "ws://a:99999", "ws://a b"] {
            assert!(
                error(url).ends_with("is no address; it has the form ws://host:port/path"),
                "{url}: {}",
                error(url)
            );
        }
        assert_eq!(error("http://a"), "\"http://a\" begins with neither ws:// nor wss://");
        assert_eq!(error("ws://u:p@a"), "the address has a user in it, which is not supported");
    }

    #[test]
    fn a_literal_address_needs_no_look_up_and_an_unknown_host_says_so() {
        let found = Target::find("ws://[::1]:9000/a?b=c", 1).unwrap();
        assert_eq!(found.addresses, ["[::1]:9000".parse().unwrap()]);
        assert_eq!((found.host.as_str(), found.path.as_str()), ("[::1]:9000", "/a?b=c"));
        let error = Target::find("ws://no-such-host.invalid", 1).unwrap_err();
        assert!(error.to_string().starts_with("the host \"no-such-host.invalid\" cannot be found: "), "{error}");
    }
}
