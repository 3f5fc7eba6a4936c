//! The way between pictures and the `image` crate.

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};

use crate::codes::Colour;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

impl Picture {
    /// A picture of the `image` crate as it is: grey stays grey, alpha stays alpha, 16 bits stay 16
    /// bits.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for floating-point samples, [`Error::Parameter`] for a picture
    /// without pixels.
    pub fn from_image(image: DynamicImage) -> Result<Self> {
        let (width, height) = (image.width(), image.height());
        let take =
            |colour, samples: Samples| Self::from_samples(width, height, colour, samples, None);
        let split = |colour: Colour, samples: Samples| {
            let (samples, alpha) = samples.split_last(colour.channels() + 1);
            Self::from_samples(width, height, colour, samples, Some(alpha))
        };
        match image {
            DynamicImage::ImageLuma8(i) => take(Colour::Grey, i.into_raw().into()),
            DynamicImage::ImageLumaA8(i) => split(Colour::Grey, i.into_raw().into()),
            DynamicImage::ImageRgb8(i) => take(Colour::Rgb, i.into_raw().into()),
            DynamicImage::ImageRgba8(i) => split(Colour::Rgb, i.into_raw().into()),
            DynamicImage::ImageLuma16(i) => take(Colour::Grey, i.into_raw().into()),
            DynamicImage::ImageLumaA16(i) => split(Colour::Grey, i.into_raw().into()),
            DynamicImage::ImageRgb16(i) => take(Colour::Rgb, i.into_raw().into()),
            DynamicImage::ImageRgba16(i) => split(Colour::Rgb, i.into_raw().into()),
            other => Err(Error::Unsupported(format!(
                "samples of type {:?}: only integers of 8 and 16 bits can be coded (convert the picture to 16 bits)",
                other.color()
            ))),
        }
    }

    /// The picture as one of the `image` crate, of equal depth, with alpha if it has any.
    pub fn to_image(&self) -> DynamicImage {
        let samples = match &self.alpha {
            None => self.samples.clone(),
            Some(alpha) => self.samples.interleave(self.colour.channels(), alpha),
        };
        let (w, h) = (self.width, self.height);
        let image = match (samples, self.colour, self.alpha.is_some()) {
            (Samples::Eight(v), Colour::Grey, false) => {
                ImageBuffer::<Luma<u8>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Eight(v), Colour::Grey, true) => {
                ImageBuffer::<LumaA<u8>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Eight(v), Colour::Rgb, false) => {
                ImageBuffer::<Rgb<u8>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Eight(v), Colour::Rgb, true) => {
                ImageBuffer::<Rgba<u8>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Sixteen(v), Colour::Grey, false) => {
                ImageBuffer::<Luma<u16>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Sixteen(v), Colour::Grey, true) => {
                ImageBuffer::<LumaA<u16>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Sixteen(v), Colour::Rgb, false) => {
                ImageBuffer::<Rgb<u16>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
            (Samples::Sixteen(v), Colour::Rgb, true) => {
                ImageBuffer::<Rgba<u16>, _>::from_raw(w, h, v).map(DynamicImage::from)
            }
        };
        image.expect("the constructors keep the lengths right")
    }
}

impl Samples {
    /// Splits pixels of `channels` samples into all samples but the last, and the last sample of
    /// each.
    fn split_last(self, channels: usize) -> (Self, Self) {
        fn split<T: Copy>(all: &[T], channels: usize) -> (Vec<T>, Vec<T>) {
            let pixels = all.len() / channels;
            let mut first = Vec::with_capacity(pixels * (channels - 1));
            let mut last = Vec::with_capacity(pixels);
            for pixel in all.chunks_exact(channels) {
                first.extend_from_slice(&pixel[..channels - 1]);
                last.push(pixel[channels - 1]);
            }
            (first, last)
        }
        match self {
            Samples::Eight(v) => {
                let (first, last) = split(&v, channels);
                (first.into(), last.into())
            }
            Samples::Sixteen(v) => {
                let (first, last) = split(&v, channels);
                (first.into(), last.into())
            }
        }
    }

    /// Pixels of `channels` samples, each followed by one sample of `last`, which has the same
    /// depth.
    fn interleave(&self, channels: usize, last: &Samples) -> Self {
        fn join<T: Copy>(first: &[T], channels: usize, last: &[T]) -> Vec<T> {
            let mut all = Vec::with_capacity(first.len() + last.len());
            for (pixel, &last) in first.chunks_exact(channels).zip(last) {
                all.extend_from_slice(pixel);
                all.push(last);
            }
            all
        }
        match (self, last) {
            (Samples::Eight(v), Samples::Eight(last)) => join(v, channels, last).into(),
            (Samples::Sixteen(v), Samples::Sixteen(last)) => join(v, channels, last).into(),
            _ => unreachable!("a picture's samples and its alpha have one depth"),
        }
    }
}
