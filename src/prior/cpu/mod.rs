//! Network of the shipped priors on the CPU, by kernels of our own: the reference arithmetic of
//! clauses 15.5 and 15.6.

mod activations;
mod context;
mod conv;
mod corrector;
mod deferred;
mod grid;
mod kernel;
mod lines;
mod network;
mod postfilter;
mod unet;
mod winograd;

pub(crate) use corrector::Correction;
pub(super) use deferred::{Deferred, DeferredCorrector};
pub use kernel::Kernel;
pub use network::Network;
pub(super) use postfilter::{PostfilterNetwork, postfilter_memory};
