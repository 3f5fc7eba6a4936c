//! AVX-512: 16 lanes, 32 registers.

use std::arch::x86_64::{
    __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_mul_ps,
    _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

/// `max` returns its second operand for NaN and for equal zeros: exactly `a if a > 0, else +0`.
#[inline]
#[target_feature(enable = "avx512f")]
fn relu_mul(a: __m512, scale: __m512) -> __m512 {
    _mm512_mul_ps(_mm512_max_ps(a, _mm512_setzero_ps()), scale)
}

crate::prior::cpu::kernel::vector::vector! {
    __m512, lanes: 16,
    load: _mm512_loadu_ps, store: _mm512_storeu_ps, splat: _mm512_set1_ps,
    add: _mm512_add_ps, sub: _mm512_sub_ps, mul: _mm512_mul_ps, relu_mul: relu_mul,
}

crate::prior::cpu::kernel::micro::micro_kernel! {
    ops: {
        features: "avx512f", lanes: 16,
        load: _mm512_loadu_ps, store: _mm512_storeu_ps, splat: _mm512_set1_ps,
        fma: _mm512_fmadd_ps, add: _mm512_add_ps, relu_mul: relu_mul,
    },
    most: { 1 => 12, 2 => 12, 3 => 8, 4 => 6, 5 => 5 }
}
