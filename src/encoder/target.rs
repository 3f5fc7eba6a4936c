//! The end of a file: a target, and the rule that stops the encoder.

use crate::container::Header;
use crate::encoder::forecast::{Remaining, squared_error};
use crate::error::{Error, Result};
use crate::prior::LOWEST_SIGMA;
use crate::schedule::Sigma;

/// The point at which a file ends.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// At a final noise level of [`Target::quality_sigma`] levels, quality 0..=100.
    Quality(f64),
    /// At this number of bytes, headers included. The file is smaller if the lowest noise level
    /// comes first.
    Bytes(u64),
    /// At this number of bits per pixel, headers included. The file is smaller if the lowest noise
    /// level comes first.
    Bpp(f64),
    /// At the first four bits at which the decoded picture has this RGB PSNR in dB, or at the
    /// lowest noise level.
    Psnr(f64),
    /// At the exact picture: its samples follow layers that end at this quality. Without one it is
    /// the smallest file that is found: layers of quality 75 before the samples of a photograph,
    /// and a preview or nothing before those of a drawing or a screenshot.
    Lossless(Option<f64>),
}

impl Target {
    /// The final noise level in 8-bit levels of a quality: 1.5 levels at 100, doubling every ten
    /// points below.
    pub fn quality_sigma(quality: f64) -> f64 {
        LOWEST_SIGMA * libm::exp2((100.0 - quality) / 10.0)
    }

    /// True if the file ends in the exact picture.
    pub fn is_lossless(self) -> bool {
        matches!(self, Target::Lossless(_))
    }
}

/// A target in terms of one picture. The encoder stops at whichever comes first.
pub(crate) struct StopRule {
    /// Noise level to stop at.
    pub sigma: Sigma,
    /// Length of the file to stop at.
    pub bytes: Option<usize>,
    /// RGB PSNR in dB to stop at.
    pub psnr: Option<f64>,
}

impl StopRule {
    /// The rule of `target` for a file with this header.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a number out of its range, or bytes that do not hold the header.
    pub fn new(target: Target, header: &Header) -> Result<Self> {
        let lowest = Sigma::nearest(LOWEST_SIGMA);
        let mut stop = StopRule {
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
                stop.sigma = Sigma::nearest(Target::quality_sigma(q));
            }
            Target::Lossless(None) => {}
            Target::Bytes(b) => stop.bytes = Some(usize::try_from(b).unwrap_or(usize::MAX)),
            Target::Bpp(bpp) => {
                stop.bytes = Some(header.bytes_at(positive(bpp, "bits per pixel")?) as usize)
            }
            Target::Psnr(psnr) => stop.psnr = Some(positive(psnr, "PSNR")?),
        }
        let least = header.file_bytes();
        if let Some(bytes) = stop.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: the header alone takes {least}, {:.3} bits per pixel",
                8.0 * least as f64 / (header.form.pixels() as f64)
            )));
        }
        // The chain must start above where it ends.
        stop.sigma = stop.sigma.min(header.start.below(1).into());
        Ok(stop)
    }

    /// The work that remains for a file of `written` bytes so far and a picture of `len` values.
    pub fn remaining(&self, written: usize, len: usize) -> Remaining {
        match (self.bytes, self.psnr) {
            (Some(b), _) => Remaining::Bits(8.0 * b.saturating_sub(written) as f64),
            (_, Some(psnr)) => Remaining::Error(squared_error(psnr, len)),
            _ => Remaining::Sigma(self.sigma.levels()),
        }
    }

    /// Share of the network calls that are done, 0..=1. They go as the steps, whose density is
    /// 1 / sqrt(sigma).
    pub fn progress(&self, header: &Header, s: Sigma, bytes: usize) -> f64 {
        let place = |s: Sigma| s.levels().powf(-0.5);
        let start = place(header.start.into());
        let by_sigma = (place(s) - start) / (place(self.sigma) - start);
        self.bytes
            .map_or(by_sigma, |b| by_sigma.max((bytes as f64 / b as f64).sqrt()))
            .clamp(0.0, 1.0)
    }
}
