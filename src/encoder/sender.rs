//! The sender's end of the channel: finds the bits of one layer.

use std::borrow::Cow;

use bitvec::prelude::*;

use super::allot::Need;
use super::interest::Shares;
use super::shown::{Aim, SLACK};
use crate::channel::bands::Bands;
use crate::channel::mixer::Mixed;
use crate::channel::rate;
use crate::channel::search::search;
use crate::channel::split::Stages;
use crate::container::{BANDS, Layer, Writer};
use crate::error::Result;
use crate::planes::{Planar, Planes};
use crate::reverse::{Chain, Channel, Shared, shift, shift_energy, shift_from};
use crate::schedule::{Sigma, Step};
use crate::timings::Part;

/// How often a cut is looked for.
const TRIES: usize = 3;

/// The sender's end of the channel for one layer.
pub(super) struct Sender<'a> {
    x_0: &'a Planar,
    /// The bytes that head and bits may take.
    room: usize,
    /// The file before the layer.
    writer: &'a Writer,
    /// The share of the shift to send at each pixel; all of it if there are none.
    pub shares: Option<Shares<'a>>,
    /// Gets the bits that each pixel takes.
    pub map: Option<&'a mut [f64]>,
    pub sent: Sent,
}

/// What the sender made of one layer.
pub(super) struct Sent {
    pub bits: BitVec<u8, Msb0>,
    pub stages: Stages,
    pub kl_bits: f64,
    pub delivered: Option<f64>,
    /// |m|^2
    energy: f64,
}

impl<'a> Sender<'a> {
    pub fn new(x_0: &'a Planar, room: usize, writer: &'a Writer) -> Self {
        let stages = Stages {
            count: 0,
            allotment: writer.allotment(),
            sigma: 0,
        };
        let sent = Sent {
            bits: BitVec::new(),
            stages,
            kl_bits: 0.0,
            delivered: None,
            energy: 0.0,
        };
        Sender {
            x_0,
            room,
            writer,
            shares: None,
            map: None,
            sent,
        }
    }

    /// The shift that is sent; x0_hat makes place for it.
    fn shift(&self, step: &Step, x0_hat: Planes) -> Vec<f32> {
        let mut m = shift(step, self.x_0, x0_hat);
        if let Some(shares) = &self.shares {
            shares.apply(0, &mut m);
        }
        m
    }

    /// The squared norms of its bands, without an array for it.
    fn energies(&self, bands: &Bands, step: &Step, x0_hat: &Planes) -> [f64; BANDS] {
        bands.energies(|first, m| {
            m.copy_from_slice(&x0_hat.data[first..first + m.len()]);
            shift_from(step, self.x_0, first, m);
            if let Some(shares) = &self.shares {
                shares.apply(first, m);
            }
        })
    }

    /// Finds the bits that there is room for, and returns the mixed shift; x0_hat makes place for it.
    pub fn search(&mut self, step: &Step, shared: &Shared, x0_hat: Planes) -> Mixed {
        let m = self.shift(step, x0_hat);
        if let Some(map) = &mut self.map {
            for plane in m.chunks_exact(map.len()) {
                let bits = plane.iter().map(|&v| rate::kl_bits(f64::from(v).powi(2)));
                map.iter_mut().zip(bits).for_each(|(sum, v)| *sum += v);
            }
        }
        let mix = || shared.mixer.forward(&shared.stream, m);
        let w = shared.meter.time(Part::Rotation, mix);
        // A part that comes first may spare the check; what then is too much is cut off.
        let (split, fit) = (shared.mixer.split(self.sent.stages), self.fit(0));
        self.sent.bits = shared.meter.time(Part::Trellis, || {
            search(shared.code, &shared.stream, &w, &split, fit)
        });
        w
    }

    /// The stages that there is room for behind a head that follows `unchecked` bytes.
    fn fit(&self, unchecked: u64) -> usize {
        let Stages {
            count, allotment, ..
        } = self.sent.stages;
        let head = Layer::head_bytes(unchecked, count as u32, self.writer.change(allotment));
        self.room.saturating_sub(head).saturating_mul(2)
    }
}

impl Channel for Sender<'_> {
    fn open(&mut self, step: &Step, shared: &Shared, x0_hat: &Planes) -> bool {
        self.sent.stages.sigma = step.s.code();
        let energy = match shared.mixer.bands() {
            None => {
                let energy = match &self.shares {
                    None => shift_energy(step, self.x_0, x0_hat),
                    Some(shares) => shares.energy(step, self.x_0, x0_hat),
                };
                self.sent.stages.count = rate::stages(shared.code, energy, x0_hat.len());
                energy
            }
            Some(bands) => {
                let energies = || self.energies(bands, step, x0_hat);
                let energies = shared.meter.time(Part::Rotation, energies);
                let need = Need::new(bands.lens(), &energies);
                self.sent.stages.count = need.stages(shared.code);
                self.sent.stages.allotment = need.allot(self.writer.allotment(), step.s.code());
                energies.iter().sum()
            }
        };
        self.sent.energy = energy;
        self.sent.kl_bits = rate::kl_bits(energy);
        self.fit(self.writer.unchecked()) >= self.sent.stages.count
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        let w = self.search(step, shared, x0_hat);
        let sent = &mut self.sent;
        let signs = shared.signs(&sent.bits, sent.stages);
        // <m, z> is the inner product of what they were mixed to and from.
        sent.delivered = (sent.energy > 0.0).then(|| signs.dot(&w) / sent.energy);
        drop(w);
        shared.deliver(&signs, step, mean);
    }
}

impl Sent {
    /// Drops the stages that are not needed for the aim; `before` is the chain at the start of the layer.
    pub fn cut_at<'r>(
        &mut self,
        aim: &mut Aim<'r>,
        before: &mut Chain<'r>,
        s: Sigma,
    ) -> Result<()> {
        let mut best = self.stages.count;
        // What is gained changes little from one cut to the next.
        for _ in 0..TRIES {
            let wanted = aim.wanted();
            // The picture improves with every stage, give or take less than a reader of PSNR would see.
            let (mut lo, mut hi) = (0, self.stages.count);
            while hi - lo > 2.max(self.stages.count / 64) {
                let mid = (lo + hi) / 2;
                let shown = before.between(s, &self.bits[..4 * mid], self.stages)?;
                if aim.psnr(&shown)? >= wanted {
                    hi = mid
                } else {
                    lo = mid
                }
            }
            // Whole bytes.
            let count = hi.next_multiple_of(2).min(self.stages.count);
            let excess = aim.measure(before, |chain| {
                let bits = &self.bits[..4 * count];
                chain.between(s, bits, self.stages).map(Cow::Owned)
            })?;
            if excess >= 0.0 {
                best = best.min(count);
            }
            if (0.0..SLACK).contains(&excess) {
                break;
            }
        }
        self.bits.truncate(4 * best);
        Ok(())
    }
}
