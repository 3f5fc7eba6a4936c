//! An orthonormal rotation that spreads every value over many: permutation, random signs, Walsh-Hadamard blocks.

use std::ops::Range;

use rayon::prelude::*;

use super::simd;
use super::visits::Visits;
use crate::arrays;
use crate::random::Stream;

/// Values per full block.
pub const BLOCK: usize = 1 << 16;

/// The longest array that is rotated at once.
const LONG: usize = 1024 * BLOCK;

/// How many of `len` values are rotated at a time. Those of a longer array then lie in an order in which the search finds the values
/// of a stage, and of the next, far apart.
pub fn window(len: usize) -> usize {
    if len <= LONG { len } else { LONG / 4 }
}

/// The bit of [`Stream::value`] that holds the rotation's sign of a position.
const SIGN_BIT: u32 = 1;

/// The rotation of `len` values.
///
/// Position j takes the value j * stride mod len, so that each block samples the whole picture. Positions are
/// cut into blocks of 2^16 and the remainder into its powers of two, largest first: nothing is padded.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The number of the first position in the shared stream.
    base: usize,
    len: usize,
    stride: usize,
    inverse: usize,
    /// Values that are rotated at a time.
    pub(super) window: usize,
}

impl Rotation {
    /// The rotation of `len` values, at least one, whose first position is number `base` of the shared stream.
    pub fn new(base: usize, len: usize) -> Self {
        assert!(len > 0, "a rotation needs values");
        // 0.6180339887 len: the golden section spreads successive positions evenly.
        let mut stride = ((len as u128 * 0x9E37_79B9_7F4A_7C15) >> 64) as usize;
        stride = stride.max(1);
        let inverse = loop {
            match inverse_mod(stride, len) {
                Some(inverse) => break inverse,
                None => stride += 1,
            }
        };
        Rotation {
            base,
            len,
            stride,
            inverse,
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

    /// The factor that says where values lie: value i is at position i * inverse mod len.
    pub(crate) fn inverse_stride(&self) -> usize {
        self.inverse
    }

    /// Rotates `x` in its own memory, and returns how the rotated values lie there. No second array of its length is made where
    /// that would be long.
    pub fn forward(&self, stream: &Stream, x: &mut [f32]) -> Order {
        assert_eq!(x.len(), self.len);
        let windows = self.windows();
        let mut energy = 0.0;
        for window in windows.clone() {
            let mut y = vec![0.0; window.len()];
            y.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
                let first = window.start + b * BLOCK;
                let mut from = mul_mod(first, self.stride, self.len);
                for v in chunk.iter_mut() {
                    *v = x[from];
                    from = add_mod(from, self.stride, self.len);
                }
                simd::flip(stream, SIGN_BIT, self.base + first, chunk);
                for_blocks(chunk, |block| {
                    simd::fwht_f32(block);
                    let scale = (1.0 / (block.len() as f64).sqrt()) as f32;
                    block.iter_mut().for_each(|v| *v *= scale);
                });
            });
            energy += arrays::squares(&y);
            if windows.len() == 1 {
                arrays::copy(&y, x);
                return Order { stride: 1, energy };
            }
            self.scatter(&y, window, x, |x, y| *x = y);
        }
        let stride = self.stride;
        Order { stride, energy }
    }

    /// Undoes [`Rotation::forward`]: rotates the values back that `fill(x, first, y)` writes for the positions from `first`,
    /// multiplies them by `gain`, and calls `apply` with each value of `x` and the one that belongs there. What `fill` gets as `x` still
    /// is as it was at those positions, if it is what [`Rotation::forward`] left there.
    ///
    /// Where the values are small integers the sums are exact and each result is rounded once. No array of the length of
    /// `x` is made where that would be long.
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
                for_blocks(chunk, |block| {
                    simd::fwht_f32(block);
                    let scale = (gain / (block.len() as f64).sqrt()) as f32;
                    block.iter_mut().for_each(|v| *v *= scale);
                });
                simd::flip(stream, SIGN_BIT, self.base + first, chunk);
            });
            self.scatter(&y, window, x, &apply);
        }
    }

    /// The positions in windows of whole blocks and nearly equal length, at most the window.
    fn windows(&self) -> impl ExactSizeIterator<Item = Range<usize>> + Clone + use<> {
        let (len, blocks) = (self.len, self.len.div_ceil(BLOCK));
        let count = len.div_ceil(self.window);
        let cut = move |i: usize| (blocks * i / count * BLOCK).min(len);
        (0..count).map(move |i| cut(i)..cut(i + 1))
    }

    /// Calls `apply` with the values of `x` that lie in `window` of the positions and theirs in `y`.
    fn scatter(
        &self,
        y: &[f32],
        window: Range<usize>,
        x: &mut [f32],
        apply: impl Fn(&mut f32, f32) + Sync,
    ) {
        let visits = Visits::new(self.inverse, self.len, y.len());
        x.par_chunks_mut(BLOCK).enumerate().for_each(|(c, chunk)| {
            let first = c * BLOCK;
            // Where the first value of the chunk lies, counted from the window's start.
            let mut at = mul_mod(first, self.inverse, self.len);
            at = add_mod(at, self.len - window.start, self.len);
            let mut i = 0;
            while at >= y.len() && i < chunk.len() {
                at = add_mod(at, self.inverse, self.len);
                i += 1;
            }
            while let Some(x) = chunk.get_mut(i) {
                apply(x, y[at]);
                (i, at) = visits.next(i, at);
            }
        });
    }
}

/// How rotated values lie: in the order of their positions or, where [`Rotation::forward`] had to save memory, of the places that
/// they were made from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order {
    /// Position j is at index j * stride mod len.
    stride: usize,
    /// The sum of the squares.
    energy: f64,
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

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The sum of the squares.
    pub fn energy(&self) -> f64 {
        self.order.energy
    }

    /// The positions `first`, `first + step`, .. below the length, and their values; `step` is at least one.
    #[inline(always)]
    pub fn every(self, first: usize, step: usize) -> impl Iterator<Item = (usize, f32)> {
        let len = self.data.len();
        let place = |position: usize| match self.order.stride {
            1 => position % len,
            stride => mul_mod(position, stride, len),
        };
        let (mut at, hop) = (place(first), place(step));
        (first..len).step_by(step).map(move |i| {
            let v = self.data[at];
            at = add_mod(at, hop, len);
            (i, v)
        })
    }
}

/// `v`, negated where the lowest bit is set.
#[inline(always)]
pub(super) fn signed(v: f32, bit: u64) -> f32 {
    f32::from_bits(v.to_bits() ^ (bit as u32) << 31)
}

/// Calls `f` on the powers of two, largest first, that make up `chunk`.
fn for_blocks(mut chunk: &mut [f32], f: impl Fn(&mut [f32])) {
    while !chunk.is_empty() {
        let (block, rest) = chunk.split_at_mut(1 << chunk.len().ilog2());
        f(block);
        chunk = rest;
    }
}

pub(super) fn mul_mod(a: usize, b: usize, n: usize) -> usize {
    (a as u128 * b as u128 % n as u128) as usize
}

pub(super) fn add_mod(a: usize, b: usize, n: usize) -> usize {
    let sum = a + b;
    if sum >= n { sum - n } else { sum }
}

/// The inverse of `a` modulo `n` (both at least one), if they share no factor; reduced below `n`.
fn inverse_mod(a: usize, n: usize) -> Option<usize> {
    let (mut r0, mut r1, mut t0, mut t1) = (n as i128, (a % n) as i128, 0i128, 1i128);
    if n == 1 {
        return Some(0);
    }
    while r1 != 0 {
        let q = r0 / r1;
        (r0, r1) = (r1, r0 - q * r1);
        (t0, t1) = (t1, t0 - q * t1);
    }
    (r0 == 1).then(|| t0.rem_euclid(n as i128) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn inverse_undoes_forward_and_keeps_the_norm() {
        for len in [1, 2, 3, 768, 1000, BLOCK, BLOCK + 1, 3 * 333 * 222] {
            let x = noise(len);
            for (a, b) in x
                .iter()
                .zip(there_and_back(&Rotation::new(0, len), &x, 2.0))
            {
                assert!((2.0 * a - b).abs() < 1e-5, "{len}");
            }
        }
    }

    #[test]
    fn long_arrays_are_rotated_in_place() {
        let len = 19 * BLOCK + 77;
        let rotation = Rotation {
            window: 16 * BLOCK,
            ..Rotation::new(0, len)
        };
        let (stream, x) = (Stream::new(1, 2), noise(len));
        assert_eq!(rotation.windows().len(), 2);
        for (a, b) in x.iter().zip(there_and_back(&rotation, &x, 1.0)) {
            assert!((a - b).abs() < 1e-5);
        }
        // The definition, for the first block and for the last: 64 + 8 + 4 + 1 behind 19 whole ones.
        let mut y = x.clone();
        let order = rotation.forward(&stream, &mut y);
        let y = Rotated::new(&y, order);
        for (first, n) in [(0, BLOCK), (19 * BLOCK, 64)] {
            let mut block: Vec<f32> = (first..first + n)
                .map(|j| {
                    let from = mul_mod(j, rotation.stride, len);
                    signed(x[from], stream.value(j) >> SIGN_BIT)
                })
                .collect();
            simd::fwht_f32(&mut block);
            let scale = (1.0 / (n as f64).sqrt()) as f32;
            for ((_, v), b) in y.every(first, 1).zip(block) {
                assert_eq!(v, scale * b);
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
