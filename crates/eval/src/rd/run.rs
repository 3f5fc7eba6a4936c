//! A run from its settings to its outputs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use dcodec::Target;
use indicatif::{ProgressBar, ProgressStyle};

use super::codecs;
use super::journal::Journal;
use super::measure::OurCodec;
use super::output::OutputFormat;
use super::paper;
use super::pictures::{self, TestPicture};
use super::report;
use super::session::{PeerRun, Session};
use super::settings::{Networks, Settings};
use crate::{Error, Log, Result, io};

/// A run whose outputs can be written and whose pictures are known.
pub struct Preparation<'a> {
    settings: &'a Settings,
    pictures: Vec<TestPicture>,
    peers: Vec<PeerRun>,
    log: Log,
}

/// Numbers of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub measured: usize,
    pub pictures: usize,
}

impl<'a> Preparation<'a> {
    /// Checks the outputs, lists the pictures and finds the peers' tools, before any network is
    /// loaded. Says which peers are missing.
    ///
    /// # Errors
    /// Those of an output that cannot be written or of a picture that cannot be read.
    pub fn new(settings: &'a Settings, log: Log) -> Result<Self> {
        check_outputs(settings)?;
        let pictures = pictures::listed(settings)?;
        let mut peers = Vec::new();
        for peer in codecs::chosen(&settings.peers) {
            match peer.find() {
                Ok(codec) => peers.push(PeerRun {
                    codec,
                    hung: AtomicBool::new(false),
                }),
                Err(missing) => log.say(missing),
            }
        }
        Ok(Preparation {
            settings,
            pictures,
            peers,
            log,
        })
    }

    /// Measures the pictures, and writes the outputs and the tables.
    ///
    /// # Errors
    /// [`Error::Nothing`] where no picture could be measured; errors of the codec and of files.
    pub fn run(self, networks: Networks) -> Result<Counts> {
        let (settings, pictures, log) = (self.settings, &self.pictures[..], self.log);
        let mut rates = settings.points.clone();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let highest = rates.last().copied().unwrap_or_default();
        let journal = open_journal(settings, log)?;
        let session = Session {
            settings,
            ours: OurCodec {
                networks,
                effort: settings.effort.clone(),
                ensemble: settings.ensemble,
                tune: settings.tune,
                prefilter: settings.prefilter,
                corrections: settings.corrections,
                target: settings
                    .quality
                    .map_or(Target::Bpp(highest), Target::Quality),
                points: &rates,
            },
            peers: &self.peers,
            journal: &journal,
            log,
            bar: bar(log, pictures.len()),
        };
        let measured = match settings.paper {
            Some(steps) => paper::run(&session, steps, pictures)?,
            None => report::run(&session, pictures)?,
        };
        journal.finish()?;
        Ok(Counts {
            measured,
            pictures: pictures.len(),
        })
    }
}

fn check_outputs(settings: &Settings) -> Result<()> {
    let outputs = settings.outputs.iter();
    let outputs = outputs.chain(&settings.sheet).chain(&settings.resume);
    io::check_distinct(outputs.clone().map(PathBuf::as_path))?;
    for output in outputs {
        for input in &settings.inputs {
            io::check_apart(input, output)?;
        }
    }
    for output in &settings.outputs {
        OutputFormat::of(output)?;
        io::check_destination(output, settings.force)?;
    }
    if let Some(sheet) = &settings.sheet {
        if !OutputFormat::of(sheet).is_ok_and(|format| format == OutputFormat::Png) {
            return Err(Error::Setting(format!(
                "{}: the name of a sheet must end in .png",
                sheet.display()
            )));
        }
        io::check_destination(sheet, settings.force)?;
    }
    Ok(())
}

/// The journal of an interrupted run with the same output, or of this one.
fn open_journal(settings: &Settings, log: Log) -> Result<Journal> {
    let is_file = |path: &&PathBuf| path.as_path() != Path::new("-");
    let path = settings.resume.clone().or_else(|| {
        let mut path = settings.outputs.iter().find(is_file)?.clone();
        path.as_mut_os_string().push(".part");
        Some(path)
    });
    let journal = Journal::open(path)?;
    if let Some(path) = journal.path().filter(|_| journal.len() > 0) {
        log.say(format!(
            "{}: {} measurements of an interrupted run, used as far as they fit",
            path.display(),
            journal.len()
        ));
    }
    Ok(journal)
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
