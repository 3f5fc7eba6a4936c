//! Picture files to pictures and their metadata.

mod bmp;
mod gif;
mod jpeg;
mod notes;
mod pieces;
mod png;
mod pnm;
mod tiff;
mod unpacked;

use std::io::{BufRead, Cursor, ErrorKind, Seek};
use std::path::Path;

use dcodec::container::SIGNATURE;
use dcodec::{BitDepth, Colour, Form, Metadata, Picture};
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
};

use crate::io::name;
use crate::upright::{take_orientation, tell_size};
use crate::{Error, Result, exif};
use pieces::Pieces;
use tiff::Page;

const READABLE: &str = "PNG, JPEG, WebP, BMP, TIFF, PNM or GIF";
/// Memory of a decoder besides the pixels, at most: metadata, unpacked, among it.
const SPARE_MEMORY: u64 = 56 << 20;
/// Lengths at which a cut JPEG is tried, at most.
const MOST_TRIES: usize = 4;

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
/// The metadata then say upright too, hold the resolution, and are otherwise kept byte for byte.
/// The dimensions are checked against `max_pixels` before any pixel is decoded.
///
/// # Errors
/// [`Error::Coded`], [`Error::Picture`], [`Error::TooLarge`] and [`Error::Damaged`].
pub fn load_picture(bytes: &[u8], path: &Path, max_pixels: u64) -> Result<Loaded> {
    let shown = name(path);
    let format = readable_format(bytes, &shown)?;
    let mut notes = Vec::new();
    let mut stored = match format {
        ImageFormat::Tiff => tiff_stored(bytes, &shown, max_pixels)?,
        ImageFormat::Jpeg => jpeg_stored(bytes, &shown, max_pixels, &mut notes)?,
        ImageFormat::Png => png_stored(bytes, &shown, max_pixels, &mut notes)?,
        ImageFormat::Pnm if is_cut_pnm(bytes) => return Err(cut_off(&shown, "PNM")),
        ImageFormat::Gif if gif::falls_short(bytes, max_pixels) => {
            return Err(cut_off(&shown, "GIF"));
        }
        ImageFormat::Bmp if bmp::falls_short(bytes) => return Err(cut_off(&shown, "BMP")),
        ImageFormat::Pnm => decode(pnm::readable(bytes), format, &shown, max_pixels)?,
        _ => decode(Cursor::new(bytes), format, &shown, max_pixels)?,
    };
    if has_no_grey(bytes, format) {
        stored.picture = grey_if_all_is(stored.picture);
    }
    let Stored {
        picture,
        mut metadata,
        turned,
    } = stored;
    let turn = take_orientation(&mut metadata, turned);
    let picture = match turn {
        Orientation::NoTransforms => picture,
        turn => upright(picture, turn, &mut metadata, &shown)?,
    };
    notes.extend(notes::losses(
        &mut metadata,
        picture.colour(),
        bytes,
        format,
    ));
    if let Some(resolution) = resolution(bytes, format) {
        let resolution = match turns_sides(turn) {
            true => exif::Resolution {
                x: resolution.y,
                y: resolution.x,
            },
            false => resolution,
        };
        metadata.exif = Some(exif::with_resolution(metadata.exif, resolution));
    }
    Ok(Loaded {
        picture,
        metadata,
        notes,
    })
}

/// A picture as it is stored, not yet upright.
struct Stored {
    picture: Picture,
    metadata: Metadata,
    /// The turn that the container asks for.
    turned: Option<Orientation>,
}

/// The error of a file that ends before its picture does.
fn cut_off(shown: &str, what: &str) -> Error {
    Error::Damaged {
        name: shown.to_owned(),
        reason: format!("the {what} is cut off"),
    }
}

/// True if a PNM has fewer bytes than its samples take, found before any memory is taken for them.
fn is_cut_pnm(bytes: &[u8]) -> bool {
    // Samples of one bit are not counted.
    let counted = !matches!(bytes.get(1), Some(b'1' | b'4'));
    let form = form_of(pnm::readable(bytes), ImageFormat::Pnm).filter(|_| counted);
    form.is_some_and(|form| {
        let channels = form.colour.channels() as u64 + u64::from(form.alpha);
        let samples = form.pixels().saturating_mul(channels * form.depth.bytes());
        // The last number of a text takes one character less than the others.
        (bytes.len() as u64) < samples.saturating_sub(1)
    })
}

/// The picture turned upright; its EXIF then has the new size.
fn upright(
    picture: Picture,
    turn: Orientation,
    metadata: &mut Metadata,
    shown: &str,
) -> Result<Picture> {
    let mut image = picture.to_image();
    drop(picture);
    image.apply_orientation(turn);
    let picture = Picture::from_image(image).map_err(|e| Error::picture(shown, e.to_string()))?;
    let size = (picture.width(), picture.height());
    tell(metadata, size, turns_sides(turn));
    Ok(picture)
}

/// Tells metadata that their picture is of another size now, as a thumbnail is.
pub fn resized(metadata: &mut Metadata, width: u32, height: u32) {
    tell(metadata, (width, height), false);
}

/// Tells metadata of a new size, and whether rows became columns.
fn tell(metadata: &mut Metadata, (width, height): (u32, u32), became_columns: bool) {
    if let Some(exif) = &mut metadata.exif {
        exif::turned(exif, width, height, became_columns);
    }
    if let Some(xmp) = &mut metadata.xmp {
        tell_size(xmp, width, height);
    }
}

/// True if rows become columns.
fn turns_sides(turn: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(turn, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The resolution that the container tells.
fn resolution(bytes: &[u8], format: ImageFormat) -> Option<exif::Resolution> {
    match format {
        ImageFormat::Png => png::resolution(bytes),
        ImageFormat::Jpeg => jpeg::resolution(bytes),
        ImageFormat::Bmp => bmp::resolution(bytes),
        _ => None,
    }
}

/// True for colours that may be greys only because the format has no grey, or a palette.
fn has_no_grey(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Bmp | ImageFormat::Gif => true,
        ImageFormat::Png => png::has_palette(bytes),
        _ => false,
    }
}

/// The picture as grey, if it has no colours.
fn grey_if_all_is(picture: Picture) -> Picture {
    let grey = |rgb: &[u8]| rgb[0] == rgb[1] && rgb[1] == rgb[2];
    let samples = picture.samples().as_eight();
    let greys: Option<Vec<u8>> = samples
        .filter(|v| picture.colour() == Colour::Rgb && v.chunks_exact(3).all(grey))
        .map(|v| v.iter().step_by(3).copied().collect());
    let made = greys.and_then(|greys| {
        let (width, height) = (picture.width(), picture.height());
        let alpha = picture.alpha().cloned();
        Picture::from_samples(width, height, Colour::Grey, greys.into(), alpha).ok()
    });
    made.unwrap_or(picture)
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
    match guessed_format(bytes) {
        Some(ImageFormat::OpenExr | ImageFormat::Hdr) => {
            refused("floating-point pictures cannot be coded (convert it to 16 bits)".into())
        }
        Some(format) if format.reading_enabled() => Ok(format),
        _ => refused(format!("not a picture that dcodec reads ({READABLE})")),
    }
}

/// The format that the first bytes name.
pub(crate) fn guessed_format(bytes: &[u8]) -> Option<ImageFormat> {
    // BigTIFF.
    if bytes.starts_with(b"II+\0") || bytes.starts_with(b"MM\0+") {
        return Some(ImageFormat::Tiff);
    }
    image::guess_format(bytes).ok()
}

/// Refuses pictures without pixels, and of more than `max_pixels`.
fn check_size(width: u32, height: u32, shown: &str, max_pixels: u64) -> Result<()> {
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
    Ok(())
}

fn tiff_stored(bytes: &[u8], shown: &str, max_pixels: u64) -> Result<Stored> {
    let refused = |reason: String| Error::picture(shown, reason);
    let page = Page::open(bytes).map_err(refused)?;
    check_size(page.width, page.height, shown, max_pixels)?;
    Ok(Stored {
        picture: page.picture().map_err(|reason| Error::Damaged {
            name: shown.to_owned(),
            reason,
        })?,
        metadata: page.metadata(),
        turned: page.orientation(),
    })
}

/// The picture of a PNG, also of one that lacks only its end.
fn png_stored(
    bytes: &[u8],
    shown: &str,
    max_pixels: u64,
    notes: &mut Vec<String>,
) -> Result<Stored> {
    if let Some((width, height)) = png::size(bytes) {
        check_size(width, height, shown, max_pixels)?;
    }
    if let Some(reason) = png::refusal(bytes) {
        return Err(Error::picture(shown, reason));
    }
    let cut = png::cut(bytes);
    if png::falls_short(bytes, cut.as_ref()) {
        return Err(match cut {
            Some(_) => cut_off(shown, "PNG"),
            None => Error::Damaged {
                name: shown.to_owned(),
                reason: "the PNG is damaged: it lacks samples".into(),
            },
        });
    }
    let (bytes, added) = match &cut {
        Some(cut) => (&bytes[..cut.whole], cut.end()),
        None => (bytes, [&b""[..]; 3]),
    };
    if cut.is_some() {
        notes.push("the PNG has no end: its last bytes are missing".into());
    }
    let readable = png::readable(bytes, added);
    let decoded = decode(readable, ImageFormat::Png, shown, max_pixels);
    let mut stored = decoded.map_err(|e| match e {
        Error::Damaged { .. } if cut.is_some() => cut_off(shown, "PNG"),
        e => e,
    })?;
    let Metadata { exif, xmp, .. } = &mut stored.metadata;
    for found in png::further_metadata(bytes) {
        let place = match found.kind {
            png::Kind::Exif => &mut *exif,
            png::Kind::Xmp => &mut *xmp,
        };
        place.get_or_insert(found.data);
    }
    Ok(stored)
}

/// The picture of a JPEG; of a cut one as far as it can be had.
fn jpeg_stored(
    bytes: &[u8],
    shown: &str,
    max_pixels: u64,
    notes: &mut Vec<String>,
) -> Result<Stored> {
    if let Some(reason) = jpeg::refusal(bytes) {
        return Err(Error::picture(shown, reason));
    }
    let end = jpeg::end(bytes);
    if let Some(reason) = jpeg::endless(bytes, &end) {
        return Err(Error::picture(shown, reason));
    }
    let layout = jpeg::layout(bytes, end.scans());
    if layout == jpeg::Layout::Unread {
        let e = "a JPEG of inks (CMYK) in several scans is not read (`jpegtran` makes one of one scan, without loss)";
        return Err(Error::picture(shown, e));
    }
    if layout == jpeg::Layout::Damaged {
        return Err(cut_off(shown, "JPEG"));
    }
    let decoded = |length: usize, end: &[u8]| match layout {
        jpeg::Layout::Rare => rare_jpeg(bytes, length, end, shown, max_pixels),
        _ => {
            let source = Pieces::new([&bytes[..length], end]);
            decode(source, ImageFormat::Jpeg, shown, max_pixels)
        }
    };
    let mut stored = decoded(bytes.len(), b"");
    let is_cut = matches!(end, jpeg::End::Cut(_));
    if let jpeg::End::Cut(lengths) = end {
        for length in lengths.into_iter().take(MOST_TRIES) {
            if !matches!(stored, Err(Error::Damaged { .. })) {
                break;
            }
            stored = decoded(length, b"\xff\xd9");
        }
        notes.extend(stored.is_ok().then(|| {
            "the JPEG is cut off: its lower part or its details may be missing or wrong".into()
        }));
    }
    let mut stored = stored?;
    if !is_cut && jpeg::is_damaged(bytes) {
        notes.push("the JPEG is damaged: parts of its picture may be wrong".into());
    }
    if let Some(exif) = jpeg::exif(bytes) {
        stored.metadata.exif = Some(exif.to_vec());
        // It has the only turn of a JPEG.
        stored.turned = None;
    }
    Ok(stored)
}

/// The picture of a JPEG of a rare layout: the first bytes, and their end.
fn rare_jpeg(
    bytes: &[u8],
    length: usize,
    end: &[u8],
    shown: &str,
    max_pixels: u64,
) -> Result<Stored> {
    let (width, height) = jpeg::size(bytes).unwrap_or((0, 0));
    check_size(width.into(), height.into(), shown, max_pixels)?;
    let wrong = jpeg::unknown_transform(bytes).filter(|wrong| wrong.end <= length);
    let wrong = wrong.unwrap_or(length..length);
    let source = Pieces::new([&bytes[..wrong.start], &bytes[wrong.end..length], end]);
    match jpeg::decode_rare(bytes, source) {
        Ok((picture, metadata)) => Ok(Stored {
            picture,
            metadata,
            turned: None,
        }),
        Err(e) if e.contains("fill whole buffer") => Err(cut_off(shown, "JPEG")),
        Err(e) => Err(Error::Damaged {
            name: shown.to_owned(),
            reason: format!("the JPEG is damaged{}", lower(&e)),
        }),
    }
}

/// The picture and its metadata, by the crate `image`.
fn decode(
    source: impl BufRead + Seek,
    format: ImageFormat,
    shown: &str,
    max_pixels: u64,
) -> Result<Stored> {
    let failed = |e: ImageError| damaged(shown, format, &e);
    let mut limits = Limits::no_limits();
    // Nothing but metadata is unpacked before the pixels.
    limits.max_alloc = Some(SPARE_MEMORY);
    let mut reader = ImageReader::with_format(source, format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, shown, max_pixels)?;
    let samples = decoder.total_bytes().saturating_mul(2);
    limits.max_alloc = Some(samples.saturating_add(SPARE_MEMORY));
    decoder.set_limits(limits).map_err(failed)?;
    let turned = decoder.orientation().ok();
    let metadata = read_metadata(&mut decoder);
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let picture = Picture::from_image(image).map_err(|e| Error::picture(shown, e.to_string()))?;
    // The decoder of GIF gives all of them alpha.
    let opaque = |p: &Picture| {
        p.alpha()
            .is_some_and(|a| a.iter().all(|v| v == a.depth().max()))
    };
    Ok(Stored {
        picture: match format == ImageFormat::Gif && opaque(&picture) {
            true => picture.without_alpha(),
            false => picture,
        },
        metadata,
        turned,
    })
}

/// The error of a decoder in words.
pub(crate) fn damaged(shown: &str, format: ImageFormat, error: &ImageError) -> Error {
    let mut cut = matches!(error, ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof);
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let io = source.downcast_ref::<std::io::Error>();
        cut |= io.is_some_and(|e| e.kind() == ErrorKind::UnexpectedEof);
        text = source.to_string();
        next = source.source();
    }
    let unread = matches!(error, ImageError::Unsupported(_)) || text.contains("compression type");
    if format == ImageFormat::Bmp && unread {
        return Error::picture(shown, "a BMP of this kind is not read (convert it to PNG)");
    }
    let ends = [
        "not enough bytes",
        "exhausted data",
        "not enough data",
        "end of file",
    ];
    let small = text.to_ascii_lowercase();
    cut |= ends.iter().any(|end| small.contains(end));
    let what = match format {
        ImageFormat::WebP => "WebP".to_owned(),
        format => format!("{format:?}").to_uppercase(),
    };
    let reason = match cut {
        true => format!("the {what} is cut off"),
        false if text.contains("CRC error") => {
            format!("the {what} is damaged: the check of a chunk is wrong")
        }
        false => format!("the {what} is damaged{}", lower(&text)),
    };
    Error::Damaged {
        name: shown.to_owned(),
        reason,
    }
}

/// A message of a library as the end of one of ours, after a colon: lower case, one line, and
/// without values in the form of the language that it is written in. Empty if nothing is left.
fn lower(text: &str) -> String {
    let line = text
        .trim_start_matches('"')
        .lines()
        .next()
        .unwrap_or_default();
    let line = line.split(['"', '{', '[', '(', '`']).next();
    let line = line.unwrap_or_default();
    // A second sentence names a variant.
    let line = line.split(". ").next().unwrap_or_default();
    let line = line.trim_end_matches(|c: char| !c.is_alphanumeric());
    // A type, which stands before its values.
    let is_type =
        |word: &str| word.chars().any(|c| c.is_ascii_lowercase()) && word.contains("Type");
    if line.is_empty() || is_type(line) {
        return String::new();
    }
    let mut chars = line.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    // Not of an abbreviation.
    match chars.clone().next().is_some_and(|c| c.is_ascii_uppercase()) {
        true => format!(": {line}"),
        false => {
            first
                .into_iter()
                .fold(": ".to_owned(), |s, c| format!("{s}{c}"))
                + chars.as_str()
        }
    }
}

/// Form of a picture that is whole. None if the bytes do not tell.
pub(crate) fn picture_form(bytes: &[u8]) -> Option<Form> {
    match guessed_format(bytes)? {
        ImageFormat::Tiff => Page::open(bytes).ok().map(|page| page.form()),
        ImageFormat::Jpeg => {
            let usual = form_of(Cursor::new(bytes), ImageFormat::Jpeg);
            usual.or_else(|| jpeg::form(bytes))
        }
        ImageFormat::Pnm => form_of(pnm::readable(bytes), ImageFormat::Pnm),
        format => form_of(Cursor::new(bytes), format),
    }
}

/// Form of a picture file other than TIFF, before any pixel is decoded. None if the bytes do not
/// tell.
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
        ImageFormat::Png => Some(png::frames(bytes)),
        ImageFormat::WebP => {
            let decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
            Some(decoder.num_frames().into())
        }
        ImageFormat::Gif => gif::frames(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
