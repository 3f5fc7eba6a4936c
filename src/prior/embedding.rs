//! Embedding of the noise level: a vector, from which each block makes its factors (clause 15.3).

use std::f64::consts::PI;

use crate::error::Result;
use crate::prior::weights::{EMBED_INPUTS, Weights};

/// A fully connected layer; `weight` is `[outputs][inputs]`, `bias` `[outputs]`.
#[derive(Debug)]
pub(super) struct Linear {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    pub fn new(weights: &Weights, name: &str) -> Result<Linear> {
        Ok(Linear {
            weight: weights.tensor(&format!("{name}.weight"))?.data.clone(),
            bias: weights.tensor(&format!("{name}.bias"))?.data.clone(),
        })
    }

    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let rows = self.weight.chunks_exact(x.len());
        let row = |(w, bias): (&[f32], &f32)| {
            w.iter()
                .zip(x)
                .fold(*bias, |acc, (w, x)| x.mul_add(*w, acc))
        };
        rows.zip(&self.bias).map(row).collect()
    }
}

/// x / (1 + exp(-x)) of each value, in f64 and rounded once.
fn silu(mut x: Vec<f32>) -> Vec<f32> {
    for v in &mut x {
        let wide = f64::from(*v);
        *v = (wide / (1.0 + libm::exp(-wide))) as f32;
    }
    x
}

/// Embedding of log sigma: two layers on top of sines and cosines.
#[derive(Debug)]
pub(super) struct Embedding([Linear; 2]);

impl Embedding {
    pub fn new(weights: &Weights) -> Result<Embedding> {
        let layer = |name| Linear::new(weights, name);
        Ok(Embedding([layer("embed.0")?, layer("embed.1")?]))
    }

    /// Vector of `[embed]` values for noise of `sigma` 8-bit levels.
    pub fn at(&self, sigma: f64) -> Vec<f32> {
        let t = libm::log(sigma) / 4.0;
        let angles = (0..16).map(|k| t * (f64::from(k) * 0.25 * PI));
        let mut e = Vec::with_capacity(EMBED_INPUTS);
        e.push(t as f32);
        e.extend(angles.clone().map(|a| libm::sin(a) as f32));
        e.extend(angles.map(|a| libm::cos(a) as f32));
        let e = silu(self.0[0].forward(&e));
        silu(self.0[1].forward(&e))
    }
}
