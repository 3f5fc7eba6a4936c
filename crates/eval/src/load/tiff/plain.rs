//! Strips of samples as they are, whose lengths are missing or wrong: the picture tells them.

use super::raw::Values;
use super::{COMPRESSION, FILL_ORDER, Page, ROWS_PER_STRIP, STRIP_BYTES, STRIPS, TILES};

impl Page<'_> {
    /// True for strips that are not packed.
    fn is_plain(&self) -> bool {
        let plain = self.number(COMPRESSION).unwrap_or(1) == 1 && self.units().is_none();
        plain && self.directory.find(TILES).is_none() && self.number(FILL_ORDER) != Some(2)
    }

    /// Rows of a strip, of all but the last one. 0 says all, as no entry does.
    fn strip_rows(&self) -> u64 {
        let rows = self.number(ROWS_PER_STRIP).filter(|&rows| rows > 0);
        rows.unwrap_or(u64::MAX).min(self.height.into())
    }

    /// Number of strips of a plane, and of planes.
    fn strips(&self) -> [u64; 2] {
        let planes = if self.planar { self.samples as u64 } else { 1 };
        let strips = u64::from(self.height).div_ceil(self.strip_rows().max(1));
        [strips, planes]
    }

    /// Offset and bytes of each strip by the picture. None if one would not lie in the file, or on
    /// the directory.
    fn strips_by_rows(&self) -> Option<Vec<(usize, usize)>> {
        let [strips, planes] = self.strips();
        let starts = self.directory.find(STRIPS)?;
        if strips * planes > starts.count {
            return None;
        }
        let (rows, height) = (self.strip_rows(), u64::from(self.height));
        let place = |(i, start): (u64, u64)| {
            let rows = rows.min(height - i % strips * rows);
            let bytes = self.sample_bytes(self.width.into(), rows) / planes;
            let end = start.checked_add(bytes)?;
            let apart = end <= self.at as u64 || start >= self.directory.link as u64;
            let inside = end <= self.block.bytes.len() as u64;
            (inside && apart).then_some((start as usize, bytes as usize))
        };
        let starts = self.block.integers(starts);
        (0..strips * planes).zip(starts).map(place).collect()
    }

    /// True if there are fewer strips than the picture has.
    pub(super) fn lacks_strips(&self) -> bool {
        let [strips, planes] = self.strips();
        let tiled = self.directory.find(TILES).is_some();
        let starts = self.directory.find(STRIPS).filter(|_| !tiled);
        starts.is_some_and(|starts| starts.count < strips * planes)
    }

    /// True if the lengths of plain strips, or their number of rows, are not those of the picture,
    /// which lies in the file all the same.
    pub(super) fn has_wrong_lengths(&self) -> bool {
        if !self.is_plain() || self.height == 0 {
            return false;
        }
        let [strips, planes] = self.strips();
        let wrong = |lengths: &[u64], places: &[(usize, usize)]| {
            let short = |(&length, place): (&u64, &(usize, usize))| length < place.1 as u64;
            lengths.len() < places.len() || lengths.iter().zip(places).any(short)
        };
        let count = |tag| self.directory.find(tag).map_or(0, |entry| entry.count);
        let odd = self.number(ROWS_PER_STRIP) == Some(0) || count(STRIPS) != strips * planes;
        let places = self.strips_by_rows();
        places.is_some_and(|places| odd || wrong(&self.integers(STRIP_BYTES), &places))
    }

    /// The samples of strips whose lengths are wrong.
    pub(super) fn plain_values(&self) -> Option<Values> {
        let places = self.strips_by_rows().filter(|_| self.has_wrong_lengths())?;
        let strips = places
            .iter()
            .map(|&(start, bytes)| &self.block.bytes[start..start + bytes]);
        let bytes = strips.collect::<Vec<&[u8]>>().concat();
        Some(match self.bits {
            16 => {
                let word = |pair: &[u8]| match self.block.little {
                    true => u16::from_le_bytes([pair[0], pair[1]]),
                    false => u16::from_be_bytes([pair[0], pair[1]]),
                };
                Values::Words(bytes.chunks_exact(2).map(word).collect())
            }
            _ => Values::Bytes(bytes),
        })
    }
}
