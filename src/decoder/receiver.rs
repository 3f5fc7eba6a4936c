//! The receiver's end of the channel.

use bitvec::prelude::*;

use super::stages;
use crate::channel::split::Stages;
use crate::container::Layer;
use crate::planes::Planes;
use crate::reverse::{Channel, Shared};
use crate::schedule::Step;

/// The receiver's end of the channel for one layer.
pub(super) struct Receiver<'a> {
    pub layer: &'a Layer,
    pub bits: &'a [u8],
}

impl Receiver<'_> {
    fn all(&self) -> (&BitSlice<u8, Msb0>, Stages) {
        let stages = stages(self.layer);
        (&self.bits.view_bits()[..4 * stages.count], stages)
    }
}

impl Channel for Receiver<'_> {
    fn bits(&self) -> Option<(&BitSlice<u8, Msb0>, Stages)> {
        Some(self.all())
    }

    fn open(&mut self, _: &Step, _: &Shared, _: &Planes) -> bool {
        true
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        drop(x0_hat);
        let (bits, stages) = self.all();
        shared.deliver(&shared.signs(bits, stages), step, mean);
    }
}
