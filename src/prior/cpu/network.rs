//! The denoiser on the CPU: the reference's forward pass in a fixed arithmetic of our own.
//!
//! Equal weights, `x_t` and sigma give equal bits on every processor and with any number of
//! threads, except with WebAssembly's vectors. Convolutions follow [`kernel`](super::kernel), or
//! [`winograd`](super::winograd) for 3 x 3 taps. The embedding takes sin, cos, exp and log in f64
//! from a libm in Rust; its linear layers are scalar fused multiply-adds in index order. The three
//! coefficients are computed in f64 and rounded once.

use rayon::prelude::*;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::cpu::activations;
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::Kernel;
use crate::prior::cpu::unet::UNet;
use crate::prior::denoiser::Denoiser;
use crate::prior::precondition::{Precondition, check_planes};
use crate::prior::weights::{Config, Part, Weights};

/// The denoiser of the shipped priors, ready to run on the CPU.
///
/// Calls may come from several threads; each runs in the current rayon pool. Buffers of the last
/// call stay for the next one: some 47 f32 values for each pixel of the largest picture so far,
/// with the default prior.
#[derive(Debug)]
pub struct Network {
    unet: UNet,
    precondition: Precondition,
    parameters: usize,
}

impl Network {
    /// Packs the weights for the fastest kernel of this machine.
    ///
    /// # Errors
    /// None for weights that [`Weights`] has accepted.
    pub fn new(weights: &Weights) -> Result<Network> {
        Network::with_kernel(weights, Kernel::best())
    }

    /// Packs the weights for a given kernel. All reference kernels give equal bits.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) if this machine lacks the kernel's
    /// instructions.
    pub fn with_kernel(weights: &Weights, kernel: Kernel) -> Result<Network> {
        Ok(Network {
            unet: UNet::new(weights, Part::Denoiser, kernel)?,
            precondition: Precondition::new(weights),
            parameters: weights.parameters(),
        })
    }

    /// Number of which both sides of the planes are multiples: 16 for four scales.
    pub fn multiple(&self) -> usize {
        self.config().multiple()
    }

    /// Kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.unet.kernel()
    }

    /// Number of weights of the file, those of a corrector included.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Multiply-accumulates of one call, for each pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        self.config().macs_per_pixel()
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        self.unet.config()
    }

    /// Highest noise level that the network was trained for, in 8-bit levels.
    pub fn sigma_max(&self) -> f64 {
        self.precondition.sigma_max
    }

    /// Bytes of the activations of a picture of `width` x `height` pixels, of the weights in 16
    /// bits, packed and transformed, and of the products of transformed layers.
    pub fn memory(&self, width: usize, height: usize) -> u64 {
        activations::memory(self.config(), Part::Denoiser, width, height)
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, for `x_t` with noise of standard deviation `sigma`
    /// levels.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the sides are not multiples of
    /// [`Network::multiple`], the planes' data has the wrong length, or sigma is not a positive
    /// number (1e-6 to 1e9).
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        check_planes(x_t, self.multiple())?;
        let c = self.precondition.at(sigma)?;
        let size = (x_t.width, x_t.height);
        let fill = |input: &mut Grid| input.fill_squares(0, |i| x_t.data[i] * c.c_in);
        let read = |output: &Grid| read_output(x_t, [c.c_skip, c.c_out], output);
        Ok(self.unet.call(size, &[sigma], fill, read))
    }

    /// Frees the buffers of the last call.
    pub fn release(&self) {
        self.unet.release();
    }
}

/// c_skip x_t + c_out F, each operation rounded, with the 12 channels back at their pixels.
pub(super) fn read_output(x_t: &Planes, [c_skip, c_out]: [f32; 2], output: &Grid) -> Planes {
    let (width, height) = (x_t.width, x_t.height);
    let mut x0_hat = x_t.clone();
    let rows = x0_hat.data.par_chunks_mut(width).enumerate();
    rows.for_each(|(row, values)| {
        let (plane, y) = (row / height, row % height);
        let pixels = output.row(y / 2).chunks_exact(output.channels);
        for (pair, pixel) in values.chunks_exact_mut(2).zip(pixels) {
            for (dx, x) in pair.iter_mut().enumerate() {
                let f = pixel[4 * plane + 2 * (y % 2) + dx];
                *x = c_skip * *x + c_out * f;
            }
        }
    });
    x0_hat
}

impl Denoiser for Network {
    fn is_reference(&self) -> bool {
        self.kernel().is_reference()
    }

    fn multiple(&self) -> usize {
        Network::multiple(self)
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.config().macs_per_pixel()
    }

    fn memory(&self, width: usize, height: usize) -> u64 {
        Network::memory(self, width, height)
    }

    fn kept(&self, width: usize, height: usize) -> u64 {
        activations::kept(self.config(), Part::Denoiser, width, height)
    }

    fn release(&self) {
        Network::release(self);
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.sigma_max()
    }
}

#[cfg(test)]
mod tests;
