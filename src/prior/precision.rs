//! Precision of the network on a GPU.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Type of the numbers in which a GPU computes the network.
///
/// A call of the network on a megapixel took 1.3 ms in f32 and 0.8 ms in f16 on an H200. Numbers of
/// bf16 are for Apple's GPU, where candle computes. Pictures of f16 are at the edge of
/// clause 22.2 of the specification, pictures of bf16 outside; clause 22.4 gives the figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 24 significant bits. On an NVIDIA GPU products have 22 or more, sums 24.
    #[default]
    F32,
    /// bfloat16: 8 significant bits, range of f32.
    Bf16,
    /// IEEE half precision: 11 significant bits, up to 65504.
    F16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        })
    }
}

/// Reads `f32`, `bf16` and `f16`.
///
/// # Errors
/// [`Error::Parameter`] for any other text.
impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(Precision::F32),
            "bf16" => Ok(Precision::Bf16),
            "f16" => Ok(Precision::F16),
            _ => Err(Error::Parameter(format!(
                "unknown precision `{text}` (use f32, bf16 or f16)"
            ))),
        }
    }
}
