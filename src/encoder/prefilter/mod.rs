//! The rate-targeted pre-filter: the picture that the chain is sent to, without faint components
//! that its file has no bits for.
//!
//! White noise of level sigma_0 at the end of a chain costs bits for everything in a picture, down
//! to components so faint that x0_hat hardly shows them. An optimal code spends nothing there. For
//! Gaussian values its test channel has a filter before the noise as well as the estimator after it
//! (Berger 1971; Zamir, Kochman and Erez 2008). The filter takes a component of variance v down to
//! about v / (v + (k sigma_0)^2) of it.
//!
//! The prior knows the components of a picture: the filter is x0_hat of x_0 itself, as if it were a
//! state with noise of k sigma_0. A fifth of the difference to x0_hat as through heavier noise is
//! added, since components in between come out of the chain too weak. Where that loses, x_0 stays
//! (`restore_where_worse`).
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

/// k: the filter takes x_0 for a state with noise of this factor times the level at the end.
const FAINT: f64 = 0.4;

/// The factor of the heavier noise. Components between the two come out too weak.
const WEAK: f64 = 1.0;

/// Share of the difference between the two that is added.
const LIFT: f64 = 0.2;

/// A chain of a filtered picture ends at a level lower by this factor.
const LOWER: f64 = 0.88;

/// Ends that differ by less than this factor count as one.
const SAME: f64 = 1.3;

/// A picture is filtered once its chain is within this factor of its end. Until then faint
/// components cost next to nothing.
const NEAR: f64 = 6.0;

/// The highest end in levels for which filters were measured. Where chains end above, pictures are
/// hardly seen.
const HIGHEST: f64 = 100.0;

/// The end of a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// This noise level in levels.
    Known(f64),
    /// About the level `end`, if the chain goes on to x_0 from the level `t`, both in levels.
    Expected { end: f64, t: f64 },
}

/// The filter of one picture.
#[derive(Debug, Default)]
pub(crate) struct Prefilter {
    /// The end in levels for which the picture was last filtered.
    end: Option<f64>,
}

impl Prefilter {
    /// The end in levels for which the picture is to be filtered now. None if it is already.
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

/// The filtered planes of `picture`, for a chain that ends at about `end` levels.
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

/// The filter for a chain that ends at `end` levels, as a sum of terms (factor, level). A term is
/// the x0_hat that x_0 would have if it were an x_t of this noise level, or x_0 itself where the
/// level is 0.
fn terms(end: f64) -> Vec<(f32, f64)> {
    let faint = FAINT * end;
    // The network is not to be trusted below its lowest level. A smaller share of its x0_hat there
    // does the same to what stands out.
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
