//! The software channels that clients of `csound.v1` have set. Csound keeps each to its end, so that their number is bounded.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Most names of software channels that clients of one Csound set, of all its ports together.
pub(super) const MAX_CHANNELS: usize = 4096;

struct Known {
    instance: usize,
    names: BTreeSet<String>,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Whether clients of an instance may set a channel: they have set it before, or there is room for one more.
pub(super) fn admit(instance: usize, name: &str) -> bool {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = known.iter().position(|known| known.instance == instance).unwrap_or_else(|| {
        known.push(Known { instance, names: BTreeSet::new() });
        known.len() - 1
    });
    let names = &mut known[place].names;
    names.contains(name) || names.len() < MAX_CHANNELS && names.insert(name.to_owned())
}

/// An instance is reset.
pub(super) fn forget(instance: usize) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.instance != instance);
    // The plugin may be unloaded next, and a static is never dropped.
    known.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_room_of_its_own_until_it_is_reset() {
        let (one, other) = (usize::MAX, usize::MAX - 1);
        assert!((0..MAX_CHANNELS).all(|number| admit(one, &number.to_string())));
        assert!(!admit(one, "more") && admit(one, "7") && admit(other, "more"));
        forget(one);
        assert!(admit(one, "more"));
        forget(one);
        forget(other);
    }
}
