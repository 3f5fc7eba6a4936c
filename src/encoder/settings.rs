//! The settings of an encoder.

use crate::codes::Form;
use crate::container::Header;
use crate::container::metadata::Metadata;
use crate::encoder::effort::{Effort, START_BITS};
use crate::encoder::roi::Interest;
use crate::encoder::target::Target;
use crate::encoder::tune::{LARGE, Tune};
use crate::prior::{LOWEST_SIGMA, Prior};
use crate::reverse::Display;
use crate::schedule::Sigma;

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
    pub(crate) ensemble: usize,
    bands: Option<bool>,
    seed: u64,
    pub(crate) metadata: Metadata,
    pub(crate) reconstruct: bool,
    pub(crate) max_memory: u64,
    pub(crate) interest: Option<Interest>,
    pub(crate) prefilter: bool,
    corrections: bool,
    tune: Option<Tune>,
    pub(crate) exact: bool,
    pub(crate) map: bool,
    /// Display of a target of PSNR. None is the recommended one.
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
            corrections: true,
            tune: None,
            exact: true,
            map: false,
            display: None,
        }
    }

    /// Sets the target at which the file ends.
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets the effort.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Averages the prior over a geometric self-ensemble of `n` orientations of the picture: 1, 2,
    /// 4 or 8. Files are smaller, for `n` times the calls of the network in the encoder and in
    /// every decoder.
    pub fn ensemble(mut self, n: usize) -> Self {
        self.ensemble = n;
        self
    }

    /// Turns bands on or off. With bands, each band of the picture gets its own share of the bits
    /// of a layer. By default they are on where they make the file smaller.
    pub fn bands(mut self, yes: bool) -> Self {
        self.bands = Some(yes);
        self
    }

    /// Sets the seed of the shared noise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the colour profile, EXIF and XMP that the file carries besides the picture.
    ///
    /// The colour profile comes first in the file. EXIF and XMP follow as soon as the file is eight
    /// times as long as they are, or at its end, so that they hardly delay the picture. A cut
    /// before them loses them. Targets in bytes include them all.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Asks for [`Encoded::reconstruction`](crate::Encoded::reconstruction), which takes one more
    /// call of the network.
    pub fn reconstruct(mut self, yes: bool) -> Self {
        self.reconstruct = yes;
        self
    }

    /// Refuses pictures that take more bytes of memory by [`Encoder::memory`].
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sends most bits where the interest is highest. A target of quality is then that of the most
    /// interesting pixels. A target of PSNR stays that of the whole picture.
    pub fn interest(mut self, interest: Interest) -> Self {
        self.interest = Some(interest);
        self
    }

    /// Turns the rate-targeted pre-filter on or off. It is on by default.
    ///
    /// It filters the picture for the rate of the file, and removes the faint components that the
    /// file has no bits for. At the rate where the file ends its PSNR is higher by some 0.3 dB, and
    /// that of its prefixes by some 0.1 dB. A target of quality is met with fewer bits, at a
    /// slightly lower PSNR. Letters, drawings and other places that would lose by it stay as they
    /// are. It has no effect on [`Target::Lossless`], nor on pictures with a side shorter than 16.
    pub fn prefilter(mut self, yes: bool) -> Self {
        self.prefilter = yes;
        self
    }

    /// Turns corrections of x0_hat between calls of the network on or off. They are on by default
    /// where the prior has a corrector ([`Prior::corrects`]) and runs on the CPU.
    ///
    /// A correction takes a third of the time of a call, here and in every decoder, and is nearly
    /// as good: files are larger by half a per cent.
    pub fn corrections(mut self, yes: bool) -> Self {
        self.corrections = yes;
        self
    }

    /// Sets the judge that the file is made for. By default it is the eye, and PSNR for drawings
    /// and for [`Target::Psnr`]. [`Target::Lossless`] has none. Bands are tuned in files that have
    /// them ([`Encoder::bands`]).
    pub fn tune(mut self, tune: Tune) -> Self {
        self.tune = Some(tune);
        self
    }

    /// The encoder for drawings: their letters and lines are in the finest band, which the eye's
    /// tune sends less of. It has that tune only if it is asked for.
    pub(crate) fn tuned_for_drawings(&self) -> Self {
        let tune = self.tune.or(Some(Tune::Psnr));
        Encoder {
            tune,
            ..self.clone()
        }
    }

    /// The judge that a file for this target is made for.
    pub(crate) fn tune_for(&self, target: Target) -> Tune {
        match target {
            Target::Lossless(_) => Tune::Plain,
            Target::Psnr(_) => self.tune.unwrap_or(Tune::Psnr),
            _ => self.tune.unwrap_or(Tune::Eye),
        }
    }

    /// Allows or forbids that a lossy target is met by the exact picture where that takes no more
    /// bytes, or up to 32 more for a quality or a PSNR. Drawings, text and screenshots often are.
    /// It is allowed by default.
    pub fn exact_if_smaller(mut self, yes: bool) -> Self {
        self.exact = yes;
        self
    }

    /// Sets the display by which a target of PSNR is measured. The default is that of the decoder,
    /// [`Display::recommended`]. It has no effect on other targets. Where it would take more than
    /// the limit of memory, [`Display::PLAIN`] takes its place.
    pub fn psnr_as_displayed_by(mut self, display: Display) -> Self {
        self.display = Some(display);
        self
    }

    /// Asks for [`Encoded::map`](crate::Encoded::map).
    pub fn map(mut self, yes: bool) -> Self {
        self.map = yes;
        self
    }

    /// True if layers may start from a corrected x0_hat. On a GPU a call takes less time than a
    /// correction. Very large pictures do without, because memory is short.
    fn corrects(&self, form: &Form) -> bool {
        self.corrections
            && form.pixels() <= LARGE
            && self.prior.corrects()
            && !self.prior.is_on_device()
    }

    /// The header of a file of this form. Its start is set once the first layer is known.
    pub(crate) fn header(&self, form: Form) -> Header {
        Header {
            form,
            prior: self.prior.ensemble_id(self.ensemble),
            seed: self.seed,
            trellis: self.effort.trellis(),
            start: Sigma::nearest(0.0).code(),
            banded: self.bands.unwrap_or_else(|| bands_pay(&form)),
            corrected: self.corrects(&form),
        }
    }

    /// Noise level at the end of the first layer of a picture of |x_0|^2 = `energy`.
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

/// True where bands make files smaller. They do not in small pictures, whose layers are short. Very
/// large pictures do without, because memory is short.
fn bands_pay(form: &Form) -> bool {
    form.width.min(form.height) >= 192 && form.pixels() <= LARGE
}
