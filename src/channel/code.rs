//! The parameters of the trellis code, and the codewords that a state chooses from (clause 11).

use crate::codes::Trellis;

/// Stages between two restarts of the register from state 0. They bound the traceback, and let
/// stretches be searched in parallel.
pub const RESTART: usize = 1024;

/// The bit of [`Stream::value`] that holds the shared sign g_i.
pub(crate) const SIGN_BIT: u32 = 0;

/// A trellis with 2^nu states, k = 4 bits a stage and 2^mu codewords, mu = nu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Code(Trellis);

impl Code {
    /// k, the bits of one stage.
    pub const BITS: u32 = 4;

    /// The code of a trellis.
    pub fn new(trellis: Trellis) -> Self {
        Code(trellis)
    }

    /// nu, the number of state bits.
    pub fn nu(self) -> u32 {
        self.0.nu()
    }

    /// Bits of the code over the bits of an ideal code. It is part of the format, through the
    /// amplitude.
    pub fn overhead(self) -> f64 {
        match self.0 {
            Trellis::Nu12 => 1.07,
            Trellis::Nu14 => 1.05,
            Trellis::Nu16 => 1.04,
        }
    }

    /// 2^nu.
    pub(crate) fn states(self) -> usize {
        1 << self.nu()
    }

    /// The block of sixteen neighbouring codewords, 16 * block .. 16 * block + 16, that serve the
    /// sixteen inputs of a state at a stage.
    #[inline(always)]
    pub(crate) fn block(self, state: u32, stage: u32) -> u32 {
        let bits = self.nu() - Self::BITS;
        (state.wrapping_mul(0x9E37_79B1) >> (32 - bits))
            ^ ((stage.wrapping_mul(0x9E37_79B1) >> 7) & ((1 << bits) - 1))
    }

    /// pos_i, the position of a value in the codewords, from the value's number of the shared
    /// stream.
    #[inline(always)]
    pub(crate) fn position(self, value: u64) -> u32 {
        (value >> (64 - self.nu())) as u32
    }
}
