//! The network of the shipped priors on the CPU, by kernels of our own: the reference arithmetic of clause 15.6.

mod arena;
mod conv;
pub(super) mod deferred;
mod kernel;
pub(super) mod network;
mod winograd;

pub use kernel::Kernel;
pub use network::Network;
