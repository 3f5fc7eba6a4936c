//! What a receiver shows, and how far it is from the picture.

use std::borrow::Cow;

use crate::error::Result;
use crate::metrics::psnr_of;
use crate::picture::Picture;
use crate::planes::{Planar, Planes};
use crate::reverse::{Chain, View};

/// By how many dB more than is wanted a cut may be missed for another to be tried, and by how many others aim higher.
const SLACK: f64 = 0.01;

/// |x_0 - x0_hat|^2
pub(super) fn squared_error(x_0: &Planar, x0_hat: &Planes) -> f64 {
    let values = x_0.values().zip(&x0_hat.data);
    values.map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

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

    /// Whether `show` has the PSNR and hardly more by the view, if it has by the chain's own x0_hat; if not, the gain is corrected.
    pub fn measure(
        &mut self,
        chain: &mut Chain<'r>,
        show: impl for<'c> Fn(&'c mut Chain<'r>) -> Result<Cow<'c, Planes>>,
    ) -> Result<bool> {
        if self.view.is_plain() {
            return Ok(true);
        }
        let plain = show(chain).and_then(|shown| shown_psnr(self.picture, &shown))?;
        let shown = self.viewed(chain, show)?;
        let met = (self.goal..self.goal + 2.0 * SLACK).contains(&shown);
        self.gain = shown - plain - if met { 0.0 } else { SLACK };
        Ok(met)
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
