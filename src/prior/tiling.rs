//! Cuts pictures for the network: sides are extended by reflection, large pictures run in
//! overlapping tiles.

use rayon::prelude::*;

use crate::error::Result;
use crate::pixels::planes::{Planar, Planes, mirror};

/// Rows that a thread copies at least.
const ROWS: usize = 32;

/// Rules by which pictures are cut, in values of one axis.
#[derive(Debug, Clone, Copy)]
pub struct Tiling {
    /// Number of which sides of the network's planes are multiples.
    multiple: usize,
    /// Longest side that is denoised in one piece.
    whole: usize,
    /// Longest side of a tile's core, the part that is kept.
    core: usize,
    /// Values around the core that the network sees as well.
    context: usize,
    /// Number on whose multiples cuts fall.
    cuts: usize,
}

/// A function that writes the values of planes from an index into a row.
pub(crate) type CopyValues<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// Copies of the values of `x`, as [`Tiling::compose`] takes them.
pub(crate) fn values_of(x: &Planes) -> impl Fn(usize, &mut [f32]) + Sync {
    |first, row| row.copy_from_slice(&x.data[first..][..row.len()])
}

/// A tile of a picture: the network sees a window, extended by reflection, and serves the core
/// within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// First column and row of the window.
    pub origin: (usize, usize),
    /// Columns and rows of the window.
    pub size: (usize, usize),
    /// Columns and rows of the window after its extension to multiples.
    pub extended: (usize, usize),
    /// First column of the core, and the one after its last.
    pub columns: (usize, usize),
    /// First row of the core, and the one after its last.
    pub rows: (usize, usize),
}

impl Tiling {
    /// Tiling with sides up to 1024 in one piece, or up to `side` for a network that was trained on
    /// that size.
    pub fn new(multiple: usize, side: Option<usize>) -> Tiling {
        match side {
            None => Tiling {
                multiple,
                whole: 1024,
                core: 768,
                context: 64,
                cuts: 64,
            },
            Some(side) => Tiling {
                multiple,
                whole: side,
                core: (side - 2 * (side / 8)).max(1),
                context: side / 8,
                cuts: 1,
            },
        }
    }

    /// Tiling with cores of up to `core`, a multiple of `multiple`, and `context` around them.
    #[cfg(feature = "candle")]
    pub fn windows(multiple: usize, core: usize, context: usize) -> Tiling {
        Tiling {
            multiple,
            whole: core,
            core,
            context,
            cuts: multiple,
        }
    }

    /// Cores of one axis of `n` values: one if it can be whole, else pieces of nearly equal length.
    fn cores(&self, n: usize) -> Vec<(usize, usize)> {
        if n <= self.whole {
            return vec![(0, n)];
        }
        let count = n.div_ceil(self.core);
        let cut = |i: usize| {
            if i == count {
                n
            } else {
                (n * i / count).next_multiple_of(self.cuts)
            }
        };
        (0..count).map(|i| (cut(i), cut(i + 1))).collect()
    }

    /// Sides of the largest planes that [`Tiling::apply`] denoises for a picture of `width` x
    /// `height`.
    pub fn largest(&self, width: usize, height: usize) -> (usize, usize) {
        let side = |n: usize| {
            let seen = |(from, to): (usize, usize)| {
                (to + self.context).min(n) - from.saturating_sub(self.context)
            };
            let most = self.cores(n).into_iter().map(seen).max().unwrap_or(n);
            most.next_multiple_of(self.multiple)
        };
        (side(width), side(height))
    }

    /// Tiles of a picture of `width` x `height`, row by row.
    pub fn tiles(&self, width: usize, height: usize) -> Vec<Tile> {
        let window = |(from, to): (usize, usize), n: usize| {
            let first = from.saturating_sub(self.context);
            (first, (to + self.context).min(n) - first)
        };
        let mut tiles = Vec::new();
        for rows in self.cores(height) {
            for columns in self.cores(width) {
                let ((x, w), (y, h)) = (window(columns, width), window(rows, height));
                let extended = |n: usize| n.next_multiple_of(self.multiple);
                tiles.push(Tile {
                    origin: (x, y),
                    size: (w, h),
                    extended: (extended(w), extended(h)),
                    columns,
                    rows,
                });
            }
        }
        tiles
    }

    /// True if a picture is one tile without any extension.
    fn is_tile(&self, x: &Planes) -> bool {
        let fits = |n: usize| n <= self.whole && n.is_multiple_of(self.multiple);
        fits(x.width) && fits(x.height)
    }

    /// Applies `denoise` to a picture of any size, tile by tile. `denoise` takes planes whose sides
    /// are multiples of `multiple`.
    ///
    /// # Errors
    /// The first error of `denoise`.
    pub fn apply(
        &self,
        x: &Planes,
        mut denoise: impl FnMut(&Planes) -> Result<Planes>,
    ) -> Result<Planes> {
        if self.is_tile(x) {
            return denoise(x);
        }
        let mut out = Planes::zeros(x.width, x.height);
        self.update(x, &mut out, denoise, |out, done| *out = done)?;
        Ok(out)
    }

    /// Changes each value of `out` by the denoised value of its place.
    ///
    /// # Errors
    /// The first error of `denoise`.
    pub fn update(
        &self,
        x: &Planes,
        out: &mut Planes,
        mut denoise: impl FnMut(&Planes) -> Result<Planes>,
        change: impl Fn(&mut f32, f32),
    ) -> Result<()> {
        if self.is_tile(x) {
            let done = denoise(x)?;
            let values = out.data.iter_mut().zip(&done.data);
            values.for_each(|(to, v)| change(to, *v));
            return Ok(());
        }
        self.compose([&values_of(x)], out, |[x]| denoise(x), change)
    }

    /// Changes each value of `out` by the value of its place that `make` makes of other pictures of
    /// its size. `copies` write their values into a row: those from index `first` of the planes.
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn compose<const N: usize>(
        &self,
        copies: [&CopyValues<'_>; N],
        out: &mut Planes,
        mut make: impl FnMut([&Planes; N]) -> Result<Planes>,
        change: impl Fn(&mut f32, f32),
    ) -> Result<()> {
        let size = (out.width, out.height);
        for tile in self.tiles(size.0, size.1) {
            let windows = copies.map(|copy| extract(&tile, size, copy));
            let done = make(windows.each_ref())?;
            drop(windows);
            for (at, from) in tile.core(&done, size) {
                let to = &mut out.data[at..at + from.len()];
                to.iter_mut().zip(from).for_each(|(to, v)| change(to, *v));
            }
        }
        Ok(())
    }

    /// Replaces `out` by what `make` makes of `x` and `out`, tile by tile, without more planes of
    /// the picture.
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn replace(
        &self,
        x: &Planes,
        out: &mut Planes,
        mut make: impl FnMut([&Planes; 2]) -> Result<Planes>,
    ) -> Result<()> {
        let size = (out.width, out.height);
        // What the windows beside and below a tile see of it stays as it was until they are made.
        let (mut beside, mut above, mut below) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = None;
        for tile in self.tiles(size.0, size.1) {
            if row.is_some_and(|row| row != tile.rows) {
                lay(out, &mut beside);
                lay(out, &mut above);
                std::mem::swap(&mut above, &mut below);
            }
            row = Some(tile.rows);
            let windows = [x, &*out].map(|planes| extract(&tile, size, values_of(planes)));
            let done = make(windows.each_ref())?;
            drop(windows);
            lay(out, &mut beside);
            let seen_below = tile.rows.1.saturating_sub(self.context);
            for (at, values) in tile.core(&done, size) {
                if at / size.0 % size.1 >= seen_below {
                    below.push((at, values.to_vec()));
                    continue;
                }
                let (now, later) = values.split_at(values.len().saturating_sub(self.context));
                out.data[at..at + now.len()].copy_from_slice(now);
                beside.push((at + now.len(), later.to_vec()));
            }
        }
        [beside, above, below]
            .iter_mut()
            .for_each(|pieces| lay(out, pieces));
        Ok(())
    }

    /// Bytes that [`Tiling::replace`] takes at most for what waits, for a picture of `width` x
    /// `height`.
    pub fn waiting(&self, width: usize, height: usize) -> u64 {
        match width.max(height) > self.whole {
            true => 12 * (self.context * (2 * width + self.whole)) as u64,
            false => 0,
        }
    }

    /// Samples of 16 bits that `make` makes of samples, tile by tile, without planes of the whole
    /// picture.
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn map_tiles(
        &self,
        x: &Planar,
        mut make: impl FnMut(&Planes) -> Result<Planes>,
    ) -> Result<Planar> {
        let size = (x.width, x.height);
        let mut out = Planar::black(x.width, x.height);
        for tile in self.tiles(x.width, x.height) {
            let copy = |first: usize, row: &mut [f32]| x.copy_to(first, row);
            let done = make(&extract(&tile, size, copy))?;
            for (at, from) in tile.core(&done, size) {
                out.copy_from(at, from);
            }
        }
        Ok(out)
    }
}

impl Tile {
    /// Rows of the core in `done`, planes of the window. Each row comes with the index of its first
    /// value in planes of `width` x `height`.
    fn core<'a>(
        &self,
        done: &'a Planes,
        (width, height): (usize, usize),
    ) -> impl Iterator<Item = (usize, &'a [f32])> {
        let Tile {
            origin,
            columns,
            rows,
            ..
        } = *self;
        let row = move |(c, y): (usize, usize)| {
            let from = (y - origin.1) * done.width + columns.0 - origin.0;
            let values = &done.plane(c)[from..][..columns.1 - columns.0];
            ((c * height + y) * width + columns.0, values)
        };
        (0..3)
            .flat_map(move |c| (rows.0..rows.1).map(move |y| (c, y)))
            .map(row)
    }
}

/// Moves pieces to their places in `out`.
fn lay(out: &mut Planes, pieces: &mut Vec<(usize, Vec<f32>)>) {
    for (at, values) in pieces.drain(..) {
        out.data[at..at + values.len()].copy_from_slice(&values);
    }
}

/// Window of a tile of planes of `width` x `height`, extended on the right and below by reflection.
/// `copy(first, row)` writes the plane values from index `first`.
fn extract(
    tile: &Tile,
    (width, height): (usize, usize),
    copy: impl Fn(usize, &mut [f32]) + Sync,
) -> Planes {
    let (origin, size, extended) = (tile.origin, tile.size, tile.extended);
    let mut tile = Planes::zeros(extended.0, extended.1);
    let rows = tile.data.par_chunks_mut(extended.0).with_min_len(ROWS);
    rows.enumerate().for_each(|(row, values)| {
        let (c, y) = (row / extended.1, row % extended.1);
        let from = (c * height + origin.1 + mirror(y, size.1)) * width + origin.0;
        let (inside, outside) = values.split_at_mut(size.0);
        copy(from, inside);
        for (i, value) in outside.iter_mut().enumerate() {
            *value = inside[mirror(size.0 + i, size.0)];
        }
    });
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_every_axis_once() {
        let usual = Tiling::new(16, None);
        for n in [1, 16, 1024, 1025, 1100, 4000, 12345] {
            let cores = usual.cores(n);
            assert_eq!((cores[0].0, cores[cores.len() - 1].1), (0, n));
            assert!(
                cores
                    .windows(2)
                    .all(|w| w[0].1 == w[1].0 && w[0].1 % 64 == 0)
            );
            assert!(
                cores.iter().all(|c| c.1 > c.0 && c.1 - c.0 <= usual.whole),
                "{cores:?}"
            );
        }
    }

    #[test]
    fn tiles_hold_what_the_picture_holds() {
        let mut x = Planes::zeros(1500, 37);
        x.data
            .iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = i as f32);
        for (side, most) in [(None, 1024), (Some(32), 32), (Some(256), 256)] {
            let tiling = Tiling::new(16, side);
            let (mut width, mut height) = (0, 0);
            let y = tiling.apply(&x, |t| {
                assert!(t.width % 16 == 0 && t.height % 16 == 0 && t.width <= most);
                (width, height) = (t.width.max(width), t.height.max(height));
                Ok(t.clone())
            });
            assert_eq!(y.expect("no errors"), x);
            assert_eq!(tiling.largest(x.width, x.height), (width, height));
        }
    }

    #[test]
    fn tiles_are_replaced_by_what_was_there_before() {
        let mut x = Planes::zeros(70, 131);
        for (i, v) in x.data.iter_mut().enumerate() {
            *v = (i * 7919 % 211) as f32;
        }
        // Each value by those beside, above and below it, within the context of the tiles.
        let blurred = |[x, y]: [&Planes; 2]| {
            let mut out = x.clone();
            for (c, row, column) in (0..3 * x.height * x.width)
                .map(|i| (i / x.width / x.height, i / x.width % x.height, i % x.width))
            {
                let at = |r: usize, k: usize| y.plane(c)[mirror(r, x.height) * x.width + k];
                let beside = at(row, (column + 1).min(x.width - 1));
                let around = at(row + 3, column) + at(row.saturating_sub(3), column);
                out.data[(c * x.height + row) * x.width + column] += beside + around;
            }
            Ok(out)
        };
        let y = Planes {
            data: x.data.iter().map(|v| 1000.0 - v).collect(),
            ..x
        };
        let tiling = Tiling::new(16, Some(32));
        let (mut at_once, mut aside) = (y.clone(), y.clone());
        tiling.replace(&x, &mut at_once, blurred).expect("blurs");
        let copies: [&CopyValues<'_>; 2] = [&values_of(&x), &values_of(&y)];
        tiling
            .compose(copies, &mut aside, blurred, |to, v| *to = v)
            .expect("blurs");
        assert!(at_once == aside && aside != y);
    }
}
