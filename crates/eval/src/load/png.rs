//! The chunks of PNG files: the colour space, the resolution, text, and files without an end.

use crate::colour::{CodePoints, Primaries, SRGB, of_gamma};
use crate::exif::Resolution;
use crate::load::pieces::Pieces;
use dcodec::Colour;
use dcodec::container::MAX_METADATA;
use std::borrow::Cow;
use std::ops::Range;

const SIGNATURE: usize = 8;
/// The last chunk.
pub const END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

/// Chunks that are whole: name and data.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut at = SIGNATURE;
    std::iter::from_fn(move || {
        let head = bytes.get(at..)?;
        let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
        let name = head.get(4..)?.first_chunk()?;
        let data = head.get(8..8usize.checked_add(length)?)?;
        // The check.
        head.get(8 + length..12 + length)?;
        at += 12 + length;
        Some((name, data))
    })
}

/// True if the samples, as far as their chunks go, are whole and only the end is missing.
pub fn lacks_end(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut samples) = (SIGNATURE, false);
    for (name, data) in chunks(bytes) {
        if name == b"IEND" {
            return None;
        }
        samples |= name == b"IDAT";
        at += 12 + data.len();
    }
    samples.then_some(at)
}

/// The file without code points that its decoder takes for damage, followed by `end`.
pub fn readable<'a>(bytes: &'a [u8], end: &'a [u8]) -> Pieces<'a> {
    let wrong = wrong_space(bytes).unwrap_or(bytes.len()..bytes.len());
    Pieces::new([&bytes[..wrong.start], &bytes[wrong.end..], end])
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
    let reader = ::png::Decoder::new(readable(bytes, b"")).read_info().ok();
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
    /// The chunks that tell it, where no profile can be made of them.
    Lost(&'static str),
}

/// The colour space of a file by the order of PNG 3: the chunk cICP before a profile, and sRGB,
/// gAMA and cHRM after one.
pub fn space(bytes: &[u8], has_profile: bool, colour: Colour) -> Space {
    if let Some(&[primaries, transfer, matrix, range]) =
        find(bytes, b"cICP").and_then(|data| data.first_chunk())
    {
        let points = CodePoints {
            primaries,
            transfer,
            matrix,
            full_range: range == 1,
        };
        return match points.profile(colour) {
            _ if points.is_srgb() && !has_profile => Space::Usual,
            Some(icc) => Space::Made("cICP", icc),
            None => Space::Lost("cICP"),
        };
    }
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

/// True if the file tells how bright its display was or its picture gets.
pub fn has_light_levels(bytes: &[u8]) -> bool {
    let names: [&[u8; 4]; 4] = [b"mDCV", b"cLLI", b"mDCv", b"cLLi"];
    names.iter().any(|name| find(bytes, name).is_some())
}

/// Metadata in a text of hexadecimal digits, as ImageMagick wrote them before PNG had chunks for
/// them.
pub struct RawProfile {
    /// EXIF, else XMP.
    pub is_exif: bool,
    pub data: Vec<u8>,
}

/// EXIF and XMP in texts.
pub fn raw_profiles(bytes: &[u8]) -> Vec<RawProfile> {
    let read = |(name, data): (&[u8; 4], &[u8])| {
        let end = data.iter().position(|&b| b == 0)?;
        if !is_raw_profile(&data[..end]) {
            return None;
        }
        let text = match name {
            b"tEXt" => Cow::Borrowed(&data[end + 1..]),
            // After the method, which is 0.
            b"zTXt" => {
                let text = data.get(end + 2..)?;
                let most = 2 * MAX_METADATA as usize;
                let text = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(text, most);
                Cow::Owned(text.ok()?)
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
        Some(RawProfile { is_exif, data })
    };
    chunks(bytes).filter_map(read).collect()
}

fn is_raw_profile(keyword: &[u8]) -> bool {
    let kind = keyword.strip_prefix(b"Raw profile type ");
    kind.is_some_and(|kind| {
        ["exif", "xmp", "app1"]
            .iter()
            .any(|k| kind.eq_ignore_ascii_case(k.as_bytes()))
    })
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
    let kept = |w: &str| w == "XML:com.adobe.xmp" || is_raw_profile(w.as_bytes());
    words.retain(|w| !kept(w));
    words.sort();
    words.dedup();
    words
}
