//! Activations of one scale in memory.

use rayon::prelude::*;

use crate::prior::cpu::lines::Lines;

/// Activations of one scale, `[height + 2][width + 2][channels]`, with a border of one zero pixel
/// on every side.
///
/// The border is never written, so a convolution needs no special case at the edges.
#[derive(Debug)]
pub(super) struct Grid {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Lines,
}

impl Grid {
    /// A grid without pixels yet.
    pub fn new(channels: usize) -> Grid {
        Grid {
            width: 0,
            height: 0,
            channels,
            data: Lines::default(),
        }
    }

    /// Takes another size, all values zero. Memory is reused where it suffices.
    pub fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.data.reset((width + 2) * (height + 2) * self.channels);
    }

    /// Values from one row to the next.
    pub fn row_stride(&self) -> usize {
        (self.width + 2) * self.channels
    }

    /// The rows inside the border, each with its border pixels.
    pub fn rows_mut(&mut self) -> &mut [f32] {
        let stride = self.row_stride();
        &mut self.data[stride..stride * (self.height + 1)]
    }

    /// Writes each 2x2 square of pixels of a picture as 12 channels: channel `first` + 4 c + 2 dy +
    /// dx is plane c at (2y + dy, 2x + dx). `value(i)` is the value of index `i` in the planes.
    pub fn fill_squares(&mut self, first: usize, value: impl Fn(usize) -> f32 + Sync) {
        let (channels, width, height) = (self.channels, 2 * self.width, 2 * self.height);
        let stride = self.row_stride();
        let rows = self.rows_mut().par_chunks_mut(stride).enumerate();
        rows.for_each(|(y, row)| {
            for (c, dy) in (0..3).flat_map(|c| [(c, 0), (c, 1)]) {
                let from = (c * height + 2 * y + dy) * width;
                let pixels = row[channels..].chunks_exact_mut(channels).take(width / 2);
                for (x, pixel) in pixels.enumerate() {
                    let at = first + 4 * c + 2 * dy;
                    pixel[at] = value(from + 2 * x);
                    pixel[at + 1] = value(from + 2 * x + 1);
                }
            }
        });
    }

    /// The pixels of row `y`, without the border.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[(y + 1) * self.row_stride() + self.channels..][..self.width * self.channels]
    }
}
