//! DDPMs of the diffusers library as priors: UNet2DModel in candle, with the names of its weights.
//!
//! Such a network was trained at one size of pictures and attends over the whole of it. A larger
//! picture is denoised in overlapping tiles of that size. Its time grows with the area, and no tile
//! knows of the others. The prior is at its best on pictures of the size and kind of its training.

mod attention;
mod blocks;
mod config;
mod fields;
mod folder;
mod schedule;
mod tensors;
mod unet;

pub use crate::prior::diffusers::config::Config as UNet2DConfig;
pub use crate::prior::diffusers::schedule::{Prediction, Schedule};

use std::fmt;
use std::path::Path;

use candle_core::{Device, Tensor};

use crate::codes::PriorId;
use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::denoiser::{Denoiser, FINEST};
use crate::prior::diffusers::folder::Folder;
use crate::prior::diffusers::tensors::Tensors;
use crate::prior::diffusers::unet::UNet2DModel;

/// Half the range of 8-bit samples: levels of the value 1 of pictures in \[-1, 1\].
const HALF_RANGE: f64 = 127.5;

/// Side of the tiles of a network whose folder does not tell the size of training.
const USUAL_SIZE: usize = 256;

/// Live arrays inside the widest layer, each of the size of its input.
const LIVE: usize = 6;

/// A denoising diffusion probabilistic model (Ho, Jain and Abbeel 2020) in a folder of the
/// diffusers library.
///
/// Candle runs it in f32. Its bits depend on candle's matrix products and so on the machine.
pub struct Ddpm {
    config: UNet2DConfig,
    schedule: Schedule,
    network: UNet2DModel,
    parameters: usize,
    id: PriorId,
}

impl fmt::Debug for Ddpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ddpm")
            .field("id", &self.id)
            .field("config", &self.config)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl Ddpm {
    /// Reads `config.json`, `diffusion_pytorch_model.safetensors` and `scheduler_config.json` of a
    /// folder, or of its folders `unet` and `scheduler` (a DDPMPipeline). Without a scheduler's
    /// file, DDPMScheduler's defaults hold. `diffusion_pytorch_model.safetensors.index.json` may
    /// name several files of weights.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for a field of the configuration that this build does
    /// not know, by name; [`Error::Backend`] for files that are damaged or do not belong together.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Ddpm> {
        let files = Folder::read(folder.as_ref())?;
        let config = UNet2DConfig::parse(&files.config)?;
        let schedule = Schedule::parse(match files.scheduler.is_empty() {
            true => b"{}",
            false => &files.scheduler,
        })?;
        let id = files.id();
        let bad = |e: candle_core::Error| Error::Backend(format!("weights of the model: {e}"));
        let tensors = Tensors::read(&files.weights).map_err(bad)?;
        drop(files);
        let parameters = tensors.values();
        let network = UNet2DModel::new(&config, tensors.builder()).map_err(bad)?;
        if let Some(name) = tensors.left() {
            return Err(Error::Backend(format!(
                "weights of the model: tensor `{name}` is not in the configuration"
            )));
        }
        Ok(Ddpm {
            config,
            schedule,
            network,
            parameters,
            id,
        })
    }

    /// Identity: the first four bytes of the SHA-256 of config.json, scheduler_config.json (empty
    /// if there is none) and the weights file, or several in the order of their names, each after
    /// its length as a little-endian 64-bit number.
    pub fn id(&self) -> PriorId {
        self.id
    }

    /// Parts of the network.
    pub fn config(&self) -> &UNet2DConfig {
        &self.config
    }

    /// Noise levels of the training.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Number of values of all tensors.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Output of the network for `x`, three planes in the units of its training, at the real
    /// timestep `t`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the sides are not multiples of [`UNet2DConfig::multiple`];
    /// [`Error::Backend`] if candle fails or the output is not finite.
    pub fn forward(&self, x: &Planes, t: f64) -> Result<Planes> {
        let (w, h, multiple) = (x.width, x.height, self.config.multiple());
        if w == 0 || h == 0 || w % multiple != 0 || h % multiple != 0 || x.data.len() != 3 * w * h {
            return Err(Error::Parameter(format!(
                "planes of {w} x {h} with {} values, expected sides that are multiples of {multiple}",
                x.data.len()
            )));
        }
        let input = Tensor::from_slice(&x.data, (1, 3, h, w), &Device::Cpu)?;
        let output = self.network.forward(&input, t)?;
        let data: Vec<f32> = output.flatten_all()?.to_vec1()?;
        if data.iter().any(|v| !v.is_finite()) {
            return Err(Error::Backend(
                "the network's output is not finite: its weights are damaged".into(),
            ));
        }
        Ok(Planes {
            width: w,
            height: h,
            data,
        })
    }

    /// Side of the pictures of training, as a multiple of [`UNet2DConfig::multiple`].
    fn trained(&self) -> usize {
        let size = self.config.sample_size.unwrap_or(USUAL_SIZE);
        size.next_multiple_of(self.config.multiple())
    }
}

impl Denoiser for Ddpm {
    fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// False: faces, rooms and churches, the subjects of most trainings, stand upright.
    fn any_orientation(&self) -> bool {
        false
    }

    /// x0_hat by way of sigma_t = sigma / 127.5. The network sees sqrt(alpha_bar) x_t, alpha_bar =
    /// 1 / (1 + sigma_t^2), at the t at which its schedule has sigma_t, or the nearest level of the
    /// schedule.
    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        if !(1e-6..=1e9).contains(&sigma) {
            return Err(Error::Parameter(format!(
                "sigma {sigma}, expected 1e-6 to 1e9"
            )));
        }
        let sigma_t = sigma / HALF_RANGE;
        let root = (1.0 / (1.0 + sigma_t * sigma_t)).sqrt();
        let mut x = x_t.clone();
        let scale = (root / HALF_RANGE) as f32;
        x.data.iter_mut().for_each(|v| *v *= scale);
        let mut out = self.forward(&x, self.schedule.t(sigma_t))?;
        // x0_hat = keep x_t + gain output, in levels.
        let (keep, gain) = match self.schedule.prediction() {
            Prediction::Epsilon => (1.0, -sigma),
            Prediction::Sample => (0.0, HALF_RANGE),
            Prediction::V => (root * root, -sigma_t * root * HALF_RANGE),
        };
        for (out, x) in out.data.iter_mut().zip(&x_t.data) {
            *out = keep as f32 * x + gain as f32 * *out;
        }
        Ok(out)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.network.macs_per_pixel((self.trained() as f64).powi(2))
    }

    /// Bytes of the weights, of the skip connections, and of the widest layer with the attention's
    /// rows of one group of queries.
    fn memory(&self, width: usize, height: usize) -> u64 {
        let ch = &self.config.block_out_channels;
        let (layers, pixels) = (self.config.layers_per_block, width * height);
        let at = |scale: usize| pixels >> (2 * scale);
        let mut skips = ch[0] * pixels;
        let mut widest = 0;
        for (i, &c) in ch.iter().enumerate() {
            let next = ch.get(i + 1).copied().unwrap_or(c);
            skips += layers * c * at(i) + c * at(i + 1);
            widest = widest.max(LIVE * (c + next) * at(i));
        }
        let last = ch.len() - 1;
        let scores = (0..ch.len())
            .filter(|&i| {
                self.config.down_attention[i]
                    || self.config.up_attention[last - i]
                    || (i == last && self.config.mid_block && self.config.add_attention)
            })
            .map(|i| {
                let heads = ch[i] / self.config.attention_head_dim.unwrap_or(ch[i]);
                2 * (heads * at(i) * at(i)).min(attention::SCORES)
            });
        4 * (self.parameters + skips + widest + scores.max().unwrap_or(0)) as u64
    }

    fn tile_side(&self) -> Option<usize> {
        Some(self.trained())
    }

    /// Highest level of the schedule for a picture no larger than in training, as the network has
    /// learned it at every level.
    fn highest_sigma(&self, width: usize, height: usize) -> f64 {
        if width.max(height) > self.trained() {
            return FINEST;
        }
        HALF_RANGE * self.schedule.sigma(self.schedule.timesteps() - 1)
    }
}
