//! The coder: constriction's range coder, one binary decision at a time.

use std::convert::Infallible;
use std::num::NonZeroU16;

use constriction::Queue;
use constriction::backends::ReadWords;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{RangeCoderState, RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};

/// Bits of a probability.
pub(crate) const PRECISION: usize = 16;

/// A binary model: the probability of a one (`true`) in units of 2^-16, never 0 and never 1.
///
/// Zeros take the lower part of the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bit(pub(crate) NonZeroU16);

impl Bit {
    /// The model of two equally likely values.
    pub(crate) const EVEN: Bit = Bit::new(1 << 15);

    /// The model of a one of probability `one / 65536`; 0 counts as the smallest probability.
    pub const fn new(one: u16) -> Self {
        match NonZeroU16::new(one) {
            Some(one) => Bit(one),
            None => Bit(NonZeroU16::MIN),
        }
    }

    /// Width of the interval of a zero: 2^16 minus the width of a one.
    fn zero(self) -> NonZeroU16 {
        NonZeroU16::new(self.0.get().wrapping_neg()).unwrap_or(NonZeroU16::MAX)
    }
}

impl EntropyModel<PRECISION> for Bit {
    type Symbol = bool;
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Bit {
    fn left_cumulative_and_probability(
        &self,
        symbol: impl std::borrow::Borrow<bool>,
    ) -> Option<(u16, NonZeroU16)> {
        Some(if *symbol.borrow() {
            (self.zero().get(), self.0)
        } else {
            (0, self.zero())
        })
    }
}

impl DecoderModel<PRECISION> for Bit {
    fn quantile_function(&self, quantile: u16) -> (bool, u16, NonZeroU16) {
        if quantile >= self.zero().get() {
            (true, self.zero().get(), self.0)
        } else {
            (false, 0, self.zero())
        }
    }
}

/// An adaptive probability of a one: the mean of a fast and a slow estimate, both exact frequencies
/// at first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adaptive {
    /// The fast estimate in units of 2^-24.
    fast: i32,
    /// The slow estimate in units of 2^-24.
    slow: i32,
    /// Decisions seen, up to the window of the slow estimate.
    seen: i32,
}

impl Adaptive {
    const ONE: i32 = 1 << 24;
    const FAST: i32 = 1 << 5;
    const SLOW: i32 = 1 << 8;
    /// Smallest probability in units of 2^-16.
    const FLOOR: i32 = 4;

    pub(crate) const fn new() -> Self {
        Adaptive {
            fast: Self::ONE / 2,
            slow: Self::ONE / 2,
            seen: 0,
        }
    }

    pub(crate) fn model(&self) -> Bit {
        let p = ((self.fast + self.slow) >> 9).clamp(Self::FLOOR, 65536 - Self::FLOOR);
        Bit::new(p as u16)
    }

    pub(crate) fn update(&mut self, bit: bool) {
        let target = if bit { Self::ONE } else { 0 };
        // The n-th decision weighs 2 / (2 n + 1) until the windows are full.
        let weight = |window: i32| (2 * window).min(2 * self.seen + 3);
        self.fast += 2 * (target - self.fast) / weight(Self::FAST);
        self.slow += 2 * (target - self.slow) / weight(Self::SLOW);
        self.seen = (self.seen + 1).min(Self::SLOW);
    }
}

/// One direction of the coder. The encoder writes `bit` and returns it; the decoder ignores `bit`
/// and returns the one that it reads.
pub(crate) trait Coder {
    /// Codes one decision under a fixed model.
    fn fixed(&mut self, model: Bit, bit: bool) -> bool;

    /// True if no further byte can change the decisions so far. It is always true of the encoder.
    fn certain(&self) -> bool;

    /// Codes one decision under an adaptive model and teaches it.
    fn bit(&mut self, model: &mut Adaptive, bit: bool) -> bool {
        let bit = self.fixed(model.model(), bit);
        model.update(bit);
        bit
    }
}

/// The encoder.
pub(crate) struct RangeWriter(RangeEncoder<u16, u64>);

impl RangeWriter {
    pub(crate) fn new() -> Self {
        RangeWriter(RangeEncoder::new())
    }

    /// The coded bytes. No byte after them can change a symbol, and no shorter string of words has
    /// that property.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let Ok(words) = self.0.into_compressed();
        words.into_iter().flat_map(u16::to_le_bytes).collect()
    }
}

impl Coder for RangeWriter {
    fn fixed(&mut self, model: Bit, bit: bool) -> bool {
        self.0
            .encode_symbol(bit, model)
            .expect("both symbols have an interval and a vector takes every word");
        bit
    }

    fn certain(&self) -> bool {
        true
    }
}

/// The words of a byte string, then zeros without end, which are counted.
#[derive(Debug, Clone)]
struct Words<'a> {
    rest: &'a [u8],
    missing: u32,
}

impl ReadWords<u16, Queue> for Words<'_> {
    type ReadError = Infallible;

    fn read(&mut self) -> Result<Option<u16>, Infallible> {
        if let Some((word, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            return Ok(Some(u16::from_le_bytes(*word)));
        }
        self.missing = self.missing.saturating_add(1);
        Ok(Some(0))
    }
}

/// The decoder.
pub(crate) struct RangeReader<'a> {
    decoder: RangeDecoder<u16, u64, Words<'a>>,
    /// True if the bytes left every interval. No encoder writes such bytes.
    invalid: bool,
}

/// A place between two decisions of a decoder that has read `read` bytes, all of which were there.
/// More bytes behind them change nothing before it.
#[derive(Clone)]
pub(crate) struct Position {
    pub read: usize,
    state: RangeCoderState<u16, u64>,
    point: u64,
}

impl<'a> RangeReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let Ok(decoder) = RangeDecoder::with_backend(Words {
            rest: bytes,
            missing: 0,
        });
        RangeReader {
            decoder,
            invalid: false,
        }
    }

    /// The decoder of `bytes` from `position` on, that of a decoder of the same first bytes.
    pub(crate) fn at(bytes: &'a [u8], position: &Position) -> Self {
        let words = Words {
            rest: &bytes[position.read..],
            missing: 0,
        };
        let decoder = RangeDecoder::from_raw_parts(words, position.state, position.point);
        RangeReader {
            decoder: decoder.expect("the point of a position is inside its interval"),
            invalid: false,
        }
    }

    /// The place among `bytes`, those of this decoder. None where bytes were missing or wrong.
    pub(crate) fn position(&self, bytes: &[u8]) -> Option<Position> {
        let (words, state, point) = self.decoder.clone().into_raw_parts();
        let inside = point.wrapping_sub(state.lower()) < state.range().get();
        (!self.invalid && inside && words.missing == 0).then(|| Position {
            read: bytes.len() - words.rest.len(),
            state,
            point,
        })
    }
}

impl Coder for RangeReader<'_> {
    fn fixed(&mut self, model: Bit, _: bool) -> bool {
        if self.invalid {
            return false;
        }
        self.decoder.decode_symbol(model).unwrap_or_else(|_| {
            self.invalid = true;
            false
        })
    }

    fn certain(&self) -> bool {
        let (words, state, point) = self.decoder.clone().into_raw_parts();
        if self.invalid || words.missing >= 4 {
            return false;
        }
        let unknown = (1u64 << (16 * words.missing)) - 1;
        let offset = point.wrapping_sub(state.lower());
        offset
            .checked_add(unknown)
            .is_some_and(|last| last < state.range().get())
    }
}
