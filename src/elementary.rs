//! ln, sin, cos, e^x and 2^x in f64, by the sums, products and quotients of clause 15.8. Files
//! depend on their last bits, and mathematical libraries differ there.

/// ln 2.
const LN_2: f64 = std::f64::consts::LN_2;
/// High and low part of ln 2: the first has few bits, so its multiples are exact.
const LN_2_PARTS: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
/// High and low part of pi / 2.
const HALF_PI_PARTS: [f64; 2] = [1.570_796_326_734_125_6, 6.077_100_506_506_192e-11];
/// Factors of the series of e^x.
const EXP_TERMS: u32 = 14;
/// Factors of the series of sin and cos.
const SINE_TERMS: u32 = 8;
/// Terms of the series of ln after the first.
const LN_TERMS: u32 = 11;

/// 2^n, for exponents of normal numbers.
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// ln x of a normal positive number.
pub fn ln(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52) as i64 - 1023;
    let one_to_two = x / power_of_two(exponent);
    let (m, n) = match one_to_two > std::f64::consts::SQRT_2 {
        true => (one_to_two * 0.5, exponent + 1),
        false => (one_to_two, exponent),
    };
    let f = (m - 1.0) / (m + 1.0);
    let s = f * f;
    let odd = |j: u32| 1.0 / f64::from(2 * j + 1);
    let p = (0..LN_TERMS)
        .rev()
        .fold(odd(LN_TERMS), |p, j| odd(j) + s * p);
    n as f64 * LN_2 + 2.0 * f * p
}

/// sin x and cos x, for |x| below 10^5.
pub fn sin_cos(x: f64) -> (f64, f64) {
    let n = (x * std::f64::consts::FRAC_2_PI + 0.5).floor();
    let r = (x - n * HALF_PI_PARTS[0]) - n * HALF_PI_PARTS[1];
    let s = r * r;
    let (mut sin, mut cos) = (1.0, 1.0);
    for k in (1..=SINE_TERMS).map(|k| f64::from(2 * k)).rev() {
        sin = 1.0 - (s * sin) / (k * (k + 1.0));
        cos = 1.0 - (s * cos) / ((k - 1.0) * k);
    }
    sin *= r;
    match (n as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// e^r, for |r| up to 0.35.
fn exp_series(r: f64) -> f64 {
    let terms = (1..=EXP_TERMS).rev();
    terms.fold(1.0, |p, k| 1.0 + (r * p) / f64::from(k))
}

/// e^x; of numbers beyond -700 and 700 that of these.
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let n = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let r = (x - n * LN_2_PARTS[0]) - n * LN_2_PARTS[1];
    exp_series(r) * power_of_two(n as i64)
}

/// 2^x, for |x| up to 1000.
pub fn exp2(x: f64) -> f64 {
    let n = (x + 0.5).floor();
    exp_series((x - n) * LN_2) * power_of_two(n as i64)
}

/// x / (1 + e^-x), rounded once.
pub fn silu(x: f32) -> f32 {
    let wide = f64::from(x);
    (wide / (1.0 + exp(-wide))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Greatest number of halves of a unit in the last place between a function and `libm`'s.
    fn off(own: f64, other: f64) -> f64 {
        (own - other).abs() / (other.abs() * f64::EPSILON)
    }

    #[test]
    fn results_are_near_those_of_a_library() {
        for k in 1..100_000 {
            let x = f64::from(k) * 0.003;
            assert!(
                off(ln(x), libm::log(x)) < 2.0 || (x - 1.0).abs() < 0.3,
                "ln {x}"
            );
            let (sin, cos) = sin_cos(x - 150.0);
            let (s, c) = libm::sincos(x - 150.0);
            assert!((sin - s).abs() < 3e-16 && (cos - c).abs() < 3e-16, "{x}");
            assert!(off(exp(x - 150.0), libm::exp(x - 150.0)) < 2.0, "exp {x}");
            assert!(off(exp2(x / 50.0), libm::exp2(x / 50.0)) < 2.0, "exp2 {x}");
        }
        assert_eq!((ln(1.0), exp(0.0), exp2(3.0)), (0.0, 1.0, 8.0));
    }

    #[test]
    fn silu_is_that_of_a_library_for_a_million_numbers() {
        for k in -1_000_000..1_000_000 {
            let x = k as f32 * 1.7e-5;
            let wide = f64::from(x);
            let want = (wide / (1.0 + libm::exp(-wide))) as f32;
            assert_eq!(silu(x).to_bits(), want.to_bits(), "{x}");
        }
        for x in [-1e30, -745.0, -100.0, 100.0, 745.0, 1e30_f32] {
            let wide = f64::from(x);
            assert_eq!(silu(x), (wide / (1.0 + libm::exp(-wide))) as f32, "{x}");
        }
    }

    #[test]
    fn values_have_the_sums_of_the_text() {
        let crc = |bytes: Vec<u8>| crc32fast::hash(&bytes);
        let curve = (-4096..=4096).flat_map(|k| silu(k as f32 / 64.0).to_le_bytes());
        let powers = (0..=4000).flat_map(|k| exp2(f64::from(k) / 1000.0).to_le_bytes());
        let sums = [crc(curve.collect()), crc(powers.collect())];
        assert_eq!(sums, [0x50eb_37d1, 0xcaa1_ff85], "{sums:08x?}");
    }
}
