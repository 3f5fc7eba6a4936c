//! The exact end of a file: x_0 itself, coded under x_t and x0_hat (annex A).

use std::{fmt, mem};

use crate::codes::{BitDepth, Form};
use crate::container::{Header, Parser, PartName};
use crate::decoder::decoded::Exact;
use crate::decoder::showing::Showing;
use crate::entropy::{Checkpoint, Method, Reached, continue_exact};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;
use crate::reverse::{Chain, Display};

/// Exact rows from the top of a picture.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Colour samples, row by row. Empty if they are of no use.
    samples: Vec<u16>,
    state: Exact,
}

/// The exact samples as their part comes.
#[derive(Default)]
pub(crate) struct ExactSamples {
    /// Those of the whole part.
    whole: Option<Rows>,
    /// Samples of the rows before the checkpoint.
    samples: Vec<u16>,
    /// Where a longer payload goes on.
    checkpoint: Option<Checkpoint>,
}

impl fmt::Debug for ExactSamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.checkpoint.as_ref().map(Checkpoint::rows);
        f.debug_struct("ExactSamples")
            .field("whole", &self.whole)
            .field("rows", &rows)
            .finish_non_exhaustive()
    }
}

impl ExactSamples {
    /// The samples of a part that is whole, if they are all there.
    #[cfg(feature = "image")]
    pub fn whole(&self, form: &Form) -> Option<Samples> {
        self.whole.as_ref()?.whole(form)
    }

    /// Takes the whole part.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the network fails.
    pub fn take(
        &mut self,
        chain: &mut Chain,
        header: &Header,
        showing: &Showing,
        payload: &[u8],
    ) -> Result<()> {
        let rows = self.decode(chain, header, showing, payload, false)?;
        *self = ExactSamples {
            whole: Some(rows),
            ..ExactSamples::default()
        };
        Ok(())
    }

    /// The rows that a payload, whole or cut, gives at the end of the chain. A longer payload will
    /// go on near its end if it is to `keep` what that needs.
    fn decode(
        &mut self,
        chain: &mut Chain,
        header: &Header,
        showing: &Showing,
        payload: &[u8],
        keep: bool,
    ) -> Result<Rows> {
        let unusable = |method: Option<Method>| match method {
            Some(method) => method.needs_chain() && (chain.t().is_none() || !chain.is_reference()),
            // Another method, or none yet.
            None => payload.len() > Method::OFFSET,
        };
        let method = Method::of(payload);
        if unusable(method) {
            return Ok(Rows {
                samples: Vec::new(),
                state: Exact::Unusable,
            });
        }
        let layout = showing.layout(header);
        let side = match method.is_some_and(Method::needs_chain) {
            true => Some(chain.side_information(header)?),
            false => None,
        };
        let mut samples = mem::take(&mut self.samples);
        let store = |_, row: &[u16]| samples.extend_from_slice(row);
        let checkpoint = &mut self.checkpoint;
        let reached = continue_exact(layout, side.as_ref(), payload, checkpoint, keep, store);
        if let Some(checkpoint) = &self.checkpoint {
            let before = checkpoint.rows() * layout.row_len();
            self.samples = samples[..before].to_vec();
        }
        let state = match reached {
            Reached {
                crc_matches: Some(true),
                ..
            } => Exact::All,
            Reached {
                crc_matches: Some(false),
                ..
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

impl Rows {
    /// The samples, if they are all there.
    pub fn whole(&self, form: &Form) -> Option<Samples> {
        (self.state == Exact::All).then(|| match form.depth {
            BitDepth::Eight => self
                .samples
                .iter()
                .map(|&v| v as u8)
                .collect::<Vec<_>>()
                .into(),
            BitDepth::Sixteen => self.samples.clone().into(),
        })
    }
}

/// The exact rows of the bytes so far.
pub(crate) enum ExactRows<'a> {
    /// The exact part has not begun.
    None,
    /// The exact part is whole.
    Whole(&'a Rows),
    /// The exact part is under way.
    Part(Rows),
}

impl<'a> ExactRows<'a> {
    /// The rows of a part that is whole, else of the part under way. These are decoded from where
    /// the last ones ended if `keep` was true then.
    ///
    /// # Errors
    /// Those of [`ExactSamples::take`].
    pub fn of(
        parser: &Parser,
        header: &Header,
        showing: &Showing,
        exact: &'a mut ExactSamples,
        chain: &mut Chain,
        keep: bool,
    ) -> Result<Self> {
        let part = parser.partial_part().filter(|p| p.0 == PartName::EXACT);
        Ok(match (part, &exact.whole) {
            (_, Some(_)) => exact
                .whole
                .as_ref()
                .map_or(ExactRows::None, ExactRows::Whole),
            (Some((_, payload)), None) => {
                ExactRows::Part(exact.decode(chain, header, showing, payload, keep)?)
            }
            _ => ExactRows::None,
        })
    }

    /// The share of the picture that is exact.
    pub fn state(&self) -> Exact {
        match self {
            ExactRows::None => Exact::None,
            ExactRows::Whole(rows) => rows.state,
            ExactRows::Part(rows) => rows.state,
        }
    }

    /// The samples, if they are all there.
    pub fn whole(&self, form: &Form) -> Option<Samples> {
        match self {
            ExactRows::None => None,
            ExactRows::Whole(rows) => rows.whole(form),
            ExactRows::Part(rows) => rows.whole(form),
        }
    }

    /// `display`, or the plain one where exact rows cover the whole picture.
    pub fn display(&self, display: Display) -> Display {
        match self.state() {
            Exact::All => Display::PLAIN,
            _ => display,
        }
    }

    /// Puts the rows in the place of the lossy ones. Returns the share of the picture that is
    /// exact.
    pub fn lay(&self, picture: &mut Picture) -> Exact {
        if let ExactRows::Whole(Rows { samples, .. }) | ExactRows::Part(Rows { samples, .. }) = self
        {
            picture.write_rows(samples);
        }
        self.state()
    }
}
