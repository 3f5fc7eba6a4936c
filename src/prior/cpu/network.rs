//! The network on the CPU: the reference's forward pass in a fixed arithmetic of our own.
//!
//! Equal weights, `x_t` and sigma give equal bits on every processor and with any number of
//! threads, except with WebAssembly's vectors. Convolutions follow [`kernel`](super::kernel), or
//! [`winograd`](super::winograd) for 3 x 3 taps inside blocks. The embedding takes sin, cos, exp
//! and log in f64 from a libm in Rust; its linear layers are scalar fused multiply-adds in index
//! order. The three coefficients are computed in f64 and rounded once.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::cpu::activations::{self, Activations};
use crate::prior::cpu::conv::{Conv, Shape};
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::{Epilogue, Kernel};
use crate::prior::denoiser::Denoiser;
use crate::prior::embedding::{Embedding, Linear};
use crate::prior::precondition::{Coefficients, Precondition, check_planes};
use crate::prior::weights::{Config, Weights};

/// `h + conv2(scale(e) * relu(conv1(h)))`
#[derive(Debug)]
struct Block {
    conv1: Conv,
    conv2: Conv,
    scale: Linear,
}

impl Block {
    fn run(&self, kernel: Kernel, e: &[f32], h: &mut Grid, t: &mut Grid) {
        let scale = self.scale.forward(e);
        self.conv1.run(kernel, h, t, Epilogue::ReluScale(&scale));
        self.conv2.run(kernel, t, h, Epilogue::Add);
    }
}

/// The denoiser of the shipped priors, ready to run on the CPU.
///
/// Calls may come from several threads; each runs in the current rayon pool. Buffers of the last
/// call stay for the next one: some 46 f32 values for each pixel of the largest picture so far,
/// with the default prior.
#[derive(Debug)]
pub struct Network {
    config: Config,
    kernel: Kernel,
    precondition: Precondition,
    parameters: usize,
    embedding: Embedding,
    input: Conv,
    enc: Vec<Vec<Block>>,
    down: Vec<Conv>,
    up: Vec<Conv>,
    dec: Vec<Vec<Block>>,
    output: Conv,
    activations: Mutex<Option<Activations>>,
}

impl Network {
    /// Packs the weights for the fastest kernel of this machine.
    ///
    /// # Errors
    /// None for weights that [`Weights`] has accepted.
    pub fn new(weights: &Weights) -> Result<Network> {
        Network::with_kernel(weights, Kernel::best())
    }

    /// Packs the weights for a given kernel. All reference kernels give equal bits.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this machine lacks the kernel's instructions.
    pub fn with_kernel(weights: &Weights, kernel: Kernel) -> Result<Network> {
        if !kernel.is_available() {
            return Err(Error::Unsupported(format!(
                "this machine has no {kernel:?} instructions"
            )));
        }
        let config = weights.config().clone();
        let conv = |name: String, shape: Shape| -> Result<Conv> {
            let weight = weights.tensor(&format!("{name}.weight"))?;
            let bias = weights.tensor(&format!("{name}.bias"))?;
            let ci = weight.shape[1];
            Ok(Conv::new(kernel, shape, ci, &weight.data, &bias.data))
        };
        let stages = |side: &str, scales: usize| -> Result<Vec<Vec<Block>>> {
            let block = |i: usize, b: usize| -> Result<Block> {
                let name = format!("{side}.{i}.{b}");
                Ok(Block {
                    conv1: conv(format!("{name}.conv1"), Shape::Same)?,
                    conv2: conv(format!("{name}.conv2"), Shape::Same)?,
                    scale: Linear::new(weights, &format!("{name}.scale"))?,
                })
            };
            let stage = |i: usize| (0..config.blocks[i]).map(|b| block(i, b)).collect();
            (0..scales).map(stage).collect()
        };
        let scales = config.channels.len();
        let between = |name: &str, shape: Shape| -> Result<Vec<Conv>> {
            let layers = 0..scales - 1;
            layers.map(|i| conv(format!("{name}.{i}"), shape)).collect()
        };
        Ok(Network {
            kernel,
            precondition: Precondition::new(weights),
            parameters: weights.parameters(),
            embedding: Embedding::new(weights)?,
            input: conv("input".into(), Shape::Same)?,
            enc: stages("enc", scales)?,
            down: between("down", Shape::Down)?,
            up: between("up", Shape::Up)?,
            dec: stages("dec", scales - 1)?,
            output: conv("output".into(), Shape::Same)?,
            activations: Mutex::new(None),
            config,
        })
    }

    /// Number of which both sides of the planes are multiples: 16 for four scales.
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// Kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Number of weights.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Multiply-accumulates of one call, for each pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        self.config.macs_per_pixel()
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Highest noise level that the network was trained for, in 8-bit levels.
    pub fn sigma_max(&self) -> f64 {
        self.precondition.sigma_max
    }

    /// Bytes of the activations of a picture of `width` x `height` pixels, of the weights in 16
    /// bits, packed and transformed, and of the products of transformed layers.
    pub fn memory(&self, width: usize, height: usize) -> u64 {
        activations::memory(&self.config, width, height)
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, for `x_t` with noise of standard deviation `sigma`
    /// levels.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the sides are not multiples of [`Network::multiple`], the planes'
    /// data has the wrong length, or sigma is not a positive number (1e-6 to 1e9).
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        check_planes(x_t, self.multiple())?;
        let c = self.precondition.at(sigma)?;
        let e = self.embedding.at(sigma);
        let pooled = self.lock().take();
        let mut activations = pooled.unwrap_or_else(|| Activations::new(&self.config.channels));
        activations.fit(x_t.width, x_t.height);
        fill_input(x_t, c.c_in, &mut activations.input);
        self.forward(&e, &mut activations);
        let x0_hat = read_output(x_t, &c, &activations.output);
        *self.lock() = Some(activations);
        Ok(x0_hat)
    }

    /// Frees the buffers of the last call.
    pub fn release(&self) {
        self.lock().take();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Activations>> {
        // Activations left by a panic elsewhere are complete or absent, never half written.
        self.activations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// F, from `activations.input` to `activations.output`.
    fn forward(&self, e: &[f32], activations: &mut Activations) {
        let Activations {
            input,
            h,
            t,
            output,
        } = activations;
        let k = self.kernel;
        self.input.run(k, input, &mut h[0], Epilogue::Store);
        for (i, stage) in self.enc.iter().enumerate() {
            for block in stage {
                block.run(k, e, &mut h[i], &mut t[i]);
            }
            if let Some(down) = self.down.get(i) {
                let (fine, coarse) = h.split_at_mut(i + 1);
                down.run(k, &fine[i], &mut coarse[0], Epilogue::Store);
            }
        }
        for (i, stage) in self.dec.iter().enumerate().rev() {
            let (fine, coarse) = h.split_at_mut(i + 1);
            self.up[i].run(k, &coarse[0], &mut fine[i], Epilogue::Add);
            for block in stage {
                block.run(k, e, &mut h[i], &mut t[i]);
            }
        }
        self.output.run(k, &h[0], output, Epilogue::Store);
    }
}

/// Writes c_in x_t with each 2x2 square of pixels as 12 channels: channel 4 c + 2 dy + dx is plane
/// c at (2y + dy, 2x + dx).
fn fill_input(x_t: &Planes, c_in: f32, input: &mut Grid) {
    let (channels, width) = (input.channels, x_t.width);
    let planes: [&[f32]; 3] = std::array::from_fn(|c| x_t.plane(c));
    let stride = input.row_stride();
    let rows = input.rows_mut().par_chunks_mut(stride).enumerate();
    rows.for_each(|(y, row)| {
        for (c, plane) in planes.iter().enumerate() {
            for dy in 0..2 {
                let source = plane[(2 * y + dy) * width..][..width].chunks_exact(2);
                let pixels = row[channels..].chunks_exact_mut(channels);
                for (pixel, pair) in pixels.zip(source) {
                    pixel[4 * c + 2 * dy] = pair[0] * c_in;
                    pixel[4 * c + 2 * dy + 1] = pair[1] * c_in;
                }
            }
        }
    });
}

/// c_skip x_t + c_out F, each operation rounded, with the 12 channels back at their pixels.
fn read_output(x_t: &Planes, c: &Coefficients, output: &Grid) -> Planes {
    let (width, height) = (x_t.width, x_t.height);
    let mut x0_hat = x_t.clone();
    let rows = x0_hat.data.par_chunks_mut(width).enumerate();
    rows.for_each(|(row, values)| {
        let (plane, y) = (row / height, row % height);
        let pixels = output.row(y / 2).chunks_exact(output.channels);
        for (pair, pixel) in values.chunks_exact_mut(2).zip(pixels) {
            for (dx, x) in pair.iter_mut().enumerate() {
                let f = pixel[4 * plane + 2 * (y % 2) + dx];
                *x = c.c_skip * *x + c.c_out * f;
            }
        }
    });
    x0_hat
}

impl Denoiser for Network {
    fn is_reference(&self) -> bool {
        self.kernel().is_reference()
    }

    fn multiple(&self) -> usize {
        Network::multiple(self)
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.config().macs_per_pixel()
    }

    fn memory(&self, width: usize, height: usize) -> u64 {
        Network::memory(self, width, height)
    }

    fn release(&self) {
        Network::release(self);
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.sigma_max()
    }
}

#[cfg(test)]
mod tests;
