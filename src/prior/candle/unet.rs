//! The network in candle, layer by layer as in the reference: the standard for tests of our own
//! network, and the way to other devices.

use std::collections::HashMap;
use std::f64::consts::PI;
use std::fmt;

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::ops::{pixel_shuffle, pixel_unshuffle, silu};
use candle_nn::{Conv2dConfig, Linear, VarBuilder, linear};

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::denoiser::Denoiser;
use crate::prior::precision::Precision;
use crate::prior::precondition::{Precondition, check_planes};
use crate::prior::tiling::Tiling;
use crate::prior::weights::{Config, EMBED_INPUTS, PICTURE_CHANNELS, Weights};

/// A convolution of `k` x `k` taps: 3 keeps the size, 2 halves it, 1 is pointwise.
struct Conv(candle_nn::Conv2d);

impl Conv {
    /// Convolution from `ci` to `co` channels with weights of `dtype`. `vb` holds them in f32.
    fn new(
        (ci, co): (usize, usize),
        k: usize,
        dtype: DType,
        vb: VarBuilder,
    ) -> candle_core::Result<Conv> {
        let config = Conv2dConfig {
            padding: if k == 3 { 1 } else { 0 },
            stride: if k == 2 { 2 } else { 1 },
            ..Default::default()
        };
        // candle has no matrix products in bf16 on the CPU. f32 between roundings gives the numbers
        // of a GPU that adds in f32.
        let narrow = |t: Tensor| -> candle_core::Result<Tensor> {
            match (vb.device().is_cpu(), dtype) {
                (true, DType::BF16) => t.to_dtype(dtype)?.to_dtype(DType::F32),
                _ => t.to_dtype(dtype),
            }
        };
        let weight = narrow(vb.get((co, ci, k, k), "weight")?)?;
        let bias = narrow(vb.get(co, "bias")?)?;
        Ok(Conv(candle_nn::Conv2d::new(weight, Some(bias), config)))
    }

    /// Output of the input's type.
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let wide = x.to_dtype(self.0.weight().dtype())?;
        self.0.forward(&wide)?.to_dtype(x.dtype())
    }
}

/// `x + conv2(scale(e) * relu(conv1(x)))`
struct Block {
    conv1: Conv,
    conv2: Conv,
    scale: Linear,
}

impl Block {
    fn new(c: usize, embed: usize, dtype: DType, vb: VarBuilder) -> candle_core::Result<Block> {
        Ok(Block {
            conv1: Conv::new((c, c), 3, dtype, vb.pp("conv1"))?,
            conv2: Conv::new((c, c), 3, dtype, vb.pp("conv2"))?,
            scale: linear(embed, c, vb.pp("scale"))?,
        })
    }

    fn forward(&self, x: &Tensor, e: &Tensor) -> candle_core::Result<Tensor> {
        let scale = self.scale.forward(e)?.to_dtype(x.dtype())?;
        let scale = scale.unsqueeze(2)?.unsqueeze(3)?;
        let h = self.conv1.forward(x)?.relu()?.broadcast_mul(&scale)?;
        x + self.conv2.forward(&h)?
    }
}

fn stages(
    config: &Config,
    scales: usize,
    dtype: DType,
    vb: VarBuilder,
) -> candle_core::Result<Vec<Vec<Block>>> {
    let stage = |i: usize| {
        (0..config.blocks[i])
            .map(|b| Block::new(config.channels[i], config.embed, dtype, vb.pp(i).pp(b)))
            .collect()
    };
    (0..scales).map(stage).collect()
}

/// Denoiser of the shipped priors as a candle model.
///
/// Its bits depend on candle's matrix products and so on the machine; the bits of
/// [`Network`](crate::prior::Network) do not.
///
/// Planes that would take more memory than the limit run in overlapping tiles. Each tile sees all
/// pixels that its part of the output depends on, so that tiles change roundings only.
pub struct CandleUNet {
    config: Config,
    precondition: Precondition,
    device: Device,
    /// Type of activations, and of the weights of convolutions.
    dtype: DType,
    max_memory: u64,
    embed: [Linear; 2],
    input: Conv,
    enc: Vec<Vec<Block>>,
    down: Vec<Conv>,
    up: Vec<Conv>,
    dec: Vec<Vec<Block>>,
    output: Conv,
}

impl fmt::Debug for CandleUNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleUNet")
            .field("config", &self.config)
            .field("device", &self.device)
            .field("dtype", &self.dtype)
            .field("max_memory", &self.max_memory)
            .finish_non_exhaustive()
    }
}

impl CandleUNet {
    /// Bytes that a call may take unless [`CandleUNet::max_memory`] says otherwise: 2 GiB.
    pub const DEFAULT_MEMORY: u64 = 2 << 30;

    /// Puts the weights on `device`, to compute in f32.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if candle fails.
    pub fn new(weights: &Weights, device: &Device) -> Result<Self> {
        Self::with_precision(weights, device, Precision::F32)
    }

    /// Puts the weights on `device`, to compute convolutions and activations in numbers of the type
    /// `precision`.
    ///
    /// Embedding of the noise level, x_t and c_skip x_t + c_out F stay in f32.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if candle fails.
    pub fn with_precision(
        weights: &Weights,
        device: &Device,
        precision: Precision,
    ) -> Result<Self> {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::Bf16 => DType::BF16,
            Precision::F16 => DType::F16,
        };
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
            dtype,
            max_memory: Self::DEFAULT_MEMORY,
            embed: [
                linear(EMBED_INPUTS, e, vb_embed.pp(0))?,
                linear(e, e, vb_embed.pp(1))?,
            ],
            input: Conv::new((PICTURE_CHANNELS, ch[0]), 3, dtype, vb.pp("input"))?,
            enc: stages(&config, ch.len(), dtype, vb.pp("enc"))?,
            down: pairs()
                .map(|(i, c)| Conv::new((c[0], c[1]), 2, dtype, vb.pp("down").pp(i)))
                .collect::<candle_core::Result<_>>()?,
            up: pairs()
                .map(|(i, c)| Conv::new((c[1], 4 * c[0]), 1, dtype, vb.pp("up").pp(i)))
                .collect::<candle_core::Result<_>>()?,
            dec: stages(&config, ch.len() - 1, dtype, vb.pp("dec"))?,
            output: Conv::new((ch[0], PICTURE_CHANNELS), 3, dtype, vb.pp("output"))?,
            config,
        })
    }

    /// Lets a call take about `bytes` of the device's memory, besides the weights.
    ///
    /// A tile has to hold all pixels that its middle depends on. A call therefore takes up to
    /// [`CandleUNet::memory`] of [`CandleUNet::largest_tile`], even where that is more.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Highest noise level that the network was trained for, in 8-bit levels.
    pub fn sigma_max(&self) -> f64 {
        self.precondition.sigma_max
    }

    /// Number of which both sides of the planes are multiples.
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    fn on_the_cpu(&self) -> bool {
        self.device.is_cpu()
    }

    /// Estimate of the device's memory in bytes that planes of `width` x `height` take in one
    /// piece, besides the weights: the widest layer with its copies and the columns of its 3 x 3
    /// taps, and the skip connections that wait.
    pub fn memory(&self, width: usize, height: usize) -> u64 {
        // A state, the convolution's input, its product and the product in the order of planes;
        // nine taps.
        const COPIES: u64 = 4 + 9;
        let pixels = width as u64 * height as u64;
        let (mut waiting, mut most) = (0, 0);
        for (i, &channels) in self.config.channels.iter().enumerate() {
            let values = (pixels >> (2 * (i + 1))) * channels as u64;
            most = most.max(waiting + COPIES * values);
            waiting += values;
        }
        // x_t, F and x0_hat.
        most * self.dtype.size_in_bytes() as u64 + 3 * 3 * pixels * size_of::<f32>() as u64
    }

    /// Sides of the largest tile of planes of `width` x `height`: their own where the memory
    /// suffices.
    pub fn largest_tile(&self, width: usize, height: usize) -> (usize, usize) {
        self.tiling(width, height).largest(width, height)
    }

    /// Tiling with the largest tiles that the memory allows.
    fn tiling(&self, width: usize, height: usize) -> Tiling {
        let (multiple, reach) = (self.multiple(), self.reach());
        let mut core = width.max(height).next_multiple_of(multiple);
        loop {
            let tiling = Tiling::windows(multiple, core, reach);
            let (w, h) = tiling.largest(width, height);
            if core <= multiple || self.memory(w, h) <= self.max_memory {
                return tiling;
            }
            core = (core * 7 / 8 / multiple * multiple).max(multiple);
        }
    }

    /// Farthest distance from a pixel to a pixel that its x0_hat depends on, rounded up to a
    /// multiple of [`Self::multiple`].
    fn reach(&self) -> usize {
        let scales = self.config.blocks.len();
        let at = |(i, blocks): (usize, &usize)| {
            let sides = if i + 1 == scales { 1 } else { 2 };
            // Two layers of 3 x 3 in a block, and one pixel for the way to the next scale.
            (2 * sides * blocks + 1) << (i + 1)
        };
        let blocks: usize = self.config.blocks.iter().enumerate().map(at).sum();
        // Input and output layers; and a pixel may be anywhere in its coarsest square.
        (blocks + 2 * 2 + self.multiple()).next_multiple_of(self.multiple())
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, for `x_t` with noise of standard deviation `sigma`
    /// levels.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) if the sides are not multiples of
    /// [`Config::multiple`] or sigma is not positive; [`Error::Backend`](crate::Error::Backend) if
    /// candle fails.
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        check_planes(x_t, self.config.multiple())?;
        let tiling = self.tiling(x_t.width, x_t.height);
        tiling.apply(x_t, |tile| self.whole(tile, sigma))
    }

    /// x0_hat of planes for which the memory suffices.
    fn whole(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
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

    /// F(x, log sigma) in f32: `x` is (1, 3, H, W), in f32 too.
    fn forward(&self, x: &Tensor, log_sigma: f64) -> candle_core::Result<Tensor> {
        let t = log_sigma / 4.0;
        let angles = (0..16).map(|k| (t * f64::from(k) * 0.25 * PI) as f32);
        let angles = Tensor::from_iter(angles, &self.device)?;
        let t = Tensor::new(&[t as f32], &self.device)?;
        let e = Tensor::cat(&[&t, &angles.sin()?, &angles.cos()?], 0)?.unsqueeze(0)?;
        let e = silu(&self.embed[0].forward(&e)?)?;
        let e = silu(&self.embed[1].forward(&e)?)?;

        let x = pixel_unshuffle(x, 2)?.to_dtype(self.dtype)?;
        let mut h = self.input.forward(&x)?;
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
        pixel_shuffle(&self.output.forward(&h)?.to_dtype(DType::F32)?, 2)
    }
}

impl Denoiser for CandleUNet {
    fn multiple(&self) -> usize {
        CandleUNet::multiple(self)
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.config().macs_per_pixel()
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.sigma_max()
    }

    /// Memory of the machine; a GPU has its own.
    fn memory(&self, width: usize, height: usize) -> u64 {
        match self.on_the_cpu() {
            true => {
                let (w, h) = self.largest_tile(width, height);
                CandleUNet::memory(self, w, h)
            }
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(bytes: u64) -> CandleUNet {
        let network = CandleUNet::new(&Weights::shipped().unwrap(), &Device::Cpu).unwrap();
        network.max_memory(bytes)
    }

    #[test]
    fn tiles_fit_the_memory_that_is_there() {
        let whole = shipped(u64::MAX);
        let (reach, multiple) = (whole.reach(), whole.multiple());
        assert_eq!((reach, multiple), (192, 16));
        assert_eq!(whole.largest_tile(1024, 768), (1024, 768));
        let megapixel = whole.memory(1024, 1024);
        // 13 copies of 48 channels at a quarter of the pixels, and nine planes, of 4 bytes.
        assert_eq!(megapixel, (1 << 20) * 4 * (13 * 12 + 9));
        assert!(megapixel < CandleUNet::DEFAULT_MEMORY);
        let mut last = (1024, 1024);
        for part in [1, 2, 3] {
            let network = shipped(megapixel / part);
            let (w, h) = network.largest_tile(1024, 1024);
            assert!(network.memory(w, h) <= megapixel / part, "{w} x {h}");
            assert!(
                w % multiple == 0 && (w, h) <= last && w > 2 * reach,
                "{w} x {h}"
            );
            last = (w, h);
        }
        // A limit below the smallest tile leaves the smallest tile.
        let side = 2 * reach + multiple;
        assert_eq!(shipped(0).largest_tile(1024, 1024), (side, side));
        assert_eq!(shipped(0).largest_tile(1024, 64), (side, 64));
    }

    #[test]
    fn tiles_change_roundings_only() {
        let mut x_t = Planes::zeros(640, 32);
        for (i, v) in x_t.data.iter_mut().enumerate() {
            *v = ((i * 7919) % 211) as f32 - 105.0 + 40.0 * (i as f32 * 0.001).sin();
        }
        let whole = shipped(u64::MAX).x0_hat(&x_t, 20.0).unwrap();
        let tiled = shipped(0);
        assert_eq!(tiled.largest_tile(640, 32), (400, 32));
        let tiled = tiled.x0_hat(&x_t, 20.0).unwrap();
        let pairs = whole.data.iter().zip(&tiled.data);
        let most = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 1e-3, "{most} levels");
    }
}
