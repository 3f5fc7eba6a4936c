//! The judge that a file is made for: the share of the shift that each band is sent, and the places
//! that are sent more.
//!
//! The plain algorithm sends the whole shift m everywhere. But what is sent of the finest luminance
//! while the noise is high stays invisible, and a file that ends there has paid for it (reverse
//! water-filling). Coarse bands gain by a little more than their shift: x0_hat stays what it was
//! while a layer lasts, and comes too late. Metrics of what eyes see go further on both ways, and
//! want flat places closer to the original than busy ones (variance-adaptive quantisation). The
//! factors were found by trials on crops of Kodak's pictures.
//!
//! Format and decoder know nothing of it.

use crate::codes::BANDS;
use crate::pixels::planes::Planar;

/// The judge that a file is made for, at its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tune {
    /// RGB PSNR: the least squared error.
    Psnr,
    /// The eye, by SSIMULACRA2: coarse structure and flat places first, for a little PSNR.
    Eye,
    /// None: the whole shift in all bands, as the algorithm of the paper has it.
    Plain,
}

/// Pixels of a picture for which memory is not short.
pub(crate) const LARGE: u64 = 1 << 26;

/// Factors of the bits of the bands in a file that ends at a noise level in levels.
type Knot = (f64, [f64; BANDS]);

/// Factors for PSNR, from low levels to high ones, and between them by interpolation.
const PSNR: [Knot; 3] = [
    (20.0, [1.0; BANDS]),
    (40.0, [1.1, 1.1, 1.1, 1.1, 1.0, 0.7, 1.1, 1.0]),
    (80.0, [1.3, 1.3, 1.3, 1.2, 1.0, 0.25, 1.3, 1.0]),
];

/// Factors for the eye.
const EYE: [Knot; 4] = [
    (6.0, [1.05, 1.05, 1.05, 1.05, 1.05, 0.85, 1.05, 0.85]),
    (12.0, [1.15, 1.15, 1.15, 1.15, 1.1, 0.5, 1.15, 0.65]),
    (20.0, [1.2, 1.2, 1.2, 1.2, 1.1, 0.34, 1.2, 0.5]),
    (60.0, [1.3, 1.3, 1.3, 1.3, 1.2, 0.18, 1.3, 0.3]),
];

/// Noise level at which busy places end over that of flat ones.
const BUSY: f64 = 1.25;

/// Side in pixels of the blocks whose variance is taken.
const SIDE: usize = 8;

/// Blocks to each side over which the logarithms of the variance are averaged.
const REACH: usize = 2;

/// log2 of 1 + the variance in squared levels, of places that are as flat and as busy as any.
const FLAT: f64 = 2.0;
const BUSIEST: f64 = 10.0;

impl Tune {
    /// Factor of the shift of each band in a file that ends at `end` levels of noise.
    pub(crate) fn gains(self, end: f64) -> [f64; BANDS] {
        let knots: &[Knot] = match self {
            Tune::Psnr => &PSNR,
            Tune::Eye => &EYE,
            Tune::Plain => &[],
        };
        let factors = between(knots, end);
        // Bits go as the square of the shift.
        factors.map(f64::sqrt)
    }

    /// True if places weigh differently in a picture of so many pixels. In very large ones they do
    /// not, because memory is short.
    pub(crate) fn weighs_places(self, pixels: u64) -> bool {
        self == Tune::Eye && pixels <= LARGE
    }

    /// Weights of the places of `x_0`. None where all weigh the same.
    pub(crate) fn weights(self, x_0: &Planar) -> Option<BlockWeights> {
        let pixels = (x_0.width * x_0.height) as u64;
        self.weighs_places(pixels)
            .then(|| BlockWeights::by_variance(x_0))
    }
}

/// A weight 0..=1 for each block of a plane.
pub(crate) struct BlockWeights {
    /// Width of the plane.
    width: usize,
    /// Blocks in a row.
    columns: usize,
    blocks: Vec<f32>,
}

impl BlockWeights {
    /// Weights that fall from 1 in flat places to 1 / [`BUSY`] in busy ones.
    fn by_variance(x_0: &Planar) -> Self {
        let (columns, rows) = (x_0.width.div_ceil(SIDE), x_0.height.div_ceil(SIDE));
        let logs = average(&log_variances(x_0, columns), columns, rows);
        let weight = |log: f64| {
            let flat = ((BUSIEST - log) / (BUSIEST - FLAT)).clamp(0.0, 1.0);
            ((1.0 + (BUSY - 1.0) * flat) / BUSY) as f32
        };
        BlockWeights {
            width: x_0.width,
            columns,
            blocks: logs.into_iter().map(weight).collect(),
        }
    }

    /// The weight of the value of index `i` of a plane.
    pub fn at(&self, i: usize) -> f32 {
        self.blocks[i / self.width / SIDE * self.columns + i % self.width / SIDE]
    }
}

/// The factors at a level, between knots by their logarithms.
fn between(knots: &[Knot], sigma: f64) -> [f64; BANDS] {
    let above = knots.partition_point(|knot| knot.0 <= sigma);
    match (knots.get(above.wrapping_sub(1)), knots.get(above)) {
        (Some(a), Some(b)) => {
            let share = libm::log2(sigma / a.0) / libm::log2(b.0 / a.0);
            std::array::from_fn(|band| {
                a.1[band] * libm::exp2(share * libm::log2(b.1[band] / a.1[band]))
            })
        }
        (Some(knot), None) | (None, Some(knot)) => knot.1,
        (None, None) => [1.0; BANDS],
    }
}

/// log2 of 1 + the variance of the luminance of each block.
fn log_variances(x_0: &Planar, columns: usize) -> Vec<f64> {
    let rows = x_0.height.div_ceil(SIDE);
    let area = x_0.width * x_0.height;
    let mut sums = vec![(0.0, 0.0, 0.0); columns * rows];
    let mut planes = [(); 3].map(|()| vec![0.0f32; x_0.width]);
    for y in 0..x_0.height {
        for (c, line) in planes.iter_mut().enumerate() {
            x_0.copy_to(c * area + y * x_0.width, line);
        }
        let blocks = &mut sums[y / SIDE * columns..][..columns];
        for x in 0..x_0.width {
            let sum: f32 = planes.iter().map(|line| line[x]).sum();
            let luminance = f64::from(sum) / 3.0;
            let (n, sum, squares) = &mut blocks[x / SIDE];
            *n += 1.0;
            *sum += luminance;
            *squares += luminance * luminance;
        }
    }
    let log = |(n, sum, squares): (f64, f64, f64)| {
        let mean = sum / n;
        libm::log2(1.0 + (squares / n - mean * mean).max(0.0))
    };
    sums.into_iter().map(log).collect()
}

/// Averages over the blocks within [`REACH`]; those at the edge count for those beyond.
fn average(values: &[f64], columns: usize, rows: usize) -> Vec<f64> {
    let near =
        |i: usize, n: usize| (i..=i + 2 * REACH).map(move |j| j.saturating_sub(REACH).min(n - 1));
    let around = |i: usize| {
        let places =
            near(i / columns, rows).flat_map(|y| near(i % columns, columns).map(move |x| (x, y)));
        let sum: f64 = places.map(|(x, y)| values[y * columns + x]).sum();
        sum / (2 * REACH + 1).pow(2) as f64
    };
    (0..values.len()).map(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Colour;
    use crate::pixels::picture::Picture;

    #[test]
    fn factors_go_from_knot_to_knot() {
        let knots = [(10.0, [1.0; BANDS]), (40.0, [0.25; BANDS])];
        for (sigma, factor) in [
            (1.0, 1.0),
            (10.0, 1.0),
            (20.0, 0.5),
            (40.0, 0.25),
            (99.0, 0.25),
        ] {
            assert!(
                (between(&knots, sigma)[3] - factor).abs() < 1e-12,
                "{sigma}"
            );
        }
        assert_eq!(Tune::Plain.gains(50.0), [1.0; BANDS]);
        assert_eq!(Tune::Eye.gains(500.0), EYE[EYE.len() - 1].1.map(f64::sqrt));
    }

    #[test]
    fn flat_places_weigh_more_than_busy_ones() {
        let samples = (0..160 * 40).map(|i: usize| match i % 160 {
            0..80 => 90,
            _ => (i * i % 251) as u8,
        });
        let picture = Picture::new(160, 40, Colour::Grey, samples.collect::<Vec<u8>>(), None);
        let x_0 = picture.expect("a picture").to_planar();
        let weights = Tune::Eye.weights(&x_0).expect("differ");
        let row: Vec<f32> = (0..160).map(|i| weights.at(20 * 160 + i)).collect();
        assert_eq!([row[0], row[159]], [1.0, 0.8]);
        assert!(row.is_sorted_by(|a, b| a >= b));
        assert!(Tune::Psnr.weights(&x_0).is_none());
    }
}
