//! The bands of a shift: an orthonormal change of colours and Haar scales (Haar 1910, Mallat 1989).
//!
//! The errors of x0_hat are mostly luminance, and mostly coarse. Values that are alike in that
//! respect share a rotation and an amplitude. That costs D_g/2 log2(1 + |m_g|^2 / D_g) bits for
//! each band g, less than one rotation of all values.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::codes::BANDS;
use crate::parallel;
use crate::parallel::copy;

/// The largest number of scales.
const MAX_LEVELS: usize = 5;

/// Chroma of this level and of finer ones is one band, coarser chroma another.
const FINE_CHROMA: usize = 3;

/// The least side of the coarsest scale.
const LEAST_SIDE: usize = 16;

/// Factors of r, g, b in the orthonormal colours: luminance, red against blue, green against both.
pub(crate) const COLOURS: [[f64; 3]; 3] = {
    const A: f64 = 0.577_350_269_189_625_8; // 1 / sqrt(3)
    const B: f64 = std::f64::consts::FRAC_1_SQRT_2;
    const C: f64 = 0.408_248_290_463_863; // 1 / sqrt(6)
    [[A, A, A], [B, 0.0, -B], [C, -2.0 * C, C]]
};

/// The least number of rows that one thread takes at a time.
const ROWS: usize = 16;

/// The bands of planes of one size, one after the other: luminance from the coarsest scale to the
/// finest (0 to 5), coarse chroma (6), fine chroma (7).
#[derive(Debug, Clone)]
pub struct Bands {
    width: usize,
    height: usize,
    levels: usize,
}

impl Bands {
    /// The bands of three planes of `width` x `height`, at least 16 each.
    pub fn new(width: usize, height: usize) -> Self {
        let scales = width.min(height) / LEAST_SIDE;
        Bands {
            width,
            height,
            levels: (scales.max(1).ilog2() as usize).min(MAX_LEVELS),
        }
    }

    /// The number of scales.
    pub(crate) fn levels(&self) -> usize {
        self.levels
    }

    /// Columns and rows of the averages at a level; level 0 is the plane.
    fn size(&self, level: usize) -> (usize, usize) {
        let side = |n: usize| n.div_ceil(1 << level);
        (side(self.width), side(self.height))
    }

    /// Number of averages of a plane at a level.
    fn area(&self, level: usize) -> usize {
        let (w, h) = self.size(level);
        w * h
    }

    /// Number of details of a plane between the averages of `level` and of the finer level.
    fn details(&self, level: usize) -> usize {
        match (1..=self.levels).contains(&level) {
            true => self.area(level - 1) - self.area(level),
            false => 0,
        }
    }

    /// D_g, the number of values of each band.
    pub fn lens(&self) -> [usize; BANDS] {
        let details = |levels: Range<usize>| levels.map(|l| self.details(l)).sum::<usize>();
        std::array::from_fn(|band| match band {
            0 => self.area(self.levels),
            6 => 2 * (self.area(self.levels) + details(FINE_CHROMA + 1..MAX_LEVELS + 1)),
            7 => 2 * details(1..FINE_CHROMA + 1),
            band => self.details(MAX_LEVELS + 1 - band),
        })
    }

    /// The band of a scale of a colour, and the place of the scale among the values of all bands.
    /// The averages have no level.
    pub(crate) fn place(&self, colour: usize, level: Option<usize>) -> (usize, Range<usize>) {
        let lens = self.lens();
        let len = level.map_or(self.area(self.levels), |l| self.details(l));
        let fine = level.is_some_and(|l| l <= FINE_CHROMA);
        let band = match (colour, level) {
            (0, None) => 0,
            (0, Some(l)) => MAX_LEVELS + 1 - l,
            _ if fine => 7,
            _ => 6,
        };
        let mut first: usize = lens[..band].iter().sum();
        if colour > 0 {
            first += (colour - 1) * lens[band] / 2;
            // Coarser scales come first.
            if let Some(l) = level {
                let above = if fine { FINE_CHROMA } else { MAX_LEVELS };
                first += (l + 1..above + 1).map(|l| self.details(l)).sum::<usize>();
                first += if fine { 0 } else { self.area(self.levels) };
            }
        }
        (band, first..first + len)
    }

    /// Turns the planes `x` into the values of all bands, in their memory.
    pub fn forward(&self, x: &mut [f32]) {
        let n = self.area(0);
        let (luminance, chroma) = x.split_at_mut(n);
        let (u, v) = chroma.split_at_mut(n);
        let values = luminance.par_iter_mut().zip(&mut *u).zip(&mut *v);
        values.with_min_len(1 << 14).for_each(|((x, u), v)| {
            let (r, g, b) = (*x, *u, *v);
            let mixed = |k: [f64; 3]| k[0] as f32 * r + k[1] as f32 * g + k[2] as f32 * b;
            (*x, *u, *v) = (mixed(COLOURS[0]), mixed(COLOURS[1]), mixed(COLOURS[2]));
        });
        let mut scales = vec![0.0; n];
        self.analyse(luminance, &mut scales);
        copy(&scales, luminance);
        // Coarse U, coarse V, fine U, fine V. The fine values of U reach to where V was, so V goes
        // first.
        let coarse = self.lens()[6] / 2;
        self.analyse(v, &mut scales);
        let coarse_v = scales[..coarse].to_vec();
        copy(&scales[coarse..], &mut v[coarse..]);
        self.analyse(u, &mut scales);
        chroma[..coarse].copy_from_slice(&scales[..coarse]);
        chroma[coarse..2 * coarse].copy_from_slice(&coarse_v);
        copy(&scales[coarse..], &mut chroma[2 * coarse..n + coarse]);
    }

    /// Energy of each band. `values(first, out)` writes the plane values from index `first`.
    pub fn energies(&self, values: impl Fn(usize, &mut [f32]) + Sync) -> [f64; BANDS] {
        const CHUNK: usize = 1 << 13;
        let n = self.area(0);
        let (mut plane, mut scales) = (vec![0.0; n], vec![0.0; n]);
        let mut energies = [0.0; BANDS];
        for (colour, factors) in COLOURS.iter().enumerate() {
            let chunks = plane.par_chunks_mut(CHUNK).enumerate();
            chunks.for_each_init(
                || vec![0.0; CHUNK],
                |own, (i, chunk)| {
                    let own = &mut own[..chunk.len()];
                    chunk.fill(0.0);
                    for (c, &k) in factors.iter().enumerate() {
                        values(c * n + i * CHUNK, own);
                        let pairs = chunk.iter_mut().zip(&*own);
                        pairs.for_each(|(sum, v)| *sum += k as f32 * v);
                    }
                },
            );
            self.analyse(&plane, &mut scales);
            for level in (1..=self.levels).map(Some).chain([None]) {
                let values = match level {
                    None => &scales[..self.area(self.levels)],
                    Some(l) => &scales[self.area(l)..self.area(l - 1)],
                };
                energies[self.place(colour, level).0] += parallel::squares(values);
            }
        }
        energies
    }

    /// Writes the scales of a plane, the coarsest first: its averages at the highest level, then
    /// the details of each level.
    fn analyse(&self, plane: &[f32], scales: &mut [f32]) {
        let mut averages = Cow::Borrowed(plane);
        for level in 1..=self.levels {
            let mut low = vec![0.0; self.area(level)];
            let details = &mut scales[self.area(level)..self.area(level - 1)];
            analyse(&averages, self.size(level - 1), &mut low, details);
            averages = Cow::Owned(low);
        }
        scales[..averages.len()].copy_from_slice(&averages);
    }

    /// Adds to the planes `x` `std` times the planes whose bands have the values `y` (clause 10.9).
    pub fn add(&self, y: &[f32], std: f64, x: &mut [f32]) {
        for (colour, factors) in COLOURS.iter().enumerate() {
            let mut plane = y[self.place(colour, None).1].to_vec();
            for level in (1..=self.levels).rev() {
                let mut finer = vec![0.0; self.area(level - 1)];
                let details = &y[self.place(colour, Some(level)).1];
                synthesise(&plane, details, self.size(level - 1), &mut finer);
                plane = finer;
            }
            for (x, k) in x.chunks_exact_mut(plane.len()).zip(factors) {
                let k = (std * k) as f32;
                let values = x.par_iter_mut().zip(&plane).with_min_len(1 << 14);
                values.for_each(|(x, v)| *x += k * v);
            }
        }
    }
}

/// Numbers of details of a plane of this size that are across and down; the others are both.
fn kinds((w, h): (usize, usize)) -> [usize; 2] {
    [(w / 2) * h.div_ceil(2), w.div_ceil(2) * (h / 2)]
}

/// One scale down: averages and details of squares of four values. The last row or column of an odd
/// side is paired with nothing.
fn analyse(x: &[f32], size: (usize, usize), low: &mut [f32], details: &mut [f32]) {
    let (w, h) = size;
    let (pairs, columns) = (h / 2, w.div_ceil(2));
    let [n, m] = kinds(size);
    let (across, rest) = details.split_at_mut(n);
    let (down, both) = rest.split_at_mut(m);
    let (low, last_low) = low.split_at_mut(pairs * columns);
    let (across, last_across) = across.split_at_mut(pairs * (w / 2));
    let rows = low
        .par_chunks_mut(columns)
        .zip(across.par_chunks_mut(w / 2));
    let rows = rows.zip(down.par_chunks_mut(columns).zip(both.par_chunks_mut(w / 2)));
    let rows = rows.zip(x.par_chunks_exact(2 * w)).with_min_len(ROWS);
    rows.for_each(|(((low, across), (down, both)), x)| {
        let (p, q) = x.split_at(w);
        for i in 0..w / 2 {
            let (a, b, c, d) = (p[2 * i], p[2 * i + 1], q[2 * i], q[2 * i + 1]);
            low[i] = 0.5 * ((a + b) + (c + d));
            across[i] = 0.5 * ((a - b) + (c - d));
            down[i] = 0.5 * ((a + b) - (c + d));
            both[i] = 0.5 * ((a - b) - (c - d));
        }
        if w % 2 == 1 {
            let (a, c) = (p[w - 1], q[w - 1]);
            low[w / 2] = HALF * (a + c);
            down[w / 2] = HALF * (a - c);
        }
    });
    if h % 2 == 1 {
        let p = &x[(h - 1) * w..];
        for i in 0..w / 2 {
            let (a, b) = (p[2 * i], p[2 * i + 1]);
            last_low[i] = HALF * (a + b);
            last_across[i] = HALF * (a - b);
        }
        if w % 2 == 1 {
            last_low[w / 2] = p[w - 1];
        }
    }
}

/// The inverse of [`analyse`].
fn synthesise(low: &[f32], details: &[f32], size: (usize, usize), x: &mut [f32]) {
    let (w, h) = size;
    let (pairs, columns) = (h / 2, w.div_ceil(2));
    let [n, m] = kinds(size);
    let (across, rest) = details.split_at(n);
    let (down, both) = rest.split_at(m);
    let (low, last_low) = low.split_at(pairs * columns);
    let (across, last_across) = across.split_at(pairs * (w / 2));
    let (x, last) = x.split_at_mut(2 * pairs * w);
    let rows = low.par_chunks(columns).zip(across.par_chunks(w / 2));
    let rows = rows.zip(down.par_chunks(columns).zip(both.par_chunks(w / 2)));
    let rows = rows.zip(x.par_chunks_exact_mut(2 * w)).with_min_len(ROWS);
    rows.for_each(|(((low, across), (down, both)), x)| {
        let (p, q) = x.split_at_mut(w);
        for i in 0..w / 2 {
            let (l, a, d, b) = (low[i], across[i], down[i], both[i]);
            p[2 * i] = 0.5 * ((l + a) + (d + b));
            p[2 * i + 1] = 0.5 * ((l - a) + (d - b));
            q[2 * i] = 0.5 * ((l + a) - (d + b));
            q[2 * i + 1] = 0.5 * ((l - a) - (d - b));
        }
        if w % 2 == 1 {
            let (l, d) = (low[w / 2], down[w / 2]);
            p[w - 1] = HALF * (l + d);
            q[w - 1] = HALF * (l - d);
        }
    });
    if h % 2 == 1 {
        for i in 0..w / 2 {
            let (l, a) = (last_low[i], last_across[i]);
            last[2 * i] = HALF * (l + a);
            last[2 * i + 1] = HALF * (l - a);
        }
        if w % 2 == 1 {
            last[w - 1] = last_low[w / 2];
        }
    }
}

/// sqrt(1 / 2), the factor of two values where a square has no more.
const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const SIZES: [(usize, usize); 6] = [
        (16, 16),
        (33, 50),
        (64, 47),
        (131, 129),
        (255, 300),
        (520, 514),
    ];

    fn noise(n: usize) -> Vec<f32> {
        let stream = Stream::new(3, 1);
        (0..n).map(|i| stream.gauss(i) as f32).collect()
    }

    fn energies(bands: &Bands, x: &[f32]) -> [f64; BANDS] {
        bands.energies(|first, out| out.copy_from_slice(&x[first..first + out.len()]))
    }

    #[test]
    fn the_places_of_all_scales_are_all_values_once() {
        for (w, h) in SIZES {
            let bands = Bands::new(w, h);
            let mut seen = vec![0; 3 * w * h];
            let mut lens = [0; BANDS];
            for colour in 0..3 {
                for level in (1..=bands.levels).map(Some).chain([None]) {
                    let (band, place) = bands.place(colour, level);
                    let first: usize = bands.lens()[..band].iter().sum();
                    assert!(place.start >= first && place.end <= first + bands.lens()[band]);
                    lens[band] += place.len();
                    seen[place].iter_mut().for_each(|n| *n += 1);
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{w} x {h}");
            assert_eq!(lens, bands.lens());
        }
    }

    /// The table of clause 10.8.
    #[test]
    fn bands_have_the_values_that_the_specification_says() {
        for (w, h, lens) in [
            (20, 16, [320, 0, 0, 0, 0, 0, 640, 0]),
            (203, 117, [1530, 0, 0, 0, 4488, 17733, 3060, 44442]),
            (
                768,
                512,
                [384, 1152, 4608, 18432, 73728, 294_912, 12_288, 774_144],
            ),
        ] {
            assert_eq!(Bands::new(w, h).lens(), lens);
        }
    }

    #[test]
    fn there_and_back_is_the_identity() {
        for (w, h) in SIZES {
            let (bands, x) = (Bands::new(w, h), noise(3 * w * h));
            let mut y = x.clone();
            bands.forward(&mut y);
            let mut back = vec![1.0; x.len()];
            bands.add(&y, 2.0, &mut back);
            for (a, b) in x.iter().zip(back) {
                assert!((1.0 + 2.0 * a - b).abs() < 1e-5, "{w} x {h}: {a} {b}");
            }
            let energy = |v: &[f32]| v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
            let mut rest = &y[..];
            for (len, got) in bands.lens().into_iter().zip(energies(&bands, &x)) {
                let (values, others) = rest.split_at(len);
                rest = others;
                let error = got - energy(values);
                assert!(error.abs() < 1e-6 * energy(&x), "{w} x {h}: {error}");
            }
            assert!((energy(&x) / energy(&y) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_even_is_in_the_first_band_and_what_is_coloured_in_the_last() {
        let bands = Bands::new(128, 128);
        let grey = energies(&bands, &vec![2.0; 3 * 128 * 128]);
        assert!((grey[0] / (4.0 * 3.0 * 128.0 * 128.0) - 1.0).abs() < 1e-6);
        assert!(grey[1..].iter().all(|&e| e < 1e-6), "{grey:?}");
        let mut x = vec![0.0; 3 * 128 * 128];
        for i in 0..128 * 128 {
            x[i] = if i % 2 == 0 { 1.0 } else { -1.0 };
            x[i + 2 * 128 * 128] = -x[i];
        }
        let stripes = energies(&bands, &x);
        assert!(
            (stripes[7] / (2.0 * 128.0 * 128.0) - 1.0).abs() < 1e-6,
            "{stripes:?}"
        );
    }
}
