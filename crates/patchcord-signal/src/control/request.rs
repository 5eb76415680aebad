//! Requests of `csound.v1` as they are written, before names and types are looked at.

use serde_json::{Map, Value, json};

use crate::control::{ControlError, DEFAULT_RATE, MAX_MESSAGE, MAX_RATE};
use crate::nearest::nearest;

const VERBS: [&str; 5] = ["set", "get", "subscribe", "unsubscribe", "event"];
const RATE: &str = "rate";
/// Most bytes of a refused part that is repeated in the answer.
const MAX_REPEATED: usize = 1024;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    Set(Map<String, Value>),
    Get(Vec<String>),
    Subscribe { names: Vec<String>, rate: f64 },
    Unsubscribe(Vec<String>),
    Event(String),
}

/// A reason, and the refused part in the request's form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub error: ControlError,
    pub of: Value,
}

impl Refusal {
    /// The message for the client.
    pub fn message(&self) -> String {
        json!({ "error": self.error.to_string(), "of": self.of }).to_string()
    }

    /// A refused name of `verb`, with the value if it is short.
    pub fn of_name(error: ControlError, verb: &str, name: &str, value: Option<&Value>) -> Self {
        let named = match value {
            Some(value) if value.to_string().len() + name.len() <= MAX_REPEATED => json!({ name: value }),
            Some(_) => json!({ name: null }),
            None => json!([name]),
        };
        Self { error, of: json!({ verb: named }) }
    }
}

impl Request {
    /// Reads one message.
    pub fn parse(message: &str) -> Result<Self, Box<Refusal>> {
        let refuse = |error, of| Err(Box::new(Refusal { error, of }));
        if message.len() > MAX_MESSAGE {
            return refuse(ControlError::TooLong(message.len()), Value::Null);
        }
        let value: Value = match serde_json::from_str(message) {
            Ok(value) => value,
            Err(error) => return refuse(ControlError::NotJson(error.to_string()), begin(message)),
        };
        let repeated = if message.len() <= MAX_REPEATED { value.clone() } else { begin(message) };
        let request = match value {
            Value::Object(object) => Self::from_object(object),
            _ => Err(ControlError::NotAnObject),
        };
        request.map_err(|error| Box::new(Refusal { error, of: repeated }))
    }

    fn from_object(mut object: Map<String, Value>) -> Result<Self, ControlError> {
        if let Some(key) = object.keys().find(|key| !VERBS.contains(&key.as_str()) && *key != RATE) {
            let nearest = nearest(key, VERBS.into_iter().chain([RATE])).map(str::to_owned);
            return Err(ControlError::UnknownKey { key: shortened(key), nearest });
        }
        let rate = object.remove(RATE);
        let mut asked = VERBS.into_iter().filter_map(|verb| Some((verb, object.remove(verb)?)));
        let (verb, argument) = asked.next().ok_or(ControlError::Nothing)?;
        if let Some((other, _)) = asked.next() {
            return Err(ControlError::Several(verb, other));
        }
        if rate.is_some() && verb != "subscribe" {
            return Err(ControlError::RateAlone);
        }
        let form = |expected| ControlError::Form { verb, expected };
        match (verb, argument) {
            ("set", Value::Object(values)) if !values.is_empty() => Ok(Self::Set(values)),
            ("set", _) => Err(form("names with their values: {\"set\":{\"kfreq\":440}}")),
            ("event", Value::String(event)) => Ok(Self::Event(event)),
            ("event", _) => Err(form("a line of a score: {\"event\":\"i 1 0 1\"}")),
            ("get", argument) => Ok(Self::Get(names(argument).ok_or(form("names: {\"get\":[\"kamp\"]}"))?)),
            ("unsubscribe", argument) => {
                Ok(Self::Unsubscribe(names(argument).ok_or(form("names: {\"unsubscribe\":[\"kamp\"]}"))?))
            }
            (_, argument) => {
                let names = names(argument).ok_or(form("names: {\"subscribe\":[\"kamp\"],\"rate\":30}"))?;
                let rate = rate.map_or(Some(DEFAULT_RATE), |rate| rate.as_f64()).ok_or(ControlError::Rate)?;
                let rate = (1.0..=MAX_RATE).contains(&rate).then_some(rate).ok_or(ControlError::Rate)?;
                Ok(Self::Subscribe { names, rate })
            }
        }
    }
}

fn names(argument: Value) -> Option<Vec<String>> {
    let Value::Array(names) = argument else { return None };
    let name = |name| match name {
        Value::String(name) => Some(name),
        _ => None,
    };
    (!names.is_empty()).then(|| names.into_iter().map(name).collect())?
}

/// The begin of a message that cannot be repeated as what it is.
fn begin(message: &str) -> Value {
    Value::String(shortened(message))
}

/// At most 100 bytes of what a client wrote.
pub(super) fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(100);
    if end == text.len() { text.to_owned() } else { format!("{}…", &text[..end]) }
}

/// Whether a line of the score ends within itself: Csound reads on in the next lines for the end of a text in quotes, or of a
/// loop, and whoever sends events after that is not heard any more.
pub(super) fn is_whole(line: &str) -> bool {
    let mut bytes = line.bytes();
    let mut is_quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => drop(bytes.next()),
            b';' if !is_quoted => break,
            _ => {}
        }
    }
    !is_quoted && !line.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> String {
        match Request::parse(message) {
            Ok(request) => format!("{request:?}"),
            Err(refusal) => refusal.error.to_string(),
        }
    }

    #[test]
    fn requests_are_read() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        for (message, request) in [
            (r#"{"get":["kamp","Sname"]}"#, Request::Get(names(&["kamp", "Sname"]))),
            (r#"{"subscribe":["kamp"]}"#, Request::Subscribe { names: names(&["kamp"]), rate: 30.0 }),
            (r#"{"rate":1000,"subscribe":["kamp"]}"#, Request::Subscribe { names: names(&["kamp"]), rate: 1000.0 }),
            (r#" {"unsubscribe" : ["kamp"]} "#, Request::Unsubscribe(names(&["kamp"]))),
            (r#"{"event":"i 1 0 1"}"#, Request::Event("i 1 0 1".into())),
        ] {
            assert_eq!(Request::parse(message), Ok(request), "{message}");
        }
        let Ok(Request::Set(values)) = Request::parse(r#"{"set":{"kfreq":440,"Sname":"x","karr":[1,2]}}"#) else {
            panic!("a set request")
        };
        assert_eq!(Value::Object(values), json!({"kfreq": 440, "Sname": "x", "karr": [1, 2]}));
    }

    #[test]
    fn what_is_no_request_is_refused_in_words() {
        for (message, words) in [
            ("", "the message is not JSON: EOF while parsing a value at line 1 column 0"),
            ("[1]", "a request is a JSON object such as {\"get\":[\"kamp\"]}"),
            ("{}", "nothing is asked for; a request is one of set, get, subscribe, unsubscribe or event"),
            (r#"{"get":["a"],"set":{"b":1}}"#, "one request in each message: set and get need two messages"),
            (r#"{"subscibe":["a"]}"#, "`subscibe` is not known here, did you mean `subscribe`?"),
            (r#"{"get":["a"],"rate":3}"#, "rate belongs to subscribe"),
            (r#"{"rate":3}"#, "nothing is asked for"),
            (r#"{"subscribe":["a"],"rate":0.5}"#, "rate is a number of messages a second from 1 to 1000"),
            (r#"{"subscribe":["a"],"rate":"30"}"#, "rate is a number of messages a second from 1 to 1000"),
            (r#"{"subscribe":["a"],"rate":1e999}"#, "the message is not JSON: number out of range"),
            (r#"{"get":"kamp"}"#, "get takes names: {\"get\":[\"kamp\"]}"),
            (r#"{"get":[]}"#, "get takes names"),
            (r#"{"unsubscribe":[1]}"#, "unsubscribe takes names"),
            (r#"{"set":["kamp"]}"#, "set takes names with their values"),
            (r#"{"set":{}}"#, "set takes names with their values"),
            (r#"{"event":1}"#, "event takes a line of a score"),
        ] {
            assert!(error(message).starts_with(words), "{message}: {}", error(message));
        }
        assert_eq!(error(&" ".repeat(MAX_MESSAGE + 1)), "a request has at most 65536 bytes, this one has 65537");
        assert!(error(&"[".repeat(MAX_MESSAGE)).starts_with("the message is not JSON: recursion limit"));
    }

    #[test]
    fn a_refusal_repeats_what_it_refuses_when_it_is_short() {
        let refusal = Request::parse(r#"{"gte":["kamp"]}"#).expect_err("an unknown key");
        assert_eq!(refusal.of, json!({"gte": ["kamp"]}));
        let refusal = Request::parse(&format!("{{\"gte\":[\"{}\"]}}", "ü".repeat(2000))).expect_err("an unknown key");
        assert!(refusal.message().len() < 500);
        assert!(refusal.of.as_str().is_some_and(|of| of.starts_with("{\"gte\":[\"ü") && of.ends_with('…')));
    }

    #[test]
    fn a_score_event_that_goes_on_behind_its_line_is_known() {
        for whole in
            [r#"i 1 0 1"#, r#"i 1 0 1 "a text" "b""#, r#"i "Name" 0 1 "a\"b""#, r#"i 1 0 1 ; "note"#, "i 1 0 1 {{x}}"]
        {
            assert!(is_whole(whole), "{whole}");
        }
        for open in [r#"i 1 0 1 "a"#, r#"i "Name 0 1"#, r#"i 1 0 1 "a\""#, r#"i 1 0 1 "a" ""#, " { 3 N"] {
            assert!(!is_whole(open), "{open}");
        }
    }
}
