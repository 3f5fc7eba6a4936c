//! WebAssembly's SIMD128: 4 lanes. It has no fused multiply-add, so products are rounded before
//! they are added.

use std::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_pmax, f32x4_splat, f32x4_sub, v128, v128_load, v128_store,
};

/// # Safety
/// As `v128_load`.
#[inline]
#[target_feature(enable = "simd128")]
pub(super) unsafe fn load(from: *const f32) -> v128 {
    // SAFETY: as the caller promises; no alignment is asked for.
    unsafe { v128_load(from.cast()) }
}

/// # Safety
/// As `v128_store`.
#[inline]
#[target_feature(enable = "simd128")]
pub(super) unsafe fn store(to: *mut f32, value: v128) {
    // SAFETY: as the caller promises; no alignment is asked for.
    unsafe { v128_store(to.cast(), value) }
}

#[inline]
#[target_feature(enable = "simd128")]
fn mul_add(x: v128, w: v128, acc: v128) -> v128 {
    f32x4_add(f32x4_mul(x, w), acc)
}

/// `pmax` returns its first operand unless the second is greater: exactly `a if a > 0, else +0`.
#[inline]
#[target_feature(enable = "simd128")]
pub(super) fn relu_mul(a: v128, scale: v128) -> v128 {
    f32x4_mul(f32x4_pmax(f32x4_splat(0.0), a), scale)
}

crate::prior::cpu::kernel::vector::vector! {
    v128, lanes: 4,
    load: load, store: store, splat: f32x4_splat,
    add: f32x4_add, sub: f32x4_sub, mul: f32x4_mul, relu_mul: relu_mul,
}

crate::prior::cpu::kernel::micro::micro_kernel! {
    ops: {
        features: "simd128", lanes: 4,
        load: load, store: store, splat: f32x4_splat,
        fma: mul_add, add: f32x4_add, relu_mul: relu_mul,
    },
    most: { 4 => 2 }
}
