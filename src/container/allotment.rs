//! How the stages of a layer are allotted to the bands of the picture.

use std::ops::RangeInclusive;

/// Bands of a file that has them.
pub const BANDS: usize = 8;

/// The highest code.
const MAX_CODE: u8 = 95;

/// What a file starts from, and how much higher codes count 140 sigma codes higher: as a rule of photographs.
const FIRST: [u8; BANDS] = [44, 43, 41, 39, 36, 32, 33, 15];
const DRIFT: [i32; BANDS] = [27, 12, 6, 1, -5, -9, 8, -15];

/// The sigma code at which codes count as they are, 32 levels, and those up and down to which they drift.
const MIDDLE: i32 = 180;
const LEVELS: RangeInclusive<i32> = 100..=320;

/// By how much a code may change from one layer to the next: four bits.
pub(crate) const CHANGE: RangeInclusive<i16> = -8..=7;

/// The stages that a value of each band gets relative to those of the others, by codes in quarters of an octave; none for code 0.
/// Coarse scales and colour matter less as the noise falls: the same codes say so by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allotment(pub(crate) [u8; BANDS]);

impl Allotment {
    /// Bytes of a change.
    pub const BYTES: usize = BANDS / 2;

    /// What a file starts from. Grey pictures have no chroma.
    pub fn first(rgb: bool) -> Self {
        let mut codes = FIRST;
        if !rgb {
            codes[6..].fill(0);
        }
        Allotment(codes)
    }

    /// The same after a change as it stands in a file: four bits a band, the first in the high bits of the first byte, each 8 more
    /// than what is added to the code.
    pub fn changed(self, bytes: [u8; Self::BYTES]) -> Self {
        Allotment(std::array::from_fn(|band| {
            let four = bytes[band / 2] >> (4 * (1 - band % 2)) & 15;
            Self::clamped(self.0[band], i16::from(four) + CHANGE.start())
        }))
    }

    /// The bytes that change this to `other`, which is within reach.
    pub fn change_to(self, other: Self) -> [u8; Self::BYTES] {
        let four = |band: usize| {
            let change = i16::from(other.0[band]) - i16::from(self.0[band]);
            (change - CHANGE.start()) as u8 & 15
        };
        std::array::from_fn(|i| four(2 * i) << 4 | four(2 * i + 1))
    }

    /// `code` plus `change`, within the codes that there are.
    pub(crate) fn clamped(code: u8, change: i16) -> u8 {
        (i16::from(code) + change).clamp(0, MAX_CODE.into()) as u8
    }

    /// By how much the code of a band counts more in a layer that ends at the sigma code `s`.
    pub(crate) fn drift(band: usize, s: u16) -> i16 {
        let s = i32::from(s).clamp(*LEVELS.start(), *LEVELS.end());
        (DRIFT[band] * (s - MIDDLE)).div_euclid(140) as i16
    }

    /// The weight of one value of a band in a layer that ends at the sigma code `s`: about 16 * 2^(code / 4).
    pub fn weight(self, band: usize, s: u16) -> u128 {
        match i16::from(self.0[band]) {
            0 => 0,
            code => {
                let code = (code + Self::drift(band, s)).clamp(1, MAX_CODE.into());
                [16, 19, 23, 27][code as usize % 4] << (code / 4)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_and_followed() {
        let first = Allotment([93, 49, 40, 32, 24, 16, 37, 5]);
        let other = Allotment([93, 56, 32, 33, 24, 23, 30, 0]);
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
        let weight = |code| Allotment([code; BANDS]).weight(3, 180);
        let wanted = [0, 19, 23, 27, 32, 27 << 15];
        assert_eq!([0, 1, 2, 3, 4, 63].map(weight), wanted);
    }

    #[test]
    fn codes_drift_with_the_noise() {
        let at = |s| std::array::from_fn(|band| Allotment::drift(band, s));
        assert_eq!(at(180), [0; BANDS]);
        assert_eq!(at(320), [27, 12, 6, 1, -5, -9, 8, -15]);
        assert_eq!(at(400), at(320));
        assert_eq!(at(240), [11, 5, 2, 0, -3, -4, 3, -7]);
        assert_eq!(at(100), [-16, -7, -4, -1, 2, 5, -5, 8]);
        // None is none, and no drift makes it so.
        let codes = Allotment([2, 2, 2, 2, 0, 2, 2, 2]);
        assert_eq!(codes.weight(4, 100), 0);
        assert_eq!(codes.weight(7, 320), 19);
    }
}
