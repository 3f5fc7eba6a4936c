//! Lossless coding of the alpha plane.
//!
//! Decisions are made in this order:
//!
//! 1. once: is the plane *raw* (probability 2^-8)? A raw plane spends eight even decisions a pixel,
//!    high bit first;
//! 2. per row: is the row equal to the row above (the row above the first is all zero)?
//! 3. per pixel of any other row, where the surroundings are rough: is it the value that followed
//!    equal six neighbours last time?
//! 4. per pixel still unknown: is it 0; if not, is it 255; if neither, its residual to the
//!    predictor `w + n - nw`, or its eight bits where the surroundings are rougher still.
//!
//! *Rough* is the sum of the predictor's errors at the left, upper, upper left and upper right
//! neighbours. Pixels and errors outside the plane are zero, and so are the errors of a repeated
//! row.
//!
//! # How far the bytes reach
//! The end of the stream is sealed such that no byte after it can change it. A row is *reached*
//! when every continuation of the whole words at hand decodes to one and the same row. With `m`
//! words missing from the decoder's 64-bit window, that is so if `(point - lower) + 2^(16 m) - 1 <
//! range` and `m < 4`. Reached rows are exact; the others are returned opaque (255).

use crate::entropy::coder::{Adaptive, Bit, Coder, RangeReader, RangeWriter};
use crate::entropy::residual::Residuals;

/// Alpha of a pixel that the bytes do not reach.
const OPAQUE: u8 = 255;
/// The rare decision for a raw plane.
pub(crate) const RAW: Bit = Bit::new(1 << 8);
/// Room for neighbours left of the first pixel of a row.
const LEFT: usize = 3;
/// Roughness above which the value is guessed from the neighbourhood.
const ROUGH: i32 = 8;
/// Roughness above which the residual says less than the value itself.
const ROUGHER: i32 = 80;
/// Bounds of the levels of roughness between even surroundings and [`ROUGHER`].
const LEVELS: [i32; 6] = [4, 7, 12, 20, 32, 50];
/// Patterns of seven error signs in even surroundings, where no error is beyond one.
const PATTERNS: usize = 3usize.pow(7);

/// Pixels and prediction errors of the current row, the one above and the one above that, with a
/// margin of zeros.
struct Rows {
    pixels: [Vec<u8>; 3],
    errors: [Vec<i32>; 3],
}

impl Rows {
    fn new(width: usize) -> Self {
        Rows {
            pixels: [(); 3].map(|()| vec![0; LEFT + width + 1]),
            errors: [(); 3].map(|()| vec![0; LEFT + width + 1]),
        }
    }

    /// Left, upper, upper left, upper right, second left and second upper neighbour of the pixel at
    /// `i`.
    fn near(&self, i: usize) -> [u8; 6] {
        let [row, above, above2] = &self.pixels;
        [
            row[i - 1],
            above[i],
            above[i - 1],
            above[i + 1],
            row[i - 2],
            above2[i],
        ]
    }

    /// The errors at the places of [`Rows::near`], then at the third left neighbour.
    fn errors(&self, i: usize) -> [i32; 7] {
        let [row, above, above2] = &self.errors;
        [
            row[i - 1],
            above[i],
            above[i - 1],
            above[i + 1],
            row[i - 2],
            above2[i],
            row[i - 3],
        ]
    }

    /// Makes the current row the one above.
    fn advance(&mut self) {
        self.pixels.rotate_right(1);
        self.errors.rotate_right(1);
    }
}

/// The value that followed a neighbourhood last, and how often in a row it was the right guess, up
/// to 15. The count is none for a neighbourhood that was never seen.
type Successor = (u8, Option<u8>);

/// The counters of alpha. The comments name the numbers that choose a counter.
struct AlphaModel {
    /// By the last two rows: was each a repeat?
    repeat: [Adaptive; 4],
    /// By the hash of the six neighbours.
    successors: Vec<Successor>,
    /// By how often in a row the guess was right, up to 15.
    hit: [Adaptive; 16],
    /// By the six neighbours: is each 0, 255 or between?
    clear: Vec<Adaptive>,
    /// Like `clear`.
    opaque: Vec<Adaptive>,
    /// Context: pattern of error signs, or level of roughness. Level: any pattern, or level of
    /// roughness.
    residuals: Residuals,
    /// By the high three bits of the left and the upper neighbour; then by the bits above, with a
    /// leading one.
    value: Vec<[Adaptive; 256]>,
}

impl AlphaModel {
    fn new() -> Self {
        let new = Adaptive::new();
        let classes = 3usize.pow(6);
        AlphaModel {
            repeat: [new; 4],
            successors: vec![(0, None); 1 << 16],
            hit: [new; 16],
            clear: vec![new; classes],
            opaque: vec![new; classes],
            residuals: Residuals::new(PATTERNS + LEVELS.len() + 1, LEVELS.len() + 2),
            value: vec![[new; 256]; 64],
        }
    }

    /// Codes the pixel at `i` of the current row.
    fn pixel(&mut self, c: &mut impl Coder, rows: &mut Rows, i: usize) {
        let value = rows.pixels[0][i];
        let near = rows.near(i);
        let errors = rows.errors(i);
        let [w, n, nw, ..] = near.map(i32::from);
        let predicted = (w + n - nw).clamp(0, 255);
        let rough: i32 = errors[..4].iter().map(|e| e.abs()).sum();

        let value = if rough > ROUGH && near.iter().any(|&v| v != near[0]) {
            let slot = hash(near);
            let (guess, right) = self.successors[slot];
            let hit =
                right.is_some_and(|right| c.bit(&mut self.hit[usize::from(right)], value == guess));
            let value = if hit {
                guess
            } else {
                self.unguessed(c, near, errors, rough, predicted, value)
            };
            let right = right.filter(|_| hit).map_or(0, |right| (right + 1).min(15));
            self.successors[slot] = (value, Some(right));
            value
        } else {
            self.unguessed(c, near, errors, rough, predicted, value)
        };
        rows.pixels[0][i] = value;
        rows.errors[0][i] = i32::from(value) - predicted;
    }

    /// Codes a pixel that was not guessed.
    fn unguessed(
        &mut self,
        c: &mut impl Coder,
        near: [u8; 6],
        errors: [i32; 7],
        rough: i32,
        predicted: i32,
        value: u8,
    ) -> u8 {
        let classes = near.iter().fold(0, |context, &v| {
            3 * context
                + match v {
                    0 => 0,
                    255 => 1,
                    _ => 2,
                }
        });
        if c.bit(&mut self.clear[classes], value == 0) {
            return 0;
        }
        if c.bit(&mut self.opaque[classes], value == 255) {
            return 255;
        }
        if rough > ROUGHER {
            let context = usize::from(near[0] >> 5) * 8 + usize::from(near[1] >> 5);
            let tree = &mut self.value[context];
            return (0..8).rev().fold(1, |node: usize, k| {
                node << 1 | usize::from(c.bit(&mut tree[node & 255], value >> k & 1 != 0))
            }) as u8;
        }
        let (context, level) = if errors.iter().all(|e| e.abs() <= 1) {
            let pattern = errors.iter().fold(0, |p, &e| 3 * p + (e + 1) as usize);
            (pattern, 0)
        } else {
            let level = LEVELS.iter().filter(|&&bound| rough > bound).count();
            (PATTERNS + level, 1 + level)
        };
        let residual = (i32::from(value) - predicted) as i8;
        let residual = self.residuals.code(c, context, level, residual);
        (predicted + i32::from(residual)) as u8
    }
}

/// The slot of a neighbourhood among the successors.
fn hash(near: [u8; 6]) -> usize {
    let hash = near.iter().fold(0u32, |hash, &v| {
        let hash = (hash ^ (u32::from(v) + 1)).wrapping_mul(0x9e37_79b1);
        hash ^ hash >> 15
    });
    (hash & 0xffff) as usize
}

/// Codes a plane in either direction, row by row. The decoder stops before the first row that is
/// not certain.
fn code_plane(c: &mut impl Coder, width: usize, raw: bool, plane: &mut [u8]) {
    let raw = c.fixed(RAW, raw);
    let mut model = AlphaModel::new();
    let mut rows = Rows::new(width);
    let mut history = 0;
    for target in plane.chunks_exact_mut(width) {
        rows.pixels[0][LEFT..LEFT + width].copy_from_slice(target);
        if raw {
            for value in &mut rows.pixels[0][LEFT..LEFT + width] {
                let bits = *value;
                *value = (0..8).rev().fold(0, |v, k| {
                    v << 1 | u8::from(c.fixed(Bit::EVEN, bits >> k & 1 != 0))
                });
            }
        } else {
            let [row, above, _] = &mut rows.pixels;
            let repeat = c.bit(&mut model.repeat[history], row == above);
            history = (history << 1 | usize::from(repeat)) & 3;
            if repeat {
                row.copy_from_slice(above);
                rows.errors[0].fill(0);
            } else {
                for i in LEFT..LEFT + width {
                    model.pixel(c, &mut rows, i);
                }
            }
        }
        if !c.certain() {
            return;
        }
        target.copy_from_slice(&rows.pixels[0][LEFT..LEFT + width]);
        rows.advance();
    }
}

/// The plane, coded raw or by the model.
fn encode_as(width: usize, raw: bool, plane: &mut [u8]) -> Vec<u8> {
    let mut writer = RangeWriter::new();
    code_plane(&mut writer, width, raw, plane);
    writer.into_bytes()
}

/// `width * height` alpha values, coded without loss in at most four bytes more than the plane has.
///
/// # Panics
/// When `alpha` does not hold `width * height` values.
pub fn encode_alpha(width: u32, height: u32, alpha: &[u8]) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    assert_eq!(
        alpha.len(),
        width * height,
        "alpha must be width * height values"
    );
    if alpha.is_empty() {
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

/// `width * height` alpha values from any bytes: the bytes of [`encode_alpha`], a prefix of them,
/// or damage.
///
/// If the bytes are a prefix of those of [`encode_alpha`], the rows that they reach are exact; all
/// others are 255. The plane is allocated whole, so the caller limits its dimensions.
pub fn decode_alpha(width: u32, height: u32, bytes: &[u8]) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    let mut plane = vec![OPAQUE; width * height];
    if !plane.is_empty() {
        code_plane(&mut RangeReader::new(bytes), width, false, &mut plane);
    }
    plane
}
