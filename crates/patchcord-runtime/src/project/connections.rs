//! Reading `[connection.FAMILY.NAME]`: the project-wide connections that logic graphs name.
//!
//! A connection becomes an operator of its own in the component `connections`, so that the difference of two readings, live
//! edits, recordings and everything else of operators hold for it, too. The fields are Incari's (reference §2), with those
//! of its sibling families that Socket.IO has not; `par` reaches every parameter of the operator.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::OperatorType;
use patchcord_core::parameter::ParValue;
use patchcord_core::table::Table;
use patchcord_core::tdu;
use patchcord_logic::declaration::Family;
use patchcord_operators::base_comp::BASE_COMP;
use patchcord_operators::logic_comp::{COMPONENT, connection_name};
use patchcord_operators::socketio_dat::SOCKETIO_DAT;
use patchcord_operators::table_dat::TABLE_DAT;
use toml_edit::{Item, TableLike};
use url::Url;

use super::file::{ContentEntry, Entry, ParEntry, Wire, join};
use super::keeps::Keeps;
use super::load::Loaded;
use super::reader::{Reader, key_span, unknown_key, value_span};
use super::reason::Reason;

const FAMILIES: &[&str] = &["socketio", "websocket", "http_server", "mqtt", "tcp", "udp"];
const KEYS: &[&str] = &["url", "port", "path", "auth", "automatic_reconnect", "autostart", "par"];

/// The input of a SocketIO DAT that takes what the server gets as `auth`.
const AUTH_INPUT: usize = 3;

impl Reader<'_> {
    /// Reads all connections.
    pub(super) fn read_connections(&mut self, item: &Item, span: Range<usize>) {
        let Some(families) = item.as_table_like() else {
            return self.note_type("connection", "sections such as [connection.socketio.chat]", item, span);
        };
        if self.names.contains_key(COMPONENT) {
            return self.note(Reason::Duplicate { key: format!("op.{COMPONENT}") }, span);
        }
        self.make(COMPONENT, &BASE_COMP, BTreeMap::new(), ContentEntry::None, Vec::new());
        for (family, item) in families.iter() {
            let span = key_span(families, family);
            match family {
                "socketio" => self.read_family(item, span),
                _ if FAMILIES.contains(&family) => {
                    self.note(Reason::NotSupportedYet { what: "connections of families other than socketio" }, span);
                }
                _ => self.note(unknown_key("[connection]", family, FAMILIES), span),
            }
        }
    }

    fn read_family(&mut self, item: &Item, span: Range<usize>) {
        let Some(connections) = item.as_table_like() else {
            return self.note_type("socketio", "sections such as [connection.socketio.chat]", item, span);
        };
        for (name, item) in connections.iter() {
            let span = key_span(connections, name);
            let Some(keys) = item.as_table_like() else {
                self.note_type(name, "a section with a url", item, span);
                continue;
            };
            if !tdu::is_valid_name(name) {
                self.note(Reason::BadName { name: name.to_owned(), legal: tdu::valid_name(name) }, span);
                continue;
            }
            self.read_connection(name, keys, span);
        }
    }

    fn read_connection(&mut self, name: &str, keys: &dyn TableLike, span: Range<usize>) {
        let operator = connection_name(Family::SocketIo, name);
        let path = join(COMPONENT, &operator);
        let mut parameters = BTreeMap::new();
        let mut set = |name: &str, value: ParValue| {
            if let Some((index, _)) = SOCKETIO_DAT.find_parameter(name) {
                parameters.insert(index, ParEntry::Constant(value));
            }
        };
        let mut port = None;
        let mut url: Option<(&str, Range<usize>)> = None;
        let mut auth = None;
        for (key, item) in keys.iter() {
            let span = value_span(keys, key, item);
            match key {
                "url" => match item.as_str() {
                    Some(text) => url = Some((text, span)),
                    None => self.note_type(key, "text", item, span),
                },
                "port" => match item.as_integer().map(u16::try_from) {
                    Some(Ok(number)) => port = Some((number, span)),
                    Some(Err(_)) => self.note(Reason::OutOfRange { key: "port", min: 0.0, max: 65_535.0 }, span),
                    None => self.note_type(key, "a whole number", item, span),
                },
                "path" => match item.as_str() {
                    Some(text) => set("path", ParValue::Str(Rc::from(text))),
                    None => self.note_type(key, "text", item, span),
                },
                "automatic_reconnect" => match item.as_bool() {
                    Some(on) => set("reconnect", ParValue::Bool(on)),
                    None => self.note_type(key, "true or false", item, span),
                },
                "autostart" => match item.as_bool() {
                    Some(on) => set("active", ParValue::Bool(on)),
                    None => self.note_type(key, "true or false", item, span),
                },
                "auth" => auth = self.auth_rows(item, span),
                // Read below, into the entry.
                "par" => {}
                _ => self.note(unknown_key("a connection", key, KEYS), key_span(keys, key)),
            }
        }
        match url {
            Some((text, span)) => {
                let address = self.address(text, port, span);
                set("url", ParValue::Str(Rc::from(address)));
            }
            None => self.note(Reason::NoAddress { name: name.to_owned() }, span),
        }
        let inputs = match auth {
            Some(rows) => {
                let table = join(COMPONENT, &format!("{operator}_auth"));
                let content = Table::from_rows(&rows).unwrap_or_default();
                self.make(
                    &table,
                    &TABLE_DAT,
                    BTreeMap::new(),
                    ContentEntry::Inline(Loaded::Table(content)),
                    Vec::new(),
                );
                let mut inputs = vec![None; AUTH_INPUT];
                inputs.push(Some(Wire { source: Rc::from(table), output: 0 }));
                inputs
            }
            None => Vec::new(),
        };
        let mut entry = entry(&path, &SOCKETIO_DAT, parameters, ContentEntry::None, inputs);
        if let Some(item) = keys.get("par") {
            match item.as_table_like() {
                Some(table) => self.read_parameters(&mut entry, table),
                None => {
                    self.note_type("par", "parameters such as par.proxy = \"…\"", item, value_span(keys, "par", item))
                }
            }
        }
        self.names.insert(Rc::from(path.as_str()), Some(&SOCKETIO_DAT));
        self.entries.push(entry);
    }

    /// The URL with the port: one that is written in the URL wins over the field, which is said where they differ.
    fn address(&mut self, text: &str, port: Option<(u16, Range<usize>)>, span: Range<usize>) -> String {
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = match Url::parse(&with_scheme) {
            Ok(url) => url,
            Err(error) => {
                self.note(Reason::BadAddress { address: text.to_owned(), error: error.to_string() }, span);
                return text.to_owned();
            }
        };
        // Url knows no port that is the scheme's own, so the text is asked.
        let authority =
            with_scheme.split("://").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
        let written = authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        match (written, port) {
            (Some(written), Some((field, place))) if field != 0 && field != written => {
                self.note(Reason::TwoPorts { url: written, field }, place);
            }
            (None, Some((field, _))) if field != 0 => {
                // Only what has a host has a port, and http has one.
                let _ = url.set_port(Some(field));
            }
            _ => {}
        }
        url.to_string()
    }

    fn auth_rows(&mut self, item: &Item, span: Range<usize>) -> Option<Vec<[String; 2]>> {
        let Some(table) = item.as_table_like() else {
            self.note_type("auth", "a table such as { token = \"…\" }", item, span);
            return None;
        };
        let mut rows = Vec::new();
        for (name, item) in table.iter() {
            let span = value_span(table, name, item);
            self.secrets.push(span.clone());
            match item.as_str() {
                Some(text) => rows.push([name.to_owned(), text.to_owned()]),
                None => self.note_type(name, "text", item, span),
            }
        }
        Some(rows)
    }

    fn make(
        &mut self,
        path: &str,
        kind: &'static OperatorType,
        parameters: BTreeMap<patchcord_core::declaration::ParIndex, ParEntry>,
        content: ContentEntry,
        inputs: Vec<Option<Wire>>,
    ) {
        self.names.insert(Rc::from(path), Some(kind));
        self.entries.push(entry(path, kind, parameters, content, inputs));
    }
}

fn entry(
    path: &str,
    kind: &'static OperatorType,
    parameters: BTreeMap<patchcord_core::declaration::ParIndex, ParEntry>,
    content: ContentEntry,
    inputs: Vec<Option<Wire>>,
) -> Entry {
    Entry {
        path: Rc::from(path),
        kind,
        custom: Vec::new(),
        inputs,
        parameters,
        asked: BTreeMap::new(),
        content,
        tags: Vec::new(),
        comment: Rc::from(""),
        dock: None,
        keeps: Keeps::default(),
    }
}
