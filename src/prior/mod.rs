//! The prior p(x_s | x_t): a denoiser E[x_0 | x_t], and the rules that apply it to pictures of
//! every size and noise level.

#[cfg(feature = "candle")]
mod candle;
mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod denoiser;
mod device;
#[cfg(feature = "diffusers")]
mod diffusers;
mod embedding;
mod ensemble;
pub mod gaussian;
mod load;
pub(crate) mod on_device;
mod postfilter;
mod precision;
mod precondition;
// As encoder/encoder.rs and decoder/decoder.rs, whose folders are private to the crate.
#[allow(clippy::module_inception)]
mod prior;
pub(crate) mod scale;
mod shipped;
mod summary;
mod tiling;
mod weights;

#[cfg(feature = "candle")]
pub use candle::CandleUNet;
pub(crate) use cpu::Correction;
pub use cpu::{Kernel, Network};
#[cfg(feature = "cuda")]
pub use cuda::CudaNetwork;
pub(crate) use denoiser::FINEST;
pub use denoiser::{Denoiser, LOWEST_SIGMA};
pub use device::Device;
#[cfg(feature = "diffusers")]
pub use diffusers::{Ddpm, Prediction, Schedule, UNet2DConfig};
pub use ensemble::ENSEMBLES;
pub use postfilter::{Look, Postfilter};
pub use precision::Precision;
pub use prior::Prior;
pub use shipped::Shipped;
pub use summary::FolderSummary;
pub use weights::{Config, MAX_FILE_BYTES, WeightTensor, Weights};

#[cfg(test)]
mod tests;
