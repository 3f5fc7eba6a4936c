//! One picture encoded.

use std::borrow::Cow;

use crate::encoder::report::Encoded;
use crate::encoder::session::Session;
use crate::encoder::settings::Encoder;
use crate::encoder::target::Target;
use crate::error::{Error, Result};
use crate::pixels::picture::Picture;
use crate::prior::ENSEMBLES;
use crate::progress::{Report, checked, unheard};

impl Encoder {
    /// Encodes one picture. A lossy file is made of [`Picture::fill_invisible`].
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
        let picture = &*match self.target.is_lossless() {
            true => Cow::Borrowed(picture),
            false => picture.fill_invisible(),
        };
        let encoded = self.encode_to(picture, self.target.with_default_quality(picture), report)?;
        if self.target != Target::Lossless(None) || encoded.bytes.len() <= picture.samples().bytes()
        {
            return Ok(encoded);
        }
        // Pure noise: layers of it cost more bits than they save.
        let other = self.encode_to(picture, Target::Lossless(Some(0.0)), report)?;
        Ok(if other.bytes.len() < encoded.bytes.len() {
            other
        } else {
            encoded
        })
    }

    /// One encode for `target`, which has a quality if it is lossless.
    fn encode_to(
        &self,
        picture: &Picture,
        target: Target,
        report: &mut Report<'_>,
    ) -> Result<Encoded> {
        let mut session = Session::begin(self, picture, target)?;
        while let Some(plan) = session.next()? {
            let whole = session.send(&plan)?;
            checked(report(session.progress(&plan)))?;
            if !whole {
                break;
            }
        }
        session.finish()
    }
}
