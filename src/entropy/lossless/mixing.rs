//! Logistic mixing of predictions of one decision, in base 2.

use std::sync::LazyLock;

/// Bits of a probability of [`Tables::logistic`].
pub const ONE: u32 = 30;

/// The logit beyond which probabilities do not change.
const REACH: i32 = 17;

/// round(2^30 / (1 + 2^-(k / 64 - 17))), k = 0..=2176.
static LOGISTIC: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let steps = 0..=2 * REACH * 64;
    let at = |k: i32| {
        f64::from(1u32 << ONE) / (1.0 + libm::exp2(f64::from(REACH) - f64::from(k) / 64.0))
    };
    steps.map(|k| at(k).round() as u32).collect()
});

/// round(2^16 log2(1 + (k + 1/2) / 1024)), k = 0..=1023.
static LOG2: LazyLock<Vec<i32>> = LazyLock::new(|| {
    let at = |k: i32| 65536.0 * libm::log2(1.0 + (f64::from(k) + 0.5) / 1024.0);
    (0..1024).map(|k| at(k).round() as i32).collect()
});

/// The tables, looked up once a picture.
#[derive(Clone, Copy)]
pub struct Tables {
    logistic: &'static [u32],
    log2: &'static [i32],
}

impl Tables {
    /// The tables, made at the first call.
    pub fn new() -> Self {
        Tables {
            logistic: &LOGISTIC,
            log2: &LOG2,
        }
    }

    /// 2^30 / (1 + 2^-z) for z in units of 2^-16.
    #[inline]
    pub fn logistic(&self, z: i64) -> u32 {
        let reach = i64::from(REACH) << 16;
        let z = (z.clamp(-reach, reach) + reach) as u64;
        let (k, rest) = ((z >> 10) as usize, z & 1023);
        let low = u64::from(self.logistic[k]);
        let high = u64::from(self.logistic[(k + 1).min(self.logistic.len() - 1)]);
        (low + (((high - low) * rest) >> 10)) as u32
    }

    /// log2(a / b) of positive numbers.
    #[inline]
    pub fn logit(&self, a: u32, b: u32) -> f32 {
        (self.log2(a) - self.log2(b)) as f32 / 65536.0
    }

    /// log2 of a positive number in units of 2^-16.
    #[inline]
    fn log2(&self, v: u32) -> i32 {
        let e = v.ilog2();
        ((e as i32) << 16) + self.log2[(v << (31 - e) >> 21) as usize & 1023]
    }

    /// The probability of a logit, in the units of [`Tables::logistic`].
    #[inline]
    fn probability(&self, z: f32) -> u32 {
        self.logistic((z * 65536.0) as i64)
    }
}

/// Sets of weights for `N` predictions, chosen by context.
#[derive(Clone)]
pub struct LogisticMixer<const N: usize> {
    tables: Tables,
    sets: Vec<[f32; N]>,
    /// Learning rate of the weights.
    rate: f32,
}

/// The mixture of the predictions of one decision by two sets of weights.
pub struct Mixture<const N: usize> {
    inputs: [f32; N],
    sets: [usize; 2],
    logits: [f32; 2],
    /// Probability of a one in units of 2^-16, never 0 or 1.
    pub one: u16,
}

impl<const N: usize> LogisticMixer<N> {
    /// A mixer of `sets` sets of weights that begin as `start` and learn at `rate`.
    pub fn new(tables: Tables, sets: usize, start: [f32; N], rate: f32) -> Self {
        LogisticMixer {
            tables,
            sets: vec![start; sets],
            rate,
        }
    }

    /// The mixture whose logit is the mean of the logits of two sets.
    #[inline]
    pub fn mix(&self, inputs: [f32; N], sets: [usize; 2]) -> Mixture<N> {
        let logits = sets.map(|set| {
            let terms = self.sets[set].iter().zip(&inputs);
            terms.fold(0.0, |sum, (w, x)| sum + w * x)
        });
        let p = self.tables.probability((logits[0] + logits[1]) * 0.5);
        Mixture {
            inputs,
            sets,
            logits,
            one: (p >> (ONE - 16)).clamp(1, 65535) as u16,
        }
    }

    /// Moves the weights down the gradient of the code length.
    #[inline]
    pub fn learn(&mut self, mixed: &Mixture<N>, bit: bool) {
        let target = if bit { 1.0 } else { 0.0 };
        for (&set, &logit) in mixed.sets.iter().zip(&mixed.logits) {
            let p = self.tables.probability(logit) as f32 / (1u32 << ONE) as f32;
            let step = self.rate * (target - p);
            let weights = self.sets[set].iter_mut().zip(&mixed.inputs);
            weights.for_each(|(w, x)| *w += step * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_the_functions() {
        let t = Tables::new();
        for i in -1180..1180 {
            let z = f64::from(i) / 70.0;
            let want = 1.0 / (1.0 + (-z).exp2());
            let got = f64::from(t.logistic((z * 65536.0) as i64)) / f64::from(1 << ONE);
            assert!((got / want - 1.0).abs() < 2e-4, "{z}: {got} {want}");
        }
        assert_eq!(t.logistic(i64::MIN), t.logistic(-17 << 16));
        assert_eq!(t.logistic(i64::MAX), t.logistic(17 << 16));
        for v in [1u32, 2, 3, 1000, 1 << 22, (1 << 30) + 1024] {
            let got = f64::from(t.logit(v, 1)) - f64::from(t.logit(1, 1));
            assert!((got - f64::from(v).log2()).abs() < 1e-3, "{v}");
        }
        assert_eq!(t.logit(77, 77), 0.0);
    }

    #[test]
    fn tables_have_the_sums_of_the_text() {
        let bytes =
            |table: &[u32]| -> Vec<u8> { table.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let log2: Vec<u32> = LOG2.iter().map(|&v| v as u32).collect();
        let sums = [bytes(&LOGISTIC), bytes(&log2)].map(|bytes| crc32fast::hash(&bytes));
        assert_eq!(sums, [0xc4cb_4f15, 0x80bd_9221]);
    }

    #[test]
    fn trusts_the_input_that_is_right() {
        let mut mixer = LogisticMixer::new(Tables::new(), 2, [0.1; 6], 0.0035);
        let mut inputs = [0.0; 6];
        for i in 0..4000u32 {
            let bit = i.wrapping_mul(0x9E37_79B9) >> 31 == 1;
            inputs[4] = if bit { 3.0 } else { -3.0 };
            inputs[1] = if i % 2 == 0 { 3.0 } else { -3.0 };
            let mixed = mixer.mix(inputs, [0, 1]);
            mixer.learn(&mixed, bit);
        }
        inputs[1] = -3.0;
        inputs[4] = 3.0;
        assert!(mixer.mix(inputs, [0, 1]).one > 62000);
    }
}
