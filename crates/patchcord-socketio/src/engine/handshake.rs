//! How a session begins: the server's open packet, or the body of the response that refuses it.

use std::time::Duration;

use crate::json;
use crate::value::Value;

/// The longest session id that is taken, in bytes. Known servers use 16 to 36.
const MAX_SID: usize = 256;
/// Nesting and number of values that an open packet or a refusal may have.
const DEPTH: usize = 8;
const VALUES: usize = 256;
/// The shortest ping interval and time-out that are taken as they are; smaller ones count as this, so that a server
/// cannot make a client spin.
const SHORTEST: Duration = Duration::from_millis(10);
/// The longest, 24 days: what a server's own timers can hold.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// The open packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// Id of the session, opaque, 1 to 256 bytes.
    pub sid: String,
    /// Names of the transports that the session can go over to.
    pub upgrades: Vec<String>,
    /// Time between two pings. 10 ms at least.
    pub ping_interval: Duration,
    /// How long an answer may take. 10 ms at least.
    pub ping_timeout: Duration,
    /// The largest message and request body that the server takes, in bytes. Servers before Socket.IO 4.5 do not say.
    pub max_payload: Option<usize>,
}

/// Why an open packet cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// It is not a JSON object.
    #[error("the server's open packet is not a JSON object")]
    NoObject,
    /// This field is missing, of another type or out of range.
    #[error("the server's open packet has no proper field {0:?}")]
    Field(&'static str),
}

impl Handshake {
    /// Reads what follows the `0` of an open packet.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`].
    pub fn parse(text: &str) -> Result<Self, HandshakeError> {
        let object = json::read(text, DEPTH, VALUES).map_err(|_| HandshakeError::NoObject)?;
        let Value::Object(_) = object else { return Err(HandshakeError::NoObject) };
        let sid = match object.field("sid") {
            Some(Value::Text(sid)) if (1..=MAX_SID).contains(&sid.len()) => sid.clone(),
            _ => return Err(HandshakeError::Field("sid")),
        };
        let upgrades = match object.field("upgrades") {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(|name| name.as_text().map(str::to_owned)).collect(),
            Some(_) => return Err(HandshakeError::Field("upgrades")),
        };
        let duration = |name| {
            let milliseconds = whole(object.field(name)).ok_or(HandshakeError::Field(name))?;
            Ok(Duration::from_millis(milliseconds).clamp(SHORTEST, LONGEST))
        };
        let max_payload = match object.field("maxPayload") {
            None => None,
            value => {
                let bytes = whole(value).ok_or(HandshakeError::Field("maxPayload"))?;
                Some(usize::try_from(bytes).unwrap_or(usize::MAX))
            }
        };
        Ok(Self {
            sid,
            upgrades,
            ping_interval: duration("pingInterval")?,
            ping_timeout: duration("pingTimeout")?,
            max_payload,
        })
    }

    /// What follows the `0` of an open packet.
    pub fn to_json(&self) -> String {
        let milliseconds = |duration: Duration| Value::from(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let upgrades = self.upgrades.iter().map(|name| Value::from(name.as_str())).collect();
        let mut fields = vec![
            ("sid".to_owned(), Value::from(self.sid.as_str())),
            ("upgrades".to_owned(), Value::Array(upgrades)),
            ("pingInterval".to_owned(), milliseconds(self.ping_interval)),
            ("pingTimeout".to_owned(), milliseconds(self.ping_timeout)),
        ];
        if let Some(bytes) = self.max_payload {
            fields.push(("maxPayload".to_owned(), Value::from(bytes as u64)));
        }
        json::write(&Value::Object(fields))
    }
}

/// A whole number that is not negative, also when it was written with a fraction of zero.
fn whole(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::UInt(number) => Some(*number),
        // The cast saturates.
        Value::Float(number) if *number >= 0.0 && number.fract() == 0.0 => Some(*number as u64),
        _ => None,
    }
}

/// Why a server answered a request with an error (HTTP status 400 or 403, `{"code":…,"message":…}`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Code 0: the server does not offer this transport.
    #[error("the server does not offer this transport")]
    UnknownTransport,
    /// Code 1: the server does not know the session. Right after a good handshake it is the sign of a load balancer that
    /// sends each request elsewhere.
    #[error("the server does not know the session; behind a load balancer use WebSocket alone")]
    UnknownSession,
    /// Code 2: a session has to begin with GET.
    #[error("the server wants a session to begin with GET")]
    BadMethod,
    /// Code 3: something else was wrong with the request.
    #[error("the server calls the request bad")]
    BadRequest,
    /// Code 4: the server does not let this client in.
    #[error("the server refuses this client: {0:?}")]
    Forbidden(String),
    /// Code 5: the server does not speak this version of the protocol.
    #[error("the server does not speak this version of Engine.IO")]
    UnsupportedVersion,
    /// Any other answer than 200, such as that of a proxy or of a server without Socket.IO.
    #[error("the server answered with HTTP status {0}; is there a Socket.IO server under this path?")]
    Status(u16),
}

impl Refusal {
    /// Reads the body of a response with a status other than 200 (polling), or 101 (WebSocket).
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let answer = std::str::from_utf8(body).ok().and_then(|text| json::read(text, DEPTH, VALUES).ok());
        let field = |name| answer.as_ref().and_then(|answer| answer.field(name));
        match whole(field("code")) {
            Some(0) => Self::UnknownTransport,
            Some(1) => Self::UnknownSession,
            Some(2) => Self::BadMethod,
            Some(3) => Self::BadRequest,
            Some(4) => {
                let message = field("message").and_then(Value::as_text).unwrap_or("Forbidden");
                Self::Forbidden(message[..message.floor_char_boundary(MAX_SID)].to_owned())
            }
            Some(5) => Self::UnsupportedVersion,
            _ => Self::Status(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_packets_of_known_servers() {
        let full = r#"{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let handshake = Handshake::parse(full).unwrap();
        assert_eq!(handshake.sid, "lv_VI97HAXpY6yYWAAAB");
        assert_eq!(handshake.upgrades, ["websocket"]);
        assert_eq!(handshake.ping_interval, Duration::from_secs(25));
        assert_eq!(handshake.ping_timeout, Duration::from_secs(20));
        assert_eq!(handshake.max_payload, Some(1_000_000));
        assert_eq!(handshake.to_json(), full);

        let old = r#"{"sid":"0123456789abcdef","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#;
        let handshake = Handshake::parse(old).unwrap();
        assert_eq!(handshake.max_payload, None);
        assert_eq!(handshake.to_json(), old);
        let sid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
        let long = format!(r#"{{"sid":"{sid}","pingInterval":1,"pingTimeout":1e300,"more":[{{}}]}}"#);
        let handshake = Handshake::parse(&long).unwrap();
        assert_eq!((handshake.sid.as_str(), handshake.upgrades.len()), (sid, 0));
        assert_eq!((handshake.ping_interval, handshake.ping_timeout), (SHORTEST, LONGEST));
    }

    #[test]
    fn open_packets_that_cannot_be_used() {
        for (text, error) in [
            ("", HandshakeError::NoObject),
            ("[]", HandshakeError::NoObject),
            (r#"{"sid":1}"#, HandshakeError::Field("sid")),
            (r#"{"sid":""}"#, HandshakeError::Field("sid")),
            (r#"{"sid":"a","upgrades":{}}"#, HandshakeError::Field("upgrades")),
            (r#"{"sid":"a","pingInterval":-1}"#, HandshakeError::Field("pingInterval")),
            (r#"{"sid":"a","pingInterval":1.5}"#, HandshakeError::Field("pingInterval")),
            (r#"{"sid":"a","pingInterval":1}"#, HandshakeError::Field("pingTimeout")),
            (r#"{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":"1"}"#, HandshakeError::Field("maxPayload")),
        ] {
            assert_eq!(Handshake::parse(text), Err(error), "{text}");
        }
        let long = format!(r#"{{"sid":"{}"}}"#, "a".repeat(257));
        assert_eq!(Handshake::parse(&long), Err(HandshakeError::Field("sid")));
    }

    #[test]
    fn refusals_are_told_by_their_code() {
        for (status, body, refusal) in [
            (400, r#"{"code":0,"message":"Transport unknown"}"#, Refusal::UnknownTransport),
            (400, r#"{"code":1,"message":"Session ID unknown"}"#, Refusal::UnknownSession),
            (400, r#"{"code":2,"message":"Bad handshake method"}"#, Refusal::BadMethod),
            (400, r#"{"code":3,"message":"Bad request"}"#, Refusal::BadRequest),
            (403, r#"{"code":4,"message":"no"}"#, Refusal::Forbidden("no".into())),
            (400, r#"{"code":5,"message":"Unsupported protocol version"}"#, Refusal::UnsupportedVersion),
            (502, "<html>Bad Gateway</html>", Refusal::Status(502)),
            (404, r#"{"code":"x"}"#, Refusal::Status(404)),
            (500, "\u{0}", Refusal::Status(500)),
        ] {
            assert_eq!(Refusal::parse(status, body.as_bytes()), refusal);
        }
    }
}
