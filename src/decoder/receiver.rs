//! The receiver's end of the channel.

use bitvec::prelude::*;

use super::stages;
use crate::container::Layer;
use crate::planes::Planes;
use crate::reverse::{Channel, Shared};
use crate::schedule::Step;

/// The receiver's end of the channel for one layer.
pub(super) struct Receiver<'a> {
    pub layer: &'a Layer,
    pub bits: &'a [u8],
}

impl Channel for Receiver<'_> {
    fn open(&mut self, _: &Step, _: &Shared, _: &Planes) -> bool {
        true
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        drop(x0_hat);
        let stages = stages(self.layer);
        let signs = shared.signs(&self.bits.view_bits()[..4 * stages.count], stages);
        shared.deliver(&signs, step, mean);
    }
}
