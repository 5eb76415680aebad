//! How long to wait before dialling again. Reads no clock, draws no random numbers and connects to nothing.

use std::time::Duration;

/// How delays grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackoffSettings {
    /// Delay before the first new attempt. Zero means at once, every time.
    pub first: Duration,
    /// The longest delay before jitter; at least `first` counts.
    pub longest: Duration,
    /// How far jitter may carry a delay either way, as a fraction of it: 0 to 1. Clients that lost the same server do not
    /// come back in one moment.
    pub jitter: f64,
    /// Attempts in a row after which to give up; 0 is never.
    pub attempts: u32,
}

impl Default for BackoffSettings {
    /// As Socket.IO's clients have it: 1 s, 2 s, 4 s, then 5 s, each give or take a half, without end.
    fn default() -> Self {
        BackoffSettings { first: Duration::from_secs(1), longest: Duration::from_secs(5), jitter: 0.5, attempts: 0 }
    }
}

/// The delays between attempts in a row. Each is twice the one before, up to the longest.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    settings: BackoffSettings,
    attempts: u32,
}

impl Backoff {
    /// No attempt has been made.
    pub fn new(settings: BackoffSettings) -> Self {
        Backoff { settings, attempts: 0 }
    }

    /// The delay before the next attempt, which is counted; `None` when all attempts are used up. `random` is a number
    /// from 0 to 1 that jitter is made of; 0.5 is no jitter.
    pub fn next_delay(&mut self, random: f64) -> Option<Duration> {
        if self.settings.attempts > 0 && self.attempts >= self.settings.attempts {
            return None;
        }
        let factor = 1u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        let longest = self.settings.longest.max(self.settings.first);
        let delay = self.settings.first.checked_mul(factor).map_or(longest, |delay| delay.min(longest));
        self.attempts = self.attempts.saturating_add(1);
        let spread = fraction(self.settings.jitter) * (2.0 * fraction(random) - 1.0);
        Some(Duration::try_from_secs_f64(delay.as_secs_f64() * (1.0 + spread)).unwrap_or(delay))
    }

    /// Attempts in a row so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// A connection was good: the next delay is the first again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Other settings from the next delay on; attempts made still count.
    pub fn set_settings(&mut self, settings: BackoffSettings) {
        self.settings = settings;
    }
}

/// A random number from 0 to 1 for [`Backoff::next_delay`]; 0.5 where the system gives none.
pub fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// A number as a fraction; what is not a number counts as 0.
fn fraction(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEADY: BackoffSettings =
        BackoffSettings { first: Duration::from_secs(1), longest: Duration::from_secs(5), jitter: 0.0, attempts: 0 };

    fn delays(settings: BackoffSettings, random: f64, count: usize) -> Vec<f64> {
        let mut backoff = Backoff::new(settings);
        std::iter::from_fn(|| backoff.next_delay(random)).take(count).map(|delay| delay.as_secs_f64()).collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        assert_eq!(delays(STEADY, 0.9, 5), [1.0, 2.0, 4.0, 5.0, 5.0]);
    }

    #[test]
    fn jitter_goes_both_ways() {
        let settings = BackoffSettings { jitter: 0.5, ..STEADY };
        assert_eq!(delays(settings, 0.0, 3), [0.5, 1.0, 2.0]);
        assert_eq!(delays(settings, 0.5, 3), [1.0, 2.0, 4.0]);
        assert_eq!(delays(settings, 1.0, 4), [1.5, 3.0, 6.0, 7.5]);
    }

    #[test]
    fn attempts_end_and_begin_again() {
        let mut backoff = Backoff::new(BackoffSettings { attempts: 2, ..STEADY });
        assert!(backoff.next_delay(0.5).is_some());
        assert!(backoff.next_delay(0.5).is_some());
        assert_eq!((backoff.next_delay(0.5), backoff.attempts()), (None, 2));
        backoff.reset();
        assert_eq!(backoff.next_delay(0.5), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_first_delay_beyond_the_longest_stays() {
        let settings = BackoffSettings { first: Duration::from_secs(9), ..STEADY };
        assert_eq!(delays(settings, 0.5, 3), [9.0, 9.0, 9.0]);
        assert_eq!(delays(BackoffSettings { first: Duration::ZERO, ..STEADY }, 0.5, 40), [0.0; 40]);
    }

    proptest! {
        #[test]
        fn delays_stay_within_their_bounds(
            first in 0u64..u64::MAX,
            longest in 0u64..u64::MAX,
            jitter in any::<f64>(),
            attempts in 0u32..100,
            random in any::<f64>(),
        ) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            let mut backoff = Backoff::new(BackoffSettings { first, longest, jitter, attempts });
            let spread = fraction(jitter);
            let bound = first.max(longest).as_secs_f64() * (1.0 + spread) * (1.0 + 1e-9);
            let least = first.as_secs_f64() * (1.0 - spread) * (1.0 - 1e-9);
            let mut count = 0;
            while let Some(delay) = backoff.next_delay(random) {
                prop_assert!(delay.as_secs_f64() <= bound && delay.as_secs_f64() >= least);
                count += 1;
                if count == 200 {
                    break;
                }
            }
            prop_assert_eq!(count, if attempts == 0 { 200 } else { attempts });
        }

        #[test]
        fn with_the_same_randomness_delays_never_shrink(first in 1u64..10_000, longest in 1u64..100_000, random in 0.0..1.0) {
            let settings = BackoffSettings {
                first: Duration::from_millis(first),
                longest: Duration::from_millis(longest),
                jitter: 0.5,
                attempts: 50,
            };
            let delays = delays(settings, random, 50);
            prop_assert!(delays.is_sorted());
        }
    }
}
