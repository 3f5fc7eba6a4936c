//! Self-attention over the whole picture, after a group normalisation.

use candle_core::{Module, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{GroupNorm, Linear, VarBuilder, group_norm, linear};

/// Most values of the attention matrix that are held at once. Its rows are independent, so queries
/// run in groups.
pub const SCORES: usize = 1 << 24;

pub struct Attention {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
    rescale: f64,
}

impl Attention {
    /// Attention over `c` channels in heads of `head` each. The sum with the input is divided by
    /// `rescale`.
    pub fn new(
        c: usize,
        head: usize,
        groups: usize,
        eps: f64,
        rescale: f64,
        vb: VarBuilder,
    ) -> Result<Attention> {
        Ok(Attention {
            group_norm: group_norm(groups, c, eps, vb.pp("group_norm"))?,
            to_q: linear(c, c, vb.pp("to_q"))?,
            to_k: linear(c, c, vb.pp("to_k"))?,
            to_v: linear(c, c, vb.pp("to_v"))?,
            to_out: linear(c, c, vb.pp("to_out").pp(0))?,
            heads: c / head,
            rescale,
        })
    }

    /// (attention(x) + x) / rescale. `x` and the output are (1, C, H, W).
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, c, h, w) = x.dims4()?;
        let (n, head) = (h * w, c / self.heads);
        let tokens = self.group_norm.forward(x)?.reshape((c, n))?.t()?;
        let tokens = tokens.contiguous()?;
        let split = |layer: &Linear| {
            let all = layer.forward(&tokens)?.reshape((n, self.heads, head))?;
            all.transpose(0, 1)?.contiguous()
        };
        let q = (split(&self.to_q)? / (head as f64).sqrt())?;
        let k = split(&self.to_k)?.transpose(1, 2)?.contiguous()?;
        let v = split(&self.to_v)?;
        let rows = (SCORES / (self.heads * n)).clamp(1, n);
        let mut seen = Vec::with_capacity(n.div_ceil(rows));
        for from in (0..n).step_by(rows) {
            let q = q.narrow(1, from, rows.min(n - from))?.contiguous()?;
            seen.push(softmax_last_dim(&q.matmul(&k)?)?.matmul(&v)?);
        }
        let seen = Tensor::cat(&seen, 1)?.transpose(0, 1)?.reshape((n, c))?;
        let out = self.to_out.forward(&seen)?.t()?.reshape((1, c, h, w))?;
        (out + x)? / self.rescale
    }

    /// Multiply-accumulates for each of `tokens` positions.
    pub fn macs(&self, tokens: f64) -> f64 {
        let c = self.to_q.weight().dims()[0] as f64;
        4.0 * c * c + 2.0 * c * tokens
    }
}
