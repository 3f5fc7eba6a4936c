//! The network as a denoiser, with x_t in the memory of the machine or on the device.

use std::sync::Arc;

use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream};

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::Denoiser;
use crate::prior::cuda::chain::Walk;
use crate::prior::cuda::network::{Buffers, CudaNetwork};
use crate::prior::cuda::{OnDevice, pool};
use crate::prior::on_device::{Geometry, Resident, State};
use crate::prior::tiling::Tiling;

impl Denoiser for CudaNetwork {
    fn multiple(&self) -> usize {
        CudaNetwork::multiple(self)
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.config.macs_per_pixel()
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.precondition.sigma_max
    }

    /// Memory of the machine: planes on their way.
    fn memory(&self, width: usize, height: usize) -> u64 {
        12 * (width * height) as u64
    }

    fn release(&self) {
        *self.lock() = Buffers::default();
        let stream = &self.kernels.stream;
        // What fails here fails in the next call as well, which can say so.
        let _ = stream.synchronize();
        let _ = pool::trim(stream.context());
    }

    fn resident(&self) -> Option<&dyn Resident> {
        Some(self)
    }
}

impl Resident for CudaNetwork {
    fn reside(&self, geometry: &Geometry, tiling: Tiling) -> Result<Option<Box<dyn State + '_>>> {
        Walk::begin(self, geometry, tiling)
    }
}

impl OnDevice for CudaNetwork {
    fn stream(&self) -> Arc<CudaStream> {
        self.kernels.stream.clone()
    }

    fn need(&self, width: usize, height: usize) -> u64 {
        self.device_memory(width, height)
    }

    fn x0_hat_device(
        &self,
        x: &CudaSlice<f32>,
        width: usize,
        height: usize,
        sigma: f64,
        out: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let n = 3 * width * height;
        let (x, mut out) = (x.slice(..n), out.slice_mut(..n));
        CudaNetwork::x0_hat_device(self, &x, width, height, sigma, &mut out)
    }
}
