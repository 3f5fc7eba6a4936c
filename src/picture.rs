//! Pictures of 8-bit samples, and the way between them, the `image` crate and [`Planes`].

use std::fmt;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use rayon::prelude::*;

use crate::planes::{Samples, mirror};
use crate::{Error, Planes, Result};

/// Smallest side of the planes; smaller pictures are extended by reflection.
const MIN_SIDE: usize = 16;

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

    /// Columns and rows of the planes of a picture of `width` x `height`: at least 16.
    pub(crate) fn planes_size(width: u32, height: u32) -> (usize, usize) {
        let side = |n: u32| (n as usize).max(MIN_SIDE);
        (side(width), side(height))
    }

    /// The centred planes of the picture: sample minus 127.5, grey copied to all three planes.
    ///
    /// A side shorter than 16 is extended to 16 by mirror reflection about its last and first samples, which are not
    /// repeated (`a b c b a b c ..`); a side of one repeats its sample.
    pub fn to_planes(&self) -> Planes {
        let x_0 = self.to_planar();
        Planes {
            width: x_0.width,
            height: x_0.height,
            data: x_0.values().collect(),
        }
    }

    /// The same, not yet centred.
    pub(crate) fn to_planar(&self) -> Samples {
        let w = self.width as usize;
        let h = self.height as usize;
        let (width, height) = Self::planes_size(self.width, self.height);
        let mut planar = Samples {
            width,
            height,
            data: vec![0; 3 * width * height],
        };
        let channels = self.colour.channels();
        for (i, row) in planar.data.chunks_exact_mut(width).enumerate() {
            let (c, y) = (i / height, i % height);
            let channel = if channels == 1 { 0 } else { c };
            let from = &self.samples[mirror(y, h) * w * channels + channel..];
            let (inside, outside) = row.split_at_mut(w);
            for (value, sample) in inside.iter_mut().zip(from.iter().step_by(channels)) {
                *value = *sample;
            }
            for (x, value) in outside.iter_mut().enumerate() {
                *value = from[mirror(w + x, w) * channels];
            }
        }
        planar
    }

    /// The sum of the squared differences between the samples and those that `planes` would be shown as.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the planes are smaller than the picture.
    pub(crate) fn squared_error(&self, planes: &Planes) -> Result<u64> {
        let row = |y: usize, shown: &mut Vec<u8>| {
            shown.clear();
            show_row(planes, y, self.width as usize, self.colour, shown);
            let (n, own) = (shown.len(), &self.samples[y * shown.len()..]);
            let pairs = own[..n].iter().zip(&*shown);
            // At most 255^2 a sample, and a row has fewer than 2^32.
            pairs
                .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
                .sum::<u64>()
        };
        check_size(planes, self.width, self.height)?;
        let rows = (0..self.height as usize).into_par_iter();
        Ok(rows.map_init(Vec::new, |shown, y| row(y, shown)).sum())
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
        check_size(planes, width, height)?;
        let (w, h) = (width as usize, height as usize);
        let mut samples = Vec::with_capacity(w * h * colour.channels());
        for y in 0..h {
            show_row(planes, y, w, colour, &mut samples);
        }
        Picture::new(width, height, colour, samples, alpha)
    }
}

fn check_size(planes: &Planes, width: u32, height: u32) -> Result<()> {
    if planes.width < width as usize || planes.height < height as usize {
        return Err(Error::Parameter(format!(
            "planes of {}x{} cannot hold a picture of {width}x{height}",
            planes.width, planes.height
        )));
    }
    Ok(())
}

/// Appends the samples of row `y` of a picture `width` wide.
fn show_row(planes: &Planes, y: usize, width: usize, colour: Colour, samples: &mut Vec<u8>) {
    let row = |c: usize| planes.plane(c)[y * planes.width..][..width].iter();
    let pixels = row(0).zip(row(1)).zip(row(2));
    match colour {
        Colour::Grey => samples.extend(pixels.map(|((r, g), b)| to_sample((r + g + b) / 3.0))),
        Colour::Rgb => samples.extend(pixels.flat_map(|((r, g), b)| [*r, *g, *b].map(to_sample))),
    }
}

/// A centred value as a sample: half rounds up, anything outside is clamped by the cast, and not-a-number is black.
fn to_sample(value: f32) -> u8 {
    (value + Samples::CENTRE + 0.5) as u8
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
