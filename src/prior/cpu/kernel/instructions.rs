//! Instruction sets of the kernels.

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use crate::prior::cpu::kernel::relaxed;
use crate::prior::cpu::kernel::span::GROUP;

/// An instruction set for which the network has a kernel.
///
/// All [reference](Kernel::is_reference) kernels give equal bits, and so do the two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// Scalar `f32::mul_add` on every machine. It is slow, and defines the arithmetic.
    Plain,
    /// x86-64 with AVX2 and FMA, 8 lanes.
    Avx2,
    /// x86-64 with AVX-512F, 16 lanes.
    Avx512,
    /// AArch64 with NEON, 4 lanes.
    Neon,
    /// WebAssembly with relaxed SIMD, 4 lanes, in an engine whose `f32x4.relaxed_madd` is fused. A
    /// test at the first use tells.
    RelaxedSimd,
    /// WebAssembly with SIMD128, 4 lanes. Products are rounded before they are added, which moves
    /// pictures by far less than clause 22.2 of the specification allows.
    Simd128,
    /// Arithmetic of [`Kernel::Simd128`] in scalar code. It runs on every machine, so that any of
    /// them can measure the difference.
    Unfused,
}

impl Kernel {
    /// True if the kernel follows the reference arithmetic to the bit (clause 15.5 of the
    /// specification).
    pub fn is_reference(self) -> bool {
        !matches!(self, Kernel::Simd128 | Kernel::Unfused)
    }

    /// True if this machine can run the kernel.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Plain | Kernel::Unfused => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Kernel::RelaxedSimd => relaxed::is_fused(),
            #[cfg(target_arch = "wasm32")]
            Kernel::Simd128 => cfg!(target_feature = "simd128"),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Reference kernels that this machine can run, slowest first; never empty.
    pub fn available() -> Vec<Kernel> {
        [
            Kernel::Plain,
            Kernel::RelaxedSimd,
            Kernel::Neon,
            Kernel::Avx2,
            Kernel::Avx512,
        ]
        .into_iter()
        .filter(|k| k.is_available())
        .collect()
    }

    /// Fastest kernel of this machine: a reference kernel, except in WebAssembly with SIMD128 and
    /// without a fused multiply-add.
    pub fn best() -> Kernel {
        match Kernel::available().pop() {
            None | Some(Kernel::Plain) if Kernel::Simd128.is_available() => Kernel::Simd128,
            best => best.unwrap_or(Kernel::Plain),
        }
    }

    /// Widths of the panels into which `co` output channels are split, a multiple of [`GROUP`]. One
    /// call of the kernel computes one panel.
    ///
    /// AVX-512 keeps up to five vectors a pixel, so that 80 and 160 channels split evenly. The
    /// other kernels keep one group.
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
