//! What a network has to be to serve as a prior.

use std::sync::Arc;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::on_device::DeviceDenoiser;

/// A denoiser: the mean of x_0 given x_t = x_0 + sigma n.
pub trait Denoiser: Send + Sync {
    /// The number that the sides of the planes must be multiples of.
    fn multiple(&self) -> usize;

    /// Whether every machine gets the same bits as the reference arithmetic of `codec-spec/format.md`, clause 15.5, which
    /// the exact end of a lossless file rests on. False unless it is known.
    fn is_reference(&self) -> bool {
        false
    }

    /// E[x_0 | x_t] for noise of `sigma` 8-bit levels.
    ///
    /// Errors: [`Error::Backend`](crate::Error::Backend) if the tensor library fails.
    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes>;

    /// Multiply-accumulates of one call for each pixel; 0 if unknown. Only [`Timings`](crate::Timings) ask.
    fn macs_per_pixel(&self) -> f64 {
        0.0
    }

    /// Bytes that a call on planes of `width` x `height` takes besides them and keeps; 0 if unknown. Only the estimates
    /// of peak memory ask.
    fn memory(&self, width: usize, height: usize) -> u64 {
        let _ = (width, height);
        0
    }

    /// Frees what is kept from one call to the next, if anything is.
    fn release(&self) {}

    /// The longest side that one call is given; larger pictures run in overlapping tiles. `None` for the usual 1024.
    fn tile_side(&self) -> Option<usize> {
        None
    }

    /// Whether it knows pictures that are mirrored or lie on a side as well as upright ones, so that averages over orientations
    /// are better without a doubt.
    fn any_orientation(&self) -> bool {
        true
    }

    /// The highest noise level at which a picture of `width` x `height` is not reduced first, in 8-bit levels.
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

/// The lowest noise level in 8-bit levels that is coded: the shipped priors are trained from here upwards.
pub const LOWEST_SIGMA: f64 = 1.5;

/// The highest noise level in 8-bit levels that most networks see; above it, the picture is reduced first.
pub(crate) const FINEST: f64 = 256.0;
