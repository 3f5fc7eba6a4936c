//! The sender: Algorithm 3 of Ho, Jain and Abbeel (2020), written into a file.

mod interest;
mod limits;
mod parts;
mod plan;
mod sender;
mod shown;

use bitvec::prelude::*;

use crate::container::{Header, Layer, MAX_SIDE, PartName, Writer};
use crate::error::{Error, Result};
use crate::exact;
use crate::map::{self, Map};
use crate::metadata::Metadata;
use crate::picture::{Colour, Picture};
use crate::prior::{LOWEST_SIGMA, Prior};
use crate::reverse::Chain;
use crate::samples::Depth;
use crate::schedule::Sigma;
use crate::timings::{Part, Timings};

use plan::{Goal, Next, START_BITS};
use sender::Sender;
use shown::{picture_of, shown_psnr, squared_error};

pub use interest::{Interest, Region};
pub use plan::{Effort, Target};

/// What the encoder knows of a layer that it wrote.
#[derive(Debug, Clone, Copy)]
pub struct LayerReport {
    /// The layer as it stands in the file.
    pub layer: Layer,
    /// KL( q(x_s|x_t,x_0) || p(x_s|x_t) ) of the step in bits, the ideal cost; with an [`Interest`] that of the shift sent.
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
    seed: u64,
    metadata: Metadata,
    reconstruct: bool,
    max_memory: u64,
    interest: Option<Interest>,
    map: bool,
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
            seed: 0,
            metadata: Metadata::default(),
            reconstruct: false,
            max_memory: u64::MAX,
            interest: None,
            map: false,
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
    /// Errors: [`Error::Parameter`] for a target that no file can meet or an interest of another size, [`Error::Limits`] for a
    /// side over [`MAX_SIDE`], metadata over [`MAX_METADATA`](crate::container::MAX_METADATA) or memory over the limit,
    /// [`Error::Backend`] if the network fails.
    pub fn encode(&mut self, picture: &Picture) -> Result<Encoded> {
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
        let (width, height, alpha) = (picture.width(), picture.height(), picture.alpha().is_some());
        let (colour, depth) = (picture.colour(), picture.depth());
        if width.max(height) > MAX_SIDE {
            return Err(Error::Limits(format!(
                "{width} x {height} pixels: the format ends at {MAX_SIDE} a side"
            )));
        }
        if target.is_lossless() && !self.prior.is_reference() {
            let e = "an exact end needs the reference arithmetic, that of the CPU's own kernels (--device cpu)";
            return Err(Error::Unsupported(e.into()));
        }
        self.check_memory(width, height, colour, depth, alpha)?;
        let x_0 = picture.to_planar();
        let energy: f64 = x_0.values().map(|v| f64::from(v).powi(2)).sum();
        let mut header = self.header(width, height, colour, depth, alpha);
        let first = self.first(&header, energy);
        // Even, and above the first level.
        header.start = (first.code() + 2) & !1;
        let goal = Goal::new(target, &header)?;
        let mut writer = Writer::new(&header);
        let mut chain = Chain::new(self.prior, &header);
        let begin = || parts::begin(&mut writer, picture, &self.metadata);
        let mut late = chain.meter().time(Part::Alpha, begin)?;
        let least = writer.len() + late.bytes();
        if let Some(bytes) = goal.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: header, alpha and metadata alone take {least}"
            )));
        }
        let spread = match &self.interest {
            Some(interest) => interest.spread(picture, &x_0)?,
            None => None,
        };
        let mut map = self.map.then(|| vec![0.0; x_0.width * x_0.height]);
        let mut layers: Vec<LayerReport> = Vec::new();
        // What the receiver shows in the end, where it is not the chain's x0_hat.
        let mut shown = None;
        let reached = loop {
            if goal.bytes.is_some_and(|b| writer.len() + late.bytes() >= b) {
                break true;
            }
            let t = chain.t();
            let at_end = t.is_some_and(|t| t <= goal.sigma);
            if at_end && goal.psnr.is_none() {
                break goal.bytes.is_none();
            }
            let x0_hat = chain.x0_hat()?;
            let (psnr_before, error) = rayon::join(
                || shown_psnr(picture, x0_hat),
                || squared_error(&x_0, x0_hat),
            );
            let psnr_before = psnr_before?;
            if at_end || goal.psnr.is_some_and(|p| psnr_before >= p) {
                break goal.psnr.is_none_or(|p| psnr_before >= p);
            }
            let weighing = match (&spread, t) {
                (Some(spread), Some(t)) => {
                    let errors = spread.errors(&x_0, x0_hat);
                    let left = goal.left(writer.len(), x0_hat.len());
                    let end = spread.end(t.levels(), &errors, left);
                    Some((spread, t.levels(), end, errors))
                }
                _ => None,
            };
            let error = match &weighing {
                Some((spread, t, end, errors)) => spread.shares(t * t, *end).sent(errors),
                None => error,
            };
            let used = writer.len() + late.bytes();
            let room = goal.bytes.map_or(usize::MAX, |b| b - used);
            let s = self.effort.next(t, first, goal.sigma, error);
            let next = Next {
                t,
                s,
                error,
                len: x0_hat.len(),
            };
            let s = self.effort.fitting(&next, |stages| {
                Layer::head_bytes(writer.unchecked(), stages as u32) + stages.div_ceil(2) <= room
            });
            let sender_to = |s: Sigma| {
                let mut sender = Sender::new(&x_0, room, writer.unchecked());
                sender.shares = weighing
                    .as_ref()
                    .map(|(spread, t, end, _)| spread.shares(t * s.levels(), *end));
                sender
            };
            let s = match goal.psnr {
                None => s,
                Some(psnr) => self.effort.sufficing(&next, |s| {
                    let mut trial = chain.clone();
                    trial.advance(s, &mut sender_to(s))?;
                    Ok(shown_psnr(picture, trial.x0_hat()?)? >= psnr)
                })?,
            };
            let mut sender = sender_to(s);
            sender.map = map.as_deref_mut();
            let before = goal.psnr.map(|_| chain.clone());
            let mut whole = chain.advance(s, &mut sender)?;
            if !whole {
                let x0_hat = match self.reconstruct {
                    true => chain.x0_hat()?.clone(),
                    false => chain.take_x0_hat()?,
                };
                sender.search(&chain.step(s), &chain.shared(), x0_hat);
            }
            let mut sent = sender.sent;
            if let (Some(psnr), Some(mut before)) = (goal.psnr, before)
                && shown_psnr(picture, chain.x0_hat()?)? >= psnr
            {
                sent.cut_at(picture, psnr, &mut before, s)?;
                // A layer that is needed whole has been walked already.
                whole = sent.bits.len() == 4 * sent.stages;
                if !whole {
                    chain = before;
                }
            }
            // Nothing can stand behind a layer that is not whole.
            let head = Layer::head_bytes(writer.unchecked(), sent.stages as u32);
            late.write(&mut writer, !whole || head > room);
            let layer = writer.layer(s.code(), sent.stages as u32);
            if !whole {
                let room = goal
                    .bytes
                    .map_or(usize::MAX, |b| b.saturating_sub(writer.len()));
                sent.bits.truncate(8usize.saturating_mul(room));
                if !sent.bits.is_empty() && self.reconstruct {
                    shown = Some(chain.between(s, &sent.bits, sent.stages)?);
                }
            }
            let present = sent.bits.len() as u64;
            writer.body(&into_bytes(sent.bits));
            layers.push(LayerReport {
                layer,
                kl_bits: sent.kl_bits,
                bits: present,
                delivered: sent.delivered,
                psnr_before,
                end: writer.len() as u64,
            });
            if let Some(report) = &mut self.progress {
                let done = goal.progress(&header, s, writer.len());
                report(Progress {
                    layers: layers.len(),
                    bytes: writer.len(),
                    sigma: s.levels(),
                    done,
                });
            }
            if !whole {
                break true;
            }
        };
        let mut exact_bytes = None;
        if target.is_lossless() {
            let meter = chain.meter().clone();
            let code = || exact::encode(&mut chain, &header, picture);
            let payload = meter.time(Part::Exact, code)?;
            writer.part(PartName::EXACT, &payload);
            exact_bytes = Some(payload.len() as u64);
        }
        late.write(&mut writer, true);
        let reconstruction = match (self.reconstruct, shown) {
            (false, _) => None,
            (true, _) if exact_bytes.is_some() => Some(picture.clone()),
            (true, Some(shown)) => Some(picture_of(picture, &shown)?),
            (true, None) => Some(picture_of(picture, chain.x0_hat()?)?),
        };
        let most = goal.bytes.unwrap_or(usize::MAX);
        let last = layers.last();
        let bytes = match last.is_some_and(|l| l.bits < 4 * u64::from(l.layer.stages)) {
            true => writer.cut(most),
            // Room for a part of the end marker only is filled with that part.
            false => {
                let mut bytes = writer.finish();
                bytes.truncate(most);
                bytes
            }
        };
        Ok(Encoded {
            bytes,
            layers,
            exact_bytes,
            reached,
            reconstruction,
            map: map.map(|bits| map::fold(picture, x_0.width, &bits, |sum, _| sum)),
            timings: chain.meter().read(),
        })
    }

    /// A header that does not know yet where the chain starts.
    fn header(&self, width: u32, height: u32, colour: Colour, depth: Depth, alpha: bool) -> Header {
        Header {
            width,
            height,
            rgb: colour == Colour::Rgb,
            alpha,
            deep: depth == Depth::Sixteen,
            prior: self.prior.id(),
            seed: self.seed,
            nu: self.effort.nu(),
            start: 0,
        }
    }

    /// Where the first layer of a picture of |x_0|^2 = `energy` ends.
    fn first(&self, header: &Header, energy: f64) -> Sigma {
        let (w, h) = header.coded_size();
        let first = (energy / (2.0 * std::f64::consts::LN_2 * START_BITS)).sqrt();
        let first = Sigma::nearest(first.clamp(4.0 * LOWEST_SIGMA, self.prior.highest_sigma(w, h)));
        self.effort.first(first)
    }
}

/// The bytes of `bits`, with zeros behind the last.
fn into_bytes(mut bits: BitVec<u8, Msb0>) -> Vec<u8> {
    bits.set_uninitialized(false);
    bits.into_vec()
}
