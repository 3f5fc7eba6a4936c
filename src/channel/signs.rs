//! The shared signs, and the signs that codewords put on top of them (clause 11.2).

use crate::channel::code::Code;
use crate::channel::dispatch::dispatch;
use crate::random::Stream;

/// `v`, negated where the lowest bit is set.
#[inline(always)]
pub(crate) fn signed(v: f32, bit: u64) -> f32 {
    f32::from_bits(v.to_bits() ^ (bit as u32) << 31)
}

dispatch! {
    /// Negates the values of `x`, whose positions start at `first`, where `bit` of the stream's
    /// value is set.
    pub fn flip(stream: &Stream, bit: u32, first: usize, x: &mut [f32]) = flip_body
}

#[inline(always)]
fn flip_body(stream: &Stream, bit: u32, first: usize, x: &mut [f32]) {
    for (j, v) in x.iter_mut().enumerate() {
        *v = signed(*v, stream.value(first + j) >> bit);
    }
}

dispatch! {
    /// Writes +1 or -1 for the positions from `first`: `bit` of the stream's value, plus the parity
    /// of the codeword at the places that the value chooses. Position `first` is of stage `t`; the
    /// stages, with their `codewords`, repeat.
    pub fn signs(stream: &Stream, code: Code, bit: u32, codewords: &[u16], t: usize, first: usize, out: &mut [f32]) = signs_body
}

#[inline(always)]
fn signs_body(
    stream: &Stream,
    code: Code,
    bit: u32,
    codewords: &[u16],
    mut t: usize,
    mut first: usize,
    mut out: &mut [f32],
) {
    // Once through the stages at a time, so that the loop inside needs no remainder.
    while !out.is_empty() {
        let run = out.len().min(codewords.len() - t);
        let (now, rest) = out.split_at_mut(run);
        for (j, (sign, &codeword)) in now.iter_mut().zip(&codewords[t..]).enumerate() {
            let v = stream.value(first + j);
            let parity = (code.position(v) & u32::from(codeword)).count_ones();
            *sign = signed(1.0, (v >> bit) ^ u64::from(parity));
        }
        (out, first, t) = (rest, first + run, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Trellis;

    #[test]
    fn every_instruction_set_writes_the_same_signs() {
        let (code, stream) = (Code::new(Trellis::Nu14), Stream::new(3, 4));
        let codewords: Vec<u16> = (0..77u32).map(|i| (i * 40_503) as u16).collect();
        for (n, len, first) in [(1, 50, 9), (77, 1000, 65_536), (13, 5, 12)] {
            let (mut a, mut b) = (vec![0.0; len], vec![0.0; len]);
            let t = first / 2 % n;
            signs(&stream, code, 0, &codewords[..n], t, first, &mut a);
            signs_body(&stream, code, 0, &codewords[..n], t, first, &mut b);
            assert_eq!(a, b);
            // The definition (clause 11.2).
            for (j, sign) in a.iter().enumerate() {
                let v = stream.value(first + j);
                let place = code.position(v) & u32::from(codewords[(t + j) % n]);
                let odd = (v ^ u64::from(place.count_ones())) & 1 == 1;
                assert_eq!(*sign, if odd { -1.0 } else { 1.0 });
            }
            flip(&stream, 1, first, &mut a);
            flip_body(&stream, 1, first, &mut b);
            assert_eq!(a, b);
        }
    }
}
