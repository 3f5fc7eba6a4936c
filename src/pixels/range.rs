//! The range that samples of 16 bits use.

use crate::codes::BitDepth;
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

/// The lowest and the highest sample of a picture of 16 bits that uses less than half of what 16
/// bits can tell (clause 4.13). The chain works on samples that are stretched to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleRange {
    low: u16,
    high: u16,
}

impl SampleRange {
    /// The range of a picture, if it is worth a stretch.
    pub fn of(picture: &Picture) -> Option<Self> {
        let samples = picture.samples().as_sixteen()?;
        let low = *samples.iter().min()?;
        let high = *samples.iter().max()?;
        (low < high && high - low <= u16::MAX / 2).then_some(SampleRange { low, high })
    }

    /// The range of a payload of four bytes.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *payload.first_chunk()?;
        let low = u16::from_le_bytes([a, b]).min(u16::MAX - 1);
        let high = u16::from_le_bytes([c, d]).saturating_add(1);
        Some(SampleRange {
            low,
            high: low.saturating_add(high),
        })
    }

    /// The payload.
    pub fn write(self) -> [u8; 4] {
        let [a, b] = self.low.to_le_bytes();
        let [c, d] = (self.high - self.low - 1).to_le_bytes();
        [a, b, c, d]
    }

    /// The lowest and the highest sample.
    pub fn ends(self) -> (u16, u16) {
        (self.low, self.high)
    }

    /// Its share of all that 16 bits can tell.
    pub fn share(self) -> f64 {
        f64::from(self.high - self.low) / f64::from(u16::MAX)
    }

    /// A sample of the range as one of all 16 bits.
    fn stretched(self, sample: u16) -> u16 {
        let span = u32::from(self.high - self.low);
        let above = u32::from(sample.clamp(self.low, self.high) - self.low);
        ((above * u32::from(u16::MAX) + span / 2) / span) as u16
    }

    /// A sample of all 16 bits as one of the range.
    fn squeezed(self, sample: u16) -> u16 {
        let span = u32::from(self.high - self.low);
        let most = u32::from(u16::MAX);
        self.low + ((u32::from(sample) * span + most / 2) / most) as u16
    }
}

impl Picture {
    /// The picture with the samples of a range stretched to all 16 bits.
    pub(crate) fn stretched(&self, range: SampleRange) -> Self {
        let mut picture = self.clone();
        picture.map_colours(|sample| range.stretched(sample));
        picture
    }

    /// Squeezes the samples into a range.
    pub(crate) fn squeeze(&mut self, range: SampleRange) {
        self.map_colours(|sample| range.squeezed(sample));
    }

    fn map_colours(&mut self, map: impl Fn(u16) -> u16) {
        debug_assert_eq!(self.depth(), BitDepth::Sixteen);
        if let Samples::Sixteen(samples) = &mut self.samples {
            samples.iter_mut().for_each(|v| *v = map(*v));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_undone() {
        for (low, high) in [(0, 1), (0, 400), (1000, 33_767), (65_534, 65_535)] {
            let range = SampleRange { low, high };
            assert_eq!(range.stretched(low), 0);
            assert_eq!(range.stretched(high), u16::MAX);
            for sample in low..=high {
                assert_eq!(range.squeezed(range.stretched(sample)), sample);
            }
            assert_eq!(SampleRange::read(&range.write()), Some(range));
        }
        // Any payload is a range.
        let last = SampleRange::read(&[255; 4]).expect("four bytes");
        assert_eq!(last.ends(), (65_534, 65_535));
        assert_eq!(SampleRange::read(&[0; 3]), None);
    }
}
