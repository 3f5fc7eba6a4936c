//! Files of a model folder, as the diffusers library writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::codes::PriorId;
use crate::error::{Error, Result};

/// Most bytes of weights that are read.
const MAX_WEIGHTS: u64 = 4 << 30;
/// Largest configuration, in bytes.
const MAX_CONFIG: u64 = 1 << 20;
/// Most files of weights.
const MAX_SHARDS: usize = 1000;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const PICKLED: &str = "diffusion_pytorch_model.bin";
const INDEX: &str = "diffusion_pytorch_model.safetensors.index.json";
const SCHEDULER: &str = "scheduler_config.json";

/// Bytes of the files that define a model.
pub struct Folder {
    pub config: Vec<u8>,
    /// Empty if there is none.
    pub scheduler: Vec<u8>,
    /// One file, or several in the order of their names.
    pub weights: Vec<Vec<u8>>,
}

impl Folder {
    /// Reads a UNet2DModel's folder, or a DDPMPipeline's with the folders `unet` and `scheduler`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for pickled weights; [`Error::Backend`] for a file
    /// over its limit or a damaged index.
    pub fn read(folder: &Path) -> Result<Folder> {
        let pipeline = folder.join("unet");
        let unet = if pipeline.join(CONFIG).is_file() {
            pipeline
        } else {
            folder.to_owned()
        };
        let shards = !unet.join(WEIGHTS).is_file() && unet.join(INDEX).is_file();
        let weights = match shards {
            true => shard_names(&read(unet.join(INDEX), MAX_CONFIG)?)?,
            false => vec![WEIGHTS.to_owned()],
        };
        if !shards && !unet.join(WEIGHTS).is_file() && unet.join(PICKLED).is_file() {
            return Err(Error::Unsupported(format!(
                "weights in {PICKLED} only; save the model again with diffusers to get {WEIGHTS}"
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
            weights: {
                let mut left = MAX_WEIGHTS;
                let mut next = |name: &String| {
                    let file = read(unet.join(name), left)?;
                    left -= file.len() as u64;
                    Ok(file)
                };
                weights.iter().map(&mut next).collect::<Result<_>>()?
            },
        })
    }

    /// Identity: the first four bytes of the SHA-256 of config.json, scheduler_config.json (empty
    /// if there is none) and the files of weights, in this order, each after its length as a
    /// little-endian 64-bit number.
    pub fn id(&self) -> PriorId {
        let mut digest = Sha256::new();
        for file in [&self.config, &self.scheduler]
            .into_iter()
            .chain(&self.weights)
        {
            digest.update((file.len() as u64).to_le_bytes());
            digest.update(file);
        }
        let mut id = [0; 4];
        id.copy_from_slice(&digest.finalize()[..4]);
        PriorId(id)
    }
}

/// Files that an index names, each once: `{"weight_map": {tensor: file, ..}}`.
fn shard_names(index: &[u8]) -> Result<Vec<String>> {
    let bad = |what: &str| Error::Backend(format!("{INDEX}: {what}"));
    let index: Value = serde_json::from_slice(index).map_err(|e| bad(&e.to_string()))?;
    let Some(map) = index["weight_map"].as_object().filter(|m| !m.is_empty()) else {
        return Err(bad("no weight_map"));
    };
    let mut names = BTreeSet::new();
    for file in map.values() {
        // A path could lead out of the folder.
        match file.as_str() {
            Some(name) if Path::new(name).file_name().is_some_and(|f| f == name) => {
                names.insert(name.to_owned());
            }
            _ => return Err(bad(&format!("{file} is no name of a file"))),
        }
    }
    match names.len() {
        n if n > MAX_SHARDS => Err(bad(&format!("{n} files of weights, limit {MAX_SHARDS}"))),
        _ => Ok(names.into_iter().collect()),
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
