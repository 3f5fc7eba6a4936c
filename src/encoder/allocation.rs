//! The stages of a layer, and the share of them that each band gets.

use std::f64::consts::LN_2;

use crate::channel::code::Code;
use crate::channel::rate;
use crate::channel::sender::Budget;
use crate::channel::split::Stages;
use crate::codes::{BANDS, BandAllocation, CHANGE, SigmaCode};
use crate::container::{Layer, Writer};
use crate::schedule::Sigma;

/// Bits that a change of the allocation must save in its first layer: eight times those that it
/// takes. The next layers may need another change, and heads are to stay within 1 % of a file.
const WORTH: f64 = 64.0 * BandAllocation::BYTES as f64;

/// The budget of one layer: its room, and the file before it.
pub(crate) struct LayerBudget<'a> {
    /// Bytes that head and bits may take.
    pub room: usize,
    pub writer: &'a Writer,
    /// Factor of the shift of each band.
    pub gains: [f64; BANDS],
}

impl Budget for LayerBudget<'_> {
    fn most_stages(&self, layer: Stages, spared: bool) -> usize {
        let unchecked = if spared { 0 } else { self.writer.unchecked() };
        let change = self.writer.change(layer.allocation);
        let head = Layer::head_bytes(unchecked, layer.count as u32, change);
        self.room.saturating_sub(head).saturating_mul(2)
    }

    fn gains(&self) -> [f64; BANDS] {
        self.gains
    }

    fn allocation(&self) -> BandAllocation {
        self.writer.allocation()
    }

    fn allocate(
        &self,
        code: Code,
        lens: [usize; BANDS],
        energies: &[f64; BANDS],
        s: Sigma,
    ) -> Stages {
        let need = Need::new(lens, energies);
        Stages {
            count: need.stages(code),
            allocation: need.allot(self.writer.allocation(), s.code()),
            sigma: s.code(),
        }
    }
}

/// The bits that a layer needs.
pub(crate) struct Need {
    /// D_g, the number of values of each band.
    pub lens: [usize; BANDS],
    /// Bits of an ideal code for each band.
    bits: [f64; BANDS],
}

impl Need {
    /// The need of bands of `lens` values whose shifts have these squared norms: D_g/2
    /// log2(1 + |m_g|^2 / D_g) bits, but no more than half a bit a value. Signs cannot tell much
    /// more than that. The next layer tells the rest.
    pub fn new(lens: [usize; BANDS], energies: &[f64; BANDS]) -> Self {
        let bits = |band: usize| match lens[band] {
            0 => 0.0,
            len => rate::bits(energies[band], len).min(0.5 * len as f64),
        };
        Need {
            lens,
            bits: std::array::from_fn(bits),
        }
    }

    /// T, the number of stages of the layer.
    pub fn stages(&self, code: Code) -> usize {
        rate::stages_of(code, self.total())
    }

    /// Bits of an ideal code for all bands.
    fn total(&self) -> f64 {
        self.bits.iter().sum()
    }

    /// The allocation within reach of `now` that suits a layer that ends at the sigma code `s`. It
    /// is `now` where a change costs more bits than it saves.
    pub fn allot(&self, now: BandAllocation, s: SigmaCode) -> BandAllocation {
        let wanted = |band: usize| {
            let rate = self.bits[band] / self.lens[band].max(1) as f64;
            (rate > 0.0).then(|| 4.0 * libm::log2(rate) - f64::from(BandAllocation::drift(band, s)))
        };
        // Only differences of codes count, so that all may move together. The bands that matter
        // most stay where they are, or all move where that reaches further.
        let known = (0..BANDS).filter_map(|b| Some((b, wanted(b)?)));
        let offset: f64 = known
            .map(|(b, want)| self.bits[b] / self.total() * (f64::from(now.0[b]) - want))
            .sum();
        let moved = |lift: i16| {
            BandAllocation(std::array::from_fn(|band| {
                let want = wanted(band).map_or(0, |want| (want + offset).round() as i16 + lift);
                let change = want - i16::from(now.0[band]);
                BandAllocation::clamped(now.0[band], change.clamp(*CHANGE.start(), *CHANGE.end()))
            }))
        };
        let with_loss = |lift: i16| {
            let allocation = moved(lift);
            (allocation, self.loss(allocation, s))
        };
        let (suited, loss) = [1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7]
            .map(with_loss)
            .into_iter()
            .fold(with_loss(0), |best, next| {
                match next.1.total_cmp(&best.1).is_lt() {
                    true => next,
                    false => best,
                }
            });
        let gain = self.loss(now, s) - loss;
        if gain > WORTH { suited } else { now }
    }

    /// Bits that an allocation costs over the ideal one.
    ///
    /// A band's part of the shift that is delivered goes as the root of its stages, and the stages
    /// that a shift needs go as its square. And the amplitude that its stages stand for is not that
    /// of its values, so that their noise is not of the level that the prior is told.
    fn loss(&self, allocation: BandAllocation, s: SigmaCode) -> f64 {
        let weight = |band: usize| allocation.weight(band, s) as f64 * self.lens[band] as f64;
        let scale = self.total() / (0..BANDS).map(weight).sum::<f64>().max(1.0);
        let loss = |band: usize| {
            let (need, got) = (self.bits[band], scale * weight(band));
            let d = self.lens[band].max(1) as f64;
            let power = |bits: f64| libm::exp2((2.0 * bits / d).min(8.0));
            let noise = d * (power(got) - power(need)).powi(2) / (4.0 * LN_2);
            (need.sqrt() - got.sqrt()).powi(2) + noise
        };
        (0..BANDS).map(loss).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::split::Split;
    use crate::codes::{Colour, code};

    /// Bands of a picture of 3,072 x 2,048.
    const LENS: [usize; BANDS] = [
        6144, 18432, 73728, 294_912, 1_179_648, 4_718_592, 196_608, 12_386_304,
    ];

    #[test]
    fn bands_get_the_stages_that_they_need() {
        let bits = [
            320.0, 960.0, 2400.0, 6400.0, 14400.0, 24000.0, 1600.0, 800.0,
        ];
        let energies = std::array::from_fn(|b| {
            LENS[b] as f64 * (2.0 * LN_2 * bits[b] / LENS[b] as f64).exp_m1()
        });
        let need = Need::new(LENS, &energies);
        let mut allocation = BandAllocation::first(Colour::Rgb);
        assert!(need.loss(allocation, code(150)) > WORTH);
        for _ in 0..4 {
            let suited = need.allot(allocation, code(150));
            assert_eq!(allocation.changed(allocation.change_to(suited)), suited);
            allocation = suited;
        }
        assert_eq!(need.allot(allocation, code(150)), allocation);
        assert!(need.loss(allocation, code(150)) < WORTH);
        let count = need.stages(Code::default());
        assert_eq!(count, (1.05 * 50880.0f64 / 4.0).round() as usize);
        let split = Split::new(
            Stages {
                count,
                allocation,
                sigma: code(150),
            },
            &LENS,
        );
        for (part, bits) in split.parts().iter().zip(bits) {
            // A change that does not pay is not made: bands may miss their stages by as much as it
            // would cost.
            let got = 4.0 / 1.05 * part.stages as f64;
            let loss = (got.sqrt() - f64::sqrt(bits)).powi(2);
            assert!(loss < WORTH, "{got} {bits}");
        }
    }

    #[test]
    fn half_a_bit_a_value_is_the_most_and_nothing_takes_nothing() {
        let mut energies = [0.0; BANDS];
        let none = Need::new(LENS, &energies);
        assert_eq!(none.stages(Code::default()), 0);
        assert_eq!(
            none.allot(BandAllocation::first(Colour::Rgb), code(200)),
            BandAllocation::first(Colour::Rgb)
        );
        energies[0] = 1e9;
        assert_eq!(Need::new(LENS, &energies).total(), 3072.0);
    }
}
