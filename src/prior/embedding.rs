//! Embedding of the noise level, and of the gain of a correction: a vector, from which each block
//! makes its factors (clauses 15.3 and 15.7).

use std::f64::consts::PI;

use crate::error::Result;
use crate::prior::weights::{EMBED_INPUTS, Part, Weights};

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

/// Embedding of logarithms: two layers on top of sines and cosines.
#[derive(Debug)]
pub(super) struct Embedding([Linear; 2]);

impl Embedding {
    /// The embedding of a network of the file.
    pub fn new(weights: &Weights, part: Part) -> Result<Embedding> {
        let layer = |name| Linear::new(weights, &format!("{}embed.{name}", part.prefix()));
        Ok(Embedding([layer(0)?, layer(1)?]))
    }

    /// Vector of `[embed]` values for positive numbers: noise of `sigma` 8-bit levels for a
    /// denoiser, sigma_s and g for a corrector.
    pub fn at(&self, numbers: &[f64]) -> Vec<f32> {
        let mut e = Vec::with_capacity(numbers.len() * EMBED_INPUTS);
        for &number in numbers {
            let t = libm::log(number) / 4.0;
            let angles = (0..16).map(|k| t * (f64::from(k) * 0.25 * PI));
            e.push(t as f32);
            e.extend(angles.clone().map(|a| libm::sin(a) as f32));
            e.extend(angles.map(|a| libm::cos(a) as f32));
        }
        let e = silu(self.0[0].forward(&e));
        silu(self.0[1].forward(&e))
    }
}
