//! Measuring all pictures with all codecs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dcodec::Picture;
use indicatif::ProgressBar;
use rayon::prelude::*;

use super::bench::{Bench, PeerPoints};
use super::codecs::InstalledCodec;
use super::journal::{self, Journal};
use super::measure::{OurCodec, Point, QualityMeter, Stage};
use super::pictures::{self, TestPicture};
use super::settings::Settings;
use super::sheet;
use crate::error::About;
use crate::{Error, Log, Result, io};

/// Most pictures of a sheet.
const SHEET_PICTURES: usize = 4;

/// A peer of this run.
pub struct PeerRun {
    pub codec: InstalledCodec,
    /// One of its tools has run out of its time: the peer is not tried again.
    pub hung: AtomicBool,
}

/// Everything that all pictures are measured with.
pub struct Session<'a> {
    pub settings: &'a Settings,
    pub ours: OurCodec<'a>,
    pub peers: &'a [PeerRun],
    pub journal: &'a Journal,
    pub log: Log,
    pub bar: ProgressBar,
}

impl Session<'_> {
    /// Labels and points of the pictures that could be measured. Small ones are measured side by
    /// side.
    pub fn measure(&self, pictures: &[TestPicture]) -> Result<Vec<(String, Vec<Point>)>> {
        let small = pictures::all_small(pictures);
        let done = AtomicUsize::new(0);
        let one = |(i, source): (usize, &TestPicture)| {
            let progress = PictureProgress {
                bar: &self.bar,
                picture: (!small).then_some(i),
                peers: self.peers.len(),
            };
            if !small {
                self.bar.set_message(source.shown());
            }
            let points = self.points(source, &progress, !small);
            if small {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                self.bar.set_position(1000 * done as u64);
            }
            match points {
                // One of many pictures that cannot be read costs only itself.
                Err(e) if pictures.len() > 1 => {
                    self.bar.suspend(|| io::say(format_args!("skipped: {e}")));
                    Ok(None)
                }
                points => points.map(|points| Some((source.label(), points))),
            }
        };
        let all: Result<Vec<_>> = match small {
            true => pictures.par_iter().enumerate().map(one).collect(),
            false => pictures.iter().enumerate().map(one).collect(),
        };
        Ok(all?.into_iter().flatten().collect())
    }

    /// Everything measured of one picture, now or before an interruption.
    fn points(
        &self,
        source: &TestPicture,
        progress: &PictureProgress,
        talk: bool,
    ) -> Result<Vec<Point>> {
        let mut picture = source.load(self.settings.max_pixels)?;
        if !self.peers.is_empty() && picture.alpha().is_some() {
            // It would be in our bytes only.
            self.say(format!(
                "{}: compared without its transparency",
                source.shown()
            ));
            picture = picture.without_alpha();
        }
        let label = source.label();
        let meter = QualityMeter::new(&picture).about(source.path())?;
        let mut points = self.our_points(source, &picture, &meter, progress, talk)?;
        points.extend(self.made_points(source, &picture, &meter, progress)?);
        let mut bench = None;
        for (i, peer) in self.peers.iter().enumerate() {
            for prefixes in [false, true] {
                if prefixes
                    && !(self.settings.peer_prefixes && peer.codec.definition.progressive.is_some())
                {
                    continue;
                }
                let key = self.peer_key(peer, &picture, prefixes);
                if let Some(more) = self.journal.get::<Vec<Point>>(&key) {
                    points.extend(more);
                    continue;
                }
                if peer.hung.load(Ordering::Relaxed) {
                    continue;
                }
                let time_limit = self.settings.time_limit;
                let bench = match &mut bench {
                    Some(bench) => bench,
                    none => none.insert(Bench::new(&label, &picture, &meter, time_limit)?),
                };
                let set = |done: f64| {
                    let part = (f64::from(prefixes) + done) / 2.0;
                    progress.set(Stage::Peers, (i as f64 + part) / self.peers.len() as f64);
                };
                let out = match prefixes {
                    false => bench.settings(&peer.codec, &set),
                    true => bench.prefixes(&peer.codec, self.ours.points, &set),
                };
                self.account(peer, &key, &out)?;
                points.extend(out.points);
            }
        }
        // Another file with the same content may have been measured under its own name.
        points.iter_mut().for_each(|p| p.picture.clone_from(&label));
        Ok(points)
    }

    fn our_points(
        &self,
        source: &TestPicture,
        picture: &Picture,
        meter: &QualityMeter,
        progress: &PictureProgress,
        talk: bool,
    ) -> Result<Vec<Point>> {
        if !self.settings.prefixes {
            return Ok(Vec::new());
        }
        let settings = ["dcodec", &self.ours.network(), &self.ours.settings()];
        let key = journal::key(picture, &settings);
        if let Some(points) = self.journal.get(&key) {
            return Ok(points);
        }
        let set = |stage, done: f64| match self.settings.made() {
            true => progress.set(stage, 0.25 * done),
            false => progress.set(stage, done),
        };
        let run = self.ours.run(&source.label(), picture, meter, &set);
        let run = run.about(source.path())?;
        if talk {
            self.say(format!(
                "{}: {} bytes, encoded in {:.1} s, measured in {:.1} s",
                source.shown(),
                run.bytes,
                run.encoded.as_secs_f64(),
                run.measured.as_secs_f64()
            ));
        }
        self.journal.put(key, &run.points)?;
        Ok(run.points)
    }

    /// Points of files that are made for their rates, if they are asked for.
    fn made_points(
        &self,
        source: &TestPicture,
        picture: &Picture,
        meter: &QualityMeter,
        progress: &PictureProgress,
    ) -> Result<Vec<Point>> {
        let ours = &self.ours;
        let targets = ours.targets(self.settings, picture);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let asked = format!("{targets:?}");
        let settings = ["dcodec, made", &ours.network(), &ours.settings(), &asked];
        let key = journal::key(picture, &settings);
        if let Some(points) = self.journal.get(&key) {
            return Ok(points);
        }
        let before = if self.settings.prefixes { 0.25 } else { 0.0 };
        let set = |stage, done: f64| progress.set(stage, before + (1.0 - before) * done);
        let points = ours.made_for(&targets, &source.label(), picture, meter, &set);
        let points = points.about(source.path())?;
        self.journal.put(key, &points)?;
        Ok(points)
    }

    fn peer_key(&self, peer: &PeerRun, picture: &Picture, prefixes: bool) -> String {
        let codec = &peer.codec;
        let settings = match prefixes {
            false => format!("{:?}", codec.definition.settings),
            true => format!("{:?} {:?}", codec.definition.progressive, self.ours.points),
        };
        journal::key(picture, &[codec.name, &codec.version, &settings])
    }

    /// The PNG file of a sheet of the first pictures that can be read, as each codec shows them.
    pub fn sheet(&self, pictures: &[TestPicture]) -> Result<Vec<u8>> {
        if pictures.len() > SHEET_PICTURES {
            let n = SHEET_PICTURES;
            self.log
                .say(format!("note: the sheet shows the first {n} pictures"));
        }
        let working = |p: &&PeerRun| !p.hung.load(Ordering::Relaxed);
        let peers = self.peers.iter().filter(working);
        let peers: Vec<&InstalledCodec> = peers.map(|p| &p.codec).collect();
        let mut rows = Vec::new();
        for source in pictures.iter().take(SHEET_PICTURES) {
            let Ok(picture) = source.load(self.settings.max_pixels) else {
                // The measuring has said so.
                continue;
            };
            let picture = picture.without_alpha();
            let (label, path) = (source.label(), source.path());
            let meter = QualityMeter::new(&picture).about(path)?;
            let bench = Bench::new(&label, &picture, &meter, self.settings.time_limit)?;
            let more = sheet::rows(&label, &picture, &self.ours, &bench, &peers);
            rows.extend(more.about(path)?);
        }
        sheet::png(&rows).ok_or(Error::Drawing("sheet"))
    }

    /// Says what went wrong with a peer, and keeps its points if nothing did.
    fn account(&self, peer: &PeerRun, key: &str, out: &PeerPoints) -> Result<()> {
        for failure in &out.failures {
            self.say(format!("left out: {failure}"));
        }
        if out.hung && !peer.hung.swap(true, Ordering::Relaxed) {
            let name = peer.codec.name;
            self.say(format!(
                "{name}: not tried again in this run: it took longer than the time limit"
            ));
        }
        match out.failures.is_empty() {
            true => self.journal.put(key.to_owned(), &out.points),
            false => Ok(()),
        }
    }

    /// Says something beside the bar.
    fn say(&self, message: String) {
        self.bar.suspend(|| self.log.say(message));
    }
}

/// Place of the work on one picture within the run.
struct PictureProgress<'a> {
    bar: &'a ProgressBar,
    /// None where several are measured at a time.
    picture: Option<usize>,
    peers: usize,
}

impl PictureProgress<'_> {
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
