//! An orthonormal rotation that spreads every value over many: permutation, random signs, Walsh-Hadamard blocks.

use rayon::prelude::*;

use super::simd;
use crate::random::Stream;

/// Values per full block.
pub const BLOCK: usize = 1 << 16;

/// The bit of [`Stream::value`] that holds the rotation's sign of a position.
const SIGN_BIT: u32 = 1;

/// The rotation of `len` values.
///
/// Position j takes the value j * stride mod len, so that each block samples the whole picture. Positions are
/// cut into blocks of 2^16 and the remainder into its powers of two, largest first: nothing is padded.
#[derive(Debug, Clone)]
pub struct Rotation {
    len: usize,
    stride: usize,
    inverse: usize,
}

impl Rotation {
    /// The rotation of `len` values, at least one.
    pub fn new(len: usize) -> Self {
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
            len,
            stride,
            inverse,
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

    /// Rotates `x`.
    pub fn forward(&self, stream: &Stream, x: &[f32]) -> Vec<f32> {
        assert_eq!(x.len(), self.len);
        let mut y = vec![0.0; self.len];
        y.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
            let first = b * BLOCK;
            let mut from = mul_mod(first, self.stride, self.len);
            for (j, v) in chunk.iter_mut().enumerate() {
                *v = signed(x[from], stream.value(first + j) >> SIGN_BIT);
                from = add_mod(from, self.stride, self.len);
            }
            for_blocks(chunk, |block| {
                simd::fwht_f32(block);
                let scale = (1.0 / (block.len() as f64).sqrt()) as f32;
                block.iter_mut().for_each(|v| *v *= scale);
            });
        });
        y
    }

    /// Undoes [`Rotation::forward`] on `y` and multiplies by `gain`.
    ///
    /// Where `y` holds small integers the sums are exact and each result is rounded once.
    pub fn inverse(&self, stream: &Stream, mut y: Vec<f32>, gain: f64) -> Vec<f32> {
        assert_eq!(y.len(), self.len);
        y.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
            for_blocks(chunk, |block| {
                simd::fwht_f32(block);
                let scale = (gain / (block.len() as f64).sqrt()) as f32;
                block.iter_mut().for_each(|v| *v *= scale);
            });
            for (j, v) in chunk.iter_mut().enumerate() {
                *v = signed(*v, stream.value(b * BLOCK + j) >> SIGN_BIT);
            }
        });
        let mut x = vec![0.0; self.len];
        x.par_chunks_mut(BLOCK).enumerate().for_each(|(b, chunk)| {
            let mut from = mul_mod(b * BLOCK, self.inverse, self.len);
            for v in chunk {
                *v = y[from];
                from = add_mod(from, self.inverse, self.len);
            }
        });
        x
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

fn mul_mod(a: usize, b: usize, n: usize) -> usize {
    (a as u128 * b as u128 % n as u128) as usize
}

fn add_mod(a: usize, b: usize, n: usize) -> usize {
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

    #[test]
    fn inverse_undoes_forward_and_keeps_the_norm() {
        for len in [1, 2, 3, 768, 1000, BLOCK, BLOCK + 1, 3 * 333 * 222] {
            let (rotation, stream, x) = (Rotation::new(len), Stream::new(1, 2), noise(len));
            let y = rotation.forward(&stream, &x);
            let (a, b): (f64, f64) = (
                x.iter().map(|v| f64::from(v * v)).sum(),
                y.iter().map(|v| f64::from(v * v)).sum(),
            );
            assert!((a - b).abs() < 1e-4 * a, "{len}: {a} {b}");
            for (a, b) in x.iter().zip(rotation.inverse(&stream, y, 1.0)) {
                assert!((a - b).abs() < 1e-5, "{len}");
            }
        }
    }

    #[test]
    fn a_spike_is_spread_over_its_block() {
        let len = 2 * BLOCK;
        let mut x = vec![0.0; len];
        x[12345] = 256.0;
        let y = Rotation::new(len).forward(&Stream::new(0, 0), &x);
        assert_eq!(y.iter().filter(|v| v.abs() == 1.0).count(), BLOCK);
    }

    #[test]
    fn integers_are_exact() {
        let (rotation, stream) = (Rotation::new(BLOCK), Stream::new(0, 1));
        let signs: Vec<f32> = (0..BLOCK)
            .map(|i| signed(1.0, stream.value(i) >> 7 & 1))
            .collect();
        for v in rotation.inverse(&stream, signs, 256.0) {
            assert_eq!(v, v.round());
        }
    }
}
