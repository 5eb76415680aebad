//! Counts that any thread adds to and any thread reads, without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts of one name, which are added to those of its port as well. Values are numbers since the counters were made,
/// except for `clients`, which says how many there are now.
#[derive(Debug, Default)]
pub struct Counters {
    counts: [AtomicU64; Count::ALL.len()],
    whole: Option<Arc<Counters>>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Clients that are connected now.
    Clients,
    /// Values that were handed to the sockets of clients, once for each client.
    Sent,
    /// Values that arrived with the right size.
    Received,
    /// Values lost: to a slow client, a full ring, or a jitter buffer above its limit.
    Dropped,
    /// Times that a-rate blocks came too late: the jitter buffer ran dry.
    Late,
    /// Values that arrived with a wrong size, or could not be read.
    WrongSize,
}

impl Count {
    /// Everything that is counted.
    pub const ALL: [Self; 6] = [Self::Clients, Self::Sent, Self::Received, Self::Dropped, Self::Late, Self::WrongSize];
}

impl Counters {
    /// Counters that are part of no others.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counters whose counts are added to those of `whole`, too: those of a name within its port.
    pub fn within(whole: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { counts: Default::default(), whole: Some(Arc::clone(whole)) })
    }

    /// Adds `number`.
    pub fn add(&self, count: Count, number: u64) {
        if number > 0 {
            self.counts[count as usize].fetch_add(number, Relaxed);
            if let Some(whole) = &self.whole {
                whole.add(count, number);
            }
        }
    }

    /// Takes `number` off, of what says how many there are now.
    pub fn subtract(&self, count: Count, number: u64) {
        if number > 0 {
            self.counts[count as usize].fetch_sub(number, Relaxed);
            if let Some(whole) = &self.whole {
                whole.subtract(count, number);
            }
        }
    }

    /// The count as it is now.
    pub fn read(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_counted_in_the_whole() {
        let port = Counters::new();
        let (one, two) = (Counters::within(&port), Counters::within(&port));
        one.add(Count::Clients, 2);
        two.add(Count::Clients, 1);
        one.subtract(Count::Clients, 1);
        two.add(Count::Late, 5);
        assert_eq!((one.read(Count::Clients), two.read(Count::Clients), port.read(Count::Clients)), (1, 1, 2));
        assert_eq!((one.read(Count::Late), port.read(Count::Late)), (0, 5));
        for (index, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, index);
        }
    }
}
