//! Samples as a TIFF packs them.

use dcodec::{BitDepth, Samples};

/// Samples as they are packed.
pub struct Raw {
    pub bits: usize,
    pub width: usize,
    pub height: usize,
    pub samples: usize,
    pub planar: bool,
    /// Columns and rows of YCbCr pixels that share their Cb and Cr: they stand together, Y before
    /// the two.
    pub units: Option<[usize; 2]>,
    pub values: Values,
}

pub enum Values {
    /// Samples of 8 bits, or rows of others that begin with whole bytes.
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Raw {
    /// True if all samples are there.
    pub fn is_whole(&self) -> bool {
        let planes = if self.planar { self.samples } else { 1 };
        let have = match &self.values {
            Values::Bytes(v) => v.len(),
            Values::Words(v) => 2 * v.len(),
        };
        let rows = match self.units {
            Some([_, v]) => self.height.div_ceil(v),
            None => self.height,
        };
        have >= planes * rows * self.row_bytes()
    }

    /// Bytes of a row of samples, or of units.
    fn row_bytes(&self) -> usize {
        if let Some([h, v]) = self.units {
            return self.width.div_ceil(h) * (h * v + 2);
        }
        let samples = if self.planar { 1 } else { self.samples };
        (self.width * samples * self.bits).div_ceil(8)
    }

    /// Offset of sample `c` of pixel `i` among units.
    fn in_units(&self, i: usize, c: usize, [h, v]: [usize; 2]) -> usize {
        let (x, y) = (i % self.width, i / self.width);
        let unit = y / v * self.row_bytes() + x / h * (h * v + 2);
        match c {
            0 => unit + y % v * h + x % h,
            c => unit + h * v + c - 1,
        }
    }

    /// Sample `c` of pixel `i`.
    pub fn at(&self, i: usize, c: usize) -> u16 {
        let index = match (self.units, self.planar) {
            (Some(units), _) => self.in_units(i, c, units),
            (_, true) => c * self.width * self.height + i,
            (_, false) => i * self.samples + c,
        };
        match (&self.values, self.bits) {
            (Values::Words(v), _) => v[index],
            (Values::Bytes(v), 8) => v[index].into(),
            (Values::Bytes(v), bits) => {
                let (x, y) = (i % self.width, i / self.width);
                let (row, column) = match self.planar {
                    true => (c * self.height + y, x),
                    false => (y, x * self.samples + c),
                };
                let start = row * self.row_bytes() + column * bits / 8;
                let three = [0, 1, 2].map(|k| u32::from(v.get(start + k).copied().unwrap_or(0)));
                let window = (three[0] << 16) | (three[1] << 8) | three[2];
                let shift = 24 - bits - column * bits % 8;
                (window >> shift) as u16 & ((1u32 << bits) - 1) as u16
            }
        }
    }

    /// Sample `c` of pixel `i` in this depth.
    pub fn scaled(&self, i: usize, c: usize, depth: BitDepth) -> u16 {
        let (value, from) = (u32::from(self.at(i, c)), (1u32 << self.bits) - 1);
        ((value * u32::from(depth.max()) + from / 2) / from) as u16
    }

    pub fn plane(&self, c: usize, depth: BitDepth) -> Samples {
        let all = (0..self.width * self.height).map(|i| self.scaled(i, c, depth));
        match depth {
            BitDepth::Eight => all.map(|v| v as u8).collect::<Vec<u8>>().into(),
            BitDepth::Sixteen => all.collect::<Vec<u16>>().into(),
        }
    }
}
