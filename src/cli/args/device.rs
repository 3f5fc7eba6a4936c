//! The flag of the device.

use std::str::FromStr;

use dcodec::prior::Device;

/// Where the network should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// On a GPU if one works, else on the CPU.
    Auto,
    On(Device),
}

impl FromStr for DeviceChoice {
    type Err = dcodec::Error;

    fn from_str(text: &str) -> dcodec::Result<Self> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            _ => text.parse().map(DeviceChoice::On),
        }
    }
}
