//! The convolution kernels: one arithmetic, several instruction sets.
//!
//! Every output value is one chain of fused multiply-adds, in this order whatever the kernel:
//!
//! ```text
//! acc = bias[co]
//! for tap (ky, then kx)   for ci   acc = fma(x[tap, ci], w[tap, ci, co], acc)
//! out = acc                         Epilogue::Store
//! out = relu(acc) * scale[co]       Epilogue::ReluScale, relu(a) = a if a > 0, else +0
//! out = out + acc                   Epilogue::Add
//! ```
//!
//! A vector lane holds one output channel, so lanes never mix and the width of the vectors cannot change a bit.
//! [`Kernel::Simd128`] alone has no fused multiply-add: its products are rounded before they are added.
//! The products of [`winograd`] are such chains over input channels; its transforms fuse nothing.
//! This, `prior::cuda` and `channel::simd` are the only places of the crate with unsafe code; [`conv_span`] is the checked door here.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "wasm32"
))]
mod micro;
#[cfg(target_arch = "aarch64")]
mod neon;
mod plain;
#[cfg(target_arch = "wasm32")]
mod simd128;
pub(super) mod winograd;

/// Output channels come in groups of this many: one AVX-512 vector.
pub(crate) const GROUP: usize = 16;

/// An instruction set for which the network has a kernel. All that are [reference](Kernel::is_reference) give the same
/// bits, and so do the two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Scalar `f32::mul_add`, on every machine: slow, and the definition of the arithmetic.
    Plain,
    /// x86-64 with AVX2 and FMA, 8 lanes.
    Avx2,
    /// x86-64 with AVX-512F, 16 lanes.
    Avx512,
    /// AArch64 with NEON, 4 lanes.
    Neon,
    /// WebAssembly with SIMD128, 4 lanes: products and sums rounded apart, which moves pictures by far less than clause
    /// 22.2 of the specification allows.
    Simd128,
    /// The arithmetic of [`Kernel::Simd128`] in scalar code on every machine: shows anywhere what it changes.
    Unfused,
}

impl Kernel {
    /// Whether the kernel follows the reference arithmetic (clause 15.5 of the specification) to the bit.
    pub fn is_reference(self) -> bool {
        !matches!(self, Kernel::Simd128 | Kernel::Unfused)
    }

    /// Whether this machine can run the kernel.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Plain | Kernel::Unfused => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "wasm32")]
            Kernel::Simd128 => cfg!(target_feature = "simd128"),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// The reference kernels that this machine can run, slowest first; never empty.
    pub fn available() -> Vec<Kernel> {
        [Kernel::Plain, Kernel::Neon, Kernel::Avx2, Kernel::Avx512]
            .into_iter()
            .filter(|k| k.is_available())
            .collect()
    }

    /// The fastest kernel of this machine: a reference kernel, except in WebAssembly with SIMD128.
    pub fn best() -> Kernel {
        if Kernel::Simd128.is_available() {
            return Kernel::Simd128;
        }
        Kernel::available().pop().unwrap_or(Kernel::Plain)
    }

    /// Splits `co` output channels (a multiple of [`GROUP`]) into the panels that one call of the kernel computes.
    ///
    /// AVX-512 keeps up to five vectors a pixel, so that 80 and 160 channels split evenly; the others one group.
    pub(crate) fn panels(self, co: usize) -> Vec<usize> {
        let groups = co / GROUP;
        let most = match self {
            Kernel::Avx512 => 5,
            _ => 1,
        };
        let n = groups.div_ceil(most);
        (0..n)
            .map(|i| (groups * (i + 1) / n - groups * i / n) * GROUP)
            .collect()
    }
}

/// What happens to an accumulator on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Epilogue<'a> {
    /// `out = acc`.
    Store,
    /// `out = relu(acc) * scale`, one scale for each output channel of the panel.
    ReluScale(&'a [f32]),
    /// `out = out + acc`.
    Add,
}

/// One panel of output channels of a run of output pixels.
///
/// Pixel `q` reads `ci` values at `x[q * step + tap]` for each tap and writes `bias.len()` values at
/// `out[q * out_step]`. `weights` is `[taps][ci][bias.len()]`.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    pub x: &'a [f32],
    pub step: usize,
    pub taps: &'a [usize],
    pub ci: usize,
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    pub out_step: usize,
    pub pixels: usize,
    pub epilogue: Epilogue<'a>,
}

impl Span<'_> {
    /// Checks every length that the kernels rely on.
    fn check(&self) {
        let width = self.bias.len();
        assert!(width > 0 && width.is_multiple_of(GROUP), "panel width");
        assert_eq!(self.weights.len(), self.taps.len() * self.ci * width);
        if let Epilogue::ReluScale(scale) = self.epilogue {
            assert_eq!(scale.len(), width);
        }
        // Strides and counts come from buffers that exist, but a wrapped product must not pass the test.
        let end = |step: usize, first: usize, len: usize| {
            (self.pixels - 1)
                .checked_mul(step)
                .and_then(|n| n.checked_add(first))
                .and_then(|n| n.checked_add(len))
        };
        let furthest = self.taps.iter().copied().max().unwrap_or(0);
        assert!(end(self.step, furthest, self.ci).is_some_and(|n| n <= self.x.len()));
        assert!(end(self.out_step, 0, width).is_some_and(|n| n <= self.out.len()));
    }
}

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
        #[cfg(target_arch = "wasm32")]
        Kernel::Simd128 => unsafe { simd128::span(&mut span) },
        #[allow(unreachable_patterns)]
        _ => unreachable!("unavailable kernels were refused above"),
    }
}
