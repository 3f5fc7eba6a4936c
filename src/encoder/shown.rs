//! What a receiver shows, and how far it is from the picture.

use std::borrow::Cow;

use crate::error::Result;
use crate::metrics::psnr_of;
use crate::picture::Picture;
use crate::planes::Planes;
use crate::reverse::{Chain, View};

/// Cuts that have more dB than they should by this are looked for again.
pub(super) const SLACK: f64 = 0.02;

/// RGB PSNR in dB of the picture that a receiver shows for `x0_hat`.
pub(super) fn shown_psnr(picture: &Picture, x0_hat: &Planes) -> Result<f64> {
    let squares = picture.squared_error(x0_hat)?;
    Ok(psnr_of(squares, picture.samples().len(), picture.depth()))
}

/// The picture that a receiver shows for `x0_hat`.
pub(super) fn picture_of(like: &Picture, x0_hat: &Planes) -> Result<Picture> {
    Picture::from_planes(
        x0_hat,
        like.width(),
        like.height(),
        like.colour(),
        like.depth(),
        like.alpha().cloned(),
    )
}

/// A PSNR in dB that what is shown is to have.
pub(super) struct Aim<'r> {
    picture: &'r Picture,
    goal: f64,
    view: View<'r>,
    /// What the view shows beyond the chain's own x0_hat when last measured, in dB.
    gain: f64,
}

impl<'r> Aim<'r> {
    /// More than any view gains, in dB.
    const MOST: f64 = 1.0;

    pub fn new(picture: &'r Picture, goal: f64, view: View<'r>) -> Self {
        Aim {
            picture,
            goal,
            view,
            gain: 0.0,
        }
    }

    /// RGB PSNR in dB of the picture that `x0_hat` shows.
    pub fn psnr(&self, x0_hat: &Planes) -> Result<f64> {
        shown_psnr(self.picture, x0_hat)
    }

    /// The PSNR that the chain's own x0_hat has to have: the network is called once for it, and not as often as a view asks for.
    pub fn wanted(&self) -> f64 {
        self.goal - self.gain
    }

    /// Measures the gain at the state of the chain, whose x0_hat has this PSNR, where it may be the last.
    pub fn approach(&mut self, chain: &mut Chain<'r>, psnr: f64) -> Result<()> {
        if !self.view.is_plain() && psnr >= self.goal - Self::MOST {
            let shown = self.viewed(chain, |chain| chain.shown())?;
            self.gain = shown - psnr;
        }
        Ok(())
    }

    /// By how many dB what `show` shows by the view exceeds the goal; nothing where that is the chain's own x0_hat, by which it has been
    /// found. Corrects the gain.
    pub fn measure(
        &mut self,
        chain: &mut Chain<'r>,
        show: impl for<'c> Fn(&'c mut Chain<'r>) -> Result<Cow<'c, Planes>>,
    ) -> Result<f64> {
        if self.view.is_plain() {
            return Ok(0.0);
        }
        let plain = show(chain).and_then(|shown| shown_psnr(self.picture, &shown))?;
        let shown = self.viewed(chain, show)?;
        let excess = shown - self.goal;
        // One that falls short aims higher.
        self.gain = shown - plain - if excess < 0.0 { SLACK / 2.0 } else { 0.0 };
        Ok(excess)
    }

    /// RGB PSNR in dB of what `show` shows by the view.
    fn viewed(
        &self,
        chain: &mut Chain<'r>,
        show: impl for<'c> Fn(&'c mut Chain<'r>) -> Result<Cow<'c, Planes>>,
    ) -> Result<f64> {
        chain.show_by(self.view);
        let psnr = show(chain).and_then(|shown| shown_psnr(self.picture, &shown));
        chain.show_by(View::PLAIN);
        psnr
    }
}
