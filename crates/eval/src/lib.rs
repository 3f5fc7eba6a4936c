//! Picture files with their metadata, and rate and distortion of pictures beside other codecs.

mod colour;
mod directory;
pub mod error;
mod exif;
pub mod inputs;
pub mod io;
pub mod load;
mod log;
pub mod rd;
pub mod read;
pub mod save;
pub mod temporary;
mod upright;

pub use error::{Error, Result};
pub use log::Log;
