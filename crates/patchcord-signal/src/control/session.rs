//! One client of the control protocol at the host.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::control::request::{Refusal, Request, is_whole, shortened};
use crate::control::{Action, ControlError, Host, Level, MAX_EVENT, MAX_MEMBERS, json};
use crate::layout::{Direction, FloatSize, Kind, Variable};
use crate::names::{NameId, Names};
use crate::nearest::nearest;

/// Refusals that wait to be sent; more are left out.
const MAX_REFUSALS: usize = 64;
/// A message of values is ended when it has as many bytes; what is left goes into the next one.
const FULL_MESSAGE: usize = 64 << 10;

/// When [`Session::poll`] may have something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPoll {
    /// At once.
    Now,
    /// As soon as a value is kept that the session watches.
    Value,
    /// Not before this instant, whatever is kept. Until then rings of watched values need only be emptied before they are
    /// full.
    At(Instant),
    /// When the client has asked for something.
    Request,
}

/// The state of one client: what it watches and what it has to be told.
#[derive(Debug)]
pub struct Session {
    hello: bool,
    refusals: VecDeque<Refusal>,
    /// Names that were asked for once, with the revision that is not new enough.
    wanted: BTreeMap<String, u64>,
    /// Kept while the name is gone, for the next note.
    watched: BTreeMap<String, Watch>,
}

#[derive(Debug)]
struct Watch {
    period: Duration,
    next: Instant,
    /// Revision of the value that was sent last.
    seen: u64,
    id: Option<NameId>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A client that has just connected and is greeted first.
    pub fn new() -> Self {
        Self { hello: true, refusals: VecDeque::new(), wanted: BTreeMap::new(), watched: BTreeMap::new() }
    }

    /// Takes one text message. What it asks the host to do is appended to `actions`; everything else is answered by
    /// [`poll`](Self::poll).
    pub fn receive(&mut self, message: &str, names: &Names, host: &Host, now: Instant, actions: &mut Vec<Action>) {
        match Request::parse(message) {
            Err(refusal) => self.answer(*refusal),
            Ok(Request::Set(values)) => self.set(&values, names, host, actions),
            Ok(Request::Get(asked)) => self.get(asked, names),
            Ok(Request::Subscribe { names: asked, rate }) => {
                self.subscribe(asked, Duration::from_secs_f64(rate.recip()), names, now);
            }
            Ok(Request::Unsubscribe(asked)) => self.unsubscribe(asked, names),
            Ok(Request::Event(event)) => self.event(event, host, actions),
        }
    }

    /// Takes a binary message, which this protocol does not have.
    pub fn receive_binary(&mut self) {
        self.answer(Refusal { error: ControlError::Binary, of: Value::Null });
    }

    /// Says that the host could not do what it was asked to, for a reason that the client may read.
    pub fn refuse(&mut self, action: &Action, reason: impl Display, names: &Names) {
        let error = ControlError::Host(reason.to_string());
        let name = match action {
            Action::SetVariable { id, .. } => names.variable(*id).map_or("", |variable| variable.name.as_str()),
            Action::SetChannel { name, .. } => name,
            Action::Event(event) => return self.answer(Refusal { error, of: json!({ "event": shortened(event) }) }),
        };
        self.answer(Refusal::of_name(error, "set", name, None));
    }

    /// Says that names have been declared or withdrawn: the client is greeted again.
    pub fn names_changed(&mut self) {
        self.hello = true;
    }

    /// The next message for the client. To be asked again until there is none, as long as the client reads: what it does not
    /// take in time is replaced by what is newer.
    pub fn poll(&mut self, names: &Names, host: &Host, now: Instant) -> Option<String> {
        if std::mem::take(&mut self.hello) {
            return Some(hello(names, host));
        }
        if let Some(refusal) = self.refusals.pop_front() {
            return Some(refusal.message());
        }
        let mut values = Values::default();
        self.answer_wanted(names, &mut values);
        self.send_watched(names, now, &mut values);
        if values.object.is_empty() {
            // What was wanted may have gone meanwhile.
            return self.refusals.pop_front().map(|refusal| refusal.message());
        }
        Some(json!({ "values": values.object }).to_string())
    }

    /// When [`poll`](Self::poll) is worth asking.
    pub fn next_poll(&self, now: Instant) -> NextPoll {
        if self.hello || !self.refusals.is_empty() {
            return NextPoll::Now;
        }
        if !self.wanted.is_empty() {
            return NextPoll::Value;
        }
        match self.watched.values().map(|watch| watch.next).min() {
            None => NextPoll::Request,
            Some(next) if next <= now => NextPoll::Value,
            Some(next) => NextPoll::At(next),
        }
    }

    /// The names whose values have to be kept for this client. One that is both watched and asked for comes twice.
    pub fn listens_to<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = NameId> + 'a {
        self.wanted.keys().chain(self.watched.keys()).filter_map(|name| names.find(name))
    }

    fn set(&mut self, values: &Map<String, Value>, names: &Names, host: &Host, actions: &mut Vec<Action>) {
        for (name, value) in values {
            match set(name, value, names, host, self.is_heard()) {
                Ok(action) => actions.push(action),
                Err(error) => self.answer(Refusal::of_name(error, "set", &shortened(name), Some(value))),
            }
        }
    }

    fn get(&mut self, asked: Vec<String>, names: &Names) {
        for name in asked {
            match readable(&name, names, self.is_heard()) {
                Ok(id) => {
                    let known = names.latest(id).map_or(0, |latest| latest.revision);
                    self.wanted.insert(name, if names.is_current(id) { 0 } else { known });
                }
                Err(error) => self.answer(Refusal::of_name(error, "get", &shortened(&name), None)),
            }
        }
    }

    fn subscribe(&mut self, asked: Vec<String>, period: Duration, names: &Names, now: Instant) {
        for name in asked {
            match readable(&name, names, self.is_heard()) {
                Ok(id) => {
                    let known = names.latest(id).map_or(0, |latest| latest.revision);
                    let seen = if names.is_current(id) { 0 } else { known };
                    self.watched.insert(name, Watch { period, next: now, seen, id: Some(id) });
                }
                Err(error) => self.answer(Refusal::of_name(error, "subscribe", &shortened(&name), None)),
            }
        }
    }

    fn unsubscribe(&mut self, asked: Vec<String>, names: &Names) {
        for name in asked {
            if self.watched.remove(&name).is_none() && names.find(&name).is_none() {
                let error = unknown(&name, names, self.is_heard());
                self.answer(Refusal::of_name(error, "unsubscribe", &shortened(&name), None));
            }
        }
    }

    fn event(&mut self, event: String, host: &Host, actions: &mut Vec<Action>) {
        let error = if host.level < Level::Events {
            ControlError::EventsOff
        } else if event.trim().is_empty() || event.len() > MAX_EVENT || event.contains(['\0', '\n', '\r']) {
            ControlError::Event
        } else if !is_whole(&event) {
            ControlError::UnfinishedEvent
        } else {
            actions.push(Action::Event(event));
            return;
        };
        self.answer(Refusal { error, of: json!({ "event": shortened(&event) }) });
    }

    /// Whether there is room for one more refusal with its reason.
    fn is_heard(&self) -> bool {
        self.refusals.len() < MAX_REFUSALS
    }

    fn answer(&mut self, refusal: Refusal) {
        match self.refusals.len() {
            0..MAX_REFUSALS => self.refusals.push_back(refusal),
            MAX_REFUSALS => self.refusals.push_back(Refusal { error: ControlError::TooMany, of: Value::Null }),
            _ => {}
        }
    }

    fn answer_wanted(&mut self, names: &Names, values: &mut Values) {
        let mut gone = Vec::new();
        self.wanted.retain(|name, old| {
            let Some((id, variable)) = names.find(name).and_then(|id| Some((id, names.variable(id)?))) else {
                gone.push(name.clone());
                return false;
            };
            let latest = names.latest(id);
            let is_new = names.is_current(id) || latest.is_some_and(|latest| latest.revision > *old);
            if !is_new || values.is_full() {
                return true;
            }
            values.add(variable, latest.map(|latest| latest.payload));
            false
        });
        for name in gone {
            self.answer(Refusal::of_name(ControlError::Gone(shortened(&name)), "get", &name, None));
        }
    }

    fn send_watched(&mut self, names: &Names, now: Instant, values: &mut Values) {
        for (name, watch) in &mut self.watched {
            if watch.next > now || values.is_full() {
                continue;
            }
            let Some(id) = names.find(name) else { continue };
            if watch.id != Some(id) {
                // Another note has brought the name back.
                watch.id = Some(id);
                watch.seen = 0;
            }
            let (Some(variable), Some(latest)) = (names.variable(id), names.latest(id)) else { continue };
            if latest.revision <= watch.seen || variable.layout.kind() == Kind::Audio {
                continue;
            }
            watch.seen = latest.revision;
            let next = watch.next + watch.period;
            watch.next = if next > now { next } else { now + watch.period };
            values.add(variable, Some(latest.payload));
        }
    }
}

/// Values of one message.
#[derive(Debug, Default)]
struct Values {
    object: Map<String, Value>,
    /// Bytes of their payloads: about as many as the message has.
    bytes: usize,
}

impl Values {
    fn is_full(&self) -> bool {
        self.bytes >= FULL_MESSAGE
    }

    fn add(&mut self, variable: &Variable, payload: Option<&[u8]>) {
        let value = payload.map_or(Value::Null, |payload| json::to_json(&variable.layout, payload));
        self.bytes += variable.name.len() + payload.map_or(0, <[u8]>::len);
        self.object.insert(variable.name.clone(), value);
    }
}

fn set(name: &str, value: &Value, names: &Names, host: &Host, is_heard: bool) -> Result<Action, ControlError> {
    match names.find(name).and_then(|id| Some((id, names.variable(id)?))) {
        Some((_, variable)) if variable.direction == Direction::Outgoing => {
            Err(ControlError::NotIncoming(name.to_owned()))
        }
        Some((id, variable)) => {
            json::to_payload(variable, value, host.text).map(|payload| Action::SetVariable { id, payload })
        }
        None if host.level >= Level::Values => {
            json::to_channel(name, value, host.text).map(|value| Action::SetChannel { name: name.to_owned(), value })
        }
        None => {
            let incoming = names.variables().filter(|(_, variable)| variable.direction == Direction::Incoming);
            let nearest = suggested(name, incoming, is_heard);
            Err(ControlError::ChannelsOff { name: shortened(name), nearest })
        }
    }
}

/// A name whose values can be had in JSON.
fn readable(name: &str, names: &Names, is_heard: bool) -> Result<NameId, ControlError> {
    let id = names.find(name).ok_or_else(|| unknown(name, names, is_heard))?;
    let variable = names.variable(id).ok_or_else(|| unknown(name, names, is_heard))?;
    let members = variable.layout.members();
    if variable.layout.kind() == Kind::Audio {
        Err(ControlError::Audio(name.to_owned()))
    } else if members > MAX_MEMBERS {
        Err(ControlError::TooManyMembers { name: name.to_owned(), members })
    } else {
        Ok(id)
    }
}

fn unknown(name: &str, names: &Names, is_heard: bool) -> ControlError {
    let nearest = suggested(name, names.variables(), is_heard);
    ControlError::UnknownName { name: shortened(name), nearest }
}

/// The nearest of the names: what the client may have meant. It takes long, so that nobody looks who is not heard.
fn suggested<'a>(
    name: &str,
    variables: impl Iterator<Item = (NameId, &'a Variable)>,
    is_heard: bool,
) -> Option<String> {
    if is_heard {
        nearest(name, variables.map(|(_, variable)| variable.name.as_str())).map(str::to_owned)
    } else {
        None
    }
}

fn hello(names: &Names, host: &Host) -> String {
    let variable = |(_, variable): (NameId, &Variable)| {
        json!({
            "name": variable.name,
            "type": variable.layout.type_name(),
            "direction": variable.direction.to_string(),
        })
    };
    json!({
        "hello": {
            "version": 1,
            "sr": json::number(host.sr, FloatSize::F64),
            "ksmps": host.ksmps,
            "float": host.float.bits(),
            "control": host.level.number(),
            "variables": names.variables().map(variable).collect::<Vec<_>>(),
        }
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ChannelValue;
    use crate::layout::Layout;
    use crate::names::{NameError, Slot};

    struct Fixture {
        names: Names,
        ids: Vec<NameId>,
        slot: Slot,
        host: Host,
        session: Session,
        now: Instant,
        actions: Vec<Action>,
    }

    impl Fixture {
        fn new(level: Level) -> Result<Self, NameError> {
            let variable = |name: &str, kind, block, dims: &[usize], direction| {
                let layout = Layout::new(kind, FloatSize::F64, block, dims).expect("a layout");
                Variable { name: name.into(), layout, direction }
            };
            let mut names = Names::new();
            let declared = names.declare(&[
                variable("kamp", Kind::Control, 1, &[], Direction::Outgoing),
                variable("ilen", Kind::Init, 1, &[], Direction::Outgoing),
                variable("kfreq", Kind::Control, 1, &[], Direction::Incoming),
                variable("asig", Kind::Audio, 64, &[], Direction::Outgoing),
                variable("klarge", Kind::Control, 1, &[MAX_MEMBERS + 1], Direction::Outgoing),
            ])?;
            let host = Host { sr: 48_000.0, ksmps: 64, float: FloatSize::F64, level, text: 100 };
            let slot = Slot { owner: declared.owner, index: 0 };
            let mut session = Session::new();
            let now = Instant::now();
            assert!(session.poll(&names, &host, now).is_some_and(|hello| hello.starts_with("{\"hello\"")));
            Ok(Self { names, ids: declared.names, slot, host, session, now, actions: Vec::new() })
        }

        fn keep(&mut self, index: usize, value: f64) {
            self.names.keep(self.ids[index], Slot { index, ..self.slot }, &value.to_le_bytes());
        }

        fn receive(&mut self, message: &str) {
            self.session.receive(message, &self.names, &self.host, self.now, &mut self.actions);
        }

        fn poll(&mut self) -> Option<Value> {
            let message = self.session.poll(&self.names, &self.host, self.now)?;
            Some(serde_json::from_str(&message).expect("messages are JSON"))
        }

        /// The next message, which is a refusal.
        fn refusal(&mut self) -> (String, Value) {
            let mut message = self.poll().expect("a message");
            (message["error"].as_str().expect("an error").to_owned(), message["of"].take())
        }
    }

    #[test]
    fn a_client_is_greeted_first_and_when_names_change() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Values)?;
        assert_eq!(fixture.poll(), None);
        fixture.names = Names::new();
        fixture.names.declare(&[Variable {
            name: "karr".into(),
            layout: Layout::new(Kind::Control, FloatSize::F64, 1, &[2, 3]).expect("a layout"),
            direction: Direction::Incoming,
        }])?;
        fixture.session.names_changed();
        assert_eq!(fixture.session.next_poll(fixture.now), NextPoll::Now);
        let hello = json!({"hello": {
            "version": 1, "sr": 48000, "ksmps": 64, "float": 64, "control": 1,
            "variables": [{"name": "karr", "type": "k[2][3]", "direction": "in"}],
        }});
        assert_eq!(fixture.poll(), Some(hello));
        assert_eq!(fixture.session.next_poll(fixture.now), NextPoll::Request);
        Ok(())
    }

    #[test]
    fn values_are_set_one_by_one() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        fixture.receive(r#"{"set":{"kfreq":440,"kfrq":1,"kamp":2,"asig":0}}"#);
        let payload = 440f64.to_le_bytes().to_vec();
        assert_eq!(fixture.actions, [Action::SetVariable { id: fixture.ids[2], payload }]);
        let mut refusals = [fixture.refusal(), fixture.refusal(), fixture.refusal()];
        refusals.sort_by(|a, b| a.0.cmp(&b.0));
        let [asig, kamp, kfrq] = refusals;
        assert_eq!(asig.0, "`asig` is sent by the host; clients cannot set it");
        assert_eq!(kamp.1, json!({"set": {"kamp": 2}}));
        assert!(kfrq.0.starts_with("there is no variable `kfrq` to set, did you mean `kfreq`?"), "{}", kfrq.0);
        assert_eq!(fixture.poll(), None);
        Ok(())
    }

    #[test]
    fn channels_and_events_are_taken_when_the_host_allows_it() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Values)?;
        fixture.receive(r#"{"set":{"gain":0.5}}"#);
        fixture.receive(r#"{"set":{"title":"x"}}"#);
        fixture.receive(r#"{"set":{"list":[1]}}"#);
        fixture.receive(r#"{"event":"i 1 0 1"}"#);
        let channel = |name: &str, value| Action::SetChannel { name: name.into(), value };
        let text = ChannelValue::Text("x".into());
        assert_eq!(fixture.actions, [channel("gain", ChannelValue::Number(0.5)), channel("title", text)]);
        assert_eq!(fixture.refusal().0, "a software channel takes a number or a string, not an array");
        assert_eq!(fixture.refusal().0, "score events are taken when the host's control setting is 2");
        let mut fixture = Fixture::new(Level::Events)?;
        fixture.receive(r#"{"event":"i 1 0 1"}"#);
        fixture.receive(r#"{"event":"i 1 0 1\ni 2 0 1"}"#);
        fixture.receive(r#"{"event":" "}"#);
        fixture.receive(r#"{"event":"i 1 0 1 \"open"}"#);
        assert_eq!(fixture.actions, [Action::Event("i 1 0 1".into())]);
        assert!(fixture.refusal().0.starts_with("a score event is one line"));
        assert!(fixture.refusal().0.starts_with("a score event is one line"));
        assert!(fixture.refusal().0.starts_with("a score event ends with its line"));
        Ok(())
    }

    #[test]
    fn what_the_host_could_not_do_is_said() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Events)?;
        fixture.receive(r#"{"set":{"kfreq":1}}"#);
        fixture.receive(r#"{"set":{"gain":0.5}}"#);
        fixture.receive(r#"{"event":"i 1 0 1"}"#);
        for (action, of) in fixture.actions.clone().iter().zip([
            json!({"set": ["kfreq"]}),
            json!({"set": ["gain"]}),
            json!({"event": "i 1 0 1"}),
        ]) {
            fixture.session.refuse(action, "too many wait", &fixture.names);
            assert_eq!(fixture.refusal(), ("too many wait".into(), of));
        }
        Ok(())
    }

    #[test]
    fn a_host_that_keeps_all_is_believed() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        let variable = fixture.names.variable(fixture.ids[0]).expect("a name").clone();
        fixture.names = Names::keeping_all();
        fixture.ids = fixture.names.declare(&[variable])?.names;
        fixture.receive(r#"{"get":["kamp"]}"#);
        assert_eq!(fixture.poll(), Some(json!({"values": {"kamp": null}})));
        fixture.slot = fixture.names.speaker(fixture.ids[0]).expect("a speaker");
        fixture.keep(0, 0.5);
        for request in [r#"{"get":["kamp"]}"#, r#"{"subscribe":["kamp"]}"#] {
            fixture.receive(request);
            assert_eq!(fixture.poll(), Some(json!({"values": {"kamp": 0.5}})));
            assert_eq!(fixture.poll(), None);
        }
        Ok(())
    }

    #[test]
    fn a_value_is_got_once() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        fixture.keep(0, 0.25);
        fixture.keep(1, 3.0);
        fixture.receive(r#"{"get":["kamp","ilen","kfreq","nothing","asig","klarge"]}"#);
        assert_eq!(fixture.refusal(), ("there is no variable `nothing`".into(), json!({"get": ["nothing"]})));
        assert!(fixture.refusal().0.starts_with("`asig` is a-rate"));
        assert!(fixture.refusal().0.starts_with("`klarge` has 4097 members"));
        assert_eq!(fixture.poll(), Some(json!({"values": {"ilen": 3, "kfreq": null}})), "kamp may be of long ago");
        assert_eq!(fixture.session.next_poll(fixture.now), NextPoll::Value);
        assert!(fixture.session.listens_to(&fixture.names).eq([fixture.ids[0]]));
        assert_eq!(fixture.poll(), None);
        fixture.keep(0, 0.5);
        assert_eq!(fixture.poll(), Some(json!({"values": {"kamp": 0.5}})));
        fixture.keep(0, 0.75);
        assert_eq!(fixture.poll(), None);
        fixture.receive(r#"{"get":["kamp"]}"#);
        fixture.names = Names::new();
        assert_eq!(fixture.refusal(), ("`kamp` has ended before it had a value".into(), json!({"get": ["kamp"]})));
        Ok(())
    }

    #[test]
    fn what_is_watched_comes_at_its_rate_with_the_latest_value() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        let (begin, period) = (fixture.now, Duration::from_millis(100));
        fixture.keep(0, 9.0);
        fixture.receive(r#"{"subscribe":["kamp"],"rate":10}"#);
        assert_eq!(fixture.poll(), None, "what was kept may be of long ago");
        assert_eq!(fixture.session.next_poll(begin), NextPoll::Value);
        let mut got = Vec::new();
        for millisecond in 0u32..1000 {
            fixture.now = begin + Duration::from_millis(millisecond.into());
            fixture.keep(0, f64::from(millisecond));
            if let Some(values) = fixture.poll() {
                got.push(values["values"]["kamp"].as_u64().expect("a whole number"));
                assert_eq!(fixture.session.next_poll(fixture.now), NextPoll::At(fixture.now + period));
            }
        }
        assert_eq!(got, (0..10).map(|number| number * 100).collect::<Vec<_>>());
        fixture.now += period;
        assert!(fixture.poll().is_some(), "what changed since");
        fixture.now += period;
        assert_eq!(fixture.poll(), None, "nothing has changed");
        assert_eq!(fixture.session.next_poll(fixture.now), NextPoll::Value);
        fixture.receive(r#"{"unsubscribe":["kamp"]}"#);
        fixture.receive(r#"{"unsubscribe":["kamp"]}"#);
        fixture.receive(r#"{"unsubscribe":["kmap"]}"#);
        assert_eq!(fixture.refusal().0, "there is no variable `kmap`, did you mean `kamp`?");
        assert_eq!(fixture.session.listens_to(&fixture.names).count(), 0);
        Ok(())
    }

    #[test]
    fn a_name_is_watched_across_notes() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        fixture.receive(r#"{"subscribe":["ilen"]}"#);
        fixture.keep(1, 1.0);
        assert_eq!(fixture.poll(), Some(json!({"values": {"ilen": 1}})));
        let layout = fixture.names.variable(fixture.ids[1]).expect("a name").layout.clone();
        fixture.names.withdraw(fixture.slot.owner);
        fixture.now += Duration::from_secs(1);
        assert_eq!(fixture.poll(), None);
        let again = Variable { name: "ilen".into(), layout, direction: Direction::Outgoing };
        let declared = fixture.names.declare(&[again])?;
        let slot = Slot { owner: declared.owner, index: 0 };
        fixture.names.keep(declared.names[0], slot, &2f64.to_le_bytes());
        assert_eq!(fixture.poll(), Some(json!({"values": {"ilen": 2}})));
        Ok(())
    }

    #[test]
    fn refusals_that_are_not_read_are_bounded() -> Result<(), NameError> {
        let mut fixture = Fixture::new(Level::Off)?;
        for _ in 0..1000 {
            fixture.receive("nonsense");
        }
        fixture.session.receive_binary();
        let refusals: Vec<Value> = std::iter::from_fn(|| fixture.poll()).collect();
        assert_eq!(refusals.len(), MAX_REFUSALS + 1);
        assert!(refusals[MAX_REFUSALS]["error"].as_str().is_some_and(|error| error.starts_with("further errors")));
        fixture.session.receive_binary();
        assert_eq!(fixture.refusal().0, "a request is JSON in a text message, this one is binary");
        Ok(())
    }
}
