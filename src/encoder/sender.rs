//! The sender's end of the channel: finds the bits of one layer.

use bitvec::prelude::*;

use super::shown_psnr;
use crate::channel::{rate, trellis};
use crate::container::Layer;
use crate::error::Result;
use crate::picture::Picture;
use crate::planes::Planes;
use crate::reverse::{Chain, Channel, Shared, shift};
use crate::schedule::{Sigma, Step};

/// The sender's end of the channel for one layer.
pub(super) struct Sender<'a> {
    pub x_0: &'a Planes,
    /// The bytes that head and bits may take.
    pub room: usize,
    pub sent: Option<Sent>,
}

/// What the sender made of one layer.
pub(super) struct Sent {
    pub bits: BitVec<u8, Msb0>,
    pub stages: usize,
    pub kl_bits: f64,
    pub delivered: Option<f64>,
}

impl Channel for Sender<'_> {
    fn transmit(&mut self, shared: &Shared, step: &Step, x0_hat: &Planes) -> Option<Vec<f32>> {
        let (m, energy) = shift(step, self.x_0, x0_hat);
        let stages = rate::stages(shared.code, energy, m.len());
        let fit = self
            .room
            .saturating_sub(Layer::head_bytes(stages as u32))
            .saturating_mul(2);
        let w = shared.rotation.forward(&shared.stream, &m);
        let bits = trellis::search(shared.code, &shared.stream, &w, stages, fit);
        drop(w);
        let z = (bits.len() == 4 * stages).then(|| shared.deliver(&bits, stages));
        let dot = |z: &Vec<f32>| {
            m.iter()
                .zip(z)
                .map(|(m, z)| f64::from(*m) * f64::from(*z))
                .sum::<f64>()
                / energy
        };
        let delivered = z.as_ref().filter(|_| energy > 0.0).map(dot);
        self.sent = Some(Sent {
            bits,
            stages,
            kl_bits: rate::kl_bits(energy),
            delivered,
        });
        z
    }
}

impl Sent {
    /// Drops the stages that are not needed to show `psnr`; `before` is the chain at the start of the layer.
    pub fn cut_at(
        &mut self,
        picture: &Picture,
        psnr: f64,
        before: &mut Chain,
        s: Sigma,
    ) -> Result<()> {
        // The picture improves with every stage, give or take less than a reader of PSNR would see.
        let (mut lo, mut hi) = (0, self.stages);
        while hi - lo > 2.max(self.stages / 64) {
            let mid = (lo + hi) / 2;
            let shown = before.between(s, &self.bits[..4 * mid], self.stages)?;
            if shown_psnr(picture, &shown)? >= psnr {
                hi = mid
            } else {
                lo = mid
            }
        }
        // Whole bytes.
        self.bits.truncate(4 * hi.next_multiple_of(2));
        Ok(())
    }
}
