//! Numbers of the command line that have a range.

/// A number as the user writes it.
fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "not a number".into())
}

/// A number above zero, no infinity.
pub fn positive(text: &str) -> Result<f64, String> {
    match number(text)? {
        n if n > 0.0 && n.is_finite() => Ok(n),
        _ => Err("it must be a positive number".into()),
    }
}

/// A PSNR in dB, up to infinity.
pub fn decibels(text: &str) -> Result<f64, String> {
    match number(text)? {
        n if n > 0.0 => Ok(n),
        _ => Err("it must be a positive number of dB, or inf".into()),
    }
}

/// A quality.
pub fn quality(text: &str) -> Result<f64, String> {
    match number(text)? {
        n if (0.0..=100.0).contains(&n) => Ok(n),
        _ => Err("quality goes from 0 to 100".into()),
    }
}

/// A number of bytes, with K, M, G or T for powers of 1000, Ki, Mi, Gi or Ti for powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let upper = unit.to_ascii_uppercase();
    let letters = upper.strip_suffix('B').unwrap_or(&upper);
    let (letter, base) = match letters.strip_suffix('I') {
        Some(letter) => (letter, 1024_u64),
        None => (letters, 1000),
    };
    let power = ["", "K", "M", "G", "T"].iter().position(|&l| l == letter);
    let power = power.filter(|&n| n > 0 || base == 1000);
    let Some(power) = power else {
        return Err(format!("unknown unit `{unit}` (use K, M, G or T)"));
    };
    let factor = base.pow(power as u32);
    // Whole numbers stay exact.
    let whole = number.parse::<u64>().ok();
    let bytes = match (
        whole.and_then(|n| n.checked_mul(factor)),
        number.parse::<f64>(),
    ) {
        (Some(n), _) => Some(n),
        (None, Ok(n)) if n.is_finite() => Some((n * factor as f64) as u64),
        _ => None,
    };
    let wrong = || "not a positive number of bytes, such as 5000, 10k or 4G".into();
    bytes.filter(|&n| n > 0).ok_or_else(wrong)
}

/// A number of pixels, with units as [`size`] has them.
pub fn pixels(text: &str) -> Result<u64, String> {
    size(text).map_err(|_| "not a positive number of pixels, such as 5000000 or 100M".into())
}

/// A seed.
pub fn seed(text: &str) -> Result<u64, String> {
    let wrong = |_| format!("a seed is a whole number from 0 to {}", u64::MAX);
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_have_messages() {
        assert_eq!(pixels("100M"), Ok(100_000_000));
        assert!(pixels("-1").is_err_and(|e| e.contains("pixels")));
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        for text in ["-1", "99999999999999999999", "x", "1.5"] {
            assert!(
                seed(text).is_err_and(|e| e.contains("whole number")),
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1", 1),
            ("9007199254740993", 9_007_199_254_740_993),
            ("10k", 10_000),
            ("10K", 10_000),
            ("10kB", 10_000),
            ("10KiB", 10_240),
            ("1.5M", 1_500_000),
            ("2Gi", 2 << 30),
            ("1T", 1_000_000_000_000),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "k", "0", "0k", "-1", "-1k", "1e3", "10 k", "10x", "10i", "10kk", "nan", "inf",
            "0.1",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
