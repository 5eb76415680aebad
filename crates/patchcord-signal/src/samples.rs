//! Floats to bytes and back, in both sizes, little-endian.

use crate::layout::FloatSize;

/// Appends `values` to `out`. In four bytes a number that is too large becomes an infinity, as in Csound.
pub fn encode(values: impl IntoIterator<Item = f64>, float: FloatSize, out: &mut Vec<u8>) {
    match float {
        FloatSize::F64 => values.into_iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
        #[expect(clippy::cast_possible_truncation, reason = "single precision was asked for")]
        FloatSize::F32 => values.into_iter().for_each(|value| out.extend_from_slice(&(value as f32).to_le_bytes())),
    }
}

/// The numbers of a payload. Bytes at the end that do not make a float are left out.
pub fn decode(payload: &[u8], float: FloatSize) -> impl ExactSizeIterator<Item = f64> + '_ {
    payload.chunks_exact(float.bytes()).map(move |bytes| match *bytes {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("floats have four bytes or eight"),
    })
}

/// Appends the numbers of `payload`, floats of size `from`, to `out` as floats of size `to`.
pub fn convert(payload: &[u8], from: FloatSize, to: FloatSize, out: &mut Vec<u8>) {
    if from == to {
        out.extend_from_slice(payload);
    } else {
        encode(decode(payload, from), to, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(values: &[f64], float: FloatSize) -> Vec<u8> {
        let mut out = Vec::new();
        encode(values.iter().copied(), float, &mut out);
        out
    }

    #[test]
    fn floats_are_little_endian_in_both_sizes() {
        assert_eq!(encoded(&[1.0], FloatSize::F64), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        assert_eq!(encoded(&[1.0], FloatSize::F32), [0, 0, 0x80, 0x3f]);
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let values = [0.0, -1.5, 440.0, f64::INFINITY];
        for float in [FloatSize::F32, FloatSize::F64] {
            assert!(decode(&encoded(&values, float), float).eq(values));
        }
        let mut narrow = Vec::new();
        convert(&encoded(&values, FloatSize::F64), FloatSize::F64, FloatSize::F32, &mut narrow);
        assert_eq!(narrow, encoded(&values, FloatSize::F32));
        assert_eq!(decode(&[0; 7], FloatSize::F32).count(), 1);
    }
}
