//! The network of the shipped priors in candle: a second opinion, and the way to other devices.

mod unet;

pub use unet::CandleUNet;
