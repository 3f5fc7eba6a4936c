//! A decoded picture, and the bytes that it was made from.

use crate::container::metadata::Metadata;
use crate::pixels::picture::Picture;
use crate::timings::Timings;

/// Exact share of a decoded picture. An exact sample equals the one that was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Exact {
    /// Nothing: the file has no exact part, or its bytes have not come.
    #[default]
    None,
    /// This number of rows from the top, at least 1.
    Rows(u32),
    /// All of it, as its check proves.
    All,
    /// Nothing, although the file is exact: this decoder's network is not the reference arithmetic
    /// (see [`Denoiser::is_reference`]), or the check does not fit. The lossy picture is shown.
    ///
    /// [`Denoiser::is_reference`]: crate::prior::Denoiser::is_reference
    Unusable,
}

/// The bytes that a decoded picture was made from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Coverage {
    /// Number of whole layers.
    pub layers: u32,
    /// Share of the next layer that had arrived, 0..1.
    pub partial: f64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Noise level of the state that was shown, in 8-bit levels. None before the first layer.
    pub sigma: Option<f64>,
    /// True if the end marker was reached.
    pub complete: bool,
    /// Share of the picture that is exact.
    pub exact: Exact,
    /// True if a part of a layer had arrived and is not shown, to save memory. See
    /// [`Decoder::max_memory`](crate::Decoder::max_memory).
    pub partial_layer_skipped: bool,
}

/// A picture and the bytes it was made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decoded {
    /// The picture, in the form of the file's header. Thumbnails are smaller.
    pub picture: Picture,
    /// Metadata of the file, as far as it has come.
    pub metadata: Metadata,
    /// The bytes that the picture shows.
    pub coverage: Coverage,
    /// The time that each part of the work took, since the first byte.
    pub timings: Timings,
}
