//! Box averages and their inverse. Above a certain noise level only the coarse scales of a picture
//! can be seen. The network denoises them better and cheaper on a smaller picture.

use rayon::prelude::*;

use crate::pixels::planes::Planes;

/// Factor by which a picture is reduced before it is denoised at `sigma` levels (clause 14.1): the
/// smallest power of two that brings the noise of the averages down to `finest` levels, while both
/// sides keep 16 values or more.
pub fn factor(sigma: f64, finest: f64, width: usize, height: usize) -> usize {
    let mut f = 1;
    while sigma > finest * f as f64 && width.min(height) >= 32 * f {
        f *= 2;
    }
    f
}

/// Rows of one task of [`enlarge`].
const ENLARGED: usize = 64;

/// Averages over boxes of `f` x `f`. Boxes at the right and lower edges may be smaller.
pub fn reduce(x: &Planes, f: usize) -> Planes {
    let (w, h) = (x.width.div_ceil(f), x.height.div_ceil(f));
    let mut out = Planes::zeros(w, h);
    out.data
        .par_chunks_mut(w)
        .enumerate()
        .for_each(|(row, out)| {
            let (c, y) = (row / h, row % h);
            let rows = &x.plane(c)[y * f * x.width..((y + 1) * f).min(x.height) * x.width];
            for row in rows.chunks_exact(x.width) {
                for (sum, boxed) in out.iter_mut().zip(row.chunks(f)) {
                    *sum += boxed.iter().sum::<f32>();
                }
            }
            for (i, sum) in out.iter_mut().enumerate() {
                let area = (rows.len() / x.width) * f.min(x.width - i * f);
                *sum /= area as f32;
            }
        });
    out
}

/// Planes of `width` x `height` whose averages over boxes of `f` x `f` are those of `x`, each box
/// of one value.
pub fn repeat(x: &Planes, f: usize, width: usize, height: usize) -> Planes {
    let mut out = Planes::zeros(width, height);
    let rows = out.data.par_chunks_mut(width).enumerate();
    rows.for_each(|(row, out)| {
        let (c, y) = (row / height, row % height);
        let from = &x.plane(c)[y / f * x.width..][..x.width];
        let boxes = out.chunks_mut(f).zip(from);
        boxes.for_each(|(out, v)| out.fill(*v));
    });
    out
}

/// Cubic interpolation (Keys 1981, a = -1/2) of box averages back to `width` x `height`.
pub fn enlarge(x: &Planes, f: usize, width: usize, height: usize) -> Planes {
    let (columns, rows) = (taps(x.width, f, width), taps(x.height, f, height));
    let mut out = Planes::zeros(width, height);
    // Each task makes some rows, and widens the rows of `x` that they need once.
    let planes = out.data.chunks_exact_mut(width * height);
    let tasks = planes.enumerate().flat_map(|(c, plane)| {
        plane
            .chunks_mut(ENLARGED * width)
            .map(move |out| (c, out))
            .enumerate()
    });
    let tasks: Vec<_> = tasks.collect();
    tasks.into_par_iter().for_each(|(task, (c, out))| {
        let rows = &rows[task * ENLARGED..][..out.len() / width];
        let first = rows[0].0[0];
        let from = &x.plane(c)[first * x.width..(rows[rows.len() - 1].0[3] + 1) * x.width];
        let mut wide = Vec::with_capacity(from.len() / x.width * width);
        for row in from.chunks_exact(x.width) {
            let taps = columns.iter();
            wide.extend(
                taps.map(|(at, weight)| (0..4).map(|k| weight[k] * row[at[k]]).sum::<f32>()),
            );
        }
        for (out, (at, weight)) in out.chunks_exact_mut(width).zip(rows) {
            let from = at.map(|at| &wide[(at - first) * width..][..width]);
            // Memory that is new and read before it is written costs two faults a page.
            for (i, out) in out.iter_mut().enumerate() {
                let terms = [0, 1, 2, 3].map(|k| weight[k] * from[k][i]);
                *out = terms.into_iter().sum();
            }
        }
    });
    out
}

/// Four neighbours of each of `to` positions among `from` box centres, clamped, and their weights.
fn taps(from: usize, f: usize, to: usize) -> Vec<([usize; 4], [f32; 4])> {
    (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) / f as f64 - 0.5;
            let base = centre.floor();
            let t = centre - base;
            let weight = [
                ((-0.5 * t + 1.0) * t - 0.5) * t,
                (1.5 * t - 2.5) * t * t + 1.0,
                ((-1.5 * t + 2.0) * t + 0.5) * t,
                (0.5 * t - 0.5) * t * t,
            ];
            let at = std::array::from_fn(|k| {
                (base + k as f64 - 1.0).clamp(0.0, (from - 1) as f64) as usize
            });
            (at, weight.map(|w| w as f32))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_the_noise_and_the_picture() {
        assert_eq!(factor(256.0, 256.0, 768, 512), 1);
        assert_eq!(factor(257.0, 256.0, 768, 512), 2);
        assert_eq!(factor(5000.0, 256.0, 768, 512), 32);
        assert_eq!(factor(5000.0, 256.0, 31, 512), 1);
    }

    #[test]
    fn a_ramp_survives() {
        let (w, h) = (61, 47);
        let mut x = Planes::zeros(w, h);
        for (i, v) in x.data.iter_mut().enumerate() {
            *v = (i % w) as f32 + 2.0 * (i / w % h) as f32;
        }
        let small = reduce(&x, 4);
        assert_eq!((small.width, small.height), (16, 12));
        assert_eq!(small.data[0], 1.5 + 3.0);
        let back = enlarge(&small, 4, w, h);
        for y in 8..h - 12 {
            for i in 8..w - 12 {
                assert!((back.data[y * w + i] - x.data[y * w + i]).abs() < 1e-3);
            }
        }
    }
}
