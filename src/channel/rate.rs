//! The stages that a step needs, and the amplitude that the code then delivers (clause 12). Pure
//! functions of integers and of m.

use crate::channel::code::Code;
use crate::elementary;

/// KL( N(m, I) || N(0, I) ) in bits: |m|^2 / (2 ln 2).
pub fn kl_bits(energy: f64) -> f64 {
    energy / (2.0 * std::f64::consts::LN_2)
}

/// Bits of an ideal code of N(m, I) samples, |m|^2 = `energy` in `len` dimensions: R = D/2 log2(1 +
/// |m|^2 / D), for the power of the signs is fixed to 1 + |m|^2 / D.
pub fn bits(energy: f64, len: usize) -> f64 {
    let d = len as f64;
    0.5 * d * (energy / d).ln_1p() / std::f64::consts::LN_2
}

/// Stages of a trellis that spends [`Code::overhead`] times the `bits` of an ideal code.
pub fn stages_of(code: Code, bits: f64) -> usize {
    (code.overhead() * bits / f64::from(Code::BITS)).round() as usize
}

/// Stages for a shift of squared norm `energy` in `len` dimensions.
pub fn stages(code: Code, energy: f64, len: usize) -> usize {
    stages_of(code, bits(energy, len)).min(max_stages(len))
}

/// The most stages of a layer of `len` values: one a value.
pub fn max_stages(len: usize) -> usize {
    len
}

/// The standard deviation `a` of the delivered values, a = sqrt(2^(2 k T / (overhead D))). It is
/// computed from T alone. A band may have more stages than values, so the exponent ends at 4.
pub fn amplitude(code: Code, stages: usize, len: usize) -> f64 {
    let bits = f64::from(Code::BITS) * stages as f64;
    elementary::exp2((bits / (code.overhead() * len as f64)).min(4.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Trellis;

    #[test]
    fn amplitude_matches_the_energy_that_asked_for_the_stages() {
        let (code, len) = (Code::new(Trellis::Nu14), 1_179_648);
        for energy in [5_000.0, 30_000.0, 200_000.0] {
            let a = amplitude(code, stages(code, energy, len), len);
            let want = (1.0 + energy / len as f64).sqrt();
            assert!((a - want).abs() < 1e-5, "{energy}: {a} {want}");
        }
        assert_eq!(stages(code, 0.0, len), 0);
        assert_eq!(amplitude(code, 0, len), 1.0);
    }
}
