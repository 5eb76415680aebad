//! Values of signals, to the wire and back.

use std::cell::RefCell;

use patchcord_signal::message::{self, Message};
use patchcord_signal::strings::{self, StringsError};
use patchcord_signal::{Kind, Layout, samples};
use patchcord_websocket::EncodedMessage;

use crate::websocket::{Peer, Sent};

/// A value of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Numbers, one for each sample of the layout: of an a-rate array all samples of member 0 first.
    Numbers(&'a [f64]),
    /// Text (`S`).
    Text(&'a str),
    /// Several texts (`S[]`).
    Texts(&'a [String]),
}

/// Why a value cannot be sent as one of a signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Another number of samples or texts than the layout has.
    #[error("{got} numbers or texts were given, where a value has {expected}")]
    Count {
        /// Samples or texts of a value.
        expected: usize,
        /// How many were given.
        got: usize,
    },
    /// Text for a signal of numbers, or the other way round.
    #[error("the signal is of another kind")]
    Kind,
    /// The text cannot be one of Csound.
    #[error(transparent)]
    Text(#[from] StringsError),
}

/// A value as it is kept: numbers as on the wire, a text as it is, texts each with a zero byte behind it.
pub(super) fn payload_of(layout: &Layout, value: Value<'_>) -> Result<Vec<u8>, Unfit> {
    let count = |got| {
        let expected = layout.samples();
        if got == expected { Ok(()) } else { Err(Unfit::Count { expected, got }) }
    };
    match (value, layout.kind() == Kind::Text, layout.is_array()) {
        (Value::Numbers(numbers), false, _) => {
            count(numbers.len())?;
            let mut bytes = Vec::with_capacity(layout.payload_len().unwrap_or(0));
            samples::encode(numbers.iter().copied(), layout.float(), &mut bytes);
            Ok(bytes)
        }
        (Value::Text(text), true, false) => Ok(strings::check(text.as_bytes())?.as_bytes().to_vec()),
        (Value::Texts(texts), true, true) => {
            count(texts.len())?;
            texts.iter().try_for_each(|text| strings::check(text.as_bytes()).map(|_| ()))?;
            let mut joined = Vec::new();
            strings::join(texts.iter().map(String::as_bytes), &mut joined);
            Ok(joined)
        }
        _ => Err(Unfit::Kind),
    }
}

/// A kept value as a message for many clients.
pub(super) fn shared(layout: &Layout, payload: &[u8]) -> EncodedMessage {
    match message::encode(layout, payload) {
        Message::Binary(bytes) => EncodedMessage::binary(bytes),
        Message::Text(text) => EncodedMessage::text(&text),
    }
}

/// Sends a kept value to one peer.
pub(super) fn send<D>(layout: &Layout, payload: &[u8], peer: &Peer<D>) -> Sent {
    match message::encode(layout, payload) {
        Message::Binary(bytes) => peer.send_binary(bytes),
        Message::Text(text) => peer.send_text(&text),
    }
}

/// Reads kept values, with a buffer of its own for numbers.
#[derive(Default)]
pub(super) struct Decoder(RefCell<Vec<f64>>);

impl Decoder {
    /// Calls `take` with a kept value.
    pub(super) fn read(&self, layout: &Layout, payload: &[u8], take: impl FnOnce(Value<'_>)) {
        if layout.kind() != Kind::Text {
            // Out of its place: whoever takes the value may have another one read.
            let mut numbers = self.0.take();
            numbers.clear();
            numbers.extend(samples::decode(payload, layout.float()));
            take(Value::Numbers(&numbers));
            self.0.replace(numbers);
        } else if layout.is_array() {
            let texts: Vec<String> = strings::members(payload).map(|text| strings::text(text).into_owned()).collect();
            take(Value::Texts(&texts));
        } else {
            take(Value::Text(&strings::text(payload)));
        }
    }
}

#[cfg(test)]
mod tests {
    use patchcord_signal::FloatSize;

    use super::*;

    fn layout(kind: Kind, float: FloatSize, block: usize, dims: &[usize]) -> Layout {
        Layout::new(kind, float, block, dims).unwrap()
    }

    #[test]
    fn values_go_to_the_wire_and_back() {
        let numbers: Vec<f64> = (0..16).map(f64::from).collect();
        let texts = ["one".to_owned(), "zwö\"lf".to_owned()];
        for (layout, value) in [
            (layout(Kind::Control, FloatSize::F64, 1, &[]), Value::Numbers(&numbers[3..4])),
            (layout(Kind::Init, FloatSize::F32, 1, &[2, 3]), Value::Numbers(&numbers[..6])),
            (layout(Kind::Audio, FloatSize::F32, 8, &[2]), Value::Numbers(&numbers)),
            (layout(Kind::Text, FloatSize::F64, 1, &[]), Value::Text("grüß")),
            (layout(Kind::Text, FloatSize::F64, 1, &[2]), Value::Texts(&texts)),
        ] {
            let payload = payload_of(&layout, value).unwrap();
            let mut read = false;
            Decoder::default().read(&layout, &payload, |back| {
                assert_eq!(back, value);
                read = true;
            });
            assert!(read, "{layout}");
        }
        let one = layout(Kind::Control, FloatSize::F64, 1, &[]);
        assert_eq!(payload_of(&one, Value::Numbers(&[1.0])).unwrap(), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let two = layout(Kind::Control, FloatSize::F64, 1, &[2]);
        assert_eq!(payload_of(&two, Value::Numbers(&[1.0])), Err(Unfit::Count { expected: 2, got: 1 }));
        assert_eq!(payload_of(&two, Value::Text("1 2")), Err(Unfit::Kind));
        let text = layout(Kind::Text, FloatSize::F64, 1, &[]);
        assert_eq!(payload_of(&text, Value::Text("a\0b")), Err(Unfit::Text(StringsError::Zero)));
        let texts = layout(Kind::Text, FloatSize::F64, 1, &[2]);
        assert_eq!(payload_of(&texts, Value::Texts(&["a".to_owned()])), Err(Unfit::Count { expected: 2, got: 1 }));
    }
}
