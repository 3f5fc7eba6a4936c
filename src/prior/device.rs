//! Devices that can run the network: the CPU and NVIDIA's GPUs by our own kernels, others by
//! candle.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
#[cfg(feature = "metal")]
use crate::prior::candle;
use crate::prior::cpu::Kernel;
#[cfg(feature = "cuda")]
use crate::prior::cuda;

/// A device that can run the network.
///
/// Only [`Device::Cpu`] follows the reference arithmetic of the specification to the bit. Pictures
/// of the others differ by what clause 22.2 allows. The others need a build with the feature `cuda`
/// or `metal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// Processor, by the kernels of this crate.
    Cpu,
    /// NVIDIA GPU of this number, counted from 0, by the kernels of this crate.
    Cuda(usize),
    /// Apple's GPU, by candle.
    Metal,
}

impl Device {
    /// Every device of this machine with its name. A kind that is absent is listed once, with the
    /// reason.
    ///
    /// # Errors
    /// The reason is [`Error::Unsupported`] if the build or the machine lacks the device,
    /// [`Error::Backend`] if the driver fails.
    pub fn survey() -> Vec<(Device, Result<String>)> {
        let mut all = vec![(Device::Cpu, Device::Cpu.name())];
        match nvidia_gpus() {
            Ok(names) if !names.is_empty() => {
                let named = |(n, name)| (Device::Cuda(n), Ok(name));
                all.extend(names.into_iter().enumerate().map(named));
            }
            _ => all.push((Device::Cuda(0), Device::Cuda(0).name())),
        }
        all.push((Device::Metal, Device::Metal.name()));
        all
    }

    /// Name of the device, for people: kernel and threads of the CPU, model of a GPU.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this build or this machine lacks the device, [`Error::Backend`] if
    /// the driver fails.
    pub fn name(self) -> Result<String> {
        let (n, names) = match self {
            Device::Cpu => {
                let (kernel, threads) = (Kernel::best(), rayon::current_num_threads());
                return Ok(format!("{kernel:?} kernel, {threads} threads"));
            }
            Device::Cuda(n) => (n, nvidia_gpus()?),
            Device::Metal => (0, apple_gpus()?),
        };
        names.get(n).cloned().ok_or_else(|| {
            let count = names.len();
            Error::Unsupported(format!(
                "no device {self}: this machine has {count} of the kind, numbered from 0"
            ))
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.pad("cpu"),
            Device::Cuda(n) => f.pad(&format!("cuda:{n}")),
            Device::Metal => f.pad("metal"),
        }
    }
}

/// Reads `cpu`, `cuda`, which is `cuda:0`, `cuda:N` and `metal`.
///
/// # Errors
/// [`Error::Parameter`] for any other text.
impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda(0)),
            "metal" => Ok(Device::Metal),
            _ => text
                .strip_prefix("cuda:")
                .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|n| n.parse().ok())
                .map(Device::Cuda)
                .ok_or_else(|| {
                    Error::Parameter(format!(
                        "unknown device `{text}` (use cpu, cuda, cuda:N or metal)"
                    ))
                }),
        }
    }
}

/// Names of the NVIDIA GPUs.
#[cfg(feature = "cuda")]
fn nvidia_gpus() -> Result<Vec<String>> {
    cuda::names()
}

#[cfg(not(feature = "cuda"))]
fn nvidia_gpus() -> Result<Vec<String>> {
    Err(missing("cuda"))
}

/// Names of Apple's GPUs.
#[cfg(feature = "metal")]
fn apple_gpus() -> Result<Vec<String>> {
    Ok(candle::apple_gpus())
}

#[cfg(not(feature = "metal"))]
fn apple_gpus() -> Result<Vec<String>> {
    Err(missing("metal"))
}

/// Error of a device that this build cannot use.
#[cfg(not(all(feature = "cuda", feature = "metal")))]
fn missing(feature: &str) -> Error {
    Error::Unsupported(format!("this build lacks the feature `{feature}`"))
}
