//! Pictures of 8-bit or 16-bit samples, and the way between them and [`Planes`].

use rayon::prelude::*;

use crate::codes::{BitDepth, Colour, Form};
use crate::error::{Error, Result};
use crate::pixels::planes::{Planar, Planes, mirror};
use crate::pixels::samples::{Sample, Samples};

/// Smallest side of the planes. Smaller pictures are extended by reflection.
const MIN_SIDE: usize = 16;

/// A picture of 8-bit or 16-bit samples, grey or RGB, with or without alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) colour: Colour,
    pub(super) samples: Samples,
    pub(super) alpha: Option<Samples>,
}

impl Picture {
    /// A picture of `width * height` pixels of 8-bit samples, row by row. `samples` holds one value
    /// (grey) or three interleaved values (RGB) a pixel, `alpha` one.
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
        Self::from_samples(
            width,
            height,
            colour,
            samples.into(),
            alpha.map(Samples::from),
        )
    }

    /// A picture of `width * height` pixels of samples of either depth, row by row. `samples` holds
    /// one value (grey) or three interleaved values (RGB) a pixel, `alpha` one of equal depth.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a side is zero, a length is wrong, or the depths differ.
    pub fn from_samples(
        width: u32,
        height: u32,
        colour: Colour,
        samples: Samples,
        alpha: Option<Samples>,
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
        if let Some(alpha) = &alpha {
            if alpha.len() as u64 != pixels {
                return Err(Error::Parameter(format!(
                    "{} alpha values where {width}x{height} pixels need {pixels}",
                    alpha.len()
                )));
            }
            if alpha.depth() != samples.depth() {
                return Err(Error::Parameter(format!(
                    "alpha of {} bits beside samples of {}",
                    alpha.depth().bits(),
                    samples.depth().bits()
                )));
            }
        }
        Ok(Picture {
            width,
            height,
            colour,
            samples,
            alpha,
        })
    }

    /// Size and samples.
    pub fn form(&self) -> Form {
        Form {
            width: self.width,
            height: self.height,
            colour: self.colour,
            depth: self.depth(),
            alpha: self.alpha.is_some(),
        }
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

    /// Bits of a sample.
    pub fn depth(&self) -> BitDepth {
        self.samples.depth()
    }

    /// The colour samples, row by row, interleaved.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The alpha values, row by row, if the picture has any.
    pub fn alpha(&self) -> Option<&Samples> {
        self.alpha.as_ref()
    }

    /// Copies the samples of row `y` to `row`.
    pub(crate) fn read_row(&self, y: usize, row: &mut [u16]) {
        let from = y * row.len();
        match &self.samples {
            Samples::Eight(own) => {
                let own = own[from..].iter().map(|&v| u16::from(v));
                row.iter_mut().zip(own).for_each(|(v, s)| *v = s);
            }
            Samples::Sixteen(own) => row.copy_from_slice(&own[from..][..row.len()]),
        }
    }

    /// Changes the rows of samples, one after the other, by `change(y, row)`.
    pub(crate) fn each_row(&mut self, mut change: impl FnMut(usize, &mut [u16])) {
        let width = self.width as usize * self.colour.channels();
        match &mut self.samples {
            Samples::Eight(own) => {
                let mut wide = vec![0; width];
                for (y, row) in own.chunks_exact_mut(width).enumerate() {
                    wide.iter_mut()
                        .zip(&*row)
                        .for_each(|(w, &v)| *w = u16::from(v));
                    change(y, &mut wide);
                    row.iter_mut().zip(&wide).for_each(|(v, &w)| *v = w as u8);
                }
            }
            Samples::Sixteen(own) => {
                let rows = own.chunks_exact_mut(width).enumerate();
                rows.for_each(|(y, row)| change(y, row));
            }
        }
    }

    /// Replaces the first samples of the picture by `samples`.
    pub(crate) fn write_rows(&mut self, samples: &[u16]) {
        match &mut self.samples {
            Samples::Eight(own) => own.iter_mut().zip(samples).for_each(|(s, &v)| *s = v as u8),
            Samples::Sixteen(own) => own[..samples.len()].copy_from_slice(samples),
        }
    }

    /// The picture without its alpha.
    pub fn without_alpha(mut self) -> Self {
        self.alpha = None;
        self
    }

    /// The picture with samples of 8 bits. Samples of 16 bits are rounded to the nearest.
    pub fn into_eight(self) -> Self {
        Picture {
            samples: self.samples.into_eight(),
            alpha: self.alpha.map(Samples::into_eight),
            ..self
        }
    }

    /// Columns and rows of the planes of a picture of `width` x `height`: at least 16.
    pub(crate) fn planes_size(width: u32, height: u32) -> (usize, usize) {
        let side = |n: u32| (n as usize).max(MIN_SIDE);
        (side(width), side(height))
    }

    /// The centred planes of the picture in 8-bit levels: sample minus 127.5, where a sample of 16
    /// bits is divided by 257 first. Grey is copied to all three planes.
    ///
    /// A side shorter than 16 is extended to 16 by mirror reflection about its last and first
    /// samples, which are not repeated (`a b c b a b c ..`). A side of one repeats its sample.
    pub fn to_planes(&self) -> Planes {
        let x_0 = self.to_planar();
        Planes {
            width: x_0.width,
            height: x_0.height,
            data: x_0.values().collect(),
        }
    }

    /// The planes of the picture, of samples that are not centred yet.
    pub(crate) fn to_planar(&self) -> Planar {
        let (width, height) = Self::planes_size(self.width, self.height);
        let data = match &self.samples {
            Samples::Eight(v) => self.planar(v, width, height).into(),
            Samples::Sixteen(v) => self.planar(v, width, height).into(),
        };
        Planar {
            width,
            height,
            data,
        }
    }

    /// The samples in planes of `width` x `height`, mirrored where these are larger.
    fn planar<T: Copy + Default>(&self, samples: &[T], width: usize, height: usize) -> Vec<T> {
        let (w, h) = (self.width as usize, self.height as usize);
        let mut planar = vec![T::default(); 3 * width * height];
        let channels = self.colour.channels();
        for (i, row) in planar.chunks_exact_mut(width).enumerate() {
            let (c, y) = (i / height, i % height);
            let channel = if channels == 1 { 0 } else { c };
            let from = &samples[mirror(y, h) * w * channels + channel..];
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

    /// The sum of the squared differences between the samples and the samples that show `planes`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the planes are smaller than the picture.
    pub(crate) fn squared_error(&self, planes: &Planes) -> Result<u128> {
        check_size(planes, self.width, self.height)?;
        Ok(match &self.samples {
            Samples::Eight(v) => self.squared_error_of(v, planes),
            Samples::Sixteen(v) => self.squared_error_of(v, planes),
        })
    }

    fn squared_error_of<T: Sample>(&self, samples: &[T], planes: &Planes) -> u128 {
        let row = |y: usize, shown: &mut Vec<T>| {
            shown.clear();
            show_row(planes, y, self.width as usize, self.colour, shown);
            let (n, own) = (shown.len(), &samples[y * shown.len()..]);
            u128::from(squared_distance(&own[..n], shown))
        };
        let rows = (0..self.height as usize).into_par_iter();
        rows.map_init(Vec::new, |shown, y| row(y, shown)).sum()
    }

    /// The picture in the top left `width * height` of centred planes: value plus 127.5, times 257
    /// for 16 bits, rounded half up, clamped (clause 17). Grey is the mean of the three planes.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the planes are smaller than the picture, a side is zero, or alpha
    /// does not fit.
    pub fn from_planes(
        planes: &Planes,
        width: u32,
        height: u32,
        colour: Colour,
        depth: BitDepth,
        alpha: Option<Samples>,
    ) -> Result<Self> {
        check_size(planes, width, height)?;
        let samples = match depth {
            BitDepth::Eight => samples_of::<u8>(planes, width, height, colour).into(),
            BitDepth::Sixteen => samples_of::<u16>(planes, width, height, colour).into(),
        };
        Picture::from_samples(width, height, colour, samples, alpha)
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

fn samples_of<T: Sample>(planes: &Planes, width: u32, height: u32, colour: Colour) -> Vec<T> {
    let (w, h) = (width as usize, height as usize);
    let mut samples = Vec::with_capacity(w * h * colour.channels());
    for y in 0..h {
        show_row(planes, y, w, colour, &mut samples);
    }
    samples
}

/// Appends the samples that show row `y` of a picture of `width` columns.
fn show_row<T: Sample>(
    planes: &Planes,
    y: usize,
    width: usize,
    colour: Colour,
    samples: &mut Vec<T>,
) {
    let row = |c: usize| planes.plane(c)[y * planes.width..][..width].iter();
    let pixels = row(0).zip(row(1)).zip(row(2));
    match colour {
        Colour::Grey => samples.extend(pixels.map(|((r, g), b)| T::shown((r + g + b) / 3.0))),
        Colour::Rgb => samples.extend(pixels.flat_map(|((r, g), b)| [*r, *g, *b].map(T::shown))),
    }
}

/// The sum of the squared differences of fewer than 2^31 samples.
pub(crate) fn squared_distance<T: Sample>(a: &[T], b: &[T]) -> u64 {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(&x, &y)| (x.into() - y.into()).pow(2) as u64)
        .sum()
}

#[cfg(test)]
mod tests;
