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
    /// The unnormalised Walsh-Hadamard transform of a power of two of integers modulo 2^16, in
    /// place.
    pub fn fwht_i16(x: &mut [i16]) = fwht_i16_body
}

#[inline(always)]
fn fwht_i16_body(x: &mut [i16]) {
    fwht(x, |a, b| (a.wrapping_add(b), a.wrapping_sub(b)));
}

/// Butterflies of distance 1, 2, 4, ...: the order of the additions is part of the reference
/// arithmetic.
#[inline(always)]
fn fwht<T: Copy + Default>(x: &mut [T], butterfly: impl Fn(T, T) -> (T, T) + Copy) {
    const LANES: usize = 16;
    let n = x.len();
    assert!(n.is_power_of_two());
    if n < LANES * LANES {
        let mut h = 1;
        while h < n {
            pass(x, h, butterfly);
            h *= 2;
        }
        return;
    }
    // Distances below 16 inside a transposed tile, where they are distances between whole vectors.
    for tile in x.as_chunks_mut::<{ LANES * LANES }>().0 {
        transpose(tile);
        for h in [1, 2, 4, 8] {
            pass(tile, LANES * h, butterfly);
        }
        transpose(tile);
    }
    let mut h = LANES;
    while h < n {
        pass(x, h, butterfly);
        h *= 2;
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
        for lg in [0, 1, 3, 7, 8, 10] {
            let n = 1usize << lg;
            let x: Vec<i16> = (0..n).map(|i| (i * i * 7919 % 201) as i16 - 100).collect();
            let want: Vec<i32> = (0..n)
                .map(|c| (0..n).map(|i| if (i & c).count_ones() % 2 == 0 { 1 } else { -1 } * i32::from(x[i])).sum())
                .collect();
            let (mut a, mut b) = (
                x.clone(),
                x.iter().map(|&v| f32::from(v)).collect::<Vec<_>>(),
            );
            fwht_i16(&mut a);
            fwht_f32(&mut b);
            assert!(a.iter().zip(&want).all(|(a, w)| *a == *w as i16), "{n}");
            assert!(b.iter().zip(&want).all(|(b, w)| *b == *w as f32), "{n}");
        }
    }
}
