//! A walk over the lines of an array that fall into a window of the positions.

use std::ops::Range;

use crate::channel::permutation::{Permutation, add_mod};

/// The walk over the places i, i + 1, i + 2 .., of which only those are visited whose positions
/// fall into a window.
///
/// By the three-gap theorem two visits are one of two distances apart, or their sum.
pub(crate) struct WindowWalk<'a> {
    permutation: &'a Permutation,
    window: Range<usize>,
    /// The least distance in places that moves the position up by less than the window, and the
    /// number of positions that it moves by.
    up: (usize, usize),
    /// The least distance that moves the position down by less than the window, and by how many.
    down: (usize, usize),
}

impl<'a> WindowWalk<'a> {
    /// The walk through a window of at least one line.
    pub fn new(permutation: &'a Permutation, window: Range<usize>) -> Self {
        let (step, count) = (permutation.inverse(), permutation.count());
        let least = |step: usize| {
            let (mut n, mut by) = (1, step);
            while by >= window.len() {
                (n, by) = (n + 1, add_mod(by, step, count));
            }
            (n, by)
        };
        WindowWalk {
            permutation,
            up: least(step),
            down: least((count - step) % count),
            window,
        }
    }

    /// The first visit of the walk that begins at `place`: its distance from there in places, and
    /// its position from the start of the window.
    pub fn first(&self, place: usize) -> (usize, usize) {
        let (step, count) = (self.permutation.inverse(), self.permutation.count());
        let position = self.permutation.position_of(place);
        let (mut i, mut at) = (0, add_mod(position, count - self.window.start, count));
        while at >= self.window.len() {
            (i, at) = (i + 1, add_mod(at, step, count));
        }
        (i, at)
    }

    /// The visit after the one of index `i` at position `at`.
    #[inline(always)]
    pub fn next(&self, i: usize, at: usize) -> (usize, usize) {
        let (up, down) = (self.up, self.down);
        if at + up.1 < self.window.len() {
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

    #[test]
    fn visits_are_those_of_a_walk_one_by_one() {
        for count in [1, 2, 7, 30, 97, 768] {
            let permutation = Permutation::new(count);
            for (start, end) in (0..count).flat_map(|start| [(0, start + 1), (start, count)]) {
                let visits = WindowWalk::new(&permutation, start..end);
                let all: Vec<(usize, usize)> = (0..3 * count)
                    .map(|place| (place, permutation.position_of(place)))
                    .filter(|(_, at)| (start..end).contains(at))
                    .map(|(place, at)| (place, at - start))
                    .collect();
                assert_eq!(visits.first(0), all[0], "{count}, {start}..{end}");
                for pair in all.windows(2) {
                    let (i, at) = pair[0];
                    assert_eq!(visits.next(i, at), pair[1], "{count}, {start}..{end}");
                }
            }
        }
    }
}
