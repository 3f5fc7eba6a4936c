//! Channel simulation: both ends hold one random source, and a few bits turn its noise into a
//! sample of N(m, I).
//!
//! The code is a random low-rate trellis code on the signs of rotated noise. The receiver never
//! needs a float to read it: bits give states, states give signs.
//!
//! | File | Content |
//! |---|---|
//! | layer, sender, receiver | one transmission step, and its two ends |
//! | transform | planes to coefficients and back: bands, rotation |
//! | bands | colours and Haar scales |
//! | rotation, permutation, window_walk | the rotation of one band, without a second array |
//! | code, rate, split | parameters of the trellis, its stages, their share of each band |
//! | trellis, signs | bits to codewords to signs |
//! | search, viterbi | the sender's search |
//! | fwht, dispatch | the Walsh-Hadamard transform; the choice of an instruction set |

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
