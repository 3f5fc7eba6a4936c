//! The parts that stand beside the layers: alpha and metadata.

use crate::container::metadata::Metadata;
use crate::container::{PartName, Writer};
use crate::encoder::source::Flat;
use crate::entropy::{self, FlatSquares};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

/// Metadata that the picture does not need is written once the file is this many times its size.
const PATIENCE: usize = 8;

/// Alpha is written once it is at most this many times as long as the file so far: a first picture
/// comes before it, and little of what is shown is opaque for want of it.
const ALPHA_PATIENCE: usize = 16;

/// A part by its name and its payload.
type Part = (PartName, Vec<u8>);

/// Parts that are still to be written: as soon as they hardly delay the picture, and in any case
/// before the file ends.
#[derive(Clone)]
pub(crate) struct DeferredParts {
    alpha: Vec<Part>,
    parts: Vec<Part>,
    /// Flat squares, among the parts or written.
    flat: Option<FlatSquares>,
}

impl DeferredParts {
    /// Bytes of the parts in the file.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.alpha) + bytes_of(&self.parts)
    }

    /// Adds the part of flat squares.
    pub fn add_flat(&mut self, flat: &Flat) {
        self.parts.push((PartName::FLAT, flat.payload.clone()));
        self.flat = Some(flat.squares.clone());
    }

    /// The flat squares of the file.
    pub fn flat(&self) -> Option<&FlatSquares> {
        self.flat.as_ref()
    }

    /// Writes the parts between two layers, if the file is long enough or they have to come `now`.
    pub fn write(&mut self, writer: &mut Writer, now: bool) {
        self.write_alpha(writer, now);
        if now || writer.len() >= PATIENCE * bytes_of(&self.parts) {
            write_all(&mut self.parts, writer);
        }
    }

    /// Writes the parts of alpha, if the file is long enough or they have to come `now`.
    pub fn write_alpha(&mut self, writer: &mut Writer, now: bool) {
        if now || ALPHA_PATIENCE * writer.len() >= bytes_of(&self.alpha) {
            write_all(&mut self.alpha, writer);
        }
    }
}

/// Bytes of the parts in a file.
fn bytes_of(parts: &[Part]) -> usize {
    let bytes = |(_, payload): &Part| Writer::part_bytes(payload.len());
    parts.iter().map(bytes).sum()
}

/// Writes the parts, of which none are left.
fn write_all(parts: &mut Vec<Part>, writer: &mut Writer) {
    for (name, payload) in parts.drain(..) {
        writer.part(name, &payload);
    }
}

/// Writes the colour profile, which stands before the first layer, and alpha if it is short.
/// Returns the other parts.
///
/// # Errors
/// [`Error::Limits`](crate::Error::Limits) for metadata that no file can hold.
pub(crate) fn begin(
    writer: &mut Writer,
    picture: &Picture,
    metadata: &Metadata,
) -> Result<DeferredParts> {
    let mut parts = metadata.parts()?;
    if let Some(at) = parts.iter().position(|p| p.0 == PartName::ICC) {
        let (name, payload) = parts.remove(at);
        writer.part(name, &payload);
    }
    let mut deferred = DeferredParts {
        alpha: picture
            .alpha()
            .map_or(Vec::new(), |alpha| alpha_parts(picture, alpha)),
        parts,
        flat: None,
    };
    deferred.write_alpha(writer, false);
    Ok(deferred)
}

/// The parts of alpha, which is coded without loss. Of 16 bits the high bytes come first, then the
/// low ones unless all equal the high ones.
fn alpha_parts(picture: &Picture, alpha: &Samples) -> Vec<Part> {
    let (width, height) = (picture.width(), picture.height());
    // Opaque takes no byte: a decoder takes alpha that has not come as opaque.
    let code_high = |high: &[u8]| match high.iter().all(|&v| v == u8::MAX) {
        true => Vec::new(),
        false => entropy::encode_alpha(width, height, high),
    };
    match alpha {
        Samples::Eight(alpha) => vec![(PartName::ALPHA, code_high(alpha))],
        Samples::Sixteen(alpha) => {
            let high: Vec<u8> = alpha.iter().map(|v| (v >> 8) as u8).collect();
            let low = entropy::encode_alpha_low(width, height, alpha);
            let low = Some((PartName::ALPHA_LOW, low)).filter(|(_, low)| !low.is_empty());
            let high = (PartName::ALPHA, code_high(&high));
            std::iter::once(high).chain(low).collect()
        }
    }
}
