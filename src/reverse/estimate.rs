//! The estimate of x_0 that a state of the chain shows, also inside a layer (clauses 17 and 18).

use std::borrow::Cow;

use rayon::prelude::*;

use crate::channel::layer::PartialLayer;
use crate::channel::rotation::Rotated;
use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::reverse::chain::{Chain, WHOLE_STAGES, to_mean};
use crate::schedule::Sigma;
use crate::timings::Activity;

/// Number of arrived stages at which a partial layer counts half in the estimate.
const SLOW_STAGES: f64 = 256.0;

impl Chain {
    /// The planes that are displayed of the present state, or of the state inside the next layer if
    /// `partial` of it has come.
    ///
    /// Inside a layer the rotated values of the stages that came are at sigma_s, the others still
    /// at sigma_t. Mixed by the rotation, the picture is x_0 plus noise of a level between, and is
    /// denoised as such (clause 18).
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) if the network fails.
    pub fn estimate(&mut self, partial: Option<PartialLayer>) -> Result<Cow<'_, Planes>> {
        let Some(partial) = partial.filter(|p| self.moves(p)) else {
            return self.estimate_whole();
        };
        self.predict_by(partial.corrected);
        let x0_hat = self.take_x0_hat_and_download()?;
        let shown = self.within(&partial, self.x_t.clone(), Cow::Borrowed(&x0_hat))?;
        self.x0_hat = Some(x0_hat);
        Ok(Cow::Owned(shown))
    }

    /// [`Chain::estimate`] at the end of the chain's life, with one array less in memory.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) if the network fails.
    pub fn into_estimate(mut self, partial: Option<PartialLayer>) -> Result<Planes> {
        if let Some(partial) = partial.filter(|p| self.moves(p)) {
            self.predict_by(partial.corrected);
            let x0_hat = self.take_x0_hat_and_download()?;
            self.anchor = None;
            let x = std::mem::take(&mut self.x_t);
            return self.within(&partial, x, Cow::Owned(x0_hat));
        }
        self.predict_by(false);
        self.anchor = None;
        if self.refines() {
            self.download()?;
        }
        let x0_hat = match self.passes_x0_hat_by() {
            true => {
                self.x0_hat = None;
                Planes::default()
            }
            false => self.take_x0_hat()?,
        };
        self.refined(x0_hat, &self.x_t, self.t.map(Sigma::levels))
    }

    /// The planes that are displayed of x_t.
    fn estimate_whole(&mut self) -> Result<Cow<'_, Planes>> {
        self.predict_by(false);
        if self.refines() {
            self.download()?;
        }
        if self.passes_x0_hat_by() {
            let t = self.t.map(Sigma::levels);
            let shown = self.refined(Planes::default(), &self.x_t, t);
            return shown.map(Cow::Owned);
        }
        let x0_hat = self.take_x0_hat()?;
        if !self.refines() {
            return Ok(Cow::Borrowed(self.x0_hat.insert(x0_hat)));
        }
        let shown = self.refined(x0_hat.clone(), &self.x_t, self.t.map(Sigma::levels));
        self.x0_hat = Some(x0_hat);
        shown.map(Cow::Owned)
    }

    /// True if the display does more than the chain does.
    fn refines(&self) -> bool {
        self.display.prior().is_some()
            || self.display.filter().is_some()
            || self.display.ensemble_size() > self.ensemble
    }

    /// True if x0_hat has no part in the display of x_t, because another prior predicts it.
    fn passes_x0_hat_by(&self) -> bool {
        self.display.prior().is_some() && self.t.is_some()
    }

    /// `x0_hat` of a state with noise of `sigma` levels, refined as it is displayed.
    fn refined(&self, mut x0_hat: Planes, x_t: &Planes, sigma: Option<f64>) -> Result<Planes> {
        if let (Some(sigma), Some(other)) = (sigma, self.display.prior()) {
            drop(x0_hat);
            // One network's activations at a time.
            self.prior.release();
            x0_hat = other.predict(x_t, sigma, self.display.ensemble_size(), &self.meter)?;
            other.release();
            x0_hat.project(self.grey, self.size);
        } else if let (Some(sigma), true) = (sigma, self.refines()) {
            let more = self.ensemble..self.display.ensemble_size();
            let prior = &self.prior;
            prior.extend_ensemble(&mut x0_hat, x_t, sigma, more, &self.meter)?;
            x0_hat.project(self.grey, self.size);
        }
        if let (Some(sigma), Some(filter)) = (sigma, self.display.filter()) {
            self.prior.release();
            filter.apply(x_t, sigma, &mut x0_hat, &self.meter)?;
            x0_hat.project(self.grey, self.size);
        }
        Ok(x0_hat)
    }

    /// The state inside the next layer, whose prediction [`Chain::estimate`] follows, and its noise
    /// level in 8-bit levels. None if that shows x0_hat of the last whole layer, and before the
    /// first.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) if the network fails.
    pub fn state_within(&mut self, partial: &PartialLayer) -> Result<Option<(Planes, f64)>> {
        if !self.moves(partial) {
            return Ok(None);
        }
        self.predict_by(partial.corrected);
        let x0_hat = self.take_x0_hat_and_download()?;
        let state = self.mix(partial, self.x_t.clone(), &x0_hat);
        self.x0_hat = Some(x0_hat);
        Ok(Some(state))
    }

    /// True if `partial` of the next layer changes the display.
    fn moves(&self, partial: &PartialLayer) -> bool {
        self.t.is_some() && partial.arrived() >= 1 && partial.stages.count >= WHOLE_STAGES
    }

    /// The planes that are displayed inside the next layer; `x` is x_t.
    fn within(&self, partial: &PartialLayer, x: Planes, x0_hat: Cow<'_, Planes>) -> Result<Planes> {
        // Few bits move the prediction at random more than they improve it: let it follow slowly.
        let (n, part) = (partial.arrived() as f64, partial.share());
        let weight = part + (1.0 - part) * n / (n + SLOW_STAGES);
        let rest = (1.0 - weight) as f32;
        // A call shows x_t closer than a correction: the first bits must not take that back.
        let called = match (partial.corrected, self.t) {
            (true, Some(t)) => Some(self.predict(&x, t.levels())?),
            _ => None,
        };
        let (x, sigma) = self.mix(partial, x, &x0_hat);
        let before = called.map_or(x0_hat, Cow::Owned);
        if !self.refines() {
            let mut shown = self.predict(x, sigma)?;
            change(&mut shown, &before, |new, old| new - rest * (new - old));
            return Ok(shown);
        }
        // The chain's own predictions say how far the step is not taken.
        let new = self.predict(&x, sigma)?;
        let mut back = before.into_owned();
        change(&mut back, &new, |old, new| rest * (new - old));
        let mut shown = self.refined(new, &x, Some(sigma))?;
        drop(x);
        change(&mut shown, &back, |refined, back| refined - back);
        Ok(shown)
    }

    /// The state inside the next layer and its noise level; `x` is x_t.
    fn mix(&self, partial: &PartialLayer, mut x: Planes, x0_hat: &Planes) -> (Planes, f64) {
        let PartialLayer {
            s, bits, stages, ..
        } = *partial;
        let (step, shared) = (self.step(s), self.shared());
        let (rho, std) = (step.rho() as f32, step.std() as f32);
        // The excess of x_t over the mean of p(x_s | x_t), in units of std.
        let values = x.data.par_iter().zip(&x0_hat.data).with_min_len(1 << 14);
        let beyond: Vec<f32> = values.map(|(x, x0)| (1.0 - rho) * (x - x0) / std).collect();
        to_mean(&mut x, x0_hat, &step);
        let signs = shared.signs(bits, stages);
        let amplitudes = shared.amplitudes(&signs);
        self.meter.time(Activity::Rotation, || {
            let beyond = shared.transform.forward(&shared.stream, beyond);
            let mix = |part: usize, beyond: Rotated, first: usize, y: &mut [f32]| {
                let (all, arrived) = (signs.stages(part).max(1), signs.arrived(part));
                let amplitude = amplitudes[part] as f32;
                signs.fill(part, first, y);
                for (y, (i, beyond)) in y.iter_mut().zip(beyond.every(first, 1)) {
                    *y = if i % all < arrived {
                        amplitude * *y
                    } else {
                        beyond
                    };
                }
            };
            let transform = shared.transform;
            transform.add_changed(&shared.stream, beyond, mix, step.std(), &mut x.data);
        });
        let lens = shared.transform.lens().into_iter().enumerate();
        let arrived = lens.map(|(part, len)| {
            let all = signs.stages(part).max(1);
            len as f64 * signs.arrived(part) as f64 / all as f64
        });
        let arrived = arrived.sum::<f64>() / x.len() as f64;
        (x, step.sigma_between(arrived))
    }
}

/// Replaces every value v by f(v, w), where w is the value of `other` in its place.
fn change(planes: &mut Planes, other: &Planes, f: impl Fn(f32, f32) -> f32 + Sync) {
    planes
        .data
        .par_iter_mut()
        .zip(&other.data)
        .with_min_len(1 << 14)
        .for_each(|(v, other)| *v = f(*v, *other));
}
