//! Priors from files, and on devices.

use std::path::Path;

#[cfg(any(feature = "cuda", feature = "metal"))]
use crate::codes::PriorId;
use crate::error::{Error, Result};
#[cfg(any(feature = "cuda", feature = "metal"))]
use crate::pixels::planes::Planes;
#[cfg(feature = "metal")]
use crate::prior::candle::CandleUNet;
use crate::prior::cpu::{Kernel, Network};
#[cfg(feature = "cuda")]
use crate::prior::cuda::CudaNetwork;
#[cfg(any(feature = "cuda", feature = "metal"))]
use crate::prior::denoiser::Denoiser;
use crate::prior::device::Device;
#[cfg(feature = "diffusers")]
use crate::prior::diffusers::Ddpm;
use crate::prior::precision::Precision;
use crate::prior::prior::Prior;
#[cfg(not(feature = "diffusers"))]
use crate::prior::summary::no_folders;
use crate::prior::weights::Weights;

impl Prior {
    /// A prior from a weights file (safetensors with the configuration in its metadata), or from a
    /// folder with a DDPM of the diffusers library (see `Ddpm::from_folder`; feature `diffusers`).
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Backend`] if the file holds no weights of a known network;
    /// [`Error::Unsupported`] for a file or folder that this build cannot read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        match path.as_ref().is_dir() {
            true => Self::from_folder(path.as_ref()),
            false => Self::from_weights(&Weights::from_file(path)?),
        }
    }

    #[cfg(feature = "diffusers")]
    fn from_folder(path: &Path) -> Result<Self> {
        let ddpm = Ddpm::from_folder(path)?;
        let id = ddpm.id();
        Ok(Self::new(ddpm, id))
    }

    #[cfg(not(feature = "diffusers"))]
    fn from_folder(path: &Path) -> Result<Self> {
        Err(no_folders(path))
    }

    /// A prior from the bytes of a weights file.
    ///
    /// # Errors
    /// As [`Weights::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_weights(&Weights::from_bytes(bytes)?)
    }

    /// A prior of loaded weights on the CPU, by our own network.
    ///
    /// # Errors
    /// [`Error::Backend`] if no network can be made of the weights.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        Self::on(weights, Device::Cpu)
    }

    /// A prior of loaded weights on the CPU, by a kernel of your choice. All reference kernels give
    /// equal bits, which is what this is for: to see that they do.
    ///
    /// # Errors
    /// As [`Prior::from_weights`]; [`Error::Unsupported`] if this machine lacks the kernel's
    /// instructions.
    pub fn by_kernel(weights: &Weights, kernel: Kernel) -> Result<Self> {
        let network = Network::with_kernel(weights, kernel)?;
        Self::new(network, weights.id()).with_corrector_by(weights, kernel)
    }

    /// A prior of loaded weights on a device, in f32.
    ///
    /// A GPU is tried with a small call, so that one that cannot run the network fails here and not
    /// later. An NVIDIA GPU needs some 200 MB for the largest tiles. candle, which computes on
    /// Apple's, cuts tiles so small that they fit 2 GiB.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this build or this machine lacks the device; [`Error::Backend`] if
    /// no network can be made of the weights or the device fails.
    pub fn on(weights: &Weights, device: Device) -> Result<Self> {
        Self::with_precision(weights, device, Precision::F32)
    }

    /// A prior of loaded weights on a device, in numbers of the type `precision`.
    ///
    /// # Errors
    /// As [`Prior::on`], and [`Error::Parameter`] for the CPU in anything but f32;
    /// [`Error::Unsupported`] for an NVIDIA GPU in bf16.
    pub fn with_precision(weights: &Weights, device: Device, precision: Precision) -> Result<Self> {
        device.name()?;
        let prior = match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(gpu) => named(device, on_cuda(weights, gpu, precision)),
            #[cfg(feature = "metal")]
            Device::Metal => named(device, on_metal(weights, precision)),
            _ if precision != Precision::F32 => Err(Error::Parameter(format!(
                "the cpu computes in f32: precision {precision} is for GPUs"
            ))),
            // Without these features no other device has a name.
            _ => Ok(Self::new(Network::new(weights)?, weights.id())),
        };
        // The corrector is small: it runs on the CPU, whatever the device of the network.
        prior?.with_corrector_of(weights)
    }
}

/// A prior on the NVIDIA GPU of this number, by our own kernels.
#[cfg(feature = "cuda")]
fn on_cuda(weights: &Weights, gpu: usize, precision: Precision) -> Result<Prior> {
    match precision {
        Precision::F32 | Precision::F16 => {
            tried(CudaNetwork::open(weights, gpu, precision)?, weights.id())
        }
        Precision::Bf16 => Err(Error::Unsupported(
            "an NVIDIA GPU computes in f32 or f16, not in bf16".into(),
        )),
    }
}

/// A prior on Apple's GPU, by candle.
#[cfg(feature = "metal")]
fn on_metal(weights: &Weights, precision: Precision) -> Result<Prior> {
    tried(CandleUNet::on_metal(weights, precision)?, weights.id())
}

/// A prior of a network that has computed a small call.
#[cfg(any(feature = "cuda", feature = "metal"))]
fn tried(network: impl Denoiser + 'static, id: PriorId) -> Result<Prior> {
    let side = network.multiple();
    network.denoise(&Planes::zeros(side, side), 25.0)?;
    Ok(Prior::new(network, id))
}

/// Puts the device before the reason of a failure.
#[cfg(any(feature = "cuda", feature = "metal"))]
fn named(device: Device, opened: Result<Prior>) -> Result<Prior> {
    opened.map_err(|e| match e {
        Error::Backend(why) => Error::Backend(format!("{device}: {why}")),
        e => e,
    })
}
