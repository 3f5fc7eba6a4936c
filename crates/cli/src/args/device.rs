//! The flags of the device.

use std::str::FromStr;

use clap::Args;
use dcodec::prior::{Device, Precision};

/// The network's device and arithmetic.
#[derive(Debug, Clone, Copy, Args)]
pub struct On {
    /// Where the network runs: auto, cpu, cuda, cuda:N or metal. auto is the GPU that the build can
    /// use, if there is one
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Numbers that a GPU computes in: f32, f16, or on a Mac bf16. f16 changes pictures by
    /// hundredths of a dB at most, bf16 by up to 0.8 dB if the other end computes in f32
    #[arg(long, value_name = "TYPE", default_value_t)]
    pub precision: Precision,
}

/// The device that the flags name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// On a GPU if one works, else on the CPU.
    Auto,
    On(Device),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            _ => text.parse().map(DeviceChoice::On).map_err(|_| {
                format!("unknown device `{text}` (use auto, cpu, cuda, cuda:N or metal)")
            }),
        }
    }
}
