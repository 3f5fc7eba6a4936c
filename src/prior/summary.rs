//! Description of a model's folder as plain data.

use std::path::Path;

use crate::codes::PriorId;
#[cfg(not(feature = "diffusers"))]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "diffusers")]
use crate::prior::denoiser::Denoiser;
#[cfg(feature = "diffusers")]
use crate::prior::diffusers::Ddpm;

/// A folder with a DDPM of the diffusers library, described.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FolderSummary {
    /// Identity of the prior in files.
    pub id: PriorId,
    /// Channels of each scale, finest first.
    pub channels: Vec<usize>,
    /// Residual blocks of each scale on the way down.
    pub layers: usize,
    /// True for each scale that attends on the way down, finest first.
    pub down_attention: Vec<bool>,
    /// True for each scale that attends on the way up, coarsest first.
    pub up_attention: Vec<bool>,
    /// True if the middle attends.
    pub middle_attention: bool,
    /// Longer side of the pictures of training, if the folder tells it.
    pub sample_size: Option<usize>,
    /// Number of values of all tensors.
    pub parameters: usize,
    /// Multiply-accumulates of one call for each pixel, at the size of training.
    pub macs_per_pixel: f64,
    /// Name of the schedule of betas.
    pub schedule: String,
    /// Prediction of the network: `epsilon`, `sample` or `v`.
    pub prediction: String,
    /// T, the number of timesteps.
    pub timesteps: usize,
    /// Lowest and highest noise level of the schedule, in 8-bit levels.
    pub sigma: [f64; 2],
}

impl FolderSummary {
    /// Loads the model and describes it.
    ///
    /// # Errors
    /// As [`Prior::from_file`](super::Prior::from_file) for a folder.
    #[cfg(feature = "diffusers")]
    pub fn read(folder: impl AsRef<Path>) -> Result<FolderSummary> {
        let ddpm = Ddpm::from_folder(folder)?;
        let (config, schedule) = (ddpm.config(), ddpm.schedule());
        let timesteps = schedule.timesteps();
        Ok(FolderSummary {
            id: ddpm.id(),
            channels: config.block_out_channels.clone(),
            layers: config.layers_per_block,
            down_attention: config.down_attention.clone(),
            up_attention: config.up_attention.clone(),
            middle_attention: config.mid_block && config.add_attention,
            sample_size: config.sample_size,
            parameters: ddpm.parameters(),
            macs_per_pixel: ddpm.macs_per_pixel(),
            schedule: schedule.name().to_owned(),
            prediction: format!("{:?}", schedule.prediction()).to_lowercase(),
            timesteps,
            sigma: [0, timesteps - 1].map(|t| 127.5 * schedule.sigma(t)),
        })
    }

    /// Loads no folder, as this build lacks the feature `diffusers`.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    #[cfg(not(feature = "diffusers"))]
    pub fn read(folder: impl AsRef<Path>) -> Result<FolderSummary> {
        Err(no_folders(folder.as_ref()))
    }
}

/// Error of a build that reads no folders.
#[cfg(not(feature = "diffusers"))]
pub(super) fn no_folders(path: &Path) -> Error {
    let path = path.display();
    Error::Unsupported(format!(
        "{path}: a folder as a prior needs a build with the feature `diffusers`"
    ))
}
