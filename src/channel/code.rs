//! The parameters of the trellis code, and which codewords a state chooses from.

use crate::codes::Trellis;

/// Stages between two restarts of the register from state 0. It bounds the traceback and lets stretches run in parallel.
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

    /// Bits that the code spends over those of an ideal one; part of the format through the amplitude.
    pub fn overhead(self) -> f64 {
        match self.0 {
            Trellis::Nu12 => 1.07,
            Trellis::Nu14 => 1.05,
            Trellis::Nu16 => 1.04,
        }
    }

    pub(crate) fn states(self) -> usize {
        1 << self.nu()
    }

    /// The sixteen neighbouring codewords 16 * block .. 16 * block + 16 serve the sixteen inputs of a state.
    #[inline(always)]
    pub(crate) fn block(self, state: u32, stage: u32) -> u32 {
        let bits = self.nu() - Self::BITS;
        (state.wrapping_mul(0x9E37_79B1) >> (32 - bits))
            ^ ((stage.wrapping_mul(0x9E37_79B1) >> 7) & ((1 << bits) - 1))
    }

    #[inline(always)]
    pub(crate) fn position(self, value: u64) -> u32 {
        (value >> (64 - self.nu())) as u32
    }
}
