//! Steps that the device of the network takes by itself: x_t stays there until the machine asks for it.

use std::fmt;

use bitvec::prelude::*;

use crate::channel::bands::COLOURS;
use crate::channel::layer::Channel;
use crate::channel::permutation::Lines;
use crate::channel::rotation::Rotation;
use crate::channel::split::Stages;
use crate::channel::transform::Mixer;
use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::on_device::{Geometry, Move, PartSigns, Place, Scales, State, Turn};
use crate::reverse::chain::Chain;
use crate::schedule::Sigma;
use crate::timings::Part;

/// What a device has of the chain.
#[derive(Default)]
pub(crate) enum Residence {
    /// Nobody asked yet.
    #[default]
    Unknown,
    /// It has no room, or no part in this chain.
    Refused,
    /// Place for x_t, which lies in the memory of the machine.
    Empty(Box<dyn State>),
    /// x_t
    Held(Box<dyn State>),
}

impl fmt::Debug for Residence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Residence::Unknown => "Unknown",
            Residence::Refused => "Refused",
            Residence::Empty(_) => "Empty",
            Residence::Held(_) => "Held",
        })
    }
}

impl Chain {
    /// Brings x_t back from the device that it may lie on.
    pub(crate) fn fetch(&mut self) -> Result<()> {
        self.residence = match std::mem::take(&mut self.residence) {
            Residence::Held(state) => match state.download(&mut self.x_t) {
                Ok(()) => Residence::Empty(state),
                Err(e) => {
                    self.residence = Residence::Held(state);
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

    /// Whether a device can predict: nothing is done to x0_hat behind the network, which sees one orientation.
    fn suits_a_device(&self) -> bool {
        !self.grey && self.ensemble == 1 && self.size == self.planes()
    }

    /// Takes the step to `s` on the device, x_t staying there; says false where that is the machine's to do.
    pub(crate) fn advance_there(&mut self, s: Sigma, channel: &impl Channel) -> Result<bool> {
        // A prediction that is there saves more than the device does.
        let predicted = self.t.is_some() && self.x0_hat.is_some();
        let Some(bits) = channel.bits().filter(|_| !predicted) else {
            return Ok(false);
        };
        if !self.suits_a_device() {
            return Ok(false);
        }
        self.move_in()?;
        let Residence::Held(mut state) = std::mem::take(&mut self.residence) else {
            self.residence = Residence::Refused;
            return Ok(false);
        };
        let done = self.step_there(state.as_mut(), s, bits);
        self.residence = Residence::Held(state);
        done?;
        self.t = Some(s);
        self.x0_hat = None;
        self.layer += 1;
        Ok(true)
    }

    fn step_there(
        &self,
        state: &mut dyn State,
        s: Sigma,
        (bits, stages): (&BitSlice<u8, Msb0>, Stages),
    ) -> Result<()> {
        let (shared, step, size) = (self.shared(), self.step(s), self.planes());
        let signs = || shared.signs(bits, stages);
        let signs = match self.t.map(Sigma::levels) {
            Some(sigma) => {
                let meter = &self.meter;
                self.prior.predict_there(state, size, sigma, meter, signs)?
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
        let to = Move {
            rho: step.rho(),
            std: step.std(),
            key: shared.stream.key(),
            nu: self.code.nu(),
            parts: parts.collect(),
        };
        self.meter.time(Part::Rotation, || state.advance(&to))
    }

    /// x0_hat of an x_t that lies on a device, if it can be predicted there.
    pub(crate) fn predict_there(&mut self) -> Result<Option<Planes>> {
        let (size, meter) = (self.planes(), self.meter.clone());
        match (&mut self.residence, self.t.map(Sigma::levels)) {
            (Residence::Held(state), Some(sigma)) => {
                let prior = self.prior.clone();
                prior.predict_there(state.as_mut(), size, sigma, &meter, || {})?;
                meter.time(Part::Network, || state.x0_hat()).map(Some)
            }
            _ => {
                self.fetch()?;
                Ok(None)
            }
        }
    }

    /// Brings x_t to the device, if it has a place for it.
    fn move_in(&mut self) -> Result<()> {
        if let Residence::Unknown = self.residence {
            let geometry = self
                .prior
                .is_resident()
                .then(|| geometry(&self.mixer, &self.x_t));
            let state = match geometry.flatten() {
                Some(geometry) => self.prior.reside(&geometry)?,
                None => None,
            };
            self.residence = state.map_or(Residence::Refused, Residence::Empty);
        }
        match std::mem::replace(&mut self.residence, Residence::Refused) {
            Residence::Empty(mut state) => {
                match self.t {
                    None => state.start()?,
                    Some(_) => state.upload(&self.x_t)?,
                }
                self.residence = Residence::Held(state);
            }
            other => self.residence = other,
        }
        Ok(())
    }
}

/// What a device has to know of the mixer of such planes; none for small ones, which have no scales.
pub(crate) fn geometry(mixer: &Mixer, planes: &Planes) -> Option<Geometry> {
    let mut base = 0;
    let turns = mixer.rotations().into_iter().map(|rotation| {
        let len = rotation.map_or(0, Rotation::len);
        // A part without values has lines for the arithmetic's sake.
        let lines = rotation.map_or(Lines::new(1), |r| *r.lines());
        base += len;
        Turn {
            base: base - len,
            len,
            width: lines.width(),
            lines: lines.count(),
            inverse: lines.inverse(),
        }
    });
    let parts: Vec<Turn> = turns.collect();
    let scales = match mixer.bands() {
        None => None,
        Some(bands) if bands.levels() == 0 => return None,
        Some(bands) => {
            let places = |level: Option<usize>| {
                [0, 1, 2].map(|colour| {
                    let (part, place) = bands.place(colour, level);
                    let first = place.start - parts[part].base;
                    Place { part, first }
                })
            };
            Some(Scales {
                averages: places(None),
                details: (1..=bands.levels()).map(|l| places(Some(l))).collect(),
                colours: COLOURS,
            })
        }
    };
    Some(Geometry {
        width: planes.width,
        height: planes.height,
        parts,
        scales,
    })
}
