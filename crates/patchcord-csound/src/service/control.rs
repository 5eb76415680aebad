//! Sessions of `csound.v1` at a port: what the protocol's own state machine wants of the port, and of performance.

use std::time::Instant;

use patchcord_signal::NameId;
use patchcord_signal::control::{self, Action, ChannelValue, Level, NextPoll};
use patchcord_websocket::Sender;

use super::port::Port;
use super::request::Refused;
use super::software;
use super::stream::Message;

/// Own bytes of a connection that may wait before it is told more: what comes later is newer then.
const MAX_WAITING: usize = 64 * 1024;

/// One client.
#[derive(Debug, Default)]
pub(super) struct Session {
    state: control::Session,
    /// The names that are kept for it at the moment, each once.
    watched: Vec<NameId>,
}

/// Why Csound was not asked.
#[derive(Debug, thiserror::Error)]
enum NotPassedOn {
    #[error("no note takes requests; \"control\" has to be set before the note begins")]
    NoNote,
    #[error(
        "clients have set {} software channels, which are the most; those can be set again",
        software::MAX_CHANNELS
    )]
    Channels,
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Session {
    /// The names that are kept for it.
    pub(super) fn watched(&self) -> &[NameId] {
        &self.watched
    }

    /// Names have come or gone, or what is allowed has changed.
    pub(super) fn greet_again(&mut self) {
        self.state.names_changed();
    }

    /// Takes a message.
    pub(super) fn receive(&mut self, message: Message<'_>, port: &mut Port, now: Instant) {
        let Some(text) = message.text() else { return self.state.receive_binary() };
        let mut actions = Vec::new();
        let host = host(port);
        self.state.receive(text, &port.names, &host, now, &mut actions);
        for action in actions {
            if let Err(error) = act(&action, port) {
                self.state.refuse(&action, error, &port.names);
            }
        }
    }

    /// Appends what the client has to be told to `out`, and says when there may be more without anything happening before.
    pub(super) fn poll(
        &mut self,
        port: &mut Port,
        sender: &mut Sender,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Instant> {
        let host = host(port);
        while out.len() < MAX_WAITING
            && let Some(text) = self.state.poll(&port.names, &host, now)
        {
            let _ = sender.text(out, &text);
        }
        let next = self.state.next_poll(now);
        // Until the next message is due nothing is kept for it, so that performance wakes nobody in vain.
        let mut wanted: Vec<NameId> = match next {
            NextPoll::Value | NextPoll::Now => self.state.listens_to(&port.names).collect(),
            NextPoll::At(_) | NextPoll::Request => Vec::new(),
        };
        wanted.sort_unstable();
        wanted.dedup();
        if wanted != self.watched {
            wanted.iter().for_each(|name| port.watch(*name));
            self.watched.iter().for_each(|name| port.unwatch(*name));
            self.watched = wanted;
        }
        if let NextPoll::At(at) = next { Some(at) } else { None }
    }
}

fn host(port: &Port) -> control::Host {
    control::Host {
        sr: port.host.sample_rate,
        ksmps: port.host.ksmps as usize,
        float: port.host.float,
        level: Level::from_number(port.settings.control).unwrap_or_default(),
        text: port.settings.text,
    }
}

fn act(action: &Action, port: &mut Port) -> Result<(), NotPassedOn> {
    match action {
        Action::SetVariable { id, payload } => {
            port.store(*id, payload);
            return Ok(());
        }
        Action::SetChannel { name, value } => {
            let instance = port.host.instance;
            let requests = port.requests().ok_or(NotPassedOn::NoNote)?;
            if !software::admit(instance, name) {
                return Err(NotPassedOn::Channels);
            }
            match value {
                ChannelValue::Number(value) => requests.number(name, *value)?,
                ChannelValue::Text(text) => requests.text(name, text)?,
            }
        }
        Action::Event(line) => port.requests().ok_or(NotPassedOn::NoNote)?.event(line)?,
    }
    Ok(())
}
