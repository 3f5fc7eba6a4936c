//! Picture files to pictures and their metadata.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use dcodec::container::SIGNATURE;
use dcodec::{BitDepth, Colour, Form, Metadata, Picture};
use image::codecs::tiff::TiffDecoder;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
};

use crate::io::name;
use crate::upright::take_orientation;
use crate::{Error, Result};

const READABLE: &str = "PNG, JPEG, WebP, BMP, TIFF, PNM or GIF";
/// Memory of a decoder besides the pixels, at most: metadata, unpacked, among it.
const SPARE_MEMORY: u64 = 32 << 20;

/// Contents of a picture file.
#[derive(Debug)]
pub struct Loaded {
    pub picture: Picture,
    pub metadata: Metadata,
    /// Losses on the way, for the user.
    pub notes: Vec<String>,
}

/// Decodes a picture file, turned upright as its orientation says; `path` is for messages.
///
/// The metadata then say upright too, and are otherwise kept byte for byte. The dimensions are
/// checked against `max_pixels` before any pixel is decoded.
///
/// # Errors
/// [`Error::Coded`], [`Error::Picture`], [`Error::TooLarge`] and [`Error::Damaged`].
pub fn load_picture(bytes: &[u8], path: &Path, max_pixels: u64) -> Result<Loaded> {
    let shown = name(path);
    let format = readable_format(bytes, &shown)?;
    let (picture, metadata) = decode(bytes, format, &shown, max_pixels)?;
    let (metadata, notes) = checked(metadata, bytes, format);
    Ok(Loaded {
        picture,
        metadata,
        notes,
    })
}

/// The format of a still picture that can be read.
fn readable_format(bytes: &[u8], shown: &str) -> Result<ImageFormat> {
    let format = still_format(bytes, shown)?;
    match frames(bytes, format).filter(|&n| n > 1) {
        Some(frames) => Err(Error::picture(
            shown,
            format!(
                "an animation of {frames} frames, but only still pictures can be coded (save the \
                 frames as pictures)"
            ),
        )),
        None => Ok(format),
    }
}

/// The format that the first bytes name, if it can be read.
pub(crate) fn still_format(bytes: &[u8], shown: &str) -> Result<ImageFormat> {
    if bytes.starts_with(&SIGNATURE) {
        let name = shown.to_owned();
        return Err(Error::Coded { name });
    }
    let refused = |reason: String| Err(Error::picture(shown, reason));
    if bytes.is_empty() {
        return refused("the file holds no bytes".into());
    }
    match image::guess_format(bytes) {
        Ok(ImageFormat::OpenExr | ImageFormat::Hdr) => {
            refused("floating-point pictures cannot be coded (convert it to 16 bits)".into())
        }
        Ok(format) if format.reading_enabled() => Ok(format),
        _ => refused(format!("not a picture that dcodec reads ({READABLE})")),
    }
}

/// The picture, upright, and its metadata.
fn decode(
    bytes: &[u8],
    format: ImageFormat,
    shown: &str,
    max_pixels: u64,
) -> Result<(Picture, Metadata)> {
    let failed = |source: ImageError| Error::Damaged {
        name: shown.to_owned(),
        source,
    };
    let mut limits = Limits::no_limits();
    // Nothing but metadata is unpacked before the pixels.
    limits.max_alloc = Some(SPARE_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::picture(shown, "the picture is empty"));
    }
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(Error::TooLarge {
            name: shown.to_owned(),
            width,
            height,
            limit: max_pixels,
        });
    }
    let samples = decoder.total_bytes().saturating_mul(2);
    limits.max_alloc = Some(samples.saturating_add(SPARE_MEMORY));
    decoder.set_limits(limits).map_err(failed)?;
    let turned = decoder.orientation().ok();
    let mut metadata = match format {
        // With limits it reads no more metadata than there are pixels.
        ImageFormat::Tiff => {
            TiffDecoder::new(Cursor::new(bytes)).map(|mut d| read_metadata(&mut d))
        }
        _ => Ok(read_metadata(&mut decoder)),
    }
    .unwrap_or_default();
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(take_orientation(&mut metadata, turned));
    let picture = Picture::from_image(image).map_err(|e| Error::picture(shown, e.to_string()))?;
    // The decoder of GIF gives all of them alpha.
    let opaque = |p: &Picture| {
        p.alpha()
            .is_some_and(|a| a.iter().all(|v| v == a.depth().max()))
    };
    match format == ImageFormat::Gif && opaque(&picture) {
        true => Ok((picture.without_alpha(), metadata)),
        false => Ok((picture, metadata)),
    }
}

/// The metadata that can be kept, and notes on the losses.
fn checked(mut metadata: Metadata, bytes: &[u8], format: ImageFormat) -> (Metadata, Vec<String>) {
    let mut notes: Vec<String> = Vec::new();
    if format == ImageFormat::Jpeg {
        notes.push(
            "the JPEG is decoded and its pixels are coded: the original file cannot be restored bit by bit".into(),
        );
    }
    if format == ImageFormat::Jpeg && !jpeg_ends(bytes) {
        notes.push("the JPEG is cut off: its lower part may be missing or wrong".into());
    }
    if format == ImageFormat::Tiff && has_more_pages(bytes) == Some(true) {
        notes.push("only the first page of the TIFF is coded: it has more".into());
    }
    if format == ImageFormat::Png && metadata.icc.is_none() && has_profile(bytes) == Some(true) {
        notes.push("the colour profile is damaged or too long: it was left out".into());
    }
    if jpeg_inks(bytes, format) || profile_space(&metadata) == Some(b"CMYK") {
        notes.push(
            "inks (CMYK) were turned into RGB without their profile: colours are approximate"
                .into(),
        );
    }
    if metadata.icc.is_some() && !matches!(profile_space(&metadata), Some(b"RGB " | b"GRAY")) {
        metadata.icc = None;
        notes.push("the colour profile is of neither RGB nor grey: it was left out".into());
    }
    (metadata, notes)
}

/// Form of a picture file, before any pixel is decoded. None if the bytes do not tell.
pub(crate) fn form_of(source: impl BufRead + Seek, format: ImageFormat) -> Option<Form> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(SPARE_MEMORY);
    let mut reader = ImageReader::with_format(source, format);
    reader.limits(limits);
    let decoder = reader.into_decoder().ok()?;
    let ((width, height), kind) = (decoder.dimensions(), decoder.color_type());
    let colour = match kind.has_color() {
        true => Colour::Rgb,
        false => Colour::Grey,
    };
    let depth = match kind.bytes_per_pixel() / kind.channel_count() {
        1 => BitDepth::Eight,
        _ => BitDepth::Sixteen,
    };
    Some(Form {
        width,
        height,
        colour,
        depth,
        alpha: kind.has_alpha(),
    })
}

/// Metadata of a picture. Damaged ones are left out: they are no reason to lose the picture.
fn read_metadata(decoder: &mut impl ImageDecoder) -> Metadata {
    let some = |read: ImageResult<Option<Vec<u8>>>| read.ok().flatten().filter(|b| !b.is_empty());
    Metadata {
        icc: some(decoder.icc_profile()),
        exif: some(decoder.exif_metadata()),
        xmp: some(decoder.xmp_metadata()),
    }
}

/// Number of frames, where the bytes tell.
fn frames(bytes: &[u8], format: ImageFormat) -> Option<u64> {
    match format {
        // The animation control chunk comes before the pixels: APNG specification.
        ImageFormat::Png => {
            let mut rest = bytes.get(8..)?;
            loop {
                let (len, name) = (rest.first_chunk::<4>()?, rest.get(4..8)?);
                match name {
                    b"acTL" => {
                        return rest
                            .get(8..)?
                            .first_chunk()
                            .map(|n| u32::from_be_bytes(*n).into());
                    }
                    b"IDAT" => return Some(1),
                    _ => rest = rest.get((u32::from_be_bytes(*len) as usize).checked_add(12)?..)?,
                }
            }
        }
        ImageFormat::WebP => {
            let decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
            Some(decoder.num_frames().into())
        }
        ImageFormat::Gif => {
            let mut options = gif::DecodeOptions::new();
            options.skip_frame_decoding(true);
            let mut decoder = options.read_info(bytes).ok()?;
            let mut n = 0;
            while let Ok(Some(_)) = decoder.next_frame_info() {
                n += 1;
            }
            Some(n)
        }
        _ => None,
    }
}

/// True if a PNG has a chunk of a colour profile, which comes before its pixels.
fn has_profile(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes.get(8..)?;
    loop {
        match rest.get(4..8)? {
            b"iCCP" => return Some(true),
            b"IDAT" => return Some(false),
            _ => {
                let len = u32::from_be_bytes(*rest.first_chunk()?);
                rest = rest.get((len as usize).checked_add(12)?..)?;
            }
        }
    }
}

/// True if a TIFF has a second directory: the first ends in the offset of the second, or 0 (TIFF
/// 6.0, section 2).
fn has_more_pages(bytes: &[u8]) -> Option<bool> {
    let little = match bytes.first_chunk()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let number = |at: usize, length: usize| {
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let add = |sum: usize, &digit: &u8| (sum << 8) | usize::from(digit);
        Some(match little {
            true => digits.iter().rev().fold(0, add),
            false => digits.iter().fold(0, add),
        })
    };
    // 43 is BigTIFF.
    if number(2, 2)? != 42 {
        return None;
    }
    let first = number(4, 4)?;
    let end = first.checked_add(2 + 12 * number(first, 2)?)?;
    Some(number(end, 4)? != 0)
}

/// Segments of a JPEG up to its first coded samples: marker, offset, and offset of the end.
fn jpeg_segments(bytes: &[u8]) -> impl Iterator<Item = (u8, usize, usize)> {
    let mut at = 2;
    std::iter::from_fn(move || {
        let &[0xff, marker, high, low] = bytes.get(at..)?.first_chunk()? else {
            return None;
        };
        let start = at;
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        Some((marker, start, at))
    })
}

/// True if a JPEG has its end marker, which coded samples cannot hold.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let scan = jpeg_segments(bytes).find(|s| s.0 == 0xda);
    let coded = scan.and_then(|(_, _, end)| bytes.get(end..));
    coded.is_some_and(|coded| coded.windows(2).any(|w| w == [0xff, 0xd9]))
}

/// True for a JPEG of four components.
fn jpeg_inks(bytes: &[u8], format: ImageFormat) -> bool {
    // A frame header, not one of the tables whose markers lie between.
    let is_frame = |marker| matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    let mut segments = jpeg_segments(bytes);
    format == ImageFormat::Jpeg
        && segments
            .find(|s| is_frame(s.0))
            .is_some_and(|(_, start, _)| bytes.get(start + 9) == Some(&4))
}

/// Colour space that the header of the ICC profile names.
fn profile_space(metadata: &Metadata) -> Option<&[u8; 4]> {
    metadata.icc.as_ref()?.get(16..)?.first_chunk()
}
