//! What has come of the layer under way.

use bitvec::prelude::*;

use super::{sigma, stages};
use crate::channel::split::Stages;
use crate::container::Parser;
use crate::schedule::Sigma;

/// The stages of the layer under way whose bits have come.
pub(super) struct Arrived<'a> {
    pub s: Sigma,
    pub bits: &'a BitSlice<u8, Msb0>,
    /// All stages of the layer.
    pub stages: Stages,
    /// The share of them that has come.
    pub part: f64,
}

impl<'a> Arrived<'a> {
    /// None between two layers.
    pub fn of(parser: &'a Parser) -> Option<Self> {
        let (layer, bytes) = parser.partial().filter(|(_, bytes)| !bytes.is_empty())?;
        let stages = stages(layer);
        let n = (2 * bytes.len()).min(stages.count);
        Some(Arrived {
            s: sigma(layer),
            bits: &bytes.view_bits()[..4 * n],
            stages,
            part: n as f64 / stages.count as f64,
        })
    }
}
