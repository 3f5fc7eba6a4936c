//! The files of a model folder, as the diffusers library writes them.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::container::PriorId;
use crate::{Error, Result};

/// Largest weights file that is read, in bytes.
const MAX_WEIGHTS: u64 = 4 << 30;
/// Largest configuration, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const SCHEDULER: &str = "scheduler_config.json";

/// The bytes of the files that define a model.
pub struct Folder {
    pub config: Vec<u8>,
    /// Empty if there is none.
    pub scheduler: Vec<u8>,
    pub weights: Vec<u8>,
}

impl Folder {
    /// Reads a UNet2DModel's folder, or a DDPMPipeline's with the folders `unet` and `scheduler`.
    pub fn read(folder: &Path) -> Result<Folder> {
        let pipeline = folder.join("unet");
        let unet = if pipeline.join(CONFIG).is_file() {
            pipeline
        } else {
            folder.to_owned()
        };
        let weights = unet.join(WEIGHTS);
        if !weights.is_file() && unet.join("diffusion_pytorch_model.bin").is_file() {
            return Err(Error::Unsupported(format!(
                "weights in diffusion_pytorch_model.bin only; save the model again with diffusers to get {WEIGHTS}"
            )));
        }
        let scheduler = [
            folder.join("scheduler").join(SCHEDULER),
            folder.join(SCHEDULER),
        ];
        Ok(Folder {
            config: read(unet.join(CONFIG), MAX_CONFIG)?,
            scheduler: match scheduler.into_iter().find(|path| path.is_file()) {
                Some(path) => read(path, MAX_CONFIG)?,
                None => Vec::new(),
            },
            weights: read(weights, MAX_WEIGHTS)?,
        })
    }

    /// The first four bytes of the SHA-256 of config.json, scheduler_config.json (empty if there is none) and
    /// diffusion_pytorch_model.safetensors, in this order, each behind its length as a little-endian 64-bit number.
    pub fn id(&self) -> PriorId {
        let mut digest = Sha256::new();
        for file in [&self.config, &self.scheduler, &self.weights] {
            digest.update((file.len() as u64).to_le_bytes());
            digest.update(file);
        }
        let mut id = [0; 4];
        id.copy_from_slice(&digest.finalize()[..4]);
        PriorId(id)
    }
}

fn read(path: PathBuf, most: u64) -> Result<Vec<u8>> {
    let size = std::fs::metadata(&path).map_err(|e| Error::io(&path, e))?;
    if size.len() > most {
        let (path, n) = (path.display(), size.len());
        return Err(Error::Backend(format!("{path}: {n} bytes, limit {most}")));
    }
    std::fs::read(&path).map_err(|e| Error::io(&path, e))
}
