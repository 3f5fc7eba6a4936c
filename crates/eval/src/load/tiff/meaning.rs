//! The meaning of the samples of a TIFF.

/// The meaning of the samples of a pixel.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    Grey {
        inverted: bool,
    },
    Rgb,
    /// Red, green and blue of each index.
    Palette(Vec<[u8; 3]>),
    Ycbcr(Ycbcr),
    Cmyk,
}

/// Weights of red and blue in Y, and the numbers of black and white of Y, Cb and Cr.
#[derive(Debug, Clone, PartialEq)]
pub struct Ycbcr {
    pub red: f64,
    pub blue: f64,
    pub range: [f64; 6],
}

impl Ycbcr {
    /// Red, green and blue of 8 bits.
    pub fn rgb(&self, ycbcr: [f64; 3]) -> [u16; 3] {
        let r = &self.range;
        let part = |v: f64, black: f64, white: f64, full: f64| (v - black) * full / (white - black);
        let y = part(ycbcr[0], r[0], r[1], 255.0);
        let cb = part(ycbcr[1], r[2], r[3], 127.0);
        let cr = part(ycbcr[2], r[4], r[5], 127.0);
        let red = y + cr * (2.0 - 2.0 * self.red);
        let blue = y + cb * (2.0 - 2.0 * self.blue);
        let green = (y - self.red * red - self.blue * blue) / (1.0 - self.red - self.blue);
        // The cast clamps.
        [red, green, blue].map(|v| u16::from((v + 0.5) as u8))
    }
}
