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
mod sheet;
mod state;
mod tables;
mod tools;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dcodec::{Effort, Error, Picture, Result, Target};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::args::Rd;
use super::{About, Failure, Log, io, prior};
use curve::{Curve, Kind, ideal_samples, mean_samples};
use measure::{Meter, Plan, Point, Stage};
use peers::{Bench, Outcome};
use pictures::Job;
use plot::Plot;
use state::State;
use tools::Tools;

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
    check_outputs(a)?;
    let mut rates = a.points.clone();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    if rates.first().is_none_or(|p| !p.is_finite() || *p <= 0.0) {
        return Err(Error::Parameter("bitrates must be positive numbers".into()).into());
    }
    let patience = Duration::try_from_secs_f64(a.time_limit)
        .ok()
        .filter(|d| !d.is_zero())
        .ok_or_else(|| Error::Parameter("--time-limit must be a positive number".into()))?;
    let jobs = pictures::jobs(a)?;
    let mut found = Vec::new();
    for peer in tools::chosen(&a.peers) {
        match peer.find() {
            Ok(tools) => found.push(Measured {
                tools,
                hung: AtomicBool::new(false),
            }),
            Err(missing) => log.say(missing),
        }
    }
    let prior = prior(&a.prior)?;
    let state = open_state(a, log)?;
    let whole = Whole {
        args: a,
        plan: Plan {
            prior: &prior,
            effort: Effort::new(a.effort).unwrap_or_default(),
            target: a
                .quality
                .map_or(Target::Bpp(rates[rates.len() - 1]), Target::Quality),
            points: &rates,
        },
        peers: &found,
        state: &state,
        patience,
        log,
        bar: bar(log, jobs.len()),
    };
    if a.paper {
        paper::run(a, &whole.plan, &jobs, &state, &whole.bar, log)?;
        return Ok(state.finish()?);
    }
    let measured = whole.measure(&jobs)?;
    whole.bar.finish_and_clear();
    let pictures = measured.len();
    let title = match (&measured[..], jobs.len()) {
        ([], _) => return Err(Error::Unsupported("no picture could be measured".into()).into()),
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
    let curves = curves(a, &all, &found, pictures, log);
    let plot = Plot {
        title: &title,
        metric: a.metric,
        linear: a.linear,
        curves: &curves,
    };
    // Before any output is written: until then, the same command goes on after an interruption.
    let sheet = match &a.sheet {
        Some(path) => Some((path, whole.sheet(&jobs)?)),
        None => None,
    };
    report(a, &all, &plot, &rates, pictures, log)?;
    if let Some((path, bytes)) = sheet {
        io::write_atomic(path, a.force, |w| w.write_all(&bytes))?;
    }
    Ok(state.finish()?)
}

fn check_outputs(a: &Rd) -> Result<()> {
    for output in &a.output {
        Form::of(output)?;
        io::check_destination(output, a.force)?;
    }
    if let Some(sheet) = &a.sheet {
        if Form::of(sheet)? != Form::Png {
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
fn open_state(a: &Rd, log: Log) -> Result<State> {
    let beside = |path: &&PathBuf| path.as_path() != Path::new("-");
    let path = a.resume.clone().or_else(|| {
        let mut path = a.output.iter().find(beside)?.clone().into_os_string();
        path.push(".part");
        Some(path.into())
    });
    let state = State::open(path)?;
    if let Some(path) = state.path().filter(|_| state.len() > 0) {
        log.say(format!(
            "{}: going on with {} measurements of an interrupted run",
            path.display(),
            state.len()
        ));
    }
    Ok(state)
}

/// A peer of this run.
struct Measured {
    tools: Tools,
    /// Whether it has cost its time limit already.
    hung: AtomicBool,
}

/// What all pictures are measured with.
struct Whole<'a> {
    args: &'a Rd,
    plan: Plan<'a>,
    peers: &'a [Measured],
    state: &'a State,
    patience: Duration,
    log: Log,
    bar: ProgressBar,
}

impl Whole<'_> {
    /// The names and points of the pictures that could be measured. Small ones are measured side by side.
    fn measure(&self, jobs: &[Job]) -> Result<Vec<(String, Vec<Point>)>, Failure> {
        let max_pixels = self.args.prior.max_pixels;
        let small = pictures::all_small(jobs);
        let done = AtomicUsize::new(0);
        let one = |(i, job): (usize, &Job)| {
            let clock = Clock {
                bar: &self.bar,
                picture: (!small).then_some(i),
                peers: self.peers.len(),
            };
            if !small {
                self.bar.set_message(job.shown());
            }
            let points = job.load(max_pixels).and_then(|picture| {
                self.picture(job, picture, &clock, !small)
                    .map(|points| (job.label(), points))
            });
            if small {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                self.bar.set_position(1000 * done as u64);
            }
            match points {
                // Of many pictures, one that cannot be read costs only itself.
                Err(e) if jobs.len() > 1 => {
                    self.bar.suspend(|| eprintln!("skipped: {e}"));
                    Ok(None)
                }
                points => points.map(Some),
            }
        };
        let all: Result<Vec<_>, Failure> = match small {
            true => jobs.par_iter().enumerate().map(one).collect(),
            false => jobs.iter().enumerate().map(one).collect(),
        };
        Ok(all?.into_iter().flatten().collect())
    }

    /// Everything measured of one picture, now or before an interruption.
    fn picture(
        &self,
        job: &Job,
        mut picture: Picture,
        clock: &Clock,
        talk: bool,
    ) -> Result<Vec<Point>, Failure> {
        let say = |message: String| self.bar.suspend(|| self.log.say(message));
        if !self.peers.is_empty() && picture.alpha().is_some() {
            // It would be in our bytes only.
            say(format!(
                "{}: compared without its transparency",
                job.shown()
            ));
            picture = picture.without_alpha();
        }
        let label = job.label();
        let meter = Meter::new(&picture).about(job.path())?;
        let plan = &self.plan;
        let settings = [
            "dcodec".to_owned(),
            plan.prior.id().to_string(),
            format!("{:?} {:?} {:?}", plan.effort, plan.target, plan.points),
        ];
        let key = state::key(&picture, &settings.each_ref().map(String::as_str));
        let mut points: Vec<Point> = match self.state.get(&key) {
            Some(points) => points,
            None => {
                let ours = plan
                    .run(&label, &picture, &meter, &|stage, done| {
                        clock.set(stage, done)
                    })
                    .about(job.path())?;
                if talk {
                    say(format!(
                        "{}: {} bytes, encoded in {:.1} s, measured in {:.1} s",
                        job.shown(),
                        ours.bytes,
                        ours.encoded.as_secs_f64(),
                        ours.measured.as_secs_f64()
                    ));
                }
                self.state.put(key, &ours.points)?;
                ours.points
            }
        };
        let mut bench = None;
        for (i, peer) in self.peers.iter().enumerate() {
            let tools = &peer.tools;
            for prefixes in [false, true] {
                if prefixes && !(self.args.prefixes && tools.peer.progressive.is_some()) {
                    continue;
                }
                let settings = match prefixes {
                    false => format!("{:?}", tools.peer.settings),
                    true => format!("{:?} {:?}", tools.peer.progressive, plan.points),
                };
                let key = state::key(&picture, &[tools.name, &tools.version, &settings]);
                if let Some(more) = self.state.get::<Vec<Point>>(&key) {
                    points.extend(more);
                    continue;
                }
                if peer.hung.load(Ordering::Relaxed) {
                    continue;
                }
                let bench = match &mut bench {
                    Some(bench) => bench,
                    none => none.insert(Bench::new(&label, &picture, &meter, self.patience)?),
                };
                let progress = |done: f64| {
                    let part = (f64::from(prefixes) + done) / 2.0;
                    clock.set(Stage::Peers, (i as f64 + part) / self.peers.len() as f64);
                };
                let out = match prefixes {
                    false => bench.settings(tools, &progress),
                    true => bench.prefixes(tools, plan.points, &progress),
                };
                self.account(peer, &key, &out, &say)?;
                points.extend(out.points);
            }
        }
        // Another file with the same content may have been measured under its own name.
        points.iter_mut().for_each(|p| p.picture.clone_from(&label));
        Ok(points)
    }

    /// What the codecs show of the first pictures that can be read.
    fn sheet(&self, jobs: &[Job]) -> Result<Vec<u8>, Failure> {
        if jobs.len() > SHEET_PICTURES {
            let n = SHEET_PICTURES;
            self.log
                .say(format!("note: the sheet shows the first {n} pictures"));
        }
        let working = |p: &&Measured| !p.hung.load(Ordering::Relaxed);
        let peers = self.peers.iter().filter(working);
        let peers: Vec<&Tools> = peers.map(|p| &p.tools).collect();
        let mut rows = Vec::new();
        for job in jobs.iter().take(SHEET_PICTURES) {
            let Ok(picture) = job.load(self.args.prior.max_pixels) else {
                // The measuring has said so.
                continue;
            };
            let picture = picture.without_alpha();
            let label = job.label();
            let meter = Meter::new(&picture).about(job.path())?;
            let bench = Bench::new(&label, &picture, &meter, self.patience)?;
            rows.extend(
                sheet::rows(&label, &picture, &self.plan, &bench, &peers).about(job.path())?,
            );
        }
        Ok(sheet::png(&rows)
            .ok_or_else(|| Error::Backend("the sheet could not be drawn".into()))?)
    }

    /// Says what went wrong with a peer, and keeps what did not.
    fn account(
        &self,
        peer: &Measured,
        key: &str,
        out: &Outcome,
        say: &dyn Fn(String),
    ) -> Result<()> {
        for trouble in &out.troubles {
            say(format!("left out: {trouble}"));
        }
        if out.hung && !peer.hung.swap(true, Ordering::Relaxed) {
            let name = peer.tools.name;
            say(format!(
                "{name}: not tried again in this run (--time-limit)"
            ));
        }
        match out.troubles.is_empty() {
            true => self.state.put(key.to_owned(), &out.points),
            false => Ok(()),
        }
    }
}

/// Ours, the ideal, and the peers with something to show.
fn curves(a: &Rd, all: &[Point], peers: &[Measured], pictures: usize, log: Log) -> Vec<Curve> {
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

/// The tables, then the files.
fn report(
    a: &Rd,
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
            Form::Csv => output::csv(all, plot.curves).into_bytes(),
            Form::Json => output::json(all, plot.curves, plot.title).into_bytes(),
            Form::Svg => scene()?.svg().into_bytes(),
            Form::Png => scene()?
                .png(PNG_SCALE)
                .ok_or_else(|| Error::Backend("the plot could not be drawn".into()))?,
        };
        io::write_atomic(path, a.force, |w| w.write_all(&bytes))?;
    }
    Ok(())
}

/// More pictures are in the files only.
const MOST_ROWS: usize = 100;

/// Most pictures of a sheet.
const SHEET_PICTURES: usize = 4;

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
    /// None where several are measured at a time.
    picture: Option<usize>,
    peers: usize,
}

impl Clock<'_> {
    /// Encoding and measuring ours take about as long as each other, a peer about as long as both.
    fn set(&self, stage: Stage, done: f64) {
        let Some(picture) = self.picture else {
            return;
        };
        let peers = 2.0 * self.peers as f64;
        let part = match stage {
            Stage::Encode => done,
            Stage::Decode => 1.0 + done,
            Stage::Peers => 2.0 + peers * done,
        };
        let all = picture as f64 + (part / (2.0 + peers)).clamp(0.0, 1.0);
        self.bar.set_position((1000.0 * all) as u64);
    }
}
