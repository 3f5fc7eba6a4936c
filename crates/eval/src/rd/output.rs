//! The measurements as CSV and JSON, and the names of outputs.

use std::path::Path;

use serde_json::{Value, json};

use super::curves::{Curve, CurveKind, Sample, mean_samples};
use super::measure::Point;
use crate::{Error, Result};

/// Pixels of a PNG plot to a unit of the drawing.
pub const PNG_SCALE: f64 = 2.0;

/// Format of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    Csv,
    Json,
    Svg,
    Png,
}

impl OutputFormat {
    /// Format that the extension of `path` names; CSV on standard output.
    pub fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(OutputFormat::Csv);
        }
        let extension = path.extension().map(|e| e.to_ascii_lowercase());
        Ok(match extension.as_ref().and_then(|e| e.to_str()) {
            Some("csv") => OutputFormat::Csv,
            Some("json") => OutputFormat::Json,
            Some("svg") => OutputFormat::Svg,
            Some("png") => OutputFormat::Png,
            _ => {
                return Err(Error::Setting(format!(
                    "{}: the name must end in .csv, .json, .svg or .png",
                    path.display()
                )));
            }
        })
    }
}

/// Every measured point.
pub fn csv(all: &[Point], curves: &[Curve]) -> String {
    let mut out = String::from(
        "picture,asked_bpp,sigma,bytes,bpp,psnr,ms_ssim,ssimulacra2,butteraugli,codec,setting,encode_s,decode_s,version,\
         layer,layer_bits,kl_bits,delivered,ideal_bpp\n",
    );
    let optional = |v: Option<f64>, decimals: usize| match v.filter(|v| !v.is_nan()) {
        Some(v) => format!("{v:.decimals$}"),
        None => String::new(),
    };
    for p in all {
        let version = curves.iter().find(|c| c.codec == p.codec);
        let steps = match p.step {
            Some(s) => format!(
                "{},{},{:.1},{},{:.5}",
                s.layer,
                s.bits,
                s.kl_bits,
                optional(s.delivered, 4),
                s.ideal_bpp
            ),
            None => ",,,,".to_owned(),
        };
        out += &format!(
            "{},{},{},{},{:.5},{:.4},{},{},{},{},{},{:.4},{:.4},{},{steps}\n",
            field(&p.picture),
            p.asked.map_or_else(String::new, |a| a.to_string()),
            optional(p.sigma, 4),
            p.bytes,
            p.bpp,
            p.quality.psnr,
            optional(Some(p.quality.ms_ssim), 6),
            optional(Some(p.quality.ssimulacra2), 4),
            optional(Some(p.quality.butteraugli), 4),
            p.codec,
            p.setting,
            p.encode_s,
            p.decode_s,
            version.map_or(String::new(), |c| field(&c.version)),
        );
    }
    out
}

/// A field of CSV: one with a comma, a quote or a line break gets quotes.
pub fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// The curves as CompressAI's benchmark files have them: ours at the top, so that its plotters read
/// it, that of prefixes where there is one; the others under `peers`, `made-for-rate` and `ideal`,
/// and the curves of each picture under `pictures`.
pub fn json(all: &[Point], curves: &[Curve], title: &str) -> String {
    let mut whole = Value::Null;
    let mut peers: Vec<Value> = Vec::new();
    let mut ideal = Value::Null;
    let mut made = Value::Null;
    for curve in curves {
        let mut of = benchmark(curve, title);
        of["version"] = curve.version.clone().into();
        match curve.kind {
            CurveKind::Ours => whole = of,
            CurveKind::Ideal => {
                of["steps"] = steps(all);
                ideal = of;
            }
            CurveKind::Made => made = of,
            CurveKind::Peer | CurveKind::Prefix => peers.push(of),
        }
    }
    if whole.is_null() {
        whole = made.take();
    }
    if !peers.is_empty() {
        whole["peers"] = peers.into();
    }
    if !made.is_null() {
        whole["made-for-rate"] = made;
    }
    if !ideal.is_null() {
        whole["ideal"] = ideal;
    }
    let mut names: Vec<&str> = Vec::new();
    for p in all {
        if !names.contains(&p.picture.as_str()) {
            names.push(&p.picture);
        }
    }
    let one = |name: &str| -> Value {
        let of: Vec<Point> = all.iter().filter(|p| p.picture == name).cloned().collect();
        let curves = curves.iter().filter(|c| c.kind != CurveKind::Ideal);
        curves
            .map(|c| Curve {
                samples: mean_samples(&of, &c.codec, 1, true),
                ..c.clone()
            })
            .map(|c| benchmark(&c, name))
            .collect()
    };
    whole["pictures"] = names
        .iter()
        .map(|name| json!({ "name": name, "curves": one(name) }))
        .collect();
    format!("{whole:#}\n")
}

fn benchmark(curve: &Curve, title: &str) -> Value {
    let column = |f: fn(&Sample) -> f64| -> Value { curve.samples.iter().map(f).collect() };
    json!({
        "name": curve.codec,
        "description": format!("{}, {title}", curve.version),
        "results": {
            "bpp": column(|s| s.bpp),
            "psnr-rgb": column(|s| s.quality.psnr),
            "ms-ssim-rgb": column(|s| s.quality.ms_ssim),
            "ssimulacra2": column(|s| s.quality.ssimulacra2),
            "butteraugli": column(|s| s.quality.butteraugli),
            "encoding_time": column(|s| s.encode_s),
            "decoding_time": column(|s| s.decode_s),
        }
    })
}

/// Every step of every picture.
fn steps(all: &[Point]) -> Value {
    let of = |p: &Point| {
        let s = p.step?;
        Some(json!({
            "picture": p.picture,
            "layer": s.layer,
            "sigma": p.sigma,
            "bits": s.bits,
            "kl_bits": s.kl_bits,
            "delivered": s.delivered,
            "bpp": p.bpp,
            "ideal_bpp": s.ideal_bpp,
        }))
    };
    all.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_needed() {
        assert_eq!(field("a.png"), "a.png");
        assert_eq!(field("a, \"b\".png"), "\"a, \"\"b\"\".png\"");
    }
}
