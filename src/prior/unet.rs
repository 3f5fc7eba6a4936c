//! The network in candle, layer by layer as in the reference: the standard that the fast network is tested against,
//! and the way to other devices.

use std::collections::HashMap;
use std::f64::consts::PI;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::ops::{pixel_shuffle, pixel_unshuffle, silu};
use candle_nn::{Conv2d, Conv2dConfig, Linear, VarBuilder, conv2d, linear};

use super::network::{Precondition, check_planes};
use super::weights::{Config, EMBED_INPUTS, PICTURE_CHANNELS, Weights};
use crate::{Error, Planes, Result};

impl From<candle_core::Error> for Error {
    fn from(e: candle_core::Error) -> Self {
        Error::Backend(e.to_string())
    }
}

/// `x + conv2(scale(e) * relu(conv1(x)))`
struct Block {
    conv1: Conv2d,
    conv2: Conv2d,
    scale: Linear,
}

impl Block {
    fn new(c: usize, embed: usize, vb: VarBuilder) -> candle_core::Result<Block> {
        Ok(Block {
            conv1: conv(c, c, 3, vb.pp("conv1"))?,
            conv2: conv(c, c, 3, vb.pp("conv2"))?,
            scale: linear(embed, c, vb.pp("scale"))?,
        })
    }

    fn forward(&self, x: &Tensor, e: &Tensor) -> candle_core::Result<Tensor> {
        let scale = self.scale.forward(e)?.unsqueeze(2)?.unsqueeze(3)?;
        let h = self.conv1.forward(x)?.relu()?.broadcast_mul(&scale)?;
        x + self.conv2.forward(&h)?
    }
}

/// A convolution of `k` x `k` taps: 3 keeps the size, 2 halves it, 1 is pointwise.
fn conv(ci: usize, co: usize, k: usize, vb: VarBuilder) -> candle_core::Result<Conv2d> {
    let config = Conv2dConfig {
        padding: if k == 3 { 1 } else { 0 },
        stride: if k == 2 { 2 } else { 1 },
        ..Default::default()
    };
    conv2d(ci, co, k, config, vb)
}

fn stages(config: &Config, scales: usize, vb: VarBuilder) -> candle_core::Result<Vec<Vec<Block>>> {
    let stage = |i: usize| {
        (0..config.blocks[i])
            .map(|b| Block::new(config.channels[i], config.embed, vb.pp(i).pp(b)))
            .collect()
    };
    (0..scales).map(stage).collect()
}

/// The denoiser of the shipped priors as a candle model, in f32.
///
/// Its bits depend on candle's matrix products and so on the machine; [`Network`](super::Network) does not.
pub struct CandleUNet {
    config: Config,
    precondition: Precondition,
    device: Device,
    embed: [Linear; 2],
    input: Conv2d,
    enc: Vec<Vec<Block>>,
    down: Vec<Conv2d>,
    up: Vec<Conv2d>,
    dec: Vec<Vec<Block>>,
    output: Conv2d,
}

impl CandleUNet {
    /// Puts the weights on `device`.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if candle fails.
    pub fn new(weights: &Weights, device: &Device) -> Result<Self> {
        let mut tensors = HashMap::new();
        for (name, t) in weights.tensors() {
            let tensor = Tensor::from_slice(&t.data, t.shape.as_slice(), device)?;
            tensors.insert(name.to_string(), tensor);
        }
        let vb = VarBuilder::from_tensors(tensors, DType::F32, device);
        let config = weights.config().clone();
        let (ch, e) = (&config.channels, config.embed);
        let pairs = || ch.windows(2).enumerate();
        let vb_embed = vb.pp("embed");
        Ok(CandleUNet {
            precondition: Precondition::new(weights),
            device: device.clone(),
            embed: [
                linear(EMBED_INPUTS, e, vb_embed.pp(0))?,
                linear(e, e, vb_embed.pp(1))?,
            ],
            input: conv(PICTURE_CHANNELS, ch[0], 3, vb.pp("input"))?,
            enc: stages(&config, ch.len(), vb.pp("enc"))?,
            down: pairs()
                .map(|(i, c)| conv(c[0], c[1], 2, vb.pp("down").pp(i)))
                .collect::<candle_core::Result<_>>()?,
            up: pairs()
                .map(|(i, c)| conv(c[1], 4 * c[0], 1, vb.pp("up").pp(i)))
                .collect::<candle_core::Result<_>>()?,
            dec: stages(&config, ch.len() - 1, vb.pp("dec"))?,
            output: conv(ch[0], PICTURE_CHANNELS, 3, vb.pp("output"))?,
            config,
        })
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The highest noise level in 8-bit levels that the network was trained for.
    pub fn sigma_max(&self) -> f64 {
        self.precondition.sigma_max
    }

    /// Sides of the planes must be multiples of this.
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, for `x_t` with noise of standard deviation `sigma` levels.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the sides are not multiples of
    /// [`Config::multiple`] or sigma is not positive; [`Error::Backend`](crate::Error::Backend) if candle fails.
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        check_planes(x_t, self.config.multiple())?;
        let c = self.precondition.at(sigma)?;
        let shape = (1, 3, x_t.height, x_t.width);
        let x = Tensor::from_slice(&x_t.data, shape, &self.device)?;
        let f = self.forward(&x.affine(f64::from(c.c_in), 0.0)?, sigma.ln())?;
        let x0_hat = (x.affine(f64::from(c.c_skip), 0.0)? + f.affine(f64::from(c.c_out), 0.0)?)?;
        Ok(Planes {
            width: x_t.width,
            height: x_t.height,
            data: x0_hat.flatten_all()?.to_vec1()?,
        })
    }

    /// F(x, log sigma): `x` is (1, 3, H, W).
    fn forward(&self, x: &Tensor, log_sigma: f64) -> candle_core::Result<Tensor> {
        let t = log_sigma / 4.0;
        let angles = (0..16).map(|k| (t * f64::from(k) * 0.25 * PI) as f32);
        let angles = Tensor::from_iter(angles, &self.device)?;
        let t = Tensor::new(&[t as f32], &self.device)?;
        let e = Tensor::cat(&[&t, &angles.sin()?, &angles.cos()?], 0)?.unsqueeze(0)?;
        let e = silu(&self.embed[0].forward(&e)?)?;
        let e = silu(&self.embed[1].forward(&e)?)?;

        let mut h = self.input.forward(&pixel_unshuffle(x, 2)?)?;
        let mut skips = Vec::new();
        for (i, stage) in self.enc.iter().enumerate() {
            for block in stage {
                h = block.forward(&h, &e)?;
            }
            if let Some(down) = self.down.get(i) {
                let half = down.forward(&h)?;
                skips.push(std::mem::replace(&mut h, half));
            }
        }
        for (i, skip) in skips.iter().enumerate().rev() {
            h = (pixel_shuffle(&self.up[i].forward(&h)?, 2)? + skip)?;
            for block in &self.dec[i] {
                h = block.forward(&h, &e)?;
            }
        }
        pixel_shuffle(&self.output.forward(&h)?, 2)
    }
}
