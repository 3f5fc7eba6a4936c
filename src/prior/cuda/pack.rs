//! Weights in the order in which the kernels of `network.cu` read them.

use half::f16;

/// Matrix of a layer: one weight for each output, tap and input.
pub(super) struct Matrix {
    /// Multiples of 16, like `inputs`.
    pub outputs: usize,
    pub inputs: usize,
    /// 9, 4 or 1, row by row.
    pub taps: usize,
    /// `[outputs][taps][inputs]`
    pub data: Vec<f32>,
}

impl Matrix {
    /// Matrix of a tensor `[outputs][inputs][taps]`. Channels that are missing to multiples of 16
    /// are 0.
    pub fn new(shape: &[usize], data: &[f32]) -> Matrix {
        let (co, ci, taps) = (shape[0], shape[1], shape[2] * shape[3]);
        let (outputs, inputs) = (co.next_multiple_of(16), ci.next_multiple_of(16));
        let mut matrix = Matrix {
            outputs,
            inputs,
            taps,
            data: vec![0.0; outputs * taps * inputs],
        };
        for (i, &v) in data.iter().enumerate() {
            let (n, c, tap) = (i / (ci * taps), i / taps % ci, i % taps);
            matrix.data[(n * taps + tap) * inputs + c] = v;
        }
        matrix
    }

    /// Weights times `factor`, `[outputs / nt][inputs / 16][parts][taps][nt / 16][32][8]`. The two
    /// parts are hi and lo.
    pub fn pack(&self, nt: usize, parts: usize, factor: f32) -> Vec<f16> {
        let mut packed = Vec::with_capacity(self.data.len() * parts);
        for tile in 0..self.outputs / nt {
            for chunk in 0..self.inputs / 16 {
                for part in 0..parts {
                    for tap in 0..self.taps {
                        for group in 0..nt / 16 {
                            let at = (tile * nt + 16 * group, tap, 16 * chunk);
                            self.pack_square(at, part, factor, &mut packed);
                        }
                    }
                }
            }
        }
        packed
    }

    /// Appends 16 outputs of 16 inputs, in the order of lanes.
    fn pack_square(
        &self,
        (first, tap, input): (usize, usize, usize),
        part: usize,
        factor: f32,
        packed: &mut Vec<f16>,
    ) {
        for lane in 0..32 {
            let (g, q) = (lane / 4, lane % 4);
            for k in 0..8 {
                let i = input + 2 * q + k % 2 + 8 * (k / 2 % 2);
                let n = first + 4 * (g / 2) + 2 * (k / 4) + g % 2;
                let v = self.data[(n * self.taps + tap) * self.inputs + i] * factor;
                let hi = f16::from_f32(v);
                packed.push(match part {
                    0 => hi,
                    _ => f16::from_f32(v - hi.to_f32()),
                });
            }
        }
    }
}

/// Power of two that brings the largest weight to 8 or above, below 16; 1 if all are 0.
pub(super) fn factor(weights: &[f32]) -> f32 {
    let most = weights.iter().fold(0f32, |m, v| m.max(v.abs()));
    match most > 0.0 {
        true => (3.0 - most.log2().floor()).clamp(-40.0, 40.0).exp2(),
        false => 1.0,
    }
}

/// True if all weights times `factor` are numbers of f16.
pub(super) fn fits_f16(weights: &[f32], factor: f32) -> bool {
    let fits = |&v: &f32| f16::from_f32(v * factor).to_f32() == v * factor;
    weights.iter().all(fits)
}

/// Outputs `[c][2 x 2]` of a tensor as `[2 x 2][c]`, each of `each` values.
pub(super) fn places_first(data: &[f32], each: usize) -> Vec<f32> {
    let channels = data.len() / (4 * each);
    let row = |i: usize| {
        let at = 4 * (i % channels) + i / channels;
        &data[at * each..][..each]
    };
    (0..4 * channels).flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_has_its_place() {
        let shape = [32, 12, 3, 3];
        let data: Vec<f32> = (1..=32 * 12 * 9).map(|i| i as f32 / 16.0).collect();
        let matrix = Matrix::new(&shape, &data);
        assert_eq!((matrix.outputs, matrix.inputs), (32, 16));
        assert_eq!(
            matrix.data[(5 * 9 + 7) * 16 + 3],
            data[(5 * 12 + 3) * 9 + 7]
        );
        assert_eq!(matrix.data[(5 * 9 + 7) * 16 + 12], 0.0);
        let factor = factor(&matrix.data);
        assert_eq!(factor, 1.0 / 16.0);
        // Up to 216 in sixteenths: 12 bits.
        assert!(!fits_f16(&matrix.data, factor) && fits_f16(&[0.75], 1.0));
        let (hi, both) = (matrix.pack(16, 1, 1.0), matrix.pack(16, 2, 1.0));
        assert_eq!(both.len(), 2 * hi.len());
        // Lane 4 g + q = 9 of tap 0 and the second tile of outputs: g = 2, q = 1.
        let lane = &hi[9 * 16 * 16..][9 * 8..][..8];
        let at = |n: usize, i: usize| f16::from_f32(matrix.data[(16 + n) * 9 * 16 + i]);
        let wanted = [
            (4, 2),
            (4, 3),
            (4, 10),
            (4, 11),
            (6, 2),
            (6, 3),
            (6, 10),
            (6, 11),
        ];
        assert_eq!(lane, wanted.map(|(n, i)| at(n, i)));
        let mut sums: Vec<f32> = both.iter().map(|v| v.to_f32()).collect();
        sums.sort_by(f32::total_cmp);
        let total = |v: &[f32]| v.iter().map(|&v| f64::from(v)).sum::<f64>();
        assert!((total(&sums) - total(&data)).abs() < 1e-6 * total(&data));
    }

    #[test]
    fn places_come_first() {
        let data: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let moved = places_first(&data, 2);
        assert_eq!(&moved[..8], [0.0, 1.0, 8.0, 9.0, 2.0, 3.0, 10.0, 11.0]);
    }
}
