//! Transforms around the products of a 3 x 3 convolution by Winograd's minimal filtering F(4 x 4, 3
//! x 3) (Winograd 1980; Lavin and Gray 2016): 36 multiplications for 16 outputs. The sum over taps
//! takes 144.
//!
//! d is a tile of 6 x 6 inputs, m its products with the transformed weights, one for each of 36
//! points:
//!
//! ```text
//! v = B^T d B     y = A^T m A     B^T and A^T by columns first, then along the rows
//! ```
//!
//! Every sum is rounded where it is written, and nothing is fused, so that vectors of any width
//! give equal bits.

use std::ops::Range;

use crate::prior::cpu::kernel::instructions::Kernel;
use crate::prior::cpu::kernel::span::{Epilogue, GROUP};

/// Outputs a side of a tile.
pub(crate) const TILE: usize = 4;
/// Inputs a side of a tile, and points a side of its transform.
pub(crate) const REACH: usize = TILE + 2;
/// Points of a tile's transform.
pub(crate) const POINTS: usize = REACH * REACH;

/// Channels of one pixel in a group.
type Lanes = [f32; GROUP];

/// Layout of `tiles` tiles of `channels` channels at each point, `[POINTS][tiles][channels]`.
///
/// A few values of padding keep the points of one tile apart in the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points {
    pub tiles: usize,
    pub channels: usize,
}

impl Points {
    /// Values from one point to the next.
    pub fn stride(self) -> usize {
        self.tiles * self.channels + GROUP
    }

    /// Values in all.
    pub fn len(self) -> usize {
        POINTS * self.stride()
    }

    /// Index of group `group` of `tile` at `point`.
    #[inline(always)]
    fn at(self, point: usize, tile: usize, group: usize) -> usize {
        point * self.stride() + tile * self.channels + group * GROUP
    }
}

/// Values of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64 / size_of::<f32>();

/// Asks the memory for the values `columns` of the first [`TILE`] of `rows`, as far as they exist.
/// These streams are too many for the processor to guess.
#[inline(always)]
pub(crate) fn prefetch(rows: &[f32], stride: usize, columns: Range<usize>) {
    #[cfg(target_arch = "x86_64")]
    for row in rows.chunks_exact(stride).take(TILE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in row[columns.start.min(stride)..columns.end.min(stride)].chunks(LINE) {
            // SAFETY: a hint, of an address inside the slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (rows, stride, columns);
}

/// B^T of six values.
#[inline(always)]
fn scatter(d: [&Lanes; REACH]) -> [Lanes; REACH] {
    let mut v = [[0.0; GROUP]; REACH];
    for l in 0..GROUP {
        let [d0, d1, d2, d3, d4, d5] = d.map(|d| d[l]);
        let (even, odd) = (d4 - d2, d3 - d1);
        let (a, b) = (d4 - 4.0 * d2, d3 - 4.0 * d1);
        v[0][l] = even + 4.0 * (d0 - d2);
        v[1][l] = a + b;
        v[2][l] = a - b;
        v[3][l] = even + 2.0 * odd;
        v[4][l] = even - 2.0 * odd;
        v[5][l] = (d5 - d3) - 4.0 * odd;
    }
    v
}

/// A^T of six values.
#[inline(always)]
fn gather(m: [&Lanes; REACH]) -> [Lanes; TILE] {
    let mut y = [[0.0; GROUP]; TILE];
    for l in 0..GROUP {
        let [m0, m1, m2, m3, m4, m5] = m.map(|m| m[l]);
        let (s, d) = (m1 + m2, m1 - m2);
        let (s2, d2) = (m3 + m4, m3 - m4);
        y[0][l] = (m0 + s) + s2;
        y[1][l] = d + 2.0 * d2;
        y[2][l] = s + 4.0 * s2;
        y[3][l] = (d + 8.0 * d2) + m5;
    }
    y
}

#[inline(always)]
fn lanes(values: &[f32], at: usize) -> &Lanes {
    values[at..].first_chunk().expect("a group of channels")
}

/// v of one tile. `inputs` are its pixels row by row, each with all channels.
#[inline(always)]
fn tile_in(inputs: &[&[f32]; POINTS], tile: usize, points: Points, v: &mut [f32]) {
    // Outside the loop, as each group overwrites it: clearing it there took time.
    let mut columns = [[[0.0; GROUP]; REACH]; REACH];
    for group in 0..points.channels / GROUP {
        for (x, column) in columns.iter_mut().enumerate() {
            let d = |y: usize| lanes(inputs[REACH * y + x], group * GROUP);
            *column = scatter([d(0), d(1), d(2), d(3), d(4), d(5)]);
        }
        let row = |y: usize| scatter(columns.each_ref().map(|column| &column[y]));
        for y in 0..REACH {
            for (x, value) in row(y).iter().enumerate() {
                let at = points.at(REACH * y + x, tile, group);
                v[at..at + GROUP].copy_from_slice(value);
            }
        }
    }
}

/// Outputs of a tile, at `out[row * stride + column * channels]`. `rows` and `columns` of it exist.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    pub out: &'a mut [f32],
    pub stride: usize,
    pub rows: usize,
    pub columns: usize,
}

/// y of one tile plus `bias`, through the epilogue.
#[inline(always)]
fn tile_out(m: &[f32], tile: usize, points: Points, bias: &[f32], epilogue: Epilogue, to: Outputs) {
    let mut columns = [[[0.0; GROUP]; TILE]; REACH];
    for group in 0..points.channels / GROUP {
        let first = group * GROUP;
        for (x, column) in columns.iter_mut().enumerate() {
            let m = |y: usize| lanes(m, points.at(REACH * y + x, tile, group));
            *column = gather([m(0), m(1), m(2), m(3), m(4), m(5)]);
        }
        let row = |y: usize| gather(columns.each_ref().map(|column| &column[y]));
        let bias = lanes(bias, first);
        for y in 0..TILE.min(to.rows) {
            for (x, value) in row(y).iter().enumerate().take(to.columns) {
                let at = y * to.stride + x * points.channels + first;
                let out: &mut Lanes = to.out[at..].first_chunk_mut().expect("a group of channels");
                // Whole groups by value: iterators over references became scalar code.
                let acc: Lanes = std::array::from_fn(|l| value[l] + bias[l]);
                *out = match epilogue {
                    Epilogue::Store => acc,
                    Epilogue::Add => std::array::from_fn(|l| out[l] + acc[l]),
                    Epilogue::ReluScale(scale) => {
                        let scale = lanes(scale, first);
                        let relu = acc.map(|a| if a > 0.0 { a } else { 0.0 });
                        std::array::from_fn(|l| relu[l] * scale[l])
                    }
                };
            }
        }
    }
}

/// Defines a function and its copies for wider vectors.
macro_rules! widened {
    ($(#[$doc:meta])* $name:ident, $body:ident, ($($arg:ident: $type:ty),+ $(,)?)) => {
        $(#[$doc])*
        pub(crate) fn $name(kernel: Kernel, $($arg: $type),+) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),+) {
                    $body($($arg),+);
                }
                #[target_feature(enable = "avx512f")]
                fn avx512($($arg: $type),+) {
                    $body($($arg),+);
                }
                assert!(kernel.is_available(), "{kernel:?} is not available here");
                match kernel {
                    // SAFETY: the instructions are available.
                    Kernel::Avx2 => return unsafe { avx2($($arg),+) },
                    // SAFETY: as above.
                    Kernel::Avx512 => return unsafe { avx512($($arg),+) },
                    _ => {}
                }
            }
            let _ = kernel;
            $body($($arg),+);
        }
    };
}

widened! {
    /// v of one tile. `inputs` are its pixels row by row, each with all channels, a multiple of
    /// [`GROUP`].
    ///
    /// # Panics
    /// If a slice is too short.
    transform_in, tile_in, (inputs: &[&[f32]; POINTS], tile: usize, points: Points, v: &mut [f32])
}

widened! {
    /// y of one tile from its products `m`, plus `bias`, through the epilogue.
    ///
    /// # Panics
    /// If a slice is too short.
    transform_out, tile_out, (
        m: &[f32], tile: usize, points: Points, bias: &[f32], epilogue: Epilogue, to: Outputs,
    )
}

/// Weights of one pair of channels at the 36 points, G g G^T, of 3 x 3 taps `g`.
///
/// Computed as (24 G) g (24 G)^T / 576, then rounded to f32. The sums are exact for weights of 16
/// bits.
pub(crate) fn transform_weights(g: &[f32; 9]) -> [f32; POINTS] {
    let line = |[a, b, c]: [f64; 3]| {
        let (ends, wide) = (a + c, a + 4.0 * c);
        [
            6.0 * a,
            -4.0 * (ends + b),
            -4.0 * (ends - b),
            wide + 2.0 * b,
            wide - 2.0 * b,
            24.0 * c,
        ]
    };
    let g = |y: usize, x: usize| f64::from(g[3 * y + x]);
    let columns: [[f64; REACH]; 3] = std::array::from_fn(|x| line([g(0, x), g(1, x), g(2, x)]));
    let mut u = [0.0; POINTS];
    for (y, row) in u.chunks_exact_mut(REACH).enumerate() {
        let values = line([columns[0][y], columns[1][y], columns[2][y]]);
        for (u, v) in row.iter_mut().zip(values) {
            *u = (v / 576.0) as f32;
        }
    }
    u
}
