//! The sender's end of one transmission: finds the bits of a layer (Algorithm 3 of Ho, Jain and
//! Abbeel 2020).

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::bands::Bands;
use crate::channel::code::Code;
use crate::channel::layer::{Channel, PartialLayer, Shared, shift, shift_energy, shift_from};
use crate::channel::rate;
use crate::channel::search::search;
use crate::channel::split::Stages;
use crate::channel::transform::Coefficients;
use crate::codes::{BANDS, BandAllocation, SigmaCode};
use crate::pixels::planes::{Planar, Planes};
use crate::schedule::{Sigma, Step};
use crate::timings::Activity;

/// Values that a thread takes at a time.
const CHUNK: usize = 1 << 14;

/// Classes of values that a [`ShiftGain`] tells apart.
pub const CLASSES: usize = u8::MAX as usize + 1;

/// The stages that a layer may have.
pub trait Budget: Sync {
    /// The most stages that there is room for after the head of a layer. `spared` says that the
    /// head does not have to carry a check.
    fn most_stages(&self, layer: Stages, spared: bool) -> usize;

    /// Factor of the shift of each band.
    fn gains(&self) -> [f64; BANDS];

    /// The band allocation of the layer before.
    fn allocation(&self) -> BandAllocation;

    /// Stages and band allocation of a layer that ends at `s`. Its shift has `energies` in bands of
    /// `lens` values.
    fn allocate(
        &self,
        code: Code,
        lens: [usize; BANDS],
        energies: &[f64; BANDS],
        s: Sigma,
    ) -> Stages;
}

/// The share of the shift m that is sent at each pixel, by classes of pixels.
pub struct ShiftGain<'a> {
    /// The class of each pixel of a plane.
    classes: &'a [u8],
    of: [f32; CLASSES],
}

impl<'a> ShiftGain<'a> {
    /// The share `of` each class, 0..=1; `classes` has one for each pixel of a plane.
    pub fn new(classes: &'a [u8], of: [f32; CLASSES]) -> Self {
        ShiftGain { classes, of }
    }

    /// The share of a class.
    #[cfg(test)]
    pub fn of(&self, class: usize) -> f32 {
        self.of[class]
    }

    /// Turns m of the whole posterior into the m that is sent. `m` holds the values from index
    /// `first`.
    pub fn apply(&self, first: usize, m: &mut [f32]) {
        let (mut first, mut rest) = (first % self.classes.len(), m);
        // Plane by plane.
        while !rest.is_empty() {
            let classes = &self.classes[first..];
            let (m, others) = rest.split_at_mut(classes.len().min(rest.len()));
            for (m, &class) in m.iter_mut().zip(classes) {
                *m *= self.of[usize::from(class)];
            }
            (first, rest) = (0, others);
        }
    }

    /// |m|^2 of the shift that is sent.
    fn energy(&self, step: &Step, x_0: &Planar, x0_hat: &Planes) -> f64 {
        let factor = step.shift() as f32;
        let values = x_0.values().zip(&x0_hat.data);
        values
            .zip(self.classes.iter().cycle())
            .map(|((x, x0_hat), &class)| factor * (x - x0_hat) * self.of[usize::from(class)])
            .map(|m| f64::from(m).powi(2))
            .sum()
    }

    /// The squared error that the shift corrects, given the error of each class.
    pub fn error_sent(&self, errors: &[f64; CLASSES]) -> f64 {
        let parts = errors.iter().zip(&self.of);
        parts.map(|(e, &w)| e * f64::from(w).powi(2)).sum()
    }
}

/// The sender of one layer.
pub struct Sender<'a> {
    x_0: &'a Planar,
    budget: &'a dyn Budget,
    /// The share of the shift to send at each pixel; without it, all is sent.
    pub gain: Option<ShiftGain<'a>>,
    /// Bits that each pixel takes; the sender adds to them.
    pub map: Option<&'a mut [f64]>,
    /// The layer as far as it was sent.
    pub sent: SentLayer,
}

/// A layer as it was sent.
pub struct SentLayer {
    /// Trellis bits, four a stage.
    pub bits: BitVec<u8, Msb0>,
    pub stages: Stages,
    /// KL( q(x_s|x_t,x_0) || p(x_s|x_t) ) in bits, of the shift that is sent.
    pub kl_bits: f64,
    /// True if it starts from a corrected x0_hat.
    pub corrected: bool,
    /// <m, z> / |m|^2; only of a layer that was sent whole.
    pub delivered: Option<f64>,
    /// |m|^2
    energy: f64,
}

impl SentLayer {
    /// The layer, which ends at `s`, with its first `stages` stages.
    pub fn first(&self, stages: usize, s: Sigma) -> PartialLayer<'_> {
        PartialLayer {
            s,
            bits: &self.bits[..4 * stages],
            stages: self.stages,
            corrected: self.corrected,
        }
    }
}

impl<'a> Sender<'a> {
    /// A sender of the picture `x_0` within a budget.
    pub fn new(x_0: &'a Planar, budget: &'a dyn Budget) -> Self {
        let sent = SentLayer {
            bits: BitVec::new(),
            stages: Stages {
                count: 0,
                allocation: budget.allocation(),
                sigma: SigmaCode::MAX,
            },
            kl_bits: 0.0,
            corrected: false,
            delivered: None,
            energy: 0.0,
        };
        Sender {
            x_0,
            budget,
            gain: None,
            map: None,
            sent,
        }
    }

    /// m, the shift that is sent, in the memory of x0_hat.
    fn shift(&self, step: &Step, x0_hat: Planes) -> Vec<f32> {
        let mut m = shift(step, self.x_0, x0_hat);
        if let Some(gain) = &self.gain {
            let chunks = m.par_chunks_mut(CHUNK).enumerate();
            chunks.for_each(|(i, m)| gain.apply(i * CHUNK, m));
        }
        m
    }

    /// Energy of the shift that is sent in each band, found without an array for the shift.
    fn energies(&self, bands: &Bands, step: &Step, x0_hat: &Planes) -> [f64; BANDS] {
        let gains = self.budget.gains();
        let energies = bands.energies(|first, m| {
            m.copy_from_slice(&x0_hat.data[first..first + m.len()]);
            shift_from(step, self.x_0, first, m);
            if let Some(gain) = &self.gain {
                gain.apply(first, m);
            }
        });
        std::array::from_fn(|band| energies[band] * gains[band].powi(2))
    }

    /// Finds the bits that there is room for. Returns the coefficients of the shift, in the memory
    /// of x0_hat.
    pub fn search(&mut self, step: &Step, shared: &Shared, x0_hat: Planes) -> Coefficients {
        let m = self.shift(step, x0_hat);
        if let Some(map) = &mut self.map {
            for plane in m.chunks_exact(map.len()) {
                let bits = plane.iter().map(|&v| rate::kl_bits(f64::from(v).powi(2)));
                map.iter_mut().zip(bits).for_each(|(sum, v)| *sum += v);
            }
        }
        let rotate = || shared.transform.forward(&shared.stream, m);
        let mut w = shared.meter.time(Activity::Rotation, rotate);
        if shared.transform.bands().is_some() {
            w.scale(&self.budget.gains());
        }
        // A part that comes first may spare the check. A surplus is cut off later.
        let split = shared.transform.split(self.sent.stages);
        let fit = self.budget.most_stages(self.sent.stages, true);
        self.sent.bits = shared.meter.time(Activity::Trellis, || {
            search(shared.code, &shared.stream, &w, &split, fit)
        });
        w
    }
}

impl Channel for Sender<'_> {
    fn open(&mut self, step: &Step, shared: &Shared, x0_hat: &Planes) -> bool {
        self.sent.stages.sigma = step.s.code();
        let energy = match shared.transform.bands() {
            None => {
                let energy = match &self.gain {
                    None => shift_energy(step, self.x_0, x0_hat),
                    Some(gain) => gain.energy(step, self.x_0, x0_hat),
                };
                self.sent.stages.count = rate::stages(shared.code, energy, x0_hat.len());
                energy
            }
            Some(bands) => {
                let energies = || self.energies(bands, step, x0_hat);
                let energies = shared.meter.time(Activity::Rotation, energies);
                let budget = self.budget;
                self.sent.stages = budget.allocate(shared.code, bands.lens(), &energies, step.s);
                energies.iter().sum()
            }
        };
        self.sent.energy = energy;
        self.sent.kl_bits = rate::kl_bits(energy);
        self.budget.most_stages(self.sent.stages, false) >= self.sent.stages.count
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        let w = self.search(step, shared, x0_hat);
        let sent = &mut self.sent;
        let signs = shared.signs(&sent.bits, sent.stages);
        // The transform keeps inner products: <m, z> is the product of coefficients and signs.
        sent.delivered = (sent.energy > 0.0).then(|| signs.dot(&w) / sent.energy);
        drop(w);
        shared.deliver(&signs, step, mean);
    }
}
