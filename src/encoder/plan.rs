//! Where the encoder goes: targets, efforts, and the noise levels of the layers.

use super::interest::Left;
use crate::channel::{rate, trellis::Code};
use crate::container::{Header, Layer, MAX_DELTA};
use crate::error::{Error, Result};
use crate::exact;
use crate::picture::Picture;
use crate::prior::{FINEST, LOWEST_SIGMA};
use crate::reverse::WHOLE_STAGES;
use crate::schedule::{CODES_PER_OCTAVE, MAX_CODE, Sigma, Step};

/// Bits that the first layer should cost, which sets the noise level where the chain starts.
pub(super) const START_BITS: f64 = 24.0;

/// What a layer costs besides its trellis bits and its head: half a byte's end, the start-up of the trellis.
const LAYER_BITS: f64 = 8.0;

/// How much shorter steps are where calls of the network cost little.
const REDUCED: f64 = 0.7;

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At a final noise level of [`Target::quality_sigma`] levels, quality 0..=100.
    Quality(f64),
    /// At this many bytes, headers included; a smaller file if the lowest noise level comes first.
    Bytes(u64),
    /// At this many bits per pixel, headers included; a smaller file if the lowest noise level comes first.
    Bpp(f64),
    /// At the first four bits at which the decoded picture has this RGB PSNR in dB, or at the lowest noise level.
    Psnr(f64),
    /// At the exact picture: its samples follow layers that end at this quality. None given, the quality is 75, or 25 for
    /// drawings and screenshots, of which exact samples say more with fewer bits than layers do.
    Lossless(Option<f64>),
}

impl Target {
    /// The final noise level of a quality: 1.5 levels at 100, doubling every ten points below.
    pub fn quality_sigma(quality: f64) -> f64 {
        LOWEST_SIGMA * libm::exp2((100.0 - quality) / 10.0)
    }

    /// Whether the file ends in the exact picture.
    pub fn is_lossless(self) -> bool {
        matches!(self, Target::Lossless(_))
    }

    /// The same with a quality for this picture, if it had none.
    pub(super) fn settle(self, picture: &Picture) -> Self {
        match self {
            // A photograph takes two bits a sample and more.
            Target::Lossless(None) if exact::cost(picture) < 1.0 => Target::Lossless(Some(25.0)),
            Target::Lossless(None) => Target::Lossless(Some(75.0)),
            other => other,
        }
    }
}

/// The state bits of the trellis and the stride of the [`grid`] of each effort.
const LEVELS: [(u8, f64); 5] = [(12, 6.0), (12, 4.5), (14, 3.5), (14, 2.5), (16, 1.75)];

/// How much work the encoder and the decoder do for fewer bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effort {
    nu: u8,
    /// The codes of the noise levels at which layers may end, highest first.
    grid: Vec<u16>,
}

impl Effort {
    /// Level 1 (fastest) to 5 (smallest files). Level 3 is the default; 1 and 2 use the trellis of 12 state bits, 3 and 4
    /// that of 14, 5 that of 16.
    pub fn new(level: u8) -> Option<Self> {
        let index = usize::from(level).checked_sub(1)?;
        LEVELS.get(index).map(Effort::at)
    }

    fn at(&(nu, stride): &(u8, f64)) -> Self {
        let grid = grid(stride);
        Effort { nu, grid }
    }

    /// The highest level of the grid that is no higher than `highest`.
    pub(super) fn first(&self, highest: Sigma) -> Sigma {
        // The grid ends at code 0.
        let code = self.grid.iter().copied().find(|&c| c <= highest.code());
        code.and_then(Sigma::from_code).unwrap_or(highest)
    }

    /// The end of the next layer, or, where its bits do not fit and it is so short that a decoder shows nothing of a part, the
    /// lowest level above it that they reach whole.
    pub(super) fn fitting(&self, next: &Next, fits: impl Fn(usize) -> bool) -> Sigma {
        let Some(t) = next.t.filter(|_| self.is_short(next)) else {
            return next.s;
        };
        let whole = next.s.code()..t.code();
        let reached = whole
            .filter_map(Sigma::from_code)
            .find(|&s| fits(self.stages(next, s)));
        reached.unwrap_or(next.s)
    }

    /// The same for a picture: the highest level at which it `suffices`, if it does at the end of the layer.
    pub(super) fn sufficing(
        &self,
        next: &Next,
        mut suffices: impl FnMut(Sigma) -> Result<bool>,
    ) -> Result<Sigma> {
        let mut found = next.s;
        let Some(t) = next.t.filter(|_| self.is_short(next)) else {
            return Ok(found);
        };
        if suffices(found)? {
            let mut above = t;
            while let Some(middle) = Sigma::from_code((found.code() + above.code()) / 2)
                && middle > found
            {
                match suffices(middle)? {
                    true => found = middle,
                    false => above = middle,
                }
            }
        }
        Ok(found)
    }

    /// Whether a decoder shows nothing of a part of this layer.
    fn is_short(&self, next: &Next) -> bool {
        self.stages(next, next.s) < WHOLE_STAGES
    }

    /// Stages of a layer that ends at `s`.
    fn stages(&self, next: &Next, s: Sigma) -> usize {
        let step = Step { t: next.t, s };
        let code = Code::new(self.nu).unwrap_or_default();
        rate::stages(code, step.shift().powi(2) * next.error, next.len)
    }

    pub(super) fn nu(&self) -> u8 {
        self.nu
    }

    /// The noise level that the next layer goes down to: the next one of the grid. In small pictures, where the cost of a
    /// layer's head asks for longer steps, one further down.
    pub(super) fn next(&self, t: Option<Sigma>, first: Sigma, end: Sigma, error: f64) -> Sigma {
        let Some(t) = t else {
            return first;
        };
        let highest = t.below(least_codes(
            error / t.levels().powi(2) / std::f64::consts::LN_2,
        ));
        let s = self.first(highest);
        // Rather one longer step than a last one that is hardly worth its call.
        let last = s <= end || 3 * (s.code() - end.code()) < t.code() - s.code();
        (if last { end } else { s }).max(t.below(MAX_DELTA))
    }
}

/// A layer to come.
pub(super) struct Next {
    pub t: Option<Sigma>,
    pub s: Sigma,
    /// |x_0 - x0_hat|^2, and of how many values.
    pub error: f64,
    pub len: usize,
}

/// Noise levels `stride` codes apart at 40 levels, and as sqrt(sigma) elsewhere.
///
/// A step of d = ln(sigma_t / sigma_s) spends about d / 2 more than the ideal, so steps are short where many bits are: the
/// bits per unit of ln sigma fall about as 1 / sigma, which makes this growth the best for a given number of calls. They are shorter
/// by a factor of [`REDUCED`] where the network sees a reduced picture, in a quarter of the time or less.
fn grid(stride: f64) -> Vec<u16> {
    let mut grid = vec![MAX_CODE - 1];
    while let Some(t) = grid
        .last()
        .copied()
        .and_then(Sigma::from_code)
        .filter(|t| t.code() > 0)
    {
        let reduced = if t.levels() > FINEST { REDUCED } else { 1.0 };
        let codes = (reduced * stride * (t.levels() / 40.0).sqrt())
            .round()
            .clamp(1.0, 40.0);
        grid.push(t.below(codes as u16).code());
    }
    grid
}

impl Default for Effort {
    /// Level 3.
    fn default() -> Self {
        Effort::at(&LEVELS[2])
    }
}

/// The grid steps of the cheapest layer where the ideal code spends `bits` per unit of ln sigma.
///
/// Error that falls as sigma makes a step of d cost bits (e^d - 1)^2 / 2 more than the ideal, and each layer has its head: the
/// least of both per unit of ln sigma.
fn least_codes(bits: f64) -> u16 {
    let unit = std::f64::consts::LN_2 / f64::from(CODES_PER_OCTAVE);
    let cost = |codes: &u16| {
        let d = f64::from(*codes) * unit;
        // Checks are so many bytes apart, however many layers those are.
        let head = 8.0 * Layer::head_bytes(0, (bits * d / 4.0) as u32, None) as f64;
        (bits * libm::expm1(d).powi(2) / 2.0 + head + LAYER_BITS) / d
    };
    (1..=60)
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
        .unwrap_or(1)
}

/// The squared error of `len` values at a PSNR in dB.
pub(super) fn squared_error(psnr: f64, len: usize) -> f64 {
    let mse = 255.0 * 255.0 * libm::exp2(-psnr * std::f64::consts::LOG2_10 / 10.0);
    mse * len as f64
}

/// A target in terms of one picture: the noise level to stop at, and what may stop the encoder before.
pub(super) struct Goal {
    pub sigma: Sigma,
    pub bytes: Option<usize>,
    pub psnr: Option<f64>,
}

impl Goal {
    pub fn new(target: Target, header: &Header) -> Result<Self> {
        let lowest = Sigma::nearest(LOWEST_SIGMA);
        let mut goal = Goal {
            sigma: lowest,
            bytes: None,
            psnr: None,
        };
        let positive = |v: f64, name: &str| match v {
            v if v.is_finite() && v > 0.0 => Ok(v),
            v => Err(Error::Parameter(format!(
                "{name} must be a positive number, not {v}"
            ))),
        };
        match target {
            Target::Quality(q) | Target::Lossless(Some(q)) => {
                if !(0.0..=100.0).contains(&q) {
                    let e = format!("quality must be 0 to 100, not {q}");
                    return Err(Error::Parameter(e));
                }
                goal.sigma = Sigma::nearest(Target::quality_sigma(q));
            }
            Target::Lossless(None) => {}
            Target::Bytes(b) => goal.bytes = Some(usize::try_from(b).unwrap_or(usize::MAX)),
            Target::Bpp(bpp) => {
                goal.bytes = Some(header.bytes_at(positive(bpp, "bits per pixel")?) as usize)
            }
            Target::Psnr(psnr) => goal.psnr = Some(positive(psnr, "PSNR")?),
        }
        let least = header.file_bytes();
        if let Some(bytes) = goal.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: the header alone takes {least}, {:.3} bits per pixel",
                8.0 * least as f64 / (f64::from(header.width) * f64::from(header.height))
            )));
        }
        // The chain must start above where it ends.
        goal.sigma = goal
            .sigma
            .min(Sigma::from_code(header.start - 1).unwrap_or(lowest));
        Ok(goal)
    }

    /// What is left to do for a file of `written` bytes so far and a picture of `len` values.
    pub fn left(&self, written: usize, len: usize) -> Left {
        match (self.bytes, self.psnr) {
            (Some(b), _) => Left::Bits(8.0 * b.saturating_sub(written) as f64),
            (_, Some(psnr)) => Left::Error(squared_error(psnr, len)),
            _ => Left::Sigma(self.sigma.levels()),
        }
    }

    /// The share of network calls done: they go as the steps, whose density is 1 / sqrt(sigma).
    pub fn progress(&self, header: &Header, s: Sigma, bytes: usize) -> f64 {
        let place = |s: Sigma| s.levels().powf(-0.5);
        let start = Sigma::from_code(header.start).map_or(0.0, place);
        let by_sigma = (place(s) - start) / (place(self.sigma) - start);
        self.bytes
            .map_or(by_sigma, |b| by_sigma.max((bytes as f64 / b as f64).sqrt()))
            .clamp(0.0, 1.0)
    }
}
