//! Activations of the network, and an estimate of its memory.

use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::GROUP;
use crate::prior::cpu::winograd::Winograd;
use crate::prior::weights::{Config, PICTURE_CHANNELS};

/// Activations of one call.
///
/// `h[i]` is the state at scale i. While the network works at coarser scales it is the skip
/// connection, and the way up adds to it in place. `t[i]` lies between the two layers of a block.
#[derive(Debug)]
pub(super) struct Activations {
    pub input: Grid,
    pub h: Vec<Grid>,
    pub t: Vec<Grid>,
    pub output: Grid,
}

impl Activations {
    pub fn new(channels: &[usize]) -> Activations {
        let scales = || channels.iter().copied().map(Grid::new).collect();
        Activations {
            input: Grid::new(PICTURE_CHANNELS),
            h: scales(),
            t: scales(),
            output: Grid::new(PICTURE_CHANNELS.next_multiple_of(GROUP)),
        }
    }

    /// Takes the size of pictures of `width` x `height` pixels.
    ///
    /// Grids of that size stay as they are: their borders are zero, and all else is overwritten.
    pub fn fit(&mut self, width: usize, height: usize) {
        if (self.input.width * 2, self.input.height * 2) == (width, height) {
            return;
        }
        self.input.resize(width / 2, height / 2);
        self.output.resize(width / 2, height / 2);
        for (i, (h, t)) in self.h.iter_mut().zip(&mut self.t).enumerate() {
            h.resize(width >> (i + 1), height >> (i + 1));
            t.resize(width >> (i + 1), height >> (i + 1));
        }
    }
}

/// Bytes of the activations of a picture of `width` x `height` pixels, of the weights in 16 bits,
/// packed and transformed, and of the products of transformed layers.
pub(super) fn memory(config: &Config, width: usize, height: usize) -> u64 {
    let grid = |scale: usize, channels: usize| {
        ((width >> scale) + 2) * ((height >> scale) + 2) * channels * size_of::<f32>()
    };
    let ends = PICTURE_CHANNELS + PICTURE_CHANNELS.next_multiple_of(GROUP);
    let channels = &config.channels;
    let scales = channels.iter().enumerate();
    let scales = scales.map(|(i, &channels)| 2 * grid(i + 1, channels));
    // Blocks are on two sides; the coarsest scale has one.
    let both = channels.iter().zip(&config.blocks);
    let one = both.clone().rev().skip(1);
    let weights = both.chain(one);
    let weights = weights.map(|(&c, &blocks)| 2 * blocks * Winograd::bytes(c));
    let scratch = channels.iter().map(|&c| Winograd::scratch_bytes(c));
    let scratch = scratch.max().unwrap_or(0);
    let parameters: usize = config
        .tensors()
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    let plain = parameters * (size_of::<u16>() + size_of::<f32>());
    let weights = plain + weights.sum::<usize>() + scratch;
    (grid(1, ends) + scales.sum::<usize>() + weights) as u64
}
