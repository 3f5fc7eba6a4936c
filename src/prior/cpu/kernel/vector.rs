//! Vectors of the transforms of [`winograd`](super::winograd), one type for each instruction set.

use crate::prior::cpu::kernel::span::GROUP;

/// Some channels of one pixel. [`GROUP`] is a multiple of their number.
///
/// Every operation is rounded. All methods may become instructions that not every machine has.
///
/// # Safety
/// The caller of a method must know that the instructions are available, and of
/// [`load`](Vector::load) and [`store`](Vector::store) that the values exist.
pub(super) trait Vector: Copy {
    /// Values of a vector.
    const LANES: usize;

    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// relu(self) * scale.
    unsafe fn relu_mul(self, scale: Self) -> Self;
}

/// Implements [`Vector`] by the operations of one instruction set.
///
/// Methods are always inlined, into functions that have the instructions.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "wasm32"
))]
macro_rules! vector {
    (
        $vector:ty, lanes: $lanes:literal,
        load: $load:ident, store: $store:ident, splat: $splat:ident,
        add: $add:ident, sub: $sub:ident, mul: $mul:ident, relu_mul: $relu_mul:ident,
    ) => {
        impl $crate::prior::cpu::kernel::vector::Vector for $vector {
            const LANES: usize = $lanes;

            $crate::prior::cpu::kernel::vector::vector!(@method load $load(from: *const f32) -> Self);
            $crate::prior::cpu::kernel::vector::vector!(@method splat $splat(value: f32) -> Self);
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as the caller promises.
                unsafe { $store(to, self) }
            }
            $crate::prior::cpu::kernel::vector::vector!(@binary add $add);
            $crate::prior::cpu::kernel::vector::vector!(@binary sub $sub);
            $crate::prior::cpu::kernel::vector::vector!(@binary mul $mul);
            $crate::prior::cpu::kernel::vector::vector!(@binary relu_mul $relu_mul);
        }
    };

    (@method $name:ident $f:ident($arg:ident: $type:ty) -> $result:ty) => {
        #[inline(always)]
        unsafe fn $name($arg: $type) -> $result {
            // SAFETY: as the caller promises.
            #[allow(unused_unsafe)]
            unsafe { $f($arg) }
        }
    };

    (@binary $name:ident $f:ident) => {
        #[inline(always)]
        unsafe fn $name(self, other: Self) -> Self {
            // SAFETY: as the caller promises.
            #[allow(unused_unsafe)]
            unsafe { $f(self, other) }
        }
    };
}

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "wasm32"
))]
pub(super) use vector;

impl Vector for [f32; GROUP] {
    const LANES: usize = GROUP;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as the caller promises; no alignment is asked for.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the caller promises; no alignment is asked for.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; GROUP]
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] + other[l])
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] - other[l])
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] * other[l])
    }

    #[inline(always)]
    unsafe fn relu_mul(self, scale: Self) -> Self {
        std::array::from_fn(|l| if self[l] > 0.0 { self[l] } else { 0.0 } * scale[l])
    }
}
