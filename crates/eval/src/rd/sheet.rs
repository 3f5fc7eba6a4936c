//! Sheets of pictures with captions.

use std::collections::HashMap;
use std::io::Cursor;

use dcodec::{Error, Picture, Result, Target, metrics};
use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};

use super::bench::Bench;
use super::codecs::{InstalledCodec, SettingRange};
use super::measure::{OurCodec, pixels, rgb};
use super::process::ToolError;
use super::scene::{Anchor, Rgb, Scene, Shape, Text};

/// The bitrates of the columns.
const RATES: [f64; 4] = [0.05, 0.1, 0.2, 0.4];

/// Pictures are shown no wider than this, and no narrower than this by whole multiples.
const WIDEST: u32 = 480;
const NARROWEST: u32 = 128;

const GAP: f64 = 12.0;
const TITLE: f64 = 30.0;
const CAPTION: f64 = 24.0;
const INK: Rgb = [34, 34, 34];
const GREY: Rgb = [110, 110, 110];

/// A picture with a caption; without one where there is none, for a reason that the caption says.
pub struct Cell {
    pub picture: Option<RgbImage>,
    pub caption: String,
}

/// Cells with a title.
pub struct Row {
    pub title: String,
    pub cells: Vec<Cell>,
}

impl Cell {
    fn of(picture: &Picture, caption: String) -> Result<Self> {
        Ok(Cell {
            picture: Some(image(picture)?),
            caption,
        })
    }

    fn without(caption: impl Into<String>) -> Self {
        Cell {
            picture: None,
            caption: caption.into(),
        }
    }
}

/// Pixels of a picture in its cell.
pub fn image(picture: &Picture) -> Result<RgbImage> {
    Ok(rgb(picture)?.to_image().into_rgb8())
}

/// The original, and beside it what each codec shows at a few bitrates.
pub fn rows(
    label: &str,
    picture: &Picture,
    ours: &OurCodec,
    bench: &Bench,
    peers: &[&InstalledCodec],
) -> Result<Vec<Row>> {
    let mut cells = vec![Cell::of(picture, format!("{label}, original"))?];
    cells.extend(our_cells(picture, ours)?);
    let mut rows = vec![Row {
        title: "dcodec, prefixes of one file".to_owned(),
        cells,
    }];
    for codec in peers {
        let mut cells = vec![Cell::without("")];
        let mut sizes = HashMap::new();
        let mut hung: Option<String> = None;
        for rate in RATES {
            let cell = match &hung {
                Some(text) => Cell::without(text.as_str()),
                None => match peer_cell(picture, rate, codec, bench, &mut sizes) {
                    Ok(cell) => cell?,
                    Err(ToolError::Failed(text)) => Cell::without(text),
                    Err(ToolError::Hung(text)) => Cell::without(hung.insert(text).as_str()),
                },
            };
            cells.push(cell);
        }
        rows.push(Row {
            title: format!("{} ({})", codec.title, codec.version),
            cells,
        });
    }
    Ok(rows)
}

fn our_cells(picture: &Picture, ours: &OurCodec) -> Result<Vec<Cell>> {
    let target = Target::Bpp(RATES[RATES.len() - 1]);
    let file = ours.encoder(target).encode(picture);
    let bytes = match file {
        Ok(file) => file.bytes,
        // Fewer bytes than the header takes.
        Err(Error::Parameter(why)) => return Ok(RATES.map(|_| Cell::without(&why)).into()),
        Err(e) => return Err(e),
    };
    let cell = |rate: f64| {
        let end = (rate * pixels(picture) / 8.0) as usize;
        let prefix = &bytes[..end.min(bytes.len())];
        match shown(ours, prefix) {
            Ok(shown) => shown_cell(picture, &shown, prefix.len() as u64),
            Err(Error::Format(_)) => Ok(Cell::without(format!(
                "{rate} bpp, {end} bytes, end within the header"
            ))),
            Err(e) => Err(e),
        }
    };
    RATES.into_iter().map(cell).collect()
}

fn shown(ours: &OurCodec, mut prefix: &[u8]) -> Result<Picture> {
    let mut decoder = ours.decoder().stream();
    while !prefix.is_empty() {
        let (used, _) = decoder.push(prefix)?;
        prefix = &prefix[used..];
    }
    Ok(decoder.finish()?.picture)
}

fn shown_cell(original: &Picture, shown: &Picture, bytes: u64) -> Result<Cell> {
    let shown = rgb(shown)?;
    let psnr = metrics::psnr(&rgb(original)?, &shown)?;
    let bpp = 8.0 * bytes as f64 / pixels(original);
    Cell::of(&shown, format!("{bpp:.3} bpp, {psnr:.2} dB"))
}

/// Largest file of a peer that is no larger than a bitrate allows.
fn peer_cell(
    picture: &Picture,
    rate: f64,
    codec: &InstalledCodec,
    bench: &Bench,
    sizes: &mut HashMap<i32, u64>,
) -> std::result::Result<Result<Cell>, ToolError> {
    let most = (rate * pixels(picture) / 8.0) as u64;
    let mut size = |i: i32| -> std::result::Result<u64, ToolError> {
        if let Some(&size) = sizes.get(&i) {
            return Ok(size);
        }
        let found = bench.size(codec, &setting(codec.definition.scale, i))?;
        sizes.insert(i, found);
        Ok(found)
    };
    let (mut low, mut high) = (0, steps(codec.definition.scale));
    let least = size(low)?;
    if least > most {
        let bpp = 8.0 * least as f64 / pixels(picture);
        return Ok(Ok(Cell::without(format!(
            "{rate} bpp: cannot go below {bpp:.3}"
        ))));
    }
    // `low` fits, `high` is one too many or does not.
    high += 1;
    while high - low > 1 {
        let middle = (low + high) / 2;
        match size(middle)? <= most {
            true => low = middle,
            false => high = middle,
        }
    }
    let (shown, bytes) = bench.shown(codec, &setting(codec.definition.scale, low))?;
    Ok(shown_cell(picture, &shown, bytes))
}

/// Number of the last setting; the first has 0.
fn steps(scale: SettingRange) -> i32 {
    match scale {
        SettingRange::Whole(from, to) | SettingRange::Hundredths(from, to) => (to - from).abs(),
        SettingRange::Ratio => 480,
    }
}

/// The `i`-th setting, files growing with `i`.
fn setting(scale: SettingRange, i: i32) -> String {
    match scale {
        SettingRange::Whole(from, to) => (from + i * (to - from).signum()).to_string(),
        SettingRange::Hundredths(from, to) => {
            format!("{:.2}", f64::from(from + i * (to - from).signum()) / 100.0)
        }
        // From 0.01 bits per pixel, 60 to an octave.
        SettingRange::Ratio => format!("{:.3}", 2400.0 / (f64::from(i) / 60.0).exp2()),
    }
}

/// PNG file of the sheet; none if there is no memory for it. All cells are as large as the largest.
pub fn png(rows: &[Row]) -> Option<Vec<u8>> {
    let sized: Vec<Vec<Option<RgbImage>>> = rows
        .iter()
        .map(|row| {
            row.cells
                .iter()
                .map(|c| c.picture.as_ref().map(fit))
                .collect()
        })
        .collect();
    let all = || sized.iter().flatten().flatten();
    let width = f64::from(all().map(RgbImage::width).max()?);
    let height = f64::from(all().map(RgbImage::height).max()?);
    let size = if width < 200.0 { 11.0 } else { 14.0 };
    let columns = rows.iter().map(|r| r.cells.len()).max()?;
    let place = |column: usize| GAP + column as f64 * (width + GAP);
    let mut scene = Scene {
        title: String::new(),
        width: place(columns),
        height: GAP,
        shapes: Vec::new(),
    };
    let mut pasted: Vec<(RgbImage, i64, i64)> = Vec::new();
    let text = |scene: &mut Scene, text: &str, at, size, bold, colour| {
        let mut text = Text {
            text: text.to_owned(),
            at,
            size,
            bold,
            anchor: Anchor::Start,
            colour,
        };
        // A long reason is cut at the cell's end rather than run into the next.
        while !bold && text.width() > width && text.text.pop().is_some() {}
        scene.shapes.push(Shape::Text(text));
    };
    for (row, pictures) in rows.iter().zip(sized) {
        if !row.title.is_empty() {
            let at = (GAP, scene.height + 20.0);
            text(&mut scene, &row.title, at, 17.0, true, INK);
            scene.height += TITLE;
        }
        for (i, (cell, picture)) in row.cells.iter().zip(pictures).enumerate() {
            let (x, y) = (place(i), scene.height);
            let below = y + if picture.is_some() {
                height
            } else {
                height / 2.0
            };
            if let Some(picture) = picture {
                pasted.push((picture, x as i64, y as i64));
            }
            if !cell.caption.is_empty() {
                text(
                    &mut scene,
                    &cell.caption,
                    (x, below + 17.0),
                    size,
                    false,
                    GREY,
                );
            }
        }
        let captioned = row.cells.iter().any(|c| !c.caption.is_empty());
        scene.height += height + if captioned { CAPTION } else { 0.0 } + GAP;
    }
    let mut canvas = scene.raster(1.0)?;
    for (picture, x, y) in pasted {
        imageops::replace(&mut canvas, &picture, x, y);
    }
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(canvas)
        .write_to(&mut out, image::ImageFormat::Png)
        .ok()?;
    Some(out.into_inner())
}

/// Large pictures smaller, small ones larger by a whole factor.
fn fit(picture: &RgbImage) -> RgbImage {
    let (w, h) = picture.dimensions();
    if w > WIDEST {
        let h = (f64::from(h) * f64::from(WIDEST) / f64::from(w)).round();
        return imageops::resize(picture, WIDEST, (h as u32).max(1), FilterType::CatmullRom);
    }
    let factor = NARROWEST / w;
    match factor > 1 {
        true => imageops::resize(picture, w * factor, h * factor, FilterType::Nearest),
        false => picture.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_go_from_the_smallest_file_to_the_largest() {
        let ends = |scale| (setting(scale, 0), setting(scale, steps(scale)));
        assert_eq!(
            ends(SettingRange::Whole(0, 100)),
            ("0".into(), "100".into())
        );
        assert_eq!(ends(SettingRange::Whole(63, 0)), ("63".into(), "0".into()));
        assert_eq!(
            ends(SettingRange::Hundredths(2500, 30)),
            ("25.00".into(), "0.30".into())
        );
        assert_eq!(
            ends(SettingRange::Ratio),
            ("2400.000".into(), "9.375".into())
        );
    }

    #[test]
    fn cells_are_enlarged_by_whole_factors_and_reduced_to_fit() {
        assert_eq!(fit(&RgbImage::new(32, 20)).dimensions(), (128, 80));
        assert_eq!(fit(&RgbImage::new(100, 20)).dimensions(), (100, 20));
        assert_eq!(fit(&RgbImage::new(960, 100)).dimensions(), (480, 50));
    }

    #[test]
    fn a_sheet_holds_its_cells() {
        let red = RgbImage::from_pixel(32, 32, image::Rgb([255, 0, 0]));
        let cell = |picture| Cell {
            picture,
            caption: "caption".to_owned(),
        };
        let rows = [Row {
            title: "title".to_owned(),
            cells: vec![cell(Some(red)), cell(None)],
        }];
        let sheet = image::load_from_memory(&png(&rows).unwrap()).unwrap();
        let sheet = sheet.to_rgb8();
        assert_eq!(sheet.dimensions(), (12 + 2 * 140, 12 + 30 + 128 + 24 + 12));
        assert_eq!(sheet.get_pixel(20, 60).0, [255, 0, 0]);
        assert_eq!(sheet.get_pixel(160, 50).0, [255; 3]);
    }
}
