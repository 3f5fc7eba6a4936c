//! Errors, sorted by who has to act on them.

use std::path::PathBuf;

use crate::codes::PriorId;

/// Result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by the one who has to act: the world, the bytes, this build, the caller, the limits,
/// the network's back end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes break the specification.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A valid file that this build cannot decode.
    #[error("{0}")]
    Unsupported(String),
    /// A valid file that was made with another prior.
    #[error("the file needs the prior {needed}, not {given}")]
    WrongPrior {
        /// The identity in the header.
        needed: PriorId,
        /// The identity of the decoder's prior.
        given: PriorId,
    },
    /// The caller asked for something impossible.
    #[error("{0}")]
    Parameter(String),
    /// The picture is over a limit that the caller may raise.
    #[error("{0}")]
    Limits(String),
    /// The weights or the tensor library failed.
    #[error("prior: {0}")]
    Backend(String),
    /// A [`Denoiser`](crate::prior::Denoiser) of the caller's own failed, for this reason.
    #[error("denoiser: {0}")]
    Denoiser(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller's callback asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Bytes that break the specification, with the place where they do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} at byte {offset}: {reason} (clause {clause})")]
#[non_exhaustive]
pub struct FormatError {
    /// Offset in bytes of the part from the start of the file.
    pub offset: u64,
    /// Name of the part, for instance `layer 7`.
    pub part: String,
    /// The rule that is broken, with the number in the file and the limit.
    pub reason: String,
    /// The clause of `codec-spec/format.md` that states the rule, for instance `5.5`.
    pub clause: &'static str,
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io {
            path: path.into(),
            source,
        }
    }
}
