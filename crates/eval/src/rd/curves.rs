//! Mean curves over pictures.

use super::measure::{Point, Quality};
use super::settings::Metric;

/// Means over all pictures at one setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub bpp: f64,
    pub quality: Quality,
    pub encode_s: f64,
    pub decode_s: f64,
    /// Number of pictures that have it.
    pub pictures: usize,
}

impl Sample {
    pub fn mean(points: &[&Point]) -> Self {
        let mean =
            |f: fn(&Point) -> f64| points.iter().map(|p| f(p)).sum::<f64>() / points.len() as f64;
        Sample {
            bpp: mean(|p| p.bpp),
            quality: Quality {
                psnr: mean(|p| p.quality.psnr),
                ms_ssim: mean(|p| p.quality.ms_ssim),
                ssimulacra2: mean(|p| p.quality.ssimulacra2),
                butteraugli: mean(|p| p.quality.butteraugli),
            },
            encode_s: mean(|p| p.encode_s),
            decode_s: mean(|p| p.decode_s),
            pictures: points.len(),
        }
    }
}

/// Origin of a curve, by which it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveKind {
    /// Prefixes of our files.
    Ours,
    /// Our files, each made for its rate.
    Made,
    /// Our steps at their KL.
    Ideal,
    /// A file for each setting.
    Peer,
    /// Prefixes of one file.
    Prefix,
}

/// A codec's mean curve, rates ascending.
#[derive(Debug, Clone)]
pub struct Curve {
    pub codec: String,
    /// Name in plots.
    pub title: String,
    /// The encoder and its version.
    pub version: String,
    pub kind: CurveKind,
    pub samples: Vec<Sample>,
}

impl Curve {
    /// Bitrate and quality of the samples.
    pub fn line(&self, metric: Metric) -> Vec<(f64, f64)> {
        self.samples
            .iter()
            .map(|s| (s.bpp, s.quality.scaled(metric)))
            .collect()
    }
}

/// Mean samples of a codec over the settings that all pictures have: noise levels of our layers,
/// quality settings of a peer. Of a single picture the asked bitrates are on the curve too. `some`
/// takes settings that only some pictures have.
pub fn mean_samples(all: &[Point], codec: &str, pictures: usize, some: bool) -> Vec<Sample> {
    let key = |p: &Point| (p.sigma.map(f64::to_bits), p.setting.clone());
    let mut of: Vec<&Point> = all
        .iter()
        .filter(|p| p.codec == codec && (pictures == 1 || p.asked.is_none()))
        .collect();
    of.sort_by_cached_key(|p| key(p));
    let mut samples: Vec<Sample> = of
        .chunk_by(|a, b| key(a) == key(b))
        // An asked bitrate may fall on the end of a layer: equal points, equal means.
        .filter(|at| at.len() == pictures || pictures == 1 || some)
        .map(Sample::mean)
        .collect();
    samples.sort_by(|a, b| a.bpp.total_cmp(&b.bpp));
    samples
}

/// The ends of our layers that all pictures have, highest noise level first.
pub fn layer_ends(all: &[Point], pictures: usize) -> Vec<Vec<&Point>> {
    let mut ends: Vec<&Point> = all.iter().filter(|p| p.step.is_some()).collect();
    let sigma = |p: &Point| p.sigma.unwrap_or(f64::INFINITY);
    ends.sort_by(|a, b| sigma(b).total_cmp(&sigma(a)));
    ends.chunk_by(|a, b| sigma(a) == sigma(b))
        .filter(|at| at.len() == pictures)
        .map(<[&Point]>::to_vec)
        .collect()
}

/// Our curve if every step cost its KL and nothing else.
pub fn ideal_samples(all: &[Point], pictures: usize) -> Vec<Sample> {
    let ideal = |p: &&Point| p.step.map_or(0.0, |s| s.ideal_bpp);
    layer_ends(all, pictures)
        .iter()
        .map(|at| Sample {
            bpp: at.iter().map(ideal).sum::<f64>() / at.len() as f64,
            ..Sample::mean(at)
        })
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::rd::measure::LayerCost;

    pub fn point(picture: &str, setting: &str, bpp: f64, psnr: f64) -> Point {
        Point {
            codec: "peer".to_owned(),
            picture: picture.to_owned(),
            asked: None,
            sigma: None,
            setting: setting.to_owned(),
            bytes: 0,
            bpp,
            quality: Quality {
                psnr,
                ms_ssim: f64::NAN,
                ssimulacra2: f64::NAN,
                butteraugli: f64::NAN,
            },
            encode_s: 0.0,
            decode_s: 0.0,
            step: None,
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
        let line = |some| -> Vec<(f64, f64, usize)> {
            let samples = mean_samples(&all, "peer", 2, some);
            samples
                .iter()
                .map(|s| (s.bpp, s.quality.psnr, s.pictures))
                .collect()
        };
        assert_eq!(line(false), [(0.375, 28.0, 2)]);
        assert_eq!(
            line(true),
            [(0.375, 28.0, 2), (0.5, 30.0, 1), (1.0, 40.0, 1)]
        );
        assert_eq!(mean_samples(&all[..2], "peer", 1, false).len(), 2);
        assert!(mean_samples(&all, "other", 2, false).is_empty());
    }

    #[test]
    fn the_ideal_has_the_quality_of_the_layer_at_the_rate_of_the_divergence() {
        let end = |picture, sigma, ideal_bpp, psnr| Point {
            sigma: Some(sigma),
            step: Some(LayerCost {
                layer: 0,
                kl_bits: 1.0,
                bits: 1,
                delivered: Some(1.0),
                ideal_bpp,
            }),
            ..point(picture, "", 9.0, psnr)
        };
        let all = [
            end("a", 50.0, 0.1, 30.0),
            end("b", 50.0, 0.3, 28.0),
            end("a", 25.0, 0.4, 33.0),
        ];
        let samples = ideal_samples(&all, 2);
        assert_eq!(samples.len(), 1);
        assert!((samples[0].bpp - 0.2).abs() < 1e-12 && samples[0].quality.psnr == 29.0);
    }
}
