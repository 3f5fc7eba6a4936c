//! Pictures and their metadata to picture files.

use std::borrow::Cow;
use std::fmt;
use std::io::Cursor;
use std::path::Path;

use dcodec::{BitDepth, Colour, Metadata, Picture};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::tiff::TiffEncoder;
use image::{DynamicImage, ImageEncoder, ImageError, ImageFormat};

use crate::io::{self, output_name};
use crate::{Error, Log, Result};

const WRITABLE: &str = "png, jpg, webp, bmp, tiff, pnm, ppm or pgm";
const JPEG_QUALITY: u8 = 95;
/// Bytes of a JPEG segment besides its length, at most.
const SEGMENT: usize = 65533;
const JPEG_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const JPEG_EXIF: &[u8] = b"Exif\0\0";
/// Profiles are cut into as many segments as a byte can count.
const JPEG_ICC: usize = 255 * 65519;

/// Loss by a picture format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Transparency was dropped.
    AlphaDropped,
    /// Samples of 16 bits were rounded to 8.
    Reduced,
    /// A kind of metadata was left out.
    MetadataDropped(&'static str),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::AlphaDropped => {
                f.write_str("the format cannot hold transparency: it was dropped")
            }
            Notice::Reduced => {
                f.write_str("the format holds 8 bits: samples of 16 bits were rounded")
            }
            Notice::MetadataDropped(kind) => {
                write!(f, "the format cannot hold this {kind}: it was left out")
            }
        }
    }
}

/// Format of a picture file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg,
    WebP,
    Bmp,
    Tiff,
    /// PGM or PPM, whichever fits the picture.
    Pnm,
    Ppm,
    Pgm,
}

impl Format {
    /// Format called `name`, a name or a file extension in any case.
    pub fn from_name(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "png" => Format::Png,
            "jpg" | "jpeg" => Format::Jpeg,
            "webp" => Format::WebP,
            "bmp" => Format::Bmp,
            "tif" | "tiff" => Format::Tiff,
            "pnm" => Format::Pnm,
            "ppm" => Format::Ppm,
            "pgm" => Format::Pgm,
            _ => {
                return Err(Error::Setting(format!(
                    "cannot write the format `{name}` (use {WRITABLE})"
                )));
            }
        })
    }

    /// Format that the extension of `path` names.
    pub fn from_path(path: &Path) -> Result<Self> {
        match path.extension() {
            Some(extension) => Format::from_name(&extension.to_string_lossy())
                .map_err(|e| Error::Setting(format!("{}: {e}", path.display()))),
            None => Err(Error::Setting(format!(
                "{}: no extension tells the picture's format (use {WRITABLE})",
                path.display()
            ))),
        }
    }

    /// Refuses a picture that no file of the format can hold.
    ///
    /// # Errors
    /// [`Error::Setting`] for a side that is too long, and for colour in a grey format.
    pub fn check(self, width: u32, height: u32, colour: Colour) -> Result<()> {
        let most = match self {
            Format::Jpeg => 65535,
            Format::WebP => 16384,
            _ => u32::MAX,
        };
        let longest = width.max(height);
        if longest > most {
            return Err(Error::Setting(format!(
                "{self:?} ends at {most} pixels a side, and the picture has {longest} (use png)"
            )));
        }
        match self == Format::Pgm && colour != Colour::Grey {
            true => Err(Error::Setting(
                "pgm holds grey pictures only (use ppm for colour)".into(),
            )),
            false => Ok(()),
        }
    }

    fn holds_alpha(self) -> bool {
        matches!(
            self,
            Format::Png | Format::WebP | Format::Bmp | Format::Tiff
        )
    }

    fn holds_sixteen_bits(self) -> bool {
        !matches!(self, Format::Jpeg | Format::WebP | Format::Bmp)
    }

    /// True for each of ICC profile, EXIF and XMP that fits, given the bytes of each.
    fn holds_metadata(self, icc: usize, exif: usize, xmp: usize) -> [bool; 3] {
        match self {
            Format::Png | Format::WebP => [true; 3],
            Format::Jpeg => [
                icc <= JPEG_ICC,
                exif + JPEG_EXIF.len() <= SEGMENT,
                xmp + JPEG_XMP.len() <= SEGMENT,
            ],
            Format::Tiff => [true, false, false],
            _ => [false; 3],
        }
    }
}

/// Format asked for, else of the output's name, else PNG on standard output.
pub fn picture_format(output: &Path, asked: Option<&str>) -> Result<Format> {
    match asked {
        Some(name) => Format::from_name(name),
        None if io::is_standard_output(output) => Ok(Format::Png),
        None => Format::from_path(output),
    }
}

/// Bytes of the picture's file, and the losses by its format.
pub fn encode_picture(
    picture: &Picture,
    metadata: &Metadata,
    format: Format,
) -> Result<(Vec<u8>, Vec<Notice>)> {
    format.check(picture.width(), picture.height(), picture.colour())?;
    let mut notices = Vec::new();
    let image = fitted(picture, format, &mut notices);
    let metadata = kept(metadata, format, &mut notices);
    let bytes = write(&image, &metadata, format)
        .map_err(|e| Error::Setting(format!("cannot write the picture as {format:?}: {e}")))?;
    Ok((bytes, notices))
}

/// Writes the picture, and says what its format could not keep.
pub fn write_picture(
    path: &Path,
    force: bool,
    picture: &Picture,
    metadata: &Metadata,
    format: Format,
    log: Log,
) -> Result<()> {
    let (bytes, notices) = encode_picture(picture, metadata, format)?;
    for notice in notices {
        log.say(format!("{}: note: {notice}", output_name(path)));
    }
    io::write_atomic(path, force, |w| w.write_all(&bytes))
}

/// The picture as colours and depth that the format has.
fn fitted(picture: &Picture, format: Format, notices: &mut Vec<Notice>) -> DynamicImage {
    let mut shown = Cow::Borrowed(picture);
    if picture.alpha().is_some() && !format.holds_alpha() {
        notices.push(Notice::AlphaDropped);
        shown = Cow::Owned(shown.into_owned().without_alpha());
    }
    if picture.depth() == BitDepth::Sixteen && !format.holds_sixteen_bits() {
        notices.push(Notice::Reduced);
        shown = Cow::Owned(shown.into_owned().into_eight());
    }
    let image = shown.to_image();
    let grey_alpha = !image.color().has_color() && image.color().has_alpha();
    match (format, shown.depth()) {
        (Format::Ppm, BitDepth::Eight) => image.into_rgb8().into(),
        (Format::Ppm, BitDepth::Sixteen) => image.into_rgb16().into(),
        // Neither has grey with alpha.
        (Format::Bmp | Format::Tiff, BitDepth::Eight) if grey_alpha => image.into_rgba8().into(),
        (Format::Bmp | Format::Tiff, BitDepth::Sixteen) if grey_alpha => image.into_rgba16().into(),
        _ => image,
    }
}

/// Metadata that the format can hold.
fn kept(metadata: &Metadata, format: Format, notices: &mut Vec<Notice>) -> Metadata {
    let mut kept = metadata.clone();
    let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let holds = format.holds_metadata(len(&kept.icc), len(&kept.exif), len(&kept.xmp));
    let kinds = ["colour profile", "EXIF", "XMP"];
    let places = [&mut kept.icc, &mut kept.exif, &mut kept.xmp];
    for ((place, kind), holds) in places.into_iter().zip(kinds).zip(holds) {
        if !holds && place.take().is_some() {
            notices.push(Notice::MetadataDropped(kind));
        }
    }
    kept
}

fn write(image: &DynamicImage, metadata: &Metadata, format: Format) -> Result<Vec<u8>, ImageError> {
    let mut out = Cursor::new(Vec::new());
    match format {
        Format::Png => {
            // A thirtieth of the time of the default, for up to twenty per cent more bytes.
            let encoder =
                PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Adaptive);
            image.write_with_encoder(with_metadata(encoder, metadata)?)?;
        }
        Format::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY);
            image.write_with_encoder(with_metadata(encoder, metadata)?)?;
        }
        Format::WebP => write_webp(&mut out, image, metadata)?,
        Format::Bmp => image.write_to(&mut out, ImageFormat::Bmp)?,
        Format::Tiff => {
            image.write_with_encoder(with_metadata(TiffEncoder::new(&mut out), metadata)?)?;
        }
        Format::Pnm | Format::Ppm | Format::Pgm => return Ok(pnm(image)),
    }
    let bytes = out.into_inner();
    Ok(match (&metadata.xmp, format) {
        (Some(xmp), Format::Png) => add_png_xmp(bytes, xmp),
        (Some(xmp), Format::Jpeg) => add_jpeg_xmp(bytes, xmp),
        _ => bytes,
    })
}

/// Binary PGM or PPM; the writer of `image` has no PPM of 16 bits.
fn pnm(image: &DynamicImage) -> Vec<u8> {
    let colour = image.color();
    let kind = if colour.has_color() { 6 } else { 5 };
    let deep = colour.bytes_per_pixel() / colour.channel_count() == 2;
    let maxval = if deep { u16::MAX } else { u8::MAX.into() };
    let head = format!("P{kind}\n{} {}\n{maxval}\n", image.width(), image.height());
    let mut out = head.into_bytes();
    match deep {
        // High byte first.
        true => {
            let wide = image.as_bytes().chunks_exact(2);
            out.extend(wide.flat_map(|v| u16::from_ne_bytes([v[0], v[1]]).to_be_bytes()));
        }
        false => out.extend(image.as_bytes()),
    }
    out
}

/// An encoder of `image` with the metadata that it can write.
fn with_metadata<E: ImageEncoder>(mut encoder: E, metadata: &Metadata) -> Result<E, ImageError> {
    if let Some(icc) = &metadata.icc {
        encoder
            .set_icc_profile(icc.clone())
            .map_err(ImageError::Unsupported)?;
    }
    if let Some(exif) = &metadata.exif {
        encoder
            .set_exif_metadata(exif.clone())
            .map_err(ImageError::Unsupported)?;
    }
    Ok(encoder)
}

/// Lossless, with all metadata.
fn write_webp(
    out: &mut Cursor<Vec<u8>>,
    image: &DynamicImage,
    metadata: &Metadata,
) -> Result<(), ImageError> {
    let colour = match (image.color().has_color(), image.color().has_alpha()) {
        (false, false) => image_webp::ColorType::L8,
        (false, true) => image_webp::ColorType::La8,
        (true, false) => image_webp::ColorType::Rgb8,
        (true, true) => image_webp::ColorType::Rgba8,
    };
    let mut encoder = image_webp::WebPEncoder::new(out);
    encoder.set_icc_profile(metadata.icc.clone().unwrap_or_default());
    encoder.set_exif_metadata(metadata.exif.clone().unwrap_or_default());
    encoder.set_xmp_metadata(metadata.xmp.clone().unwrap_or_default());
    let (width, height) = (image.width(), image.height());
    encoder
        .encode(image.as_bytes(), width, height, colour)
        .map_err(|e| {
            let format = ImageFormat::WebP.into();
            ImageError::Encoding(image::error::EncodingError::new(format, e))
        })
}

/// Adds the chunk that XMP part 3 names for PNG, after the first chunk.
fn add_png_xmp(mut png: Vec<u8>, xmp: &[u8]) -> Vec<u8> {
    const HEAD: usize = 8 + 25;
    // Keyword, neither compressed nor in a language of its own.
    let data = [b"iTXtXML:com.adobe.xmp\0\0\0\0\0", xmp].concat();
    let mut chunk = (data.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend(&data);
    chunk.extend(crc32fast::hash(&data).to_be_bytes());
    png.splice(HEAD..HEAD, chunk);
    png
}

/// Adds the segment that XMP part 3 names for JPEG, after the segments of JFIF and EXIF.
fn add_jpeg_xmp(mut jpeg: Vec<u8>, xmp: &[u8]) -> Vec<u8> {
    let mut at = 2;
    while let Some(&[0xff, 0xe0 | 0xe1, high, low]) = jpeg[at..].first_chunk() {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    let len = (2 + JPEG_XMP.len() + xmp.len()) as u16;
    let segment = [&[0xff, 0xe1], &len.to_be_bytes()[..], JPEG_XMP, xmp].concat();
    jpeg.splice(at..at, segment);
    jpeg
}

#[cfg(test)]
mod tests;
