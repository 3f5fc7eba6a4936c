//! Knowledge that both ends share about a picture before its exact samples.

/// Knowledge that both ends share about a picture.
#[derive(Debug, Clone, Copy)]
pub struct SideInformation<'a> {
    /// Columns and rows of the picture.
    pub size: (usize, usize),
    /// Columns and rows of the planes, which may be larger.
    pub planes: (usize, usize),
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Bits of a sample, 8 or 16.
    pub bits: u32,
    /// The state of the chain, in centred 8-bit levels, plane by plane.
    pub x_t: &'a [f32],
    /// The prediction of x_0 from it, in the layout of `x_t`.
    pub x0_hat: &'a [f32],
}

impl SideInformation<'_> {
    /// Samples of a row.
    pub(crate) fn row_len(&self) -> usize {
        self.size.0 * self.channels
    }

    /// Bytes of the samples, not coded.
    pub fn raw_bytes(&self) -> usize {
        self.row_len() * self.size.1 * self.bits as usize / 8
    }

    /// Adds a row to the check of the samples.
    pub(crate) fn check(&self, row: &[u16], check: &mut crc32fast::Hasher) {
        for sample in row {
            let bytes = sample.to_le_bytes();
            check.update(&bytes[..self.bits as usize / 8]);
        }
    }
}
