//! Lossless coding of the low bytes of a 16-bit alpha plane whose high bytes are known.
//!
//! Decisions are made in this order:
//!
//! 1. once: are the low bytes *raw* (probability 2^-8)? Then each is eight even decisions, high bit
//!    first;
//! 2. per row: are all its low bytes equal to the high bytes, as in planes that once had 8 bits?
//! 3. per pixel of any other row: is its low byte equal to its high byte; if not, its residual to
//!    the predictor `w + n - nw` of the 16-bit values, as far as that agrees with the high byte.
//!
//! Rows are reached as for the high bytes. Low bytes that are not reached equal the high bytes.

use crate::entropy::alpha::RAW;
use crate::entropy::coder::{Adaptive, Bit, Coder, RangeReader, RangeWriter};
use crate::entropy::residual::Residuals;

/// Bounds of the levels of roughness: the sum of the predictor's errors at the left, upper, upper
/// left and upper right neighbours.
const LEVELS: [i32; 7] = [0, 3, 12, 48, 192, 768, 3072];

/// Values and prediction errors of the current row and the one above, with a margin of zeros.
struct Rows {
    values: [Vec<i32>; 2],
    errors: [Vec<i32>; 2],
}

/// The counters of low bytes. The comments name the numbers that choose a counter.
struct LowByteModel {
    /// By the last two rows: were all low bytes of each equal to the high bytes?
    rows: [Adaptive; 4],
    /// By the high byte: is it 0, 255 or between; and by the left and the upper neighbour: is the
    /// low byte equal to the high byte?
    equal: [[Adaptive; 4]; 3],
    /// Context and level: level of roughness.
    residuals: Residuals,
}

impl LowByteModel {
    /// Codes the low byte of the pixel at `i` of the current row.
    fn pixel(&mut self, c: &mut impl Coder, rows: &mut Rows, i: usize, high: u8, low: u8) -> u8 {
        let [row, above] = &rows.values;
        let [row_errors, above_errors] = &rows.errors;
        let predicted = (row[i - 1] + above[i] - above[i - 1]).clamp(0, 0xffff);
        let errors = [
            row_errors[i - 1],
            above_errors[i],
            above_errors[i - 1],
            above_errors[i + 1],
        ];
        let rough: i32 = errors.iter().map(|e| e.abs()).sum();
        let class = match high {
            0 => 0,
            255 => 1,
            _ => 2,
        };
        let same = |v: i32| usize::from(v >> 8 == v & 255);
        let context = 2 * same(row[i - 1]) + same(above[i]);
        let low = if c.bit(&mut self.equal[class][context], low == high) {
            high
        } else {
            let level = LEVELS.iter().filter(|&&bound| rough > bound).count();
            let expected = (predicted - 256 * i32::from(high)).clamp(0, 255) as u8;
            let residual = low.wrapping_sub(expected) as i8;
            expected.wrapping_add(self.residuals.code(c, level, level, residual) as u8)
        };
        let value = 256 * i32::from(high) + i32::from(low);
        rows.values[0][i] = value;
        rows.errors[0][i] = value - predicted;
        low
    }
}

/// Codes the low bytes in either direction, row by row. The decoder stops before the first row that
/// is not certain.
fn code_plane(c: &mut impl Coder, width: usize, raw: bool, plane: &mut [u16]) {
    let raw = c.fixed(RAW, raw);
    let new = Adaptive::new();
    let mut model = LowByteModel {
        rows: [new; 4],
        equal: [[new; 4]; 3],
        residuals: Residuals::new(LEVELS.len() + 1, LEVELS.len() + 1),
    };
    let zeros = || [(); 2].map(|()| vec![0; width + 2]);
    let mut rows = Rows {
        values: zeros(),
        errors: zeros(),
    };
    let mut history = 0;
    let mut lows = vec![0; width];
    for target in plane.chunks_exact_mut(width) {
        for (low, value) in lows.iter_mut().zip(&*target) {
            *low = *value as u8;
        }
        let highs = target.iter().map(|v| (v >> 8) as u8);
        if raw {
            for low in &mut lows {
                let bits = *low;
                *low = (0..8).rev().fold(0, |v, k| {
                    v << 1 | u8::from(c.fixed(Bit::EVEN, bits >> k & 1 != 0))
                });
            }
        } else {
            let all = highs.clone().zip(&lows).all(|(high, low)| high == *low);
            let all = c.bit(&mut model.rows[history], all);
            history = (history << 1 | usize::from(all)) & 3;
            for (i, (high, low)) in highs.zip(&mut lows).enumerate() {
                if all {
                    *low = high;
                    rows.values[0][i + 1] = 257 * i32::from(high);
                    rows.errors[0][i + 1] = 0;
                } else {
                    *low = model.pixel(c, &mut rows, i + 1, high, *low);
                }
            }
        }
        if !c.certain() {
            return;
        }
        for (value, low) in target.iter_mut().zip(&lows) {
            *value = *value & 0xff00 | u16::from(*low);
        }
        rows.values.swap(0, 1);
        rows.errors.swap(0, 1);
    }
}

/// The low bytes, coded raw or by the model.
fn encode_as(width: usize, raw: bool, plane: &mut [u16]) -> Vec<u8> {
    let mut writer = RangeWriter::new();
    code_plane(&mut writer, width, raw, plane);
    writer.into_bytes()
}

/// The low bytes of `width * height` alpha values, coded without loss in at most four bytes more
/// than one a value. There are no bytes if each low byte equals its high byte, as in an opaque
/// plane and in planes made from 8 bits.
///
/// # Panics
/// When `alpha` does not hold `width * height` values.
pub fn encode_alpha_low(width: u32, height: u32, alpha: &[u16]) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    assert_eq!(
        alpha.len(),
        width * height,
        "alpha must be width * height values"
    );
    if alpha.iter().all(|v| v >> 8 == v & 255) {
        return Vec::new();
    }
    let mut plane = alpha.to_vec();
    let coded = encode_as(width, false, &mut plane);
    if coded.len() <= alpha.len() {
        return coded;
    }
    let raw = encode_as(width, true, &mut plane);
    if raw.len() < coded.len() { raw } else { coded }
}

/// The 16-bit alpha values of which `high` are the high bytes, with low bytes from any bytes: the
/// bytes of [`encode_alpha_low`], a prefix of them, or damage.
///
/// If the bytes are a prefix of those of [`encode_alpha_low`], the rows that they reach are exact;
/// in all others the low bytes equal the high bytes.
pub fn decode_alpha_low(width: u32, high: &[u8], bytes: &[u8]) -> Vec<u16> {
    let mut plane: Vec<u16> = high.iter().map(|&v| u16::from(v) * 257).collect();
    if !bytes.is_empty() && !plane.is_empty() && width > 0 {
        code_plane(
            &mut RangeReader::new(bytes),
            width as usize,
            false,
            &mut plane,
        );
    }
    plane
}
