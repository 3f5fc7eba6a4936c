//! The search for the first four bits at which the picture, as displayed, has a PSNR.

use crate::channel::layer::PartialLayer;
use crate::channel::sender::SentLayer;
use crate::error::Result;
use crate::pixels::metrics::psnr_of;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::reverse::{Chain, Display};
use crate::schedule::Sigma;

/// Number of times that a cut is searched.
const TRIES: usize = 3;

/// Excess in dB from which a cut is searched again.
const SLACK: f64 = 0.02;

/// RGB PSNR in dB of the picture that a receiver shows for `x0_hat`.
///
/// # Errors
/// Those of [`Picture::squared_error`].
pub(crate) fn shown_psnr(picture: &Picture, x0_hat: &Planes) -> Result<f64> {
    let squares = picture.squared_error(x0_hat)?;
    Ok(psnr_of(squares, picture.samples().len(), picture.depth()))
}

/// The picture that a receiver shows for `x0_hat`, with the form and the alpha of `like`.
///
/// # Errors
/// Those of [`Picture::from_planes`].
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

/// The search for the end of a file whose picture, as displayed, has a given PSNR.
pub(crate) struct PsnrSearch<'r> {
    picture: &'r Picture,
    /// The PSNR in dB that the picture as displayed is to have.
    target: f64,
    display: Display,
    /// Gain of the display beyond the chain's own x0_hat when last measured, in dB.
    gain: f64,
}

impl<'r> PsnrSearch<'r> {
    /// More than any display gains, in dB.
    const MOST: f64 = 1.0;

    /// The search for a PSNR of `target` dB of `picture` as displayed by `display`.
    pub fn new(picture: &'r Picture, target: f64, display: Display) -> Self {
        PsnrSearch {
            picture,
            target,
            display,
            gain: 0.0,
        }
    }

    /// RGB PSNR in dB of the picture of `x0_hat`.
    ///
    /// # Errors
    /// Those of [`shown_psnr`].
    pub fn psnr(&self, x0_hat: &Planes) -> Result<f64> {
        shown_psnr(self.picture, x0_hat)
    }

    /// The PSNR in dB that the chain's own x0_hat has to have. It takes one call of the network, a
    /// display may take several.
    pub fn wanted(&self) -> f64 {
        self.target - self.gain
    }

    /// Measures the gain at the state of the chain, whose x0_hat has a PSNR of `psnr` dB, where it
    /// may be the last state.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn approach(&mut self, chain: &mut Chain, psnr: f64) -> Result<()> {
        if !self.display.is_plain() && psnr >= self.target - Self::MOST {
            self.gain = self.displayed(chain, None)? - psnr;
        }
        Ok(())
    }

    /// Corrects the gain. Returns the excess in dB of the PSNR as displayed over the target. It is
    /// 0 where the chain's own x0_hat is displayed, by which the cut was found.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn measure(&mut self, chain: &mut Chain, partial: Option<PartialLayer>) -> Result<f64> {
        if self.display.is_plain() {
            return Ok(0.0);
        }
        let plain = self.psnr(&*chain.estimate(partial)?)?;
        let displayed = self.displayed(chain, partial)?;
        let excess = displayed - self.target;
        // Where it falls short, the next cut is to be higher.
        self.gain = displayed - plain - if excess < 0.0 { SLACK / 2.0 } else { 0.0 };
        Ok(excess)
    }

    /// RGB PSNR in dB of the picture as displayed.
    fn displayed(&self, chain: &mut Chain, partial: Option<PartialLayer>) -> Result<f64> {
        chain.display_by(self.display.clone());
        let psnr = chain
            .estimate(partial)
            .and_then(|planes| self.psnr(&planes));
        chain.display_by(Display::PLAIN);
        psnr
    }

    /// Drops the stages that the target does not need, of a layer that ends at `s`. `before` is the
    /// chain at its start.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn cut(&mut self, sent: &mut SentLayer, before: &mut Chain, s: Sigma) -> Result<()> {
        let mut best = sent.stages.count;
        // The gain changes little from one cut to the next.
        for _ in 0..TRIES {
            let wanted = self.wanted();
            // The picture improves with every stage, up to differences that no reader of PSNR would
            // see.
            let (mut lo, mut hi) = (0, sent.stages.count);
            while hi - lo > 2.max(sent.stages.count / 64) {
                let mid = (lo + hi) / 2;
                let x0_hat = before.estimate(Some(sent.first(mid, s)))?;
                if self.psnr(&x0_hat)? >= wanted {
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
