//! Scaling of the network's input and output (clause 15.2), and the check of its planes.

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::weights::Weights;

/// x0_hat = c_skip x_t + c_out F(c_in x_t, log sigma) (Karras et al. 2022, EDM, table 1), in 8-bit
/// levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Precondition {
    /// Standard deviation of the pictures, in 8-bit levels.
    sigma_data: f64,
    /// Highest noise level of the training, in 8-bit levels.
    pub sigma_max: f64,
}

/// Coefficients at one sigma.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coefficients {
    pub c_in: f32,
    pub c_skip: f32,
    pub c_out: f32,
}

impl Precondition {
    pub fn new(weights: &Weights) -> Precondition {
        Precondition {
            sigma_data: weights.sigma_data() * 255.0,
            sigma_max: weights.sigma_max(),
        }
    }

    pub fn at(self, sigma: f64) -> Result<Coefficients> {
        if !(1e-6..=1e9).contains(&sigma) {
            return Err(Error::Parameter(format!(
                "sigma {sigma}, expected 1e-6 to 1e9"
            )));
        }
        let d = self.sigma_data;
        let v = sigma * sigma + d * d;
        let root = v.sqrt();
        Ok(Coefficients {
            c_in: (1.0 / root) as f32,
            c_skip: (d * d / v) as f32,
            c_out: (sigma * d / root) as f32,
        })
    }
}

/// Refuses planes that the network cannot take.
///
/// # Errors
/// [`Error::Parameter`] if the values do not fill the planes, or a side is no positive multiple.
pub(super) fn check_planes(x_t: &Planes, multiple: usize) -> Result<()> {
    let (w, h) = (x_t.width, x_t.height);
    let values = w.checked_mul(h).and_then(|n| n.checked_mul(3));
    if values != Some(x_t.data.len()) {
        let n = x_t.data.len();
        return Err(Error::Parameter(format!("{n} values for {w} x {h} planes")));
    }
    if w == 0 || h == 0 || !w.is_multiple_of(multiple) || !h.is_multiple_of(multiple) {
        return Err(Error::Parameter(format!(
            "planes of {w} x {h}, expected positive multiples of {multiple}"
        )));
    }
    Ok(())
}
