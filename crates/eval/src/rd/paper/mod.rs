//! `dcodec rd --paper`: section 4.3 of Ho, Jain and Abbeel (2020) with our numbers.
//!
//! Rates are in bits per dimension (colour value) and per pixel, distortion is the root mean
//! squared error in 8-bit levels, pooled over all pictures.

mod chain;
mod figure;
mod report;

use std::sync::atomic::{AtomicUsize, Ordering};

use dcodec::{Colour, Picture, Target};
use rayon::prelude::*;

use super::journal::key;
use super::measure::{OurCodec, Point, QualityMeter};
use super::output::{OutputFormat, PNG_SCALE};
use super::pictures::TestPicture;
use super::session::Session;
use super::{report as rd_report, sheet};
use crate::error::About;
use crate::{Error, Result, io};
use chain::{ChainRun, DEVIATIONS, Level, T};

/// Bits per pixel at which the real files are cut.
const RATES: [f64; 14] = [
    0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0,
];

/// Pictures on the sheet, and the x0_hat of each beside the original.
const SHOWN: usize = 8;
const COLUMNS: usize = 12;

/// Means over all pictures.
struct Figures {
    pictures: usize,
    levels: Vec<Level>,
    /// For each level: bits per dimension so far, and RMSE.
    ideal: Vec<(f64, f64)>,
    /// Bits per dimension of prefixes of real files, and RMSE.
    real: Vec<(f64, f64)>,
    split: BoundTerms,
}

/// The terms of the bound on the lossless code length, in bits per dimension.
struct BoundTerms {
    /// L_T.
    start: f64,
    /// L_{1:T-1}.
    steps: f64,
    /// L_0 with the deviation sigma_1, and with the best one in its units.
    last: f64,
    best: (f64, f64),
}

/// One picture's measurements.
struct MeasuredPicture {
    picture: Picture,
    run: ChainRun,
    real: Vec<Point>,
}

/// Measures the pictures, RGB and of one size, by a chain of `steps` steps and in real files, and
/// writes the figures; the number of pictures.
pub fn run(session: &Session, steps: usize, pictures: &[TestPicture]) -> Result<usize> {
    let settings = session.settings;
    let first = pictures[0].load(settings.max_pixels)?;
    let sides = (first.width(), first.height());
    let prior = session.ours.networks.prior;
    let highest = prior.highest_sigma(sides.0 as usize, sides.1 as usize);
    let levels = chain::levels(steps, highest);
    let show = shown(&levels);
    let done = AtomicUsize::new(0);
    let one = |(i, source): (usize, &TestPicture)| -> Result<MeasuredPicture> {
        let picture = source.load(settings.max_pixels)?.without_alpha();
        if (picture.width(), picture.height()) != sides || picture.colour() != Colour::Rgb {
            return Err(Error::Setting(format!(
                "{}: the paper's figures need RGB pictures of one size; the first is {} x {}",
                source.shown(),
                sides.0,
                sides.1
            )));
        }
        let show = if i < SHOWN { &show[..] } else { &[] };
        let measured = MeasuredPicture {
            run: ideal_run(session, source, &picture, &levels, show)?,
            real: real_points(session, source, &picture)?,
            picture,
        };
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        session.bar.set_position(1000 * done as u64);
        Ok(measured)
    };
    let measured: Result<Vec<_>> = pictures.par_iter().enumerate().map(one).collect();
    let measured = measured?;
    session.bar.finish_and_clear();
    write(session, &measured, levels, sides, &show)?;
    Ok(pictures.len())
}

/// Writes the outputs and the sheet, and prints the table.
fn write(
    session: &Session,
    measured: &[MeasuredPicture],
    levels: Vec<Level>,
    sides: (u32, u32),
    show: &[usize],
) -> Result<()> {
    let settings = session.settings;
    let figures = figures(measured, levels);
    let title = format!(
        "Rate and distortion of the chain, {} pictures of {} x {}",
        figures.pictures, sides.0, sides.1
    );
    let scene = || figure::scene(&title, &report::panels(&figures));
    for path in &settings.outputs {
        let bytes = match OutputFormat::of(path)? {
            OutputFormat::Csv => report::csv(&figures).into_bytes(),
            OutputFormat::Json => report::json(&figures, &title).into_bytes(),
            OutputFormat::Svg => scene().svg().into_bytes(),
            OutputFormat::Png => scene().png(PNG_SCALE).ok_or(Error::Drawing("figure"))?,
        };
        io::write_atomic(path, settings.force, |w| w.write_all(&bytes))?;
    }
    if let Some(path) = &settings.sheet {
        let rows = report::rows(measured, &figures.levels, show)?;
        let bytes = sheet::png(&rows).ok_or(Error::Drawing("sheet"))?;
        io::write_atomic(path, settings.force, |w| w.write_all(&bytes))?;
    }
    rd_report::print(settings, &report::table(&figures), session.log)
}

/// The ideal chain of one picture, now or before an interruption.
fn ideal_run(
    session: &Session,
    source: &TestPicture,
    picture: &Picture,
    levels: &[Level],
    show: &[usize],
) -> Result<ChainRun> {
    let steps = levels.len() - 1;
    let settings = format!("{steps} {show:?} {DEVIATIONS:?} {:?}", levels.first());
    let key = key(picture, &["paper", &session.ours.network(), &settings]);
    if let Some(run) = session.journal.get(&key) {
        return Ok(run);
    }
    // Noise of its own for every picture.
    let seed = key.get(..16);
    let seed = seed.and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let prior = session.ours.networks.prior;
    let run = chain::run(prior, picture, levels, seed.unwrap_or_default(), show);
    let run = run.about(source.path())?;
    session.journal.put(key, &run)?;
    Ok(run)
}

/// Prefixes of the real file of one picture, now or before an interruption.
fn real_points(session: &Session, source: &TestPicture, picture: &Picture) -> Result<Vec<Point>> {
    let ours = OurCodec {
        networks: session.ours.networks.clone(),
        effort: session.settings.effort.clone(),
        ensemble: 1,
        tune: session.settings.tune,
        prefilter: session.settings.prefilter,
        corrections: session.settings.corrections,
        target: Target::Quality(100.0),
        points: &RATES,
    };
    let settings = ["paper, real file", &ours.network(), &ours.settings()];
    let key = key(picture, &settings);
    if let Some(points) = session.journal.get(&key) {
        return Ok(points);
    }
    let meter = QualityMeter::new(picture).about(source.path())?;
    let run = ours.run(&source.label(), picture, &meter, &|_, _| {});
    let run = run.about(source.path())?;
    session.journal.put(key, &run.points)?;
    Ok(run.points)
}

fn figures(measured: &[MeasuredPicture], levels: Vec<Level>) -> Figures {
    let n = measured.len() as f64;
    let values: f64 = measured.iter().map(|m| m.run.values as f64).sum();
    let ideal: Vec<(f64, f64)> = (0..levels.len())
        .map(|i| {
            let of = || measured.iter().filter_map(|m| m.run.states.get(i));
            let bits: f64 = of().map(|s| s.bits).sum();
            let error: f64 = of().map(|s| s.error).sum();
            (bits / values, (error / values).sqrt())
        })
        .collect();
    let at = |rate: f64| {
        let asked = |m: &MeasuredPicture| m.real.iter().any(|p| p.asked == Some(rate));
        if !measured.iter().any(asked) {
            return None;
        }
        // A picture whose file ends earlier stays as it is in the end.
        let of = measured.iter().filter_map(|m| {
            let cut = m.real.iter().find(|p| p.asked == Some(rate));
            cut.or_else(|| m.real.iter().max_by_key(|p| p.bytes))
        });
        let of: Vec<&Point> = of.collect();
        let mse = |p: &&Point| 255.0 * 255.0 / 10f64.powf(p.quality.psnr / 10.0);
        let mse = of.iter().map(mse).sum::<f64>() / n;
        let bpp = of.iter().map(|p| p.bpp).sum::<f64>() / n;
        (of.len() == measured.len()).then_some((bpp / 3.0, mse.sqrt()))
    };
    let last = |i: usize| -> f64 {
        let bits = measured.iter().filter_map(|m| m.run.last.get(i));
        bits.map(|b| b.0).sum::<f64>() / values
    };
    let best = (0..DEVIATIONS.len())
        .map(|i| (DEVIATIONS[i], last(i)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let start = ideal.first().map_or(0.0, |s| s.0);
    let split = BoundTerms {
        start,
        steps: ideal.last().map_or(0.0, |s| s.0) - start,
        last: last(DEVIATIONS.len() - 1),
        best: best.unwrap_or_default(),
    };
    Figures {
        pictures: measured.len(),
        levels,
        ideal,
        real: RATES.into_iter().filter_map(at).collect(),
        split,
    }
}

/// T - t + 1, the time that the reverse process has run.
fn reverse_time(level: &Level) -> f64 {
    T as f64 - level.t + 1.0
}

fn psnr(rmse: f64) -> f64 {
    20.0 * (255.0 / rmse).log10()
}

impl Figures {
    /// Rate and distortion at a reverse time, between the nearest levels.
    fn at(&self, time: f64) -> Option<(f64, f64)> {
        let i = self
            .levels
            .windows(2)
            .position(|w| (reverse_time(&w[0])..=reverse_time(&w[1]) + 1e-9).contains(&time))?;
        let (a, b) = (
            reverse_time(&self.levels[i]),
            reverse_time(&self.levels[i + 1]),
        );
        let part = (time - a) / (b - a);
        let mix = |a: f64, b: f64| a + part * (b - a);
        let (p, q) = (self.ideal[i], self.ideal[i + 1]);
        Some((mix(p.0, q.0), mix(p.1, q.1)))
    }
}

/// The levels whose x0_hat are shown: evenly in reverse time.
fn shown(levels: &[Level]) -> Vec<usize> {
    let (from, to) = (reverse_time(&levels[0]), T as f64);
    let nearest = |i: usize| {
        let wanted = from + (to - from) * i as f64 / (COLUMNS - 1) as f64;
        let distance = |l: &Level| (reverse_time(l) - wanted).abs();
        (0..levels.len())
            .min_by(|&a, &b| distance(&levels[a]).total_cmp(&distance(&levels[b])))
            .unwrap_or_default()
    };
    let mut all: Vec<usize> = (0..COLUMNS).map(nearest).collect();
    all.dedup();
    all
}
