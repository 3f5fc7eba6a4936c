//! Values that begin with a line of the cache.

use std::ops::{Deref, DerefMut};

use crate::prior::cpu::kernel::GROUP;

/// Values that begin with a line of the cache.
///
/// A vector of 64 bytes is in one line if it is aligned, and in two otherwise, which takes twice
/// the time to load and more to store. A `Vec` is aligned to 16 bytes at most.
#[derive(Debug, Default)]
pub(super) struct Lines {
    values: Vec<f32>,
    first: usize,
    len: usize,
}

impl Lines {
    /// So many zeros.
    pub fn zeros(len: usize) -> Lines {
        // Memory that is new needs no zeros written.
        let values = vec![0.0; len + GROUP - 1];
        let past = values.as_ptr().addr() / size_of::<f32>() % GROUP;
        Lines {
            values,
            first: (GROUP - past) % GROUP,
            len,
        }
    }

    /// So many zeros, in the same memory where it suffices.
    pub fn reset(&mut self, len: usize) {
        if self.first + len > self.values.len() {
            // The old memory is free before the new is taken.
            *self = Lines::default();
            *self = Lines::zeros(len);
        } else {
            self.len = len;
            self.fill(0.0);
        }
    }

    /// At least so many values, whatever they are.
    pub fn fit(&mut self, len: usize) {
        if self.len < len {
            self.reset(len);
        }
    }
}

impl Deref for Lines {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.first..][..self.len]
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.first..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_begin_with_a_line() {
        let mut lines = Lines::default();
        for len in [1, 15, 16, 1000, 999, 100_000, 5, 100_001] {
            lines.reset(len);
            assert_eq!(lines.len(), len);
            assert!(lines.iter().all(|value| *value == 0.0));
            assert_eq!(lines.as_ptr().addr() % 64, 0, "{len} values");
            lines.fill(1.0);
        }
        lines.fit(7);
        assert_eq!(lines.len(), 100_001);
    }
}
