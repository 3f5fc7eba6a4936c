//! Maps of a picture: where the bits go, and where the prior is surprised.

pub mod map;
mod simplex;
mod surprise;

pub use map::Map;
pub use surprise::{Noise, surprise};
