//! The way in which states of the chain are displayed (clause 18.6).

use crate::error::Result;
use crate::prior::{Look, Postfilter, Prior, Shipped};

/// The way in which a state is displayed: by which prior, over how many orientations, and with
/// which post-filter.
#[derive(Debug, Clone)]
pub struct Display {
    /// The prior that predicts the display. Without one, it is the prior of the chain.
    prior: Option<Prior>,
    /// Size of its geometric self-ensemble, 1..=8. The prior of the chain is averaged over at least
    /// as many orientations as in the chain.
    ensemble: usize,
    postfilter: Option<Postfilter>,
}

/// Size of the ensemble that displays by a file's own prior. Four orientations have four fifths of
/// the gain of eight, for three calls of the network instead of seven.
const OWN_ENSEMBLE: usize = 4;

impl Display {
    /// The fastest display: x0_hat as it is in the chain (clauses 17 and 18).
    pub const PLAIN: Self = Display {
        prior: None,
        ensemble: 1,
        postfilter: None,
    };

    /// The display of files of `prior` that is closest to the picture for its time.
    ///
    /// If this build has a larger shipped prior, that one displays. Otherwise `prior` itself does,
    /// averaged over four orientations if it knows all of them. Files of shipped priors are
    /// post-filtered.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::error::Error::Backend) if the weights of the larger prior cannot
    /// be read.
    pub fn recommended(prior: &Prior) -> Result<Self> {
        let shipped = Shipped::of(prior.id()).and_then(|(shipped, _)| shipped.display());
        let other = shipped.map(Shipped::shared).transpose()?;
        Ok(Self::by(prior, other))
    }

    /// The recommended display of files of `prior` by `other`, or by `prior` itself if there is no
    /// other.
    pub fn by(prior: &Prior, other: Option<Prior>) -> Self {
        let shipped = Shipped::of(prior.id());
        let ensemble = match (&other, shipped) {
            // Its files are to be shown fast.
            (_, Some((Shipped::Xs, _))) => 1,
            (None, _) if prior.any_orientation() => OWN_ENSEMBLE,
            _ => 1,
        };
        Display {
            prior: other,
            ensemble,
            postfilter: shipped.and_then(|_| Postfilter::shipped(Look::Mean)),
        }
    }

    /// Sets the post-filter. None shows what the prior predicts.
    pub fn postfilter(mut self, postfilter: Option<Postfilter>) -> Self {
        self.postfilter = postfilter;
        self
    }

    /// Sets the number of orientations of the picture that are averaged, 1..=8.
    pub fn ensemble(mut self, n: usize) -> Self {
        self.ensemble = n.clamp(1, 8);
        self
    }

    /// Number of orientations that are averaged.
    pub fn ensemble_size(&self) -> usize {
        self.ensemble
    }

    /// The prior that predicts the display, if it is not the file's own.
    pub fn prior(&self) -> Option<&Prior> {
        self.prior.as_ref()
    }

    /// The post-filter, if there is one. Builds that cannot have one, such as the module for pages,
    /// leave its code out.
    pub(crate) fn filter(&self) -> Option<&Postfilter> {
        self.postfilter.as_ref().filter(|_| Postfilter::AVAILABLE)
    }

    /// This display, but by the file's own prior and nothing else.
    pub(crate) fn by_own_prior(self) -> Self {
        Display {
            prior: None,
            postfilter: None,
            ..self
        }
    }

    /// True if x0_hat is displayed as it is in the chain.
    pub fn is_plain(&self) -> bool {
        self.prior.is_none() && self.ensemble == 1 && self.filter().is_none()
    }
}
