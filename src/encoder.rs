//! The sender: Algorithm 3 of Ho, Jain and Abbeel (2020), written into a file.

mod allot;
mod interest;
mod limits;
mod parts;
mod plan;
mod prefilter;
mod run;
mod sender;
mod shown;
mod worth;

use crate::container::{Header, Layer};
use crate::error::{Error, Result};
use crate::map::Map;
use crate::metadata::Metadata;
use crate::picture::{Colour, Picture};
use crate::prior::{LOWEST_SIGMA, ORIENTATIONS, Prior};
use crate::reverse::View;
use crate::samples::Depth;
use crate::schedule::Sigma;
use crate::timings::Timings;

use plan::START_BITS;
use run::{Run, Turn};

pub use interest::{Interest, Region};
pub use plan::{Effort, Target};

/// What the encoder knows of a layer that it wrote.
#[derive(Debug, Clone, Copy)]
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
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// The layers in order.
    pub layers: Vec<LayerReport>,
    /// Bytes of the part with the exact samples, for [`Target::Lossless`].
    pub exact_bytes: Option<u64>,
    /// Whether the target was met; false if the lowest noise level came first.
    pub reached: bool,
    /// What a receiver of the file shows, by the encoder's own chain, if asked for with [`Encoder::reconstruct`].
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
pub struct Encoder<'a> {
    prior: &'a Prior,
    target: Target,
    effort: Effort,
    orientations: usize,
    bands: Option<bool>,
    seed: u64,
    metadata: Metadata,
    reconstruct: bool,
    max_memory: u64,
    interest: Option<Interest>,
    prefilter: bool,
    map: bool,
    view: View<'a>,
    progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

/// How far an encoder is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Layers written.
    pub layers: usize,
    /// Bytes written.
    pub bytes: usize,
    /// Present noise level in levels.
    pub sigma: f64,
    /// Estimated share of the work done, 0..=1.
    pub done: f64,
}

impl<'a> Encoder<'a> {
    /// An encoder with default quality (75) and effort (3).
    pub fn new(prior: &'a Prior) -> Self {
        Encoder {
            prior,
            target: Target::Quality(75.0),
            effort: Effort::default(),
            orientations: 1,
            bands: None,
            seed: 0,
            metadata: Metadata::default(),
            reconstruct: false,
            max_memory: u64::MAX,
            interest: None,
            prefilter: true,
            map: false,
            view: View::PLAIN,
            progress: None,
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

    /// Averages the prior over `n` orientations of the picture, 1, 2, 4 or 8: smaller files, for `n` times the calls of the
    /// network in the encoder and in every decoder.
    pub fn orientations(mut self, n: usize) -> Self {
        self.orientations = n;
        self
    }

    /// Whether the bits of a layer are dealt out to bands of the picture; by default where that makes the file smaller.
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
    /// are, or at its end, so that they hardly delay the picture; a cut before them loses them. Targets in bytes include all.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Whether to return the picture that a receiver shows in the end; one more call of the network.
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

    /// Whether the file is made without what it has no bits for; by default it is. At the rate where it ends its PSNR is higher by some
    /// 0.3 dB for that, and that of its prefixes by some 0.1; a target of quality is then met with fewer bits, at a slightly
    /// lower PSNR. Letters, drawings and what else would lose by it stay as they are. [`Target::Lossless`] leaves nothing out, nor do
    /// pictures with a side shorter than 16.
    pub fn prefilter(mut self, yes: bool) -> Self {
        self.prefilter = yes;
        self
    }

    /// Means by a target of PSNR that of what [`Decoder::refiner`](crate::Decoder::refiner) shows by this prior, if there is one, over
    /// so many orientations; without this, of what the file's own prior shows over those of the file. Of no effect on other targets,
    /// and left out where it would take more than the limit of memory.
    pub fn shown_by(mut self, refiner: Option<&'a Prior>, orientations: usize) -> Self {
        self.view = View {
            refiner,
            orientations: orientations.clamp(1, 8),
        };
        self
    }

    /// Whether to return where the bits went.
    pub fn map(mut self, yes: bool) -> Self {
        self.map = yes;
        self
    }

    /// Calls `report` after every layer.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Some(Box::new(report));
        self
    }

    /// Encodes one picture.
    ///
    /// Errors: [`Error::Parameter`] for a target that no file can meet, an interest of another size, or orientations that are not
    /// among [`ORIENTATIONS`], [`Error::Limits`](crate::Error::Limits) for a side over [`MAX_SIDE`](crate::container::MAX_SIDE), metadata of
    /// [`MAX_METADATA`](crate::container::MAX_METADATA) bytes or more, or memory over the limit,
    /// [`Error::Unsupported`](crate::Error::Unsupported) for [`Target::Lossless`] under a prior whose arithmetic is not the
    /// reference, [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn encode(&mut self, picture: &Picture) -> Result<Encoded> {
        if !ORIENTATIONS.contains(&self.orientations) {
            let n = self.orientations;
            let e = format!("a prior is averaged over 1, 2, 4 or 8 orientations, not {n}");
            return Err(Error::Parameter(e));
        }
        let encoded = self.encode_to(picture, self.target.settle(picture))?;
        if self.target != Target::Lossless(None) || encoded.bytes.len() <= picture.samples().bytes()
        {
            return Ok(encoded);
        }
        // Pure noise: what layers say of it costs more than it saves.
        let other = self.encode_to(picture, Target::Lossless(Some(0.0)))?;
        Ok(if other.bytes.len() < encoded.bytes.len() {
            other
        } else {
            encoded
        })
    }

    fn encode_to(&mut self, picture: &Picture, target: Target) -> Result<Encoded> {
        let mut run = Run::begin(self, picture, target)?;
        let reached = loop {
            let plan = match run.next()? {
                Turn::End { reached } => break reached,
                Turn::Layer(plan) => plan,
            };
            let whole = run.send(&plan)?;
            if let Some(report) = &mut self.progress {
                report(run.progress(&plan));
            }
            if !whole {
                break true;
            }
        };
        run.finish(reached)
    }

    /// A header that does not know yet where the chain starts.
    fn header(&self, width: u32, height: u32, colour: Colour, depth: Depth, alpha: bool) -> Header {
        Header {
            width,
            height,
            rgb: colour == Colour::Rgb,
            alpha,
            deep: depth == Depth::Sixteen,
            prior: self.prior.id_over(self.orientations),
            seed: self.seed,
            nu: self.effort.nu(),
            start: 0,
            banded: self.bands.unwrap_or_else(|| bands_pay(width, height)),
        }
    }

    /// Where the first layer of a picture of |x_0|^2 = `energy` ends.
    fn first(&self, header: &Header, energy: f64) -> Sigma {
        let (w, h) = header.coded_size();
        let first = (energy / (2.0 * std::f64::consts::LN_2 * START_BITS)).sqrt();
        let first = first
            .min(self.prior.highest_sigma(w, h))
            .max(4.0 * LOWEST_SIGMA);
        let first = Sigma::nearest(first);
        self.effort.first(first)
    }
}

/// Whether bands pay: not in small pictures, whose layers are short, nor in very large ones, where memory is short.
fn bands_pay(width: u32, height: u32) -> bool {
    width.min(height) >= 192 && u64::from(width) * u64::from(height) <= 1 << 26
}
