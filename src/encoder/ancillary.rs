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

/// Parts that are still to be written: as soon as they hardly delay the picture, and in any case
/// before the file ends.
#[derive(Clone)]
pub(crate) struct DeferredParts {
    parts: Vec<(PartName, Vec<u8>)>,
    /// Flat squares, among the parts or written.
    flat: Option<FlatSquares>,
}

impl DeferredParts {
    /// Bytes of the parts in the file.
    pub fn bytes(&self) -> usize {
        let bytes = |(_, payload): &(_, Vec<u8>)| Writer::part_bytes(payload.len());
        self.parts.iter().map(bytes).sum()
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
        if now || writer.len() >= PATIENCE * self.bytes() {
            for (name, payload) in self.parts.drain(..) {
                writer.part(name, &payload);
            }
        }
    }
}

/// Writes the colour profile and alpha, which stand before the first layer. Returns the other
/// parts.
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
    if let Some(alpha) = picture.alpha() {
        write_alpha(writer, picture, alpha);
    }
    Ok(DeferredParts { parts, flat: None })
}

/// Writes alpha without loss. Of 16 bits the high bytes come first, then the low ones unless all
/// equal the high ones.
fn write_alpha(writer: &mut Writer, picture: &Picture, alpha: &Samples) {
    let (width, height) = (picture.width(), picture.height());
    // Opaque takes no byte: a decoder takes alpha that has not come as opaque.
    let code_high = |high: &[u8]| match high.iter().all(|&v| v == u8::MAX) {
        true => Vec::new(),
        false => entropy::encode_alpha(width, height, high),
    };
    match alpha {
        Samples::Eight(alpha) => writer.part(PartName::ALPHA, &code_high(alpha)),
        Samples::Sixteen(alpha) => {
            let high: Vec<u8> = alpha.iter().map(|v| (v >> 8) as u8).collect();
            writer.part(PartName::ALPHA, &code_high(&high));
            let low = entropy::encode_alpha_low(width, height, alpha);
            if !low.is_empty() {
                writer.part(PartName::ALPHA_LOW, &low);
            }
        }
    }
}
