//! The receiver: Algorithm 4 of Ho, Jain and Abbeel (2020), driven by the bytes of a file as they
//! come.

mod alpha;
mod decoded;
mod decoder;
mod footprint;
#[cfg(feature = "hooks")]
mod hooks;
mod lossless;
mod partial;
mod preview;
mod scope;
mod settings;
mod showing;
mod stream;
#[cfg(feature = "image")]
mod thumbnail;

pub use decoded::{Coverage, Decoded, Exact};
pub use decoder::decode;
#[cfg(feature = "hooks")]
pub use hooks::register_image_hooks;
pub use settings::{DEFAULT_MAX_CALLS, DEFAULT_MAX_PIXELS, Decoder};
pub use stream::StreamDecoder;
