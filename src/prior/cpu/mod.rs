//! Network of the shipped priors on the CPU, by kernels of our own: the reference arithmetic of
//! clauses 15.5 and 15.6.

mod activations;
mod conv;
mod deferred;
mod grid;
mod kernel;
mod network;
mod winograd;

pub(super) use deferred::Deferred;
pub use kernel::Kernel;
pub use network::Network;
