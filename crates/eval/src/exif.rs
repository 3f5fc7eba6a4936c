//! Blocks of EXIF: made from TIFF files, told of a turn and of a resolution.

use std::mem;
use std::ops::Range;

use crate::directory::{Block, Directory, Entry};

/// Dots in an inch along a row and along a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    pub x: f64,
    pub y: f64,
}

impl Resolution {
    /// Dots in a metre.
    pub fn per_metre(x: f64, y: f64) -> Option<Self> {
        Self::known(0.0254 * x, 0.0254 * y)
    }

    /// Dots in an inch. None for 72, which EXIF and most programs write where nobody knows.
    pub fn known(x: f64, y: f64) -> Option<Self> {
        // To a hundredth, which undoes the roundings of metres.
        let [x, y] = [x, y].map(|v| (100.0 * v).round() / 100.0);
        let sane = |v: f64| (1.0..=100_000.0).contains(&v);
        let unknown = |v: f64| (v - 72.0).abs() < 0.5;
        let told = sane(x) && sane(y) && !(unknown(x) && unknown(y));
        told.then_some(Resolution { x, y })
    }
}

const WIDTH: u16 = 0x100;
const HEIGHT: u16 = 0x101;
const STRIP: u16 = 0x111;
const X_RESOLUTION: u16 = 0x11a;
const Y_RESOLUTION: u16 = 0x11b;
const RESOLUTION_UNIT: u16 = 0x128;
const SOFTWARE: u16 = 0x131;
const THUMBNAIL: u16 = 0x201;
const THUMBNAIL_BYTES: u16 = 0x202;
const EXIF: u16 = 0x8769;
const GPS: u16 = 0x8825;
const PIXEL_WIDTH: u16 = 0xa002;
const PIXEL_HEIGHT: u16 = 0xa003;
const INTEROPERABILITY: u16 = 0xa005;

/// Entries of a TIFF file's own directory that say something about the picture: description, make,
/// model, resolution, software, date, artist, host, rating, copyright, and Windows' titles.
const TELLING: [u16; 18] = [
    0x10e,
    0x10f,
    0x110,
    X_RESOLUTION,
    Y_RESOLUTION,
    RESOLUTION_UNIT,
    SOFTWARE,
    0x132,
    0x13b,
    0x13c,
    0x4746,
    0x4749,
    0x8298,
    0x9c9b,
    0x9c9c,
    0x9c9d,
    0x9c9e,
    0x9c9f,
];

/// The resolution that EXIF tells.
pub fn resolution(exif: &[u8]) -> Option<Resolution> {
    let block = Block::new(exif)?;
    let directory = block.directory(block.first)?;
    resolution_of(&block, &directory)
}

fn resolution_of(block: &Block, directory: &Directory) -> Option<Resolution> {
    let of = |tag| block.fractions(directory.find(tag)?).first().copied();
    let (x, y) = (of(X_RESOLUTION)?, of(Y_RESOLUTION)?);
    match block.integer(directory, RESOLUTION_UNIT).unwrap_or(2) {
        2 => Resolution::known(x, y),
        3 => Resolution::known(2.54 * x, 2.54 * y),
        _ => None,
    }
}

/// True if the camera's directory of interoperability names the optional colour space of DCF, which
/// is Adobe RGB.
pub fn says_adobe_rgb(exif: &[u8]) -> bool {
    let index = || {
        let block = Block::new(exif)?;
        let nested = |directory: &Directory, tag: u16| {
            block.directory(block.integer(directory, tag)? as usize)
        };
        let camera = nested(&block.directory(block.first)?, EXIF)?;
        let inner = nested(&camera, INTEROPERABILITY)?;
        block.value(inner.find(1)?)
    };
    index().is_some_and(|index| index.starts_with(b"R03"))
}

/// EXIF with a resolution. One that it tells already stays.
pub fn with_resolution(exif: Option<Vec<u8>>, resolution: Resolution) -> Vec<u8> {
    let mut exif = exif.unwrap_or_else(|| b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec());
    let Some(added) = resolved_directory(&exif, resolution) else {
        return exif;
    };
    let at = exif.len().next_multiple_of(2);
    let header = Block::new(&exif).map(|b| (b.header(), b.digits::<4>(at as u64)));
    // A new first directory, behind everything that the old offsets name.
    if let Some((header, digits)) = header {
        if exif.len() == 14 {
            // There was none.
            exif.truncate(8);
            exif.extend(added);
            return exif;
        }
        exif[header].copy_from_slice(&digits);
        exif.resize(at, 0);
        exif.extend(added);
    }
    exif
}

/// The first directory of `exif` with a resolution, to stand at its end. None if it has one.
fn resolved_directory(exif: &[u8], resolution: Resolution) -> Option<Vec<u8>> {
    let block = Block::new(exif).filter(|b| !b.big)?;
    let old = block.directory(block.first)?;
    if old.find(X_RESOLUTION).is_some() {
        return None;
    }
    let at = if exif.len() == 14 {
        8
    } else {
        exif.len().next_multiple_of(2)
    };
    let size = block.entry_bytes();
    let others = old
        .entries
        .iter()
        .filter(|e| ![Y_RESOLUTION, RESOLUTION_UNIT].contains(&e.tag));
    let mut entries: Vec<(u16, Vec<u8>)> = others
        .map(|e| Some((e.tag, exif.get(e.at..e.at + size)?.to_vec())))
        .collect::<Option<_>>()?;
    let end = at + 2 + size * (entries.len() + 3) + 4;
    let mut add = |tag: u16, kind: u64, value: [u8; 4]| {
        let head = [block.digits::<2>(tag.into()), block.digits(kind)].concat();
        entries.push((tag, [&head[..], &block.digits::<4>(1), &value].concat()));
    };
    add(X_RESOLUTION, 5, block.digits(end as u64));
    add(Y_RESOLUTION, 5, block.digits(end as u64 + 8));
    let [high, low] = block.digits::<2>(2);
    add(RESOLUTION_UNIT, 3, [high, low, 0, 0]);
    entries.sort_by_key(|e| e.0);
    let mut out = block.digits::<2>(entries.len() as u64).to_vec();
    out.extend(entries.into_iter().flat_map(|e| e.1));
    out.extend(block.digits::<4>(old.next as u64));
    for dots in [resolution.x, resolution.y] {
        let whole = dots.fract() == 0.0;
        let (up, down) = if whole {
            (dots, 1)
        } else {
            ((100.0 * dots).round(), 100)
        };
        out.extend(block.digits::<4>(up as u64));
        out.extend(block.digits::<4>(down));
    }
    Some(out)
}

/// Tells EXIF that its picture was turned, and now has this size. Where rows `became_columns` the
/// resolutions change places. The thumbnail, which was not turned, goes.
pub fn turned(exif: &mut Vec<u8>, width: u32, height: u32, became_columns: bool) {
    let Some(turns) = Turns::of(exif) else {
        return;
    };
    let little = exif.starts_with(b"II");
    let put = |place: &mut [u8], value: u32| {
        let bytes = place.len().min(4);
        let digits = value.to_le_bytes();
        place[..bytes].copy_from_slice(&digits[..bytes]);
        if !little {
            place[..bytes].reverse();
        }
    };
    for (place, is_width) in turns.sizes {
        put(&mut exif[place], if is_width { width } else { height });
    }
    if let Some((x, y)) = turns.resolutions.filter(|_| became_columns) {
        let old = exif[x.clone()].to_vec();
        exif.copy_within(y.clone(), x.start);
        exif[y].copy_from_slice(&old);
    }
    if let Some(link) = turns.link {
        exif[link..link + 4].fill(0);
    }
    for range in turns.gone {
        exif[range.clone()].fill(0);
        if range.end == exif.len() {
            exif.truncate(range.start);
        }
    }
}

/// The places in EXIF that a turn changes.
struct Turns {
    /// Widths and heights; true for a width.
    sizes: Vec<(Range<usize>, bool)>,
    /// The fractions of both resolutions.
    resolutions: Option<(Range<usize>, Range<usize>)>,
    /// The link to the thumbnail's directory.
    link: Option<usize>,
    /// That directory and the thumbnail, the last one first.
    gone: Vec<Range<usize>>,
}

impl Turns {
    fn of(exif: &[u8]) -> Option<Self> {
        let block = Block::new(exif).filter(|b| !b.big)?;
        let first = block.directory(block.first)?;
        let nested = block.integer(&first, EXIF);
        let nested = nested.and_then(|at| block.directory(at as usize));
        let both = [Some(&first), nested.as_ref()];
        let kept: Vec<&Entry> = both
            .into_iter()
            .flatten()
            .flat_map(|d| &d.entries)
            .collect();
        let size = |entry: &&Entry| {
            let is_width = matches!(entry.tag, WIDTH | PIXEL_WIDTH);
            let is_height = matches!(entry.tag, HEIGHT | PIXEL_HEIGHT);
            let single = matches!(entry.kind, 3 | 4) && entry.count == 1;
            let there = single && block.value(entry).is_some();
            (there && (is_width || is_height)).then(|| (entry.value.clone(), is_width))
        };
        let fraction = |tag| {
            let entry = first.find(tag).filter(|e| e.kind == 5 && e.count == 1)?;
            block.value(entry).map(|_| entry.value.clone())
        };
        let (x, y) = (fraction(X_RESOLUTION), fraction(Y_RESOLUTION));
        let mut gone = thumbnail(&block, first.next);
        // Not what the rest stands in.
        let own = 0..first.link + 4;
        let apart = |a: &Range<usize>, b: &Range<usize>| a.start >= b.end || b.start >= a.end;
        gone.retain(|g| {
            g.start < g.end && apart(g, &own) && kept.iter().all(|k| apart(g, &k.value))
        });
        gone.sort_by_key(|g| usize::MAX - g.end);
        Some(Turns {
            sizes: kept.iter().filter_map(size).collect(),
            resolutions: x.zip(y).filter(|(x, y)| apart(x, y)),
            link: (first.next != 0 && first.link + 4 <= exif.len()).then_some(first.link),
            gone,
        })
    }
}

/// The bytes of the thumbnail's directory at `at`, and of the thumbnail.
fn thumbnail(block: &Block, at: usize) -> Vec<Range<usize>> {
    let end = block.bytes.len();
    let Some(directory) = block.directory(at) else {
        return Vec::new();
    };
    let number = |tag| block.integer(&directory, tag).map(|n| n as usize);
    let place = number(THUMBNAIL).zip(number(THUMBNAIL_BYTES));
    let picture = place.map(|(start, bytes)| start..start.saturating_add(bytes).min(end));
    let own = at..(directory.link + 4).min(end);
    picture.into_iter().chain([own]).collect()
}

/// EXIF made from the entries of a TIFF file: what its directory tells about the picture, and the
/// directories of EXIF and GPS below it. None if there is nothing but the name of a program.
pub fn of_tiff(block: &Block, directory: &Directory) -> Option<Vec<u8>> {
    let told = Copied::telling(block, directory);
    let tells = !told.nested.is_empty() || told.entries.iter().any(|e| e.0 != SOFTWARE);
    tells.then(|| told.into_block(block))
}

/// A whole TIFF file of one strip, from what EXIF tells and the entries of its own: tag, type,
/// count and values. `strip` makes the samples, little-endian or not. None if it gets too long.
pub fn tiff(
    exif: Option<&[u8]>,
    entries: impl Fn(&Block) -> Vec<Values>,
    strip: impl Fn(bool) -> Vec<u8>,
) -> Option<Vec<u8>> {
    let none = Block {
        bytes: &[],
        little: true,
        big: false,
        first: 0,
    };
    let block = exif.and_then(Block::new).filter(|b| !b.big).unwrap_or(none);
    let mut first = match block.directory(block.first) {
        Some(directory) => Copied::telling(&block, &directory),
        None => Copied {
            entries: Vec::new(),
            nested: Vec::new(),
        },
    };
    let strip = strip(block.little);
    first.entries.extend(entries(&block));
    let place = |offset: usize| (STRIP, 4, 1, block.digits::<4>(offset as u64).to_vec());
    first.entries.push(place(0));
    // The offset is found with the first draft, which is as long.
    let head = first.clone().into_block(&block).len().next_multiple_of(2);
    first.entries.retain(|e| e.0 != STRIP);
    first.entries.push(place(head));
    let mut out = first.into_block(&block);
    out.resize(head, 0);
    let fits = u32::try_from(head + strip.len()).is_ok();
    out.extend(strip);
    fits.then_some(out)
}

/// An entry on its way: tag, type, count and values.
pub type Values = (u16, u16, u32, Vec<u8>);

/// A directory on its way into another block of one byte order.
#[derive(Clone)]
struct Copied {
    entries: Vec<Values>,
    nested: Vec<(u16, Copied)>,
}

impl Copied {
    /// Entries of a first directory that tell about the picture, and the directories below it.
    fn telling(block: &Block, directory: &Directory) -> Self {
        let mut first = Copied::of(block, directory, |tag| TELLING.contains(&tag));
        if resolution_of(block, directory).is_none() {
            let resolution = [X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT];
            first.entries.retain(|e| !resolution.contains(&e.0));
        }
        for tag in [EXIF, GPS] {
            let nested = block.integer(directory, tag);
            if let Some(nested) = nested.and_then(|at| block.directory(at as usize)) {
                let mut copied = Copied::of(block, &nested, |tag| tag != INTEROPERABILITY);
                let inner = block.integer(&nested, INTEROPERABILITY);
                if let Some(inner) = inner.and_then(|at| block.directory(at as usize)) {
                    let inner = Copied::of(block, &inner, |_| true);
                    copied.nested.push((INTEROPERABILITY, inner));
                }
                first.nested.push((tag, copied));
            }
        }
        first
    }

    /// A block of this directory.
    fn into_block(self, block: &Block) -> Vec<u8> {
        let mark: &[u8] = if block.little { b"II" } else { b"MM" };
        let mut out = [mark, &block.digits::<2>(42), &block.digits::<4>(8)].concat();
        self.write(block, &mut out);
        out
    }

    fn of(block: &Block, directory: &Directory, wanted: impl Fn(u16) -> bool) -> Self {
        let wanted = directory.entries.iter().filter(|e| wanted(e.tag));
        let copied = wanted.filter_map(|e| {
            // The types of TIFF 6.0.
            let known = matches!(e.kind, 1..=12);
            let value = block.value(e).filter(|v| known && !v.is_empty())?;
            Some((e.tag, e.kind, u32::try_from(e.count).ok()?, value.to_vec()))
        });
        Copied {
            entries: copied.collect(),
            nested: Vec::new(),
        }
    }

    /// Appends the directory, its values, and the directories below it.
    fn write(mut self, block: &Block, out: &mut Vec<u8>) {
        for (tag, _) in &self.nested {
            self.entries.push((*tag, 4, 1, vec![0; 4]));
        }
        self.entries.sort_by_key(|e| e.0);
        let start = out.len();
        let mut values = start + 2 + 12 * self.entries.len() + 4;
        let mut data = Vec::new();
        out.extend(block.digits::<2>(self.entries.len() as u64));
        for (tag, kind, count, value) in &self.entries {
            out.extend(block.digits::<2>((*tag).into()));
            out.extend(block.digits::<2>((*kind).into()));
            out.extend(block.digits::<4>((*count).into()));
            if value.len() <= 4 {
                out.extend(value);
                out.resize(out.len() + 4 - value.len(), 0);
                continue;
            }
            out.extend(block.digits::<4>(values as u64));
            data.extend(value);
            data.resize(data.len().next_multiple_of(2), 0);
            values += value.len().next_multiple_of(2);
        }
        out.extend([0; 4]);
        out.extend(data);
        for (tag, copied) in mem::take(&mut self.nested) {
            let index = self.entries.iter().position(|e| e.0 == tag);
            let at = start + 2 + 12 * index.unwrap_or(0) + 8;
            let offset = block.digits::<4>(out.len() as u64);
            out[at..at + 4].copy_from_slice(&offset);
            copied.write(block, out);
        }
    }
}
