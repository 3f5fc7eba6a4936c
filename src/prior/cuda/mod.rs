//! Our own kernels for NVIDIA's GPUs: the network on tensor cores, and the chain around it.
//!
//! Kernels are started by unsafe code, from pointers and sizes that are checked here.
#![allow(unsafe_code)]

mod chain;
mod denoiser;
mod devices;
mod error;
mod launch;
mod layer;
mod network;
mod pack;
mod pool;
mod queued;
#[cfg(test)]
mod tests;

pub(super) use devices::names;
pub use network::CudaNetwork;
