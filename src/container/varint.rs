//! Unsigned LEB128 (clause 1.2): seven bits a byte, low bits first; the high bit says that more
//! follow. Only the shortest form is valid.

use crate::container::rule::{BrokenRule, Unread};

/// Appends `v` to `out`.
pub fn write(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// The reason that no number can be read.
#[derive(Debug, PartialEq, Eq)]
pub enum VarintError {
    /// The bytes end inside the number.
    Short,
    /// More than 64 bits, or a longer form than needed.
    Malformed,
}

impl VarintError {
    /// The reason that the unit around the number cannot be read; `rule` says what is malformed.
    pub fn within(self, rule: impl Into<String>) -> Unread {
        match self {
            VarintError::Short => Unread::Short,
            VarintError::Malformed => Unread::Malformed(BrokenRule::new(rule, "1.2")),
        }
    }
}

/// The number at the start of `bytes` and its length in bytes.
pub fn read(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut v = 0u64;
    for (i, &b) in bytes.iter().enumerate() {
        let part = u64::from(b & 0x7F);
        if i == 9 && b > 1 || i > 0 && b == 0 {
            return Err(VarintError::Malformed);
        }
        v |= part << (7 * i);
        if b & 0x80 == 0 {
            return Ok((v, i + 1));
        }
        if i == 9 {
            return Err(VarintError::Malformed);
        }
    }
    Err(VarintError::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        for v in [
            0,
            1,
            127,
            128,
            300,
            16383,
            16384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut b = Vec::new();
            write(&mut b, v);
            assert_eq!(read(&b), Ok((v, b.len())));
            for n in 0..b.len() {
                assert_eq!(read(&b[..n]), Err(VarintError::Short));
            }
        }
        assert_eq!(read(&[0x80, 0]), Err(VarintError::Malformed));
        assert_eq!(read(&[0xFF; 11]), Err(VarintError::Malformed));
        assert_eq!(
            read(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]),
            Err(VarintError::Malformed)
        );
    }
}
