//! The Walsh-Hadamard transform, unnormalised.

use crate::channel::dispatch::dispatch;

dispatch! {
    /// The unnormalised Walsh-Hadamard transform of a power of two of values, in place.
    pub fn fwht_f32(x: &mut [f32]) = fwht_f32_body
}

#[inline(always)]
fn fwht_f32_body(x: &mut [f32]) {
    fwht(x, |a, b| (a + b, a - b));
}

dispatch! {
    /// The unnormalised Walsh-Hadamard transform of 2^n integers modulo 2^16, n at least 4. Takes
    /// the value of position p from `x[place(p, n)]`, and leaves that of codeword c in `x[c]`.
    /// `scratch` is as long as `x`.
    ///
    /// Four passes of constant geometry (Pease 1968) take the highest bit of the position each and
    /// leave it as the lowest, so that no distance is within a vector.
    pub fn fwht_i16(x: &mut [i16], scratch: &mut [i16]) = fwht_i16_body
}

/// The index from which [`fwht_i16`] takes the value of position `p` of 2^n: its lowest four bits
/// are the highest.
#[inline(always)]
pub fn place(p: u32, n: u32) -> usize {
    (p >> 4 | (p & 15) << (n - 4)) as usize
}

#[inline(always)]
fn fwht_i16_body(x: &mut [i16], scratch: &mut [i16]) {
    let butterfly = |a: i16, b: i16| (a.wrapping_add(b), a.wrapping_sub(b));
    for _ in 0..2 {
        shuffling_pass(x, scratch, butterfly);
        shuffling_pass(scratch, x, butterfly);
    }
    passes(x, 16, butterfly);
}

/// One pass from `x` to `y`: butterflies of the two halves of `x`, each result beside its other.
#[inline(always)]
fn shuffling_pass<T: Copy>(x: &[T], y: &mut [T], butterfly: impl Fn(T, T) -> (T, T)) {
    let (lo, hi) = x.split_at(x.len() / 2);
    let (pairs, _) = y.as_chunks_mut::<2>();
    for (pair, (a, b)) in pairs.iter_mut().zip(lo.iter().zip(hi)) {
        let (sum, difference) = butterfly(*a, *b);
        *pair = [sum, difference];
    }
}

/// Values of a part that stays in the first level of the cache.
const NEAR: usize = 1 << 12;

/// Butterflies of distance 1, 2, 4, ... up to half the length. The additions that make a value are
/// part of the reference arithmetic; the order in which values are visited is not.
#[inline(always)]
fn fwht<T: Copy + Default>(x: &mut [T], butterfly: impl Fn(T, T) -> (T, T) + Copy) {
    const LANES: usize = 16;
    let n = x.len();
    assert!(n.is_power_of_two());
    if n < LANES * LANES {
        passes(x, 1, butterfly);
        return;
    }
    for near in x.chunks_exact_mut(n.min(NEAR)) {
        // Distances below 16 inside a transposed tile, where they are distances between whole
        // vectors.
        for tile in near.as_chunks_mut::<{ LANES * LANES }>().0 {
            transpose(tile);
            passes(tile, LANES, butterfly);
            transpose(tile);
        }
        passes(near, LANES, butterfly);
    }
    passes(x, NEAR, butterfly);
}

/// Passes over `x` with butterflies of distance `h` and of its doubles, two at a time: each value
/// is read and written half as often.
#[inline(always)]
fn passes<T: Copy>(x: &mut [T], mut h: usize, butterfly: impl Fn(T, T) -> (T, T) + Copy) {
    while 4 * h <= x.len() {
        two_passes(x, h, butterfly);
        h *= 4;
    }
    if 2 * h <= x.len() {
        pass(x, h, butterfly);
    }
}

/// Passes of the distances `h` and `2 h`.
#[inline(always)]
fn two_passes<T: Copy>(x: &mut [T], h: usize, butterfly: impl Fn(T, T) -> (T, T)) {
    for four in x.chunks_exact_mut(4 * h) {
        let (front, back) = four.split_at_mut(2 * h);
        let ((a, b), (c, d)) = (front.split_at_mut(h), back.split_at_mut(h));
        for ((a, b), (c, d)) in a.iter_mut().zip(b).zip(c.iter_mut().zip(d)) {
            let ((p, q), (r, s)) = (butterfly(*a, *b), butterfly(*c, *d));
            ((*a, *c), (*b, *d)) = (butterfly(p, r), butterfly(q, s));
        }
    }
}

/// One pass over `x`: butterflies of distance `h`.
#[inline(always)]
fn pass<T: Copy>(x: &mut [T], h: usize, butterfly: impl Fn(T, T) -> (T, T)) {
    for pair in x.chunks_exact_mut(2 * h) {
        let (lo, hi) = pair.split_at_mut(h);
        for (a, b) in lo.iter_mut().zip(hi) {
            (*a, *b) = butterfly(*a, *b);
        }
    }
}

/// Transposes a tile of 16 x 16 values.
#[inline(always)]
fn transpose<T: Copy>(tile: &mut [T; 256]) {
    let from = *tile;
    for i in 0..16 {
        for j in 0..16 {
            tile[16 * i + j] = from[16 * j + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_match_their_definition() {
        for n in [0, 1, 3, 4, 5, 7, 8, 10, 13] {
            let len = 1usize << n;
            let x: Vec<i16> = (0..len)
                .map(|i| (i * i * 7919 % 201) as i16 - 100)
                .collect();
            let sign = |i: usize, c: usize| 1 - 2 * ((i & c).count_ones() % 2) as i32;
            let value = |c: usize| (0..len).map(|i| sign(i, c) * i32::from(x[i])).sum::<i32>();
            let want: Vec<i32> = (0..len).map(value).collect();
            let mut floats: Vec<f32> = x.iter().map(|&v| f32::from(v)).collect();
            fwht_f32(&mut floats);
            assert!(
                floats.iter().zip(&want).all(|(v, w)| *v == *w as f32),
                "{n}"
            );
            if n < 4 {
                continue;
            }
            let (mut placed, mut scratch) = (vec![0; len], vec![0; len]);
            for (p, v) in x.iter().enumerate() {
                placed[place(p as u32, n)] = *v;
            }
            fwht_i16(&mut placed, &mut scratch);
            assert!(
                placed.iter().zip(&want).all(|(v, w)| *v == *w as i16),
                "{n}"
            );
        }
    }
}
