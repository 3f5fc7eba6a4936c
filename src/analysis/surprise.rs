//! The surprise of the prior at each pixel of a picture.

use crate::analysis::map::{Map, fold};
use crate::analysis::simplex;
use crate::codes::Colour;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::prior::Prior;
use crate::random::Stream;

/// The noise that [`surprise`] adds, of unit variance before it is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noise {
    /// Independent normal values. The prior was trained on such noise.
    Gaussian,
    /// Simplex noise in six octaves (Wyatt et al. 2022, whose priors were trained on it). The
    /// lowest has a period of 64 pixels, and each has 0.8 times the amplitude of the one before. It
    /// is normalised to mean 0 and variance 1 in each plane, and hides large structures too. A
    /// prior that was trained on normal noise, as the shipped one was, takes much of it for
    /// picture: defects still stand out, but by less.
    Simplex,
}

/// The error of the prior at each pixel through partial noise: the mean over `draws` of (x_0 -
/// x0_hat)^2 / sigma^2, averaged over the colour planes, with x0_hat = E[x_0 | x_0 + sigma n].
/// `sigma` is in 8-bit levels.
///
/// It is the rate of the code at that noise level: by I-MMSE, half of it is the code length in nats
/// of the pixel for each unit of ln(1 / sigma^2) and plane. As an anomaly score it is the score of
/// AnoDDPM (Wyatt, Leach, Schmon and Willcocks 2022) with a reconstruction in one step.
///
/// # Errors
/// - [`Error::Parameter`]: `sigma` is not positive, or `draws` is zero.
/// - [`Error::Backend`]: the network fails.
pub fn surprise(
    prior: &Prior,
    picture: &Picture,
    sigma: f64,
    noise: Noise,
    draws: u32,
    seed: u64,
) -> Result<Map> {
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(Error::Parameter(format!(
            "the noise level must be a positive number, not {sigma}"
        )));
    }
    if draws == 0 {
        return Err(Error::Parameter("a mean needs at least one draw".into()));
    }
    let x_0 = picture.to_planes();
    let n = x_0.width * x_0.height;
    let mut sums = vec![0.0f64; n];
    for draw in 0..draws {
        let stream = Stream::new(seed, draw);
        let mut x = match noise {
            Noise::Gaussian => gaussian(&stream, &x_0),
            Noise::Simplex => simplex::noise(&stream, &x_0),
        };
        for (x, x_0) in x.data.iter_mut().zip(&x_0.data) {
            *x = x_0 + sigma as f32 * *x;
        }
        let x0_hat = prior.x0_hat(&x, sigma)?;
        let error = |i: usize, x0_hat: f32| f64::from(x_0.data[i] - x0_hat).powi(2);
        match picture.colour() {
            // The planes are equal, and their mean is the better prediction.
            Colour::Grey => (0..n).for_each(|i| {
                let mean = (0..3).map(|c| x0_hat.data[c * n + i]).sum::<f32>() / 3.0;
                sums[i] += 3.0 * error(i, mean);
            }),
            Colour::Rgb => x0_hat.data.iter().enumerate().for_each(|(i, &v)| {
                sums[i % n] += error(i, v);
            }),
        }
    }
    let scale = 1.0 / (3.0 * f64::from(draws) * sigma * sigma);
    Ok(fold(picture, x_0.width, &sums, |sum, n| scale * sum / n))
}

/// Independent standard normal values.
fn gaussian(stream: &Stream, like: &Planes) -> Planes {
    let mut noise = Planes::zeros(like.width, like.height);
    for (i, pair) in noise.data.chunks_mut(2).enumerate() {
        for (v, n) in pair.iter_mut().zip(stream.normal_pair(2 * i)) {
            *v = n as f32;
        }
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
        (mean, squares.sum::<f64>() / n)
    }

    /// Correlation of neighbours `by` columns apart.
    fn correlation(noise: &Planes, by: usize) -> f64 {
        let row = |y: usize| &noise.data[y * noise.width..(y + 1) * noise.width];
        let pairs = (0..noise.height).flat_map(|y| row(y)[by..].iter().zip(row(y)));
        let (sum, n) = pairs.fold((0.0, 0.0), |(s, n), (a, b)| {
            (s + f64::from(*a) * f64::from(*b), n + 1.0)
        });
        sum / n
    }

    #[test]
    fn noise_has_unit_variance() {
        let like = Planes::zeros(192, 128);
        for seed in 0..3 {
            let stream = Stream::new(seed, 0);
            let gauss = gaussian(&stream, &like);
            let (mean, variance) = moments(&gauss.data);
            assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02);
            assert!(correlation(&gauss, 1).abs() < 0.03);
            let simplex = simplex::noise(&stream, &like);
            for plane in simplex.data.chunks(192 * 128) {
                let (mean, variance) = moments(plane);
                assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-3);
            }
            // Large structures: neighbours are alike, places far apart are not.
            let [near, far] = [4, 100].map(|by| correlation(&simplex, by));
            assert!(near > 0.4 && far.abs() < 0.4, "{near} {far}");
        }
    }
}
