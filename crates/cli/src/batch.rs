//! Several files: each by itself, so that one that fails costs only itself, and an interrupted run
//! goes on where it was.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dcodec_eval::Log;
use dcodec_eval::inputs::{self, Found, Item, Kind};
use dcodec_eval::io::{self, name};

use crate::args::Many;
use crate::error::{Error, Result};
use crate::jobs;
use crate::text::many;

/// The files of the inputs, and the output of each.
pub struct Batch<'a> {
    many: &'a Many,
    /// Names of the inputs, for messages.
    inputs: String,
    jobs: Vec<Job>,
    found: Found,
    /// The folder for the outputs of folders.
    target: Option<&'a Path>,
}

/// A file and its output.
struct Job {
    input: PathBuf,
    output: PathBuf,
}

/// The picture of one file, for the totals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    pub pixels: u64,
    /// Bytes of the coded file.
    pub bytes: u64,
}

/// The outputs that the flags ask for.
pub struct Outputs<'a> {
    /// As the flag says: the folder.
    pub folder: Option<&'a Path>,
    /// Extension of their names.
    pub extension: &'a str,
    /// A flag that was given and is for one file.
    pub lone: Option<&'a str>,
    /// True if files that are named may be written beside themselves.
    pub beside: bool,
}

impl<'a> Batch<'a> {
    /// The files of the inputs. Each goes to the output folder under its own name, with its path
    /// below the input that it was found by; that folder is made. Without one the outputs of files
    /// that are named go beside them.
    pub fn new(many: &'a Many, kind: Kind, outputs: &Outputs<'a>) -> Result<Self> {
        let wrong = |about: &str, reason: &str| Err(Error::Usage(format!("{about}: {reason}")));
        let shown = match &many.inputs[..] {
            [one] => name(one),
            [first, rest @ ..] => format!("{} and {} more", name(first), rest.len()),
            [] => String::new(),
        };
        if let Some(flag) = outputs.lone {
            let reason = format!("{flag} is for one picture, not for several");
            return wrong(&shown, &reason);
        }
        if let Some(stream) = many.inputs.iter().find(|path| io::is_standard_input(path)) {
            return wrong(
                &name(stream),
                "a stream is coded alone, not among several files",
            );
        }
        let target = outputs.folder.filter(|&o| !io::is_standard_output(o));
        let folder_named = many.inputs.iter().any(|input| inputs::is_folder(input));
        if target.is_none() && (folder_named || !outputs.beside || outputs.folder.is_some()) {
            let reason = "several pictures need a folder to write to, -o DIR";
            return wrong(&shown, reason);
        }
        if let Some(file) = target.filter(|path| path.exists() && !path.is_dir()) {
            return wrong(
                &name(file),
                "several pictures need a folder to write to: this is none",
            );
        }
        if let Some(file) = target.filter(|path| !path.exists() && inputs::is_file_name(path)) {
            return wrong(
                &name(file),
                "several pictures need a folder to write to: this is a file's name (end it with /)",
            );
        }
        let found = inputs::find(&many.inputs, kind, many.recursive, target)?;
        let output = |item: &Item| match target {
            Some(folder) => inputs::renamed(&folder.join(&item.below), outputs.extension),
            None => inputs::renamed(&item.path, outputs.extension),
        };
        let job = |item: &Item| Job {
            input: item.path.clone(),
            output: output(item),
        };
        let jobs: Vec<Job> = found.files.iter().map(job).collect();
        let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
        for job in &jobs {
            let place = inputs::resolved(&job.output);
            if let Some(other) = taken.insert(place, &job.input) {
                let reason = format!(
                    "{} and {} would both be written to this file: rename one",
                    name(other),
                    name(&job.input)
                );
                return wrong(&name(&job.output), &reason);
            }
        }
        if let Some(target) = target {
            fs::create_dir_all(target).map_err(|e| Error::io(target, e))?;
        }
        Ok(Batch {
            many,
            inputs: shown,
            jobs,
            found,
            target,
        })
    }

    /// Does `one` from each file to its output, except where the output exists and `force` is not
    /// given, and says the totals and what failed. `need` is the memory that a file takes; it is
    /// asked only where several are worked on at once, within `memory` bytes.
    ///
    /// # Errors
    /// [`Error::Failed`] if some failed.
    pub fn run(
        &self,
        force: bool,
        memory: Option<u64>,
        log: Log,
        need: &(dyn Fn(&Path) -> u64 + Sync),
        one: &(dyn Fn(&Path, &Path) -> Result<Done> + Sync),
    ) -> Result<()> {
        let start = Instant::now();
        for (path, reason) in &self.found.left_out {
            log.say(format!("left out: {}: {reason}", name(path)));
        }
        let mut failed: Vec<String> = Vec::new();
        for e in &self.found.failed {
            io::say(format_args!("skipped: {e}"));
            failed.push(e.to_string());
        }
        let work = |job: &Job| {
            if !force && job.output.is_file() {
                log.say(format!(
                    "{}: exists already, kept (-f writes it again)",
                    name(&job.output)
                ));
                return Ok(None);
            }
            if let (Some(_), Some(folder)) = (self.target, job.output.parent()) {
                fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
            }
            one(&job.input, &job.output).map(Some)
        };
        let work = |job: &Job| work(job).inspect_err(|e| io::say(format_args!("skipped: {e}")));
        let needs = |job: &Job| need(&job.input);
        let results = match self.many.jobs {
            1 => self.jobs.iter().map(work).collect(),
            n => jobs::run(&self.jobs, n as usize, memory, &needs, &work),
        };
        let (mut total, mut done, mut kept) = (Done::default(), 0, 0);
        for result in results {
            match result {
                Ok(Some(one)) => {
                    done += 1;
                    total.pixels += one.pixels;
                    total.bytes += one.bytes;
                }
                Ok(None) => kept += 1,
                Err(e) => failed.push(e.to_string()),
            }
        }
        self.keep_times();
        log.say(totals(done, kept, failed.len(), total, start.elapsed()));
        match failed.is_empty() {
            true => Ok(()),
            false => Err(self.failure(&failed)),
        }
    }

    /// The error that lists what failed.
    fn failure(&self, failed: &[String]) -> Error {
        let all = many(
            (self.jobs.len() + self.found.failed.len()) as u64,
            "picture",
        );
        Error::Failed(format!(
            "{}: {} of {all} failed:\n  {}",
            self.inputs,
            failed.len(),
            failed.join("\n  ")
        ))
    }

    /// Gives the folders of a mirrored tree the times of the originals, the inner ones first.
    fn keep_times(&self) {
        let Some(target) = self.target.filter(|_| self.many.recursive) else {
            return;
        };
        for item in self.found.folders.iter().rev() {
            let time = fs::metadata(&item.path).and_then(|found| found.modified());
            let copy = fs::File::open(target.join(&item.below));
            // Where the system does not allow it the pictures are there all the same.
            if let (Ok(time), Ok(copy)) = (time, copy) {
                let _ = copy.set_modified(time);
            }
        }
    }
}

/// Numbers of pictures, pixels and bytes, and the throughput.
fn totals(done: u64, kept: u64, failed: usize, total: Done, time: Duration) -> String {
    let mut text = many(done, "picture");
    text += &match (kept, failed) {
        (0, 0) => String::new(),
        (0, failed) => format!(" ({failed} failed)"),
        (kept, 0) => format!(" ({kept} more kept)"),
        (kept, failed) => format!(" ({kept} more kept, {failed} failed)"),
    };
    let (seconds, megapixels) = (time.as_secs_f64(), total.pixels as f64 / 1e6);
    text + &format!(
        ", {megapixels:.2} megapixels, {} bytes, {:.4} bits per pixel, {seconds:.1} s: {:.3} \
         megapixels a second",
        total.bytes,
        8.0 * total.bytes as f64 / total.pixels.max(1) as f64,
        megapixels / seconds
    )
}

/// An error if some of many pictures failed: the caller has said which, and done the others.
pub fn all_worked(failed: usize, all: usize) -> Result<()> {
    match failed {
        0 => Ok(()),
        n => Err(Error::Failed(format!("{n} of {all} pictures failed"))),
    }
}
