//! Our own kernels for NVIDIA's GPUs: the network on tensor cores, and the chain around it.
//!
//! Kernels are started by unsafe code, from pointers and sizes that are checked here.
#![allow(unsafe_code)]

mod chain;
mod launch;
mod layer;
mod network;
mod pack;
mod pool;
#[cfg(test)]
mod tests;

pub use crate::prior::cuda::network::CudaNetwork;

use std::sync::Arc;

use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream, DriverError};

use crate::error::{Error, Result};

/// A network that works where x_t lies.
trait OnDevice: Send + Sync {
    /// The stream that its work is queued in.
    fn stream(&self) -> Arc<CudaStream>;

    /// Bytes that it takes for planes of `width` x `height`.
    fn need(&self, width: usize, height: usize) -> u64;

    /// Queues the prediction x0_hat of `x`, both three planes of `width` x `height` and more than that in memory perhaps.
    fn x0_hat_device(
        &self,
        x: &CudaSlice<f32>,
        width: usize,
        height: usize,
        sigma: f64,
        out: &mut CudaSlice<f32>,
    ) -> Result<()>;
}

impl From<DriverError> for Error {
    fn from(e: DriverError) -> Self {
        Error::Backend(e.to_string())
    }
}
