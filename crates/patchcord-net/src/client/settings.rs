//! How to dial.

use std::time::Duration;

use patchcord_websocket::DeflateSettings;

use super::proxy::Proxy;
use crate::tls::TlsClient;

/// Everything about a dial but the address. Its `Debug` output leaves headers and passwords out.
#[derive(Clone)]
pub struct DialSettings {
    /// Time for all steps together, redirects included.
    pub time_limit: Duration,
    /// The proxy to go through; none is the straight way. No environment variable is asked.
    pub proxy: Option<Proxy>,
    /// Of a name's addresses only those of IPv6 are tried.
    pub only_ipv6: bool,
    /// TLS for addresses that want it; `None` verifies by the system's authorities, which are read when they are needed.
    pub tls: Option<TlsClient>,
    /// The origin to claim; none is right unless the server lets in pages alone. [`super::Address::origin`] is the
    /// server's own.
    pub origin: Option<String>,
    /// Subprotocols to offer, the preferred first.
    pub subprotocols: Vec<String>,
    /// Compression to offer; `None` for none.
    pub deflate: Option<DeflateSettings>,
    /// Further headers. `Authorization`, `Cookie` and `Proxy-Authorization` do not follow a redirect to another origin.
    pub headers: Vec<(String, String)>,
    /// Redirects to follow, at most 5; never from `wss` to `ws`.
    pub redirects: u8,
}

impl DialSettings {
    /// The most redirects that can be allowed.
    pub const MAX_REDIRECTS: u8 = 5;
}

impl Default for DialSettings {
    /// Ten seconds, straight, verified, nothing extra, no compression, no redirects.
    fn default() -> Self {
        DialSettings {
            time_limit: Duration::from_secs(10),
            proxy: None,
            only_ipv6: false,
            tls: None,
            origin: None,
            subprotocols: Vec::new(),
            deflate: None,
            headers: Vec::new(),
            redirects: 0,
        }
    }
}

impl std::fmt::Debug for DialSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DialSettings")
            .field("time_limit", &self.time_limit)
            .field("proxy", &self.proxy)
            .field("only_ipv6", &self.only_ipv6)
            .field("origin", &self.origin)
            .field("subprotocols", &self.subprotocols)
            .field("deflate", &self.deflate)
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}
