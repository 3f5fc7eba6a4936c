//! Picture files to bytes, within limits: a file is recognised before it is read, and is read no
//! further than its picture can reach.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use dcodec::{BitDepth, Colour, Form};
use image::{
    DynamicImage, ImageError, ImageFormat, ImageReader, ImageResult, Limits as DecoderLimits,
};
use tempfile::SpooledTempFile;
use tiff::ColorType;

use crate::io::{is_standard_input, name, open_file};
use crate::load::{self, damaged, form_of, still_format};
use crate::{Error, Result};

/// More than the signature of every format takes.
const SIGNATURE_BYTES: u64 = 64;
/// Bytes in which the size of a picture stands, other than of TIFF, where it may stand last.
const HEAD_BYTES: u64 = 16 << 20;
/// Bytes of the directory of a TIFF that are read for its form. The crate takes eight times their
/// memory, and more strips than these name are no usual file.
const DIRECTORY_BYTES: u64 = 2 << 20;
/// Bytes of a file besides its samples: metadata, palettes, tables.
const ASIDE_BYTES: u64 = 32 << 20;
/// Longer files of samples as they are get tried before they are read.
const LONG_BYTES: u64 = 64 << 20;
/// Bytes of a stream that are kept in memory. More go to a temporary file.
const STREAM_BYTES: usize = 16 << 20;

/// Limits of the pictures that are read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Pixels of a picture.
    pub max_pixels: u64,
    /// Bytes of memory that a file may take.
    pub max_memory: u64,
}

impl Limits {
    /// Limits of this number of pixels, and none of memory.
    pub fn pixels(max_pixels: u64) -> Self {
        Limits {
            max_pixels,
            max_memory: u64::MAX,
        }
    }

    /// Bytes of a file of unknown size, at most.
    fn file_bytes(&self) -> u64 {
        // The largest pixel is four 32-bit floats.
        let most = self.max_pixels.saturating_mul(16);
        most.saturating_add(ASIDE_BYTES).min(self.max_memory)
    }
}

/// All bytes of a picture file that its picture needs, or of standard input for `-`.
///
/// `check` gets the form of the picture, where the file tells it, before the rest of the file is
/// read, and may refuse it.
///
/// # Errors
/// [`Error::Coded`] and [`Error::Picture`] for what is no picture, [`Error::TooLarge`] and
/// [`Error::TooLong`] for what is over a limit; errors of `check` and of the system.
pub fn read_picture<E: From<Error>>(
    path: &Path,
    limits: &Limits,
    check: impl FnOnce(Form) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut file = PictureFile::open(path)?;
    let format = file.format()?;
    let Some(form) = file.form(format, limits)? else {
        // As much as shows what is wrong with it.
        return Ok(file.read(HEAD_BYTES)?);
    };
    if form.pixels() > limits.max_pixels {
        return Err(E::from(Error::TooLarge {
            name: name(path),
            width: form.width,
            height: form.height,
            limit: limits.max_pixels,
        }));
    }
    check(form)?;
    let most = file.reach_of_picture(form, format, limits)?;
    Ok(file.read(most)?)
}

/// Form of the picture in a file, where the file tells it.
pub fn picture_form(path: &Path, limits: &Limits) -> Option<Form> {
    // A stream can be read once only.
    let mut file = PictureFile::open(path.is_file().then_some(path)?).ok()?;
    let format = file.format().ok()?;
    file.form(format, limits).ok()?
}

/// A picture file that can be read more than once.
struct PictureFile {
    name: String,
    bytes: Bytes,
}

enum Bytes {
    /// A file and its length.
    File(File, u64),
    /// A stream, the bytes that have come, and their number.
    Stream(Box<dyn Read>, SpooledTempFile, u64),
}

impl PictureFile {
    fn open(path: &Path) -> Result<Self> {
        let stream = |source| Bytes::Stream(source, SpooledTempFile::new(STREAM_BYTES), 0);
        let bytes = match is_standard_input(path) {
            true => stream(Box::new(io::stdin().lock())),
            false => match open_file(path)? {
                (file, Some(size)) => Bytes::File(file, size),
                (file, None) => stream(Box::new(file)),
            },
        };
        Ok(PictureFile {
            name: name(path),
            bytes,
        })
    }

    /// The bytes that are there, of which `left` are read at most.
    fn head(&mut self, left: u64) -> Result<BufReader<Frugal<'_>>> {
        let source = self.start()?.into_inner();
        Ok(BufReader::new(Frugal { source, left }))
    }

    fn failed(&self, e: io::Error) -> Error {
        Error::io(&self.name, e)
    }

    /// Number of bytes that are there, once `most` of a stream have come.
    fn reach(&mut self, most: u64) -> Result<u64> {
        let filled = match &mut self.bytes {
            Bytes::File(_, size) => Ok(*size),
            Bytes::Stream(source, spool, filled) => {
                let missing = most.saturating_sub(*filled);
                let end = spool.seek(SeekFrom::End(0));
                let more = end.and_then(|_| io::copy(&mut source.take(missing), spool));
                more.map(|n| {
                    *filled += n;
                    *filled
                })
            }
        };
        filled.map_err(|e| self.failed(e))
    }

    /// The bytes that are there, from the first one.
    fn start(&mut self) -> Result<BufReader<&mut dyn Source>> {
        let source: &mut dyn Source = match &mut self.bytes {
            Bytes::File(file, _) => file,
            Bytes::Stream(_, spool, _) => spool,
        };
        match source.rewind() {
            Ok(()) => Ok(BufReader::new(source)),
            Err(e) => Err(Error::io(&self.name, e)),
        }
    }

    /// The first bytes, at most `most`.
    fn read(&mut self, most: u64) -> Result<Vec<u8>> {
        let there = self.reach(most)?;
        let mut bytes = Vec::new();
        let length = usize::try_from(there.min(most)).unwrap_or(usize::MAX);
        let read = match bytes.try_reserve_exact(length) {
            Ok(()) => self.start()?.take(most).read_to_end(&mut bytes),
            Err(_) => Err(io::ErrorKind::OutOfMemory.into()),
        };
        read.map_err(|e| self.failed(e))?;
        Ok(bytes)
    }

    fn format(&mut self) -> Result<ImageFormat> {
        let head = self.read(SIGNATURE_BYTES)?;
        still_format(&head, &self.name)
    }

    /// Form of the picture; none if the file does not tell.
    fn form(&mut self, format: ImageFormat, limits: &Limits) -> Result<Option<Form>> {
        match format {
            ImageFormat::Tiff => {
                let head = self.read(SIGNATURE_BYTES)?;
                let most = limits.file_bytes();
                // What the directory points to stands near it, or before it.
                let directory = directory_of_tiff(&head).saturating_add(HEAD_BYTES);
                self.reach(directory.min(most))?;
                let form = tiff_form(self.head(DIRECTORY_BYTES)?);
                // The crate does not know the meaning of all samples.
                match form {
                    None => Ok(load::picture_form(&self.read(ASIDE_BYTES)?)),
                    form => Ok(form),
                }
            }
            // Its decoder takes all that is there.
            ImageFormat::Jpeg => {
                let head = self.read(HEAD_BYTES)?;
                Ok(load::picture_form(&head))
            }
            ImageFormat::Pnm => Ok(load::picture_form(&self.read(HEAD_BYTES)?)),
            // Its decoder reads on to the pixels, which all metadata may come before.
            ImageFormat::Png => {
                self.reach(ASIDE_BYTES)?;
                Ok(form_of(self.head(ASIDE_BYTES)?, format))
            }
            _ => {
                self.reach(HEAD_BYTES)?;
                Ok(form_of(self.head(HEAD_BYTES)?, format))
            }
        }
    }

    fn too_long(&self, limit: u64) -> Error {
        Error::TooLong {
            name: self.name.clone(),
            limit,
        }
    }

    /// Number of the bytes in which the picture is. Pages, films and whatever else may follow.
    fn reach_of_picture(
        &mut self,
        form: Form,
        format: ImageFormat,
        limits: &Limits,
    ) -> Result<u64> {
        let samples = form.colour_bytes() + form.alpha_bytes();
        // A PNM of numbers in text (P1 to P3) has up to three digits a byte, and spaces.
        let is_text = matches!(&self.read(2)?[..], [b'P', b'1'..=b'3']);
        let each = if is_text { 8 } else { 2 };
        let usual = samples.saturating_mul(each).saturating_add(ASIDE_BYTES);
        let mut there = self.reach(usual.saturating_add(1))?;
        let mut most = usual;
        // The picture of a TIFF may stand anywhere. One that is this long is tried before it is
        // read.
        if format == ImageFormat::Tiff && there > usual {
            let longest = limits.file_bytes();
            let mut tried = tried(self.start()?, format, samples);
            if tried.is_err() && matches!(self.bytes, Bytes::Stream(..)) {
                there = self.reach(longest)?;
                tried = self::tried(self.start()?, format, samples);
            }
            match tried {
                // Others can.
                Ok(()) | Err(ImageError::Unsupported(_)) => {}
                Err(e) => return Err(damaged(&self.name, format, &e)),
            }
            if there > longest {
                return Err(self.too_long(longest));
            }
            most = there;
        }
        // Numbers in text are soon wrong, and so is a length of rows.
        let plain = matches!(format, ImageFormat::Pnm | ImageFormat::Bmp);
        if plain && there.min(usual) > LONG_BYTES {
            match tried(self.start()?, format, samples) {
                Ok(()) | Err(ImageError::Unsupported(_)) => {}
                Err(e) => return Err(damaged(&self.name, format, &e)),
            }
        }
        match there.min(most) > limits.max_memory {
            true => Err(self.too_long(limits.max_memory)),
            false => Ok(most),
        }
    }
}

/// A source of bytes that can be read again.
trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A source that ends once so many bytes have been read, wherever they are.
struct Frugal<'a> {
    source: &'a mut dyn Source,
    left: u64,
}

impl Read for Frugal<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.take(self.left).read(bytes)?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl Seek for Frugal<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// Decodes a picture, and forgets it.
fn tried(source: impl BufRead + Seek, format: ImageFormat, samples: u64) -> ImageResult<()> {
    let mut limits = DecoderLimits::no_limits();
    limits.max_alloc = Some(samples.saturating_mul(2).saturating_add(ASIDE_BYTES));
    let mut reader = ImageReader::with_format(source, format);
    reader.limits(limits);
    DynamicImage::from_decoder(reader.into_decoder()?).map(drop)
}

/// Offset of the first directory of a TIFF (TIFF 6.0, section 2).
fn directory_of_tiff(head: &[u8]) -> u64 {
    let (at, length) = match head.get(2..4) {
        // 43 is BigTIFF.
        Some([43, 0] | [0, 43]) => (8, 8),
        _ => (4, 4),
    };
    let digits = head.get(at..at + length).unwrap_or_default();
    let add = |sum: u64, &digit: &u8| (sum << 8) | u64::from(digit);
    match head.starts_with(b"II") {
        true => digits.iter().rev().fold(0, add),
        false => digits.iter().fold(0, add),
    }
}

/// Form of the first picture of a TIFF, of whatever kind.
fn tiff_form(source: impl BufRead + Seek) -> Option<Form> {
    let mut decoder = tiff::decoder::Decoder::new(source).ok()?;
    let (width, height) = decoder.dimensions().ok()?;
    let (colour, alpha, bits) = match decoder.colortype().ok()? {
        ColorType::Gray(bits) => (Colour::Grey, false, bits),
        ColorType::GrayA(bits) => (Colour::Grey, true, bits),
        ColorType::RGBA(bits) | ColorType::CMYKA(bits) => (Colour::Rgb, true, bits),
        ColorType::Multiband {
            bit_depth,
            num_samples,
        } => (Colour::Rgb, num_samples > 3, bit_depth),
        ColorType::RGB(bits) | ColorType::CMYK(bits) | ColorType::YCbCr(bits) => {
            (Colour::Rgb, false, bits)
        }
        _ => (Colour::Rgb, false, 16),
    };
    let depth = match bits <= 8 {
        true => BitDepth::Eight,
        false => BitDepth::Sixteen,
    };
    (width > 0 && height > 0).then_some(Form {
        width,
        height,
        colour,
        depth,
        alpha,
    })
}

#[cfg(test)]
mod tests;
