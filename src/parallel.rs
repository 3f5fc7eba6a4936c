//! Copies and sums of long arrays by all threads. The sums do not depend on the number of threads.

use rayon::prelude::*;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 15;

/// Number of sums that grow side by side, so that none waits for itself.
const LANES: usize = 8;

/// Copies `from` to `to`, which is as long. One thread alone does not fill the bandwidth of memory.
pub fn copy(from: &[f32], to: &mut [f32]) {
    assert_eq!(from.len(), to.len());
    let chunks = to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK));
    chunks.for_each(|(to, from)| to.copy_from_slice(from));
}

/// The sum of the squares of `values`.
pub fn squares(values: &[f32]) -> f64 {
    let chunk = |chunk: &[f32]| add(chunk, chunk, |v, _| v);
    total(values.par_chunks(CHUNK).map(chunk))
}

/// The sum of the squared differences between `samples`, centred by `centre`, and `values`, which
/// are as many.
pub fn squared_differences<T: Copy + Sync>(
    samples: &[T],
    values: &[f32],
    centre: impl Fn(T) -> f32 + Sync,
) -> f64 {
    let chunks = samples.par_chunks(CHUNK).zip(values.par_chunks(CHUNK));
    total(chunks.map(|(samples, values)| add(samples, values, |a, b| centre(a) - b)))
}

/// The sum over the chunks, in their order.
fn total(sums: impl IndexedParallelIterator<Item = f64>) -> f64 {
    sums.collect::<Vec<f64>>().iter().sum()
}

/// The sum of f(a, b)^2 over pairs.
#[inline(always)]
fn add<A: Copy, B: Copy>(a: &[A], b: &[B], f: impl Fn(A, B) -> f32) -> f64 {
    let square = |(a, b): (&A, &B)| f64::from(f(*a, *b)).powi(2);
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for (sum, pair) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += square(pair);
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(square);
    sums.into_iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_all_values() {
        for n in [0, 1, 13, CHUNK, 2 * CHUNK + 5] {
            let values: Vec<f32> = (0..n).map(|i| (i % 100) as f32 - 30.0).collect();
            let samples: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            let pairs = values.iter().zip(&samples);
            let distance: f64 = pairs
                .map(|(v, s)| f64::from(f32::from(*s) - 127.5 - v).powi(2))
                .sum();
            let square: f64 = values.iter().map(|v| f64::from(v * v)).sum();
            assert_eq!(squares(&values), square);
            assert_eq!(
                squared_differences(&samples, &values, |s| f32::from(s) - 127.5),
                distance
            );
        }
    }
}
