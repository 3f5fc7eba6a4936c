//! The receiver: Algorithm 4 of Ho, Jain and Abbeel (2020), driven by the bytes of a file as they come.

mod alpha;
mod decoder;
mod footprint;
#[cfg(feature = "hooks")]
mod hooks;
mod lossless;
mod partial;
mod preview;
mod stream;
#[cfg(feature = "image")]
mod thumbnail;

pub use decoder::{Coverage, DEFAULT_MAX_PIXELS, Decoded, Decoder, decode};
#[cfg(feature = "hooks")]
pub use hooks::register_image_hooks;
pub use lossless::Exact;
pub use stream::StreamDecoder;
