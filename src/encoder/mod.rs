//! The sender: Algorithm 3 of Ho, Jain and Abbeel (2020), written into a file.

mod allocation;
mod ancillary;
mod effort;
mod encoder;
mod footprint;
mod forecast;
mod lossless;
mod prefilter;
mod psnr_search;
mod report;
mod roi;
mod session;
mod settings;
mod source;
mod target;
mod tune;

pub use effort::Effort;
pub use report::{Encoded, LayerReport};
pub use roi::{Interest, Region};
pub use settings::Encoder;
pub use target::Target;
pub use tune::Tune;
