//! Effort: the length of the steps and the width of the trellis, work against bits.

use crate::channel::code::Code;
use crate::channel::rate;
use crate::codes::{SigmaCode, Trellis};
use crate::container::{Header, Layer};
use crate::error::Result;
use crate::prior::FINEST;
use crate::reverse::WHOLE_STAGES;
use crate::schedule::{CODES_PER_OCTAVE, Sigma, Step};

/// Bits that the first layer should cost. They set the noise level at which the chain starts.
pub(crate) const START_BITS: f64 = 24.0;

/// Cost of a layer in bits besides its trellis bits and its head: half of its last byte, and the
/// start of the trellis.
const LAYER_BITS: f64 = 8.0;

/// Factor of the length of steps where calls of the network cost little.
const REDUCED: f64 = 0.7;

/// The noise level in levels from which on a correction is nearly as good as a call: it takes back
/// 70 to 80 % of what x0_hat has lost since the last one, and above 50 to 65 %.
const EASY: f64 = 60.0;

/// The state bits of the trellis and the stride of the [`grid`] of each effort, and the noise level
/// from which on half of its layers are corrected.
const LEVELS: [(Trellis, f64, f64); 5] = [
    (Trellis::Nu12, 7.5, FINEST),
    (Trellis::Nu12, 4.5, FINEST),
    (Trellis::Nu14, 3.5, EASY),
    (Trellis::Nu14, 2.5, EASY),
    (Trellis::Nu16, 1.75, EASY),
];

/// The work that the encoder and the decoder do for fewer bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effort {
    trellis: Trellis,
    /// The codes of the noise levels at which layers may end, highest first.
    grid: Vec<Sigma>,
    /// The code of the noise level from which on every second layer is corrected.
    corrected: SigmaCode,
}

impl Effort {
    /// The effort of a level, 1 (fastest) to 5 (smallest files). None for other levels.
    ///
    /// Level 3 is the default. Levels 1 and 2 use the trellis of 12 state bits, 3 and 4 that of 14,
    /// and 5 that of 16. The fast tier is level 1 under the prior of
    /// [`Shipped::of_effort`](crate::prior::Shipped::of_effort).
    pub fn new(level: u8) -> Option<Self> {
        let index = usize::from(level).checked_sub(1)?;
        LEVELS.get(index).map(Effort::at)
    }

    /// The effort of a row of [`LEVELS`].
    fn at(&(trellis, stride, corrected): &(Trellis, f64, f64)) -> Self {
        Effort {
            trellis,
            grid: grid(stride),
            corrected: Sigma::nearest(corrected).code(),
        }
    }

    /// True if x0_hat at `t` is corrected, in a file with corrected layers. `after_call` says that
    /// the last layer started from a call.
    pub(crate) fn is_corrected(&self, t: Sigma, after_call: bool) -> bool {
        after_call && t.code() <= self.corrected
    }

    /// The highest level of the grid that is no higher than `highest`.
    pub(crate) fn first(&self, highest: Sigma) -> Sigma {
        // There is one, as the grid ends at code 0.
        self.grid[self.grid.partition_point(|&s| s > highest)]
    }

    /// The noise level at which the next layer ends. Where its bits do not fit and it is so short
    /// that a decoder shows nothing of a part, it is the lowest level above that they reach whole.
    /// `fits` tells for a number of stages.
    pub(crate) fn fitting(&self, next: &Candidate, fits: impl Fn(usize) -> bool) -> Sigma {
        let Some(t) = next.t.filter(|_| self.is_short(next)) else {
            return next.s;
        };
        let codes = t.code().get() - next.s.code().get();
        let mut above = (1..=codes).rev().map(|codes| t.below(codes));
        let reached = above.find(|&s| fits(self.stages_to(next, s)));
        reached.unwrap_or(next.s)
    }

    /// The noise level at which the next layer ends. Where the picture `suffices` there and the
    /// layer is so short that a decoder shows nothing of a part, it is the highest level at which
    /// it still does.
    ///
    /// # Errors
    /// Those of `suffices`.
    pub(crate) fn sufficing(
        &self,
        next: &Candidate,
        mut suffices: impl FnMut(Sigma) -> Result<bool>,
    ) -> Result<Sigma> {
        let mut found = next.s;
        let Some(t) = next.t.filter(|_| self.is_short(next)) else {
            return Ok(found);
        };
        if suffices(found)? {
            let mut above = t;
            loop {
                let middle = above.below((above.code().get() - found.code().get()).div_ceil(2));
                if middle <= found {
                    break;
                }
                match suffices(middle)? {
                    true => found = middle,
                    false => above = middle,
                }
            }
        }
        Ok(found)
    }

    /// True if a decoder shows nothing of a part of this layer.
    fn is_short(&self, next: &Candidate) -> bool {
        self.stages_to(next, next.s) < WHOLE_STAGES
    }

    /// Stages of a layer.
    pub(crate) fn stages(&self, next: &Candidate) -> usize {
        self.stages_to(next, next.s)
    }

    /// Stages of a layer that ends at `s`.
    fn stages_to(&self, next: &Candidate, s: Sigma) -> usize {
        let step = Step { t: next.t, s };
        rate::stages(
            Code::new(self.trellis),
            step.shift().powi(2) * next.error,
            next.len,
        )
    }

    /// The trellis of the files.
    pub(crate) fn trellis(&self) -> Trellis {
        self.trellis
    }

    /// The noise level that the next layer goes down to: the next one of the grid. In small
    /// pictures, where the cost of a layer's head asks for longer steps, it is one further down.
    /// `error` is the squared error that the layer is to make up for; `header` is that of the file.
    pub(crate) fn next(
        &self,
        t: Option<Sigma>,
        first: Sigma,
        end: Sigma,
        error: f64,
        header: &Header,
    ) -> Sigma {
        let Some(t) = t else {
            return first;
        };
        let highest = t.below(least_codes(
            error / t.levels().powi(2) / std::f64::consts::LN_2,
        ));
        let s = self.first(highest);
        let codes = |from: Sigma, to: Sigma| from.code().get() - to.code().get();
        // One longer step is better than a last one that is hardly worth its call.
        let last = s <= end || 3 * codes(s, end) < codes(t, s);
        (if last { end } else { s }).max(t.below(header.most_codes()))
    }
}

/// A layer that could be sent next.
pub(crate) struct Candidate {
    /// Noise level at which it starts. None at the start of the chain.
    pub t: Option<Sigma>,
    /// Noise level at which it ends.
    pub s: Sigma,
    /// |x_0 - x0_hat|^2 of `len` values.
    pub error: f64,
    pub len: usize,
}

/// Noise levels `stride` codes apart at 40 levels, and as sqrt(sigma) elsewhere.
///
/// A step of d = ln(sigma_t / sigma_s) spends about d / 2 more than the ideal, so steps are short
/// where many bits are. The bits per unit of ln sigma fall about as 1 / sigma, which makes this
/// growth the best for a given number of calls. Steps are shorter by a factor of [`REDUCED`] where
/// the network sees a reduced picture, in a quarter of the time or less.
fn grid(stride: f64) -> Vec<Sigma> {
    let mut t = Sigma::from(SigmaCode::MAX.below(1));
    let mut grid = vec![t];
    while t.code().get() > 0 {
        let reduced = if t.levels() > FINEST { REDUCED } else { 1.0 };
        let codes = (reduced * stride * (t.levels() / 40.0).sqrt())
            .round()
            .clamp(1.0, 40.0);
        t = t.below(codes as u16);
        grid.push(t);
    }
    grid
}

impl Default for Effort {
    /// Level 3.
    fn default() -> Self {
        Effort::at(&LEVELS[2])
    }
}

/// Length in codes of the cheapest layer where the ideal code spends `bits` per unit of ln sigma.
///
/// Error that falls as sigma makes a step of d cost bits (e^d - 1)^2 / 2 more than the ideal, and
/// each layer has its head. The cheapest layer has the least of both per unit of ln sigma.
fn least_codes(bits: f64) -> u16 {
    let unit = std::f64::consts::LN_2 / f64::from(CODES_PER_OCTAVE);
    let cost = |codes: u16| {
        let d = f64::from(codes) * unit;
        // No check: checks come after a number of bytes, not of layers.
        let head = 8.0 * Layer::head_bytes(0, (bits * d / 4.0) as u32, None) as f64;
        (bits * libm::expm1(d).powi(2) / 2.0 + head + LAYER_BITS) / d
    };
    (2..=60).fold(1, |best, codes| {
        match cost(codes).total_cmp(&cost(best)).is_lt() {
            true => codes,
            false => best,
        }
    })
}
