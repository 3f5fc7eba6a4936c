//! The search for the first four bits at which the picture, as displayed, has a PSNR.

use crate::channel::layer::PartialLayer;
use crate::channel::sender::SentLayer;
use crate::error::Result;
use crate::pixels::metrics::psnr_of;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::reverse::{Chain, Display};
use crate::schedule::Sigma;

/// How often a cut is looked for.
const TRIES: usize = 3;

/// Cuts that have more dB than they should by this are looked for again.
const SLACK: f64 = 0.02;

/// RGB PSNR in dB of the picture that a receiver shows for `x0_hat`.
pub(crate) fn shown_psnr(picture: &Picture, x0_hat: &Planes) -> Result<f64> {
    let squares = picture.squared_error(x0_hat)?;
    Ok(psnr_of(squares, picture.samples().len(), picture.depth()))
}

/// The picture that a receiver shows for `x0_hat`.
pub(crate) fn picture_of(like: &Picture, x0_hat: &Planes) -> Result<Picture> {
    Picture::from_planes(
        x0_hat,
        like.width(),
        like.height(),
        like.colour(),
        like.depth(),
        like.alpha().cloned(),
    )
}

/// A PSNR in dB that the picture as displayed is to have.
pub(crate) struct PsnrSearch<'r> {
    picture: &'r Picture,
    goal: f64,
    display: Display,
    /// Gain of the display beyond the chain's own x0_hat when last measured, in dB.
    gain: f64,
}

impl<'r> PsnrSearch<'r> {
    /// More than any display gains, in dB.
    const MOST: f64 = 1.0;

    pub fn new(picture: &'r Picture, goal: f64, display: Display) -> Self {
        PsnrSearch {
            picture,
            goal,
            display,
            gain: 0.0,
        }
    }

    /// RGB PSNR in dB of the picture that `x0_hat` shows.
    pub fn psnr(&self, x0_hat: &Planes) -> Result<f64> {
        shown_psnr(self.picture, x0_hat)
    }

    /// The PSNR that the chain's own x0_hat has to have: the network is called once for it, and not as often as a display asks for.
    pub fn wanted(&self) -> f64 {
        self.goal - self.gain
    }

    /// Measures the gain at the state of the chain, whose x0_hat has this PSNR, where it may be the last.
    pub fn approach(&mut self, chain: &mut Chain, psnr: f64) -> Result<()> {
        if !self.display.is_plain() && psnr >= self.goal - Self::MOST {
            let shown = self.displayed(chain, None)?;
            self.gain = shown - psnr;
        }
        Ok(())
    }

    /// Excess over the goal in dB of the PSNR as displayed; 0 where that is the chain's own x0_hat, by which the cut was
    /// found. Corrects the gain.
    pub fn measure(&mut self, chain: &mut Chain, partial: Option<PartialLayer>) -> Result<f64> {
        if self.display.is_plain() {
            return Ok(0.0);
        }
        let plain = self.psnr(&*chain.estimate(partial)?)?;
        let shown = self.displayed(chain, partial)?;
        let excess = shown - self.goal;
        // One that falls short aims higher.
        self.gain = shown - plain - if excess < 0.0 { SLACK / 2.0 } else { 0.0 };
        Ok(excess)
    }

    /// RGB PSNR in dB of the picture as displayed.
    fn displayed(&self, chain: &mut Chain, partial: Option<PartialLayer>) -> Result<f64> {
        chain.display_by(self.display.clone());
        let psnr = chain.estimate(partial).and_then(|shown| self.psnr(&shown));
        chain.display_by(Display::PLAIN);
        psnr
    }

    /// Drops the stages of a layer that ends at `s` which the goal does not need. `before` is the chain at its start.
    pub fn cut(&mut self, sent: &mut SentLayer, before: &mut Chain, s: Sigma) -> Result<()> {
        let mut best = sent.stages.count;
        // The gain changes little from one cut to the next.
        for _ in 0..TRIES {
            let wanted = self.wanted();
            // The picture improves with every stage, give or take less than a reader of PSNR would see.
            let (mut lo, mut hi) = (0, sent.stages.count);
            while hi - lo > 2.max(sent.stages.count / 64) {
                let mid = (lo + hi) / 2;
                let shown = before.estimate(Some(sent.first(mid, s)))?;
                if self.psnr(&shown)? >= wanted {
                    hi = mid
                } else {
                    lo = mid
                }
            }
            // Whole bytes.
            let count = hi.next_multiple_of(2).min(sent.stages.count);
            let excess = self.measure(before, Some(sent.first(count, s)))?;
            if excess >= 0.0 {
                best = best.min(count);
            }
            if (0.0..SLACK).contains(&excess) {
                break;
            }
        }
        sent.bits.truncate(4 * best);
        Ok(())
    }
}
