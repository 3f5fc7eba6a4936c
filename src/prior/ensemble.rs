//! Geometric self-ensemble: a denoiser averaged over orientations of the picture, as errors in one
//! orientation cancel in the mean (Timofte, Rothe and Van Gool, "Seven ways to improve
//! example-based single image super resolution", CVPR 2016).

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::codes::PriorId;
use crate::pixels::planes::Planes;
use crate::prior::weights::identify;

/// Sizes of the ensembles that a prior can be averaged over.
pub const ENSEMBLES: [usize; 4] = [1, 2, 4, 8];

/// Fewest values that a thread takes.
const LEAST: usize = 1 << 14;

/// Identity of the prior `id` averaged over `n` orientations (clause 3.6): for more than one, the
/// first four bytes of the SHA-256 of the identity and the byte `n`.
pub(super) fn ensemble_id(id: PriorId, n: usize) -> PriorId {
    match n {
        1 => id,
        _ => identify(&[&id.0[..], &[n as u8]].concat()),
    }
}

/// Size of the ensemble of the prior `id` that is called `wanted`; none if `wanted` is another
/// prior.
pub(super) fn ensemble_of(id: PriorId, wanted: PriorId) -> Option<usize> {
    ENSEMBLES
        .into_iter()
        .find(|&n| ensemble_id(id, n) == wanted)
}

/// One of the eight orientations. Bit 0 of its number mirrors left to right, bit 1 top to bottom;
/// bit 2 then exchanges columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// Orientations of these places in the order of clause 14.9: upright, turned by half, mirrored
    /// left to right, mirrored top to bottom, then these four with columns and rows exchanged. The
    /// first two and the first four are groups.
    pub fn all(these: Range<usize>) -> impl Iterator<Item = Orientation> {
        these.map(|i| Orientation([0, 3, 1, 2, 4, 7, 5, 6][i]))
    }

    /// `x` in this orientation.
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

    /// Turns `turned` back from this orientation, and adds it to `sum`.
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

    /// Index in a plane of `x` of the value at column `u` and row `v` of the orientation.
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
