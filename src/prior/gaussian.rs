//! A closed-form prior: independent Gaussian values. Its exact posterior mean is known, so tests
//! need no weights.

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::denoiser::Denoiser;

/// x_0 ~ N(0, deviation^2 I), for which E\[x_0 | x_t\] = x_t deviation^2 / (deviation^2 + sigma^2).
#[derive(Debug, Clone, Copy)]
pub struct Gaussian {
    /// Standard deviation of the values in 8-bit levels.
    pub deviation: f64,
}

impl Denoiser for Gaussian {
    fn is_reference(&self) -> bool {
        true
    }

    fn multiple(&self) -> usize {
        1
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let power = self.deviation * self.deviation;
        let gain = (power / (power + sigma * sigma)) as f32;
        Ok(Planes {
            width: x_t.width,
            height: x_t.height,
            data: x_t.data.iter().map(|v| v * gain).collect(),
        })
    }
}
