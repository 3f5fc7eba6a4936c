//! `dcodec rd`: rate and distortion, measured on real prefixes of real files, beside other codecs.

mod bd;
mod curve;
mod measure;
mod output;
mod peers;
mod plot;
pub mod scene;

use std::path::{Path, PathBuf};

use dcodec::{Effort, Error, Result, Target};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Rd;
use super::{About, Failure, Log, inputs, io, name, prior};
use curve::{Curve, mean_curve};
use measure::{Meter, Plan, Point, Stage};
use peers::{Peer, Sources};
use plot::Plot;

/// Pixels of a PNG plot to a unit of the drawing.
const PNG_SCALE: f64 = 2.0;

/// What an output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
    Svg,
    Png,
}

impl Form {
    fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Form::Csv);
        }
        let extension = path.extension().map(|e| e.to_ascii_lowercase());
        Ok(match extension.as_ref().and_then(|e| e.to_str()) {
            Some("csv") => Form::Csv,
            Some("json") => Form::Json,
            Some("svg") => Form::Svg,
            Some("png") => Form::Png,
            _ => {
                return Err(Error::Parameter(format!(
                    "{}: the name must end in .csv, .json, .svg or .png",
                    path.display()
                )));
            }
        })
    }
}

pub fn run(a: &Rd, log: Log) -> Result<(), Failure> {
    for output in &a.output {
        Form::of(output)?;
        io::check_destination(output, a.force)?;
    }
    let mut rates = a.points.clone();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    if rates.first().is_none_or(|p| !p.is_finite() || *p <= 0.0) {
        return Err(Error::Parameter("bitrates must be positive numbers".into()).into());
    }
    let files = inputs::files(&a.inputs)?;
    let mut peers = peers::chosen(&a.peers);
    peers.retain(|peer| match peer.missing() {
        Some(missing) => {
            log.say(missing);
            false
        }
        None => true,
    });
    let prior = prior(&a.prior)?;
    let plan = Plan {
        prior: &prior,
        effort: Effort::new(a.effort).unwrap_or_default(),
        target: a
            .quality
            .map_or(Target::Bpp(rates[rates.len() - 1]), Target::Quality),
        points: &rates,
    };

    let bar = bar(log, files.len());
    let mut all: Vec<Point> = Vec::new();
    let mut measured: Vec<&PathBuf> = Vec::new();
    for (i, path) in files.iter().enumerate() {
        let clock = Clock {
            bar: &bar,
            picture: i,
            peers: peers.len(),
        };
        bar.set_message(name(path));
        match picture(a, &plan, path, &peers, &clock, log) {
            Ok(points) => {
                all.extend(points);
                measured.push(path);
            }
            // Of many pictures, one that cannot be read costs only itself.
            Err(e) if files.len() > 1 => bar.suspend(|| eprintln!("skipped: {e}")),
            Err(e) => return Err(e),
        }
    }
    bar.finish_and_clear();
    let Some(&first) = measured.first() else {
        return Err(Error::Unsupported("no picture could be measured".into()).into());
    };
    let n = measured.len();
    let title = match n {
        1 => label(first),
        n => format!("mean of {n} pictures"),
    };
    let ours = mean_curve(&all, "dcodec", n);
    let peers: Vec<(&Peer, Curve)> = peers
        .into_iter()
        .map(|peer| (peer, mean_curve(&all, peer.name, n)))
        .filter(|(peer, curve)| {
            if curve.samples.is_empty() {
                log.say(format!("{}: no setting has all the pictures", peer.name));
            }
            !curve.samples.is_empty()
        })
        .collect();
    let plot = Plot {
        title: &title,
        metric: a.metric,
        linear: a.linear,
        ours: &ours,
        peers: &peers,
    };
    report(a, &all, &plot, &rates, n, log)
}

/// Everything measured of one picture.
fn picture(
    a: &Rd,
    plan: &Plan,
    path: &Path,
    peers: &[&Peer],
    clock: &Clock,
    log: Log,
) -> Result<Vec<Point>, Failure> {
    let data = io::read_input(path)?;
    let (mut picture, _) = io::load_picture(&data, path, a.prior.max_pixels)?;
    let say = |message: String| clock.bar.suspend(|| log.say(message));
    if !peers.is_empty() && picture.alpha().is_some() {
        // It would be in our bytes only.
        say(format!("{}: compared without its transparency", name(path)));
        picture = picture.without_alpha();
    }
    let label = label(path);
    let meter = Meter::new(&picture).about(path)?;
    let ours = plan
        .run(&label, &picture, &meter, &|stage, done| {
            clock.set(stage, done)
        })
        .about(path)?;
    say(format!(
        "{}: {} bytes, encoded in {:.1} s, measured in {:.1} s",
        name(path),
        ours.bytes,
        ours.encoded.as_secs_f64(),
        ours.measured.as_secs_f64()
    ));
    let mut points = ours.points;
    if !peers.is_empty() {
        let sources = Sources::new(&picture)?;
        for (i, peer) in peers.iter().enumerate() {
            let progress = |done| clock.set(Stage::Peers, (i as f64 + done) / peers.len() as f64);
            match peer.measure(&label, &sources, &meter, &progress) {
                Ok(more) => points.extend(more),
                Err(e) => say(format!("left out: {e}")),
            }
        }
    }
    Ok(points)
}

/// The tables, then the files.
fn report(
    a: &Rd,
    all: &[Point],
    plot: &Plot,
    rates: &[f64],
    pictures: usize,
    log: Log,
) -> Result<(), Failure> {
    let mut tables = curve::table(all, plot.ours, rates, pictures);
    let peers: Vec<Curve> = plot.peers.iter().map(|p| p.1.clone()).collect();
    if !peers.is_empty() {
        tables += &curve::bd_table(plot.ours, &peers);
    }
    // Standard output is for one thing.
    match a.output.iter().any(|o| o == Path::new("-")) {
        true => log.say(tables.trim_end()),
        false => print!("{tables}"),
    }
    let scene = || {
        plot.scene()
            .ok_or_else(|| Error::Unsupported("too little was measured for a plot".into()))
    };
    for path in &a.output {
        let bytes = match Form::of(path)? {
            Form::Csv => output::csv(all).into_bytes(),
            Form::Json => output::json(plot.ours, &peers, plot.title).into_bytes(),
            Form::Svg => scene()?.svg().into_bytes(),
            Form::Png => scene()?
                .png(PNG_SCALE)
                .ok_or_else(|| Error::Backend("the plot could not be drawn".into()))?,
        };
        io::write_atomic(path, a.force, |w| w.write_all(&bytes))?;
    }
    Ok(())
}

/// A picture's name in tables and plots.
fn label(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// A bar over all pictures, with the time left.
fn bar(log: Log, pictures: usize) -> ProgressBar {
    let bar = log.bar("rd");
    let style = ProgressStyle::with_template("[{bar:30}] {percent}% {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_length(1000 * pictures as u64);
    bar
}

/// Where in the whole the work on one picture stands.
struct Clock<'a> {
    bar: &'a ProgressBar,
    picture: usize,
    peers: usize,
}

impl Clock<'_> {
    /// Encoding and measuring ours take about as long as each other, a peer about half of that.
    fn set(&self, stage: Stage, done: f64) {
        let whole = 2.0 + 0.5 * self.peers as f64;
        let part = match stage {
            Stage::Encode => done,
            Stage::Decode => 1.0 + done,
            Stage::Peers => 2.0 + 0.5 * self.peers as f64 * done,
        };
        let all = self.picture as f64 + (part / whole).clamp(0.0, 1.0);
        self.bar.set_position((1000.0 * all) as u64);
    }
}
