//! The U-Net of clause 15.4 on the CPU: weights packed for a kernel, and the forward pass.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::prior::cpu::activations::{Activations, MANY};
use crate::prior::cpu::context::Context;
use crate::prior::cpu::conv::{Conv, Shape};
use crate::prior::cpu::grid::Grid;
use crate::prior::cpu::kernel::{Epilogue, Kernel};
use crate::prior::embedding::{Embedding, Linear};
use crate::prior::weights::{Config, Part, Weights};

/// `h + conv2(scale(e) * relu(conv1(h)))`
#[derive(Debug)]
struct Block {
    conv1: Conv,
    conv2: Conv,
    scale: Linear,
}

impl Block {
    fn run(&self, context: &Context, e: &[f32], h: &mut Grid, t: &mut Grid) {
        let scale = self.scale.forward(e);
        self.conv1.run(context, h, t, Epilogue::ReluScale(&scale));
        self.conv2.run(context, t, h, Epilogue::Add);
    }
}

/// A U-Net, ready to run on the CPU.
///
/// Calls may come from several threads; each runs in the current rayon pool. Buffers of the last
/// call stay for the next one.
#[derive(Debug)]
pub(super) struct UNet {
    config: Config,
    part: Part,
    context: Context,
    embedding: Embedding,
    input: Conv,
    enc: Vec<Vec<Block>>,
    down: Vec<Conv>,
    up: Vec<Conv>,
    dec: Vec<Vec<Block>>,
    output: Conv,
    activations: Mutex<Option<Activations>>,
}

impl UNet {
    /// Packs the weights of a network of the file for a kernel.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this machine lacks the kernel's instructions; [`Error::Backend`]
    /// if the file has no such network.
    pub fn new(weights: &Weights, part: Part, kernel: Kernel) -> Result<UNet> {
        if !kernel.is_available() {
            return Err(Error::Unsupported(format!(
                "this machine has no {kernel:?} instructions"
            )));
        }
        let config = weights.config_of(part)?.clone();
        let prefix = part.prefix();
        let conv = |name: String, shape: Shape| -> Result<Conv> {
            let weight = weights.tensor(&format!("{prefix}{name}.weight"))?;
            let bias = weights.tensor(&format!("{prefix}{name}.bias"))?;
            Ok(Conv::new(kernel, shape, weight, &bias.data))
        };
        let stages = |side: &str, scales: usize| -> Result<Vec<Vec<Block>>> {
            let block = |i: usize, b: usize| -> Result<Block> {
                let name = format!("{side}.{i}.{b}");
                Ok(Block {
                    conv1: conv(format!("{name}.conv1"), Shape::Same)?,
                    conv2: conv(format!("{name}.conv2"), Shape::Same)?,
                    scale: Linear::new(weights, &format!("{prefix}{name}.scale"))?,
                })
            };
            let stage = |i: usize| {
                let blocks = (0..config.blocks[i]).into_par_iter();
                blocks.map(|b| block(i, b)).collect()
            };
            (0..scales).into_par_iter().map(stage).collect()
        };
        let scales = config.channels.len();
        let between = |name: &str, shape: Shape| -> Result<Vec<Conv>> {
            let layers = 0..scales - 1;
            layers.map(|i| conv(format!("{name}.{i}"), shape)).collect()
        };
        Ok(UNet {
            part,
            context: Context::new(kernel),
            embedding: Embedding::new(weights, part)?,
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

    /// The network's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.context.kernel()
    }

    /// One call on pictures of `size` columns and rows. `numbers` are those of the embedding.
    /// `fill` writes the input, each 2x2 square of pixels as channels, and `read` makes the result
    /// of the output.
    pub fn call<T>(
        &self,
        (width, height): (usize, usize),
        numbers: &[f64],
        fill: impl FnOnce(&mut Grid),
        read: impl FnOnce(&Grid) -> T,
    ) -> T {
        let e = self.embedding.at(numbers);
        let pooled = self.lock().take();
        let new = || Activations::new(&self.config.channels, self.part.pictures());
        let mut activations = pooled.unwrap_or_else(new);
        activations.fit(width, height);
        fill(&mut activations.input);
        self.forward(&e, &mut activations);
        let result = read(&activations.output);
        *self.lock() = Some(activations);
        result
    }

    /// Frees the buffers of the calls so far. If one was of many pixels, weights that were
    /// transformed go too.
    pub fn release(&self) {
        let activations = self.lock().take();
        self.context.release();
        if activations.is_some_and(|last| last.most >= MANY) {
            let blocks = self.enc.iter().chain(&self.dec).flatten();
            let convs = blocks.flat_map(|block| [&block.conv1, &block.conv2]);
            convs.for_each(Conv::release);
        }
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
            ..
        } = activations;
        let k = &self.context;
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
