//! How a recording has what passes this operator: packets of Socket.IO as text, each with its attachments as binary
//! entries behind it, whatever the parser and the version on the wire were.
//!
//! The number under which an event asks for an answer is that of the packet where the server asks, and the one that
//! `emit` returned where this end does.

use patchcord_socketio::engine::Data;
use patchcord_socketio::{Content, Event, Limits, Namespace, Packet, Parser, Value};

use crate::recording::{Content as Recorded, Direction, Entry, Tap};

/// What may be recorded is what came over the wire or was sent there, so that nothing is too large here.
pub(super) const LIMITS: Limits =
    Limits { packet: usize::MAX, attachments: usize::MAX, depth: 120, values: usize::MAX };
/// Field of a CONNECT packet in a recording: the server has restored the session that was lost.
pub(super) const RECOVERED: &str = "recovered";

/// Notes an event; `id` is the number under which it asks for an answer, if it does.
#[cold]
pub(super) fn note_event(
    tap: &Tap,
    direction: Direction,
    namespace: &Namespace,
    (name, args, id): (&str, Vec<Value>, Option<u64>),
    offset: Option<&str>,
) {
    let content = Content::Event(Event { name: name.into(), args, id });
    note(tap, direction, namespace, content, Some(name), offset);
}

/// Notes the answer to the event of this name and number.
#[cold]
pub(super) fn note_answer(
    tap: &Tap,
    direction: Direction,
    namespace: &Namespace,
    (event, id): (&str, u64),
    args: Vec<Value>,
) {
    note(tap, direction, namespace, Content::Ack { id, args }, Some(event), None);
}

/// Notes that the server lets this client into a namespace.
pub(super) fn note_connected(tap: &Tap, namespace: &Namespace, sid: &str, recovered: bool) {
    if tap.is_on() {
        let mut answer = vec![("sid".to_owned(), sid.into())];
        if recovered {
            answer.push((RECOVERED.to_owned(), Value::Bool(true)));
        }
        note(tap, Direction::In, namespace, Content::Connect(Some(Value::Object(answer))), None, None);
    }
}

/// Notes what else the server says about a namespace.
pub(super) fn note_packet(tap: &Tap, namespace: &Namespace, content: impl FnOnce() -> Content) {
    if tap.is_on() {
        note(tap, Direction::In, namespace, content(), None, None);
    }
}

/// Notes that this end leaves a namespace of a session that goes on.
pub(super) fn note_left(tap: &Tap, namespace: &Namespace, reason: &str) {
    tap.note(|| close(Direction::Out, reason).peer(namespace.as_str()));
}

/// Notes that the session has ended.
pub(super) fn note_close(tap: &Tap, direction: Direction, reason: &str) {
    tap.note(|| close(direction, reason));
}

fn close(direction: Direction, reason: &str) -> Entry<'_> {
    Entry::new(direction, Recorded::Close { code: None, reason: reason.into() })
}

fn note(
    tap: &Tap,
    direction: Direction,
    namespace: &Namespace,
    content: Content,
    event: Option<&str>,
    offset: Option<&str>,
) {
    let packet = Packet { namespace: namespace.clone(), content };
    // What was sent or received can be written, but for one thing: bytes beside an object that looks like one of them.
    let Ok(encoded) = packet.encode(Parser::Json, &LIMITS) else { return };
    for message in encoded.into_messages() {
        let content = match &message {
            Data::Text(text) => Recorded::Text(text.as_ref().into()),
            Data::Binary(bytes) => Recorded::Binary(bytes.as_ref().into()),
        };
        let entry = Entry::new(direction, content).peer(namespace.as_str());
        let entry = Entry { event: event.map(Into::into), offset: offset.map(Into::into), ..entry };
        tap.note(|| entry);
    }
}
