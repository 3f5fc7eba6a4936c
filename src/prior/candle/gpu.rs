//! Apple's GPU by candle.

use candle_core::Device;

use crate::error::Result;
use crate::prior::candle::unet::CandleUNet;
use crate::prior::precision::Precision;
use crate::prior::weights::Weights;

impl CandleUNet {
    /// Puts the weights on Apple's GPU.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if there is none, or candle fails.
    pub(in crate::prior) fn on_metal(weights: &Weights, precision: Precision) -> Result<Self> {
        Self::with_precision(weights, &Device::new_metal(0)?, precision)
    }
}

/// Names of Apple's GPUs: the one that Metal uses, if there is any.
pub(in crate::prior) fn apple_gpus() -> Vec<String> {
    let found = !candle_metal_kernels::metal::Device::all().is_empty();
    found.then(|| "Apple GPU".to_owned()).into_iter().collect()
}
