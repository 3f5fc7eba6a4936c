//! The flags of making and showing files: averages over orientations of the picture, the filter
//! before, the refiner after.

use std::path::PathBuf;

use clap::Args;
use dcodec::prior::ENSEMBLES;

#[derive(Debug, Clone, Args)]
pub struct Coding {
    /// Average the prior over 1, 2, 4 or 8 orientations of the picture: smaller files, for N times the work of the network here
    /// and in every decoder
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = orientations)]
    pub orientations: usize,
    /// Code faint details too that the file has no bits to show: further from the original at the file's size
    #[arg(long)]
    pub no_prefilter: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Refine {
    /// Show pictures by this prior instead of their file's: closer to the original if it is the better one; none is the file's own
    /// [default: l for files of s, where this program has it]
    #[arg(long, value_name = "PRIOR")]
    pub refiner: Option<PathBuf>,
}

/// Four orientations have four fifths of what eight gain, for three calls of the network instead of seven.
const SHOWN: usize = 4;

/// Two calls of a network of twice the work.
const REFINED: usize = 2;

/// Orientations over which shown pictures are averaged, by a refiner or their file's prior, unless
/// the flags say otherwise.
pub fn shown_orientations(prior: &Prior, refiner: Option<&Prior>) -> usize {
    let by = refiner.unwrap_or(prior);
    match (by.any_orientation(), refiner) {
        (false, _) => 1,
        (true, Some(_)) => REFINED,
        (true, None) => SHOWN,
    }
}

/// Reads a number of orientations.
pub fn orientations(text: &str) -> Result<usize, String> {
    let n = text.parse().ok();
    n.filter(|n| ENSEMBLES.contains(n))
        .ok_or_else(|| "expected 1, 2, 4 or 8".into())
}
