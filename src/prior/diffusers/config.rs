//! `config.json` of a UNet2DModel: every field is either understood or refused by name.

use serde_json::Value;

use crate::error::Result;
use crate::prior::diffusers::fields::Fields;

/// Parts of a UNet2DModel. Values that a file leaves out are the defaults of the diffusers library.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Longer side of the pictures that the network was trained on, in pixels; `None` if the file
    /// does not say.
    pub sample_size: Option<usize>,
    /// True if the network maps its input from \[0, 1\] to \[-1, 1\].
    pub center_input_sample: bool,
    /// Shift in the denominator of the embedding's frequencies, 0 or 1.
    pub freq_shift: usize,
    /// True if cosines stand before sines in the embedding of t.
    pub flip_sin_to_cos: bool,
    /// True for each scale on the way down that has attention (AttnDownBlock2D, else DownBlock2D),
    /// finest first.
    pub down_attention: Vec<bool>,
    /// True for each scale on the way up that has attention (AttnUpBlock2D, else UpBlock2D),
    /// coarsest first.
    pub up_attention: Vec<bool>,
    /// True if there is a UNetMidBlock2D.
    pub mid_block: bool,
    /// True if the middle block has attention.
    pub add_attention: bool,
    /// Divisor of the sums in the middle block.
    pub mid_block_scale_factor: f64,
    /// Channels of each scale, finest first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of each scale on the way down. The way up has one more.
    pub layers_per_block: usize,
    /// Zeros around the input of the convolutions that halve the picture: 1 for all sides, 0 for
    /// right and below only.
    pub downsample_padding: usize,
    /// Channels of one attention head; `None` for one head.
    pub attention_head_dim: Option<usize>,
    /// Groups of the group normalisations.
    pub norm_num_groups: usize,
    /// Groups of the normalisation in the attention of the middle block.
    pub attn_norm_num_groups: usize,
    /// Number that group normalisations add to the variance.
    pub norm_eps: f64,
    /// Width of the embedding of t.
    pub time_embedding_dim: usize,
}

impl Config {
    /// Number of which both sides of a picture are multiples: 2 for each halving.
    pub fn multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) for a field that this build does not know,
    /// by name; [`Error::Backend`](crate::Error::Backend) for bytes that are no configuration.
    pub fn parse(json: &[u8]) -> Result<Config> {
        let mut f = Fields::new("config.json", json)?;
        refuse_other_networks(&mut f)?;
        let block_out_channels = channels(&mut f)?;
        let (first, scales) = (block_out_channels[0], block_out_channels.len());
        let down_attention = attention(&mut f, Side::Down, scales)?;
        let up_attention = attention(&mut f, Side::Up, scales)?;
        // An explicit null means that there is none.
        let mid_block = !f.is_null("mid_block_type");
        f.only("mid_block_type", "UNetMidBlock2D")?;
        let norm_num_groups = f.count("norm_num_groups", 32, 1..=4096)?;
        let one_head = f.is_null("attention_head_dim");
        let head = f.count("attention_head_dim", 8, 1..=4096)?;
        let config = Config {
            sample_size: sample_size(&mut f)?,
            center_input_sample: f.flag("center_input_sample", false)?,
            freq_shift: f.count("freq_shift", 0, 0..=1)?,
            flip_sin_to_cos: f.flag("flip_sin_to_cos", true)?,
            down_attention,
            up_attention,
            mid_block,
            add_attention: f.flag("add_attention", true)?,
            mid_block_scale_factor: f.number("mid_block_scale_factor", 1.0, 1e-3..=1e3)?,
            layers_per_block: f.count("layers_per_block", 2, 1..=16)?,
            downsample_padding: f.count("downsample_padding", 1, 0..=1)?,
            attention_head_dim: (!one_head).then_some(head),
            norm_num_groups,
            attn_norm_num_groups: f.count("attn_norm_num_groups", norm_num_groups, 1..=4096)?,
            norm_eps: f.number("norm_eps", 1e-5, 0.0..=1.0)?,
            time_embedding_dim: f.count("time_embedding_dim", 4 * first, 1..=1 << 16)?,
            block_out_channels,
        };
        config.check(&f)?;
        f.finish()?;
        Ok(config)
    }

    /// Refuses counts that do not divide each other as the network needs.
    fn check(&self, f: &Fields) -> Result<()> {
        let channels = &self.block_out_channels;
        let first = channels[0];
        if !first.is_multiple_of(2) || first / 2 <= self.freq_shift {
            return Err(f.refused("block_out_channels", first, "an even first count from 4"));
        }
        let divides = |field: &str, n: usize, c: usize| match c.is_multiple_of(n) {
            true => Ok(()),
            false => Err(f.refused(field, n, &format!("a divisor of {c}"))),
        };
        let sides = [&self.down_attention, &self.up_attention];
        let attends = self.add_attention || sides.iter().any(|side| side.contains(&true));
        for &c in channels {
            divides("norm_num_groups", self.norm_num_groups, c)?;
            if attends {
                divides(
                    "attention_head_dim",
                    self.attention_head_dim.unwrap_or(c),
                    c,
                )?;
            }
        }
        let last = channels[channels.len() - 1];
        divides("attn_norm_num_groups", self.attn_norm_num_groups, last)
    }
}

/// Refuses networks with parts that this module lacks, by the fields that name them.
fn refuse_other_networks(f: &mut Fields) -> Result<()> {
    f.only("_class_name", "UNet2DModel")?;
    for field in ["in_channels", "out_channels"] {
        let n = f.count(field, 3, 1..=1 << 16)?;
        if n != 3 {
            return Err(f.refused(field, n, "3"));
        }
    }
    f.only("act_fn", "silu")?;
    f.only("time_embedding_type", "positional")?;
    f.only("resnet_time_scale_shift", "default")?;
    f.only("downsample_type", "conv")?;
    f.only("upsample_type", "conv")?;
    // Dropout acts in training only.
    f.take("dropout");
    Ok(())
}

/// Channels of each scale, finest first.
fn channels(f: &mut Fields) -> Result<Vec<usize>> {
    let Some(value) = f.take("block_out_channels") else {
        return Ok(vec![224, 448, 672, 896]);
    };
    let fits =
        |c: &Vec<usize>| (1..=8).contains(&c.len()) && c.iter().all(|c| (2..=4096).contains(c));
    list(&value, |v| v.as_u64().map(|n| n as usize))
        .filter(fits)
        .ok_or_else(|| f.refused("block_out_channels", value, "1 to 8 counts of 2 to 4096"))
}

/// A way through the scales.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Down,
    Up,
}

/// True for each of the `scales` blocks of a side that has attention.
fn attention(f: &mut Fields, side: Side, scales: usize) -> Result<Vec<bool>> {
    let (field, plain, attention) = match side {
        Side::Down => ("down_block_types", "DownBlock2D", "AttnDownBlock2D"),
        Side::Up => ("up_block_types", "UpBlock2D", "AttnUpBlock2D"),
    };
    let kind = |v: &Value| match v.as_str() {
        Some(name) if name == plain => Some(false),
        Some(name) if name == attention => Some(true),
        _ => None,
    };
    let blocks = match f.take(field) {
        None if side == Side::Down => vec![false, true, true, true],
        None => vec![true, true, true, false],
        Some(value) => list(&value, kind).ok_or_else(|| {
            f.refused(field, value, &format!("a list of {plain} and {attention}"))
        })?,
    };
    match blocks.len() {
        n if n == scales => Ok(blocks),
        n => Err(f.refused(field, format!("{n} blocks"), &scales.to_string())),
    }
}

/// Longer side of the pictures of training.
fn sample_size(f: &mut Fields) -> Result<Option<usize>> {
    let Some(value) = f.take("sample_size") else {
        return Ok(None);
    };
    let side = list(&value, Value::as_u64)
        .or(value.as_u64().map(|n| vec![n]))
        .and_then(|sides| sides.into_iter().max())
        .filter(|n| (8..=1 << 16).contains(n))
        .ok_or_else(|| f.refused("sample_size", value, "8 to 65536"))?;
    Ok(Some(side as usize))
}

/// Items of a JSON list. None if it is no list, or `item` refuses one of them.
fn list<T>(value: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(item).collect()
}
