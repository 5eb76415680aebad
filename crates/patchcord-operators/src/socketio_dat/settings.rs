//! From parameters and inputs to how the client is run, and to where and how a session is dialled.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use patchcord_net::client::{Address, BackoffSettings, ConnectionSettings, DialSettings};
use patchcord_net::socketio::Target;
use patchcord_net::websocket::SlowReader;
use patchcord_socketio::engine::{self, EngineSettings, Transports};
use patchcord_socketio::{ClientSettings, Credentials, Limits, Namespace, OfflinePolicy, Parser, Value, VersionChoice};
use percent_encoding::percent_decode_str;

use super::declaration::{PAGES, input, par};
use crate::par_reader::{CompressionPars, ParReader, TlsPars, Wrong};
use crate::received::{Columns, Received};

/// The shortest delay before a new attempt, whatever `delay` says.
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
/// How long an acknowledgement may take that an event is sent again for.
const RETRY_TIMEOUT: Duration = Duration::from_secs(5);

/// What holds while a session is open, and can change under it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub received: Received,
    /// Events that input 1 does not name are received too.
    pub all_events: bool,
    /// What asks for an acknowledgement gets one even when the callback returns nothing.
    pub answer: bool,
    /// How long an acknowledgement may take where `emit` does not say.
    pub ack_timeout: Option<Duration>,
}

/// What a change of connects anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    url: Rc<str>,
    path: Rc<str>,
    parser: Rc<str>,
}

const COMPRESSION: CompressionPars = CompressionPars::of(PAGES);

const TLS: TlsPars = TlsPars::of(PAGES);

/// Reads the parameters and inputs of an operator.
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
        let columns = Columns {
            bytes: self.on(par::BYTES),
            event: self.on(par::EVENTCOLUMN),
            namespace: self.on(par::NAMESPACECOLUMN),
            time: self.on(par::TIMECOLUMN),
        };
        Options {
            received: Received { limit, columns },
            all_events: self.on(par::ALLEVENTS),
            answer: self.on(par::ANSWER),
            ack_timeout: Some(self.seconds(par::ACKTIMEOUT)).filter(|timeout| !timeout.is_zero()),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { url: self.text(par::URL), path: self.text(par::PATH), parser: self.text(par::PARSER) }
    }

    /// The namespaces to be in, each once.
    pub(super) fn namespaces(&self) -> Result<Vec<Namespace>, Wrong> {
        let mut namespaces = Vec::new();
        for name in self.words(par::NAMESPACES) {
            let namespace = Namespace::new(&name)
                .map_err(|error| (format!("the namespace {name}: {error}"), "correct `namespaces`".to_owned()))?;
            if !namespaces.contains(&namespace) {
                namespaces.push(namespace);
            }
        }
        if namespaces.is_empty() {
            return Err(("no namespace is named".to_owned(), "set `namespaces` to / or others".to_owned()));
        }
        Ok(namespaces)
    }

    /// How the client is run, but for path and query.
    pub(super) fn client(&self) -> ClientSettings {
        let packet = self.size(par::MAXMESSAGE);
        let engine = EngineSettings {
            transports: match &*self.text(par::TRANSPORTS) {
                "polling" => Transports::Polling,
                "pollingwebsocket" => Transports::PollingThenWebSocket,
                _ => Transports::WebSocket,
            },
            open_timeout: self.milliseconds(par::TIMEOUT),
            max_packet: packet,
            max_queue: self.size(par::MAXQUEUE),
            ..EngineSettings::default()
        };
        ClientSettings {
            engine,
            version: match &*self.text(par::VERSION) {
                "v4" => VersionChoice::V4,
                "v3" => VersionChoice::V3,
                _ => VersionChoice::Auto,
            },
            parser: if &*self.text(par::PARSER) == "msgpack" { Parser::MessagePack } else { Parser::Json },
            limits: Limits { packet, attachments: self.size(par::MAXATTACHMENTS), ..Limits::default() },
            connect_timeout: self.milliseconds(par::NAMESPACETIMEOUT),
            offline: match &*self.text(par::OFFLINE) {
                "keep" => OfflinePolicy::Keep,
                "dropoldest" => OfflinePolicy::DropOldest,
                "dropnewest" => OfflinePolicy::DropNewest,
                _ => OfflinePolicy::Off,
            },
            max_buffered: self.size(par::OFFLINELIMIT),
            recovery: self.on(par::RECOVERY),
            retries: self.size(par::RETRIES) as u32,
            ack_timeout: Some(self.seconds(par::ACKTIMEOUT)).filter(|it| !it.is_zero()).unwrap_or(RETRY_TIMEOUT),
            ..ClientSettings::default()
        }
    }

    pub(super) fn connection(&self) -> ConnectionSettings {
        ConnectionSettings {
            message: self.size(par::MAXMESSAGE),
            queue: self.size(par::MAXQUEUE),
            slow_reader: SlowReader::Pause,
            // The protocol has heartbeats of its own.
            ping_interval: Duration::ZERO,
            ..ConnectionSettings::default()
        }
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        BackoffSettings {
            first: self.milliseconds(par::DELAY).max(SHORTEST_DELAY),
            longest: self.seconds(par::RECONNECTLONGEST),
            jitter: self.number(par::RECONNECTJITTER),
            attempts: self.size(par::RECONNECTATTEMPTS) as u32,
        }
    }

    /// What the server gets with each namespace. Inputs are read now.
    pub(super) fn credentials(&self) -> Credentials {
        let auth = self.input_pairs(input::AUTH);
        Credentials {
            auth: auth.into_iter().map(|(name, value)| (name, Value::Text(value))).collect(),
            query: self.input_pairs(input::QUERY),
        }
    }

    /// Where to.
    pub(super) fn address(&self) -> Result<Address, Wrong> {
        Address::parse(&self.text(par::URL), 0).map_err(|error| (error.to_string(), in_words_of_url(error.remedy())))
    }

    /// Where to and how, and path and query of the requests. Inputs, and files of keys and certificates, are read now.
    pub(super) fn target(&self, address: Address) -> Result<(Target, engine::Address), Wrong> {
        let (path, query) = address.target().split_once('?').unwrap_or((address.target(), ""));
        let path = match path {
            "" | "/" => self.text(par::PATH).to_string(),
            path => path.to_owned(),
        };
        let mut pairs: Vec<(String, String)> = query.split('&').filter(|pair| !pair.is_empty()).map(decode).collect();
        pairs.extend(self.input_pairs(input::QUERY));
        let seed = getrandom::u32().unwrap_or_default().to_be_bytes();
        let engine_address = engine::Address {
            path,
            query: pairs,
            cache_buster: Some(URL_SAFE_NO_PAD.encode(seed)),
            ..engine::Address::default()
        };
        let dial = DialSettings {
            time_limit: self.milliseconds(par::TIMEOUT),
            proxy: self.proxy(par::PROXY)?,
            tls: if address.is_tls() { self.client_tls(&TLS)? } else { None },
            origin: Some(address.origin()),
            deflate: self.deflate(&COMPRESSION, false),
            headers: self.input_pairs(input::HEADERS),
            ..DialSettings::default()
        };
        Ok((Target { address, dial, connection: self.connection() }, engine_address))
    }

    fn milliseconds(&self, index: patchcord_core::declaration::ParIndex) -> Duration {
        Duration::from_millis(self.size(index) as u64)
    }
}

/// A pair of a query as it was before it was percent-encoded.
fn decode(pair: &str) -> (String, String) {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (plain(name), plain(value))
}

/// Remedies for addresses name the parameters of other operators where they name some.
fn in_words_of_url(remedy: &str) -> String {
    remedy.replace("the address", "`url`")
}
