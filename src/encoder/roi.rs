//! Regions of interest: the share of the shift m that is sent at each pixel.
//!
//! Where the noise is to end at r times the level sigma_0 of the most interesting pixels, the
//! sender sends x_0 through a noise floor: of the shift m it sends the share
//! sigma^2 / (sigma^2 + (r^2 - 1) sigma_0^2). For Gaussian values this is the optimal control: the
//! error obeys dE/du = -2 w E / u + 1 / u^2 with u = 1 / sigma^2 and share w, a step costs w^2 E
//! du / 2 nats, and Pontryagin's principle gives dw/dln u = -w (1 - w). Error and rate are then
//! those of a plain chain that ends at r sigma_0. A constant share costs more: it lets the chain
//! make up detail early, and pays to pull it back.

use rayon::prelude::*;

use crate::channel::sender::{CLASSES, ShiftGain};
use crate::encoder::forecast::{OVERHEAD, Remaining};
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::planes::{Planar, Planes, mirror};
use crate::prior::LOWEST_SIGMA;

/// A rectangle of a picture and its weight, in pixels. Pixels outside all rectangles weigh 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns. The rectangle is cut off at the edge of the picture.
    pub width: u32,
    /// Rows, cut off in the same way.
    pub height: u32,
    /// The weight, a positive number. Where rectangles overlap the highest counts.
    pub weight: f64,
}

/// The weight of each pixel of a picture, for [`Encoder::interest`](crate::Encoder::interest).
///
/// Where the weight is highest the sender delivers the whole shift m of q(x_s|x_t,x_0). A pixel of
/// a k-th of the highest weight ends at the quality that k times the noise level gives: the closer
/// the chain comes to its end, the smaller the share of its shift that is sent. Nothing overshoots:
/// a share below 1 moves the state to a place between the sample of q and the sample of p(x_s|x_t)
/// that the shared noise alone gives.
///
/// Format and decoder know nothing of it. The file is made for its full length: in a short prefix
/// of it the weights hardly show.
#[derive(Debug, Clone, PartialEq)]
pub struct Interest {
    width: u32,
    height: u32,
    /// The weight of each pixel over the highest, 0..=1.
    weights: Vec<f32>,
}

impl Interest {
    /// The interest of one weight a pixel, row by row, in a picture of `width` x `height`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a weight is negative or not finite, all are zero, or there are too
    /// many or too few.
    pub fn new(width: u32, height: u32, weights: &[f64]) -> Result<Self> {
        if weights.len() as u64 != u64::from(width) * u64::from(height) {
            return Err(Error::Parameter(format!(
                "{} weights for {width} x {height} pixels",
                weights.len()
            )));
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(Error::Parameter(format!(
                "a weight must be a number from 0 up, not {bad}"
            )));
        }
        let highest = weights.iter().copied().fold(0.0, f64::max);
        if highest == 0.0 {
            return Err(Error::Parameter(
                "all weights are zero: nothing is of interest".into(),
            ));
        }
        let weights = weights.iter().map(|w| (w / highest) as f32).collect();
        Ok(Interest {
            width,
            height,
            weights,
        })
    }

    /// The interest of rectangles in a picture of `width` x `height`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if one lies outside the picture, is empty, or has a weight that is not
    /// positive.
    pub fn regions(width: u32, height: u32, regions: &[Region]) -> Result<Self> {
        let mut weights = vec![1.0; width as usize * height as usize];
        let mut set = vec![false; weights.len()];
        for r in regions {
            let Region { x, y, weight, .. } = *r;
            let name = format!("region {x},{y},{},{}", r.width, r.height);
            if x >= width || y >= height || r.width == 0 || r.height == 0 {
                return Err(Error::Parameter(format!(
                    "{name} covers nothing of a picture of {width} x {height}"
                )));
            }
            if !(weight.is_finite() && weight > 0.0) {
                return Err(Error::Parameter(format!(
                    "{name}: the weight must be a positive number, not {weight}"
                )));
            }
            let (right, bottom) = (
                x.saturating_add(r.width).min(width) as usize,
                y.saturating_add(r.height).min(height) as usize,
            );
            for row in y as usize..bottom {
                for i in row * width as usize + x as usize..row * width as usize + right {
                    if !set[i] || weights[i] < weight {
                        (weights[i], set[i]) = (weight, true);
                    }
                }
            }
        }
        Self::new(width, height, &weights)
    }

    /// The weight 0..=1 of a value of a plane by its index. Planes of the picture have the size of
    /// `planes`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the picture is of another size.
    pub(crate) fn weights(
        &self,
        picture: &Picture,
        planes: &Planar,
    ) -> Result<impl Fn(usize) -> f32> {
        let (size, own) = (
            (picture.width(), picture.height()),
            (self.width, self.height),
        );
        if size != own {
            return Err(Error::Parameter(format!(
                "the interest is of {} x {} pixels, the picture of {} x {}",
                own.0, own.1, size.0, size.1
            )));
        }
        let (w, h) = (self.width as usize, self.height as usize);
        let width = planes.width;
        Ok(move |i: usize| self.weights[mirror(i / width, h) * w + mirror(i % width, w)])
    }
}

/// The class of the highest weight. Weights are told apart in this number of steps.
const HIGHEST: u8 = u8::MAX;

/// The class of each value of a plane: its weight over the highest, times [`HIGHEST`].
pub(crate) struct RoiClasses {
    classes: Vec<u8>,
}

/// Noise level at which a class ends over that of the highest class. Infinite for weight 0.
fn ratio(class: usize) -> f64 {
    f64::from(HIGHEST) / class as f64
}

/// Noise floor of a class in squared levels, where the noise of the highest class ends at `end`
/// levels.
fn floor(class: usize, end: f64) -> f64 {
    end * end * (ratio(class).powi(2) - 1.0)
}

impl RoiClasses {
    /// The classes of `len` weights 0..=1 of the values of a plane. None if all are the same.
    pub fn new(len: usize, weight: impl Fn(usize) -> f32) -> Option<Self> {
        let highest = (0..len).map(&weight).fold(0.0, f32::max);
        let class = |i| (f32::from(HIGHEST) * weight(i) / highest).round() as u8;
        let classes: Vec<u8> = (0..len).map(class).collect();
        let uniform = classes.iter().all(|&c| c == HIGHEST);
        (!uniform).then_some(RoiClasses { classes })
    }

    /// |x_0 - x0_hat|^2 by class, and the noise level in levels at which a chain that is at `sigma`
    /// will end.
    pub fn forecast(
        &self,
        sigma: f64,
        x_0: &Planar,
        x0_hat: &Planes,
        remaining: Remaining,
    ) -> ([f64; CLASSES], f64) {
        let errors = self.errors(x_0, x0_hat);
        let end = self.end(sigma, &errors, remaining);
        (errors, end)
    }

    /// |x_0 - x0_hat|^2 by class.
    fn errors(&self, x_0: &Planar, x0_hat: &Planes) -> [f64; CLASSES] {
        const CHUNK: usize = 1 << 14;
        let area = self.classes.len();
        let chunk = |(i, classes): (usize, &[u8])| {
            let mut sums = [0.0; CLASSES];
            let mut own = vec![0.0; classes.len()];
            for plane in 0..3 {
                let first = plane * area + i * CHUNK;
                x_0.copy_to(first, &mut own);
                let values = own.iter().zip(&x0_hat.data[first..]);
                for ((a, b), &class) in values.zip(classes) {
                    sums[usize::from(class)] += f64::from(a - b).powi(2);
                }
            }
            sums
        };
        let chunks = self.classes.par_chunks(CHUNK).enumerate();
        // The sums do not depend on the number of threads.
        let sums: Vec<[f64; CLASSES]> = chunks.map(chunk).collect();
        std::array::from_fn(|class| sums.iter().map(|sums| sums[class]).sum())
    }

    /// The noise level in levels at which a chain that is at `sigma` with these errors will end, by
    /// the work that remains.
    ///
    /// The law is that of [`Remaining::end`], in each class above its floor.
    fn end(&self, sigma: f64, errors: &[f64; CLASSES], remaining: Remaining) -> f64 {
        let classes = || (1..CLASSES).filter(|&k| errors[k] > 0.0);
        let level = |k: usize, end: f64| (sigma * sigma + floor(k, end)).sqrt();
        let too_low = |end: f64| match remaining {
            Remaining::Sigma(s) => end < s,
            Remaining::Bits(room) => {
                let bits = |k: usize| {
                    let level = level(k, end);
                    let rate = errors[k] / (level * level * std::f64::consts::LN_2);
                    rate * (level / (ratio(k) * end) - 1.0).max(0.0)
                };
                OVERHEAD * classes().map(bits).sum::<f64>() > room
            }
            Remaining::Error(wanted) => {
                let error = |k: usize| errors[k] * (ratio(k) * end / level(k, end)).min(1.0);
                classes().map(error).sum::<f64>() < wanted
            }
        };
        let (mut lo, mut hi) = (LOWEST_SIGMA, sigma.max(LOWEST_SIGMA));
        for _ in 0..20 {
            let mid = (lo * hi).sqrt();
            if too_low(mid) { lo = mid } else { hi = mid }
        }
        hi
    }

    /// The share of the shift of each class at the noise power `power` in squared levels, where the
    /// noise of the highest class ends at `end` levels.
    pub fn gain(&self, power: f64, end: f64) -> ShiftGain<'_> {
        let share = |k: usize| match k {
            0 => 0.0,
            k => (power / (power + floor(k, end))) as f32,
        };
        ShiftGain::new(&self.classes, std::array::from_fn(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Colour;

    fn region(x: u32, y: u32, width: u32, height: u32, weight: f64) -> Region {
        Region {
            x,
            y,
            width,
            height,
            weight,
        }
    }

    #[test]
    fn weights_are_over_the_highest() {
        let of = |regions: &[Region]| Interest::regions(4, 2, regions).map(|i| i.weights);
        assert_eq!(of(&[]).expect("uniform"), [1.0; 8]);
        assert_eq!(
            of(&[region(1, 0, 2, 9, 4.0)]).expect("inside"),
            [0.25, 1.0, 1.0, 0.25, 0.25, 1.0, 1.0, 0.25]
        );
        // The highest counts, and a region may weigh less than the rest.
        assert_eq!(
            of(&[region(0, 0, 2, 1, 2.0), region(1, 0, 2, 1, 0.5)]).expect("inside"),
            [1.0, 1.0, 0.25, 0.5, 0.5, 0.5, 0.5, 0.5]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            region(4, 0, 1, 1, 2.0),
            region(0, 0, 0, 1, 2.0),
            region(0, 0, 1, 1, 0.0),
            region(0, 0, 1, 1, f64::NAN),
        ] {
            assert!(Interest::regions(4, 2, &[bad]).is_err(), "{bad:?}");
        }
        assert!(Interest::new(2, 2, &[0.0; 4]).is_err());
        assert!(Interest::new(2, 2, &[1.0; 3]).is_err());
        assert!(Interest::new(1, 2, &[1.0, -1.0]).is_err());
    }

    fn classes(picture: (u32, u32), regions: &[Region]) -> RoiClasses {
        let samples = vec![0; (picture.0 * picture.1) as usize];
        let grey = Picture::new(picture.0, picture.1, Colour::Grey, samples, None);
        let grey = grey.expect("a picture");
        let interest = Interest::regions(picture.0, picture.1, regions).expect("inside");
        let planes = grey.to_planar();
        let weight = interest.weights(&grey, &planes).expect("of this size");
        RoiClasses::new(planes.width * planes.height, weight).expect("not uniform")
    }

    #[test]
    fn small_pictures_are_mirrored_like_their_planes() {
        let roi = classes((3, 1), &[region(0, 0, 1, 1, 2.0)]);
        assert_eq!(roi.classes[..6], [255, 128, 128, 128, 255, 128]);
        assert_eq!(roi.classes.len(), 256);
    }

    #[test]
    fn shares_fall_as_the_noise_comes_near_its_end() {
        let roi = classes((16, 16), &[region(0, 0, 4, 4, 2.0)]);
        let outside = usize::from(roi.classes[255]);
        let share = |sigma: f64| roi.gain(sigma * sigma, 10.0).of(outside);
        assert!(share(500.0) > 0.99);
        // At the end w = 1 / r^2.
        assert!((share(10.0) - 0.25).abs() < 0.01);
        assert_eq!(roi.gain(100.0, 10.0).of(255), 1.0);
        let mut m = vec![1.0; 768];
        roi.gain(100.0, 10.0).apply(0, &mut m);
        assert_eq!([m[0], m[256], m[512]], [1.0; 3]);
        assert!(m[255] == m[767] && m[255] < 0.3);
        let mut end = vec![1.0; 300];
        roi.gain(100.0, 10.0).apply(468, &mut end);
        assert_eq!(m[468..], end);
    }

    /// Errors fall as the noise level, down to a known end. The forecast is that end from
    /// everywhere.
    #[test]
    fn the_end_is_foreseen() {
        let roi = classes((16, 16), &[region(0, 0, 8, 16, 2.0)]);
        let (class, end) = (usize::from(roi.classes[255]), 12.0);
        let level = |sigma: f64| (sigma * sigma + floor(class, end)).sqrt();
        let errors = |sigma: f64| {
            let mut errors = [0.0; CLASSES];
            (errors[255], errors[class]) = (40.0 * sigma, 90.0 * level(sigma));
            errors
        };
        // Bits of a class from noise level b down to a: A / ln 2 (1 / a - 1 / b).
        let bits = |sigma: f64| {
            let inside = 40.0 * (1.0 / end - 1.0 / sigma);
            let outside = 90.0 * (1.0 / level(end) - 1.0 / level(sigma));
            OVERHEAD * (inside + outside) / std::f64::consts::LN_2
        };
        for sigma in [300.0, 60.0, 20.0] {
            let of = |remaining| roi.end(sigma, &errors(sigma), remaining);
            let last: f64 = errors(end).iter().sum();
            for got in [
                of(Remaining::Sigma(end)),
                of(Remaining::Bits(bits(sigma))),
                of(Remaining::Error(last)),
            ] {
                assert!((got / end - 1.0).abs() < 0.02, "from {sigma}: {got}");
            }
        }
        assert_eq!(
            roi.end(1.0, &errors(1.0), Remaining::Bits(1e9)),
            LOWEST_SIGMA
        );
    }
}
