//! The walk from x_t to x_0, step by step.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::{LOWEST_SIGMA, Prior};
use crate::progress::checked;
use crate::sampler::levels::levels;
use crate::sampler::mode::Mode;
use crate::sampler::noise::NormalNoise;

/// The step size d of a correction.
const CORRECTION: f64 = 0.1;

/// Standard deviation in levels of the pictures that DDPM's sigma^2 = beta is exact for.
const WHITE: f64 = 127.5;

/// One prediction of a walk.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// Its number, from 0.
    pub call: usize,
    /// Predictions of the walk in all.
    pub calls: usize,
    /// The noise level of the state, in 8-bit levels.
    pub sigma: f64,
    /// Its prediction, E\[x_0 | x_t\].
    pub x0_hat: &'a Planes,
}

/// A callback that hears of every prediction of a walk. The walk ends with [`Error::Cancelled`]
/// where it returns [`ControlFlow::Break`].
pub type FrameReport<'a> = dyn FnMut(Frame<'_>) -> ControlFlow<()> + 'a;

/// A function that returns E\[x_0 | x\] of planes x with noise of `sigma` levels.
pub(crate) type Predict<'a> = dyn Fn(&Planes, f64) -> Result<Planes> + 'a;

/// A way from x_t to a picture: a [`Mode`], a number of steps, and the seed of the noise.
///
/// ```
/// use dcodec::{Colour, Decoder, Encoder, Mode, Picture, Prior, Sampler, Target};
///
/// let prior = Prior::shipped()?;
/// let samples = (0..2304).map(|i| (i * 7 % 256) as u8).collect();
/// let picture = Picture::new(32, 24, Colour::Rgb, samples, None)?;
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
    pub(super) seed: u64,
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
    /// # Errors
    /// [`Error::Parameter`] if eta or the realism is not in 0..=1.
    pub fn new(mode: Mode) -> Result<Self> {
        let (name, value) = match mode {
            Mode::Realism(r) => ("realism", r),
            Mode::Sample { eta } => ("eta", eta),
            Mode::Mean | Mode::Flow | Mode::SampleLarge | Mode::Langevin { .. } => ("", 0.0),
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

    /// Sets the number of noise levels to visit, at least one. One step shows the mean in every
    /// mode.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = match self.mode {
            Mode::Mean => 1,
            _ => steps.max(1),
        };
        self
    }

    /// Sets the seed of the noise. Modes without noise do not use it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Number of predictions of a walk, one call of the network each: the steps, and the
    /// corrections of [`Mode::Langevin`].
    pub fn calls(&self) -> usize {
        calls(self.steps, self.corrections())
    }

    fn corrections(&self) -> u32 {
        match self.mode {
            Mode::Langevin { corrections } => corrections,
            _ => 0,
        }
    }

    /// x_0 at the end of the walk from x_t, with noise of `sigma` levels; both are planes of one
    /// size.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn run(&self, prior: &Prior, x_t: Planes, sigma: f64) -> Result<Planes> {
        let predict = |x: &Planes, sigma: f64| prior.x0_hat(x, sigma);
        self.show(&predict, x_t, sigma, &mut |_| ControlFlow::Continue(()))
    }

    /// x_0 at the end of the walk, with the predictions of the caller, and a report.
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

    /// The walk from x_t. For [`Mode::Realism`] it is the walk of the flow, and [`Sampler::blend`]
    /// has to follow.
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
        let mut noise = NormalNoise::walk(self.seed);
        // h' and x0_hat' of the step before.
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
                Mode::Sample { eta } => {
                    let std = small(t, s) * eta;
                    let keep = (s * s - std * std).sqrt() / t;
                    ancestral(&mut x_t, &x0_hat, (keep, std), &mut noise);
                }
                Mode::SampleLarge => {
                    let keep = (s / t).powi(2);
                    ancestral(&mut x_t, &x0_hat, (keep, large(t, s)), &mut noise);
                }
                Mode::Langevin { .. } => {
                    let std = small(t, s);
                    let keep = (s * s - std * std).sqrt() / t;
                    ancestral(&mut x_t, &x0_hat, (keep, std), &mut noise);
                }
            }
        }
        // Not reached: the last level has no next one.
        Ok(x_t)
    }

    /// Replaces `x_0`, the end of the flow, by the picture of [`Mode::Realism`], given the mean
    /// picture. Other modes keep `x_0`.
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

/// Number of predictions of a walk over `levels` levels.
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

/// Standard deviation of p(x_s | x_t, x_0): beta~ of DDPM.
fn small(t: f64, s: f64) -> f64 {
    s * (1.0 - (s / t).powi(2)).sqrt()
}

/// Standard deviation of p(x_s | x_t) of white pictures: beta of DDPM.
fn large(t: f64, s: f64) -> f64 {
    let [t, s] = [t, s].map(|level| (level / WHITE).powi(2));
    WHITE * ((t - s) * (1.0 + s) / (1.0 + t)).sqrt()
}

/// One ancestral step, which keeps a share of what x_t is off by and adds noise of `std`.
fn ancestral(x: &mut Planes, x0_hat: &Planes, (keep, std): (f64, f64), noise: &mut NormalNoise) {
    let (keep, std) = (keep as f32, std as f32);
    noise.apply(&mut x.data, |i, x, n| {
        *x = x0_hat.data[i] + keep * (*x - x0_hat.data[i]) + std * n;
    });
}

/// One correction of size `d` of a state x_s towards p(x_s | x_t), with sigma_s and rho.
fn correct(
    x: &mut Planes,
    x0_hat: &Planes,
    x_t: &Planes,
    (s, rho): (f64, f64),
    d: f64,
    noise: &mut NormalNoise,
) {
    let fresh = s * (1.0 - rho).sqrt() * (1.0 - (1.0 - d).powi(2)).sqrt();
    let (rho, keep, fresh) = (rho as f32, (1.0 - d) as f32, fresh as f32);
    noise.apply(&mut x.data, |i, x, n| {
        let mu = x0_hat.data[i] + rho * (x_t.data[i] - x0_hat.data[i]);
        *x = mu + keep * (*x - mu) + fresh * n;
    });
}

#[cfg(test)]
mod tests;
