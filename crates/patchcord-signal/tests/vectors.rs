//! The byte vectors of the compatibility contract (reference §6), in both float sizes, through everything that a value goes
//! through: from the performance thread to a client, and from a client to the performance thread.

use patchcord_signal::{
    Counters, Dry, FloatSize, Kind, Layout, Played, PlayoutSettings, latest, latest_text, outgoing, outgoing_text,
    playout, samples, strings,
};

const KSMPS: usize = 64;

fn layout(kind: Kind, float: FloatSize, dims: &[usize]) -> Layout {
    let block = if kind == Kind::Audio { KSMPS } else { 1 };
    Layout::new(kind, float, block, dims).expect("a layout")
}

/// The bytes that a host computes for `values`.
fn payload(layout: &Layout, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let mut payload = Vec::new();
    samples::encode(values, layout.float(), &mut payload);
    assert_eq!(Some(payload.len()), layout.payload_len());
    payload
}

/// What a client gets of a value that the performance thread has published.
fn sent(layout: &Layout, payload: &[u8]) -> Vec<u8> {
    let (mut writer, mut reader) = outgoing(layout, 4, &Counters::new());
    reader.set_listeners(1);
    assert!(writer.publish(payload));
    let mut out = Vec::new();
    assert_eq!(reader.pop(&mut out), Some(payload.len()));
    out
}

/// What the performance thread gets of a value that a client has sent.
fn received(layout: &Layout, message: &[u8]) -> Vec<u8> {
    let mut out = vec![0; message.len()];
    if layout.kind() == Kind::Audio {
        let settings = PlayoutSettings { target: 1, limit: 2, dry: Dry::Silence };
        let (mut writer, mut reader) = playout(layout, settings, &Counters::new());
        assert!(writer.push(message));
        assert_eq!(reader.next_block(&mut out), Played::Block);
    } else {
        let (mut writer, mut reader) = latest(layout);
        assert!(writer.store(message));
        assert!(reader.take(&mut out));
    }
    out
}

fn check(layout: &Layout, values: impl IntoIterator<Item = f64>, bytes: &[u8]) {
    let payload = payload(layout, values);
    assert_eq!(payload, bytes, "{layout}");
    assert_eq!(sent(layout, &payload), bytes, "{layout}");
    assert_eq!(received(layout, bytes), bytes, "{layout}");
}

#[test]
fn one_as_a_number() {
    for kind in [Kind::Control, Kind::Init] {
        check(&layout(kind, FloatSize::F64, &[]), [1.0], &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        check(&layout(kind, FloatSize::F32, &[]), [1.0], &[0, 0, 0x80, 0x3f]);
    }
}

#[test]
fn an_array_of_two_by_three_is_row_major() {
    let numbers = || (1..=6).map(f64::from);
    let wide: Vec<u8> = numbers().flat_map(f64::to_le_bytes).collect();
    let narrow: Vec<u8> = (1..=6u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    assert_eq!((wide.len(), narrow.len()), (48, 24));
    assert_eq!(wide[8..16], [0, 0, 0, 0, 0, 0, 0, 0x40]);
    for kind in [Kind::Control, Kind::Init] {
        check(&layout(kind, FloatSize::F64, &[2, 3]), numbers(), &wide);
        check(&layout(kind, FloatSize::F32, &[2, 3]), numbers(), &narrow);
    }
}

#[test]
fn sample_j_of_member_m_of_an_audio_array_stands_at_its_place() {
    for float in [FloatSize::F64, FloatSize::F32] {
        let layout = layout(Kind::Audio, float, &[4]);
        let value = |member: usize, sample: usize| member as f64 + sample as f64 / 64.0;
        let values = (0..4).flat_map(|member| (0..KSMPS).map(move |sample| value(member, sample)));
        let bytes = payload(&layout, values.clone());
        assert_eq!(bytes.len(), 256 * float.bytes());
        for (member, sample) in [(0, 0), (0, 63), (1, 0), (2, 17), (3, 63)] {
            let at = float.bytes() * (KSMPS * member + sample);
            let mut expected = Vec::new();
            samples::encode([value(member, sample)], float, &mut expected);
            assert_eq!(bytes[at..at + float.bytes()], expected, "sample {sample} of member {member}");
        }
        check(&layout, values, &bytes);
    }
}

#[test]
fn a_block_of_audio_is_eight_or_four_bytes_for_each_sample() {
    let ramp = || (0..KSMPS).map(|sample| sample as f64 / 64.0);
    let wide: Vec<u8> = ramp().flat_map(f64::to_le_bytes).collect();
    let narrow: Vec<u8> = ramp().flat_map(|value| (value as f32).to_le_bytes()).collect();
    assert_eq!((wide.len(), narrow.len()), (512, 256));
    check(&layout(Kind::Audio, FloatSize::F64, &[]), ramp(), &wide);
    check(&layout(Kind::Audio, FloatSize::F32, &[]), ramp(), &narrow);
}

#[test]
fn a_text_is_its_bytes_and_an_array_of_texts_is_json() {
    let (mut writer, mut reader) = outgoing_text(100, &Counters::new());
    let mut array = Vec::new();
    strings::join(["eins", "zw\u{f6}lf"].map(str::as_bytes), &mut array);
    assert!(writer.publish("grün".as_bytes()) && writer.publish(&array));
    let mut out = Vec::new();
    reader.pop(&mut out).expect("the text");
    assert_eq!(out, "grün".as_bytes());
    out.clear();
    reader.pop(&mut out).expect("the array");
    assert_eq!(strings::to_json(&out), r#"["eins","zwölf"]"#);

    let (mut writer, mut reader) = latest_text(100);
    assert!(writer.store(&strings::from_json(br#"["eins","zw\u00f6lf"]"#, 2).expect("two strings")));
    let mut out = [0; 100];
    let length = reader.take(&mut out).expect("it was stored");
    assert_eq!(out[..length], array);
}
