//! Steps that the device of the network takes by itself. x_t stays there until the machine asks for
//! it.

use bitvec::prelude::*;

use crate::channel::layer::Channel;
use crate::channel::split::Stages;
use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::on_device::{DeviceState, PartSigns, StepUpdate};
use crate::reverse::chain::Chain;
use crate::reverse::on_device::{OnDevice, geometry};
use crate::schedule::Sigma;
use crate::timings::Activity;

impl Chain {
    /// Brings x_t back to the memory of the machine, if it lies on a device.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails; x_t then stays on it.
    pub(crate) fn download(&mut self) -> Result<()> {
        self.on_device = match std::mem::take(&mut self.on_device) {
            OnDevice::Held(state) => match state.download(&mut self.x_t) {
                Ok(()) => OnDevice::Empty(state),
                Err(e) => {
                    self.on_device = OnDevice::Held(state);
                    return Err(e);
                }
            },
            other => other,
        };
        Ok(())
    }

    /// Columns and rows of the planes.
    fn planes(&self) -> (usize, usize) {
        (self.x_t.width, self.x_t.height)
    }

    /// True if a device can predict: it sees one orientation, leaves x0_hat as the network made it,
    /// and keeps no anchors.
    fn suits_a_device(&self) -> bool {
        !self.corrects
            && self.boxes == 1
            && !self.grey
            && self.ensemble == 1
            && self.size == self.planes()
    }

    /// Takes the step to `s` on the device, where x_t stays. False if the machine has to take it.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails.
    pub(crate) fn advance_on_device(&mut self, s: Sigma, channel: &impl Channel) -> Result<bool> {
        // A prediction that was made already saves more than the device does.
        let predicted = self.t.is_some() && self.x0_hat.is_some();
        let Some(bits) = channel.bits().filter(|_| !predicted) else {
            return Ok(false);
        };
        if !self.suits_a_device() {
            return Ok(false);
        }
        self.upload()?;
        let OnDevice::Held(mut state) = std::mem::take(&mut self.on_device) else {
            self.on_device = OnDevice::Refused;
            return Ok(false);
        };
        let done = self.step_on_device(state.as_mut(), s, bits);
        self.on_device = OnDevice::Held(state);
        done?;
        self.t = Some(s);
        self.x0_hat = None;
        self.layer += 1;
        Ok(true)
    }

    /// Takes the step to `s` on the device, by signs that are made while the network runs.
    fn step_on_device(
        &self,
        state: &mut dyn DeviceState,
        s: Sigma,
        (bits, stages): (&BitSlice<u8, Msb0>, Stages),
    ) -> Result<()> {
        let (shared, step, size) = (self.shared(), self.step(s), self.planes());
        let signs = || shared.signs(bits, stages);
        let signs = match self.t.map(Sigma::levels) {
            Some(sigma) => {
                let meter = &self.meter;
                self.prior
                    .predict_on_device(state, size, sigma, meter, signs)?
            }
            None => signs(),
        };
        let amplitudes = shared.amplitudes(&signs);
        let parts = amplitudes.iter().enumerate().map(|(part, &amplitude)| {
            let codewords = signs.codewords(part);
            PartSigns {
                codewords,
                amplitude,
            }
        });
        let update = StepUpdate {
            rho: step.rho(),
            std: step.std(),
            key: shared.stream.key(),
            nu: self.code.nu(),
            parts: parts.collect(),
        };
        self.meter
            .time(Activity::Rotation, || state.advance(&update))
    }

    /// Predicts x0_hat of an x_t that lies on a device. None if it lies in the memory of the
    /// machine.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails.
    pub(crate) fn predict_on_device(&mut self) -> Result<Option<Planes>> {
        let (size, meter) = (self.planes(), self.meter.clone());
        match (&mut self.on_device, self.t.map(Sigma::levels)) {
            (OnDevice::Held(state), Some(sigma)) => {
                let prior = self.prior.clone();
                prior.predict_on_device(state.as_mut(), size, sigma, &meter, || {})?;
                meter.time(Activity::Network, || state.x0_hat()).map(Some)
            }
            _ => {
                self.download()?;
                Ok(None)
            }
        }
    }

    /// Brings x_t to the device, if the device has room for it.
    fn upload(&mut self) -> Result<()> {
        if let OnDevice::Unknown = self.on_device {
            let geometry = self
                .prior
                .is_on_device()
                .then(|| geometry(&self.transform, &self.x_t));
            let state = match geometry.flatten() {
                Some(geometry) => self.prior.device_state(&geometry)?,
                None => None,
            };
            self.on_device = state.map_or(OnDevice::Refused, OnDevice::Empty);
        }
        match std::mem::replace(&mut self.on_device, OnDevice::Refused) {
            OnDevice::Empty(mut state) => {
                match self.t {
                    None => state.start()?,
                    Some(_) => state.upload(&self.x_t)?,
                }
                self.on_device = OnDevice::Held(state);
            }
            other => self.on_device = other,
        }
        Ok(())
    }
}
