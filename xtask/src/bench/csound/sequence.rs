//! What a variable's messages must be, and what is missing among them.

use super::orchestra::STEP;
use super::stream::LoadError;
use super::work::Signals;

/// The messages of one variable on one connection.
pub struct Sequence {
    /// Index of the first signal.
    first: usize,
    members: usize,
    block: usize,
    last: Option<u64>,
    /// Messages that came.
    pub received: u64,
    /// k-cycles between those that came, whose message did not come.
    pub missing: u64,
}

impl Sequence {
    /// Of a variable with `members` signals, the first of which has this index.
    pub fn new(signals: &Signals, first: usize, members: usize) -> Self {
        Self { first, members, block: signals.block(), last: None, received: 0, missing: 0 }
    }

    /// The number of the last k-cycle that came.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Forgets the counts, not the place.
    pub fn clear(&mut self) {
        (self.received, self.missing) = (0, 0);
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`LoadError::WrongMessage`] when it has another size, is no block of this variable, or comes twice or late.
    pub fn handle(&mut self, payload: &[u8]) -> Result<(), LoadError> {
        let wrong = |what: String| LoadError::WrongMessage(format!("signal {}: {what}", self.first));
        let size = 8 * self.block * self.members;
        if payload.len() != size {
            return Err(wrong(format!("{} bytes instead of {size}", payload.len())));
        }
        let values = payload.as_chunks::<8>().0;
        let first = f64::from_le_bytes(values[0]) - (self.first as u64 * STEP) as f64;
        if !(first >= 1.0 && first < STEP as f64 && first.fract() == 0.0) {
            return Err(wrong(format!("{first} is no number of a k-cycle")));
        }
        let cycle = first as u64;
        for (member, values) in values.chunks_exact(self.block).enumerate() {
            let expected = ((self.first + member) as u64 * STEP + cycle) as f64;
            if values.iter().any(|&value| value != expected.to_le_bytes()) {
                return Err(wrong(format!("member {member} is not {expected} throughout")));
            }
        }
        if let Some(last) = self.last {
            let gap = cycle.checked_sub(last + 1).ok_or_else(|| wrong(format!("k-cycle {cycle} behind {last}")))?;
            self.missing += gap;
        }
        self.last = Some(cycle);
        self.received += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::Rate;
    use super::*;

    fn block(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn gaps_are_counted_and_everything_else_is_wrong() -> Result<(), LoadError> {
        let signals = Signals { rate: Rate::Audio, count: 4, array: false, ksmps: 2 };
        let mut sequence = Sequence::new(&signals, 3, 1);
        let message = |cycle: u32| block(&[3e9 + f64::from(cycle); 2]);
        for cycle in [7, 8, 11] {
            sequence.handle(&message(cycle))?;
        }
        assert_eq!((sequence.received, sequence.missing, sequence.last()), (3, 2, Some(11)));
        for bad in
            [message(11), message(3), block(&[3e9 + 12.0]), block(&[2e9 + 12.0; 2]), block(&[3e9 + 12.0, 3e9 + 13.0])]
        {
            assert!(sequence.handle(&bad).is_err());
        }
        sequence.clear();
        sequence.handle(&message(12))?;
        assert_eq!((sequence.received, sequence.missing), (1, 0));
        Ok(())
    }

    #[test]
    fn members_of_an_array_have_their_own_values() -> Result<(), LoadError> {
        let signals = Signals { rate: Rate::Audio, count: 2, array: true, ksmps: 2 };
        let mut sequence = Sequence::new(&signals, 0, 2);
        sequence.handle(&block(&[5.0, 5.0, 1e9 + 5.0, 1e9 + 5.0]))?;
        assert!(sequence.handle(&block(&[6.0, 6.0, 1e9 + 5.0, 1e9 + 6.0])).is_err());
        Ok(())
    }
}
