//! What the operator shows of itself: info channels, and the table of an Info DAT.

use patchcord_core::table::Table;
use patchcord_socketio::Value;

use super::convert::json;
use super::link::{Link, PlaceState, in_words, version_in_words};
use super::{Connection, SocketIoDat};

impl SocketIoDat {
    /// Values of the info channels, in the order of the declaration.
    pub(super) fn info_channels(&self) -> Vec<f64> {
        let shared = &self.shared;
        let mut stats = self.past.get();
        let (mut dropped, mut queued, mut buffered, mut acks, mut connected) = (self.past_dropped.get(), 0, 0, 0, 0);
        let mut is_replaying = false;
        if let Some((connection, link)) = &*self.connection.borrow() {
            connected = link.connected();
            acks = link.acks.len();
            match connection {
                Connection::Network(client) => {
                    let now = client.stats();
                    stats.bytes_in += now.bytes_in;
                    stats.bytes_out += now.bytes_out;
                    queued = client.queued();
                    for place in &*link.places.borrow() {
                        dropped += client.dropped(&place.namespace);
                        buffered += client.buffered(&place.namespace);
                    }
                }
                Connection::Replay(replay) => is_replaying = !replay.is_ended(),
            }
        }
        vec![
            connected as f64,
            flag(connected > 0 && shared.recovered.get()),
            shared.opened.get().saturating_sub(1) as f64,
            if connected > 0 { 0.0 } else { f64::from(self.reconnect.attempts()) },
            self.reconnect.left().map_or(0.0, |time| time.as_secs_f64()),
            shared.round_trip.get().as_secs_f64() * 1000.0,
            shared.events_in.get() as f64,
            shared.events_out.get() as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            dropped as f64,
            queued as f64,
            buffered as f64,
            acks as f64,
            shared.tap.recorded() as f64,
            shared.tap.lost() as f64,
            flag(is_replaying),
        ]
    }

    /// Rows of an Info DAT: a name and a value each.
    pub(super) fn info_rows(&self) -> Table {
        let mut rows = vec![["name".to_owned(), "value".to_owned()]];
        let mut add = |name: &str, value: String| rows.push([name.to_owned(), value]);
        let link = self.link();
        let is_up = !self.is_down();
        add("status", self.status(link.as_deref(), is_up).to_owned());
        let transport = self.with_client(|client| client.transport()).flatten();
        let version = self.with_client(|client| client.version()).flatten();
        add("transport", transport.map(|it| in_words(it).to_owned()).unwrap_or_default());
        add("version", version.map(|it| version_in_words(it).to_owned()).unwrap_or_default());
        add("session", self.with_client(|client| client.engine_sid()).flatten().unwrap_or_default());
        let left = self.reconnect.left().map(|left| format!("{:.1}", left.as_secs_f64()));
        add("next_attempt", left.unwrap_or_default());
        add("reason", self.shared.last_reason.borrow().clone());
        let (error, data) = self.shared.last_error.borrow().clone();
        add("error", error);
        add("error_data", if data == Value::Null { String::new() } else { json(&data) });
        let places = link.map(|link| link.places.borrow().clone()).unwrap_or_default();
        for place in &places {
            let value = match &place.state {
                PlaceState::Connecting if is_up => "connecting".to_owned(),
                PlaceState::Connecting | PlaceState::Closed => "closed".to_owned(),
                PlaceState::Refused(message) => format!("refused: {message}"),
                PlaceState::Connected { .. } => {
                    self.with_client(|client| client.sid(&place.namespace)).flatten().unwrap_or_default()
                }
            };
            add(&format!("namespace {}", place.namespace), value);
        }
        // There are at most as many rows as namespaces may be joined, and a few.
        Table::from_rows(&rows).unwrap_or_default()
    }

    fn status(&self, link: Option<&Link>, is_up: bool) -> &'static str {
        match link {
            Some(link) if is_up && link.connected() > 0 => "open",
            Some(_) if is_up => "connecting",
            _ if self.reconnect.is_planned() => "waiting",
            _ => "closed",
        }
    }
}

fn flag(is_on: bool) -> f64 {
    f64::from(u8::from(is_on))
}
