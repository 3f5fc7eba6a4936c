//! Residuals modulo 256 under adaptive counters.

use crate::entropy::coder::{Adaptive, Coder};

/// The counters of residuals. The comments name the numbers that choose a counter.
pub struct Residuals {
    /// Context.
    zero: Vec<Adaptive>,
    /// Context.
    sign: Vec<Adaptive>,
    /// Level; then the bits so far.
    size: Vec<[Adaptive; 7]>,
    /// Size; then the bits above, with the leading one.
    mantissa: [[Adaptive; 128]; 8],
}

impl Residuals {
    /// New counters for numbers of contexts and levels.
    pub fn new(contexts: usize, levels: usize) -> Self {
        let new = Adaptive::new();
        Residuals {
            zero: vec![new; contexts],
            sign: vec![new; contexts],
            size: vec![[new; 7]; levels],
            mantissa: [[new; 128]; 8],
        }
    }

    /// Codes a residual modulo 256: is it zero; is it negative; then its magnitude, 1..=128, as the
    /// number of bits below the leading one, in unary, and these bits.
    pub fn code(&mut self, c: &mut impl Coder, context: usize, level: usize, residual: i8) -> i8 {
        if c.bit(&mut self.zero[context], residual == 0) {
            return 0;
        }
        let negative = c.bit(&mut self.sign[context], residual < 0);
        let magnitude = residual.unsigned_abs();
        // The magnitude is zero only in the decoder, which ignores it.
        let wanted = magnitude.checked_ilog2().unwrap_or(0) as usize;
        let mut size = 0;
        while size < 7 && c.bit(&mut self.size[level][size], wanted > size) {
            size += 1;
        }
        let magnitude = (0..size).rev().fold(1u8, |node, k| {
            let counter = &mut self.mantissa[size][usize::from(node)];
            node << 1 | u8::from(c.bit(counter, magnitude >> k & 1 != 0))
        });
        let residual = magnitude as i8;
        if negative {
            residual.wrapping_neg()
        } else {
            residual
        }
    }
}
