//! The pictures of a run: files, or tiles cut from them.

use std::path::{Path, PathBuf};

use dcodec::{Error, Picture, Result};

use super::settings::Settings;
use crate::io::{self, name};
use crate::load::load_picture;
use crate::{Failure, inputs};

/// Pictures of no more pixels are measured side by side: one alone does not fill the processor.
const SMALL: u64 = 128 * 128;

/// A picture to measure.
pub enum Job {
    File(PathBuf),
    /// A tile of a file, and its place there.
    Tile(PathBuf, usize, Picture),
}

impl Job {
    pub fn path(&self) -> &Path {
        match self {
            Job::File(path) | Job::Tile(path, ..) => path,
        }
    }

    /// Its name in messages.
    pub fn shown(&self) -> String {
        match self {
            Job::File(path) => name(path),
            Job::Tile(path, i, _) => format!("{} tile {i}", name(path)),
        }
    }

    /// Its name in tables and plots.
    pub fn label(&self) -> String {
        let name = self.path().file_name();
        let name = name.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        match self {
            Job::File(_) => name,
            Job::Tile(_, i, _) => format!("{name} {i}"),
        }
    }

    pub fn load(&self, max_pixels: u64) -> Result<Picture, Failure> {
        match self {
            Job::Tile(_, _, picture) => Ok(picture.clone()),
            Job::File(path) => {
                let data = io::read_input(path)?;
                Ok(load_picture(&data, path, max_pixels)?.picture)
            }
        }
    }
}

/// The pictures that the settings name, at most as many as they ask for.
pub fn jobs(a: &Settings) -> Result<Vec<Job>, Failure> {
    let files = inputs::files(&a.inputs, &inputs::PICTURES)?;
    let most = a.limit.unwrap_or(usize::MAX);
    let Some(side) = a.tile else {
        return Ok(spread(files.into_iter().map(Job::File).collect(), most));
    };
    let mut jobs = Vec::new();
    for path in files {
        let data = io::read_input(&path)?;
        let whole = load_picture(&data, &path, a.max_pixels)?.picture;
        let (columns, rows) = (whole.width() / side, whole.height() / side);
        if columns == 0 || rows == 0 {
            return Err(Error::Parameter(format!(
                "{}: {} x {} pixels hold no tile of {side} x {side}",
                path.display(),
                whole.width(),
                whole.height()
            ))
            .into());
        }
        let image = whole.to_image();
        for i in 0..(columns * rows) as usize {
            let (x, y) = (i as u32 % columns * side, i as u32 / columns * side);
            let tile = image.crop_imm(x, y, side, side);
            jobs.push(Job::Tile(path.clone(), i, Picture::from_image(tile)?));
        }
    }
    Ok(spread(jobs, most))
}

/// At most so many of all, evenly from the whole list: collections are often sorted by what they show.
fn spread(jobs: Vec<Job>, most: usize) -> Vec<Job> {
    let (all, n) = (jobs.len(), most.min(jobs.len()));
    let mut chosen = (0..n).map(|i| i * all / n).peekable();
    let jobs = jobs.into_iter().enumerate();
    jobs.filter(|(i, _)| chosen.next_if_eq(i).is_some())
        .map(|(_, job)| job)
        .collect()
}

/// Whether all are so small that one alone does not fill the processor.
pub fn all_small(jobs: &[Job]) -> bool {
    let small = |job: &Job| {
        let (width, height) = match job {
            Job::Tile(_, _, picture) => (picture.width(), picture.height()),
            Job::File(path) => image::image_dimensions(path).unwrap_or((0, 0)),
        };
        u64::from(width) * u64::from(height) <= SMALL
    };
    jobs.len() > 1 && jobs.iter().all(small)
}
