//! One transmission step: the knowledge that both ends share about a layer, and the interface of
//! the two ends (Algorithms 3 and 4 of Ho, Jain and Abbeel 2020).

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::code::Code;
use crate::channel::rate;
use crate::channel::split::Stages;
use crate::channel::transform::Transform;
use crate::channel::trellis::Signs;
use crate::pixels::planes::{Planar, Planes};
use crate::pixels::samples::{Sample, Samples};
use crate::random::Stream;
use crate::schedule::{Sigma, Step};
use crate::timings::{Activity, Meter};

/// A layer of which some stages have come.
#[derive(Clone, Copy)]
pub struct PartialLayer<'a> {
    /// The noise level at its end.
    pub s: Sigma,
    /// The bits of the stages that have come, four each.
    pub bits: &'a BitSlice<u8, Msb0>,
    /// All stages of the layer.
    pub stages: Stages,
    /// True if the layer starts from a corrected x0_hat.
    pub corrected: bool,
}

impl PartialLayer<'_> {
    /// The number of stages that have come.
    pub fn arrived(&self) -> usize {
        self.bits.len() / Code::BITS as usize
    }

    /// The share of the stages that has come, 0..=1.
    pub fn share(&self) -> f64 {
        self.arrived() as f64 / self.stages.count as f64
    }
}

/// Knowledge that both ends share about one layer: the code, the bands and rotations, and the
/// noise.
pub struct Shared<'a> {
    pub code: Code,
    pub transform: &'a Transform,
    pub stream: Stream,
    pub meter: &'a Meter,
}

impl Shared<'_> {
    /// The signs that `bits`, the first of a layer of `stages`, choose.
    pub fn signs(&self, bits: &BitSlice<u8, Msb0>, stages: Stages) -> Signs {
        let read = || Signs::new(self.code, &self.stream, bits, self.transform.split(stages));
        self.meter.time(Activity::Trellis, read)
    }

    /// Adds std z to `mean`, with z from `signs` as the receiver gets it.
    pub fn deliver(&self, signs: &Signs, step: &Step, mean: &mut Planes) {
        let amplitudes = self.amplitudes(signs);
        let fill = |part: usize, first: usize, y: &mut [f32]| signs.fill(part, first, y);
        self.meter.time(Activity::Rotation, || {
            let x = &mut mean.data;
            self.transform
                .add(&self.stream, &amplitudes, fill, step.std(), x);
        });
    }

    /// The amplitude of each part.
    pub fn amplitudes(&self, signs: &Signs) -> Vec<f64> {
        let lens = self.transform.lens().into_iter().enumerate();
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

/// The values of the shift from index `first`, in the place of the values of x0_hat.
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
    /// All bits of the layer, if this end knows them without x_t and x0_hat.
    fn bits(&self) -> Option<(&BitSlice<u8, Msb0>, Stages)> {
        None
    }

    /// Begins a step with the prediction x0_hat. True if all bits of the layer will arrive.
    fn open(&mut self, step: &Step, shared: &Shared, x0_hat: &Planes) -> bool;

    /// Adds std z to `mean`, z ~ N(m, I). x0_hat is given away, so that its memory can be used.
    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes);
}
