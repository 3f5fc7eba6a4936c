//! TIFF files: every layout of integer samples that the crate `tiff` can unpack, and the reason for
//! the others.
//!
//! That crate unpacks samples of any meaning if the directory says that they are grey. So it reads
//! the file with that and a few other entries changed, and their meaning is found here.

mod meaning;
mod pages;
mod patched;
mod plain;
mod raw;
mod short;
mod unread;

use std::io::ErrorKind;
use std::ops::Range;

use dcodec::{BitDepth, Colour, Form, Metadata, Picture, Samples};
use image::metadata::Orientation;
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use meaning::{Meaning, Ycbcr};
use pages::Pages;
use patched::Patched;
use raw::{Raw, Values};
#[cfg(test)]
pub use short::is_cut;
pub use unread::unread;

use super::jpeg;
use crate::colour::Primaries;
use crate::directory::{Block, Directory};
use crate::exif;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const MEANING: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIPS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const ORIENTATION: u16 = 274;
const SAMPLES: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const PLANAR: u16 = 284;
const PREDICTOR: u16 = 317;
const WHITE: u16 = 318;
const PRIMARIES: u16 = 319;
const COLOUR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILES: u16 = 324;
const TILE_BYTES: u16 = 325;
const INK_SET: u16 = 332;
const EXTRA: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
const JPEG_TABLES: u16 = 347;
const YCBCR_WEIGHTS: u16 = 529;
const YCBCR_SUBSAMPLING: u16 = 530;
const BLACK_AND_WHITE: u16 = 532;
const XMP: u16 = 700;
const PROFILE: u16 = 34675;

/// Most samples of a pixel: 16 bytes, as much as four 32-bit floats.
const MOST_SAMPLES: u64 = 8;

/// A page of a TIFF file.
pub struct Page<'a> {
    block: Block<'a>,
    directory: Directory,
    /// Offset of the directory.
    at: usize,
    /// Other pages with pictures of their own.
    pub others: usize,
    /// Another page is the transparency of a picture.
    pub mask: bool,
    pub width: u32,
    pub height: u32,
    bits: u64,
    samples: usize,
    meaning: Meaning,
    /// The index of the sample that is alpha.
    alpha: Option<usize>,
    /// Colours are stored times alpha.
    pub premultiplied: bool,
    /// Further samples of unknown meaning.
    pub unknown: bool,
    planar: bool,
}

impl<'a> Page<'a> {
    /// The first page of full size, or the reason why its picture cannot be read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let damaged = "the TIFF is damaged: its directory cannot be read";
        let block = Block::new(bytes).ok_or(damaged)?;
        let Pages {
            at,
            chosen: directory,
            others,
            mask,
        } = Pages::of(&block).ok_or(damaged)?;
        let number = |tag: u16, usual: u64| block.integer(&directory, tag).unwrap_or(usual);
        let side = |tag| u32::try_from(number(tag, 0)).unwrap_or(u32::MAX);
        let samples = number(SAMPLES, 1);
        if samples == 0 || samples > MOST_SAMPLES {
            return Err(format!("a TIFF of {samples} samples a pixel is not read"));
        }
        let bits = bits(&block, &directory)?;
        let mut page = Page {
            width: side(WIDTH),
            height: side(HEIGHT),
            bits,
            samples: samples as usize,
            meaning: Meaning::Rgb,
            alpha: None,
            premultiplied: false,
            unknown: false,
            planar: number(PLANAR, 1) == 2 && samples > 1,
            block,
            directory,
            at,
            others,
            mask,
        };
        page.meaning = page.find_meaning()?;
        page.find_alpha()?;
        page.check_packing()?;
        Ok(page)
    }

    fn number(&self, tag: u16) -> Option<u64> {
        self.block.integer(&self.directory, tag)
    }

    fn find_meaning(&self) -> Result<Meaning, String> {
        let refused = |colours: &str| {
            Err(format!(
                "a TIFF of {colours} is not read (convert it to RGB)"
            ))
        };
        let fractions = |tag| {
            let entry = self.directory.find(tag);
            entry.map(|e| self.block.fractions(e)).unwrap_or_default()
        };
        match self.number(MEANING) {
            Some(0) => Ok(Meaning::Grey { inverted: true }),
            Some(1) => Ok(Meaning::Grey { inverted: false }),
            Some(2) => Ok(Meaning::Rgb),
            Some(3) if self.bits <= 8 => Ok(Meaning::Palette(self.palette()?)),
            Some(3) => refused("a palette of more than 256 colours"),
            Some(4) => refused("a mask"),
            Some(5) if self.number(INK_SET).unwrap_or(1) != 1 => refused("inks other than CMYK"),
            Some(5) => Ok(Meaning::Cmyk),
            Some(6) if self.bits == 8 => {
                let weights = fractions(YCBCR_WEIGHTS);
                let usual = [0.299, 0.587, 0.114];
                let weights = <[f64; 3]>::try_from(weights).unwrap_or(usual);
                let range = fractions(BLACK_AND_WHITE);
                let usual = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];
                Ok(Meaning::Ycbcr(Ycbcr {
                    red: weights[0],
                    blue: weights[2],
                    range: <[f64; 6]>::try_from(range).unwrap_or(usual),
                }))
            }
            Some(6) => refused("YCbCr colours of more than 8 bits"),
            Some(8..=10) => refused("L*a*b* colours"),
            Some(32803) => refused("the raw values of a camera"),
            Some(32844 | 32845) => refused("LogLuv colours"),
            Some(n) => refused(&format!("colours of kind {n}")),
            None => Err("the TIFF does not say what its samples mean".into()),
        }
    }

    fn palette(&self) -> Result<Vec<[u8; 3]>, String> {
        let map = self.integers(COLOUR_MAP);
        let size = 1 << self.bits;
        if map.len() < 3 * size {
            return Err("the TIFF is damaged: its palette is too short".into());
        }
        // Old writers gave 8 bits.
        let shift = if map.iter().all(|&v| v < 256) { 0 } else { 8 };
        let colour = |i: usize| [0, 1, 2].map(|c| (map[c * size + i] >> shift) as u8);
        Ok((0..size).map(colour).collect())
    }

    /// Samples of a pixel before alpha.
    fn colours(&self) -> usize {
        match self.meaning {
            Meaning::Grey { .. } | Meaning::Palette(_) => 1,
            Meaning::Rgb | Meaning::Ycbcr(_) => 3,
            Meaning::Cmyk => 4,
        }
    }

    fn find_alpha(&mut self) -> Result<(), String> {
        let colours = self.colours();
        let Some(more) = self.samples.checked_sub(colours) else {
            return Err(format!(
                "the TIFF is damaged: {} samples a pixel where its colours take {colours}",
                self.samples
            ));
        };
        let extra = self.integers(EXTRA);
        let known = |kind: &u64| matches!(kind, 1 | 2);
        let alpha = match extra.is_empty() {
            // Writers forget to say what is alpha.
            true => (more == 1).then_some(0),
            false => extra.iter().take(more).position(known),
        };
        self.alpha = alpha.map(|i| colours + i);
        self.premultiplied = alpha.is_some_and(|i| extra.get(i) == Some(&1));
        self.unknown = more > usize::from(alpha.is_some());
        Ok(())
    }

    /// Refuses what the crate `tiff` cannot unpack.
    fn check_packing(&self) -> Result<(), String> {
        let compression = self.number(COMPRESSION).unwrap_or(1);
        let name = match compression {
            1 | 4 | 5 | 7 | 8 | 32946 | 32773 => "",
            2 => "CCITT's Huffman code",
            3 => "CCITT group 3",
            6 => "JPEG of the old kind",
            9 | 10 => "JBIG",
            34661 => "JBIG",
            34712 | 33003 | 33005 => "JPEG 2000",
            34887 => "LERC",
            34925 => "LZMA",
            50000 => "Zstandard",
            50001 => "WebP",
            50002 | 52546 => "JPEG XL",
            _ => "an unknown method",
        };
        if !name.is_empty() {
            return Err(format!(
                "a TIFF compressed by {name} ({compression}) is not read (save it with LZW)"
            ));
        }
        let predicted = self.is_predicted();
        if predicted && !matches!(self.bits, 8 | 16) {
            let bits = self.bits;
            return Err(format!(
                "a TIFF of predicted samples of {bits} bits is not read"
            ));
        }
        if self.bits > 8 && self.bits < 16 && (self.planar || self.number(SAMPLES).is_none()) {
            let bits = self.bits;
            return Err(format!(
                "a TIFF of separate planes of {bits} bits is not read"
            ));
        }
        if self.units().is_some() {
            let rows = self.number(ROWS_PER_STRIP).unwrap_or(u64::MAX);
            let tiled = self.directory.find(TILES).is_some();
            let [h, v] = self.units().unwrap_or([1, 1]).map(|n| n as u64);
            let odd = rows < self.height.into() && !rows.is_multiple_of(v);
            let sane = [h, v].iter().all(|n| matches!(n, 1 | 2 | 4));
            if tiled || odd || !sane || predicted || self.planar || self.samples != 3 {
                let e = "a TIFF of YCbCr colours in this layout is not read (convert it to RGB)";
                return Err(e.into());
            }
        }
        match compression {
            7 => self.check_jpeg(),
            _ => Ok(()),
        }
    }

    /// True if samples are differences. Where they are not packed by LZW or Deflate nobody looks at
    /// the entry (TIFF 6.0, section 14).
    fn is_predicted(&self) -> bool {
        let packed = matches!(self.number(COMPRESSION), Some(5 | 8 | 32946));
        packed && self.number(PREDICTOR).unwrap_or(1) != 1
    }

    fn integers(&self, tag: u16) -> Vec<u64> {
        let entry = self.directory.find(tag);
        entry.map(|e| self.block.integers(e)).unwrap_or_default()
    }

    /// The bytes of the strips or tiles.
    fn places(&self) -> Vec<Range<usize>> {
        let [starts, lengths] = match self.directory.find(TILES) {
            Some(_) => [TILES, TILE_BYTES],
            None => [STRIPS, STRIP_BYTES],
        }
        .map(|tag| self.integers(tag));
        let range =
            |(start, length): (u64, u64)| start as usize..start.saturating_add(length) as usize;
        starts.into_iter().zip(lengths).map(range).collect()
    }

    /// Columns and rows of pixels that share their Cb and Cr, where the file itself packs them so.
    /// In JPEG its decoder unpacks them.
    fn units(&self) -> Option<[usize; 2]> {
        let ycbcr = matches!(self.meaning, Meaning::Ycbcr(_));
        if !ycbcr || self.number(COMPRESSION) == Some(7) {
            return None;
        }
        let units = self.integers(YCBCR_SUBSAMPLING);
        let units = <[u64; 2]>::try_from(units).unwrap_or([2, 2]);
        (units != [1, 1]).then(|| units.map(|n| n as usize))
    }

    /// Refuses JPEGs in a TIFF that are larger than their place, before they take memory.
    fn check_jpeg(&self) -> Result<(), String> {
        let damaged = || "the TIFF is damaged: a JPEG in it has another size".to_owned();
        let (width, height) = match self.directory.find(TILES) {
            Some(_) => (self.number(TILE_WIDTH), self.number(TILE_HEIGHT)),
            None => (Some(self.width.into()), Some(self.height.into())),
        };
        for place in self.places() {
            let bytes = self.block.bytes.get(place).ok_or_else(damaged)?;
            let (w, h) = jpeg::size(bytes).ok_or_else(damaged)?;
            // A strip may be filled up to whole blocks.
            if Some(u64::from(w)) != width || u64::from(h) > height.unwrap_or(0) + 16 {
                return Err(damaged());
            }
        }
        // A frame in the tables would come before the one that was looked at.
        let tables = self.integers(JPEG_TABLES);
        let tables: Vec<u8> = tables.into_iter().map(|v| v as u8).collect();
        match jpeg::size(&tables) {
            Some(_) => Err(damaged()),
            None => Ok(()),
        }
    }

    /// Form of the picture.
    pub fn form(&self) -> Form {
        let colour = match &self.meaning {
            Meaning::Grey { .. } => Colour::Grey,
            Meaning::Palette(map) if map.iter().all(|&[r, g, b]| r == g && g == b) => Colour::Grey,
            _ => Colour::Rgb,
        };
        Form {
            width: self.width,
            height: self.height,
            colour,
            depth: if self.bits <= 8 {
                BitDepth::Eight
            } else {
                BitDepth::Sixteen
            },
            alpha: self.alpha.is_some(),
        }
    }

    /// White, red, green and blue, where the file tells them.
    pub fn primaries(&self) -> Option<Primaries> {
        let all = [WHITE, PRIMARIES].map(|tag| {
            let entry = self.directory.find(tag);
            entry.map(|e| self.block.fractions(e)).unwrap_or_default()
        });
        let all: [f64; 8] = all.concat().try_into().ok()?;
        let sane =
            all.iter().all(|v| v.is_finite()) && all.iter().skip(1).step_by(2).all(|&y| y > 0.0);
        sane.then(|| [0, 2, 4, 6].map(|i| [all[i], all[i + 1]]))
    }

    /// True for inks.
    pub fn is_cmyk(&self) -> bool {
        self.meaning == Meaning::Cmyk
    }

    pub fn orientation(&self) -> Option<Orientation> {
        Orientation::from_exif(u8::try_from(self.number(ORIENTATION)?).ok()?)
    }

    /// Profile and XMP, and EXIF made of the entries that tell about the picture.
    pub fn metadata(&self) -> Metadata {
        let bytes = |tag| {
            let value = self.block.value(self.directory.find(tag)?)?;
            (!value.is_empty()).then(|| value.to_vec())
        };
        Metadata {
            icc: bytes(PROFILE),
            exif: exif::of_tiff(&self.block, &self.directory),
            xmp: bytes(XMP),
        }
    }

    /// The picture as it is stored, not yet upright.
    pub fn picture(&self) -> Result<Picture, String> {
        if short::is_cut(self) {
            return Err("the TIFF is cut off".into());
        }
        let wide = (9..16).contains(&self.bits);
        let patched = self.patched(wide);
        let said = |e: TiffError| match e {
            TiffError::LimitsExceeded => "the TIFF is cut off".into(),
            TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
                "the TIFF is cut off".into()
            }
            e => format!("the TIFF is damaged{}", super::lower(&e.to_string())),
        };
        let held = self.block.bytes.len();
        let mut limits = Limits::unlimited();
        limits.ifd_value_size = held;
        limits.intermediate_buffer_size = held;
        let values = match plain::values(self) {
            Some(values) => values,
            None => {
                let mut decoder = Decoder::new(patched).map_err(said)?.with_limits(limits);
                let mut buffer = DecodingResult::U8(Vec::new());
                decoder.read_image_to_buffer(&mut buffer).map_err(said)?;
                match buffer {
                    DecodingResult::U8(v) => Values::Bytes(v),
                    DecodingResult::U16(v) => Values::Words(v),
                    _ => return Err("the TIFF is damaged: its samples have two types".into()),
                }
            }
        };
        let raw = Raw {
            bits: self.bits as usize,
            width: self.width as usize,
            height: self.height as usize,
            samples: self.samples,
            planar: self.planar,
            units: self.units(),
            values,
        };
        if !raw.is_whole() {
            return Err("the TIFF is cut off".into());
        }
        let samples = self.shown(&raw);
        let alpha = self.alpha.map(|c| raw.plane(c, self.form().depth));
        let Form {
            width,
            height,
            colour,
            ..
        } = self.form();
        let picture = Picture::from_samples(width, height, colour, samples, alpha);
        picture.map_err(|e| e.to_string())
    }

    /// The file with samples of grey on this page, which is the first.
    fn patched(&self, wide: bool) -> Patched<'a> {
        let block = self.block;
        let header = block.header();
        let offset = block.digits::<8>(self.at as u64);
        let offset = match (block.big, block.little) {
            (true, _) => &offset[..],
            (false, true) => &offset[..4],
            (false, false) => &offset[4..],
        };
        let mut patches = vec![(header.start, offset.to_vec())];
        let mut set = |tag: u16, value: u64| {
            if let Some(entry) = self.directory.find(tag) {
                // One integer of 16 or 32 bits.
                let long = value > u16::MAX.into();
                let kind = block.digits::<2>(if long { 4 } else { 3 }).to_vec();
                let (count, place) = match block.big {
                    true => (block.digits::<8>(1).to_vec(), 8),
                    false => (block.digits::<4>(1).to_vec(), 4),
                };
                let mut value = match long {
                    true => block.digits::<4>(value).to_vec(),
                    false => block.digits::<2>(value).to_vec(),
                };
                value.resize(place, 0);
                patches.push((entry.at + 2, [kind, count, value].concat()));
            }
        };
        set(MEANING, 1);
        set(SAMPLE_FORMAT, 1);
        // Whatever else it says.
        set(PLANAR, if self.planar { 2 } else { 1 });
        if !self.is_predicted() {
            set(PREDICTOR, 1);
        }
        if wide {
            // Single bits, in the order in which they stand.
            set(BITS, 1);
            set(SAMPLES, self.bits * self.samples as u64);
        }
        if let Some([h, v]) = self.units() {
            // Grey rows, each of the units of a row.
            let rows = self.number(ROWS_PER_STRIP).unwrap_or(u64::MAX);
            set(
                WIDTH,
                (self.width as usize).div_ceil(h) as u64 * (h * v + 2) as u64,
            );
            set(HEIGHT, u64::from(self.height).div_ceil(v as u64));
            set(
                ROWS_PER_STRIP,
                rows.min(self.height.into()).div_ceil(v as u64),
            );
            set(BITS, 8);
            set(SAMPLES, 1);
        }
        // Of the bits of each byte the lowest comes first; JPEG has an order of its own.
        let swapped = self.number(FILL_ORDER) == Some(2) && self.number(COMPRESSION) != Some(7);
        let mut reversed = if swapped { self.places() } else { Vec::new() };
        reversed.sort_by_key(|place| place.start);
        Patched {
            bytes: block.bytes,
            patches,
            reversed,
            at: 0,
        }
    }

    /// The colours of the samples.
    fn shown(&self, raw: &Raw) -> Samples {
        let form = self.form();
        let max = f64::from(form.depth.max());
        let premultiplied = self.alpha.filter(|_| self.premultiplied);
        let pixel = |i: usize| -> [u16; 3] {
            let at = |c: usize| raw.scaled(i, c, form.depth);
            let colour = match &self.meaning {
                Meaning::Grey { inverted } => {
                    [if *inverted {
                        form.depth.max() - at(0)
                    } else {
                        at(0)
                    }; 3]
                }
                Meaning::Rgb => [at(0), at(1), at(2)],
                Meaning::Palette(map) => map[usize::from(raw.at(i, 0))].map(u16::from),
                Meaning::Ycbcr(kind) => kind.rgb([at(0), at(1), at(2)].map(f64::from)),
                Meaning::Cmyk => {
                    let light = 1.0 - f32::from(at(3)) / max as f32;
                    [0, 1, 2].map(|c| ((max as f32 - f32::from(at(c))) * light) as u16)
                }
            };
            match premultiplied.map(at) {
                Some(0) => [0; 3],
                Some(a) => colour.map(|v| {
                    let (v, a, max) = (u64::from(v), u64::from(a), max as u64);
                    ((v * max + a / 2) / a).min(max) as u16
                }),
                None => colour,
            }
        };
        let pixels = raw.width * raw.height;
        let channels = form.colour.channels();
        let all = (0..pixels).flat_map(|i| pixel(i).into_iter().take(channels));
        match form.depth {
            BitDepth::Eight => {
                let mut samples = Vec::with_capacity(pixels * channels);
                samples.extend(all.map(|v| v as u8));
                samples.into()
            }
            BitDepth::Sixteen => {
                let mut samples: Vec<u16> = Vec::with_capacity(pixels * channels);
                samples.extend(all);
                samples.into()
            }
        }
    }
}

/// Bits of each sample, or the reason why they cannot be read.
fn bits(block: &Block, directory: &Directory) -> Result<u64, String> {
    let list = |tag| {
        directory
            .find(tag)
            .map(|e| block.integers(e))
            .unwrap_or_default()
    };
    let formats = list(SAMPLE_FORMAT);
    let floats = "floating-point pictures cannot be coded (convert it to 16 bits)";
    match formats.iter().find(|f| !matches!(f, 1 | 4)) {
        Some(3) => return Err(floats.into()),
        Some(2) => {
            return Err(
                "a TIFF of signed samples is not read (convert it to unsigned ones)".into(),
            );
        }
        Some(_) => return Err("a TIFF of complex samples is not read".into()),
        None => {}
    }
    let bits = list(BITS);
    let first = bits.first().copied().unwrap_or(1);
    if bits.iter().any(|&b| b != first) {
        return Err(
            "a TIFF whose samples differ in bits is not read (convert it to 8 or 16)".into(),
        );
    }
    match first {
        1..=16 => Ok(first),
        _ => Err(format!(
            "samples of {first} bits cannot be coded: only integers of up to 16 bits (convert it to 16)"
        )),
    }
}
