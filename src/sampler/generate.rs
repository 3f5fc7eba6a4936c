//! Pictures from noise, and between two pictures.

use crate::codes::{BitDepth, Colour, SigmaCode};
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::prior::Prior;
use crate::sampler::noise::NormalNoise;
use crate::sampler::walk::{FrameReport, Sampler};
use crate::schedule::Sigma;

/// Level of pure noise at the start, over the highest level that the prior denoises well. At that
/// highest level the mean colour of a picture is still seen, and noise alone would draw it too
/// grey. Much further up the shipped prior predicts patterns of its own.
const ABOVE: f64 = 2.0;

impl Sampler {
    /// An RGB picture of `width` x `height` out of nothing: x_T = sigma_T n, walked down to x_0
    /// (Ho, Jain and Abbeel 2020, Algorithm 2). `report` hears of every x0_hat on the way, as in
    /// their figure 6.
    ///
    /// Above 256 levels x0_hat is predicted on a reduced picture, as everywhere
    /// ([`Prior::x0_hat`]); the state is not reduced. With [`Mode::Mean`](super::Mode::Mean) the
    /// picture is E\[x_0 | x_T\], which is almost grey.
    ///
    /// # Errors
    /// - [`Error::Parameter`]: a side is zero.
    /// - [`Error::Backend`]: the network fails.
    /// - [`Error::Cancelled`]: `report` asked to stop.
    pub fn generate(
        &self,
        prior: &Prior,
        width: u32,
        height: u32,
        report: &mut FrameReport<'_>,
    ) -> Result<Picture> {
        if width == 0 || height == 0 {
            let e = format!("{width} x {height}: a picture has a pixel at least");
            return Err(Error::Parameter(e));
        }
        let size = (width as usize, height as usize);
        let (w, h) = Picture::planes_size(width, height);
        let sigma = ABOVE * prior.highest_sigma(w, h);
        let x_t = Planes::zeros(w, h);
        let x_0 = self.descend(prior, x_t, sigma, false, size, report)?;
        Picture::from_planes(&x_0, width, height, Colour::Rgb, BitDepth::Eight, None)
    }

    /// The picture at `lambda` (0..=1) of the way from `a` to `b` (Ho, Jain and Abbeel 2020,
    /// section 4.4): x_t = (1 - lambda) a + lambda b + sigma n, walked down to x_0. `sigma` is in
    /// 8-bit levels; the higher it is, the more of the picture is the prior's own.
    ///
    /// The seed decides n and the noise of the walk, for all lambda alike. Alpha is not used. The
    /// picture is grey if both are.
    ///
    /// # Errors
    /// - [`Error::Parameter`]: the sizes differ, or sigma is not above 0 and at most 65536, or
    ///   lambda is not in 0..=1.
    /// - [`Error::Backend`]: the network fails.
    /// - [`Error::Cancelled`]: `report` asked to stop.
    pub fn interpolate(
        &self,
        prior: &Prior,
        [a, b]: [&Picture; 2],
        lambda: f64,
        sigma: f64,
        report: &mut FrameReport<'_>,
    ) -> Result<Picture> {
        let (width, height) = (a.width(), a.height());
        if (width, height) != (b.width(), b.height()) {
            return Err(Error::Parameter(format!(
                "pictures of {width} x {height} and {} x {}: both must have one size",
                b.width(),
                b.height()
            )));
        }
        let highest = Sigma::from(SigmaCode::MAX).levels();
        if !(sigma > 0.0 && sigma <= highest) {
            return Err(Error::Parameter(format!(
                "noise of {sigma} levels: it must be above 0 and at most {highest}"
            )));
        }
        if !(0.0..=1.0).contains(&lambda) {
            return Err(Error::Parameter(format!(
                "lambda goes from 0 to 1, and {lambda} is not between"
            )));
        }
        let grey = [a, b].iter().all(|p| p.colour() == Colour::Grey);
        let (mut x_t, other) = (a.to_planes(), b.to_planes());
        let lambda = lambda as f32;
        let values = x_t.data.iter_mut().zip(&other.data);
        values.for_each(|(a, b)| *a = (1.0 - lambda) * *a + lambda * b);
        drop(other);
        let size = (width as usize, height as usize);
        let x_0 = self.descend(prior, x_t, sigma, grey, size, report)?;
        let colour = if grey { Colour::Grey } else { Colour::Rgb };
        Picture::from_planes(&x_0, width, height, colour, BitDepth::Eight, None)
    }

    /// Adds noise of `sigma` levels to `x` and walks down.
    fn descend(
        &self,
        prior: &Prior,
        mut x: Planes,
        sigma: f64,
        grey: bool,
        size: (usize, usize),
        report: &mut FrameReport<'_>,
    ) -> Result<Planes> {
        NormalNoise::start(self.seed).add(&mut x.data, sigma);
        let predict = |x: &Planes, sigma: f64| {
            let mut x0_hat = prior.x0_hat(x, sigma)?;
            x0_hat.project(grey, size);
            Ok(x0_hat)
        };
        self.show(&predict, x, sigma, report)
    }
}
