//! The headers of BMP files: the resolution, and a profile in the file; and runs of pixels that end
//! too soon.

use crate::exif::Resolution;
use crate::load::unpacked::LARGE;

/// Offset of the header of the picture.
const HEADER: usize = 14;
/// Bytes of the header of version 5, the only one with a profile.
const VERSION_5: u32 = 124;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The resolution, which all versions but the first tell.
pub fn resolution(bytes: &[u8]) -> Option<Resolution> {
    if number(bytes, HEADER)? < 40 {
        return None;
    }
    let (x, y) = (number(bytes, HEADER + 24)?, number(bytes, HEADER + 28)?);
    Resolution::per_metre(x.into(), y.into())
}

/// The profile in the file. An error if it lies in another file, or outside this one.
pub fn profile(bytes: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    let of_header = |at: usize| number(bytes, HEADER + at).unwrap_or(0);
    if of_header(0) < VERSION_5 {
        return Ok(None);
    }
    match &of_header(56).to_be_bytes() {
        b"MBED" => {
            let start = HEADER + of_header(112) as usize;
            let profile = bytes.get(start..start.saturating_add(of_header(116) as usize));
            let profile = profile.filter(|p| !p.is_empty());
            profile
                .map(|p| Some(p.to_vec()))
                .ok_or("the colour profile of the BMP is damaged")
        }
        b"LINK" => Err("the colour profile of the BMP is another file"),
        _ => Ok(None),
    }
}

/// True if a large picture of runs (RLE8, RLE4) ends before its last row or runs out of a row,
/// found before any memory is taken for it.
pub fn falls_short(bytes: &[u8]) -> bool {
    let of_header = |at: usize| number(bytes, HEADER + at).unwrap_or(0);
    let (width, height) = (u64::from(of_header(4)), u64::from(of_header(8)));
    let in_runs = of_header(0) >= 40 && matches!(of_header(16), 1 | 2);
    if !in_runs || width.saturating_mul(height).saturating_mul(3) <= LARGE {
        return false;
    }
    let fours = of_header(16) == 2;
    let mut at = number(bytes, 10).unwrap_or(0) as usize;
    let (mut x, mut y) = (0, 0);
    while y < height {
        let Some(&[count, value]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
            return true;
        };
        at += 2;
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => return false,
            (0, 2) => {
                let Some(&[right, down]) = bytes.get(at..).and_then(|rest| rest.first_chunk())
                else {
                    return true;
                };
                at += 2;
                (x, y) = (x + u64::from(right), y + u64::from(down));
                if y >= height || x > width {
                    return true;
                }
            }
            // Pixels one by one, filled up to pairs of bytes.
            (0, n) => {
                let length = if fours { n.div_ceil(2) } else { n };
                at += usize::from(length).next_multiple_of(2);
                x += u64::from(n);
                if x > width {
                    return true;
                }
            }
            (n, _) => {
                x += u64::from(n);
                // A longer run of RLE8 ends with its row.
                if fours && x > width {
                    return true;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A BMP of these runs.
    fn of_runs(width: u32, height: u32, method: u32, runs: &[u8]) -> Vec<u8> {
        let offset = HEADER as u32 + 40 + 1024;
        let head = [40, width, height, 0x8_0001, method, 0, 0, 0, 0, 0];
        let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend([offset].iter().chain(&head).flat_map(|n| n.to_le_bytes()));
        bytes.extend([0; 1024]);
        bytes.extend(runs);
        bytes
    }

    #[test]
    fn runs_that_end_too_soon_are_found() {
        const SIDE: u32 = 5100;
        let row = [[255, 1].repeat(20), vec![0, 0]].concat();
        let rows = row.repeat(SIDE as usize);
        let short = &rows[..rows.len() - row.len()];
        let falls_short = |runs: &[u8]| falls_short(&of_runs(SIDE, SIDE, 1, runs));
        assert!(!falls_short(&rows) && falls_short(short));
        // An end before the last row, a step beyond it, and pixels one by one beyond a row.
        assert!(!falls_short(&[short, &[0, 1]].concat()));
        assert!(falls_short(&[short, &[0, 2, 0, 1]].concat()));
        assert!(falls_short(
            &[&row[..40], &[0, 3, 1, 2, 3, 0, 0, 1]].concat()
        ));
        assert!(!falls_short(
            &[&row[..38], &[0, 3, 1, 2, 3, 0, 0, 1]].concat()
        ));
        // A long run of 4 bits is wrong, one of 8 ends with its row.
        let long = [[255, 1].repeat(21), vec![0, 1]].concat();
        assert!(!falls_short(&long) && super::falls_short(&of_runs(SIDE, SIDE, 2, &long)));
        // Small pictures are decoded to find out.
        assert!(!super::falls_short(&of_runs(51, 51, 1, &[])));
    }
}
