//! The chain's state in the memory of the device that runs the network: what it has to know to walk there by itself.
//!
//! Plain numbers, for the device knows neither the channel nor its random source.

use std::sync::Arc;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::Prior;
use crate::prior::tiling::Tiling;
use crate::timings::{Meter, Part};

/// The rotation of one part of the values, as the receiver undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The number of the first position in the shared stream, and among those of all parts.
    pub base: usize,
    /// D_g; 0 for a part without values.
    pub len: usize,
    /// Values of a line, a power of two.
    pub width: usize,
    /// How many lines are permuted, at least one; the values behind them are in their places.
    pub lines: usize,
    /// Line i is at position i * inverse mod lines.
    pub inverse: usize,
}

/// Where a scale of a colour lies: in a part, from one of its values on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The part.
    pub part: usize,
    /// The number of the first value in it.
    pub first: usize,
}

/// The places of all bands.
#[derive(Debug, Clone, PartialEq)]
pub struct Scales {
    /// The averages of the coarsest scale, of the three colours.
    pub averages: [Place; 3],
    /// The details of each scale, from the finest; one scale at least.
    pub details: Vec<[Place; 3]>,
    /// The factors of each colour for r, g, b.
    pub colours: [[f64; 3]; 3],
}

/// How the values of planes of one size are mixed.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The parts, one behind the other.
    pub parts: Vec<Turn>,
    /// The bands; none where one part holds all values.
    pub scales: Option<Scales>,
}

#[cfg(feature = "cuda")]
impl Geometry {
    /// The number of scales.
    pub fn levels(&self) -> usize {
        self.scales.as_ref().map_or(0, |s| s.details.len())
    }
}

/// The signs of a part of a layer.
#[derive(Debug, Clone, Copy)]
pub struct PartSigns<'a> {
    /// The codewords of its stages, at least one.
    pub codewords: &'a [u16],
    /// What the signs are multiplied by.
    pub amplitude: f64,
}

/// A step x <- x0_hat + rho (x - x0_hat) + std z, and the signs that z is made of.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// rho.
    pub rho: f64,
    /// std, in levels.
    pub std: f64,
    /// The key of the layer's stream.
    pub key: u64,
    /// nu of the trellis.
    pub nu: u32,
    /// Each part.
    pub parts: Vec<PartSigns<'a>>,
}

/// A network whose device can keep x_t.
pub trait Resident: Send + Sync {
    /// Makes place for x_t on the device; the network shall see it in tiles. None where the device has no room.
    ///
    /// Errors: [`Error::Backend`](crate::Error::Backend) if the device fails.
    fn reside(
        self: Arc<Self>,
        geometry: &Geometry,
        tiling: Tiling,
    ) -> Result<Option<Box<dyn State>>>;
}

/// x_t on a device. Its values are not defined before [`State::start`] or [`State::upload`].
///
/// Errors of all functions: [`Error::Backend`](crate::Error::Backend) if the device fails.
pub trait State: Send + Sync {
    /// Makes x_t and x0_hat zero, as they are at the start of the chain.
    fn start(&mut self) -> Result<()>;

    /// Takes x_t over.
    fn upload(&mut self, x_t: &Planes) -> Result<()>;

    /// Writes x_t to planes of the same size.
    fn download(&self, x_t: &mut Planes) -> Result<()>;

    /// Begins to predict x0_hat from averages of x_t over boxes of `f` x `f` whose noise is of `sigma` levels; returns the pixels that
    /// the network sees.
    fn predict(&mut self, f: usize, sigma: f64) -> Result<usize>;

    /// Waits for the end of what was begun.
    fn wait(&self) -> Result<()>;

    /// The last prediction.
    fn x0_hat(&self) -> Result<Planes>;

    /// Takes a step by the last prediction.
    fn advance(&mut self, to: &Move) -> Result<()>;
}

impl Prior {
    /// Makes place for x_t of this geometry on the network's device; none if the device has no part in it.
    pub(crate) fn reside(&self, geometry: &Geometry) -> Result<Option<Box<dyn State>>> {
        match self.denoiser.clone().resident() {
            Some(network) => network.reside(geometry, self.tiling()),
            None => Ok(None),
        }
    }

    /// Whether the network's device may keep x_t.
    pub(crate) fn is_resident(&self) -> bool {
        self.denoiser.clone().resident().is_some()
    }

    /// The prediction from an x_t of `size` on the device, columns and rows, timed; `meanwhile` is done while the device works.
    pub(crate) fn predict_there<T>(
        &self,
        state: &mut dyn State,
        size: (usize, usize),
        sigma: f64,
        meter: &Meter,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<T> {
        let f = self.factor(size, sigma);
        let sigma = sigma / f as f64;
        let pixels = meter.time(Part::Network, || state.predict(f, sigma))?;
        let done = meanwhile();
        meter.time(Part::Network, || state.wait())?;
        meter.count_call(self.denoiser.macs_per_pixel() * pixels as f64);
        Ok(done)
    }
}
