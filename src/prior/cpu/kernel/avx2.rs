//! AVX2 with FMA: 8 lanes, 16 registers.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

/// `max` returns its second operand for NaN and for equal zeros: exactly `a if a > 0, else +0`.
/// Without FMA, so that it can be inlined where nothing may be fused.
#[inline]
#[target_feature(enable = "avx2")]
fn relu_mul(a: __m256, scale: __m256) -> __m256 {
    _mm256_mul_ps(_mm256_max_ps(a, _mm256_setzero_ps()), scale)
}

crate::prior::cpu::kernel::vector::vector! {
    __m256, lanes: 8,
    load: _mm256_loadu_ps, store: _mm256_storeu_ps, splat: _mm256_set1_ps,
    add: _mm256_add_ps, sub: _mm256_sub_ps, mul: _mm256_mul_ps, relu_mul: relu_mul,
}

crate::prior::cpu::kernel::micro::micro_kernel! {
    ops: {
        features: "avx2,fma", lanes: 8,
        load: _mm256_loadu_ps, store: _mm256_storeu_ps, splat: _mm256_set1_ps,
        fma: _mm256_fmadd_ps, add: _mm256_add_ps, relu_mul: relu_mul,
    },
    most: { 2 => 6 }
}
