//! The one loop x_T -> x_0, run by the encoder and the decoder alike (Algorithms 3 and 4 of Ho, Jain and Abbeel 2020).

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::rate;
use crate::channel::rotation::Rotation;
use crate::channel::trellis::{self, Code};
use crate::container::Header;
use crate::error::Result;
use crate::planes::{Planes, mirror};
use crate::prior::Prior;
use crate::random::Stream;
use crate::schedule::{Sigma, Step};

/// Arrived stages at which a part of a layer counts half in what is shown.
const SLOW_STAGES: f64 = 256.0;

/// Layers of fewer stages are shown when they are whole.
const WHOLE_STAGES: usize = 32;

/// What both ends share about one layer: the code, the rotation and the noise.
pub struct Shared<'a> {
    pub code: Code,
    pub rotation: &'a Rotation,
    pub stream: Stream,
}

impl Shared<'_> {
    /// z as the receiver gets it from the bits of the stages that arrived, of `stages` in all.
    pub fn deliver(&self, bits: &BitSlice<u8, Msb0>, stages: usize) -> Vec<f32> {
        let len = self.rotation.len();
        let signs = trellis::signs(self.code, &self.stream, bits, stages, len);
        self.rotation
            .inverse(&self.stream, signs, rate::amplitude(self.code, stages, len))
    }
}

/// The shift m = (1 - rho) (x_0 - x0_hat) / std of a step, and |m|^2.
pub fn shift(step: &Step, x_0: &Planes, x0_hat: &Planes) -> (Vec<f32>, f64) {
    let factor = step.shift() as f32;
    let values = x_0.data.iter().zip(&x0_hat.data);
    let m: Vec<f32> = values.map(|(x, x0_hat)| factor * (x - x0_hat)).collect();
    let energy = m.iter().map(|&v| f64::from(v).powi(2)).sum();
    (m, energy)
}

/// One end of the line: takes a step's prior mean x0_hat, returns z ~ N(m, I) in units of the step's deviation.
pub trait Channel {
    /// Delivers z for `step`, or nothing if the layer does not arrive whole; `x0_hat` is the shared prediction of x_0.
    fn transmit(&mut self, shared: &Shared, step: &Step, x0_hat: &Planes) -> Option<Vec<f32>>;
}

/// The state of the chain: x_t, its noise level, and the prediction x0_hat made from it.
#[derive(Clone)]
pub struct Chain<'p> {
    prior: &'p Prior,
    code: Code,
    seed: u64,
    grey: bool,
    /// Columns and rows of the picture, which may be smaller than the planes.
    size: (usize, usize),
    rotation: Rotation,
    t: Option<Sigma>,
    layer: u32,
    /// Zero at the start, where rho = 0 makes it irrelevant.
    x_t: Planes,
    x0_hat: Option<Planes>,
}

impl<'p> Chain<'p> {
    /// The start of the chain of a file: nothing is known, x0_hat is mid grey.
    pub fn new(prior: &'p Prior, header: &Header) -> Self {
        let (width, height) = header.coded_size();
        Chain {
            prior,
            code: Code::new(header.nu).unwrap_or_default(),
            seed: header.seed,
            grey: !header.rgb,
            size: (header.width as usize, header.height as usize),
            rotation: Rotation::new(3 * width * height),
            t: None,
            layer: 0,
            x_t: Planes::zeros(width, height),
            x0_hat: Some(Planes::zeros(width, height)),
        }
    }

    /// The noise level of x_t; none at the start.
    pub fn t(&self) -> Option<Sigma> {
        self.t
    }

    /// The number of layers walked.
    pub fn layers(&self) -> u32 {
        self.layer
    }

    /// x0_hat for the present x_t; one call of the network per state.
    pub fn x0_hat(&mut self) -> Result<&Planes> {
        let x0_hat = match self.x0_hat.take() {
            Some(x0_hat) => x0_hat,
            None => self.predict(&self.x_t, self.t.map_or(0.0, Sigma::levels))?,
        };
        Ok(self.x0_hat.insert(x0_hat))
    }

    /// Moves to x_s = x0_hat + rho (x_t - x0_hat) + std z, with z from the channel; stays if the channel delivers none.
    pub fn advance(&mut self, s: Sigma, channel: &mut impl Channel) -> Result<()> {
        self.x0_hat()?;
        let step = Step { t: self.t, s };
        let Some(x0_hat) = &self.x0_hat else {
            return Ok(());
        };
        let Some(z) = channel.transmit(&self.shared(), &step, x0_hat) else {
            return Ok(());
        };
        posterior(&mut self.x_t, x0_hat, &z, &step);
        self.t = Some(s);
        self.layer += 1;
        self.x0_hat = None;
        Ok(())
    }

    /// x0_hat when only some stages of the next layer have arrived.
    ///
    /// The rotated values of these stages are at sigma_s, the others still at sigma_t; mixed by the rotation, the picture
    /// is x_0 plus noise of a level between, and is denoised as that.
    pub fn between(
        &mut self,
        s: Sigma,
        bits: &BitSlice<u8, Msb0>,
        stages: usize,
    ) -> Result<Planes> {
        let arrived = bits.len() / Code::BITS as usize;
        self.x0_hat()?;
        let (Some(x0_hat), Some(_)) = (&self.x0_hat, self.t) else {
            return Ok(Planes::zeros(self.x_t.width, self.x_t.height));
        };
        if arrived == 0 || stages < WHOLE_STAGES {
            return Ok(x0_hat.clone());
        }
        let step = Step { t: self.t, s };
        let shared = self.shared();
        let (rho, std) = (step.rho() as f32, step.std() as f32);
        // What x_t holds beyond the mean of p(x_s | x_t), in units of std.
        let beyond: Vec<f32> = self
            .x_t
            .data
            .iter()
            .zip(&x0_hat.data)
            .map(|(x, x0)| (1.0 - rho) * (x - x0) / std)
            .collect();
        let mut mixed = shared.rotation.forward(&shared.stream, &beyond);
        let amplitude = rate::amplitude(self.code, stages, self.rotation.len()) as f32;
        let signs = trellis::signs(self.code, &shared.stream, bits, stages, mixed.len());
        let mut t = 0;
        for (v, sign) in mixed.iter_mut().zip(&signs) {
            if t < arrived {
                *v = amplitude * sign;
            }
            t = if t + 1 == stages { 0 } else { t + 1 };
        }
        let z = shared.rotation.inverse(&shared.stream, mixed, 1.0);
        let mut x = self.x_t.clone();
        posterior(&mut x, x0_hat, &z, &step);
        let part = arrived as f64 / stages as f64;
        let mut shown = self.predict(&x, step.sigma_between(part))?;
        // So few bits move the prediction at random more than they improve it: let it follow slowly.
        let n = arrived as f64;
        let weight = (part + (1.0 - part) * n / (n + SLOW_STAGES)) as f32;
        shown
            .data
            .iter_mut()
            .zip(&x0_hat.data)
            .for_each(|(v, old)| *v = old + weight * (*v - old));
        Ok(shown)
    }

    fn predict(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let mut x0_hat = self.prior.x0_hat(x_t, sigma)?;
        if self.grey {
            equalise_planes(&mut x0_hat);
        }
        equalise_mirrored(&mut x0_hat, self.size);
        Ok(x0_hat)
    }

    fn shared(&self) -> Shared<'_> {
        Shared {
            code: self.code,
            rotation: &self.rotation,
            stream: Stream::new(self.seed, self.layer),
        }
    }
}

/// x <- x0_hat + rho (x - x0_hat) + std z.
fn posterior(x: &mut Planes, x0_hat: &Planes, z: &[f32], step: &Step) {
    let (rho, std) = (step.rho() as f32, step.std() as f32);
    x.data
        .par_iter_mut()
        .zip(&x0_hat.data)
        .zip(z)
        .with_min_len(1 << 14)
        .for_each(|((x, x0_hat), z)| *x = x0_hat + rho * (*x - x0_hat) + std * z);
}

/// Both ends know that the planes of a grey picture are equal: their mean is the better prediction.
fn equalise_planes(x: &mut Planes) {
    let (r, rest) = x.data.split_at_mut(x.width * x.height);
    let (g, b) = rest.split_at_mut(r.len());
    r.iter_mut().zip(g).zip(b).for_each(|((r, g), b)| {
        let mean = (*r + *g + *b) / 3.0;
        (*r, *g, *b) = (mean, mean, mean);
    });
}

/// Likewise the values that are mirror images of one value of a picture of `size`, smaller than the planes.
fn equalise_mirrored(x: &mut Planes, (width, height): (usize, usize)) {
    if width >= x.width && height >= x.height {
        return;
    }
    let (w, h) = (x.width, x.height);
    let mut sums = vec![(0.0f32, 0.0f32); width * height];
    for plane in x.data.chunks_exact_mut(w * h) {
        sums.fill((0.0, 0.0));
        let source = |i: usize| mirror(i / w, height) * width + mirror(i % w, width);
        for (i, v) in plane.iter().enumerate() {
            let (sum, n) = &mut sums[source(i)];
            *sum += v;
            *n += 1.0;
        }
        for (i, v) in plane.iter_mut().enumerate() {
            let (sum, n) = sums[source(i)];
            *v = sum / n;
        }
    }
}

#[cfg(test)]
mod tests;
