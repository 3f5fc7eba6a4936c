//! Network of the shipped priors in candle: a second opinion, and the way to other devices.

mod error;
#[cfg(feature = "metal")]
mod gpu;
mod unet;

#[cfg(feature = "metal")]
pub(super) use gpu::apple_gpus;
pub use unet::CandleUNet;
