//! Interface of a network that serves as a prior.

use std::sync::Arc;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::on_device::DeviceDenoiser;

/// A denoiser: the mean of x_0 given x_t = x_0 + sigma n, in 8-bit levels.
pub trait Denoiser: Send + Sync {
    /// Number of which both sides of the planes are multiples.
    fn multiple(&self) -> usize;

    /// True if every machine gets the bits of the reference arithmetic (`codec-spec/format.md`,
    /// clause 15.5). The exact end of a lossless file rests on them. False unless it is known.
    fn is_reference(&self) -> bool {
        false
    }

    /// E\[x_0 | x_t\] for noise of `sigma` 8-bit levels, planes of the size of `x_t`.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the network fails;
    /// [`Error::Denoiser`](crate::Error::Denoiser) for an error of a type of your own;
    /// [`Error::Parameter`](crate::Error::Parameter) for planes or a noise level that it does not
    /// take.
    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes>;

    /// Multiply-accumulates of one call for each pixel; 0 if unknown. [`Timings`](crate::Timings)
    /// report them.
    fn macs_per_pixel(&self) -> f64 {
        0.0
    }

    /// Bytes that a call on planes of `width` x `height` takes besides them, and keeps; 0 if
    /// unknown. Estimates of peak memory add them up.
    fn memory(&self, width: usize, height: usize) -> u64 {
        let _ = (width, height);
        0
    }

    /// Bytes of [`Denoiser::memory`] that stay after [`Denoiser::release`].
    fn kept(&self, width: usize, height: usize) -> u64 {
        let _ = (width, height);
        self.memory(0, 0)
    }

    /// Frees all memory that is kept from one call to the next.
    fn release(&self) {}

    /// Longest side of the planes of one call; larger pictures run in overlapping tiles. `None` for
    /// the usual 1024.
    fn tile_side(&self) -> Option<usize> {
        None
    }

    /// True if mirrored and turned pictures are denoised as well as upright ones, so that an
    /// average over orientations is certainly better.
    fn any_orientation(&self) -> bool {
        true
    }

    /// Highest noise level in 8-bit levels at which a picture of `width` x `height` is denoised in
    /// full size. Above it the picture is reduced first.
    fn highest_sigma(&self, width: usize, height: usize) -> f64 {
        let _ = (width, height);
        FINEST
    }

    /// This network, where its device can keep x_t from one call to the next.
    #[doc(hidden)]
    fn on_device(self: Arc<Self>) -> Option<Arc<dyn DeviceDenoiser>> {
        None
    }
}

/// Lowest noise level that is coded, in 8-bit levels. The shipped priors are trained from here
/// upwards.
pub const LOWEST_SIGMA: f64 = 1.5;

/// Highest noise level that most networks see, in 8-bit levels. Above it the picture is reduced
/// first.
pub(crate) const FINEST: f64 = 256.0;
