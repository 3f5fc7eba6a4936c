//! The flags of making and displaying files: ensembles of orientations, the filter before, the
//! display prior after.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dcodec::Tune;
use dcodec::prior::ENSEMBLES;

#[derive(Debug, Clone, Args)]
pub struct Coding {
    /// Average the prior over 1, 2, 4 or 8 orientations of the picture: smaller files, for N times
    /// the work of the network here and in every decoder
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = orientations)]
    pub orientations: usize,
    /// The judge that the file is made for: the eye (SSIMULACRA2), PSNR, or none, which sends
    /// everything alike [default: eye; psnr for drawings and with --psnr; none with --lossless]
    #[arg(long, value_name = "JUDGE")]
    pub tune: Option<TuneChoice>,
    /// Code faint details too that the file has no bits to show: further from the original at the
    /// file's size
    #[arg(long)]
    pub no_prefilter: bool,
    /// Call the network for every layer, instead of correcting its last answer for some: smaller
    /// files by one per cent, for more time here and in every decoder
    #[arg(long)]
    pub no_corrections: bool,
}

/// Names of [`Tune`], also by other encoders' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TuneChoice {
    #[value(alias = "ssimulacra2", alias = "ssim", alias = "iq")]
    Eye,
    Psnr,
    None,
}

impl From<TuneChoice> for Tune {
    fn from(choice: TuneChoice) -> Self {
        match choice {
            TuneChoice::Eye => Tune::Eye,
            TuneChoice::Psnr => Tune::Psnr,
            TuneChoice::None => Tune::Plain,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct DisplayArgs {
    /// Show pictures by this prior instead of their file's: closer to the original if it is the
    /// better one; none is the file's own [default: l for files of s, where this program
    /// has it, s for files of xs]
    #[arg(long, value_name = "PRIOR")]
    pub refiner: Option<PathBuf>,
    /// The look of pictures: the mean, with the best PSNR, or vivid, with texture that the bits
    /// make likely, closer to the original for the eye
    #[arg(long, value_name = "LOOK", default_value = "mean")]
    pub look: LookChoice,
    /// Show pictures without the post-filter (none), or by one of a weights file [default: that of
    /// --look, unless --refiner is none]
    #[arg(long, value_name = "FILTER")]
    pub postfilter: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LookChoice {
    Mean,
    Vivid,
}

/// Reads a number of orientations.
pub fn orientations(text: &str) -> Result<usize, String> {
    let n = text.parse().ok();
    n.filter(|n| ENSEMBLES.contains(n))
        .ok_or_else(|| "expected 1, 2, 4 or 8".into())
}
