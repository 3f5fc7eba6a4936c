//! Noise levels and the coefficients of one step of the chain, in f64, without pictures (clause
//! 12).
//!
//! The chain is kept in its variance-exploding form x_t = x_0 + sigma_t n, with sigma in 8-bit
//! levels. [`alpha_bar`] converts to the notation of Ho, Jain and Abbeel (2020).

use crate::codes::SigmaCode;

/// Steps of the logarithmic grid per octave of sigma.
pub const CODES_PER_OCTAVE: u16 = 20;

/// 2^(i / 20), rounded to nearest, for i = 0..20.
#[allow(clippy::approx_constant)] // a table of the format, to be read as such
const OCTAVE: [f64; CODES_PER_OCTAVE as usize] = [
    1.0,
    1.0352649238413776,
    1.0717734625362931,
    1.109569472067845,
    1.148698354997035,
    1.189207115002721,
    1.2311444133449163,
    1.2745606273192622,
    1.3195079107728942,
    1.3660402567543954,
    1.4142135623730951,
    1.4640856959456254,
    1.515716566510398,
    1.5691681957935015,
    1.624504792712471,
    1.681792830507429,
    1.7411011265922482,
    1.8025009252216604,
    1.8660659830736148,
    1.9318726578496912,
];

/// A noise level on the logarithmic grid of the file: sigma = 2^(code / 20) / 16 levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sigma(SigmaCode);

impl Sigma {
    /// The level of `code`; none above [`SigmaCode::MAX`].
    pub fn from_code(code: u16) -> Option<Self> {
        SigmaCode::new(code).map(Sigma)
    }

    /// The grid point nearest to `levels` in the logarithm, clamped to the grid.
    pub fn nearest(levels: f64) -> Self {
        let code = (libm::log2(levels.max(1e-9) * 16.0) * f64::from(CODES_PER_OCTAVE)).round();
        // The cast turns negative numbers into 0.
        Sigma(SigmaCode::saturating(code as u16))
    }

    /// The integer in the file.
    pub fn code(self) -> SigmaCode {
        self.0
    }

    /// The standard deviation of the noise in 8-bit levels. It is exact on every machine: a number
    /// of a table times a power of two.
    pub fn levels(self) -> f64 {
        let code = self.0.get();
        let (octave, i) = (code / CODES_PER_OCTAVE, code % CODES_PER_OCTAVE);
        OCTAVE[usize::from(i)] * f64::from(1u32 << octave) / 16.0
    }

    /// The level that is `codes` grid steps lower, or the lowest one.
    pub fn below(self, codes: u16) -> Self {
        Sigma(self.0.below(codes))
    }
}

impl From<SigmaCode> for Sigma {
    fn from(code: SigmaCode) -> Self {
        Sigma(code)
    }
}

/// alpha_bar of DDPM for noise of `sigma` levels: 1 / (1 + (sigma / 127.5)^2), for their pictures
/// span [-1, 1].
pub fn alpha_bar(sigma: f64) -> f64 {
    1.0 / (1.0 + (sigma / 127.5).powi(2))
}

/// One step of the chain from x_t to x_s, s < t.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Level at which the step starts. It is none at the start of the chain, where nothing is
    /// known: sigma_t is infinite.
    pub t: Option<Sigma>,
    /// Level at which the step ends.
    pub s: Sigma,
}

impl Step {
    /// rho = sigma_s^2 / sigma_t^2, zero at the start.
    pub fn rho(&self) -> f64 {
        self.t
            .map_or(0.0, |t| (self.s.levels() / t.levels()).powi(2))
    }

    /// Standard deviation of q(x_s | x_t, x_0) and of p(x_s | x_t), in levels: sigma_s sqrt(1 -
    /// rho).
    pub fn std(&self) -> f64 {
        self.s.levels() * (1.0 - self.rho()).sqrt()
    }

    /// The factor that turns x_0 - x0_hat into the shift m, in units of [`Step::std`]: (1 - rho) /
    /// std.
    pub fn shift(&self) -> f64 {
        (1.0 - self.rho()) / self.std()
    }

    /// The noise level, in 8-bit levels, of a state in which a share `arrived` (0..=1) of the
    /// rotated values is at sigma_s and the rest still at sigma_t.
    pub fn sigma_between(&self, arrived: f64) -> f64 {
        let s = self.s.levels();
        let t = self.t.map_or(s, Sigma::levels);
        (arrived * s * s + (1.0 - arrived) * t * t).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_geometric() {
        let sigma = |code| Sigma::from_code(code).expect("on the grid");
        for code in 1..=SigmaCode::MAX.get() {
            let ratio = sigma(code).levels() / sigma(code - 1).levels();
            assert!((ratio - 2f64.powf(0.05)).abs() < 1e-12, "{code}: {ratio}");
            assert_eq!(Sigma::nearest(sigma(code).levels()), sigma(code));
        }
        assert_eq!(sigma(0).levels(), 0.0625);
        assert_eq!(Sigma::from_code(140).map(Sigma::levels), Some(8.0));
        assert_eq!(Sigma::from_code(SigmaCode::MAX.get() + 1), None);
    }

    /// The posterior must reproduce the forward process: rho^2 sigma_t^2 + std^2 = sigma_s^2.
    #[test]
    fn steps_compose() {
        let sigma = |code| Sigma::from_code(code).expect("on the grid");
        let step = Step {
            t: Some(sigma(200)),
            s: sigma(188),
        };
        let (t, s) = (step.t.map_or(0.0, Sigma::levels), step.s.levels());
        assert!((step.rho().powi(2) * t * t + step.std().powi(2) - s * s).abs() < 1e-9);
        let start = Step {
            t: None,
            s: sigma(200),
        };
        assert_eq!((start.rho(), start.std()), (0.0, sigma(200).levels()));
    }

    #[test]
    fn alpha_bar_is_that_of_the_paper() {
        assert_eq!(alpha_bar(0.0), 1.0);
        assert!((alpha_bar(127.5) - 0.5).abs() < 1e-15);
    }
}
