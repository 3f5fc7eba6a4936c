//! `config.json` of a UNet2DModel: every field is either understood or refused by name.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// What a UNet2DModel is made of. Values that a file leaves out are those of the diffusers library.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Longer side of the pictures that the network was trained on, in pixels; `None` if the file does not say.
    pub sample_size: Option<usize>,
    /// Whether the input is mapped from \[0, 1\] to \[-1, 1\] inside the network.
    pub center_input_sample: bool,
    /// Shift in the denominator of the embedding's frequencies, 0 or 1.
    pub freq_shift: usize,
    /// Whether cosines stand before sines in the embedding of t.
    pub flip_sin_to_cos: bool,
    /// For each scale on the way down, finest first: whether it has attention (AttnDownBlock2D, else DownBlock2D).
    pub down_attention: Vec<bool>,
    /// For each scale on the way up, coarsest first: whether it has attention (AttnUpBlock2D, else UpBlock2D).
    pub up_attention: Vec<bool>,
    /// Whether there is a UNetMidBlock2D.
    pub mid_block: bool,
    /// Whether the middle block has attention.
    pub add_attention: bool,
    /// Divisor of the sums in the middle block.
    pub mid_block_scale_factor: f64,
    /// Channels of each scale, finest first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of each scale on the way down; one more on the way up.
    pub layers_per_block: usize,
    /// Zeros around the input of the convolutions that halve the picture: 1 on all sides, or 0 for right and below only.
    pub downsample_padding: usize,
    /// Channels of one attention head; `None` for one head.
    pub attention_head_dim: Option<usize>,
    /// Groups of the group normalisations.
    pub norm_num_groups: usize,
    /// The same in the attention of the middle block.
    pub attn_norm_num_groups: usize,
    /// Added to the variance in the group normalisations.
    pub norm_eps: f64,
    /// Width of the embedding of t.
    pub time_embedding_dim: usize,
}

impl Config {
    /// Both sides of a picture must be multiples of this: 2 for each halving.
    pub fn multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for what this build does not know, by name; [`Error::Backend`] for what is no configuration.
    pub fn parse(json: &[u8]) -> Result<Config> {
        let mut f = Fields::new("config.json", json)?;
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
        // It acts in training only.
        f.take("dropout");

        let block_out_channels = match f.take("block_out_channels") {
            None => vec![224, 448, 672, 896],
            Some(v) => list(&v, |v| v.as_u64().map(|n| n as usize))
                .filter(|c| (1..=8).contains(&c.len()) && c.iter().all(|c| (2..=4096).contains(c)))
                .ok_or_else(|| f.refused("block_out_channels", v, "1 to 8 counts of 2 to 4096"))?,
        };
        let (first, scales) = (block_out_channels[0], block_out_channels.len());
        let mut types = |field: &str, plain: &str, attention: &str, default: [bool; 4]| {
            let Some(value) = f.take(field) else {
                return Ok(default.to_vec());
            };
            let kind = |v: &Value| match v.as_str() {
                Some(name) if name == plain => Some(false),
                Some(name) if name == attention => Some(true),
                _ => None,
            };
            list(&value, kind).ok_or_else(|| {
                f.refused(field, value, &format!("a list of {plain} and {attention}"))
            })
        };
        let down_attention = types(
            "down_block_types",
            "DownBlock2D",
            "AttnDownBlock2D",
            [false, true, true, true],
        )?;
        let up_attention = types(
            "up_block_types",
            "UpBlock2D",
            "AttnUpBlock2D",
            [true, true, true, false],
        )?;
        for (field, n) in [
            ("down_block_types", down_attention.len()),
            ("up_block_types", up_attention.len()),
        ] {
            if n != scales {
                return Err(f.refused(field, format!("{n} blocks"), &format!("{scales}")));
            }
        }
        // An explicit null means that there is none.
        let mid_block = !f.fields.get("mid_block_type").is_some_and(Value::is_null);
        f.only("mid_block_type", "UNetMidBlock2D")?;

        let norm_num_groups = f.count("norm_num_groups", 32, 1..=4096)?;
        let attn_norm_num_groups = f.count("attn_norm_num_groups", norm_num_groups, 1..=4096)?;
        let null_head = f
            .fields
            .get("attention_head_dim")
            .is_some_and(Value::is_null);
        let head = f.count("attention_head_dim", 8, 1..=4096)?;
        let sample_size = match f.take("sample_size") {
            None => None,
            Some(v) => Some(
                list(&v, Value::as_u64)
                    .or(v.as_u64().map(|n| vec![n]))
                    .and_then(|sides| sides.into_iter().max())
                    .filter(|n| (8..=1 << 16).contains(n))
                    .ok_or_else(|| f.refused("sample_size", v, "8 to 65536"))?
                    as usize,
            ),
        };
        let config = Config {
            sample_size,
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
            attention_head_dim: (!null_head).then_some(head),
            norm_num_groups,
            attn_norm_num_groups,
            norm_eps: f.number("norm_eps", 1e-5, 0.0..=1.0)?,
            time_embedding_dim: f.count("time_embedding_dim", 4 * first, 1..=1 << 16)?,
            block_out_channels,
        };
        if first % 2 != 0 || first / 2 <= config.freq_shift {
            return Err(f.refused("block_out_channels", first, "an even first count from 4"));
        }
        for &c in &config.block_out_channels {
            if !c.is_multiple_of(norm_num_groups) {
                return Err(f.refused(
                    "norm_num_groups",
                    norm_num_groups,
                    &format!("a divisor of {c}"),
                ));
            }
            let attends = config.down_attention.contains(&true)
                || config.up_attention.contains(&true)
                || config.add_attention;
            if attends && !c.is_multiple_of(config.attention_head_dim.unwrap_or(c)) {
                return Err(f.refused("attention_head_dim", head, &format!("a divisor of {c}")));
            }
        }
        let last = config.block_out_channels[scales - 1];
        if !last.is_multiple_of(attn_norm_num_groups) {
            return Err(f.refused(
                "attn_norm_num_groups",
                attn_norm_num_groups,
                &format!("a divisor of {last}"),
            ));
        }
        f.finish()?;
        Ok(config)
    }
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(item).collect()
}

/// The fields of a JSON file that have not been read yet.
pub(super) struct Fields {
    file: &'static str,
    fields: Map<String, Value>,
}

impl Fields {
    pub fn new(file: &'static str, json: &[u8]) -> Result<Fields> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(fields)) => Ok(Fields { file, fields }),
            Ok(_) => Err(Error::Backend(format!("{file}: not a JSON object"))),
            Err(e) => Err(Error::Backend(format!("{file}: {e}"))),
        }
    }

    pub fn refused(&self, field: &str, found: impl Display, expected: &str) -> Error {
        let file = self.file;
        Error::Unsupported(format!(
            "{file}: `{field}` is {found}; this build reads {expected}"
        ))
    }

    /// The value of a field that is there and not null.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|v| !v.is_null())
    }

    /// A name that may be left out and must otherwise be `expected`.
    pub fn only(&mut self, field: &str, expected: &str) -> Result<()> {
        match self.take(field) {
            Some(v) if v != expected => Err(self.refused(field, v, &format!("\"{expected}\""))),
            _ => Ok(()),
        }
    }

    pub fn flag(&mut self, field: &str, default: bool) -> Result<bool> {
        match self.take(field) {
            None => Ok(default),
            Some(Value::Bool(b)) => Ok(b),
            Some(v) => Err(self.refused(field, v, "true or false")),
        }
    }

    pub fn count(
        &mut self,
        field: &str,
        default: usize,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<usize> {
        let Some(v) = self.take(field) else {
            return Ok(default);
        };
        let n = v.as_u64().and_then(|n| usize::try_from(n).ok());
        let expected = format!("{} to {}", range.start(), range.end());
        n.filter(|n| range.contains(n))
            .ok_or_else(|| self.refused(field, v, &expected))
    }

    pub fn number(
        &mut self,
        field: &str,
        default: f64,
        range: std::ops::RangeInclusive<f64>,
    ) -> Result<f64> {
        let Some(v) = self.take(field) else {
            return Ok(default);
        };
        let expected = format!("{} to {}", range.start(), range.end());
        v.as_f64()
            .filter(|n| range.contains(n))
            .ok_or_else(|| self.refused(field, v, &expected))
    }

    /// Refuses a field that was not read, unless it is null or a note of the library (`_..`).
    fn finish(self) -> Result<()> {
        let unread = |(k, v): &(&String, &Value)| !k.starts_with('_') && !v.is_null();
        match self.fields.iter().find(unread) {
            Some((field, v)) => Err(self.refused(field, v, "configurations without it")),
            None => Ok(()),
        }
    }
}
