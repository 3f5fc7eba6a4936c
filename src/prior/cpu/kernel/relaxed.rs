//! WebAssembly's relaxed SIMD: 4 lanes, and a multiply-add that the engine may fuse or not.
//!
//! A module cannot ask which. [`is_fused`] finds out, and without it [`simd128`] is taken, whose
//! arithmetic is known. An engine that fuses does so in all its code, as the specification of
//! relaxed SIMD wants it.
//!
//! [`simd128`]: super::simd128

use std::arch::wasm32::{
    f32x4_add, f32x4_extract_lane, f32x4_relaxed_madd, f32x4_splat, f32x4_sub, v128,
};
use std::hint::black_box;
use std::sync::OnceLock;

use crate::prior::cpu::kernel::simd128::{load, relu_mul, store};

/// True if x w + acc is rounded once.
pub(super) fn is_fused() -> bool {
    static FUSED: OnceLock<bool> = OnceLock::new();
    *FUSED.get_or_init(|| {
        // (1 + e)^2 - (1 + 2 e) is e^2. Products that are rounded first leave 0.
        let e = 1.0 / 4096.0;
        let squared = |sign: f32| {
            let x = black_box(f32x4_splat(1.0 + e));
            let acc = black_box(f32x4_splat(sign * (1.0 + 2.0 * e)));
            let product = black_box(f32x4_relaxed_madd(x, f32x4_splat(-sign * (1.0 + e)), acc));
            let apart = f32x4_sub(product, f32x4_splat(-sign * e * e));
            [
                f32x4_extract_lane::<0>(apart),
                f32x4_extract_lane::<1>(apart),
                f32x4_extract_lane::<2>(apart),
                f32x4_extract_lane::<3>(apart),
            ]
        };
        [squared(1.0), squared(-1.0)] == [[0.0; 4]; 2]
    })
}

/// x w + acc.
#[inline]
#[target_feature(enable = "relaxed-simd")]
fn fma(x: v128, w: v128, acc: v128) -> v128 {
    f32x4_relaxed_madd(x, w, acc)
}

crate::prior::cpu::kernel::micro::micro_kernel! {
    ops: {
        features: "relaxed-simd", lanes: 4,
        load: load, store: store, splat: f32x4_splat,
        fma: fma, add: f32x4_add, relu_mul: relu_mul,
    },
    most: { 4 => 2 }
}
