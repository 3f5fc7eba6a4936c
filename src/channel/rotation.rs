//! An orthonormal rotation that spreads every value over many: a permutation of lines, random
//! signs, Walsh-Hadamard blocks (clause 10).

use std::ops::Range;

use rayon::prelude::*;

use crate::channel::fwht::fwht_f32;
use crate::channel::permutation::{LINE, Permutation};
use crate::channel::signs::flip;
use crate::channel::window_walk::WindowWalk;
use crate::parallel;
use crate::random::Stream;

/// Values per full block.
pub const BLOCK: usize = 1 << 16;

/// Values of the longest array that is rotated at once.
const LONG: usize = 1024 * BLOCK;

/// Number of values, of `len`, that are rotated at a time. If it is less than all, the rotated
/// values lie in an order in which the search finds the values of a stage more slowly.
pub fn window(len: usize) -> usize {
    if len <= LONG { len } else { LONG / 4 }
}

/// The bit of [`Stream::value`] that holds the rotation's sign of a position.
const SIGN_BIT: u32 = 1;

/// The rotation of `len` values.
///
/// Positions take lines of values from all over the array, so that each block samples the whole
/// picture. They are cut into blocks of 2^16, and the remainder into its powers of two, largest
/// first: nothing is padded.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The number of the first position in the shared stream.
    base: usize,
    len: usize,
    permutation: Permutation,
    /// Number of values that are rotated at a time.
    pub(crate) window: usize,
}

impl Rotation {
    /// The rotation of `len` values, at least one. The first position has the number `base` in the
    /// shared stream.
    pub fn new(base: usize, len: usize) -> Self {
        assert!(len > 0, "a rotation needs values");
        Rotation {
            base,
            len,
            permutation: Permutation::new(len),
            window: window(len),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always false.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The permutation.
    pub(crate) fn permutation(&self) -> &Permutation {
        &self.permutation
    }

    /// Rotates `x` in its own memory. Returns the order of the rotated values there. A long array
    /// is rotated without a second one of its length.
    pub fn forward(&self, stream: &Stream, x: &mut [f32]) -> Order {
        assert_eq!(x.len(), self.len);
        let windows = self.windows();
        let mut energy = 0.0;
        for window in windows.clone() {
            let mut y = vec![0.0; window.len()];
            y.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
                let first = window.start + b * BLOCK;
                self.gather(x, first, chunk);
                flip(stream, SIGN_BIT, self.base + first, chunk);
                transform_blocks(chunk, 1.0);
            });
            energy += parallel::squares(&y);
            if windows.len() == 1 {
                parallel::copy(&y, x);
                let permutation = None;
                return Order {
                    permutation,
                    energy,
                };
            }
            self.scatter(&y, window, x, |x, y| *x = y);
        }
        let permutation = Some(self.permutation);
        Order {
            permutation,
            energy,
        }
    }

    /// Undoes [`Rotation::forward`], with a `gain`. `fill(x, first, y)` writes the rotated values
    /// for the positions from `first`; `apply` is called with each value of `x` and the result that
    /// belongs there.
    ///
    /// If `x` holds the values that [`Rotation::forward`] left there, `fill` may read its positions
    /// in `x`: they are not changed yet. If the rotated values are small integers, the sums are
    /// exact and each result is rounded once. A long array is rotated without a second one of its
    /// length.
    pub fn inverse(
        &self,
        stream: &Stream,
        gain: f64,
        fill: impl Fn(&[f32], usize, &mut [f32]) + Sync,
        x: &mut [f32],
        apply: impl Fn(&mut f32, f32) + Sync,
    ) {
        assert_eq!(x.len(), self.len);
        for window in self.windows() {
            let mut y = vec![0.0; window.len()];
            let before = &*x;
            y.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
                let first = window.start + b * BLOCK;
                fill(before, first, chunk);
                transform_blocks(chunk, gain);
                flip(stream, SIGN_BIT, self.base + first, chunk);
            });
            self.scatter(&y, window, x, &apply);
        }
    }

    /// The positions in windows of whole blocks and of nearly equal length.
    fn windows(&self) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
        let (len, blocks) = (self.len, self.len.div_ceil(BLOCK));
        let count = len.div_ceil(self.window);
        let cut = move |i: usize| (blocks * i / count * BLOCK).min(len);
        (0..count).map(move |i| cut(i)..cut(i + 1))
    }

    /// Copies to `chunk` the values of `x` for the positions from `first`, where a block begins.
    fn gather(&self, x: &[f32], first: usize, chunk: &mut [f32]) {
        match self.permutation.width() {
            LINE => self.gather_lines::<LINE>(x, first, chunk),
            _ => self.gather_lines::<1>(x, first, chunk),
        }
    }

    fn gather_lines<const WIDTH: usize>(&self, x: &[f32], first: usize, chunk: &mut [f32]) {
        let (from, rest) = x.as_chunks::<WIDTH>();
        let (lines, tail) = chunk.as_chunks_mut::<WIDTH>();
        for (line, place) in lines.iter_mut().zip(self.permutation.places(first / WIDTH)) {
            *line = from[place];
        }
        // Only the last chunk has a tail: the tail of `x`.
        tail.copy_from_slice(&rest[..tail.len()]);
    }

    /// Calls `apply` with the values of `x` whose positions lie in `window`, and their values in
    /// `y`.
    fn scatter(
        &self,
        y: &[f32],
        window: Range<usize>,
        x: &mut [f32],
        apply: impl Fn(&mut f32, f32) + Sync,
    ) {
        match self.permutation.width() {
            LINE => self.scatter_lines::<LINE>(y, window, x, apply),
            _ => self.scatter_lines::<1>(y, window, x, apply),
        }
    }

    fn scatter_lines<const WIDTH: usize>(
        &self,
        y: &[f32],
        window: Range<usize>,
        x: &mut [f32],
        apply: impl Fn(&mut f32, f32) + Sync,
    ) {
        let (from, rest) = y.as_chunks::<WIDTH>();
        let (lines, tail) = x.as_chunks_mut::<WIDTH>();
        // Only the last window has a rest: the values of the tail.
        tail.iter_mut().zip(rest).for_each(|(x, y)| apply(x, *y));
        if from.is_empty() {
            return;
        }
        let start = window.start / WIDTH;
        let visits = WindowWalk::new(&self.permutation, start..start + from.len());
        let chunks = lines.par_chunks_mut(BLOCK / WIDTH).enumerate();
        chunks.for_each(|(c, chunk)| {
            let (mut i, mut at) = visits.first(c * (BLOCK / WIDTH));
            while let Some(line) = chunk.get_mut(i) {
                let pairs = line.iter_mut().zip(&from[at]);
                pairs.for_each(|(x, y)| apply(x, *y));
                (i, at) = visits.next(i, at);
            }
        });
    }
}

/// The order of rotated values in memory: by position or, where [`Rotation::forward`] had to save
/// memory, by the places that they were taken from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order {
    /// The permutation, if they lie at the places.
    permutation: Option<Permutation>,
    /// The sum of the squares.
    energy: f64,
}

impl Order {
    /// The order of these values times `gain`.
    pub(crate) fn scaled(self, gain: f64) -> Self {
        Order {
            energy: gain * gain * self.energy,
            ..self
        }
    }
}

/// Rotated values.
#[derive(Debug, Clone, Copy)]
pub struct Rotated<'a> {
    data: &'a [f32],
    order: Order,
}

impl<'a> Rotated<'a> {
    /// The values that [`Rotation::forward`] left in `data`.
    pub fn new(data: &'a [f32], order: Order) -> Self {
        Rotated { data, order }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The sum of the squares.
    pub fn energy(&self) -> f64 {
        self.order.energy
    }

    /// The positions `first`, `first + step`, .. below the length, and their values. `step` is at
    /// least one.
    #[inline(always)]
    pub fn every(self, first: usize, step: usize) -> impl Iterator<Item = (usize, f32)> {
        let positions = (first..self.data.len()).step_by(step);
        positions.map(move |i| match &self.order.permutation {
            None => (i, self.data[i]),
            Some(permutation) => (i, self.data[permutation.place_of_value(i)]),
        })
    }
}

/// Transforms the powers of two that make up `chunk`, largest first, and multiplies by `gain`.
fn transform_blocks(mut chunk: &mut [f32], gain: f64) {
    while !chunk.is_empty() {
        let (block, rest) = chunk.split_at_mut(1 << chunk.len().ilog2());
        fwht_f32(block);
        let scale = (gain / (block.len() as f64).sqrt()) as f32;
        block.iter_mut().for_each(|v| *v *= scale);
        chunk = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::signs::signed;

    fn noise(len: usize) -> Vec<f32> {
        let stream = Stream::new(5, 9);
        (0..len)
            .map(|i| (stream.value(i) >> 40) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    /// Rotated and back.
    fn there_and_back(rotation: &Rotation, x: &[f32], factor: f32) -> Vec<f32> {
        let stream = Stream::new(1, 2);
        let mut y = x.to_vec();
        let order = rotation.forward(&stream, &mut y);
        let y = Rotated::new(&y, order);
        let fill = |_: &[f32], first: usize, out: &mut [f32]| {
            for (out, (_, v)) in out.iter_mut().zip(y.every(first, 1)) {
                *out = v;
            }
        };
        let mut back = vec![0.0; x.len()];
        rotation.inverse(&stream, 1.0, fill, &mut back, |x, v| *x = factor * v);
        let energy: f64 = x.iter().map(|v| f64::from(v * v)).sum();
        assert!((y.energy() - energy).abs() < 1e-4 * energy, "{}", x.len());
        back
    }

    /// Compares rotated values with the definition, clauses 10.2 to 10.4 of the specification.
    fn assert_is_defined(rotation: &Rotation, x: &[f32]) {
        let (stream, len) = (Stream::new(1, 2), x.len());
        let mut y = x.to_vec();
        let order = rotation.forward(&stream, &mut y);
        let y = Rotated::new(&y, order);
        let turned = |j: usize| {
            let from = rotation.permutation.place_of_value(j);
            signed(x[from], stream.value(rotation.base + j) >> SIGN_BIT)
        };
        let mut expected: Vec<f32> = (0..len).map(turned).collect();
        expected
            .chunks_mut(BLOCK)
            .for_each(|chunk| transform_blocks(chunk, 1.0));
        for (first, step) in [(0, 1), (len - 1, 1), (len / 3, 7), (len / 2, len)] {
            let got: Vec<(usize, f32)> = y.every(first, step).collect();
            let all = (first..len).step_by(step).map(|j| (j, expected[j]));
            assert!(got.into_iter().eq(all), "{len}, {first}, {step}");
        }
    }

    #[test]
    fn forward_is_the_definition_and_inverse_undoes_it() {
        for len in [
            1,
            2,
            3,
            768,
            1000,
            BLOCK,
            BLOCK + 1,
            3 * 333 * 222,
            16 * BLOCK + 77,
        ] {
            let (rotation, x) = (Rotation::new(5, len), noise(len));
            assert_is_defined(&rotation, &x);
            let back = there_and_back(&rotation, &x, 2.0);
            for (a, b) in x.iter().zip(back) {
                assert!((2.0 * a - b).abs() < 1e-5, "{len}");
            }
        }
    }

    /// The last window ends with a block, with a tail, or is a tail and nothing else.
    #[test]
    fn long_arrays_are_rotated_in_place() {
        for (len, window, count) in [
            (19 * BLOCK + 77, 16 * BLOCK, 2),
            (3 * BLOCK, BLOCK, 3),
            (3 * BLOCK + 40, 2 * BLOCK, 2),
            (16 * BLOCK + 5, 8 * BLOCK, 3),
        ] {
            let rotation = Rotation {
                window,
                ..Rotation::new(3, len)
            };
            assert_eq!(rotation.windows().len(), count);
            let x = noise(len);
            assert_is_defined(&rotation, &x);
            for (a, b) in x.iter().zip(there_and_back(&rotation, &x, 1.0)) {
                assert!((a - b).abs() < 1e-5, "{len}");
            }
        }
    }

    #[test]
    fn a_spike_is_spread_over_its_block() {
        let len = 2 * BLOCK;
        let mut x = vec![0.0; len];
        x[12345] = 256.0;
        Rotation::new(0, len).forward(&Stream::new(0, 0), &mut x);
        assert_eq!(x.iter().filter(|v| v.abs() == 1.0).count(), BLOCK);
    }

    #[test]
    fn integers_are_exact() {
        let (rotation, stream) = (Rotation::new(0, BLOCK), Stream::new(0, 1));
        let signs = |_: &[f32], first: usize, out: &mut [f32]| {
            for (j, v) in out.iter_mut().enumerate() {
                *v = signed(1.0, stream.value(first + j) >> 7 & 1);
            }
        };
        let mut x = vec![0.0; BLOCK];
        rotation.inverse(&stream, 256.0, signs, &mut x, |x, v| *x = v);
        assert!(x.iter().all(|v| *v == v.round()));
    }
}
