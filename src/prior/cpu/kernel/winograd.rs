//! Transforms around the products of a 3 x 3 convolution by minimal filtering: F(6 x 6, 3 x 3)
//! takes 64 multiplications for 36 outputs, F(4 x 4, 3 x 3) takes 36 for 16. The sum over taps
//! takes 324 and 144.
//!
//! d is a tile of inputs, m its products with the transformed weights, one for each point of the
//! transform:
//!
//! ```text
//! v = B^T d B     y = A^T m A     B^T and A^T by columns first, then along the rows
//! ```
//!
//! [`filter`](super::filter) has B^T, A^T and G of an axis.

pub(crate) use crate::prior::cpu::kernel::filter::LANES;
use crate::prior::cpu::kernel::filter::{Doubles, Filter, Four, Six};
use crate::prior::cpu::kernel::instructions::Kernel;
use crate::prior::cpu::kernel::span::{Epilogue, GROUP};
use crate::prior::cpu::kernel::vector::Vector;

/// Tile size of minimal filtering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// F(4 x 4, 3 x 3)
    Four,
    /// F(6 x 6, 3 x 3)
    Six,
}

impl Form {
    /// Outputs a side of a tile.
    pub const fn outputs(self) -> usize {
        match self {
            Form::Four => 4,
            Form::Six => 6,
        }
    }

    /// Inputs a side of a tile, and points a side of its transform.
    pub const fn reach(self) -> usize {
        self.outputs() + 2
    }

    /// Points of a tile's transform.
    pub const fn points(self) -> usize {
        self.reach() * self.reach()
    }

    /// Tiles that cover a grid of `width` x `height`.
    pub const fn tiles(self, width: usize, height: usize) -> usize {
        width.div_ceil(self.outputs()) * height.div_ceil(self.outputs())
    }

    /// Weights of some output channels for one input channel at the points, G g G^T, of 3 x 3 taps
    /// `g`.
    ///
    /// Computed as multiples of G without its divisors, which are exact for weights of 16 bits,
    /// then divided and rounded to f32. `put` gets each point and its weights.
    pub fn transform_weights(self, g: &[[f32; LANES]; 9], put: impl FnMut(usize, [f32; LANES])) {
        match self {
            Form::Four => weights::<Four, 4, 6>(g, put),
            Form::Six => weights::<Six, 6, 8>(g, put),
        }
    }
}

/// G g G^T, row by row.
fn weights<F: Filter<TILE, REACH>, const TILE: usize, const REACH: usize>(
    g: &[[f32; LANES]; 9],
    mut put: impl FnMut(usize, [f32; LANES]),
) {
    let g = |y: usize, x: usize| Doubles(g[3 * y + x].map(f64::from));
    let columns: [_; 3] = std::array::from_fn(|x| F::weights([g(0, x), g(1, x), g(2, x)]));
    for (y, down) in F::DIVISORS.into_iter().enumerate() {
        let values = F::weights(columns.map(|column| column[y]));
        for (x, (value, across)) in values.into_iter().zip(F::DIVISORS).enumerate() {
            put(REACH * y + x, (value / (down * across)).0.map(|v| v as f32));
        }
    }
}

/// Values between tiles. They put a point of the tiles that are transformed together into different
/// sets of the cache.
const PADDING: usize = 3 * GROUP;

/// The order of values in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// `[tiles][points][channels]`: a transform of a tile writes few pages of memory.
    Tiles,
    /// `[points][tiles][channels]`: so do the products of a point.
    Points,
}

/// Layout of `tiles` tiles of `channels` channels at each point.
///
/// A few values of padding keep the points of one tile, or a point of all tiles, apart in the
/// cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points {
    pub form: Form,
    pub order: Order,
    pub tiles: usize,
    pub channels: usize,
}

impl Points {
    /// Values from one point to the next.
    pub fn stride(self) -> usize {
        match self.order {
            Order::Tiles => self.channels,
            Order::Points => self.tiles * self.channels + GROUP,
        }
    }

    /// Values from one tile to the next.
    pub fn tile_stride(self) -> usize {
        match self.order {
            Order::Tiles => self.form.points() * self.channels + PADDING,
            Order::Points => self.channels,
        }
    }

    /// Values in all.
    pub fn len(self) -> usize {
        match self.order {
            Order::Tiles => self.tiles * self.tile_stride(),
            Order::Points => self.form.points() * self.stride(),
        }
    }

    /// Index of the values of `tile` at the first point, in `len` values that hold all points.
    ///
    /// # Panics
    /// If they do not, or vectors do not divide the channels.
    fn first_of(self, tile: usize, len: usize) -> usize {
        assert!(
            len >= self.len() && tile < self.tiles,
            "tile {tile} of {self:?}"
        );
        assert!(self.channels.is_multiple_of(GROUP), "whole groups");
        tile * self.tile_stride()
    }
}

/// Values of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64 / size_of::<f32>();

/// Asks the memory for `count` of `values` from `first`, as far as they exist. These streams are
/// too many for the processor to guess.
#[inline(always)]
pub(crate) fn prefetch(values: &[f32], first: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in values[first.min(values.len())..(first + count).min(values.len())].chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, of an address inside the slice.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, first, count);
}

/// Inputs of a tile: channel `c` of row `y` and column `x` at
/// `data[y * stride + x * channels + c]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub data: &'a [f32],
    pub stride: usize,
}

/// Outputs of a tile, at `out[row * stride + column * channels]`. `rows` and `columns` of it exist.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    pub out: &'a mut [f32],
    pub stride: usize,
    pub rows: usize,
    pub columns: usize,
}

/// v of one tile, in a form. Values of `v` at a point are `points.stride()` apart.
///
/// # Safety
/// The instructions of the vectors are available, `inputs` hold the tile, and `v` points at its
/// values at the first point of `points`.
#[inline(always)]
unsafe fn tile_in<V: Vector, F: Filter<TILE, REACH>, const TILE: usize, const REACH: usize>(
    inputs: Inputs,
    points: Points,
    v: *mut f32,
) {
    let (channels, apart) = (points.channels, points.stride());
    // SAFETY: as the caller promises. Vectors divide the channels.
    unsafe {
        let mut columns = [[V::splat(0.0); REACH]; REACH];
        let mut line = [V::splat(0.0); REACH];
        for channel in (0..channels).step_by(V::LANES) {
            let from = inputs.data.as_ptr().add(channel);
            for (x, column) in columns.iter_mut().enumerate() {
                for (y, d) in line.iter_mut().enumerate() {
                    *d = V::load(from.add(y * inputs.stride + x * channels));
                }
                *column = F::scatter(line);
            }
            for y in 0..REACH {
                for (d, column) in line.iter_mut().zip(&columns) {
                    *d = column[y];
                }
                let to = v.add(REACH * y * apart + channel);
                for (x, value) in F::scatter(line).into_iter().enumerate() {
                    value.store(to.add(x * apart));
                }
            }
        }
    }
}

/// y of one tile in a form, plus `bias`, through the epilogue.
///
/// # Safety
/// The instructions of the vectors are available, `to` holds the tile, `bias` and the epilogue all
/// channels, and `m` points at the tile's values at the first point of `points`.
#[inline(always)]
unsafe fn tile_out<V: Vector, F: Filter<TILE, REACH>, const TILE: usize, const REACH: usize>(
    m: *const f32,
    points: Points,
    bias: *const f32,
    epilogue: Epilogue,
    to: &mut Outputs,
) {
    let (channels, apart) = (points.channels, points.stride());
    // SAFETY: as the caller promises. Vectors divide the channels.
    unsafe {
        let mut columns = [[V::splat(0.0); TILE]; REACH];
        let mut line = [V::splat(0.0); REACH];
        for channel in (0..channels).step_by(V::LANES) {
            let from = m.add(channel);
            for (x, column) in columns.iter_mut().enumerate() {
                for (y, m) in line.iter_mut().enumerate() {
                    *m = V::load(from.add((REACH * y + x) * apart));
                }
                *column = F::gather(line);
            }
            let bias = V::load(bias.add(channel));
            for y in 0..to.rows {
                for (m, column) in line.iter_mut().zip(&columns) {
                    *m = column[y];
                }
                let out = to.out.as_mut_ptr().add(y * to.stride + channel);
                let values = F::gather(line);
                // The number of columns of a whole tile is known, so that its values stay in
                // registers.
                if to.columns == TILE {
                    for (x, value) in values.into_iter().enumerate() {
                        finish(value.add(bias), epilogue, channel, out.add(x * channels));
                    }
                } else {
                    for (x, value) in values.into_iter().enumerate().take(to.columns) {
                        finish(value.add(bias), epilogue, channel, out.add(x * channels));
                    }
                }
            }
        }
    }
}

/// Stores `acc` through the epilogue of its first channel.
///
/// # Safety
/// The instructions of the vectors are available, `out` holds a vector, and the epilogue the
/// channels.
#[inline(always)]
unsafe fn finish<V: Vector>(acc: V, epilogue: Epilogue, channel: usize, out: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let value = match epilogue {
            Epilogue::Store => acc,
            Epilogue::Add => V::load(out).add(acc),
            Epilogue::ReluScale(scale) => acc.relu_mul(V::load(scale.as_ptr().add(channel))),
        };
        value.store(out);
    }
}

/// Defines an unsafe function that runs a function of one tile in the tile's form, with the vectors
/// of a kernel.
///
/// # Safety
/// As for the function of one tile, but the instructions are checked.
macro_rules! widened {
    ($name:ident, $body:ident, ($($arg:ident: $type:ty),+ $(,)?)) => {
        unsafe fn $name(kernel: Kernel, form: Form, $($arg: $type),+) {
            /// # Safety
            /// As for the function of one tile.
            #[inline(always)]
            unsafe fn with<V: Vector>(form: Form, $($arg: $type),+) {
                // SAFETY: as the caller promises.
                unsafe {
                    match form {
                        Form::Four => $body::<V, Four, 4, 6>($($arg),+),
                        Form::Six => $body::<V, Six, 6, 8>($($arg),+),
                    }
                }
            }
            widened!(@copy "x86_64", "avx2", avx2, std::arch::x86_64::__m256, ($($arg: $type),+));
            widened!(@copy "x86_64", "avx512f", avx512, std::arch::x86_64::__m512, ($($arg: $type),+));
            widened!(@copy "aarch64", "neon", neon, std::arch::aarch64::float32x4_t, ($($arg: $type),+));
            widened!(@copy "wasm32", "simd128", simd128, std::arch::wasm32::v128, ($($arg: $type),+));
            assert!(kernel.is_available(), "{kernel:?} is not available here");
            // SAFETY: the instructions are available; the rest as the caller promises.
            unsafe {
                match kernel {
                    #[cfg(target_arch = "x86_64")]
                    Kernel::Avx2 => avx2(form, $($arg),+),
                    #[cfg(target_arch = "x86_64")]
                    Kernel::Avx512 => avx512(form, $($arg),+),
                    #[cfg(target_arch = "aarch64")]
                    Kernel::Neon => neon(form, $($arg),+),
                    #[cfg(target_arch = "wasm32")]
                    Kernel::RelaxedSimd | Kernel::Simd128 => simd128(form, $($arg),+),
                    _ => with::<[f32; GROUP]>(form, $($arg),+),
                }
            }
        }
    };

    (@copy $arch:literal, $feature:literal, $copy:ident, $vector:ty, ($($arg:ident: $type:ty),+)) => {
        /// # Safety
        /// As for the function of one tile.
        #[cfg(target_arch = $arch)]
        #[target_feature(enable = $feature)]
        unsafe fn $copy(form: Form, $($arg: $type),+) {
            // SAFETY: as the caller promises.
            unsafe { with::<$vector>(form, $($arg),+) }
        }
    };
}

widened! { widened_in, tile_in, (inputs: Inputs, points: Points, v: *mut f32) }

widened! {
    widened_out, tile_out, (
        m: *const f32, points: Points, bias: *const f32, epilogue: Epilogue, to: &mut Outputs,
    )
}

/// v of one tile. Channels are a multiple of [`GROUP`].
///
/// # Panics
/// If a slice is too short.
pub(crate) fn transform_in(
    kernel: Kernel,
    inputs: Inputs,
    tile: usize,
    points: Points,
    v: &mut [f32],
) {
    let last = points.form.reach() - 1;
    let row = points.form.reach() * points.channels;
    let end = last
        .checked_mul(inputs.stride)
        .and_then(|n| n.checked_add(row));
    assert!(
        end.is_some_and(|end| end <= inputs.data.len()),
        "inputs of a tile"
    );
    let first = points.first_of(tile, v.len());
    let v = &mut v[first..];
    // SAFETY: inputs and v hold the tile.
    unsafe { widened_in(kernel, points.form, inputs, points, v.as_mut_ptr()) }
}

/// y of one tile from its products `m`, plus `bias`, through the epilogue.
///
/// # Panics
/// If a slice is too short.
pub(crate) fn transform_out(
    kernel: Kernel,
    m: &[f32],
    tile: usize,
    points: Points,
    bias: &[f32],
    epilogue: Epilogue,
    mut to: Outputs,
) {
    let (channels, side) = (points.channels, points.form.outputs());
    assert!(
        (1..=side).contains(&to.rows) && to.columns <= side,
        "outputs of a tile"
    );
    let row = to.columns * channels;
    let end = (to.rows - 1)
        .checked_mul(to.stride)
        .and_then(|n| n.checked_add(row));
    assert!(
        end.is_some_and(|end| end <= to.out.len()),
        "outputs of a tile"
    );
    assert!(bias.len() >= channels, "bias of all channels");
    if let Epilogue::ReluScale(scale) = epilogue {
        assert!(scale.len() >= channels, "scales of all channels");
    }
    let m = &m[points.first_of(tile, m.len())..];
    // SAFETY: all slices hold the tile.
    unsafe {
        widened_out(
            kernel,
            points.form,
            m.as_ptr(),
            points,
            bias.as_ptr(),
            epilogue,
            &mut to,
        )
    }
}
