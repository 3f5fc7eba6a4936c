//! Adaptive counters in a hash table: the outcomes of a decision in equal contexts.

use crate::entropy::lossless::mixing::Tables;

/// Decisions that share one place of the table.
pub const GROUP: u32 = 3;

/// Number of decisions after which a counter forgets as fast as it learns.
const WINDOW: u32 = 60;

/// A hash joined by one more number.
pub fn join(hash: u64, v: u64) -> u64 {
    let h = (hash ^ v).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    h ^ h >> 29
}

/// A counter: the probability of a one in units of 2^-22, and the number of decisions seen.
#[derive(Clone, Copy)]
pub struct Counter(u32);

impl Counter {
    const BITS: u32 = 22;
    const NEW: Counter = Counter(1 << (Self::BITS - 1) << 10);

    /// Probability of a one, 0..2^22.
    pub fn probability(self) -> u32 {
        self.0 >> 10
    }

    /// The logit of the probability, as an input of a mixer.
    pub fn logit(self, tables: &Tables) -> f32 {
        let p = self.probability();
        tables.logit(p + 1, (1 << Self::BITS) - p)
    }

    /// floor(log2(decisions seen + 1)), at most 5.
    pub fn experience(self) -> usize {
        ((self.0 & 1023) + 1).ilog2() as usize
    }

    fn learn(&mut self, bit: bool) {
        let (p, n) = (self.probability() as i64, self.0 & 1023);
        let target = if bit { (1 << Self::BITS) - 1 } else { 0 };
        let rate = i64::from(655_360 / (10 * n + 16));
        let p = p + (((target - p) * rate) >> 16);
        self.0 = (p as u32) << 10 | (n + 1).min(WINDOW);
    }
}

/// The counters of up to three decisions in a row: a tree of seven.
#[derive(Clone, Copy)]
struct Group {
    /// A part of the hash of the context; 0 if the place is free.
    tag: u32,
    counters: [Counter; 7],
}

/// The table of the counters of all contexts.
#[derive(Clone)]
pub struct ContextTable {
    groups: Vec<Group>,
}

impl ContextTable {
    /// Places of a table for a number of samples.
    fn places(samples: u64) -> u64 {
        (samples.next_power_of_two() / 2).clamp(1 << 10, 1 << 22)
    }

    /// Bytes of a table for a number of samples.
    pub fn bytes(samples: u64) -> u64 {
        Self::places(samples) * size_of::<Group>() as u64
    }

    /// A table for a number of samples.
    pub fn new(samples: usize) -> Self {
        let free = Group {
            tag: 0,
            counters: [Counter::NEW; 7],
        };
        ContextTable {
            groups: vec![free; Self::places(samples as u64) as usize],
        }
    }

    /// The places of contexts. Counters of other contexts there are forgotten.
    pub fn find<const N: usize>(&mut self, contexts: [u64; N]) -> [usize; N] {
        let shift = 64 - self.groups.len().ilog2();
        let hashes = contexts.map(|context| {
            let hash = context.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (hash ^ hash >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93)
        });
        let places = hashes.map(|hash| (hash >> shift) as usize);
        // All tags are read before the first is compared. They are far apart in memory, and can be
        // waited for together.
        let tags = places.map(|place| self.groups[place].tag);
        for k in 0..N {
            let tag = hashes[k] as u32 | 1;
            if tags[k] != tag {
                self.groups[places[k]] = Group {
                    tag,
                    counters: [Counter::NEW; 7],
                };
            }
        }
        places
    }

    /// The counter of a node, 1..=7, of a group.
    pub fn counter(&self, place: usize, node: usize) -> Counter {
        self.groups[place].counters[node - 1]
    }

    /// Teaches the counter of a node the outcome `bit`.
    pub fn learn(&mut self, place: usize, node: usize, bit: bool) {
        self.groups[place].counters[node - 1].learn(bit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_tend_to_frequencies() {
        let mut c = Counter::NEW;
        assert_eq!((c.probability(), c.experience()), (1 << 21, 0));
        for i in 0..3000 {
            c.learn(i % 4 == 0);
        }
        let p = f64::from(c.probability()) / f64::from(1 << 22);
        assert!((p - 0.25).abs() < 0.02, "{p}");
        assert_eq!(c.experience(), 5);
        for bit in [true, false] {
            (0..5000).for_each(|_| c.learn(bit));
            let rest = (i64::from(c.probability()) - if bit { (1 << 22) - 1 } else { 0 }).abs();
            assert!(rest < 70, "{rest}");
        }
    }

    #[test]
    fn contexts_keep_apart() {
        let mut table = ContextTable::new(1);
        let [a] = table.find([1]);
        table.learn(a, 3, true);
        assert!(table.counter(a, 3).probability() > 1 << 21);
        let [again] = table.find([1]);
        assert!(table.counter(again, 3).probability() > 1 << 21);
        for other in 2..5000 {
            let [place] = table.find([other]);
            assert_eq!(table.counter(place, 3).experience(), 0);
        }
    }
}
