//! Cuts pictures to what the network takes: sides padded by reflection, large pictures in overlapping tiles.

use crate::error::Result;
use crate::planes::{Planes, mirror};

/// The longest side that is denoised in one piece.
const WHOLE: usize = 1024;
/// The longest side of a tile's core, the part that is kept.
const CORE: usize = 768;
/// Values around the core that the network sees as well.
const CONTEXT: usize = 64;

/// The cores of one axis of `n` values: one up to [`WHOLE`], else pieces of nearly equal length, cut at multiples of 64.
fn cores(n: usize) -> Vec<(usize, usize)> {
    if n <= WHOLE {
        return vec![(0, n)];
    }
    let count = n.div_ceil(CORE);
    let cut = |i: usize| {
        if i == count {
            n
        } else {
            (n * i / count).next_multiple_of(64)
        }
    };
    (0..count).map(|i| (cut(i), cut(i + 1))).collect()
}

/// The sides of the largest planes that [`tiled`] denoises of a picture of `width` x `height`.
pub fn largest(width: usize, height: usize, multiple: usize) -> (usize, usize) {
    let side = |n: usize| {
        let seen =
            |(from, to): (usize, usize)| (to + CONTEXT).min(n) - from.saturating_sub(CONTEXT);
        let most = cores(n).into_iter().map(seen).max().unwrap_or(n);
        most.next_multiple_of(multiple)
    };
    (side(width), side(height))
}

/// Applies `denoise`, which takes planes whose sides are multiples of `multiple`, to a picture of any size.
pub fn tiled(
    x: &Planes,
    multiple: usize,
    mut denoise: impl FnMut(&Planes) -> Result<Planes>,
) -> Result<Planes> {
    if x.width <= WHOLE
        && x.height <= WHOLE
        && x.width.is_multiple_of(multiple)
        && x.height.is_multiple_of(multiple)
    {
        return denoise(x);
    }
    let mut out = Planes::zeros(x.width, x.height);
    for (top, bottom) in cores(x.height) {
        for (left, right) in cores(x.width) {
            let (x0, y0) = (left.saturating_sub(CONTEXT), top.saturating_sub(CONTEXT));
            let (x1, y1) = (
                (right + CONTEXT).min(x.width),
                (bottom + CONTEXT).min(x.height),
            );
            let tile = extract(x, (x0, y0), (x1 - x0, y1 - y0), multiple);
            let done = denoise(&tile)?;
            for c in 0..3 {
                for y in top..bottom {
                    let from = &done.plane(c)[(y - y0) * done.width + left - x0..][..right - left];
                    let at = (c * x.height + y) * x.width + left;
                    out.data[at..at + right - left].copy_from_slice(from);
                }
            }
        }
    }
    Ok(out)
}

/// The window of `size` at `origin`, extended to multiples of `multiple` on the right and below by reflection.
fn extract(x: &Planes, origin: (usize, usize), size: (usize, usize), multiple: usize) -> Planes {
    let mut tile = Planes::zeros(
        size.0.next_multiple_of(multiple),
        size.1.next_multiple_of(multiple),
    );
    for c in 0..3 {
        let plane = x.plane(c);
        for y in 0..tile.height {
            let from = &plane[(origin.1 + mirror(y, size.1)) * x.width + origin.0..][..size.0];
            let at = (c * tile.height + y) * tile.width;
            let row = &mut tile.data[at..at + tile.width];
            row[..size.0].copy_from_slice(from);
            for i in size.0..row.len() {
                row[i] = from[mirror(i, size.0)];
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_every_axis_once() {
        for n in [1, 16, 1024, 1025, 1100, 4000, 12345] {
            let cores = cores(n);
            assert_eq!((cores[0].0, cores[cores.len() - 1].1), (0, n));
            assert!(
                cores
                    .windows(2)
                    .all(|w| w[0].1 == w[1].0 && w[0].1 % 64 == 0)
            );
            assert!(
                cores.iter().all(|c| c.1 > c.0 && c.1 - c.0 <= WHOLE),
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
        let y = tiled(&x, 16, |t| {
            assert!(t.width % 16 == 0 && t.height % 16 == 0 && t.width <= WHOLE);
            Ok(t.clone())
        });
        assert_eq!(y.expect("no errors"), x);
    }
}
