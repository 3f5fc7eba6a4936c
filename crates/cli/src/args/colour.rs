//! Colours of the command line.

/// Names that need no explanation.
const NAMES: [(&str, [u8; 3]); 6] = [
    ("black", [0; 3]),
    ("grey", [128; 3]),
    ("white", [255; 3]),
    ("red", [255, 0, 0]),
    ("green", [0, 128, 0]),
    ("blue", [0, 0, 255]),
];

/// Red, green and blue of a name, of `#rrggbb` or of `#rgb`.
pub fn colour(text: &str) -> Result<[u8; 3], String> {
    let text = text.to_ascii_lowercase();
    if let Some((_, colour)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Ok(*colour);
    }
    let digits = text.strip_prefix('#').unwrap_or(&text);
    let value = u32::from_str_radix(digits, 16).ok();
    let value = value.filter(|_| !digits.starts_with('+'));
    match (value, digits.len()) {
        (Some(v), 6) => Ok([16, 8, 0].map(|shift| (v >> shift) as u8)),
        (Some(v), 3) => Ok([8, 4, 0].map(|shift| (v >> shift) as u8 % 16 * 17)),
        _ => {
            let names = NAMES.map(|(name, _)| name).join(", ");
            Err(format!("not a colour (use #rrggbb, or {names})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_named_and_counted() {
        assert_eq!(colour("White"), Ok([255; 3]));
        assert_eq!(colour("#0a80ff"), Ok([10, 128, 255]));
        assert_eq!(colour("f80"), Ok([255, 136, 0]));
        for wrong in ["", "#", "#12345", "mauve", "-1", "+12345", "#\u{e9}a"] {
            assert!(colour(wrong).is_err(), "{wrong}");
        }
    }
}
