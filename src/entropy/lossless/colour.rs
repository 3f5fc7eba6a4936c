//! Colours as numbers.

/// A colour: its samples of 16 bits side by side, the first highest, or its place in the palette.
pub type Colour = u64;

/// The samples of a pixel side by side.
pub fn pack(pixel: &[u16]) -> Colour {
    pixel.iter().fold(0, |v, &s| v << 16 | u64::from(s))
}

/// Writes the samples of a colour.
pub fn unpack(mut colour: Colour, pixel: &mut [u16]) {
    for sample in pixel.iter_mut().rev() {
        *sample = colour as u16;
        colour >>= 16;
    }
}
