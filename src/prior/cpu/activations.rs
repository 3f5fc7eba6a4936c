//! Activations of the network, and an estimate of its memory.

use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::GROUP;
use crate::prior::cpu::winograd::Winograd;
use crate::prior::weights::{Config, PICTURE_CHANNELS, Part};

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
    /// Grids without pixels of a network of these channels that sees `inputs` pictures.
    pub fn new(channels: &[usize], inputs: usize) -> Activations {
        let scales = || channels.iter().copied().map(Grid::new).collect();
        Activations {
            input: Grid::new(picture_channels(inputs)),
            h: scales(),
            t: scales(),
            output: Grid::new(picture_channels(1)),
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

/// Channels of so many pictures, in whole groups.
fn picture_channels(pictures: usize) -> usize {
    (pictures * PICTURE_CHANNELS).next_multiple_of(GROUP)
}

/// Bytes of the activations of `part` of a picture of `width` x `height` pixels, and of what is
/// [`kept`].
pub(super) fn memory(config: &Config, part: Part, width: usize, height: usize) -> u64 {
    let grid = |scale: usize, channels: usize| {
        ((width >> scale) + 2) * ((height >> scale) + 2) * channels * size_of::<f32>()
    };
    let ends = picture_channels(part.pictures()) + picture_channels(1);
    let scales = config.channels.iter().enumerate();
    let scales = scales.map(|(i, &channels)| 2 * grid(i + 1, channels));
    let activations = grid(1, ends) + scales.sum::<usize>();
    activations as u64 + kept(config, part, width, height)
}

/// Bytes of the weights of `part` in 16 bits, packed and transformed for pictures of up to `width`
/// x `height` pixels, and of the products of transformed layers.
pub(super) fn kept(config: &Config, part: Part, width: usize, height: usize) -> u64 {
    let channels = &config.channels;
    let scales = channels.len();
    let transformed = (0..scales).map(|i| {
        let c = channels[i];
        // Blocks are on two sides; the coarsest scale has one.
        let sides = if i + 1 < scales { 2 } else { 1 };
        let ends = match i {
            0 => picture_channels(part.pictures()) + picture_channels(1),
            _ => 0,
        };
        let pairs = c * (2 * sides * config.blocks[i] * c + ends);
        pairs * Winograd::bytes(width >> (i + 1), height >> (i + 1))
    });
    let scratch = channels.iter().map(|&c| Winograd::scratch_bytes(c));
    let parameters: usize = config
        .tensors_of(part)
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    let plain = parameters * (size_of::<u16>() + size_of::<f32>());
    (plain + transformed.sum::<usize>() + scratch.max().unwrap_or(0)) as u64
}
