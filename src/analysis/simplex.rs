//! Simplex noise (Perlin 2001) in octaves: smooth random fields that hide large structures of a
//! picture as well as small ones.

use rayon::prelude::*;

use crate::pixels::planes::Planes;
use crate::random::Stream;

/// Number of octaves (this constant and the next two: Wyatt et al. 2022, section 3.2).
const OCTAVES: u32 = 6;
/// Period of the lowest octave, in pixels.
const LONGEST: f64 = 64.0;
/// Amplitude of each octave over the amplitude of the one before.
const PERSISTENCE: f64 = 0.8;

/// Number of directions of gradients.
const DIRECTIONS: u64 = 16;

/// Three independent planes of the size of `like`, each of mean 0 and variance 1.
pub fn noise(stream: &Stream, like: &Planes) -> Planes {
    let mut out = Planes::zeros(like.width, like.height);
    let (w, n) = (like.width, like.width * like.height);
    for (c, plane) in out.data.chunks_exact_mut(n).enumerate() {
        plane.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
            for (x, v) in row.iter_mut().enumerate() {
                let octave = |k: u32| {
                    let field = Field {
                        stream,
                        octave: c as u64 * u64::from(OCTAVES) + u64::from(k),
                    };
                    let unit = f64::from(1u32 << k) / LONGEST;
                    PERSISTENCE.powi(k as i32) * field.at(x as f64 * unit, y as f64 * unit)
                };
                *v = (0..OCTAVES).map(octave).sum::<f64>() as f32;
            }
        });
        let count = plane.len() as f64;
        let mean = plane.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let squares = plane.iter().map(|&v| (f64::from(v) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt().max(1e-9);
        plane
            .iter_mut()
            .for_each(|v| *v = ((f64::from(*v) - mean) / deviation) as f32);
    }
    out
}

/// One octave: a gradient at each point of a lattice of equilateral triangles, of about one unit a
/// side.
struct Field<'a> {
    stream: &'a Stream,
    octave: u64,
}

impl Field<'_> {
    /// The sum over the corners of the triangle around (x, y). Each corner adds the slope of its
    /// gradient, faded out with distance.
    fn at(&self, x: f64, y: f64) -> f64 {
        // A shear along the diagonal turns the triangles into halves of unit squares.
        let root = 3f64.sqrt();
        let (skew, unskew) = ((root - 1.0) / 2.0, (3.0 - root) / 6.0);
        let sheared = skew * (x + y);
        let (i, j) = ((x + sheared).floor(), (y + sheared).floor());
        let corner = |i: f64, j: f64| (x - i + unskew * (i + j), y - j + unskew * (i + j));
        let (dx, dy) = corner(i, j);
        let middle = if dx > dy { (1.0, 0.0) } else { (0.0, 1.0) };
        [(0.0, 0.0), middle, (1.0, 1.0)]
            .into_iter()
            .map(|(a, b)| {
                let (i, j) = (i + a, j + b);
                let (dx, dy) = corner(i, j);
                let fade = (0.5 - dx * dx - dy * dy).max(0.0);
                let (gx, gy) = self.gradient(i as i64, j as i64);
                fade.powi(4) * (gx * dx + gy * dy)
            })
            .sum()
    }

    /// The gradient at the point (i, j) of the lattice, of length 1.
    fn gradient(&self, i: i64, j: i64) -> (f64, f64) {
        // Lattice coordinates stay below 2^24 in pictures of the largest side.
        let key = (self.octave << 52) ^ ((i as u64 & 0x3ff_ffff) << 26) ^ (j as u64 & 0x3ff_ffff);
        let direction = self.stream.at(key) % DIRECTIONS;
        let (sin, cos) = libm::sincos(direction as f64 * std::f64::consts::TAU / DIRECTIONS as f64);
        (cos, sin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_zero_on_the_lattice_and_continuous() {
        let stream = Stream::new(3, 1);
        let field = Field {
            stream: &stream,
            octave: 2,
        };
        assert_eq!(field.at(0.0, 0.0), 0.0);
        let (mut last, mut most, mut largest) = (field.at(0.0, 0.3), 0.0f64, 0.0f64);
        for k in 1..20_000 {
            let v = field.at(f64::from(k) * 1e-3, 0.3 + f64::from(k) * 3e-4);
            most = most.max((v - last).abs());
            largest = largest.max(v.abs());
            last = v;
        }
        assert!(largest > 0.005, "{largest}");
        assert!(
            most < 0.01 * largest,
            "a jump of {most}, values to {largest}"
        );
    }
}
