//! Errors of picture files and measurements.

use std::io;
use std::path::{Path, PathBuf};

use crate::io::name;

/// Result of the calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason for a failure. Files are called as in messages: `-` is standard input or output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{path}: {source}", path = name(.path))]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The codec failed.
    #[error("{}{source}", prefix(.about))]
    Codec {
        /// The file that it worked on.
        about: Option<PathBuf>,
        /// The codec's reason.
        source: dcodec::Error,
    },
    /// A picture file is damaged.
    #[error("{name}: {reason}")]
    Damaged { name: String, reason: String },
    /// A file is no picture, or a picture that cannot be coded.
    #[error("{name}: {reason}")]
    Picture { name: String, reason: String },
    /// A coded file stands where a picture is expected.
    #[error("{name}: this is a .dfc file already")]
    Coded { name: String },
    /// A picture is over the caller's limit.
    #[error("{name}: {width} x {height} pixels are over the limit of {limit}")]
    TooLarge {
        name: String,
        width: u32,
        height: u32,
        limit: u64,
    },
    /// A file is longer than anything of its kind.
    #[error("{name}: more than {limit} bytes, the limit for this file")]
    TooLong { name: String, limit: u64 },
    /// A folder without the files that are asked for.
    #[error("{folder}: no {kind} in this folder{}", if *.folders { ", only folders" } else { "" })]
    NoFiles {
        folder: String,
        kind: &'static str,
        /// True if it holds other folders.
        folders: bool,
    },
    /// An output exists and is not to be replaced.
    #[error("{path}: exists already", path = name(.0))]
    Exists(PathBuf),
    /// An output is one of the inputs.
    #[error("{path}: the output would be the input itself", path = name(.0))]
    IsInput(PathBuf),
    /// Binary data would go to a terminal.
    #[error("standard output is a terminal: binary data is not written there")]
    Terminal,
    /// A file of something else stands where the journal of a run is expected.
    #[error("{path}: exists and is no state of an interrupted run", path = name(.0))]
    ForeignJournal(PathBuf),
    /// The caller asked for something impossible.
    #[error("{0}")]
    Setting(String),
    /// Nothing came of the measurements.
    #[error("{0}")]
    Nothing(&'static str),
    /// There is no memory for a drawing.
    #[error("the {0} could not be drawn")]
    Drawing(&'static str),
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::Io {
            path: path.into(),
            source,
        }
    }

    /// An [`Error::Picture`] about the file called `name`.
    pub(crate) fn picture(name: &str, reason: impl Into<String>) -> Self {
        Error::Picture {
            name: name.to_owned(),
            reason: reason.into(),
        }
    }

    /// True if the caller asked for something impossible, false if the work failed.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Error::Exists(_)
                | Error::IsInput(_)
                | Error::Terminal
                | Error::NoFiles { .. }
                | Error::ForeignJournal(_)
                | Error::Setting(_)
                | Error::Codec {
                    source: dcodec::Error::Parameter(_),
                    ..
                }
        )
    }
}

impl From<dcodec::Error> for Error {
    fn from(source: dcodec::Error) -> Self {
        Error::Codec {
            about: None,
            source,
        }
    }
}

/// The file's name before an error of the codec, which names only files that it opened itself.
pub fn prefix(about: &Option<PathBuf>) -> String {
    match about {
        Some(path) => format!("{}: ", name(path)),
        None => String::new(),
    }
}

/// Adds the file that an error of the codec is about.
pub trait About<T> {
    fn about(self, path: &Path) -> Result<T>;
}

impl<T> About<T> for dcodec::Result<T> {
    fn about(self, path: &Path) -> Result<T> {
        self.map_err(|source| {
            // These name their file.
            let named = matches!(source, dcodec::Error::Io { .. });
            Error::Codec {
                about: (!named).then(|| path.into()),
                source,
            }
        })
    }
}
