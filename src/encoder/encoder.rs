//! One picture encoded: the lossy file, the exact one, or the smaller of the two.

use crate::encoder::lossless;
use crate::encoder::report::Encoded;
use crate::encoder::session::Session;
use crate::encoder::settings::Encoder;
use crate::encoder::source::Source;
use crate::encoder::target::{StopRule, Target};
use crate::encoder::tune::Tune;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::prior::ENSEMBLES;
use crate::progress::{Report, checked, unheard};

/// Bits a sample, by [`lossless::cost`], below which a picture is taken for a drawing: its exact
/// samples are coded first. Photographs take two and more.
const DRAWING: f64 = 1.0;

/// Bits a sample from which on samples without a chain are not worth a try.
const PHOTOGRAPH: f64 = 3.0;

/// Bits a sample of an exact file of a drawing below which samples beside a chain are not tried.
const EASY: f64 = 0.1;

/// Share of the expected exact samples from which on a lossy file is compared with the exact one.
const SUSPICIOUS: f64 = 0.4;

/// Bytes that the exact picture is worth beyond a lossy one of a quality or a PSNR.
const WORTH: usize = 32;

/// Quality of the layers before the exact samples of a drawing that are coded beside the chain, and
/// of those of a photograph.
const QUALITIES: (f64, f64) = (25.0, 75.0);

/// Part of the exact samples of a drawing that layers before them may take, and the fewest bytes
/// that are worth it. They are a preview.
const PREVIEW: usize = 64;
const LEAST_PREVIEW: usize = 200;

impl Encoder {
    /// Encodes one picture. A lossy file is made of [`Picture::fill_invisible`], and ends in the
    /// exact picture where that takes no more bytes, or hardly more for a quality or a PSNR.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a target that no file can meet, an interest of another size, or an
    /// ensemble that is not among [`ENSEMBLES`]. [`Error::Limits`] for a side over
    /// [`MAX_SIDE`](crate::container::MAX_SIDE), metadata of
    /// [`MAX_METADATA`](crate::container::MAX_METADATA) bytes or more, or memory over the limit.
    /// [`Error::Unsupported`] for [`Target::Lossless`] under a prior whose arithmetic is not the
    /// reference. [`Error::Backend`] if the network fails.
    pub fn encode(&self, picture: &Picture) -> Result<Encoded> {
        self.encode_with(picture, &mut unheard)
    }

    /// Encodes one picture, and calls `report` after every layer.
    ///
    /// # Errors
    /// Those of [`Encoder::encode`]; [`Error::Cancelled`] if `report` asks for it.
    pub fn encode_with(&self, picture: &Picture, report: &mut Report<'_>) -> Result<Encoded> {
        if !ENSEMBLES.contains(&self.ensemble) {
            let n = self.ensemble;
            let e = format!("a prior is averaged over 1, 2, 4 or 8 orientations, not {n}");
            return Err(Error::Parameter(e));
        }
        // Before any work.
        self.check(picture, self.target)?;
        match self.target {
            Target::Lossless(Some(_)) => self.encode_to(picture, self.target, None, report),
            Target::Lossless(None) => self.lossless(picture, None, report),
            _ => self.lossy(picture, report),
        }
    }

    /// A file for a lossy target, or the exact picture where that takes hardly more bytes.
    fn lossy(&self, picture: &Picture, report: &mut Report<'_>) -> Result<Encoded> {
        let filled = &*picture.fill_invisible();
        let cost = lossless::cost(picture);
        if !self.tries_exact(&picture.form())? {
            return match cost < DRAWING {
                true => self.tuned_for_drawings(),
                false => self.clone(),
            }
            .encode_to(filled, self.target, None, report);
        }
        if cost >= DRAWING {
            let lossy = self.encode_to(filled, self.target, None, report)?;
            let suspicious = bits(&lossy) > SUSPICIOUS * cost * samples(picture);
            return match suspicious && self.prior.is_reference() {
                true => {
                    // The layers have been reported.
                    let most = Some(lossy.bytes.len());
                    Ok(smaller(self.lossless(filled, most, &mut unheard)?, lossy))
                }
                false => Ok(lossy),
            };
        }
        let exact = self.drawing(picture, Some(filled))?;
        let stop = StopRule::new(self.target, &self.header(picture.form()))?;
        if stop.bytes.is_some_and(|most| exact.bytes.len() <= most) {
            return Ok(exact);
        }
        let most = exact.bytes.len();
        let drawn = self.tuned_for_drawings();
        let lossy = drawn.encode_to(filled, self.target, Some(most), report)?;
        let worth = match stop.bytes {
            Some(_) => 0,
            None => WORTH,
        };
        Ok(match lossy.bytes.len() + worth < most {
            true => lossy,
            false => exact,
        })
    }

    /// The smallest file that ends in the exact picture. Layers are given up at `most` bytes.
    fn lossless(
        &self,
        picture: &Picture,
        most: Option<usize>,
        report: &mut Report<'_>,
    ) -> Result<Encoded> {
        let cost = lossless::cost(picture);
        let drawing = match cost < PHOTOGRAPH {
            true => Some(self.drawing(picture, None)?),
            false => None,
        };
        if let Some(drawing) = drawing
            .as_ref()
            .filter(|d| bits(d) < EASY * samples(picture))
        {
            return Ok(drawing.clone());
        }
        let quality = match cost < DRAWING {
            true => QUALITIES.0,
            false => QUALITIES.1,
        };
        let most = drawing
            .as_ref()
            .map(|d| d.bytes.len())
            .into_iter()
            .chain(most)
            .min();
        let target = Target::Lossless(Some(quality));
        let mut encoded = self.encode_to(picture, target, most, report)?;
        if let Some(drawing) = drawing {
            encoded = smaller(drawing, encoded);
        }
        if encoded.bytes.len() <= picture.samples().bytes() {
            return Ok(encoded);
        }
        // Pure noise: layers of it cost more bits than they save.
        Ok(smaller(self.drawing(picture, None)?, encoded))
    }

    /// The file of exact samples that need no chain, those of `picture` or of `other`, after layers
    /// that take a small part of it.
    fn drawing(&self, picture: &Picture, other: Option<&Picture>) -> Result<Encoded> {
        let alone = |picture| {
            let source = Source::new(picture);
            (lossless::alone(&source), source)
        };
        let other = other.filter(|&other| other != picture).map(alone);
        let best = other.into_iter().fold(alone(picture), |best, other| {
            match other.0.len() < best.0.len() {
                true => other,
                false => best,
            }
        });
        let (payload, source) = best;
        let room = picture.samples().bytes().saturating_sub(payload.len());
        let most = room.min(payload.len() / PREVIEW);
        let plain = self.clone().prefilter(false).tune(Tune::Plain);
        let mut session = Session::begin(&plain, &source, Target::Quality(75.0))?;
        if most >= LEAST_PREVIEW {
            session.preview(most)?;
        }
        session.finish(Some(payload))
    }

    /// One encode for `target`, which has a quality if it is lossless. It is given up, and comes
    /// back unfinished, once it takes more than `most` bytes.
    fn encode_to(
        &self,
        picture: &Picture,
        target: Target,
        most: Option<usize>,
        report: &mut Report<'_>,
    ) -> Result<Encoded> {
        let source = Source::new(picture);
        let mut session = Session::begin(self, &source, target)?;
        while let Some(plan) = session.next()? {
            let whole = session.send(&plan)?;
            checked(report(session.progress(&plan)))?;
            if most.is_some_and(|most| session.used() > most) {
                return session.give_up();
            }
            if !whole {
                break;
            }
        }
        session.finish(None)
    }
}

/// Number of colour samples of a picture.
fn samples(picture: &Picture) -> f64 {
    picture.samples().len() as f64
}

/// Bits of a file.
fn bits(encoded: &Encoded) -> f64 {
    8.0 * encoded.bytes.len() as f64
}

/// The smaller of two files, the first of two equal ones.
fn smaller(first: Encoded, second: Encoded) -> Encoded {
    match second.bytes.len() < first.bytes.len() {
        true => second,
        false => first,
    }
}
