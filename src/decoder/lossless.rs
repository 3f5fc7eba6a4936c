//! The end of the chain: x_0 itself, coded under what x_t and x0_hat say of it.

use crate::container::{Header, Parser, PartName};
use crate::entropy::{Reached, decode_exact};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::reverse::{Chain, Display};

/// How much of a decoded picture is exact: equal to what was encoded, sample by sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exact {
    /// Nothing: the file has no exact part, or its bytes have not come.
    #[default]
    None,
    /// So many rows from the top.
    Rows(u32),
    /// All of it, as its check proves.
    All,
    /// The file is exact, but this decoder's network is not the reference arithmetic (see [`Denoiser::is_reference`]),
    /// or the check does not fit; the lossy picture is shown.
    ///
    /// [`Denoiser::is_reference`]: crate::prior::Denoiser::is_reference
    Unusable,
}

/// Exact rows from the top of a picture.
#[derive(Debug)]
pub struct Rows {
    samples: Vec<u16>,
    state: Exact,
}

impl Rows {
    /// The rows that a payload, whole or cut, gives at the end of the chain.
    pub fn decode(chain: &mut Chain, header: &Header, payload: &[u8]) -> Result<Self> {
        let mut samples = Vec::new();
        if !chain.is_reference() {
            let state = Exact::Unusable;
            return Ok(Rows { samples, state });
        }
        let side = chain.side_information(header)?;
        let reached = decode_exact(&side, payload, |_, row| samples.extend_from_slice(row));
        let state = match reached {
            Reached {
                sound: Some(true), ..
            } => Exact::All,
            Reached {
                sound: Some(false), ..
            } => Exact::Unusable,
            Reached { rows: 0, .. } => Exact::None,
            Reached { rows, .. } => Exact::Rows(rows as u32),
        };
        if state == Exact::Unusable {
            samples = Vec::new();
        }
        Ok(Rows { samples, state })
    }
}

/// The exact rows of the bytes so far.
pub enum Exacts<'a> {
    None,
    Whole(&'a Rows),
    Part(Rows),
}

impl<'a> Exacts<'a> {
    /// Those of the part under way, unless it is `whole`.
    pub fn of(
        parser: &Parser,
        header: &Header,
        whole: &'a Option<Rows>,
        chain: &mut Chain,
    ) -> Result<Self> {
        let part = parser.partial_part().filter(|p| p.0 == PartName::EXACT);
        Ok(match (whole, part) {
            (Some(rows), _) => Exacts::Whole(rows),
            (None, Some((_, payload))) => Exacts::Part(Rows::decode(chain, header, payload)?),
            _ => Exacts::None,
        })
    }

    /// How many there are.
    pub fn state(&self) -> Exact {
        match self {
            Exacts::None => Exact::None,
            Exacts::Whole(rows) => rows.state,
            Exacts::Part(rows) => rows.state,
        }
    }

    /// How to show the picture under them: plainly, if nothing of it will be seen.
    pub fn display(&self, display: Display) -> Display {
        match self.state() {
            Exact::All => Display::PLAIN,
            _ => display,
        }
    }

    /// Puts them in the place of the lossy ones.
    pub fn lay(&self, picture: &mut Picture) -> Exact {
        if let Exacts::Whole(Rows { samples, .. }) | Exacts::Part(Rows { samples, .. }) = self {
            picture.write_rows(samples);
        }
        self.state()
    }
}
