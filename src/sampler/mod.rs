//! What a receiver can show of a state x_t besides E[x_0 | x_t]: walks from x_t down to x_0 under the prior.
//!
//! All start from x_t = x_0 + sigma_t n as the file's bytes give it, and cost no bits. With x0_hat = E[x_0 | x_t] the score of
//! p(x_t) is (x0_hat - x_t) / sigma_t^2 (Tweedie), and each step goes from sigma_t to a lower sigma_s; the last one, from 1.5
//! levels, shows x0_hat. sigma is in 8-bit levels, the chain in its variance-exploding form, see [`schedule`](crate::schedule).
//!
//! | Mode | A step | Where it goes |
//! |---|---|---|
//! | [`Mode::Mean`] | none | E\[x_0 \| x_t\]: the least squared error, hence the best PSNR, and smooth where the bits say nothing |
//! | [`Mode::Flow`] | dx / d sigma = (x - x0_hat) / sigma | the natural picture nearest in this sense: sharp, deterministic |
//! | [`Mode::Realism`] | (1 - r) mean + r flow | between them |
//! | [`Mode::Sample`] | x_s ~ N( x0_hat + sqrt(sigma_s^2 - std^2) eps_hat, std^2 I ) | with eta = 1 a sample of p(x_0 \| x_t) |
//! | [`Mode::Langevin`] | the same, with corrections | the same |
//!
//! The price is squared error: a perfect sample has twice that of the mean (3 dB), the flow less. Mean of eight Kodak pictures
//! (kodim01, 04 .. 22; `tests/modes.rs` prints it, here of the weights of 20 November 2026), RGB PSNR in dB / MS-SSIM /
//! SSIMULACRA2 / sharpness, which is the energy of the differences of neighbouring samples over that of the original's:
//!
//! | Bits per pixel | 0.05 | 0.1 | 0.2 | 0.4 |
//! |---|---|---|---|---|
//! | mean | 24.79 / 0.803 / -50.9 / 0.26 | 26.77 / 0.872 / -27.5 / 0.41 | 29.20 / 0.925 / 4.4 / 0.59 | 32.18 / 0.961 / 36.6 / 0.75 |
//! | realism 0.25 | 24.85 / 0.809 / -50.2 / 0.33 | 26.80 / 0.875 / -26.7 / 0.48 | 29.21 / 0.927 / 5.1 / 0.65 | 32.19 / 0.962 / 37.0 / 0.79 |
//! | realism 0.5 | 24.73 / 0.808 / -50.4 / 0.43 | 26.67 / 0.875 / -27.0 / 0.58 | 29.08 / 0.926 / 4.8 / 0.73 | 32.08 / 0.961 / 36.8 / 0.84 |
//! | flow | 24.04 / 0.794 / -52.9 / 0.76 | 26.00 / 0.864 / -30.4 / 0.87 | 28.48 / 0.920 / 1.8 / 0.93 | 31.56 / 0.958 / 34.8 / 0.97 |
//! | sample | 23.20 / 0.742 / -61.6 / 0.43 | 24.88 / 0.819 / -45.4 / 0.63 | 27.02 / 0.886 / -17.8 / 0.79 | 29.79 / 0.937 / 16.7 / 0.90 |
//! | langevin | 23.33 / 0.746 / -61.2 / 0.38 | 25.00 / 0.822 / -45.1 / 0.58 | 27.11 / 0.887 / -17.4 / 0.77 | 29.83 / 0.937 / 17.0 / 0.89 |
//!
//! To the eye: up to 0.2 bits per pixel the flow gives stone, foliage and water back their texture, and paints faint strokes on
//! skin and sky; realism 0.5 keeps most of the first and little of the second. At 0.4 the modes look much alike. Realism 0.25
//! costs nothing at any rate. Samples move edges that the bits leave open: they show what is not known, not a better picture.
mod generate;
mod levels;
mod noise;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::{LOWEST_SIGMA, Prior};
use crate::progress::checked;

use crate::sampler::levels::levels;
use crate::sampler::noise::Noise;

/// What to make of a state x_t.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// x0_hat = E\[x_0 | x_t\].
    Mean,
    /// The probability flow dx / d sigma = (x - x0_hat) / sigma (Song et al. 2021), solved with two predictions a step
    /// (DPM-Solver++(2M), Lu et al. 2022): with h = ln(sigma_t / sigma_s) and the step before it h', x0_hat'
    ///
    /// ```text
    /// d   = x0_hat + h / (2 h') (x0_hat - x0_hat')
    /// x_s = d + sigma_s / sigma_t (x_t - d)
    /// ```
    ///
    /// With d = x0_hat this is DDIM (Song, Meng and Ermon 2021), that is `Sample { eta: 0.0 }`, which needs some four times
    /// the steps for the same error.
    Flow,
    /// (1 - r) mean + r flow, 0 <= r <= 1, exact at both ends.
    ///
    /// For a Gaussian prior the flow maps the mean to the prior's law by optimal transport, and the straight line between the
    /// two has the least error of all pictures as near to that law (Freirich, Michaeli and Meir 2021, theorem 3 and section 4).
    /// The other way to a knob, a scaled score dx / d sigma = c (x - x0_hat) / sigma with c from 1 (flow) to 2 (the drift of the
    /// reverse diffusion without its noise), reaches the mean for Gaussians only: with the shipped prior c = 2 is a far smoother
    /// picture than the mean, and worse by 1.1 dB, and all c lose to the straight line.
    Realism(f64),
    /// Ancestral sampling (Ho, Jain and Abbeel 2020, Algorithm 2) in sub-sequences (Song, Meng and Ermon 2021, equation 12):
    ///
    /// ```text
    /// x_s = x0_hat + sqrt(sigma_s^2 - std^2) eps_hat + std n,   std = eta sigma_s sqrt(1 - sigma_s^2 / sigma_t^2)
    /// eps_hat = (x_t - x0_hat) / sigma_t
    /// ```
    ///
    /// eta = 1 is DDPM, eta = 0 DDIM; 0 <= eta <= 1.
    Sample {
        /// The share of the noise that is made anew.
        eta: f64,
    },
    /// Ancestral steps as predictor, annealed Langevin dynamics as corrector (Song and Ermon 2019; Song et al. 2021,
    /// Algorithm 1): at each level sigma_s behind the first,
    ///
    /// ```text
    /// x_s <- mu + (1 - d) (x_s - mu) + sqrt(1 - (1 - d)^2) std n,   d = 0.1
    /// mu = x0_hat + rho (x_t - x0_hat),   rho = sigma_s^2 / sigma_t^2,   std = sigma_s sqrt(1 - rho)
    /// ```
    ///
    /// with x_t the state that the walk started from. That is Langevin dynamics of p(x_s | x_t), whose score is
    /// (mu - x_s) / std^2: corrections do not forget what the file said. The step keeps the noise at sigma_s whatever d.
    Langevin {
        /// Corrections at each level.
        corrections: u32,
    },
}

impl Mode {
    /// Steps that are enough for the mode: more change little.
    pub fn default_steps(self) -> usize {
        match self {
            Mode::Mean => 1,
            Mode::Flow | Mode::Realism(_) => 12,
            Mode::Sample { .. } => 32,
            Mode::Langevin { .. } => 24,
        }
    }
}

/// The step size d of a correction.
const CORRECTION: f64 = 0.1;

/// One prediction of a walk.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its number, from 0.
    pub call: usize,
    /// Predictions of the walk in all.
    pub calls: usize,
    /// The noise level of the state, in 8-bit levels.
    pub sigma: f64,
    /// E\[x_0 | x_t\] of the state.
    pub x0_hat: &'a Planes,
}

/// A callback that hears of every prediction of a walk. The walk ends with [`Error::Cancelled`] where it returns
/// [`ControlFlow::Break`].
pub type FrameReport<'a> = dyn FnMut(Frame<'_>) -> ControlFlow<()> + 'a;

/// A prediction E\[x_0 | x\] for planes with noise of so many levels.
pub(crate) type Predict<'a> = dyn Fn(&Planes, f64) -> Result<Planes> + 'a;

/// A way from x_t to a picture: a [`Mode`], how many steps, and the seed of its noise.
///
/// ```
/// use dcodec::{Colour, Decoder, Encoder, Mode, Picture, Prior, Sampler, Target};
///
/// let prior = Prior::shipped()?;
/// let picture = Picture::new(32, 24, Colour::Rgb, (0..2304).map(|i| (i * 7 % 256) as u8).collect(), None)?;
/// let file = Encoder::new(&prior).target(Target::Quality(50.0)).encode(&picture)?.bytes;
/// let smooth = Decoder::new(&prior).decode(&file)?;
/// let sharp = Decoder::new(&prior).sampler(Sampler::new(Mode::Flow)?).decode(&file)?;
/// assert!(sharp.picture != smooth.picture);
/// # Ok::<(), dcodec::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    mode: Mode,
    steps: usize,
    seed: u64,
}

impl Default for Sampler {
    /// The mean.
    fn default() -> Self {
        Sampler {
            mode: Mode::Mean,
            steps: 1,
            seed: 0,
        }
    }
}

impl Sampler {
    /// A sampler with the mode's own number of steps and seed 0.
    ///
    /// Errors: [`Error::Parameter`] if eta or the realism is not in 0..=1.
    pub fn new(mode: Mode) -> Result<Self> {
        let (name, value) = match mode {
            Mode::Realism(r) => ("realism", r),
            Mode::Sample { eta } => ("eta", eta),
            Mode::Mean | Mode::Flow | Mode::Langevin { .. } => ("", 0.0),
        };
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Parameter(format!(
                "{name} goes from 0 to 1, and {value} is not between"
            )));
        }
        Ok(Sampler {
            mode,
            steps: mode.default_steps(),
            seed: 0,
        })
    }

    /// Sets the number of noise levels to visit, at least one; one step shows the mean, whatever the mode.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = match self.mode {
            Mode::Mean => 1,
            _ => steps.max(1),
        };
        self
    }

    /// Sets the seed of the noise; modes without noise do not use it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Predictions of a walk, one network call each: the steps, and for [`Mode::Langevin`] the corrections between.
    pub fn calls(&self) -> usize {
        calls(self.steps, self.corrections())
    }

    fn corrections(&self) -> u32 {
        match self.mode {
            Mode::Langevin { corrections } => corrections,
            _ => 0,
        }
    }

    /// Walks from x_t, with noise of `sigma` levels, to x_0; both are planes of the same size.
    ///
    /// Errors: [`Error::Backend`] if the network fails.
    pub fn run(&self, prior: &Prior, x_t: Planes, sigma: f64) -> Result<Planes> {
        let predict = |x: &Planes, sigma: f64| prior.x0_hat(x, sigma);
        self.show(&predict, x_t, sigma, &mut |_| ControlFlow::Continue(()))
    }

    /// The same with a prediction of the caller's, and a report.
    pub(crate) fn show(
        &self,
        predict: &Predict<'_>,
        x_t: Planes,
        sigma: f64,
        report: &mut FrameReport<'_>,
    ) -> Result<Planes> {
        let mean = match self.mode {
            Mode::Realism(_) => Some(predict(&x_t, sigma)?),
            _ => None,
        };
        let mut x_0 = self.walk(predict, x_t, sigma, report)?;
        if let Some(mean) = mean {
            self.blend(&mut x_0, &mean);
        }
        Ok(x_0)
    }

    /// The walk from x_t; for [`Mode::Realism`] that of the flow, to be followed by [`Sampler::blend`].
    pub(crate) fn walk(
        &self,
        predict: &Predict<'_>,
        mut x_t: Planes,
        sigma: f64,
        report: &mut FrameReport<'_>,
    ) -> Result<Planes> {
        let levels = match self.mode {
            Mode::Mean => vec![sigma],
            _ => levels(sigma, LOWEST_SIGMA, self.steps),
        };
        let corrections = self.corrections();
        let calls = calls(levels.len(), corrections);
        let mut call = 0;
        let mut predict = |x: &Planes, sigma: f64| {
            let x0_hat = predict(x, sigma)?;
            checked(report(Frame {
                call,
                calls,
                sigma,
                x0_hat: &x0_hat,
            }))?;
            call += 1;
            Ok::<_, Error>(x0_hat)
        };
        let start = (corrections > 0).then(|| x_t.clone());
        let mut noise = Noise::walk(self.seed);
        // The step before: h' and x0_hat'.
        let mut last: Option<(f64, Planes)> = None;
        for (i, &t) in levels.iter().enumerate() {
            if let Some(start) = start.as_ref().filter(|_| i > 0) {
                let rho = (t / sigma).powi(2);
                for _ in 0..corrections {
                    let x0_hat = predict(&x_t, t)?;
                    correct(&mut x_t, &x0_hat, start, (t, rho), CORRECTION, &mut noise);
                }
            }
            let x0_hat = predict(&x_t, t)?;
            let Some(&s) = levels.get(i + 1) else {
                return Ok(x0_hat);
            };
            match self.mode {
                Mode::Mean => {}
                Mode::Flow | Mode::Realism(_) => {
                    let h = libm::log(t / s);
                    flow(&mut x_t, &x0_hat, last.as_ref(), (s / t, h));
                    last = Some((h, x0_hat));
                }
                Mode::Sample { eta } => ancestral(&mut x_t, &x0_hat, (t, s), eta, &mut noise),
                Mode::Langevin { .. } => ancestral(&mut x_t, &x0_hat, (t, s), 1.0, &mut noise),
            }
        }
        // Not reached: the last level has no next one.
        Ok(x_t)
    }

    /// What [`Mode::Realism`] shows for the end of the flow in `x_0` and the mean picture; other modes keep `x_0`.
    pub(crate) fn blend(&self, x_0: &mut Planes, mean: &Planes) {
        if let Mode::Realism(r) = self.mode {
            let r = r as f32;
            let pairs = x_0
                .data
                .par_iter_mut()
                .zip(&mean.data)
                .with_min_len(1 << 14);
            pairs.for_each(|(x, mean)| *x = (1.0 - r) * mean + r * *x);
        }
    }
}

fn calls(levels: usize, corrections: u32) -> usize {
    1 + (levels - 1) * (1 + corrections as usize)
}

/// One step of the flow by the factor `ratio` = sigma_s / sigma_t, h = -ln ratio.
fn flow(x: &mut Planes, x0_hat: &Planes, last: Option<&(f64, Planes)>, (ratio, h): (f64, f64)) {
    let ratio = ratio as f32;
    let (weight, before) = match last {
        Some((before, x0_hat)) => ((h / (2.0 * before)) as f32, x0_hat),
        None => (0.0, x0_hat),
    };
    let values = x.data.par_iter_mut().zip(&x0_hat.data).zip(&before.data);
    values
        .with_min_len(1 << 14)
        .for_each(|((x, x0_hat), before)| {
            let d = x0_hat + weight * (x0_hat - before);
            *x = d + ratio * (*x - d);
        });
}

/// One ancestral step from sigma_t to sigma_s.
fn ancestral(x: &mut Planes, x0_hat: &Planes, (t, s): (f64, f64), eta: f64, noise: &mut Noise) {
    let std = eta * s * (1.0 - (s / t).powi(2)).sqrt();
    let keep = (s * s - std * std).sqrt() / t;
    let (keep, std) = (keep as f32, std as f32);
    noise.apply(&mut x.data, |i, x, n| {
        *x = x0_hat.data[i] + keep * (*x - x0_hat.data[i]) + std * n;
    });
}

/// One correction of size `d` of a state x_s towards p(x_s | x_t), given sigma_s and rho.
fn correct(
    x: &mut Planes,
    x0_hat: &Planes,
    x_t: &Planes,
    (s, rho): (f64, f64),
    d: f64,
    noise: &mut Noise,
) {
    let fresh = s * (1.0 - rho).sqrt() * (1.0 - (1.0 - d).powi(2)).sqrt();
    let (rho, keep, fresh) = (rho as f32, (1.0 - d) as f32, fresh as f32);
    noise.apply(&mut x.data, |i, x, n| {
        let mu = x0_hat.data[i] + rho * (x_t.data[i] - x0_hat.data[i]);
        *x = mu + keep * (*x - mu) + fresh * n;
    });
}
