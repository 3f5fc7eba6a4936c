//! The chunks of PNG files: the colour space, the resolution, text, and files without an end.

use crate::colour::{CodePoints, Primaries, SRGB, of_gamma};
use crate::exif::Resolution;
use crate::load::pieces::Pieces;
use crate::load::unpacked::{self, LARGE};
use dcodec::Colour;
use dcodec::container::MAX_METADATA;
use std::borrow::Cow;
use std::ops::Range;

const SIGNATURE: usize = 8;
/// The last chunk.
const END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

/// The keyword of XMP in a text.
const XMP: &[u8] = b"XML:com.adobe.xmp";

/// A chunk that is whole.
struct Chunk<'a> {
    name: &'a [u8; 4],
    data: &'a [u8],
    check: [u8; 4],
}

impl Chunk<'_> {
    fn is_damaged(&self) -> bool {
        check(self.name, self.data) != self.check
    }
}

/// The check of a chunk.
fn check(name: &[u8; 4], data: &[u8]) -> [u8; 4] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(name);
    hash.update(data);
    hash.finalize().to_be_bytes()
}

fn checked_chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut at = SIGNATURE;
    std::iter::from_fn(move || {
        let head = bytes.get(at..)?;
        let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
        let name = head.get(4..)?.first_chunk()?;
        let data = head.get(8..8usize.checked_add(length)?)?;
        let check = *head.get(8 + length..)?.first_chunk()?;
        at += 12 + length;
        Some(Chunk { name, data, check })
    })
}

/// Chunks that are whole: name and data.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    checked_chunks(bytes).map(|chunk| (chunk.name, chunk.data))
}

/// A file whose chunks end before the last one.
pub struct Cut<'a> {
    /// Bytes of whole chunks.
    pub whole: usize,
    /// Samples of the chunk that is cut.
    samples: &'a [u8],
    /// Before the samples, so that they are a whole chunk: its length and its name.
    head: Vec<u8>,
    /// After the samples: the check of their chunk, and the last chunk.
    tail: Vec<u8>,
}

impl Cut<'_> {
    /// The bytes that make a whole file of the whole chunks.
    pub fn end(&self) -> [&[u8]; 3] {
        [&self.head, self.samples, &self.tail]
    }
}

/// Where a file ends whose samples have begun. None if it has its last chunk.
pub fn cut(bytes: &[u8]) -> Option<Cut<'_>> {
    let (mut at, mut begun) = (SIGNATURE, false);
    for (name, data) in chunks(bytes) {
        if name == b"IEND" {
            return None;
        }
        begun |= name == b"IDAT";
        at += 12 + data.len();
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let length = number(rest, 0).unwrap_or(0) as usize;
    let samples = rest.get(8..).filter(|_| &rest[4..8] == b"IDAT");
    let samples = samples.map(|data| &data[..length.min(data.len())]);
    let samples = samples.unwrap_or_default();
    let (mut head, mut tail) = (Vec::new(), END.to_vec());
    if !samples.is_empty() {
        head = [&(samples.len() as u32).to_be_bytes()[..], b"IDAT"].concat();
        tail.splice(..0, check(b"IDAT", samples));
    }
    (begun || !samples.is_empty()).then_some(Cut {
        whole: at,
        samples,
        head,
        tail,
    })
}

/// The file without code points that its decoder takes for damage, followed by `end`.
pub fn readable<'a>(bytes: &'a [u8], end: [&'a [u8]; 3]) -> Pieces<'a, 5> {
    let wrong = wrong_space(bytes).unwrap_or(bytes.len()..bytes.len());
    let [a, b, c] = end;
    Pieces::new([&bytes[..wrong.start], &bytes[wrong.end..], a, b, c])
}

/// True if a large picture's samples unpack to fewer bytes than they take, so that no memory is
/// taken for what is not there.
pub fn falls_short(bytes: &[u8], cut: Option<&Cut>) -> bool {
    let Some(needed) = sample_bytes(bytes).filter(|&n| n > LARGE) else {
        return false;
    };
    let samples = chunks(bytes).filter(|(name, _)| *name == b"IDAT");
    let last = cut.map(|cut| cut.samples);
    unpacked::inflated(samples.map(|(_, data)| data).chain(last), needed) < needed
}

/// Bytes of the samples, and of a filter for each row.
fn sample_bytes(bytes: &[u8]) -> Option<u64> {
    let (width, height) = size(bytes)?;
    let (_, data) = chunks(bytes).next()?;
    let channels = match data.get(9)? {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        _ => 4,
    };
    let bits = u64::from(*data.get(8)?) * channels;
    let part = |width: u64, height: u64| match width {
        0 => 0,
        width => height.saturating_mul(1 + width.saturating_mul(bits).div_ceil(8)),
    };
    let [width, height] = [width, height].map(u64::from);
    Some(match data.get(12)? {
        0 => part(width, height),
        _ => {
            // First column and row of each pass of Adam7, and the steps.
            const PASSES: [[u64; 4]; 7] = [
                [0, 0, 8, 8],
                [4, 0, 8, 8],
                [0, 4, 4, 8],
                [2, 0, 4, 4],
                [0, 2, 2, 4],
                [1, 0, 2, 2],
                [0, 1, 1, 2],
            ];
            let pass = |[x, y, dx, dy]: [u64; 4]| {
                let count = |n: u64, first: u64, step: u64| n.saturating_sub(first).div_ceil(step);
                part(count(width, x, dx), count(height, y, dy))
            };
            PASSES.into_iter().map(pass).fold(0, u64::saturating_add)
        }
    })
}

/// Columns and rows.
pub fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let (name, data) = chunks(bytes).next()?;
    (name == b"IHDR").then_some((number(data, 0)?, number(data, 4)?))
}

/// The reason why a PNG of this kind is not read.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    const KNOWN: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", b"IEND"];
    let (name, _) = chunks(bytes).find(|(name, _)| {
        let letters = name.iter().all(u8::is_ascii_alphabetic);
        letters && name[0].is_ascii_uppercase() && !KNOWN.contains(name)
    })?;
    let name = String::from_utf8_lossy(name);
    Some(match &*name {
        "CgBI" => "a PNG of Apple's own kind (CgBI) is not read (save it as a usual PNG)".into(),
        name => format!("a PNG with the chunk {name}, which changes its meaning, is not read"),
    })
}

/// Place of the code points of a colour space that no PNG should have, which its decoder takes for
/// damage. None if there are none.
fn wrong_space(bytes: &[u8]) -> Option<Range<usize>> {
    let mut at = SIGNATURE;
    for (name, data) in chunks(bytes) {
        let end = at + 12 + data.len();
        let wrong = !matches!(data, [_, _, 0, 0 | 1]);
        match name {
            b"cICP" if wrong => return Some(at..end),
            b"IDAT" => return None,
            _ => at = end,
        }
    }
    None
}

fn find<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    let before = chunks(bytes).take_while(|(name, _)| *name != b"IDAT");
    before
        .into_iter()
        .find(|(name, _)| *name == wanted)
        .map(|c| c.1)
}

/// Frames of an animation. It is 1 for a still picture, and for a file that cannot be read up to
/// its pixels, as decoding it will tell.
pub fn frames(bytes: &[u8]) -> u64 {
    let reader = ::png::Decoder::new(readable(bytes, [&[]; 3]))
        .read_info()
        .ok();
    let control = reader.and_then(|reader| reader.info().animation_control().copied());
    control.map_or(1, |control| control.num_frames.into())
}

/// True if the colours are those of a palette.
pub fn has_palette(bytes: &[u8]) -> bool {
    find(bytes, b"IHDR").is_some_and(|data| data.get(9) == Some(&3))
}

/// True if there is a profile, readable or not.
pub fn has_profile(bytes: &[u8]) -> bool {
    find(bytes, b"iCCP").is_some()
}

fn number(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// The resolution in the chunk pHYs.
pub fn resolution(bytes: &[u8]) -> Option<Resolution> {
    let data = find(bytes, b"pHYs")?;
    let (x, y) = (number(data, 0)?, number(data, 4)?);
    match data.get(8)? {
        1 => Resolution::per_metre(x.into(), y.into()),
        _ => None,
    }
}

/// A colour space that is told by other means than a profile.
#[derive(Debug, PartialEq, Eq)]
pub enum Space {
    /// sRGB, or nothing is told.
    Usual,
    /// The chunks that tell it, and the profile of it.
    Made(&'static str, Vec<u8>),
}

/// The colour space that a file has besides a profile, by the order of PNG 3: the chunk cICP before
/// a profile, and sRGB, gAMA and cHRM after one. Also true if no profile can be made of cICP, so
/// that what comes next counts.
pub fn space(bytes: &[u8], has_profile: bool, colour: Colour) -> (Space, bool) {
    let points = find(bytes, b"cICP").and_then(|data| data.first_chunk());
    let points = points.map(|&[primaries, transfer, matrix, range]| CodePoints {
        primaries,
        transfer,
        matrix,
        full_range: range == 1,
    });
    match points.map(|points| (points, points.profile(colour))) {
        Some((points, _)) if points.is_srgb() && !has_profile => (Space::Usual, false),
        Some((_, Some(icc))) => (Space::Made("cICP", icc), false),
        points => (older_space(bytes, has_profile, colour), points.is_some()),
    }
}

/// The colour space of the chunks sRGB, gAMA and cHRM.
fn older_space(bytes: &[u8], has_profile: bool, colour: Colour) -> Space {
    if has_profile || find(bytes, b"sRGB").is_some() {
        return Space::Usual;
    }
    let gamma = find(bytes, b"gAMA").and_then(|data| number(data, 0));
    let gamma = gamma.filter(|g| (1000..=10_000_000).contains(g));
    let primaries = find(bytes, b"cHRM").and_then(|data| {
        let all: Vec<f64> = (0..8)
            .map_while(|i| number(data, 4 * i))
            .map(|v| f64::from(v) / 1e5)
            .collect();
        let pair = |i: usize| [all[2 * i], all[2 * i + 1]];
        let primaries: Option<Primaries> = (all.len() == 8).then(|| [0, 1, 2, 3].map(pair));
        // A y of zero is no colour.
        primaries.filter(|p| p.iter().all(|xy| xy[1] > 0.0))
    });
    let name = match (gamma, primaries) {
        (None, None) => return Space::Usual,
        (Some(_), None) => "gAMA",
        (None, Some(_)) => "cHRM",
        (Some(_), Some(_)) => "gAMA and cHRM",
    };
    let gamma = gamma.map(|g| 1e5 / f64::from(g));
    match of_gamma(gamma, primaries.unwrap_or(SRGB), colour) {
        Some(icc) => Space::Made(name, icc),
        None => Space::Usual,
    }
}

/// True if pixels are not square: pHYs tells only their shape, and the two differ.
pub fn has_oblong_pixels(bytes: &[u8]) -> bool {
    find(bytes, b"pHYs").is_some_and(|data| data.get(8) == Some(&0) && data[..4] != data[4..8])
}

/// True if the file says by whom it was made, sealed (C2PA).
pub fn has_credentials(bytes: &[u8]) -> bool {
    chunks(bytes).any(|(name, _)| name == b"caBX")
}

/// True if the file tells how bright its display was or its picture gets.
pub fn has_light_levels(bytes: &[u8]) -> bool {
    let names: [&[u8; 4]; 4] = [b"mDCV", b"cLLI", b"mDCv", b"cLLi"];
    names.iter().any(|name| find(bytes, name).is_some())
}

/// Metadata besides the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Exif,
    Xmp,
}

/// EXIF or XMP where the decoder does not look.
pub struct Found {
    pub kind: Kind,
    pub data: Vec<u8>,
}

/// EXIF and XMP behind the samples, XMP that is compressed, and then those in texts.
pub fn further_metadata(bytes: &[u8]) -> Vec<Found> {
    let mut found: Vec<Found> = checked_chunks(bytes).filter_map(own_chunk).collect();
    found.extend(profiles_in_texts(bytes));
    found
}

/// The kind of the metadata that a chunk is of.
fn kind(name: &[u8; 4], data: &[u8]) -> Option<Kind> {
    let word = || data.split(|&b| b == 0).next();
    match name {
        b"eXIf" => Some(Kind::Exif),
        b"iTXt" if word() == Some(XMP) => Some(Kind::Xmp),
        _ => None,
    }
}

/// EXIF or XMP of a chunk of its own. None if that is damaged or too long.
fn own_chunk(chunk: Chunk) -> Option<Found> {
    let kind = kind(chunk.name, chunk.data).filter(|_| !chunk.is_damaged())?;
    let data = match kind {
        _ if chunk.data.len() as u64 > MAX_METADATA => return None,
        Kind::Exif => chunk.data.to_vec(),
        Kind::Xmp => xmp_of_text(chunk.data)?,
    };
    Some(Found { kind, data })
}

/// The text of a chunk iTXt: behind the keyword are a flag, a method, and two texts on its
/// language.
fn xmp_of_text(data: &[u8]) -> Option<Vec<u8>> {
    let [flag, _, rest @ ..] = data.get(XMP.len() + 1..)? else {
        return None;
    };
    let text = rest.splitn(3, |&b| b == 0).nth(2)?;
    match flag {
        0 => Some(text.to_vec()),
        _ => inflated(text, MAX_METADATA as usize),
    }
}

/// The bytes of a zlib stream, if there are at most so many.
fn inflated(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, most).ok()
}

/// True if the file has metadata of this kind, readable or not.
pub fn has(bytes: &[u8], wanted: Kind) -> bool {
    let raw = raw_profiles(bytes).any(|raw| raw == Some(wanted));
    raw || chunks(bytes).any(|(name, data)| kind(name, data) == Some(wanted))
}

/// True if the file has a text that is EXIF or XMP, readable or not.
pub fn has_either(bytes: &[u8]) -> bool {
    raw_profiles(bytes).any(|raw| raw.is_none())
}

/// Metadata that texts of hexadecimal digits hold by their keywords.
fn raw_profiles(bytes: &[u8]) -> impl Iterator<Item = Option<Kind>> {
    let texts = chunks(bytes).filter(|(name, _)| matches!(*name, b"tEXt" | b"zTXt"));
    texts.filter_map(|(_, data)| raw_profile(data.split(|&b| b == 0).next()?))
}

/// Metadata in a text of hexadecimal digits, as ImageMagick wrote them before PNG had chunks for
/// them.
fn profiles_in_texts(bytes: &[u8]) -> Vec<Found> {
    let read = |(name, data): (&[u8; 4], &[u8])| {
        let end = data.iter().position(|&b| b == 0)?;
        raw_profile(&data[..end])?;
        let text = match name {
            b"tEXt" => Cow::Borrowed(&data[end + 1..]),
            // After the method, which is 0.
            b"zTXt" => {
                let text = data.get(end + 2..)?;
                // Two digits a byte, and the ends of lines.
                Cow::Owned(inflated(text, 3 * MAX_METADATA as usize)?)
            }
            _ => return None,
        };
        let data = of_digits(&text)?;
        let is_exif = data.starts_with(b"Exif\0\0");
        // APP1 of JPEG, where a name stands before XMP too.
        let start = match is_exif || data.starts_with(b"<") {
            true => 0,
            false => data
                .strip_prefix(&b"http://ns.adobe.com/xap/1.0/\0"[..])
                .map(|_| 29)?,
        };
        let data = data[start..].to_vec();
        let kind = if is_exif { Kind::Exif } else { Kind::Xmp };
        Some(Found { kind, data })
    };
    chunks(bytes).filter_map(read).collect()
}

/// The metadata that a text of hexadecimal digits holds by its keyword: none inside where that says
/// APP1 of JPEG, which may be either.
fn raw_profile(keyword: &[u8]) -> Option<Option<Kind>> {
    let kind = keyword.strip_prefix(b"Raw profile type ")?;
    match &kind.to_ascii_lowercase()[..] {
        b"exif" => Some(Some(Kind::Exif)),
        b"xmp" => Some(Some(Kind::Xmp)),
        b"app1" => Some(None),
        _ => None,
    }
}

/// The bytes of a text: a name, the number of bytes, and two digits for each.
fn of_digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(2, |&b| b == b'\n').skip(1);
    let mut rest = lines.next()?.trim_ascii_start().splitn(2, |&b| b == b'\n');
    let count: usize = std::str::from_utf8(rest.next()?.trim_ascii())
        .ok()?
        .parse()
        .ok()?;
    let digits = rest.next()?.iter().filter(|b| !b.is_ascii_whitespace());
    let digits = digits.map(|&b| char::from(b).to_digit(16));
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let data = digits
        .chunks_exact(2)
        .map(|pair| (16 * pair[0] + pair[1]) as u8);
    (digits.len() == 2 * count).then(|| data.collect())
}

/// The keywords of text that is not passed on.
pub fn texts(bytes: &[u8]) -> Vec<String> {
    let keyword = |(name, data): (&[u8; 4], &[u8])| {
        let is_text = matches!(name, b"tEXt" | b"zTXt" | b"iTXt");
        let word = data.split(|&b| b == 0).next().filter(|_| is_text)?;
        let word = word.iter().take(79).map(|&b| char::from(b));
        Some(word.filter(|c| !c.is_control()).collect::<String>())
    };
    let mut words: Vec<String> = chunks(bytes).filter_map(keyword).collect();
    let kept = |w: &str| w.as_bytes() == XMP || raw_profile(w.as_bytes()).is_some();
    words.retain(|w| !kept(w));
    words.sort();
    words.dedup();
    words
}
