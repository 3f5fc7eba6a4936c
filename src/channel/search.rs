//! The sender's search for the path through the trellis that delivers a shift best (Viterbi 1967).

use bitvec::prelude::*;
use rayon::prelude::*;

use crate::channel::code::{Code, RESTART, SIGN_BIT};
use crate::channel::fwht::place;
use crate::channel::rate;
use crate::channel::signs::signed;
use crate::channel::split::Split;
use crate::channel::transform::Coefficients;
use crate::channel::trellis::bytes;
use crate::channel::viterbi::Viterbi;
use crate::random::Stream;

/// The root mean square of the correlations X after they are scaled to integers.
const METRIC_RMS: f64 = 500.0;

/// The first `limit` stages (at most all) of the path that delivers the rotated shift `w` best:
/// four bits a stage, the first stage in the high bits of the first byte.
pub fn search(
    code: Code,
    stream: &Stream,
    w: &Coefficients,
    split: &Split,
    limit: usize,
) -> BitVec<u8, Msb0> {
    let stages = split.len();
    let limit = limit.min(stages);
    // A part of the shift is delivered in proportion to its amplitude.
    let w = w.parts();
    let amplitudes: Vec<f64> = w
        .iter()
        .zip(split.parts())
        .map(|(w, part)| rate::amplitude(code, part.stages, w.len()))
        .collect();
    let energies = w.iter().zip(&amplitudes);
    let energy: f64 = energies.map(|(w, a)| a * a * w.energy()).sum();
    let gain = match energy {
        0.0 => 0.0,
        energy => METRIC_RMS / (energy / stages as f64).sqrt(),
    };
    let gains: Vec<f32> = amplitudes.iter().map(|a| (gain * a) as f32).collect();
    // Few stretches share the threads. For the sake of memory there are not more of them at a time
    // than threads.
    let firsts: Vec<usize> = (0..limit).step_by(RESTART).collect();
    let threads = rayon::current_num_threads();
    let shared = threads > 1 && firsts.len() < 4 * threads;
    let together = if shared { threads } else { firsts.len().max(1) };
    let find = |viterbi: &mut Viterbi, &first: &usize| {
        let last = (first + RESTART).min(limit);
        let mut counts = split.first(first);
        let places: Vec<(usize, usize)> = (first..last)
            .map(|t| {
                let part = split.part_of(t);
                counts[part] += 1;
                (part, counts[part] - 1)
            })
            .collect();
        viterbi.run(first, last, shared, |t, y| {
            let (part, own) = places[t - first];
            let (w, gain, part) = (w[part], gains[part], split.parts()[part]);
            for (i, v) in w.every(own, part.stages) {
                let shared = stream.value(part.base + i);
                let x = nearest(signed(v * gain, shared >> SIGN_BIT));
                let at = &mut y[place(code.position(shared), code.nu())];
                *at = at.wrapping_add(x);
            }
        })
    };
    let mut stretches: Vec<Vec<u8>> = Vec::with_capacity(firsts.len());
    for some in firsts.chunks(together) {
        let buffers = || Viterbi::new(code);
        stretches.par_extend(some.par_iter().map_init(buffers, find));
    }
    let mut bits = BitVec::with_capacity(8 * bytes(limit));
    for symbol in stretches.iter().flatten() {
        bits.extend_from_bitslice(&symbol.view_bits::<Msb0>()[4..]);
    }
    bits
}

/// Bytes of memory that [`search`] takes on all threads together.
pub fn search_bytes(code: Code) -> u64 {
    (rayon::current_num_threads() * Viterbi::bytes(code)) as u64
}

/// The integer nearest to `v`, |v| < 2^22, modulo 2^16: the addition shifts it into the lowest bits
/// of the mantissa.
#[inline(always)]
fn nearest(v: f32) -> i16 {
    (v + 12_582_912.0).to_bits() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::rotation::Rotation;
    use crate::channel::transform::Transform;
    use crate::codes::Trellis;

    #[test]
    fn threads_do_not_change_what_is_found() {
        let len = 90_000;
        let (code, stream) = (Code::new(Trellis::Nu12), Stream::new(4, 0));
        let m = (0..len).map(|i| 0.3 * stream.gauss(i) as f32).collect();
        let w = Transform::Whole(Rotation::new(0, len)).forward(&stream, m);
        // Three stretches: one after the other, two and one at a time with helpers, and all
        // together with helpers.
        let stages = 2 * RESTART + 21;
        let found = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let search = || search(code, &stream, &w, &Split::whole(stages), stages);
            pool.expect("threads").install(search)
        });
        assert_eq!(found[0].len(), 4 * stages);
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0], found[2]);
    }
}
