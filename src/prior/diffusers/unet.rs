//! Forward pass of UNet2DModel.

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::ops::silu;
use candle_nn::{Conv2d, GroupNorm, Linear, VarBuilder, group_norm, linear};

use crate::prior::diffusers::blocks::{DownBlock, MidBlock, UpBlock, conv};
use crate::prior::diffusers::config::Config;

/// Longest period of the embedding of t.
const MAX_PERIOD: f32 = 10_000.0;

pub struct UNet2DModel {
    config: Config,
    conv_in: Conv2d,
    time_embedding: [Linear; 2],
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl UNet2DModel {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let (first, scales) = (
            config.block_out_channels[0],
            config.block_out_channels.len(),
        );
        let e = config.time_embedding_dim;
        let (down, up, time) = (
            vb.pp("down_blocks"),
            vb.pp("up_blocks"),
            vb.pp("time_embedding"),
        );
        let mid = config
            .mid_block
            .then(|| MidBlock::new(config, vb.pp("mid_block")));
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        Ok(UNet2DModel {
            conv_in: conv(3, first, 3, vb.pp("conv_in"))?,
            time_embedding: [
                linear(first, e, time.pp("linear_1"))?,
                linear(e, e, time.pp("linear_2"))?,
            ],
            down_blocks: (0..scales)
                .map(|i| DownBlock::new(i, config, down.pp(i)))
                .collect::<Result<_>>()?,
            mid_block: mid.transpose()?,
            up_blocks: (0..scales)
                .map(|i| UpBlock::new(i, config, up.pp(i)))
                .collect::<Result<_>>()?,
            conv_norm_out: group_norm(groups, first, eps, vb.pp("conv_norm_out"))?,
            conv_out: conv(first, 3, 3, vb.pp("conv_out"))?,
            config: config.clone(),
        })
    }

    /// Output (1, 3, H, W) for `x` (1, 3, H, W), with sides that are multiples of
    /// [`Config::multiple`], at the real timestep `t`.
    pub fn forward(&self, x: &Tensor, t: f64) -> Result<Tensor> {
        let e = self.embed(t, x.device())?;
        let e = silu(&self.time_embedding[0].forward(&e)?)?;
        let e = silu(&self.time_embedding[1].forward(&e)?)?;

        let mut h = match self.config.center_input_sample {
            true => self.conv_in.forward(&x.affine(2.0, -1.0)?)?,
            false => self.conv_in.forward(x)?,
        };
        let mut skips = vec![h.clone()];
        for block in &self.down_blocks {
            h = block.forward(h, &e, &mut skips)?;
        }
        if let Some(mid) = &self.mid_block {
            h = mid.forward(&h, &e)?;
        }
        for block in &self.up_blocks {
            h = block.forward(h, &e, &mut skips)?;
        }
        self.conv_out
            .forward(&silu(&self.conv_norm_out.forward(&h)?)?)
    }

    /// Sines and cosines of t, (1, first channel count). They are computed in f32, as in training.
    fn embed(&self, t: f64, device: &Device) -> Result<Tensor> {
        let half = self.config.block_out_channels[0] / 2;
        let slope = -libm::logf(MAX_PERIOD);
        let angle = |i: usize| {
            t as f32 * libm::expf(slope * i as f32 / (half - self.config.freq_shift) as f32)
        };
        let sines = (0..half).map(|i| libm::sinf(angle(i)));
        let cosines = (0..half).map(|i| libm::cosf(angle(i)));
        let e: Vec<f32> = match self.config.flip_sin_to_cos {
            true => cosines.chain(sines).collect(),
            false => sines.chain(cosines).collect(),
        };
        Tensor::from_vec(e, (1, 2 * half), device)?.to_dtype(DType::F32)
    }

    /// Multiply-accumulates of one call on a picture of `pixels`, for each pixel.
    pub fn macs_per_pixel(&self, pixels: f64) -> f64 {
        let ends = self.conv_in.weight().elem_count() + self.conv_out.weight().elem_count();
        let last = self.down_blocks.len() - 1;
        let share = |scale: usize| 1.0 / 4f64.powi(scale as i32);
        let down = self.down_blocks.iter().enumerate();
        let down = down.map(|(i, b)| share(i) * b.macs(pixels * share(i)));
        let up = self.up_blocks.iter().enumerate();
        let up = up.map(|(i, b)| share(last - i) * b.macs(pixels * share(last - i)));
        let mid = self.mid_block.as_ref();
        let mid = mid.map_or(0.0, |b| share(last) * b.macs(pixels * share(last)));
        ends as f64 + down.sum::<f64>() + mid + up.sum::<f64>()
    }
}
