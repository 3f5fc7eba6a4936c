//! State of the chain in the memory of the device that runs the network, and the plain numbers that
//! the device needs to take steps by itself: it knows neither the channel nor its random source.

use std::sync::Arc;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::tiling::Tiling;

/// Rotation of one part of the values, as the receiver undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartRotation {
    /// Number of the part's first position in the shared stream. Positions of all parts follow each
    /// other.
    pub base: usize,
    /// D_g; 0 for a part without values.
    pub len: usize,
    /// Values of a line, a power of two.
    pub width: usize,
    /// Permuted lines, at least one. Values after the last line stay in their places.
    pub lines: usize,
    /// Line i is at position i * inverse mod lines.
    pub inverse: usize,
}

/// First value of one scale of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandStart {
    /// Index of the part.
    pub part: usize,
    /// Number of the value in the part.
    pub first: usize,
}

/// Places of all bands.
#[derive(Debug, Clone, PartialEq)]
pub struct BandLayout {
    /// Averages of the coarsest scale, of the three colours.
    pub averages: [BandStart; 3],
    /// Details of each scale, from the finest; one scale at least.
    pub details: Vec<[BandStart; 3]>,
    /// Factors of each colour for r, g, b.
    pub colours: [[f64; 3]; 3],
}

/// Places of the transformed values of planes of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Parts, one after the other.
    pub parts: Vec<PartRotation>,
    /// Bands; none where one part holds all values.
    pub bands: Option<BandLayout>,
}

#[cfg(feature = "cuda")]
impl Geometry {
    /// Number of scales.
    pub fn levels(&self) -> usize {
        self.bands.as_ref().map_or(0, |b| b.details.len())
    }
}

/// Signs of a part of a layer.
#[derive(Debug, Clone, Copy)]
pub struct PartSigns<'a> {
    /// Codewords of its stages, at least one.
    pub codewords: &'a [u16],
    /// Factor of the signs.
    pub amplitude: f64,
}

/// A step x <- x0_hat + rho (x - x0_hat) + std z, and the signs that z is made of.
#[derive(Debug, Clone)]
pub struct StepUpdate<'a> {
    /// rho.
    pub rho: f64,
    /// std, in levels.
    pub std: f64,
    /// Key of the layer's stream.
    pub key: u64,
    /// nu of the trellis.
    pub nu: u32,
    /// Signs of each part.
    pub parts: Vec<PartSigns<'a>>,
}

/// A network whose device can keep x_t.
pub trait DeviceDenoiser: Send + Sync {
    /// Allocates x_t on the device, which the network will see in tiles of `tiling`. None where the
    /// device has no room.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails.
    fn state(
        self: Arc<Self>,
        geometry: &Geometry,
        tiling: Tiling,
    ) -> Result<Option<Box<dyn DeviceState>>>;
}

/// x_t on a device. Its values are undefined before [`DeviceState::start`] or
/// [`DeviceState::upload`].
///
/// # Errors
/// All functions: [`Error::Backend`](crate::Error::Backend) if the device fails.
pub trait DeviceState: Send + Sync {
    /// Sets x_t and x0_hat to zero, as they are at the start of the chain.
    fn start(&mut self) -> Result<()>;

    /// Copies x_t to the device.
    fn upload(&mut self, x_t: &Planes) -> Result<()>;

    /// Copies x_t from the device to planes of its size.
    fn download(&self, x_t: &mut Planes) -> Result<()>;

    /// Begins to predict x0_hat from averages of x_t over boxes of `f` x `f`, whose noise is of
    /// `sigma` levels. Returns the number of pixels that the network sees.
    fn predict(&mut self, f: usize, sigma: f64) -> Result<usize>;

    /// Waits until the device has done all that was begun.
    fn wait(&self) -> Result<()>;

    /// Copies the last prediction from the device.
    fn x0_hat(&self) -> Result<Planes>;

    /// Takes a step by the last prediction.
    fn advance(&mut self, update: &StepUpdate) -> Result<()>;
}
