//! Priors that come with the crate.

use std::sync::OnceLock;

use crate::codes::PriorId;
use crate::error::{Error, Result};
use crate::prior::cpu::{Deferred, DeferredCorrector};
use crate::prior::ensemble::ensemble_of;
use crate::prior::prior::Prior;
use crate::prior::weights::{Inside, Weights};

/// Identity of eight hexadecimal digits.
#[cfg(any(feature = "shipped", feature = "prior-l"))]
const fn id(digits: &str) -> PriorId {
    match u32::from_str_radix(digits, 16) {
        Ok(id) => PriorId(id.to_be_bytes()),
        Err(_) => panic!("eight hexadecimal digits"),
    }
}

#[cfg(feature = "shipped")]
static S: Option<Inside> = Some(Inside {
    apart: include_bytes!(concat!(env!("OUT_DIR"), "/s.apart")),
    id: id(env!("DCODEC_PRIOR_S")),
});
#[cfg(not(feature = "shipped"))]
static S: Option<Inside> = None;
#[cfg(feature = "shipped")]
static XS: Option<Inside> = Some(Inside {
    apart: include_bytes!(concat!(env!("OUT_DIR"), "/xs.apart")),
    id: id(env!("DCODEC_PRIOR_XS")),
});
#[cfg(not(feature = "shipped"))]
static XS: Option<Inside> = None;
#[cfg(feature = "prior-l")]
static L: Option<Inside> = Some(Inside {
    apart: include_bytes!(concat!(env!("OUT_DIR"), "/l.apart")),
    id: id(env!("DCODEC_PRIOR_L")),
});
#[cfg(not(feature = "prior-l"))]
static L: Option<Inside> = None;

/// A prior that comes with the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shipped {
    /// The default. In builds with the feature `shipped`, a default one.
    S,
    /// A network of a quarter of the work, with the default: larger files, made and shown fast. It
    /// is the prior of effort 1.
    Xs,
    /// A larger network: smaller files for more work. In builds with the feature `prior-l`, a
    /// default one.
    L,
}

impl Shipped {
    /// All of them, the default first.
    pub const ALL: [Shipped; 3] = [Shipped::S, Shipped::Xs, Shipped::L];

    /// `s`, `xs` or `l`.
    pub fn name(self) -> &'static str {
        match self {
            Shipped::S => "s",
            Shipped::Xs => "xs",
            Shipped::L => "l",
        }
    }

    /// The prior of that name.
    pub fn named(name: &str) -> Option<Shipped> {
        Shipped::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Prior that displays the states of this one's chains better than itself, if this build has
    /// it. See [`Display`](crate::Display).
    pub fn display(self) -> Option<Shipped> {
        match self {
            Shipped::S => L.as_ref().map(|_| Shipped::L),
            Shipped::Xs => S.as_ref().map(|_| Shipped::S),
            Shipped::L => None,
        }
    }

    /// The prior of files of an effort, if nothing else is asked for: [`Shipped::Xs`] for 1, the
    /// fast tier, else [`Shipped::S`].
    pub fn of_effort(level: u8) -> Shipped {
        match level {
            1 => Shipped::Xs,
            _ => Shipped::S,
        }
    }

    /// Prior that files of this identity need, and the size of its ensemble. None if this build
    /// lacks it.
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
    ///     assert!(decoded.coverage.complete);
    /// }
    /// # Ok::<(), dcodec::Error>(())
    /// ```
    pub fn of(id: PriorId) -> Option<(Shipped, usize)> {
        Shipped::ALL.into_iter().find_map(|shipped| {
            let own = shipped.file().ok()?.id;
            Some((shipped, ensemble_of(own, id)?))
        })
    }

    /// The weights file of the prior, byte for byte.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this build lacks it.
    pub fn file_bytes(self) -> Result<Vec<u8>> {
        Ok(self.file()?.file())
    }

    /// Weights of the prior.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this build lacks them, [`Error::Backend`] if they cannot be read.
    pub fn weights(self) -> Result<Weights> {
        self.file()?.weights()
    }

    /// The prior on the CPU, by our own network. The network is made in its first call.
    ///
    /// # Errors
    /// As [`Shipped::weights`].
    pub fn prior(self) -> Result<Prior> {
        let &file = self.file()?;
        let corrector = DeferredCorrector::of_file(file)?;
        Ok(Prior::new(Deferred::new(file)?, file.id).with_corrector(corrector))
    }

    /// The prior, with one network for all users in the process.
    ///
    /// # Errors
    /// As [`Shipped::weights`].
    pub fn shared(self) -> Result<Prior> {
        static PRIORS: [OnceLock<Prior>; Shipped::ALL.len()] =
            [const { OnceLock::new() }; Shipped::ALL.len()];
        let cell = &PRIORS[self as usize];
        match cell.get() {
            Some(prior) => Ok(prior.clone()),
            None => {
                let prior = self.prior()?;
                Ok(cell.get_or_init(|| prior).clone())
            }
        }
    }

    fn file(self) -> Result<&'static Inside> {
        let file = match self {
            Shipped::S => S.as_ref(),
            Shipped::Xs => XS.as_ref(),
            Shipped::L => L.as_ref(),
        };
        file.ok_or_else(|| {
            let name = self.name();
            Error::Unsupported(format!("this build lacks the weights of the prior {name}"))
        })
    }
}

impl Weights {
    /// Weights of the default prior, [`Shipped::S`].
    ///
    /// # Errors
    /// As [`Shipped::weights`].
    pub fn shipped() -> Result<Self> {
        Shipped::S.weights()
    }
}

impl Prior {
    /// The default prior, [`Shipped::S`].
    ///
    /// # Errors
    /// As [`Shipped::weights`].
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
                Ok(file) => {
                    let weights = shipped.weights().unwrap();
                    assert_eq!(
                        weights.id(),
                        Weights::from_bytes(&file.file()).unwrap().id()
                    );
                    for n in crate::prior::ensemble::ENSEMBLES {
                        let id = crate::prior::ensemble::ensemble_id(weights.id(), n);
                        assert_eq!(Shipped::of(id), Some((shipped, n)));
                    }
                }
                Err(e) => {
                    assert!(matches!(e, Error::Unsupported(_)), "{e}");
                    assert!(shipped.weights().is_err() && shipped.prior().is_err());
                }
            }
        }
        assert_eq!(Shipped::named("shipped"), None);
    }
}
