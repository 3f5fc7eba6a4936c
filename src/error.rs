//! Errors, sorted by who has to act on them.

use std::path::PathBuf;

/// Result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by actor: the world, the bytes, this build, the caller, the limits, the network's back end.
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
    /// A valid file that this build or this prior cannot decode.
    #[error("{0}")]
    Unsupported(String),
    /// The caller asked for something impossible.
    #[error("{0}")]
    Parameter(String),
    /// The picture is over a limit that the caller may raise.
    #[error("{0}")]
    Limits(String),
    /// The weights or the tensor library failed.
    #[error("prior: {0}")]
    Backend(String),
}

/// Bytes that break the specification, with the place where they do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} at byte {offset}: {reason}")]
pub struct FormatError {
    /// Offset of the part from the start of the file.
    pub offset: u64,
    /// The part's name, for instance `layer 7`.
    pub part: String,
    /// The rule that is broken, with both numbers.
    pub reason: String,
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
