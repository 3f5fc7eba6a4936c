//! The measurements as CSV and JSON.

use serde_json::{Value, json};

use super::curve::{Curve, Sample};
use super::measure::Point;

/// Every measured point.
pub fn csv(all: &[Point]) -> String {
    let mut out = String::from(
        "picture,asked_bpp,sigma,bytes,bpp,psnr,ssimulacra2,codec,setting,encode_s,decode_s\n",
    );
    for p in all {
        let asked = p.asked.map_or_else(String::new, |a| a.to_string());
        let sigma = p.sigma.map_or_else(String::new, |s| format!("{s:.4}"));
        let score = match p.ssimulacra2.is_nan() {
            true => String::new(),
            false => format!("{:.4}", p.ssimulacra2),
        };
        out += &format!(
            "{},{asked},{sigma},{},{:.5},{:.4},{score},{},{},{:.4},{:.4}\n",
            field(&p.picture),
            p.bytes,
            p.bpp,
            p.psnr,
            p.codec,
            p.setting,
            p.encode_s,
            p.decode_s
        );
    }
    out
}

/// A field with a comma, a quote or a line break needs quotes.
fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// The curves in the form of CompressAI's benchmark files: ours at the top, so that its plotters read it, the others in
/// the same form under `peers`.
pub fn json(ours: &Curve, peers: &[Curve], title: &str) -> String {
    let mut whole = benchmark(
        ours,
        &format!("dcodec {}, {title}", env!("CARGO_PKG_VERSION")),
    );
    if !peers.is_empty() {
        whole["peers"] = peers.iter().map(|p| benchmark(p, title)).collect();
    }
    format!("{whole:#}\n")
}

fn benchmark(curve: &Curve, description: &str) -> Value {
    let column = |f: fn(&Sample) -> f64| -> Value { curve.samples.iter().map(f).collect() };
    json!({
        "name": curve.codec,
        "description": description,
        "results": {
            "bpp": column(|s| s.bpp),
            "psnr-rgb": column(|s| s.psnr),
            "ssimulacra2": column(|s| s.ssimulacra2),
            "encoding_time": column(|s| s.encode_s),
            "decoding_time": column(|s| s.decode_s),
        }
    })
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
