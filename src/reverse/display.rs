//! The way in which states of the chain are displayed.

use crate::error::Result;
use crate::prior::{Prior, Shipped};

/// How a state is displayed (clause 18.6).
#[derive(Debug, Clone)]
pub struct Display {
    /// The prior that predicts it. Without one, the chain's own.
    prior: Option<Prior>,
    /// Size of its geometric self-ensemble, 1..=8. The chain's own prior is averaged over as many orientations as in the
    /// chain at least.
    ensemble: usize,
}

/// Size of the ensemble that displays by a file's own prior: four orientations have four fifths of what eight gain, for three
/// calls of the network instead of seven.
const OWN_ENSEMBLE: usize = 4;

/// Size of the ensemble that displays by another prior: two calls of a network of twice the work.
const OTHER_ENSEMBLE: usize = 2;

impl Display {
    /// x0_hat as it is in the chain (clauses 17 and 18): the fastest.
    pub const PLAIN: Self = Display {
        prior: None,
        ensemble: 1,
    };

    /// The display of files of `prior` that is closest to the picture for its time: by the larger shipped prior where this
    /// build has one, averaged over two orientations, else by `prior` itself over four; over one where a prior knows upright
    /// pictures only.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the weights of the larger prior cannot be read.
    pub fn recommended(prior: &Prior) -> Result<Self> {
        let shipped = Shipped::of(prior.id()).and_then(|(shipped, _)| shipped.display());
        let other = shipped.map(Shipped::prior).transpose()?;
        Ok(Self::by(prior, other))
    }

    /// The recommended display of files of `prior` by `other`, or by `prior` itself without.
    pub fn by(prior: &Prior, other: Option<Prior>) -> Self {
        let ensemble = match &other {
            Some(other) if other.any_orientation() => OTHER_ENSEMBLE,
            None if prior.any_orientation() => OWN_ENSEMBLE,
            _ => 1,
        };
        Display {
            prior: other,
            ensemble,
        }
    }

    /// The same averaged over `n` orientations of the picture, 1..=8.
    pub fn ensemble(mut self, n: usize) -> Self {
        self.ensemble = n.clamp(1, 8);
        self
    }

    /// Size of the ensemble.
    pub fn orientations(&self) -> usize {
        self.ensemble
    }

    /// The prior that predicts what is displayed, if it is not the file's own.
    pub fn prior(&self) -> Option<&Prior> {
        self.prior.as_ref()
    }

    /// The same by the file's own prior.
    pub(crate) fn without_prior(self) -> Self {
        Display {
            prior: None,
            ..self
        }
    }

    /// Whether x0_hat is displayed as it is in the chain.
    pub fn is_plain(&self) -> bool {
        self.prior.is_none() && self.ensemble == 1
    }
}
