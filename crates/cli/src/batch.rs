//! Folders: each file by itself, so that one that fails costs only itself, and an interrupted run
//! goes on where it was.

use std::path::{Path, PathBuf};

use dcodec_eval::io::{self, name};
use dcodec_eval::{Log, inputs};

use crate::error::{Error, Result};

/// The files of a folder, and the output of each.
pub struct Batch<'a> {
    folder: &'a Path,
    jobs: Vec<(PathBuf, PathBuf)>,
}

impl<'a> Batch<'a> {
    /// The files of `folder` with one of the extensions `from`. Each goes to the folder `output`
    /// under its own name with the extension `to`; that folder is made. `lone` is a flag that was
    /// given and is for one file.
    pub fn new(
        folder: &'a Path,
        output: Option<&Path>,
        lone: Option<&str>,
        from: &[&str],
        to: &str,
    ) -> Result<Self> {
        let wrong = |about: &Path, reason: &str| {
            let name = name(about);
            Err(Error::Usage(format!("{name}: {reason}")))
        };
        if let Some(flag) = lone {
            let reason = format!("{flag} is for one picture, not for a folder of them");
            return wrong(folder, &reason);
        }
        let Some(target) = output.filter(|&o| o != Path::new("-")) else {
            let reason = "a folder of pictures needs a folder to write to, -o DIR";
            return wrong(folder, reason);
        };
        let files = inputs::files(&[folder.to_path_buf()], from)?;
        let output = |input: &PathBuf| {
            let file = input.file_name().unwrap_or_default();
            target.join(file).with_extension(to)
        };
        let mut outputs: Vec<PathBuf> = files.iter().map(output).collect();
        let jobs = files.into_iter().zip(outputs.iter().cloned()).collect();
        outputs.sort();
        if let Some(twice) = outputs.windows(2).find(|w| w[0] == w[1]) {
            let reason = "two files of the folder would be written to this file: rename one";
            return wrong(&twice[0], reason);
        }
        std::fs::create_dir_all(target).map_err(|e| Error::io(target, e))?;
        Ok(Batch { folder, jobs })
    }

    /// Does `one` from each file to its output, except where the output exists and `force` is not
    /// given. Returns the number done, and an error if some failed.
    pub fn run(
        &self,
        force: bool,
        log: Log,
        one: &mut dyn FnMut(&Path, &Path) -> Result<()>,
    ) -> (usize, Result<()>) {
        let (mut done, mut failed) = (0, 0);
        for (input, output) in &self.jobs {
            if !force && output.is_file() {
                log.say(format!(
                    "{}: exists already, kept (-f writes it again)",
                    name(output)
                ));
                continue;
            }
            match one(input, output) {
                Ok(()) => done += 1,
                Err(e) => {
                    io::say(format_args!("skipped: {e}"));
                    failed += 1;
                }
            }
        }
        let result = match failed {
            0 => Ok(()),
            n => Err(Error::Failed(format!(
                "{}: {n} of {} pictures failed",
                name(self.folder),
                self.jobs.len()
            ))),
        };
        (done, result)
    }
}

/// An error if some of many pictures failed: the caller has said which, and done the others.
pub fn all_worked(failed: usize, all: usize) -> Result<()> {
    match failed {
        0 => Ok(()),
        n => Err(Error::Failed(format!("{n} of {all} pictures failed"))),
    }
}
