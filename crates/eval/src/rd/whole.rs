//! Measuring all pictures with all codecs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dcodec::{Error, Picture, Result};
use indicatif::ProgressBar;
use rayon::prelude::*;

use super::measure::{Meter, Plan, Point, Stage};
use super::peers::{Bench, Outcome};
use super::pictures::{self, Job};
use super::settings::Settings;
use super::sheet;
use super::state::{self, State};
use super::tools::Tools;
use crate::{About, Failure, Log, io};

/// Most pictures of a sheet.
const SHEET_PICTURES: usize = 4;

/// A peer of this run.
pub struct Measured {
    pub tools: Tools,
    /// Whether it has cost its time limit already.
    pub hung: AtomicBool,
}

/// What all pictures are measured with.
pub struct Whole<'a> {
    pub settings: &'a Settings,
    pub plan: Plan<'a>,
    pub peers: &'a [Measured],
    pub state: &'a State,
    pub log: Log,
    pub bar: ProgressBar,
}

impl Whole<'_> {
    /// The names and points of the pictures that could be measured. Small ones are measured side by side.
    pub fn measure(&self, jobs: &[Job]) -> Result<Vec<(String, Vec<Point>)>, Failure> {
        let max_pixels = self.settings.max_pixels;
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
                    self.bar.suspend(|| io::say(format_args!("skipped: {e}")));
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
            plan.network(),
            format!(
                "{:?} {} {} {:?} {:?}",
                plan.effort, plan.orientations, plan.prefilter, plan.target, plan.points
            ),
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
                if prefixes && !(self.settings.prefixes && tools.peer.progressive.is_some()) {
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
                    none => none.insert(Bench::new(
                        &label,
                        &picture,
                        &meter,
                        self.settings.time_limit,
                    )?),
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
    pub fn sheet(&self, jobs: &[Job]) -> Result<Vec<u8>, Failure> {
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
            let Ok(picture) = job.load(self.settings.max_pixels) else {
                // The measuring has said so.
                continue;
            };
            let picture = picture.without_alpha();
            let label = job.label();
            let meter = Meter::new(&picture).about(job.path())?;
            let bench = Bench::new(&label, &picture, &meter, self.settings.time_limit)?;
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
