//! The receiver's end of the channel.

use bitvec::prelude::*;

use super::stages;
use crate::channel::trellis::Signs;
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
    const KNOWS_SIGNS: bool = true;

    fn signs(&self, shared: &Shared) -> Option<Signs> {
        let stages = stages(self.layer);
        Some(shared.signs(&self.bits.view_bits()[..4 * stages.count], stages))
    }

    fn open(&mut self, _: &Step, _: &Shared, _: &Planes) -> bool {
        true
    }

    fn transmit(&mut self, step: &Step, shared: &Shared, x0_hat: Planes, mean: &mut Planes) {
        drop(x0_hat);
        if let Some(signs) = self.signs(shared) {
            shared.deliver(&signs, step, mean);
        }
    }
}
