//! The specified counter-based generator (clause 9): integers only, any value in any order.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection of the 64-bit integers.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The pseudo-random source of one layer that sender and receiver share.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of layer `layer` of a file with seed `seed`.
    pub fn new(seed: u64, layer: u32) -> Self {
        Stream {
            key: mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(u64::from(layer))),
        }
    }

    /// The key that the values are made from.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// The `i`-th value: 64 bits that depend on the key and `i` only.
    #[inline(always)]
    pub fn value(&self, i: usize) -> u64 {
        self.at(i as u64)
    }

    /// The `i`-th value, for numbers that may be larger than an index of an array.
    #[inline(always)]
    pub fn at(&self, i: u64) -> u64 {
        mix(self
            .key
            .wrapping_add(i.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Two independent standard normal values from the values `i` and `i + 1` (Box and Muller
    /// 1958).
    pub fn normal_pair(&self, i: usize) -> [f64; 2] {
        let uniform = |i: usize| ((self.value(i) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        let radius = (-2.0 * libm::log(uniform(i))).sqrt();
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * uniform(i + 1));
        [radius * cos, radius * sin]
    }
}

#[cfg(test)]
impl Stream {
    /// The `i`-th standard normal value, for tests that need samples of N(0, 1).
    pub fn gauss(&self, i: usize) -> f64 {
        self.normal_pair(2 * i)[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_pinned() {
        let stream = Stream::new(0, 0);
        let values: Vec<u64> = (0..3).map(|i| stream.value(i)).collect();
        assert_eq!(
            values,
            [
                0x568A_9B0B_1A2C_05EC,
                0x44E5_B8B1_47EF_718B,
                0x4585_63AB_5552_1133
            ]
        );
    }

    #[test]
    fn bits_are_balanced_and_layers_differ() {
        let (a, b) = (Stream::new(7, 3), Stream::new(7, 4));
        let n = 1 << 14;
        for bit in 0..64 {
            let ones = (0..n).filter(|&i| a.value(i) >> bit & 1 == 1).count() as f64;
            assert!(
                (ones / n as f64 - 0.5).abs() < 0.02,
                "bit {bit}: {ones} of {n}"
            );
            let equal = (0..n)
                .filter(|&i| (a.value(i) ^ b.value(i)) >> bit & 1 == 0)
                .count() as f64;
            assert!(
                (equal / n as f64 - 0.5).abs() < 0.02,
                "bit {bit}: {equal} of {n}"
            );
        }
    }
}
