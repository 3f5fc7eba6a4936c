//! Embedding of the noise level, and of the gain of a correction: a vector, from which each block
//! makes its factors (clauses 15.3 and 15.7).

use std::f64::consts::PI;

use crate::elementary;
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
        let silu = |x: Vec<f32>| -> Vec<f32> { x.into_iter().map(elementary::silu).collect() };
        let e = silu(self.0[0].forward(&inputs(numbers)));
        silu(self.0[1].forward(&e))
    }
}

/// Inputs of the embedding of numbers.
fn inputs(numbers: &[f64]) -> Vec<f32> {
    let mut inputs = Vec::with_capacity(numbers.len() * EMBED_INPUTS);
    for &number in numbers {
        let t = elementary::ln(number) / 4.0;
        let waves = (0..16).map(|k| elementary::sin_cos(t * (f64::from(k) * 0.25 * PI)));
        inputs.push(t as f32);
        inputs.extend(waves.clone().map(|(sin, _)| sin as f32));
        inputs.extend(waves.map(|(_, cos)| cos as f32));
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Sigma;

    fn levels() -> Vec<f64> {
        let codes = 0..=400u16;
        codes
            .map(|code| Sigma::from_code(code).expect("a code").levels())
            .collect()
    }

    /// g of all corrections from the codes 1 to 60 to lower ones, and the like.
    fn gains() -> Vec<f64> {
        let levels = levels();
        let pairs = (0..20).flat_map(|s| (s + 1..=s + 40).map(move |t| (s, t)));
        pairs
            .map(|(s, t): (usize, usize)| levels[t] / levels[s])
            .map(|ratio| ratio * ratio - 1.0)
            .collect()
    }

    #[test]
    fn inputs_of_all_codes_have_the_sums_of_the_text() {
        let sum = |numbers: &[f64]| {
            let bytes = inputs(numbers).into_iter().flat_map(f32::to_le_bytes);
            crc32fast::hash(&bytes.collect::<Vec<u8>>())
        };
        let sums = [sum(&levels()), sum(&gains())];
        assert_eq!(sums, [0x68d1_1fe8, 0x3f28_a964], "{sums:08x?}");
    }

    #[test]
    fn inputs_are_those_of_a_library() {
        let levels = levels();
        let all = (0..levels.len()).flat_map(|s| (s + 1..levels.len()).map(move |t| (s, t)));
        let gains = all.map(|(s, t)| (levels[t] / levels[s]).powi(2) - 1.0);
        for number in levels.iter().copied().chain(gains) {
            let t = libm::log(number) / 4.0;
            let angles: Vec<f64> = (0..16).map(|k| t * (f64::from(k) * 0.25 * PI)).collect();
            let mut want = vec![t as f32];
            want.extend(angles.iter().map(|&a| libm::sin(a) as f32));
            want.extend(angles.iter().map(|&a| libm::cos(a) as f32));
            assert_eq!(inputs(&[number]), want, "{number}");
        }
    }

    #[test]
    #[ignore = "compares all embeddings of the shipped priors with those by libm: minutes"]
    fn embeddings_are_those_of_a_library() {
        let silu = |x: Vec<f32>| -> Vec<f32> {
            let wide = x.into_iter().map(f64::from);
            wide.map(|x| (x / (1.0 + libm::exp(-x))) as f32).collect()
        };
        let levels = levels();
        for name in ["xs", "s", "l", "cifar10"] {
            let path = format!("{}/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
            let weights = Weights::from_file(path).expect("weights");
            let same = |embedding: &Embedding, numbers: &[f64]| {
                let e = silu(embedding.0[0].forward(&inputs(numbers)));
                let e = silu(embedding.0[1].forward(&e));
                assert_eq!(embedding.at(numbers), e, "{name} {numbers:?}");
            };
            let embedding = Embedding::new(&weights, Part::Denoiser).expect("a network");
            levels.iter().for_each(|&sigma| same(&embedding, &[sigma]));
            let Ok(corrector) = Embedding::new(&weights, Part::Corrector) else {
                continue;
            };
            for s in 0..levels.len() {
                for t in s + 1..levels.len() {
                    let ratio = levels[t] / levels[s];
                    same(&corrector, &[levels[s], ratio * ratio - 1.0]);
                }
            }
        }
    }
}
