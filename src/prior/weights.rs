//! Weights files: safetensors with the network's configuration in the metadata, checked in full on
//! loading.
//!
//! Metadata (all values are strings, as safetensors wants):
//!
//! | key | value |
//! |---|---|
//! | `format` | `dcodec-prior`, of a post-filter `dcodec-postfilter` |
//! | `version` | `1` |
//! | `config` | JSON: `channels` and `blocks` (lists, one entry a scale), `embed` |
//! | `sigma_data` | standard deviation of the pictures, 8-bit value / 255 |
//! | `sigma_max` | noise level in 8-bit levels above which a picture is reduced first, optional, usually 256 |
//! | `corrector` | JSON as of `config`, optional: a corrector is in the file as well |
//! | `note` | free text, optional |
//!
//! Tensors are f16, bf16 or f32, and have the names of the reference network in
//! `training/model.py`, those of the corrector after `corrector.`.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use crate::codes::PriorId;
use crate::error::{Error, Result};
use crate::prior::denoiser::FINEST;

/// Largest weights file that is read, in bytes. Its network takes some ten times as much memory.
pub const MAX_FILE_BYTES: usize = 128 << 20;
/// Largest safetensors header, in bytes.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Inputs of the embedding for each number that it tells: t, then sin and cos of t times 16
/// frequencies.
pub(super) const EMBED_INPUTS: usize = 33;
/// Channels of a picture whose 2x2 squares of pixels have become channels.
pub(super) const PICTURE_CHANNELS: usize = 12;

/// A network of a weights file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The denoiser, which sees x_t and its noise level.
    Denoiser,
    /// The corrector, which sees the innovation and x0_hat, and two numbers (clause 15.7).
    Corrector,
    /// The post-filter, which sees the noise that is left and the picture, and the noise level. It
    /// has a file of its own.
    Postfilter,
}

impl Part {
    /// Start of the names of its tensors.
    pub fn prefix(self) -> &'static str {
        match self {
            Part::Denoiser | Part::Postfilter => "",
            Part::Corrector => "corrector.",
        }
    }

    /// Pictures that it sees.
    pub fn pictures(self) -> usize {
        match self {
            Part::Denoiser => 1,
            Part::Corrector | Part::Postfilter => 2,
        }
    }

    /// Numbers that its embedding tells.
    pub fn numbers(self) -> usize {
        match self {
            Part::Denoiser | Part::Postfilter => 1,
            Part::Corrector => 2,
        }
    }

    /// The `format` of files whose first network it is.
    fn format(self) -> &'static str {
        match self {
            Part::Denoiser | Part::Corrector => "dcodec-prior",
            Part::Postfilter => "dcodec-postfilter",
        }
    }
}

/// Identity of a weights file: the first four bytes of its SHA-256.
pub(super) fn identify(file: &[u8]) -> PriorId {
    let digest = Sha256::digest(file);
    let mut id = [0; 4];
    id.copy_from_slice(&digest[..4]);
    PriorId(id)
}

/// Size of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Channels of each scale, finest first: the picture at 1/2, 1/4, .. of its size. 2 to 6
    /// scales, each a multiple of 16 from 16 to 512.
    pub channels: Vec<usize>,
    /// Residual blocks of each scale, on the way down and again on the way up (the coarsest scale
    /// has one set). 1 to 16.
    pub blocks: Vec<usize>,
    /// Width of the noise-level embedding. 8 to 1024.
    pub embed: usize,
}

impl Config {
    /// Multiply-accumulates of one call of the denoiser, for each pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        self.macs_of(Part::Denoiser)
    }

    /// Multiply-accumulates of one call as `part`, for each pixel of the picture.
    pub(super) fn macs_of(&self, part: Part) -> f64 {
        let ch = &self.channels;
        let scales = ch.len();
        let same = |ci: usize, co: usize| (9 * ci * co) as f64;
        let mut macs = same((part.pictures() + 1) * PICTURE_CHANNELS, ch[0]) / 4.0;
        for (i, (&c, &n)) in ch.iter().zip(&self.blocks).enumerate() {
            let sides = if i + 1 == scales { 1 } else { 2 };
            // Scale i has one position for 4^(i+1) pixels.
            macs += (2 * sides * n) as f64 * same(c, c) / 4f64.powi(i as i32 + 1);
            if let Some(&next) = ch.get(i + 1) {
                // Down: four taps to each coarse position. Up: one tap to four times the channels.
                macs += 2.0 * (4 * c * next) as f64 / 4f64.powi(i as i32 + 2);
            }
        }
        macs
    }

    /// Reads and checks the `config` metadata.
    fn parse(json: &str) -> Result<Config> {
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|e| bad(format!("metadata config: {e}")))?;
        let number = |v: &serde_json::Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
        let list = |key: &str| -> Result<Vec<usize>> {
            let items = value[key].as_array().map(|a| a.iter().map(number));
            items
                .and_then(Iterator::collect)
                .ok_or_else(|| bad(format!("metadata config: `{key}` is not a list of counts")))
        };
        let config = Config {
            channels: list("channels")?,
            blocks: list("blocks")?,
            embed: number(&value["embed"])
                .ok_or_else(|| bad("metadata config: `embed` is not a count".into()))?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let scales = self.channels.len();
        if !(2..=6).contains(&scales) {
            return Err(bad(format!("{scales} scales, expected 2 to 6")));
        }
        if self.blocks.len() != scales {
            let n = self.blocks.len();
            return Err(bad(format!("{n} block counts for {scales} scales")));
        }
        for &c in &self.channels {
            if !(16..=512).contains(&c) || !c.is_multiple_of(16) {
                let range = "a multiple of 16 from 16 to 512";
                return Err(bad(format!("{c} channels, expected {range}")));
            }
        }
        if let Some(n) = self.blocks.iter().find(|n| !(1..=16).contains(*n)) {
            return Err(bad(format!("{n} blocks, expected 1 to 16")));
        }
        if !(8..=1024).contains(&self.embed) {
            let n = self.embed;
            return Err(bad(format!("embedding of {n}, expected 8 to 1024")));
        }
        Ok(())
    }

    /// Name and shape of every tensor of the denoiser, slowest dimension first.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors_of(Part::Denoiser)
    }

    /// Name and shape of every tensor of the network as `part`, slowest dimension first.
    pub(super) fn tensors_of(&self, part: Part) -> Vec<(String, Vec<usize>)> {
        let mut all = Vec::new();
        let mut layer = |name: String, shape: &[usize]| {
            let prefix = part.prefix();
            all.push((format!("{prefix}{name}.weight"), shape.to_vec()));
            all.push((format!("{prefix}{name}.bias"), shape[..1].to_vec()));
        };
        let (ch, picture, e) = (&self.channels, PICTURE_CHANNELS, self.embed);
        layer("embed.0".into(), &[e, part.numbers() * EMBED_INPUTS]);
        layer("embed.1".into(), &[e, e]);
        layer("input".into(), &[ch[0], part.pictures() * picture, 3, 3]);
        layer("output".into(), &[picture, ch[0], 3, 3]);
        for (i, (&c, &n)) in ch.iter().zip(&self.blocks).enumerate() {
            for side in ["enc", "dec"] {
                if side == "dec" && i + 1 == ch.len() {
                    continue;
                }
                for b in 0..n {
                    layer(format!("{side}.{i}.{b}.conv1"), &[c, c, 3, 3]);
                    layer(format!("{side}.{i}.{b}.conv2"), &[c, c, 3, 3]);
                    layer(format!("{side}.{i}.{b}.scale"), &[c, e]);
                }
            }
        }
        for (i, pair) in ch.windows(2).enumerate() {
            layer(format!("down.{i}"), &[pair[1], pair[0], 2, 2]);
            layer(format!("up.{i}"), &[4 * pair[0], pair[1], 1, 1]);
        }
        all
    }

    /// Number of which both sides of a picture are multiples: 2 for each scale, 16 for four scales.
    pub fn multiple(&self) -> usize {
        1 << self.channels.len()
    }
}

/// A tensor in f32, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightTensor {
    /// Sizes, slowest first.
    pub shape: Vec<usize>,
    /// Values, as many as the product of `shape`, all finite.
    pub data: Vec<f32>,
}

/// Metadata of a weights file.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// The first network of the file.
    first: Part,
    pub config: Config,
    /// Size of the corrector, if the file has one.
    pub corrector: Option<Config>,
    pub sigma_data: f64,
    pub sigma_max: f64,
    pub note: String,
}

/// A checked weights file: every tensor of the configuration is present, finite and of the right
/// shape.
#[derive(Debug, Clone)]
pub struct Weights {
    head: Head,
    id: PriorId,
    tensors: BTreeMap<String, WeightTensor>,
}

/// A weights file inside the program, its bytes sorted as the build script has done it: the header,
/// the high bytes of all weights, the low ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    pub apart: &'static [u8],
    /// The identity of the file.
    pub id: PriorId,
}

impl Inside {
    /// Reads the metadata of the file, but no weights.
    ///
    /// # Errors
    /// [`Error::Backend`] if they are damaged.
    pub fn head(&self) -> Result<Head> {
        self.head_of(Part::Denoiser)
    }

    /// Reads the metadata of a file whose first network is `first`.
    ///
    /// # Errors
    /// [`Error::Backend`] if they are damaged.
    pub fn head_of(&self, first: Part) -> Result<Head> {
        Head::read(self.apart, first)
    }

    /// The file, byte for byte.
    pub fn file(&self) -> Vec<u8> {
        let header = self.apart.first_chunk();
        let header = header.map_or(0, |n| 8 + u64::from_le_bytes(*n) as usize);
        let (header, data) = self.apart.split_at(header.min(self.apart.len()));
        let (high, rest) = data.split_at(data.len() / 2);
        let (low, rest) = rest.split_at(high.len());
        let mut file = Vec::with_capacity(self.apart.len());
        file.extend_from_slice(header);
        file.extend(low.iter().zip(high).flat_map(|(&low, &high)| [low, high]));
        file.extend_from_slice(rest);
        file
    }

    /// The weights.
    ///
    /// # Errors
    /// As [`Weights::from_bytes`].
    pub fn weights(&self) -> Result<Weights> {
        Weights::identified(&self.file(), self.id)
    }
}

impl Head {
    /// Size of a network of the file.
    pub fn config_of(&self, part: Part) -> Option<&Config> {
        match part {
            Part::Corrector => self.corrector.as_ref(),
            _ => (part == self.first).then_some(&self.config),
        }
    }

    /// Name and shape of every tensor of the file.
    fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        [self.first, Part::Corrector].into_iter().flat_map(|part| {
            let config = self.config_of(part);
            config.map_or(Vec::new(), |config| config.tensors_of(part))
        })
    }

    /// Reads and checks the metadata of a weights file whose first network is `first`.
    pub fn read(bytes: &[u8], first: Part) -> Result<Head> {
        if bytes.len() > MAX_FILE_BYTES {
            let n = bytes.len();
            return Err(bad(format!("{n} bytes, limit {MAX_FILE_BYTES}")));
        }
        // The header becomes many small allocations, so its length is bounded before it is parsed.
        let header = bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
        if header > MAX_HEADER_BYTES {
            let limit = MAX_HEADER_BYTES;
            return Err(bad(format!(
                "no safetensors file: it would have a header of {header} bytes, limit {limit}"
            )));
        }
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let meta = header.metadata().clone().unwrap_or_default();
        let get = |key: &str| {
            meta.get(key)
                .ok_or_else(|| bad(format!("no `{key}` in the metadata")))
        };
        let format = get("format")?;
        if format != first.format() {
            let expected = first.format();
            return Err(bad(format!("format `{format}`, expected `{expected}`")));
        }
        let version = get("version")?;
        if version != "1" {
            return Err(Error::Unsupported(format!(
                "weights of version {version}; this build reads version 1"
            )));
        }
        let config = Config::parse(get("config")?)?;
        let corrector = meta.get("corrector").map(|text| Config::parse(text));
        let corrector = corrector.transpose()?;
        let text = get("sigma_data")?;
        let sigma_data = text.parse::<f64>().ok();
        let sigma_data = sigma_data
            .filter(|s| (0.001..=10.0).contains(s))
            .ok_or_else(|| bad(format!("sigma_data `{text}`, expected 0.001 to 10")))?;
        let sigma_max = match meta.get("sigma_max") {
            None => FINEST,
            Some(text) => {
                let levels = text.parse::<f64>().ok();
                levels
                    .filter(|s| (16.0..=65536.0).contains(s))
                    .ok_or_else(|| bad(format!("sigma_max `{text}`, expected 16 to 65536")))?
            }
        };
        let note = meta.get("note").cloned().unwrap_or_default();
        Ok(Head {
            first,
            config,
            corrector,
            sigma_data,
            sigma_max,
            note,
        })
    }
}

impl Weights {
    /// Parses a weights file.
    ///
    /// # Errors
    /// [`Error::Backend`] for a file that is damaged, too large, or lacks tensors of its
    /// configuration; [`Error::Unsupported`] for another version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Weights> {
        Self::of_network(bytes, Part::Denoiser)
    }

    /// Parses a weights file whose first network is `first`.
    ///
    /// # Errors
    /// As [`Weights::from_bytes`].
    pub(super) fn of_network(bytes: &[u8], first: Part) -> Result<Weights> {
        Self::complete(Head::read(bytes, first)?, bytes, identify(bytes))
    }

    /// Parses a weights file of a prior whose identity is known.
    pub(super) fn identified(bytes: &[u8], id: PriorId) -> Result<Weights> {
        Self::complete(Head::read(bytes, Part::Denoiser)?, bytes, id)
    }

    fn complete(head: Head, bytes: &[u8], id: PriorId) -> Result<Weights> {
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut tensors = BTreeMap::new();
        for (name, shape) in head.tensors() {
            let view = file
                .tensor(&name)
                .map_err(|_| bad(format!("no tensor `{name}`")))?;
            if view.shape() != shape {
                let found = view.shape();
                return Err(bad(format!(
                    "tensor `{name}` is {found:?}, expected {shape:?}"
                )));
            }
            let data = to_f32(view.dtype(), view.data()).ok_or_else(|| {
                bad(format!(
                    "tensor `{name}` is {:?}, expected F16, BF16 or F32",
                    view.dtype()
                ))
            })?;
            if let Some(i) = first_infinite(&data) {
                return Err(bad(format!("tensor `{name}` is not finite at value {i}")));
            }
            tensors.insert(name, WeightTensor { shape, data });
        }
        if file.len() != tensors.len() {
            let name = file.names().into_iter().find(|n| !tensors.contains_key(*n));
            let name = name.unwrap_or_default();
            return Err(bad(format!("tensor `{name}` is not in the configuration")));
        }
        Ok(Weights { head, id, tensors })
    }

    /// Reads a weights file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; else as [`Weights::from_bytes`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Weights> {
        Weights::from_bytes(&read(path.as_ref())?)
    }

    /// Size of the network.
    pub fn config(&self) -> &Config {
        &self.head.config
    }

    /// Size of the corrector that moves x0_hat on between two calls of the network, if the file has
    /// one.
    pub fn corrector(&self) -> Option<&Config> {
        self.head.corrector.as_ref()
    }

    /// Size of a network of the file.
    ///
    /// # Errors
    /// [`Error::Backend`] if it has none.
    pub(super) fn config_of(&self, part: Part) -> Result<&Config> {
        let config = self.head.config_of(part);
        config.ok_or_else(|| bad("it lacks this network".into()))
    }

    /// Standard deviation of the pictures that the network was trained on, as 8-bit value / 255.
    pub fn sigma_data(&self) -> f64 {
        self.head.sigma_data
    }

    /// Highest noise level that the network was trained for, in 8-bit levels. Above it a picture is
    /// reduced first.
    pub fn sigma_max(&self) -> f64 {
        self.head.sigma_max
    }

    /// Note of the trainer about the file.
    pub fn note(&self) -> &str {
        &self.head.note
    }

    /// Identity of the file: the first four bytes of its SHA-256.
    pub fn id(&self) -> PriorId {
        self.id
    }

    /// The tensor `name`, as in [`Config::tensors`].
    ///
    /// # Errors
    /// [`Error::Backend`] if the network has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<&WeightTensor> {
        self.tensors
            .get(name)
            .ok_or_else(|| bad(format!("no tensor `{name}`")))
    }

    /// All tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &WeightTensor)> {
        self.tensors.iter().map(|(n, t)| (n.as_str(), t))
    }

    /// Number of values of all tensors.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|t| t.data.len()).sum()
    }
}

/// The bytes of a weights file.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Backend`] if it is too large.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if size.len() > MAX_FILE_BYTES as u64 {
        let n = size.len();
        return Err(bad(format!("{n} bytes, limit {MAX_FILE_BYTES}")));
    }
    std::fs::read(path).map_err(|e| Error::io(path, e))
}

/// Index of the first value that is no finite number.
fn first_infinite(values: &[f32]) -> Option<usize> {
    let finite = |part: &[f32]| part.iter().fold(true, |all, v| all & v.is_finite());
    match values.par_chunks(SHARE).all(finite) {
        true => None,
        false => values.iter().position(|v| !v.is_finite()),
    }
}

/// Values that a thread converts at least.
const SHARE: usize = 1 << 14;

/// Values of a tensor; `None` for a type that is not read.
fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let (quads, _) = bytes.as_chunks::<4>();
    Some(match dtype {
        Dtype::F16 => converted(pairs, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => converted(pairs, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F32 => converted(quads, f32::from_le_bytes),
        _ => return None,
    })
}

/// Values of some bytes each, converted by all threads.
fn converted<const N: usize>(
    bytes: &[[u8; N]],
    to_f32: impl Fn([u8; N]) -> f32 + Sync,
) -> Vec<f32> {
    let mut values = vec![0.0; bytes.len()];
    let parts = values.par_chunks_mut(SHARE).zip(bytes.par_chunks(SHARE));
    parts.for_each(|(values, bytes)| {
        let pairs = values.iter_mut().zip(bytes);
        pairs.for_each(|(to, b)| *to = to_f32(*b));
    });
    values
}

fn damaged(e: safetensors::SafeTensorError) -> Error {
    bad(format!("not a safetensors file: {e}"))
}

fn bad(reason: String) -> Error {
    Error::Backend(format!("weights file: {reason}"))
}

#[cfg(test)]
pub(super) mod tests;
