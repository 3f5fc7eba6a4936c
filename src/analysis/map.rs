//! Maps: one number for each pixel of a picture.

use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::planes::mirror;

/// One number for each pixel of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    width: u32,
    height: u32,
    values: Vec<f32>,
}

impl Map {
    /// A map of `width * height` values, row by row.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are more values or fewer, or none.
    pub fn new(width: u32, height: u32, values: Vec<f32>) -> Result<Self> {
        if values.is_empty() || values.len() as u64 != u64::from(width) * u64::from(height) {
            return Err(Error::Parameter(format!(
                "{} values for {width} x {height} pixels",
                values.len()
            )));
        }
        Ok(Map {
            width,
            height,
            values,
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

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.values.iter().map(|&v| f64::from(v)).sum()
    }

    /// The means over boxes of `side` x `side` pixels, which are smaller at the edges. An even side
    /// counts as the next odd one.
    pub fn smoothed(&self, side: u32) -> Map {
        let reach = (side / 2) as usize;
        let (w, h) = (self.width as usize, self.height as usize);
        let rows = |from: &[f32], n: usize, lines: usize| -> Vec<f32> {
            // Means along lines of n values. They are written transposed, so that two passes do
            // both directions.
            let mut out = vec![0.0; n * lines];
            let mut sums = vec![0.0f64; n + 1];
            for (line, values) in from.chunks_exact(n).enumerate() {
                for (i, &v) in values.iter().enumerate() {
                    sums[i + 1] = sums[i] + f64::from(v);
                }
                for i in 0..n {
                    let (a, b) = (i.saturating_sub(reach), (i + reach + 1).min(n));
                    out[i * lines + line] = ((sums[b] - sums[a]) / (b - a) as f64) as f32;
                }
            }
            out
        };
        let values = rows(&rows(&self.values, w, h), h, w);
        Map { values, ..*self }
    }

    /// The quantile `q`, 0..=1: the value that a share `q` of the pixels does not exceed.
    pub fn quantile(&self, q: f64) -> f32 {
        let mut sorted = self.values.clone();
        let at = ((sorted.len() - 1) as f64 * q.clamp(0.0, 1.0)).round() as usize;
        *sorted.select_nth_unstable_by(at, f32::total_cmp).1
    }
}

/// The map of a picture from values of its planes, which may be larger. `join(sum, n)` is the
/// number of a pixel whose `n` mirror images add up to `sum`.
pub(crate) fn fold(
    picture: &Picture,
    plane_width: usize,
    values: &[f64],
    join: impl Fn(f64, f64) -> f64,
) -> Map {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut sums = vec![(0.0, 0.0); w * h];
    for (i, &v) in values.iter().enumerate() {
        let (x, y) = (mirror(i % plane_width, w), mirror(i / plane_width, h));
        let (sum, n) = &mut sums[y * w + x];
        (*sum, *n) = (*sum + v, *n + 1.0);
    }
    Map {
        width: picture.width(),
        height: picture.height(),
        values: sums.iter().map(|&(s, n)| join(s, n) as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_the_mean_of_a_box() {
        let values: Vec<f32> = (0..35).map(|i| ((i * i) % 11) as f32).collect();
        let map = Map::new(7, 5, values.clone()).expect("35 values");
        let smooth = map.smoothed(3);
        assert_eq!(map.smoothed(1), map);
        for (x, y) in [(3usize, 2usize), (0, 0), (6, 4), (6, 1)] {
            let (mut sum, mut n) = (0.0, 0.0);
            for v in y.saturating_sub(1)..(y + 2).min(5) {
                for u in x.saturating_sub(1)..(x + 2).min(7) {
                    sum += values[v * 7 + u];
                    n += 1.0;
                }
            }
            assert!((smooth.values()[y * 7 + x] - sum / n).abs() < 1e-5);
        }
    }

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let map = Map::new(5, 1, vec![3.0, 1.0, 2.0, 5.0, 4.0]).expect("five");
        assert_eq!([0.0, 0.5, 1.0].map(|q| map.quantile(q)), [1.0, 3.0, 5.0]);
        assert!(Map::new(5, 1, vec![0.0; 4]).is_err());
        assert!(Map::new(0, 5, Vec::new()).is_err());
    }
}
