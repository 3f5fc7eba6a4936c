//! Animated WebP, lossless: still frames in the container of the WebP Container Specification.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use dcodec::{Metadata, Picture};
use dcodec_eval::save::{self, Format};

use crate::error::{Error, Result};

/// Longest side of a lossless frame: 14 bits.
pub const MAX_SIDE: u32 = 1 << 14;
/// Bytes of a still file before its one chunk: `RIFF`, its size, `WEBP`.
const RIFF: usize = 12;
/// Flags of the chunk `VP8X`.
const ANIMATION: u8 = 1 << 1;
const ALPHA: u8 = 1 << 4;
/// Flag of a frame: it replaces the pixels below, is not blended with them, and stays.
const REPLACE: u8 = 1 << 1;

/// A writer of frames. The first sets the size; none is kept in memory.
pub struct Writer {
    out: BufWriter<File>,
    /// Bytes after the file's first eight; the last four of the eight hold this number.
    len: u64,
}

impl Writer {
    /// Writes the head of an animation of frames like `first`, which repeats without end.
    ///
    /// # Errors
    /// [`Error::Failed`] for a side of more than 16384 pixels; errors of the file.
    pub fn new(file: File, first: &Picture) -> Result<Self> {
        let (width, height) = (first.width(), first.height());
        let longest = width.max(height);
        if longest > MAX_SIDE {
            return Err(Error::Failed(format!(
                "{longest} pixels a side: WebP ends at {MAX_SIDE} (use png)"
            )));
        }
        let flags = match first.alpha() {
            Some(_) => ANIMATION | ALPHA,
            None => ANIMATION,
        };
        let mut head = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
        head.extend([flags, 0, 0, 0]);
        head.extend(three(width - 1));
        head.extend(three(height - 1));
        // A background that is invisible, and no end of the repeats.
        head.extend(b"ANIM\x06\0\0\0\0\0\0\0\0\0");
        let mut writer = Writer {
            out: BufWriter::new(file),
            len: head.len() as u64 - 8,
        };
        writer.out.write_all(&head).map_err(super::failed)?;
        Ok(writer)
    }

    /// Appends a picture of 8 bits at the upper left, for `delay` milliseconds.
    ///
    /// # Errors
    /// [`Error::Failed`] where the file would be longer than its format can say, and errors of the
    /// file.
    pub fn frame(&mut self, picture: &Picture, delay: u16) -> Result<()> {
        let (still, _) = save::encode_picture(picture, &Metadata::default(), Format::WebP)?;
        // A whole chunk, of an even length.
        let image = still.get(RIFF..).unwrap_or_default();
        let mut head = b"ANMF".to_vec();
        head.extend((16 + image.len() as u32).to_le_bytes());
        head.extend([0; 6]);
        head.extend(three(picture.width() - 1));
        head.extend(three(picture.height() - 1));
        head.extend(three(delay.into()));
        head.push(REPLACE);
        self.len += (head.len() + image.len()) as u64;
        // "The maximum value of this field is 2^32 minus 10 bytes".
        if self.len > u64::from(u32::MAX) - 9 {
            return Err(Error::Failed(
                "an animated WebP ends at 4 GiB (use png, or --progress-dir)".into(),
            ));
        }
        let written = self.out.write_all(&head);
        written
            .and_then(|()| self.out.write_all(image))
            .map_err(super::failed)
    }

    /// Writes the length of the whole; returns the file, at any place.
    pub fn finish(self) -> Result<File> {
        let mut file = self
            .out
            .into_inner()
            .map_err(|e| super::failed(e.into_error()))?;
        patch(&mut file, self.len as u32).map_err(super::failed)?;
        Ok(file)
    }
}

fn patch(file: &mut File, len: u32) -> io::Result<()> {
    file.seek(SeekFrom::Start(4))?;
    file.write_all(&len.to_le_bytes())
}

/// The low three bytes of a number, the lowest first.
fn three(n: u32) -> [u8; 3] {
    let [a, b, c, _] = n.to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use dcodec::Colour;
    use image::AnimationDecoder;
    use image::codecs::webp::WebPDecoder;

    use super::*;

    /// Frames of random samples, alpha among them if wanted.
    fn pictures(width: u32, height: u32, colour: Colour, alpha: bool) -> Vec<Picture> {
        let mut state = 1u32;
        let mut bytes = |n: u32| -> Vec<u8> {
            let mut next = || {
                state = state.wrapping_mul(0x9e37_79b1).wrapping_add(0x85eb_ca6b);
                (state >> 24) as u8
            };
            (0..n).map(|_| next()).collect()
        };
        let frame = |_| {
            let samples = bytes(width * height * colour.channels() as u32);
            let alpha = alpha.then(|| bytes(width * height));
            Picture::new(width, height, colour, samples, alpha).unwrap()
        };
        (0..3).map(frame).collect()
    }

    fn written(pictures: &[Picture]) -> Vec<u8> {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), &pictures[0]).unwrap();
        for picture in pictures {
            writer.frame(picture, 70).unwrap();
        }
        let mut file = writer.finish().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_form_survives() {
        for colour in [Colour::Grey, Colour::Rgb] {
            for alpha in [false, true] {
                for (width, height) in [(1, 1), (5, 3), (300, 2)] {
                    let pictures = pictures(width, height, colour, alpha);
                    let bytes = written(&pictures);
                    let len = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
                    assert_eq!(len as usize, bytes.len() - 8);
                    let frames = WebPDecoder::new(Cursor::new(bytes)).unwrap().into_frames();
                    let frames = frames.collect_frames().unwrap();
                    assert_eq!(frames.len(), pictures.len());
                    for (frame, picture) in frames.iter().zip(&pictures) {
                        assert_eq!(frame.delay().numer_denom_ms(), (70, 1));
                        assert!(frame.buffer() == &picture.to_image().into_rgba8());
                    }
                }
            }
        }
    }

    #[test]
    fn wide_pictures_are_refused() {
        let wide = Picture::new(16385, 1, Colour::Grey, vec![0; 16385], None).unwrap();
        let refused = Writer::new(tempfile::tempfile().unwrap(), &wide);
        assert!(matches!(refused, Err(Error::Failed(e)) if e.contains("16384")));
    }
}
