//! The split of a layer's stages among the bands (clause 11.5).

use crate::codes::{BANDS, BandAllocation, SigmaCode};

/// The stages of a layer as its head states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// T.
    pub count: usize,
    /// Their allocation to the bands, in a file with bands.
    pub allocation: BandAllocation,
    /// The sigma code at which the layer ends.
    pub sigma: SigmaCode,
}

/// The stages of a layer, dealt out to the parts of the rotated values. The parts are the bands, or
/// one part that holds all values.
#[derive(Debug, Clone)]
pub struct Split {
    parts: Vec<BandStages>,
    /// The part of each stage; empty where there is one part.
    order: Vec<u8>,
}

/// The stages of one part of the rotated values.
#[derive(Debug, Clone, Copy)]
pub struct BandStages {
    /// The number of its first position in the shared stream.
    pub base: usize,
    /// T_g, the number of its stages.
    pub stages: usize,
}

impl Split {
    /// The split that gives all stages to one part.
    pub fn whole(stages: usize) -> Self {
        Split {
            parts: vec![BandStages { base: 0, stages }],
            order: Vec::new(),
        }
    }

    /// The split among bands of `lens` values (clause 11.5).
    pub fn new(stages: Stages, lens: &[usize; BANDS]) -> Self {
        let weight =
            |band: usize| stages.allocation.weight(band, stages.sigma) * lens[band] as u128;
        let total: u128 = (0..BANDS).map(weight).sum();
        let (mut sum, mut dealt) = (0, 0);
        let mut each = [0; BANDS];
        for (band, n) in each.iter_mut().enumerate() {
            sum += weight(band);
            let end = match total {
                0 => 0,
                total => (stages.count as u128 * sum / total) as usize,
            };
            (*n, dealt) = (end - dealt, end);
        }
        // If no band has a weight, the first one has all stages.
        each[0] += stages.count - dealt;
        let mut done = [0u64; BANDS];
        let mut order = Vec::with_capacity(stages.count);
        for _ in 0..stages.count {
            // The band that lags most: the least (2 j + 1) / T_g, j the stages that it has.
            let mut next = None;
            for band in (0..BANDS).filter(|&b| done[b] < each[b] as u64) {
                let lag = |b: usize| u128::from(2 * done[b] + 1);
                if next.is_none_or(|n: usize| {
                    lag(band) * (each[n] as u128) < lag(n) * each[band] as u128
                }) {
                    next = Some(band);
                }
            }
            let next = next.unwrap_or(0);
            done[next] += 1;
            order.push(next as u8);
        }
        let mut base = 0;
        let parts = each.iter().zip(lens).map(|(&stages, len)| {
            base += len;
            BandStages {
                base: base - len,
                stages,
            }
        });
        Split {
            parts: parts.collect(),
            order,
        }
    }

    /// T, the number of stages.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|p| p.stages).sum()
    }

    /// True if there are no stages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stages of each part.
    pub fn parts(&self) -> &[BandStages] {
        &self.parts
    }

    /// The part of stage `t`.
    pub fn part_of(&self, t: usize) -> usize {
        self.order.get(t).map_or(0, |&part| part.into())
    }

    /// The number of stages that each part has among the first `n`.
    pub fn first(&self, n: usize) -> Vec<usize> {
        if self.order.is_empty() {
            return vec![n];
        }
        let mut counts = vec![0; self.parts.len()];
        self.order[..n]
            .iter()
            .for_each(|&part| counts[usize::from(part)] += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Colour, code};

    const LENS: [usize; BANDS] = [384, 1152, 4608, 18432, 73728, 294912, 12288, 774144];

    fn split(
        lens: &[usize; BANDS],
        allocation: BandAllocation,
        sigma: SigmaCode,
        count: usize,
    ) -> Split {
        let stages = Stages {
            count,
            allocation,
            sigma,
        };
        Split::new(stages, lens)
    }

    fn dealt(split: &Split) -> Vec<usize> {
        split.parts().iter().map(|p| p.stages).collect()
    }

    #[test]
    fn stages_are_dealt_out_by_weight_and_evenly() {
        let split = split(
            &LENS,
            BandAllocation([40, 38, 36, 34, 30, 24, 30, 10]),
            code(180),
            5000,
        );
        assert_eq!(split.len(), 5000);
        for n in [100, 1000, 2500, 4999] {
            for (got, part) in split.first(n).iter().zip(split.parts()) {
                let all = part.stages;
                let even = all as f64 * n as f64 / 5000.0;
                assert!((*got as f64 - even).abs() <= 2.0, "{n}: {got} of {all}");
            }
        }
        let each = dealt(&split);
        assert_eq!(split.first(5000), each);
        let density = |band: usize| each[band] as f64 / LENS[band] as f64;
        let (a, b) = (density(4), density(5));
        // 23 * 2^7 and 16 * 2^6
        assert!((a / b / 2.875 - 1.0).abs() < 0.02, "{a} {b}");
    }

    /// The table of clause 11.5.
    #[test]
    fn stages_take_turns_as_the_specification_says() {
        let first = BandAllocation::first(Colour::Rgb);
        let other = BandAllocation([0, 0, 0, 0, 40, 30, 20, 10]);
        let small = [1530, 0, 0, 0, 4488, 17733, 3060, 44442];
        for (lens, allocation, sigma, count, stages, begin, crc) in [
            (
                LENS,
                first,
                code(320),
                1000,
                [463, 87, 86, 103, 87, 87, 81, 6],
                [0, 0, 3, 0, 1, 4, 5, 2],
                0x4e4a_2111,
            ),
            (
                LENS,
                first,
                code(180),
                1000,
                [5, 13, 37, 105, 248, 498, 25, 69],
                [5, 4, 5, 3, 5, 4, 5, 7],
                0x597d_3f7b,
            ),
            (
                small,
                other,
                code(200),
                77,
                [0, 0, 0, 0, 46, 27, 2, 2],
                [4, 5, 4, 4, 5, 4, 5, 4],
                0x5001_a6fa,
            ),
        ] {
            let split = split(&lens, allocation, sigma, count);
            assert_eq!(dealt(&split), stages);
            assert_eq!(split.order[..8], begin);
            assert_eq!(crc32fast::hash(&split.order), crc);
        }
    }

    #[test]
    fn all_stages_find_a_band() {
        for count in [0, 1, 2, 7, 64] {
            assert_eq!(
                split(&LENS, BandAllocation([0; BANDS]), code(180), count).parts()[0].stages,
                count
            );
            assert_eq!(
                split(&LENS, BandAllocation([63; BANDS]), code(180), count).len(),
                count
            );
            assert_eq!(
                split(&LENS, BandAllocation([63; BANDS]), code(180), count)
                    .first(count)
                    .iter()
                    .sum::<usize>(),
                count
            );
        }
    }
}
