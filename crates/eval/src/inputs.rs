//! Files, folders and patterns to a list of files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Extensions of the pictures of a folder; files named one by one may be called anything.
pub const PICTURES: [&str; 13] = [
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm", "pbm", "pam", "gif",
];

/// Extensions of the coded pictures of a folder.
pub const CODED: [&str; 1] = ["dfc"];

/// True for a folder; `-` is standard input, even where a folder has that name.
pub fn is_folder(input: &Path) -> bool {
    input != Path::new("-") && input.is_dir()
}

/// Files of `inputs`: each file, the files of each folder with one of `extensions`, and the files
/// that fit a pattern, both sorted by name. A file whose name looks like a pattern is that file.
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
            return Err(Error::Setting(format!(
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

/// Files that fit a pattern, for shells that leave it as it is.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |why: String| Error::Setting(format!("{}: {why}", pattern.display()));
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
