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

/// A number of bytes, with K, M, G or T for powers of 1000.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit.to_ascii_uppercase().trim_end_matches('B') {
        "" => 1e0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        _ => return Err(format!("unknown unit `{unit}` (use K, M, G or T)")),
    };
    match number.parse::<f64>() {
        Ok(n) if n.is_finite() && n > 0.0 => Ok((n * factor) as u64),
        _ => Err("not a positive number of bytes, such as 500M or 4G".into()),
    }
}
