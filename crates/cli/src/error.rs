//! Errors of the command, with the advice that names its flags.

use std::path::{Path, PathBuf};

use dcodec::prior::Shipped;
use dcodec_eval::error::prefix;

/// Result of the command's own functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why a command ends without its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// The work failed for a reason of the command's own.
    #[error("{0}")]
    Failed(String),
    /// A file or a measurement failed.
    #[error("{0}{advice}", advice = advice_on_files(.0))]
    Files(dcodec_eval::Error),
    /// The library failed.
    #[error("{}{}", prefix(.about), advised(.source))]
    Codec {
        /// The file that it worked on.
        about: Option<PathBuf>,
        source: dcodec::Error,
    },
}

impl Error {
    /// An error of the system's about `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Files(dcodec_eval::Error::io(path, source))
    }

    /// 2 for a wrong command line, else 1.
    pub fn exit_code(&self) -> u8 {
        let is_usage = match self {
            Error::Usage(_) => true,
            Error::Failed(_) => false,
            Error::Files(e) => e.is_usage(),
            Error::Codec { source, .. } => matches!(source, dcodec::Error::Parameter(_)),
        };
        if is_usage { 2 } else { 1 }
    }

    /// The causes that say something new, from the nearest one.
    pub fn causes(&self) -> Vec<String> {
        let (mut said, mut causes) = (self.to_string(), Vec::new());
        // The first is the error of a library, whose text the message has.
        let mut next = std::error::Error::source(self).and_then(|e| e.source());
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                said.push_str(&text);
                causes.push(text);
            }
            next = cause.source();
        }
        causes
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

impl From<dcodec_eval::Error> for Error {
    fn from(e: dcodec_eval::Error) -> Self {
        match e {
            dcodec_eval::Error::Codec { about, source } => Error::Codec { about, source },
            e => Error::Files(e),
        }
    }
}

/// Adds the file that an error of the library is about.
pub trait About<T> {
    fn about(self, path: &Path) -> Result<T>;
}

impl<T> About<T> for dcodec::Result<T> {
    fn about(self, path: &Path) -> Result<T> {
        Ok(dcodec_eval::error::About::about(self, path)?)
    }
}

/// An error of the library with a way out, where a flag is one.
fn advised(e: &dcodec::Error) -> String {
    match e {
        dcodec::Error::WrongPrior { needed, given } => {
            let (name, advice) = match Shipped::of(*needed) {
                Some((inside, _)) => (format!(" ({})", inside.name()), "leave out --prior"),
                None => (String::new(), "name its weights with --prior FILE"),
            };
            format!("the file needs the prior {needed}{name}, but this is {given}: {advice}")
        }
        e => e.to_string(),
    }
}

/// A way out of an error of files, in brackets after the reason.
fn advice_on_files(e: &dcodec_eval::Error) -> &'static str {
    use dcodec_eval::Error as Files;
    match e {
        Files::Coded { .. } => " (use `dcodec decode` to get the picture)",
        Files::NoFiles { folders: true, .. } => " (search them with -r)",
        Files::TooLarge { .. } => " (raise it with --max-pixels)",
        Files::Exists(_) => " (use -f to overwrite)",
        Files::IsInput(_) => " (name another with -o)",
        Files::Terminal => " (name a file with -o, or use a pipe)",
        Files::ForeignJournal(_) => " (remove it, or name another with --resume)",
        _ => "",
    }
}
