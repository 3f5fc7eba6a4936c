//! The file: signature, header, parts, layers and checks (see `codec-spec/format.md`). Integers only.

mod allotment;
mod header;
mod parse;
mod places;
#[cfg(test)]
mod tests;
mod varint;
mod write;

pub(crate) use allotment::CHANGE;
pub use allotment::{Allotment, BANDS};
pub use parse::{Event, Parser};
pub use write::Writer;

use std::fmt;

/// The first three bytes of every file.
pub const SIGNATURE: [u8; 3] = [0x89, b'D', b'F'];

/// The version of the format that this crate writes and reads.
pub const VERSION: u8 = 1;

/// The tag of the end marker.
pub(crate) const TAG_END: u8 = 0x00;
/// A layer's tag is this plus the distance of its noise level from the one before, in grid steps (1..=127).
pub(crate) const TAG_LAYER: u8 = 0x80;

/// The most grid steps that a layer may go down.
pub const MAX_DELTA: u16 = 127;

/// The largest side of a picture.
pub const MAX_SIDE: u32 = 1 << 20;

/// The largest code of a noise level; with distinct levels it also bounds the number of layers.
pub const MAX_SIGMA: u16 = 400;

/// The most bytes of one metadata part, as stored and as unpacked.
pub const MAX_METADATA: u64 = 1 << 24;

/// The trellises of version 1, by their state bits.
pub const TRELLISES: [u8; 3] = [12, 14, 16];

/// The most bytes that a file goes on without a check in front of a layer.
const UNCHECKED: u64 = 1024;

/// Which prior a file needs: the first four bytes of the SHA-256 of its weights file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PriorId(pub [u8; 4]);

impl fmt::Display for PriorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Everything that comes before the first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Columns, 1..=[`MAX_SIDE`].
    pub width: u32,
    /// Rows, 1..=[`MAX_SIDE`].
    pub height: u32,
    /// Whether there are three samples a pixel; otherwise grey, the mean of the three planes.
    pub rgb: bool,
    /// Whether an alpha part follows.
    pub alpha: bool,
    /// Whether samples have 16 bits; otherwise 8.
    pub deep: bool,
    /// The weights that the decoder needs.
    pub prior: PriorId,
    /// The seed of the shared noise.
    pub seed: u64,
    /// State bits of the trellis: 12, 14 or 16.
    pub nu: u8,
    /// The sigma code from which the first layer counts down; even.
    pub start: u16,
    /// Whether the stages of layers are dealt out to bands.
    pub banded: bool,
}

impl Header {
    /// Columns and rows of the coded planes: at least 16 each.
    pub fn coded_size(&self) -> (usize, usize) {
        (self.width.max(16) as usize, self.height.max(16) as usize)
    }

    /// D, the number of coded values; up to 3 * 2^40, so it may not fit the memory that the caller has.
    pub fn coded_len(&self) -> u64 {
        let (w, h) = self.coded_size();
        3 * w as u64 * h as u64
    }

    /// Bytes of the colour samples as they are.
    pub fn raw_bytes(&self) -> u64 {
        let samples = u64::from(self.width) * u64::from(self.height) * if self.rgb { 3 } else { 1 };
        samples * if self.deep { 2 } else { 1 }
    }

    /// Bytes of the header in a file, its check included.
    pub fn file_bytes(&self) -> usize {
        Writer::new(self).len()
    }

    /// Bytes of a file of `bpp` bits per pixel of this picture.
    pub fn bytes_at(&self, bpp: f64) -> u64 {
        (bpp * f64::from(self.width) * f64::from(self.height) / 8.0) as u64
    }
}

/// The head of one layer: a step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its number, from 0.
    pub index: u32,
    /// Code of sigma_s, where the step ends.
    pub sigma: u16,
    /// T, the stages of its trellis; four bits each.
    pub stages: u32,
    /// How they are allotted to the bands; without meaning in a file without.
    pub allotment: Allotment,
    /// Offset of its tag in the file.
    pub offset: u64,
}

impl Layer {
    /// Bytes of the head of a layer of `stages` stages, behind `unchecked` bytes since the last check, its own included if it
    /// has one; `change` tells, of a file with bands, whether it changes the allotment.
    pub fn head_bytes(unchecked: u64, stages: u32, change: Option<bool>) -> usize {
        let number = Self::number(stages, change);
        let bits = 64 - (number | 1).leading_zeros();
        let mut head = 1 + bits.div_ceil(7) as usize;
        if change == Some(true) {
            head += Allotment::BYTES;
        }
        match is_checked(unchecked + head as u64) {
            true => head + 2,
            false => head,
        }
    }

    /// The number that stands for `stages` in a file: with bands twice that, and one more if the allotment changes.
    pub(crate) fn number(stages: u32, change: Option<bool>) -> u64 {
        match change {
            None => stages.into(),
            Some(change) => 2 * u64::from(stages) + u64::from(change),
        }
    }

    /// The stages and the allotment that the bytes behind a tag tell, where the allotment was `before`, and how many bytes do.
    fn read(
        bytes: &[u8],
        banded: bool,
        before: Allotment,
    ) -> Result<(u64, Allotment, usize), varint::Fault> {
        let (number, n) = varint::read(bytes)?;
        if !banded || number & 1 == 0 {
            return Ok((number >> u32::from(banded), before, n));
        }
        let change = bytes[n..].first_chunk().ok_or(varint::Fault::Short)?;
        Ok((number >> 1, before.changed(*change), n + change.len()))
    }

    /// Bytes of trellis bits of the whole layer.
    pub fn body_bytes(&self) -> usize {
        (self.stages as usize).div_ceil(2)
    }
}

/// The name of a part: four ASCII letters. An upper-case first letter means that decoders which do not know the part must
/// refuse the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartName(pub [u8; 4]);

impl PartName {
    /// The alpha plane or its high bytes, coded by [`crate::entropy`].
    pub const ALPHA: PartName = PartName(*b"ALPH");
    /// The low bytes of an alpha plane of 16 bits, coded by [`crate::entropy`].
    pub const ALPHA_LOW: PartName = PartName(*b"ALPL");
    /// An ICC profile.
    pub const ICC: PartName = PartName(*b"iccp");
    /// EXIF metadata, from its byte order mark on.
    pub const EXIF: PartName = PartName(*b"exif");
    /// An XMP packet.
    pub const XMP: PartName = PartName(*b"xmpp");

    /// The exact samples behind the last layer, coded by [`crate::entropy`].
    pub const EXACT: PartName = PartName(*b"rest");

    /// Whether a decoder that does not know the part must refuse the file.
    pub fn is_critical(self) -> bool {
        self.0[0].is_ascii_uppercase()
    }

    /// The most bytes of such a part that are kept, where those of `alpha` are the most that alpha takes.
    pub(crate) fn most(self, alpha: u64) -> u64 {
        match self.is_metadata() {
            true => MAX_METADATA,
            false => alpha,
        }
    }

    /// What the part holds, in words.
    pub fn holds(self) -> &'static str {
        match self {
            Self::ALPHA => "alpha",
            Self::EXACT => "exact samples",
            Self::ALPHA_LOW => "low bytes of alpha",
            Self::ICC => "ICC profile",
            Self::EXIF => "EXIF",
            Self::XMP => "XMP",
            _ => "unknown",
        }
    }

    /// Whether the part holds metadata that has a limit of its own, [`MAX_METADATA`].
    pub fn is_metadata(self) -> bool {
        [Self::ICC, Self::EXIF, Self::XMP].contains(&self)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Whether a check follows the head of a layer that ends `bytes` behind the check before.
pub(crate) fn is_checked(bytes: u64) -> bool {
    bytes >= UNCHECKED
}

/// The check that closes a stretch of the file: the low 16 bits of the CRC-32 of all bytes since the check before.
pub(crate) fn check(crc: &crc32fast::Hasher) -> [u8; 2] {
    (crc.clone().finalize() as u16).to_le_bytes()
}
