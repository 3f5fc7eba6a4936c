//! A finished file, and the measures of its layers.

use crate::analysis::map::Map;
use crate::container::Layer;
use crate::pixels::picture::Picture;
use crate::timings::Timings;

/// Measures of a layer that was written.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer as it stands in the file.
    pub layer: Layer,
    /// KL( q(x_s|x_t,x_0) || p(x_s|x_t) ) of the step in bits, the ideal cost under a p of one
    /// variance. With an [`Interest`](crate::Interest) it is that of the shift sent. Bands have
    /// variances of their own and can cost less.
    pub kl_bits: f64,
    /// Trellis bits of the layer in the file.
    pub bits: u64,
    /// The share of the shift m that a whole layer delivers: <m, z> / |m|^2, near 1.
    pub delivered: Option<f64>,
    /// RGB PSNR in dB of the picture shown before this layer.
    pub psnr_before: f64,
    /// Offset in bytes of the end of the layer in the file.
    pub end: u64,
}

/// A finished file, and the measures that the encoder took on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The layers in order.
    pub layers: Vec<LayerReport>,
    /// Bytes of the part with the exact samples, for [`Target::Lossless`](crate::Target::Lossless).
    pub exact_bytes: Option<u64>,
    /// True if the target was met, false if the lowest noise level came first.
    pub target_met: bool,
    /// Picture that a receiver of the file shows by [`Display::PLAIN`](crate::Display::PLAIN), from
    /// the encoder's own chain. None unless [`Encoder::reconstruct`](crate::Encoder::reconstruct)
    /// asks for it.
    pub reconstruction: Option<Picture>,
    /// The ideal cost of all layers by pixel, in bits: |m|^2 / (2 ln 2), summed over layers and
    /// colour planes. Its sum is that of [`LayerReport::kl_bits`]. None unless
    /// [`Encoder::map`](crate::Encoder::map) asks for it.
    pub map: Option<Map>,
    /// The time that each part of the work took.
    pub timings: Timings,
}
