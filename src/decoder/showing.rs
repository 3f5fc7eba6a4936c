//! The picture of planes: the form of the file, the range of its samples, and its flat squares.

use crate::codes::BitDepth;
use crate::container::{Header, PartName};
use crate::entropy::{FlatSquares, Layout};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::pixels::range::SampleRange;
use crate::pixels::samples::Samples;

/// Parts that say how planes are shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Showing {
    range: Option<SampleRange>,
    /// The first usable ones of the file.
    flat: Option<FlatSquares>,
}

impl Showing {
    /// Takes a whole part. Other parts have no effect.
    pub fn take(&mut self, header: &Header, name: PartName, payload: &[u8]) {
        match name {
            PartName::RANGE => self.range = SampleRange::read(payload),
            PartName::FLAT if self.flat.is_none() => {
                self.flat = FlatSquares::read(Layout::of(&header.form), payload);
            }
            _ => {}
        }
    }

    /// The layout of the exact samples.
    pub fn layout(&self, header: &Header) -> Layout {
        let layout = Layout::of(&header.form);
        Layout {
            range: self.range.map_or(layout.range, SampleRange::ends),
            ..layout
        }
    }

    /// The picture of planes of the size of a file with this header.
    ///
    /// # Errors
    /// Those of [`Picture::from_planes`].
    pub fn picture(
        &self,
        header: &Header,
        x0_hat: &Planes,
        alpha: Option<Samples>,
    ) -> Result<Picture> {
        let form = &header.form;
        let mut picture = self.reduced(header, x0_hat, (form.width, form.height), alpha)?;
        if let Some(flat) = &self.flat {
            picture.each_row(|y, row| flat.lay(y, row));
        }
        Ok(picture)
    }

    /// The picture of smaller planes, in which squares have no place.
    ///
    /// # Errors
    /// Those of [`Picture::from_planes`].
    pub fn reduced(
        &self,
        header: &Header,
        x0_hat: &Planes,
        (width, height): (u32, u32),
        alpha: Option<Samples>,
    ) -> Result<Picture> {
        let (colour, depth) = (header.form.colour, header.form.depth);
        let mut picture = Picture::from_planes(x0_hat, width, height, colour, depth, alpha)?;
        if let (BitDepth::Sixteen, Some(range)) = (depth, self.range) {
            picture.squeeze(range);
        }
        Ok(picture)
    }
}
