//! `.dfc` files for the `image` crate.

use std::ffi::OsString;
use std::io::Read;
use std::sync::OnceLock;

use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::hooks::{GenericReader, register_decoding_hook, register_format_detection_hook};
use image::{ColorType, ImageDecoder, ImageError, ImageResult};

use crate::container::{Event, Header, Parser, PriorId, SIGNATURE};
use crate::decoder::{DEFAULT_MAX_PIXELS, Decoder};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::prior::{Prior, Shipped};

/// Teaches the `image` crate to read `.dfc` files, whole or cut, known by their signature or their extension; files need a
/// prior that comes with the crate. Returns whether this call did it: the first one of a process does, unless somebody else reads `.dfc`.
///
/// Pictures over 100 megapixels are refused; of the limits of `image` those of width and height hold, that of allocations does not.
///
/// Pictures come as they were coded: 8 or 16 bits, grey or RGB, with or without alpha, with colour profile, EXIF and XMP.
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

/// The prior that files of this identity need, else the default, loaded once.
fn prior(id: PriorId) -> Result<&'static Prior> {
    static PRIORS: [OnceLock<Prior>; 2] = [const { OnceLock::new() }; 2];
    let shipped = Shipped::of(id).map_or(Shipped::S, |(shipped, _)| shipped);
    let cell = &PRIORS[shipped as usize];
    match cell.get() {
        Some(prior) => Ok(prior),
        None => {
            let prior = shipped.prior()?;
            Ok(cell.get_or_init(|| prior))
        }
    }
}

fn image_error(e: Error) -> ImageError {
    match e {
        Error::Limits(_) => {
            ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError))
        }
        e => ImageError::Decoding(DecodingError::new(ImageFormatHint::Name("dfc".into()), e)),
    }
}

/// A file's bytes, and what can be told of it without the network.
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
        (self.header.width, self.header.height)
    }

    fn color_type(&self) -> ColorType {
        let h = &self.header;
        match (h.rgb, h.alpha, h.deep) {
            (false, false, false) => ColorType::L8,
            (false, true, false) => ColorType::La8,
            (true, false, false) => ColorType::Rgb8,
            (true, true, false) => ColorType::Rgba8,
            (false, false, true) => ColorType::L16,
            (false, true, true) => ColorType::La16,
            (true, false, true) => ColorType::Rgb16,
            (true, true, true) => ColorType::Rgba16,
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
        let decoded = prior(self.header.prior).and_then(|p| Decoder::new(p).decode(&self.bytes));
        let image = decoded.map_err(image_error)?.picture.to_image();
        buf.copy_from_slice(image.as_bytes());
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}
