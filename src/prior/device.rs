//! Where the network runs: by our own kernels on the CPU and on NVIDIA's GPUs, or by candle on others.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::prior::{Kernel, Network, Prior, Weights};

/// A device that can run the network.
///
/// Only [`Device::Cpu`] follows the reference arithmetic of the specification to the bit. The others show pictures that
/// differ by what clause 22.2 allows, and are there in builds with the features `cuda` and `metal` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The processor, by the kernels of this crate.
    Cpu,
    /// The NVIDIA GPU of this number, by the kernels of this crate; in bf16 by candle.
    Cuda(usize),
    /// Apple's GPU, by candle.
    Metal,
}

impl Device {
    /// Every device of this machine with its name. For `cuda` and `metal`, where there is none, why there is none:
    /// [`Error::Unsupported`] if the build lacks them or the machine does, [`Error::Backend`] if the driver fails.
    pub fn survey() -> Vec<(Device, Result<String>)> {
        let mut all = vec![(Device::Cpu, Device::Cpu.name())];
        match cuda_names() {
            Ok(names) if !names.is_empty() => {
                let named = |(n, name)| (Device::Cuda(n), Ok(name));
                all.extend(names.into_iter().enumerate().map(named));
            }
            _ => all.push((Device::Cuda(0), Device::Cuda(0).name())),
        }
        all.push((Device::Metal, Device::Metal.name()));
        all
    }

    /// What the device is called.
    ///
    /// Errors: [`Error::Unsupported`] if this build or this machine lacks it, saying what to do; [`Error::Backend`] if the
    /// driver fails.
    pub fn name(self) -> Result<String> {
        let (n, names) = match self {
            Device::Cpu => {
                let (kernel, threads) = (Kernel::best(), rayon::current_num_threads());
                return Ok(format!("{kernel:?} kernel, {threads} threads"));
            }
            Device::Cuda(n) => (n, cuda_names()?),
            Device::Metal => (0, metal_names()?),
        };
        names.get(n).cloned().ok_or_else(|| {
            let those = match names.len() {
                0 => "none".to_owned(),
                most => format!("{most}, numbered from 0"),
            };
            Error::Unsupported(format!(
                "no device {self} on this machine, which has {those} of the kind: `dcodec info --devices` lists what there is"
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
/// Errors: [`Error::Parameter`].
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

/// The numbers that a GPU computes the network in.
///
/// On an H200 a call of the network on a megapixel took 1.3 ms in f32 and 0.8 ms in f16; bf16 is candle's, and slower than
/// both. Pictures of f16 are at the edge of clause 22.2 of the specification, those of bf16 outside: clause 22.4 gives the figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 24 significant bits; on an NVIDIA GPU products have 22 or more, sums 24.
    #[default]
    F32,
    /// bfloat16: 8 significant bits, the range of f32.
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
/// Errors: [`Error::Parameter`].
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

impl Prior {
    /// A prior of loaded weights on a device, in f32.
    ///
    /// A GPU is tried with a small call, so that one that cannot run the network fails here and not later. An NVIDIA GPU
    /// needs some 200 MB for the largest tiles. Where candle runs the network, tiles are cut so small that they fit three
    /// quarters of the memory that an NVIDIA GPU has free now, and 2 GiB of Apple's, which does not say.
    ///
    /// Errors: as [`Device::name`]; [`Error::Backend`] if no network can be made of the weights or the device fails.
    pub fn on(weights: &Weights, device: Device) -> Result<Self> {
        Self::with_precision(weights, device, Precision::F32)
    }

    /// The same in numbers of another type.
    ///
    /// Errors: as [`Prior::on`]; [`Error::Parameter`] for the CPU in anything but f32.
    pub fn with_precision(weights: &Weights, device: Device, precision: Precision) -> Result<Self> {
        device.name()?;
        match device {
            #[cfg(any(feature = "cuda", feature = "metal"))]
            Device::Cuda(_) | Device::Metal => on_gpu(weights, device, precision),
            _ if precision != Precision::F32 => Err(Error::Parameter(format!(
                "the cpu computes in f32: precision {precision} is for GPUs"
            ))),
            // Without these features no other device has a name.
            _ => Ok(Self::new(Network::new(weights)?, weights.id())),
        }
    }
}

#[cfg(any(feature = "cuda", feature = "metal"))]
fn on_gpu(weights: &Weights, device: Device, precision: Precision) -> Result<Prior> {
    let run = || match (device, precision) {
        #[cfg(feature = "cuda")]
        (Device::Cuda(n), Precision::F32 | Precision::F16) => {
            let network = crate::prior::CudaNetwork::open(weights, n, precision)?;
            tried(network, weights)
        }
        _ => by_candle(weights, device, precision),
    };
    run().map_err(|e| match e {
        Error::Backend(why) => Error::Backend(format!("{device}: {why}")),
        e => e,
    })
}

/// A prior of a network that a small call has passed through.
#[cfg(any(feature = "cuda", feature = "metal"))]
fn tried(network: impl crate::prior::Denoiser + 'static, weights: &Weights) -> Result<Prior> {
    let side = network.multiple();
    network.denoise(&crate::pixels::planes::Planes::zeros(side, side), 25.0)?;
    Ok(Prior::new(network, weights.id()))
}

#[cfg(any(feature = "cuda", feature = "metal"))]
fn by_candle(weights: &Weights, device: Device, precision: Precision) -> Result<Prior> {
    let opened = match device {
        Device::Cuda(n) => candle_core::Device::new_cuda(n),
        Device::Metal => candle_core::Device::new_metal(0),
        Device::Cpu => Ok(candle_core::Device::Cpu),
    };
    let network = crate::prior::CandleUNet::with_precision(weights, &opened?, precision)?;
    let network = match free_memory(device) {
        Some(bytes) => network.max_memory(bytes / 4 * 3),
        None => network,
    };
    tried(network, weights)
}

/// Bytes of the device's memory that nobody uses, if it says.
#[cfg(any(feature = "cuda", feature = "metal"))]
fn free_memory(device: Device) -> Option<u64> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(n) => {
            let context = candle_core::cuda::cudarc::driver::CudaContext::new(n).ok()?;
            Some(context.mem_get_info().ok()?.0 as u64)
        }
        _ => None,
    }
}

/// The names of the NVIDIA GPUs.
#[cfg(feature = "cuda")]
fn cuda_names() -> Result<Vec<String>> {
    use candle_core::cuda::cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE;
    use candle_core::cuda::cudarc::driver::{CudaContext, DriverError};

    let names = || -> Result<Vec<String>, DriverError> {
        let count = CudaContext::device_count()?;
        let name = |n| CudaContext::new(n as usize)?.name();
        (0..count.max(0)).map(name).collect()
    };
    match names() {
        Err(DriverError(CUDA_ERROR_NO_DEVICE)) => Ok(Vec::new()),
        names => names.map_err(|e| Error::Backend(format!("no CUDA device answers: {e}"))),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda_names() -> Result<Vec<String>> {
    Err(missing("cuda", "on a machine with the CUDA toolkit"))
}

/// The GPU that Metal uses unless told otherwise.
#[cfg(feature = "metal")]
fn metal_names() -> Result<Vec<String>> {
    let found = !candle_metal_kernels::metal::Device::all().is_empty();
    Ok(found.then(|| "Apple GPU".to_owned()).into_iter().collect())
}

#[cfg(not(feature = "metal"))]
fn metal_names() -> Result<Vec<String>> {
    Err(missing("metal", "on a Mac"))
}

/// A device that this build cannot use.
#[cfg(not(all(feature = "cuda", feature = "metal")))]
fn missing(feature: &str, place: &str) -> Error {
    Error::Unsupported(format!(
        "this build cannot use {feature}: build it {place} with `cargo build --release --features {feature}`"
    ))
}
