//! From parameters to an address, to how it is dialled, and to the bounds of the connection.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use patchcord_net::client::{Address, BackoffSettings, ConnectionSettings, DialSettings};

use super::declaration::{PAGES, par};
use crate::par_reader::{CompressionPars, ParReader, TlsPars, Wrong};
use crate::received::{Columns, Received};

/// What holds while a connection is open, and can change under it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub received: Received,
    pub autopong: bool,
    /// Of the messages that come together, only the newest of each kind is wanted.
    pub latest: bool,
}

const COMPRESSION: CompressionPars = CompressionPars::of(PAGES);

const TLS: TlsPars = TlsPars::of(PAGES);

/// Reads the parameters of an operator.
pub(super) struct Reader<'a>(pub ParReader<'a>);

impl<'a> std::ops::Deref for Reader<'a> {
    type Target = ParReader<'a>;

    fn deref(&self) -> &ParReader<'a> {
        &self.0
    }
}

impl Reader<'_> {
    pub(super) fn options(&self) -> Options {
        let limit = self.on(par::CLAMP).then(|| self.size(par::MAXLINES));
        Options {
            received: Received { limit, columns: Columns { bytes: self.on(par::BYTES), ..Columns::default() } },
            autopong: self.on(par::AUTOPONG),
            latest: &*self.text(par::RECEIVE) == "latest",
        }
    }

    /// Address and port as they are written.
    pub(super) fn target(&self) -> (Rc<str>, usize) {
        (self.text(par::NETADDRESS), self.size(par::PORT))
    }

    pub(super) fn connection(&self) -> ConnectionSettings {
        ConnectionSettings {
            message: self.size(par::MAXMESSAGE),
            queue: self.size(par::MAXQUEUE),
            slow_reader: self.slow_reader(par::SLOWREADER),
            ping_interval: self.seconds(par::PINGINTERVAL),
            missed_pings: self.size(par::MISSEDPINGS) as u32,
        }
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        BackoffSettings {
            first: self.seconds(par::RECONNECTDELAY),
            longest: self.seconds(par::RECONNECTLONGEST),
            jitter: self.number(par::RECONNECTJITTER),
            attempts: self.size(par::RECONNECTATTEMPTS) as u32,
        }
    }

    /// Where to and how. Files of keys and certificates are read here, at each attempt.
    pub(super) fn dial(&self) -> Result<(Address, DialSettings), Wrong> {
        let address = Address::parse(&self.text(par::NETADDRESS), self.size(par::PORT) as u16)
            .map_err(|error| (error.to_string(), error.remedy().to_owned()))?;
        let query = self.text(par::QUERY);
        let pairs =
            query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let address = address.with_query(pairs);
        let proxy = self.proxy(par::PROXY)?;
        let origin = match &*self.text(par::ORIGIN) {
            "" => address.origin(),
            text => text.to_owned(),
        };
        let tls = if address.is_tls() { self.client_tls(&TLS)? } else { None };
        let settings = DialSettings {
            time_limit: Duration::from_millis(self.size(par::TIMEOUT) as u64),
            proxy,
            only_ipv6: false,
            tls,
            origin: Some(origin),
            subprotocols: self.words(par::SUBPROTOCOLS),
            deflate: self.deflate(&COMPRESSION, false),
            headers: self.headers(),
            redirects: self.size(par::REDIRECTS) as u8,
        };
        Ok((address, settings))
    }

    /// The rows of input 0, and the authorisation unless one of them has it.
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = self.input_pairs(0);
        let is_heading = |(name, value): &(String, String)| {
            ["name", "header"].contains(&name.to_ascii_lowercase().as_str()) && value.eq_ignore_ascii_case("value")
        };
        if headers.first().is_some_and(is_heading) {
            headers.remove(0);
        }
        let (token, name) = (self.text(par::TOKEN), self.text(par::USERNAME));
        let authorisation = if !token.is_empty() {
            Some(format!("Bearer {token}"))
        } else if !name.is_empty() {
            Some(format!("Basic {}", STANDARD.encode(format!("{name}:{}", self.text(par::PASSWORD)))))
        } else {
            None
        };
        if let Some(value) = authorisation
            && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            headers.push(("Authorization".to_owned(), value));
        }
        headers
    }
}
