//! The settings of a run as plain data.

use std::path::PathBuf;
use std::time::Duration;

use dcodec::prior::Precision;
use dcodec::{Display, Effort, Prior, Tune};

/// The unit of quality in plots and comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// RGB PSNR in dB.
    Psnr,
    /// Multi-scale structural similarity of RGB, in dB.
    MsSsim,
    Ssimulacra2,
}

/// Another codec, run by its installed tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Jpeg,
    Jpeg2000,
    Webp,
    Jxl,
    Avif,
    Heif,
}

impl Codec {
    pub const ALL: [Codec; 6] = [
        Codec::Jpeg,
        Codec::Jpeg2000,
        Codec::Webp,
        Codec::Jxl,
        Codec::Avif,
        Codec::Heif,
    ];
}

/// Everything but the networks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Pictures, folders of them, or patterns.
    pub inputs: Vec<PathBuf>,
    /// Files called .csv, .json, .svg or .png; `-` is CSV on standard output.
    pub outputs: Vec<PathBuf>,
    /// Existing files are written over.
    pub force: bool,
    /// Pictures are cut into tiles of this many pixels a side, at least 1.
    pub tile: Option<u32>,
    /// Most pictures, at least 1.
    pub limit: Option<usize>,
    /// Pictures of more pixels are refused.
    pub max_pixels: u64,
    /// Bits per pixel, at least one number.
    pub points: Vec<f64>,
    /// Quality of the files, instead of the largest bitrate.
    pub quality: Option<f64>,
    pub effort: Effort,
    /// Size of the ensemble of the files' prior, 1, 2, 4 or 8.
    pub ensemble: usize,
    /// The judge that files are made for; none is the encoder's default.
    pub tune: Option<Tune>,
    /// Files leave out what is too faint for them.
    pub prefilter: bool,
    /// Layers of files may start from a corrected x0_hat.
    pub corrections: bool,
    /// Prefixes of one file are measured: these or files that are made for their rate, or both.
    pub prefixes: bool,
    /// Files that are made for each bitrate are measured.
    pub made_for_rates: bool,
    /// Files that are made for the qualities of a mean curve are measured.
    pub made_for_qualities: bool,
    pub peers: Vec<Codec>,
    /// One progressive file of each peer that has them is cut too.
    pub peer_prefixes: bool,
    /// Most time of a peer's tool for one picture.
    pub time_limit: Duration,
    /// The table is of the ends of the layers instead of the bitrates.
    pub layers: bool,
    /// The sum of the steps' divergences is shown too.
    pub ideal: bool,
    /// A sheet of what each codec shows.
    pub sheet: Option<PathBuf>,
    /// Steps of the ideal chain, at least 2: the figures of the paper instead.
    pub paper: Option<usize>,
    /// Where measurements are kept until the run has ended.
    pub resume: Option<PathBuf>,
    pub metric: Metric,
    /// The plot's axis of rates is linear.
    pub linear: bool,
}

impl Settings {
    /// True if files that are made for their rate or quality are measured.
    pub fn made(&self) -> bool {
        self.made_for_rates || self.made_for_qualities
    }
}

/// The networks of a run.
#[derive(Clone)]
pub struct Networks<'a> {
    /// The prior of the files.
    pub prior: &'a Prior,
    /// The display of its files.
    pub display: Display,
    pub precision: Precision,
}
