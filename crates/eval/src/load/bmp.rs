//! The headers of BMP files: the resolution, and a profile in the file.

use crate::exif::Resolution;

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
