//! The clients of a web server: who is there, who has left and why.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use patchcord_core::table::Table;
use patchcord_core::value::SharedStr;
use patchcord_net::websocket::{ClosedBy, Ending, Peer};

/// Columns of the clients table.
const HEADING: [&str; 15] = [
    "id",
    "address",
    "path",
    "subprotocol",
    "state",
    "joined",
    "lastseen",
    "messages_in",
    "messages_out",
    "bytes_in",
    "bytes_out",
    "queued",
    "dropped",
    "roundtrip",
    "reason",
];

/// What the operator keeps with each client.
pub struct ClientData {
    /// The client's name in all calls: `ip:port`, and `#number` where another open client has that name already: a
    /// peer may reach two addresses or ports of this machine from one port of its own.
    pub id: Rc<SharedStr>,
    /// Path and query that it asked for.
    pub uri: String,
    /// Subprotocol; empty when none was agreed.
    pub subprotocol: String,
    /// Seconds since the program's start when it joined.
    pub joined: f64,
    /// Order of joining.
    pub(super) number: u64,
    /// Whether it was accepted and onWebSocketOpen has been called.
    pub(super) opened: Cell<bool>,
    /// Contents of the ping that is being handled, when it was answered automatically.
    pub(super) ponged: RefCell<Option<Box<[u8]>>>,
}

/// A client of this operator.
pub(super) type WebClient = Peer<ClientData>;

/// Open clients by id, and rows of those that have left.
#[derive(Default)]
pub(super) struct Clients {
    open: RefCell<HashMap<Rc<str>, Rc<WebClient>>>,
    /// The client that was looked up last, or whose message is being handled: nearly every send is an answer.
    current: RefCell<Option<Rc<WebClient>>>,
    left: RefCell<VecDeque<Vec<String>>>,
    counted: Cell<Totals>,
}

/// Sums over clients that have left.
#[derive(Clone, Copy, Default)]
pub(super) struct Totals {
    pub messages_in: u64,
    pub messages_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub queued: u64,
    pub dropped: u64,
}

impl Totals {
    fn add(&mut self, client: &WebClient) {
        let stats = client.stats();
        self.messages_in += stats.messages_in;
        self.messages_out += stats.messages_out;
        self.bytes_in += stats.bytes_in;
        self.bytes_out += stats.bytes_out;
        self.dropped += client.dropped();
    }
}

impl Clients {
    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Whether a client of this id is open.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.open.borrow().contains_key(id)
    }

    pub(super) fn add(&self, client: &Rc<WebClient>) {
        self.open.borrow_mut().insert(Rc::from(client.data().id.as_str()), client.clone());
    }

    /// Takes a client out and keeps a row of it.
    pub(super) fn remove(&self, client: &Rc<WebClient>, ending: &Ending, now: f64, keep: usize) {
        let mut open = self.open.borrow_mut();
        if open.get(client.data().id.as_str()).is_some_and(|known| Rc::ptr_eq(known, client)) {
            open.remove(client.data().id.as_str());
        }
        drop(open);
        if self.current.borrow().as_ref().is_some_and(|current| Rc::ptr_eq(current, client)) {
            self.current.take();
        }
        let mut totals = self.counted.get();
        totals.add(client);
        self.counted.set(totals);
        let mut left = self.left.borrow_mut();
        left.push_back(row(client, "left", now, &reason(ending)));
        while left.len() > keep {
            left.pop_front();
        }
    }

    pub(super) fn trim_left(&self, keep: usize) {
        let mut left = self.left.borrow_mut();
        while left.len() > keep {
            left.pop_front();
        }
    }

    /// Notes whose message is being handled.
    #[inline]
    pub(super) fn set_current(&self, client: &Rc<WebClient>) {
        let mut current = self.current.borrow_mut();
        if !current.as_ref().is_some_and(|known| Rc::ptr_eq(known, client)) {
            *current = Some(client.clone());
        }
    }

    /// Calls `work` with the client whose message is being handled, when `is_meant` recognises its id.
    #[inline]
    pub(super) fn with_current<R>(
        &self,
        is_meant: impl FnOnce(&SharedStr) -> bool,
        work: impl FnOnce(&WebClient) -> R,
    ) -> Option<R> {
        let current = self.current.borrow();
        current.as_ref().filter(|client| is_meant(&client.data().id)).map(|client| work(client))
    }

    /// Calls `work` with the client of this id.
    #[inline]
    pub(super) fn with<R>(&self, id: &str, work: impl FnOnce(&WebClient) -> R) -> Option<R> {
        let current = self.current.borrow();
        // A handler in Rust mostly names the client by the very text that it got.
        let is_meant = |known: &str| std::ptr::eq(known, id) || known == id;
        if let Some(client) = current.as_ref().filter(|client| is_meant(client.data().id.as_str())) {
            return Some(work(client));
        }
        drop(current);
        let client = self.open.borrow().get(id).cloned()?;
        Some(work(&client))
    }

    /// Open clients in the order in which they joined.
    pub(super) fn in_order(&self) -> Vec<Rc<WebClient>> {
        let mut clients: Vec<_> = self.open.borrow().values().cloned().collect();
        clients.sort_unstable_by_key(|client| client.data().number);
        clients
    }

    /// Sums over all clients, those that have left included.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.counted.get();
        for client in self.open.borrow().values() {
            totals.add(client);
            totals.queued += client.queued() as u64;
        }
        totals
    }

    /// The clients table: open ones first, then those that have left, the newest last.
    pub(super) fn table(&self, now: f64, since_seen: impl Fn(&WebClient) -> f64) -> Table {
        let mut rows: Vec<Vec<String>> = vec![HEADING.map(str::to_owned).to_vec()];
        rows.extend(self.in_order().iter().map(|client| {
            let state = if client.is_closing() { "closing" } else { "open" };
            row(client, state, now - since_seen(client), "")
        }));
        rows.extend(self.left.borrow().iter().cloned());
        Table::from_rows(&rows).unwrap_or_default()
    }
}

fn row(client: &WebClient, state: &str, last_seen: f64, reason: &str) -> Vec<String> {
    let data = client.data();
    let stats = client.stats();
    let round_trip = client.round_trip().map(|time| format!("{:.1}", time.as_secs_f64() * 1000.0)).unwrap_or_default();
    vec![
        data.id.as_str().to_owned(),
        client.address().ip().to_string(),
        data.uri.clone(),
        data.subprotocol.clone(),
        state.to_owned(),
        format!("{:.1}", data.joined),
        format!("{last_seen:.1}"),
        stats.messages_in.to_string(),
        stats.messages_out.to_string(),
        stats.bytes_in.to_string(),
        stats.bytes_out.to_string(),
        client.queued().to_string(),
        client.dropped().to_string(),
        round_trip,
        reason.to_owned(),
    ]
}

/// The reason of leaving in words, on one line whatever the peer said.
pub(crate) fn reason(ending: &Ending) -> String {
    let code = ending.code.as_u16();
    let by = match ending.by {
        ClosedBy::Local => "closed here",
        ClosedBy::Remote => "closed by the client",
        ClosedBy::Nobody => "connection lost",
    };
    let mut text = match (ending.by, ending.sent) {
        (ClosedBy::Local, Some(sent)) => format!("{by} ({})", sent.as_u16()),
        (ClosedBy::Remote, _) => format!("{by} ({code})"),
        _ => by.to_owned(),
    };
    if !ending.reason.is_empty() {
        text.push_str(": ");
        text.extend(ending.reason.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    text
}

#[cfg(test)]
mod tests {
    use patchcord_net::websocket::CloseCode;

    use super::*;

    #[test]
    fn a_peers_reason_stays_on_its_line() {
        let ending = Ending {
            code: CloseCode::NORMAL,
            reason: "bye\r\n[/project1] error: made up".to_owned(),
            by: ClosedBy::Remote,
            sent: Some(CloseCode::NORMAL),
            clean: true,
        };
        assert_eq!(reason(&ending), "closed by the client (1000): bye  [/project1] error: made up");
    }
}
