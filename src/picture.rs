//! Pictures of 8-bit samples, and the way between them, the `image` crate and [`Planes`].

use std::fmt;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

use crate::planes::mirror;
use crate::{Error, Planes, Result};

/// Smallest side of the planes; smaller pictures are extended by reflection.
const MIN_SIDE: usize = 16;
/// Value of mid grey, subtracted from the samples to centre them.
const CENTRE: f32 = 127.5;

/// The colour samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One grey sample.
    Grey,
    /// Red, green and blue.
    Rgb,
}

impl Colour {
    /// Samples of one pixel.
    pub fn channels(self) -> usize {
        match self {
            Colour::Grey => 1,
            Colour::Rgb => 3,
        }
    }
}

/// Something that a conversion could not keep and the user may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Samples of 16 bits were reduced to 8.
    Reduced16,
    /// Floating-point samples were reduced to 8 bits, values outside 0..=1 clamped.
    ReducedFloat,
    /// The file is an animation, of which only the first frame was read.
    FirstFrame,
    /// The target format cannot hold transparency, which was dropped.
    AlphaDropped,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Notice::Reduced16 => "16-bit samples were reduced to 8 bits",
            Notice::ReducedFloat => "floating-point samples were reduced to 8 bits",
            Notice::FirstFrame => "the file is animated: only its first frame was read",
            Notice::AlphaDropped => "the format cannot hold transparency: it was dropped",
        })
    }
}

/// A picture of 8-bit samples, grey or RGB, with or without alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    colour: Colour,
    samples: Vec<u8>,
    alpha: Option<Vec<u8>>,
}

impl Picture {
    /// A picture of `width * height` pixels, row by row: `samples` holds one (grey) or three interleaved (RGB) values a
    /// pixel, `alpha` one.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a side is zero or a length is wrong.
    pub fn new(
        width: u32,
        height: u32,
        colour: Colour,
        samples: Vec<u8>,
        alpha: Option<Vec<u8>>,
    ) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::Parameter(format!(
                "a picture of {width}x{height} pixels has no pixels"
            )));
        }
        let pixels = u64::from(width) * u64::from(height);
        // At most 3 (2^32 - 1)^2, which needs the wider integer.
        let wanted = u128::from(pixels) * colour.channels() as u128;
        if samples.len() as u128 != wanted {
            return Err(Error::Parameter(format!(
                "{} samples where {width}x{height} pixels need {wanted}",
                samples.len()
            )));
        }
        if let Some(alpha) = &alpha
            && alpha.len() as u64 != pixels
        {
            return Err(Error::Parameter(format!(
                "{} alpha values where {width}x{height} pixels need {pixels}",
                alpha.len()
            )));
        }
        Ok(Picture {
            width,
            height,
            colour,
            samples,
            alpha,
        })
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Grey or RGB.
    pub fn colour(&self) -> Colour {
        self.colour
    }

    /// The colour samples, row by row, interleaved.
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    /// The alpha values, row by row, if the picture has any.
    pub fn alpha(&self) -> Option<&[u8]> {
        self.alpha.as_deref()
    }

    /// The picture without its alpha.
    pub fn without_alpha(mut self) -> Self {
        self.alpha = None;
        self
    }

    /// Takes an `image` picture over: grey stays grey, deeper samples are rounded to 8 bits (with a notice), and alpha that
    /// is opaque everywhere is dropped.
    ///
    /// # Panics
    /// When the picture has no pixels, which no decoder of `image` returns.
    pub fn from_image(image: &DynamicImage) -> (Picture, Vec<Notice>) {
        let (width, height) = (image.width(), image.height());
        assert!(width > 0 && height > 0, "a picture needs a pixel");
        // Interleaved 8-bit samples, and what became of them.
        let (bytes, notice) = match image {
            DynamicImage::ImageLuma8(i) => (i.as_raw().clone(), None),
            DynamicImage::ImageLumaA8(i) => (i.as_raw().clone(), None),
            DynamicImage::ImageRgb8(i) => (i.as_raw().clone(), None),
            DynamicImage::ImageRgba8(i) => (i.as_raw().clone(), None),
            DynamicImage::ImageLuma16(i) => (reduce_16(i.as_raw()), Some(Notice::Reduced16)),
            DynamicImage::ImageLumaA16(i) => (reduce_16(i.as_raw()), Some(Notice::Reduced16)),
            DynamicImage::ImageRgb16(i) => (reduce_16(i.as_raw()), Some(Notice::Reduced16)),
            DynamicImage::ImageRgba16(i) => (reduce_16(i.as_raw()), Some(Notice::Reduced16)),
            DynamicImage::ImageRgb32F(i) => (reduce_f32(i.as_raw()), Some(Notice::ReducedFloat)),
            DynamicImage::ImageRgba32F(i) => (reduce_f32(i.as_raw()), Some(Notice::ReducedFloat)),
            // The enum may grow; `image` itself knows how to reduce what we do not.
            other => (other.to_rgba8().into_raw(), None),
        };
        let pixels = width as usize * height as usize;
        let (colour, alpha) = match bytes.len() / pixels {
            1 => (Colour::Grey, false),
            2 => (Colour::Grey, true),
            3 => (Colour::Rgb, false),
            _ => (Colour::Rgb, true),
        };
        let (samples, alpha) = if alpha {
            split_alpha(&bytes, colour.channels())
        } else {
            (bytes, None)
        };
        let picture = Picture {
            width,
            height,
            colour,
            samples,
            alpha,
        };
        (picture, notice.into_iter().collect())
    }

    /// The picture as an `image` picture of 8-bit samples, with alpha if it has any.
    pub fn to_image(&self) -> DynamicImage {
        let bytes = match &self.alpha {
            None => self.samples.clone(),
            Some(alpha) => self
                .samples
                .chunks_exact(self.colour.channels())
                .zip(alpha)
                .flat_map(|(pixel, a)| pixel.iter().chain([a]).copied())
                .collect(),
        };
        let (w, h) = (self.width, self.height);
        let image = match (self.colour, self.alpha.is_some()) {
            (Colour::Grey, false) => GrayImage::from_raw(w, h, bytes).map(Into::into),
            (Colour::Grey, true) => GrayAlphaImage::from_raw(w, h, bytes).map(Into::into),
            (Colour::Rgb, false) => RgbImage::from_raw(w, h, bytes).map(Into::into),
            (Colour::Rgb, true) => RgbaImage::from_raw(w, h, bytes).map(Into::into),
        };
        image.expect("the constructors keep the lengths right")
    }

    /// The centred planes of the picture: sample minus 127.5, grey copied to all three planes.
    ///
    /// A side shorter than 16 is extended to 16 by mirror reflection about its last and first samples, which are not
    /// repeated (`a b c b a b c ..`); a side of one repeats its sample.
    pub fn to_planes(&self) -> Planes {
        let (w, h) = (self.width as usize, self.height as usize);
        let mut planes = Planes::zeros(w.max(MIN_SIDE), h.max(MIN_SIDE));
        let channels = self.colour.channels();
        let n = planes.width * planes.height;
        for c in 0..3 {
            let channel = if channels == 1 { 0 } else { c };
            let plane = &mut planes.data[c * n..(c + 1) * n];
            for (y, row) in plane.chunks_exact_mut(w.max(MIN_SIDE)).enumerate() {
                let start = mirror(y, h) * w;
                for (x, value) in row.iter_mut().enumerate() {
                    let sample = self.samples[(start + mirror(x, w)) * channels + channel];
                    *value = f32::from(sample) - CENTRE;
                }
            }
        }
        planes
    }

    /// The picture in the top left `width * height` of centred planes: value plus 127.5, rounded half up, clamped; grey is
    /// the mean of the three planes.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the planes are smaller than the picture, a side is zero, or the alpha's length is wrong.
    pub fn from_planes(
        planes: &Planes,
        width: u32,
        height: u32,
        colour: Colour,
        alpha: Option<Vec<u8>>,
    ) -> Result<Self> {
        let (w, h) = (width as usize, height as usize);
        if planes.width < w || planes.height < h {
            return Err(Error::Parameter(format!(
                "planes of {}x{} cannot hold a picture of {width}x{height}",
                planes.width, planes.height
            )));
        }
        let [red, green, blue] = [0, 1, 2].map(|c| planes.plane(c));
        let mut samples = Vec::with_capacity(w * h * colour.channels());
        for y in 0..h {
            for i in y * planes.width..y * planes.width + w {
                match colour {
                    Colour::Grey => samples.push(to_sample((red[i] + green[i] + blue[i]) / 3.0)),
                    Colour::Rgb => samples.extend([red[i], green[i], blue[i]].map(to_sample)),
                }
            }
        }
        Picture::new(width, height, colour, samples, alpha)
    }
}

/// A centred value as a sample: half rounds up, anything outside is clamped by the cast, and not-a-number is black.
fn to_sample(value: f32) -> u8 {
    (value + CENTRE + 0.5) as u8
}

fn reduce_16(samples: &[u16]) -> Vec<u8> {
    let reduce = |&v: &u16| ((u32::from(v) * 255 + 32767) / 65535) as u8;
    samples.iter().map(reduce).collect()
}

fn reduce_f32(samples: &[f32]) -> Vec<u8> {
    let reduce = |v: &f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5).floor() as u8;
    samples.iter().map(reduce).collect()
}

/// Splits interleaved samples with a trailing alpha; alpha that is opaque everywhere is none.
fn split_alpha(bytes: &[u8], channels: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut samples = Vec::with_capacity(bytes.len() / (channels + 1) * channels);
    let mut alpha = Vec::with_capacity(bytes.len() / (channels + 1));
    for pixel in bytes.chunks_exact(channels + 1) {
        samples.extend_from_slice(&pixel[..channels]);
        alpha.push(pixel[channels]);
    }
    let opaque = alpha.iter().all(|&a| a == u8::MAX);
    (samples, (!opaque).then_some(alpha))
}

#[cfg(test)]
mod tests;
