//! The network of the post-filter on the CPU.

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::cpu::activations;
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::Kernel;
use crate::prior::cpu::network::read_output;
use crate::prior::cpu::unet::UNet;
use crate::prior::precondition::check_planes;
use crate::prior::weights::{Config, PICTURE_CHANNELS, Part, Weights};

/// Factor of the noise level by which the network's output is added.
const GAIN: f64 = 0.2;

/// The network of the post-filter: a U-Net that sees x0_hat and what x_t holds beyond it.
#[derive(Debug)]
pub(crate) struct PostfilterNetwork {
    unet: UNet,
    /// Standard deviation of the pictures, in 8-bit levels.
    sigma_data: f64,
}

impl PostfilterNetwork {
    /// Packs the weights of a file for a kernel.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) if this machine lacks the kernel's
    /// instructions; [`Error::Backend`](crate::Error::Backend) if the file is that of a prior.
    pub fn new(weights: &Weights, kernel: Kernel) -> Result<Self> {
        Ok(PostfilterNetwork {
            unet: UNet::new(weights, Part::Postfilter, kernel)?,
            sigma_data: 255.0 * weights.sigma_data(),
        })
    }

    /// The filtered picture in 8-bit levels, from `[x_t, x0_hat]`, planes of one size; the noise of
    /// x_t is of `sigma` levels.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the sides are not multiples of those of the
    /// network, or the planes' data has the wrong length.
    pub fn filter(&self, sigma: f64, planes: [&Planes; 2]) -> Result<Planes> {
        for each in planes {
            check_planes(each, self.unet.config().multiple())?;
        }
        let [x_t, x0_hat] = planes;
        let [scale, unit] = [1.0 / sigma, 1.0 / self.sigma_data].map(|v| v as f32);
        let (noisy, seen) = (&x_t.data, &x0_hat.data);
        let fill = |input: &mut Grid| {
            input.fill_squares(0, |i| scale * (noisy[i] - seen[i]));
            input.fill_squares(PICTURE_CHANNELS, |i| unit * seen[i]);
        };
        let gain = (GAIN * sigma) as f32;
        let read = |output: &Grid| read_output(x0_hat, [1.0, gain], output);
        let size = (x0_hat.width, x0_hat.height);
        Ok(self.unet.call(size, &[sigma], fill, read))
    }

    /// Frees the buffers of the last call.
    pub fn release(&self) {
        self.unet.release();
    }
}

/// Bytes that a call of a network of this size on planes of `width` x `height` takes besides them.
pub(crate) fn postfilter_memory(config: &Config, width: usize, height: usize) -> u64 {
    activations::memory(config, Part::Postfilter, width, height)
}

#[cfg(test)]
mod tests;
