//! The reverse process: the chain x_T -> x_0 that both ends walk, and the estimates that its states
//! show.

mod anchor;
mod chain;
mod device_steps;
mod display;
mod estimate;
pub(crate) mod footprint;
mod on_device;

pub use chain::{Chain, WHOLE_STAGES};
pub use display::Display;
#[cfg(all(test, feature = "cuda"))]
pub(crate) use on_device::geometry;

#[cfg(test)]
mod tests;
