//! dcodec: a progressive image codec whose prior is a diffusion model.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod planes;

pub use error::{Error, FormatError, Result};
pub use planes::Planes;
