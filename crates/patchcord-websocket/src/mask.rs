//! Masking (RFC 6455 §5.3): applying a key to a payload, and making keys.
//!
//! The XOR runs over eight bytes at a time, in a form that the compiler turns into vector instructions. Keys come from
//! a xoshiro256++ generator, one per client connection, seeded by the caller: this crate asks the system for nothing.
//! §10.3 wants keys that a page's script cannot foresee; that is as good as the seed, which must come from the system's
//! entropy. The keys are no secret: each one travels beside its payload.

/// A masking key as it stands on the wire.
pub(crate) type Key = [u8; 4];

/// Masks or unmasks `payload`, whose first byte is the first that `key` applies to. A key of zeros changes nothing and
/// costs nothing: it stands for frames without a mask.
#[inline]
pub(crate) fn apply(payload: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    if wide == 0 {
        return;
    }
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (index, byte) in rest.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
}

/// The key for the byte that follows `consumed` bytes of the same payload.
#[inline]
pub(crate) fn advance(mut key: Key, consumed: usize) -> Key {
    key.rotate_left(consumed % 4);
    key
}

/// Makes one fresh key per frame.
#[derive(Debug, Clone)]
pub(crate) struct KeySource {
    state: [u64; 4],
}

impl KeySource {
    pub(crate) fn new(seed: u64) -> Self {
        // SplitMix64 spreads the seed over the whole state, so that similar seeds give unlike keys.
        let mut counter = seed;
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = counter;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Self { state }
    }

    #[inline]
    pub(crate) fn next_key(&mut self) -> Key {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        let bytes = result.to_le_bytes();
        [bytes[4], bytes[5], bytes[6], bytes[7]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_length_is_masked_like_the_formula_of_section_5_3() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..70 {
            let plain: Vec<u8> = (0..length).collect();
            let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            let mut masked = plain.clone();
            apply(&mut masked, key);
            assert_eq!(masked, expected, "length {length}");
        }
    }

    #[test]
    fn a_payload_can_be_unmasked_in_pieces() {
        let key = [1, 2, 3, 4];
        let mut whole: Vec<u8> = (0..50).collect();
        let mut pieces = whole.clone();
        apply(&mut whole, key);
        let (first, second) = pieces.split_at_mut(13);
        apply(first, key);
        apply(second, advance(key, 13));
        assert_eq!(pieces, whole);
    }

    #[test]
    fn keys_differ_between_frames_and_between_seeds() {
        let keys: HashSet<Key> = (0..8).flat_map(first_keys).collect();
        assert_eq!(keys.len(), 8 * 100);
    }

    fn first_keys(seed: u64) -> Vec<Key> {
        let mut source = KeySource::new(seed);
        (0..100).map(|_| source.next_key()).collect()
    }
}
