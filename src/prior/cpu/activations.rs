//! Activations of the network, and an estimate of its memory.

use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::GROUP;
use crate::prior::cpu::winograd::Winograd;
use crate::prior::weights::{Config, PICTURE_CHANNELS, Part};

/// Pixels of a call beside which it is nothing to transform the weights anew.
pub(super) const MANY: usize = 1 << 19;

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
    /// Pixels of the largest picture so far.
    pub most: usize,
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
            most: 0,
        }
    }

    /// Takes the size of pictures of `width` x `height` pixels.
    ///
    /// Grids of that size stay as they are: their borders are zero, and all else is overwritten.
    pub fn fit(&mut self, width: usize, height: usize) {
        if (self.input.width * 2, self.input.height * 2) == (width, height) {
            return;
        }
        self.most = self.most.max(width * height);
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

/// Bytes that a call of `part` on a picture of `width` x `height` pixels takes: activations, the
/// products of transformed layers, transformed weights, and what is always there.
pub(super) fn memory(config: &Config, part: Part, width: usize, height: usize) -> u64 {
    let grid = |scale: usize, channels: usize| {
        ((width >> scale) + 2) * ((height >> scale) + 2) * channels * size_of::<f32>()
    };
    let channels = &config.channels;
    let ends = picture_channels(part.pictures()) + picture_channels(1);
    let scales = channels.iter().enumerate();
    let scales = scales.map(|(i, &channels)| 2 * grid(i + 1, channels));
    let scratch = channels.iter().map(|&c| Winograd::scratch_bytes(c));
    let activations = grid(1, ends) + scales.sum::<usize>() + scratch.max().unwrap_or(0);
    (activations + transformed(config, part, width, height) + plain(config, part)) as u64
}

/// Bytes of [`memory`] that stay when the buffers have been freed.
pub(super) fn kept(config: &Config, part: Part, width: usize, height: usize) -> u64 {
    let transformed = match width * height >= MANY {
        true => 0,
        false => transformed(config, part, width, height),
    };
    (transformed + plain(config, part)) as u64
}

/// Bytes of the weights of `part`, in 16 bits and packed.
fn plain(config: &Config, part: Part) -> usize {
    let tensors = config.tensors_of(part);
    let shapes = tensors.iter().map(|(_, shape)| shape);
    let parameters = shapes.map(|shape| shape.iter().product::<usize>());
    parameters.sum::<usize>() * (size_of::<u16>() + size_of::<f32>())
}

/// Bytes of the weights of `part` that are transformed for pictures of up to `width` x `height`
/// pixels.
fn transformed(config: &Config, part: Part, width: usize, height: usize) -> usize {
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
    transformed.sum()
}
