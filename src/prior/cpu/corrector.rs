//! The corrector on the CPU: x0_hat of a state from that of an earlier one (clause 15.7).

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::Kernel;
use crate::prior::cpu::network::read_output;
use crate::prior::cpu::unet::UNet;
use crate::prior::precondition::check_planes;
use crate::prior::weights::{PICTURE_CHANNELS, Part, Weights};

/// The corrector of a prior: a small network that moves x0_hat on by the bits that came since.
///
/// After a call of the denoiser at sigma_t the layers down to sigma_s have brought
///
/// ```text
/// y = x_0 + noise of variance sigma_t^2 / g,  g = (sigma_t / sigma_s)^2 - 1
/// ```
///
/// which is independent of x_t given x_0. A Kalman filter would add its gain times the innovation
/// y - x0_hat; the gain, which is that of a picture and not of a Gaussian, is learned.
#[derive(Debug)]
pub(crate) struct Corrector {
    unet: UNet,
    /// Standard deviation of the pictures, in 8-bit levels.
    sigma_data: f64,
}

/// Noise levels of a correction in 8-bit levels: `t` of the last call, and `s` below it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correction {
    pub t: f64,
    pub s: f64,
}

impl Corrector {
    /// Packs the weights of the corrector of a file for the fastest kernel of this machine.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the file has none.
    pub fn new(weights: &Weights) -> Result<Corrector> {
        Corrector::with_kernel(weights, Kernel::best())
    }

    /// Packs the weights for a given kernel.
    ///
    /// # Errors
    /// As [`Corrector::new`]; [`Error::Unsupported`](crate::Error::Unsupported) if this machine
    /// lacks the kernel's instructions.
    pub fn with_kernel(weights: &Weights, kernel: Kernel) -> Result<Corrector> {
        Ok(Corrector {
            unet: UNet::new(weights, Part::Corrector, kernel)?,
            sigma_data: 255.0 * weights.sigma_data(),
        })
    }

    /// x0_hat of x_s, in 8-bit levels, from `[x_s, x_t, x0_hat]`, planes of one size.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the sides are not multiples of those of the
    /// network, or the planes' data has the wrong length.
    pub fn correct(&self, step: Correction, planes: [&Planes; 3]) -> Result<Planes> {
        for each in planes {
            check_planes(each, self.unet.config().multiple())?;
        }
        let [x_s, x_t, x0_hat] = planes;
        let Correction { t, s } = step;
        let g = (t / s) * (t / s) - 1.0;
        let scale = g.sqrt() / t;
        // u = (y - x0_hat) sqrt(g) / sigma_t, whose noise is 1, by its three terms.
        let [a, b, c] = [scale * (g + 1.0) / g, -scale / g, -scale].map(|v| v as f32);
        let unit = (1.0 / self.sigma_data) as f32;
        let (x_s, x_t, seen) = (&x_s.data, &x_t.data, &x0_hat.data);
        let fill = |input: &mut Grid| {
            input.fill_squares(0, |i| (a * x_s[i] + b * x_t[i]) + c * seen[i]);
            input.fill_squares(PICTURE_CHANNELS, |i| unit * seen[i]);
        };
        let gain = (g.sqrt() * t) as f32;
        let read = |output: &Grid| read_output(x0_hat, [1.0, gain], output);
        let size = (x0_hat.width, x0_hat.height);
        Ok(self.unet.call(size, &[s, g], fill, read))
    }

    /// Frees the buffers of the last call.
    pub fn release(&self) {
        self.unet.release();
    }
}

#[cfg(test)]
pub(super) mod tests;
