//! The families of connections: which operator one becomes, which fields it has, and what becomes of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::OperatorType;
use patchcord_core::parameter::ParValue;
use patchcord_core::table::Table;
use patchcord_logic::declaration::Family;
use patchcord_operators::host_and_port::parse_host;
use patchcord_operators::logic_comp::COMPONENT;
use patchcord_operators::mqtt_dat::{MQTT_DAT, check_address};
use patchcord_operators::socketio_dat::SOCKETIO_DAT;
use patchcord_operators::table_dat::TABLE_DAT;
use patchcord_operators::tcp_dat::TCP_DAT;
use patchcord_operators::udp_dat::UDP_DAT;
use patchcord_operators::web_server::WEB_SERVER_DAT;
use patchcord_operators::websocket_dat::WEBSOCKET_DAT;
use url::Url;

use super::{Draft, entry};
use crate::project::file::{ContentEntry, Wire, join};
use crate::project::load::Loaded;
use crate::project::reader::Reader;
use crate::project::reason::Reason;

/// What `[connection.FAMILY.NAME]` may say, beside `par`.
pub(super) struct FamilyFields {
    pub family: Family,
    /// The operator that a connection is.
    pub operator: &'static OperatorType,
    pub all: &'static [Field],
    /// Does what takes more than one field to decide, when all have been read.
    pub finish: fn(&mut Reader<'_>, &mut Draft<'_>),
}

/// A field of a family.
pub(super) struct Field {
    /// Its key: the slug of Incari's name, where it has one.
    pub name: &'static str,
    pub takes: Takes,
}

/// What a field takes.
pub(super) enum Takes {
    /// What this parameter of the operator takes, which it becomes.
    Parameter(&'static str),
    /// Text, for [`FamilyFields::finish`].
    Text,
    /// True or false, for [`FamilyFields::finish`].
    Toggle,
    /// A port, for [`FamilyFields::finish`].
    Port,
    /// A table of texts that no report shows, for [`FamilyFields::finish`].
    SecretTable,
}

const fn field(name: &'static str, takes: Takes) -> Field {
    Field { name, takes }
}

/// Whether the connection is opened by itself; off by default, as in Incari, where Start opens it.
const AUTOSTART: Field = field("autostart", Takes::Parameter("active"));

/// All families that there are.
pub(super) static FAMILIES: &[FamilyFields] = &[
    FamilyFields {
        family: Family::SocketIo,
        operator: &SOCKETIO_DAT,
        all: &[
            field("url", Takes::Text),
            field("port", Takes::Port),
            field("path", Takes::Parameter("path")),
            field("auth", Takes::SecretTable),
            field("automatic_reconnect", Takes::Parameter("reconnect")),
            AUTOSTART,
        ],
        finish: finish_socketio,
    },
    FamilyFields {
        family: Family::WebSocket,
        operator: &WEBSOCKET_DAT,
        all: &[
            field("url", Takes::Text),
            field("port", Takes::Port),
            field("automatic_reconnect", Takes::Parameter("reconnect")),
            AUTOSTART,
        ],
        finish: finish_websocket,
    },
    FamilyFields {
        family: Family::HttpServer,
        operator: &WEB_SERVER_DAT,
        all: &[
            field("local_port", Takes::Port),
            field("is_ipv6", Takes::Toggle),
            field("use_ssl", Takes::Parameter("secure")),
            field("ssl_certificate", Takes::Parameter("certificate")),
            field("ssl_key", Takes::Parameter("privatekey")),
            AUTOSTART,
        ],
        finish: finish_http_server,
    },
    FamilyFields {
        family: Family::Tcp,
        operator: &TCP_DAT,
        all: &[
            field("url", Takes::Text),
            field("port", Takes::Port),
            field("local_port", Takes::Port),
            field("is_server", Takes::Toggle),
            field("is_local_ipv6", Takes::Parameter("localipv6")),
            field("automatic_reconnect", Takes::Parameter("reconnect")),
            AUTOSTART,
        ],
        finish: finish_tcp,
    },
    FamilyFields {
        family: Family::Udp,
        operator: &UDP_DAT,
        all: &[
            field("url", Takes::Text),
            field("port", Takes::Port),
            field("local_port", Takes::Port),
            field("is_local_ipv6", Takes::Parameter("localipv6")),
            field("is_ipv6", Takes::Parameter("ipv6")),
            field("automatic_rebind", Takes::Parameter("rebind")),
            field("automatic_url_and_port", Takes::Parameter("autoaddress")),
            AUTOSTART,
        ],
        finish: finish_udp,
    },
    FamilyFields {
        family: Family::Mqtt,
        operator: &MQTT_DAT,
        all: &[
            field("url", Takes::Text),
            field("port", Takes::Port),
            field("is_ipv6", Takes::Parameter("ipv6")),
            field("user", Takes::Parameter("username")),
            field("password", Takes::Parameter("password")),
            field("client_id", Takes::Parameter("clientid")),
            field("tls", Takes::Parameter("tls")),
            field("automatic_reconnect", Takes::Parameter("reconnect")),
            AUTOSTART,
        ],
        finish: finish_mqtt,
    },
];

/// The input of a SocketIO DAT that takes what the server gets as `auth`.
const AUTH_INPUT: usize = 3;

fn finish_socketio(reader: &mut Reader<'_>, draft: &mut Draft<'_>) {
    if let Some((text, span)) = address(reader, draft) {
        let url = with_port(reader, &text, draft.port("port"), span);
        draft.set_text("url", &url);
    }
    if let Some(rows) = draft.table.take() {
        let table = join(COMPONENT, &format!("{}_auth", draft.operator));
        let content = ContentEntry::Inline(Loaded::Table(Table::from_rows(&rows).unwrap_or_default()));
        reader.make(entry(&table, &TABLE_DAT, BTreeMap::new(), content, Vec::new()));
        draft.inputs = vec![None; AUTH_INPUT];
        draft.inputs.push(Some(Wire { source: Rc::from(table), output: 0 }));
    }
}

fn finish_websocket(reader: &mut Reader<'_>, draft: &mut Draft<'_>) {
    let Some((url, place)) = address(reader, draft) else { return };
    if read_url(reader, &url, place).is_none() {
        return;
    }
    if let Some((port, span)) = draft.port("port") {
        draft.set("port", ParValue::Int(port.into()));
        if let Some(written) = written_port(&url).filter(|written| *written != port) {
            reader.note(Reason::TwoPorts { url: written, field: port }, span);
        }
    }
    draft.set_text("netaddress", &url);
}

fn finish_http_server(_: &mut Reader<'_>, draft: &mut Draft<'_>) {
    if let Some((port, _)) = draft.port("local_port") {
        draft.set("port", ParValue::Int(port.into()));
    }
    if draft.is_on("is_ipv6") {
        // Loopback, as without it: who wants every interface says so with `par.localaddress`.
        draft.set_text("localaddress", "::1");
    }
}

/// A server listens at its port, in whichever field it stands; a client has an address, and the port of the server.
fn finish_tcp(reader: &mut Reader<'_>, draft: &mut Draft<'_>) {
    let is_server = draft.is_on("is_server");
    draft.set("server", ParValue::Bool(is_server));
    let (port, local) = (draft.port("port"), draft.port("local_port"));
    if let (Some((port, span)), Some((local, _))) = (&port, &local)
        && port != local
    {
        reader.note(Reason::PortTwice { port: *port, local: *local }, span.clone());
    }
    let port = port.or(local);
    if let Some((port, _)) = &port {
        draft.set("port", ParValue::Int((*port).into()));
    }
    if !is_server && let Some((url, place)) = address(reader, draft) {
        set_host(reader, draft, "tcp", &url, port, place);
    }
}

/// What it sends to is `url` and `port`, or whoever has sent last; a socket that only hears needs neither.
fn finish_udp(reader: &mut Reader<'_>, draft: &mut Draft<'_>) {
    if let Some((port, _)) = draft.port("local_port") {
        draft.set("localport", ParValue::Int(port.into()));
    }
    let port = draft.port("port");
    if let Some((port, _)) = &port {
        draft.set("port", ParValue::Int((*port).into()));
    }
    match draft.text("url") {
        Some((url, place)) if !url.is_empty() => set_host(reader, draft, "udp", &url, port, place),
        _ => draft.set_text("netaddress", ""),
    }
}

/// The address of a plain socket, which is a name or an IP address.
fn set_host(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    scheme: &'static str,
    url: &str,
    port: Option<(u16, Range<usize>)>,
    place: Range<usize>,
) {
    match parse_host(url, scheme, 0) {
        Ok((_, written)) => {
            if let Some((field, span)) = port
                && written != 0
                && written != field
            {
                reader.note(Reason::TwoPorts { url: written, field }, span);
            }
            draft.set_text("netaddress", url);
        }
        Err(error) => reader.note(Reason::BadHost { address: url.to_owned(), error: error.to_string() }, place),
    }
}

fn finish_mqtt(reader: &mut Reader<'_>, draft: &mut Draft<'_>) {
    let Some((url, place)) = address(reader, draft) else { return };
    if let Err((error, remedy)) = check_address(&url) {
        return reader.note(Reason::BadBroker { address: url.to_string(), error, remedy }, place);
    }
    if let Some((port, span)) = draft.port("port") {
        draft.set("port", ParValue::Int(port.into()));
        if let Some(written) = written_port(&url).filter(|written| *written != port) {
            reader.note(Reason::TwoPorts { url: written, field: port }, span);
        }
    }
    draft.set_text("netaddress", &url);
}

/// The field `url`, which has to be there.
fn address(reader: &mut Reader<'_>, draft: &Draft<'_>) -> Option<(Rc<str>, Range<usize>)> {
    let url = draft.text("url");
    if url.is_none() {
        reader.note(Reason::NoAddress { name: draft.name.to_owned() }, draft.span.clone());
    }
    url
}

/// The URL with the port: one that is written in the URL wins over the field, which is said where they differ.
fn with_port(reader: &mut Reader<'_>, text: &str, port: Option<(u16, Range<usize>)>, span: Range<usize>) -> String {
    let Some((with_scheme, mut url)) = read_url(reader, text, span) else { return text.to_owned() };
    match (written_port(&with_scheme), port) {
        (Some(written), Some((field, place))) if field != written => {
            reader.note(Reason::TwoPorts { url: written, field }, place);
        }
        (None, Some((field, _))) => {
            // Only what has a host has a port, and http has one.
            let _ = url.set_port(Some(field));
        }
        _ => {}
    }
    url.to_string()
}

/// The schemes of what is spoken over HTTP and WebSocket.
const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

/// A URL as text and as what it says; without a scheme it has that of HTTP.
fn read_url(reader: &mut Reader<'_>, text: &str, span: Range<usize>) -> Option<(String, Url)> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let error = match Url::parse(&with_scheme) {
        Ok(url) if SCHEMES.contains(&url.scheme()) => return Some((with_scheme, url)),
        Ok(url) => format!("\"{}\" is none of {}", url.scheme(), SCHEMES.join(", ")),
        Err(error) => error.to_string(),
    };
    reader.note(Reason::BadAddress { address: text.to_owned(), error }, span);
    None
}

/// The port that is written in a URL. `Url` knows none that is the scheme's own, so the text is asked.
fn written_port(url: &str) -> Option<u16> {
    let authority = url.split("://").nth(1).unwrap_or(url).split(['/', '?']).next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}
