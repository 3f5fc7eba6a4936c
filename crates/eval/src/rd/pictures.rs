//! The pictures of a run: files, or tiles cut from them.

use std::path::{Path, PathBuf};

use dcodec::Picture;

use super::settings::Settings;
use crate::error::About;
use crate::inputs::Kind;
use crate::io::name;
use crate::load::load_picture;
use crate::read::{Limits, picture_form, read_picture};
use crate::{Error, Result, inputs};

/// Pictures of no more pixels are measured side by side: one alone does not fill the processor.
const SMALL: u64 = 128 * 128;

/// A picture to measure.
pub enum TestPicture {
    File(PathBuf),
    /// A tile of a file, and its number there.
    Tile(PathBuf, usize, Picture),
}

impl TestPicture {
    /// The file that holds the picture.
    pub fn path(&self) -> &Path {
        match self {
            TestPicture::File(path) | TestPicture::Tile(path, ..) => path,
        }
    }

    /// Name in messages.
    pub fn shown(&self) -> String {
        match self {
            TestPicture::File(path) => name(path),
            TestPicture::Tile(path, i, _) => format!("{} tile {i}", name(path)),
        }
    }

    /// Name in tables and plots.
    pub fn label(&self) -> String {
        let name = self.path().file_name();
        let name = name.map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        match self {
            TestPicture::File(_) => name,
            TestPicture::Tile(_, i, _) => format!("{name} {i}"),
        }
    }

    pub fn load(&self, max_pixels: u64) -> Result<Picture> {
        match self {
            TestPicture::Tile(_, _, picture) => Ok(picture.clone()),
            TestPicture::File(path) => read(path, max_pixels),
        }
    }
}

fn read(path: &Path, max_pixels: u64) -> Result<Picture> {
    let data = read_picture(path, &Limits::pixels(max_pixels), |_| Ok::<_, Error>(()))?;
    Ok(load_picture(&data, path, max_pixels)?.picture)
}

/// The pictures that the settings name, at most as many as they ask for.
pub fn listed(settings: &Settings) -> Result<Vec<TestPicture>> {
    let files = inputs::files(&settings.inputs, Kind::Picture)?;
    let most = settings.limit.unwrap_or(usize::MAX);
    let Some(side) = settings.tile else {
        let files = files.into_iter().map(TestPicture::File).collect();
        return Ok(spread(files, most));
    };
    let mut tiles = Vec::new();
    for path in files {
        let whole = read(&path, settings.max_pixels)?;
        let (columns, rows) = (whole.width() / side, whole.height() / side);
        if columns == 0 || rows == 0 {
            return Err(Error::Setting(format!(
                "{}: {} x {} pixels hold no tile of {side} x {side}",
                path.display(),
                whole.width(),
                whole.height()
            )));
        }
        let image = whole.to_image();
        for i in 0..(columns * rows) as usize {
            let (x, y) = (i as u32 % columns * side, i as u32 / columns * side);
            let tile = Picture::from_image(image.crop_imm(x, y, side, side)).about(&path)?;
            tiles.push(TestPicture::Tile(path.clone(), i, tile));
        }
    }
    Ok(spread(tiles, most))
}

/// At most `most` of all, evenly from the whole list: collections are often sorted by their
/// subject.
fn spread(all: Vec<TestPicture>, most: usize) -> Vec<TestPicture> {
    let (count, n) = (all.len(), most.min(all.len()));
    let mut chosen = (0..n).map(|i| i * count / n).peekable();
    let all = all.into_iter().enumerate();
    all.filter(|(i, _)| chosen.next_if_eq(i).is_some())
        .map(|(_, picture)| picture)
        .collect()
}

/// True for several pictures that are all so small that one alone does not fill the processor.
pub fn all_small(pictures: &[TestPicture]) -> bool {
    let small = |picture: &TestPicture| {
        let (width, height) = match picture {
            TestPicture::Tile(_, _, tile) => (tile.width(), tile.height()),
            TestPicture::File(path) => {
                let form = picture_form(path, &Limits::pixels(u64::MAX));
                form.map_or((0, 0), |form| (form.width, form.height))
            }
        };
        u64::from(width) * u64::from(height) <= SMALL
    };
    pictures.len() > 1 && pictures.iter().all(small)
}
