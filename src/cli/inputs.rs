//! Files and folders to a list of files.

use std::fs;
use std::path::{Path, PathBuf};

use dcodec::{Error, Result};

/// What a folder's pictures are called; files named one by one may be called anything.
const EXTENSIONS: [&str; 13] = [
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm", "pbm", "pam", "gif",
];

/// The files named, and the pictures in the folders named, these by name.
pub fn files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            out.push(input.clone());
            continue;
        }
        let failed = |e| Error::io(input, e);
        let mut found = Vec::new();
        for entry in fs::read_dir(input).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_picture(&path) && path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(Error::Parameter(format!(
                "{}: no pictures in this folder",
                input.display()
            )));
        }
        found.sort();
        out.extend(found);
    }
    Ok(out)
}

fn is_picture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| EXTENSIONS.contains(&e.to_string_lossy().to_ascii_lowercase().as_str()))
}
