//! Engine.IO 4 and Socket.IO 5 as bytes, as far as the load needs them: one namespace, text only.
//!
//! What the server says is put together here, and what a client says is taken apart without looking into JSON: a packet
//! of a client is compared with the very bytes that it must have.

/// Interval of the pings in milliseconds: short enough that every window has one.
pub const PING_INTERVAL: u64 = 1000;
/// Time for the answer to a ping in milliseconds.
pub const PING_TIMEOUT: u64 = 5000;

/// Engine.IO's ping.
pub const PING: &[u8] = b"2";
/// The server's answer to CONNECT.
pub const CONNECTED: &[u8] = br#"40{"sid":"b2NAYmVuY2gtc29ja2V0"}"#;

/// Bytes of an event around its text: `42["e","` and `"]`.
pub const AROUND: usize = 10;

/// Engine.IO's first packet, which opens the session.
pub fn open() -> Vec<u8> {
    format!(
        "0{{\"sid\":\"b2NAYmVuY2gtZW5naW5l\",\"upgrades\":[],\"pingInterval\":{PING_INTERVAL},\
         \"pingTimeout\":{PING_TIMEOUT},\"maxPayload\":1000000}}"
    )
    .into_bytes()
}

/// The event `e` with a text.
pub fn event(text: &[u8]) -> Vec<u8> {
    [br#"42["e",""#, text, br#""]"#].concat()
}

/// The event `e` with a text, to be acknowledged.
pub fn request(id: u64, text: &[u8]) -> Vec<u8> {
    [format!("42{id}").as_bytes(), br#"["e",""#, text, br#""]"#].concat()
}

/// An acknowledgement that says a text.
pub fn answer(id: u64, text: &[u8]) -> Vec<u8> {
    [format!("43{id}").as_bytes(), br#"[""#, text, br#""]"#].concat()
}

/// The event `m`, to be acknowledged, with a number that is the acknowledgement's id too.
pub fn mark(number: u64) -> Vec<u8> {
    format!("42{number}[\"m\",{number}]").into_bytes()
}

/// The event `m` with a number and a text, which orders so many events with that text.
pub fn order(count: u64, text: &[u8]) -> Vec<u8> {
    [format!("42[\"m\",{count},\"").as_bytes(), text, br#""]"#].concat()
}

/// A packet of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The answer to a ping.
    Pong,
    /// CONNECT, whatever it carries.
    Connect,
    /// EVENT.
    Event {
        /// Where an acknowledgement is wanted.
        id: Option<u64>,
        /// Name and arguments, in JSON.
        data: &'a [u8],
    },
    /// ACK.
    Answer {
        /// Of the request.
        id: u64,
        /// The arguments, in JSON.
        data: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Reads a packet of the namespace `/`; `None` for one that the load has no use for.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            [b'3'] => Some(Self::Pong),
            [b'4', b'0', ..] => Some(Self::Connect),
            [b'4', b'2', b'[', ..] => Some(Self::Event { id: None, data: &bytes[2..] }),
            [b'4', b'2', rest @ ..] => number(rest).map(|(id, data)| Self::Event { id: Some(id), data }),
            [b'4', b'3', rest @ ..] => number(rest).map(|(id, data)| Self::Answer { id, data }),
            _ => None,
        }
    }
}

/// The number that some bytes begin with, and the array behind it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, data) = bytes.split_at(bytes.iter().position(|byte| *byte == b'[')?);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_what_the_protocol_says() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("all of it is ASCII");
        let open = text(open());
        let handshake: serde_json::Value = serde_json::from_str(&open[1..]).expect("an object");
        assert!(open.starts_with('0') && handshake["sid"].as_str().is_some_and(|sid| sid.len() == 20), "{open}");
        assert_eq!(handshake["pingInterval"], PING_INTERVAL);
        assert_eq!(text(event(b"hi")), r#"42["e","hi"]"#);
        assert_eq!(event(&[b'x'; 64 - AROUND]).len(), 64);
        assert_eq!(text(request(7, b"hi")), r#"427["e","hi"]"#);
        assert_eq!(text(answer(7, b"hi")), r#"437["hi"]"#);
        assert_eq!(text(mark(12)), r#"4212["m",12]"#);
        assert_eq!(text(order(40, b"hi")), r#"42["m",40,"hi"]"#);
    }

    #[test]
    fn what_clients_say_is_told_apart() {
        assert_eq!(Packet::read(b"3"), Some(Packet::Pong));
        assert_eq!(Packet::read(b"40"), Some(Packet::Connect));
        assert_eq!(Packet::read(b"40{}"), Some(Packet::Connect));
        assert_eq!(Packet::read(br#"42["e"]"#), Some(Packet::Event { id: None, data: br#"["e"]"# }));
        assert_eq!(Packet::read(br#"4212["e"]"#), Some(Packet::Event { id: Some(12), data: br#"["e"]"# }));
        assert_eq!(Packet::read(b"4312[]"), Some(Packet::Answer { id: 12, data: b"[]" }));
        let useless = [&b""[..], b"2", b"41", b"43[]", b"42/x,[]", b"4312", b"4399999999999999999999[]", b"451-[]"];
        assert!(useless.iter().all(|bytes| Packet::read(bytes).is_none()));
    }
}
