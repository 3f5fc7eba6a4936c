//! JPEGs of rare layouts, which the decoder of `image` shows wrong or takes for damaged: they are
//! given to another one, jpeg-decoder.

use std::io::Read;

use dcodec::{BitDepth, Colour, Form, Metadata, Picture};
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat};

use super::{Segment, frame, segments, size};

/// Red, green and blue.
const RGB: [u8; 3] = *b"RGB";

/// The header of a frame of colours, and what else tells their space.
struct Frame {
    /// Not progressive.
    sequential: bool,
    /// Components of the first scan.
    scanned: usize,
    /// Identity and sampling of the components.
    components: Vec<(u8, u8)>,
    jfif: bool,
    /// The transform that Adobe's segment names.
    adobe: Option<u8>,
}

fn adobe(segment: &Segment) -> Option<u8> {
    let is_adobe = segment.marker == 0xee && segment.data.starts_with(b"Adobe");
    segment.data.get(11).copied().filter(|_| is_adobe)
}

impl Frame {
    fn of(bytes: &[u8]) -> Option<Self> {
        let frame = frame(bytes)?;
        let scan = segments(bytes).find(|s| s.marker == 0xda)?;
        let count = usize::from(*frame.data.get(5)?);
        let components = frame.data.get(6..6 + 3 * count)?.chunks_exact(3);
        let jfif = |s: Segment| s.marker == 0xe0 && s.data.starts_with(b"JFIF\0");
        Some(Frame {
            sequential: matches!(frame.marker, 0xc0 | 0xc1),
            scanned: scan.data.first().copied()?.into(),
            components: components.map(|c| (c[0], c[1])).collect(),
            jfif: segments(bytes).any(jfif),
            adobe: segments(bytes).find_map(|s| adobe(&s)),
        })
    }

    fn ids_are_rgb(&self) -> bool {
        self.components.iter().map(|c| c.0).eq(RGB)
    }

    /// True if the sampling is one that the usual decoder knows: all but the first component once.
    fn is_usual(&self) -> bool {
        let sides = |sampling: u8| [sampling >> 4, sampling & 15];
        let mut samplings = self.components.iter().map(|c| c.1);
        let first = samplings.next().map(sides).unwrap_or_default();
        let known = |side: &u8| matches!(side, 1 | 2 | 4);
        first.iter().all(known) && samplings.all(|s| s == 0x11)
    }

    /// True if the samples are red, green and blue, by the order in which libjpeg looks.
    fn is_rgb(&self) -> bool {
        match (self.jfif, self.adobe) {
            (true, _) => false,
            (_, Some(transform)) => transform == 0,
            _ => self.ids_are_rgb(),
        }
    }

    /// True if the usual decoder takes the colours for others.
    fn misleads(&self) -> bool {
        let told = self.jfif || self.adobe.is_some();
        let names = self.ids_are_rgb() && told && !self.is_rgb();
        names || self.jfif && self.adobe == Some(0) || self.adobe > Some(2)
    }
}

/// The kind of decoder that a JPEG needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Usual,
    Rare,
    /// Rare, and of inks: no decoder here shows it.
    Unread,
    /// Without a frame or a scan.
    Damaged,
}

/// The layout of a JPEG of so many scans.
pub fn layout(bytes: &[u8], scans: usize) -> Layout {
    let Some(frame) = Frame::of(bytes) else {
        return Layout::Damaged;
    };
    let count = frame.components.len();
    let in_parts = frame.sequential && (scans > 1 || frame.scanned != count);
    match count {
        3 if in_parts || !frame.is_usual() || frame.misleads() => Layout::Rare,
        4 if in_parts => Layout::Unread,
        _ => Layout::Usual,
    }
}

/// Form of the picture, where the usual decoder does not tell.
pub fn form(bytes: &[u8]) -> Option<Form> {
    let ((width, height), frame) = (size(bytes)?, Frame::of(bytes)?);
    Some(Form {
        width: width.into(),
        height: height.into(),
        colour: match frame.components.len() {
            1 => Colour::Grey,
            _ => Colour::Rgb,
        },
        depth: BitDepth::Eight,
        alpha: false,
    })
}

/// The picture and its metadata, or the reason why there is none. `source` has the bytes, or the
/// first of them and an end.
pub fn decode(bytes: &[u8], source: impl Read) -> Result<(Picture, Metadata), String> {
    let rgb = Frame::of(bytes).is_some_and(|frame| frame.is_rgb());
    let mut decoder = Decoder::new(source);
    decoder.set_color_transform(match rgb {
        true => ColorTransform::RGB,
        false => ColorTransform::YCbCr,
    });
    let samples = decoder.decode().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("it has no frame")?;
    let colour = match info.pixel_format {
        PixelFormat::L8 => Colour::Grey,
        PixelFormat::RGB24 => Colour::Rgb,
        _ => return Err("its samples are of another kind than its header says".into()),
    };
    let (width, height) = (info.width.into(), info.height.into());
    let picture = Picture::from_samples(width, height, colour, samples.into(), None);
    let metadata = Metadata {
        icc: decoder.icc_profile(),
        exif: None,
        xmp: decoder.xmp_data().map(<[u8]>::to_vec),
    };
    Ok((picture.map_err(|e| e.to_string())?, metadata))
}

/// The place of Adobe's segment, with its marker and its length, if its transform is none that is
/// known: decoders take it for damage.
pub fn unknown_transform(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let segment = segments(bytes).find(|s| adobe(s) > Some(2))?;
    Some(segment.end - segment.data.len() - 4..segment.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::jpeg::coded;
    use crate::load::load_picture;
    use std::path::Path;

    // The same 60 x 40 pixels of samples/coffee.png by cjpeg.
    const USUAL: &[u8] = include_bytes!("progressive.jpg");
    /// -sample 2x2, and `jpegtran -scans` to two scans of a sequential file.
    const SCANS: &[u8] = include_bytes!("scans.jpg");
    /// -sample 1x1,2x2,1x1: more samples of Cb than of Y.
    const CHROMA: &[u8] = include_bytes!("chroma.jpg");
    /// -sample 3x1.
    const THREES: &[u8] = include_bytes!("threes.jpg");

    fn load(bytes: &[u8]) -> Picture {
        load_picture(bytes, Path::new("in"), 1 << 20)
            .unwrap()
            .picture
    }

    /// PSNR in dB of pictures of 8 bits.
    fn psnr(a: &Picture, b: &Picture) -> f64 {
        let [a, b] = [a, b].map(|p| p.samples().as_eight().unwrap().to_vec());
        assert_eq!(a.len(), b.len());
        let squares = a
            .iter()
            .zip(&b)
            .map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2));
        10.0 * (255.0 * 255.0 * a.len() as f64 / squares.sum::<f64>().max(1e-9)).log10()
    }

    #[test]
    fn rare_layouts_are_shown_right() {
        assert_eq!(layout(USUAL, 10), Layout::Usual);
        let usual = load(USUAL);
        for (jpeg, scans, least) in [(SCANS, 2, 28.0), (CHROMA, 1, 22.0), (THREES, 1, 27.0)] {
            assert_eq!(layout(jpeg, scans), Layout::Rare);
            let db = psnr(&load(jpeg), &usual);
            assert!(db > least, "{db} dB");
            assert_eq!(form(jpeg).unwrap().width, 60);
        }
    }

    #[test]
    fn rare_files_that_are_cut_or_damaged_break_nothing() {
        for jpeg in [SCANS, CHROMA, THREES] {
            for i in 0..jpeg.len() {
                let mut damaged = jpeg.to_vec();
                damaged[i] ^= 0x5a;
                for bytes in [&jpeg[..i], &damaged] {
                    let _ = load_picture(bytes, Path::new("in"), 1 << 20);
                }
            }
        }
    }

    #[test]
    fn the_space_of_colours_is_found_as_libjpeg_finds_it() {
        let jpeg = coded(40, 24, |x, y| [x as u8 * 6, y as u8, 200]);
        let usual = load(&jpeg);
        // Components called R, G and B.
        let mut named = jpeg.clone();
        let frame = named.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
        let scan = named.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
        for (c, id) in RGB.into_iter().enumerate() {
            named[frame + 10 + 3 * c] = id;
            named[scan + 5 + 2 * c] = id;
        }
        let jfif = jpeg.windows(2).position(|w| w == [0xff, 0xe0]).unwrap();
        let end = jfif + 4 + usize::from(jpeg[jfif + 3]) - 2;
        let with = |jpeg: &[u8], keeps_jfif: bool, adobe: Option<u8>| {
            let adobe = adobe.map(|transform| {
                [&b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"[..], &[transform]].concat()
            });
            let first = if keeps_jfif { end } else { jfif };
            [&jpeg[..first], &adobe.unwrap_or_default(), &jpeg[end..]].concat()
        };
        for same in [
            with(&named, true, None),
            with(&named, true, Some(0)),
            with(&named, false, Some(1)),
            with(&jpeg, true, Some(0)),
            with(&jpeg, false, Some(9)),
            with(&jpeg, false, None),
        ] {
            assert!(psnr(&load(&same), &usual) > 35.0);
        }
        for other in [
            with(&named, false, None),
            with(&named, false, Some(0)),
            with(&jpeg, false, Some(0)),
        ] {
            assert!(psnr(&load(&other), &usual) < 20.0);
        }
    }
}
