//! Mean curves over pictures and the tables on the terminal.

use std::fmt::Write;

use super::bd::bd_rate;
use super::measure::Point;
use crate::cli::args::Metric;

/// SSIMULACRA2 calls 30 low quality; below, scores rank but do not measure.
const SSIMULACRA2_FLOOR: f64 = 30.0;

/// Means over all pictures at one setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub bpp: f64,
    pub psnr: f64,
    pub ssimulacra2: f64,
    pub encode_s: f64,
    pub decode_s: f64,
}

impl Sample {
    pub fn quality(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Psnr => self.psnr,
            Metric::Ssimulacra2 => self.ssimulacra2,
        }
    }

    fn mean(points: &[&Point]) -> Self {
        let mean =
            |f: fn(&Point) -> f64| points.iter().map(|p| f(p)).sum::<f64>() / points.len() as f64;
        Sample {
            bpp: mean(|p| p.bpp),
            psnr: mean(|p| p.psnr),
            ssimulacra2: mean(|p| p.ssimulacra2),
            encode_s: mean(|p| p.encode_s),
            decode_s: mean(|p| p.decode_s),
        }
    }
}

/// A codec's mean curve, rates ascending.
#[derive(Debug, Clone)]
pub struct Curve {
    pub codec: &'static str,
    pub samples: Vec<Sample>,
}

impl Curve {
    /// Bitrate and quality of the samples.
    pub fn line(&self, metric: Metric) -> Vec<(f64, f64)> {
        self.samples
            .iter()
            .map(|s| (s.bpp, s.quality(metric)))
            .collect()
    }
}

/// The mean curve of a codec over settings that all pictures have: the layers of ours (their noise levels), the quality
/// settings of a peer. Of a single picture the asked bitrates are on the curve too.
pub fn mean_curve(all: &[Point], codec: &'static str, pictures: usize) -> Curve {
    let key = |p: &Point| (p.sigma.map(f64::to_bits), p.setting);
    let mut of: Vec<&Point> = all
        .iter()
        .filter(|p| p.codec == codec && (pictures == 1 || p.asked.is_none()))
        .collect();
    of.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut samples: Vec<Sample> = of
        .chunk_by(|a, b| key(a) == key(b))
        // An asked bitrate may fall on the end of a layer: equal points, equal means.
        .filter(|at| at.len() == pictures || pictures == 1)
        .map(Sample::mean)
        .collect();
    samples.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
    Curve { codec, samples }
}

/// Our quality at the asked bitrates.
pub fn table(all: &[Point], curve: &Curve, rates: &[f64], pictures: usize) -> String {
    let mut out = String::from(
        "fixed rate per picture, mean of the pictures\n  bpp    PSNR dB  SSIMULACRA2\n",
    );
    let row = |out: &mut String, rate: f64, psnr: f64, score: f64| {
        let _ = writeln!(out, "{rate:5.2} {psnr:10.2} {score:12.2}");
    };
    for &rate in rates {
        let at: Vec<&Point> = all.iter().filter(|p| p.asked == Some(rate)).collect();
        if at.len() == pictures {
            let s = Sample::mean(&at);
            row(&mut out, rate, s.psnr, s.ssimulacra2);
        }
    }
    out +=
        "fixed noise level, mean curve, interpolated in log bpp\n  bpp    PSNR dB  SSIMULACRA2\n";
    for &rate in rates {
        let mut pairs = curve.samples.windows(2);
        if let Some([a, b]) = pairs.find(|w| (w[0].bpp..=w[1].bpp).contains(&rate)) {
            let part = match (b.bpp / a.bpp).ln() {
                0.0 => 0.0,
                whole => (rate / a.bpp).ln() / whole,
            };
            let mix = |f: fn(&Sample) -> f64| f(a) + part * (f(b) - f(a));
            row(&mut out, rate, mix(|s| s.psnr), mix(|s| s.ssimulacra2));
        }
    }
    out
}

/// BD-rate of ours against every peer.
pub fn bd_table(ours: &Curve, peers: &[Curve]) -> String {
    let mut out = String::from(
        "BD-rate of dcodec against each codec, mean curves (negative: dcodec needs fewer bits)\n\
         codec          PSNR  over dB           SSIMULACRA2  over\n",
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
        let (score, scores) = cell(Metric::Ssimulacra2, SSIMULACRA2_FLOOR, 0);
        let _ = writeln!(
            out,
            "{:10} {psnr:>8}  {window:16} {score:>12}  {scores}",
            peer.codec
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(picture: &str, setting: &'static str, bpp: f64, psnr: f64) -> Point {
        Point {
            codec: "peer",
            picture: picture.to_owned(),
            asked: None,
            sigma: None,
            setting,
            bytes: 0,
            bpp,
            psnr,
            ssimulacra2: f64::NAN,
            encode_s: 0.0,
            decode_s: 0.0,
        }
    }

    #[test]
    fn only_settings_of_all_pictures_are_averaged() {
        let all = [
            point("a", "2", 0.5, 30.0),
            point("a", "1", 0.25, 27.0),
            point("b", "1", 0.5, 29.0),
            point("b", "3", 1.0, 40.0),
        ];
        let curve = mean_curve(&all, "peer", 2);
        assert_eq!(curve.line(Metric::Psnr), [(0.375, 28.0)]);
        assert_eq!(mean_curve(&all[..2], "peer", 1).samples.len(), 2);
        assert!(mean_curve(&all, "other", 2).samples.is_empty());
    }

    #[test]
    fn tables_name_the_codecs_and_say_when_nothing_overlaps() {
        let curve = |codec, shift| Curve {
            codec,
            samples: [(0.1, 25.0), (0.2, 30.0), (0.4, 35.0)]
                .map(|(bpp, psnr)| Sample {
                    bpp,
                    psnr: psnr + shift,
                    ssimulacra2: 40.0 + psnr,
                    encode_s: 0.0,
                    decode_s: 0.0,
                })
                .to_vec(),
        };
        let table = bd_table(
            &curve("dcodec", 0.0),
            &[curve("same", 0.0), curve("far", 50.0)],
        );
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(rows[2][..6], ["same", "+0.0", "%", "25.0", "to", "35.0"]);
        assert_eq!(rows[3][..4], ["far", "-", "no", "overlap"]);
    }
}
