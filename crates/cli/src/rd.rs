//! `dcodec rd`: from the flags to the settings of a run.

use std::time::Duration;

use dcodec::Effort;
use dcodec_eval::Log;
use dcodec_eval::rd::{Codec, Metric, Networks, Preparation, Settings};

use crate::args::{self, MadeForRate, Rd};
use crate::batch::all_worked;
use crate::error::{Error, Result};
use crate::priors::Priors;

pub fn run(a: &Rd, log: Log) -> Result<()> {
    let settings = settings(a)?;
    let preparation = Preparation::new(&settings, log)?;
    let priors = Priors::new(&a.prior, &a.display, log)?;
    let prior = priors.of_effort(a.effort)?;
    let counts = preparation.run(Networks {
        prior,
        display: priors.display(prior, prior.id())?,
        precision: a.prior.on.precision,
    })?;
    all_worked(counts.pictures - counts.measured, counts.pictures)
}

fn settings(a: &Rd) -> Result<Settings> {
    let wrong = |e: &str| Err(Error::Usage(e.into()));
    let time_limit = Duration::try_from_secs_f64(a.time_limit).ok();
    let Some(time_limit) = time_limit.filter(|d| !d.is_zero()) else {
        return wrong("--time-limit must be a positive number");
    };
    if a.limit == Some(0) {
        return wrong("--limit must be at least 1");
    }
    if a.tile == Some(0) {
        return wrong("--tile must be at least 1");
    }
    let made = a.made_for_rate.is_some();
    let beside = matches!(a.made_for_rate, None | Some(MadeForRate::Beside));
    if !beside && (a.ideal || a.layers || a.quality.is_some()) {
        return wrong("--ideal, --layers and -Q are of prefixes: use --made-for-rate alone");
    }
    if a.paper && a.steps < 2 {
        return wrong("--steps must be at least 2");
    }
    Ok(Settings {
        inputs: a.inputs.clone(),
        outputs: a.output.clone(),
        force: a.force,
        tile: a.tile,
        limit: a.limit,
        max_pixels: a.prior.max_pixels,
        points: a.points.clone(),
        quality: a.quality,
        effort: Effort::new(a.effort).unwrap_or_default(),
        ensemble: a.coding.orientations,
        tune: a.coding.tune.map(Into::into),
        prefilter: !a.coding.no_prefilter,
        corrections: !a.coding.no_corrections,
        prefixes: beside,
        made_for_rates: made && a.made_for_rate != Some(MadeForRate::Qualities),
        made_for_qualities: made && a.made_for_rate != Some(MadeForRate::Rates),
        peers: a.peers.iter().flat_map(codecs).copied().collect(),
        peer_prefixes: a.prefixes,
        time_limit,
        layers: a.layers,
        ideal: a.ideal,
        sheet: a.sheet.clone(),
        paper: a.paper.then_some(a.steps),
        resume: a.resume.clone(),
        metric: match a.metric {
            args::Metric::Psnr => Metric::Psnr,
            args::Metric::MsSsim => Metric::MsSsim,
            args::Metric::Ssimulacra2 => Metric::Ssimulacra2,
        },
        linear: a.linear,
    })
}

fn codecs(peer: &args::Peer) -> &'static [Codec] {
    match peer {
        args::Peer::Jpeg => &[Codec::Jpeg],
        args::Peer::Jpeg2000 => &[Codec::Jpeg2000],
        args::Peer::Webp => &[Codec::Webp],
        args::Peer::Jxl => &[Codec::Jxl],
        args::Peer::Avif => &[Codec::Avif],
        args::Peer::Heif => &[Codec::Heif],
        args::Peer::All => &Codec::ALL,
    }
}
