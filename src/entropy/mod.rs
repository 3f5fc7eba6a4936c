//! Entropy coding: constriction's range coder under integer models of our own.
//!
//! The coded bytes are a queue of 16-bit words, each written low byte first. Every symbol is one
//! binary decision. Its probability is fixed or comes from an adaptive counter, in integers only,
//! so that every machine computes equal intervals. [`encode_alpha`] and [`decode_alpha`] code an
//! alpha plane of 8 bits or the high bytes of one of 16, [`encode_alpha_low`] and
//! [`decode_alpha_low`] the low bytes. [`encode_photographic`] and [`encode_graphic`] code the
//! exact samples, [`decode_exact`] decodes them, [`continue_exact`] as their bytes come.

mod alpha;
mod alpha_low;
pub(crate) mod coder;
mod flat;
mod lossless;
mod residual;

pub use alpha::{decode_alpha, encode_alpha};
pub use alpha_low::{decode_alpha_low, encode_alpha_low};
pub use flat::{FlatSquares, SIDES};
pub use lossless::{
    Checkpoint, Layout, Method, Reached, SideInformation, continue_exact, decode_exact,
    encode_graphic, encode_photographic, exact_memory,
};

#[cfg(test)]
mod tests;
