//! A walk in equal steps around a ring, as far as it falls into a window.

use super::rotation::add_mod;

/// The walk i, i + 1, i + 2 .. at positions i * step mod len, as far as it falls below `window`.
///
/// By the three-gap theorem the visits are one of two distances or their sum apart.
pub(super) struct Visits {
    window: usize,
    /// The least distance that goes up by less than the window, and by how much.
    up: (usize, usize),
    /// The same downwards.
    down: (usize, usize),
}

impl Visits {
    /// `window` is at least one and at most `len`.
    pub fn new(step: usize, len: usize, window: usize) -> Self {
        let least = |step: usize| {
            let (mut n, mut by) = (1, step);
            while by >= window {
                (n, by) = (n + 1, add_mod(by, step, len));
            }
            (n, by)
        };
        Visits {
            window,
            up: least(step),
            down: least((len - step) % len),
        }
    }

    /// The visit after the one of index `i` at position `at`.
    #[inline(always)]
    pub fn next(&self, i: usize, at: usize) -> (usize, usize) {
        let (up, down) = (self.up, self.down);
        if at + up.1 < self.window {
            (i + up.0, at + up.1)
        } else if at >= down.1 {
            (i + down.0, at - down.1)
        } else {
            (i + up.0 + down.0, at + up.1 - down.1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::rotation::{Rotation, mul_mod};

    #[test]
    fn visits_are_those_of_a_walk_one_by_one() {
        for len in [1, 2, 7, 30, 97, 768, 1001] {
            let rotation = Rotation::new(0, len);
            for window in 1..=len {
                let visits = Visits::new(rotation.inverse_stride(), len, window);
                let all: Vec<(usize, usize)> = (0..3 * len)
                    .map(|i| (i, mul_mod(i, rotation.inverse_stride(), len)))
                    .filter(|v| v.1 < window)
                    .collect();
                for pair in all.windows(2) {
                    let (i, at) = pair[0];
                    assert_eq!(visits.next(i, at), pair[1], "{len}, {window}");
                }
            }
        }
    }
}
