//! Reading and writing of files, standard streams and the usual picture formats.

use std::fs;
use std::io::{self, BufWriter, Cursor, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use dcodec::container::SIGNATURE;
use dcodec::{Colour, Error, Notice, Picture, Result};
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::codecs::webp::WebPDecoder;
use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};

const READABLE: &str = "PNG, JPEG, WebP, BMP, TIFF, PNM or GIF";
const WRITABLE: &str = "png, jpg, webp, bmp, tiff, pnm, ppm or pgm";
const JPEG_QUALITY: u8 = 95;
/// What a decoder may use besides the pixels.
const SPARE_MEMORY: u64 = 64 << 20;

/// All the bytes of a file, or of standard input for `-`.
pub fn read_input(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("standard input", e))?;
        return Ok(bytes);
    }
    fs::read(path).map_err(|e| Error::io(path, e))
}

/// The bytes of a file as they are read, or of standard input for `-`, and how many there are if that is known.
pub fn open_input(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |e| Error::io(path, e);
    let file = fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let size = found.is_file().then_some(found.len());
    Ok((Box::new(file), size))
}

/// Decodes a picture file, turned upright as its EXIF orientation says; `name` is for messages.
///
/// The dimensions are checked against `max_pixels` before any pixel is decoded.
pub fn load_picture(bytes: &[u8], name: &Path, max_pixels: u64) -> Result<(Picture, Vec<Notice>)> {
    let shown = super::name(name);
    if bytes.starts_with(&SIGNATURE) {
        return Err(Error::Unsupported(format!(
            "{shown}: this is a .dfc file already (use `dcodec decode` to get the picture)"
        )));
    }
    let unreadable = || {
        Error::Unsupported(format!(
            "{shown}: not a picture that dcodec reads ({READABLE})"
        ))
    };
    let format = image::guess_format(bytes).map_err(|_| unreadable())?;
    if !format.reading_enabled() {
        return Err(unreadable());
    }
    let failed = |e: ImageError| match e {
        ImageError::Limits(e) => Error::Limits(format!("{shown}: {e}")),
        ImageError::IoError(e) => Error::io(name, e),
        e => Error::io(name, io::Error::new(ErrorKind::InvalidData, e)),
    };

    let mut limits = Limits::no_limits();
    // The largest pixel is four 32-bit floats.
    limits.max_alloc = Some(max_pixels.saturating_mul(16).saturating_add(SPARE_MEMORY));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::Unsupported(format!("{shown}: the picture is empty")));
    }
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(Error::Limits(format!(
            "{shown}: {width}x{height} pixels are over the limit of {max_pixels}"
        )));
    }
    let orientation = decoder.orientation().map_err(failed)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(orientation);
    let (picture, mut notices) = Picture::from_image(&image);
    if is_animated(bytes, format) {
        notices.push(Notice::FirstFrame);
    }
    Ok((picture, notices))
}

/// Columns, rows, colour and whether there is alpha, before any pixel is decoded; none if that cannot be told.
pub fn picture_form(bytes: &[u8]) -> Option<(u32, u32, Colour, bool)> {
    let format = image::guess_format(bytes).ok()?;
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let decoder = reader.into_decoder().ok()?;
    let ((width, height), kind) = (decoder.dimensions(), decoder.color_type());
    let colour = match kind.has_color() {
        true => Colour::Rgb,
        false => Colour::Grey,
    };
    Some((width, height, colour, kind.has_alpha()))
}

/// Whether the file holds more than one frame; `false` when that cannot be told.
fn is_animated(bytes: &[u8], format: ImageFormat) -> bool {
    let bytes = Cursor::new(bytes);
    match format {
        ImageFormat::Png => PngDecoder::new(bytes).is_ok_and(|d| d.is_apng().unwrap_or(false)),
        ImageFormat::WebP => WebPDecoder::new(bytes).is_ok_and(|d| d.has_animation()),
        ImageFormat::Gif => {
            GifDecoder::new(bytes).is_ok_and(|d| d.into_frames().take(2).count() == 2)
        }
        _ => false,
    }
}

/// A format that pictures are written in.
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
    /// The format of a name or a file extension, in any case.
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
                return Err(Error::Parameter(format!(
                    "cannot write the format `{name}` (use {WRITABLE})"
                )));
            }
        })
    }

    /// The format of a path's extension.
    pub fn from_path(path: &Path) -> Result<Self> {
        match path.extension() {
            Some(extension) => Format::from_name(&extension.to_string_lossy())
                .map_err(|e| Error::Parameter(format!("{}: {e}", path.display()))),
            None => Err(Error::Parameter(format!(
                "{}: no extension tells the picture's format (use {WRITABLE})",
                path.display()
            ))),
        }
    }

    fn holds_alpha(self) -> bool {
        matches!(
            self,
            Format::Png | Format::WebP | Format::Bmp | Format::Tiff
        )
    }
}

/// The format asked for, or that of the output's name; PNG on standard output.
pub fn picture_format(output: &Path, asked: Option<&str>) -> Result<Format> {
    match asked {
        Some(name) => Format::from_name(name),
        None if output == Path::new("-") => Ok(Format::Png),
        None => Format::from_path(output),
    }
}

/// Finds out before long work whether [`write_atomic`] would refuse.
pub fn check_destination(path: &Path, force: bool) -> Result<()> {
    if path == Path::new("-") {
        return match io::stdout().is_terminal() {
            true => Err(terminal()),
            false => Ok(()),
        };
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::io(
            path,
            io::Error::new(ErrorKind::IsADirectory, "is a directory"),
        )),
        Ok(found) if found.is_file() && !force => Err(exists(path)),
        Ok(_) => Ok(()),
        Err(_) => match path.parent() {
            Some(parent) if parent != Path::new("") && !parent.is_dir() => Err(Error::io(
                parent,
                io::Error::new(ErrorKind::NotFound, "no such directory"),
            )),
            _ => Ok(()),
        },
    }
}

/// The picture as the bytes of a file.
pub fn encode_picture(picture: &Picture, format: Format) -> Result<(Vec<u8>, Vec<Notice>)> {
    let mut notices = Vec::new();
    let mut image = picture.to_image();
    let grey = picture.colour() == Colour::Grey;
    if format == Format::Pgm && !grey {
        return Err(Error::Parameter(
            "pgm holds grey pictures only (use ppm for colour)".into(),
        ));
    }
    if picture.alpha().is_some() && !format.holds_alpha() {
        notices.push(Notice::AlphaDropped);
        image = picture.clone().without_alpha().to_image();
    }
    if format == Format::Ppm {
        image = image.into_rgb8().into();
    } else if grey && image.color().has_alpha() && matches!(format, Format::Bmp | Format::Tiff) {
        // Neither has grey with alpha.
        image = image.into_rgba8().into();
    }
    let mut out = Cursor::new(Vec::new());
    match format {
        Format::Png => image.write_with_encoder(PngEncoder::new_with_quality(
            &mut out,
            CompressionType::Default,
            FilterType::Adaptive,
        )),
        Format::Jpeg => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY))
        }
        // The encoder of `image` is lossless.
        Format::WebP => image.write_to(&mut out, ImageFormat::WebP),
        Format::Bmp => image.write_to(&mut out, ImageFormat::Bmp),
        Format::Tiff => image.write_to(&mut out, ImageFormat::Tiff),
        Format::Pnm | Format::Ppm | Format::Pgm => {
            let encoding = SampleEncoding::Binary;
            let subtype = match image.color().has_color() {
                true => PnmSubtype::Pixmap(encoding),
                false => PnmSubtype::Graymap(encoding),
            };
            image.write_with_encoder(PnmEncoder::new(&mut out).with_subtype(subtype))
        }
    }
    .map_err(|e| Error::Parameter(format!("cannot write the picture as {format:?}: {e}")))?;
    Ok((out.into_inner(), notices))
}

/// Writes a file whole or not at all; `-` is standard output.
///
/// The bytes go to a temporary file in the target's directory, which then takes the target's name. An existing file is
/// replaced only with `force`; devices and pipes are written directly.
pub fn write_atomic(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if path == Path::new("-") {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        return write_stream(&mut stdout.lock(), is_terminal, write);
    }
    let failed = |e| Error::io(path, e);
    let existing = match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(failed(io::Error::new(
                ErrorKind::IsADirectory,
                "is a directory",
            )));
        }
        Ok(found) if !found.is_file() => {
            let mut device = fs::OpenOptions::new()
                .write(true)
                .open(path)
                .map_err(failed)?;
            return finish(write(&mut device)).map_err(failed);
        }
        Ok(found) => Some(found),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(failed(e)),
    };
    if existing.is_some() && !force {
        return Err(exists(path));
    }
    // A link keeps pointing where it did: the file behind it is replaced.
    let target = match existing {
        Some(_) => fs::canonicalize(path).map_err(failed)?,
        None => path.to_path_buf(),
    };
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if !directory.is_dir() {
        let missing = io::Error::new(ErrorKind::NotFound, "no such directory");
        return Err(Error::io(directory, missing));
    }

    let mut builder = tempfile::Builder::new();
    builder.prefix(".dcodec-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets; the default is for secrets.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(&directory).map_err(failed)?;
    if let Some(existing) = existing {
        fs::set_permissions(temporary.path(), existing.permissions()).map_err(failed)?;
    }
    let mut buffered = BufWriter::new(temporary);
    write(&mut buffered).map_err(failed)?;
    let temporary = buffered.into_inner().map_err(|e| failed(e.into_error()))?;
    if force {
        temporary.persist(&target).map_err(|e| failed(e.error))?;
    } else {
        // Somebody may have made the file in the meantime.
        temporary
            .persist_noclobber(&target)
            .map_err(|e| match e.error.kind() {
                ErrorKind::AlreadyExists => exists(path),
                _ => failed(e.error),
            })?;
    }
    Ok(())
}

fn exists(path: &Path) -> Error {
    Error::Parameter(format!(
        "{}: exists already (use -f to overwrite)",
        path.display()
    ))
}

fn terminal() -> Error {
    Error::Parameter(
        "standard output is a terminal: binary data is not written there (name a file with -o, or use a pipe)".into(),
    )
}

/// Writes binary data to a stream that must not be a terminal.
fn write_stream(
    out: &mut dyn Write,
    is_terminal: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if is_terminal {
        return Err(terminal());
    }
    finish(write(out).and_then(|()| out.flush())).map_err(|e| Error::io("standard output", e))
}

/// A reader that has seen enough is no failure of ours.
pub fn finish(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| match e.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e),
    })
}

#[cfg(test)]
mod tests;
