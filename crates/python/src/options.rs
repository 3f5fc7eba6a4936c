//! The settings of a call, as the other half of the package hands them over.

use dcodec::prior::{Look, Postfilter, Shipped};
use dcodec::{
    Decoder, Display, Effort, Encoder, Error, Interest, Metadata, Mode, Picture, Region, Result,
    Sampler, Target, Tune,
};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use crate::extent;
use crate::prior::Prior;

/// A rectangle and its weight: left column, top row, columns, rows.
type WeightedRectangle = (u32, u32, u32, u32, f64);

/// The settings of an encode.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct EncodeOptions {
    bpp: Option<f64>,
    bytes: Option<u64>,
    psnr: Option<f64>,
    quality: Option<f64>,
    lossless: bool,
    regions: Option<Vec<WeightedRectangle>>,
    /// (H, W) weights.
    weights: Option<PyBuffer<f64>>,
    effort: u8,
    prior: Option<Py<Prior>>,
    orientations: usize,
    /// `eye`, `psnr`, `none`, or none given.
    tune: Option<String>,
    prefilter: bool,
    corrections: bool,
    seed: u64,
    icc: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    max_memory: Option<u64>,
    pub progress: Option<Py<PyAny>>,
}

impl EncodeOptions {
    fn target(&self) -> Target {
        match self {
            Self {
                lossless: true,
                quality,
                ..
            } => Target::Lossless(*quality),
            Self { bpp: Some(r), .. } => Target::Bpp(*r),
            Self { bytes: Some(n), .. } => Target::Bytes(*n),
            Self { psnr: Some(db), .. } => Target::Psnr(*db),
            Self { quality, .. } => Target::Quality(quality.unwrap_or(75.0)),
        }
    }

    /// The judge that the file is made for, if one is given.
    fn tune(&self) -> Result<Option<Tune>> {
        Ok(match self.tune.as_deref() {
            None => None,
            Some("eye") => Some(Tune::Eye),
            Some("psnr") => Some(Tune::Psnr),
            Some("none") => Some(Tune::Plain),
            Some(other) => {
                let e = format!("tune must be 'eye', 'psnr' or 'none', not '{other}'");
                return Err(Error::Parameter(e));
            }
        })
    }

    /// The weights of the places of `picture`, if they differ.
    fn interest(&self, py: Python<'_>, picture: &Picture) -> PyResult<Result<Option<Interest>>> {
        if let Some(weights) = &self.weights {
            let side = |axis: usize| weights.shape().get(axis).copied().unwrap_or(0) as u32;
            let made = Interest::new(side(1), side(0), &weights.to_vec(py)?);
            return Ok(made.map(Some));
        }
        let Some(regions) = &self.regions else {
            return Ok(Ok(None));
        };
        let region = |&(x, y, width, height, weight): &WeightedRectangle| Region {
            x,
            y,
            width,
            height,
            weight,
        };
        let regions: Vec<Region> = regions.iter().map(region).collect();
        Ok(Interest::regions(picture.width(), picture.height(), &regions).map(Some))
    }

    /// The encoder for `picture`.
    ///
    /// # Errors
    /// Those of buffers; inside, the library's.
    pub fn encoder(&self, py: Python<'_>, picture: &Picture) -> PyResult<Result<Encoder>> {
        let interest = self.interest(py, picture)?;
        let make = || {
            let prior = match &self.prior {
                Some(prior) => prior.get().own(),
                None => Shipped::of_effort(self.effort).shared()?,
            };
            let effort = Effort::new(self.effort).ok_or_else(|| {
                Error::Parameter(format!("effort must be 1 to 5, not {}", self.effort))
            })?;
            let metadata = Metadata {
                icc: self.icc.clone(),
                exif: self.exif.clone(),
                xmp: self.xmp.clone(),
            };
            let encoder = Encoder::new(&prior)
                .target(self.target())
                .effort(effort)
                .ensemble(self.orientations)
                .prefilter(self.prefilter)
                .corrections(self.corrections)
                .seed(self.seed)
                .metadata(metadata)
                .max_memory(self.max_memory.unwrap_or(u64::MAX));
            let encoder = match self.tune()? {
                Some(tune) => encoder.tune(tune),
                None => encoder,
            };
            Ok(match interest? {
                Some(interest) => encoder.interest(interest),
                None => encoder,
            })
        };
        Ok(make())
    }
}

/// The settings of a decode.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct DecodeOptions {
    mode: String,
    realism: Option<f64>,
    steps: Option<usize>,
    seed: u64,
    prior: Option<Py<Prior>>,
    /// `recommended`, `own`, `plain`, or empty for `display_prior`.
    display: String,
    display_prior: Option<Py<Prior>>,
    orientations: Option<usize>,
    max_pixels: Option<u64>,
    max_memory: Option<u64>,
    max_layers: Option<u32>,
    pub progress: Option<Py<PyAny>>,
}

impl DecodeOptions {
    /// The way from a state to a picture.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a mode that there is none of, or a realism that is not in 0..=1.
    pub fn sampler(&self) -> Result<Sampler> {
        let mode = match (self.realism, self.mode.as_str()) {
            (Some(r), _) => Mode::Realism(r),
            (None, "mean") => Mode::Mean,
            (None, "flow") => Mode::Flow,
            (None, "sample") => Mode::Sample { eta: 1.0 },
            (None, "langevin") => Mode::Langevin { corrections: 1 },
            (None, other) => {
                let e = format!("mode must be mean, flow, sample or langevin, not {other:?}");
                return Err(Error::Parameter(e));
            }
        };
        let sampler = Sampler::new(mode)?.seed(self.seed);
        Ok(match self.steps {
            Some(steps) => sampler.steps(steps),
            None => sampler,
        })
    }

    /// A decoder with these settings, but for the display of a file whose header is not known.
    ///
    /// # Errors
    /// Those of [`DecodeOptions::sampler`].
    pub fn decoder(&self) -> Result<Decoder> {
        let decoder = match &self.prior {
            Some(prior) => Decoder::new(&prior.get().own()),
            None => Decoder::default(),
        };
        let decoder = decoder
            .max_pixels(self.max_pixels.unwrap_or(dcodec::DEFAULT_MAX_PIXELS))
            .max_memory(self.max_memory.unwrap_or(u64::MAX))
            .max_calls(self.max_layers.unwrap_or(dcodec::DEFAULT_MAX_CALLS))
            .sampler(self.sampler()?);
        Ok(decoder)
    }

    /// The display of files of the header's prior. None is the decoder's default.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a display that there is none of; [`Error::Backend`] if weights
    /// cannot be read.
    pub fn display(&self, needed: dcodec::container::PriorId) -> Result<Option<Display>> {
        let own = match (&self.prior, Shipped::of(needed)) {
            (Some(prior), _) => prior.get().own(),
            (None, Some((shipped, _))) => shipped.shared()?,
            // Decoding says what is missing.
            (None, None) => return Ok(None),
        };
        let display = match (&self.display_prior, self.display.as_str()) {
            (Some(other), _) => {
                let other = other.get().own();
                Display::by(&own, other.ensemble_of(needed).is_none().then_some(other))
            }
            (None, "recommended") => Display::recommended(&own)?,
            (None, "vivid") => {
                let filter = Postfilter::shipped(Look::Vivid);
                Display::recommended(&own)?.postfilter(filter)
            }
            (None, "own") => Display::by(&own, None).postfilter(None),
            (None, "plain") => Display::PLAIN,
            (None, other) => {
                let e = format!(
                    "display must be recommended, vivid, own, plain or a prior, not {other:?}"
                );
                return Err(Error::Parameter(e));
            }
        };
        Ok(Some(match self.orientations {
            Some(n) => display.ensemble(n),
            None => display,
        }))
    }

    /// The decoder for a file of these bytes.
    ///
    /// # Errors
    /// Those of [`extent::header`], [`DecodeOptions::decoder`] and [`DecodeOptions::display`].
    pub fn decoder_of(&self, data: &[u8]) -> Result<Decoder> {
        let decoder = self.decoder()?;
        let header = extent::header(data)?;
        let display = header
            .map(|(header, _)| self.display(header.prior))
            .transpose()?
            .flatten();
        Ok(match display {
            Some(display) => decoder.display(display),
            None => decoder,
        })
    }
}
