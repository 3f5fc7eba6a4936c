//! The flags of the commands that sample.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Output, PriorArgs, seed};

/// The picture of a state of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    /// The expected picture: the best PSNR, smooth where the bits say nothing
    Mean,
    /// The probability flow: sharp, and the same every time
    Flow,
    /// A sample of all pictures that the bits allow (DDPM; DDIM with --eta 0)
    Sample,
    /// A sample with Langevin corrections
    Langevin,
}

/// Variance of the noise of an ancestral step (DDPM, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Variance {
    /// beta~, exact for pictures of one point
    Small,
    /// beta, exact for white pictures
    Large,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What to show")]
pub struct Sampling {
    /// The way in which the noise that is left becomes a picture
    #[arg(long, value_enum)]
    pub mode: Option<ModeName>,
    /// Between the mean (0, best PSNR) and the flow (1, sharpest); 0.25 to 0.5 often look best
    #[arg(long, value_name = "R", conflicts_with = "mode")]
    pub realism: Option<f64>,
    /// Noise levels that a sampler visits, one network call each [default: flow 12, sample 32,
    /// langevin 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub steps: Option<u32>,
    /// Noise that --mode sample makes anew, 0 (DDIM) to 1 (DDPM) [default: 1]
    #[arg(long, value_name = "E")]
    pub eta: Option<f64>,
    /// Variance of the noise of --mode sample [default: small]
    #[arg(long, value_enum, conflicts_with = "eta")]
    pub variance: Option<Variance>,
    /// Corrections of --mode langevin at each level, one network call each [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub corrections: Option<u32>,
    /// Seed of the sampler's noise
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = seed)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct Sample {
    #[command(flatten)]
    pub output: Output,
    /// Columns and rows of a picture
    #[arg(long, value_name = "WxH", default_value = "256x256", value_parser = sides)]
    pub size: (u32, u32),
    /// Pictures, as one sheet; the k-th is that of seed S + k
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub count: u32,
    /// Show each picture as a row of N predictions on its way from noise
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "8", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub frames: Option<u32>,
    #[command(flatten)]
    pub prior: PriorArgs,
    #[command(flatten)]
    pub sampling: Sampling,
}

#[derive(Debug, Args)]
pub struct Interpolate {
    /// The picture on the left
    pub first: PathBuf,
    /// The picture on the right, of the same size
    pub second: PathBuf,
    #[command(flatten)]
    pub output: Output,
    /// Pictures of the strip, both ends included
    #[arg(short = 'n', long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub count: u32,
    /// Noise under which the pictures are blended, in 8-bit levels: the more, the more is the
    /// prior's own
    #[arg(long, value_name = "SIGMA", default_value_t = 100.0)]
    pub sigma: f64,
    #[command(flatten)]
    pub prior: PriorArgs,
    #[command(flatten)]
    pub sampling: Sampling,
}

/// Reads `WxH`.
fn sides(text: &str) -> Result<(u32, u32), String> {
    let side = |t: &str| {
        t.parse()
            .ok()
            .filter(|n| (1..=dcodec::container::MAX_SIDE).contains(n))
    };
    let sides = text.split_once(['x', 'X']).map(|(w, h)| (side(w), side(h)));
    match sides {
        Some((Some(w), Some(h))) => Ok((w, h)),
        _ => Err("give columns and rows, for instance 256x256".into()),
    }
}
