//! Going through a proxy: HTTP `CONNECT` (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, passwords by RFC 1929). Names are
//! looked up by the proxy.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::address::{basic, split_port};
use super::error::{DialError, lost};
use super::progress::Phase;

/// Bytes of the longest head that a proxy may answer with.
const MAX_HEAD: usize = 16 * 1024;
/// Header fields of that head.
const MAX_FIELDS: usize = 64;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP with `CONNECT`.
    Http,
    /// SOCKS, version 5.
    Socks5,
}

/// A proxy. As text it leaves user and password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: ProxyKind,
    /// With the scheme `http` whatever the kind, because that is what hosts are parsed by.
    url: Url,
}

/// Why a text names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyAddressError {
    /// Not a kind of proxy that is spoken here.
    #[error("`{scheme}://` is no kind of proxy")]
    Scheme {
        /// What is written.
        scheme: String,
    },
    /// Host or port cannot be read.
    #[error("`{text}` is no address of a proxy")]
    Host {
        /// What is written behind the user.
        text: String,
    },
}

impl ProxyAddressError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            ProxyAddressError::Scheme { .. } => "begin the proxy's address with http:// or socks5://",
            ProxyAddressError::Host { .. } => {
                "write the proxy as http://host:port or socks5://host:port, with user:password@ before the host if it \
                 wants them"
            }
        }
    }
}

/// Why a proxy does not connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// An HTTP proxy answered with this status.
    #[error("it answered {status} {reason}")]
    Status {
        /// The status.
        status: u16,
        /// The words beside it.
        reason: String,
    },
    /// A SOCKS proxy answered with this code (RFC 1928 §6).
    #[error("{} (SOCKS code {code})", socks_words(*.code))]
    Socks {
        /// The code.
        code: u8,
    },
    /// It wants a user and a password, and none are set.
    #[error("it wants a user and a password")]
    PasswordNeeded,
    /// It does not take the user and password that are set.
    #[error("it does not take this user and password")]
    WrongPassword,
    /// It answers in another protocol.
    #[error("it does not speak {}", kind_words(*.0))]
    WrongProtocol(ProxyKind),
    /// Host name, user or password are longer than the 255 bytes that SOCKS has room for.
    #[error("the {0} is longer than 255 bytes, or empty")]
    Length(&'static str),
}

impl ProxyError {
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            ProxyError::Status { .. } | ProxyError::Socks { .. } => {
                "correct the server's address; see in the proxy's log why it cannot or will not connect there"
            }
            ProxyError::PasswordNeeded => "write user:password@ before the proxy's host",
            ProxyError::WrongPassword => "correct user and password of the proxy",
            ProxyError::WrongProtocol(_) => {
                "correct the proxy's port, or its kind: http:// and socks5:// are different proxies"
            }
            ProxyError::Length(_) => "shorten it",
        }
    }
}

fn kind_words(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Http => "HTTP",
        ProxyKind::Socks5 => "SOCKS5",
    }
}

fn socks_words(code: u8) -> &'static str {
    match code {
        1 => "it failed for a reason of its own",
        2 => "its rules do not allow the connection",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the server refused the connection",
        6 => "the way to the server is too long",
        7 => "it does not know the command",
        8 => "it does not know this kind of address",
        _ => "it gives an unknown reason",
    }
}

/// What ends a user and password in a URL (RFC 3986 §3.2.1).
const USER: &AsciiSet = &CONTROLS.add(b'/').add(b'?').add(b'#').add(b'\\').add(b'@').add(b' ');

impl Proxy {
    /// Reads a proxy: `http://host:port` or `socks5://host:port`, each with `user:password@` if need be. No scheme is
    /// `http`; no port is 80, with SOCKS 1080.
    ///
    /// # Errors
    /// [`ProxyAddressError`].
    pub fn parse(text: &str) -> Result<Self, ProxyAddressError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => return Err(ProxyAddressError::Scheme { scheme: scheme.to_owned() }),
        };
        let rest = rest.trim_end_matches('/');
        let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let bad = || ProxyAddressError::Host { text: host.to_owned() };
        if host.contains(['/', '?', '#', '\\']) || host.chars().any(char::is_control) {
            return Err(bad());
        }
        let (host_alone, port) = split_port(host).map_err(|_| bad())?;
        let port = port.unwrap_or(match kind {
            ProxyKind::Http => 80,
            ProxyKind::Socks5 => 1080,
        });
        // Read as what it is, whatever characters it has: only `%` stays, which begins an escape.
        let user = user.map(|user| format!("{}@", utf8_percent_encode(user, USER))).unwrap_or_default();
        let url = Url::parse(&format!("http://{user}{host_alone}:{port}/")).map_err(|_| bad())?;
        Ok(Proxy { kind, url })
    }

    /// What it speaks.
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Its host, IPv6 without brackets.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Asks it, over a connection to it, for a way to a host. The stream leads there afterwards.
    pub(super) async fn open(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), DialError> {
        let asked = match self.kind {
            ProxyKind::Http => self.open_http(stream, host, port).await,
            ProxyKind::Socks5 => self.open_socks5(stream, host, port).await,
        };
        asked.map_err(|failure| match failure {
            Failure::Io(error) => lost(Phase::Proxy, error),
            Failure::Refused(source) => DialError::Proxy { proxy: self.to_string(), source },
        })
    }

    async fn open_http(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), Failure> {
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        let authorization = basic(self.url.username(), self.url.password());
        if let Some(authorization) = &authorization {
            request.extend(["Proxy-Authorization: ", authorization, "\r\n"]);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;

        let mut head = Vec::new();
        loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            let mut answer = httparse::Response::new(&mut fields);
            match answer.parse(&head) {
                Ok(httparse::Status::Partial) if head.len() < MAX_HEAD => {}
                Ok(httparse::Status::Complete(end)) => {
                    return match answer.code {
                        // This end speaks first, so nothing can stand behind the head.
                        Some(200..=299) if end == head.len() => Ok(()),
                        Some(407) if authorization.is_none() => Err(ProxyError::PasswordNeeded.into()),
                        Some(407) => Err(ProxyError::WrongPassword.into()),
                        Some(status) if !matches!(status, 200..=299) => {
                            let reason = answer.reason.unwrap_or_default().to_owned();
                            Err(ProxyError::Status { status, reason }.into())
                        }
                        _ => Err(ProxyError::WrongProtocol(ProxyKind::Http).into()),
                    };
                }
                Ok(httparse::Status::Partial) | Err(_) => {
                    return Err(ProxyError::WrongProtocol(ProxyKind::Http).into());
                }
            }
        }
    }

    async fn open_socks5(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), Failure> {
        const VERSION: u8 = 5;
        const NO_PASSWORD: u8 = 0;
        const PASSWORD: u8 = 2;
        const NOTHING_FITS: u8 = 0xff;
        const CONNECT: u8 = 1;
        const IPV4: u8 = 1;
        const NAME: u8 = 3;
        const IPV6: u8 = 4;
        let other = || Failure::from(ProxyError::WrongProtocol(ProxyKind::Socks5));

        let has_user = !self.url.username().is_empty() || self.url.password().is_some();
        let greeting: &[u8] = if has_user { &[VERSION, 2, NO_PASSWORD, PASSWORD] } else { &[VERSION, 1, NO_PASSWORD] };
        stream.write_all(greeting).await?;
        match read_array(stream).await? {
            [VERSION, NO_PASSWORD] => {}
            [VERSION, PASSWORD] if has_user => {
                let mut login = vec![1];
                push_counted(&mut login, &percent_decode_str(self.url.username()).collect::<Vec<_>>(), "user")?;
                let password = self.url.password().unwrap_or_default();
                push_counted(&mut login, &percent_decode_str(password).collect::<Vec<_>>(), "password")?;
                stream.write_all(&login).await?;
                if read_array(stream).await? != [1, 0] {
                    return Err(ProxyError::WrongPassword.into());
                }
            }
            [VERSION, NOTHING_FITS] if has_user => return Err(ProxyError::WrongPassword.into()),
            [VERSION, NOTHING_FITS] => return Err(ProxyError::PasswordNeeded.into()),
            _ => return Err(other()),
        }

        let mut request = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Err(_) => {
                request.push(NAME);
                push_counted(&mut request, host.as_bytes(), "host name")?;
            }
        }
        request.extend(port.to_be_bytes());
        stream.write_all(&request).await?;

        let [version, code, _, kind] = read_array(stream).await?;
        if version != VERSION {
            return Err(other());
        }
        if code != 0 {
            return Err(ProxyError::Socks { code }.into());
        }
        // The address that the proxy connects from, which nobody needs.
        let length = match kind {
            IPV4 => 4,
            IPV6 => 16,
            NAME => usize::from(stream.read_u8().await?),
            _ => return Err(other()),
        };
        stream.read_exact(&mut vec![0; length + 2]).await?;
        Ok(())
    }
}

enum Failure {
    Io(std::io::Error),
    Refused(ProxyError),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        Failure::Refused(error)
    }
}

async fn read_array<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Bytes with their count before them, in one byte.
fn push_counted(to: &mut Vec<u8>, bytes: &[u8], what: &'static str) -> Result<(), ProxyError> {
    let count = u8::try_from(bytes.len()).ok().filter(|&count| count > 0).ok_or(ProxyError::Length(what))?;
    to.push(count);
    to.extend(bytes);
    Ok(())
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.url.host_str().unwrap_or_default(), self.port())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_and_shown_without_their_secrets() {
        for (text, shown) in [
            ("proxy:3128", "http://proxy:3128"),
            ("http://me:secret@proxy:3128/", "http://proxy:3128"),
            ("http://proxy", "http://proxy:80"),
            ("socks5://proxy", "socks5://proxy:1080"),
            ("SOCKS5h://[::1]:9", "socks5://[::1]:9"),
        ] {
            assert_eq!(Proxy::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(Proxy::parse("socks5://[::1]:9").unwrap().host(), "::1");
        // What stands before the last @ is user and password, whatever it looks like.
        let proxy = Proxy::parse("http://localhost/b:x?#@127.0.0.1:3128").unwrap();
        assert_eq!((proxy.host().as_str(), proxy.port()), ("127.0.0.1", 3128));
        assert_eq!(
            Proxy::parse("https://proxy"),
            Err(ProxyAddressError::Scheme { scheme: "https".to_owned() }),
            "a proxy behind TLS"
        );
        for text in ["", "http://", "proxy:x", "proxy:80/path", "two words"] {
            assert!(matches!(Proxy::parse(text), Err(ProxyAddressError::Host { .. })), "{text}");
        }
    }
}
