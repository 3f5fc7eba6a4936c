//! Channel simulation: both ends hold the same random source, and a few bits turn its noise into a sample of N(m, I).
//!
//! A random low-rate trellis code on the signs of rotated noise. The receiver never needs a float to read it:
//! bits give states, states give signs.

pub mod bands;
pub mod mixer;
pub mod rate;
pub mod rotation;
pub mod search;
pub mod split;
pub mod trellis;

mod simd;
mod visits;

use rayon::prelude::*;

/// Copies values, all threads at once: one alone does not fill the memory's bandwidth.
fn copy(from: &[f32], to: &mut [f32]) {
    const CHUNK: usize = 1 << 16;
    assert_eq!(from.len(), to.len());
    let chunks = to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK));
    chunks.for_each(|(to, from)| to.copy_from_slice(from));
}
