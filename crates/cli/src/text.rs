//! Words and numbers of messages, and the default names of outputs.

use std::path::{Path, PathBuf};

use dcodec_eval::{inputs, io};

use crate::error::{Error, Result};

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
///
/// # Errors
/// [`Error::Usage`] for an input that has no name of its own.
pub fn destination(output: Option<&Path>, input: &Path, extension: &str) -> Result<PathBuf> {
    match output {
        Some(path) => Ok(path.into()),
        None if io::is_standard_input(input) => Ok("-".into()),
        None if io::descriptor(input).is_some() => {
            let name = input.display();
            Err(Error::Usage(format!(
                "{name}: a stream: name the output with -o FILE"
            )))
        }
        None => Ok(inputs::renamed(input, extension)),
    }
}
