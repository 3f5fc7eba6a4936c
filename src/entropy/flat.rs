//! Squares of one colour, which a lossy picture shows exactly (clause 4.14).

use std::collections::HashMap;

use crate::entropy::lossless::{Layout, decode_exact, encode_graphic};

/// Sides of squares, as powers of two.
pub const SIDES: std::ops::RangeInclusive<u8> = 3..=7;

/// The most colours.
const MOST: usize = 255;

/// Flat squares of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatSquares {
    layout: Layout,
    /// Power of two of the side.
    side: u8,
    /// Colours, most frequent first.
    colours: Vec<[u16; 3]>,
    /// For each square, row by row: 0 if it is not flat, else the number of its colour from 1.
    labels: Vec<u16>,
}

impl FlatSquares {
    /// The flat squares of a picture. `fetch(y, row)` fills row `y` of interleaved samples.
    pub fn of(layout: Layout, side: u8, mut fetch: impl FnMut(usize, &mut [u16])) -> Self {
        let (columns, rows) = squares(layout, side);
        let mut found: Vec<Option<[u16; 3]>> = Vec::with_capacity(columns * rows);
        let mut row = vec![0; layout.row_len()];
        for y in 0..layout.size.1 {
            fetch(y, &mut row);
            let first = y % (1 << side) == 0;
            let base = (y >> side) * columns;
            for (x, pixels) in row.chunks(layout.channels << side).enumerate() {
                let mut each = pixels.chunks_exact(layout.channels).map(colour);
                let start = each.next().unwrap_or_default();
                let flat = each.all(|c| c == start).then_some(start);
                match first {
                    true => found.push(flat),
                    false if found[base + x] != flat => found[base + x] = None,
                    false => {}
                }
            }
        }
        let mut number = HashMap::new();
        for colour in found.iter().flatten() {
            *number.entry(*colour).or_insert(0) += 1;
        }
        let mut colours: Vec<([u16; 3], usize)> = number.into_iter().collect();
        colours.sort_by_key(|&(colour, n)| (usize::MAX - n, colour));
        colours.truncate(MOST);
        let colours: Vec<[u16; 3]> = colours.into_iter().map(|(colour, _)| colour).collect();
        let label = |flat: &Option<[u16; 3]>| {
            let place = flat.and_then(|flat| colours.iter().position(|&c| c == flat));
            place.map_or(0, |place| place as u16 + 1)
        };
        FlatSquares {
            layout,
            side,
            labels: found.iter().map(label).collect(),
            colours,
        }
    }

    /// Share of the squares that are flat, 0..=1.
    pub fn share(&self) -> f64 {
        let flat = self.labels.iter().filter(|&&label| label > 0).count();
        flat as f64 / self.labels.len() as f64
    }

    /// The payload.
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![self.side, self.colours.len() as u8];
        for colour in &self.colours {
            out.extend(self.layout.bytes(&colour[..self.layout.channels]));
        }
        let labels = label_layout(self.layout, self.side);
        out.extend(encode_graphic(labels, |y, row| {
            row.copy_from_slice(&self.labels[y * row.len()..][..row.len()]);
        }));
        out
    }

    /// The squares of a payload; none of one that is damaged.
    pub fn read(layout: Layout, payload: &[u8]) -> Option<Self> {
        let (&[side, number], rest) = payload.split_first_chunk()?;
        if !SIDES.contains(&side) {
            return None;
        }
        let bytes = layout.channels * layout.bits as usize / 8;
        let (coded, rest) = rest.split_at_checked(usize::from(number) * bytes)?;
        let read = |coded: &[u8]| {
            let mut colour = [0; 3];
            layout.read(coded, &mut colour[..layout.channels]);
            colour
        };
        let mut labels = Vec::new();
        let store = |_, row: &[u16]| labels.extend_from_slice(row);
        let reached = decode_exact(label_layout(layout, side), None, rest, store);
        (reached.crc_matches == Some(true)).then(|| FlatSquares {
            layout,
            side,
            colours: coded.chunks_exact(bytes).map(read).collect(),
            labels,
        })
    }

    /// Lays the colours of flat squares over row `y` of interleaved samples.
    pub fn lay(&self, y: usize, row: &mut [u16]) {
        let columns = squares(self.layout, self.side).0;
        let labels = &self.labels[(y >> self.side) * columns..][..columns];
        let channels = self.layout.channels;
        for (pixels, &label) in row.chunks_mut(channels << self.side).zip(labels) {
            let place = usize::from(label).checked_sub(1);
            if let Some(colour) = place.and_then(|place| self.colours.get(place)) {
                for pixel in pixels.chunks_exact_mut(channels) {
                    pixel.copy_from_slice(&colour[..channels]);
                }
            }
        }
    }
}

/// The samples of a pixel, and zeros.
fn colour(pixel: &[u16]) -> [u16; 3] {
    let mut colour = [0; 3];
    colour[..pixel.len()].copy_from_slice(pixel);
    colour
}

/// Columns and rows of squares.
fn squares(layout: Layout, side: u8) -> (usize, usize) {
    let of = |n: usize| n.div_ceil(1 << side);
    (of(layout.size.0), of(layout.size.1))
}

/// The labels as a grey picture.
fn label_layout(layout: Layout, side: u8) -> Layout {
    Layout {
        size: squares(layout, side),
        channels: 1,
        bits: 8,
        range: (0, 255),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        size: (45, 21),
        channels: 3,
        bits: 8,
        range: (0, 255),
    };

    /// Two flat colours, and a column of noise.
    fn fetch(y: usize, row: &mut [u16]) {
        for (x, pixel) in row.chunks_mut(3).enumerate() {
            pixel.copy_from_slice(match (x, y) {
                (20, _) => &[7, 8, 9],
                (..16, _) => &[255; 3],
                _ => &[200, 0, 1],
            });
            if x == 20 {
                pixel[0] = (y % 5) as u16;
            }
        }
    }

    #[test]
    fn squares_come_back() {
        for side in SIDES {
            let squares = FlatSquares::of(LAYOUT, side, fetch);
            let payload = squares.write();
            assert_eq!(FlatSquares::read(LAYOUT, &payload).as_ref(), Some(&squares));
            for y in 0..21 {
                let mut wanted = [0; 135];
                fetch(y, &mut wanted);
                let mut row = wanted;
                row.iter_mut().for_each(|v| *v ^= 3);
                squares.lay(y, &mut row);
                for (x, (got, want)) in row.chunks(3).zip(wanted.chunks(3)).enumerate() {
                    let from = x >> side << side;
                    let flat = !(from..from + (1 << side)).contains(&20);
                    assert_eq!(got == want, flat, "{side}: {x}");
                }
            }
            for n in 0..payload.len() {
                assert_eq!(FlatSquares::read(LAYOUT, &payload[..n]), None);
            }
        }
        let three = FlatSquares::of(LAYOUT, 3, fetch);
        assert!((three.share() - 5.0 / 6.0).abs() < 1e-9);
    }

    #[test]
    fn labels_without_a_colour_are_not_flat() {
        let mut squares = FlatSquares::of(LAYOUT, 3, fetch);
        squares.colours.pop();
        let read = FlatSquares::read(LAYOUT, &squares.write()).expect("valid");
        let mut row = [1; 135];
        read.lay(0, &mut row);
        assert!(row.contains(&1) && row.iter().any(|&v| v != 1));
    }
}
