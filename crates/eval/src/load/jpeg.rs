//! The segments of JPEG files: what they say about the picture, what decoders do not read, and
//! where a cut file can end.

mod entropy;
mod rare;

pub use entropy::is_damaged;
pub use rare::{Layout, decode as decode_rare, form, layout, unknown_transform};

use crate::exif::Resolution;

const ADOBE_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// A segment: marker, and the bytes after its length.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub marker: u8,
    /// Offset of the first byte after it.
    pub end: usize,
    pub data: &'a [u8],
}

/// Segments from `at` on, up to the first that is not whole and to the first coded samples.
fn segments_from(bytes: &[u8], mut at: usize) -> impl Iterator<Item = Segment<'_>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        // Any number of 0xff may stand before a marker, and decoders pass over other bytes too.
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
        at += bytes.get(at..)?.windows(2).position(is_marker)?;
        let (marker, first) = (bytes[at + 1], at + 2);
        // The ends of a picture have no length.
        if matches!(marker, 0xd8 | 0xd9) {
            return None;
        }
        let length = bytes
            .get(first..)?
            .first_chunk()
            .map(|l| u16::from_be_bytes(*l))?;
        let data = bytes.get(first + 2..first + usize::from(length))?;
        at = first + usize::from(length);
        ended = marker == 0xda;
        Some(Segment {
            marker,
            end: at,
            data,
        })
    })
}

/// Segments before the first coded samples, the header of their scan included.
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    segments_from(bytes, 2)
}

/// A frame header, not one of the tables whose markers lie between.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn frame(bytes: &[u8]) -> Option<Segment<'_>> {
    segments(bytes).find(|s| is_frame(s.marker))
}

/// The first EXIF. The decoder keeps the last.
pub fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut found = segments(bytes).filter(|s| s.marker == 0xe1);
    found.find_map(|s| {
        s.data
            .strip_prefix(b"Exif\0\0")
            .filter(|exif| !exif.is_empty())
    })
}

/// Columns and rows.
pub fn size(bytes: &[u8]) -> Option<(u16, u16)> {
    let data = frame(bytes)?.data;
    let number = |at: usize| Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?));
    Some((number(3)?, number(1)?))
}

/// True for a picture of four components.
pub fn is_cmyk(bytes: &[u8]) -> bool {
    frame(bytes).is_some_and(|f| f.data.get(5) == Some(&4))
}

/// Scans that are read, at most.
const MOST_SCANS: usize = 100;
/// Scans times pixels that are read, at most, where there are more scans than any program writes.
const MOST_SCANNED: u64 = 2_000_000_000;
const USUAL_SCANS: usize = 25;

/// The reason why a JPEG with this end has too many scans, each of which takes the time of all of
/// its pixels.
pub fn endless(bytes: &[u8], end: &End) -> Option<String> {
    let scans = end.scans();
    let (width, height) = size(bytes)?;
    let scanned = scans as u64 * u64::from(width) * u64::from(height);
    let many = scans > MOST_SCANS || scans > USUAL_SCANS && scanned > MOST_SCANNED;
    many.then(|| {
        format!("a JPEG of {scans} scans is not read (`jpegtran` makes one of few, without loss)")
    })
}

/// The reason why a JPEG of this kind is not read.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    if segments(bytes).any(|s| s.marker == 0xf7) {
        return Some("a JPEG-LS is not read (convert it to PNG)".into());
    }
    let frame = frame(bytes)?;
    let kind = match (frame.marker, frame.data.first()) {
        (0xc3, _) => "a lossless JPEG",
        (0xc5..=0xc7, _) => "a hierarchical JPEG",
        (0xc9..=0xcf, _) => {
            let e = "an arithmetic-coded JPEG is not read (`jpegtran` makes a usual one of it, without loss)";
            return Some(e.into());
        }
        (_, Some(&bits)) if bits != 8 => {
            return Some(format!(
                "a JPEG of {bits} bits is not read (convert it to PNG)"
            ));
        }
        _ => return None,
    };
    Some(format!("{kind} is not read (convert it to PNG)"))
}

/// The end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A file with its end marker.
    Whole {
        /// The offset after it.
        end: usize,
        scans: usize,
    },
    /// Lengths to which a cut file can be shortened to end between two scans, or in the samples of
    /// one, the longest first.
    Cut(Vec<usize>),
}

impl End {
    /// Number of scans that have begun.
    pub fn scans(&self) -> usize {
        match self {
            End::Whole { scans, .. } => *scans,
            End::Cut(lengths) => lengths.len(),
        }
    }
}

/// The end of the first picture of a file.
pub fn end(bytes: &[u8]) -> End {
    let (mut at, mut lengths) = (2, Vec::new());
    loop {
        // From here on to the samples of the next scan.
        let mut scan = false;
        for segment in segments_from(bytes, at) {
            at = segment.end;
            scan = segment.marker == 0xda;
        }
        if !scan && !lengths.is_empty() && is_end(bytes, at) {
            let fill = bytes[at..].iter().take_while(|&&b| b == 0xff).count();
            let (end, scans) = (at + fill + 1, lengths.len());
            return End::Whole { end, scans };
        }
        match scan_length(bytes.get(at..).unwrap_or_default()) {
            Some(length) if scan => {
                at += length;
                lengths.push(at);
            }
            _ => {
                lengths.extend(scan.then_some(bytes.len()));
                lengths.reverse();
                return End::Cut(lengths);
            }
        }
    }
}

/// Bytes of coded samples, which hold no marker but those that restart them. None if no other
/// marker follows.
fn scan_length(coded: &[u8]) -> Option<usize> {
    let ends = |w: &[u8]| w[0] == 0xff && !matches!(w[1], 0 | 0xff | 0xd0..=0xd7);
    let length = coded.windows(2).position(ends)?;
    // Fill bytes before the marker are part of it.
    let fill = coded[..length].iter().rev().take_while(|&&b| b == 0xff);
    Some(length - fill.count())
}

/// True if the end marker stands at `at`, after any fill bytes.
fn is_end(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let fill = rest.iter().take_while(|&&b| b == 0xff).count();
    fill > 0 && rest.get(fill) == Some(&0xd9)
}

/// The resolution of the JFIF header.
pub fn resolution(bytes: &[u8]) -> Option<Resolution> {
    let jfif = segments(bytes).find(|s| s.marker == 0xe0 && s.data.starts_with(b"JFIF\0"))?;
    let number = |at: usize| {
        let digits = jfif.data.get(at..)?.first_chunk()?;
        Some(f64::from(u16::from_be_bytes(*digits)))
    };
    let (x, y) = (number(8)?, number(10)?);
    match jfif.data.get(7)? {
        1 => Resolution::known(x, y),
        2 => Resolution::known(2.54 * x, 2.54 * y),
        _ => None,
    }
}

/// Parts of a JPEG that no decoder here reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unread {
    pub gain_map: bool,
    /// More pictures after the first.
    pub pictures: bool,
    pub iptc: bool,
    /// Resources of Photoshop other than IPTC.
    pub photoshop: bool,
    pub comment: bool,
    /// By whom the file was made, sealed (C2PA).
    pub credentials: bool,
    /// Parts of a profile.
    pub profile: bool,
    /// Pixels that are not square.
    pub oblong: bool,
    pub extended_xmp: bool,
    /// Bytes after the picture that are no zeros.
    pub trailing: usize,
}

/// Parts of a file that are not read.
pub fn unread(bytes: &[u8]) -> Unread {
    let mut unread = Unread::default();
    for segment in segments(bytes) {
        let data = segment.data;
        match segment.marker {
            0xe1 if data.starts_with(EXTENDED_XMP) => unread.extended_xmp = true,
            0xe1 if data.starts_with(ADOBE_XMP) => unread.gain_map |= tells_gain_map(data),
            0xe2 if data.starts_with(b"MPF\0") => unread.pictures = true,
            // ISO 21496-1.
            0xe2 if data.starts_with(b"urn:iso:std:iso:ts:21496:-1") => unread.gain_map = true,
            0xe2 if data.starts_with(b"ICC_PROFILE\0") => unread.profile = true,
            0xe0 if data.starts_with(b"JFIF\0") && data.get(7) == Some(&0) => {
                unread.oblong = data.get(8..10) != data.get(10..12);
            }
            0xeb if data.starts_with(b"JP") => unread.credentials = true,
            0xed if has_iptc(data) => unread.iptc = true,
            0xed if data.starts_with(b"Photoshop 3.0\0") => unread.photoshop = true,
            0xfe => unread.comment = true,
            _ => {}
        }
    }
    if let End::Whole { end, .. } = end(bytes) {
        let rest = &bytes[end.min(bytes.len())..];
        unread.gain_map |= unread.pictures && tells_gain_map(rest);
        if rest.iter().any(|&b| b != 0) {
            unread.trailing = rest.len();
        }
    }
    unread
}

/// True if XMP, or a file with such, is about a gain map.
pub fn tells_gain_map(bytes: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [
        b"http://ns.adobe.com/hdr-gain-map/",
        b"urn:iso:std:iso:ts:21496:-1",
        b"HDRGainMap",
    ];
    NAMES
        .iter()
        .any(|name| bytes.windows(name.len()).any(|w| w == *name))
}

/// True if XMP lists what else is in the file: a gain map, or the film of a moving photo.
pub fn tells_more(xmp: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [
        b"http://ns.google.com/photos/1.0/container/",
        b"MotionPhoto",
        b"MicroVideo",
    ];
    let named = |name: &&[u8]| xmp.windows(name.len()).any(|w| w == *name);
    tells_gain_map(xmp) || NAMES.iter().any(named)
}

/// True if Photoshop's resources, each of which begins with its number, have IPTC.
fn has_iptc(data: &[u8]) -> bool {
    data.starts_with(b"Photoshop 3.0\0") && data.windows(6).any(|w| w == b"8BIM\x04\x04")
}

/// A JPEG of these pixels, baseline.
#[cfg(test)]
fn coded(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(pixel(x, y)));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = image.write_to(&mut bytes, image::ImageFormat::Jpeg);
    written.expect("written");
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Vec<u8> {
        coded(40, 24, |x, y| [x as u8 * 6, y as u8, 9])
    }

    #[test]
    fn fill_bytes_are_no_end() {
        let jpeg = jpeg();
        let whole = |end| End::Whole { end, scans: 1 };
        assert_eq!(end(&jpeg), whole(jpeg.len()));
        let tables = jpeg.windows(2).position(|w| w == [0xff, 0xdb]).unwrap();
        let filled = [&jpeg[..tables], &[0xff; 3], &jpeg[tables..]].concat();
        assert_eq!(end(&filled), whole(filled.len()));
        assert_eq!(size(&filled), Some((40, 24)));
        let last = jpeg.len() - 2;
        let filled = [&jpeg[..last], &[0xff; 3], &jpeg[last..]].concat();
        assert_eq!(end(&filled), whole(filled.len()));
        assert_eq!(end(&jpeg[..last]), End::Cut(vec![last]));
        let longer = [&jpeg[..], b"\0appended"].concat();
        assert_eq!(unread(&longer).trailing, 9);
        // What follows may begin with the length of a segment that would fit: as two pictures do.
        let longer = [&jpeg[..], b"\xff\xd8", &[0; 70_000]].concat();
        assert_eq!(end(&longer), whole(jpeg.len()));
        assert_eq!(unread(&longer).trailing, 70_002);
        assert_eq!(unread(&jpeg), Unread::default());
    }

    #[test]
    fn any_bytes_have_an_end() {
        let jpeg = jpeg();
        for i in 0..jpeg.len() {
            let mut damaged = jpeg.clone();
            damaged[i] ^= 0x5a;
            for bytes in [&jpeg[..i], &damaged] {
                end(bytes);
                unread(bytes);
                refusal(bytes);
                resolution(bytes);
            }
        }
    }
}
