//! `dcodec rd`: rate and distortion, measured on real prefixes of real files, beside other codecs.

mod bd;
mod curve;
mod measure;
mod output;
mod paper;
mod peers;
mod pictures;
mod plot;
mod process;
pub mod scene;
mod settings;
mod sheet;
mod state;
mod tables;
mod tools;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use dcodec::{Error, Result, Target};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{Failure, Log, io};
use curve::{Curve, Kind, ideal_samples, mean_samples};
use measure::{Plan, Point};
use pictures::Job;
use plot::Plot;
pub use settings::{Codec, Metric, Networks, Settings};
use state::State;
use whole::{Measured, Whole};

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

/// A run whose outputs can be written and whose pictures are known.
pub struct Preparation<'a> {
    settings: &'a Settings,
    jobs: Vec<Job>,
    peers: Vec<Measured>,
    log: Log,
}

/// How many pictures were measured, and of how many.
pub struct Counts {
    pub measured: usize,
    pub pictures: usize,
}

impl<'a> Preparation<'a> {
    /// Everything that can be known before the networks are there: says which peers are missing.
    pub fn new(settings: &'a Settings, log: Log) -> Result<Self, Failure> {
        check_outputs(settings)?;
        let jobs = pictures::jobs(settings)?;
        let mut peers = Vec::new();
        for peer in tools::chosen(&settings.peers) {
            match peer.find() {
                Ok(tools) => peers.push(Measured {
                    tools,
                    hung: AtomicBool::new(false),
                }),
                Err(missing) => log.say(missing),
            }
        }
        Ok(Preparation {
            settings,
            jobs,
            peers,
            log,
        })
    }

    /// Measures the pictures, and writes the outputs and the tables.
    pub fn run(self, networks: Networks) -> Result<Counts, Failure> {
        let (a, jobs, log) = (self.settings, &self.jobs[..], self.log);
        let mut rates = a.points.clone();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let state = open_state(a, log)?;
        let whole = Whole {
            settings: a,
            plan: Plan {
                networks,
                effort: a.effort.clone(),
                orientations: a.orientations,
                prefilter: a.prefilter,
                target: a
                    .quality
                    .map_or(Target::Bpp(rates[rates.len() - 1]), Target::Quality),
                points: &rates,
            },
            peers: &self.peers,
            state: &state,
            log,
            bar: bar(log, jobs.len()),
        };
        let counts = match a.paper {
            Some(steps) => {
                paper::run(a, steps, &whole.plan, jobs, &state, &whole.bar, log)?;
                jobs.len()
            }
            None => whole.run(jobs)?,
        };
        state.finish()?;
        Ok(Counts {
            measured: counts,
            pictures: jobs.len(),
        })
    }
}

impl Whole<'_> {
    /// Measures the pictures beside the peers; how many could be measured.
    fn run(&self, jobs: &[Job]) -> Result<usize, Failure> {
        let (a, log) = (self.settings, self.log);
        let measured = self.measure(jobs)?;
        self.bar.finish_and_clear();
        let pictures = measured.len();
        let title = match (&measured[..], jobs.len()) {
            ([], _) => {
                return Err(Error::Unsupported("no picture could be measured".into()).into());
            }
            ([(label, _)], 1) => label.clone(),
            _ => format!("mean of {pictures} pictures"),
        };
        let all: Vec<Point> = measured.into_iter().flat_map(|m| m.1).collect();
        if all.iter().any(|p| p.quality.ms_ssim.is_nan()) {
            log.say(format!(
                "note: MS-SSIM needs sides of at least {} pixels; smaller pictures have none",
                dcodec::metrics::MS_SSIM_SIDE
            ));
        }
        let curves = curves(a, &all, self.peers, pictures, log);
        let plot = Plot {
            title: &title,
            metric: a.metric,
            linear: a.linear,
            curves: &curves,
        };
        // Before any output is written: until then, the same command goes on after an interruption.
        let sheet = match &a.sheet {
            Some(path) => Some((path, self.sheet(jobs)?)),
            None => None,
        };
        report(a, &all, &plot, self.plan.points, pictures, log)?;
        if let Some((path, bytes)) = sheet {
            io::write_atomic(path, a.force, |w| w.write_all(&bytes))?;
        }
        Ok(pictures)
    }
}

fn check_outputs(a: &Settings) -> Result<()> {
    let outputs = a.outputs.iter().chain(&a.sheet).chain(&a.resume);
    io::check_distinct(outputs.clone().map(PathBuf::as_path))?;
    for output in outputs {
        for input in &a.inputs {
            io::check_apart(input, output)?;
        }
    }
    for output in &a.outputs {
        Form::of(output)?;
        io::check_destination(output, a.force)?;
    }
    if let Some(sheet) = &a.sheet {
        if !Form::of(sheet).is_ok_and(|form| form == Form::Png) {
            return Err(Error::Parameter(format!(
                "{}: the name of a sheet must end in .png",
                sheet.display()
            )));
        }
        io::check_destination(sheet, a.force)?;
    }
    Ok(())
}

/// The state of an interrupted run with the same output, or of this one.
fn open_state(a: &Settings, log: Log) -> Result<State> {
    let beside = |path: &&PathBuf| path.as_path() != Path::new("-");
    let path = a.resume.clone().or_else(|| {
        let mut path = a.outputs.iter().find(beside)?.clone().into_os_string();
        path.push(".part");
        Some(path.into())
    });
    let state = State::open(path)?;
    if let Some(path) = state.path().filter(|_| state.len() > 0) {
        log.say(format!(
            "{}: {} measurements of an interrupted run, used as far as they fit",
            path.display(),
            state.len()
        ));
    }
    Ok(state)
}

/// Ours, the ideal, and the peers with something to show.
fn curves(
    a: &Settings,
    all: &[Point],
    peers: &[Measured],
    pictures: usize,
    log: Log,
) -> Vec<Curve> {
    let own = concat!("dcodec ", env!("CARGO_PKG_VERSION"));
    let ours = |codec: &str, title: &str, kind, samples| Curve {
        codec: codec.to_owned(),
        title: title.to_owned(),
        version: own.to_owned(),
        kind,
        samples,
    };
    let samples = mean_samples(all, "dcodec", pictures, false);
    let mut curves = vec![ours("dcodec", "dcodec", Kind::Ours, samples)];
    if a.ideal {
        let samples = ideal_samples(all, pictures);
        curves.push(ours("dcodec-ideal", "ideal", Kind::Ideal, samples));
    }
    for Measured { tools, .. } in peers {
        let mut add = |codec: String, title: String, kind| {
            let samples = mean_samples(all, &codec, pictures, kind == Kind::Prefix);
            if samples.is_empty() {
                log.say(format!("{codec}: no setting has all the pictures"));
                return;
            }
            for s in samples.iter().filter(|s| s.pictures < pictures) {
                let (n, bpp) = (s.pictures, s.bpp);
                log.say(format!(
                    "{codec}: {n} of {pictures} pictures show something at {bpp:.2} bpp"
                ));
            }
            curves.push(Curve {
                codec,
                title,
                version: tools.version.clone(),
                kind,
                samples,
            });
        };
        add(tools.name.to_owned(), tools.title.to_owned(), Kind::Peer);
        if a.prefixes && tools.peer.progressive.is_some() {
            let title = format!("{}, cut", tools.title);
            add(format!("{}-prefix", tools.name), title, Kind::Prefix);
        }
    }
    curves
}

/// The files, then the tables.
fn report(
    a: &Settings,
    all: &[Point],
    plot: &Plot,
    rates: &[f64],
    pictures: usize,
    log: Log,
) -> Result<(), Failure> {
    let (ours, others) = (&plot.curves[0], &plot.curves[1..]);
    let mut tables = match a.layers {
        true => tables::layers(all, pictures),
        false => tables::rates(all, ours, rates, pictures),
    };
    if pictures > 1 && pictures <= MOST_ROWS {
        tables += &tables::pictures(all, a.metric, rates);
    }
    if a.ideal {
        tables += &tables::ideal(all, pictures);
    }
    if others.iter().any(|c| c.kind != Kind::Ideal) {
        tables += &tables::bd(ours, others);
    }
    let scene = || {
        plot.scene()
            .ok_or_else(|| Error::Unsupported("too little was measured for a plot".into()))
    };
    for path in &a.outputs {
        let bytes = match Form::of(path)? {
            Form::Csv => output::csv(all, plot.curves).into_bytes(),
            Form::Json => output::json(all, plot.curves, plot.title).into_bytes(),
            Form::Svg => scene()?.svg().into_bytes(),
            Form::Png => scene()?
                .png(PNG_SCALE)
                .ok_or_else(|| Error::Backend("the plot could not be drawn".into()))?,
        };
        io::write_atomic(path, a.force, |w| w.write_all(&bytes))?;
    }
    Ok(print(a, &tables, log)?)
}

/// Prints a table, on standard error where an output is on standard output: that is for one thing.
fn print(a: &Settings, table: &str, log: Log) -> Result<()> {
    match a.outputs.iter().any(|o| o == Path::new("-")) {
        true => log.say(table.trim_end()),
        false => io::print(table)?,
    }
    Ok(())
}

/// More pictures are in the files only.
const MOST_ROWS: usize = 100;

/// A bar over all pictures, with the time left.
fn bar(log: Log, pictures: usize) -> ProgressBar {
    let bar = log.bar("rd");
    let style = ProgressStyle::with_template("[{bar:30}] {percent}% {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_length(1000 * pictures as u64);
    bar
}
