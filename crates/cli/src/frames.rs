//! The pictures on the way: numbered files of a folder, or the frames of an animation.

mod webp;

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dcodec::{Colour, Coverage, Exact, Metadata, Picture};
use dcodec_eval::io as files;
use dcodec_eval::save::{self, Format};

use crate::error::{Error, Result};

/// Begins the names of frames in a folder.
const FRAME: &str = "layer-";

/// Milliseconds of a frame, and those that the last one stays longer.
const DELAY: u16 = 120;
const HOLD: u16 = 2500;

/// Speed of the search for a GIF frame's 256 colours, 1 (best) to 30.
const GIF_SPEED: i32 = 10;

/// An animated format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnimationFormat {
    Gif,
    Apng,
    WebP,
}

impl AnimationFormat {
    /// The animation asked for, if any: `.gif` and `.apng` always move, `.png` and `.webp` with
    /// `--animate`. `name` is the output's format or extension.
    pub fn of(name: &str, animate: bool) -> Result<Option<Self>> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "gif" => Some(AnimationFormat::Gif),
            "apng" => Some(AnimationFormat::Apng),
            "png" if animate => Some(AnimationFormat::Apng),
            "webp" if animate => Some(AnimationFormat::WebP),
            other if animate => {
                return Err(Error::Usage(format!(
                    "cannot animate {other}: use png, webp or gif"
                )));
            }
            _ => None,
        })
    }
}

/// A folder that gets one file a layer.
pub struct FrameFolder {
    path: PathBuf,
    format: Format,
    extension: String,
    background: Option<[u8; 3]>,
    force: bool,
    frames: u32,
}

impl FrameFolder {
    /// Makes the folder if there is none. Files that are there already are kept unless `force`.
    pub fn new(
        path: &Path,
        extension: &str,
        background: Option<[u8; 3]>,
        force: bool,
    ) -> Result<Self> {
        let format = Format::from_name(extension)?;
        if path.exists() && !path.is_dir() {
            return Err(Error::Usage(format!(
                "{}: the frames need a folder, and this is none",
                files::output_name(path)
            )));
        }
        fs::create_dir_all(path).map_err(|e| Error::io(path, e))?;
        let extension = extension.to_ascii_lowercase();
        // Any of these may be wanted. One that never is shows that the folder can be written to.
        let first = path.join(format!("{FRAME}000.{extension}"));
        let there = fs::read_dir(path).map_err(|e| Error::io(path, e))?;
        let there = there.filter_map(|entry| Some(entry.ok()?.path()));
        for frame in there
            .filter(|path| is_frame(path, &extension))
            .chain([first])
        {
            files::check_destination(&frame, force)?;
        }
        Ok(FrameFolder {
            path: path.into(),
            format,
            extension,
            background,
            force,
            frames: 0,
        })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Number of files written.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Writes a picture. Its name tells the whole layers, and a part of the next one or exact rows.
    pub fn write(&mut self, picture: &Picture, metadata: &Metadata, used: &Coverage) -> Result<()> {
        let part = match used.exact {
            Exact::All | Exact::Rows(_) => "-exact",
            _ if used.partial > 0.0 => "-part",
            _ => "",
        };
        let name = format!("{FRAME}{:03}{part}.{}", used.layers, self.extension);
        let picture = save::blended(picture, self.format, self.background);
        let (bytes, _) = save::encode_picture(&picture, metadata, self.format)?;
        self.frames += 1;
        let path = self.path.join(name);
        Ok(files::write_atomic(&path, self.force, |w| {
            w.write_all(&bytes)
        })?)
    }
}

/// True for the names that frames get.
fn is_frame(path: &Path, extension: &str) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let number = name
        .strip_prefix(FRAME)
        .and_then(|name| name.strip_suffix(extension));
    number.is_some_and(|rest| rest.ends_with('.') && rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// An animation under construction.
pub struct Animation {
    output: PathBuf,
    force: bool,
    last: Option<Picture>,
    frames: u32,
    encoder: AnimationEncoder,
}

enum AnimationEncoder {
    /// Made by the first frame, which sets the size.
    Gif(Option<gif::Encoder<Sink>>),
    /// The spool, and its writer once the first frame has come.
    Apng(File, Option<png::Writer<BufWriter<File>>>),
    /// Made by the first frame.
    WebP(Option<webp::Writer>),
}

/// Destination of the bytes of an animation while it grows.
enum Sink {
    Standard(io::Stdout),
    Spool(BufWriter<File>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Standard(out) => files::finish(out.write_all(bytes)).map(|()| bytes.len()),
            Sink::Spool(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Standard(out) => files::finish(out.flush()),
            Sink::Spool(out) => out.flush(),
        }
    }
}

impl Animation {
    /// An animation that is written to `output` when it ends. Only a GIF for standard output leaves
    /// frame by frame.
    pub fn new(format: AnimationFormat, output: &Path, force: bool) -> Result<Self> {
        let encoder = match format {
            AnimationFormat::Gif => AnimationEncoder::Gif(None),
            AnimationFormat::Apng => AnimationEncoder::Apng(spool()?, None),
            AnimationFormat::WebP => AnimationEncoder::WebP(None),
        };
        Ok(Animation {
            output: output.into(),
            force,
            last: None,
            frames: 0,
            encoder,
        })
    }

    /// Refuses a picture that no animation of the format can hold.
    pub fn check(&self, width: u32, height: u32) -> Result<()> {
        let (name, most) = match self.encoder {
            AnimationEncoder::Gif(_) => ("GIF", 65535),
            AnimationEncoder::Apng(..) => return Ok(()),
            AnimationEncoder::WebP(_) => ("WebP", webp::MAX_SIDE),
        };
        let longest = width.max(height);
        match longest > most {
            true => Err(Error::Failed(format!(
                "{longest} pixels a side: {name} ends at {most} (use png)"
            ))),
            false => Ok(()),
        }
    }

    pub fn is_gif(&self) -> bool {
        matches!(self.encoder, AnimationEncoder::Gif(_))
    }

    /// Appends a frame, of 8 bits.
    pub fn frame(&mut self, picture: &Picture) -> Result<()> {
        let picture = picture.clone().into_eight();
        self.put(&picture, DELAY)?;
        self.last = Some(picture);
        Ok(())
    }

    /// Holds the last frame for a while and ends the file; returns the number of frames.
    pub fn finish(mut self) -> Result<u32> {
        let frames = self.frames;
        if let Some(last) = self.last.take() {
            // A frame of one pixel, which changes nothing, keeps it in view.
            let pixel = Picture::from_image(last.to_image().crop_imm(0, 0, 1, 1))?;
            self.put(&pixel, HOLD)?;
        }
        let mut spool = match self.encoder {
            AnimationEncoder::Gif(None) | AnimationEncoder::WebP(None) => return Ok(0),
            AnimationEncoder::Gif(Some(gif)) => match gif.into_inner().map_err(gif_failed)? {
                Sink::Standard(mut out) => {
                    return files::finish(out.flush()).map(|()| frames).map_err(failed);
                }
                Sink::Spool(spool) => spool.into_inner().map_err(|e| failed(e.into_error()))?,
            },
            AnimationEncoder::Apng(mut spool, writer) => {
                if let Some(writer) = writer {
                    writer.finish().map_err(|e| failed(e.into()))?;
                }
                count_frames(&mut spool, self.frames).map_err(failed)?;
                spool
            }
            AnimationEncoder::WebP(Some(webp)) => webp.finish()?,
        };
        spool.seek(SeekFrom::Start(0)).map_err(failed)?;
        files::write_atomic(&self.output, self.force, |w| {
            io::copy(&mut spool, w).map(|_| ())
        })?;
        Ok(frames)
    }

    fn put(&mut self, picture: &Picture, delay: u16) -> Result<()> {
        match &mut self.encoder {
            AnimationEncoder::Gif(gif) => {
                let frame = gif_frame(picture, delay)?;
                let gif = match gif {
                    Some(gif) => gif,
                    none => {
                        let sink = match self.output == Path::new("-") {
                            true => Sink::Standard(io::stdout()),
                            false => Sink::Spool(BufWriter::new(spool()?)),
                        };
                        let new = gif::Encoder::new(sink, frame.width, frame.height, &[]);
                        let mut gif = new.map_err(gif_failed)?;
                        gif.set_repeat(gif::Repeat::Infinite).map_err(gif_failed)?;
                        none.insert(gif)
                    }
                };
                gif.write_frame(&frame).map_err(gif_failed)?;
                gif.get_mut().flush().map_err(failed)?;
            }
            AnimationEncoder::Apng(spool, writer) => {
                let writer = match writer {
                    Some(writer) => writer,
                    none => none.insert(apng(spool, picture).map_err(failed)?),
                };
                let put = |w: &mut png::Writer<_>| {
                    w.set_frame_delay(delay, 1000)?;
                    w.set_frame_dimension(picture.width(), picture.height())?;
                    w.write_image_data(picture.to_image().as_bytes())
                };
                put(writer).map_err(|e| failed(e.into()))?;
            }
            AnimationEncoder::WebP(writer) => {
                let writer = match writer {
                    Some(writer) => writer,
                    none => none.insert(webp::Writer::new(spool()?, picture)?),
                };
                writer.frame(picture, delay)?;
            }
        }
        self.frames += 1;
        Ok(())
    }
}

/// A picture with 256 colours of its own; transparent where alpha is 0.
fn gif_frame(picture: &Picture, delay: u16) -> Result<gif::Frame<'static>> {
    let side = |n: u32| {
        u16::try_from(n).map_err(|_| {
            Error::Failed(format!(
                "{n} pixels a side: GIF ends at {} (use png)",
                u16::MAX
            ))
        })
    };
    let (w, h) = (side(picture.width())?, side(picture.height())?);
    let image = picture.to_image();
    let mut frame = match picture.alpha() {
        None => gif::Frame::from_rgb_speed(w, h, &image.into_rgb8(), GIF_SPEED),
        Some(_) => gif::Frame::from_rgba_speed(w, h, &mut image.into_rgba8(), GIF_SPEED),
    };
    frame.delay = delay / 10;
    frame.dispose = gif::DisposalMethod::Keep;
    Ok(frame)
}

/// A writer of frames like `picture`. Their number is written when the last has come.
fn apng(spool: &File, picture: &Picture) -> io::Result<png::Writer<BufWriter<File>>> {
    let out = BufWriter::new(spool.try_clone()?);
    let mut encoder = png::Encoder::new(out, picture.width(), picture.height());
    encoder.set_color(match (picture.colour(), picture.alpha()) {
        (Colour::Grey, None) => png::ColorType::Grayscale,
        (Colour::Grey, _) => png::ColorType::GrayscaleAlpha,
        (Colour::Rgb, None) => png::ColorType::Rgb,
        (Colour::Rgb, _) => png::ColorType::Rgba,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(u32::MAX, 0)?;
    Ok(encoder.write_header()?)
}

/// Writes the number of frames into the chunk `acTL` of an animated PNG.
fn count_frames(file: &mut File, frames: u32) -> io::Result<()> {
    // Signature, then chunks: length, name, contents, CRC-32 of name and contents.
    let mut at = 8;
    loop {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let [a, b, c, d, name @ ..] = head;
        if &name == b"acTL" {
            break;
        }
        at += 12 + u64::from(u32::from_be_bytes([a, b, c, d]));
    }
    let mut chunk = *b"acTL\0\0\0\0\0\0\0\0";
    chunk[4..8].copy_from_slice(&frames.to_be_bytes());
    file.seek(SeekFrom::Start(at + 4))?;
    file.write_all(&chunk)?;
    file.write_all(&crc32fast::hash(&chunk).to_be_bytes())
}

fn spool() -> Result<File> {
    tempfile::tempfile().map_err(|e| Error::io(std::env::temp_dir(), e))
}

fn gif_failed(e: gif::EncodingError) -> Error {
    match e {
        gif::EncodingError::Io(e) => failed(e),
        e => failed(io::Error::other(e)),
    }
}

fn failed(e: io::Error) -> Error {
    Error::io("animation", e)
}
