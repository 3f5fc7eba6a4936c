//! Channel simulation: both ends hold the same random source, and a few bits turn its noise into a sample of N(m, I).
//!
//! A random low-rate trellis code on the signs of rotated noise. The receiver never needs a float to read it:
//! bits give states, states give signs.

pub mod bands;
pub mod code;
pub(crate) mod layer;
pub(crate) mod permutation;
pub mod rate;
pub(crate) mod receiver;
pub mod rotation;
pub mod search;
pub(crate) mod sender;
pub mod split;
pub mod transform;
pub mod trellis;

mod dispatch;
mod fwht;
mod signs;
mod viterbi;
mod window_walk;
