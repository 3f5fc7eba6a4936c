//! The sender: Algorithm 3 of Ho, Jain and Abbeel (2020), written into a file.

use bitvec::prelude::*;

use crate::channel::rate;
use crate::channel::trellis::{self, Code};
use crate::container::{Header, Layer, MAX_SIDE, PartName, Writer};
use crate::entropy;
use crate::error::{Error, Result};
use crate::metrics::psnr;
use crate::picture::{Colour, Picture};
use crate::planes::Planes;
use crate::prior::Prior;
use crate::reverse::{Chain, Channel, Shared};
use crate::schedule::{CODES_PER_OCTAVE, MAX_CODE, Sigma, Step};

/// The lowest noise level that is coded: the shipped priors are trained from here upwards.
pub const LOWEST_SIGMA: f64 = 1.5;

/// Bits that the first layer should cost, which sets the noise level where the chain starts.
const START_BITS: f64 = 24.0;

/// What one layer costs besides its trellis bits: five bytes of head and the start-up of the trellis.
const LAYER_BITS: f64 = 46.0;

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At a final noise level of [`Target::quality_sigma`] levels, quality 0..=100.
    Quality(f64),
    /// At this many bytes, headers included; a smaller file if the lowest noise level comes first.
    Bytes(u64),
    /// At this many bits per pixel, headers included; a smaller file if the lowest noise level comes first.
    Bpp(f64),
    /// At the first four bits at which the decoded picture has this RGB PSNR in dB, or at the lowest noise level.
    Psnr(f64),
}

impl Target {
    /// The final noise level of a quality: 1.5 levels at 100, doubling every ten points below.
    pub fn quality_sigma(quality: f64) -> f64 {
        LOWEST_SIGMA * libm::exp2((100.0 - quality) / 10.0)
    }
}

/// How much work the encoder and the decoder do for fewer bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effort {
    nu: u8,
    /// The codes of the noise levels at which layers may end, highest first.
    grid: Vec<u16>,
}

impl Effort {
    /// Level 1 (fastest) to 5 (smallest files). Level 3 is the default; 1 and 2 use the trellis of 12 state bits, 3 and 4
    /// that of 14, 5 that of 16.
    pub fn new(level: u8) -> Option<Self> {
        let (nu, stride) = match level {
            1 => (12, 6.0),
            2 => (12, 4.5),
            3 => (14, 4.0),
            4 => (14, 3.0),
            5 => (16, 2.0),
            _ => return None,
        };
        Some(Effort {
            nu,
            grid: grid(stride),
        })
    }
}

/// Noise levels `stride` codes apart at 40 levels, and as sqrt(sigma) elsewhere.
///
/// A step of d = ln(sigma_t / sigma_s) spends about d / 2 more than the ideal, so steps are short where many bits are: the
/// bits per unit of ln sigma fall about as 1 / sigma, which makes this growth the best for a given number of calls.
fn grid(stride: f64) -> Vec<u16> {
    let mut grid = vec![MAX_CODE - 1];
    while let Some(t) = grid
        .last()
        .copied()
        .and_then(Sigma::from_code)
        .filter(|t| t.code() > 0)
    {
        let codes = (stride * (t.levels() / 40.0).sqrt())
            .round()
            .clamp(1.0, 40.0);
        grid.push(t.below(codes as u16).code());
    }
    grid
}

impl Default for Effort {
    fn default() -> Self {
        Effort {
            nu: 14,
            grid: grid(4.0),
        }
    }
}

/// What the encoder knows of a layer that it wrote.
#[derive(Debug, Clone, Copy)]
pub struct LayerReport {
    /// The layer as it stands in the file.
    pub layer: Layer,
    /// KL( q(x_s|x_t,x_0) || p(x_s|x_t) ) of the step in bits, the ideal cost.
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
    /// Whether the target was met; false if the lowest noise level came first.
    pub reached: bool,
    /// What a receiver of the file shows, by the encoder's own chain, if asked for with [`Encoder::reconstruct`].
    pub reconstruction: Option<Picture>,
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
    reconstruct: bool,
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
            reconstruct: false,
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

    /// Whether to return the picture that a receiver shows in the end; one more call of the network.
    pub fn reconstruct(mut self, yes: bool) -> Self {
        self.reconstruct = yes;
        self
    }

    /// Calls `report` after every layer.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Some(Box::new(report));
        self
    }

    /// Encodes one picture.
    ///
    /// Errors: [`Error::Parameter`] for a target that no file can meet, [`Error::Limits`] for a side over [`MAX_SIDE`],
    /// [`Error::Backend`] if the network fails.
    pub fn encode(&mut self, picture: &Picture) -> Result<Encoded> {
        let x_0 = picture.to_planes();
        let energy: f64 = x_0.data.iter().map(|&v| f64::from(v).powi(2)).sum();
        let header = self.header(picture, energy)?;
        let goal = Goal::new(self.target, &header)?;
        let mut writer = Writer::new(&header);
        if let Some(alpha) = picture.alpha() {
            let alpha = entropy::encode_alpha(picture.width(), picture.height(), alpha);
            writer.part(PartName::ALPHA, &alpha);
        }
        let mut chain = Chain::new(
            self.prior,
            &header,
            Code::new(header.nu).unwrap_or_default(),
        );
        let mut layers: Vec<LayerReport> = Vec::new();
        // What the receiver shows in the end, where it is not the chain's x0_hat.
        let mut shown = None;
        let reached = loop {
            if goal.bytes.is_some_and(|b| writer.len() >= b) {
                break true;
            }
            let t = chain.t();
            let at_end = t.is_some_and(|t| t <= goal.sigma);
            if at_end && goal.psnr.is_none() {
                break goal.bytes.is_none();
            }
            let x0_hat = chain.x0_hat()?;
            let psnr_before = shown_psnr(picture, x0_hat)?;
            if at_end || goal.psnr.is_some_and(|p| psnr_before >= p) {
                break goal.psnr.is_none_or(|p| psnr_before >= p);
            }
            let s = self.next(t, &header, goal.sigma, squared_error(&x_0, x0_hat));
            let room = goal.bytes.map_or(usize::MAX, |b| b - writer.len());
            let mut sender = Sender {
                x_0: &x_0,
                room,
                sent: None,
            };
            let before = goal.psnr.map(|_| chain.clone());
            chain.advance(s, &mut sender)?;
            let Some(mut sent) = sender.sent else {
                break false;
            };
            if let (Some(psnr), Some(mut before)) = (goal.psnr, before)
                && shown_psnr(picture, chain.x0_hat()?)? >= psnr
            {
                sent.cut_at(picture, psnr, &mut before, s)?;
                chain = before;
            }
            let layer = writer.layer(s.code(), sent.stages as u32);
            let whole = sent.bits.len() == 4 * sent.stages;
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
        let reconstruction = match (self.reconstruct, shown) {
            (false, _) => None,
            (true, Some(shown)) => Some(picture_of(picture, &shown)?),
            (true, None) => Some(picture_of(picture, chain.x0_hat()?)?),
        };
        let bytes = match goal.bytes {
            Some(b) if writer.len() >= b => writer.cut(b),
            _ if layers
                .last()
                .is_some_and(|l| l.bits < 4 * u64::from(l.layer.stages)) =>
            {
                writer.cut(usize::MAX)
            }
            _ => writer.finish(),
        };
        Ok(Encoded {
            bytes,
            layers,
            reached,
            reconstruction,
        })
    }

    fn header(&self, picture: &Picture, energy: f64) -> Result<Header> {
        if picture.width().max(picture.height()) > MAX_SIDE {
            return Err(Error::Limits(format!(
                "{} x {} pixels: the format ends at {MAX_SIDE} a side",
                picture.width(),
                picture.height()
            )));
        }
        let mut header = Header {
            width: picture.width(),
            height: picture.height(),
            rgb: picture.colour() == Colour::Rgb,
            alpha: picture.alpha().is_some(),
            prior: self.prior.id(),
            seed: self.seed,
            nu: self.effort.nu,
            start: 0,
        };
        let (w, h) = header.coded_size();
        let first = (energy / (2.0 * std::f64::consts::LN_2 * START_BITS)).sqrt();
        let first = Sigma::nearest(first.clamp(4.0 * LOWEST_SIGMA, self.prior.highest_sigma(w, h)));
        let first = self
            .effort
            .grid
            .iter()
            .copied()
            .find(|&c| c <= first.code())
            .unwrap_or(1);
        header.start = first + 1;
        Ok(header)
    }

    /// The noise level that the next layer goes down to: the next one of the grid. In small pictures, where the cost of a
    /// layer's head asks for longer steps, one further down.
    fn next(&self, t: Option<Sigma>, header: &Header, end: Sigma, error: f64) -> Sigma {
        let Some(t) = t else {
            return Sigma::from_code(header.start - 1).unwrap_or(end);
        };
        let highest = t.below(least_codes(
            error / t.levels().powi(2) / std::f64::consts::LN_2,
        ));
        let s = self
            .effort
            .grid
            .iter()
            .copied()
            .find(|&c| c <= highest.code())
            .and_then(Sigma::from_code)
            .unwrap_or(end);
        // Rather one longer step than a last one that is hardly worth its call.
        if s <= end || 3 * (s.code() - end.code()) < t.code() - s.code() {
            end
        } else {
            s
        }
    }
}

/// The grid steps of the cheapest layer where the ideal code spends `bits` per unit of ln sigma.
///
/// Error that falls as sigma makes a step of d cost bits (e^d - 1)^2 / 2 more than the ideal, and each layer has its head: the
/// least of both per unit of ln sigma.
fn least_codes(bits: f64) -> u16 {
    let unit = std::f64::consts::LN_2 / f64::from(CODES_PER_OCTAVE);
    let cost = |codes: &u16| {
        let d = f64::from(*codes) * unit;
        (bits * libm::expm1(d).powi(2) / 2.0 + LAYER_BITS) / d
    };
    (1..=60)
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
        .unwrap_or(1)
}

struct Goal {
    sigma: Sigma,
    bytes: Option<usize>,
    psnr: Option<f64>,
}

impl Goal {
    fn new(target: Target, header: &Header) -> Result<Self> {
        let lowest = Sigma::nearest(LOWEST_SIGMA);
        let mut goal = Goal {
            sigma: lowest,
            bytes: None,
            psnr: None,
        };
        let positive = |v: f64, name: &str| match v {
            v if v.is_finite() && v > 0.0 => Ok(v),
            v => Err(Error::Parameter(format!(
                "{name} must be a positive number, not {v}"
            ))),
        };
        match target {
            Target::Quality(q) if (0.0..=100.0).contains(&q) => {
                goal.sigma = Sigma::nearest(Target::quality_sigma(q));
            }
            Target::Quality(q) => {
                return Err(Error::Parameter(format!(
                    "quality must be 0 to 100, not {q}"
                )));
            }
            Target::Bytes(b) => goal.bytes = Some(b as usize),
            Target::Bpp(bpp) => {
                goal.bytes = Some(header.bytes_at(positive(bpp, "bits per pixel")?) as usize)
            }
            Target::Psnr(psnr) => goal.psnr = Some(positive(psnr, "PSNR")?),
        }
        let least = header.file_bytes();
        if let Some(bytes) = goal.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: the header alone takes {least}"
            )));
        }
        // The chain must start above where it ends.
        goal.sigma = goal
            .sigma
            .min(Sigma::from_code(header.start - 1).unwrap_or(lowest));
        Ok(goal)
    }

    /// The share of network calls done: they go as the steps, whose density is 1 / sqrt(sigma).
    fn progress(&self, header: &Header, s: Sigma, bytes: usize) -> f64 {
        let place = |s: Sigma| s.levels().powf(-0.5);
        let start = Sigma::from_code(header.start).map_or(0.0, place);
        let by_sigma = (place(s) - start) / (place(self.sigma) - start);
        self.bytes
            .map_or(by_sigma, |b| by_sigma.max((bytes as f64 / b as f64).sqrt()))
            .clamp(0.0, 1.0)
    }
}

/// The sender's end of the channel for one layer.
struct Sender<'a> {
    x_0: &'a Planes,
    /// The bytes that head and bits may take.
    room: usize,
    sent: Option<Sent>,
}

/// What the sender made of one layer.
struct Sent {
    bits: BitVec<u8, Msb0>,
    stages: usize,
    kl_bits: f64,
    delivered: Option<f64>,
}

impl Channel for Sender<'_> {
    fn transmit(&mut self, shared: &Shared, step: &Step, x0_hat: &Planes) -> Option<Vec<f32>> {
        let shift = step.shift() as f32;
        let m: Vec<f32> = self
            .x_0
            .data
            .iter()
            .zip(&x0_hat.data)
            .map(|(x, x0_hat)| shift * (x - x0_hat))
            .collect();
        let energy: f64 = m.iter().map(|&v| f64::from(v).powi(2)).sum();
        let stages = rate::stages(shared.code, energy, m.len());
        let fit = self
            .room
            .saturating_sub(Layer::head_bytes(stages as u32))
            .saturating_mul(2);
        let w = shared.rotation.forward(&shared.stream, &m);
        let bits = trellis::search(shared.code, &shared.stream, &w, stages, fit);
        drop(w);
        let z = (bits.len() == 4 * stages).then(|| shared.deliver(&bits, stages));
        let dot = |z: &Vec<f32>| {
            m.iter()
                .zip(z)
                .map(|(m, z)| f64::from(*m) * f64::from(*z))
                .sum::<f64>()
                / energy
        };
        let delivered = z.as_ref().filter(|_| energy > 0.0).map(dot);
        self.sent = Some(Sent {
            bits,
            stages,
            kl_bits: rate::kl_bits(energy),
            delivered,
        });
        z
    }
}

impl Sent {
    /// Drops the stages that are not needed to show `psnr`; `before` is the chain at the start of the layer.
    fn cut_at(&mut self, picture: &Picture, psnr: f64, before: &mut Chain, s: Sigma) -> Result<()> {
        // The picture improves with every stage, give or take less than a reader of PSNR would see.
        let (mut lo, mut hi) = (0, self.stages);
        while hi - lo > 2.max(self.stages / 64) {
            let mid = (lo + hi) / 2;
            let shown = before.between(s, &self.bits[..4 * mid], self.stages)?;
            if shown_psnr(picture, &shown)? >= psnr {
                hi = mid
            } else {
                lo = mid
            }
        }
        // Whole bytes.
        self.bits.truncate(4 * hi.next_multiple_of(2));
        Ok(())
    }
}

/// The bytes of `bits`, with zeros behind the last.
fn into_bytes(mut bits: BitVec<u8, Msb0>) -> Vec<u8> {
    bits.set_uninitialized(false);
    bits.into_vec()
}

fn squared_error(a: &Planes, b: &Planes) -> f64 {
    a.data
        .iter()
        .zip(&b.data)
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum()
}

fn shown_psnr(picture: &Picture, x0_hat: &Planes) -> Result<f64> {
    psnr(picture, &picture_of(picture, x0_hat)?)
}

/// The picture that a receiver shows for `x0_hat`.
fn picture_of(like: &Picture, x0_hat: &Planes) -> Result<Picture> {
    Picture::from_planes(
        x0_hat,
        like.width(),
        like.height(),
        like.colour(),
        like.alpha().map(<[u8]>::to_vec),
    )
}
