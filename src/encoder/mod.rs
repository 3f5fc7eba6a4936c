//! The sender: Algorithm 3 of Ho, Jain and Abbeel (2020), written into a file.

pub(crate) mod allocation;
mod ancillary;
mod effort;
mod encoder;
mod footprint;
mod forecast;
mod lossless;
mod prefilter;
pub(crate) mod psnr_search;
pub(crate) mod roi;
mod session;
mod target;

pub use effort::Effort;
pub use encoder::{Encoded, Encoder, LayerReport};
pub use roi::{Interest, Region};
pub use target::Target;
