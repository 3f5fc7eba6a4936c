//! What the chain is sent to: the picture without what its file has no bits for.
//!
//! White noise of level sigma_0 at the end of a chain costs bits for everything in a picture, down to what is so faint that x0_hat hardly
//! shows it. An optimal code spends nothing there: for Gaussian values its test channel has a filter before the noise as well as
//! the estimator behind it (Berger 1971; Zamir, Kochman and Erez 2008), and the filter takes a component of variance v down to about
//! v / (v + (k sigma_0)^2) of it. What a component is in a picture the prior knows: the filter is x0_hat of x_0 itself, as if it were a state
//! with noise of k sigma_0. A tenth of the difference to x0_hat as through heavier noise is added, since what is in between comes out of
//! the chain too weak. Where that loses, x_0 stays (`restore_where_worse`).
//!
//! Format and decoder know nothing of it.

mod guard;

use std::borrow::Cow;

use crate::codes::Colour;
use crate::encoder::prefilter::guard::restore_where_worse;
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::{Planar, Planes};
use crate::prior::{LOWEST_SIGMA, Prior};
use crate::timings::Meter;

/// k
const FAINT: f64 = 0.4;

/// The same for what comes out too weak.
const WEAK: f64 = 1.6;

/// How much of that is added.
const LIFT: f64 = 0.1;

/// A chain that is sent to less ends at a lower level.
const LOWER: f64 = 0.88;

/// Ends that differ by less than this factor count as one.
const SAME: f64 = 1.3;

/// Where a chain will end is not asked before it is within this factor of it: until then faint things cost next to nothing.
const NEAR: f64 = 6.0;

/// The highest end of which anything is known, in levels; where chains end above, pictures are hardly seen.
const HIGHEST: f64 = 100.0;

/// Where a chain ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// At this noise level in levels.
    Known(f64),
    /// At about this one, if it goes on to x_0 from the level `t`.
    Expected { end: f64, t: f64 },
}

/// The filter of one picture.
#[derive(Debug, Default)]
pub(crate) struct Prefilter {
    /// Where the chain was taken to end when the picture was last filtered.
    end: Option<f64>,
}

impl Prefilter {
    /// The end that the picture is to be filtered for now, if it is not yet.
    pub fn due(&mut self, end: End) -> Option<f64> {
        let end = match end {
            End::Known(end) => end,
            End::Expected { end, t } if t > NEAR * end => return None,
            End::Expected { end, .. } => LOWER * end,
        };
        let same = |last: f64| end < SAME * last && last < SAME * end;
        if self.end.is_some_and(same) {
            return None;
        }
        self.end = Some(end);
        self.end
    }
}

/// What a chain that ends at about `end` levels is to be sent to.
///
/// # Errors
/// [`Error::Backend`](crate::Error::Backend) if the network fails.
pub(crate) fn filtered(
    prior: &Prior,
    picture: &Picture,
    end: f64,
    meter: &Meter,
) -> Result<Planar> {
    let x_0 = picture.to_planar();
    // An end that is not a number, of a picture without error, is the lowest.
    let end = if end > LOWEST_SIGMA {
        end
    } else {
        LOWEST_SIGMA
    };
    let end = end.min(HIGHEST);
    let terms = terms(end);
    prior.map_tiles(&x_0, meter, |x_0, denoise| {
        let mut sum = Planes::zeros(x_0.width, x_0.height);
        for &(factor, sigma) in &terms {
            let term = match sigma {
                0.0 => Cow::Borrowed(x_0),
                sigma => Cow::Owned(denoise(x_0, sigma)?),
            };
            let values = sum.data.iter_mut().zip(&term.data);
            values.for_each(|(sum, v)| *sum += factor * v);
        }
        restore_where_worse(x_0, &mut sum, end, |x_t| denoise(x_t, end))?;
        if picture.colour() == Colour::Grey {
            sum.equalise();
        }
        Ok(sum)
    })
}

/// The filter for a chain that ends at `end`: factors of what x0_hat would be if x_0 were an x_t of these noise levels, or of x_0 itself
/// where the level is 0.
fn terms(end: f64) -> Vec<(f32, f64)> {
    let faint = FAINT * end;
    // Below its lowest level the network is not to be trusted: less of that is the same for what stands out.
    let share = (faint / LOWEST_SIGMA).powi(2).min(1.0);
    let lift = LIFT * share;
    let terms = [
        ((1.0 + lift) * share, faint.max(LOWEST_SIGMA)),
        ((1.0 + lift) * (1.0 - share), 0.0),
        (-lift, WEAK * end),
    ];
    let terms = terms.into_iter().filter(|term| term.0 != 0.0);
    terms
        .map(|(factor, sigma)| (factor as f32, sigma))
        .collect()
}
