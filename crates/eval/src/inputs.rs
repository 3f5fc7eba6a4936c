//! Files and folders to a list of files.

use std::fs;
use std::path::{Path, PathBuf};

use dcodec::{Error, Result};

/// What a folder's pictures are called; files named one by one may be called anything.
pub const PICTURES: [&str; 13] = [
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm", "pbm", "pam", "gif",
];

/// What a folder's coded pictures are called.
pub const CODED: [&str; 1] = ["dfc"];

/// Whether a command works on the files of a folder; "-" is standard input, whatever lies there.
pub fn is_folder(input: &Path) -> bool {
    input != Path::new("-") && input.is_dir()
}

/// The files named, those of such extensions in the folders named, and those that fit a pattern, these by name. A file whose
/// name looks like a pattern is that file.
pub fn files(inputs: &[PathBuf], extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for input in inputs {
        if is_pattern(input) && !input.exists() {
            out.extend(matching(input)?);
            continue;
        }
        if !input.is_dir() {
            out.push(input.clone());
            continue;
        }
        let failed = |e| Error::io(input, e);
        let mut found = Vec::new();
        for entry in fs::read_dir(input).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_called(&path, extensions) && path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(Error::Parameter(format!(
                "{}: no files called .{} in this folder",
                input.display(),
                extensions.join(", .")
            )));
        }
        found.sort();
        out.extend(found);
    }
    Ok(out)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files that fit a pattern, for shells that leave it as it is.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |why: String| Error::Parameter(format!("{}: {why}", pattern.display()));
    let found = glob::glob(&pattern.to_string_lossy()).map_err(|e| wrong(e.to_string()))?;
    let files: Vec<PathBuf> = found.flatten().filter(|path| path.is_file()).collect();
    match files.is_empty() {
        true => Err(wrong("no file fits this pattern".into())),
        false => Ok(files),
    }
}

fn is_called(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .is_some_and(|e| extensions.contains(&e.to_string_lossy().to_ascii_lowercase().as_str()))
}
