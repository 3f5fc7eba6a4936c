//! The forecast of the noise level at which a chain will end, by the work that remains.

/// Bits that the trellis spends over those of an ideal code, roughly.
pub(crate) const OVERHEAD: f64 = 1.06;

/// The squared error of `len` values at a PSNR in dB.
pub(crate) fn squared_error(psnr: f64, len: usize) -> f64 {
    let mse = 255.0 * 255.0 * libm::exp2(-psnr * std::f64::consts::LOG2_10 / 10.0);
    mse * len as f64
}

/// The work that remains until the chain ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remaining {
    /// The way down to this noise level in levels.
    Sigma(f64),
    /// This number of bits.
    Bits(f64),
    /// The way down to this squared error of the picture, |x_0 - x0_hat|^2.
    Error(f64),
}

impl Remaining {
    /// The noise level in levels at which a chain that is at `sigma` with this squared error will
    /// end.
    ///
    /// Errors of natural pictures fall about as their noise level, so that the bits of a unit of ln
    /// sigma grow as 1 / sigma.
    pub fn end(self, sigma: f64, error: f64) -> f64 {
        match self {
            Remaining::Sigma(end) => end,
            Remaining::Bits(room) => {
                let rate = error / (sigma * sigma * std::f64::consts::LN_2);
                sigma / (1.0 + room / (OVERHEAD * rate))
            }
            Remaining::Error(wanted) => sigma * (wanted / error).min(1.0),
        }
    }
}
