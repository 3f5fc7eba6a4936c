//! The priors that come with the crate.

use super::Prior;
use super::weights::{Weights, identify, orientations_of};
use crate::container::PriorId;
use crate::error::{Error, Result};

static S: &[u8] = include_bytes!("../../models/s.safetensors");
#[cfg(prior_l)]
static L: Option<&[u8]> = Some(include_bytes!("../../models/l.safetensors"));
#[cfg(not(prior_l))]
static L: Option<&[u8]> = None;

/// A prior that comes with the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipped {
    /// The default, in every build.
    S,
    /// A larger network: smaller files for more work. In builds with the feature `prior-l` (a default one) from sources that have
    /// its weights, which the package on crates.io has not.
    L,
}

impl Shipped {
    /// All of them, the default first.
    pub const ALL: [Shipped; 2] = [Shipped::S, Shipped::L];

    /// `s` or `l`.
    pub fn name(self) -> &'static str {
        match self {
            Shipped::S => "s",
            Shipped::L => "l",
        }
    }

    /// The prior of that name.
    pub fn named(name: &str) -> Option<Shipped> {
        Shipped::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The prior that shows the states of this one's chains better than itself, if this build has it: see
    /// [`StreamDecoder::refiner`](crate::StreamDecoder::refiner).
    pub fn refiner(self) -> Option<Shipped> {
        match self {
            Shipped::S => L.map(|_| Shipped::L),
            Shipped::L => None,
        }
    }

    /// The prior that files of this identity need, and over how many orientations averaged, if this build has it.
    ///
    /// ```
    /// use dcodec::container::{Event, Parser};
    /// use dcodec::prior::Shipped;
    /// use dcodec::{Colour, DEFAULT_MAX_PIXELS, Decoder, Encoder, Picture};
    ///
    /// # let picture = Picture::new(32, 24, Colour::Grey, vec![77; 32 * 24], None)?;
    /// # let file = Encoder::new(&Shipped::S.prior()?).encode(&picture)?.bytes;
    /// if let (_, Event::Header(header)) = Parser::new(DEFAULT_MAX_PIXELS).push(&file)?
    ///     && let Some((shipped, _)) = Shipped::of(header.prior)
    /// {
    ///     let decoded = Decoder::new(&shipped.prior()?).decode(&file)?;
    ///     assert!(decoded.used.complete);
    /// }
    /// # Ok::<(), dcodec::Error>(())
    /// ```
    pub fn of(id: PriorId) -> Option<(Shipped, usize)> {
        Shipped::ALL.into_iter().find_map(|shipped| {
            let own = identify(shipped.file()?);
            Some((shipped, orientations_of(own, id)?))
        })
    }

    /// Its weights.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this build has not got them, [`Error::Backend`] if they cannot be read.
    pub fn weights(self) -> Result<Weights> {
        let missing = || {
            let name = self.name();
            Error::Unsupported(format!(
                "the prior {name} is not inside this build: name its weights, models/{name}.safetensors of the project's repository"
            ))
        };
        Weights::from_bytes(self.file().ok_or_else(missing)?)
    }

    /// The prior itself, run by our own network.
    ///
    /// # Errors
    /// Those of [`Shipped::weights`].
    pub fn prior(self) -> Result<Prior> {
        Prior::from_weights(&self.weights()?)
    }

    /// The weights file.
    pub(super) fn file(self) -> Option<&'static [u8]> {
        match self {
            Shipped::S => Some(S),
            Shipped::L => L,
        }
    }
}

impl Weights {
    /// The default prior's weights: those of [`Shipped::S`].
    ///
    /// Errors: [`Error::Backend`] if they cannot be read.
    pub fn shipped() -> Result<Self> {
        Shipped::S.weights()
    }
}

impl Prior {
    /// The default prior, decoded by every build: [`Shipped::S`].
    ///
    /// Errors: [`Error::Backend`] if the weights cannot be loaded.
    pub fn shipped() -> Result<Self> {
        Shipped::S.prior()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_tell_which_prior_they_need() {
        assert_eq!(Shipped::of(PriorId([0; 4])), None);
        for shipped in Shipped::ALL {
            assert_eq!(Shipped::named(shipped.name()), Some(shipped));
            match shipped.file() {
                Some(file) => {
                    let weights = shipped.weights().unwrap();
                    assert_eq!(weights.id(), identify(file));
                    for n in super::super::ORIENTATIONS {
                        let id = super::super::averaged(weights.id(), n);
                        assert_eq!(Shipped::of(id), Some((shipped, n)));
                    }
                }
                None => {
                    let e = shipped.weights().unwrap_err();
                    assert!(matches!(e, Error::Unsupported(_)), "{e}");
                }
            }
        }
        assert_eq!(Shipped::named("shipped"), None);
    }
}
