//! Blocks of a UNet2DModel, under the names of its weights.

use candle_core::{Module, Result, Tensor};
use candle_nn::ops::silu;
use candle_nn::{Conv2d, Conv2dConfig, GroupNorm, Linear, VarBuilder, conv2d, group_norm, linear};

use crate::prior::diffusers::attention::Attention;
use crate::prior::diffusers::config::Config;

/// A convolution of `k` x `k` taps, 3 or 1, that keeps the size.
pub fn conv(ci: usize, co: usize, k: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig {
        padding: k / 2,
        ..Default::default()
    };
    conv2d(ci, co, k, config, vb)
}

fn taps(conv: &Conv2d) -> f64 {
    conv.weight().elem_count() as f64
}

/// `(shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + time_emb_proj(e))))) / scale`
struct ResnetBlock2D {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    scale: f64,
}

impl ResnetBlock2D {
    fn new(ci: usize, co: usize, scale: f64, config: &Config, vb: VarBuilder) -> Result<Self> {
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        let shortcut = (ci != co).then(|| conv(ci, co, 1, vb.pp("conv_shortcut")));
        Ok(ResnetBlock2D {
            norm1: group_norm(groups, ci, eps, vb.pp("norm1"))?,
            conv1: conv(ci, co, 3, vb.pp("conv1"))?,
            time_emb_proj: linear(config.time_embedding_dim, co, vb.pp("time_emb_proj"))?,
            norm2: group_norm(groups, co, eps, vb.pp("norm2"))?,
            conv2: conv(co, co, 3, vb.pp("conv2"))?,
            conv_shortcut: shortcut.transpose()?,
            scale,
        })
    }

    /// `e` is silu of the embedding of t, (1, time_embedding_dim).
    fn forward(&self, x: &Tensor, e: &Tensor) -> Result<Tensor> {
        let e = self.time_emb_proj.forward(e)?.unsqueeze(2)?.unsqueeze(3)?;
        let h = self.conv1.forward(&silu(&self.norm1.forward(x)?)?)?;
        let h = h.broadcast_add(&e)?;
        let h = self.conv2.forward(&silu(&self.norm2.forward(&h)?)?)?;
        let sum = match &self.conv_shortcut {
            Some(shortcut) => (shortcut.forward(x)? + h)?,
            None => (x + h)?,
        };
        sum / self.scale
    }

    fn macs(&self) -> f64 {
        taps(&self.conv1) + taps(&self.conv2) + self.conv_shortcut.as_ref().map_or(0.0, taps)
    }
}

/// Residual blocks of one scale, each with attention after it or without.
struct Layers {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<Attention>,
}

impl Layers {
    /// One block for each of `inputs` channel counts.
    fn new(
        inputs: &[usize],
        co: usize,
        attention: bool,
        config: &Config,
        vb: &VarBuilder,
    ) -> Result<Layers> {
        let head = config.attention_head_dim.unwrap_or(co);
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        let resnet =
            |(i, &ci)| ResnetBlock2D::new(ci, co, 1.0, config, vb.pp("resnets").pp::<usize>(i));
        let attend =
            |i: usize| Attention::new(co, head, groups, eps, 1.0, vb.pp("attentions").pp(i));
        let attentions = if attention { inputs.len() } else { 0 };
        Ok(Layers {
            resnets: inputs
                .iter()
                .enumerate()
                .map(resnet)
                .collect::<Result<_>>()?,
            attentions: (0..attentions).map(attend).collect::<Result<_>>()?,
        })
    }

    fn step(&self, i: usize, x: &Tensor, e: &Tensor) -> Result<Tensor> {
        let x = self.resnets[i].forward(x, e)?;
        match self.attentions.get(i) {
            Some(attention) => attention.forward(&x),
            None => Ok(x),
        }
    }

    fn macs(&self, tokens: f64) -> f64 {
        let attentions = self.attentions.iter().map(|a| a.macs(tokens));
        attentions.sum::<f64>() + self.resnets.iter().map(ResnetBlock2D::macs).sum::<f64>()
    }
}

/// DownBlock2D and AttnDownBlock2D: layers, then a convolution of stride 2 unless the scale is the
/// coarsest.
pub struct DownBlock {
    layers: Layers,
    downsampler: Option<Conv2d>,
    padding: usize,
}

impl DownBlock {
    /// Block of scale `i`, counted from the finest.
    pub fn new(i: usize, config: &Config, vb: VarBuilder) -> Result<Self> {
        let ch = &config.block_out_channels;
        let mut inputs = vec![ch[i]; config.layers_per_block];
        inputs[0] = ch[i.saturating_sub(1)];
        let padding = config.downsample_padding;
        let down = Conv2dConfig {
            stride: 2,
            padding,
            ..Default::default()
        };
        let sampler = vb.pp("downsamplers").pp(0).pp("conv");
        let sampler = (i + 1 < ch.len()).then(|| conv2d(ch[i], ch[i], 3, down, sampler));
        Ok(DownBlock {
            layers: Layers::new(&inputs, ch[i], config.down_attention[i], config, &vb)?,
            downsampler: sampler.transpose()?,
            padding,
        })
    }

    /// Output of the block. The output of every layer goes to `skips` too.
    pub fn forward(&self, mut x: Tensor, e: &Tensor, skips: &mut Vec<Tensor>) -> Result<Tensor> {
        for i in 0..self.layers.resnets.len() {
            x = self.layers.step(i, &x, e)?;
            skips.push(x.clone());
        }
        if let Some(down) = &self.downsampler {
            if self.padding == 0 {
                x = x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?;
            }
            x = down.forward(&x)?;
            skips.push(x.clone());
        }
        Ok(x)
    }

    /// Multiply-accumulates for each of the block's `tokens` positions.
    pub fn macs(&self, tokens: f64) -> f64 {
        self.layers.macs(tokens) + self.downsampler.as_ref().map_or(0.0, taps) / 4.0
    }
}

/// UNetMidBlock2D: two residual blocks, with attention between them or without.
pub struct MidBlock {
    resnets: [ResnetBlock2D; 2],
    attention: Option<Attention>,
}

impl MidBlock {
    pub fn new(config: &Config, vb: VarBuilder) -> Result<Self> {
        let c = *config.block_out_channels.last().unwrap_or(&0);
        let (scale, head) = (
            config.mid_block_scale_factor,
            config.attention_head_dim.unwrap_or(c),
        );
        let groups = config.attn_norm_num_groups;
        let at = vb.pp("attentions").pp(0);
        let attention = config
            .add_attention
            .then(|| Attention::new(c, head, groups, config.norm_eps, scale, at));
        Ok(MidBlock {
            resnets: [
                ResnetBlock2D::new(c, c, scale, config, vb.pp("resnets").pp(0))?,
                ResnetBlock2D::new(c, c, scale, config, vb.pp("resnets").pp(1))?,
            ],
            attention: attention.transpose()?,
        })
    }

    pub fn forward(&self, x: &Tensor, e: &Tensor) -> Result<Tensor> {
        let mut x = self.resnets[0].forward(x, e)?;
        if let Some(attention) = &self.attention {
            x = attention.forward(&x)?;
        }
        self.resnets[1].forward(&x, e)
    }

    pub fn macs(&self, tokens: f64) -> f64 {
        let attention = self.attention.as_ref().map_or(0.0, |a| a.macs(tokens));
        attention + self.resnets.iter().map(ResnetBlock2D::macs).sum::<f64>()
    }
}

/// UpBlock2D and AttnUpBlock2D: layers that take the skip connections, then nearest neighbours and
/// a convolution.
pub struct UpBlock {
    layers: Layers,
    upsampler: Option<Conv2d>,
}

impl UpBlock {
    /// Block `i`, counted from the coarsest scale.
    pub fn new(i: usize, config: &Config, vb: VarBuilder) -> Result<Self> {
        let ch: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
        let n = config.layers_per_block + 1;
        let inputs: Vec<usize> = (0..n)
            .map(|layer| {
                let skip = if layer == n - 1 {
                    ch[(i + 1).min(ch.len() - 1)]
                } else {
                    ch[i]
                };
                let x = if layer == 0 {
                    ch[i.saturating_sub(1)]
                } else {
                    ch[i]
                };
                x + skip
            })
            .collect();
        let sampler = vb.pp("upsamplers").pp(0).pp("conv");
        let sampler = (i + 1 < ch.len()).then(|| conv(ch[i], ch[i], 3, sampler));
        Ok(UpBlock {
            layers: Layers::new(&inputs, ch[i], config.up_attention[i], config, &vb)?,
            upsampler: sampler.transpose()?,
        })
    }

    pub fn forward(&self, mut x: Tensor, e: &Tensor, skips: &mut Vec<Tensor>) -> Result<Tensor> {
        for i in 0..self.layers.resnets.len() {
            // The way down keeps one for each layer of the way up.
            let Some(skip) = skips.pop() else {
                candle_core::bail!("no skip connection left");
            };
            x = self.layers.step(i, &Tensor::cat(&[&x, &skip], 1)?, e)?;
        }
        if let Some(up) = &self.upsampler {
            let (_, _, h, w) = x.dims4()?;
            x = up.forward(&x.upsample_nearest2d(2 * h, 2 * w)?)?;
        }
        Ok(x)
    }

    pub fn macs(&self, tokens: f64) -> f64 {
        self.layers.macs(tokens) + 4.0 * self.upsampler.as_ref().map_or(0.0, taps)
    }
}
