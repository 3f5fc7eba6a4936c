//! Activations of one scale in memory.

/// Activations of one scale, `[height + 2][width + 2][channels]`, with a border of one zero pixel
/// on every side.
///
/// The border is never written, so a convolution needs no special case at the edges.
#[derive(Debug)]
pub(super) struct Grid {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Vec<f32>,
}

impl Grid {
    /// A grid without pixels yet.
    pub fn new(channels: usize) -> Grid {
        Grid {
            width: 0,
            height: 0,
            channels,
            data: Vec::new(),
        }
    }

    /// Takes another size, all values zero. Memory is reused where it suffices.
    pub fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        let values = (width + 2) * (height + 2) * self.channels;
        if self.data.capacity() < values {
            // `resize` would copy the old values and leave room to grow.
            self.data = Vec::with_capacity(values);
        }
        self.data.clear();
        self.data.resize(values, 0.0);
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

    /// The pixels of row `y`, without the border.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[(y + 1) * self.row_stride() + self.channels..][..self.width * self.channels]
    }
}
