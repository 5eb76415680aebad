//! Where a plain socket sends to, as people write it: a name or an IP address, perhaps with a scheme before and a port behind.

/// Why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing is written.
    #[error("there is no address")]
    Empty,
    /// Another protocol's scheme.
    #[error("`{scheme}` is another protocol than {wanted}")]
    Scheme {
        /// The scheme that is written.
        scheme: String,
        /// The one that could be.
        wanted: &'static str,
    },
    /// The port is no number from 1 to 65535.
    #[error("`{port}` is no port")]
    Port {
        /// What stands in its place.
        port: String,
    },
    /// No name and no IP address.
    #[error("`{host}` is neither a name nor an IP address")]
    Host {
        /// What is written.
        host: String,
    },
}

/// Reads name or IP address and port. A port in the text counts before `port`.
///
/// # Errors
/// [`HostError`].
pub fn parse_host(text: &str, scheme: &'static str, port: u16) -> Result<(String, u16), HostError> {
    let text = text.trim();
    let authority = match text.split_once("://") {
        Some((written, rest)) if written.eq_ignore_ascii_case(scheme) => rest,
        Some((written, _)) => return Err(HostError::Scheme { scheme: written.to_owned(), wanted: scheme }),
        None => text,
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, written) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
        // More than one colon is an IPv6 address.
        None => match authority.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (authority, None),
        },
    };
    if host.is_empty() {
        return Err(HostError::Empty);
    }
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !host.chars().all(is_host) && host.parse::<std::net::IpAddr>().is_err() {
        return Err(HostError::Host { host: host.to_owned() });
    }
    let port = match written {
        None => port,
        Some(text) => {
            let number = text.parse().ok().filter(|port| *port != 0);
            number.ok_or_else(|| HostError::Port { port: text.to_owned() })?
        }
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("localhost", "localhost", 7),
            (" desk-3.local ", "desk-3.local", 7),
            ("192.168.1.20:9000", "192.168.1.20", 9000),
            ("tcp://10.0.0.1:80/", "10.0.0.1", 80),
            ("TCP://host", "host", 7),
            ("::1", "::1", 7),
            ("[fe80::2]:65535", "fe80::2", 65535),
            ("[::1]", "::1", 7),
        ] {
            assert_eq!(parse_host(text, "tcp", 7), Ok((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_said() {
        for (text, error) in [
            ("", "there is no address"),
            (":80", "there is no address"),
            ("http://host", "`http` is another protocol than tcp"),
            ("host:0", "`0` is no port"),
            ("host:99999", "`99999` is no port"),
            ("host:", "`` is no port"),
            ("a host", "`a host` is neither a name nor an IP address"),
            ("host/path", "`host/path` is neither a name nor an IP address"),
            ("::zz", "`::zz` is neither a name nor an IP address"),
            ("[::1]x", "`x` is no port"),
        ] {
            assert_eq!(parse_host(text, "tcp", 7).unwrap_err().to_string(), error, "{text}");
        }
    }
}
