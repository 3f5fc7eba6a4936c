//! The eight orientations of a picture, and the average of a denoiser over them: what it gets wrong in one of them only is
//! averaged away (the geometric self-ensemble of Timofte, Rothe and Van Gool, "Seven ways to improve example-based single
//! image super resolution", CVPR 2016).

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::pixels::planes::Planes;

/// Values a thread takes at least.
const LEAST: usize = 1 << 14;

/// One of the eight orientations: a mirror image left to right (bit 0 of its number), top to bottom (bit 1), then the
/// exchange of columns and rows (bit 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// These of all eight: the picture as it is, turned by half, mirrored both ways, and the same four with columns and rows
    /// exchanged. The first two and the first four are groups.
    pub fn all(these: Range<usize>) -> impl Iterator<Item = Orientation> {
        these.map(|i| Orientation([0, 3, 1, 2, 4, 7, 5, 6][i]))
    }

    /// The picture in this orientation.
    pub fn of<'a>(self, x: &'a Planes) -> Cow<'a, Planes> {
        if self.0 == 0 {
            return Cow::Borrowed(x);
        }
        let (width, height) = match self.exchanges() {
            true => (x.height, x.width),
            false => (x.width, x.height),
        };
        let mut out = Planes::zeros(width, height);
        let rows = out.data.par_chunks_exact_mut(width.max(1)).enumerate();
        rows.with_min_len(LEAST / width.max(1) + 1)
            .for_each(|(row, to)| {
                let (plane, v) = (x.plane(row / height), row % height);
                for (u, to) in to.iter_mut().enumerate() {
                    *to = plane[self.source(x, u, v)];
                }
            });
        Cow::Owned(out)
    }

    /// Adds to `sum` a picture in this orientation, turned back.
    pub fn add_back(self, turned: &Planes, sum: &mut Planes) {
        let (width, height) = (sum.width, sum.height);
        let rows = sum.data.par_chunks_exact_mut(width.max(1)).enumerate();
        rows.with_min_len(LEAST / width.max(1) + 1)
            .for_each(|(row, to)| {
                let (plane, y) = (turned.plane(row / height), row % height);
                for (x, to) in to.iter_mut().enumerate() {
                    let (x, y) = (self.mirrored(0, x, width), self.mirrored(1, y, height));
                    let (u, v) = if self.exchanges() { (y, x) } else { (x, y) };
                    *to += plane[v * turned.width + u];
                }
            });
    }

    fn exchanges(self) -> bool {
        self.0 & 4 != 0
    }

    fn mirrored(self, bit: u8, at: usize, n: usize) -> usize {
        match self.0 >> bit & 1 {
            1 => n - 1 - at,
            _ => at,
        }
    }

    /// Where in a plane of `x` the value at column `u` and row `v` of the orientation is.
    fn source(self, x: &Planes, u: usize, v: usize) -> usize {
        let (column, row) = if self.exchanges() { (v, u) } else { (u, v) };
        self.mirrored(1, row, x.height) * x.width + self.mirrored(0, column, x.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: usize, height: usize) -> Planes {
        let data = (0..3 * width * height).map(|i| i as f32).collect();
        Planes {
            width,
            height,
            data,
        }
    }

    #[test]
    fn every_orientation_is_another_and_comes_back() {
        for (width, height) in [(3, 2), (1, 4), (200, 150)] {
            let x = numbered(width, height);
            let mut seen: Vec<Planes> = Vec::new();
            for orientation in Orientation::all(0..8) {
                let turned = orientation.of(&x).into_owned();
                let exchanged = (turned.width, turned.height) == (height, width);
                assert!(exchanged || (turned.width, turned.height) == (width, height));
                let mut back = Planes::zeros(width, height);
                orientation.add_back(&turned, &mut back);
                assert_eq!(back, x, "{orientation:?}");
                if width > 1 {
                    assert!(!seen.contains(&turned), "{orientation:?}");
                }
                seen.push(turned);
            }
        }
    }

    #[test]
    fn orientations_are_those_of_the_specification() {
        // a b c
        // d e f
        let x = numbered(3, 2);
        let rows = |i: usize| {
            let turned = Orientation::all(i..i + 1).next().expect("one of eight");
            let turned = turned.of(&x).into_owned();
            let letter = |v: &f32| char::from(b'a' + *v as u8);
            let row = |row: &[f32]| row.iter().map(letter).collect::<String>();
            let all: Vec<String> = turned.plane(0).chunks(turned.width).map(row).collect();
            all.join(" ")
        };
        let wanted = [
            "abc def", "fed cba", "cba fed", "def abc", "ad be cf", "fc eb da", "cf be ad",
            "da eb fc",
        ];
        for (i, wanted) in wanted.into_iter().enumerate() {
            assert_eq!(rows(i), wanted, "{i}");
        }
    }
}
