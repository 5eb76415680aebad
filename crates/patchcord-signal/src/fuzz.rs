//! Fuzz targets as plain functions.
//!
//! `tests/corpus.rs` replays a corpus and seeded mutations of it on stable; the crate in `fuzz/` gives the same functions
//! to libFuzzer. A target panics when a promise of this crate is broken and returns nothing otherwise.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::control::{Action, ChannelValue, Host, Level, MAX_EVENT, NextPoll, Session};
use crate::{
    Cursor, Direction, FloatSize, Kind, Layout, MAX_NAME, NameId, Names, Slot, StreamLimits, StreamLog, Variable,
    strings,
};

/// Most bytes of a text.
const TEXT: usize = 100;
/// A session cannot be left with more than these to send.
const MOST_MESSAGES: usize = 200;

/// Whatever a client of `csound.v1` sends, actions are in order for the host, answers are JSON and come to an end.
///
/// The first byte chooses the host's level and the size of its floats; messages are lines. A line of one digit keeps a value for
/// the name with that number and lets time pass; an empty line withdraws all names and declares them again.
pub fn control(data: &[u8]) {
    let Some((&choice, messages)) = data.split_first() else { return };
    let Ok(messages) = std::str::from_utf8(messages) else { return };
    let level = Level::from_number(choice % 3).expect("0 to 2");
    let float = if choice & 4 == 0 { FloatSize::F64 } else { FloatSize::F32 };
    let host = Host { sr: 48_000.0, ksmps: 64, float, level, text: TEXT };
    let variables = variables(float);
    let mut names = Names::new();
    let mut declared = names.declare(&variables).expect("they fit together");
    let mut session = Session::new();
    let (mut now, mut actions) = (Instant::now(), Vec::new());
    for message in messages.split('\n') {
        match message.as_bytes() {
            [] => {
                assert_eq!(names.withdraw(declared.owner).gone.len(), variables.len());
                drain(&mut session, &names, &host, now);
                declared = names.declare(&variables).expect("they fit together");
                session.names_changed();
            }
            [digit @ b'0'..=b'9'] => {
                let index = usize::from(digit - b'0') % variables.len();
                keep(&mut names, declared.names[index], Slot { owner: declared.owner, index });
                now += Duration::from_millis(10);
            }
            _ => session.receive(message, &names, &host, now, &mut actions),
        }
        actions.drain(..).for_each(|action| check(&action, &names, level));
        drain(&mut session, &names, &host, now);
        assert!(session.listens_to(&names).count() <= 2 * variables.len());
    }
}

fn variables(float: FloatSize) -> Vec<Variable> {
    let variable = |name: &str, kind, dims: &[usize], direction| {
        let block = if kind == Kind::Audio { 64 } else { 1 };
        let layout = Layout::new(kind, float, block, dims).expect("a layout");
        Variable { name: name.into(), layout, direction }
    };
    vec![
        variable("kamp", Kind::Control, &[], Direction::Outgoing),
        variable("karr", Kind::Control, &[2, 3], Direction::Outgoing),
        variable("Sout", Kind::Text, &[], Direction::Outgoing),
        variable("asig", Kind::Audio, &[], Direction::Outgoing),
        variable("kfreq", Kind::Control, &[], Direction::Incoming),
        variable("iset", Kind::Init, &[2, 2], Direction::Incoming),
        variable("Sname", Kind::Text, &[], Direction::Incoming),
        variable("Slist", Kind::Text, &[2], Direction::Incoming),
        variable("ain", Kind::Audio, &[], Direction::Incoming),
    ]
}

fn keep(names: &mut Names, id: NameId, slot: Slot) {
    let variable = names.variable(id).expect("declared");
    let payload = vec![b'A'; variable.layout.payload_len().unwrap_or(3)];
    match variable.direction {
        Direction::Outgoing => names.keep(id, slot, &payload),
        Direction::Incoming => names.keep_received(id, &payload),
    }
}

fn check(action: &Action, names: &Names, level: Level) {
    match action {
        Action::SetVariable { id, payload } => {
            let variable = names.variable(*id).expect("a name that is here");
            assert_eq!(variable.direction, Direction::Incoming);
            assert_ne!(variable.layout.kind(), Kind::Audio);
            match variable.layout.payload_len() {
                Some(length) => assert_eq!(payload.len(), length),
                None if variable.layout.is_array() => {
                    assert_eq!(strings::members(payload).count(), variable.layout.members());
                }
                None => assert!(payload.len() <= TEXT && strings::check(payload).is_ok()),
            }
        }
        Action::SetChannel { name, value } => {
            assert!(level >= Level::Values && (1..=MAX_NAME).contains(&name.len()) && !name.contains('\0'));
            match value {
                ChannelValue::Number(number) => assert!(number.is_finite()),
                ChannelValue::Text(text) => assert!(text.len() <= TEXT && !text.contains('\0')),
            }
        }
        Action::Event(event) => {
            assert!(level == Level::Events && event.len() <= MAX_EVENT && !event.contains(['\0', '\n']));
        }
    }
}

/// Takes all that the session has to send at `now`.
fn drain(session: &mut Session, names: &Names, host: &Host, now: Instant) {
    let mut messages = 0;
    while let Some(message) = session.poll(names, host, now) {
        let message: Value = serde_json::from_str(&message).expect("a message is JSON");
        let keys: Vec<&str> = message.as_object().expect("an object").keys().map(String::as_str).collect();
        assert!(["hello", "values", "error"].iter().any(|kind| keys.contains(kind)), "{keys:?}");
        messages += 1;
        assert!(messages < MOST_MESSAGES, "it has something to say for ever");
    }
    assert_ne!(session.next_poll(now), NextPoll::Now);
}

/// A message for an array of strings is refused or becomes exactly so many strings, which become the same message again.
///
/// The first byte says how many strings the array has.
pub fn string_array(data: &[u8]) {
    let Some((&members, message)) = data.split_first() else { return };
    if let Ok(payload) = strings::from_json(message, usize::from(members)) {
        assert_eq!(strings::members(&payload).count(), usize::from(members));
        let again = strings::to_json(&payload);
        assert_eq!(strings::from_json(again.as_bytes(), usize::from(members)), Ok(payload));
        let read = |json: &[u8]| serde_json::from_slice::<Value>(json).expect("JSON");
        assert_eq!(read(again.as_bytes()), read(message));
    }
}

/// Whatever clients of a stream do, each gets whole frames in order, what it did not get was counted, and no more is kept
/// than the limits say.
///
/// Each byte is a step: the two highest bits say which of push, write, join or leave, the others how much or who.
pub fn stream_log(steps: &[u8]) {
    let limits = StreamLimits { bytes: 200, age: Duration::from_millis(50) };
    let mut log = StreamLog::new(limits);
    let mut now = Instant::now();
    let mut clients = Vec::new();
    let mut pushed: u32 = 0;
    let mut lost = 0;
    for &step in steps {
        let (what, number) = (step >> 6, usize::from(step & 63));
        match what {
            0 => {
                now += Duration::from_millis(u64::from(step & 7));
                assert_eq!(log.clients(), clients.len());
                lost += log.push(now, |out| out.extend_from_slice(&frame(pushed))).lost;
                pushed += 1;
                assert!(log.kept() <= limits.bytes.max(LONGEST));
            }
            1 if !clients.is_empty() => {
                let index = number % clients.len();
                let client: &FuzzClient = &clients[index];
                let pending = log.pending(&client.cursor).concat();
                let taken = pending.len().min(number * 3);
                log.advance(&client.cursor, taken);
                assert_eq!(log.has_all(&client.cursor), taken == pending.len());
                clients[index].got.extend_from_slice(&pending[..taken]);
            }
            2 if clients.len() < 8 => {
                let cursor = log.join(Vec::new());
                clients.push(FuzzClient { cursor, got: Vec::new(), begin: pushed });
            }
            3 if !clients.is_empty() => {
                let client = clients.swap_remove(number % clients.len());
                lost -= log.lost(&client.cursor);
                client.leave(&mut log, pushed);
            }
            _ => {}
        }
        assert_eq!(clients.iter().map(|client| log.lost(&client.cursor)).sum::<u64>(), lost);
    }
    for client in clients {
        client.leave(&mut log, pushed);
    }
    assert_eq!((log.kept(), log.clients()), (0, 0));
}

/// Bytes of the longest frame of [`stream_log`].
const LONGEST: usize = 4 + 22;

/// A frame that says its number; its length follows from that.
fn frame(number: u32) -> Vec<u8> {
    let mut frame = number.to_le_bytes().to_vec();
    frame.resize(4 + (number as usize * 7) % 23, 0xaa);
    frame
}

struct FuzzClient {
    cursor: Cursor,
    got: Vec<u8>,
    /// Number of the first frame after it joined.
    begin: u32,
}

impl FuzzClient {
    /// Reads the rest of a frame that was begun, and compares what it has got with what was pushed.
    fn leave(mut self, log: &mut StreamLog, pushed: u32) {
        let lost = log.lost(&self.cursor);
        let all = log.pending(&self.cursor).concat();
        let rest = log.leave(self.cursor);
        assert!(all.starts_with(&rest));
        let unread = &all[rest.len()..];
        self.got.extend_from_slice(&rest);
        self.got.extend_from_slice(unread);
        let (mut at, mut whole, mut next) = (0, 0, self.begin);
        while let Some(header) = self.got.get(at..at + 4) {
            let number = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
            assert!((next..pushed).contains(&number), "frames in order");
            let expected = frame(number);
            assert_eq!(self.got.get(at..at + expected.len()), Some(&expected[..]), "a whole frame");
            at += expected.len();
            whole += 1;
            next = number + 1;
        }
        assert_eq!(at, self.got.len());
        assert_eq!(whole + lost, u64::from(pushed - self.begin), "what it did not get was counted");
    }
}
