//! One picture on its way into a file: layer after layer until the goal is met.

use bitvec::prelude::*;

use super::interest::{Left, Spread};
use super::parts::{self, Late};
use super::plan::{Effort, Goal, Next, Target, squared_error};
use super::prefilter::{End, Prefilter, filtered};
use super::sender::{Sender, Sent};
use super::shown::{Aim, picture_of, shown_psnr};
use super::{Encoded, Encoder, LayerReport, Progress};
use crate::channel::split::Stages;
use crate::container::{Header, Layer, MAX_SIDE, PartName, Writer};
use crate::error::{Error, Result};
use crate::exact;
use crate::map;
use crate::picture::Picture;
use crate::planes::{Planar, Planes};
use crate::prior::Prior;
use crate::reverse::Chain;
use crate::samples::Samples;
use crate::schedule::Sigma;
use crate::timings::Part;

/// The state of an encode.
pub(super) struct Run<'r> {
    picture: &'r Picture,
    prior: &'r Prior,
    /// What the chain is sent to.
    x_0: Planar,
    prefilter: Option<Prefilter>,
    target: Target,
    goal: Goal,
    /// What stops the encoder before the lowest noise level, for a target of PSNR.
    aim: Option<Aim<'r>>,
    effort: Effort,
    reconstruct: bool,
    header: Header,
    /// Where the first layer ends.
    first: Sigma,
    writer: Writer,
    late: Late,
    chain: Chain<'r>,
    spread: Option<Spread>,
    map: Option<Vec<f64>>,
    layers: Vec<LayerReport>,
    /// What the receiver shows in the end, where it is not the chain's x0_hat.
    shown: Option<Planes>,
}

/// What comes next.
pub(super) enum Turn {
    /// Nothing: the target is reached, or the lowest noise level is.
    End { reached: bool },
    /// A layer.
    Layer(Plan),
}

/// A layer to be sent.
pub(super) struct Plan {
    next: Next,
    /// Bytes that its head and bits may take.
    room: usize,
    /// With an interest: the noise at which the chain will end where the interest is highest.
    end: Option<f64>,
    /// PSNR in dB of what is shown before it.
    psnr: f64,
}

impl<'r> Run<'r> {
    /// Writes what stands before the first layer.
    ///
    /// Errors: as [`Encoder::encode`].
    pub fn begin<'a: 'r>(
        encoder: &Encoder<'a>,
        picture: &'r Picture,
        target: Target,
    ) -> Result<Self> {
        let (width, height, alpha) = (picture.width(), picture.height(), picture.alpha().is_some());
        let (colour, depth) = (picture.colour(), picture.depth());
        if width.max(height) > MAX_SIDE {
            return Err(Error::Limits(format!(
                "{width} x {height} pixels: the format ends at {MAX_SIDE} a side"
            )));
        }
        if target.is_lossless() && !encoder.prior.is_reference() {
            let e = "an exact end needs the reference arithmetic, that of the CPU's own kernels (--device cpu)";
            return Err(Error::Unsupported(e.into()));
        }
        encoder.check_memory(width, height, colour, depth, alpha)?;
        let x_0 = picture.to_planar();
        let energy: f64 = x_0.values().map(|v| f64::from(v).powi(2)).sum();
        let mut header = encoder.header(width, height, colour, depth, alpha);
        let first = encoder.first(&header, energy);
        // Even, and above the first level.
        header.start = (first.code() + 2) & !1;
        let goal = Goal::new(target, &header)?;
        let view = encoder.view(&header);
        let mut writer = Writer::new(&header);
        let chain = Chain::new(encoder.prior, &header);
        let begin = || parts::begin(&mut writer, picture, &encoder.metadata);
        let late = chain.meter().time(Part::Alpha, begin)?;
        let least = writer.len() + late.bytes();
        if let Some(bytes) = goal.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: header, alpha and metadata alone take {least}"
            )));
        }
        let spread = match &encoder.interest {
            Some(interest) => interest.spread(picture, &x_0)?,
            None => None,
        };
        Ok(Run {
            picture,
            prior: encoder.prior,
            prefilter: encoder
                .prefilters(width, height, target)
                .then(Prefilter::default),
            target,
            aim: goal.psnr.map(|psnr| Aim::new(picture, psnr, view)),
            goal,
            effort: encoder.effort.clone(),
            reconstruct: encoder.reconstruct,
            header,
            first,
            writer,
            late,
            chain,
            spread,
            map: encoder.map.then(|| vec![0.0; x_0.width * x_0.height]),
            x_0,
            layers: Vec::new(),
            shown: None,
        })
    }

    /// Bytes written or owed.
    fn used(&self) -> usize {
        self.writer.len() + self.late.bytes()
    }

    /// Decides on the next layer.
    pub fn next(&mut self) -> Result<Turn> {
        let used = self.used();
        if self.goal.bytes.is_some_and(|b| used >= b) {
            return Ok(Turn::End { reached: true });
        }
        let t = self.chain.t();
        let at_end = t.is_some_and(|t| t <= self.goal.sigma);
        if at_end && self.aim.is_none() {
            let reached = self.goal.bytes.is_none();
            return Ok(Turn::End { reached });
        }
        let psnr = shown_psnr(self.picture, self.chain.x0_hat()?)?;
        if let Some(aim) = &mut self.aim {
            aim.approach(&mut self.chain, psnr)?;
            let reached = psnr >= aim.wanted();
            if at_end || reached {
                return Ok(Turn::End { reached });
            }
        }
        self.refilter(psnr)?;
        let x0_hat = self.chain.x0_hat()?;
        let error = self.x_0.squared_distance(x0_hat);
        let (error, end) = match (&self.spread, t) {
            (Some(spread), Some(t)) => {
                let left = self.goal.left(self.writer.len(), x0_hat.len());
                let (errors, end) = spread.forecast(t.levels(), &self.x_0, x0_hat, left);
                let shares = spread.shares(t.levels().powi(2), end);
                (shares.sent(&errors), Some(end))
            }
            _ => (error, None),
        };
        let room = self.goal.bytes.map_or(usize::MAX, |b| b - used);
        let mut next = Next {
            t,
            s: self.effort.next(t, self.first, self.goal.sigma, error),
            error,
            len: x0_hat.len(),
        };
        next.s = self.effort.fitting(&next, |stages| {
            self.head_bytes(stages) + stages.div_ceil(2) <= room
        });
        let mut plan = Plan {
            next,
            room,
            end,
            psnr,
        };
        if let Some(aim) = &self.aim {
            plan.next.s = self.effort.sufficing(&plan.next, |s| {
                let mut trial = self.chain.duplicate()?;
                let mut sender = plan.sender(s, &self.x_0, self.spread.as_ref(), &self.writer);
                trial.advance(s, &mut sender)?;
                Ok(aim.psnr(trial.x0_hat()?)? >= aim.wanted())
            })?;
        }
        Ok(Turn::Layer(plan))
    }

    /// Sends the chain to what it can reach (with an interest, where that is highest) if the picture is filtered; `psnr` is that
    /// of its x0_hat.
    fn refilter(&mut self, psnr: f64) -> Result<()> {
        let Some(prefilter) = &mut self.prefilter else {
            return Ok(());
        };
        let len = self.x_0.data.len();
        let left = self.goal.left(self.writer.len(), len);
        let end = match (left, self.chain.t()) {
            (Left::Sigma(end), _) => End::Known(end),
            (_, None) => return Ok(()),
            (left, Some(t)) => {
                let t = t.levels();
                let end = match &self.spread {
                    Some(spread) => {
                        let x0_hat = self.chain.x0_hat()?;
                        spread.forecast(t, &self.x_0, x0_hat, left).1
                    }
                    None => left.end(t, squared_error(psnr, len)),
                };
                End::Expected { end, t }
            }
        };
        if let Some(end) = prefilter.due(end) {
            // There is no room for both.
            self.x_0.data = Samples::Eight(Vec::new());
            self.x_0 = filtered(self.prior, self.picture, end, self.chain.meter())?;
        }
        Ok(())
    }

    /// Bytes of the head of a layer of so many stages, at most.
    fn head_bytes(&self, stages: usize) -> usize {
        let change = self.header.banded.then_some(true);
        Layer::head_bytes(self.writer.unchecked(), stages as u32, change)
    }

    /// Sends a layer and writes it; whether it is whole, so that more may follow.
    pub fn send(&mut self, plan: &Plan) -> Result<bool> {
        let s = plan.next.s;
        let mut sender = plan.sender(s, &self.x_0, self.spread.as_ref(), &self.writer);
        sender.map = self.map.as_deref_mut();
        let before = self.aim.as_ref().map(|_| self.chain.duplicate());
        let before = before.transpose()?;
        let mut whole = self.chain.advance(s, &mut sender)?;
        if !whole {
            let x0_hat = match self.reconstruct {
                true => self.chain.x0_hat()?.clone(),
                false => self.chain.take_x0_hat()?,
            };
            sender.search(&self.chain.step(s), &self.chain.shared(), x0_hat);
        }
        let mut sent = sender.sent;
        if let (Some(aim), Some(mut before)) = (&mut self.aim, before)
            && aim.psnr(self.chain.x0_hat()?)? >= aim.wanted()
        {
            sent.cut_at(aim, &mut before, s)?;
            // A layer that is needed whole has been walked already.
            whole = sent.bits.len() == 4 * sent.stages.count;
            if !whole {
                self.chain = before;
            }
        }
        self.write(plan, sent, whole)?;
        Ok(whole)
    }

    fn write(&mut self, plan: &Plan, mut sent: Sent, whole: bool) -> Result<()> {
        let s = plan.next.s;
        // Nothing can stand behind a layer that is not whole.
        let Stages {
            count, allotment, ..
        } = sent.stages;
        let change = self.writer.change(allotment);
        let head = Layer::head_bytes(self.writer.unchecked(), count as u32, change);
        self.late
            .write(&mut self.writer, !whole || head > plan.room);
        self.writer.allot(allotment);
        let layer = self.writer.layer(s.code(), count as u32);
        if !whole {
            let written = self.writer.len();
            let room = self
                .goal
                .bytes
                .map_or(usize::MAX, |b| b.saturating_sub(written));
            sent.bits.truncate(8usize.saturating_mul(room));
            if !sent.bits.is_empty() && self.reconstruct {
                self.shown = Some(self.chain.between(s, &sent.bits, sent.stages)?);
            }
        }
        let bits = sent.bits.len() as u64;
        self.writer.body(&into_bytes(sent.bits));
        self.layers.push(LayerReport {
            layer,
            kl_bits: sent.kl_bits,
            bits,
            delivered: sent.delivered,
            psnr_before: plan.psnr,
            end: self.writer.len() as u64,
        });
        Ok(())
    }

    /// How far the work is, after a layer.
    pub fn progress(&self, plan: &Plan) -> Progress {
        let (s, bytes) = (plan.next.s, self.writer.len());
        Progress {
            layers: self.layers.len(),
            bytes,
            sigma: s.levels(),
            done: self.goal.progress(&self.header, s, bytes),
        }
    }

    /// Writes what stands behind the last layer.
    pub fn finish(mut self, reached: bool) -> Result<Encoded> {
        let (picture, chain) = (self.picture, &mut self.chain);
        let mut exact_bytes = None;
        if self.target.is_lossless() {
            let meter = chain.meter().clone();
            let code = || exact::encode(chain, &self.header, picture);
            let payload = meter.time(Part::Exact, code)?;
            self.writer.part(PartName::EXACT, &payload);
            exact_bytes = Some(payload.len() as u64);
        }
        self.late.write(&mut self.writer, true);
        let reconstruction = match (self.reconstruct, &self.shown) {
            (false, _) => None,
            (true, _) if exact_bytes.is_some() => Some(picture.clone()),
            (true, Some(shown)) => Some(picture_of(picture, shown)?),
            (true, None) => Some(picture_of(picture, self.chain.x0_hat()?)?),
        };
        let most = self.goal.bytes.unwrap_or(usize::MAX);
        let last = self.layers.last();
        let bytes = match last.is_some_and(|l| l.bits < 4 * u64::from(l.layer.stages)) {
            true => self.writer.cut(most),
            // Room for a part of the end marker only is filled with that part.
            false => {
                let mut bytes = self.writer.finish();
                bytes.truncate(most);
                bytes
            }
        };
        let width = self.x_0.width;
        let map = self.map;
        Ok(Encoded {
            bytes,
            layers: self.layers,
            exact_bytes,
            reached,
            reconstruction,
            map: map.map(|bits| map::fold(picture, width, &bits, |sum, _| sum)),
            timings: self.chain.meter().read(),
        })
    }
}

impl Plan {
    /// The sender of this layer, if it ends at `s`.
    fn sender<'a>(
        &self,
        s: Sigma,
        x_0: &'a Planar,
        spread: Option<&'a Spread>,
        writer: &'a Writer,
    ) -> Sender<'a> {
        let mut sender = Sender::new(x_0, self.room, writer);
        if let (Some(spread), Some(t), Some(end)) = (spread, self.next.t, self.end) {
            sender.shares = Some(spread.shares(t.levels() * s.levels(), end));
        }
        sender
    }
}

/// The bytes of `bits`, with zeros behind the last.
fn into_bytes(mut bits: BitVec<u8, Msb0>) -> Vec<u8> {
    bits.set_uninitialized(false);
    bits.into_vec()
}
