//! The convolution kernels: one arithmetic, several instruction sets.
//!
//! Every output value is one chain of fused multiply-adds. All kernels keep this order:
//!
//! ```text
//! acc = bias[co]
//! for tap (ky, then kx)   for ci   acc = fma(x[tap, ci], w[tap, ci, co], acc)
//! out = acc                         Epilogue::Store
//! out = relu(acc) * scale[co]       Epilogue::ReluScale, relu(a) = a if a > 0, else +0
//! out = out + acc                   Epilogue::Add
//! ```
//!
//! A vector lane holds one output channel. Lanes never mix, so the width of the vectors cannot
//! change a bit. [`Kernel::Simd128`] alone has no fused multiply-add: its products are rounded
//! before they are added. Products of [`winograd`] are such chains over input channels; its
//! transforms fuse nothing.
//!
//! Unsafe code of the crate is here, in `prior::cuda` and in the vector loops of `channel`.
//! [`conv_span`] is the checked door to it here.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod filter;
mod instructions;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "wasm32"
))]
mod micro;
#[cfg(target_arch = "aarch64")]
mod neon;
mod plain;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
#[cfg(target_arch = "wasm32")]
mod simd128;
mod span;
mod vector;
pub(super) mod winograd;

pub(super) use dispatch::conv_span;
pub use instructions::Kernel;
pub(super) use span::{Epilogue, GROUP, Span};
