//! Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003).

use rayon::prelude::*;

use crate::error::Result;
use crate::pixels::metrics::form::same_form;
use crate::pixels::picture::Picture;

/// The exponents of the five scales, finest first (their section 3.2).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Side of the Gaussian window.
const WINDOW: usize = 11;
/// Standard deviation of the Gaussian window.
const DEVIATION: f64 = 1.5;
/// The constant of the means.
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
/// The constant of the deviations.
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The shortest side that five scales of windows of eleven need.
pub const MS_SSIM_SIDE: u32 = 161;

/// MS-SSIM in 8-bit levels: the mean of the MS-SSIM of each colour. It is 1 for equal pictures, and
/// less for others. Alpha is not counted. None for a picture with a side shorter than
/// [`MS_SSIM_SIDE`].
///
/// The convention is that of `ms-ssim-rgb` of CompressAI: a Gaussian window of 11 x 11 with
/// deviation 1.5, only where it lies inside the picture; K1 = 0.01, K2 = 0.03; negative terms set
/// to zero; averages of 2 x 2 from scale to scale, where an odd side is extended by zeros on both
/// ends.
///
/// # Errors
/// [`Error::Parameter`](crate::error::Error::Parameter) when the pictures differ in size, colour or
/// depth.
pub fn ms_ssim(a: &Picture, b: &Picture) -> Result<Option<f64>> {
    same_form(a, b)?;
    if a.width().min(a.height()) < MS_SSIM_SIDE {
        return Ok(None);
    }
    let channels = a.colour().channels();
    let sum: f64 = (0..channels)
        .into_par_iter()
        .map(|c| one_channel(ColourPlane::of(a, c), ColourPlane::of(b, c)))
        .sum();
    Ok(Some(sum / channels as f64))
}

/// One colour of a picture at one scale.
struct ColourPlane {
    width: usize,
    height: usize,
    data: Vec<f64>,
}

impl ColourPlane {
    /// Colour `c` of a picture in 8-bit levels.
    fn of(picture: &Picture, c: usize) -> Self {
        // The constants are made for 8-bit levels.
        let step = f64::from(picture.depth().max()) / 255.0;
        let every = picture.samples().iter().skip(c);
        ColourPlane {
            width: picture.width() as usize,
            height: picture.height() as usize,
            data: every
                .step_by(picture.colour().channels())
                .map(|v| f64::from(v) / step)
                .collect(),
        }
    }

    /// The next scale: means of 2 x 2.
    fn halved(&self) -> Self {
        let (odd_x, odd_y) = (self.width % 2, self.height % 2);
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let at = |x: usize, y: usize| match (x.checked_sub(odd_x), y.checked_sub(odd_y)) {
            (Some(x), Some(y)) if x < self.width && y < self.height => {
                self.data[y * self.width + x]
            }
            _ => 0.0,
        };
        let data = (0..height)
            .flat_map(|y| (0..width).map(move |x| (2 * x, 2 * y)))
            .map(|(x, y)| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0)
            .collect();
        ColourPlane {
            width,
            height,
            data,
        }
    }
}

/// MS-SSIM of one colour.
fn one_channel(mut a: ColourPlane, mut b: ColourPlane) -> f64 {
    let window = window();
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.into_iter().enumerate() {
        let (luminance, contrast) = similarity(&a, &b, &window);
        let last = scale + 1 == WEIGHTS.len();
        let term = if last { luminance } else { contrast };
        product *= term.max(0.0).powf(weight);
        if !last {
            (a, b) = (a.halved(), b.halved());
        }
    }
    product
}

/// The means over all windows of the similarity, and of its contrast and structure alone.
fn similarity(a: &ColourPlane, b: &ColourPlane, window: &[f64; WINDOW]) -> (f64, f64) {
    let (columns, rows) = (a.width + 1 - WINDOW, a.height + 1 - WINDOW);
    let product = |x: &ColourPlane, y: &ColourPlane| -> Vec<f64> {
        x.data.iter().zip(&y.data).map(|(x, y)| x * y).collect()
    };
    let blur = |data: &[f64]| blurred(data, a.width, columns, rows, window);
    let (mean_a, mean_b) = (blur(&a.data), blur(&b.data));
    let (aa, bb, ab) = (
        blur(&product(a, a)),
        blur(&product(b, b)),
        blur(&product(a, b)),
    );
    let (mut whole, mut structure) = (0.0, 0.0);
    for i in 0..mean_a.len() {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (aa[i] - ma * ma, bb[i] - mb * mb, ab[i] - ma * mb);
        let cs = (2.0 * cov + C2) / (va + vb + C2);
        structure += cs;
        whole += cs * (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
    }
    let n = mean_a.len() as f64;
    (whole / n, structure / n)
}

/// `data` after the window along rows, then along columns, where it lies inside.
fn blurred(
    data: &[f64],
    width: usize,
    columns: usize,
    rows: usize,
    window: &[f64; WINDOW],
) -> Vec<f64> {
    let mut narrow = Vec::with_capacity(data.len() / width * columns);
    for row in data.chunks_exact(width) {
        narrow.extend((0..columns).map(|x| {
            let under = &row[x..x + WINDOW];
            under.iter().zip(window).map(|(v, w)| v * w).sum::<f64>()
        }));
    }
    let mut out = vec![0.0; rows * columns];
    for (y, out) in out.chunks_exact_mut(columns).enumerate() {
        for (k, w) in window.iter().enumerate() {
            let row = &narrow[(y + k) * columns..][..columns];
            out.iter_mut().zip(row).for_each(|(o, v)| *o += w * v);
        }
    }
    out
}

/// The Gaussian window, of sum 1.
fn window() -> [f64; WINDOW] {
    let mut window = [0.0; WINDOW];
    for (i, w) in window.iter_mut().enumerate() {
        let x = i as f64 - (WINDOW / 2) as f64;
        *w = (-x * x / (2.0 * DEVIATION * DEVIATION)).exp();
    }
    let sum: f64 = window.iter().sum();
    window.map(|w| w / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Colour;
    use crate::error::Error;

    fn picture(width: u32, height: u32, sample: impl Fn(u32, u32, u32) -> u8) -> Picture {
        let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let samples = all
            .flat_map(|(x, y)| [0, 1, 2].map(|c| sample(x, y, c)))
            .collect();
        Picture::new(width, height, Colour::Rgb, samples, None).unwrap()
    }

    fn ramp(x: u32, y: u32, c: u32) -> u8 {
        ((x * 7 + y * 3 + c * 40) % 256) as u8
    }

    #[test]
    fn equal_pictures_are_at_one_and_noise_lowers_it() {
        let a = picture(165, 163, ramp);
        assert!((ms_ssim(&a, &a).unwrap().unwrap() - 1.0).abs() < 1e-12);
        let noisy = |level: u32| {
            let b = picture(165, 163, |x, y, c| {
                let noise = (x * 7919 + y * 104_729 + c * 31) % (2 * level + 1);
                (u32::from(ramp(x, y, c)) + noise)
                    .saturating_sub(level)
                    .min(255) as u8
            });
            ms_ssim(&a, &b).unwrap().unwrap()
        };
        assert!(noisy(4) > noisy(40) && noisy(40) > 0.0);
    }

    /// Flat pictures have no structure: only the means of the coarsest scale count, in closed form.
    #[test]
    fn flat_pictures_have_the_closed_form() {
        let (a, b) = (
            picture(176, 176, |_, _, _| 100),
            picture(176, 176, |_, _, _| 120),
        );
        let luminance: f64 =
            (2.0 * 100.0 * 120.0 + C1) / (100.0f64.powi(2) + 120.0f64.powi(2) + C1);
        let got = ms_ssim(&a, &b).unwrap().unwrap();
        assert!((got - luminance.powf(WEIGHTS[4])).abs() < 1e-9, "{got}");
    }

    #[test]
    fn small_pictures_have_none() {
        let small = picture(200, 160, ramp);
        assert_eq!(ms_ssim(&small, &small).unwrap(), None);
        let other = picture(200, 161, ramp);
        assert!(matches!(ms_ssim(&small, &other), Err(Error::Parameter(_))));
    }
}
