//! The trellis code: a shift register driven by k = 4 bits a stage chooses the signs of the shared
//! noise.
//!
//! Stage t of T owns the rotated values i = t (mod T); in a file with bands, values of one band
//! (see [`split`](super::split)). The state of the register names one of 2^mu codewords. Codeword c
//! has the sign (-1)^popcount(pos_i & c) at value i, on top of the shared sign g_i. The sender
//! finds the path whose signs correlate best with the rotated shift w (Viterbi); the receiver only
//! shifts bits in.

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::code::{Code, RESTART, SIGN_BIT};
use crate::channel::rate;
use crate::channel::rotation::Rotated;
use crate::channel::signs;
use crate::channel::split::{BandStages, Split};
use crate::channel::transform::Coefficients;
use crate::random::Stream;

/// Bytes that hold the bits of `stages` stages.
pub fn bytes(stages: usize) -> usize {
    stages.div_ceil(2)
}

/// The signs that the receiver holds when some bits of a layer have arrived. The values of missing
/// stages keep the shared noise, a sample of the prior.
#[derive(Debug, Clone)]
pub struct Signs {
    code: Code,
    stream: Stream,
    /// The codewords of the stages of each part, at least one.
    codewords: Vec<Vec<u16>>,
    split: Split,
    /// The number of stages of each part that have arrived.
    arrived: Vec<usize>,
}

impl Signs {
    /// The signs of the stages in `bits`, which are the first of `split`.
    pub fn new(code: Code, stream: &Stream, bits: &BitSlice<u8, Msb0>, split: Split) -> Self {
        Signs {
            code,
            stream: *stream,
            codewords: codewords(code, bits, &split),
            arrived: split.first(split.len().min(bits.len() / Code::BITS as usize)),
            split,
        }
    }

    /// T_g, the stages of a part of the rotated values.
    pub fn stages(&self, part: usize) -> usize {
        self.split.parts()[part].stages
    }

    /// The number of stages of a part that have arrived.
    pub fn arrived(&self, part: usize) -> usize {
        self.arrived[part]
    }

    /// The codewords of the stages of a part, at least one: 0 for a stage without bits.
    pub(crate) fn codewords(&self, part: usize) -> &[u16] {
        &self.codewords[part]
    }

    /// Writes +1 or -1 for the values of a part from `first`.
    pub fn fill(&self, part: usize, first: usize, out: &mut [f32]) {
        let (codewords, stream) = (&self.codewords[part], &self.stream);
        let (t, first) = (
            first % codewords.len(),
            self.split.parts()[part].base + first,
        );
        signs::signs(stream, self.code, SIGN_BIT, codewords, t, first, out);
    }

    /// The inner product of `w` with the values that the signs deliver. It does not depend on the
    /// number of threads.
    pub fn dot(&self, w: &Coefficients) -> f64 {
        const CHUNK: usize = 1 << 15;
        let of = |(part, w): (usize, Rotated)| {
            let sum = |c: usize| {
                let first = c * CHUNK;
                let mut signs = vec![0.0; CHUNK.min(w.len() - first)];
                self.fill(part, first, &mut signs);
                let values = w.every(first, 1).zip(signs);
                values.map(|((_, w), sign)| f64::from(w * sign)).sum()
            };
            let chunks = (0..w.len().div_ceil(CHUNK)).into_par_iter();
            let sums: Vec<f64> = chunks.map(sum).collect();
            rate::amplitude(self.code, self.stages(part), w.len()) * sums.iter().sum::<f64>()
        };
        w.parts().into_iter().enumerate().map(of).sum()
    }
}

/// The codeword of each stage of each part. It is 0, which leaves the shared signs alone, for
/// stages without bits.
fn codewords(code: Code, bits: &BitSlice<u8, Msb0>, split: &Split) -> Vec<Vec<u16>> {
    let of = |part: &BandStages| vec![0; part.stages.max(1)];
    let mut codewords: Vec<Vec<u16>> = split.parts().iter().map(of).collect();
    let mut done = vec![0; codewords.len()];
    let mut state = 0u32;
    for (t, symbol) in bits.chunks_exact(4).take(split.len()).enumerate() {
        if t % RESTART == 0 {
            state = 0;
        }
        let (u, part) = (symbol.load_be::<u32>(), split.part_of(t));
        codewords[part][done[part]] = (code.block(state, t as u32) << 4 | u) as u16;
        done[part] += 1;
        state = (state << 4 | u) & (code.states() as u32 - 1);
    }
    codewords
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::rotation::Rotation;
    use crate::channel::search::search;
    use crate::channel::transform::Transform;
    use crate::codes::Trellis;

    /// A shift with a smooth, strongly varying envelope and Laplacian-scaled noise: heavy tails, as
    /// real ones have.
    fn heavy_tailed(len: usize, energy: f64) -> Vec<f32> {
        let stream = Stream::new(11, 0);
        let uniform = |i: usize| (stream.value(i) >> 11) as f64 / (1u64 << 53) as f64 + 1e-12;
        let m: Vec<f64> = (0..len)
            .map(|i| {
                let u = i as f64 / len as f64 * 40.0 * std::f64::consts::TAU;
                let gauss = (-2.0 * uniform(3 * i).ln()).sqrt()
                    * (std::f64::consts::TAU * uniform(3 * i + 1)).cos();
                (1.2 * u.sin() + 0.8 * (5.0 * u + 1.0).sin()).exp()
                    * -uniform(3 * i + 2).ln()
                    * gauss
            })
            .collect();
        let norm: f64 = m.iter().map(|v| v * v).sum();
        m.iter()
            .map(|v| (v * (energy / norm).sqrt()) as f32)
            .collect()
    }

    struct Delivered {
        z: Vec<f32>,
        shift: f64,
        /// Bits spent over R of the shift that was delivered.
        overhead: f64,
    }

    fn deliver(code: Code, m: &[f32], seed: u64) -> Delivered {
        let (len, stream, rotation) = (m.len(), Stream::new(seed, 1), Rotation::new(0, m.len()));
        let energy: f64 = m.iter().map(|&v| f64::from(v).powi(2)).sum();
        let stages = rate::stages(code, energy, len);
        let w = Transform::Whole(rotation.clone()).forward(&stream, m.to_vec());
        let bits = search(code, &stream, &w, &Split::whole(stages), stages);
        assert_eq!(bits.len(), 4 * stages);
        let signs = Signs::new(code, &stream, &bits, Split::whole(stages));
        let amplitude = rate::amplitude(code, stages, len);
        let mut z = vec![0.0; len];
        let fill = |_: &[f32], first: usize, out: &mut [f32]| signs.fill(0, first, out);
        rotation.inverse(&stream, amplitude, fill, &mut z, |x, z| *x = z);
        let dot: f64 = m
            .iter()
            .zip(&z)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum();
        let rotated = signs.dot(&w);
        assert!((rotated - dot).abs() < 1e-4 * dot, "{rotated} and {dot}");
        let power: f64 = z.iter().map(|&v| f64::from(v).powi(2)).sum();
        let ideal =
            -0.5 * len as f64 * (-dot * dot / (energy * power)).ln_1p() / std::f64::consts::LN_2;
        Delivered {
            z,
            shift: dot / energy,
            overhead: bits.len() as f64 / ideal - 1.0,
        }
    }

    #[test]
    fn bits_over_ideal_and_delivered_shift() {
        let len = 1 << 20;
        // Start-up costs some six bits a stretch, so short steps are allowed more.
        for (nu, bits, most) in [
            (Trellis::Nu14, 1_000.0, 0.075),
            (Trellis::Nu14, 5_000.0, 0.06),
            (Trellis::Nu14, 20_000.0, 0.056),
            (Trellis::Nu12, 5_000.0, 0.08),
        ] {
            let code = Code::new(nu);
            let energy = 2.0 * std::f64::consts::LN_2 * bits / code.overhead();
            let d = deliver(code, &heavy_tailed(len, energy), 3);
            println!(
                "{nu:?}, {bits} bits: overhead {:.4}, shift {:.4}",
                d.overhead, d.shift
            );
            assert!(d.overhead < most, "{nu:?}, {bits} bits: {}", d.overhead);
            assert!(
                (0.985..1.02).contains(&d.shift),
                "{nu:?}, {bits} bits: {}",
                d.shift
            );
        }
    }

    #[test]
    fn delivered_noise_is_standard_normal_around_the_shift() {
        let len = 1 << 18;
        let code = Code::new(Trellis::Nu12);
        let m = heavy_tailed(len, 6_000.0);
        let norm = m.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let (mut on_axis, mut runs) = (0.0, 0.0);
        for seed in 0..6 {
            let z = deliver(code, &m, seed).z;
            let residual: Vec<f64> = z.iter().zip(&m).map(|(z, m)| f64::from(z - m)).collect();
            let n = len as f64;
            let along = residual
                .iter()
                .zip(&m)
                .map(|(r, m)| r * f64::from(*m))
                .sum::<f64>()
                / norm;
            let variance = (residual.iter().map(|r| r * r).sum::<f64>() - along * along) / n;
            let kurtosis =
                residual.iter().map(|r| r.powi(4)).sum::<f64>() / n / variance / variance;
            assert!(
                (variance - 1.0).abs() < 0.01,
                "off-axis variance {variance}"
            );
            assert!((kurtosis - 3.0).abs() < 0.06, "kurtosis {kurtosis}");
            on_axis += along * along;
            runs += 1.0;
        }
        // A sampler of N(m, I) would have 1 here; a code that aims at the shift stays near or below
        // it.
        assert!(on_axis / runs < 4.0, "on-axis variance {}", on_axis / runs);
    }

    fn signs(
        code: Code,
        stream: &Stream,
        bits: &BitSlice<u8, Msb0>,
        stages: usize,
        len: usize,
    ) -> Vec<f32> {
        let mut out = vec![0.0; len];
        Signs::new(code, stream, bits, Split::whole(stages)).fill(0, 0, &mut out);
        out
    }

    #[test]
    fn every_cut_is_a_state_between() {
        let len = 20_000;
        let (code, stream) = (Code::new(Trellis::Nu12), Stream::new(2, 0));
        let m = heavy_tailed(len, 300.0);
        let w = Transform::Whole(Rotation::new(0, len)).forward(&stream, m);
        let stages = rate::stages(code, 300.0, len);
        let bits = search(code, &stream, &w, &Split::whole(stages), stages);
        let full = signs(code, &stream, &bits, stages, len);
        let none = signs(code, &stream, BitSlice::empty(), stages, len);
        for arrived in 0..=stages {
            let part = signs(code, &stream, &bits[..4 * arrived], stages, len);
            for i in 0..len {
                assert_eq!(
                    part[i],
                    if i % stages < arrived {
                        full[i]
                    } else {
                        none[i]
                    }
                );
            }
        }
    }

    #[test]
    fn a_limit_gives_the_prefix_of_whole_stretches() {
        let len = 200_000;
        let (code, stream) = (Code::new(Trellis::Nu12), Stream::new(4, 0));
        let w =
            Transform::Whole(Rotation::new(0, len)).forward(&stream, heavy_tailed(len, 7_000.0));
        let stages = rate::stages(code, 7_000.0, len);
        assert!(stages > RESTART + 100);
        let (all, part) = (
            search(code, &stream, &w, &Split::whole(stages), stages),
            search(code, &stream, &w, &Split::whole(stages), RESTART),
        );
        assert_eq!(all[..4 * RESTART], part[..]);
    }

    #[test]
    fn an_empty_step_is_the_shared_noise() {
        let (code, stream) = (Code::new(Trellis::Nu12), Stream::new(4, 0));
        let z = signs(code, &stream, BitSlice::empty(), 0, 1000);
        assert!(z.iter().all(|v| v.abs() == 1.0));
        assert!(z.iter().sum::<f32>().abs() < 150.0);
    }
}
