//! The encoder: its settings, and one picture encoded by them.

use crate::analysis::map::Map;
use crate::codes::Form;
use crate::container::metadata::Metadata;
use crate::container::{Header, Layer};
use crate::encoder::effort::{Effort, START_BITS};
use crate::encoder::roi::Interest;
use crate::encoder::session::Session;
use crate::encoder::target::Target;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::prior::{ENSEMBLES, LOWEST_SIGMA, Prior};
use crate::progress::{Report, checked, unheard};
use crate::reverse::Display;
use crate::schedule::Sigma;
use crate::timings::Timings;

/// Measures of a layer that was written.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LayerReport {
    /// The layer as it stands in the file.
    pub layer: Layer,
    /// KL( q(x_s|x_t,x_0) || p(x_s|x_t) ) of the step in bits, the ideal cost under a p of one variance; with an [`Interest`] that
    /// of the shift sent. Bands, which have variances of their own, can cost less.
    pub kl_bits: f64,
    /// Trellis bits of the layer in the file.
    pub bits: u64,
    /// The share of the shift m that a whole layer delivers: <m, z> / |m|^2, near 1.
    pub delivered: Option<f64>,
    /// RGB PSNR in dB of the picture shown before this layer.
    pub psnr_before: f64,
    /// Offset of the end of the layer in the file.
    pub end: u64,
}

/// A finished file and what the encoder measured on the way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The layers in order.
    pub layers: Vec<LayerReport>,
    /// Bytes of the part with the exact samples, for [`Target::Lossless`].
    pub exact_bytes: Option<u64>,
    /// True if the target was met, false if the lowest noise level came first.
    pub target_met: bool,
    /// Picture that a receiver of the file shows by [`Display::PLAIN`], from the encoder's own chain, if asked for with
    /// [`Encoder::reconstruct`].
    pub reconstruction: Option<Picture>,
    /// The ideal cost of all layers by pixel, in bits, if asked for with [`Encoder::map`]: |m|^2 / (2 ln 2), summed over layers
    /// and colour planes. Its sum is that of [`LayerReport::kl_bits`].
    pub map: Option<Map>,
    /// Where the time went.
    pub timings: Timings,
}

/// Encodes pictures under a prior.
///
/// ```
/// use dcodec::{Colour, Encoder, Picture, Prior, Target};
///
/// let prior = Prior::shipped()?;
/// let ramp: Vec<u8> = (0..32 * 24).flat_map(|i| [(i % 32 * 8) as u8, 90, (i / 32 * 10) as u8]).collect();
/// let picture = Picture::new(32, 24, Colour::Rgb, ramp, None)?;
/// let file = Encoder::new(&prior).target(Target::Bpp(1.0)).encode(&picture)?;
/// assert!(file.bytes.len() <= 32 * 24 / 8);
/// # Ok::<(), dcodec::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Encoder {
    pub(crate) prior: Prior,
    pub(crate) target: Target,
    pub(crate) effort: Effort,
    ensemble: usize,
    bands: Option<bool>,
    seed: u64,
    pub(crate) metadata: Metadata,
    pub(crate) reconstruct: bool,
    pub(crate) max_memory: u64,
    pub(crate) interest: Option<Interest>,
    pub(crate) prefilter: bool,
    pub(crate) map: bool,
    /// None is the recommended one.
    pub(crate) display: Option<Display>,
}

impl Encoder {
    /// An encoder with default quality (75) and effort (3).
    pub fn new(prior: &Prior) -> Self {
        Encoder {
            prior: prior.clone(),
            target: Target::Quality(75.0),
            effort: Effort::default(),
            ensemble: 1,
            bands: None,
            seed: 0,
            metadata: Metadata::default(),
            reconstruct: false,
            max_memory: u64::MAX,
            interest: None,
            prefilter: true,
            map: false,
            display: None,
        }
    }

    /// Sets where to stop.
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets the effort.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Averages the prior over a geometric self-ensemble: 1, 2, 4 or 8 orientations of the picture. Files are smaller, for
    /// `n` times the calls of the network in the encoder and in every decoder.
    pub fn ensemble(mut self, n: usize) -> Self {
        self.ensemble = n;
        self
    }

    /// Turns on or off that the bits of a layer are dealt out to bands of the picture. By default they are where that makes the
    /// file smaller.
    pub fn bands(mut self, yes: bool) -> Self {
        self.bands = Some(yes);
        self
    }

    /// Sets the seed of the shared noise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets what the file carries besides the picture.
    ///
    /// The colour profile comes first in the file. EXIF and XMP follow as soon as the file is eight times as long as they
    /// are, or at its end, so that they hardly delay the picture. A cut before them loses them. Targets in bytes include all.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Asks for [`Encoded::reconstruction`], which takes one more call of the network.
    pub fn reconstruct(mut self, yes: bool) -> Self {
        self.reconstruct = yes;
        self
    }

    /// Refuses pictures that take more bytes of memory by [`Encoder::memory`].
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sends most bits where the interest is highest. A target of quality is then that of the most interesting pixels, a
    /// target of PSNR stays that of the whole picture.
    pub fn interest(mut self, interest: Interest) -> Self {
        self.interest = Some(interest);
        self
    }

    /// Turns on or off that the picture is first filtered for the rate of the file, which leaves out what the file has no bits
    /// for; by default it is on. At the rate where the file ends its PSNR is higher by some 0.3 dB for that, and that of its
    /// prefixes by some 0.1. A target of quality is then met with fewer bits, at a slightly lower PSNR. Letters, drawings and
    /// what else would lose by it stay as they are. [`Target::Lossless`] leaves nothing out, nor do pictures with a side
    /// shorter than 16.
    pub fn prefilter(mut self, yes: bool) -> Self {
        self.prefilter = yes;
        self
    }

    /// Sets the display that a target of PSNR is measured by. The default is that of the decoder,
    /// [`Display::recommended`]. It has no effect on other targets, and is left out where it would take more than the limit
    /// of memory.
    pub fn psnr_as_displayed_by(mut self, display: Display) -> Self {
        self.display = Some(display);
        self
    }

    /// Asks for [`Encoded::map`].
    pub fn map(mut self, yes: bool) -> Self {
        self.map = yes;
        self
    }

    /// Encodes one picture.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a target that no file can meet, an interest of another size, or an ensemble that is not among
    /// [`ENSEMBLES`]; [`Error::Limits`] for a side over [`MAX_SIDE`](crate::container::MAX_SIDE), metadata of
    /// [`MAX_METADATA`](crate::container::MAX_METADATA) bytes or more, or memory over the limit; [`Error::Unsupported`] for
    /// [`Target::Lossless`] under a prior whose arithmetic is not the reference; [`Error::Backend`] if the network fails.
    pub fn encode(&self, picture: &Picture) -> Result<Encoded> {
        self.encode_with(picture, &mut unheard)
    }

    /// Encodes one picture, and calls `report` after every layer.
    ///
    /// # Errors
    /// Those of [`Encoder::encode`]; [`Error::Cancelled`] if `report` says so.
    pub fn encode_with(&self, picture: &Picture, report: &mut Report<'_>) -> Result<Encoded> {
        if !ENSEMBLES.contains(&self.ensemble) {
            let n = self.ensemble;
            let e = format!("a prior is averaged over 1, 2, 4 or 8 orientations, not {n}");
            return Err(Error::Parameter(e));
        }
        let encoded = self.encode_to(picture, self.target.with_default_quality(picture), report)?;
        if self.target != Target::Lossless(None) || encoded.bytes.len() <= picture.samples().bytes()
        {
            return Ok(encoded);
        }
        // Pure noise: what layers say of it costs more than it saves.
        let other = self.encode_to(picture, Target::Lossless(Some(0.0)), report)?;
        Ok(if other.bytes.len() < encoded.bytes.len() {
            other
        } else {
            encoded
        })
    }

    fn encode_to(
        &self,
        picture: &Picture,
        target: Target,
        report: &mut Report<'_>,
    ) -> Result<Encoded> {
        let mut session = Session::begin(self, picture, target)?;
        while let Some(plan) = session.next()? {
            let whole = session.send(&plan)?;
            checked(report(session.progress(&plan)))?;
            if !whole {
                break;
            }
        }
        session.finish()
    }

    /// A header that does not know yet where the chain starts.
    pub(crate) fn header(&self, form: Form) -> Header {
        Header {
            form,
            prior: self.prior.ensemble_id(self.ensemble),
            seed: self.seed,
            trellis: self.effort.trellis(),
            start: Sigma::nearest(0.0).code(),
            banded: self.bands.unwrap_or_else(|| bands_pay(&form)),
        }
    }

    /// Where the first layer of a picture of |x_0|^2 = `energy` ends.
    pub(crate) fn first(&self, header: &Header, energy: f64) -> Sigma {
        let (w, h) = header.coded_size();
        let first = (energy / (2.0 * std::f64::consts::LN_2 * START_BITS)).sqrt();
        let first = first
            .min(self.prior.highest_sigma(w, h))
            .max(4.0 * LOWEST_SIGMA);
        let first = Sigma::nearest(first);
        self.effort.first(first)
    }
}

/// True where bands pay: not in small pictures, whose layers are short, nor in very large ones, where memory is short.
fn bands_pay(form: &Form) -> bool {
    form.width.min(form.height) >= 192 && form.pixels() <= 1 << 26
}
