//! The layer under way, as far as it has come.

use bitvec::prelude::*;

use crate::channel::layer::PartialLayer;
use crate::channel::split::Stages;
use crate::container::{Layer, Parser};

/// The stages of the layer under way whose bits have come. None between two layers.
pub(crate) fn partial_layer(parser: &Parser) -> Option<PartialLayer<'_>> {
    let (layer, bytes) = parser.partial().filter(|(_, bytes)| !bytes.is_empty())?;
    let stages = stages(layer);
    let n = (2 * bytes.len()).min(stages.count);
    Some(PartialLayer {
        s: layer.sigma.into(),
        bits: &bytes.view_bits()[..4 * n],
        stages,
        corrected: layer.corrected,
    })
}

/// The stages of a layer.
pub(crate) fn stages(layer: &Layer) -> Stages {
    Stages {
        count: layer.stages as usize,
        allocation: layer.allocation,
        sigma: layer.sigma,
    }
}
