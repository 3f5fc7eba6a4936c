//! Measuring our own files, and the metrics that every codec is measured with.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dcodec::container::Event;
use dcodec::{
    Colour, Decoder, Effort, Encoder, LayerReport, Picture, Prior, Result, StreamDecoder, Target,
    Tune, metrics,
};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};
use serde::{Deserialize, Serialize};

use super::journal::exact;
use super::settings::{Metric, Networks};

/// Nearness of a decoded picture to its original; not a number where a metric cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// RGB PSNR in dB.
    #[serde(with = "exact")]
    pub psnr: f64,
    #[serde(with = "exact")]
    pub ms_ssim: f64,
    #[serde(with = "exact")]
    pub ssimulacra2: f64,
    /// Butteraugli's 3-norm, 0 for an equal picture; not a number in builds without the feature
    /// `butteraugli`.
    #[serde(with = "exact")]
    pub butteraugli: f64,
}

impl Quality {
    /// Value on the scale that is plotted and compared. MS-SSIM crowds below one: its distance from
    /// there in dB.
    pub fn scaled(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Psnr => self.psnr,
            Metric::MsSsim => -10.0 * (1.0 - self.ms_ssim).log10(),
            Metric::Ssimulacra2 => self.ssimulacra2,
        }
    }
}

/// One measured file or prefix of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub codec: String,
    pub picture: String,
    /// Bitrate asked for; none at the end of a layer and for peers.
    #[serde(with = "exact")]
    pub asked: Option<f64>,
    /// Noise level of the state shown; none before the first layer and for peers.
    #[serde(with = "exact")]
    pub sigma: Option<f64>,
    /// Quality setting of a peer, or the bitrate at which its file was cut.
    pub setting: String,
    pub bytes: u64,
    #[serde(with = "exact")]
    pub bpp: f64,
    pub quality: Quality,
    #[serde(with = "exact")]
    pub encode_s: f64,
    #[serde(with = "exact")]
    pub decode_s: f64,
    /// Cost of the layer that ends here.
    pub step: Option<LayerCost>,
}

/// Bits of a layer beside its information.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerCost {
    pub layer: u32,
    /// KL of its step in bits.
    #[serde(with = "exact")]
    pub kl_bits: f64,
    /// Trellis bits.
    pub bits: u64,
    /// Share of the shift that came through.
    #[serde(with = "exact")]
    pub delivered: Option<f64>,
    /// KL of this step and all before it, in bits per pixel.
    #[serde(with = "exact")]
    pub ideal_bpp: f64,
}

/// Measures decoded pictures against one original, colours only.
pub struct QualityMeter {
    original: Picture,
    reference: Option<Ssimulacra2Reference>,
    #[cfg(feature = "butteraugli")]
    butteraugli: Option<butteraugli::ButteraugliReference>,
}

impl QualityMeter {
    pub fn new(original: &Picture) -> Result<Self> {
        let original = rgb(original)?;
        let reference = slice(&original).and_then(|s| Ssimulacra2Reference::new(&s).ok());
        Ok(QualityMeter {
            #[cfg(feature = "butteraugli")]
            butteraugli: butteraugli_reference(&original),
            original,
            reference,
        })
    }

    pub fn measure(&self, shown: &Picture) -> Result<Quality> {
        let shown = rgb(shown)?;
        let psnr = metrics::psnr(&self.original, &shown)?;
        let ms_ssim = metrics::ms_ssim(&self.original, &shown)?.unwrap_or(f64::NAN);
        let score = match (&self.reference, slice(&shown)) {
            (Some(reference), Some(shown)) => reference.compare(&shown).ok(),
            _ => None,
        };
        Ok(Quality {
            psnr,
            ms_ssim,
            ssimulacra2: score.unwrap_or(f64::NAN),
            butteraugli: self.butteraugli(&shown).unwrap_or(f64::NAN),
        })
    }

    /// Butteraugli's 3-norm as libjxl has it, on a display of 80 nits for sRGB's white.
    #[cfg(feature = "butteraugli")]
    fn butteraugli(&self, shown: &Picture) -> Option<f64> {
        let result = self
            .butteraugli
            .as_ref()?
            .compare(shown.samples().as_eight()?);
        Some(result.ok()?.pnorm_3)
    }

    #[cfg(not(feature = "butteraugli"))]
    fn butteraugli(&self, _: &Picture) -> Option<f64> {
        None
    }
}

#[cfg(feature = "butteraugli")]
fn butteraugli_reference(rgb: &Picture) -> Option<butteraugli::ButteraugliReference> {
    let size = (rgb.width() as usize, rgb.height() as usize);
    let params = butteraugli::ButteraugliParams::new();
    let samples = rgb.samples().as_eight()?;
    butteraugli::ButteraugliReference::new(samples, size.0, size.1, params).ok()
}

/// SSIMULACRA2 of a picture, 100 for an equal one, by its 8-bit sRGB samples. None if the pictures
/// differ in size or are too small.
///
/// # Errors
/// [`dcodec::Error::Parameter`] for a picture without pixels.
pub fn ssimulacra2(original: &Picture, shown: &Picture) -> Result<Option<f64>> {
    let (original, shown) = (rgb(original)?, rgb(shown)?);
    let reference = slice(&original).and_then(|s| Ssimulacra2Reference::new(&s).ok());
    Ok(reference.and_then(|r| r.compare(&slice(&shown)?).ok()))
}

/// Picture as 8-bit RGB without alpha, which every codec and metric takes.
pub fn rgb(picture: &Picture) -> Result<Picture> {
    let image = picture.clone().without_alpha().to_image().into_rgb8();
    let (width, height) = image.dimensions();
    Picture::new(width, height, Colour::Rgb, image.into_raw(), None)
}

fn slice(rgb: &Picture) -> Option<PixelSlice<'_>> {
    let (width, height) = (rgb.width(), rgb.height());
    let stride = 3 * width as usize;
    PixelSlice::new(
        rgb.samples().as_eight()?,
        width,
        height,
        stride,
        PixelDescriptor::RGB8_SRGB,
    )
    .ok()
}

pub fn pixels(picture: &Picture) -> f64 {
    f64::from(picture.width()) * f64::from(picture.height())
}

/// Our codec, and the bitrates at which it is measured.
pub struct OurCodec<'a> {
    pub networks: Networks<'a>,
    pub effort: Effort,
    /// Size of the prior's ensemble.
    pub ensemble: usize,
    pub tune: Option<Tune>,
    /// Files leave out what is too faint for them.
    pub prefilter: bool,
    /// Layers may start from a corrected x0_hat.
    pub corrections: bool,
    pub target: Target,
    /// Bitrates, ascending.
    pub points: &'a [f64],
}

/// Our points of a picture, and the times that they took.
pub struct OurPoints {
    pub points: Vec<Point>,
    /// Length of the file.
    pub bytes: usize,
    pub encoded: Duration,
    pub measured: Duration,
}

impl OurCodec<'_> {
    /// Name of the networks and their arithmetic, for the journal's key.
    pub fn network(&self) -> String {
        let one = |prior: &Prior| format!("{} {}", prior.id(), prior.is_reference());
        let n = &self.networks;
        let display = n.display.prior().map(one).unwrap_or_default();
        format!("{} {display} {}", one(n.prior), n.precision)
    }

    /// The other settings, for the journal's key.
    pub fn settings(&self) -> String {
        format!(
            "{:?} {} {:?} {} {} {:?} {:?}",
            self.effort,
            self.ensemble,
            self.tune,
            self.prefilter,
            self.corrections,
            self.target,
            self.points
        )
    }

    /// The encoder of its files. Curves are of layers, so that it makes no exact ones.
    pub fn encoder(&self, target: Target) -> Encoder {
        let encoder = Encoder::new(self.networks.prior)
            .effort(self.effort.clone())
            .ensemble(self.ensemble)
            .exact_if_smaller(false)
            .prefilter(self.prefilter)
            .corrections(self.corrections)
            .target(target);
        match self.tune {
            Some(tune) => encoder.tune(tune),
            None => encoder,
        }
    }

    /// A decoder that shows the pictures of `dcodec decode`.
    pub fn decoder(&self) -> Decoder {
        let n = &self.networks;
        let decoder = Decoder::new(n.prior).max_pixels(u64::MAX);
        decoder.display(n.display.clone())
    }

    /// Encodes once, then measures the preview at the end of every layer, and of the prefix of the
    /// file at every bitrate. `progress` takes the share done of encoding, then of decoding.
    pub fn run(
        &self,
        name: &str,
        picture: &Picture,
        meter: &QualityMeter,
        progress: &dyn Fn(Stage, f64),
    ) -> Result<OurPoints> {
        let start = Instant::now();
        // A file cut at some byte would have taken the time up to the layer that reaches it.
        let mut times: Vec<(usize, f64)> = Vec::new();
        let file = self.encoder(self.target).encode_with(picture, &mut |p| {
            times.push((p.bytes as usize, start.elapsed().as_secs_f64()));
            progress(Stage::Encode, p.done);
            ControlFlow::Continue(())
        })?;
        let encoded = start.elapsed();
        let mut prefixes = Prefixes {
            name,
            picture,
            meter,
            stream: self.decoder().stream(),
            layers: &file.layers,
            times,
            encoded: encoded.as_secs_f64(),
            pushing: Duration::ZERO,
            points: Vec::new(),
        };
        prefixes.run(&file.bytes, self.points, progress)?;
        Ok(OurPoints {
            points: prefixes.points,
            bytes: file.bytes.len(),
            encoded,
            measured: start.elapsed() - encoded,
        })
    }
}

/// Work on a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Encode,
    Decode,
    Peers,
}

/// A walk through the prefixes of a file.
struct Prefixes<'a> {
    name: &'a str,
    picture: &'a Picture,
    meter: &'a QualityMeter,
    stream: StreamDecoder,
    layers: &'a [LayerReport],
    times: Vec<(usize, f64)>,
    encoded: f64,
    pushing: Duration,
    points: Vec<Point>,
}

impl Prefixes<'_> {
    fn run(&mut self, file: &[u8], rates: &[f64], progress: &dyn Fn(Stage, f64)) -> Result<()> {
        let pixels = pixels(self.picture);
        let mut at = 0;
        for asked in rates.iter().copied().map(Some).chain([None]) {
            let end = asked.map_or(file.len(), |r| {
                ((r * pixels / 8.0) as usize).min(file.len())
            });
            while at < end {
                let start = Instant::now();
                let (used, event) = self.stream.push(&file[at..end])?;
                self.pushing += start.elapsed();
                at += used;
                if let Event::Layer(layer, _) = event {
                    let step = self.step(layer.index);
                    self.point(None, step)?;
                }
                progress(Stage::Decode, at as f64 / file.len() as f64);
            }
            if asked.is_some_and(|r| r * pixels / 8.0 < file.len() as f64 + 1.0)
                // A prefix that ends within the header shows nothing.
                && self.stream.header().is_some()
            {
                self.point(asked, None)?;
            }
        }
        Ok(())
    }

    fn step(&self, layer: u32) -> Option<LayerCost> {
        let whole = self.layers.get(..=layer as usize)?;
        let report = whole.last()?;
        let ideal: f64 = whole.iter().map(|l| l.kl_bits).sum();
        Some(LayerCost {
            layer,
            kl_bits: report.kl_bits,
            bits: report.bits,
            delivered: report.delivered,
            ideal_bpp: ideal / pixels(self.picture),
        })
    }

    fn point(&mut self, asked: Option<f64>, step: Option<LayerCost>) -> Result<()> {
        let start = Instant::now();
        let shown = self.stream.preview()?;
        let decode_s = (self.pushing + start.elapsed()).as_secs_f64();
        let bytes = shown.coverage.bytes;
        let reached = self.times.iter().find(|t| t.0 as u64 >= bytes);
        self.points.push(Point {
            codec: "dcodec".to_owned(),
            picture: self.name.to_owned(),
            asked,
            sigma: shown.coverage.sigma,
            setting: String::new(),
            bytes,
            bpp: 8.0 * bytes as f64 / pixels(self.picture),
            quality: self.meter.measure(&shown.picture)?,
            encode_s: reached.map_or(self.encoded, |t| t.1),
            decode_s,
            step,
        });
        Ok(())
    }
}
