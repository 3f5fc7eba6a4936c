//! The receiver's end of one transmission (Algorithm 4 of Ho, Jain and Abbeel 2020).

use bitvec::prelude::*;

use crate::channel::layer::{Channel, Shared};
use crate::channel::split::Stages;
use crate::pixels::planes::Planes;
use crate::schedule::Step;

/// The receiver of one layer that has come whole.
pub struct Receiver<'a> {
    bits: &'a BitSlice<u8, Msb0>,
    stages: Stages,
}

impl<'a> Receiver<'a> {
    /// A receiver of `stages`, four bits each, the first in the high bits of `bytes`.
    pub fn new(bytes: &'a [u8], stages: Stages) -> Self {
        let bits = &bytes.view_bits()[..4 * stages.count];
        Receiver { bits, stages }
    }
}

impl Channel for Receiver<'_> {
    fn bits(&self) -> Option<(&BitSlice<u8, Msb0>, Stages)> {
        Some((self.bits, self.stages))
    }

    fn open(&mut self, _: &Step, _: &Shared, _: &Planes) -> bool {
        true
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        drop(x0_hat);
        shared.deliver(&shared.signs(self.bits, self.stages), step, mean);
    }
}
