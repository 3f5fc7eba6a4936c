//! Samples of 8 or 16 bits, one or two bytes each.

use crate::codes::BitDepth;

/// Mid grey in 8-bit levels. It is subtracted from the samples to centre them.
const CENTRE: f32 = 127.5;

/// A sample of either depth.
pub trait Sample: Copy + Into<i64> + Send + Sync {
    /// The centred value in 8-bit levels: the sample, divided by 257 if it has 16 bits, minus
    /// 127.5.
    fn centred(self) -> f32;

    /// The sample of a centred value: rounded half up, and clamped by the cast. NaN is black.
    fn shown(value: f32) -> Self;
}

impl Sample for u8 {
    #[inline(always)]
    fn centred(self) -> f32 {
        f32::from(self) - CENTRE
    }

    #[inline(always)]
    fn shown(value: f32) -> Self {
        (value + CENTRE + 0.5) as u8
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn centred(self) -> f32 {
        f32::from(self) / 257.0 - CENTRE
    }

    #[inline(always)]
    fn shown(value: f32) -> Self {
        ((value + CENTRE) * 257.0 + 0.5) as u16
    }
}

/// Samples of one depth, in the smallest integer that holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// Samples of 8 bits.
    Eight(Vec<u8>),
    /// Samples of 16 bits.
    Sixteen(Vec<u16>),
}

impl Samples {
    /// Bits of a sample.
    pub fn depth(&self) -> BitDepth {
        match self {
            Samples::Eight(_) => BitDepth::Eight,
            Samples::Sixteen(_) => BitDepth::Sixteen,
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::Eight(v) => v.len(),
            Samples::Sixteen(v) => v.len(),
        }
    }

    /// Bytes of memory of the samples.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * self.depth().bits() as usize / 8
    }

    /// True if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples as numbers of their own depth.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let (eight, sixteen) = self.slices();
        let wide = eight.iter().map(|&v| u16::from(v));
        wide.chain(sixteen.iter().copied())
    }

    /// The samples of 8 bits and the samples of 16 bits; one of the two is empty.
    pub(crate) fn slices(&self) -> (&[u8], &[u16]) {
        match self {
            Samples::Eight(v) => (v, &[]),
            Samples::Sixteen(v) => (&[], v),
        }
    }

    /// The samples if they have 8 bits.
    pub fn as_eight(&self) -> Option<&[u8]> {
        match self {
            Samples::Eight(v) => Some(v),
            Samples::Sixteen(_) => None,
        }
    }

    /// The samples if they have 16 bits.
    pub fn as_sixteen(&self) -> Option<&[u16]> {
        match self {
            Samples::Eight(_) => None,
            Samples::Sixteen(v) => Some(v),
        }
    }

    /// The samples with 8 bits. Samples of 16 bits are divided by 257 and rounded.
    pub fn into_eight(self) -> Self {
        match self {
            Samples::Sixteen(v) => {
                let reduce = |&v: &u16| ((u32::from(v) * 255 + 32767) / 65535) as u8;
                Samples::Eight(v.iter().map(reduce).collect())
            }
            eight => eight,
        }
    }
}

impl From<Vec<u8>> for Samples {
    fn from(samples: Vec<u8>) -> Self {
        Samples::Eight(samples)
    }
}

impl From<Vec<u16>> for Samples {
    fn from(samples: Vec<u16>) -> Self {
        Samples::Sixteen(samples)
    }
}
