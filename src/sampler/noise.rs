//! Standard normal noise from the counter-based generator. It does not depend on the machine or on
//! the number of threads.

use rayon::prelude::*;

use crate::random::Stream;

/// The first stream of a walk. The layers of a file use the streams below 400.
const WALK: u32 = 1 << 31;
/// The first stream of the noise before a walk.
const START: u32 = 3 << 30;

/// Values that one task makes at a time.
const CHUNK: usize = 1 << 14;

/// Independent arrays of N(0, 1) values, one after the other.
pub struct NormalNoise {
    seed: u64,
    next: u32,
}

impl NormalNoise {
    /// The noise of a walk.
    pub fn walk(seed: u64) -> Self {
        NormalNoise { seed, next: WALK }
    }

    /// The noise that a walk may start from, independent of the noise of the walk.
    pub fn start(seed: u64) -> Self {
        NormalNoise { seed, next: START }
    }

    /// Calls `update(i, value, n)` on every value, with a normal number n of its own.
    pub fn apply(&mut self, values: &mut [f32], update: impl Fn(usize, &mut f32, f32) + Sync) {
        let stream = Stream::new(self.seed, self.next);
        self.next = self.next.wrapping_add(1);
        let chunks = values.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(c, chunk)| {
            for (p, pair) in chunk.chunks_mut(2).enumerate() {
                let i = c * CHUNK + 2 * p;
                for ((k, v), n) in pair.iter_mut().enumerate().zip(stream.normal_pair(i)) {
                    update(i + k, v, n as f32);
                }
            }
        });
    }

    /// Adds noise of standard deviation `sigma`.
    pub fn add(&mut self, values: &mut [f32], sigma: f64) {
        let sigma = sigma as f32;
        self.apply(values, |_, v, n| *v += sigma * n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_standard_normal_and_independent() {
        let n = 1 << 18;
        let (mut a, mut b) = (vec![0.0f32; n], vec![0.0f32; n]);
        let mut noise = NormalNoise::walk(7);
        noise.add(&mut a, 1.0);
        noise.add(&mut b, 1.0);
        let mean = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        let v = |i: usize| f64::from(a[i]);
        // Standard errors of the means of n: 1, sqrt 2, sqrt 15, sqrt 96 over 512.
        assert!(mean(&|i| v(i)).abs() < 0.01);
        assert!((mean(&|i| v(i).powi(2)) - 1.0).abs() < 0.015);
        assert!(mean(&|i| v(i).powi(3)).abs() < 0.04);
        assert!((mean(&|i| v(i).powi(4)) - 3.0).abs() < 0.1);
        assert!(mean(&|i| v(i) * v((i + 1) % n)).abs() < 0.01);
        assert!(mean(&|i| v(i) * f64::from(b[i])).abs() < 0.01);
    }

    #[test]
    fn the_seed_decides() {
        let make = |seed: u64, n: usize| {
            let mut x = vec![0.0; n];
            NormalNoise::walk(seed).add(&mut x, 2.0);
            x
        };
        assert_eq!(make(3, 70_000)[..999], make(3, 999));
        assert_ne!(make(3, 10), make(4, 10));
        let mut other = vec![0.0; 10];
        NormalNoise::start(3).add(&mut other, 2.0);
        assert_ne!(make(3, 10), other);
    }
}
