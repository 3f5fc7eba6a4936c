//! The samples of a picture.

use crate::codes::Form;

/// Size of a picture and its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns and rows.
    pub size: (usize, usize),
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Bits of a sample, 8 or 16.
    pub bits: u32,
    /// The samples that are the lowest and the highest level.
    pub range: (u16, u16),
}

/// Samples as multiples of a step above the lowest.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The lowest sample.
    low: u16,
    step: u16,
    /// The number of multiples.
    pub values: u32,
    /// Multiples in an 8-bit level.
    pub unit: f64,
    /// Bits of a multiple, at least 8.
    pub bits: u32,
}

impl Scale {
    /// The scale of a step of at least 1.
    pub fn new(layout: &Layout, step: u16) -> Self {
        let (low, high) = layout.range;
        let span = high.saturating_sub(low);
        let values = u32::from(span / step) + 1;
        Scale {
            low,
            step,
            values,
            unit: f64::from(span) / 255.0 / f64::from(step),
            bits: (u32::BITS - (values - 1).leading_zeros()).max(8),
        }
    }

    /// The multiple of a sample.
    pub fn index(&self, sample: u16) -> u16 {
        sample.saturating_sub(self.low) / self.step
    }

    /// The sample of a multiple.
    pub fn sample(&self, index: u16) -> u16 {
        self.low + index * self.step
    }
}

impl Layout {
    /// The colour samples of a picture of this form.
    pub fn of(form: &Form) -> Self {
        Layout {
            size: (form.width as usize, form.height as usize),
            channels: form.colour.channels(),
            bits: form.depth.bits(),
            range: (0, form.depth.max()),
        }
    }

    /// The largest step of which all samples above the lowest are multiples. It is 1 of 8 bits.
    pub(super) fn step(&self, fetch: &mut dyn FnMut(usize, &mut [u16])) -> u16 {
        if self.bits == 8 {
            return 1;
        }
        let mut row = vec![0; self.row_len()];
        let mut step = 0;
        for y in 0..self.size.1 {
            fetch(y, &mut row);
            for &sample in &row {
                let (mut a, mut b) = (step, sample.saturating_sub(self.range.0));
                while b > 0 {
                    (a, b) = (b, a % b);
                }
                step = a;
            }
            if step == 1 {
                break;
            }
        }
        step.max(1)
    }

    /// Number of pixels.
    pub(super) fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Samples of a row.
    pub fn row_len(&self) -> usize {
        self.size.0 * self.channels
    }

    /// Bytes of the samples, not coded.
    pub(super) fn raw_bytes(&self) -> usize {
        self.row_len() * self.size.1 * self.bits as usize / 8
    }

    /// The bytes of a row of samples, low byte first.
    pub(in crate::entropy) fn bytes<'r>(&self, row: &'r [u16]) -> impl Iterator<Item = u8> + 'r {
        let bytes = self.bits as usize / 8;
        row.iter()
            .flat_map(move |v| v.to_le_bytes().into_iter().take(bytes))
    }

    /// Reads a row of samples from their bytes. Returns true.
    pub(in crate::entropy) fn read(&self, bytes: &[u8], row: &mut [u16]) -> bool {
        let each = bytes.chunks_exact(self.bits as usize / 8);
        for (sample, bytes) in row.iter_mut().zip(each) {
            let high = bytes.get(1).copied().unwrap_or(0);
            *sample = u16::from_le_bytes([bytes[0], high]);
        }
        true
    }

    /// Adds a row to the check of the samples.
    pub(super) fn check(&self, row: &[u16], check: &mut crc32fast::Hasher) {
        for sample in row {
            check.update(&sample.to_le_bytes()[..self.bits as usize / 8]);
        }
    }
}
