//! NEON: 4 lanes, 32 registers.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vbslq_f32, vcgtq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmulq_f32,
    vst1q_f32, vsubq_f32,
};

/// `a if a > 0, else +0` times `scale`. `vmaxq_f32` would pass NaN on, so it is a comparison and a
/// selection.
#[inline]
#[target_feature(enable = "neon")]
fn relu_mul(a: float32x4_t, scale: float32x4_t) -> float32x4_t {
    let zero = vdupq_n_f32(0.0);
    vmulq_f32(vbslq_f32(vcgtq_f32(a, zero), a, zero), scale)
}

/// x w + acc. The accumulator comes last here, as on x86.
#[inline]
#[target_feature(enable = "neon")]
fn fma(x: float32x4_t, w: float32x4_t, acc: float32x4_t) -> float32x4_t {
    vfmaq_f32(acc, x, w)
}

crate::prior::cpu::kernel::vector::vector! {
    float32x4_t, lanes: 4,
    load: vld1q_f32, store: vst1q_f32, splat: vdupq_n_f32,
    add: vaddq_f32, sub: vsubq_f32, mul: vmulq_f32, relu_mul: relu_mul,
}

crate::prior::cpu::kernel::micro::micro_kernel! {
    ops: {
        features: "neon", lanes: 4,
        load: vld1q_f32, store: vst1q_f32, splat: vdupq_n_f32,
        fma: fma, add: vaddq_f32, relu_mul: relu_mul,
    },
    most: { 4 => 6 }
}
