//! The checked door to the kernels.

use crate::prior::cpu::kernel::instructions::Kernel;
#[cfg(target_arch = "aarch64")]
use crate::prior::cpu::kernel::neon;
use crate::prior::cpu::kernel::plain;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use crate::prior::cpu::kernel::relaxed;
#[cfg(target_arch = "wasm32")]
use crate::prior::cpu::kernel::simd128;
use crate::prior::cpu::kernel::span::Span;
#[cfg(target_arch = "x86_64")]
use crate::prior::cpu::kernel::{avx2, avx512};

/// Computes one span with `kernel`.
///
/// # Panics
/// If a slice is too short for the span, or the machine lacks the kernel's instructions.
pub(crate) fn conv_span(kernel: Kernel, mut span: Span) {
    if span.pixels == 0 {
        return;
    }
    span.check();
    assert!(kernel.is_available(), "{kernel:?} is not available here");
    match kernel {
        Kernel::Plain => plain::span(&mut span, |x, w, acc| x.mul_add(w, acc)),
        Kernel::Unfused => plain::span(&mut span, |x, w, acc| x * w + acc),
        // SAFETY: the instructions are available and `check` has verified every length.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => unsafe { avx2::span(&mut span) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => unsafe { avx512::span(&mut span) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon => unsafe { neon::span(&mut span) },
        // SAFETY: as above.
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        Kernel::RelaxedSimd => unsafe { relaxed::span(&mut span) },
        // SAFETY: as above.
        #[cfg(target_arch = "wasm32")]
        Kernel::Simd128 => unsafe { simd128::span(&mut span) },
        #[allow(unreachable_patterns)]
        _ => unreachable!("unavailable kernels were refused above"),
    }
}
