//! The one loop x_T -> x_0, run by the encoder and the decoder alike (Algorithms 3 and 4 of Ho, Jain and Abbeel 2020).

mod resident;
mod shown;

#[cfg(all(test, feature = "cuda"))]
pub(crate) use resident::geometry;
pub use shown::View;

use std::borrow::Borrow;
use std::sync::Arc;

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::mixer::Mixer;
use crate::channel::rate;
use crate::channel::split::Stages;
use crate::channel::trellis::{Code, Signs};
use crate::container::Header;
use crate::error::Result;
use crate::planes::{Planar, Planes, mirror};
use crate::prior::{Prior, scale};
use crate::random::Stream;
use crate::samples::{Sample, Samples};
use crate::schedule::{Sigma, Step};
use crate::timings::{Meter, Part};
use resident::Residence;

/// Layers of fewer stages are shown when they are whole.
pub const WHOLE_STAGES: usize = 64;

/// What both ends share about one layer: the code, the bands and rotations, and the noise.
pub struct Shared<'a> {
    pub code: Code,
    pub mixer: &'a Mixer,
    pub stream: Stream,
    pub meter: &'a Meter,
}

impl Shared<'_> {
    /// The signs that the bits of the stages that arrived choose, of `stages` in all.
    pub fn signs(&self, bits: &BitSlice<u8, Msb0>, stages: Stages) -> Signs {
        let read = || Signs::new(self.code, &self.stream, bits, self.mixer.split(stages));
        self.meter.time(Part::Trellis, read)
    }

    /// Adds std z to `mean`, z as the receiver gets it from `signs`.
    pub fn deliver(&self, signs: &Signs, step: &Step, mean: &mut Planes) {
        let amplitudes = self.amplitudes(signs);
        let fill = |part: usize, first: usize, y: &mut [f32]| signs.fill(part, first, y);
        self.meter.time(Part::Rotation, || {
            let x = &mut mean.data;
            self.mixer
                .add(&self.stream, &amplitudes, fill, step.std(), x);
        });
    }

    /// The amplitude of each part.
    fn amplitudes(&self, signs: &Signs) -> Vec<f64> {
        let lens = self.mixer.lens().into_iter().enumerate();
        lens.map(|(part, len)| rate::amplitude(self.code, signs.stages(part), len))
            .collect()
    }
}

/// |m|^2 of the shift m = (1 - rho) (x_0 - x0_hat) / std of a step.
pub fn shift_energy(step: &Step, x_0: &Planar, x0_hat: &Planes) -> f64 {
    step.shift().powi(2) * x_0.squared_distance(x0_hat)
}

/// The shift m, in the memory of x0_hat.
pub fn shift(step: &Step, x_0: &Planar, x0_hat: Planes) -> Vec<f32> {
    const CHUNK: usize = 1 << 14;
    let mut m = x0_hat.data;
    m.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(i, m)| shift_from(step, x_0, i * CHUNK, m));
    m
}

/// The values of the shift from the one of index `first` on, in the place of those of x0_hat.
pub fn shift_from(step: &Step, x_0: &Planar, first: usize, x0_hat: &mut [f32]) {
    fn from<T: Sample>(factor: f32, x_0: &[T], m: &mut [f32]) {
        m.iter_mut()
            .zip(x_0)
            .for_each(|(m, x)| *m = factor * (x.centred() - *m));
    }
    let factor = step.shift() as f32;
    match &x_0.data {
        Samples::Eight(x_0) => from(factor, &x_0[first..], x0_hat),
        Samples::Sixteen(x_0) => from(factor, &x_0[first..], x0_hat),
    }
}

/// One end of the line: moves the mean of p(x_s | x_t) to a sample of q(x_s | x_t, x_0).
pub trait Channel {
    /// All bits of the layer, from an end that needs neither x_t nor x0_hat to know them.
    fn bits(&self) -> Option<(&BitSlice<u8, Msb0>, Stages)> {
        None
    }

    /// Learns of a step and its prediction x0_hat; whether all bits of the layer will arrive.
    fn open(&mut self, step: &Step, shared: &Shared, x0_hat: &Planes) -> bool;

    /// Adds std z to `mean`, z ~ N(m, I). x0_hat is given away, for its memory is wanted.
    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes);
}

/// The state of the chain: x_t, its noise level, and the prediction x0_hat made from it.
pub struct Chain<'p> {
    prior: &'p Prior,
    code: Code,
    seed: u64,
    grey: bool,
    /// Columns and rows of the picture, which may be smaller than the planes.
    size: (usize, usize),
    mixer: Mixer,
    t: Option<Sigma>,
    layer: u32,
    /// Zero at the start, where rho = 0 makes it irrelevant. Of the past while x_t lies on a device.
    x_t: Planes,
    residence: Residence<'p>,
    x0_hat: Option<Planes>,
    /// Over how many orientations of the picture the prior is averaged.
    orientations: usize,
    view: View<'p>,
    /// Shared by the clones of a chain.
    meter: Arc<Meter>,
}

impl<'p> Chain<'p> {
    /// The start of the chain of a file: nothing is known, x0_hat is mid grey. The header says over how many orientations the
    /// prior is averaged.
    pub fn new(prior: &'p Prior, header: &Header) -> Self {
        let (width, height) = header.coded_size();
        Chain {
            prior,
            code: Code::new(header.nu).unwrap_or_default(),
            seed: header.seed,
            grey: !header.rgb,
            size: (header.width as usize, header.height as usize),
            mixer: Mixer::new(width, height, header.banded),
            t: None,
            layer: 0,
            x_t: Planes::zeros(width, height),
            residence: Residence::default(),
            x0_hat: Some(Planes::zeros(width, height)),
            orientations: prior.orientations_of(header.prior).unwrap_or(1),
            view: View::PLAIN,
            meter: Arc::default(),
        }
    }

    /// Says by what states are shown.
    pub fn show_by(&mut self, view: View<'p>) {
        self.view = view;
    }

    /// The noise level of x_t; none at the start.
    pub fn t(&self) -> Option<Sigma> {
        self.t
    }

    /// The account of the time.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The number of layers walked.
    pub fn layers(&self) -> u32 {
        self.layer
    }

    /// Whether x_t and x0_hat are those of the reference arithmetic, bit for bit.
    pub fn is_reference(&self) -> bool {
        self.prior.is_reference()
    }

    /// A copy, whose x_t lies in the memory of the machine.
    pub fn duplicate(&self) -> Result<Self> {
        let mut x_t = self.x_t.clone();
        if let Residence::Held(state) = &self.residence {
            state.download(&mut x_t)?;
        }
        Ok(Chain {
            mixer: self.mixer.clone(),
            x_t,
            residence: Residence::default(),
            x0_hat: self.x0_hat.clone(),
            meter: self.meter.clone(),
            ..*self
        })
    }

    /// x0_hat for the present x_t; one call of the network per state.
    pub fn x0_hat(&mut self) -> Result<&Planes> {
        let x0_hat = match self.x0_hat.take() {
            Some(x0_hat) => x0_hat,
            None => match self.predict_there()? {
                Some(x0_hat) => x0_hat,
                None => self.predict(&self.x_t, self.t.map_or(0.0, Sigma::levels))?,
            },
        };
        Ok(self.x0_hat.insert(x0_hat))
    }

    /// x_t, zero before the first layer, and its x0_hat.
    pub fn state_and_prediction(&mut self) -> Result<(&Planes, &Planes)> {
        let x0_hat = self.take_x0_hat_and_fetch()?;
        Ok((&self.x_t, self.x0_hat.insert(x0_hat)))
    }

    /// x0_hat of averages of x_t over boxes of `f` x `f`, whose noise is sigma_t / f; mid grey at the start.
    pub fn reduced_x0_hat(&mut self, f: usize) -> Result<Planes> {
        self.fetch()?;
        let x_t = scale::reduce(&self.x_t, f);
        let Some(t) = self.t else {
            return Ok(x_t);
        };
        let mut x0_hat = self.prior.x0_hat(&x_t, t.levels() / f as f64)?;
        if self.grey {
            x0_hat.equalise();
        }
        Ok(x0_hat)
    }

    /// Moves to x_s = x0_hat + rho (x_t - x0_hat) + std z, with std z from the channel; stays, and says false, if the layer
    /// does not arrive whole.
    pub fn advance(&mut self, s: Sigma, channel: &mut impl Channel) -> Result<bool> {
        if self.advance_there(s, channel)? {
            return Ok(true);
        }
        let x0_hat = self.take_x0_hat_and_fetch()?;
        let step = self.step(s);
        if !channel.open(&step, &self.shared(), &x0_hat) {
            self.x0_hat = Some(x0_hat);
            return Ok(false);
        }
        let mut x = std::mem::take(&mut self.x_t);
        to_mean(&mut x, &x0_hat, &step);
        channel.transmit(&step, &self.shared(), x0_hat, &mut x);
        self.x_t = x;
        self.t = Some(s);
        self.layer += 1;
        Ok(true)
    }

    /// x0_hat, which the chain then has to predict anew if it is asked again.
    pub fn take_x0_hat(&mut self) -> Result<Planes> {
        self.x0_hat()?;
        Ok(self.x0_hat.take().unwrap_or_default())
    }

    /// The same, predicted where x_t lies, which is in the memory of the machine then.
    fn take_x0_hat_and_fetch(&mut self) -> Result<Planes> {
        let x0_hat = self.take_x0_hat()?;
        self.fetch()?;
        Ok(x0_hat)
    }

    /// The step from the present noise level to `s`.
    pub fn step(&self, s: Sigma) -> Step {
        Step { t: self.t, s }
    }

    /// x_t and its noise level; none at the start.
    pub fn state(&mut self) -> Result<Option<(&Planes, f64)>> {
        self.fetch()?;
        Ok(self.t.map(|t| (&self.x_t, t.levels())))
    }

    /// E[x_0 | x_t] of a state with noise of `sigma` levels.
    pub fn predict(&self, x_t: impl Borrow<Planes>, sigma: f64) -> Result<Planes> {
        let n = self.orientations;
        let mut x0_hat = self.prior.predict(x_t, sigma, n, &self.meter)?;
        project(&mut x0_hat, self.grey, self.size);
        Ok(x0_hat)
    }

    /// What both ends share about the next layer.
    pub fn shared(&self) -> Shared<'_> {
        Shared {
            meter: &self.meter,
            code: self.code,
            mixer: &self.mixer,
            stream: Stream::new(self.seed, self.layer),
        }
    }
}

/// The mean of p(x_s | x_t) in the memory of x_t: x <- x0_hat + rho (x - x0_hat).
fn to_mean(x: &mut Planes, x0_hat: &Planes, step: &Step) {
    let rho = step.rho() as f32;
    x.data
        .par_iter_mut()
        .zip(&x0_hat.data)
        .with_min_len(1 << 14)
        .for_each(|(x, x0_hat)| *x = x0_hat + rho * (*x - x0_hat));
}

/// Makes a prediction obey what is known of x_0: whether it is grey, and the size of the picture in the planes.
pub fn project(x0_hat: &mut Planes, grey: bool, size: (usize, usize)) {
    if grey {
        x0_hat.equalise();
    }
    equalise_mirrored(x0_hat, size);
}

/// Makes values equal that are mirror images of one value of a picture of `size`, smaller than the planes: both ends know that they are.
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
