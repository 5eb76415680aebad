//! A histogram of latencies with logarithmic buckets.
//!
//! Every power of two is cut into 64 buckets, so a quantile is off by less than 1.6 % whatever its size, recording
//! is a shift and an increment, and the memory is fixed (30 KiB). It promises nothing about the sum or the exact
//! minimum; who needs those keeps them beside it.

/// Buckets of one power of two; values below twice this are exact.
const PER_OCTAVE: u64 = 64;
const OCTAVES: usize = 58;

/// Counts of values of any unit (here: nanoseconds).
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self { counts: vec![0; (OCTAVES + 1) * PER_OCTAVE as usize], total: 0 }
    }

    /// Adds one value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The value that a share `quantile` (0 to 1) of the recorded values does not exceed; 0 when nothing was recorded.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = (quantile * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle(index);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    let shift = (63 - (value | PER_OCTAVE).leading_zeros()) - PER_OCTAVE.ilog2();
    (u64::from(shift) * PER_OCTAVE + (value >> shift)) as usize
}

/// The value in the middle of a bucket.
fn middle(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / PER_OCTAVE).saturating_sub(1);
    ((index - shift * PER_OCTAVE) << shift) + ((1 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_as_wide_as_promised() {
        for value in (0..63).flat_map(|power| [1_u64 << power, (1 << power) + (1 << power) / 3, (2 << power) - 1]) {
            let shown = middle(bucket(value));
            assert!(shown.abs_diff(value) as f64 <= value as f64 / 64.0, "{value} is shown as {shown}");
        }
        assert_eq!(middle(bucket(0)), 0);
        assert!(bucket(u64::MAX) < Histogram::new().counts.len());
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=100).for_each(|value| histogram.record(value));
        assert_eq!(histogram.quantile(0.5), 50);
        assert_eq!(histogram.quantile(0.99), 99);
        assert_eq!(histogram.quantile(0.0), 1);
        histogram.clear();
        histogram.record(7);
        assert_eq!(histogram.quantile(1.0), 7);
    }
}
