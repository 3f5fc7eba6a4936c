//! `.dfc` files for the `image` crate.

use std::ffi::OsString;
use std::io::Read;

use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::hooks::{GenericReader, register_decoding_hook, register_format_detection_hook};
use image::{ColorType, ImageDecoder, ImageError, ImageResult};

use crate::codes::{BitDepth, Colour};
use crate::container::metadata::Metadata;
use crate::container::{Event, Header, Parser, SIGNATURE};
use crate::decoder::decoder::decode;
use crate::decoder::settings::DEFAULT_MAX_PIXELS;
use crate::error::{Error, Result};

/// Teaches the `image` crate to read `.dfc` files, whole or cut. They are known by their signature
/// or their extension, and need a prior that comes with the crate.
///
/// Returns true if this call did it. The first one of a process does, unless somebody else reads
/// `.dfc`.
///
/// Pictures over 100 megapixels are refused. Of the limits of `image` those of width and height
/// hold; that of allocations does not.
///
/// Pictures come as they were coded: 8 or 16 bits, grey or RGB, with or without alpha, with colour
/// profile, EXIF and XMP.
///
/// ```
/// # use dcodec::{Colour, Encoder, Picture, Prior, Target};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("ramp.dfc");
/// # let picture = Picture::new(40, 30, Colour::Grey, (0..1200).map(|i| (i / 5) as u8).collect(), None)?;
/// # let file = Encoder::new(&Prior::shipped()?).target(Target::Quality(50.0)).encode(&picture)?;
/// # std::fs::write(&path, file.bytes)?;
/// dcodec::register_image_hooks();
/// let picture = image::open(&path)?;
/// assert_eq!((picture.width(), picture.height()), (40, 30));
/// assert_eq!(picture.color(), image::ColorType::L8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn register_image_hooks() -> bool {
    let extension = || OsString::from("dfc");
    let new = register_decoding_hook(
        extension(),
        Box::new(|reader| Ok(Box::new(DfcDecoder::new(reader)?))),
    );
    if new {
        register_format_detection_hook(extension(), &SIGNATURE, None);
    }
    new
}

/// An error of the `image` crate that tells of this one.
fn image_error(e: Error) -> ImageError {
    match e {
        Error::Limits(_) => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError))
        }
        e => ImageError::Decoding(DecodingError::new(ImageFormatHint::Name("dfc".into()), e)),
    }
}

/// The bytes of a file, with its header and metadata, which need no network.
struct DfcDecoder {
    bytes: Vec<u8>,
    header: Header,
    metadata: Metadata,
}

impl DfcDecoder {
    fn new(mut reader: GenericReader) -> ImageResult<Self> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let (header, metadata) = scan(&bytes).map_err(image_error)?;
        Ok(DfcDecoder {
            bytes,
            header,
            metadata,
        })
    }
}

/// Header and metadata of a file, or of a prefix of one.
fn scan(bytes: &[u8]) -> Result<(Header, Metadata)> {
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let mut metadata = Metadata::default();
    let mut rest = bytes;
    loop {
        let (used, event) = parser.push(rest)?;
        rest = &rest[used..];
        match event {
            Event::Part(name, payload) => metadata.take(name, &payload),
            Event::End | Event::NeedMore => break,
            _ => {}
        }
    }
    match parser.header() {
        Some(header) => Ok((header.clone(), metadata)),
        None => Err(parser.incomplete().into()),
    }
}

impl ImageDecoder for DfcDecoder {
    fn dimensions(&self) -> (u32, u32) {
        (self.header.form.width, self.header.form.height)
    }

    fn color_type(&self) -> ColorType {
        let form = &self.header.form;
        match (form.colour, form.alpha, form.depth) {
            (Colour::Grey, false, BitDepth::Eight) => ColorType::L8,
            (Colour::Grey, true, BitDepth::Eight) => ColorType::La8,
            (Colour::Rgb, false, BitDepth::Eight) => ColorType::Rgb8,
            (Colour::Rgb, true, BitDepth::Eight) => ColorType::Rgba8,
            (Colour::Grey, false, BitDepth::Sixteen) => ColorType::L16,
            (Colour::Grey, true, BitDepth::Sixteen) => ColorType::La16,
            (Colour::Rgb, false, BitDepth::Sixteen) => ColorType::Rgb16,
            (Colour::Rgb, true, BitDepth::Sixteen) => ColorType::Rgba16,
        }
    }

    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.icc.clone())
    }

    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.exif.clone())
    }

    fn xmp_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata.xmp.clone())
    }

    fn read_image(self, buf: &mut [u8]) -> ImageResult<()> {
        let image = decode(&self.bytes).map_err(image_error)?.picture.to_image();
        buf.copy_from_slice(image.as_bytes());
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}
