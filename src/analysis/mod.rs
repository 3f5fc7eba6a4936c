//! Maps of a picture: of the bits that its pixels take, and of the surprise of the prior.

pub mod map;
mod simplex;
mod surprise;

pub use map::Map;
pub use surprise::{Noise, surprise};
