//! The tables on the terminal.

use std::fmt::Write;

use super::bd::bd_rate;
use super::curves::{Curve, CurveKind, Sample, layer_ends};
use super::measure::{Point, Quality};
use super::settings::Metric;

/// SSIMULACRA2 calls 30 low quality. Scores below rank, but do not measure.
const SSIMULACRA2_FLOOR: f64 = 30.0;

const HEAD: &str = "    bpp  PSNR dB  MS-SSIM  SSIMULACRA2  butteraugli  encode s  decode s\n";

/// A number, or a dash where there is none.
fn cell(value: f64, decimals: usize) -> String {
    match value.is_nan() {
        true => "-".to_owned(),
        false => format!("{value:.decimals$}"),
    }
}

fn row(out: &mut String, bpp: f64, quality: &Quality, times: Option<(f64, f64)>) {
    let _ = write!(
        out,
        "{bpp:7.3} {:>8} {:>8} {:>12} {:>12}",
        cell(quality.psnr, 2),
        cell(quality.ms_ssim, 4),
        cell(quality.ssimulacra2, 2),
        cell(quality.butteraugli, 3)
    );
    if let Some((encode_s, decode_s)) = times {
        let _ = write!(out, " {encode_s:9.2} {decode_s:9.2}");
    }
    out.push('\n');
}

/// Our quality at the asked bitrates, as far as it was measured: each picture cut there, and the
/// mean curve read there.
pub fn rates(all: &[Point], ours: &Curve, rates: &[f64], pictures: usize) -> String {
    let mut out = String::new();
    let fixed = |p: &Point| p.codec == ours.codec && p.asked.is_some();
    if all.iter().any(fixed) {
        let _ = write!(out, "fixed rate per picture, mean of the pictures\n{HEAD}");
    }
    for &rate in rates {
        let at: Vec<&Point> = all
            .iter()
            .filter(|p| p.codec == ours.codec && p.asked == Some(rate))
            .collect();
        if at.len() == pictures {
            let s = Sample::mean(&at);
            row(&mut out, rate, &s.quality, Some((s.encode_s, s.decode_s)));
        }
    }
    if pictures == 1 || ours.samples.is_empty() {
        return out;
    }
    let _ = write!(
        out,
        "one quality for all pictures, mean curve, interpolated in log bpp\n{}\n",
        &HEAD[..HEAD.find("  encode").unwrap_or_default()]
    );
    for &rate in rates {
        let mut pairs = ours.samples.windows(2);
        if let Some([a, b]) = pairs.find(|w| (w[0].bpp..=w[1].bpp).contains(&rate)) {
            let part = match (b.bpp / a.bpp).ln() {
                0.0 => 0.0,
                whole => (rate / a.bpp).ln() / whole,
            };
            let mix =
                |f: fn(&Quality) -> f64| f(&a.quality) + part * (f(&b.quality) - f(&a.quality));
            let quality = Quality {
                psnr: mix(|q| q.psnr),
                ms_ssim: mix(|q| q.ms_ssim),
                ssimulacra2: mix(|q| q.ssimulacra2),
                butteraugli: mix(|q| q.butteraugli),
            };
            row(&mut out, rate, &quality, None);
        }
    }
    out
}

/// One metric of every picture at the asked bitrates, by the points of one codec.
pub fn pictures(all: &[Point], codec: &str, metric: Metric, rates: &[f64]) -> String {
    let (name, decimals) = match metric {
        Metric::Psnr => ("PSNR in dB", 2),
        Metric::MsSsim => ("MS-SSIM", 4),
        Metric::Ssimulacra2 => ("SSIMULACRA2", 2),
    };
    let ours = all.iter().filter(|p| p.codec == codec);
    let asked: Vec<&Point> = ours.filter(|p| p.asked.is_some()).collect();
    if asked.is_empty() {
        return String::new();
    }
    let names = asked.iter().map(|p| p.picture.chars().count());
    let width = names.max().unwrap_or(0).max(7);
    let mut out = format!(
        "{name} of each picture at these bits per pixel\n{:width$}",
        "picture"
    );
    for rate in rates {
        let _ = write!(out, " {:>8}", rate.to_string());
    }
    out.push('\n');
    for of in asked.chunk_by(|a, b| a.picture == b.picture) {
        let _ = write!(out, "{:width$}", of[0].picture);
        for rate in rates {
            let value = of.iter().find(|p| p.asked == Some(*rate));
            let value = value.map_or(f64::NAN, |p| match metric {
                Metric::Psnr => p.quality.psnr,
                Metric::MsSsim => p.quality.ms_ssim,
                Metric::Ssimulacra2 => p.quality.ssimulacra2,
            });
            let _ = write!(out, " {:>8}", cell(value, decimals));
        }
        out.push('\n');
    }
    out
}

/// The ends of our layers that all pictures have.
pub fn layers(all: &[Point], pictures: usize) -> String {
    let mut out = format!("ends of the layers, mean of the pictures\n  sigma  {HEAD}");
    for at in layer_ends(all, pictures) {
        let s = Sample::mean(&at);
        let _ = write!(out, "{:7.2}  ", at[0].sigma.unwrap_or_default());
        row(&mut out, s.bpp, &s.quality, Some((s.encode_s, s.decode_s)));
    }
    out
}

/// Real bits beside the KL, step by step, and of the whole files.
pub fn ideal(all: &[Point], pictures: usize) -> String {
    let mut out = String::from(
        "real bits beside the ideal, the KL of the steps, mean of the pictures\n  \
         sigma      bpp    ideal   over  step bits    KL bits   over  delivered\n",
    );
    let over = |real: f64, ideal: f64| match ideal > 0.0 {
        true => format!("{:+.1}%", 100.0 * (real / ideal - 1.0)),
        false => "-".to_owned(),
    };
    for at in layer_ends(all, pictures) {
        let steps: Vec<_> = at.iter().filter_map(|p| p.step).collect();
        let n = steps.len() as f64;
        let bpp = at.iter().map(|p| p.bpp).sum::<f64>() / n;
        let sum = |f: fn(&super::measure::LayerCost) -> f64| steps.iter().map(f).sum::<f64>() / n;
        let (ideal, bits, kl) = (
            sum(|s| s.ideal_bpp),
            sum(|s| s.bits as f64),
            sum(|s| s.kl_bits),
        );
        let delivered = sum(|s| s.delivered.unwrap_or(f64::NAN));
        let _ = writeln!(
            out,
            "{:7.2} {bpp:8.4} {ideal:8.4} {:>6} {bits:10.0} {kl:10.0} {:>6} {:>10}",
            at[0].sigma.unwrap_or_default(),
            over(bpp, ideal),
            over(bits, kl),
            cell(delivered, 4)
        );
    }
    let lasts: Vec<&Point> = last_layers(all);
    let steps = all.iter().filter_map(|p| p.step);
    let (bits, kl) = steps.fold((0.0, 0.0), |(b, k), s| (b + s.bits as f64, k + s.kl_bits));
    let bytes: f64 = lasts.iter().map(|p| 8.0 * p.bytes as f64).sum();
    if kl > 0.0 {
        let _ = writeln!(
            out,
            "whole layers of all pictures: {} over the KL sum, of which {} are the channel code",
            over(bytes, kl),
            over(bits, kl)
        );
    }
    out
}

/// Last end of a layer of every picture.
fn last_layers(all: &[Point]) -> Vec<&Point> {
    let ends: Vec<&Point> = all.iter().filter(|p| p.step.is_some()).collect();
    ends.chunk_by(|a, b| a.picture == b.picture)
        .filter_map(|of| of.last().copied())
        .collect()
}

/// BD-rate of ours against every peer, and the times of the peers.
pub fn bd(ours: &Curve, others: &[Curve]) -> String {
    let peers: Vec<&Curve> = others
        .iter()
        .filter(|c| matches!(c.kind, CurveKind::Peer | CurveKind::Prefix))
        .collect();
    let width = peers
        .iter()
        .map(|c| c.codec.len())
        .max()
        .unwrap_or(0)
        .max(8);
    let mut out = format!(
        "BD-rate of dcodec against each codec, mean curves (negative: dcodec needs fewer bits)\n\
         {:width$}      PSNR  over dB           MS-SSIM  over dB           SSIMULACRA2  over        encode s  decode s  tool\n",
        "codec"
    );
    for peer in peers {
        let cell = |metric, floor, decimals: usize| match bd_rate(
            &ours.line(metric),
            &peer.line(metric),
            floor,
        ) {
            Some(bd) => (
                format!("{:+.1} %", bd.percent),
                format!("{:.decimals$} to {:.decimals$}", bd.from, bd.to),
            ),
            None => ("-".to_owned(), "no overlap".to_owned()),
        };
        let (psnr, window) = cell(Metric::Psnr, f64::NEG_INFINITY, 1);
        let (ssim, ssims) = cell(Metric::MsSsim, f64::NEG_INFINITY, 1);
        let (score, scores) = cell(Metric::Ssimulacra2, SSIMULACRA2_FLOOR, 0);
        let n = peer.samples.len() as f64;
        let mean = |f: fn(&Sample) -> f64| peer.samples.iter().map(f).sum::<f64>() / n;
        let _ = writeln!(
            out,
            "{:width$}  {psnr:>8}  {window:14} {ssim:>9}  {ssims:14} {score:>13}  {scores:10} {:9.3} {:9.3}  {}",
            peer.codec,
            mean(|s| s.encode_s),
            mean(|s| s.decode_s),
            peer.version
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rd::curves::tests::point;

    #[test]
    fn tables_name_the_codecs_and_say_when_nothing_overlaps() {
        let curve = |codec: &str, shift: f64| Curve {
            codec: codec.to_owned(),
            title: codec.to_owned(),
            version: "tool 1.0".to_owned(),
            kind: CurveKind::Peer,
            samples: [(0.1, 25.0), (0.2, 30.0), (0.4, 35.0)]
                .map(|(bpp, psnr)| Sample {
                    bpp,
                    quality: Quality {
                        psnr: psnr + shift,
                        ms_ssim: 0.9 + psnr / 1000.0,
                        ssimulacra2: 40.0 + psnr,
                        butteraugli: f64::NAN,
                    },
                    encode_s: 0.0,
                    decode_s: 0.0,
                    pictures: 1,
                })
                .to_vec(),
        };
        let table = bd(
            &curve("dcodec", 0.0),
            &[curve("same", 0.0), curve("far", 50.0)],
        );
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[2][..6], ["same", "+0.0", "%", "25.0", "to", "35.0"]);
        assert_eq!(rows[3][..4], ["far", "-", "no", "overlap"]);
        assert_eq!(rows[3][rows[3].len() - 2..], ["tool", "1.0"]);
    }

    #[test]
    fn a_picture_that_was_not_measured_at_a_rate_has_a_dash() {
        let asked = |picture, rate| Point {
            codec: "dcodec".to_owned(),
            asked: Some(rate),
            ..point(picture, "", rate, 30.0)
        };
        let table = pictures(
            &[asked("a", 0.1), asked("a", 0.2), asked("b", 0.2)],
            "dcodec",
            Metric::Psnr,
            &[0.1, 0.2],
        );
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[2], ["a", "30.00", "30.00"]);
        assert_eq!(rows[3], ["b", "-", "30.00"]);
    }
}
