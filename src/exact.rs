//! The end of the chain: x_0 itself, coded under what x_t and x0_hat say of it.

use crate::container::{Header, Parser, PartName};
use crate::entropy::{Reached, Side, decode_exact, encode_exact};
use crate::error::Result;
use crate::picture::Picture;
use crate::reverse::{Chain, View};

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

/// What the chain knows at its end.
fn side<'a>(chain: &'a mut Chain, header: &Header) -> Result<Side<'a>> {
    let (x_t, x0_hat) = chain.state_and_prediction()?;
    Ok(Side {
        size: (header.width as usize, header.height as usize),
        planes: header.coded_size(),
        channels: if header.rgb { 3 } else { 1 },
        bits: if header.deep { 16 } else { 8 },
        x_t: &x_t.data,
        x0_hat: &x0_hat.data,
    })
}

/// The payload that completes `picture` at the end of the chain.
pub fn encode(chain: &mut Chain, header: &Header, picture: &Picture) -> Result<Vec<u8>> {
    let side = side(chain, header)?;
    Ok(encode_exact(&side, |y, row| picture.read_row(y, row)))
}

/// Bits a sample of the middle of a picture, of at most 256 x 256 pixels, for a receiver who knows nothing of it.
pub fn cost(picture: &Picture) -> f64 {
    let full = (picture.width() as usize, picture.height() as usize);
    let size = (full.0.min(256), full.1.min(256));
    let channels = picture.colour().channels();
    let nothing = vec![0.0; 3 * size.0 * size.1];
    let side = Side {
        size,
        planes: size,
        channels,
        bits: picture.depth().bits(),
        x_t: &nothing,
        x0_hat: &nothing,
    };
    let (left, top) = ((full.0 - size.0) / 2, (full.1 - size.1) / 2);
    let mut line = vec![0; full.0 * channels];
    let payload = encode_exact(&side, |y, row| {
        picture.read_row(top + y, &mut line);
        row.copy_from_slice(&line[left * channels..][..row.len()]);
    });
    8.0 * payload.len() as f64 / (size.0 * size.1 * channels) as f64
}

/// Exact rows from the top of a picture.
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
        let side = side(chain, header)?;
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
    pub fn of(parser: &Parser, whole: &'a Option<Rows>, chain: &mut Chain) -> Result<Self> {
        let part = parser.partial_part().filter(|p| p.0 == PartName::EXACT);
        Ok(match (whole, parser.header(), part) {
            (Some(rows), ..) => Exacts::Whole(rows),
            (_, Some(header), Some((_, payload))) => {
                Exacts::Part(Rows::decode(chain, header, payload)?)
            }
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
    pub fn view<'p>(&self, view: View<'p>) -> View<'p> {
        match self.state() {
            Exact::All => View::PLAIN,
            _ => view,
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
