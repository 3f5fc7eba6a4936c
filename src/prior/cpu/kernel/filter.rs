//! Winograd's minimal filtering of 3 taps on one axis (Winograd 1980; Lavin and Gray 2016), in two
//! forms.
//!
//! [`Four`] makes 4 outputs of 6 inputs by the points 0, 1, -1, 2, -2 and infinity, [`Six`] makes 6
//! of 8 with 1/2 and -1/2 beside them. Every sum is rounded where it is written, and nothing is
//! fused, so that vectors of any width give equal bits.

use std::ops::{Add, Div, Mul, Sub};

use crate::prior::cpu::kernel::vector::Vector;

/// Output channels whose weights are transformed at once.
pub(crate) const LANES: usize = 4;

/// Weights of some output channels.
#[derive(Clone, Copy)]
pub(super) struct Doubles(pub [f64; LANES]);

impl Doubles {
    #[inline(always)]
    fn with(self, other: Doubles, f: impl Fn(f64, f64) -> f64) -> Doubles {
        Doubles(std::array::from_fn(|lane| f(self.0[lane], other.0[lane])))
    }
}

impl Add for Doubles {
    type Output = Doubles;

    #[inline(always)]
    fn add(self, other: Doubles) -> Doubles {
        self.with(other, Add::add)
    }
}

impl Sub for Doubles {
    type Output = Doubles;

    #[inline(always)]
    fn sub(self, other: Doubles) -> Doubles {
        self.with(other, Sub::sub)
    }
}

impl Mul<f64> for Doubles {
    type Output = Doubles;

    #[inline(always)]
    fn mul(self, k: f64) -> Doubles {
        Doubles(self.0.map(|value| value * k))
    }
}

impl Div<f64> for Doubles {
    type Output = Doubles;

    #[inline(always)]
    fn div(self, k: f64) -> Doubles {
        Doubles(self.0.map(|value| value / k))
    }
}

/// F(TILE, 3): B^T, A^T and G.
pub(super) trait Filter<const TILE: usize, const REACH: usize> {
    /// Divisors of the values of [`Filter::weights`].
    const DIVISORS: [f64; REACH];

    /// B^T of a line of inputs.
    ///
    /// # Safety
    /// The instructions of the vectors are available.
    unsafe fn scatter<V: Vector>(d: [V; REACH]) -> [V; REACH];

    /// A^T of a line of products.
    ///
    /// # Safety
    /// As for [`Filter::scatter`].
    unsafe fn gather<V: Vector>(m: [V; REACH]) -> [V; TILE];

    /// G of three taps, each value times its divisor.
    fn weights(taps: [Doubles; 3]) -> [Doubles; REACH];
}

/// a + k b
///
/// # Safety
/// As for [`Filter::scatter`].
#[inline(always)]
unsafe fn plus<V: Vector>(a: V, k: f32, b: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { a.add(V::splat(k).mul(b)) }
}

/// a - k b
///
/// # Safety
/// As for [`Filter::scatter`].
#[inline(always)]
unsafe fn minus<V: Vector>(a: V, k: f32, b: V) -> V {
    // SAFETY: as the caller promises.
    unsafe { a.sub(V::splat(k).mul(b)) }
}

/// F(4, 3).
pub(super) struct Four;

impl Filter<4, 6> for Four {
    const DIVISORS: [f64; 6] = [24.0; 6];

    #[inline(always)]
    unsafe fn scatter<V: Vector>([d0, d1, d2, d3, d4, d5]: [V; 6]) -> [V; 6] {
        // SAFETY: as the caller promises.
        unsafe {
            let (even, odd) = (d4.sub(d2), d3.sub(d1));
            let (a, b) = (minus(d4, 4.0, d2), minus(d3, 4.0, d1));
            [
                plus(even, 4.0, d0.sub(d2)),
                a.add(b),
                a.sub(b),
                plus(even, 2.0, odd),
                minus(even, 2.0, odd),
                minus(d5.sub(d3), 4.0, odd),
            ]
        }
    }

    #[inline(always)]
    unsafe fn gather<V: Vector>([m0, m1, m2, m3, m4, m5]: [V; 6]) -> [V; 4] {
        // SAFETY: as the caller promises.
        unsafe {
            let (s, d) = (m1.add(m2), m1.sub(m2));
            let (s2, d2) = (m3.add(m4), m3.sub(m4));
            [
                m0.add(s).add(s2),
                plus(d, 2.0, d2),
                plus(s, 4.0, s2),
                plus(d, 8.0, d2).add(m5),
            ]
        }
    }

    fn weights([a, b, c]: [Doubles; 3]) -> [Doubles; 6] {
        let (ends, wide) = (a + c, a + c * 4.0);
        [
            a * 6.0,
            (ends + b) * -4.0,
            (ends - b) * -4.0,
            wide + b * 2.0,
            wide - b * 2.0,
            c * 24.0,
        ]
    }
}

/// F(6, 3).
pub(super) struct Six;

impl Filter<6, 8> for Six {
    const DIVISORS: [f64; 8] = [1.0, -4.5, -4.5, 360.0, 360.0, 360.0, 360.0, 1.0];

    #[inline(always)]
    unsafe fn scatter<V: Vector>([d0, d1, d2, d3, d4, d5, d6, d7]: [V; 8]) -> [V; 8] {
        // SAFETY: as the caller promises.
        unsafe {
            let (a, b) = (d2.sub(d4), d6.sub(d4));
            let (e, f) = (d1.sub(d3), d5.sub(d3));
            let p = minus(a.add(b), 2.25, d4);
            let q = minus(e.add(f), 2.25, d3);
            let (two, half) = (plus(a, 4.0, b), plus(b, 4.0, a));
            let (odd_two, odd_half) = (plus(e, 4.0, f), plus(f, 4.0, e));
            let half = half.add(half);
            let odd_two = odd_two.add(odd_two);
            [
                minus(d0.sub(d6), 5.25, a),
                p.add(q),
                p.sub(q),
                two.add(odd_two),
                two.sub(odd_two),
                half.add(odd_half),
                half.sub(odd_half),
                minus(d7.sub(d1), 5.25, f),
            ]
        }
    }

    #[inline(always)]
    unsafe fn gather<V: Vector>([m0, m1, m2, m3, m4, m5, m6, m7]: [V; 8]) -> [V; 6] {
        // SAFETY: as the caller promises.
        unsafe {
            let (s, d) = (m1.add(m2), m1.sub(m2));
            let (s2, d2) = (m3.add(m4), m3.sub(m4));
            let (s3, d3) = (m5.add(m6), m5.sub(m6));
            [
                plus(m0.add(s).add(s2), 32.0, s3),
                plus(plus(d, 2.0, d2), 16.0, d3),
                plus(plus(s, 4.0, s2), 8.0, s3),
                plus(plus(d, 8.0, d2), 4.0, d3),
                plus(plus(s, 16.0, s2), 2.0, s3),
                plus(d, 32.0, d2).add(d3.add(m7)),
            ]
        }
    }

    fn weights([a, b, c]: [Doubles; 3]) -> [Doubles; 8] {
        let (ends, twice) = (a + c, b * 2.0);
        let (two, half) = (a + c * 4.0, a * 4.0 + c);
        [
            a,
            ends + b,
            ends - b,
            two + twice,
            two - twice,
            half + twice,
            half - twice,
            c,
        ]
    }
}
