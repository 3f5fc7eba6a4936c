//! The picture to be encoded, as it is and as the chain sees it.

use std::borrow::Cow;

use crate::container::{PartName, Writer};
use crate::entropy::{FlatSquares, Layout, SIDES};
use crate::pixels::picture::Picture;
use crate::pixels::range::SampleRange;

/// Part of a file that flat squares may take. A few bytes may be a larger part.
const FLAT_SHARE: usize = 16;
const FEW: usize = 48;
const FEW_SHARE: usize = 8;

/// Least share of the squares that are flat.
const LEAST_FLAT: f64 = 0.125;

/// Flat squares and their payload.
#[derive(Clone)]
pub(crate) struct Flat {
    pub squares: FlatSquares,
    pub payload: Vec<u8>,
}

impl Flat {
    /// True if a file of so many bytes has room for them.
    pub fn fits(&self, bytes: usize) -> bool {
        let most = (bytes / FLAT_SHARE).max(FEW.min(bytes / FEW_SHARE));
        Writer::part_bytes(self.payload.len()) <= most
    }
}

/// A picture, and what it is stretched to where it uses a small range of 16 bits.
pub(crate) struct Source<'r> {
    pub picture: &'r Picture,
    range: Option<SampleRange>,
    stretched: Cow<'r, Picture>,
}

impl<'r> Source<'r> {
    pub fn new(picture: &'r Picture) -> Self {
        let range = SampleRange::of(picture);
        Source {
            picture,
            range,
            stretched: match range {
                Some(range) => Cow::Owned(picture.stretched(range)),
                None => Cow::Borrowed(picture),
            },
        }
    }

    /// The picture that the chain sees.
    pub fn stretched(&self) -> &Picture {
        &self.stretched
    }

    /// The PSNR in dB of the picture beyond that of the one that the chain sees.
    pub fn gain(&self) -> f64 {
        self.range
            .map_or(0.0, |range| -20.0 * range.share().log10())
    }

    /// The layout of the exact samples.
    pub fn layout(&self) -> Layout {
        let layout = Layout::of(&self.picture.form());
        Layout {
            range: self.range.map_or(layout.range, SampleRange::ends),
            ..layout
        }
    }

    /// Writes the range, which stands before the first layer.
    pub fn write_range(&self, writer: &mut Writer) {
        if let Some(range) = self.range {
            writer.part(PartName::RANGE, &range.write());
        }
    }

    /// Flat squares of the picture, the smallest first, as far as there are many.
    pub fn flat(&self) -> Vec<Flat> {
        let layout = Layout::of(&self.picture.form());
        let fetch = |y: usize, row: &mut [u16]| self.picture.read_row(y, row);
        SIDES
            .map(|side| FlatSquares::of(layout, side, fetch))
            .take_while(|squares| squares.share() >= LEAST_FLAT)
            .map(|squares| Flat {
                payload: squares.write(),
                squares,
            })
            .collect()
    }

    /// The picture that a decoder shows of `shown`, which is as the chain sees it.
    pub fn displayed(&self, mut shown: Picture, flat: Option<&FlatSquares>) -> Picture {
        if let Some(range) = self.range {
            shown.squeeze(range);
        }
        if let Some(flat) = flat {
            shown.each_row(|y, row| flat.lay(y, row));
        }
        shown
    }
}
