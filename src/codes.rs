//! The integers of a file as types. A value that cannot stand in a file cannot be made. No floats.

use std::fmt;
use std::ops::RangeInclusive;

/// The colour samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// One grey sample.
    Grey,
    /// Red, green and blue.
    Rgb,
}

impl Colour {
    /// Samples of a pixel: 1 or 3.
    pub fn channels(self) -> usize {
        match self {
            Colour::Grey => 1,
            Colour::Rgb => 3,
        }
    }
}

/// Bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BitDepth {
    /// 8 bits, 0..=255.
    Eight,
    /// 16 bits, 0..=65535.
    Sixteen,
}

impl BitDepth {
    /// 8 or 16.
    pub fn bits(self) -> u32 {
        match self {
            BitDepth::Eight => 8,
            BitDepth::Sixteen => 16,
        }
    }

    /// 1 or 2.
    pub fn bytes(self) -> u64 {
        u64::from(self.bits() / 8)
    }

    /// The largest sample: white, or opaque.
    pub fn max(self) -> u16 {
        match self {
            BitDepth::Eight => u8::MAX.into(),
            BitDepth::Sixteen => u16::MAX,
        }
    }
}

/// Size and samples of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form {
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Colour samples of a pixel.
    pub colour: Colour,
    /// Bits of a sample, also of alpha.
    pub depth: BitDepth,
    /// True if each pixel has a sample of alpha too.
    pub alpha: bool,
}

impl Form {
    /// Pixels of the picture.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Columns and rows of a thumbnail of at most `longest` pixels along the longer side, at least
    /// 1 each. A picture that is no larger keeps its size.
    ///
    /// ```
    /// use dcodec::{BitDepth, Colour, Form};
    ///
    /// let form = Form {
    ///     width: 600,
    ///     height: 400,
    ///     colour: Colour::Rgb,
    ///     depth: BitDepth::Eight,
    ///     alpha: false,
    /// };
    /// assert_eq!(form.fitted(128), (128, 85));
    /// assert_eq!(form.fitted(1000), (600, 400));
    /// ```
    pub fn fitted(&self, longest: u32) -> (u32, u32) {
        let side = u64::from(self.width.max(self.height));
        let longest = u64::from(longest).min(side);
        let scaled = |n: u32| match side {
            0 => 1,
            _ => ((2 * u64::from(n) * longest + side) / (2 * side)).max(1) as u32,
        };
        (scaled(self.width), scaled(self.height))
    }

    /// Bytes of the colour samples, not coded.
    pub fn colour_bytes(&self) -> u64 {
        self.pixels() * self.colour.channels() as u64 * self.depth.bytes()
    }

    /// Bytes of the samples of alpha, not coded.
    pub fn alpha_bytes(&self) -> u64 {
        match self.alpha {
            true => self.pixels() * self.depth.bytes(),
            false => 0,
        }
    }

    /// Columns and rows of the coded planes: at least 16 each.
    pub fn coded_size(&self) -> (usize, usize) {
        (self.width.max(16) as usize, self.height.max(16) as usize)
    }

    /// D, the number of coded values. It is up to 3 * 2^40, which may not fit the caller's memory.
    pub fn coded_len(&self) -> u64 {
        let (w, h) = self.coded_size();
        3 * w as u64 * h as u64
    }
}

/// A noise level as it stands in a file: sigma = 2^(code / 20) / 16 levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigmaCode(u16);

impl SigmaCode {
    /// The highest level, 65536. As the levels of layers are distinct, it also bounds their number.
    pub const MAX: SigmaCode = SigmaCode(400);

    /// The level of this code, 0..=400.
    pub const fn new(code: u16) -> Option<Self> {
        match code <= Self::MAX.0 {
            true => Some(SigmaCode(code)),
            false => None,
        }
    }

    /// The level of this code, or the highest for a higher one.
    pub fn saturating(code: u16) -> Self {
        SigmaCode(code).min(Self::MAX)
    }

    /// The integer.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The level that is `codes` lower, if there is one.
    pub fn checked_sub(self, codes: u16) -> Option<Self> {
        self.0.checked_sub(codes).map(SigmaCode)
    }

    /// The level that is `codes` lower, or the lowest one.
    pub fn below(self, codes: u16) -> Self {
        SigmaCode(self.0.saturating_sub(codes))
    }
}

/// A trellis of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trellis {
    /// 12 state bits.
    Nu12,
    /// 14 state bits.
    #[default]
    Nu14,
    /// 16 state bits.
    Nu16,
}

impl Trellis {
    /// All trellises, in the order of their numbers in a file.
    pub const ALL: [Trellis; 3] = [Trellis::Nu12, Trellis::Nu14, Trellis::Nu16];

    /// nu, the number of state bits.
    pub fn nu(self) -> u32 {
        match self {
            Trellis::Nu12 => 12,
            Trellis::Nu14 => 14,
            Trellis::Nu16 => 16,
        }
    }
}

/// Number of bands of a file that has them.
pub const BANDS: usize = 8;

/// The highest code of a band.
const MAX_BAND_CODE: u8 = 95;

/// Codes of the bands that a file starts from. They suit most photographs.
const FIRST: [u8; BANDS] = [44, 43, 41, 39, 36, 32, 33, 15];
/// Amount by which the codes count more, 140 sigma codes higher. It suits most photographs.
const DRIFT: [i32; BANDS] = [27, 12, 6, 1, -5, -9, 8, -15];

/// The sigma code at which codes count as they are: 32 levels.
const MIDDLE: i32 = 180;
/// The sigma codes between which the codes drift.
const LEVELS: RangeInclusive<i32> = 100..=320;

/// The changes of a code from one layer to the next: four bits.
pub(crate) const CHANGE: RangeInclusive<i16> = -8..=7;

/// The allocation of stages to bands: a code for each band, in quarters of an octave of the stages
/// that one of its values gets. A band of code 0 gets none.
///
/// Coarse scales and colour matter less as the noise falls; unchanged codes express that by
/// themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandAllocation(pub(crate) [u8; BANDS]);

impl BandAllocation {
    /// Bytes of a change.
    pub const BYTES: usize = BANDS / 2;

    /// The allocation that a file starts from. Grey pictures have no chroma.
    pub fn first(colour: Colour) -> Self {
        let mut codes = FIRST;
        if colour == Colour::Grey {
            codes[6..].fill(0);
        }
        BandAllocation(codes)
    }

    /// The codes of the bands.
    pub fn codes(self) -> [u8; BANDS] {
        self.0
    }

    /// The allocation after a change as it stands in a file: four bits a band, the first in the
    /// high bits of the first byte. Each is 8 more than the number that is added to the code.
    pub fn changed(self, bytes: [u8; Self::BYTES]) -> Self {
        BandAllocation(std::array::from_fn(|band| {
            let four = bytes[band / 2] >> (4 * (1 - band % 2)) & 15;
            Self::clamped(self.0[band], i16::from(four) + CHANGE.start())
        }))
    }

    /// The bytes that change this allocation to `other`, which is within reach.
    pub fn change_to(self, other: Self) -> [u8; Self::BYTES] {
        let four = |band: usize| {
            let change = i16::from(other.0[band]) - i16::from(self.0[band]);
            (change - CHANGE.start()) as u8 & 15
        };
        std::array::from_fn(|i| four(2 * i) << 4 | four(2 * i + 1))
    }

    /// `code` plus `change`, clamped to the codes that there are.
    pub(crate) fn clamped(code: u8, change: i16) -> u8 {
        (i16::from(code) + change).clamp(0, MAX_BAND_CODE.into()) as u8
    }

    /// Amount by which the code of a band counts more in a layer that ends at the sigma code `s`.
    pub(crate) fn drift(band: usize, s: SigmaCode) -> i16 {
        let s = i32::from(s.get()).clamp(*LEVELS.start(), *LEVELS.end());
        (DRIFT[band] * (s - MIDDLE)).div_euclid(140) as i16
    }

    /// The weight of one value of a band in a layer that ends at the sigma code `s`: about 16 *
    /// 2^(code / 4).
    pub fn weight(self, band: usize, s: SigmaCode) -> u128 {
        match i16::from(self.0[band]) {
            0 => 0,
            code => {
                let code = (code + Self::drift(band, s)).clamp(1, MAX_BAND_CODE.into());
                [16, 19, 23, 27][code as usize % 4] << (code / 4)
            }
        }
    }
}

/// Identity of the prior that a file needs: the first four bytes of the SHA-256 of its weights
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PriorId(pub [u8; 4]);

impl fmt::Display for PriorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The sigma code of this number, in tests.
#[cfg(test)]
pub fn code(code: u16) -> SigmaCode {
    SigmaCode::new(code).expect("a code of the format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_and_followed() {
        let first = BandAllocation([93, 49, 40, 32, 24, 16, 37, 5]);
        let other = BandAllocation([93, 56, 32, 33, 24, 23, 30, 0]);
        let bytes = first.change_to(other);
        assert_eq!(bytes, [0x8f, 0x09, 0x8f, 0x13]);
        assert_eq!(first.changed(bytes), other);
        assert_eq!(first.changed([0x88; 4]), first);
        // Codes end at 0 and 95.
        let end = other.changed([0xff, 0xff, 0xff, 0x80]);
        assert_eq!(end.0, [95, 63, 39, 40, 31, 30, 30, 0]);
    }

    #[test]
    fn weights_double_every_four_codes() {
        let weight = |v| BandAllocation([v; BANDS]).weight(3, code(180));
        let wanted = [0, 19, 23, 27, 32, 27 << 15];
        assert_eq!([0, 1, 2, 3, 4, 63].map(weight), wanted);
    }

    #[test]
    fn codes_drift_with_the_noise() {
        let at = |s| std::array::from_fn(|band| BandAllocation::drift(band, code(s)));
        assert_eq!(at(180), [0; BANDS]);
        assert_eq!(at(320), [27, 12, 6, 1, -5, -9, 8, -15]);
        assert_eq!(at(400), at(320));
        assert_eq!(at(240), [11, 5, 2, 0, -3, -4, 3, -7]);
        assert_eq!(at(100), [-16, -7, -4, -1, 2, 5, -5, 8]);
        // None is none, and no drift makes it so.
        let codes = BandAllocation([2, 2, 2, 2, 0, 2, 2, 2]);
        assert_eq!(codes.weight(4, code(100)), 0);
        assert_eq!(codes.weight(7, code(320)), 19);
    }
}
