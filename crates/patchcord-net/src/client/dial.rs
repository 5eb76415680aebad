//! The way from an address to an open WebSocket, under one time limit.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use patchcord_websocket::handshake::client::Refusal;
use patchcord_websocket::{DeflateParameters, DeflateSettings};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::error::{DialError, RedirectRefusal, lost, redirected};
use super::progress::{Phase, Progress};
use super::settings::DialSettings;
use super::{handshake, tcp};
use crate::tls::{ClientTls, TlsClient, client_config};
use crate::transport::Transport;

/// The longest time that a dial can be given.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A WebSocket that has just been opened and that nobody reads from yet.
#[derive(Debug)]
pub struct Opening {
    /// The stream, behind the server's reply.
    pub transport: Transport,
    /// Bytes of the stream that were read with the reply.
    pub pending: Vec<u8>,
    /// The server's IP address and port, or the proxy's.
    pub peer: SocketAddr,
    /// Where the WebSocket is, after redirects.
    pub address: Address,
    /// The subprotocol that the server chose among the offered.
    pub subprotocol: Option<String>,
    /// What was agreed on about compression, with the settings that offered it; `None` for none.
    pub deflate: Option<(DeflateParameters, DeflateSettings)>,
    /// The headers of the reply, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Opens a WebSocket. `report` hears of each step when it begins. Must be called inside a `LocalSet`; dropping the future
/// gives up at once.
///
/// # Errors
/// [`DialError`].
pub async fn dial(
    address: &Address,
    settings: &DialSettings,
    report: &dyn Fn(&Progress),
) -> Result<Opening, DialError> {
    let track = Track::new(address.to_string(), report);
    let deadline = Instant::now() + settings.time_limit.min(LONGEST);
    let dialled = tokio::time::timeout_at(deadline, follow(address, settings, &track, deadline)).await;
    dialled.unwrap_or_else(|_| Err(track.timed_out(settings.time_limit)))
}

/// Opens a stream that leads to the server, for HTTP, in the same way up to the handshake.
///
/// # Errors
/// [`DialError`].
pub(crate) async fn dial_stream(
    address: &Address,
    settings: &DialSettings,
    report: &dyn Fn(&Progress),
) -> Result<Transport, DialError> {
    let track = Track::new(address.to_string(), report);
    let deadline = Instant::now() + settings.time_limit.min(LONGEST);
    let connected = tokio::time::timeout_at(deadline, connect(address, settings, &track)).await;
    connected.unwrap_or_else(|_| Err(track.timed_out(settings.time_limit)))
}

/// Opens a plain TCP connection to a name or an IP address, under one time limit; with `only_ipv6` to IPv6 addresses alone.
///
/// # Errors
/// [`DialError`].
pub(crate) async fn dial_tcp(
    host: &str,
    port: u16,
    only_ipv6: bool,
    time_limit: Duration,
    report: &dyn Fn(&Progress),
) -> Result<TcpStream, DialError> {
    let track = Track::new(format!("{host}:{port}"), report);
    let connected = tokio::time::timeout(time_limit.min(LONGEST), async {
        let mut addresses = tcp::addresses(host, port, &track).await?;
        if only_ipv6 {
            addresses.retain(SocketAddr::is_ipv6);
        }
        tcp::connect_to(host, addresses, false, &track).await
    });
    connected.await.unwrap_or_else(|_| Err(track.timed_out(time_limit)))
}

/// Looks up the addresses of a name out of the way, under a time limit; an IP address is itself.
///
/// # Errors
/// [`DialError`].
pub(crate) async fn look_up(host: &str, port: u16, time_limit: Duration) -> Result<Vec<SocketAddr>, DialError> {
    let track = Track::new(format!("{host}:{port}"), &|_| {});
    let found = tokio::time::timeout(time_limit.min(LONGEST), tcp::addresses(host, port, &track)).await;
    found.unwrap_or_else(|_| Err(track.timed_out(time_limit)))
}

/// How far a dial has come.
pub(super) struct Track<'a> {
    reached: RefCell<Progress>,
    report: &'a dyn Fn(&Progress),
}

impl<'a> Track<'a> {
    pub(super) fn new(subject: String, report: &'a dyn Fn(&Progress)) -> Self {
        Track { reached: RefCell::new(Progress { phase: Phase::Settings, subject }), report }
    }

    fn timed_out(self, limit: Duration) -> DialError {
        DialError::TimedOut { reached: self.reached.into_inner(), limit }
    }

    /// A step begins.
    pub(super) fn begin(&self, phase: Phase, subject: String) {
        let progress = Progress { phase, subject };
        (self.report)(&progress);
        self.reached.replace(progress);
    }
}

/// Dials, and goes where the server sends us as often as the settings allow.
async fn follow(
    first: &Address,
    settings: &DialSettings,
    track: &Track<'_>,
    deadline: Instant,
) -> Result<Opening, DialError> {
    let allowed = settings.redirects.min(DialSettings::MAX_REDIRECTS);
    let mut address = first.clone();
    let mut followed = 0;
    loop {
        let is_known = address.has_origin_of(first);
        let refusal = match open(&address, settings, is_known, track, deadline).await {
            Err(DialError::Status(refusal)) => refusal,
            other => return other,
        };
        let Some(location) = location(&refusal) else { return Err(DialError::Status(refusal)) };
        let refuse = |to: Option<&Address>, reason| Err(redirected(&location, to, reason));
        let Some(next) = address.join(&location) else { return refuse(None, RedirectRefusal::NoAddress) };
        if address.is_tls() && !next.is_tls() {
            return refuse(Some(&next), RedirectRefusal::Downgrade);
        }
        if allowed == 0 {
            return refuse(Some(&next), RedirectRefusal::NotAllowed);
        }
        if followed == allowed {
            return refuse(Some(&next), RedirectRefusal::TooMany(followed));
        }
        followed += 1;
        address = next;
    }
}

/// Where an answer sends us, if it does.
fn location(refusal: &Refusal) -> Option<String> {
    if !matches!(refusal.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let (_, value) = refusal.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

async fn open(
    address: &Address,
    settings: &DialSettings,
    is_known: bool,
    track: &Track<'_>,
    deadline: Instant,
) -> Result<Opening, DialError> {
    let mut transport = connect(address, settings, track).await?;
    let peer = transport.tcp().peer_addr().map_err(|error| lost(Phase::Connect, error))?;
    track.begin(Phase::Handshake, address.to_string());
    let (reply, pending) = handshake::open(&mut transport, address, settings, is_known, deadline).await?;
    let (subprotocol, headers) = (reply.subprotocol, reply.headers);
    let deflate = reply.deflate.zip(settings.deflate);
    Ok(Opening { transport, pending, peer, address: address.clone(), subprotocol, deflate, headers })
}

/// A stream that leads to the server: TCP, through the proxy if there is one, with TLS over it if the address wants it.
async fn connect(address: &Address, settings: &DialSettings, track: &Track<'_>) -> Result<Transport, DialError> {
    // Mistakes in files are told before anybody is called.
    let tls = match (&settings.tls, address.is_tls()) {
        (_, false) => None,
        (Some(tls), true) => Some(tls.clone()),
        (None, true) => Some(system_tls().await?),
    };
    let stream = match &settings.proxy {
        None => tcp::connect(&address.host(), address.port(), settings.only_ipv6, false, track).await?,
        Some(proxy) => {
            let mut stream = tcp::connect(&proxy.host(), proxy.port(), false, true, track).await?;
            track.begin(Phase::Proxy, address.host_header().to_owned());
            proxy.open(&mut stream, &address.host(), address.port()).await?;
            stream
        }
    };
    match tls {
        None => Ok(Transport::Plain(stream)),
        Some(tls) => secure(stream, address, &tls, track).await,
    }
}

async fn secure(
    stream: TcpStream,
    address: &Address,
    tls: &TlsClient,
    track: &Track<'_>,
) -> Result<Transport, DialError> {
    let name = match &tls.server_name {
        Some(name) => name.clone(),
        None => {
            let host = address.host().trim_end_matches('.').to_owned();
            ServerName::try_from(host.as_str())
                .map_err(|_| crate::tls::TlsError::ServerName { name: host.clone() })?
                .to_owned()
        }
    };
    track.begin(Phase::Tls, name.to_str().into_owned());
    let connected = TlsConnector::from(tls.config.clone()).connect(name, stream).await;
    let stream = connected.map_err(|error| lost(Phase::Tls, error))?;
    Ok(Transport::Tls(Box::new(stream.into())))
}

/// The default: verified by the system's authorities, which are some hundred files to read.
pub(crate) async fn system_tls() -> Result<TlsClient, DialError> {
    let made = tokio::task::spawn_blocking(|| client_config(&ClientTls::default()));
    match made.await {
        Ok(made) => Ok(made?.0),
        Err(error) => Err(DialError::Panicked(error.to_string())),
    }
}
