//! The network as a denoiser, with x_t in the memory of the machine or on the device.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream};

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::cuda::chain::DeviceChain;
use crate::prior::cuda::network::CudaNetwork;
use crate::prior::cuda::queued::QueuedNetwork;
use crate::prior::denoiser::Denoiser;
use crate::prior::on_device::{DeviceDenoiser, DeviceState, Geometry};
use crate::prior::tiling::Tiling;

impl Denoiser for CudaNetwork {
    fn multiple(&self) -> usize {
        CudaNetwork::multiple(self)
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.config().macs_per_pixel()
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.sigma_max()
    }

    /// Memory of the machine: planes on their way to the device and back.
    fn memory(&self, width: usize, height: usize) -> u64 {
        12 * (width * height) as u64
    }

    fn release(&self) {
        CudaNetwork::release(self);
    }

    fn on_device(self: Arc<Self>) -> Option<Arc<dyn DeviceDenoiser>> {
        Some(self)
    }
}

impl DeviceDenoiser for CudaNetwork {
    fn state(
        self: Arc<Self>,
        geometry: &Geometry,
        tiling: Tiling,
    ) -> Result<Option<Box<dyn DeviceState>>> {
        DeviceChain::allocate(self, geometry, tiling)
    }
}

impl QueuedNetwork for CudaNetwork {
    fn stream(&self) -> Arc<CudaStream> {
        CudaNetwork::stream(self).clone()
    }

    fn device_memory(&self, width: usize, height: usize) -> u64 {
        CudaNetwork::device_memory(self, width, height)
    }

    fn queue_x0_hat(
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
