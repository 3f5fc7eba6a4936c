//! Folders: each file by itself, so that one that fails costs only itself and an interrupted run goes on where it was.

use std::path::{Path, PathBuf};

use dcodec::{Error, Result};

use super::{About, Failure, Log, io, name};

/// The files of a folder, and where each goes.
pub struct Batch<'a> {
    folder: &'a Path,
    jobs: Vec<(PathBuf, PathBuf)>,
}

/// What became of the files.
#[derive(Debug, Default, Clone, Copy)]
pub struct Outcome {
    pub done: usize,
    pub failed: usize,
}

impl<'a> Batch<'a> {
    /// `files` of `folder`, each to `target` under its own name with another extension; makes the folder `target`.
    pub fn new(
        folder: &'a Path,
        files: Vec<PathBuf>,
        target: &Path,
        extension: &str,
    ) -> Result<Self, Failure> {
        let output = |input: &PathBuf| {
            let file = input.file_name().unwrap_or_default();
            target.join(file).with_extension(extension)
        };
        let mut outputs: Vec<PathBuf> = files.iter().map(output).collect();
        let jobs = files.into_iter().zip(outputs.iter().cloned()).collect();
        outputs.sort();
        if let Some(twice) = outputs.windows(2).find(|w| w[0] == w[1]) {
            let e = "two files of the folder would be written to this file: rename one";
            return Err(Error::Parameter(e.into())).about(&twice[0]);
        }
        std::fs::create_dir_all(target).map_err(|e| Error::io(target, e))?;
        Ok(Batch { folder, jobs })
    }

    /// Does `one` from each file to its output, but for those whose output exists already.
    pub fn run(
        &self,
        force: bool,
        log: Log,
        one: &mut dyn FnMut(&Path, &Path) -> Result<(), Failure>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        for (input, output) in &self.jobs {
            if !force && output.is_file() {
                log.say(format!(
                    "{}: exists already, kept (-f writes it again)",
                    name(output)
                ));
                continue;
            }
            match one(input, output) {
                Ok(()) => outcome.done += 1,
                Err(e) => {
                    io::say(format_args!("skipped: {e}"));
                    outcome.failed += 1;
                }
            }
        }
        outcome
    }

    /// An error if a file failed.
    pub fn finish(&self, outcome: Outcome) -> Result<(), Failure> {
        all_worked(outcome.failed, self.jobs.len()).about(self.folder)
    }
}

/// An error if some of many pictures failed: the caller has said which, and done the others.
pub fn all_worked(failed: usize, all: usize) -> Result<()> {
    match failed {
        0 => Ok(()),
        n => Err(Error::Unsupported(format!("{n} of {all} pictures failed"))),
    }
}
