//! Words and numbers of messages, and the default names of outputs.

use std::path::{Path, PathBuf};

/// A number of things.
pub fn many(n: impl Into<u64>, thing: &str) -> String {
    match n.into() {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// Bits per pixel of `bytes` bytes for a picture of `width` x `height`.
pub fn bpp(bytes: u64, width: u32, height: u32) -> f64 {
    8.0 * bytes as f64 / (f64::from(width) * f64::from(height))
}

/// The output named, or the input's name with another extension.
pub fn destination(output: Option<&Path>, input: &Path, extension: &str) -> PathBuf {
    match output {
        Some(path) => path.into(),
        None if input == Path::new("-") => "-".into(),
        None => input.with_extension(extension),
    }
}
