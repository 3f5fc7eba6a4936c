//! Least squares of the residual on its neighbourhood, learned along every row.

/// The largest number of regressors of a channel.
pub const REGRESSORS: usize = 29;

/// Columns that share one set of coefficients.
pub const SEGMENT: usize = 16;

/// Weight of the statistics of a row in the next row.
const DECAY: f64 = 0.9;

/// Weight of the statistics of the segments at both sides.
const ASIDE: f64 = 0.7;

/// Number added to the diagonal of the normal equations. It pulls the coefficients towards zero,
/// where the prediction is x0_hat.
const RIDGE: f64 = 1.0;

/// Normal equations: the lower triangle of sum w f f', and sum w f r.
#[derive(Clone)]
struct Normal {
    squares: [[f64; REGRESSORS]; REGRESSORS],
    products: [f64; REGRESSORS],
}

impl Normal {
    const ZERO: Normal = Normal {
        squares: [[0.0; REGRESSORS]; REGRESSORS],
        products: [0.0; REGRESSORS],
    };
}

/// The fit of one channel: normal equations for every segment of the columns.
#[derive(Clone)]
pub struct Fit {
    n: usize,
    segments: Vec<Normal>,
}

impl Fit {
    /// A fit of `n` regressors for rows of `width` samples.
    pub fn new(n: usize, width: usize) -> Self {
        Fit {
            n,
            segments: vec![Normal::ZERO; width.div_ceil(SEGMENT)],
        }
    }

    /// Bytes of a fit for rows of `width` samples.
    pub fn bytes(width: u64) -> u64 {
        width.div_ceil(SEGMENT as u64) * size_of::<Normal>() as u64
    }

    /// Begins a row.
    pub fn next_row(&mut self) {
        let n = self.n;
        for normal in &mut self.segments {
            for (i, row) in normal.squares[..n].iter_mut().enumerate() {
                row[..=i].iter_mut().for_each(|v| *v *= DECAY);
            }
            normal.products[..n].iter_mut().for_each(|v| *v *= DECAY);
        }
    }

    /// Learns the residual `r` of the regressors `f`.
    pub fn learn(&mut self, segment: usize, f: &[f64; REGRESSORS], r: f64, weight: f64) {
        let normal = &mut self.segments[segment];
        for i in 0..self.n {
            let scaled = f[i] * weight;
            let row = &mut normal.squares[i][..=i];
            row.iter_mut().zip(f).for_each(|(v, f)| *v += scaled * f);
            normal.products[i] += scaled * r;
        }
    }

    /// The coefficients for a segment, by Cholesky's decomposition of the sum over it and its
    /// neighbours.
    pub fn solve(&self, segment: usize) -> [f64; REGRESSORS] {
        let n = self.n;
        let mut sum = Normal::ZERO;
        let mut add = |normal: Option<&Normal>, weight: f64| {
            let Some(normal) = normal else { return };
            for i in 0..n {
                let rows = sum.squares[i][..=i].iter_mut().zip(&normal.squares[i]);
                rows.for_each(|(sum, v)| *sum += weight * v);
                sum.products[i] += weight * normal.products[i];
            }
        };
        add(segment.checked_sub(1).map(|s| &self.segments[s]), ASIDE);
        add(self.segments.get(segment), 1.0);
        add(self.segments.get(segment + 1), ASIDE);
        let (mut l, mut x) = (sum.squares, sum.products);
        for (i, row) in l[..n].iter_mut().enumerate() {
            row[i] += RIDGE;
        }
        // L L' = the matrix, and L y = products on the way; then L' x = y.
        for j in 0..n {
            let pivot = l[j][j].max(1e-9).sqrt();
            let mut column = [0.0; REGRESSORS];
            column[j] = pivot;
            for i in j + 1..n {
                column[i] = l[i][j] / pivot;
            }
            x[j] /= pivot;
            for i in j + 1..n {
                let (factor, row) = (column[i], &mut l[i][j + 1..=i]);
                row.iter_mut()
                    .zip(&column[j + 1..=i])
                    .for_each(|(v, c)| *v -= factor * c);
                x[i] -= factor * x[j];
            }
            for i in j..n {
                l[i][j] = column[i];
            }
        }
        for j in (0..n).rev() {
            x[j] /= l[j][j];
            for i in 0..j {
                x[i] -= l[j][i] * x[j];
            }
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_coefficients() {
        let mut fit = Fit::new(3, 20);
        fit.next_row();
        for i in 0..2000 {
            let a = f64::from((i * 7919) % 101) - 50.0;
            let b = f64::from((i * 104_729) % 97) - 48.0;
            let mut f = [0.0; REGRESSORS];
            f[..3].copy_from_slice(&[a, b, 1.0]);
            fit.learn(i as usize % 2, &f, 0.5 * a - 0.25 * b + 3.0, 1.0);
        }
        let x = fit.solve(0);
        for (got, want) in x.iter().zip([0.5, -0.25, 3.0]) {
            assert!((got - want).abs() < 0.01, "{got} {want}");
        }
        assert_eq!(x[3..], [0.0; REGRESSORS - 3]);
    }

    #[test]
    fn nothing_learned_predicts_nothing() {
        assert_eq!(Fit::new(29, 1).solve(0), [0.0; REGRESSORS]);
    }
}
