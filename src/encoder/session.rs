//! One picture on its way into a file: layer after layer until the target is met.

use bitvec::prelude::*;

use crate::analysis::map;
use crate::channel::layer::PartialLayer;
use crate::channel::sender::{Sender, SentLayer};
use crate::channel::split::Stages;
use crate::codes::{BANDS, SigmaCode};
use crate::container::{Header, Layer, PartName, Writer};
use crate::encoder::allocation::LayerBudget;
use crate::encoder::ancillary::{self, DeferredParts};
use crate::encoder::effort::{Candidate, Effort};
use crate::encoder::forecast::{Remaining, squared_error};
use crate::encoder::lossless;
use crate::encoder::prefilter::{End, Prefilter, filtered};
use crate::encoder::psnr_search::{PsnrSearch, picture_of, shown_psnr};
use crate::encoder::report::{Encoded, LayerReport};
use crate::encoder::roi::{Interest, RoiClasses};
use crate::encoder::settings::Encoder;
use crate::encoder::source::{Flat, Source};
use crate::encoder::target::{StopRule, Target};
use crate::encoder::tune::Tune;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::pixels::planes::{Planar, Planes};
use crate::pixels::samples::Samples;
use crate::prior::Prior;
use crate::progress::Progress;
use crate::reverse::Chain;
use crate::schedule::Sigma;
use crate::timings::Activity;

/// dB below the PSNR that is searched for, within which x0_hat is not corrected: that of a call is
/// the one that is shown.
const SEARCHED: f64 = 2.0;

/// The state of an encode.
pub(crate) struct Session<'r> {
    source: &'r Source<'r>,
    /// The picture as the chain sees it.
    picture: &'r Picture,
    prior: Prior,
    /// The picture that the chain is sent to.
    x_0: Planar,
    prefilter: Option<Prefilter>,
    target: Target,
    stop: StopRule,
    /// Stops the encoder before the lowest noise level, for a target of PSNR.
    search: Option<PsnrSearch<'r>>,
    effort: Effort,
    tune: Tune,
    reconstruct: bool,
    header: Header,
    /// The end of the first layer.
    first: Sigma,
    writer: Writer,
    deferred: DeferredParts,
    /// Flat squares that could be written, the smallest first.
    flat: Vec<Flat>,
    chain: Chain,
    roi: Option<RoiClasses>,
    map: Option<Vec<f64>>,
    layers: Vec<LayerReport>,
    /// The planes that the receiver shows in the end, where the file ends inside a layer. Else they
    /// are the chain's x0_hat.
    partial_estimate: Option<Planes>,
    /// False where the lowest noise level came before the target.
    target_met: bool,
}

/// A layer to be sent.
pub(crate) struct LayerPlan {
    candidate: Candidate,
    /// Bytes that its head and bits may take.
    room: usize,
    /// The noise level in levels at which the chain will end, with an interest where that is
    /// highest. None before the first layer.
    end: Option<f64>,
    /// PSNR in dB of the picture shown before it.
    psnr: f64,
    /// True if it starts from a corrected x0_hat.
    corrected: bool,
    /// Factor of the shift of each band.
    gains: [f64; BANDS],
}

impl<'r> Session<'r> {
    /// Starts a file, and writes the parts that stand before the first layer.
    ///
    /// # Errors
    /// Those of [`Encoder::encode`].
    pub fn begin(encoder: &Encoder, source: &'r Source<'r>, target: Target) -> Result<Self> {
        let picture = source.stretched();
        encoder.check(picture, target)?;
        let x_0 = picture.to_planar();
        let energy: f64 = x_0.values().map(|v| f64::from(v).powi(2)).sum();
        let mut header = encoder.header(picture.form());
        let first = encoder.first(&header, energy);
        // The start is even, and above the first level.
        header.start = SigmaCode::saturating((first.code().get() + 2) & !1);
        let stop = StopRule::new(target, &header)?;
        let display = encoder.display_of(&header)?;
        let mut writer = Writer::new(&header);
        let chain = Chain::new(&encoder.prior, &header)?;
        source.write_range(&mut writer);
        let begin = || ancillary::begin(&mut writer, picture, &encoder.metadata);
        let mut deferred = chain.meter().time(Activity::Alpha, begin)?;
        let mut flat = match target.is_lossless() {
            // The exact end shows them.
            true => Vec::new(),
            false => source.flat(),
        };
        if let Some(bytes) = stop.bytes {
            if let Some(flat) = flat.iter().find(|flat| flat.fits(bytes)) {
                deferred.add_flat(flat);
            }
            flat.clear();
        }
        let least = writer.len() + deferred.bytes();
        if let Some(bytes) = stop.bytes.filter(|&b| b < least) {
            return Err(Error::Parameter(format!(
                "{bytes} bytes are too few: header, alpha and metadata alone take {least}"
            )));
        }
        let tune = encoder.tune_for(target);
        let roi = classes(encoder.interest.as_ref(), tune, picture, &x_0)?;
        let prefilters = encoder.prefilters(&header.form, target);
        let search = stop
            .psnr
            .map(|psnr| PsnrSearch::new(picture, psnr - source.gain(), display));
        Ok(Session {
            source,
            picture,
            prior: encoder.prior.clone(),
            prefilter: prefilters.then(Prefilter::default),
            target,
            search,
            stop,
            effort: encoder.effort.clone(),
            tune,
            reconstruct: encoder.reconstruct,
            header,
            first,
            writer,
            deferred,
            flat,
            chain,
            roi,
            map: encoder.map.then(|| vec![0.0; x_0.width * x_0.height]),
            x_0,
            layers: Vec::new(),
            partial_estimate: None,
            target_met: false,
        })
    }

    /// Bytes written, and those of deferred parts.
    pub fn used(&self) -> usize {
        self.writer.len() + self.deferred.bytes()
    }

    /// Decides on the next layer. None at the end of the file.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn next(&mut self) -> Result<Option<LayerPlan>> {
        if self.stop.bytes.is_some_and(|b| self.used() >= b) {
            self.target_met = true;
            return Ok(None);
        }
        let at_end = self.chain.t().is_some_and(|t| t <= self.stop.sigma);
        if at_end && self.search.is_none() {
            self.target_met = self.stop.bytes.is_none();
            return Ok(None);
        }
        let corrected = !at_end && self.is_corrected();
        self.chain.predict_by(corrected);
        let psnr = shown_psnr(self.picture, self.chain.x0_hat()?)?;
        if let Some(search) = &mut self.search {
            search.approach(&mut self.chain, psnr)?;
            self.target_met = psnr >= search.wanted();
            if at_end || self.target_met {
                return Ok(None);
            }
        }
        self.refilter(psnr)?;
        let plan = self.plan(psnr)?;
        Ok(Some(LayerPlan { corrected, ..plan }))
    }

    /// True if x0_hat of the present state is corrected from that of the last call of the network.
    /// A search for a PSNR has calls only once it is near.
    fn is_corrected(&self) -> bool {
        let (Some(t), [_, .., last]) = (self.chain.t(), &self.layers[..]) else {
            // The first two layers never are.
            return false;
        };
        let psnr = last.psnr_before - self.source.gain();
        let near = |search: &PsnrSearch| psnr + SEARCHED >= search.wanted();
        self.header.corrected
            && self.effort.is_corrected(t, !last.layer.corrected)
            && !self.search.as_ref().is_some_and(near)
    }

    /// Chooses the noise level at which the next layer ends. `psnr` in dB is that of the present
    /// x0_hat.
    fn plan(&mut self, psnr: f64) -> Result<LayerPlan> {
        let (error, end) = self.error_to_send()?;
        let (t, len) = (self.chain.t(), self.x_0.data.len());
        let used = self.used();
        let room = self.stop.bytes.map_or(usize::MAX, |b| b - used);
        let mut candidate = Candidate {
            t,
            s: self
                .effort
                .next(t, self.first, self.stop.sigma, error, &self.header),
            error,
            len,
        };
        candidate.s = self.effort.fitting(&candidate, |stages| {
            self.head_bytes(stages) + stages.div_ceil(2) <= room
        });
        let mut plan = LayerPlan {
            candidate,
            room,
            end,
            psnr,
            corrected: false,
            gains: end.map_or([1.0; BANDS], |end| self.tune.gains(end)),
        };
        if let Some(search) = &self.search {
            plan.candidate.s = self.effort.sufficing(&plan.candidate, |s| {
                let mut trial = self.chain.duplicate()?;
                let budget = plan.budget(&self.writer);
                let mut sender = plan.sender(s, &self.x_0, self.roi.as_ref(), &budget);
                trial.advance(s, &mut sender)?;
                Ok(search.psnr(trial.x0_hat()?)? >= search.wanted())
            })?;
        }
        Ok(plan)
    }

    /// |x_0 - x0_hat|^2 as far as the next shift makes up for it, and the noise level in levels at
    /// which the chain will end.
    fn error_to_send(&mut self) -> Result<(f64, Option<f64>)> {
        let t = self.chain.t();
        let x0_hat = self.chain.x0_hat()?;
        let remaining = self.stop.remaining(self.writer.len(), x0_hat.len());
        match (&self.roi, t) {
            (Some(roi), Some(t)) => {
                let (errors, end) = roi.forecast(t.levels(), &self.x_0, x0_hat, remaining);
                let gain = roi.gain(t.levels().powi(2), end);
                Ok((gain.error_sent(&errors), Some(end)))
            }
            (_, t) => {
                let error = self.x_0.squared_distance(x0_hat);
                Ok((error, t.map(|t| remaining.end(t.levels(), error))))
            }
        }
    }

    /// Filters the picture for the noise level at which the chain will end, if that is due. With an
    /// interest it is the level where the interest is highest. `psnr` in dB is that of the present
    /// x0_hat.
    fn refilter(&mut self, psnr: f64) -> Result<()> {
        let Some(prefilter) = &mut self.prefilter else {
            return Ok(());
        };
        let len = self.x_0.data.len();
        let remaining = self.stop.remaining(self.writer.len(), len);
        let end = match (remaining, self.chain.t()) {
            (Remaining::Sigma(end), _) => End::Known(end),
            (_, None) => return Ok(()),
            (remaining, Some(t)) => {
                let t = t.levels();
                let end = match &self.roi {
                    Some(roi) => {
                        let x0_hat = self.chain.x0_hat()?;
                        roi.forecast(t, &self.x_0, x0_hat, remaining).1
                    }
                    None => remaining.end(t, squared_error(psnr, len)),
                };
                End::Expected { end, t }
            }
        };
        if let Some(end) = prefilter.due(end) {
            // There is no room for both.
            self.x_0.data = Samples::Eight(Vec::new());
            let meter = self.chain.meter();
            self.x_0 = filtered(&self.prior, self.picture, end, meter)?;
        }
        Ok(())
    }

    /// Bytes of the head of a layer of this number of stages, at most.
    fn head_bytes(&self, stages: usize) -> usize {
        let change = self.header.banded.then_some(true);
        Layer::head_bytes(self.writer.unchecked(), stages as u32, change)
    }

    /// Sends a layer and writes it. Returns true if it is whole, so that more may follow.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn send(&mut self, plan: &LayerPlan) -> Result<bool> {
        let s = plan.candidate.s;
        let budget = plan.budget(&self.writer);
        let mut sender = plan.sender(s, &self.x_0, self.roi.as_ref(), &budget);
        sender.map = self.map.as_deref_mut();
        sender.sent.corrected = plan.corrected;
        let before = self.search.as_ref().map(|_| self.chain.duplicate());
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
        if let (Some(search), Some(mut before)) = (&mut self.search, before)
            && search.psnr(self.chain.x0_hat()?)? >= search.wanted()
        {
            search.cut(&mut sent, &mut before, s)?;
            // The chain has walked a layer that is needed whole.
            whole = sent.bits.len() == 4 * sent.stages.count;
            if !whole {
                self.chain = before;
            }
        }
        self.write(plan, sent, whole)?;
        self.target_met = !whole;
        Ok(whole)
    }

    /// Writes a layer as it was sent, and a cut one as far as there is room.
    fn write(&mut self, plan: &LayerPlan, mut sent: SentLayer, whole: bool) -> Result<()> {
        let s = plan.candidate.s;
        // Nothing can follow a layer that is not whole.
        let Stages {
            count, allocation, ..
        } = sent.stages;
        self.add_flat(1);
        let change = self.writer.change(allocation);
        let head = Layer::head_bytes(self.writer.unchecked(), count as u32, change);
        self.deferred
            .write(&mut self.writer, !whole || head > plan.room);
        self.writer.allot(allocation);
        self.writer.correct(sent.corrected);
        let layer = self.writer.layer(s.code(), count as u32);
        if !whole {
            let written = self.writer.len();
            let room = self
                .stop
                .bytes
                .map_or(usize::MAX, |b| b.saturating_sub(written));
            sent.bits.truncate(8usize.saturating_mul(room));
            if !sent.bits.is_empty() && self.reconstruct {
                let partial = PartialLayer {
                    s,
                    bits: &sent.bits,
                    stages: sent.stages,
                    corrected: sent.corrected,
                };
                self.partial_estimate = Some(self.chain.estimate(Some(partial))?.into_owned());
            }
        }
        let bits = sent.bits.len() as u64;
        self.writer.body(&into_bytes(sent.bits));
        self.layers.push(LayerReport {
            layer,
            kl_bits: sent.kl_bits,
            bits,
            delivered: sent.delivered,
            psnr_before: plan.psnr + self.source.gain(),
            end: self.writer.len() as u64,
        });
        Ok(())
    }

    /// Adds the smallest flat squares that the file so far has room for, among the `first` ones.
    fn add_flat(&mut self, first: usize) {
        let length = self.writer.len();
        let mut smallest = self.flat.iter().take(first);
        if let Some(flat) = smallest.find(|flat| flat.fits(length)) {
            self.deferred.add_flat(flat);
            self.flat.clear();
        }
    }

    /// Progress after a layer.
    pub fn progress(&self, plan: &LayerPlan) -> Progress {
        let (s, bytes) = (plan.candidate.s, self.writer.len());
        Progress {
            layers: self.layers.len() as u32,
            bytes: bytes as u64,
            sigma: Some(s.levels()),
            done: self.stop.progress(&self.header, s, bytes),
        }
    }

    /// Sends layers as long as they take no more than `most` bytes. They are few.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn preview(&mut self, most: usize) -> Result<()> {
        let most = self.used() + most;
        self.flat.clear();
        while let Some(plan) = self.next()? {
            let stages = self.effort.stages(&plan.candidate);
            if self.used() + self.head_bytes(stages) + stages / 2 > most {
                break;
            }
            let before = (self.writer.clone(), self.deferred.clone());
            self.send(&plan)?;
            if self.used() > most {
                (self.writer, self.deferred) = before;
                self.layers.pop();
                break;
            }
        }
        Ok(())
    }

    /// Ends a file that came to too many bytes: exact samples are not coded.
    ///
    /// # Errors
    /// Those of [`Session::finish`].
    pub fn give_up(mut self) -> Result<Encoded> {
        self.target = Target::Quality(0.0);
        self.finish(None)
    }

    /// Writes the parts after the last layer. `exact` is a ready payload of exact samples.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn finish(mut self, mut exact: Option<Vec<u8>>) -> Result<Encoded> {
        let (picture, chain) = (self.picture, &mut self.chain);
        if self.target.is_lossless() {
            let meter = chain.meter().clone();
            let code = || lossless::beside_chain(chain, &self.header, self.source);
            exact = Some(meter.time(Activity::Exact, code)?);
        }
        let exact_bytes = exact.as_ref().map(|payload| payload.len() as u64);
        if let Some(payload) = exact {
            self.deferred.write_alpha(&mut self.writer, true);
            self.writer.part(PartName::EXACT, &payload);
            self.target_met = true;
        }
        let cut = self.layers.last();
        let cut = cut.is_some_and(|l| l.bits < 4 * u64::from(l.layer.stages));
        if exact_bytes.is_none() && !cut {
            self.add_flat(self.flat.len());
        }
        self.deferred.write(&mut self.writer, true);
        // The end is shown by a call of the network, whatever the last layer started from.
        self.chain.predict_by(false);
        let reconstruction = match (self.reconstruct, &self.partial_estimate) {
            (false, _) => None,
            (true, _) if exact_bytes.is_some() => Some(self.source.picture.clone()),
            (true, Some(x0_hat)) => Some(picture_of(picture, x0_hat)?),
            (true, None) => Some(picture_of(picture, self.chain.x0_hat()?)?),
        };
        let reconstruction = reconstruction.map(|shown| match exact_bytes {
            Some(_) => shown,
            None => self.source.displayed(shown, self.deferred.flat()),
        });
        let most = self.stop.bytes.unwrap_or(usize::MAX);
        let bytes = match cut {
            true => self.writer.cut(most),
            // Room for only a part of the end marker is filled with that part.
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
            target_met: self.target_met,
            reconstruction,
            map: map.map(|bits| map::fold(picture, width, &bits, |sum, _| sum)),
            timings: self.chain.meter().read(),
        })
    }
}

impl LayerPlan {
    /// The budget of this layer.
    fn budget<'a>(&self, writer: &'a Writer) -> LayerBudget<'a> {
        LayerBudget {
            room: self.room,
            writer,
            gains: self.gains,
        }
    }

    /// The sender of this layer, where it ends at `s`.
    fn sender<'a>(
        &self,
        s: Sigma,
        x_0: &'a Planar,
        roi: Option<&'a RoiClasses>,
        budget: &'a LayerBudget,
    ) -> Sender<'a> {
        let mut sender = Sender::new(x_0, budget);
        if let (Some(roi), Some(t), Some(end)) = (roi, self.candidate.t, self.end) {
            sender.gain = Some(roi.gain(t.levels() * s.levels(), end));
        }
        sender
    }
}

/// The classes of the places of a picture by an interest and by the tune. None if all are the same.
///
/// # Errors
/// [`Error::Parameter`] if the picture is of another size than the interest.
fn classes(
    interest: Option<&Interest>,
    tune: Tune,
    picture: &Picture,
    x_0: &Planar,
) -> Result<Option<RoiClasses>> {
    let len = x_0.width * x_0.height;
    let interest = interest.map(|interest| interest.weights(picture, x_0));
    Ok(match (interest.transpose()?, tune.weights(x_0)) {
        (None, None) => None,
        (Some(weight), None) => RoiClasses::new(len, weight),
        (None, Some(tuned)) => RoiClasses::new(len, |i| tuned.at(i)),
        (Some(weight), Some(tuned)) => RoiClasses::new(len, |i| weight(i) * tuned.at(i)),
    })
}

/// The bytes of `bits`, with zeros after the last.
fn into_bytes(mut bits: BitVec<u8, Msb0>) -> Vec<u8> {
    bits.set_uninitialized(false);
    bits.into_vec()
}
