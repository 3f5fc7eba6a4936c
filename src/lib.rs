//! dcodec: a progressive image codec whose prior is a diffusion model.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod channel;
pub mod container;
mod decoder;
mod encoder;
pub mod entropy;
mod error;
pub mod metrics;
mod picture;
mod planes;
pub mod prior;
pub mod random;
mod reverse;
pub mod schedule;

pub use container::Event;
pub use decoder::{DEFAULT_MAX_PIXELS, Decoded, Decoder, StreamDecoder, Used};
pub use encoder::{Effort, Encoded, Encoder, LOWEST_SIGMA, LayerReport, Progress, Target};
pub use error::{Error, FormatError, Result};
pub use picture::{Colour, Notice, Picture};
pub use planes::Planes;
pub use prior::Prior;
