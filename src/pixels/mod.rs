//! Pictures: samples of 8 or 16 bits, the centred planes that the chain works on, and measures of
//! their distance.

#[cfg(feature = "image")]
mod image;
mod invisible;
pub mod metrics;
pub mod picture;
pub mod planes;
pub(crate) mod range;
pub mod samples;
