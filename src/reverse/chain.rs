//! The one loop x_T -> x_0, which encoder and decoder both run (Algorithms 3 and 4 of Ho, Jain and
//! Abbeel 2020).

use std::borrow::Borrow;
use std::sync::Arc;

use rayon::prelude::*;

use crate::channel::code::Code;
use crate::channel::layer::{Channel, Shared};
use crate::channel::transform::Transform;
use crate::codes::Colour;
use crate::container::Header;
use crate::entropy::SideInformation;
use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::{Correction, Prior, scale};
use crate::random::Stream;
use crate::reverse::anchor::Anchor;
use crate::reverse::display::Display;
use crate::reverse::on_device::OnDevice;
use crate::schedule::{Sigma, Step};
use crate::timings::Meter;

/// The least number of stages of a layer that is shown before it is whole.
pub const WHOLE_STAGES: usize = 64;

/// The state of the chain: x_t, its noise level, and the prediction x0_hat made from it.
#[derive(Debug)]
pub struct Chain {
    pub(super) prior: Prior,
    pub(super) code: Code,
    pub(super) seed: u64,
    pub(super) grey: bool,
    /// Columns and rows of the picture, which may be smaller than the planes.
    pub(super) size: (usize, usize),
    pub(super) transform: Transform,
    pub(super) t: Option<Sigma>,
    pub(super) layer: u32,
    /// x_t. It is zero at the start, where rho = 0 makes it irrelevant, and of the past while x_t
    /// lies on a device.
    pub(super) x_t: Planes,
    pub(super) on_device: OnDevice,
    pub(super) x0_hat: Option<Planes>,
    /// True if layers may start from a corrected x0_hat, so that anchors are kept.
    pub(super) corrects: bool,
    /// True if the x0_hat of the next layer is corrected, false if the network is called for it.
    corrected: bool,
    /// The state of the last call that a layer has used.
    pub(super) anchor: Option<Anchor>,
    /// Side in pixels of the boxes whose averages the network sees for the next layers; 1 of a
    /// chain that follows the sender's.
    pub(super) boxes: usize,
    /// Size of the geometric self-ensemble that the prior is averaged over.
    pub(super) ensemble: usize,
    pub(super) display: Display,
    /// Times, shared by all copies of the chain.
    pub(super) meter: Arc<Meter>,
}

impl Chain {
    /// The start of the chain of a file: nothing is known, x0_hat is mid grey. The identity in the
    /// header tells the size of the ensemble.
    ///
    /// # Errors
    /// [`Error::WrongPrior`] if the file was made with another prior.
    pub fn new(prior: &Prior, header: &Header) -> Result<Self> {
        let (width, height) = header.coded_size();
        let ensemble = prior.ensemble_of(header.prior).ok_or(Error::WrongPrior {
            needed: header.prior,
            given: prior.id(),
        })?;
        Ok(Chain {
            prior: prior.clone(),
            code: Code::new(header.trellis),
            seed: header.seed,
            grey: header.form.colour == Colour::Grey,
            size: (header.form.width as usize, header.form.height as usize),
            transform: Transform::new(width, height, header.banded),
            t: None,
            layer: 0,
            x_t: Planes::zeros(width, height),
            on_device: OnDevice::default(),
            x0_hat: Some(Planes::zeros(width, height)),
            corrects: header.corrected,
            corrected: false,
            anchor: None,
            boxes: 1,
            ensemble,
            display: Display::PLAIN,
            meter: Arc::default(),
        })
    }

    /// Sets the display of states.
    pub fn display_by(&mut self, display: Display) {
        self.display = display;
    }

    /// The noise level of x_t; none at the start.
    pub fn t(&self) -> Option<Sigma> {
        self.t
    }

    /// The times so far.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The number of layers walked.
    pub fn layers(&self) -> u32 {
        self.layer
    }

    /// True if x_t and x0_hat are equal to the reference arithmetic, bit for bit.
    pub fn is_reference(&self) -> bool {
        self.prior.is_reference()
    }

    /// A copy of the chain. Its x_t lies in the memory of the machine.
    ///
    /// # Errors
    /// [`Error::Backend`] if the device fails that x_t lies on.
    pub fn duplicate(&self) -> Result<Self> {
        let mut x_t = self.x_t.clone();
        if let OnDevice::Held(state) = &self.on_device {
            state.download(&mut x_t)?;
        }
        Ok(Chain {
            transform: self.transform.clone(),
            x_t,
            on_device: OnDevice::default(),
            x0_hat: self.x0_hat.clone(),
            anchor: self.anchor.clone(),
            meter: self.meter.clone(),
            prior: self.prior.clone(),
            display: self.display.clone(),
            ..*self
        })
    }

    /// Says how x0_hat of the present state is made for the next layer: `corrected` from that of
    /// the last call that a layer has used, or by a call of the network (clause 5.9).
    pub fn predict_by(&mut self, corrected: bool) {
        // At the start nothing is predicted.
        if self.corrected != corrected && self.t.is_some() {
            self.x0_hat = None;
        }
        self.corrected = corrected;
    }

    /// x0_hat of the present x_t. The network is called once per state.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn x0_hat(&mut self) -> Result<&Planes> {
        let x0_hat = self.take_x0_hat()?;
        Ok(self.x0_hat.insert(x0_hat))
    }

    /// x_t, which is zero before the first layer, and its x0_hat.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn state_and_prediction(&mut self) -> Result<(&Planes, &Planes)> {
        let x0_hat = self.take_x0_hat_and_download()?;
        Ok((&self.x_t, self.x0_hat.insert(x0_hat)))
    }

    /// Knowledge of the chain about the exact samples (annex A).
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn side_information(&mut self, header: &Header) -> Result<SideInformation<'_>> {
        self.predict_by(false);
        let (x_t, x0_hat) = self.state_and_prediction()?;
        Ok(SideInformation {
            planes: header.coded_size(),
            x_t: &x_t.data,
            x0_hat: &x0_hat.data,
        })
    }

    /// x0_hat of averages of x_t over boxes of `f` x `f`, whose noise is sigma_t / f. It is mid
    /// grey at the start.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn reduced_x0_hat(&mut self, f: usize) -> Result<Planes> {
        self.download()?;
        let x_t = scale::reduce(&self.x_t, f);
        let Some(t) = self.t else {
            return Ok(x_t);
        };
        let mut x0_hat = self.prior.x0_hat(&x_t, t.levels() / f as f64)?;
        if self.grey {
            x0_hat.equalise();
        }
        Ok(x0_hat)
    }

    /// Lets the network see averages over boxes of `f` x `f` only. The chain then follows the
    /// sender's no longer, but for these averages.
    pub fn see_averages(&mut self, f: usize) {
        self.boxes = f;
    }

    /// Moves to x_s = x0_hat + rho (x_t - x0_hat) + std z, with std z from the channel. If the
    /// layer does not arrive whole, the chain stays and the result is false.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn advance(&mut self, s: Sigma, channel: &mut impl Channel) -> Result<bool> {
        if self.advance_on_device(s, channel)? {
            return Ok(true);
        }
        let x0_hat = self.take_x0_hat_and_download()?;
        let step = self.step(s);
        if !channel.open(&step, &self.shared(), &x0_hat) {
            self.x0_hat = Some(x0_hat);
            return Ok(false);
        }
        self.keep_anchor(&x0_hat);
        let mut x = std::mem::take(&mut self.x_t);
        to_mean(&mut x, &x0_hat, &step);
        channel.transmit(&step, &self.shared(), x0_hat, &mut x);
        self.x_t = x;
        self.t = Some(s);
        self.layer += 1;
        self.corrected = false;
        Ok(true)
    }

    /// Keeps x_t and `x0_hat` for corrections, if the network was called for them.
    fn keep_anchor(&mut self, x0_hat: &Planes) {
        let keeps = self.corrects && !self.corrected && self.boxes == 1;
        if let (true, Some(t)) = (keeps, self.t) {
            let before = self.anchor.take();
            self.anchor = Some(Anchor::new(t, &self.x_t, x0_hat, before));
        }
    }

    /// x0_hat, taken out of the chain, which has to predict it anew if it is asked again.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn take_x0_hat(&mut self) -> Result<Planes> {
        if let Some(x0_hat) = self.x0_hat.take() {
            return Ok(x0_hat);
        }
        if self.boxes > 1 {
            let small = self.reduced_x0_hat(self.boxes)?;
            let (width, height) = (self.x_t.width, self.x_t.height);
            return Ok(scale::repeat(&small, self.boxes, width, height));
        }
        if self.corrected {
            return self.correct();
        }
        match self.predict_on_device()? {
            Some(x0_hat) => Ok(x0_hat),
            None => self.predict(&self.x_t, self.t.map_or(0.0, Sigma::levels)),
        }
    }

    /// x0_hat of the present state, corrected.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the prior has no corrector; [`Error::Parameter`] if no layer has
    /// used a call of the network yet.
    fn correct(&mut self) -> Result<Planes> {
        self.download()?;
        let (Some(anchor), Some(s)) = (&self.anchor, self.t) else {
            let e = "a corrected layer before the network was called";
            return Err(Error::Parameter(e.into()));
        };
        let step = Correction {
            t: anchor.t.levels(),
            s: s.levels(),
        };
        let x_t = |first: usize, row: &mut [f32]| anchor.copy_x_t(first, row);
        let before = |first: usize, row: &mut [f32]| anchor.copy_x0_hat(first, row);
        let meter = &self.meter;
        let corrected = self.prior.correct(step, &self.x_t, &x_t, &before, meter);
        let mut x0_hat = corrected?;
        x0_hat.project(self.grey, self.size);
        Ok(x0_hat)
    }

    /// x0_hat, taken out of the chain and predicted where x_t lies. x_t is in the memory of the
    /// machine after that.
    pub(super) fn take_x0_hat_and_download(&mut self) -> Result<Planes> {
        let x0_hat = self.take_x0_hat()?;
        self.download()?;
        Ok(x0_hat)
    }

    /// The step from the present noise level to `s`.
    pub fn step(&self, s: Sigma) -> Step {
        Step { t: self.t, s }
    }

    /// x_t and its noise level in 8-bit levels; none at the start.
    ///
    /// # Errors
    /// [`Error::Backend`] if the device fails that x_t lies on.
    pub fn state(&mut self) -> Result<Option<(&Planes, f64)>> {
        self.download()?;
        Ok(self.t.map(|t| (&self.x_t, t.levels())))
    }

    /// E[x_0 | x_t] of a state with noise of `sigma` levels.
    ///
    /// # Errors
    /// [`Error::Backend`] if the network fails.
    pub fn predict(&self, x_t: impl Borrow<Planes>, sigma: f64) -> Result<Planes> {
        let n = self.ensemble;
        let mut x0_hat = self.prior.predict(x_t, sigma, n, &self.meter)?;
        x0_hat.project(self.grey, self.size);
        Ok(x0_hat)
    }

    /// Knowledge that both ends share about the next layer.
    pub fn shared(&self) -> Shared<'_> {
        Shared {
            meter: &self.meter,
            code: self.code,
            transform: &self.transform,
            stream: Stream::new(self.seed, self.layer),
        }
    }
}

/// Replaces x_t by the mean of p(x_s | x_t): x <- x0_hat + rho (x - x0_hat).
pub(crate) fn to_mean(x: &mut Planes, x0_hat: &Planes, step: &Step) {
    let rho = step.rho() as f32;
    x.data
        .par_iter_mut()
        .zip(&x0_hat.data)
        .with_min_len(1 << 14)
        .for_each(|(x, x0_hat)| *x = x0_hat + rho * (*x - x0_hat));
}
