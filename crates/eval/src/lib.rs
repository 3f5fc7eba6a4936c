//! Picture files with their metadata, and rate and distortion of pictures beside other codecs.

mod failure;
pub mod inputs;
pub mod io;
pub mod load;
mod log;
pub mod rd;
pub mod save;
mod upright;

pub use failure::{About, Failure};
pub use log::Log;
