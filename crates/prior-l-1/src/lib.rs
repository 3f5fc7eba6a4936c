//! Half 1 of 2 of the weights of `l`, the larger prior of
//! [dcodec](https://crates.io/crates/dcodec), which is too large for one package. The build script
//! of dcodec joins the halves.

/// Path of the half on the machine that compiles. In a checkout of the repository there is none.
pub const HALF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/half");
