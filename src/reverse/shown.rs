//! What a state of the chain shows, also where a layer has come in part: clauses 17 and 18 of the specification.

use std::borrow::Cow;

use bitvec::prelude::*;
use rayon::prelude::*;

use super::{Chain, WHOLE_STAGES, project, to_mean};
use crate::channel::rotation::Rotated;
use crate::channel::split::Stages;
use crate::channel::trellis::Code;
use crate::error::Result;
use crate::planes::Planes;
use crate::prior::Prior;
use crate::schedule::Sigma;
use crate::timings::Part;

/// Arrived stages at which a part of a layer counts half in what is shown.
const SLOW_STAGES: f64 = 256.0;

/// By what a state is shown (clause 18.6).
#[derive(Clone, Copy)]
pub struct View<'p> {
    /// The prior that predicts it; none for the chain's own.
    pub refiner: Option<&'p Prior>,
    /// Over how many orientations of the picture it is averaged; the chain's own over as many as in the chain at least.
    pub orientations: usize,
}

impl View<'_> {
    /// x0_hat as it is in the chain.
    pub const PLAIN: Self = View {
        refiner: None,
        orientations: 1,
    };

    /// Whether it is that.
    pub fn is_plain(&self) -> bool {
        self.refiner.is_none() && self.orientations == 1
    }
}

impl Chain<'_> {
    /// What is shown of x_t: x0_hat, or what the view makes of it.
    pub fn shown(&mut self) -> Result<Cow<'_, Planes>> {
        if self.refines() {
            self.fetch()?;
        }
        if self.passes_x0_hat_by() {
            let t = self.t.map(Sigma::levels);
            let shown = self.refined(Planes::default(), &self.x_t, t);
            return shown.map(Cow::Owned);
        }
        self.x0_hat()?;
        let x0_hat = self.x0_hat.take().unwrap_or_default();
        if !self.refines() {
            return Ok(Cow::Borrowed(self.x0_hat.insert(x0_hat)));
        }
        let shown = self.refined(x0_hat.clone(), &self.x_t, self.t.map(Sigma::levels));
        self.x0_hat = Some(x0_hat);
        shown.map(Cow::Owned)
    }

    /// The same as the last thing that the chain does, with an array less in memory.
    pub fn end(mut self) -> Result<Planes> {
        if self.refines() {
            self.fetch()?;
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

    /// What is shown when only some stages of the next layer have arrived.
    ///
    /// The rotated values of these stages are at sigma_s, the others still at sigma_t; mixed by the rotation, the picture
    /// is x_0 plus noise of a level between, and is denoised as that.
    pub fn between(
        &mut self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: Stages,
    ) -> Result<Planes> {
        if !self.moves(bits, stages) {
            return Ok(self.shown()?.into_owned());
        }
        let x0_hat = self.take_x0_hat_and_fetch()?;
        let shown = self.mixed(s, bits, stages, self.x_t.clone(), Cow::Borrowed(&x0_hat))?;
        self.x0_hat = Some(x0_hat);
        Ok(shown)
    }

    /// The same as the last thing that the chain does, with an array less in memory.
    pub fn end_between(
        mut self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: Stages,
    ) -> Result<Planes> {
        if !self.moves(bits, stages) {
            return self.end();
        }
        let x0_hat = self.take_x0_hat_and_fetch()?;
        let x = std::mem::take(&mut self.x_t);
        self.mixed(s, bits, stages, x, Cow::Owned(x0_hat))
    }

    /// Whether more is done to what is shown than the chain does.
    fn refines(&self) -> bool {
        self.view.refiner.is_some() || self.view.orientations > self.orientations
    }

    /// Whether x0_hat has no part in what is shown of x_t: a refiner has no use for it.
    fn passes_x0_hat_by(&self) -> bool {
        self.view.refiner.is_some() && self.t.is_some()
    }

    /// `x0_hat` of a state with noise of `sigma` levels as it is shown.
    fn refined(&self, mut x0_hat: Planes, x_t: &Planes, sigma: Option<f64>) -> Result<Planes> {
        if let (Some(sigma), Some(refiner)) = (sigma, self.view.refiner) {
            drop(x0_hat);
            // One network's activations at a time.
            self.prior.release();
            x0_hat = refiner.predict(x_t, sigma, self.view.orientations, &self.meter)?;
            refiner.release();
            project(&mut x0_hat, self.grey, self.size);
        } else if let (Some(sigma), true) = (sigma, self.refines()) {
            let more = self.orientations..self.view.orientations;
            let prior = self.prior;
            prior.refine(&mut x0_hat, x_t, sigma, more, &self.meter)?;
            project(&mut x0_hat, self.grey, self.size);
        }
        Ok(x0_hat)
    }

    /// The state inside the next layer, whose prediction [`Chain::between`] follows, and its noise level; none where that
    /// shows x0_hat of the last whole layer, and before the first.
    pub fn state_between(
        &mut self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: Stages,
    ) -> Result<Option<(Planes, f64)>> {
        if !self.moves(bits, stages) {
            return Ok(None);
        }
        let x0_hat = self.take_x0_hat_and_fetch()?;
        let state = self.mix(s, bits, stages, self.x_t.clone(), &x0_hat);
        self.x0_hat = Some(x0_hat);
        Ok(Some(state))
    }

    /// Whether so few stages of the next layer move what is shown.
    fn moves(&self, bits: &BitSlice<u8, Msb0>, stages: Stages) -> bool {
        self.t.is_some() && bits.len() >= Code::BITS as usize && stages.count >= WHOLE_STAGES
    }

    /// What [`Chain::between`] shows; `x` is x_t.
    fn mixed(
        &self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: Stages,
        x: Planes,
        x0_hat: Cow<'_, Planes>,
    ) -> Result<Planes> {
        // So few bits move the prediction at random more than they improve it: let it follow slowly.
        let n = (bits.len() / Code::BITS as usize) as f64;
        let part = n / stages.count as f64;
        let weight = part + (1.0 - part) * n / (n + SLOW_STAGES);
        let rest = (1.0 - weight) as f32;
        let (x, sigma) = self.mix(s, bits, stages, x, &x0_hat);
        if !self.refines() {
            let mut shown = self.predict(x, sigma)?;
            change(&mut shown, &x0_hat, |new, old| new - rest * (new - old));
            return Ok(shown);
        }
        // The step that is not taken, by the chain's own measure: what is shown before it takes no calls.
        let new = self.predict(&x, sigma)?;
        let mut back = x0_hat.into_owned();
        change(&mut back, &new, |old, new| rest * (new - old));
        let mut shown = self.refined(new, &x, Some(sigma))?;
        drop(x);
        change(&mut shown, &back, |refined, back| refined - back);
        Ok(shown)
    }

    /// The state inside the next layer and its noise level; `x` is x_t.
    fn mix(
        &self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: Stages,
        mut x: Planes,
        x0_hat: &Planes,
    ) -> (Planes, f64) {
        let (step, shared) = (self.step(s), self.shared());
        let (rho, std) = (step.rho() as f32, step.std() as f32);
        // What x_t holds beyond the mean of p(x_s | x_t), in units of std.
        let values = x.data.par_iter().zip(&x0_hat.data).with_min_len(1 << 14);
        let beyond: Vec<f32> = values.map(|(x, x0)| (1.0 - rho) * (x - x0) / std).collect();
        to_mean(&mut x, x0_hat, &step);
        let signs = shared.signs(bits, stages);
        let amplitudes = shared.amplitudes(&signs);
        self.meter.time(Part::Rotation, || {
            let beyond = shared.mixer.forward(&shared.stream, beyond);
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
            let mixer = shared.mixer;
            mixer.add_mixed(&shared.stream, beyond, mix, step.std(), &mut x.data);
        });
        let lens = shared.mixer.lens().into_iter().enumerate();
        let arrived = lens.map(|(part, len)| {
            let all = signs.stages(part).max(1);
            len as f64 * signs.arrived(part) as f64 / all as f64
        });
        let arrived = arrived.sum::<f64>() / x.len() as f64;
        (x, step.sigma_between(arrived))
    }
}

/// Makes of every value what `f` makes of it and of the one of `other` in its place.
fn change(planes: &mut Planes, other: &Planes, f: impl Fn(f32, f32) -> f32 + Sync) {
    planes
        .data
        .par_iter_mut()
        .zip(&other.data)
        .with_min_len(1 << 14)
        .for_each(|(v, other)| *v = f(*v, *other));
}
