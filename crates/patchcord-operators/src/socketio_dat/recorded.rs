//! How a recording has what passes this operator: packets of Socket.IO as text, each with its attachments as binary
//! entries behind it.

use patchcord_socketio::engine::Data;
use patchcord_socketio::{Content, Limits, Namespace, Packet, Parser};

use crate::recording::{Content as Recorded, Direction, Entry, Tap};

/// What may be recorded is what came over the wire or was sent there, so that nothing is too large here.
pub(super) const LIMITS: Limits =
    Limits { packet: usize::MAX, attachments: usize::MAX, depth: 120, values: usize::MAX };

/// Notes a packet, if anybody records.
#[inline]
pub(super) fn note_packet(tap: &Tap, direction: Direction, namespace: &Namespace, content: impl FnOnce() -> Content) {
    if tap.is_on() {
        note_now(tap, direction, namespace, content());
    }
}

#[cold]
fn note_now(tap: &Tap, direction: Direction, namespace: &Namespace, content: Content) {
    let event = match &content {
        Content::Event(event) => Some(event.name.clone()),
        _ => None,
    };
    let packet = Packet { namespace: namespace.clone(), content };
    // What was sent or received can be written, but for one thing: bytes beside an object that looks like one of them.
    let Ok(encoded) = packet.encode(Parser::Json, &LIMITS) else { return };
    for message in encoded.into_messages() {
        let content = match &message {
            Data::Text(text) => Recorded::Text(text.as_ref().into()),
            Data::Binary(bytes) => Recorded::Binary(bytes.as_ref().into()),
        };
        let entry = Entry::new(direction, content).peer(namespace.as_str());
        tap.note(|| match &event {
            Some(event) => entry.event(event.as_str()),
            None => entry,
        });
    }
}
